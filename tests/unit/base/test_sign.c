/* Ed25519: the vectors of RFC 8032 §7.1, and that a changed text, key or signature is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"

int test_sign(void);

static void unhex(const char *hex, void *out, size_t len)
{
    assert_int_equal(hex_decode(str_from(hex), out, len), OK);
}

static void check_vector(const char *seed, const char *public_hex, const char *message_hex,
                         const char *signature_hex)
{
    unsigned char secret[SIGN_SECRET_BYTES];
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    unsigned char message[2] = {0};
    size_t message_len = str_from(message_hex).len / 2;
    unhex(seed, secret, 32);
    unhex(public_hex, secret + 32, 32);
    unhex(message_hex, message, message_len);
    sign_public_of(secret, public_key);
    assert_memory_equal(public_key, secret + 32, sizeof(public_key));
    struct str text = {(const char *)message, message_len};
    unsigned char signature[SIGN_BYTES];
    unsigned char expected[SIGN_BYTES];
    sign_text(secret, text, signature);
    unhex(signature_hex, expected, sizeof(expected));
    assert_memory_equal(signature, expected, sizeof(expected));
    assert_true(sign_verify(public_key, text, signature));
}

static void signs_as_the_rfc_says(void **state)
{
    (void)state;
    check_vector(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc6"
        "1e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    check_vector(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e45"
        "8f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

static void refuses_what_was_changed(void **state)
{
    (void)state;
    unsigned char secret[SIGN_SECRET_BYTES];
    unsigned char other[SIGN_SECRET_BYTES];
    sign_make_key(secret);
    sign_make_key(other);
    unsigned char public_key[SIGN_PUBLIC_BYTES];
    unsigned char other_key[SIGN_PUBLIC_BYTES];
    sign_public_of(secret, public_key);
    sign_public_of(other, other_key);
    assert_memory_not_equal(public_key, other_key, sizeof(public_key));
    unsigned char signature[SIGN_BYTES];
    sign_text(secret, STR("proxenos/log"), signature);
    assert_true(sign_verify(public_key, STR("proxenos/log"), signature));
    assert_false(sign_verify(public_key, STR("proxenos/lOg"), signature));
    assert_false(sign_verify(other_key, STR("proxenos/log"), signature));
    for (size_t i = 0; i < sizeof(signature); i++) {
        signature[i] ^= 1;
        assert_false(sign_verify(public_key, STR("proxenos/log"), signature));
        signature[i] ^= 1;
    }
}

int test_sign(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_rfc_says),
        cmocka_unit_test(refuses_what_was_changed),
    };
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
