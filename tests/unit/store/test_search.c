/* The search index: what is written is found, under the scope; another log, another schema and a
 * broken file are noticed. */
#include "record_fixture.h"

#include "proxenos/store_search.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int test_search(void);

static int open_shop(void **state)
{
    struct shop *shop = mem_alloc(sizeof(*shop));
    struct error error = {0};
    shop_open_with(shop, shop_schema);
    assert_int_equal(store_search_start(shop->store, &error), OK);
    *state = shop;
    return 0;
}

static int close_shop(void **state)
{
    shop_close(*state);
    mem_free(*state);
    return 0;
}

static void reopen(struct shop *shop)
{
    struct error error = {0};
    shop_reopen(shop);
    assert_int_equal(store_search_start(shop->store, &error), OK);
}

struct pause {
    struct search_wait wait;
    bool done;
};

static void on_waited(struct search_wait *wait)
{
    CONTAINER_OF(wait, struct pause, wait)->done = true;
}

static void catch_up(struct shop *shop)
{
    struct mailbox *mailbox = mailbox_new();
    struct pause pause = {
        .wait = {.reply = mailbox, .seq = store_seq(shop->store), .done = on_waited}};
    store_search_wait(shop->store, &pause.wait);
    while (!pause.done) {
        (void)mailbox_receive(mailbox, -1);
    }
    assert_int_equal(pause.wait.err, OK);
    mailbox_free(mailbox);
}

struct hits {
    struct shop *shop;
    struct buf names;
};

static enum err on_hit(void *context, const struct search_hit *hit, struct error *error)
{
    struct hits *hits = context;
    (void)error;
    const struct value *name = record_value(hit->record, STR("name"));
    buf_printf(&hits->names, "%s%d" STR_FORMAT, hits->names.len > 0 ? " " : "", (int)hit->rank,
               STR_ARGS(name->text));
    return OK;
}

/* "0Alpha 2Beta": rank and name of each hit. */
static const char *find(struct shop *shop, const struct scope *scope, const char *text,
                        enum err *out_err)
{
    struct reader *reader = NULL;
    struct error error = {0};
    struct hits hits = {.shop = shop};
    struct search_query query = {.text = str_from(text), .limit = 50};
    struct search_page page;
    buf_init(&hits.names);
    assert_int_equal(reader_open(shop->store, 0, &reader, &error), OK);
    enum err err = reader_search(reader, scope == NULL ? shop->system : scope, &query, &shop->arena,
                                 on_hit, &hits, &page, &error);
    reader_close(reader);
    const char *names = arena_str(&shop->arena, buf_str(&hits.names)).at;
    buf_deinit(&hits.names);
    if (out_err != NULL) {
        *out_err = err;
    } else {
        assert_int_equal(err, OK);
    }
    return names;
}

static void test_what_is_written_is_found(void **state)
{
    struct shop *shop = *state;
    int64_t id = shop_create(shop, "client", "{\"name\":\"Παπαδόπουλος Άνω\"}");
    (void)shop_create(shop, "client",
                      "{\"name\":\"Papadopoulou\",\"email\":\"papadopoulos@b.gr\"}");
    catch_up(shop);
    assert_string_equal(find(shop, NULL, "papadopoulos", NULL), "0Παπαδόπουλος Άνω");
    assert_string_equal(find(shop, NULL, "παπαδοπουλ", NULL), "1Papadopoulou 1Παπαδόπουλος Άνω");
    assert_string_equal(find(shop, NULL, "a papad", NULL), "");
    assert_string_equal(find(shop, NULL, "ano papad", NULL), "1Παπαδόπουλος Άνω");
    assert_int_equal(shop_update(shop, NULL, "client", id, "{\"name\":\"Άλλος\"}", NULL), OK);
    catch_up(shop);
    assert_string_equal(find(shop, NULL, "papadopoulos", NULL), "");
    assert_int_equal(shop_delete(shop, NULL, "client", id, NULL), OK);
    catch_up(shop);
    assert_string_equal(find(shop, NULL, "allos", NULL), "");
}

static void test_under_the_scope(void **state)
{
    struct shop *shop = *state;
    (void)shop_create(shop, "client", "{\"name\":\"Hidden one\"}");
    (void)shop_create(shop, "client", "{\"name\":\"Walled one\",\"compartment\":\"x\"}");
    catch_up(shop);
    struct scope *own = shop_person(shop, "user:anna", 5, VERB_READ, ROWS_OWN);
    struct scope *all = shop_person(shop, "user:nikos", 6, VERB_READ, ROWS_ALL);
    struct scope *masked = shop_person(shop, "user:maria", 7, VERB_READ, ROWS_ALL);
    shop_set_field(masked, "client", "name", FIELD_MASKED);
    assert_string_equal(find(shop, NULL, "one", NULL), "0Walled one 0Hidden one");
    assert_string_equal(find(shop, own, "one", NULL), "");
    assert_string_equal(find(shop, all, "one", NULL), "0Hidden one");
    assert_string_equal(find(shop, masked, "one", NULL), "");
    scope_unref(own);
    scope_unref(all);
    scope_unref(masked);
}

static void test_it_goes_on_where_it_was(void **state)
{
    struct shop *shop = *state;
    (void)shop_create(shop, "client", "{\"name\":\"Before\"}");
    catch_up(shop);
    shop_reopen(shop); /* without the indexer: what comes now it has to catch up with */
    (void)shop_create(shop, "client", "{\"name\":\"Meanwhile\"}");
    reopen(shop);
    catch_up(shop);
    assert_string_equal(find(shop, NULL, "meanwhile", NULL), "0Meanwhile");
    assert_string_equal(find(shop, NULL, "before", NULL), "0Before");
}

static void test_a_broken_file_is_made_anew(void **state)
{
    struct shop *shop = *state;
    char path[200];
    (void)shop_create(shop, "client", "{\"name\":\"Kept\"}");
    catch_up(shop);
    shop_reopen(shop);
    (void)snprintf(path, sizeof(path), "%s/search.db", shop->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        (void)fputs("this is no database ", file);
    }
    assert_int_equal(fclose(file), 0);
    reopen(shop);
    catch_up(shop);
    struct error error = {0};
    assert_int_equal(store_search_rebuild(shop->store, NULL, NULL, &error), OK);
    assert_string_equal(find(shop, NULL, "kept", NULL), "0Kept");
    /* One that is not there is made as well. */
    shop_reopen(shop);
    assert_int_equal(unlink(path), 0);
    reopen(shop);
    assert_int_equal(store_search_rebuild(shop->store, NULL, NULL, &error), OK);
    assert_string_equal(find(shop, NULL, "kept", NULL), "0Kept");
}

static void test_questions(void **state)
{
    struct shop *shop = *state;
    enum err err = OK;
    catch_up(shop);
    (void)find(shop, NULL, "", &err);
    assert_int_equal(err, ERR_INVALID);
    (void)find(shop, NULL, "\"*()", &err);
    assert_int_equal(err, ERR_INVALID);
    (void)find(shop, NULL, "a b c d e f g h i j k l m", &err);
    assert_int_equal(err, ERR_LIMIT);
    (void)find(shop, NULL, "c0: NEAR(\"x\" OR y*) - {c9} NOT z", NULL);
}

int test_search(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_is_found, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_under_the_scope, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_it_goes_on_where_it_was, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_a_broken_file_is_made_anew, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(test_questions, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
