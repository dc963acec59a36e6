/* Waiting until nothing moves any more, and moving the clock.
 *
 * Quiet: two looks, one after the other, at loop, writer and executors find that none of them did
 * anything in between. A message that was on its way during the first look arrives before the
 * second (mailboxes keep their order), so that it would be seen. */
#include "internal.h"

/* ---- one look ---- */

struct look {
    struct world *world;
    struct message message; /* to the loop and back */
    struct lua_probe probe;
    struct unit unit;
    int back; /* of the three */
    /* what was seen */
    int64_t activity, due_ms; /* of the loop */
    int64_t entries;          /* of the log */
    int64_t asking;           /* requests to the outside that are under way */
};

static void on_loop_back(struct message *message)
{
    CONTAINER_OF(message, struct look, message)->back++;
}

/* The service's loop thread. */
static void on_loop(struct message *message)
{
    struct look *look = CONTAINER_OF(message, struct look, message);
    const struct loop *loop = look->world->parts.loop;
    look->activity = loop_activity(loop);
    look->due_ms = loop_next_due_ms(loop);
    message->deliver = on_loop_back;
    mailbox_post(look->world->replies, message);
}

static void on_probe(struct lua_probe *probe)
{
    CONTAINER_OF(probe, struct look, probe)->back++;
}

static enum err apply_nothing(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    (void)tx;
    (void)error;
    return OK;
}

static void on_unit(struct unit *unit)
{
    CONTAINER_OF(unit, struct look, unit)->back++;
}

/* The writer first: what it still had to do is on its way to the loop when its answer is here. */
static enum err look_at(struct world *world, struct look *look, struct error *error)
{
    *look = (struct look){.world = world,
                          .message = {.deliver = on_loop},
                          .probe = {.reply = world->replies, .done = on_probe},
                          .unit = {.reply = world->replies,
                                   .apply = apply_nothing,
                                   .done = on_unit,
                                   .scope = world->admin.scope,
                                   .request = STR("test")}};
    enum err err = store_submit(world->parts.store, &look->unit);
    while (err == OK && look->back < 1) {
        (void)mailbox_receive(world->replies, -1);
    }
    if (err != OK) {
        return error_set(error, err, "the store takes no more changes");
    }
    unit_deinit(&look->unit);
    look->entries = store_seq(world->parts.store);
    mailbox_post(loop_mailbox(world->parts.loop), &look->message);
    lua_engine_probe(plugins_engine(world->parts.plugins), &look->probe);
    look->asking = net_going(world->parts.net);
    while (look->back < 3) {
        (void)mailbox_receive(world->replies, -1);
    }
    return OK;
}

/* The second look's own message is the one thing that the loop may have done. */
static bool is_quiet(const struct look *before, const struct look *now, int64_t now_ms)
{
    return now->activity == before->activity + 1 && now->entries == before->entries &&
           now->probe.turns == before->probe.turns && now->probe.idle && now->due_ms > now_ms &&
           before->asking == 0 && now->asking == 0 && now->probe.next_due_ns > now_ms * 1000000;
}

static enum err settle(struct world *world, struct look *out_look, struct error *error)
{
    struct env *real = env_real();
    int64_t until_ns = real->monotonic_ns(real) + (int64_t)SETTLE_MS_MAX * 1000000;
    struct look before;
    enum err err = look_at(world, &before, error);
    while (err == OK) {
        err = look_at(world, out_look, error);
        if (err != OK || is_quiet(&before, out_look, test_env_ms(world->options.env))) {
            return err;
        }
        if (real->monotonic_ns(real) > until_ns) {
            return error_set(
                error, ERR_TIMEOUT,
                "the plugins did not come to rest within %d s: something starts itself "
                "anew again and again",
                SETTLE_MS_MAX / 1000);
        }
        before = *out_look;
    }
    return err;
}

enum err world_settle(struct world *world, struct error *error)
{
    struct look look;
    enum err err = settle(world, &look, error);
    if (err == OK && atomic_load(&world->crash_taken)) {
        err = world_restart(world, error);
        err = err == OK ? settle(world, &look, error) : err;
    }
    return err;
}

/* ---- the clock ---- */

struct moving {
    struct message message;
    struct loop *loop;
    struct mailbox *replies;
    bool back;
};

static void on_moved_back(struct message *message)
{
    CONTAINER_OF(message, struct moving, message)->back = true;
}

static void on_moved(struct message *message)
{
    struct moving *moving = CONTAINER_OF(message, struct moving, message);
    loop_clock_moved(moving->loop);
    message->deliver = on_moved_back;
    mailbox_post(moving->replies, message);
}

static void move_to(struct world *world, int64_t ms)
{
    struct moving moving = {
        .message = {.deliver = on_moved}, .loop = world->parts.loop, .replies = world->replies};
    test_env_set(world->options.env, ms);
    mailbox_post(loop_mailbox(moving.loop), &moving.message);
    lua_engine_wake(plugins_engine(world->parts.plugins));
    while (!moving.back) {
        (void)mailbox_receive(world->replies, -1);
    }
}

static int64_t next_due_ms(const struct look *look)
{
    int64_t lua_ms = look->probe.next_due_ns == INT64_MAX
                         ? INT64_MAX
                         : (look->probe.next_due_ns + 999999) / 1000000;
    return MIN(look->due_ms, lua_ms);
}

enum err world_step(struct world *world, struct error *error)
{
    enum { STEP_MS_MAX = 3600000 };
    struct look look;
    enum err err = settle(world, &look, error);
    int64_t now_ms = test_env_ms(world->options.env);
    if (err == OK && next_due_ms(&look) - now_ms <= STEP_MS_MAX) {
        move_to(world, MAX(next_due_ms(&look), now_ms));
    }
    return err;
}

enum err world_advance(struct world *world, int64_t to_ms, struct error *error)
{
    struct look look;
    enum err err = world_settle(world, error);
    for (int step = 0; err == OK; step++) {
        err = settle(world, &look, error);
        int64_t now_ms = test_env_ms(world->options.env);
        int64_t due_ms = err == OK ? next_due_ms(&look) : INT64_MAX;
        if (err != OK || due_ms > to_ms) {
            break;
        }
        if (step == ADVANCE_STEPS_MAX) {
            return error_set(error, ERR_LIMIT,
                             "something is due %d times before that; advance in smaller steps",
                             ADVANCE_STEPS_MAX);
        }
        move_to(world, MAX(due_ms, now_ms));
        err = world_settle(world, error);
    }
    if (err == OK && test_env_ms(world->options.env) < to_ms) {
        move_to(world, to_ms);
        err = world_settle(world, error);
    }
    return err;
}
