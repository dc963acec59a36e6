/* vCard and iCalendar: what people's programs export is read, what is broken is refused with its
 * line, what is written is read back as it was; then the collections of real and hostile files. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/format.h"

int test_cards(void);

#define CARD(body) "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\n" body "END:VCARD\r\n"
#define EVENT(body) "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" body "END:VEVENT\r\nEND:VCALENDAR\r\n"

/* The value of a card's property behind FN, as JSON. */
static void card_value(const char *text, const char *json)
{
    struct arena arena;
    struct buf out;
    struct vcard_reader reader;
    struct value card;
    struct error error;
    arena_init(&arena);
    buf_init(&out);
    vcard_reader_init(&reader, str_from(text));
    assert_true(vcard_next(&reader, &arena, &card, &error));
    assert_int_equal(error.err, OK);
    const struct value *value = value_path(&card, "properties.1.value");
    assert_non_null(value);
    json_encode(&out, value);
    assert_string_equal(buf_cstr(&out), json);
    assert_false(vcard_next(&reader, &arena, &card, &error));
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void reads_cards(void **state)
{
    (void)state;
    card_value(CARD("N:Παπαδόπουλος;Άννα;Μαρία,Ελένη;;\r\n"),
               "[\"Παπαδόπουλος\",\"Άννα\",[\"Μαρία\",\"Ελένη\"],\"\",\"\"]");
    card_value(CARD("NOTE:one\\ntwo\\, three\\; four\\\\\r\n"), "\"one\\ntwo, three; four\\\\\"");
    card_value(CARD("NOTE:long\r\n er and\r\n\t longer\r\n"), "\"longer and longer\"");
    card_value(CARD("NOTE:caf\xc3\r\n \xa9\r\n"), "\"café\"");
    card_value(CARD("CATEGORIES:a,b\\,c\r\n"), "[\"a\",\"b,c\"]");
    card_value(CARD("BDAY:--0412\r\n"), "\"--0412\"");
    card_value("BEGIN:VCARD\nVERSION:3.0\nFN:x\nPHOTO;ENCODING=b:aGk=\nEND:VCARD", "\"aGk=\"");
    card_value(
        "BEGIN:VCARD\nVERSION:2.1\nN:Doe;Jane\nNOTE;QUOTED-PRINTABLE:caf=C3=\n=A9\nEND:VCARD",
        "\"café\"");
}

static void refuses_card(struct str text, enum err expected, const char *pointer)
{
    struct arena arena;
    struct vcard_reader reader;
    struct value card;
    struct error error;
    arena_init(&arena);
    vcard_reader_init(&reader, text);
    assert_true(vcard_next(&reader, &arena, &card, &error));
    assert_int_equal(error.err, expected);
    assert_string_equal(error.pointer, pointer);
    arena_deinit(&arena);
}

static void refuses_broken_cards(void **state)
{
    (void)state;
    refuses_card(STR("BEGIN:VCARD\nVERSION:4.0\nEND:VCARD\n"), ERR_REQUIRED, "line 3");
    refuses_card(STR("BEGIN:VCARD\nFN:x\nEND:VCARD\n"), ERR_INVALID, "line 2");
    refuses_card(STR("BEGIN:VCARD\nVERSION:4.0\nVERSION:3.0\n"), ERR_INVALID, "line 3");
    refuses_card(STR("BEGIN:VCARD\nVERSION:5.0\n"), ERR_UNSUPPORTED, "line 2");
    refuses_card(STR(CARD("NOTE:\\q\r\n")), ERR_INVALID, "line 4");
    refuses_card(STR(CARD("TEL;=;TYPE=;\"x=y:1\r\n")), ERR_INVALID, "line 4");
    refuses_card(STR(CARD("X;Y=\"abc:def\r\n")), ERR_INVALID, "line 4");
    refuses_card(STR(CARD("PHOTO;ENCODING=b:@@@@\r\n")), ERR_INVALID, "line 4");
    refuses_card(STR(CARD("BDAY:1985-13-45\r\n")), ERR_INVALID, "line 4");
    refuses_card(STR(CARD("NOTE:\xff\r\n")), ERR_UTF8, "line 4");
    refuses_card(STR("BEGIN:VCARD\rVERSION:4.0\r"), ERR_INVALID, "line 1");
    refuses_card(STR("From: a@x\r\n"), ERR_INVALID, "line 1");
}

static void goes_on_behind_a_broken_card(void **state)
{
    (void)state;
    struct arena arena;
    struct vcard_reader reader;
    struct value card;
    struct error error;
    arena_init(&arena);
    vcard_reader_init(&reader, STR(CARD("NOTE:\\q\r\n") CARD("NOTE:ok\r\n")));
    assert_true(vcard_next(&reader, &arena, &card, &error));
    assert_int_equal(error.err, ERR_INVALID);
    assert_true(vcard_next(&reader, &arena, &card, &error));
    assert_int_equal(error.err, OK);
    assert_false(vcard_next(&reader, &arena, &card, &error));
    arena_deinit(&arena);
}

static void writes_cards(void **state)
{
    (void)state;
    static const char long_card[] = CARD(
        "N:Doe;Jane;A,B;;\r\nTEL;TYPE=work,\"a;b\":+30 210\r\nitem1.URL:http://x/\\,y\r\n"
        "NOTE:Ένα πολύ μεγάλο σημείωμα που δεν χωρά σε μία γραμμή και διπλώνεται\\nδεύτερη\r\n");
    struct arena arena;
    struct vcard_reader reader;
    struct value card, again;
    struct error error;
    struct buf out;
    arena_init(&arena);
    buf_init(&out);
    vcard_reader_init(&reader, str_from(long_card));
    assert_true(vcard_next(&reader, &arena, &card, &error));
    assert_int_equal(error.err, OK);
    assert_int_equal(vcard_write(&out, &card, &error), OK);
    struct str line, rest = buf_str(&out);
    while (str_split(&rest, '\n', &line)) {
        assert_true(line.len <= 76);
    }
    vcard_reader_init(&reader, buf_str(&out));
    assert_true(vcard_next(&reader, &arena, &again, &error));
    assert_int_equal(error.err, OK);
    assert_true(value_equal(&card, &again));
    buf_deinit(&out);
    arena_deinit(&arena);
}

/* No text of an outsider becomes a line of its own. */
static void refuses_to_write(void **state)
{
    (void)state;
    static const char *const cards[] = {
        "{\"properties\":[]}",
        "{\"properties\":[{\"name\":\"FN\",\"value\":\"x\\u0000\"}]}",
        "{\"properties\":[{\"name\":\"FN\\nX\",\"value\":\"x\"}]}",
        "{\"properties\":[{\"name\":\"END\",\"value\":\"VCARD\"}]}",
        "{\"version\":\"2.1\",\"properties\":[{\"name\":\"FN\",\"value\":\"x\"}]}",
        "{\"properties\":[{\"name\":\"FN\",\"value\":{}}]}",
        "{\"properties\":[{\"name\":\"FN\"}]}",
    };
    for (size_t i = 0; i < COUNT_OF(cards); i++) {
        struct arena arena;
        struct value card;
        struct error error = {0};
        struct buf out;
        arena_init(&arena);
        buf_init(&out);
        assert_int_equal(json_decode(&arena, str_from(cards[i]), &card, NULL), OK);
        assert_int_not_equal(vcard_write(&out, &card, &error), OK);
        assert_true(error.pointer[0] != '\0');
        assert_int_equal(out.len, 0);
        buf_deinit(&out);
        arena_deinit(&arena);
    }
}

/* ---- iCalendar ---- */

static void event_value(const char *text, const char *json)
{
    struct arena arena;
    struct buf out;
    struct value found;
    struct error error = {0};
    arena_init(&arena);
    buf_init(&out);
    assert_int_equal(ical_read(&arena, str_from(text), &found, &error), OK);
    const struct value *value = value_path(&found, "0.components.0.properties.0.value");
    assert_non_null(value);
    json_encode(&out, value);
    assert_string_equal(buf_cstr(&out), json);
    buf_deinit(&out);
    arena_deinit(&arena);
}

static void reads_calendars(void **state)
{
    (void)state;
    event_value(EVENT("DTSTART:20270331T100000Z\r\n"), "\"2027-03-31T10:00:00Z\"");
    event_value(EVENT("DTSTART;TZID=Europe/Athens:20270331T100000\r\n"), "\"2027-03-31T10:00:00\"");
    event_value(EVENT("DTSTART;VALUE=DATE:20270331\r\n"), "\"2027-03-31\"");
    event_value(EVENT("SUMMARY:Ραντεβού\\, 10\\nδεύτερη\r\n"), "\"Ραντεβού, 10\\nδεύτερη\"");
    event_value(EVENT("CATEGORIES:a,b\r\n"), "[\"a\",\"b\"]");
    event_value(EVENT("EXDATE:20270331,20270401\r\n"), "[\"2027-03-31\",\"2027-04-01\"]");
    event_value(EVENT("RRULE:FREQ=WEEKLY;BYDAY=MO\r\n"), "\"FREQ=WEEKLY;BYDAY=MO\"");
    event_value(EVENT("PRIORITY:5\r\n"), "5");
    event_value(EVENT("DURATION:PT1H30M\r\n"), "\"PT1H30M\"");
    event_value(EVENT("ATTENDEE;CN=\"A;B\":mailto:a@example.org\r\n"), "\"mailto:a@example.org\"");
}

static void refuses_calendar(const char *text, enum err expected, const char *pointer)
{
    struct arena arena;
    struct value found;
    struct error error = {0};
    arena_init(&arena);
    assert_int_equal(ical_read(&arena, str_from(text), &found, &error), expected);
    assert_string_equal(error.pointer, pointer);
    arena_deinit(&arena);
}

static void refuses_broken_calendars(void **state)
{
    (void)state;
    refuses_calendar("", ERR_INVALID, "line 1");
    refuses_calendar("SUMMARY:x\r\n", ERR_INVALID, "line 1");
    refuses_calendar("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", ERR_INVALID, "line 3");
    refuses_calendar("BEGIN:VCALENDAR\r\n", ERR_INVALID, "line 2");
    refuses_calendar(EVENT("DTSTART:20271331T100000Z\r\n"), ERR_TYPE, "line 3");
    refuses_calendar(EVENT("DTSTART:tomorrow\r\n"), ERR_TYPE, "line 3");
    refuses_calendar(EVENT("RRULE:FREQ=SOMETIMES\r\n"), ERR_TYPE, "line 3");
    refuses_calendar(EVENT("DURATION:long\r\n"), ERR_TYPE, "line 3");
    refuses_calendar(EVENT("PRIORITY:high\r\n"), ERR_TYPE, "line 3");
    refuses_calendar(EVENT("no colon\r\n"), ERR_INVALID, "line 3");
}

static void nests_within_limits(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, STR("BEGIN:VCALENDAR\r\n"));
    for (int i = 0; i < ICAL_DEPTH_MAX; i++) {
        buf_append_str(&text, STR("BEGIN:X\r\n"));
    }
    refuses_calendar(buf_cstr(&text), ERR_LIMIT, "line 9");
    buf_deinit(&text);
}

static void writes_calendars(void **state)
{
    (void)state;
    static const char calendar[] =
        EVENT("UID:1@x\r\nDTSTART;TZID=Europe/Athens:20270331T100000\r\nSUMMARY:a\\, b\\; c\r\n"
              "EXDATE:20270407T070000Z,20270414T070000Z\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\n"
              "SEQUENCE:2\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n");
    struct arena arena;
    struct buf out;
    struct value found, again;
    struct error error = {0};
    arena_init(&arena);
    buf_init(&out);
    assert_int_equal(ical_read(&arena, str_from(calendar), &found, &error), OK);
    assert_int_equal(ical_write(&out, &found, &error), OK);
    assert_int_equal(ical_read(&arena, buf_str(&out), &again, &error), OK);
    assert_true(value_equal(&found, &again));
    struct value bad;
    buf_reset(&out);
    assert_int_equal(
        json_decode(&arena,
                    STR("{\"name\":\"VEVENT\",\"properties\":[{\"name\":\"URL\",\"value\":"
                        "\"x\\nATTENDEE:mailto:a@b\"}]}"),
                    &bad, NULL),
        OK);
    assert_int_equal(ical_write(&out, &bad, &error), ERR_INVALID);
    assert_int_equal(out.len, 0);
    buf_deinit(&out);
    arena_deinit(&arena);
}

/* ---- collections ---- */

static void read_file(const char *path, struct buf *out)
{
    char piece[65536];
    size_t got = 0;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    buf_reset(out);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_append(out, piece, got);
    }
    (void)fclose(file);
}

struct tally {
    int files, cards, errors;
};

static void count_cards(struct str text, struct tally *tally)
{
    struct arena arena;
    struct vcard_reader reader;
    struct value card;
    struct error error;
    arena_init(&arena);
    vcard_reader_init(&reader, text);
    while (vcard_next(&reader, &arena, &card, &error)) {
        tally->cards += error.err == OK ? 1 : 0;
        tally->errors += error.err != OK ? 1 : 0;
        assert_true(error.err == OK || error.pointer[0] != '\0');
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

static void count_calendar(struct str text, struct tally *tally)
{
    struct arena arena;
    struct value found;
    struct error error = {0};
    arena_init(&arena);
    enum err err = ical_read(&arena, text, &found, &error);
    tally->cards += err == OK ? 1 : 0;
    tally->errors += err != OK ? 1 : 0;
    assert_true(err == OK || error.pointer[0] != '\0');
    arena_deinit(&arena);
}

static bool each_file(const char *folder, const char *ending,
                      void (*count)(struct str text, struct tally *tally), struct tally *tally)
{
    const char *root = getenv("PROXENOS_TEST_DATA");
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : "", folder);
    DIR *directory = root == NULL ? NULL : opendir(path);
    if (directory == NULL) {
        return false;
    }
    struct buf text;
    buf_init(&text);
    struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        if (!str_ends(str_from(entry->d_name), str_from(ending))) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%s/%s", root, folder, entry->d_name);
        read_file(path, &text);
        int errors = tally->errors;
        count(buf_str(&text), tally);
        tally->files++;
        if (getenv("TEST_SHOW") != NULL && tally->errors > errors) {
            print_message("%s: %d errors\n", entry->d_name, tally->errors - errors);
        }
    }
    buf_deinit(&text);
    (void)closedir(directory);
    return true;
}

static void reads_real_cards(void **state)
{
    (void)state;
    struct tally real = {0}, exports = {0}, hostile = {0};
    if (!each_file("adversarial/vcard/real", ".vcf", count_cards, &real) ||
        !each_file("vcard-ical/vcf-exports", ".vcf", count_cards, &exports) ||
        !each_file("adversarial/vcard", ".vcf", count_cards, &hostile)) {
        skip();
    }
    print_message("real: %d files, %d cards, %d errors; exports: %d, %d, %d; hostile: %d, %d, %d\n",
                  real.files, real.cards, real.errors, exports.files, exports.cards, exports.errors,
                  hostile.files, hostile.cards, hostile.errors);
    assert_int_equal(real.errors, 0);
    assert_true(hostile.errors > 10);
}

static void reads_real_calendars(void **state)
{
    (void)state;
    struct tally real = {0};
    if (!each_file("vcard-ical/ics", ".ics", count_calendar, &real)) {
        skip();
    }
    print_message("%d files, %d read, %d refused\n", real.files, real.cards, real.errors);
    assert_true(real.cards > 20);
}

int test_cards(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_cards),
        cmocka_unit_test(refuses_broken_cards),
        cmocka_unit_test(goes_on_behind_a_broken_card),
        cmocka_unit_test(writes_cards),
        cmocka_unit_test(refuses_to_write),
        cmocka_unit_test(reads_calendars),
        cmocka_unit_test(refuses_broken_calendars),
        cmocka_unit_test(nests_within_limits),
        cmocka_unit_test(writes_calendars),
        cmocka_unit_test(reads_real_cards),
        cmocka_unit_test(reads_real_calendars),
    };
    return cmocka_run_group_tests_name("cards", tests, NULL, NULL);
}
