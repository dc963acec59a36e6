/* Compartments: who sees and writes what lies in one, who comes in by whose hand, and what stays of
 * a record that somebody outside deletes. */
#include "record_fixture.h"

#include "proxenos/store_compartment.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

int test_compartment(void);

enum { HOUR_MS = 60 * 60 * 1000 };

static int open_shop(void **state)
{
    static struct shop shop;
    shop_open_with(&shop, shop_schema);
    *state = &shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    return 0;
}

/* ---- predicates ---- */

static void test_who_sees_and_who_writes(void **state)
{
    struct shop *shop = *state;
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    const struct scope_compartment inside[] = {
        {.key = STR("k1"), .name = STR("deal"), .write = true},
        {.key = STR("k2"), .name = STR("ward")},
        {.key = STR("k3"), .name = STR("ward"), .write = true}};
    assert_false(scope_sees_compartment(anna, STR("k1")));
    anna->compartments = inside;
    anna->compartment_count = COUNT_OF(inside);
    assert_true(scope_sees_compartment(anna, STR("")));
    assert_true(scope_writes_compartment(anna, STR("")));
    assert_true(scope_sees_compartment(anna, STR("k1")));
    assert_true(scope_writes_compartment(anna, STR("k1")));
    assert_true(scope_sees_compartment(anna, STR("k2")));
    assert_false(scope_writes_compartment(anna, STR("k2")));
    assert_false(scope_sees_compartment(anna, STR("k4")));
    assert_false(scope_writes_compartment(anna, STR("k4")));
    assert_ptr_equal(scope_compartment_named(anna, STR("deal")), &inside[0]);
    assert_null(scope_compartment_named(anna, STR("ward"))); /* of two the id says which */
    assert_true(scope_sees_compartment(shop->system, STR("k4")));
    assert_true(scope_writes_compartment(shop->system, STR("k4")));
    scope_unref(anna);
}

static void test_a_reader_inside_changes_nothing(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"A\",\"compartment\":\"k1\"}");
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    struct scope_compartment inside = {.key = STR("k1"), .name = STR("deal")};
    struct error error = {0};
    anna->compartments = &inside;
    anna->compartment_count = 1;
    assert_non_null(strstr(shop_json(shop, anna, "client", id), "\"A\""));
    assert_int_equal(shop_update(shop, anna, "client", id, "{\"name\":\"B\"}", &error),
                     ERR_FORBIDDEN);
    inside.write = true;
    assert_int_equal(shop_update(shop, anna, "client", id, "{\"name\":\"B\"}", &error), OK);
    /* By its name, too. */
    struct change change = {.scope = anna,
                            .kind = DRAFT_CREATE,
                            .type = "client",
                            .json = "{\"name\":\"C\",\"compartment\":\"deal\"}"};
    struct tx_result result = {0};
    assert_int_equal(shop_write(shop, &change, &result, &error), OK);
    assert_string_equal(shop_field(shop, "client", result.id, "compartment"), "\"k1\"");
    scope_unref(anna);
}

/* ---- references ---- */

static void test_what_lies_outside_points_not_inside(void **state)
{
    struct shop *shop = *state;
    int64_t hidden = shop_create(shop, "client", "{\"name\":\"A\",\"compartment\":\"k1\"}");
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    const struct scope_compartment inside = {.key = STR("k1"), .name = STR("d"), .write = true};
    anna->compartments = &inside;
    anna->compartment_count = 1;
    char id[ID_TEXT_LEN + 1];
    char json[120];
    id_format(hidden, id);
    (void)snprintf(json, sizeof(json), "{\"name\":\"B\",\"partners\":[\"%s\"]}", id);
    struct change change = {.scope = anna, .kind = DRAFT_CREATE, .type = "client", .json = json};
    struct error error = {0};
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_REFERENCE);
    assert_string_equal(error.pointer, "/partners");
    (void)snprintf(json, sizeof(json),
                   "{\"name\":\"B\",\"partners\":[\"%s\"],\"compartment\":\"k1\"}", id);
    struct tx_result result = {0};
    assert_int_equal(shop_write(shop, &change, &result, &error), OK);
    assert_int_equal(shop_update(shop, anna, "client", result.id, "{\"compartment\":null}", &error),
                     ERR_REFERENCE);
    scope_unref(anna);
}

/* ---- deleting from outside ---- */

static void test_what_those_inside_refer_to_is_kept_for_them(void **state)
{
    struct shop *shop = *state;
    int64_t open = shop_create(shop, "client", "{\"name\":\"Open\",\"code\":\"GR1\"}");
    char id[ID_TEXT_LEN + 1];
    char json[160];
    id_format(open, id);
    (void)snprintf(json, sizeof(json),
                   "{\"name\":\"H\",\"code\":\"GR1\",\"partners\":[\"%s\"],\"compartment\":\"k1\"}",
                   id);
    (void)shop_create(shop, "client", json);
    struct scope *anna = shop_person(shop, "user:anna", 0, VERB_ALL, ROWS_ALL);
    struct error error = {0};
    anna->audit = true;
    assert_int_equal(shop_delete(shop, anna, "client", open, &error), OK);
    assert_string_equal(shop_json(shop, anna, "client", open), ""); /* for the audit role too */
    assert_string_equal(shop_field(shop, "client", open, "compartment"), "\"k1\"");
    assert_string_equal(shop_field(shop, "client", open, "name"), "\"Open\"");
    /* Its unique value is held by the other one inside. */
    assert_string_equal(shop_field(shop, "client", open, "code"), "null");
    /* The value is free outside. */
    struct change change = {.scope = anna,
                            .kind = DRAFT_CREATE,
                            .type = "client",
                            .json = "{\"name\":\"New\",\"code\":\"GR1\"}"};
    assert_int_equal(shop_write(shop, &change, NULL, &error), OK);
    scope_unref(anna);
}

/* ---- who comes in ---- */

struct act {
    struct unit unit;
    enum { MAKE, PROPOSE, CONFIRM, END, ASK, BREAK } what;
    struct compartment_spec spec;
    struct compartment_who who;
    struct crossing_ask ask;
    struct glass glass;
    int64_t id;     /* of the compartment or the access */
    int64_t out_id; /* made */
};

static enum err act_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct act *act = CONTAINER_OF(unit, struct act, unit);
    struct record *record = NULL;
    enum err err = OK;
    switch (act->what) {
    case MAKE:
        return tx_compartment_make(tx, &act->spec, &act->out_id, error);
    case PROPOSE:
        err = tx_access_propose(tx, act->id, &act->who, &record, error);
        break;
    case CONFIRM:
        err = tx_access_decide(tx, act->id, true, STR(""), &record, error);
        break;
    case END:
        err = tx_access_end(tx, act->id, STR(""), &record, error);
        break;
    case ASK:
        return tx_crossing_ask(tx, &act->ask, error);
    case BREAK:
        err = tx_break_glass(tx, &act->glass, &record, error);
        break;
    }
    act->out_id = err == OK ? record->id : 0;
    return err;
}

static enum err run(struct shop *shop, struct act *act, const struct scope *scope)
{
    act->unit = (struct unit){.apply = act_apply, .scope = scope};
    enum err err = store_run(shop->store, &act->unit);
    unit_deinit(&act->unit);
    return err;
}

struct people {
    int64_t kate, karl, mia;
    struct scope *by_kate, *by_karl, *by_mia;
    int64_t deal;
    struct scope_compartment keeper, member;
    char key[ID_TEXT_LEN + 1];
};

static int64_t user_make(struct shop *shop, const char *name)
{
    char json[80];
    (void)snprintf(json, sizeof(json), "{\"name\":\"%s\"}", name);
    return shop_create(shop, "user", json);
}

static void people_make(struct shop *shop, struct people *people, bool break_glass)
{
    people->kate = user_make(shop, "kate");
    people->karl = user_make(shop, "karl");
    people->mia = user_make(shop, "mia");
    people->by_kate = shop_person(shop, "user:kate", people->kate, VERB_ALL, ROWS_ALL);
    people->by_karl = shop_person(shop, "user:karl", people->karl, VERB_ALL, ROWS_ALL);
    people->by_mia = shop_person(shop, "user:mia", people->mia, VERB_ALL, ROWS_ALL);
    const struct compartment_who members[] = {{.user = people->kate, .keeper = true},
                                              {.user = people->karl, .keeper = true}};
    struct act make = {.what = MAKE,
                       .spec = {.name = STR("deal"),
                                .break_glass = break_glass,
                                .members = members,
                                .member_count = 1}};
    assert_int_equal(run(shop, &make, shop->system), ERR_INVALID); /* one keeper alone */
    make.spec.member_count = 2;
    assert_int_equal(run(shop, &make, people->by_mia), ERR_FORBIDDEN);
    assert_int_equal(run(shop, &make, shop->system), OK);
    people->deal = make.out_id;
    id_format(people->deal, people->key);
    people->keeper = (struct scope_compartment){
        .key = str_from(people->key), .name = STR("deal"), .write = true, .keeper = true};
    people->member = people->keeper;
    people->member.keeper = false;
    people->by_kate->compartments = people->by_karl->compartments = &people->keeper;
    people->by_kate->compartment_count = people->by_karl->compartment_count = 1;
}

static void people_free(struct people *people)
{
    scope_unref(people->by_kate);
    scope_unref(people->by_karl);
    scope_unref(people->by_mia);
}

static void test_two_keepers_let_in(void **state)
{
    struct shop *shop = *state;
    struct people people;
    people_make(shop, &people, false);
    struct act propose = {.what = PROPOSE,
                          .id = people.deal,
                          .who = {.user = people.mia, .write = true, .reason = STR("works on it")}};
    assert_int_equal(run(shop, &propose, people.by_mia), ERR_NOT_FOUND);
    assert_int_equal(run(shop, &propose, people.by_kate), OK);
    struct act confirm = {.what = CONFIRM, .id = propose.out_id};
    assert_int_equal(run(shop, &confirm, people.by_kate), ERR_SAME_PERSON);
    assert_int_equal(run(shop, &confirm, people.by_mia), ERR_NOT_FOUND);
    assert_int_equal(run(shop, &confirm, people.by_karl), OK);
    assert_int_equal(run(shop, &confirm, people.by_karl), ERR_CONFLICT);
    assert_string_equal(shop_field(shop, "compartment_access", propose.out_id, "state"),
                        "\"active\"");
    /* A member who is no keeper has no say. */
    people.by_mia->compartments = &people.member;
    people.by_mia->compartment_count = 1;
    assert_int_equal(run(shop, &propose, people.by_mia), ERR_FORBIDDEN);
    struct act leave = {.what = END, .id = confirm.id};
    assert_int_equal(run(shop, &leave, people.by_mia), OK);
    assert_int_equal(run(shop, &leave, people.by_kate), ERR_CONFLICT);
    people_free(&people);
}

static void test_what_was_asked_long_ago_is_void(void **state)
{
    struct shop *shop = *state;
    struct people people;
    people_make(shop, &people, false);
    struct act propose = {
        .what = PROPOSE, .id = people.deal, .who = {.user = people.mia, .reason = STR("r")}};
    assert_int_equal(run(shop, &propose, people.by_kate), OK);
    shop->env.ms += (int64_t)CROSSING_ASKED_DAYS_MAX * 24 * HOUR_MS;
    struct act confirm = {.what = CONFIRM, .id = propose.out_id};
    assert_int_equal(run(shop, &confirm, people.by_karl), ERR_GONE);
    people_free(&people);
}

static void test_crossing_tells_nothing(void **state)
{
    struct shop *shop = *state;
    struct people people;
    people_make(shop, &people, false);
    struct act ask = {
        .what = ASK,
        .ask = {.compartment = STR("deal"), .reason = STR("r"), .hours = CROSSING_HOURS_MAX + 1}};
    assert_int_equal(run(shop, &ask, people.by_mia), ERR_RANGE);
    ask.ask.hours = 2;
    assert_int_equal(run(shop, &ask, people.by_mia), OK);
    assert_true(ask.unit.last_seq > 0);
    /* Once is enough; and there is none of this name. */
    assert_int_equal(run(shop, &ask, people.by_mia), OK);
    assert_int_equal(ask.unit.last_seq, 0);
    ask.ask.compartment = STR("nothing");
    assert_int_equal(run(shop, &ask, people.by_mia), OK);
    assert_int_equal(ask.unit.last_seq, 0);
    people_free(&people);
}

static void test_glass_is_broken_where_it_may_be(void **state)
{
    struct shop *shop = *state;
    struct people people;
    people_make(shop, &people, false);
    struct act act = {.what = BREAK, .glass = {.compartment = STR("deal"), .reason = STR("r")}};
    assert_int_equal(run(shop, &act, people.by_mia), ERR_FORBIDDEN);
    people.by_mia->breaks_glass = true;
    assert_int_equal(run(shop, &act, people.by_mia), ERR_NOT_FOUND);
    people_free(&people);
}

static void test_broken_glass_waits_for_a_review(void **state)
{
    struct shop *shop = *state;
    struct people people;
    people_make(shop, &people, true);
    struct act act = {.what = BREAK, .glass = {.compartment = STR("deal"), .reason = STR("r")}};
    people.by_mia->breaks_glass = true;
    assert_int_equal(run(shop, &act, people.by_mia), OK);
    assert_string_equal(shop_field(shop, "compartment_access", act.out_id, "review"), "\"open\"");
    assert_string_equal(shop_field(shop, "compartment_access", act.out_id, "write"), "false");
    assert_non_null(strstr(shop_last_entry(shop), "compartment_access.glass_broken"));
    people_free(&people);
}

int test_compartment(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_sees_and_who_writes, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_reader_inside_changes_nothing, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_what_lies_outside_points_not_inside, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_what_those_inside_refer_to_is_kept_for_them, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_two_keepers_let_in, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_what_was_asked_long_ago_is_void, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_crossing_tells_nothing, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_glass_is_broken_where_it_may_be, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(test_broken_glass_waits_for_a_review, open_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests_name("compartment", tests, NULL, NULL);
}
