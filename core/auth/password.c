/* Which texts may be passwords: long enough, and not among the first that anybody would try. No
 * rules of composition (ASVS 6.2.5). Pure; any thread. */
#include "internal.h"

#include "proxenos/base_text.h"

/* The most used passwords of eight characters and more in published leaks, folded. Longer lists
 * help little where each guess costs the throttle's delay. */
static const char *const worst[] = {
    "12345678",      "123456789",  "1234567890", "password",   "password1",  "password12",
    "password123",   "passw0rd",   "p@ssw0rd",   "p@ssword",   "iloveyou",   "sunshine",
    "princess",      "football",   "baseball",   "superman",   "trustno1",   "starwars",
    "qwertyuiop",    "qwerty123",  "qwerty12",   "qwertyui",   "1q2w3e4r",   "1q2w3e4r5t",
    "1qaz2wsx",      "1qazxsw2",   "zaq12wsx",   "q1w2e3r4",   "asdfghjkl",  "asdf1234",
    "zxcvbnm1",      "zxcvbnm123", "abcd1234",   "abc12345",   "abcdefgh",   "a1b2c3d4",
    "aa123456",      "a123456789", "11111111",   "00000000",   "88888888",   "12341234",
    "12344321",      "87654321",   "987654321",  "0987654321", "0123456789", "123123123",
    "111222333",     "147258369",  "159753456",  "789456123",  "123456abc",  "123456789a",
    "welcome1",      "welcome123", "letmein1",   "letmein123", "admin123",   "admin1234",
    "administrator", "changeme",   "changeme1",  "default1",   "master123",  "monkey123",
    "dragon123",     "shadow123",  "michael1",   "jennifer",   "jordan23",   "whatever",
    "computer",      "internet",   "samsung1",   "liverpool",  "chocolate",  "panathinaikos",
    "olympiakos",    "olympiacos", "secret123",  "test1234",   "testtest",   "guest123",
    "temp1234",      "summer2024", "summer2025", "winter2024", "winter2025", "spring2025",
    "p@$$w0rd",      "pa$$word",   "qwerty1234", "google123",  "facebook",   "linkedin",
};

static enum err refuse(struct error *error, const char *why)
{
    return error_set(error, ERR_VALIDATION, "the password %s", why);
}

static bool is_one_character(struct str text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] != text.at[0]) {
            return false;
        }
    }
    return true;
}

enum err password_check(struct str password, struct str user_name, struct error *error)
{
    if (!utf8_valid(password)) {
        return refuse(error, "is not valid UTF-8");
    }
    size_t count = utf8_count(password);
    if (count < PASSWORD_LEN_MIN || count > PASSWORD_LEN_MAX) {
        return error_set(error, ERR_VALIDATION, "the password must have %d to %d characters",
                         PASSWORD_LEN_MIN, PASSWORD_LEN_MAX);
    }
    struct buf folded;
    struct buf name;
    buf_init(&folded);
    buf_init(&name);
    text_fold(&folded, password);
    text_fold(&name, user_name);
    bool weak =
        is_one_character(password) || str_starts(buf_str(&folded), STR("proxenos")) ||
        (name.len > 2 && str_starts(buf_str(&folded), buf_str(&name)) && folded.len < name.len + 4);
    for (size_t i = 0; i < COUNT_OF(worst) && !weak; i++) {
        weak = str_is(buf_str(&folded), worst[i]);
    }
    crypto_wipe(folded.at, folded.len);
    buf_deinit(&folded);
    buf_deinit(&name);
    return weak ? refuse(error, "is among the first that anybody would try; take a longer one")
                : OK;
}
