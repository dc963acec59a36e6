/* Declarations: what is built from good ones, and what is said about bad ones. */
#include "proxenos/store_schema.h"

#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "record_fixture.h"

static enum err build(struct arena *arena, const char *json, struct schema **out_schema,
                      struct error *error)
{
    struct value tree;
    assert_int_equal(json_decode(arena, str_from(json), &tree, NULL), OK);
    struct schema_source source = {.plugin = STR("shop"), .tree = tree};
    return schema_build(&source, 1, out_schema, arena, error);
}

static const struct field *field_of(const struct schema *schema, const char *type,
                                    const char *field)
{
    const struct object_type *found = schema_object(schema, str_from(type));
    assert_non_null(found);
    return object_field(found, str_from(field));
}

static void test_builds_a_whole_schema(void **state)
{
    (void)state;
    struct arena arena;
    struct schema *schema = NULL;
    struct error error = {0};
    arena_init(&arena);
    if (build(&arena, shop_schema, &schema, &error) != OK) {
        fail_msg("%s: %s", error.pointer, error.detail);
    }
    assert_int_equal(schema->object_count, 3);
    const struct object_type *deal = schema_object(schema, STR("deal"));
    assert_non_null(deal);
    assert_true(str_is(deal->path, "deals"));
    assert_true(str_is(deal->title, "name"));
    assert_true(str_is(deal->label.en, "Deal"));
    assert_int_equal(deal->fields[SYS_OWNER].type, FIELD_REF);
    assert_true(deal->fields[SYS_VERSION].readonly);
    const struct field *stage = field_of(schema, "deal", "stage");
    assert_true(str_is(stage->otherwise.text, "open"));
    assert_true(stage->required);
    assert_int_equal(deal->machine->move_count, 4);
    assert_int_equal(deal->rule_count, 1);
    assert_int_equal(deal->index_count, 1);
    assert_true(deal->indexes[0].parts[1].descending);
    assert_true(field_of(schema, "deal", "client_name")->computed_on_read);
    assert_false(field_of(schema, "deal", "last_notice_on")->computed_on_read);
    assert_true(field_of(schema, "client", "name")->sorted_text);
    assert_int_equal(field_of(schema, "client", "rating")->otherwise.integer, 3);
    assert_int_equal(field_of(schema, "client", "born")->class, CLASS_PII);
    schema_unref(schema);
    arena_deinit(&arena);
}

struct bad {
    const char *json, *pointer, *nearest;
};

static void test_names_what_is_wrong(void **state)
{
    static const struct bad bads[] = {
        {"{\"objekts\":{}}", "shop: schema", "objects"},
        {"{\"objects\":{\"Deal\":{}}}", "shop: objects.Deal", ""},
        {"{\"objects\":{\"a__b\":{}}}", "shop: objects.a__b", ""},
        {"{\"objects\":{\"deal\":{\"lable\":\"x\"}}}", "shop: objects.deal", "label"},
        {"{\"objects\":{\"deal\":{\"fields\":[[\"n\",\"txet\"]]}}}",
         "shop: objects.deal.fields[1].type", "text"},
        {"{\"objects\":{\"deal\":{\"fields\":[[\"n\",\"text\"],[\"n\",\"text\"]]}}}",
         "shop: objects.deal.fields[2].name", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[[\"owner\",\"text\"]]}}}",
         "shop: objects.deal.fields[1].name", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"text\",\"requird\":true}]}}}",
         "shop: objects.deal.fields[1]", "required"},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"boolean\",\"max\":3}]}}}",
         "shop: objects.deal.fields[1].max", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"integer\",\"default\":\"x\"}]}}"
         "}",
         "shop: objects.deal.fields[1].default", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"integer\",\"min\":3,\"max\":1}]}"
         "}}",
         "shop: objects.deal.fields[1].min", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[[\"s\",\"enum\"]]}}}",
         "shop: objects.deal.fields[1].of", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"r\",\"2\":\"ref\",\"to\":\"dael\"}]}}}",
         "shop: objects.deal.r.to", "deal"},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"text\",\"format\":\"vta\"}]}}}",
         "shop: objects.deal.fields[1].format", "vat"},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"text\",\"pattern\":\"[\"}]}}}",
         "shop: objects.deal.fields[1].pattern", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"n\",\"2\":\"integer\",\"computed\":\"a "
         "+\"}]}}}",
         "shop: objects.deal.n.computed", ""},
        {"{\"objects\":{\"deal\":{\"fields\":[[\"amount\",\"integer\"],{\"1\":\"n\",\"2\":"
         "\"integer\",\"computed\":\"amuont + 1\"}]}}}",
         "shop: objects.deal.n.computed", "amount"},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"s\",\"2\":\"enum\",\"of\":[\"open\",\"won\"]"
         "}],"
         "\"states\":{\"field\":\"s\",\"initial\":\"opne\",\"moves\":{}}}}}",
         "shop: objects.deal.states.initial", "open"},
        {"{\"objects\":{\"deal\":{\"fields\":[{\"1\":\"s\",\"2\":\"enum\",\"of\":[\"open\",\"won\"]"
         "}],"
         "\"states\":{\"field\":\"s\",\"initial\":\"open\",\"moves\":{\"open\":[\"wn\"]}}}}}",
         "shop: objects.deal.states.moves.open", "won"},
        {"{\"objects\":{\"deal\":{\"fields\":[[\"name\",\"text\"]],\"indexes\":[[\"-nmae\"]]}}}",
         "shop: objects.deal.indexes[1]", "name"},
        {"{\"objects\":{\"deal\":{\"path\":\"events\"}}}", "shop: objects.deal.path", ""},
        {"{\"objects\":{\"deal\":{}},\"extend\":{\"dael\":{}}}", "shop: extend", "deal"},
        {"{\"objects\":{\"deal\":{\"title\":\"nmae\",\"fields\":[[\"name\",\"text\"]]}}}",
         "shop: objects.deal.title", "name"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bads); i++) {
        struct arena arena;
        struct schema *schema = NULL;
        struct error error = {0};
        arena_init(&arena);
        assert_int_equal(build(&arena, bads[i].json, &schema, &error), ERR_SCHEMA);
        if (strcmp(error.pointer, bads[i].pointer) != 0) {
            fail_msg("%s: pointer %s (%s)", bads[i].json, error.pointer, error.detail);
        }
        if (strcmp(error.nearest, bads[i].nearest) != 0) {
            fail_msg("%s: nearest %s (%s)", bads[i].json, error.nearest, error.detail);
        }
        assert_true(strlen(error.detail) > 5);
        arena_deinit(&arena);
    }
}

static void test_chains_all_findings(void **state)
{
    (void)state;
    struct arena arena;
    struct schema *schema = NULL;
    struct error error = {0};
    arena_init(&arena);
    assert_int_equal(
        build(&arena, "{\"objects\":{\"a\":{\"x\":1,\"y\":2},\"b\":{\"fields\":[[\"n\",\"no\"]]}}}",
              &schema, &error),
        ERR_SCHEMA);
    int count = 0;
    for (const struct error *at = &error; at != NULL; at = at->next) {
        assert_int_equal(at->err, ERR_SCHEMA);
        count++;
    }
    assert_int_equal(count, 3);
    arena_deinit(&arena);
}

static void test_extends_another_plugins_object(void **state)
{
    (void)state;
    struct arena arena;
    struct schema *schema = NULL;
    struct error error = {0};
    struct schema_source sources[2] = {{.plugin = STR("shop")}, {.plugin = STR("supply")}};
    arena_init(&arena);
    assert_int_equal(json_decode(&arena, str_from(shop_schema), &sources[0].tree, NULL), OK);
    assert_int_equal(
        json_decode(&arena,
                    STR("{\"extend\":{\"client\":{\"fields\":[{\"1\":\"tier\",\"2\":\"enum\",\"of\""
                        ":[\"1\",[\"2\",{\"el\":\"Δεύτερο\"}]]}],\"indexes\":[[\"tier\",\"name\"]],"
                        "\"rules\":[[\"rated\",\"rating > 0\"]]}}}"),
                    &sources[1].tree, NULL),
        OK);
    assert_int_equal(schema_build(sources, 2, &schema, &arena, &error), OK);
    const struct field *tier = field_of(schema, "client", "tier");
    assert_true(str_is(tier->plugin, "supply"));
    assert_true(str_is(tier->value_labels[1].el, "Δεύτερο"));
    assert_int_equal(schema_object(schema, STR("client"))->index_count, 1);
    assert_int_equal(schema_object(schema, STR("client"))->rule_count, 1);
    schema_unref(schema);
    arena_deinit(&arena);
}

static void test_hash_knows_what_changed(void **state)
{
    (void)state;
    struct arena arena;
    struct schema *a = NULL;
    struct schema *b = NULL;
    struct schema *c = NULL;
    arena_init(&arena);
    assert_int_equal(
        build(&arena, "{\"objects\":{\"x\":{\"icon\":\"i\",\"label\":\"X\"},\"y\":{}}}", &a, NULL),
        OK);
    assert_int_equal(
        build(&arena, "{\"objects\":{\"y\":{},\"x\":{\"label\":\"X\",\"icon\":\"i\"}}}", &b, NULL),
        OK);
    assert_int_equal(
        build(&arena, "{\"objects\":{\"y\":{},\"x\":{\"label\":\"X\",\"icon\":\"j\"}}}", &c, NULL),
        OK);
    assert_memory_equal(a->hash, b->hash, sizeof(a->hash));
    assert_memory_not_equal(a->hash, c->hash, sizeof(a->hash));
    schema_unref(a);
    schema_unref(b);
    schema_unref(c);
    arena_deinit(&arena);
}

static void test_core_schema_is_good(void **state)
{
    (void)state;
    struct arena arena;
    struct schema *schema = NULL;
    struct error error = {0};
    arena_init(&arena);
    struct schema_source core = core_schema(&arena);
    if (schema_build(&core, 1, &schema, &arena, &error) != OK) {
        fail_msg("%s: %s", error.pointer, error.detail);
    }
    assert_true(field_of(schema, "user", "name")->unique);
    assert_true(str_is(schema_object(schema, STR("approval"))->path, "approvals"));
    struct value described = schema_describe(&arena, schema_object(schema, STR("approval")));
    assert_true(str_is(value_get_text(&described, "name", STR("")), "approval"));
    assert_int_equal(value_path(&described, "states.moves")->list.count, 6);
    schema_unref(schema);
    arena_deinit(&arena);
}

static void test_unknown_names_suggest(void **state)
{
    (void)state;
    struct arena arena;
    struct schema *schema = NULL;
    struct error error = {0};
    const struct object_type *type = NULL;
    const struct field *field = NULL;
    arena_init(&arena);
    assert_int_equal(build(&arena, shop_schema, &schema, NULL), OK);
    assert_int_equal(schema_find_object(schema, STR("clinet"), &type, &error), ERR_UNKNOWN_OBJECT);
    assert_string_equal(error.nearest, "client");
    assert_int_equal(schema_find_object(schema, STR("client"), &type, &error), OK);
    assert_int_equal(object_find_field(type, STR("nmae"), &field, &error), ERR_UNKNOWN_FIELD);
    assert_string_equal(error.nearest, "name");
    schema_unref(schema);
    arena_deinit(&arena);
}

int test_schema(void);
int test_schema(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builds_a_whole_schema),
        cmocka_unit_test(test_names_what_is_wrong),
        cmocka_unit_test(test_chains_all_findings),
        cmocka_unit_test(test_extends_another_plugins_object),
        cmocka_unit_test(test_hash_knows_what_changed),
        cmocka_unit_test(test_core_schema_is_good),
        cmocka_unit_test(test_unknown_names_suggest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
