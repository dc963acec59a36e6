/* Cursors: sealed, bound to their question, steady while records come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_cursor(void);

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    put(world, "company", "{'name':'Alpha','industry':'energy'}");
    for (int c = 'a'; c <= 'j'; c++) {
        char json[100];
        (void)snprintf(json, sizeof(json), "{'name':'%c','size':%d,'stage':'won'}", c,
                       (c - 'a') / 3);
        put(world, "deal", json);
    }
    return 0;
}

static struct str first_cursor(struct world *world, struct ask question)
{
    question.limit = 3;
    struct answer answer = ask(world, question);
    assert_int_equal(answer.err, OK);
    assert_true(answer.page.next.len > 0);
    return answer.page.next;
}

static void another_question_refuses_it(void **state)
{
    struct world *world = *state;
    const struct ask made = {.order = "-size", .filter = "stage[eq]:'won'"};
    struct str cursor = first_cursor(world, made);
    const struct ask others[] = {
        {.order = "size", .filter = "stage[eq]:'won'"},
        {.order = "-size,name", .filter = "stage[eq]:'won'"},
        {.order = "-size"},
        {.order = "-size", .filter = "stage[ne]:'won'"},
        {.order = "-size", .filter = "stage[eq]:'new'"},
        {.order = "-size", .filter = "not(stage[eq]:'won')"},
        {.order = "-size", .filter = "stage[eq]:'won'", .archived = true},
        {.order = "-created_at", .filter = "stage[eq]:'won'"},
        {.type = world->company},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct ask other = others[i];
        other.after = cursor;
        assert_int_equal(ask(world, other).err, ERR_CURSOR);
    }
    /* What does not change the rows does not change the cursor: fields, limit, total. */
    struct ask same = made;
    same.after = cursor;
    same.limit = 7;
    same.fields = "name";
    same.count = COUNT_EXACT;
    assert_string_equal(names_of(world, same), "g f e d c b a");
}

static void a_changed_cursor_is_refused(void **state)
{
    struct world *world = *state;
    struct str cursor = first_cursor(world, (struct ask){.order = "name"});
    for (size_t i = 0; i < cursor.len; i++) {
        char *changed = arena_cstr(&world->arena, cursor);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        struct ask question = {.order = "name", .after = {changed, cursor.len}};
        struct answer answer = ask(world, question);
        /* The last character may carry bits that mean nothing, which strict base64 refuses too. */
        assert_int_equal(answer.err, ERR_CURSOR);
    }
    struct ask cut = {.order = "name", .after = str_sub(cursor, 0, cursor.len - 4)};
    assert_int_equal(ask(world, cut).err, ERR_CURSOR);
}

static void nothing_of_a_record_shows(void **state)
{
    struct world *world = *state;
    put(world, "deal", "{'name':'aaaVERYSECRETNAME','size':0}");
    struct ask question = {.order = "name", .limit = 1, .filter = "name[prefix]:'aaa'"};
    (void)put(world, "deal", "{'name':'aaaz','size':0}");
    struct answer answer = ask(world, question);
    struct buf plain;
    buf_init(&plain);
    assert_int_equal(base64url_decode(&plain, answer.page.next), OK);
    size_t at = 0;
    assert_false(str_find(buf_str(&plain), STR("SECRET"), &at));
    assert_false(str_find(buf_str(&plain), STR("deal"), &at));
    /* The same place twice gives two texts: nothing can be compared. */
    struct answer again = ask(world, question);
    assert_false(str_eq(answer.page.next, again.page.next));
    buf_deinit(&plain);
}

static void it_outlives_a_restart(void **state)
{
    struct world *world = *state;
    struct ask question = {.order = "name", .filter = "size[le]:1"};
    struct str cursor = first_cursor(world, question);
    world_close_store(world);
    world_open_store(world);
    question.after = cursor;
    question.filter = "size[le]:1";
    assert_int_equal(ask(world, question).err, OK);
}

static void pages_are_steady_while_records_change(void **state)
{
    struct world *world = *state;
    struct ask question = {.order = "-size", .filter = "stage[eq]:'won'", .limit = 3};
    struct answer first = ask(world, question);
    assert_string_equal(first.names.at, "j i h");
    /* One in front, one that was given moves behind, one that was not moves in front. */
    put(world, "deal", "{'name':'k','size':99,'stage':'won'}");
    change(world, "deal", id_of(world, "deal", "i"), "{'size':-1}");
    change(world, "deal", id_of(world, "deal", "a"), "{'size':50}");
    question.after = first.page.next;
    question.limit = 50;
    assert_string_equal(names_of(world, question), "g f e d c b i");
    /* The record of the cursor itself may go. */
    change(world, "deal", id_of(world, "deal", "h"), "{'stage':'lost'}");
    assert_string_equal(names_of(world, question), "g f e d c b i");
}

int test_cursor(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_question_refuses_it),
        cmocka_unit_test(a_changed_cursor_is_refused),
        cmocka_unit_test(nothing_of_a_record_shows),
        cmocka_unit_test(it_outlives_a_restart),
        cmocka_unit_test(pages_are_steady_while_records_change),
    };
    return cmocka_run_group_tests_name("cursor", tests, setup, world_teardown);
}
