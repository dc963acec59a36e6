/* Change-sets taken back: fields, made and deleted records, links, archives; conflicts; merges with
 * their rules and cycles. */
#include "record_fixture.h"

#include "proxenos/base_json.h"
#include "proxenos/store_merge.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

int test_changeset(void);

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

/* ---- several changes as one unit ---- */

struct edit {
    enum draft_kind kind;
    const char *type;
    int64_t id;
    const char *json; /* NULL: none */
    bool archive;
};

struct set_unit {
    struct unit unit;
    struct shop *shop;
    const struct edit *edits;
    size_t count;
};

static enum err set_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct set_unit *set = CONTAINER_OF(unit, struct set_unit, unit);
    enum err err = OK;
    for (size_t i = 0; i < set->count && err == OK; i++) {
        const struct edit *edit = &set->edits[i];
        struct value map = edit->json != NULL ? shop_value(set->shop, edit->json) : value_map_new();
        struct draft *draft = NULL;
        err =
            draft_make(set->shop->store, tx_scope(tx), edit->kind, shop_type(set->shop, edit->type),
                       edit->id, &map, tx_arena(tx), &draft, error);
        if (err == OK) {
            draft->archive = edit->archive;
            err = tx_write(tx, draft, NULL, error);
        }
    }
    return err;
}

static const struct changeset the_set = {
    .id = 77, .name = STR_INIT("test"), .kind = STR_INIT("bulk")};

/* cause: the seq that led to it, and then it is no part of the change-set. The seq of its last
 * entry. */
static int64_t change_because(struct shop *shop, int64_t cause, const struct edit *edits,
                              size_t count)
{
    struct set_unit set = {.unit = {.apply = set_apply,
                                    .scope = shop->system,
                                    .cause = cause,
                                    .changeset = cause == 0 ? &the_set : NULL},
                           .shop = shop,
                           .edits = edits,
                           .count = count};
    enum err err = store_run(shop->store, &set.unit);
    if (err != OK) {
        fail_msg("%s", set.unit.error.detail);
    }
    int64_t seq = set.unit.last_seq;
    unit_deinit(&set.unit);
    return seq;
}

static void change(struct shop *shop, const struct edit *edits, size_t count)
{
    (void)change_because(shop, 0, edits, count);
}

struct back_unit {
    struct unit unit;
    struct changeset as;
    struct revert revert;
};

static enum err back_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_revert(tx, &CONTAINER_OF(unit, struct back_unit, unit)->revert, error);
}

static enum err revert(struct shop *shop, const struct scope *scope, struct revert what,
                       int64_t *out_conflicts)
{
    int64_t id = what.changeset;
    struct back_unit back = {.unit = {.apply = back_apply, .alone = true},
                             .as = {.id = id + 1, .name = STR("back"), .kind = STR("revert")}};
    back.as.reverts = id;
    back.unit.scope = scope != NULL ? scope : shop->system;
    back.revert = what;
    back.revert.as = &back.as;
    enum err err = store_run(shop->store, &back.unit);
    if (out_conflicts != NULL) {
        *out_conflicts = back.revert.conflict_count;
    }
    unit_deinit(&back.unit);
    return err;
}

/* *out_conflicts: how many. */
static enum err take_back(struct shop *shop, const struct scope *scope, int64_t id, bool partial,
                          int64_t *out_conflicts)
{
    return revert(shop, scope, (struct revert){.changeset = id, .partial = partial}, out_conflicts);
}

/* The record without its marks of change. */
static const char *content(struct shop *shop, const char *type, int64_t id)
{
    const char *json = shop_json(shop, NULL, type, id);
    if (json[0] == '\0') {
        return "";
    }
    struct value record = shop_value(shop, json);
    struct value kept = value_map_new();
    for (size_t i = 0; i < record.map.count; i++) {
        const struct value_entry *entry = &record.map.entries[i];
        if (!str_is(entry->key, "version") && !str_starts(entry->key, STR("updated_"))) {
            value_put(&shop->arena, &kept, entry->key, entry->value);
        }
    }
    struct buf text;
    buf_init(&text);
    json_encode(&text, &kept);
    const char *copy = arena_str(&shop->arena, buf_str(&text)).at;
    buf_deinit(&text);
    return copy;
}

static const char *with_id(struct shop *shop, const char *before, int64_t id, const char *after)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_printf(&shop->arena, "%s%s%s", before, text, after).at;
}

static void test_everything_comes_back(void **state)
{
    struct shop *shop = *state;
    int64_t edited = shop_create(shop, "client",
                                 "{\"name\":\"Α\",\"code\":\"GR1\",\"born\":\"1961-05-17\","
                                 "\"tags\":[\"client\"],\"facts\":{\"k\":[1]}}");
    int64_t archived = shop_create(shop, "client", "{\"name\":\"Β\"}");
    int64_t deleted = shop_create(
        shop, "client",
        with_id(shop, "{\"name\":\"Γ\",\"code\":\"GR3\",\"partners\":[\"", edited, "\"]}"));
    int64_t deal = shop_create(shop, "deal",
                               with_id(shop, "{\"name\":\"D\",\"client\":\"", edited,
                                       "\",\"value\":{\"amount\":5,\"currency\":\"EUR\"}}"));
    int64_t note =
        shop_create(shop, "note", with_id(shop, "{\"text\":\"n\",\"deal\":\"", deal, "\"}"));
    const char *before[] = {content(shop, "client", edited), content(shop, "client", archived),
                            content(shop, "client", deleted), content(shop, "deal", deal),
                            content(shop, "note", note)};
    shop->env.ms += 1000;
    const struct edit edits[] = {
        {DRAFT_UPDATE, "client", edited,
         "{\"name\":\"Ω\",\"code\":null,\"born\":null,\"tags\":{\"add\":\"supplier\"},\"rating\":"
         "5}",
         false},
        {DRAFT_UPDATE, "client", archived, NULL, true},
        {DRAFT_DELETE, "client", deleted, NULL, false},
        {DRAFT_CREATE, "client", 4242, "{\"name\":\"New\",\"code\":\"GR1\"}", false},
        {DRAFT_UPDATE, "client", edited, "{\"rating\":4}", false},
        {DRAFT_DELETE, "deal", deal, NULL, false}, /* and its note */
    };
    change(shop, edits, COUNT_OF(edits));
    assert_string_equal(content(shop, "note", note), "");
    int64_t conflicts = 0;
    shop->env.ms += 1000;
    assert_int_equal(take_back(shop, NULL, the_set.id, false, &conflicts), OK);
    assert_int_equal(conflicts, 0);
    const char *after[] = {content(shop, "client", edited), content(shop, "client", archived),
                           content(shop, "client", deleted), content(shop, "deal", deal),
                           content(shop, "note", note)};
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        assert_string_equal(after[i], before[i]);
    }
    assert_string_equal(content(shop, "client", 4242), "");
    assert_int_equal(take_back(shop, NULL, the_set.id, false, NULL), ERR_CONFLICT);
    /* And forth again, and back. */
    assert_int_equal(take_back(shop, NULL, the_set.id + 1, false, NULL), OK);
    assert_string_equal(shop_field(shop, "client", edited, "name"), "\"Ω\"");
    assert_string_equal(shop_field(shop, "client", 4242, "name"), "\"New\"");
    assert_int_equal(take_back(shop, NULL, the_set.id + 2, false, NULL), OK);
    for (size_t i = 0; i < COUNT_OF(before); i++) {
        static const char *const types[] = {"client", "client", "client", "deal", "note"};
        const int64_t ids[] = {edited, archived, deleted, deal, note};
        assert_string_equal(content(shop, types[i], ids[i]), before[i]);
    }
}

static void test_conflicts(void **state)
{
    struct shop *shop = *state;
    int64_t conflicts = 0;
    int64_t a = shop_create(shop, "client", "{\"name\":\"Α\"}");
    const struct edit edits[] = {
        {DRAFT_UPDATE, "client", a, "{\"name\":\"Β\",\"rating\":5}", false},
        {DRAFT_CREATE, "client", 4242, "{\"name\":\"New\"}", false},
    };
    change(shop, edits, COUNT_OF(edits));
    assert_int_equal(shop_update(shop, NULL, "client", a, "{\"name\":\"Γ\"}", NULL), OK);
    int64_t deal =
        shop_create(shop, "deal", with_id(shop, "{\"name\":\"D\",\"client\":\"", 4242, "\"}"));
    assert_int_equal(take_back(shop, NULL, the_set.id, false, &conflicts), ERR_CONFLICT);
    assert_int_equal(conflicts, 2); /* the name, and a deal that refers to the new one */
    assert_string_equal(shop_field(shop, "client", a, "rating"), "5");
    struct scope *reader = shop_person(shop, "user:nikos", 6, VERB_READ, ROWS_ALL);
    assert_int_equal(take_back(shop, reader, the_set.id, false, NULL), ERR_NOT_FOUND);
    scope_unref(reader);
    assert_int_equal(take_back(shop, NULL, the_set.id, true, &conflicts), OK);
    assert_int_equal(conflicts, 2);
    assert_string_equal(shop_field(shop, "client", a, "rating"), "3");
    assert_string_equal(shop_field(shop, "client", a, "name"), "\"Γ\"");
    assert_string_not_equal(shop_field(shop, "deal", deal, "client"), "");
    assert_int_equal(take_back(shop, NULL, 999, false, NULL), ERR_NOT_FOUND);
}

/* What an entry of the set led to, and what that led to; not what came beside it. */
static void test_effects(void **state)
{
    struct shop *shop = *state;
    int64_t conflicts = 0;
    int64_t a = shop_create(shop, "client", "{\"name\":\"Α\"}");
    int64_t b = shop_create(shop, "client", "{\"name\":\"Β\"}");
    const struct edit edits[] = {{DRAFT_UPDATE, "client", a, "{\"rating\":5}", false}};
    const struct edit first[] = {{DRAFT_UPDATE, "client", b, "{\"rating\":4}", false},
                                 {DRAFT_CREATE, "client", 4243, "{\"name\":\"Made\"}", false}};
    const struct edit second[] = {{DRAFT_UPDATE, "client", 4243, "{\"rating\":1}", false}};
    const char *before = content(shop, "client", b);
    int64_t seq = change_because(shop, 0, edits, COUNT_OF(edits));
    int64_t caused = change_because(shop, seq, first, COUNT_OF(first));
    (void)change_because(shop, caused, second, COUNT_OF(second));
    assert_int_equal(shop_update(shop, NULL, "client", b, "{\"name\":\"Γ\"}", NULL), OK);
    const struct revert whole = {.changeset = the_set.id, .effects = true};
    assert_int_equal(shop_update(shop, NULL, "client", 4243, "{\"name\":\"Kept\"}", NULL), OK);
    assert_int_equal(revert(shop, NULL, whole, &conflicts), ERR_CONFLICT);
    assert_int_equal(conflicts, 1); /* the name of what was made */
    assert_string_equal(shop_field(shop, "client", b, "rating"), "4");
    assert_int_equal(shop_update(shop, NULL, "client", 4243, "{\"name\":\"Made\"}", NULL), OK);
    assert_int_equal(revert(shop, NULL, whole, &conflicts), OK);
    assert_string_equal(content(shop, "client", 4243), "");
    assert_string_equal(shop_field(shop, "client", a, "rating"), "3");
    assert_string_equal(shop_field(shop, "client", b, "rating"), "3");
    assert_string_equal(shop_field(shop, "client", b, "name"), "\"Γ\"");
    assert_string_not_equal(content(shop, "client", b), before); /* but for what came beside it */
}

/* ---- merging ---- */

struct merge_unit {
    struct unit unit;
    struct changeset as;
    struct merge merge;
};

static enum err merge_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_merge(tx, &CONTAINER_OF(unit, struct merge_unit, unit)->merge, error);
}

static enum err merge_into(struct shop *shop, const struct scope *scope, int64_t keep,
                           int64_t other, struct error *error)
{
    struct merge_unit merging = {.unit = {.apply = merge_apply, .alone = true},
                                 .as = {.id = 500, .name = STR("m"), .kind = STR("merge")}};
    merging.unit.scope = scope != NULL ? scope : shop->system;
    merging.merge = (struct merge){.type = shop_type(shop, "client"),
                                   .keep = keep,
                                   .others = &other,
                                   .other_count = 1,
                                   .fill = true,
                                   .as = &merging.as};
    enum err err = store_run(shop->store, &merging.unit);
    *error = merging.unit.error;
    error->next = NULL;
    unit_deinit(&merging.unit);
    return err;
}

static void test_merge_moves_fills_and_comes_back(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t keep = shop_create(shop, "client", "{\"name\":\"Keep\",\"tags\":[\"client\"]}");
    int64_t other = shop_create(
        shop, "client",
        "{\"name\":\"Other\",\"code\":\"GR9\",\"tags\":[\"supplier\"],\"email\":\"o@b.gr\"}");
    int64_t friend =
        shop_create(shop, "client",
                    with_id(shop, with_id(shop, "{\"name\":\"F\",\"partners\":[\"", other, "\",\""),
                            keep, "\"]}"));
    int64_t deal =
        shop_create(shop, "deal", with_id(shop, "{\"name\":\"D\",\"client\":\"", other, "\"}"));
    const int64_t ids[] = {keep, other, friend};
    const char *before[COUNT_OF(ids)];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        before[i] = content(shop, "client", ids[i]);
    }
    const char *deal_before = content(shop, "deal", deal);
    assert_int_equal(merge_into(shop, NULL, keep, other, &error), OK);
    assert_string_equal(shop_field(shop, "deal", deal, "client"), with_id(shop, "\"", keep, "\""));
    assert_string_equal(shop_field(shop, "client", friend, "partners"),
                        with_id(shop, "[\"", keep, "\"]"));
    assert_string_equal(shop_field(shop, "client", keep, "code"), "\"GR9\"");
    assert_string_equal(shop_field(shop, "client", keep, "tags"), "[\"client\",\"supplier\"]");
    assert_non_null(strstr(shop_last_entry(shop), "client.merged"));
    assert_int_equal(take_back(shop, NULL, 500, false, NULL), OK);
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_string_equal(content(shop, "client", ids[i]), before[i]);
    }
    assert_string_equal(content(shop, "deal", deal), deal_before);
}

static void test_merge_is_refused(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t keep = shop_create(shop, "client", "{\"name\":\"Keep\"}");
    int64_t other = shop_create(shop, "client", "{\"name\":\"Other\"}");
    int64_t walled = shop_create(shop, "client", "{\"name\":\"W\",\"compartment\":\"x\"}");
    assert_int_equal(merge_into(shop, NULL, keep, keep, &error), ERR_INVALID);
    assert_int_equal(merge_into(shop, NULL, keep, 12345, &error), ERR_NOT_FOUND);
    assert_int_equal(merge_into(shop, NULL, keep, walled, &error), ERR_CONFLICT);
    struct scope *writer = shop_person(shop, "user:anna", 5, VERB_READ | VERB_UPDATE, ROWS_ALL);
    assert_int_equal(merge_into(shop, writer, keep, other, &error), ERR_FORBIDDEN);
    assert_int_equal(merge_into(shop, writer, keep, walled, &error), ERR_FORBIDDEN);
    scope_unref(writer);
    assert_string_equal(shop_field(shop, "client", other, "name"), "\"Other\"");
}

int test_changeset(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_comes_back, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_conflicts, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_effects, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_merge_moves_fills_and_comes_back, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_merge_is_refused, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
