/* State machines and four eyes (contracts 12, 13). */
#include "record_fixture.h"

#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

int test_machine(void);

struct stage {
    struct shop shop;
    struct scope *anna, *ben; /* both may do all, with the role sales */
    int64_t deal;
};

static int set_stage(void **state)
{
    struct stage *stage = mem_zalloc(sizeof(*stage));
    struct shop *shop = &stage->shop;
    char id[ID_TEXT_LEN + 1];
    shop_open_with(shop, shop_schema);
    int64_t anna = shop_create(shop, "user", "{\"name\":\"anna\"}");
    int64_t ben = shop_create(shop, "user", "{\"name\":\"ben\"}");
    stage->anna = shop_person(shop, "user:anna", anna, VERB_ALL, ROWS_ALL);
    stage->ben = shop_person(shop, "user:ben", ben, VERB_ALL, ROWS_ALL);
    id_format(shop_create(shop, "client", "{\"name\":\"A\"}"), id);
    stage->deal = shop_create(
        shop, "deal", arena_printf(&shop->arena, "{\"name\":\"D\",\"client\":\"%s\"}", id).at);
    *state = stage;
    return 0;
}

static int strike_stage(void **state)
{
    struct stage *stage = *state;
    scope_unref(stage->anna);
    scope_unref(stage->ben);
    shop_close(&stage->shop);
    mem_free(stage);
    return 0;
}

static enum err move(struct stage *stage, const struct scope *scope, const char *to,
                     struct tx_result *result, struct error *error)
{
    struct change change = {.scope = scope,
                            .kind = DRAFT_UPDATE,
                            .type = "deal",
                            .id = stage->deal,
                            .json = arena_printf(&stage->shop.arena, "{\"stage\":\"%s\"}", to).at};
    return shop_write(&stage->shop, &change, result, error);
}

struct deciding {
    struct unit unit;
    int64_t approval;
    bool approve;
    struct approval_result result;
};

static enum err decide_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct deciding *deciding = CONTAINER_OF(unit, struct deciding, unit);
    const struct approval_vote vote = {.approve = deciding->approve,
                                       .comment = STR("looked at it")};
    return tx_decide(tx, deciding->approval, &vote, &deciding->result, error);
}

static void decide_done(struct unit *unit)
{
    (void)unit;
}

static enum err decide(struct stage *stage, const struct scope *scope, int64_t approval,
                       bool approve)
{
    struct deciding deciding = {.approval = approval, .approve = approve};
    deciding.unit.scope = scope;
    deciding.unit.apply = decide_apply;
    deciding.unit.done = decide_done;
    enum err err = store_run(stage->shop.store, &deciding.unit);
    unit_deinit(&deciding.unit);
    return err;
}

static const char *stage_of(struct stage *stage)
{
    return shop_field(&stage->shop, "deal", stage->deal, "stage");
}

/* ---- moves ---- */

static void test_starts_in_the_initial_state(void **state)
{
    struct stage *stage = *state;
    struct shop *shop = &stage->shop;
    struct error error = {0};
    assert_string_equal(stage_of(stage), "\"open\"");
    const char *client = shop_field(shop, "deal", stage->deal, "client");
    struct change change = {
        .scope = stage->anna,
        .kind = DRAFT_CREATE,
        .type = "deal",
        .json =
            arena_printf(&shop->arena, "{\"name\":\"E\",\"client\":%s,\"stage\":\"won\"}", client)
                .at};
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_MOVE);
    assert_string_equal(error.pointer, "/stage");
    assert_string_equal(error.nearest, "open");
    /* An import brings records as they are. */
    change.import = true;
    assert_int_equal(shop_write(shop, &change, NULL, &error), OK);
    assert_non_null(strstr(shop_last_entry(shop), "deal.created stage.won"));
    /* The call alone is not the right: the verb is. */
    struct scope *carl =
        shop_person(shop, "user:carl", 0, VERB_ALL & ~(uint32_t)VERB_IMPORT, ROWS_ALL);
    change.scope = carl;
    assert_int_equal(shop_write(shop, &change, NULL, &error), ERR_MOVE);
    scope_unref(carl);
}

static void test_only_declared_moves(void **state)
{
    struct stage *stage = *state;
    struct error error = {0};
    assert_int_equal(move(stage, stage->anna, "won", NULL, &error), ERR_MOVE);
    assert_non_null(strstr(error.detail, "offer"));
    assert_non_null(strstr(error.detail, "lost"));
    assert_int_equal(move(stage, stage->anna, "offer", NULL, &error), OK);
    assert_non_null(strstr(shop_last_entry(&stage->shop), "deal.updated stage.offer "));
    assert_int_equal(move(stage, stage->anna, "open", NULL, &error), ERR_MOVE);
    assert_string_equal(stage_of(stage), "\"offer\"");
}

static void test_moves_may_need_a_role(void **state)
{
    struct stage *stage = *state;
    struct error error = {0};
    assert_int_equal(move(stage, stage->anna, "offer", NULL, &error), OK);
    assert_int_equal(move(stage, stage->anna, "lost", NULL, &error), ERR_FORBIDDEN);
    assert_non_null(strstr(error.detail, "sales"));
    shop_set_role(stage->anna, "sales");
    assert_int_equal(move(stage, stage->anna, "lost", NULL, &error), OK);
}

/* ---- four eyes ---- */

static int64_t ask(struct stage *stage)
{
    struct tx_result result = {0};
    struct error error = {0};
    assert_int_equal(move(stage, stage->anna, "offer", NULL, &error), OK);
    assert_int_equal(move(stage, stage->anna, "won", &result, &error), OK);
    assert_int_not_equal(result.approval, 0);
    assert_false(result.changed);
    assert_string_equal(stage_of(stage), "\"offer\"");
    return result.approval;
}

static void test_another_person_decides(void **state)
{
    struct stage *stage = *state;
    int64_t approval = ask(stage);
    assert_string_equal(shop_field(&stage->shop, "approval", approval, "to"), "\"won\"");
    assert_int_equal(decide(stage, stage->anna, approval, true), ERR_SAME_PERSON);
    assert_int_equal(decide(stage, stage->ben, approval, true), ERR_FORBIDDEN);
    shop_set_role(stage->ben, "legal");
    assert_int_equal(decide(stage, stage->ben, approval, true), OK);
    assert_string_equal(stage_of(stage), "\"won\"");
    assert_non_null(strstr(shop_last_entry(&stage->shop), "deal.updated stage.won"));
    assert_string_equal(shop_field(&stage->shop, "approval", approval, "state"), "\"approved\"");
    assert_string_equal(shop_field(&stage->shop, "approval", approval, "decided_by"),
                        "\"user:ben\"");
    assert_int_equal(decide(stage, stage->ben, approval, true), ERR_CONFLICT);
}

static void test_same_user_under_another_name(void **state)
{
    struct stage *stage = *state;
    int64_t approval = ask(stage);
    struct scope *token =
        shop_person(&stage->shop, "token:anna-2", stage->anna->user, VERB_ALL, ROWS_ALL);
    shop_set_role(token, "legal");
    assert_int_equal(decide(stage, token, approval, true), ERR_SAME_PERSON);
    scope_unref(token);
}

static void test_rejection_changes_nothing(void **state)
{
    struct stage *stage = *state;
    int64_t approval = ask(stage);
    shop_set_role(stage->ben, "legal");
    assert_int_equal(decide(stage, stage->ben, approval, false), OK);
    assert_string_equal(stage_of(stage), "\"offer\"");
    assert_string_equal(shop_field(&stage->shop, "approval", approval, "state"), "\"rejected\"");
}

static void test_a_change_voids_what_was_asked(void **state)
{
    struct stage *stage = *state;
    int64_t approval = ask(stage);
    struct error error = {0};
    shop_set_role(stage->ben, "legal");
    assert_int_equal(
        shop_update(&stage->shop, stage->ben, "deal", stage->deal, "{\"name\":\"E\"}", &error), OK);
    assert_string_equal(shop_field(&stage->shop, "approval", approval, "state"), "\"void\"");
    assert_int_equal(decide(stage, stage->ben, approval, true), ERR_VOID);
    assert_string_equal(stage_of(stage), "\"offer\"");
}

static void test_a_waiting_move_comes_alone(void **state)
{
    struct stage *stage = *state;
    struct error error = {0};
    assert_int_equal(move(stage, stage->anna, "offer", NULL, &error), OK);
    int64_t seq = store_seq(stage->shop.store);
    assert_int_equal(shop_update(&stage->shop, stage->anna, "deal", stage->deal,
                                 "{\"stage\":\"won\",\"name\":\"E\"}", &error),
                     ERR_INVALID);
    assert_int_equal(store_seq(stage->shop.store), seq); /* no approval was left behind */
}

int test_machine(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_starts_in_the_initial_state, set_stage, strike_stage),
        cmocka_unit_test_setup_teardown(test_only_declared_moves, set_stage, strike_stage),
        cmocka_unit_test_setup_teardown(test_moves_may_need_a_role, set_stage, strike_stage),
        cmocka_unit_test_setup_teardown(test_another_person_decides, set_stage, strike_stage),
        cmocka_unit_test_setup_teardown(test_same_user_under_another_name, set_stage, strike_stage),
        cmocka_unit_test_setup_teardown(test_rejection_changes_nothing, set_stage, strike_stage),
        cmocka_unit_test_setup_teardown(test_a_change_voids_what_was_asked, set_stage,
                                        strike_stage),
        cmocka_unit_test_setup_teardown(test_a_waiting_move_comes_alone, set_stage, strike_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
