/* The egress log beside other traffic to the loop: a request that ends while rows are written must
 * not disturb what else is in the loop's mailbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/outbox.h"

int test_egress(void);

enum { REQUESTS = 4000 };

struct world {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct outbox *outbox;
    struct message messages[REQUESTS];
    int delivered;
};

static struct world *current; /* of the messages, which carry nothing */

static void on_message(struct message *message)
{
    (void)message;
    current->delivered++;
}

static void end_requests(void *context)
{
    struct world *world = context;
    struct net_request request = {
        .method = STR("GET"), .url = STR("https://x.example/"), .who = STR("test"), .status = 200};
    for (int i = 0; i < REQUESTS; i++) {
        outbox_ended(world->outbox, &request);
        world->messages[i].deliver = on_message;
        mailbox_post(loop_mailbox(world->loop), &world->messages[i]);
        if (i % 16 == 0) {
            usleep(200); /* the writer gets through now and then */
        }
    }
}

static uint64_t rows(struct world *world)
{
    struct reader *reader = NULL;
    struct arena arena;
    struct value found = value_null();
    arena_init(&arena);
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    assert_int_equal(outbox_egress(reader, 0, EGRESS_ROWS_MAX, &arena, &found, NULL), OK);
    uint64_t count = found.list.count;
    reader_close(reader);
    arena_deinit(&arena);
    return count;
}

static void nothing_is_lost_beside_it(void **state)
{
    (void)state;
    struct world *world = mem_zalloc(sizeof(*world));
    struct error error = {0};
    struct thread *thread = NULL;
    char command[128];
    current = world;
    snprintf(world->folder, sizeof(world->folder), "/tmp/proxenos-egress-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    struct store_options store = {.env = env_real(), .folder = world->folder};
    assert_int_equal(loop_new(env_real(), &world->loop, &error), OK);
    assert_int_equal(store_open(&store, &world->store, &error), OK);
    struct outbox_options options = {.store = world->store, .loop = world->loop};
    assert_int_equal(outbox_open(&options, &world->outbox, &error), OK);
    assert_int_equal(thread_start("ends", end_requests, world, &thread, &error), OK);
    for (int i = 0; i < 2000 && world->delivered < REQUESTS; i++) {
        loop_drain(world->loop, 5);
        usleep(500);
    }
    thread_join(thread);
    loop_drain(world->loop, 50);
    assert_int_equal(world->delivered, REQUESTS);
    /* Written, or counted as lost when the disk was too slow for them. */
    for (int i = 0; i < 400 && rows(world) + outbox_egress_lost(world->outbox) < REQUESTS; i++) {
        loop_drain(world->loop, 5);
        usleep(5000);
    }
    assert_int_equal(rows(world) + outbox_egress_lost(world->outbox), REQUESTS);
    outbox_close(world->outbox);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    mem_free(world);
}

int test_egress(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_beside_it)};
    crypto_init();
    return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}
