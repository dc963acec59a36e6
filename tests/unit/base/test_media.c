/* Kinds of files, their bytes and their names: what is taken, and what pretends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxenos/base_media.h"

int test_media(void);

static int64_t read_memory(void *context, void *into, size_t len, int64_t at)
{
    const struct str *whole = context;
    struct str part = str_sub(*whole, (size_t)at, len);
    memcpy(into, part.at, part.len);
    return (int64_t)part.len;
}

/* In pieces of this size, as a network might cut it. */
static enum err judge(const char *type, struct str bytes, size_t piece)
{
    struct media_check check;
    struct error error = {0};
    const struct media_kind *kind = media_find(str_from(type));
    assert_non_null(kind);
    media_check_start(&check, kind);
    enum err err = OK;
    for (size_t at = 0; at < bytes.len && err == OK; at += piece) {
        err = media_check_add(&check, str_sub(bytes, at, piece), &error);
    }
    const struct media_source source = {(int64_t)bytes.len, read_memory, &bytes};
    err = err == OK ? media_check_end(&check, &source, &error) : err;
    if (err != OK) {
        assert_int_equal(err, ERR_FILE_TYPE);
        assert_true(error.detail[0] != '\0');
        assert_string_equal(error.pointer, "body");
    }
    return err;
}

static bool is_taken(const char *type, struct str bytes)
{
    enum err whole = judge(type, bytes, bytes.len + 1);
    assert_int_equal(judge(type, bytes, 1), whole);
    assert_int_equal(judge(type, bytes, 7), whole);
    return whole == OK;
}

#define TAKEN(type, text) assert_true(is_taken(type, STR(text)))
#define REFUSED(type, text) assert_false(is_taken(type, STR(text)))

static void signatures_are_told(void **state)
{
    (void)state;
    TAKEN("application/pdf", "%PDF-1.7\n");
    REFUSED("application/pdf", " %PDF-1.7\n");
    TAKEN("image/png", "\x89PNG\r\n\x1a\n\0\0");
    REFUSED("image/png", "\x89PNG\n\x1a\n\0\0");
    TAKEN("image/jpeg", "\xff\xd8\xff\xe0");
    TAKEN("image/gif", "GIF87a..");
    TAKEN("image/gif", "GIF89a..");
    REFUSED("image/gif", "GIF");
    TAKEN("image/webp", "RIFF\1\2\3\4WEBPVP8L");
    REFUSED("image/webp", "RIFF\1\2\3\4WAVEfmt ");
    TAKEN("image/tiff", "II*\0\10");
    TAKEN("image/tiff", "MM\0*\10");
    REFUSED("image/tiff", "MM*\0\10");
    REFUSED("image/jpeg", "%PDF-1.7\n");
}

static void programs_are_never_taken(void **state)
{
    (void)state;
    static const struct str programs[] = {
        STR_INIT("\x7f"
                 "ELF\2\1\1"),
        STR_INIT("MZ\x90"),
        STR_INIT("\xcf\xfa\xed\xfe"),
        STR_INIT("\xca\xfe\xba\xbe"),
        STR_INIT("#!/bin/sh\n"),
    };
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        for (size_t k = 0; media_kind_at(k) != NULL; k++) {
            assert_false(is_taken(media_kind_at(k)->type.at, programs[i]));
        }
    }
}

static void texts_are_utf8_without_control_characters(void **state)
{
    (void)state;
    TAKEN("text/plain", "Καλημέρα\r\n\tκόσμε \xf0\x9f\x8c\x8d");
    TAKEN("text/csv", "\xef\xbb\xbfname;city\n");
    REFUSED("text/csv", "\xca\xe1\xeb\xe7\xec\xdd\xf1\xe1"); /* ISO 8859-7 */
    REFUSED("text/plain", "cut \xce");
    REFUSED("text/plain", "overlong \xc0\xaf");
    REFUSED("text/plain", "surrogate \xed\xa0\x80");
    REFUSED("text/plain", "too high \xf4\x90\x80\x80");
    REFUSED("text/plain", "nul \0 in it");
    REFUSED("text/plain", "escape \x1b[2J");
    REFUSED("text/plain", "");
}

static void pages_do_not_pass_for_texts(void **state)
{
    (void)state;
    REFUSED("text/plain", "<!DOCTYPE html><p>");
    REFUSED("text/markdown", "\n\n  <script>alert(1)</script>");
    REFUSED("text/csv", "\xef\xbb\xbf<svg onload=alert(1)>");
    REFUSED("application/xml", "<?xml version=\"1.0\"?><!-- > --><x:svg xmlns:x=\"…\"/>");
    REFUSED("text/xml", "<html xmlns=\"http://www.w3.org/1999/xhtml\"/>");
    TAKEN("application/xml", "<?xml version=\"1.0\"?><invoice/>");
    REFUSED("application/xml", "invoice");
    TAKEN("text/plain", "a < b and <b> is bold");
    TAKEN("image/svg+xml", "<?xml version=\"1.0\"?>\n<svg/>");
    REFUSED("image/svg+xml", "<invoice/>");
    TAKEN("text/html", "<!doctype html>");
}

static void mails_cards_and_calendars_begin_as_such(void **state)
{
    (void)state;
    TAKEN("message/rfc822", "From: a@example.com\r\nSubject: \xca\xe1\r\n\r\nx");
    TAKEN("message/rfc822", "From a@example.com Mon Nov 30\r\nTo: b\r\n");
    REFUSED("message/rfc822", "no header here\r\n");
    REFUSED("message/rfc822", "To: b\r\n\r\n\0");
    TAKEN("text/vcard", "BEGIN:VCARD\r\nVERSION:4.0\r\n");
    REFUSED("text/vcard", "BEGIN:VCALENDAR\r\n");
    TAKEN("text/calendar", "begin:vcalendar\r\n");
    TAKEN("application/json", " {\"a\":1}");
    REFUSED("application/json", "<a/>");
}

/* ---- ZIP ---- */

static void put16(struct buf *out, unsigned number)
{
    const char bytes[] = {(char)(number & 0xff), (char)(number >> 8 & 0xff)};
    buf_append(out, bytes, sizeof(bytes));
}

static void put32(struct buf *out, unsigned number)
{
    put16(out, number & 0xffff);
    put16(out, number >> 16);
}

struct entry {
    const char *name, *content;
};

static void put_entry(struct buf *zip, const struct entry *entry)
{
    buf_append(zip, "PK\x03\x04", 4);
    put16(zip, 20);
    put16(zip, 0);
    put16(zip, 0); /* stored */
    put32(zip, 0);
    put32(zip, 0);
    put32(zip, (unsigned)strlen(entry->content));
    put32(zip, (unsigned)strlen(entry->content));
    put16(zip, (unsigned)strlen(entry->name));
    put16(zip, 0);
    buf_append_str(zip, str_from(entry->name));
    buf_append_str(zip, str_from(entry->content));
}

static void make_zip(struct buf *zip, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_entry(zip, &entries[i]);
    }
    size_t at = zip->len;
    for (size_t i = 0; i < count; i++) {
        buf_append(zip, "PK\x01\x02", 4);
        for (int k = 0; k < 6; k++) {
            put32(zip, 0);
        }
        put16(zip, (unsigned)strlen(entries[i].name));
        for (int k = 0; k < 8; k++) {
            put16(zip, 0);
        }
        buf_append_str(zip, str_from(entries[i].name));
    }
    size_t bytes = zip->len - at;
    buf_append(zip, "PK\x05\x06", 4);
    put32(zip, 0);
    put16(zip, (unsigned)count);
    put16(zip, (unsigned)count);
    put32(zip, (unsigned)bytes);
    put32(zip, (unsigned)at);
    put16(zip, 0);
}

static bool zip_is_taken(const char *type, const struct entry *entries, size_t count)
{
    struct buf zip;
    buf_init(&zip);
    make_zip(&zip, entries, count);
    bool taken = is_taken(type, buf_str(&zip));
    /* Cut anywhere, it is broken, and nothing is read past its end. */
    for (size_t len = 0; len < zip.len; len++) {
        assert_int_equal(judge(type, str_sub(buf_str(&zip), 0, len), zip.len), ERR_FILE_TYPE);
    }
    buf_deinit(&zip);
    return taken;
}

#define DOCX "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define XLSX "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#define ODT "application/vnd.oasis.opendocument.text"

static void office_documents_are_looked_into(void **state)
{
    (void)state;
    static const struct entry docx[] = {{"[Content_Types].xml", "<Types/>"},
                                        {"word/document.xml", "<w/>"}};
    static const struct entry macros[] = {{"[Content_Types].xml", "<Types/>"},
                                          {"word/document.xml", "<w/>"},
                                          {"word/vbaProject.bin", "x"}};
    static const struct entry plain[] = {{"word/document.xml", "<w/>"}};
    static const struct entry odt[] = {{"mimetype", ODT}, {"content.xml", "<o/>"}};
    static const struct entry late[] = {{"content.xml", "<o/>"}, {"mimetype", ODT}};
    assert_true(zip_is_taken(DOCX, docx, 2));
    assert_false(zip_is_taken(XLSX, docx, 2));
    assert_false(zip_is_taken(DOCX, macros, 3));
    assert_false(zip_is_taken(DOCX, plain, 1));
    assert_true(zip_is_taken(ODT, odt, 2));
    assert_false(zip_is_taken(ODT, late, 2));
    assert_false(zip_is_taken(ODT, docx, 2));
}

/* ---- names ---- */

static const char *clean(struct arena *arena, struct str raw)
{
    struct str name = STR("");
    struct error error = {0};
    enum err err = media_name(arena, raw, &name, &error);
    return err == OK ? name.at : err_code(err);
}

static void names_are_cleaned_or_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_string_equal(clean(&arena, STR("Τιμολόγιο Νοεμβρίου.pdf")), "Τιμολόγιο Νοεμβρίου.pdf");
    assert_string_equal(clean(&arena, STR("../../etc/passwd")), "passwd");
    assert_string_equal(clean(&arena, STR("C:\\temp\\a.txt")), "a.txt");
    assert_string_equal(clean(&arena, STR("..hidden. . ")), "hidden");
    assert_string_equal(clean(&arena, STR("a/")), "invalid");
    assert_string_equal(clean(&arena, STR("...")), "invalid");
    assert_string_equal(clean(&arena, STR("")), "invalid");
    assert_string_equal(clean(&arena, STR("a\0b")), "invalid");
    assert_string_equal(clean(&arena, STR("a\r\nb")), "invalid");
    assert_string_equal(clean(&arena, STR("cod\xe2\x80\xae"
                                          "fdp.exe")),
                        "invalid");
    assert_string_equal(clean(&arena, STR("a\xe2\x81\xa6"
                                          "b")),
                        "invalid");
    assert_string_equal(clean(&arena, STR("\xff.txt")), "utf8");
    char longest[MEDIA_NAME_BYTES_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    assert_string_equal(clean(&arena, (struct str){longest, sizeof(longest)}), "limit");
    assert_int_equal(strlen(clean(&arena, (struct str){longest, MEDIA_NAME_BYTES_MAX})),
                     MEDIA_NAME_BYTES_MAX);
    arena_deinit(&arena);
}

static void endings_agree_with_kinds(void **state)
{
    (void)state;
    const struct media_kind *pdf = media_find(STR("Application/PDF; x=y"));
    const struct media_kind *text = media_find(STR("text/plain;charset=utf-8"));
    assert_int_equal(media_check_name(pdf, STR("a.PDF"), NULL), OK);
    assert_int_equal(media_check_name(pdf, STR("a"), NULL), OK);
    assert_int_equal(media_check_name(pdf, STR("minutes 3.4"), NULL), OK);
    assert_int_equal(media_check_name(pdf, STR("a.txt"), NULL), ERR_FILE_TYPE);
    assert_int_equal(media_check_name(pdf, STR("a.pdf.exe"), NULL), ERR_FILE_TYPE);
    assert_int_equal(media_check_name(text, STR("a.md"), NULL), OK);
    assert_int_equal(media_check_name(text, STR("a.bat"), NULL), ERR_FILE_TYPE);
    assert_int_equal(media_check_name(text, STR("a.html"), NULL), ERR_FILE_TYPE);
    assert_ptr_equal(media_of_name(STR("x.jpeg")), media_find(STR("image/jpeg")));
    assert_null(media_of_name(STR(".pdf")));
    assert_null(media_find(STR("")));
}

static const char *disposed(struct arena *arena, const char *header)
{
    struct str name = STR("");
    struct error error = {0};
    enum err err = media_disposition(arena, str_from(header), &name, &error);
    return err == OK ? name.at : "refused";
}

static void dispositions_are_read_strictly(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"attachment; filename=\"a b.txt\"", "a b.txt"},
        {"attachment; filename=a.txt", "a.txt"},
        {"ATTACHMENT;FILENAME = \"q\\\"q.txt\"", "q\"q.txt"},
        {"attachment; filename=\"fallback\"; filename*=UTF-8''%CE%B1.txt", "α.txt"},
        {"attachment; filename*=utf-8'el'%CE%B1.txt; filename=\"fallback\"", "α.txt"},
        {"form-data; name=\"x\"; filename=\"a.txt\"", "a.txt"},
        {"inline; filename=a", "a"},
        {"attachment", "refused"},
        {"attachment;", "refused"},
        {"attachment; filename=\"a", "refused"},
        {"attachment; filename=\"a\\", "refused"},
        {"attachment; filename=", "refused"},
        {"attachment; filename=a b", "refused"},
        {"attachment; filename=a; filename=b", "refused"},
        {"attachment; filename*=UTF-8''%C", "refused"},
        {"attachment; filename*=UTF-8''%ZZ", "refused"},
        {"attachment; filename*=UTF-8''%FF", "refused"},
        {"attachment; filename*=UTF-8'a", "refused"},
        {"attachment; filename*=ISO-8859-7''a", "refused"},
        {"attachment; filename*=\"UTF-8''a\"", "refused"},
        {"evil; filename=a", "refused"},
        {"", "refused"},
    };
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(disposed(&arena, cases[i][0]), cases[i][1]);
    }
    arena_deinit(&arena);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.txt", "Σύμβαση \"2026\" 100%.pdf", "a'b;c=d.txt",
                                        "🌍.png"};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct buf header;
        buf_init(&header);
        media_disposition_write(&header, str_from(names[i]));
        assert_string_equal(disposed(&arena, buf_cstr(&header)), names[i]);
        buf_deinit(&header);
    }
    arena_deinit(&arena);
}

int test_media(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_told),
        cmocka_unit_test(programs_are_never_taken),
        cmocka_unit_test(texts_are_utf8_without_control_characters),
        cmocka_unit_test(pages_do_not_pass_for_texts),
        cmocka_unit_test(mails_cards_and_calendars_begin_as_such),
        cmocka_unit_test(office_documents_are_looked_into),
        cmocka_unit_test(names_are_cleaned_or_refused),
        cmocka_unit_test(endings_agree_with_kinds),
        cmocka_unit_test(dispositions_are_read_strictly),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
