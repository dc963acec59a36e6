/* Drafts: values from JSON and from CSV text, defaults, rights on fields, validation. */
#include "record_fixture.h"

#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

int test_draft(void);

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    shop_open_with(shop, shop_schema);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

static enum err make(struct shop *shop, const struct scope *scope, enum draft_kind kind,
                     const char *type, const char *json, struct draft **out_draft,
                     struct error *error)
{
    struct value *map = ARENA_NEW(&shop->arena, struct value);
    *map = shop_value(shop, json);
    return draft_make(shop->store, scope == NULL ? shop->system : scope, kind,
                      shop_type(shop, type), kind == DRAFT_CREATE ? 0 : 77, map, &shop->arena,
                      out_draft, error);
}

static const struct value *value_of(const struct draft *draft, const char *name)
{
    const struct field *field = object_field(draft->type, str_from(name));
    assert_non_null(field);
    return draft->set[field->index] == 0 ? NULL : &draft->values[field->index];
}

/* ---- values ---- */

static void test_values_become_typed(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    struct error error = {0};
    enum err err = make(shop, NULL, DRAFT_CREATE, "deal",
                        "{\"name\":\"Cleaning\",\"value\":{\"amount\":1250,\"currency\":\"EUR\"},"
                        "\"share\":\"0.125\",\"ends_on\":\"2027-03-31\",\"stage\":\"open\"}",
                        &draft, &error);
    if (err != OK) {
        fail_msg("%s %s", error.pointer, error.detail);
    }
    assert_int_not_equal(draft->id, 0);
    assert_int_equal(value_of(draft, "value")->kind, VALUE_MONEY);
    assert_int_equal(value_of(draft, "value")->integer, 1250);
    assert_string_equal(value_of(draft, "value")->currency, "EUR");
    assert_int_equal(value_of(draft, "share")->kind, VALUE_DECIMAL);
    assert_int_equal(value_of(draft, "share")->integer, 125);
    assert_int_equal(value_of(draft, "ends_on")->kind, VALUE_DATE);
    assert_int_equal(value_of(draft, "notice_days")->integer, 90);
    assert_null(value_of(draft, "starts_on"));
}

struct wrong {
    const char *type, *json;
    enum err err;
    const char *pointer, *nearest;
};

static void test_wrong_values_are_named(void **state)
{
    static const struct wrong wrongs[] = {
        {"deal", "{\"nmae\":\"x\"}", ERR_UNKNOWN_FIELD, "/nmae", "name"},
        {"deal", "{\"name\":7}", ERR_TYPE, "/name", ""},
        {"deal", "{\"notice_days\":\"7\"}", ERR_TYPE, "/notice_days", ""},
        {"deal", "{\"notice_days\":7.5}", ERR_TYPE, "/notice_days", ""},
        {"deal", "{\"notice_days\":-1}", ERR_RANGE, "/notice_days", ""},
        {"deal", "{\"stage\":\"opne\"}", ERR_ENUM, "/stage", "open"},
        {"deal", "{\"ends_on\":\"2027-02-30\"}", ERR_TYPE, "/ends_on", ""},
        {"deal", "{\"share\":\"0.1255\"}", ERR_RANGE, "/share", ""},
        {"deal", "{\"value\":12.5}", ERR_TYPE, "/value", ""},
        {"deal", "{\"value\":{\"amount\":1,\"currency\":\"EURO\"}}", ERR_TYPE, "/value", ""},
        {"deal", "{\"value\":{\"amount\":1,\"currency\":\"ZZZ\"}}", ERR_TYPE, "/value", ""},
        {"deal", "{\"value\":{\"amount\":-1,\"currency\":\"EUR\"}}", ERR_RANGE, "/value", ""},
        {"deal", "{\"client\":\"not an id\"}", ERR_TYPE, "/client", ""},
        {"deal", "{\"last_notice_on\":\"2027-01-01\"}", ERR_READONLY, "/last_notice_on", ""},
        {"deal", "{\"version\":3}", ERR_READONLY, "/version", ""},
        {"deal", "{\"compartment\":\"x\"}", ERR_READONLY, "/compartment", ""},
        {"client", "{\"code\":\"gr1\"}", ERR_PATTERN, "/code", ""},
        {"client", "{\"email\":\"nobody\"}", ERR_PATTERN, "/email", ""},
        {"client", "{\"rating\":6}", ERR_RANGE, "/rating", ""},
        {"client", "{\"tags\":[\"client\",\"suplier\"]}", ERR_ENUM, "/tags", "supplier"},
        {"client", "{\"tags\":\"client\"}", ERR_TYPE, "/tags", ""},
        {"client", "{\"name\":\"a\\u0000b\"}", ERR_PATTERN, "/name", ""},
    };
    struct shop *shop = *state;
    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        struct draft *draft = NULL;
        struct error error = {0};
        enum err err =
            make(shop, NULL, DRAFT_CREATE, wrongs[i].type, wrongs[i].json, &draft, &error);
        if (err != wrongs[i].err || strcmp(error.pointer, wrongs[i].pointer) != 0 ||
            strcmp(error.nearest, wrongs[i].nearest) != 0) {
            fail_msg("%s: %s %s %s nearest %s", wrongs[i].json, err_code(err), error.pointer,
                     error.detail, error.nearest);
        }
    }
}

static void test_all_findings_are_chained(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    struct error error = {0};
    assert_int_equal(make(shop, NULL, DRAFT_CREATE, "deal",
                          "{\"nmae\":1,\"notice_days\":-1,\"stage\":\"x\"}", &draft, &error),
                     ERR_UNKNOWN_FIELD);
    assert_non_null(error.next);
    assert_int_equal(error.next->err, ERR_RANGE);
    assert_non_null(error.next->next);
    assert_int_equal(error.next->next->err, ERR_ENUM);
    assert_null(error.next->next->next);
}

static void test_length_counts_characters(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    struct buf json;
    buf_init(&json);
    buf_append_str(&json, STR("{\"name\":\""));
    for (int i = 0; i < 60; i++) {
        buf_append_str(&json, STR("α"));
    }
    size_t end = json.len;
    buf_append_str(&json, STR("\"}"));
    assert_int_equal(make(shop, NULL, DRAFT_CREATE, "client", buf_cstr(&json), &draft, NULL), OK);
    json.len = end;
    buf_append_str(&json, STR("α\"}"));
    assert_int_equal(make(shop, NULL, DRAFT_CREATE, "client", buf_cstr(&json), &draft, NULL),
                     ERR_RANGE);
    buf_deinit(&json);
}

static void test_classed_values_stay_out_of_errors(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    struct error error = {0};
    assert_int_equal(
        make(shop, NULL, DRAFT_CREATE, "client", "{\"born\":\"19xx\"}", &draft, &error), ERR_TYPE);
    assert_string_equal(error.value, "");
    assert_null(strstr(error.detail, "19xx"));
}

static void test_secrets_are_sealed_at_once(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    assert_int_equal(make(shop, NULL, DRAFT_CREATE, "client",
                          "{\"name\":\"A\",\"password\":\"hunter2\"}", &draft, NULL),
                     OK);
    const struct value *sealed = value_of(draft, "password");
    assert_int_equal(sealed->kind, VALUE_BYTES);
    assert_int_equal(sealed->text.len, strlen("hunter2") + SEAL_OVERHEAD_BYTES);
    assert_null(memmem(sealed->text.at, sealed->text.len, "hunter2", 7));
}

/* ---- rights on fields ---- */

static void test_hidden_fields_do_not_exist(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    struct error error = {0};
    struct scope *anna = shop_person(shop, "user:anna", 5, VERB_ALL, ROWS_ALL);
    shop_set_field(anna, "client", "email", FIELD_HIDDEN);
    shop_set_field(anna, "client", "code", FIELD_MASKED);
    shop_set_field(anna, "client", "rating", FIELD_READABLE);
    assert_int_equal(
        make(shop, anna, DRAFT_UPDATE, "client", "{\"email\":\"a@b.gr\"}", &draft, &error),
        ERR_UNKNOWN_FIELD);
    assert_string_equal(error.nearest, "");
    assert_int_equal(make(shop, anna, DRAFT_UPDATE, "client", "{\"emial\":1}", &draft, &error),
                     ERR_UNKNOWN_FIELD);
    assert_string_not_equal(error.nearest, "email");
    assert_int_equal(make(shop, anna, DRAFT_UPDATE, "client", "{\"code\":\"GR1\"}", &draft, NULL),
                     ERR_READONLY);
    assert_int_equal(make(shop, anna, DRAFT_UPDATE, "client", "{\"rating\":2}", &draft, NULL),
                     ERR_READONLY);
    assert_int_equal(make(shop, anna, DRAFT_UPDATE, "client", "{\"name\":\"B\"}", &draft, NULL),
                     OK);
    scope_unref(anna);
}

static void test_verbs_are_needed(void **state)
{
    struct shop *shop = *state;
    struct draft *draft = NULL;
    struct scope *anna = shop_person(shop, "user:anna", 5, VERB_READ | VERB_CREATE, ROWS_ALL);
    assert_int_equal(make(shop, anna, DRAFT_CREATE, "client", "{\"name\":\"B\"}", &draft, NULL),
                     OK);
    assert_int_equal(value_of(draft, "owner")->integer, 5);
    assert_int_equal(make(shop, anna, DRAFT_UPDATE, "client", "{\"name\":\"B\"}", &draft, NULL),
                     ERR_FORBIDDEN);
    assert_int_equal(make(shop, anna, DRAFT_DELETE, "client", "{}", &draft, NULL), ERR_FORBIDDEN);
    scope_unref(anna);
}

/* ---- text, as in CSV ---- */

struct from_text {
    const char *type, *field, *text, *json; /* json NULL: refused */
};

static void test_text_becomes_typed(void **state)
{
    static const struct text_options options = {.date_layout = {"dd-mm-yy", 8},
                                                .decimal_separator = {",", 1},
                                                .currency = {"EUR", 3},
                                                .true_words = {NULL, 0}};
    static const struct from_text cases[] = {
        {"deal", "name", " two words ", "\" two words \""},
        {"deal", "name", "", "null"},
        {"deal", "value", "1250,5", "{\"amount\":125050,\"currency\":\"EUR\"}"},
        {"deal", "value", "12 JPY", "{\"amount\":12,\"currency\":\"JPY\"}"},
        {"deal", "value", "1.5", NULL},
        {"deal", "value", "1,555", NULL},
        {"deal", "value", "-1", NULL},
        {"deal", "share", "0,125", "\"0.125\""},
        {"deal", "ends_on", "31-03-27", "\"2027-03-31\""},
        {"deal", "ends_on", "2027-03-31", NULL},
        {"deal", "notice_days", " 30 ", "30"},
        {"deal", "notice_days", "3o", NULL},
        {"deal", "stage", "won", "\"won\""},
        {"deal", "stage", "Won", NULL},
        {"client", "tags", "supplier; client", "[\"supplier\",\"client\"]"},
        {"client", "tags", "", "[]"},
        {"client", "facts", "{\"a\":1}", "{\"a\":1}"},
        {"client", "facts", "{a}", NULL},
    };
    struct shop *shop = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct field *field =
            object_field(shop_type(shop, cases[i].type), str_from(cases[i].field));
        struct value value;
        struct error error = {0};
        enum err err = field_value_text(field, str_from(cases[i].text), &options, &shop->arena,
                                        &value, &error);
        if ((err == OK) != (cases[i].json != NULL)) {
            fail_msg("%s \"%s\": %s %s", cases[i].field, cases[i].text, err_code(err),
                     error.detail);
        }
        if (err == OK) {
            struct buf json;
            buf_init(&json);
            value_write_api(&json, &value);
            assert_string_equal(buf_cstr(&json), cases[i].json);
            buf_deinit(&json);
        }
    }
}

/* ---- whole records ---- */

static enum err judge(struct shop *shop, const char *type, const char *json, struct record **out,
                      struct error *error)
{
    struct draft *draft = NULL;
    assert_int_equal(make(shop, NULL, DRAFT_CREATE, type, json, &draft, error), OK);
    *out = draft_over(&shop->arena, draft, NULL);
    return draft_validate(draft, *out, shop->env.ms, &shop->arena, error);
}

static void test_computed_required_rules(void **state)
{
    struct shop *shop = *state;
    struct record *whole = NULL;
    struct error error = {0};
    assert_int_equal(judge(shop, "deal",
                           "{\"name\":\"A\",\"client\":\"0000000000001\","
                           "\"ends_on\":\"2027-03-31\",\"notice_days\":30}",
                           &whole, &error),
                     OK);
    const struct value *notice = record_value(whole, STR("last_notice_on"));
    assert_non_null(notice);
    assert_int_equal(notice->integer, 20908 - 30);
    assert_int_equal(judge(shop, "deal", "{\"name\":\"\"}", &whole, &error), ERR_REQUIRED);
    assert_string_equal(error.pointer, "/name");
    assert_string_equal(error.next->pointer, "/client");
    assert_int_equal(judge(shop, "deal",
                           "{\"name\":\"A\",\"client\":\"0000000000001\","
                           "\"starts_on\":\"2027-03-31\",\"ends_on\":\"2027-03-01\"}",
                           &whole, &error),
                     ERR_RULE);
    assert_non_null(strstr(error.detail, "It ends after it starts"));
    /* Unknown stays unknown: a rule on missing values does not refuse. */
    assert_int_equal(judge(shop, "deal",
                           "{\"name\":\"A\",\"client\":\"0000000000001\","
                           "\"starts_on\":\"2027-03-31\"}",
                           &whole, &error),
                     OK);
}

static void test_lists_add_and_remove(void **state)
{
    struct shop *shop = *state;
    struct draft *create = NULL;
    struct draft *change = NULL;
    assert_int_equal(make(shop, NULL, DRAFT_CREATE, "client",
                          "{\"name\":\"A\",\"tags\":[\"supplier\",\"client\",\"client\"]}", &create,
                          NULL),
                     OK);
    struct record *base = draft_over(&shop->arena, create, NULL);
    assert_int_equal(record_value(base, STR("tags"))->list.count, 2);
    assert_true(str_is(record_value(base, STR("tags"))->list.items[0].text, "client"));
    assert_int_equal(make(shop, NULL, DRAFT_UPDATE, "client",
                          "{\"tags\":{\"add\":[\"prospect\",\"client\"]}}", &change, NULL),
                     OK);
    struct record *whole = draft_over(&shop->arena, change, base);
    assert_int_equal(record_value(whole, STR("tags"))->list.count, 3);
    assert_int_equal(make(shop, NULL, DRAFT_UPDATE, "client", "{\"tags\":{\"remove\":\"client\"}}",
                          &change, NULL),
                     OK);
    whole = draft_over(&shop->arena, change, base);
    assert_int_equal(record_value(whole, STR("tags"))->list.count, 1);
    assert_true(str_is(record_value(whole, STR("tags"))->list.items[0].text, "supplier"));
}

int test_draft(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_become_typed),
        cmocka_unit_test(test_wrong_values_are_named),
        cmocka_unit_test(test_all_findings_are_chained),
        cmocka_unit_test(test_length_counts_characters),
        cmocka_unit_test(test_classed_values_stay_out_of_errors),
        cmocka_unit_test(test_secrets_are_sealed_at_once),
        cmocka_unit_test(test_hidden_fields_do_not_exist),
        cmocka_unit_test(test_verbs_are_needed),
        cmocka_unit_test(test_text_becomes_typed),
        cmocka_unit_test(test_computed_required_rules),
        cmocka_unit_test(test_lists_add_and_remove),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
