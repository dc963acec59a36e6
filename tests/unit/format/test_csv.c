/* CSV: what is read, where errors are said to be, that splits of the input do not matter, that no
 * cell comes out as a formula. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/base_json.h"
#include "proxenos/format.h"

int test_csv(void);

/* All rows as one text: fields joined by '|', rows by '\n', errors as "!line 3 code". */
static void read_all(struct str text, const size_t *cuts, size_t cut_count, struct buf *out)
{
    struct csv_reader *reader = csv_reader_new(0, 0, 1);
    struct csv_row row;
    size_t from = 0;
    for (size_t c = 0; c <= cut_count; c++) {
        size_t to = c < cut_count ? cuts[c] : text.len;
        csv_reader_feed(reader, text.at + from, to - from);
        from = to;
        if (c == cut_count) {
            csv_reader_end(reader);
        }
        while (csv_reader_next(reader, &row)) {
            if (row.err != OK) {
                buf_printf(out, "!%s %s\n", row.error.pointer, err_code(row.err));
                continue;
            }
            for (int i = 0; i < row.field_count; i++) {
                buf_printf(out, "%s" STR_FORMAT, i > 0 ? "|" : "", STR_ARGS(row.fields[i]));
            }
            buf_append_char(out, '\n');
        }
    }
    csv_reader_free(reader);
}

static void expect(struct str text, const char *rows)
{
    struct buf out;
    buf_init(&out);
    read_all(text, NULL, 0, &out);
    assert_string_equal(buf_cstr(&out), rows);
    for (size_t cut = 0; cut <= text.len; cut++) {
        buf_reset(&out);
        read_all(text, &cut, 1, &out);
        assert_string_equal(buf_cstr(&out), rows);
    }
    buf_deinit(&out);
}

static void reads_rows(void **state)
{
    (void)state;
    expect(STR("a,b\r\n1,2\r\n"), "a|b\n1|2\n");
    expect(STR("a,b\n1,2"), "a|b\n1|2\n");
    expect(STR("\xef\xbb\xbf"
               "a;b\n1;2\n"),
           "a|b\n1|2\n");
    expect(STR("a\tb\n1\t2\n"), "a|b\n1|2\n");
    expect(STR("a,b\n\"x, \"\"y\"\"\",\"\"\n,\n"), "a|b\nx, \"y\"|\n|\n");
    expect(STR("a,b\n\"1\n2\",3\n4,5\n"), "a|b\n1\n2|3\n4|5\n");
    expect(STR(""), "");
    expect(STR("\n\n"), "\n\n");
}

static void locates_errors_and_goes_on(void **state)
{
    (void)state;
    expect(STR("a,b\n1\"x\",2\n3,4\n"), "a|b\n!line 2 invalid\n3|4\n");
    expect(STR("a,b\n\"1\"x,2\n3,4\n"), "a|b\n!line 2 invalid\n3|4\n");
    expect(STR("a\nJos\xe9\nAnna\n"), "a\n!line 2 utf8\nAnna\n");
    expect(STR("a,b\r\n1,2\n3,4\r5,6"), "a|b\n1|2\n!line 3 invalid\n");
    expect(STR("a\nx\0y\nz\n"), "a\n!line 2 invalid\nz\n");
    /* An unclosed quote costs its own line, not the rest of the file. */
    expect(STR("a,b\n\"1,2\n3,4\n5,6\n"), "a|b\n!line 2 invalid\n3|4\n5|6\n");
}

static void resumes_at_an_offset(void **state)
{
    (void)state;
    struct str text = STR("a,b\n1,2\n3,4\n5,6\n");
    struct csv_reader *reader = csv_reader_new(0, 0, 1);
    csv_reader_feed(reader, text.at, text.len);
    struct csv_row row;
    assert_true(csv_reader_next(reader, &row));
    assert_true(csv_reader_next(reader, &row));
    int64_t offset = row.end_offset;
    int64_t line = row.line;
    csv_reader_free(reader);
    assert_int_equal(offset, 8);
    reader = csv_reader_new(',', offset, line + 1);
    csv_reader_feed(reader, text.at + offset, text.len - (size_t)offset);
    assert_true(csv_reader_next(reader, &row));
    assert_int_equal(row.line, 3);
    assert_true(str_is(row.fields[0], "3"));
    csv_reader_free(reader);
}

static void holds_its_limits(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, STR("a\n"));
    for (int i = 0; i < 20000; i++) {
        buf_append_char(&text, ',');
    }
    buf_append_str(&text, STR("\n\""));
    memset(buf_reserve(&text, CSV_FIELD_BYTES_MAX + 1), 'x', CSV_FIELD_BYTES_MAX + 1);
    text.len += CSV_FIELD_BYTES_MAX + 1;
    buf_append_str(&text, STR("\"\nlast\n"));
    struct buf out;
    buf_init(&out);
    read_all(buf_str(&text), NULL, 0, &out);
    assert_string_equal(buf_cstr(&out), "a\n!line 2 limit\n!line 3 limit\nlast\n");
    buf_deinit(&out);
    buf_deinit(&text);
}

static void expect_cell(struct str cell, const char *written)
{
    struct buf out;
    buf_init(&out);
    csv_write_text(&out, true, cell);
    assert_string_equal(buf_cstr(&out), written);
    buf_deinit(&out);
}

static void makes_formulas_safe(void **state)
{
    (void)state;
    expect_cell(STR("plain"), "plain");
    expect_cell(STR("a,b"), "\"a,b\"");
    expect_cell(STR("say \"x\""), "\"say \"\"x\"\"\"");
    expect_cell(STR("=1+1"), "\"'=1+1\"");
    expect_cell(STR("\t =1+1"), "\"'\t =1+1\"");
    expect_cell(STR("\xef\xbc\x9d"
                    "1"),
                "\"'\xef\xbc\x9d"
                "1\"");
    expect_cell(STR("a=b"), "a=b");
    expect_cell(STR(""), "\"\"");
    struct buf row;
    buf_init(&row);
    csv_write_raw(&row, true, STR(""));
    csv_write_raw(&row, false, STR("-5"));
    csv_write_text(&row, false, STR("x"));
    csv_write_end(&row);
    assert_string_equal(buf_cstr(&row), ",-5,x\r\n");
    buf_deinit(&row);
}

static const char *data_folder(void)
{
    const char *folder = getenv("PROXENOS_TEST_DATA");
    return folder != NULL ? folder : TEST_SOURCE_DIR "/../shared/data";
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    size_t count = 0;
    do {
        count = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += count;
    } while (count > 0);
    fclose(file);
    return true;
}

static void no_injection_cell_survives(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof(path), "%s/adversarial/csv/injection-cells.json", data_folder());
    struct buf text;
    buf_init(&text);
    if (!read_file(path, &text)) {
        buf_deinit(&text);
        skip();
    }
    struct arena arena;
    arena_init(&arena);
    struct value cells;
    struct error error = {0};
    assert_int_equal(json_decode(&arena, buf_str(&text), &cells, &error), OK);
    assert_true(cells.list.count > 20);
    for (size_t i = 0; i < cells.list.count; i++) {
        struct str cell = cells.list.items[i].text;
        if (str_starts(cell, STR("DDE("))) {
            continue; /* begins with a letter: text to every spreadsheet */
        }
        struct buf out;
        buf_init(&out);
        csv_write_text(&out, true, cell);
        assert_memory_equal(out.at, "\"'", 2);
        buf_deinit(&out);
    }
    arena_deinit(&arena);
    buf_deinit(&text);
}

/* Every malformed file ends in rows or located errors, the same for every way the bytes arrive. */
static void malformed_files_are_answered(void **state)
{
    (void)state;
    char folder[1024];
    snprintf(folder, sizeof(folder), "%s/adversarial/csv/own", data_folder());
    DIR *files = opendir(folder);
    if (files == NULL) {
        skip();
    }
    int seen = 0;
    for (struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[2048];
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        struct buf text, whole, split;
        buf_init(&text);
        buf_init(&whole);
        buf_init(&split);
        assert_true(read_file(path, &text));
        read_all(buf_str(&text), NULL, 0, &whole);
        for (size_t cut = 0; cut <= text.len && text.len < 4096; cut++) {
            buf_reset(&split);
            read_all(buf_str(&text), &cut, 1, &split);
            assert_string_equal(buf_cstr(&whole), buf_cstr(&split));
        }
        buf_deinit(&text);
        buf_deinit(&whole);
        buf_deinit(&split);
        seen++;
    }
    closedir(files);
    assert_true(seen >= 15);
}

/* One stray quote costs one row, also when the next one is further away than a row may be long and
 * all bytes arrive at once. */
static void a_stray_quote_far_from_the_next_costs_one_row(void **state)
{
    (void)state;
    enum { ROWS = 500000 };
    struct csv_reader *reader = csv_reader_new(',', 0, 1);
    struct csv_row row;
    int whole = 0;
    int broken = 0;
    csv_reader_feed(reader, "\"stray\n", 7);
    for (int i = 0; i < ROWS; i++) {
        csv_reader_feed(reader, "aaaa,bbbb\n", 10);
    }
    csv_reader_feed(reader, "\"closed\",b\n", 11);
    csv_reader_end(reader);
    while (csv_reader_next(reader, &row)) {
        whole += row.err == OK ? 1 : 0;
        broken += row.err != OK ? 1 : 0;
    }
    csv_reader_free(reader);
    assert_int_equal(broken, 1);
    assert_int_equal(whole, ROWS + 1);
}

int test_csv(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_rows),
        cmocka_unit_test(locates_errors_and_goes_on),
        cmocka_unit_test(resumes_at_an_offset),
        cmocka_unit_test(holds_its_limits),
        cmocka_unit_test(makes_formulas_safe),
        cmocka_unit_test(no_injection_cell_survives),
        cmocka_unit_test(malformed_files_are_answered),
        cmocka_unit_test(a_stray_quote_far_from_the_next_costs_one_row),
    };
    return cmocka_run_group_tests_name("format csv", tests, NULL, NULL);
}
