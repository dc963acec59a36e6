/* Standard Webhooks: the published vector of v1, one of Node's crypto for v1a, and the texts of
 * keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/webhook/internal.h"

int test_sign(void);

static const char id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char body[] = "{\"test\": 2432232314}";
enum { AT_S = 1614265330 };

/* whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw: 24 bytes, which HMAC fills up with noughts as we do; and
 * the first key of RFC 8032. */
static void known_key(struct webhook_key *key)
{
    struct buf secret;
    buf_init(&secret);
    *key = (struct webhook_key){0};
    assert_int_equal(base64_decode(&secret, STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")), OK);
    memcpy(key->secret, secret.at, secret.len);
    buf_deinit(&secret);
    assert_int_equal(
        hex_decode(STR("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
                       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
                   key->sign, sizeof(key->sign)),
        OK);
}

static void signs_as_published(void **state)
{
    (void)state;
    struct webhook_key key;
    struct buf header;
    buf_init(&header);
    known_key(&key);
    webhook_keys_sign(&key, 1, str_from(id), AT_S, str_from(body), &header);
    assert_string_equal(buf_cstr(&header),
                        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
                        "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0"
                        "zV9jSeGlHFG2NVAw==");
    buf_deinit(&header);
}

static void every_key_signs_while_old_ones_end(void **state)
{
    (void)state;
    struct webhook_key keys[2];
    struct buf header;
    buf_init(&header);
    webhook_key_make(&keys[0]);
    known_key(&keys[1]);
    webhook_keys_sign(keys, 2, str_from(id), AT_S, str_from(body), &header);
    size_t at = 0;
    struct str rest = buf_str(&header);
    struct str part;
    int parts = 0;
    while (str_split(&rest, ' ', &part)) {
        assert_true(str_starts(part, parts % 2 == 0 ? STR("v1,") : STR("v1a,")));
        parts++;
    }
    assert_int_equal(parts, 4);
    assert_true(str_find(buf_str(&header), STR("g0hM9SsE+OTPJTGt"), &at));
    buf_deinit(&header);
}

static void keys_have_their_texts(void **state)
{
    (void)state;
    struct webhook_key key;
    struct webhook_key other;
    char secret[WEBHOOK_SECRET_TEXT];
    char other_secret[WEBHOOK_SECRET_TEXT];
    char public_key[WEBHOOK_PUBLIC_TEXT];
    struct buf bytes;
    buf_init(&bytes);
    known_key(&key);
    webhook_key_public_text(&key, public_key);
    assert_string_equal(public_key, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    webhook_key_make(&key);
    webhook_key_make(&other);
    webhook_key_secret_text(&key, secret);
    webhook_key_secret_text(&other, other_secret);
    assert_string_not_equal(secret, other_secret);
    assert_true(str_starts(str_from(secret), STR("whsec_")));
    assert_int_equal(base64_decode(&bytes, str_from(secret + 6)), OK);
    assert_int_equal(bytes.len, 32); /* the specification wants 24 to 64 */
    buf_deinit(&bytes);
}

int test_sign(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_published),
        cmocka_unit_test(every_key_signs_while_old_ones_end),
        cmocka_unit_test(keys_have_their_texts),
    };
    crypto_init();
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
