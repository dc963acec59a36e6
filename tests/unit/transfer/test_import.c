/* What an import makes of its rows: mapped, refused one by one, counted; on a file of our own with
 * the traps of the real one, and on the real one where it is. */
#include "fixture.h"

#include <stdio.h>

int test_import(void);

static void contains(struct str text, const char *part)
{
    size_t at = 0;
    bool found = str_find(text, str_from(part), &at);
    if (!found) {
        print_error("\"%s\" is not in\n" STR_FORMAT "\n", part, STR_ARGS(text));
    }
    assert_true(found);
}

static void rows_with_traps(void **state)
{
    struct fixture *fixture = *state;
    fixture_parties(fixture);
    struct value job = fixture_import(fixture, "opportunity", fixture_file(fixture, "deals.csv"),
                                      fixture_file(fixture, "maven-map.json"), NULL);
    assert_string_equal(fixture_state(&job), "done");
    fixture_counts(&job, (const int64_t[]){10, 4, 0, 0, 6, 0});
    assert_int_equal(fixture_int(&job, "counts.null_refs.organisation"), 1);
    struct str errors = fixture_errors(fixture, fixture_job_id(&job));
    contains(errors, "line,column,value,reason,nearest,code\r\n");
    contains(errors, "3,product,GTXPro,no product has this name,GTX Pro,reference\r\n");
    contains(errors, "6,deal_stage,Winning,");
    contains(errors, "7,engage_date,31-02-17,");
    contains(errors, "9,opportunity_id,A1,");
    contains(errors, "10,close_date,,\"An opportunity closes after it was engaged");
    contains(errors, "11,,,\"the row has 4 fields, the first line names 10 columns\"");
    assert_int_equal(fixture_count(fixture, "opportunity", NULL), 4);
    assert_int_equal(fixture_count(fixture, "opportunity", "stage[eq]:\"won\""), 1);
    assert_int_equal(fixture_count(fixture, "opportunity", "name[eq]:\"A1 GTX Pro\""), 1);
    assert_int_equal(fixture_count(fixture, "opportunity", "engaged_on[eq]:\"2016-10-20\""), 1);
    assert_int_equal(fixture_count(fixture, "opportunity", "value.amount[eq]:105400"), 1);
    assert_int_equal(fixture_count(fixture, "opportunity", "organisation.name[eq]:\"Acme\""), 1);
    /* The users that `create` made, once each and without login. */
    assert_int_equal(fixture_count(fixture, "user", "login[eq]:false"), 2);
    assert_int_equal(fixture_count(fixture, "opportunity", "owner.label[eq]:\"Eleni Pappa\""), 3);
}

static void alias_and_skip(void **state)
{
    struct fixture *fixture = *state;
    fixture_parties(fixture);
    struct str map = fixture_file(fixture, "maven-map-alias.json");
    struct import_spec options = {.on_conflict = CONFLICT_SKIP};
    struct value job =
        fixture_import(fixture, "opportunity", fixture_file(fixture, "deals.csv"), map, &options);
    fixture_counts(&job, (const int64_t[]){10, 5, 0, 1, 4, 0});
    /* The same again: what is there is skipped. */
    job = fixture_import(fixture, "opportunity", fixture_file(fixture, "deals.csv"), map, &options);
    fixture_counts(&job, (const int64_t[]){10, 0, 0, 6, 4, 0});
    assert_int_equal(fixture_count(fixture, "opportunity", NULL), 5);
}

static void update_by_key(void **state)
{
    struct fixture *fixture = *state;
    struct import_spec options = {.on_conflict = CONFLICT_UPDATE, .key = STR("name")};
    struct value job =
        fixture_import(fixture, "product", STR("name,series,price\nA,X,\nB,X,2 EUR\nA,Y,1 EUR\n"),
                       STR(""), &options);
    fixture_counts(&job, (const int64_t[]){3, 2, 1, 0, 0, 0});
    assert_int_equal(fixture_count(fixture, "product", "and(series[eq]:\"Y\",name[eq]:\"A\")"), 1);
    /* An empty cell empties; what is as it was counts as skipped. */
    job = fixture_import(fixture, "product", STR("name,series,price\nA,Y,1 EUR\nB,,2 EUR\n"),
                         STR(""), &options);
    fixture_counts(&job, (const int64_t[]){2, 0, 1, 1, 0, 0});
    assert_int_equal(fixture_count(fixture, "product", "series[is]:null"), 1);
}

static void self_references(void **state)
{
    struct fixture *fixture = *state;
    struct value job =
        fixture_import(fixture, "organisation", fixture_file(fixture, "accounts.csv"),
                       fixture_file(fixture, "maven-accounts-map.json"), NULL);
    assert_string_equal(fixture_state(&job), "done");
    fixture_counts(&job, (const int64_t[]){4, 4, 0, 0, 0, 1});
    assert_int_equal(fixture_int(&job, "counts.null_refs.parent"), 1);
    contains(fixture_errors(fixture, fixture_job_id(&job)), "3,subsidiary_of,Nobody,");
    assert_int_equal(
        fixture_count(fixture, "organisation", "and(name[eq]:\"Beta\",parent.name[eq]:\"Acme\")"),
        1);
    assert_int_equal(
        fixture_count(fixture, "organisation", "and(name[eq]:\"Delta\",parent.name[eq]:\"Beta\")"),
        1);
    assert_int_equal(fixture_count(fixture, "organisation", "revenue.amount[eq]:110004000000"), 1);
}

static void dry_run_writes_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture_parties(fixture);
    int64_t seq = reader_seq(fixture->reader);
    struct import_spec options = {.dry_run = true};
    struct value job = fixture_import(fixture, "opportunity", fixture_file(fixture, "deals.csv"),
                                      fixture_file(fixture, "maven-map.json"), &options);
    assert_string_equal(fixture_state(&job), "done");
    fixture_counts(&job, (const int64_t[]){10, 4, 0, 0, 6, 0});
    contains(fixture_errors(fixture, fixture_job_id(&job)), "3,product,GTXPro,");
    assert_int_equal(fixture_count(fixture, "opportunity", NULL), 0);
    assert_int_equal(fixture_count(fixture, "user", NULL), 0);
    assert_int_equal(reader_seq(fixture->reader), seq);
}

/* More rows than one batch, so that a row refers to what an earlier batch has undone. */
static void dry_run_over_batches(void **state)
{
    struct fixture *fixture = *state;
    struct buf file;
    struct import_spec options = {.dry_run = true};
    buf_init(&file);
    buf_append_str(&file, STR("name,external_id,parent\n"));
    for (int i = 0; i < 700; i++) {
        buf_printf(&file, "O%d,E%d,%s\n", i, i == 600 ? 1 : i, i == 0 ? "O699" : "O0");
    }
    struct value job = fixture_import(fixture, "organisation", buf_str(&file),
                                      STR("{\"columns\":{\"parent\":\"parent.name\"}}"), &options);
    fixture_counts(&job, (const int64_t[]){700, 699, 0, 0, 1, 0});
    contains(fixture_errors(fixture, fixture_job_id(&job)), "602,external_id,");
    buf_deinit(&file);
}

static void atomic_all_or_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture_parties(fixture);
    struct import_spec options = {.atomic = true};
    struct value job = fixture_import(fixture, "opportunity", fixture_file(fixture, "deals.csv"),
                                      fixture_file(fixture, "maven-map.json"), &options);
    assert_string_equal(fixture_state(&job), "failed");
    fixture_counts(&job, (const int64_t[]){10, 0, 0, 0, 6, 0});
    contains(fixture_errors(fixture, fixture_job_id(&job)), "9,opportunity_id,A1,");
    assert_int_equal(fixture_count(fixture, "opportunity", NULL), 0);
    assert_int_equal(fixture_count(fixture, "user", NULL), 0);
    job = fixture_import(fixture, "organisation",
                         STR("name,parent\nChild,Mother\nMother,\nOther,Child\n"),
                         STR("{\"columns\":{\"parent\":\"parent.name\"}}"), &options);
    assert_string_equal(fixture_state(&job), "done");
    fixture_counts(&job, (const int64_t[]){3, 3, 0, 0, 0, 0});
    assert_int_equal(fixture_count(fixture, "organisation", "parent.name[eq]:\"Mother\""), 1);
    assert_int_equal(fixture_count(fixture, "organisation", "parent.name[eq]:\"Child\""), 1);
}

static void lines_of_json(void **state)
{
    struct fixture *fixture = *state;
    struct import_spec options = {.format = STR("ndjson")};
    struct value job = fixture_import(
        fixture, "product",
        STR("{\"name\":\"A\",\"price\":{\"amount\":125,\"currency\":\"EUR\"}}\n\n"
            "{\"name\":\"B\",\"serie\":\"X\"}\n{\"name\":3}\n{\"name\":\"C\"\n{\"name\":\"D\"}"),
        STR(""), &options);
    fixture_counts(&job, (const int64_t[]){5, 2, 0, 0, 3, 0});
    struct str errors = fixture_errors(fixture, fixture_job_id(&job));
    contains(errors, "3,serie,,");
    contains(errors, ",series,unknown_field\r\n");
    contains(errors, "4,name,");
    contains(errors, "5,,");
    assert_int_equal(fixture_count(fixture, "product", "price.amount[eq]:125"), 1);
}

static void pii_stays_out_of_errors(void **state)
{
    struct fixture *fixture = *state;
    struct value job =
        fixture_import(fixture, "organisation",
                       STR("name,email\nA,anna-at-example\nB,b@example.org\n"), STR(""), NULL);
    fixture_counts(&job, (const int64_t[]){2, 1, 0, 0, 1, 0});
    struct str errors = fixture_errors(fixture, fixture_job_id(&job));
    size_t at = 0;
    contains(errors, "2,email,,");
    assert_false(str_find(errors, STR("anna"), &at));
}

static void column_options(void **state)
{
    struct fixture *fixture = *state;
    static const char map[] =
        "{\"separator\":\";\",\"columns\":{"
        "\"Umsatz\":{\"field\":\"revenue\",\"decimal\":\",\",\"scale\":\"thousands\","
        "\"currency_column\":\"W\"},"
        "\"W\":null,"
        "\"Branche\":{\"field\":\"industry\",\"values\":{\"IT\":\"software\"},"
        "\"default\":\"other\"},"
        "\"Mutter\":{\"field\":\"parent\",\"ref\":\"name\",\"default\":\"Root\"}},"
        "\"defaults\":{\"location\":\"{ {name} in {W}\"}}";
    struct value job =
        fixture_import(fixture, "organisation", STR("name\nRoot\nTwin\nTwin\n"), STR(""), NULL);
    assert_string_equal(fixture_state(&job), "done");
    job = fixture_import(fixture, "organisation",
                         STR("name;Umsatz;W;Branche;Mutter\n"
                             "A;12,5;EUR;IT;Root\n" /* 12,500.00 EUR */
                             "B;1,23456;JPY;;X\n"   /* a fraction of a yen */
                             "C;0,007;EUR;;X\n"     /* an unknown parent: the default */
                             "D;1.5;EUR;;\n"        /* the other separator */
                             "E;;;x;Twin\n"         /* two of that name */
                             "F;3;;x;\n"            /* no currency */
                             "G;3 EUR;EUR;x;\n"),   /* not a plain number */
                         STR(map), NULL);
    fixture_counts(&job, (const int64_t[]){7, 2, 0, 0, 5, 0});
    struct str errors = fixture_errors(fixture, fixture_job_id(&job));
    contains(errors, "3,Umsatz,");
    contains(errors, "5,Umsatz,1.5,");
    contains(errors, "6,Mutter,Twin,");
    contains(errors, "7,Umsatz,3,");
    contains(errors, "8,Umsatz,3 EUR,");
    assert_int_equal(fixture_count(fixture, "organisation", "revenue.amount[eq]:1250000"), 1);
    assert_int_equal(fixture_count(fixture, "organisation", "revenue.amount[eq]:700"), 1);
    assert_int_equal(fixture_count(fixture, "organisation", "parent.name[eq]:\"Root\""), 2);
    assert_int_equal(fixture_count(fixture, "organisation", "industry[eq]:\"software\""), 1);
    assert_int_equal(fixture_count(fixture, "organisation", "industry[eq]:\"other\""), 1);
    assert_int_equal(fixture_count(fixture, "organisation", "location[eq]:\"{ A in EUR\""), 1);
}

/* A user that only a failing row needs is not made; one that a later row needs is. */
static void made_when_needed(void **state)
{
    struct fixture *fixture = *state;
    struct value job = fixture_import(
        fixture, "organisation",
        STR("name,year_established,owner\nA,1,anna\n,2000,nikos\nB,2000,nikos\nC,2000,nikos\n"),
        STR("{\"columns\":{\"owner\":{\"field\":\"owner\",\"ref\":\"name\","
            "\"create\":true}}}"),
        NULL);
    fixture_counts(&job, (const int64_t[]){4, 2, 0, 0, 2, 0});
    assert_int_equal(fixture_count(fixture, "organisation", "owner.name[eq]:\"nikos\""), 2);
    assert_int_equal(fixture_count(fixture, "user", "name[eq]:\"anna\""), 0);
}

/* What is wrong with the whole is said before anything is read in. */
static void refused_as_a_whole(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *file, *map, *detail, *nearest;
    } lines[] = {
        {"name,serie\nA,B\n", "", "serie", "series"},
        {"", "", "empty", ""},
        {"name,name\nA,B\n", "", "two columns", ""},
        {"name,x\nA,B\n", "{\"columns\":{\"x\":\"name\"}}", "both become name", ""},
        {"name\nA\n", "{\"columns\":{\"nam\":\"series\"}}", "\"nam\"", "name"},
        {"name\nA\n", "{\"defaults\":{\"series\":\"{nope}\"}}", "{nope}", ""},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct value job = fixture_import(fixture, "product", str_from(lines[i].file),
                                          str_from(lines[i].map), NULL);
        assert_string_equal(fixture_state(&job), "failed");
        contains(value_path(&job, "error.detail")->text, lines[i].detail);
        const struct value *nearest = value_path(&job, "error.nearest");
        assert_true(str_is(nearest == NULL ? STR("") : nearest->text, lines[i].nearest));
    }
    assert_int_equal(fixture_count(fixture, "product", NULL), 0);
}

static void refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *object, *map, *key;
        enum err err;
        const char *nearest;
    } lines[] = {
        {"produkt", "", "", ERR_UNKNOWN_OBJECT, "product"},
        {"product", "{", "", ERR_JSON, ""},
        {"product", "[]", "", ERR_INVALID, ""},
        {"product", "{\"colums\":{}}", "", ERR_INVALID, "columns"},
        {"product", "{\"columns\":{\"a\":{\"feld\":\"name\"}}}", "", ERR_INVALID, "field"},
        {"product", "{\"columns\":{\"a\":{}}}", "", ERR_REQUIRED, ""},
        {"product", "{\"columns\":{\"a\":\"nam\"}}", "", ERR_UNKNOWN_FIELD, "name"},
        {"product", "{\"columns\":{\"a\":\"name.name\"}}", "", ERR_INVALID, ""},
        {"product", "{\"columns\":{\"a\":\"created_at\"}}", "", ERR_READONLY, ""},
        {"product", "{\"columns\":{\"a\":{\"field\":\"price\",\"currency\":\"QQQ\"}}}", "",
         ERR_INVALID, ""},
        {"product", "{\"columns\":{\"a\":{\"field\":\"price\",\"scale\":\"dozens\"}}}", "",
         ERR_INVALID, ""},
        {"opportunity", "{\"columns\":{\"a\":\"organisation.nme\"}}", "", ERR_UNKNOWN_FIELD,
         "name"},
        {"product", "", "series", ERR_INVALID, ""},
        {"product", "", "nam", ERR_UNKNOWN_FIELD, "name"},
    };
    unsigned char hash[32];
    fixture_spool(fixture, STR("name\nA\n"), hash);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct job_start start;
        struct import_spec spec = {.object = str_from(lines[i].object),
                                   .format = STR("csv"),
                                   .map = str_from(lines[i].map),
                                   .key = str_from(lines[i].key)};
        memcpy(spec.file, hash, sizeof(hash));
        assert_int_equal(fixture_start(fixture, NULL, &spec, &start), 0);
        if (start.err != lines[i].err) {
            print_error("line %zu: %s\n", i, start.error.detail);
        }
        assert_int_equal(start.err, lines[i].err);
        assert_string_equal(start.error.nearest, lines[i].nearest);
    }
}

/* ---- the real data ---- */

static void real_data(void **state)
{
    struct fixture *fixture = *state;
    struct str accounts = fixture_shared(fixture, "crm/maven_accounts.csv");
    struct str products = fixture_shared(fixture, "crm/maven_products.csv");
    struct str deals = fixture_shared(fixture, "crm/maven_sales_pipeline.csv");
    struct str agents = fixture_shared(fixture, "crm/maven_sales_teams.csv");
    if (accounts.at == NULL || products.at == NULL || deals.at == NULL || agents.at == NULL) {
        skip();
    }
    struct value job = fixture_import(fixture, "organisation", accounts,
                                      fixture_file(fixture, "maven-accounts-map.json"), NULL);
    fixture_counts(&job, (const int64_t[]){85, 85, 0, 0, 0, 0});
    assert_int_equal(fixture_count(fixture, "organisation", "not(parent[is]:null)"), 15);
    job = fixture_import(fixture, "product", products,
                         fixture_file(fixture, "maven-products-map.json"), NULL);
    fixture_counts(&job, (const int64_t[]){7, 7, 0, 0, 0, 0});

    job = fixture_import(fixture, "opportunity", deals, fixture_file(fixture, "maven-map.json"),
                         NULL);
    fixture_counts(&job, (const int64_t[]){8800, 7320, 0, 0, 1480, 0});
    struct str errors = fixture_errors(fixture, fixture_job_id(&job));
    contains(errors, "3,product,GTXPro,no product has this name,GTX Pro,reference\r\n");
    struct import_spec skip_known = {.on_conflict = CONFLICT_SKIP};
    job = fixture_import(fixture, "opportunity", deals,
                         fixture_file(fixture, "maven-map-alias.json"), &skip_known);
    fixture_counts(&job, (const int64_t[]){8800, 1480, 0, 7320, 0, 0});
    assert_int_equal(fixture_count(fixture, "opportunity", NULL), 8800);
    assert_int_equal(fixture_count(fixture, "opportunity", "organisation[is]:null"), 1425);
    assert_int_equal(fixture_count(fixture, "opportunity", "stage[eq]:\"won\""), 4238);
    assert_int_equal(fixture_count(fixture, "opportunity", "stage[eq]:\"lost\""), 2473);
    assert_int_equal(fixture_count(fixture, "opportunity", "stage[eq]:\"engaging\""), 1589);
    assert_int_equal(fixture_count(fixture, "opportunity", "stage[eq]:\"prospecting\""), 500);
    assert_int_equal(fixture_count(fixture, "user", "login[eq]:false"), 30);
    /* Five agents have no deals. */
    job = fixture_import(fixture, "user", agents, fixture_file(fixture, "maven-agents-map.json"),
                         &(struct import_spec){.on_conflict = CONFLICT_SKIP, .key = STR("name")});
    fixture_counts(&job, (const int64_t[]){35, 5, 0, 30, 0, 0});
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_import(void)
{
    const struct CMUnitTest tests[] = {
        CASE(rows_with_traps),         CASE(alias_and_skip),
        CASE(update_by_key),           CASE(self_references),
        CASE(dry_run_writes_nothing),  CASE(dry_run_over_batches),
        CASE(atomic_all_or_nothing),   CASE(lines_of_json),
        CASE(pii_stays_out_of_errors), CASE(column_options),
        CASE(made_when_needed),        CASE(refused_as_a_whole),
        CASE(refused_at_once),         CASE(real_data),
    };
    return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
