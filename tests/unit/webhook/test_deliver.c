/* Deliveries through store, bus and client, under a clock that is moved by hand and a receiver that
 * is a function: the real schedule, order per record, pacing, switching off, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../core/webhook/internal.h"
#include "proxenos/base_json.h"

int test_deliver(void);

enum { CALLS_MAX = 4096 };

struct call {
    int64_t at_ms;
    char id[64], timestamp[24];
    char body[400];
};

struct world {
    struct env env;
    int64_t ms; /* atomic */
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct net *net;
    struct webhooks *webhooks;
    struct schedule schedule;
    int64_t id;
    /* the receiver: net thread, while the loop waits */
    int status;          /* atomic */
    const char *refuses; /* only bodies that hold this; NULL: all */
    const char *retry_after, *answer;
    struct call *calls;
    int count; /* atomic */
};

static struct world *world_of(struct env *env)
{
    return CONTAINER_OF(env, struct world, env);
}

static int64_t now_ms(struct env *env)
{
    return __atomic_load_n(&world_of(env)->ms, __ATOMIC_ACQUIRE);
}

static int64_t monotonic_ns(struct env *env)
{
    return now_ms(env) * 1000000;
}

static void random_bytes(struct env *env, void *bytes, size_t len)
{
    (void)env;
    crypto_random(bytes, len);
}

/* ---- the receiver ---- */

static struct str header_of(const struct net_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_is(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return STR("");
}

static bool receive(void *context, struct net_request *request)
{
    struct world *world = context;
    int at = __atomic_load_n(&world->count, __ATOMIC_ACQUIRE);
    size_t found = 0;
    assert_true(at < CALLS_MAX);
    struct call *call = &world->calls[at];
    call->at_ms = now_ms(&world->env);
    snprintf(call->id, sizeof(call->id), STR_FORMAT, STR_ARGS(header_of(request, "webhook-id")));
    snprintf(call->timestamp, sizeof(call->timestamp), STR_FORMAT,
             STR_ARGS(header_of(request, "webhook-timestamp")));
    snprintf(call->body, sizeof(call->body), STR_FORMAT, STR_ARGS(request->body));
    bool refuse =
        world->refuses == NULL || str_find(request->body, str_from(world->refuses), &found);
    request->err = OK;
    request->status = refuse ? __atomic_load_n(&world->status, __ATOMIC_ACQUIRE) : 200;
    if (world->retry_after != NULL) {
        net_answer_header_add(request, STR("Retry-After"), str_from(world->retry_after));
    }
    if (world->answer != NULL) {
        buf_append_str(&request->answer, str_from(world->answer));
    }
    __atomic_store_n(&world->count, at + 1, __ATOMIC_RELEASE);
    return true;
}

static int calls(struct world *world)
{
    return __atomic_load_n(&world->count, __ATOMIC_ACQUIRE);
}

/* ---- the world ---- */

static enum err view(void *context, const struct webhook_view *view, const struct scope **out_scope,
                     struct error *error)
{
    (void)error;
    struct world *world = context;
    assert_true(view->user != 0 || view->role != 0);
    *out_scope = store_system_scope(world->store, SYSTEM_WEBHOOK);
    return OK;
}

static enum err find_role(void *context, struct str name, int64_t *out_role, struct error *error)
{
    (void)context;
    (void)name;
    (void)out_role;
    return error_set(error, ERR_NOT_FOUND, "there are no roles here");
}

static int64_t generation(void *context)
{
    (void)context;
    return 1;
}

static void apply_schema(struct world *world)
{
    struct arena arena;
    struct error error = {0};
    arena_init(&arena);
    const struct schema_source sources[] = {core_schema(&arena)};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    assert_int_equal(store_schema_apply(world->store, sources, 1, scope, NULL, &error), OK);
    scope_unref(scope);
    arena_deinit(&arena);
}

static void open_world(struct world *world)
{
    struct error error = {0};
    struct store_options store = {.env = &world->env, .folder = world->folder};
    assert_int_equal(loop_new(&world->env, &world->loop, &error), OK);
    assert_int_equal(store_open(&store, &world->store, &error), OK);
    apply_schema(world);
    assert_int_equal(bus_open(world->store, world->loop, &world->bus, &error), OK);
    struct net_options net = {.env = env_real(), .recorded = receive, .recorded_context = world};
    assert_int_equal(net_open(&net, &world->net, &error), OK);
    struct webhooks_options options = {.store = world->store,
                                       .loop = world->loop,
                                       .bus = world->bus,
                                       .net = world->net,
                                       .schedule = world->schedule,
                                       .view = view,
                                       .find_role = find_role,
                                       .generation = generation,
                                       .context = world};
    assert_int_equal(webhooks_open(&options, &world->webhooks, &error), OK);
    bus_start(world->bus);
}

static void close_world(struct world *world)
{
    webhooks_close(world->webhooks);
    bus_close(world->bus);
    net_close(world->net);
    store_close(world->store);
    loop_drain(world->loop, 1000);
    loop_free(world->loop);
}

static enum err nothing(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    (void)tx;
    (void)error;
    return OK;
}

/* Units are taken in their order: when this one is back, all before it have been answered. */
static void wait_for_writer(struct world *world)
{
    struct unit unit = {.apply = nothing, .request = STR("test")};
    unit.scope = store_system_scope(world->store, SYSTEM_WEBHOOK);
    assert_int_equal(store_run(world->store, &unit), OK);
    scope_unref(unit.scope);
    unit_deinit(&unit);
}

/* Until nothing happens any more at this hour. */
static void settle(struct world *world)
{
    int quiet = 0;
    while (quiet < 2) {
        int64_t before = loop_activity(world->loop);
        loop_clock_moved(world->loop);
        wait_for_writer(world);
        loop_drain(world->loop, 1);
        bool busy = loop_activity(world->loop) != before || world->webhooks->sending_count > 0;
        quiet = busy ? 0 : quiet + 1;
        if (busy) {
            usleep(100); /* the net thread's turn */
        }
    }
}

static void pass(struct world *world, int64_t ms)
{
    __atomic_add_fetch(&world->ms, ms, __ATOMIC_ACQ_REL);
    settle(world);
}

static int setup(void **state)
{
    struct world *world = mem_zalloc(sizeof(*world));
    world->calls = mem_zalloc(CALLS_MAX * sizeof(*world->calls));
    world->env = (struct env){
        .now_ms = now_ms, .monotonic_ns = monotonic_ns, .random = random_bytes, .stepped = true};
    world->ms = (int64_t)1790000000 * 1000;
    world->status = 200;
    snprintf(world->folder, sizeof(world->folder), "/tmp/proxenos-webhook-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    open_world(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    char command[128];
    close_world(world);
    snprintf(command, sizeof(command), "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
    mem_free(world->calls);
    mem_free(world);
    return 0;
}

/* ---- changes, waited for ---- */

static void on_change(struct webhook_change *change)
{
    *(bool *)change->context = true;
}

static enum err change(struct world *world, const char *json, int64_t id,
                       struct webhook_change *out_change)
{
    struct arena arena;
    struct value map;
    bool done = false;
    arena_init(&arena);
    assert_int_equal(json_decode(&arena, str_from(json), &map, NULL), OK);
    const struct scope *scope = store_system_scope(world->store, SYSTEM_WEBHOOK);
    *out_change = (struct webhook_change){.done = on_change,
                                          .context = &done,
                                          .scope = scope,
                                          .request = STR("test"),
                                          .arena = &arena,
                                          .map = &map,
                                          .id = id,
                                          .begin = out_change->begin,
                                          .end = out_change->end};
    enum err err = id == 0 ? webhook_create(world->webhooks, out_change)
                           : webhook_update(world->webhooks, out_change);
    while (err == OK && !done) {
        loop_drain(world->loop, 5);
    }
    err = out_change->err;
    scope_unref(scope);
    arena_deinit(&arena);
    return err;
}

/* A user to see as: the view gives the system's scope all the same. */
static void make_user(struct world *world, char out_id[ID_TEXT_LEN + 1]);

static void make_webhook(struct world *world)
{
    struct webhook_change made = {0};
    char user[ID_TEXT_LEN + 1];
    char json[400];
    make_user(world, user);
    snprintf(json, sizeof(json),
             "{\"name\":\"erp\",\"url\":\"https://erp.example/hook\",\"events\":[\"test.*\"],"
             "\"payload\":\"changes\",\"user\":\"%s\"}",
             user);
    assert_int_equal(change(world, json, 0, &made), OK);
    assert_true(made.id != 0);
    world->id = made.id;
    settle(world);
}

struct making {
    struct unit unit;
    struct draft *draft;
    int from, count, keys;
    size_t padding;
};

static enum err user_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_write(tx, CONTAINER_OF(unit, struct making, unit)->draft, NULL, error);
}

static void run_unit(struct world *world, struct making *making,
                     enum err (*apply)(struct unit *, struct tx *, struct error *))
{
    making->unit = (struct unit){.apply = apply, .request = STR("test")};
    making->unit.scope = store_system_scope(world->store, SYSTEM_WEBHOOK);
    assert_int_equal(store_run(world->store, &making->unit), OK);
    scope_unref(making->unit.scope);
    unit_deinit(&making->unit);
}

static void make_user(struct world *world, char out_id[ID_TEXT_LEN + 1])
{
    struct arena arena;
    struct making making = {0};
    struct value map = value_map_new();
    const struct scope *scope = store_system_scope(world->store, SYSTEM_WEBHOOK);
    arena_init(&arena);
    value_put_c(&arena, &map, "name", value_text(STR("anna")));
    assert_int_equal(draft_make(world->store, scope, DRAFT_CREATE,
                                schema_object(scope->schema, STR("user")), 0, &map, &arena,
                                &making.draft, NULL),
                     OK);
    run_unit(world, &making, user_apply);
    id_format(making.draft->id, out_id);
    scope_unref(scope);
    arena_deinit(&arena);
}

/* Events of the plugin's own kind; `id` stands for a record, since the key looks there. */
static enum err emit_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct making *making = CONTAINER_OF(unit, struct making, unit);
    struct arena *arena = tx_arena(tx);
    enum err err = OK;
    for (int i = 0; err == OK && i < making->count; i++) {
        struct value data = value_map_new();
        char *padding = arena_zalloc(arena, making->padding + 1);
        memset(padding, 'x', making->padding);
        int n = making->from + i;
        value_put_c(arena, &data, "n", value_int(n));
        value_put_c(arena, &data, "id", value_text(arena_printf(arena, "k%d", n % making->keys)));
        value_put_c(arena, &data, "padding", value_text((struct str){padding, making->padding}));
        err = tx_emit(tx, STR("test.made"), &data, error);
    }
    return err;
}

static void emit(struct world *world, int from, int count, int keys)
{
    struct making making = {.from = from, .count = count, .keys = keys};
    run_unit(world, &making, emit_apply);
    settle(world);
}

static int64_t number(struct world *world, const char *key)
{
    struct arena arena;
    arena_init(&arena);
    struct value shown = webhook_describe(world->webhooks, world->id, &arena);
    const struct value *value = value_get_c(&shown, key);
    int64_t found = value != NULL && value->kind != VALUE_NULL ? value->integer : 0;
    arena_deinit(&arena);
    return found;
}

static void assert_state(struct world *world, const char *state, const char *why)
{
    struct arena arena;
    size_t at = 0;
    arena_init(&arena);
    struct value shown = webhook_describe(world->webhooks, world->id, &arena);
    struct str found = value_get_text(&shown, "state", STR(""));
    if (!str_is(found, state)) {
        print_error(STR_FORMAT "\n", STR_ARGS(found));
    }
    assert_true(str_is(found, state));
    assert_true(why == NULL ||
                str_find(value_get_text(&shown, "why", STR("")), str_from(why), &at));
    arena_deinit(&arena);
}

static size_t dead_count(struct world *world, struct value *out_first, struct arena *arena)
{
    struct reader *reader = NULL;
    struct value letters;
    struct bus_dead_query query = {.limit = 10};
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    assert_int_equal(bus_dead_letters(reader, &query, arena, &letters, NULL), OK);
    if (letters.list.count > 0) {
        *out_first = letters.list.items[0];
    }
    reader_close(reader);
    return letters.list.count;
}

/* ---- tests ---- */

static void ten_attempts_at_their_hours(void **state)
{
    struct world *world = *state;
    static const int64_t waits_s[] = {5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    make_webhook(world);
    world->status = 500;
    world->answer = "no\tthanks";
    emit(world, 0, 1, 1);
    assert_int_equal(calls(world), 1);
    for (int i = 0; i < 9; i++) {
        int64_t wait_ms = waits_s[i] * 1000;
        int64_t before_ms = world->calls[i].at_ms;
        pass(world, wait_ms - 1);
        assert_int_equal(calls(world), i + 1); /* not sooner */
        pass(world, wait_ms / 10 + 2);
        assert_int_equal(calls(world), i + 2);
        assert_true(world->calls[i + 1].at_ms - before_ms >= wait_ms);
        assert_string_equal(world->calls[i + 1].id, world->calls[0].id);
        assert_string_not_equal(world->calls[i + 1].timestamp, world->calls[i].timestamp);
        assert_string_equal(world->calls[i + 1].body, world->calls[0].body);
    }
    pass(world, 2 * DAY_MS);
    assert_int_equal(calls(world), 10);
    struct arena arena;
    struct value letter = value_null();
    arena_init(&arena);
    assert_int_equal(dead_count(world, &letter, &arena), 1);
    assert_int_equal(value_get_int(&letter, "attempts", 0), 10);
    assert_true(str_is(value_get_text(&letter, "error", STR("")), "the receiver answered 500"));
    assert_true(str_is(value_get_text(&letter, "traceback", STR("")), "no thanks"));
    arena_deinit(&arena);
}

static void an_id_opens_for_its_webhook_alone(void **state)
{
    struct world *world = *state;
    int64_t seq = 0;
    make_webhook(world);
    emit(world, 0, 1, 1);
    assert_int_equal(
        webhook_event_seq(world->webhooks, world->id, str_from(world->calls[0].id), &seq, NULL),
        OK);
    assert_true(seq == store_seq(world->store));
    assert_int_equal(
        webhook_event_seq(world->webhooks, world->id + 1, str_from(world->calls[0].id), &seq, NULL),
        ERR_CURSOR);
}

static void events_of_one_record_wait_for_the_first(void **state)
{
    struct world *world = *state;
    make_webhook(world);
    world->status = 503;
    world->refuses = "\"n\":0,";
    emit(world, 0, 6, 2);              /* k0: 0 2 4, k1: 1 3 5 */
    assert_int_equal(calls(world), 4); /* 0 refused; 1 3 5 accepted */
    for (int i = 0; i < 4; i++) {
        assert_null(strstr(world->calls[i].body, "\"n\":2,"));
    }
    world->refuses = "nothing";
    pass(world, 6 * SECOND_MS);
    assert_int_equal(calls(world), 7);
    static const char *const order[] = {"\"n\":0,", "\"n\":2,", "\"n\":4,"};
    for (int i = 0; i < 3; i++) {
        assert_non_null(strstr(world->calls[4 + i].body, order[i]));
    }
    assert_int_equal(bus_backlog(world->bus), 0);
}

static void retry_after_is_longer_than_the_schedule(void **state)
{
    struct world *world = *state;
    make_webhook(world);
    world->status = 429;
    world->retry_after = "120";
    emit(world, 0, 1, 1);
    pass(world, 119 * SECOND_MS);
    assert_int_equal(calls(world), 1);
    world->status = 200;
    pass(world, 2 * SECOND_MS);
    assert_int_equal(calls(world), 2);
    assert_state(world, "active", NULL);
}

static void new_events_are_paced_while_it_fails(void **state)
{
    struct world *world = *state;
    make_webhook(world);
    world->status = 500;
    emit(world, 0, 200, 200);
    int first = calls(world);
    assert_in_range(first, FAILURES_PACED, FAILURES_PACED + SENDING_MAX);
    assert_state(world, "failing", NULL);
    /* In an hour: one a minute, and what is due again; not two hundred at once. */
    for (int i = 0; i < 60; i++) {
        pass(world, MINUTE_MS + 1);
    }
    assert_in_range(calls(world), first + 50, first + 60 * 4);
    /* It answers again: all of them come. */
    world->status = 200;
    for (int i = 0; i < 4; i++) {
        pass(world, HOUR_MS);
    }
    assert_int_equal(bus_backlog(world->bus), 0);
    assert_state(world, "active", NULL);
    assert_int_equal(number(world, "failures"), 0);
}

static void days_of_failing_switch_it_off(void **state)
{
    struct world *world = *state;
    struct webhook_change changed = {0};
    make_webhook(world);
    world->status = 500;
    emit(world, 0, 1, 1);
    for (int i = 0; i < 4 * 24; i++) {
        pass(world, HOUR_MS);
    }
    emit(world, 1, 1, 2);
    assert_state(world, "failing", NULL);
    for (int i = 0; i < 48; i++) {
        pass(world, HOUR_MS);
    }
    assert_state(world, "disabled", "attempts in a row have failed");
    int before = calls(world);
    emit(world, 2, 3, 3);
    pass(world, 2 * DAY_MS);
    assert_int_equal(calls(world), before);
    /* Switched on, it goes on where it was, and old failures do not count. */
    world->status = 200;
    assert_int_equal(change(world, "{\"enabled\":true}", world->id, &changed), OK);
    settle(world);
    pass(world, 2 * DAY_MS);
    assert_state(world, "active", NULL);
    assert_int_equal(bus_backlog(world->bus), 0);
    assert_int_equal(calls(world), before + 4);
}

static void gone_is_gone_at_once(void **state)
{
    struct world *world = *state;
    make_webhook(world);
    world->status = 410;
    emit(world, 0, 3, 1);
    assert_state(world, "disabled", "410");
    assert_int_equal(calls(world), 1);
    pass(world, DAY_MS);
    assert_int_equal(calls(world), 1);
}

static void a_restart_keeps_count_and_hour(void **state)
{
    struct world *world = *state;
    make_webhook(world);
    world->status = 500;
    emit(world, 0, 2, 1);
    pass(world, 6 * SECOND_MS);
    assert_int_equal(calls(world), 2);
    close_world(world);
    open_world(world);
    settle(world);
    assert_state(world, "failing", NULL);
    assert_int_equal(number(world, "failures"), 2);
    assert_int_equal(calls(world), 2);
    pass(world, 5 * MINUTE_MS - 7 * SECOND_MS);
    assert_int_equal(calls(world), 2);
    world->status = 200;
    pass(world, 40 * SECOND_MS);
    assert_int_equal(calls(world), 4);
    assert_non_null(strstr(world->calls[2].body, "\"n\":0,"));
    assert_string_equal(world->calls[2].id, world->calls[0].id);
    assert_non_null(strstr(world->calls[3].body, "\"n\":1,"));
    assert_int_equal(bus_backlog(world->bus), 0);
}

static void what_is_too_large_comes_as_a_notice(void **state)
{
    struct world *world = *state;
    struct making making = {.count = 1, .keys = 1, .padding = WEBHOOK_BODY_MAX + 1};
    make_webhook(world);
    run_unit(world, &making, emit_apply);
    settle(world);
    assert_int_equal(calls(world), 1);
    assert_non_null(strstr(world->calls[0].body, "payload:notice:1"));
}

static enum err count_attempts(struct world *world, int64_t *out_count)
{
    struct reader *reader = NULL;
    struct arena arena;
    struct value rows;
    struct webhook_attempts_query query = {.id = world->id, .limit = 5000};
    arena_init(&arena);
    assert_int_equal(reader_open(world->store, 0, &reader, NULL), OK);
    enum err err = webhook_attempts(world->webhooks, reader, &query, &arena, &rows, NULL);
    *out_count = (int64_t)rows.list.count;
    reader_close(reader);
    arena_deinit(&arena);
    return err;
}

static void the_log_of_attempts_is_bounded(void **state)
{
    struct world *world = *state;
    int64_t count = 0;
    make_webhook(world);
    for (int i = 0; i < 6; i++) {
        emit(world, 200 * i, 200, 100);
    }
    assert_int_equal(calls(world), 1200);
    assert_int_equal(bus_backlog(world->bus), 0);
    assert_int_equal(count_attempts(world, &count), OK);
    assert_in_range(count, WEBHOOK_ATTEMPTS_KEPT, WEBHOOK_ATTEMPTS_KEPT + TRIM_EVERY);
}

/* As an import makes it: a record, and nothing beside. */
static void make_by_bulk(struct world *world, const char *json)
{
    struct arena arena;
    struct value map;
    struct making making = {0};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_WEBHOOK);
    arena_init(&arena);
    assert_int_equal(json_decode(&arena, str_from(json), &map, NULL), OK);
    assert_int_equal(draft_make(world->store, scope, DRAFT_CREATE,
                                schema_object(scope->schema, STR("webhook")), 0, &map, &arena,
                                &making.draft, NULL),
                     OK);
    run_unit(world, &making, user_apply);
    settle(world);
    world->id = making.draft->id;
    scope_unref(scope);
    arena_deinit(&arena);
}

static void a_wrong_webhook_of_bulk_says_so(void **state)
{
    struct world *world = *state;
    make_webhook(world);
    make_by_bulk(world, "{\"name\":\"x\",\"url\":\"ftp://x/\",\"events\":[\"*\"],"
                        "\"payload\":\"notice\"}");
    assert_state(world, "broken", "/url");
}

/* The only key's public half, which must be the only one. */
static void public_key(struct world *world, char out[WEBHOOK_PUBLIC_TEXT])
{
    struct arena arena;
    arena_init(&arena);
    struct value shown = webhook_describe(world->webhooks, world->id, &arena);
    const struct value *keys = value_get_c(&shown, "keys");
    assert_int_equal(keys->list.count, 1);
    struct str key = value_get_text(&keys->list.items[0], "public_key", STR(""));
    snprintf(out, WEBHOOK_PUBLIC_TEXT, STR_FORMAT, STR_ARGS(key));
    arena_deinit(&arena);
}

static void a_webhook_of_bulk_has_a_key_at_once(void **state)
{
    struct world *world = *state;
    char user[ID_TEXT_LEN + 1];
    char json[300];
    char first[WEBHOOK_PUBLIC_TEXT];
    char again[WEBHOOK_PUBLIC_TEXT];
    make_user(world, user);
    snprintf(json, sizeof(json),
             "{\"name\":\"erp\",\"url\":\"https://erp.example/hook\",\"events\":[\"test.*\"],"
             "\"payload\":\"changes\",\"user\":\"%s\"}",
             user);
    make_by_bulk(world, json);
    assert_state(world, "active", NULL);
    public_key(world, first);
    emit(world, 0, 3, 3);
    assert_int_equal(calls(world), 3);
    close_world(world);
    open_world(world);
    settle(world);
    public_key(world, again);
    assert_string_equal(first, again);
}

static enum err say_repeated(struct webhook_change *change, struct tx *tx, struct error *error)
{
    (void)tx;
    (void)error;
    change->repeated = true;
    return OK;
}

static enum err refuse_at_the_end(struct webhook_change *change, struct tx *tx, struct error *error)
{
    (void)tx;
    assert_true(change->secret[0] != '\0' && change->record.len > 0 && change->id != 0);
    return error_set(error, ERR_REFUSED, "no room for the answer");
}

/* What the caller adds to the unit is part of it: with it, or not at all. */
static void a_change_repeated_or_refused_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct webhook_change made = {.begin = say_repeated};
    static const char json[] = "{\"name\":\"a\",\"url\":\"https://a.example/\",\"events\":[\"*\"],"
                               "\"user\":\"%s\"}";
    char user[ID_TEXT_LEN + 1];
    char text[200];
    make_user(world, user);
    snprintf(text, sizeof(text), json, user);
    assert_int_equal(change(world, text, 0, &made), OK);
    assert_int_equal(made.secret[0], '\0');
    assert_int_equal(world->webhooks->count, 0);
    made = (struct webhook_change){.end = refuse_at_the_end};
    assert_int_equal(change(world, text, 0, &made), ERR_REFUSED);
    assert_int_equal(made.secret[0], '\0');
    settle(world);
    assert_int_equal(world->webhooks->count, 0);
    made = (struct webhook_change){0};
    assert_int_equal(change(world, text, 0, &made), OK);
    assert_int_equal(world->webhooks->count, 1);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int test_deliver(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(ten_attempts_at_their_hours),
        IN_WORLD(an_id_opens_for_its_webhook_alone),
        IN_WORLD(events_of_one_record_wait_for_the_first),
        IN_WORLD(retry_after_is_longer_than_the_schedule),
        IN_WORLD(new_events_are_paced_while_it_fails),
        IN_WORLD(days_of_failing_switch_it_off),
        IN_WORLD(gone_is_gone_at_once),
        IN_WORLD(a_restart_keeps_count_and_hour),
        IN_WORLD(what_is_too_large_comes_as_a_notice),
        IN_WORLD(the_log_of_attempts_is_bounded),
        IN_WORLD(a_wrong_webhook_of_bulk_says_so),
        IN_WORLD(a_webhook_of_bulk_has_a_key_at_once),
        IN_WORLD(a_change_repeated_or_refused_leaves_nothing),
    };
    crypto_init();
    return cmocka_run_group_tests_name("deliver", tests, NULL, NULL);
}
