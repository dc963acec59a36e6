/* The log: levels, the two forms of a line, nothing that breaks a line, and no secret in any of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"
#include "proxenos/base_text.h"

int test_log(void);

static struct buf seen;
static size_t line_count;

static void keep(void *context, struct str line)
{
    (void)context;
    buf_reset(&seen);
    buf_append_str(&seen, line);
    line_count++;
}

static int begin(void **state)
{
    (void)state;
    line_count = 0;
    log_capture(keep, NULL);
    return log_configure(STR("debug"), false, NULL) == OK ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    buf_deinit(&seen);
    log_capture(NULL, NULL);
    return log_configure(STR(""), false, NULL) == OK ? 0 : 1;
}

static bool line_has(const char *part)
{
    return line_count > 0 && strstr(buf_cstr(&seen), part) != NULL;
}

/* ---- levels ---- */

static void levels_are_kept_per_module(void **state)
{
    (void)state;
    assert_int_equal(log_configure(STR("warn, store=debug,http = error,lua=off"), false, NULL), OK);
    assert_true(log_enabled(LOG_WARN, "bus"));
    assert_false(log_enabled(LOG_INFO, "bus"));
    assert_true(log_enabled(LOG_DEBUG, "store"));
    assert_false(log_enabled(LOG_WARN, "http"));
    assert_true(log_enabled(LOG_ERROR, "http"));
    assert_false(log_enabled(LOG_ERROR, "lua"));
    assert_false(log_enabled(LOG_OFF, "store"));
    log_info("bus", "not written");
    assert_int_equal(line_count, 0);
    log_debug("store", "written");
    assert_int_equal(line_count, 1);
    assert_int_equal(log_configure(STR(""), false, NULL), OK);
    assert_true(log_enabled(LOG_INFO, "store"));
    assert_false(log_enabled(LOG_DEBUG, "store"));
}

static void a_wrong_word_is_named_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(log_configure(STR("error,store=debug"), false, NULL), OK);
    static const char *const wrong[] = {"loud",
                                        "info,store=loud",
                                        "info,=debug",
                                        "info,",
                                        "info,a-module-name-that-is-much-too-long=debug",
                                        "store=",
                                        "INFO"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error error = {0};
        assert_int_equal(log_configure(str_from(wrong[i]), true, &error), ERR_CONFIG);
        assert_true(strlen(error.detail) > 20);
        assert_true(log_enabled(LOG_DEBUG, "store"));
        assert_false(log_enabled(LOG_WARN, "bus"));
    }
    struct error error = {0};
    assert_int_equal(log_configure(STR("info,store=loud"), false, &error), ERR_CONFIG);
    assert_string_equal(error.value, "store=loud");
    struct buf many = {0};
    for (int i = 0; i < 33; i++) {
        buf_printf(&many, "%sm%d=info", i == 0 ? "" : ",", i);
    }
    assert_int_equal(log_configure(buf_str(&many), false, NULL), ERR_CONFIG);
    buf_deinit(&many);
    log_error("bus", "still plain");
    assert_true(line_has("message=\"still plain\""));
}

/* ---- forms ---- */

static void plain_lines_are_pairs(void **state)
{
    (void)state;
    log_warn("bus", "delivered late event=%s attempts=%d reason=\"%s\"", "ev1", 3, "slow and far");
    assert_true(str_starts(buf_str(&seen), STR("time=2")));
    assert_true(line_has("Z level=warn module=bus message=\"delivered late\" event=ev1 attempts=3 "
                         "reason=\"slow and far\""));
    log_info("bus", "no pairs");
    assert_true(str_ends(buf_str(&seen), STR("message=\"no pairs\"")));
    log_info("bus", "a=1");
    assert_true(str_ends(buf_str(&seen), STR("message=\"\" a=1")));
    log_info("bus", "said \"no\" a=1");
    assert_true(line_has("message=\"said \\\"no\\\"\" a=1"));
}

static void decode_line(struct arena *arena, struct value *out_value)
{
    struct error error = {0};
    if (json_decode(arena, buf_str(&seen), out_value, &error) != OK) {
        fail_msg("%s: %s in %s", error.pointer, error.detail, buf_cstr(&seen));
    }
}

static void json_lines_are_objects(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct value line;
    assert_int_equal(log_configure(STR("info"), true, NULL), OK);
    log_error("http", "refused path=\"/a b\" status=429 id=007 negative=-5 level=high why=a b c");
    decode_line(&arena, &line);
    assert_true(str_is(value_get_text(&line, "level", STR("")), "error"));
    assert_true(str_is(value_get_text(&line, "module", STR("")), "http"));
    assert_true(str_is(value_get_text(&line, "message", STR("")), "refused"));
    assert_true(str_starts(value_get_text(&line, "time", STR("")), STR("2")));
    assert_true(str_is(value_get_text(&line, "path", STR("")), "/a b"));
    assert_int_equal(value_get_int(&line, "status", 0), 429);
    assert_int_equal(value_get_int(&line, "negative", 0), -5);
    assert_true(str_is(value_get_text(&line, "id", STR("")), "007"));
    assert_true(str_is(value_get_text(&line, "level_", STR("")), "high"));
    assert_true(str_is(value_get_text(&line, "why", STR("")), "a b c"));
    arena_deinit(&arena);
}

/* Whatever is logged, a line is one line, without controls, and JSON when asked for. */
static void any_bytes_make_one_line(void **state)
{
    (void)state;
    struct arena arena = {0};
    char nasty[256];
    for (int i = 0; i < 255; i++) {
        nasty[i] = (char)(i + 1);
    }
    nasty[255] = '\0';
    static const char *const texts[] = {"line\nbreak",
                                        "\x1b[31mred",
                                        "\xff\xfe",
                                        "a\tb",
                                        "\x7f",
                                        "\xC2\x9B",
                                        "\"",
                                        "=",
                                        "==",
                                        "a=",
                                        "=b",
                                        "a=\"",
                                        "a=\"b",
                                        "a=b\"c\"",
                                        "  a=1  b  c=2  ",
                                        "",
                                        " "};
    for (size_t i = 0; i <= COUNT_OF(texts); i++) {
        const char *text = i < COUNT_OF(texts) ? texts[i] : nasty;
        assert_int_equal(log_configure(STR("info"), false, NULL), OK);
        log_info("test", "before %s key=%s quoted=\"%s\"", text, text, text);
        for (size_t j = 0; j < seen.len; j++) {
            unsigned char c = (unsigned char)seen.at[j];
            assert_true(c >= 0x20 && c != 0x7F);
        }
        assert_true(utf8_valid(buf_str(&seen)));
        assert_false(line_has("\xC2\x9B"));
        assert_int_equal(log_configure(STR("info"), true, NULL), OK);
        log_info("test", "%s", text);
        struct value line;
        decode_line(&arena, &line);
    }
    arena_deinit(&arena);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct buf many = {0};
    for (int i = 0; i < 100000; i++) {
        buf_append_str(&many, STR("α"));
    }
    log_info("test", "%s", buf_cstr(&many));
    assert_true(seen.len > 3000 && seen.len < 4096);
    assert_true(utf8_valid(buf_str(&seen)));
    buf_reset(&many);
    for (int i = 0; i < 100; i++) {
        buf_printf(&many, " k%d=%d", i, i);
    }
    log_info("test", "many%s", buf_cstr(&many));
    assert_true(line_has(" k99=99"));
    buf_deinit(&many);
}

/* ---- secrets ---- */

static void log_canary(const char *format)
{
    const char *at = strchr(format, '@');
    assert_non_null(at);
    log_info("test", "%.*s%s%s", (int)(at - format), format, "cAnArY-0123456789", at + 1);
}

static void check_canary(const char *format, const char *kept)
{
    log_canary(format);
    if (line_has("cAnArY") || line_has("0123456789") || !line_has("[redacted]")) {
        fail_msg("the secret stands in: %s", buf_cstr(&seen));
    }
    if (kept != NULL && !line_has(kept)) {
        fail_msg("%s is gone from: %s", kept, buf_cstr(&seen));
    }
}

/* In both forms of a line: the secret stands for '@', `kept` is not to be lost with it. */
static void assert_canary_gone(const char *format, const char *kept)
{
    assert_int_equal(log_configure(STR("info"), false, NULL), OK);
    check_canary(format, kept);
    assert_int_equal(log_configure(STR("info"), true, NULL), OK);
    check_canary(format, kept);
}

static void secrets_do_not_get_out(void **state)
{
    (void)state;
    assert_canary_gone("login password=@ user=maria", "maria");
    assert_canary_gone("login password=\"@ with spaces\" user=maria", "maria");
    assert_canary_gone("login password=\"@ with \"quotes\" in it\" user=maria", "maria");
    assert_canary_gone("login PassWord=@", "login");
    assert_canary_gone("login new_password=@ user=maria", "maria");
    assert_canary_gone("x api-token=@ a=b", NULL);
    assert_canary_gone("x accessToken=@", NULL);
    assert_canary_gone("x client_secret: @, user: maria", "maria");
    assert_canary_gone("x secret = @", NULL);
    assert_canary_gone("x password='@ x' user=maria", "maria");
    assert_canary_gone("body {\"user\":\"maria\",\"password\":\"@\",\"n\":1}", "maria");
    assert_canary_gone("body {\"password\" : \"@\"}", NULL);
    assert_canary_gone("body {\\\"token\\\":\\\"@\\\",\\\"n\\\":\\\"maria\\\"}", "maria");
    assert_canary_gone("GET /login?user=maria&token=@&x=1", "maria");
    assert_canary_gone("header Authorization: Bearer @", "header");
    assert_canary_gone("header authorization=Bearer @", NULL);
    assert_canary_gone("header authorization=\"Basic @\" status=401", "401");
    assert_canary_gone("header Cookie: a=1; session=@; b=2", NULL);
    assert_canary_gone("header Set-Cookie: session=@; HttpOnly", NULL);
    assert_canary_gone("header cookie=\"session=@\" status=401", "401");
    assert_canary_gone("password:\t@", NULL);
}

static void our_tokens_are_known_by_their_look(void **state)
{
    (void)state;
    log_info("test", "given %s to maria", "pxt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_");
    assert_true(line_has("given [redacted] to maria"));
    log_info("test", "url=https://x/%s/y", "px_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_");
    assert_true(line_has("url=https://x/[redacted]/y"));
    log_info("test", "hash=%s", "aaAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_false(line_has("[redacted]"));
    log_info("test", "pxl is short");
    assert_true(line_has("pxl is short"));
}

static void other_words_stay(void **state)
{
    (void)state;
    log_info("test", "the password of maria was changed, her token expired user=maria pass=3");
    assert_false(line_has("[redacted]"));
    assert_true(line_has("the password of maria was changed, her token expired"));
    assert_true(line_has("user=maria pass=3"));
}

/* ---- out ---- */

static void a_line_goes_out_in_one_write(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0); /* a packet for each write */
    int before = dup(STDERR_FILENO);
    assert_true(before >= 0);
    log_capture(NULL, NULL);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    errno = EDOM;
    log_info("test", "first a=%d", 1);
    int errno_after = errno;
    log_info("test", "second");
    assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
    char packet[4096];
    ssize_t first = read(ends[0], packet, sizeof(packet) - 1);
    assert_true(first > 0);
    packet[first] = '\0';
    assert_non_null(strstr(packet, "message=\"first\" a=1\n"));
    ssize_t second = read(ends[0], packet, sizeof(packet) - 1);
    assert_true(second > 0);
    packet[second] = '\0';
    assert_non_null(strstr(packet, "message=\"second\"\n"));
    assert_true(read(ends[0], packet, sizeof(packet)) < 0);
    assert_int_equal(errno_after, EDOM);
    close(before);
    close(ends[0]);
    close(ends[1]);
}

int test_log(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(levels_are_kept_per_module, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_word_is_named_and_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(plain_lines_are_pairs, begin, end),
        cmocka_unit_test_setup_teardown(json_lines_are_objects, begin, end),
        cmocka_unit_test_setup_teardown(any_bytes_make_one_line, begin, end),
        cmocka_unit_test_setup_teardown(long_messages_are_cut, begin, end),
        cmocka_unit_test_setup_teardown(secrets_do_not_get_out, begin, end),
        cmocka_unit_test_setup_teardown(our_tokens_are_known_by_their_look, begin, end),
        cmocka_unit_test_setup_teardown(other_words_stay, begin, end),
        cmocka_unit_test_setup_teardown(a_line_goes_out_in_one_write, begin, end),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
