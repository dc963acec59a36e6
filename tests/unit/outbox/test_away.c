/* What may come twice after a crash: mails that the server has taken and whose end is not on disk.
 * While the writer is held up, no more than OUTBOX_MAILS_AWAY_MAX are handed over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/outbox.h"

int test_away(void);

enum { MAILS = 3 * OUTBOX_MAILS_AWAY_MAX, WAIT_MS = 5, TURNS = 2000 };

struct world {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct outbox *outbox;
    struct net *net;
    const struct scope *scope;
    atomic_int handed; /* to the mail server, which takes all at once */
    atomic_bool held, holding;
};

static bool take(void *context, struct net_request *request)
{
    struct world *world = context;
    assert_non_null(request->mail);
    request->err = OK;
    request->status = 250;
    (void)atomic_fetch_add(&world->handed, 1);
    return true;
}

static void open_world(struct world *world)
{
    struct error error = {0};
    snprintf(world->folder, sizeof(world->folder), "/tmp/proxenos-away-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    struct store_options store = {.env = env_real(), .folder = world->folder};
    assert_int_equal(loop_new(env_real(), &world->loop, &error), OK);
    assert_int_equal(store_open(&store, &world->store, &error), OK);
    struct outbox_options options = {.store = world->store,
                                     .loop = world->loop,
                                     .smtp_url = STR("smtp://mail.example:587"),
                                     .mail_from = STR("shop@example.com")};
    assert_int_equal(outbox_open(&options, &world->outbox, &error), OK);
    struct net_options net = {.env = env_real(),
                              .recorded = take,
                              .recorded_context = world,
                              .ended = outbox_ended,
                              .ended_context = world->outbox};
    assert_int_equal(net_open(&net, &world->net, &error), OK);
    world->scope = store_system_scope(world->store, SYSTEM_OUTBOX);
}

static void close_world(struct world *world)
{
    char command[128];
    outbox_stop(world->outbox);
    net_stop(world->net);
    outbox_close(world->outbox);
    net_close(world->net);
    scope_unref(world->scope);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
}

static enum err add_mails(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    enum err err = OK;
    for (int i = 0; err == OK && i < MAILS; i++) {
        struct str key = arena_printf(tx_arena(tx), "mail %d", i);
        struct outbox_row row = {
            .plugin = STR("shop"), .key = key, .id = outbox_id(STR("shop"), key)};
        const struct outbox_mail mail = {
            .to = STR("anna@example.com"), .subject = STR("one"), .text = STR("text")};
        err = outbox_mail_row(tx_arena(tx), &mail, &row, error);
        err = err == OK ? outbox_tx_add(tx, &row, error) : err;
    }
    return err;
}

struct hold {
    struct unit unit;
    struct world *world;
    bool done;
};

static enum err hold_writer(struct unit *unit, struct tx *tx, struct error *error)
{
    struct world *world = CONTAINER_OF(unit, struct hold, unit)->world;
    (void)tx;
    (void)error;
    atomic_store(&world->holding, true);
    while (atomic_load(&world->held)) {
        usleep(1000);
    }
    return OK;
}

static void on_held(struct unit *unit)
{
    CONTAINER_OF(unit, struct hold, unit)->done = true;
}

static size_t sent(struct world *world)
{
    struct reader *reader = NULL;
    struct arena arena;
    struct value rows = value_null();
    const struct outbox_query query = {.kind = OUTBOX_MAIL, .state = STR("sent"), .limit = 100};
    arena_init(&arena);
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    assert_int_equal(outbox_list(reader, &query, &arena, &rows, NULL), OK);
    size_t count = rows.list.count;
    reader_close(reader);
    arena_deinit(&arena);
    return count;
}

static void few_mails_are_away_at_once(void **state)
{
    (void)state;
    struct world *world = mem_zalloc(sizeof(*world));
    open_world(world);
    struct unit adding = {.apply = add_mails, .scope = world->scope, .request = STR("test")};
    assert_int_equal(store_run(world->store, &adding), OK);
    unit_deinit(&adding);
    struct hold hold = {.unit = {.apply = hold_writer,
                                 .done = on_held,
                                 .reply = loop_mailbox(world->loop),
                                 .scope = world->scope,
                                 .request = STR("test")},
                        .world = world};
    atomic_store(&world->held, true);
    assert_int_equal(store_submit(world->store, &hold.unit), OK);
    while (!atomic_load(&world->holding)) {
        usleep(1000);
    }
    outbox_start(world->outbox, world->net);
    for (int i = 0; i < 60; i++) {
        loop_drain(world->loop, WAIT_MS);
        usleep(2000);
    }
    assert_int_equal(atomic_load(&world->handed), OUTBOX_MAILS_AWAY_MAX);
    assert_int_equal(sent(world), 0);
    atomic_store(&world->held, false);
    for (int i = 0; i < TURNS && (!hold.done || sent(world) < MAILS); i++) {
        loop_drain(world->loop, WAIT_MS);
        usleep(1000);
    }
    assert_int_equal(sent(world), MAILS);
    assert_int_equal(atomic_load(&world->handed), MAILS);
    unit_deinit(&hold.unit);
    close_world(world);
    mem_free(world);
}

int test_away(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_mails_are_away_at_once)};
    crypto_init();
    return cmocka_run_group_tests_name("away", tests, NULL, NULL);
}
