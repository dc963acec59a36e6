/* Writing records: rights, versions, references, uniqueness, deletes, and what the log says. */
#include "record_fixture.h"

#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

int test_write(void);

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

static const char *id_json(struct shop *shop, const char *format, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    char json[400];
    id_format(id, text);
    (void)snprintf(json, sizeof(json), "%s", format);
    char *at = strchr(json, '$');
    assert_non_null(at);
    struct str rest = arena_str(&shop->arena, str_from(at + 1));
    *at = '\0';
    return arena_printf(&shop->arena, "%s%s" STR_FORMAT, json, text, STR_ARGS(rest)).at;
}

static int64_t new_client(struct shop *shop, const char *name)
{
    return shop_create(shop, "client", arena_printf(&shop->arena, "{\"name\":\"%s\"}", name).at);
}

static int64_t new_deal(struct shop *shop, int64_t client)
{
    return shop_create(shop, "deal", id_json(shop, "{\"name\":\"D\",\"client\":\"$\"}", client));
}

/* ---- create, update ---- */

static void test_create_then_read(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client",
                             "{\"name\":\"Άλφα\",\"code\":\"GR1\",\"email\":\"a@b.gr\","
                             "\"tags\":[\"supplier\",\"client\"],\"facts\":{\"k\":[1,2]},"
                             "\"password\":\"x\"}");
    assert_string_equal(shop_field(shop, "client", id, "name"), "\"Άλφα\"");
    assert_string_equal(shop_field(shop, "client", id, "version"), "1");
    assert_string_equal(shop_field(shop, "client", id, "rating"), "3");
    assert_string_equal(shop_field(shop, "client", id, "tags"), "[\"client\",\"supplier\"]");
    assert_string_equal(shop_field(shop, "client", id, "facts"), "{\"k\":[1,2]}");
    assert_string_equal(shop_field(shop, "client", id, "created_by"), "\"system:migration\"");
    assert_null(strstr(shop_json(shop, NULL, "client", id), "\"password\":\"x\""));
    const char *entry = shop_last_entry(shop);
    assert_non_null(strstr(entry, "client.created"));
    assert_non_null(strstr(entry, "\"name\":\"Άλφα\""));
    assert_null(strstr(entry, "password"));
    assert_null(strstr(entry, "created_at"));
    assert_null(strstr(entry, "\"before\""));
}

static void test_update_says_what_changed(void **state)
{
    struct shop *shop = *state;
    int64_t id = new_client(shop, "Alpha");
    struct change change = {.kind = DRAFT_UPDATE,
                            .type = "client",
                            .id = id,
                            .json = "{\"name\":\"Beta\",\"rating\":3}"};
    struct tx_result result = {0};
    shop->env.ms += 1000;
    assert_int_equal(shop_write(shop, &change, &result, NULL), OK);
    assert_true(result.changed);
    assert_int_equal(result.version, 2);
    assert_string_equal(shop_last_entry(shop),
                        "client.updated  {\"before\":{\"name\":\"Alpha\"},\"after\":{\"name\":"
                        "\"Beta\"}}");
    /* Saying the same again changes nothing: no version, no entry. */
    int64_t seq = store_seq(shop->store);
    assert_int_equal(shop_write(shop, &change, &result, NULL), OK);
    assert_false(result.changed);
    assert_int_equal(result.version, 2);
    assert_int_equal(store_seq(shop->store), seq);
    assert_string_equal(shop_field(shop, "client", id, "version"), "2");
}

static void test_stale_version(void **state)
{
    struct shop *shop = *state;
    int64_t id = new_client(shop, "Alpha");
    struct change change = {.kind = DRAFT_UPDATE,
                            .type = "client",
                            .id = id,
                            .base_version = 1,
                            .json = "{\"name\":\"Beta\"}"};
    struct error error = {0};
    assert_int_equal(shop_write(shop, &change, NULL, &error), OK);
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_STALE);
    assert_non_null(strstr(error.detail, "version 2"));
    change.base_version = 2;
    change.json = "{\"name\":\"Gamma\"}";
    assert_int_equal(shop_write(shop, &change, NULL, &error), OK);
}

/* What a 412 answers: the unit's conflict. */
struct conflict_unit {
    struct unit unit;
    const struct draft *draft;
    struct buf json;
};

static enum err conflict_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct conflict_unit *one = CONTAINER_OF(unit, struct conflict_unit, unit);
    return tx_write(tx, one->draft, NULL, error);
}

static void conflict_done(struct unit *unit)
{
    (void)unit;
}

static void test_conflict_shows_three_sides(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Alpha\",\"code\":\"GR7\"}");
    assert_int_equal(shop_update(shop, NULL, "client", id, "{\"name\":\"Theirs\"}", NULL), OK);
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    shop_set_field(anna, "client", "code", FIELD_HIDDEN);
    struct value base = shop_value(shop, "{\"name\":\"Alpha\"}");
    struct value yours = shop_value(shop, "{\"name\":\"Yours\"}");
    struct draft *draft = NULL;
    assert_int_equal(draft_make(shop->store, anna, DRAFT_UPDATE, shop_type(shop, "client"), id,
                                &yours, &shop->arena, &draft, NULL),
                     OK);
    draft->base_version = 1;
    draft->base = &base;
    struct conflict_unit one = {.draft = draft};
    one.unit.scope = anna;
    one.unit.apply = conflict_apply;
    one.unit.done = conflict_done;
    assert_int_equal(store_run(shop->store, &one.unit), ERR_STALE);
    const struct value *conflict = &one.unit.conflict;
    assert_true(str_is(value_path(conflict, "base.name")->text, "Alpha"));
    assert_true(str_is(value_path(conflict, "theirs.name")->text, "Theirs"));
    assert_true(str_is(value_path(conflict, "yours.name")->text, "Yours"));
    assert_null(value_path(conflict, "theirs.code"));
    unit_deinit(&one.unit);
    scope_unref(anna);
}

static void test_null_clears(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"A\",\"email\":\"a@b.gr\"}");
    struct error error = {0};
    assert_int_equal(shop_update(shop, NULL, "client", id, "{\"email\":null}", &error), OK);
    assert_string_equal(shop_field(shop, "client", id, "email"), "null");
    assert_int_equal(shop_update(shop, NULL, "client", id, "{\"name\":null}", &error),
                     ERR_REQUIRED);
    assert_string_equal(error.pointer, "/name");
}

static void test_computed_follows(void **state)
{
    struct shop *shop = *state;
    int64_t client = new_client(shop, "A");
    int64_t id = shop_create(
        shop, "deal",
        id_json(shop, "{\"name\":\"D\",\"client\":\"$\",\"ends_on\":\"2027-03-31\"}", client));
    assert_string_equal(shop_field(shop, "deal", id, "last_notice_on"), "\"2026-12-31\"");
    assert_int_equal(shop_update(shop, NULL, "deal", id, "{\"notice_days\":30}", NULL), OK);
    assert_string_equal(shop_field(shop, "deal", id, "last_notice_on"), "\"2027-03-01\"");
    assert_non_null(strstr(shop_last_entry(shop), "\"last_notice_on\":\"2027-03-01\""));
    struct error error = {0};
    assert_int_equal(shop_update(shop, NULL, "deal", id, "{\"starts_on\":\"2028-01-01\"}", &error),
                     ERR_RULE);
}

/* ---- references, uniqueness ---- */

static void test_references_must_exist(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    struct change change = {.kind = DRAFT_CREATE,
                            .type = "deal",
                            .json = "{\"name\":\"D\",\"client\":\"0000000000001\"}"};
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_REFERENCE);
    assert_string_equal(error.pointer, "/client");
    assert_string_equal(error.value, "0000000000001");
    /* The id of another type is no client either. */
    int64_t deal = new_deal(shop, new_client(shop, "A"));
    change.json = id_json(shop, "{\"name\":\"D\",\"client\":\"$\"}", deal);
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_REFERENCE);
}

static void test_hidden_reference_is_missing(void **state)
{
    struct shop *shop = *state;
    int64_t client = new_client(shop, "Hidden");
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_OWN);
    struct error hidden = {0};
    struct error missing = {0};
    struct change change = {.scope = anna,
                            .kind = DRAFT_CREATE,
                            .type = "deal",
                            .json = id_json(shop, "{\"name\":\"D\",\"client\":\"$\"}", client)};
    anna->user = 0;
    ((struct scope_grant *)(uintptr_t)anna->grants)[shop_type(shop, "deal")->index].write_rows =
        ROWS_ALL;
    assert_int_equal(shop_write(shop, &change, NULL, &hidden), ERR_REFERENCE);
    change.json = "{\"name\":\"D\",\"client\":\"0000000000001\"}";
    assert_int_equal(shop_write(shop, &change, NULL, &missing), ERR_REFERENCE);
    assert_string_equal(hidden.detail, missing.detail);
    scope_unref(anna);
}

static void test_unique_names_the_field(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    (void)shop_create(shop, "client", "{\"name\":\"A\",\"code\":\"GR1\"}");
    int64_t other = shop_create(shop, "client", "{\"name\":\"B\",\"code\":\"GR2\"}");
    (void)shop_create(shop, "client", "{\"name\":\"C\"}");
    (void)shop_create(shop, "client", "{\"name\":\"D\"}"); /* nulls do not collide */
    struct change change = {
        .kind = DRAFT_CREATE, .type = "client", .json = "{\"name\":\"E\",\"code\":\"GR1\"}"};
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_UNIQUE);
    assert_string_equal(error.pointer, "/code");
    assert_string_equal(error.value, "GR1");
    assert_int_equal(shop_update(shop, NULL, "client", other, "{\"code\":\"GR1\"}", &error),
                     ERR_UNIQUE);
    assert_int_equal(shop_update(shop, NULL, "client", other, "{\"code\":\"GR2\"}", &error), OK);
    /* Another compartment is another world (contract 25). */
    change.json = "{\"name\":\"F\",\"code\":\"GR1\",\"compartment\":\"mediation\"}";
    assert_int_equal(shop_write(shop, &change, NULL, &error), OK);
}

static void test_external_id_is_unique(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    (void)shop_create(shop, "client", "{\"name\":\"A\",\"external_id\":\"crm:1\"}");
    struct change change = {.kind = DRAFT_CREATE,
                            .type = "client",
                            .json = "{\"name\":\"B\",\"external_id\":\"crm:1\"}"};
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_UNIQUE);
    assert_string_equal(error.pointer, "/external_id");
}

/* ---- rights on rows ---- */

static void test_rows_own_team_all(void **state)
{
    struct shop *shop = *state;
    int64_t anna_id = shop_create(shop, "user", "{\"name\":\"anna\"}");
    int64_t ben_id = shop_create(shop, "user", "{\"name\":\"ben\"}");
    struct scope *anna = shop_person(shop, "user:anna", anna_id, VERB_ALL, ROWS_OWN);
    struct scope *ben = shop_person(shop, "user:ben", ben_id, VERB_ALL, ROWS_OWN);
    const int64_t team[] = {anna_id, ben_id};
    struct change change = {
        .scope = anna, .kind = DRAFT_CREATE, .type = "client", .json = "{\"name\":\"A\"}"};
    struct tx_result result = {0};
    struct error error = {0};
    assert_int_equal(shop_write(shop, &change, &result, NULL), OK);
    assert_string_equal(shop_json(shop, ben, "client", result.id), "");
    /* Not readable looks as if it were not there, byte for byte but for the id. */
    assert_int_equal(shop_update(shop, ben, "client", result.id, "{\"name\":\"B\"}", &error),
                     ERR_NOT_FOUND);
    assert_int_equal(shop_delete(shop, ben, "client", result.id, &error), ERR_NOT_FOUND);
    ((struct scope_grant *)(uintptr_t)ben->grants)[shop_type(shop, "client")->index].read_rows =
        ROWS_ALL;
    assert_int_equal(shop_update(shop, ben, "client", result.id, "{\"name\":\"B\"}", &error),
                     ERR_FORBIDDEN);
    ben->team = team;
    ben->team_count = 2;
    ((struct scope_grant *)(uintptr_t)ben->grants)[shop_type(shop, "client")->index].write_rows =
        ROWS_TEAM;
    assert_int_equal(shop_update(shop, ben, "client", result.id, "{\"name\":\"B\"}", &error), OK);
    /* Own rows: a record for somebody else cannot be made. */
    change.json = id_json(shop, "{\"name\":\"X\",\"owner\":\"$\"}", ben_id);
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_FORBIDDEN);
    scope_unref(anna);
    scope_unref(ben);
}

static void test_compartments_hide(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"A\",\"compartment\":\"mediation\"}");
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    struct error error = {0};
    assert_string_equal(shop_json(shop, anna, "client", id), "");
    assert_int_equal(shop_update(shop, anna, "client", id, "{\"name\":\"B\"}", &error),
                     ERR_NOT_FOUND);
    struct change change = {.scope = anna,
                            .kind = DRAFT_CREATE,
                            .type = "client",
                            .json = "{\"name\":\"B\",\"compartment\":\"mediation\"}"};
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_FORBIDDEN);
    scope_unref(anna);
}

static void test_masked_fields_do_not_come_back(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"A\",\"code\":\"GR1\",\"rating\":4}");
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    shop_set_field(anna, "client", "code", FIELD_MASKED);
    shop_set_field(anna, "client", "rating", FIELD_HIDDEN);
    const char *json = shop_json(shop, anna, "client", id);
    assert_null(strstr(json, "GR1"));
    assert_null(strstr(json, "rating"));
    assert_non_null(strstr(json, "\"name\":\"A\""));
    scope_unref(anna);
}

/* ---- delete ---- */

static void test_delete_restricts_clears_cascades(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t client = new_client(shop, "A");
    int64_t author = new_client(shop, "B");
    int64_t deal = new_deal(shop, client);
    int64_t note = shop_create(shop, "note", id_json(shop, "{\"deal\":\"$\"}", deal));
    int64_t other =
        shop_create(shop, "note", id_json(shop, "{\"text\":\"t\",\"author\":\"$\"}", author));
    assert_int_equal(shop_delete(shop, NULL, "client", client, &error), ERR_RESTRICTED);
    assert_non_null(strstr(error.detail, "deal"));
    assert_int_equal(shop_delete(shop, NULL, "client", author, &error), OK);
    assert_string_equal(shop_field(shop, "note", other, "author"), "null");
    assert_string_equal(shop_field(shop, "note", other, "version"), "2");
    assert_int_equal(shop_delete(shop, NULL, "deal", deal, &error), OK);
    assert_string_equal(shop_json(shop, NULL, "note", note), "");
    assert_non_null(strstr(shop_last_entry(shop), "deal.deleted"));
    assert_int_equal(shop_delete(shop, NULL, "client", client, &error), OK);
    assert_int_equal(shop_delete(shop, NULL, "client", client, &error), ERR_NOT_FOUND);
}

static void test_links_go_with_their_target(void **state)
{
    struct shop *shop = *state;
    int64_t a = new_client(shop, "A");
    int64_t b = new_client(shop, "B");
    assert_int_equal(
        shop_update(shop, NULL, "client", a, id_json(shop, "{\"partners\":[\"$\"]}", b), NULL), OK);
    assert_int_not_equal(strcmp(shop_field(shop, "client", a, "partners"), "[]"), 0);
    assert_int_equal(shop_delete(shop, NULL, "client", b, NULL), OK);
    assert_string_equal(shop_field(shop, "client", a, "partners"), "[]");
}

static void test_hidden_dependants_are_not_revealed(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t client = new_client(shop, "A");
    int64_t deal = new_deal(shop, client);
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    ((struct scope_grant *)(uintptr_t)anna->grants)[shop_type(shop, "deal")->index].read_rows =
        ROWS_NONE;
    assert_int_equal(shop_delete(shop, anna, "client", client, &error), OK);
    assert_non_null(strstr(shop_last_entry(shop), "client.deleted"));
    /* It is archived, and the deal that nobody may know of keeps its client. */
    assert_int_not_equal(strcmp(shop_field(shop, "client", client, "archived_at"), "null"), 0);
    assert_int_not_equal(strcmp(shop_field(shop, "deal", deal, "client"), "null"), 0);
    scope_unref(anna);
}

static void test_archive_and_restore(void **state)
{
    struct shop *shop = *state;
    int64_t id = new_client(shop, "A");
    struct change change = {
        .kind = DRAFT_UPDATE, .type = "client", .id = id, .json = "{}", .archive = true};
    struct tx_result result = {0};
    assert_int_equal(shop_write(shop, &change, &result, NULL), OK);
    assert_true(result.changed);
    assert_non_null(strstr(shop_last_entry(shop), "client.deleted"));
    /* Gone for everyone but the audit role, as if it were deleted. */
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    assert_string_equal(shop_json(shop, anna, "client", id), "");
    assert_int_equal(shop_update(shop, anna, "client", id, "{\"name\":\"B\"}", NULL),
                     ERR_NOT_FOUND);
    struct change deal = {.scope = anna,
                          .kind = DRAFT_CREATE,
                          .type = "deal",
                          .json = id_json(shop, "{\"name\":\"D\",\"client\":\"$\"}", id)};
    assert_int_equal(shop_write(shop, &deal, NULL, NULL), ERR_REFERENCE);
    scope_unref(anna);
    change.archive = false;
    change.restore = true;
    assert_int_equal(shop_write(shop, &change, &result, NULL), OK);
    assert_non_null(strstr(shop_last_entry(shop), "client.restored"));
    assert_string_equal(shop_field(shop, "client", id, "archived_at"), "null");
    assert_string_equal(shop_field(shop, "client", id, "version"), "3");
}

/* ---- across restarts and snapshots ---- */

static void test_records_survive_reopening(void **state)
{
    struct shop *shop = *state;
    int64_t id = new_client(shop, "Alpha");
    shop_reopen(shop);
    assert_string_equal(shop_field(shop, "client", id, "name"), "\"Alpha\"");
    assert_true(new_client(shop, "Beta") > id);
}

static void test_older_snapshots_are_judged_again(void **state)
{
    struct shop *shop = *state;
    const struct schema *old = store_schema(shop->store);
    const struct object_type *type = schema_object(old, STR("client"));
    const struct scope *scope = store_system_scope(shop->store, SYSTEM_MIGRATION);
    struct value map = shop_value(shop, "{\"name\":\"A\",\"rating\":5,\"email\":\"a@b.gr\"}");
    struct draft *draft = NULL;
    assert_int_equal(
        draft_make(shop->store, scope, DRAFT_CREATE, type, 0, &map, &shop->arena, &draft, NULL),
        OK);
    struct error error = {0};
    assert_int_equal(
        shop_declare(shop,
                     "{\"objects\":{\"client\":{\"fields\":["
                     "{\"1\":\"email\",\"2\":\"email\",\"index\":true},"
                     "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"search\":true},"
                     "{\"1\":\"level\",\"2\":\"integer\",\"default\":7},"
                     "{\"1\":\"rating\",\"2\":\"integer\",\"max\":5}]}}}",
                     &error),
        OK);
    struct conflict_unit one = {.draft = draft};
    one.unit.scope = scope;
    one.unit.apply = conflict_apply;
    one.unit.done = conflict_done;
    assert_int_equal(store_run(shop->store, &one.unit), OK);
    unit_deinit(&one.unit);
    assert_string_equal(shop_field(shop, "client", draft->id, "name"), "\"A\"");
    assert_string_equal(shop_field(shop, "client", draft->id, "email"), "\"a@b.gr\"");
    assert_string_equal(shop_field(shop, "client", draft->id, "level"), "7");
    scope_unref(scope);
    schema_unref(old);
}

static void test_ids_never_come_again(void **state)
{
    struct shop *shop = *state;
    (void)shop_create(shop, "client", "{\"name\":\"Stays\"}");
    int64_t gone = shop_create(shop, "client", "{\"name\":\"Gone\"}");
    int64_t row = ids_next(store_ids(shop->store)); /* of a module's table, written with the next */
    assert_int_equal(shop_delete(shop, NULL, "client", gone, NULL), OK);
    shop->env.ms -= (int64_t)30 * 24 * 3600 * 1000;
    shop_reopen(shop);
    int64_t next = ids_next(store_ids(shop->store));
    assert_true(next > gone);
    assert_true(next > row);
}

int test_write(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create_then_read, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_update_says_what_changed, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_stale_version, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_conflict_shows_three_sides, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_null_clears, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_computed_follows, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_references_must_exist, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_hidden_reference_is_missing, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_unique_names_the_field, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_external_id_is_unique, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_rows_own_team_all, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_compartments_hide, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_masked_fields_do_not_come_back, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_delete_restricts_clears_cascades, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_links_go_with_their_target, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_hidden_dependants_are_not_revealed, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_archive_and_restore, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_records_survive_reopening, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_ids_never_come_again, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_older_snapshots_are_judged_again, open_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
