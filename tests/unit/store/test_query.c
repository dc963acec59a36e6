/* Pages and records: order, paging without gap or repeat, fields, includes, computed fields,
 * totals, JSON; hostile text through every parameter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_query(void);

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    put(world, "user", "{'name':'anna'}");
    put(world, "user", "{'name':'ben'}");
    put(world, "company",
        "{'name':'Alpha','industry':'energy','country':'GR','roles':['partner','client']}");
    put(world, "company", "{'name':'Beta','industry':'retail','parent':'#Alpha'}");
    put(world, "deal",
        "{'name':'älter','stage':'new','company':'#Alpha','size':5,'closed_on':'2024-03-31',"
        "'value':{'amount':1250,'currency':'EUR'},'price':'3.10','hot':true,"
        "'watchers':['#ben','#anna'],'extra':{'list':[1,2]},'note':'line\\nbreak \\u0001',"
        "'met_at':'2024-04-01T09:00:00Z','term':'P1M','owner':'#anna'}");
    put(world, "deal", "{'name':'zeta','stage':'won','company':'#Beta','size':5}");
    put(world, "deal", "{'name':'Alt','stage':'won','size':-1,'closed_on':'2024-01-01'}");
    put(world, "deal", "{'name':'Όμικρον'}");
    put(world, "deal", "{'name':'ωμέγα','company':'#Alpha','size':7}");
    put(world, "deal", "{'name':'old','stage':'lost','size':1}");
    archive(world, "deal", id_of(world, "deal", "old"));
    return 0;
}

static void expect(struct world *world, struct ask question, const char *names)
{
    const char *found = names_of(world, question);
    if (strcmp(found, names) != 0) {
        fail_msg("filter %s order %s: \"%s\", not \"%s\"",
                 question.filter != NULL ? question.filter : "-",
                 question.order != NULL ? question.order : "-", found, names);
    }
}

static void orders(void **state)
{
    struct world *world = *state;
    expect(world, (struct ask){.limit = 50}, "ωμέγα Όμικρον Alt zeta älter");
    expect(world, (struct ask){.order = "id"}, "älter zeta Alt Όμικρον ωμέγα");
    /* Greek and Latin as people order them, capitals and accents last. */
    expect(world, (struct ask){.order = "name"}, "Alt älter zeta Όμικρον ωμέγα");
    expect(world, (struct ask){.order = "-name"}, "ωμέγα Όμικρον zeta älter Alt");
    /* Nulls last in both directions; the id decides among equals, in the direction before it. */
    expect(world, (struct ask){.order = "size"}, "Alt älter zeta ωμέγα Όμικρον");
    expect(world, (struct ask){.order = "-size"}, "ωμέγα zeta älter Alt Όμικρον");
    expect(world, (struct ask){.order = "-size,name"}, "ωμέγα älter zeta Alt Όμικρον");
    expect(world, (struct ask){.order = "stage,-size"}, "älter zeta Alt ωμέγα Όμικρον");
    expect(world, (struct ask){.order = "company.name,-size"}, "ωμέγα älter zeta Alt Όμικρον");
    expect(world, (struct ask){.order = "-company.name"}, "zeta ωμέγα älter Όμικρον Alt");
    expect(world, (struct ask){.order = "-updated_at"}, "ωμέγα Όμικρον Alt zeta älter");
    expect(world, (struct ask){.order = "value.currency,id"}, "älter zeta Alt Όμικρον ωμέγα");
    expect(world, (struct ask){.order = "hot,-id,name"}, "älter ωμέγα Όμικρον Alt zeta");
    expect(world, (struct ask){.order = "size", .archived = true},
           "Alt old älter zeta ωμέγα Όμικρον");
}

/* ---- paging ---- */

static const char *const paged_orders[] = {NULL,
                                           "id",
                                           "-size",
                                           "size",
                                           "name",
                                           "-name",
                                           "stage",
                                           "-stage,name",
                                           "closed_on",
                                           "-closed_on",
                                           "-company.name",
                                           "size,name",
                                           "-size,stage,-name",
                                           "code"};

static void collect_pages(struct world *world, struct ask question, struct buf *out)
{
    struct answer answer;
    int pages = 0;
    do {
        answer = ask(world, question);
        if (answer.err != OK) {
            fail_msg("order %s: %s", question.order, answer.error.detail);
        }
        assert_true(answer.page.row_count <= question.limit);
        buf_append_str(out, out->len > 0 && answer.names.len > 0 ? STR(" ") : STR(""));
        buf_append_str(out, answer.names);
        question.after = answer.page.next;
        pages++;
    } while (answer.page.next.len > 0 && pages < 100);
}

static void pages_have_no_gap_and_no_repeat(void **state)
{
    struct world *world = *state;
    static const char *const filters[] = {NULL, "size[is]:not_null", "stage[eq]:'won'",
                                          "company.industry[eq]:'energy'"};
    for (size_t i = 0; i < COUNT_OF(paged_orders) * COUNT_OF(filters); i++) {
        const char *order = paged_orders[i / COUNT_OF(filters)];
        struct ask question = {.filter = filters[i % COUNT_OF(filters)], .archived = true};
        question.order = order != NULL && strcmp(order, "-closed_on") == 0 ? "-closed_on" : order;
        const char *whole = names_of(world, question);
        for (int limit = 1; limit <= 7; limit++) {
            struct buf pages;
            buf_init(&pages);
            question.limit = limit;
            collect_pages(world, question, &pages);
            if (!str_is(buf_str(&pages), whole)) {
                fail_msg("order %s, filter %s, limit %d: \"%s\", not \"%s\"",
                         order != NULL ? order : "-",
                         question.filter != NULL ? question.filter : "-", limit, buf_cstr(&pages),
                         whole);
            }
            buf_deinit(&pages);
        }
    }
}

static void c_orders_as_sql_does(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"älter", "zeta", "Alt", "Όμικρον", "ωμέγα", "old"};
    enum { COUNT = COUNT_OF(names) };
    for (size_t i = 0; i < COUNT_OF(paged_orders); i++) {
        struct ask question = {.order = paged_orders[i], .archived = true};
        struct query query;
        struct error error = {0};
        struct record *records[COUNT];
        bool crosses = question.order != NULL && strchr(question.order, '.') != NULL;
        assert_int_equal(bind_ask(world, &question, &query, &error), OK);
        for (int j = 0; j < COUNT; j++) {
            assert_int_equal(reader_get(world->reader, world->system, world->deal,
                                        id_of(world, "deal", names[j]), &world->arena, &records[j],
                                        &error),
                             OK);
        }
        const char *sorted = names_of(world, question);
        for (int j = 0; j < COUNT * COUNT; j++) {
            struct record *a = records[j / COUNT], *b = records[j % COUNT];
            bool cross = false;
            int order = query_compare(&query, a, b, &cross);
            assert_int_equal(cross, crosses);
            if (!cross && a != b) {
                const char *at_a = strstr(sorted, names[j / COUNT]);
                const char *at_b = strstr(sorted, names[j % COUNT]);
                assert_int_equal(order < 0, at_a < at_b);
            }
        }
    }
}

/* ---- what is read ---- */

static void json_of_a_record(void **state)
{
    struct world *world = *state;
    struct answer answer = ask(world, (struct ask){.filter = "name[eq]:'älter'"});
    struct buf want;
    char anna[ID_TEXT_LEN + 1], ben[ID_TEXT_LEN + 1], alpha[ID_TEXT_LEN + 1], id[ID_TEXT_LEN + 1];
    id_format(id_of(world, "user", "anna"), anna);
    id_format(id_of(world, "user", "ben"), ben);
    id_format(id_of(world, "company", "Alpha"), alpha);
    id_format(id_of(world, "deal", "älter"), id);
    buf_init(&want);
    buf_printf(&want,
               "{\"id\":\"%s\",\"version\":1,\"created_at\":\"2024-04-01T10:00:05.000Z\","
               "\"created_by\":\"system:migration\",\"updated_at\":\"2024-04-01T10:00:05.000Z\","
               "\"updated_by\":\"system:migration\",\"owner\":\"%s\",\"compartment\":null,"
               "\"archived_at\":null,\"external_id\":null,\"name\":\"älter\",\"stage\":\"new\","
               "\"company\":\"%s\",\"watchers\":[\"%s\",\"%s\"],"
               "\"value\":{\"amount\":1250,\"currency\":\"EUR\"},\"price\":\"3.10\",\"size\":5,"
               "\"hot\":true,\"closed_on\":\"2024-03-31\",\"met_at\":\"2024-04-01T09:00:00.000Z\","
               "\"term\":\"P1M\",\"note\":\"line\\nbreak \\u0001\",\"email\":null,\"code\":null,"
               "\"extra\":{\"list\":[1,2]},\"industry_was\":\"energy\",\"double_size\":10}\n",
               id, anna, alpha, ben, anna);
    if (!str_eq(answer.json, buf_str(&want))) {
        fail_msg("%s\nnot\n%s", answer.json.at, buf_cstr(&want));
    }
    /* By id, and as a value: the same. */
    struct record *record = NULL;
    struct buf json;
    buf_init(&json);
    assert_int_equal(reader_get(world->reader, world->system, world->deal,
                                id_of(world, "deal", "älter"), &world->arena, &record,
                                &answer.error),
                     OK);
    record_write_json(&json, record);
    buf_append_char(&json, '\n');
    assert_true(str_eq(buf_str(&json), buf_str(&want)));
    struct value value = record_to_value(&world->arena, record);
    buf_reset(&json);
    json_encode(&json, &value);
    buf_append_char(&json, '\n');
    assert_true(str_eq(buf_str(&json), buf_str(&want)));
    buf_deinit(&json);
    buf_deinit(&want);
}

static void fields_and_includes(void **state)
{
    struct world *world = *state;
    struct answer answer = ask(world, (struct ask){.fields = "name,size",
                                                   .include = "company,owner",
                                                   .filter = "name[in]:['älter','Alt']"});
    assert_int_equal(answer.err, OK);
    struct value first, second;
    struct str rest = answer.json, line;
    assert_true(str_split(&rest, '\n', &line));
    assert_int_equal(json_decode(&world->arena, line, &first, NULL), OK);
    assert_true(str_split(&rest, '\n', &line));
    assert_int_equal(json_decode(&world->arena, line, &second, NULL), OK);
    /* Alt is newer; it has neither company nor owner. */
    assert_int_equal((int)first.map.count, 6);
    assert_int_equal(value_get_c(&first, "company")->kind, VALUE_NULL);
    assert_int_equal(value_get_c(&first, "owner")->kind, VALUE_NULL);
    assert_true(str_is(value_path(&second, "company.name")->text, "Alpha"));
    assert_true(str_is(value_path(&second, "company.roles.0")->text, "client"));
    assert_true(str_is(value_path(&second, "owner.name")->text, "anna"));
    assert_null(value_get_c(&second, "stage"));
    assert_int_equal(value_get_c(&second, "size")->integer, 5);
}

static enum err stop_after_two(void *context, const struct record *record, struct error *error)
{
    (void)record;
    return ++*(int *)context == 2 ? error_set(error, ERR_CANCELLED, "enough") : OK;
}

static enum err count_row(void *context, const struct record *record, struct error *error)
{
    (void)record;
    (void)error;
    ++*(int *)context;
    return OK;
}

static void each_gives_all_and_stops_when_told(void **state)
{
    struct world *world = *state;
    struct query query;
    struct error error = {0};
    struct page page;
    int rows = 0;
    const struct ask question = {.order = "size", .limit = 1, .archived = true};
    assert_int_equal(bind_ask(world, &question, &query, &error), OK);
    assert_int_equal(reader_each(world->reader, &query, count_row, &rows, &error), OK);
    assert_int_equal(rows, 6);
    rows = 0;
    assert_int_equal(reader_each(world->reader, &query, stop_after_two, &rows, &error),
                     ERR_CANCELLED);
    assert_int_equal(rows, 2);
    query.limit = 50;
    rows = 0;
    assert_int_equal(
        reader_query(world->reader, &query, &world->arena, stop_after_two, &rows, &page, &error),
        ERR_CANCELLED);
    /* The reader is usable, and sees what is written afterwards. */
    assert_false(db_in_transaction(reader_db(world->reader)));
}

static void totals(void **state)
{
    struct world *world = *state;
    struct answer answer = ask(world, (struct ask){.limit = 2});
    assert_int_equal(answer.page.count, -1);
    answer = ask(world, (struct ask){.limit = 2, .count = COUNT_EXACT});
    assert_int_equal(answer.page.count, 5);
    assert_int_equal(answer.page.row_count, 2);
    answer = ask(
        world,
        (struct ask){.limit = 2, .count = COUNT_CAPPED, .filter = "company.industry[eq]:'energy'"});
    assert_int_equal(answer.page.count, 2);
    assert_false(answer.page.count_capped);
    answer = ask(world, (struct ask){.limit = 1,
                                     .count = COUNT_EXACT,
                                     .after = answer.page.next,
                                     .filter = "stage[eq]:'won'"});
    assert_int_equal(answer.page.count, 2);
}

static void unique_fields_find_one(void **state)
{
    struct world *world = *state;
    int64_t id = 0, made = put(world, "deal", "{'name':'coded','code':'Q-7'}");
    struct error error = {0};
    const struct field *code = object_field(world->deal, STR("code"));
    struct value value = value_text(STR("Q-7"));
    assert_int_equal(reader_find_unique(world->reader, world->system, code, world->deal, &value,
                                        &world->arena, &id, &error),
                     OK);
    assert_true(id == made);
    value = value_text(STR("Q-8"));
    assert_int_equal(reader_find_unique(world->reader, world->system, code, world->deal, &value,
                                        &world->arena, &id, &error),
                     ERR_NOT_FOUND);
    const struct field *size = object_field(world->deal, STR("size"));
    value = value_int(5);
    assert_int_equal(reader_find_unique(world->reader, world->system, size, world->deal, &value,
                                        &world->arena, &id, &error),
                     ERR_INVALID);
    archive(world, "deal", made);
}

/* ---- what is wrong ---- */

static void wrong_parameters(void **state)
{
    struct world *world = *state;
    static const struct {
        struct ask question;
        enum err err;
        const char *nearest;
    } rows[] = {
        {{.order = "nam"}, ERR_UNKNOWN_FIELD, "name"},
        {{.order = "-company.nam"}, ERR_UNKNOWN_FIELD, "company.name"},
        {{.order = "note"}, ERR_INVALID, ""},
        {{.order = "watchers"}, ERR_INVALID, ""},
        {{.order = "industry_was"}, ERR_INVALID, ""},
        {{.order = "extra"}, ERR_INVALID, ""},
        {{.order = "pin"}, ERR_UNKNOWN_FIELD, "id"},
        {{.order = "name,,size"}, ERR_INVALID, ""},
        {{.order = "-"}, ERR_INVALID, ""},
        {{.order = "name,size,stage,hot,price"}, ERR_LIMIT, ""},
        {{.fields = "name,sise"}, ERR_UNKNOWN_FIELD, "size"},
        {{.fields = "company.name"}, ERR_INVALID, ""},
        {{.fields = "pin"}, ERR_UNKNOWN_FIELD, "id"},
        {{.include = "compny"}, ERR_UNKNOWN_FIELD, "company"},
        {{.include = "name"}, ERR_INVALID, ""},
        {{.include = "company.parent"}, ERR_INVALID, ""},
        {{.include = "watchers"}, ERR_INVALID, ""},
        {{.after = {"x", 1}}, ERR_CURSOR, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer answer = ask(world, rows[i].question);
        if (answer.err != rows[i].err || strcmp(answer.error.nearest, rows[i].nearest) != 0) {
            fail_msg("row %zu: %s, nearest \"%s\": %s", i, err_code(answer.err),
                     answer.error.nearest, answer.error.detail);
        }
    }
}

static void queries_as_data(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *json;
        enum err err;
        const char *nearest;
    } rows[] = {
        {"{'filter':{'stage':'won'},'order':'-size','limit':10,'fields':['name'],"
         "'include':['company'],'count':'exact','after':null,'archived':true}",
         OK, ""},
        {"{'filter':'stage[eq]:\\'won\\'','order':['-size','name']}", OK, ""},
        {"{'limit':0}", ERR_RANGE, ""},
        {"{'limit':1001}", ERR_RANGE, ""},
        {"{'limit':'10'}", ERR_RANGE, ""},
        {"{'count':'exakt'}", ERR_INVALID, "exact"},
        {"{'order':5}", ERR_INVALID, ""},
        {"{'order':[5]}", ERR_INVALID, ""},
        {"{'after':5}", ERR_INVALID, ""},
        {"{'archived':1}", ERR_INVALID, ""},
        {"{'filters':{}}", ERR_INVALID, "filter"},
        {"[1]", ERR_INVALID, ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct value tree;
        struct query query;
        struct error error = {0};
        assert_int_equal(json_decode(&world->arena, quoted(world, rows[i].json), &tree, &error),
                         OK);
        enum err err = query_from_value(&world->arena, world->deal, &tree, &query, &error);
        if (err != rows[i].err || strcmp(error.nearest, rows[i].nearest) != 0) {
            fail_msg("%s: %s, nearest \"%s\": %s", rows[i].json, err_code(err), error.nearest,
                     error.detail);
        }
    }
}

/* ---- hostile text ---- */

static const char *const hostile[] = {
    "' OR 1=1 --",
    "\") ; drop table o_deal; --",
    "1; select * from log",
    "name\" desc; --",
    "' union select payload from log --",
    "x' and (select count(*) from sqlite_master) > 0 --",
    "[eq]:1) or (1=1",
    "%",
    "_",
    "\\",
    "\"",
    "''",
    "name)/**/or/**/1=1",
    "$(id)",
    "{{7*7}}",
    "char(0x27)",
    "rowid",
    "r.id",
    "\"r\".\"id\"",
    "company.name\" or 1=1 --",
};

static bool answered(enum err err)
{
    return err == OK || err == ERR_FILTER || err == ERR_UNKNOWN_FIELD || err == ERR_INVALID ||
           err == ERR_UNKNOWN_OPERATOR || err == ERR_LIMIT || err == ERR_CURSOR ||
           err == ERR_UTF8 || err == ERR_TYPE || err == ERR_ENUM;
}

static void throw_at(struct world *world, struct str text)
{
    struct buf value;
    char *plain = arena_cstr(&world->arena, text);
    buf_init(&value);
    json_write_text(&value, text);
    struct str as_json = arena_str(&world->arena, buf_str(&value));
    buf_deinit(&value);
    const char *ops[] = {"eq", "ne", "like", "contains", "prefix", "gt"};
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        struct filter *tree = NULL;
        struct error error = {0};
        struct str filter =
            arena_printf(&world->arena, "name[%s]:" STR_FORMAT, ops[i], STR_ARGS(as_json));
        assert_int_equal(filter_parse(&world->arena, filter, &tree, &error), OK);
        struct answer answer = ask(world, (struct ask){.tree = tree});
        assert_true(answered(answer.err));
        /* Only the records that really hold it: none is named so. */
        bool pattern = strcmp(ops[i], "ne") == 0 || strcmp(ops[i], "gt") == 0 ||
                       strpbrk(plain, "%_\\") != NULL || text.len < 3;
        assert_true(pattern || answer.names.len == 0);
    }
    struct ask wild = {.tree = NULL};
    wild.order = plain;
    assert_true(answered(ask(world, wild).err));
    wild = (struct ask){.fields = plain};
    assert_true(answered(ask(world, wild).err));
    wild = (struct ask){.include = plain};
    assert_true(answered(ask(world, wild).err));
    wild = (struct ask){.after = text};
    assert_true(answered(ask(world, wild).err));
    struct filter *tree = NULL;
    struct error error = {0};
    assert_true(answered(filter_parse(&world->arena, text, &tree, &error)));
    struct aggregate aggregate;
    enum err err = aggregate_parse(&world->arena, world->deal, text, text, &aggregate, &error);
    if (err == OK) {
        err = aggregate_bind(&aggregate, world->system, &world->arena, &error);
    }
    assert_true(err != OK && answered(err));
}

static void throw_file(struct world *world, const char *name)
{
    const char *data = getenv("PROXENOS_TEST_DATA");
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/adversarial/payloads/%s",
                   data != NULL ? data : TEST_SOURCE_DIR "/../shared/data", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        print_message("skipped: no %s\n", name);
        return;
    }
    char line[1000];
    int lines = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        throw_at(world, str_trim(str_from(line)));
        lines++;
    }
    (void)fclose(file);
    assert_true(lines > 50);
}

static void hostile_text_is_only_text(void **state)
{
    struct world *world = *state;
    const char *before = names_of(world, (struct ask){.order = "id", .archived = true});
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        throw_at(world, str_from(hostile[i]));
    }
    throw_file(world, "sqli-auth-bypass.txt");
    throw_file(world, "sqli-error.txt");
    assert_string_equal(before, names_of(world, (struct ask){.order = "id", .archived = true}));
}

int test_query(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders),
        cmocka_unit_test(pages_have_no_gap_and_no_repeat),
        cmocka_unit_test(c_orders_as_sql_does),
        cmocka_unit_test(json_of_a_record),
        cmocka_unit_test(fields_and_includes),
        cmocka_unit_test(each_gives_all_and_stops_when_told),
        cmocka_unit_test(totals),
        cmocka_unit_test(unique_fields_find_one),
        cmocka_unit_test(wrong_parameters),
        cmocka_unit_test(queries_as_data),
        cmocka_unit_test(hostile_text_is_only_text),
    };
    return cmocka_run_group_tests_name("query", tests, setup, world_teardown);
}
