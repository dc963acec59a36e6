/* Exports: what cells look like, formulas that do not run, and that a file comes back as it went.
 */
#include "fixture.h"

int test_export(void);

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    (void)error;
    void **pair = context;
    exporter_row(pair[0], record, pair[1]);
    return OK;
}

static struct str export_all(struct fixture *fixture, const char *object, const char *fields,
                             enum export_format format)
{
    struct error error = {0};
    struct buf out;
    struct query query = {.type = schema_object(fixture->scope->schema, str_from(object))};
    assert_int_equal(query_order(&query, STR("name"), &error), OK);
    if (fields != NULL) {
        assert_int_equal(query_fields(&query, &fixture->arena, str_from(fields), &error), OK);
    }
    assert_int_equal(query_bind(&query, fixture->scope, &fixture->arena, &error), OK);
    struct exporter *exporter = exporter_new(&query, format);
    void *pair[] = {exporter, &out};
    buf_init(&out);
    exporter_header(exporter, &out);
    assert_int_equal(reader_each(fixture->reader, &query, on_record, pair, &error), OK);
    exporter_free(exporter);
    struct str text = arena_str(&fixture->arena, buf_str(&out));
    buf_deinit(&out);
    return text;
}

static void cells_of_csv(void **state)
{
    struct fixture *fixture = *state;
    struct value job = fixture_import(
        fixture, "organisation",
        STR("name,industry,revenue,employees,location\n"
            "\"A, the \"\"first\"\"\",=1+1,1250.5 EUR,12,\nB,-5,-,x,\nC,@x,7 JPY,0,Ω\n"),
        STR(""), NULL);
    fixture_counts(&job, (const int64_t[]){3, 2, 0, 0, 1, 0});
    struct str text =
        export_all(fixture, "organisation", "name,industry,revenue,employees,location", EXPORT_CSV);
    struct str expected = STR("name,industry,revenue,revenue_currency,employees,location\r\n"
                              "\"A, the \"\"first\"\"\",\"'=1+1\",1250.50,EUR,12,\r\n"
                              "C,\"'@x\",7,JPY,0,Ω\r\n");
    if (!str_eq(text, expected)) {
        print_error(STR_FORMAT "\n", STR_ARGS(text));
    }
    assert_true(str_eq(text, expected));
}

static void lines_of_json(void **state)
{
    struct fixture *fixture = *state;
    struct value job =
        fixture_import(fixture, "product", STR("name,price\nA,1 EUR\nB,\n"), STR(""), NULL);
    assert_string_equal(fixture_state(&job), "done");
    struct str text = export_all(fixture, "product", "name,price", EXPORT_NDJSON);
    struct str line;
    struct value record;
    struct error error = {0};
    assert_true(str_split(&text, '\n', &line));
    assert_int_equal(json_decode(&fixture->arena, line, &record, &error), OK);
    assert_true(str_is(value_get_text(&record, "name", STR("")), "A"));
    assert_int_equal(value_path(&record, "price.amount")->integer, 100);
    assert_true(str_split(&text, '\n', &line));
    assert_int_equal(json_decode(&fixture->arena, line, &record, &error), OK);
    assert_int_equal(value_get_c(&record, "price")->kind, VALUE_NULL);
    assert_true(str_split(&text, '\n', &line));
    assert_int_equal(line.len, 0);
}

/* Every column of an export is either read again or set by the system. */
static void comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct import_spec by_name = {.on_conflict = CONFLICT_UPDATE, .key = STR("name")};
    struct value job = fixture_import(
        fixture, "product", STR("name,series,price\nA,x,1.50 EUR\nB,,2 USD\n"), STR(""), NULL);
    assert_string_equal(fixture_state(&job), "done");
    struct str csv = export_all(fixture, "product", NULL, EXPORT_CSV);
    job = fixture_import(fixture, "product", csv, STR(""), &by_name);
    fixture_counts(&job, (const int64_t[]){2, 0, 0, 2, 0, 0});
    by_name.format = STR("ndjson");
    struct str ndjson = export_all(fixture, "product", NULL, EXPORT_NDJSON);
    job = fixture_import(fixture, "product", ndjson, STR(""), &by_name);
    fixture_counts(&job, (const int64_t[]){2, 0, 0, 2, 0, 0});
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_export(void)
{
    const struct CMUnitTest tests[] = {
        CASE(cells_of_csv),
        CASE(lines_of_json),
        CASE(comes_back),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
