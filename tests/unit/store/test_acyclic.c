/* Acyclic references: every way to close a circle is refused with its path, in one writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record_fixture.h"

#include <stdio.h>
#include <string.h>

int test_acyclic(void);

static const char units[] =
    "{\"objects\":{\"unit\":{\"title\":\"name\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true},"
    "{\"1\":\"parent\",\"2\":\"ref\",\"to\":\"unit\",\"acyclic\":true,\"on_delete\":\"clear\"},"
    "{\"1\":\"friend\",\"2\":\"ref\",\"to\":\"unit\"}]},"
    "\"job\":{\"path\":\"posts\",\"fields\":["
    "{\"1\":\"who\",\"2\":\"ref\",\"to\":\"unit\",\"required\":true},"
    "{\"1\":\"place\",\"2\":\"text\"},{\"1\":\"ended\",\"2\":\"date\"},"
    "{\"1\":\"boss\",\"2\":\"ref\",\"to\":\"unit\",\"on_delete\":\"clear\",\"acyclic\":"
    "{\"from\":\"who\",\"within\":\"place\",\"unless\":\"ended\"}}]}}}";

static int setup(void **state)
{
    static struct shop shop;
    shop_open_with(&shop, units);
    *state = &shop;
    return 0;
}

static int teardown(void **state)
{
    shop_close(*state);
    return 0;
}

static const char *json_of(struct shop *shop, const char *name, int64_t parent)
{
    char id[ID_TEXT_LEN + 1];
    id_format(parent, id);
    return parent == 0
               ? arena_printf(&shop->arena, "{\"name\":\"%s\"}", name).at
               : arena_printf(&shop->arena, "{\"name\":\"%s\",\"parent\":\"%s\"}", name, id).at;
}

static int64_t unit_make(struct shop *shop, const char *name, int64_t parent)
{
    return shop_create(shop, "unit", json_of(shop, name, parent));
}

static enum err move(struct shop *shop, const struct scope *scope, int64_t id, const char *field,
                     int64_t to, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(to, text);
    return shop_update(shop, scope, "unit", id,
                       arena_printf(&shop->arena, "{\"%s\":\"%s\"}", field, text).at, error);
}

static void a_circle_is_refused_with_its_path(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t alpha = unit_make(shop, "Alpha", 0);
    int64_t beta = unit_make(shop, "Beta", alpha);
    int64_t gamma = unit_make(shop, "Gamma", beta);
    assert_int_equal(move(shop, NULL, alpha, "parent", gamma, &error), ERR_CYCLE);
    assert_string_equal(error.pointer, "/parent");
    assert_non_null(strstr(error.detail, "Alpha → Gamma → Beta → Alpha"));
    assert_int_equal(move(shop, NULL, alpha, "parent", alpha, &error), ERR_CYCLE);
    assert_non_null(strstr(error.detail, "Alpha → Alpha"));
    /* What was refused left nothing; another field may go in circles; a move that closes nothing is
     * fine. */
    assert_string_equal(shop_field(shop, "unit", alpha, "parent"), "null");
    assert_int_equal(move(shop, NULL, alpha, "friend", gamma, NULL), OK);
    assert_int_equal(move(shop, NULL, gamma, "parent", alpha, NULL), OK);
    assert_int_equal(move(shop, NULL, beta, "parent", gamma, NULL), OK);
}

static void the_path_names_what_the_caller_sees(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t user = shop_create(shop, "user", "{\"name\":\"anna\"}");
    struct scope *anna = shop_person(shop, "user:anna", user, VERB_ALL, ROWS_OWN);
    char owner[ID_TEXT_LEN + 1];
    id_format(user, owner);
    int64_t mine = shop_create(
        shop, "unit", arena_printf(&shop->arena, "{\"name\":\"Mine\",\"owner\":\"%s\"}", owner).at);
    int64_t hidden = unit_make(shop, "Hidden", mine);
    int64_t low = shop_create(
        shop, "unit", arena_printf(&shop->arena, "{\"name\":\"Low\",\"owner\":\"%s\"}", owner).at);
    assert_int_equal(move(shop, NULL, low, "parent", hidden, NULL), OK);
    assert_int_equal(move(shop, anna, mine, "parent", low, &error), ERR_CYCLE);
    assert_non_null(strstr(error.detail, "Mine → Low → ••• → Mine"));
    assert_null(strstr(error.detail, "Hidden"));
    scope_unref(anna);
}

static void the_chain_has_an_end(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t first = unit_make(shop, "0", 0);
    int64_t last = first;
    for (int i = 1; i <= 63; i++) {
        last = unit_make(shop, "n", last);
    }
    int64_t leaf = unit_make(shop, "leaf", last);
    int64_t extra = unit_make(shop, "extra", 0);
    assert_int_equal(move(shop, NULL, extra, "parent", leaf, &error), ERR_LIMIT);
    assert_string_equal(error.pointer, "/parent");
    /* The longest circle is found, and told by both its ends. */
    assert_int_equal(move(shop, NULL, first, "parent", last, &error), ERR_CYCLE);
    assert_non_null(strstr(error.detail, "0 → n → n → n → n → n → … → n → 0"));
}

struct pair {
    struct unit unit;
    const struct draft *draft;
};

static enum err pair_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_write(tx, CONTAINER_OF(unit, struct pair, unit)->draft, NULL, error);
}

/* Both are drafted before either is written: the writer sees them one after the other. */
static void of_two_that_close_it_together_the_second_is_refused(void **state)
{
    struct shop *shop = *state;
    int64_t ids[2] = {unit_make(shop, "One", 0), unit_make(shop, "Two", 0)};
    struct pair pairs[2] = {{.draft = NULL}, {.draft = NULL}};
    for (int i = 0; i < 2; i++) {
        struct draft *draft = NULL;
        char other[ID_TEXT_LEN + 1];
        id_format(ids[1 - i], other);
        struct value map =
            shop_value(shop, arena_printf(&shop->arena, "{\"parent\":\"%s\"}", other).at);
        struct value *kept = ARENA_NEW(&shop->arena, struct value);
        *kept = map;
        assert_int_equal(draft_make(shop->store, shop->system, DRAFT_UPDATE,
                                    shop_type(shop, "unit"), ids[i], kept, &shop->arena, &draft,
                                    NULL),
                         OK);
        pairs[i] =
            (struct pair){.unit = {.apply = pair_apply, .scope = shop->system}, .draft = draft};
    }
    assert_int_equal(store_run(shop->store, &pairs[0].unit), OK);
    assert_int_equal(store_run(shop->store, &pairs[1].unit), ERR_CYCLE);
    assert_non_null(strstr(pairs[1].unit.error.detail, "Two → One → Two"));
    unit_deinit(&pairs[0].unit);
    unit_deinit(&pairs[1].unit);
}

static enum err job(struct shop *shop, int64_t who, int64_t boss, const char *place,
                    const char *ended, struct error *error)
{
    char ids[2][ID_TEXT_LEN + 1];
    id_format(who, ids[0]);
    id_format(boss, ids[1]);
    const struct change change = {
        .kind = DRAFT_CREATE,
        .type = "job",
        .json = arena_printf(&shop->arena,
                             "{\"who\":\"%s\",\"boss\":\"%s\",\"place\":\"%s\",\"ended\":%s}",
                             ids[0], ids[1], place, ended)
                    .at};
    return shop_write(shop, &change, NULL, error);
}

/* Who reports to whom lies in records between people: a circle within one place, of what is open.
 */
static void lines_over_a_record_between(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t ann = unit_make(shop, "Ann", 0);
    int64_t bob = unit_make(shop, "Bob", 0);
    int64_t cat = unit_make(shop, "Cat", 0);
    assert_int_equal(job(shop, ann, bob, "X", "null", &error), OK);
    assert_int_equal(job(shop, bob, cat, "X", "null", &error), OK);
    assert_int_equal(job(shop, bob, cat, "X", "null", &error), OK); /* twice is no circle */
    assert_int_equal(job(shop, cat, ann, "X", "null", &error), ERR_CYCLE);
    assert_string_equal(error.pointer, "/boss");
    assert_non_null(strstr(error.detail, "Cat → Ann → Bob → Cat"));
    assert_int_equal(job(shop, cat, cat, "X", "null", &error), ERR_CYCLE);
    assert_int_equal(job(shop, cat, ann, "Y", "null", &error), OK);
    assert_int_equal(job(shop, cat, ann, "X", "\"2020-01-01\"", &error), OK);
}

/* Opening what was over, or moving it to another place, is judged too. */
static void a_line_is_judged_when_it_opens(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    int64_t ann = unit_make(shop, "Ann", 0);
    int64_t bob = unit_make(shop, "Bob", 0);
    char ids[2][ID_TEXT_LEN + 1];
    id_format(ann, ids[0]);
    id_format(bob, ids[1]);
    assert_int_equal(job(shop, ann, bob, "X", "null", &error), OK);
    int64_t back = shop_create(shop, "job",
                               arena_printf(&shop->arena,
                                            "{\"who\":\"%s\",\"boss\":\"%s\",\"place\":\"X\","
                                            "\"ended\":\"2020-01-01\"}",
                                            ids[1], ids[0])
                                   .at);
    assert_int_equal(shop_update(shop, NULL, "job", back, "{\"ended\":null}", &error), ERR_CYCLE);
    assert_int_equal(
        shop_update(shop, NULL, "job", back, "{\"ended\":null,\"place\":\"Y\"}", &error), OK);
    assert_int_equal(shop_update(shop, NULL, "job", back, "{\"place\":\"X\"}", &error), ERR_CYCLE);
    assert_int_equal(
        shop_update(shop, NULL, "job", back, "{\"boss\":null,\"place\":\"X\"}", &error), OK);
}

static void only_a_ref_to_itself_can_be_acyclic(void **state)
{
    struct shop *shop = *state;
    struct error error = {0};
    assert_int_equal(shop_declare(shop,
                                  "{\"objects\":{\"unit\":{\"fields\":["
                                  "{\"1\":\"boss\",\"2\":\"ref\",\"to\":\"user\","
                                  "\"acyclic\":true}]}}}",
                                  &error),
                     ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "acyclic is for a ref to the object's own type"));
    assert_int_equal(shop_declare(shop,
                                  "{\"objects\":{\"unit\":{\"fields\":["
                                  "{\"1\":\"name\",\"2\":\"text\",\"acyclic\":true}]}}}",
                                  &error),
                     ERR_SCHEMA);
    assert_non_null(strstr(error.detail, "acyclic means nothing for a field of type text"));
}

int test_acyclic(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_circle_is_refused_with_its_path, setup, teardown),
        cmocka_unit_test_setup_teardown(the_path_names_what_the_caller_sees, setup, teardown),
        cmocka_unit_test_setup_teardown(the_chain_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(of_two_that_close_it_together_the_second_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(lines_over_a_record_between, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_is_judged_when_it_opens, setup, teardown),
        cmocka_unit_test_setup_teardown(only_a_ref_to_itself_can_be_acyclic, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
