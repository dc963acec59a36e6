/* See world.h: a life's service, its clock, and what the world outside does to it. */
#include "world.h"

#include "people.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_log.h"

#include <string.h>
#include <uv.h>

enum { NS_PER_MS = 1000000, SETTLE_TURNS_MAX = 2000000, RETRY_MS = 40000 };

static const char schema_text[] = "return { objects = {\n"
                                  "  note = { title = 'text', fields = {\n"
                                  "    { 'text', 'text', required = true, max = 500 },\n"
                                  "    { 'source', 'text', unique = true },\n"
                                  "    { 'number', 'integer' },\n"
                                  "    { 'group', 'text' },\n"
                                  "  } },\n"
                                  "  counter = { title = 'name', fields = {\n"
                                  "    { 'name', 'text', required = true, unique = true },\n"
                                  "    { 'number', 'integer' },\n"
                                  "  } },\n"
                                  "} }\n";

/* On a disk that fails the service may not start; it may do nothing else wrong. */
static void must(struct world *world, enum err err, const struct error *error, const char *what)
{
    if (err == OK) {
        return;
    }
    bool disk = err == ERR_IO || err == ERR_DISK_FULL || err == ERR_BUSY;
    if (disk && world->machine->faults_given > 0) {
        life_unopened();
    }
    life_broken("%s: %s: %s", what, err_code(err), error->detail);
}

/* ---- the schema ---- */

static void apply_schema(struct world *world)
{
    struct value tree;
    struct error error = {0};
    enum err err = lua_read_data(&world->arena, "schema.lua", str_from(schema_text), ERR_SCHEMA,
                                 &tree, &error);
    must(world, err, &error, "schema");
    const struct schema_source sources[] = {
        core_schema(&world->arena),
        auth_schema(&world->arena),
        {.plugin = STR("test"), .tree = tree},
    };
    const struct scope *scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    err = store_schema_apply(world->store, sources, COUNT_OF(sources), scope, NULL, &error);
    scope_unref(scope);
    must(world, err, &error, "schema");
}

/* ---- running ---- */

/* Everything that can go on at this instant of the clock. */
static void run_now(struct world *world)
{
    uv_loop_t *uv = loop_uv(world->loop);
    for (int turns = 0;; turns++) {
        if (turns > SETTLE_TURNS_MAX) {
            life_broken("something goes round and round at %lld",
                        (long long)world->machine->wall_ms);
        }
        bool ran = threads_turn();
        bool rang = threads_rang();
        if (!ran && !rang && uv_backend_timeout(uv) != 0) {
            return;
        }
        (void)uv_run(uv, UV_RUN_NOWAIT);
        if (world->flows != NULL) {
            world->most_busy = MAX(world->most_busy, flows_busy(world->flows));
        }
    }
}

void world_turn(struct world *world)
{
    (void)threads_turn();
    (void)uv_run(loop_uv(world->loop), UV_RUN_NOWAIT);
}

static void move_clock(struct world *world, int64_t by_ms)
{
    struct sim_machine *machine = world->machine;
    machine->wall_ms += by_ms;
    machine->mono_ns += by_ms * NS_PER_MS;
    machine_trace(machine, (uint64_t)by_ms);
    loop_clock_moved(world->loop);
    run_now(world);
}

static int64_t mono_ms(const struct world *world)
{
    return world->machine->mono_ns / NS_PER_MS;
}

/* Monotonic: the next timer of the loop, or the next thread that wakes by itself. */
static int64_t next_wake_ms(struct world *world)
{
    int64_t next_ns = threads_next_ns();
    int64_t next_ms = next_ns == INT64_MAX ? INT64_MAX : (next_ns + NS_PER_MS - 1) / NS_PER_MS;
    return MIN(next_ms, loop_next_due_ms(world->loop));
}

static bool is_busy(struct world *world)
{
    return world->acts_away > 0 ||
           bus_backlog(world->bus) + flows_busy(world->flows) + bind_host_busy(world->host) > 0;
}

void world_settle(struct world *world)
{
    run_now(world);
    for (int tries = 0; is_busy(world) && tries < SETTLE_TURNS_MAX; tries++) {
        int64_t wait_ms = next_wake_ms(world) - mono_ms(world);
        if (wait_ms > RETRY_MS) {
            return; /* a plugin that waits to be tried again, later */
        }
        move_clock(world, MAX(wait_ms, 1));
    }
}

bool world_advance(struct world *world, int64_t until_ms)
{
    int64_t now_ms = world->machine->wall_ms;
    if (is_busy(world)) { /* what is tried again runs by the loop's timers */
        int64_t wait_ms = MAX(1, next_wake_ms(world) - mono_ms(world));
        if (now_ms + wait_ms <= until_ms) {
            move_clock(world, wait_ms);
            return true;
        }
    }
    int64_t due_ms = flows_next_due_ms(world->flows);
    bool any = due_ms <= until_ms && due_ms != INT64_MAX;
    if (!any && until_ms == INT64_MAX) {
        return false;
    }
    move_clock(world, MAX(0, (any ? MAX(due_ms, now_ms) : until_ms) - now_ms));
    world_settle(world);
    return any;
}

void world_tick(struct world *world, int64_t ms)
{
    move_clock(world, ms);
}

void world_step_clock(struct world *world, int64_t ms)
{
    world->machine->wall_ms += ms;
}

/* ---- the plugin ---- */

struct waited {
    struct bind_call call;
    bool done;
};

static void on_called(struct bind_call *call)
{
    CONTAINER_OF(call, struct waited, call)->done = true;
}

static void subscribe(struct world *world, const struct plugin_rights *rights)
{
    size_t count = 0;
    struct error error = {0};
    const struct bind_registration *all = bind_host_registrations(world->host, &count);
    const struct scope *scope = auth_plugin_scope(world->auth, rights, &error);
    must(world, scope != NULL ? OK : error.err, &error, "rights");
    for (size_t i = 0; i < count; i++) {
        struct subscription_spec spec = {.name = arena_printf(&world->arena, "one/%zu", i),
                                         .plugin = rights->name,
                                         .pattern = all[i].name,
                                         .key = value_get_text(&all[i].options, "key", STR("")),
                                         .retry = {.times = 1000, .first_ms = 10, .max_ms = 60000},
                                         .concurrency = 4,
                                         .deliver = bind_deliver,
                                         .context = (void *)(uintptr_t)&all[i],
                                         .scope = scope};
        if (all[i].kind == BIND_ON) {
            enum err err = bus_subscribe(
                world->bus, &spec, &world->subscriptions[world->subscription_count++], &error);
            must(world, err, &error, "subscribe");
        }
    }
    scope_unref(scope);
}

static void load(struct world *world, const char *main)
{
    static const struct str objects[] = {STR_INIT("note"), STR_INIT("counter")};
    static const struct str emit[] = {STR_INIT("one.*")};
    struct error error = {0};
    struct bind_file file = {STR("main.lua"), str_from(main)};
    struct bind_host_options options = {
        .version = STR("1.0.0"), .config = value_map_new(), .files = &file, .file_count = 1};
    options.rights.name = STR("one");
    options.rights.read = options.rights.write = objects;
    options.rights.read_count = options.rights.write_count = COUNT_OF(objects);
    options.emit = emit;
    options.emit_count = COUNT_OF(emit);
    options.limits.memory_bytes = (size_t)64 << 20;
    world->host = bind_host_new(world->bind, &options);
    struct waited waited = {
        .call = {.host = world->host, .request = STR("load"), .done = on_called}};
    bind_call(&waited.call);
    run_now(world);
    must(world, waited.done ? waited.call.err : ERR_TIMEOUT, &waited.call.error, "load");
    subscribe(world, &options.rights);
    must(world, bind_host_run_flows(world->host, &error), &error, "flows");
}

struct world *world_open(struct sim_machine *machine, const char *main)
{
    struct world *world = mem_zalloc(sizeof(*world));
    struct error error = {0};
    world->machine = machine;
    arena_init(&world->arena);
    threads_start(machine);
    disk_install(machine);
    crypto_init();
    must(world, loop_new(sim_loop_env(), &world->loop, &error), &error, "loop");
    struct store_options options = {.env = sim_env(), .folder = machine->folder};
    must(world, store_open(&options, &world->store, &error), &error, "store");
    apply_schema(world);
    struct auth_options auth = {.store = world->store, .loop = world->loop};
    must(world, auth_open(&auth, &world->auth, &error), &error, "auth");
    must(world, bus_open(world->store, world->loop, &world->bus, &error), &error, "bus");
    struct flows_options flows = {.store = world->store, .loop = world->loop};
    must(world, flows_open(&flows, &world->flows, &error), &error, "flows");
    struct bind_options bind = {.store = world->store,
                                .auth = world->auth,
                                .bus = world->bus,
                                .flows = world->flows,
                                .loop = world->loop,
                                .executors = 2};
    must(world, bind_open(&bind, &world->bind, &error), &error, "bind");
    must(world, reader_open(world->store, 0, &world->reader, &error), &error, "reader");
    must(world, people_open(world, &error), &error, "people");
    load(world, main);
    run_now(world); /* the plugin's code is in the store */
    machine->serving = true;
    bus_start(world->bus);
    flows_start(world->flows);
    run_now(world);
    return world;
}

/* ---- acts ---- */

struct acting {
    struct unit unit;
    struct world *world;
    struct act act;
};

static struct str number_bytes(struct arena *arena, const struct act *act)
{
    struct value map = value_map_new();
    struct buf bytes;
    value_put_c(arena, &map, "n", value_int(act->number));
    if (act->name != NULL) {
        value_put_c(arena, &map, "key", value_text(str_from(act->name)));
    }
    buf_init(&bytes);
    flow_encode(&bytes, &map);
    struct str copy = arena_str(arena, buf_str(&bytes));
    buf_deinit(&bytes);
    return copy;
}

static enum err act_start(struct acting *acting, struct tx *tx, struct error *error)
{
    const struct act *act = &acting->act;
    struct flow_start start = {.id = act->run,
                               .plugin = STR("one"),
                               .name = str_from(act->flow),
                               .key = str_from(act->name),
                               .input = number_bytes(tx_arena(tx), act),
                               .actor = STR("user:eva")}; /* PERSON_MAKER */
    return flow_tx_start(acting->world->flows, tx, &start, error);
}

static enum err act_emit(struct acting *acting, struct tx *tx, struct error *error)
{
    const struct act *act = &acting->act;
    struct arena *arena = tx_arena(tx);
    struct value data = value_map_new();
    value_put_c(arena, &data, "n", value_int(act->number));
    value_put_c(arena, &data, "key", value_text(str_from(act->key)));
    return tx_emit(tx, str_from(act->name), &data, error);
}

static enum err act_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct acting *acting = CONTAINER_OF(unit, struct acting, unit);
    const struct act *act = &acting->act;
    struct flows *flows = acting->world->flows;
    switch (act->kind) {
    case ACT_START:
        return act_start(acting, tx, error);
    case ACT_SIGNAL:
        return flow_tx_signal(flows, tx, STR("one"), act->run, str_from(act->name),
                              number_bytes(tx_arena(tx), act), str_from(act->source), error);
    case ACT_CANCEL:
        return flow_tx_cancel(flows, tx, STR("one"), act->run, STR("not wanted"), error);
    case ACT_EMIT:
        return act_emit(acting, tx, error);
    }
    return OK;
}

static void act_done(struct unit *unit)
{
    struct acting *acting = CONTAINER_OF(unit, struct acting, unit);
    bool over = unit->err == ERR_UNIQUE || unit->err == ERR_CONFLICT || unit->err == ERR_NOT_FOUND;
    *acting->act.state = unit->err == OK ? ACT_ACKNOWLEDGED : over ? ACT_REFUSED : ACT_NONE;
    acting->world->acts_away--;
    scope_unref(unit->scope);
    unit_deinit(unit);
    mem_free(acting);
}

void world_act(struct world *world, const struct act *act)
{
    struct acting *acting = mem_zalloc(sizeof(*acting));
    acting->world = world;
    acting->act = *act;
    acting->unit = (struct unit){.reply = loop_mailbox(world->loop),
                                 .apply = act_apply,
                                 .done = act_done,
                                 .scope = store_system_scope(world->store, SYSTEM_FLOW),
                                 .request = STR("sim")};
    *act->state = ACT_SENT;
    if (store_submit(world->store, &acting->unit) == OK) {
        world->acts_away++;
        return;
    }
    *act->state = ACT_NONE;
    scope_unref(acting->unit.scope);
    mem_free(acting);
}
