/* Mails as they stand on the wire: headers by the book in Greek and English, and nothing in them
 * that was not meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../core/outbox/internal.h"

int test_message(void);

static void write_mail(struct buf *out, const char *name, const char *subject, const char *text)
{
    const struct message_parts parts = {.from_name = STR("The \"shop\""),
                                        .from = STR("shop@example.com"),
                                        .to_name = str_from(name),
                                        .to = STR("anna@example.com"),
                                        .subject = str_from(subject),
                                        .text = str_from(text),
                                        .id = 1,
                                        .at_ms = 784111777000};
    buf_init(out);
    message_write(out, &parts);
    assert_string_equal(buf_cstr(out), out->at);
}

static void plain_words_stay_as_they_are(void **state)
{
    (void)state;
    struct buf mail;
    write_mail(&mail, "", "Order 7", "a\nb\r\nc");
    assert_string_equal(mail.at, "Date: Sun, 6 Nov 1994 08:49:37 +0000\r\n"
                                 "From: \"The \\\"shop\\\"\" <shop@example.com>\r\n"
                                 "To: <anna@example.com>\r\n"
                                 "Subject: Order 7\r\n"
                                 "Message-ID: <0000000000001@example.com>\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: base64\r\n"
                                 "Auto-Submitted: auto-generated\r\n"
                                 "\r\n"
                                 "YQ0KYg0KYw==\r\n");
    buf_deinit(&mail);
}

static void greek_is_encoded_in_whole_characters(void **state)
{
    (void)state;
    struct buf mail;
    struct buf subject;
    buf_init(&subject);
    for (int i = 0; i < 100; i++) {
        buf_append_str(&subject, STR("Ώ"));
    }
    write_mail(&mail, "Άννα", buf_cstr(&subject), "Γεια\n");
    assert_non_null(strstr(mail.at, "\r\nTo: =?UTF-8?B?zobOvc69zrE=?=\r\n <anna@example.com>\r\n"));
    struct str rest = buf_str(&mail);
    struct str line;
    size_t words = 0;
    while (str_split(&rest, '\n', &line)) {
        struct str word = str_trim(line);
        assert_true(line.len <= 78);
        size_t at = 0;
        if (str_find(word, STR("=?UTF-8?B?"), &at) && str_ends(word, STR("?="))) {
            struct buf plain;
            buf_init(&plain);
            assert_int_equal(base64_decode(&plain, str_sub(word, at + 10, word.len - at - 12)), OK);
            assert_int_equal(plain.len % 2, 0); /* all of its letters have two bytes */
            buf_deinit(&plain);
            words++;
        }
    }
    assert_true(words >= 7);
    buf_deinit(&subject);
    buf_deinit(&mail);
}

static void what_looks_encoded_is_encoded(void **state)
{
    (void)state;
    struct buf mail;
    write_mail(&mail, "", "=?UTF-8?B?QmNjOg==?=", "");
    assert_null(strstr(mail.at, "Subject: =?UTF-8?B?QmNjOg==?="));
    buf_deinit(&mail);
}

static void a_mailbox_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *address;
    } good[] = {{"a@example.com", "", "a@example.com"},
                {" a@example.com ", "", "a@example.com"},
                {"The shop <a@example.com>", "The shop", "a@example.com"},
                {"\"Shop, the\" <a@example.com>", "Shop, the", "a@example.com"},
                {"Το κατάστημα <a@example.com>", "Το κατάστημα", "a@example.com"},
                {"<a@example.com>", "", "a@example.com"}};
    static const char *const bad[] = {"",
                                      "a",
                                      "a@",
                                      "@example.com",
                                      "The shop a@example.com",
                                      "The shop <a@example.com",
                                      "a@example.com, b@example.com",
                                      "a@example.com\r\nBcc: b@example.com",
                                      "The\nshop <a@example.com>",
                                      "a b@example.com"};
    struct str name, address;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(mailbox_parse(str_from(good[i].text), &name, &address, NULL), OK);
        assert_true(str_is(name, good[i].name) && str_is(address, good[i].address));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (mailbox_parse(str_from(bad[i]), &name, &address, NULL) == OK) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}

static void a_row_holds_no_line_end(void **state)
{
    (void)state;
    struct arena arena;
    struct outbox_row row;
    struct error error;
    const struct outbox_mail good = {
        .to = STR("a@example.com"), .subject = STR("s"), .text = STR("a\n.\nb")};
    arena_init(&arena);
    assert_int_equal(outbox_mail_row(&arena, &good, &row, &error), OK);
    assert_true(str_is(row.target, "a@example.com"));
    struct outbox_mail bad[6];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bad[i] = good;
    }
    bad[0].subject = STR("s\r\nBcc: b@example.com");
    bad[1].name = STR("A\nB");
    bad[2].to = STR("a@example.com\nb@example.com");
    bad[3].subject = STR("");
    bad[4].text = STR("a\x01z");
    bad[5].subject = STR("\xff");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        error = (struct error){0};
        assert_int_equal(outbox_mail_row(&arena, &bad[i], &row, &error), ERR_INVALID);
        assert_true(error.pointer[0] != '\0');
    }
    arena_deinit(&arena);
}

static void a_key_is_one_id(void **state)
{
    (void)state;
    char text[ID_TEXT_LEN + 1];
    int64_t id = outbox_id(STR("shop"), STR("k"));
    int64_t back = 0;
    assert_int_equal(outbox_id(STR("shop"), STR("k")), id);
    assert_true(outbox_id(STR("shop"), STR("l")) != id);
    assert_true(outbox_id(STR("sho"), STR("pk")) != id);
    id_format(id, text);
    assert_int_equal(id_parse(str_from(text), &back), OK);
    assert_int_equal(back, id);
}

static void an_invitation_stands_beside_its_text(void **state)
{
    (void)state;
    struct buf mail;
    const struct message_parts parts = {.from = STR("shop@example.com"),
                                        .to = STR("anna@example.com"),
                                        .reply_to = STR("nikos@example.com"),
                                        .subject = STR("Meeting"),
                                        .text = STR("Come"),
                                        .message_id = STR("<0000000000009@old.example.com>"),
                                        .in_reply_to = STR("<a@example.com>"),
                                        .references = STR("<b@example.com> <a@example.com>"),
                                        .calendar_method = STR("REQUEST"),
                                        .calendar = STR("BEGIN:VCALENDAR\r\n"),
                                        .id = 1,
                                        .at_ms = 784111777000};
    buf_init(&mail);
    message_write(&mail, &parts);
    assert_string_equal(
        buf_cstr(&mail),
        "Date: Sun, 6 Nov 1994 08:49:37 +0000\r\n"
        "From: <shop@example.com>\r\nTo: <anna@example.com>\r\nReply-To: <nikos@example.com>\r\n"
        "Subject: Meeting\r\nMessage-ID: <0000000000009@old.example.com>\r\n"
        "In-Reply-To: <a@example.com>\r\n"
        "References: <b@example.com>\r\n <a@example.com>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=\"=_m_0000000000001\"\r\n"
        "Auto-Submitted: auto-generated\r\n\r\n"
        "--=_m_0000000000001\r\n"
        "Content-Type: multipart/alternative; boundary=\"=_a_0000000000001\"\r\n\r\n"
        "--=_a_0000000000001\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "Q29tZQ==\r\n"
        "--=_a_0000000000001\r\n"
        "Content-Type: text/calendar; charset=utf-8;\r\n method=REQUEST\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nQkVHSU46VkNBTEVOREFSDQo=\r\n"
        "--=_a_0000000000001--\r\n"
        "--=_m_0000000000001\r\n"
        "Content-Disposition: attachment; filename=\"invite.ics\"\r\n"
        "Content-Type: application/ics; name=\"invite.ics\"\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nQkVHSU46VkNBTEVOREFSDQo=\r\n"
        "--=_m_0000000000001--\r\n");
    buf_deinit(&mail);
}

static void mail_refused(const struct outbox_mail *mail, const char *field)
{
    struct arena arena;
    struct outbox_row row = {0};
    struct error error = {0};
    arena_init(&arena);
    assert_int_equal(outbox_mail_row(&arena, mail, &row, &error), ERR_INVALID);
    assert_string_equal(error.pointer, field);
    arena_deinit(&arena);
}

static void ids_and_calendars_add_no_header(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "<a@b>\r\nBcc: <c@d>", "a@b", "<a b@c>", "<@c>", "<a@>", "<a@b> <c@d>", "<a@\xc3\xa9>"};
    const struct outbox_mail plain = {
        .to = STR("a@example.com"), .subject = STR("s"), .text = STR("t")};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct str id = str_from(ids[i]);
        struct outbox_mail mail = plain;
        mail.in_reply_to = id;
        mail_refused(&mail, "in_reply_to");
        mail = plain;
        mail.references = &id;
        mail.reference_count = 1;
        mail_refused(&mail, "references");
    }
    struct outbox_mail mail = plain;
    mail.reply_to = STR("a@example.com\r\nBcc: b@example.com");
    mail_refused(&mail, "reply_to");
    mail = plain;
    mail.calendar_method = STR("REQUEST\r\nX: y");
    mail.calendar = STR("BEGIN:VCALENDAR");
    mail_refused(&mail, "calendar.method");
    mail.calendar_method = STR("REQUEST");
    mail.calendar = STR("hello");
    mail_refused(&mail, "calendar.text");
}

int test_message(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invitation_stands_beside_its_text),
        cmocka_unit_test(ids_and_calendars_add_no_header),
        cmocka_unit_test(plain_words_stay_as_they_are),
        cmocka_unit_test(greek_is_encoded_in_whole_characters),
        cmocka_unit_test(what_looks_encoded_is_encoded),
        cmocka_unit_test(a_mailbox_is_read),
        cmocka_unit_test(a_row_holds_no_line_end),
        cmocka_unit_test(a_key_is_one_id),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
