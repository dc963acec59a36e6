/* Hashes, sealing, passwords and tokens against published vectors and against tampering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"

int test_crypto(void);

static void assert_hex(const unsigned char *bytes, size_t len, const char *expected)
{
    struct buf hex = {0};
    hex_encode(&hex, bytes, len);
    assert_string_equal(buf_cstr(&hex), expected);
    buf_deinit(&hex);
}

static void assert_hash(struct str text, const char *expected)
{
    unsigned char hash[HASH_BYTES];
    hash_of(text.at, text.len, hash);
    assert_hex(hash, sizeof(hash), expected);
}

/* FIPS 180-4, from the examples that NIST publishes with it. */
static void sha256_gives_the_published_hashes(void **state)
{
    (void)state;
    assert_hash((struct str){0},
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void a_hash_does_not_depend_on_the_pieces(void **state)
{
    (void)state;
    struct hasher hasher;
    unsigned char piece[1000], hash[HASH_BYTES];
    memset(piece, 'a', sizeof(piece));
    hash_start(&hasher);
    hash_add(&hasher, NULL, 0);
    size_t rest = 1000000;
    for (size_t len = 1; rest > 0; len = len * 7 % 997 + 1) {
        size_t part = MIN(len, rest);
        hash_add(&hasher, piece, part);
        rest -= part;
    }
    hash_end(&hasher, hash);
    assert_hex(hash, sizeof(hash),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* libsodium's HMAC hashes with its own code, ours perhaps with the processor's: built from hash_of,
 * the code must be the same at every length around the block's edges. */
static void hashes_agree_with_hmac_at_every_length(void **state)
{
    (void)state;
    unsigned char key[KEY_BYTES], text[300], inner[64], outer[64 + HASH_BYTES];
    unsigned char ours[HASH_BYTES], theirs[HASH_BYTES];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (unsigned char)(i * 31 + 7);
    }
    memcpy(key, text + 100, sizeof(key));
    for (size_t i = 0; i < sizeof(inner); i++) {
        unsigned char padded = i < sizeof(key) ? key[i] : 0;
        inner[i] = padded ^ 0x36;
        outer[i] = padded ^ 0x5c;
    }
    for (size_t len = 0; len <= sizeof(text); len++) {
        struct hasher hasher;
        hash_start(&hasher);
        hash_add(&hasher, inner, sizeof(inner));
        hash_add(&hasher, text, len / 2);
        hash_add(&hasher, text + len / 2, len - len / 2);
        hash_end(&hasher, outer + sizeof(inner));
        hash_of(outer, sizeof(outer), ours);
        hmac_of(key, text, len, theirs);
        assert_memory_equal(ours, theirs, sizeof(ours));
    }
}

/* RFC 4231 has no 32-byte key that stands alone; a key of 20 bytes is the same padded with zeros to
 * the block, so its first two cases serve. */
static void hmac_gives_the_published_codes(void **state)
{
    (void)state;
    unsigned char key[KEY_BYTES] = {0}, code[HASH_BYTES];
    memset(key, 0x0b, 20);
    hmac_of(key, "Hi There", 8, code);
    assert_hex(code, sizeof(code),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0, sizeof(key));
    static const unsigned char jefe[] = {'J', 'e', 'f', 'e'};
    memcpy(key, jefe, sizeof(jefe));
    hmac_of(key, "what do ya want for nothing?", 28, code);
    assert_hex(code, sizeof(code),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    unsigned char empty[HASH_BYTES];
    hmac_of(key, NULL, 0, empty);
    assert_memory_not_equal(empty, code, sizeof(code));
}

static void compares_and_wipes(void **state)
{
    (void)state;
    char a[] = "secret", b[] = "secret", c[] = "secrez";
    assert_true(crypto_equal(a, b, 6));
    assert_false(crypto_equal(a, c, 6));
    assert_true(crypto_equal(a, c, 5));
    assert_true(crypto_equal(NULL, NULL, 0));
    crypto_wipe(a, sizeof(a));
    for (size_t i = 0; i < sizeof(a); i++) {
        assert_int_equal(a[i], 0);
    }
    crypto_wipe(NULL, 0);
    unsigned char x[32], y[32];
    crypto_random(x, sizeof(x));
    crypto_random(y, sizeof(y));
    assert_memory_not_equal(x, y, sizeof(x));
}

/* ---- sealing ---- */

enum { PLAIN_LEN = 26 };

static void sealed_text_opens_again(void **state)
{
    (void)state;
    unsigned char key[KEY_BYTES], plain[PLAIN_LEN], out[PLAIN_LEN];
    unsigned char sealed[PLAIN_LEN + SEAL_OVERHEAD_BYTES], again[sizeof(sealed)];
    crypto_random(key, sizeof(key));
    memcpy(plain, "abcdefghijklmnopqrstuvwxyz", PLAIN_LEN);
    crypto_seal(key, plain, sizeof(plain), STR("record 7"), sealed);
    crypto_seal(key, plain, sizeof(plain), STR("record 7"), again);
    assert_memory_not_equal(sealed, again, sizeof(sealed));
    assert_null(memmem(sealed, sizeof(sealed), plain, 4));
    assert_int_equal(crypto_open(key, sealed, sizeof(sealed), STR("record 7"), out), OK);
    assert_memory_equal(out, plain, sizeof(plain));
    unsigned char empty[SEAL_OVERHEAD_BYTES];
    crypto_seal(key, NULL, 0, (struct str){0}, empty);
    assert_int_equal(crypto_open(key, empty, sizeof(empty), (struct str){0}, out), OK);
}

static void every_changed_bit_is_noticed(void **state)
{
    (void)state;
    unsigned char key[KEY_BYTES] = {1}, plain[PLAIN_LEN] = {2}, out[PLAIN_LEN];
    unsigned char sealed[PLAIN_LEN + SEAL_OVERHEAD_BYTES];
    crypto_seal(key, plain, sizeof(plain), STR("with"), sealed);
    for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_int_equal(crypto_open(key, sealed, sizeof(sealed), STR("with"), out), ERR_CORRUPT);
        sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t len = 0; len < sizeof(sealed); len++) {
        assert_int_equal(crypto_open(key, sealed, len, STR("with"), out), ERR_CORRUPT);
    }
    assert_int_equal(crypto_open(key, sealed, sizeof(sealed), STR("witH"), out), ERR_CORRUPT);
    assert_int_equal(crypto_open(key, sealed, sizeof(sealed), STR(""), out), ERR_CORRUPT);
    key[31] ^= 1;
    assert_int_equal(crypto_open(key, sealed, sizeof(sealed), STR("with"), out), ERR_CORRUPT);
}

/* ---- passwords ---- */

static void passwords_are_hashed_and_verified(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_MAX], again[PASSWORD_HASH_MAX];
    struct str password = STR("κωδικός with spaces");
    assert_int_equal(password_hash(password, hash), OK);
    assert_int_equal(password_hash(password, again), OK);
    assert_string_not_equal(hash, again);
    assert_true(str_starts(str_from(hash), STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    assert_true(password_verify(hash, password));
    assert_false(password_verify(hash, STR("κωδικός with space")));
    assert_false(password_verify(hash, (struct str){0}));
    assert_false(password_stale(hash));
    assert_true(password_stale("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
                               "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"));
    assert_true(password_stale("no hash"));
    assert_false(password_verify("no hash", password));
    assert_false(password_verify("", password));
}

static void password_lengths_are_in_characters(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_MAX];
    assert_int_equal(password_hash(STR("1234567"), hash), ERR_RANGE);
    assert_int_equal(password_hash(STR("αβγδεζη"), hash), ERR_RANGE);
    assert_int_equal(password_hash((struct str){0}, hash), ERR_RANGE);
    struct buf longest = {0};
    for (int i = 0; i < PASSWORD_LEN_MAX; i++) {
        buf_append_str(&longest, STR("€"));
    }
    assert_int_equal(password_hash(buf_str(&longest), hash), OK);
    assert_true(password_verify(hash, buf_str(&longest)));
    buf_append_char(&longest, 'x');
    assert_int_equal(password_hash(buf_str(&longest), hash), ERR_RANGE);
    assert_false(password_verify(hash, buf_str(&longest)));
    buf_deinit(&longest);
}

static void passwords_made_here_are_readable(void **state)
{
    (void)state;
    char one[21], two[21];
    int seen[128] = {0};
    for (int i = 0; i < 200; i++) {
        password_make(one);
        assert_int_equal(strlen(one), 20);
        assert_null(strpbrk(one, "0O1Il|oiL"));
        for (size_t j = 0; j < 20; j++) {
            seen[(unsigned char)one[j]]++;
        }
    }
    password_make(two);
    assert_string_not_equal(one, two);
    int kinds = 0;
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        kinds += seen[i] > 0 ? 1 : 0;
    }
    assert_true(kinds >= 46); /* 20 of 46 kinds are more than 110 bits */
}

static void tokens_have_prefix_and_256_bits(void **state)
{
    (void)state;
    char one[48], two[48];
    token_make("pxt_", one, sizeof(one));
    token_make("pxt_", two, sizeof(two));
    assert_int_equal(strlen(one), 4 + 43);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, "pxt_", 4);
    struct buf bytes = {0};
    assert_int_equal(base64url_decode(&bytes, str_from(one + 4)), OK);
    assert_int_equal(bytes.len, 32);
    buf_deinit(&bytes);
}

/* ---- bytes as text ---- */

static void hex_is_exact(void **state)
{
    (void)state;
    assert_hex((const unsigned char *)"\x00\x7f\xff", 3, "007fff");
    assert_hex(NULL, 0, "");
    unsigned char bytes[3] = {9, 9, 9};
    assert_int_equal(hex_decode(STR("00aBfF"), bytes, 3), OK);
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
    static const char *const wrong[] = {"",       "00ab",   "00abf",  "00abfff", "00abffff",
                                        "00abfg", "00 abf", "0x00ab", "00ab-f"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(hex_decode(str_from(wrong[i]), bytes, 3), ERR_TYPE);
    }
    assert_int_equal(hex_decode(STR(""), NULL, 0), OK);
}

/* RFC 4648 §10. */
static void base64_gives_the_published_texts(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    struct buf out = {0};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        buf_reset(&out);
        base64_encode(&out, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buf_cstr(&out), pairs[i][1]);
        buf_reset(&out);
        assert_int_equal(base64_decode(&out, str_from(pairs[i][1])), OK);
        assert_string_equal(buf_cstr(&out), pairs[i][0]);
    }
    buf_reset(&out);
    base64url_encode(&out, "\xfb\xff\xfe\x01", 4);
    assert_string_equal(buf_cstr(&out), "-__-AQ");
    assert_int_equal(base64url_decode(&out, STR("-__-AQ")), OK);
    assert_int_equal(out.len, 10); /* behind what was there */
    assert_memory_equal(out.at + 6, "\xfb\xff\xfe\x01", 4);
    buf_deinit(&out);
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Zg",    "Zg=",   "Zg===", "Zh==",   "Zm9",
                                        "Zm9=",  "Zm 9v", "Zm9v ", "Zm9v\n", "-_-_",
                                        "Zm9v=", "=",     "====",  "Z",      "Zm9*"};
    static const char *const wrong_url[] = {"Zg==", "Zh", "Z", "+/+/", "Zm9v\n", "Zm9v="};
    struct buf out = {0};
    buf_append_char(&out, 'x');
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(base64_decode(&out, str_from(wrong[i])), ERR_TYPE);
    }
    for (size_t i = 0; i < COUNT_OF(wrong_url); i++) {
        assert_int_equal(base64url_decode(&out, str_from(wrong_url[i])), ERR_TYPE);
    }
    assert_true(str_is(buf_str(&out), "x"));
    buf_deinit(&out);
}

static void a_sealed_number_is_the_holders_alone(void **state)
{
    (void)state;
    const unsigned char key[KEY_BYTES] = {1, 2, 3};
    const unsigned char other_key[KEY_BYTES] = {1, 2, 4};
    unsigned char sealed[SEAL_NUMBER_BYTES];
    unsigned char again[SEAL_NUMBER_BYTES];
    static const int64_t numbers[] = {0, 1, 2, -1, INT64_MAX, INT64_MIN, 1234567890123};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        int64_t number = 7;
        struct str text = {(const char *)sealed, sizeof(sealed)};
        crypto_seal_number(key, STR("anna"), numbers[i], sealed);
        crypto_seal_number(key, STR("anna"), numbers[i], again);
        assert_memory_equal(sealed, again, sizeof(sealed));
        assert_true(crypto_open_number(key, STR("anna"), text, &number));
        assert_true(number == numbers[i]);
        assert_false(crypto_open_number(key, STR("nikos"), text, &number));
        assert_false(crypto_open_number(other_key, STR("anna"), text, &number));
        assert_false(crypto_open_number(key, STR("anna"), str_sub(text, 1, 23), &number));
        for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
            sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
            assert_false(crypto_open_number(key, STR("anna"), text, &number));
            sealed[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        crypto_seal_number(key, STR("nikos"), numbers[i], again);
        assert_memory_not_equal(sealed, again, sizeof(sealed));
    }
}

int test_crypto(void)
{
    crypto_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_hashes),
        cmocka_unit_test(a_hash_does_not_depend_on_the_pieces),
        cmocka_unit_test(hashes_agree_with_hmac_at_every_length),
        cmocka_unit_test(hmac_gives_the_published_codes),
        cmocka_unit_test(compares_and_wipes),
        cmocka_unit_test(sealed_text_opens_again),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(a_sealed_number_is_the_holders_alone),
        cmocka_unit_test(passwords_are_hashed_and_verified),
        cmocka_unit_test(password_lengths_are_in_characters),
        cmocka_unit_test(passwords_made_here_are_readable),
        cmocka_unit_test(tokens_have_prefix_and_256_bits),
        cmocka_unit_test(hex_is_exact),
        cmocka_unit_test(base64_gives_the_published_texts),
        cmocka_unit_test(base64_is_strict),
    };
    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
