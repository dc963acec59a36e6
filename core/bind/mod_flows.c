/* px.flows: runs seen from outside of them: start, signal, cancel, find. In a handler these are
 * part of its unit of work, elsewhere a unit of their own. Executor, protected. */
#include "flow.h"
#include "store_module.h"

#include "proxenos/flow_operate.h"

/* ---- in the unit ---- */

static enum err apply_start(const struct flow_change *change, struct flows *flows, struct tx *tx,
                            struct error *error)
{
    struct flow_start start = {.id = change->run,
                               .plugin = change->plugin,
                               .name = change->name,
                               .key = change->key,
                               .input = change->data,
                               .actor = tx_scope(tx)->actor};
    if (change->attributes.kind == VALUE_MAP) {
        start.attributes = &change->attributes;
    }
    return flow_tx_start(flows, tx, &start, error);
}

enum err flow_change_apply(const struct flow_change *change, struct flows *flows, struct tx *tx,
                           struct error *error)
{
    switch (change->kind) {
    case FLOW_CHANGE_START:
        return apply_start(change, flows, tx, error);
    case FLOW_CHANGE_SIGNAL:
        return flow_tx_signal(flows, tx, change->plugin, change->run, change->name, change->data,
                              change->key, error);
    case FLOW_CHANGE_CANCEL:
        return flow_tx_cancel(flows, tx, change->plugin, change->run, change->key, error);
    }
    return OK;
}

static struct flows *flows_of(lua_State *L)
{
    struct flows *flows = call_of(L)->host->bind->options.flows;
    if (flows == NULL) {
        lua_raise_set(L, ERR_UNSUPPORTED, "there are no flows here");
    }
    return flows;
}

static struct flow_change *add_flow_change(lua_State *L, struct work_unit *work,
                                           enum flow_change_kind kind)
{
    struct error error = {0};
    raise_if(L, room_for_change(work, &error), &error);
    struct change *change = add_change(work, CHANGE_FLOW);
    struct flow_change *flow = ARENA_NEW(&work->overlay->arena, struct flow_change);
    flow->kind = kind;
    flow->plugin = str_from(work->overlay->host->name);
    change->flow = flow;
    return flow;
}

static struct str name_arg(lua_State *L, int index)
{
    struct str name = arg_text(L, index);
    if (name.len == 0 || name.len > FLOW_NAME_MAX) {
        lua_raise_set(L, ERR_LIMIT, "the name has 1 to %d bytes", FLOW_NAME_MAX);
    }
    return name;
}

static struct str encoded(lua_State *L, struct arena *arena, int index, size_t most)
{
    struct buf out;
    struct value value = lua_isnoneornil(L, index) ? value_null() : arg_value(L, index, arena);
    buf_init(&out);
    flow_encode(&out, &value);
    struct str bytes = arena_str(arena, buf_str(&out));
    buf_deinit(&out);
    if (bytes.len > most) {
        lua_raise_set(L, ERR_LIMIT, "the value takes more than %zu KiB", most >> 10);
    }
    return bytes;
}

/* ---- start ---- */

static void check_flow(lua_State *L, const struct bind_host *host, struct str name)
{
    for (size_t i = 0; i < host->registration_count; i++) {
        if (host->registrations[i].kind == BIND_FLOW && str_eq(host->registrations[i].name, name)) {
            return;
        }
    }
    lua_raise_set(L, ERR_NOT_FOUND, "main.lua registers no flow \"" STR_FORMAT "\"",
                  STR_ARGS(str_sub(name, 0, 100)));
}

/* The run with this key among those that this unit starts, or in the store; 0: none. */
static int64_t running_with(lua_State *L, struct call *call, struct str name, struct str key)
{
    struct read_turn turn;
    struct error error = {0};
    int64_t id = 0;
    for (const struct change *change = call->work != NULL ? call->work->first : NULL;
         change != NULL; change = change->next) {
        if (change->kind == CHANGE_FLOW && change->flow->kind == FLOW_CHANGE_START &&
            str_eq(change->flow->name, name) && str_eq(change->flow->key, key)) {
            return change->flow->run;
        }
    }
    enum err err = read_begin(call, &turn, &error);
    if (err == OK) {
        err = flow_run_by_key(turn.reader, str_from(call->host->name), name, key, &id, &error);
        read_end(call, &turn);
    }
    if (err != OK && err != ERR_NOT_FOUND) {
        lua_raise(L, &error);
    }
    return id;
}

static void push_id(lua_State *L, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    lua_pushstring(L, text);
}

static int flows_start_run(lua_State *L)
{
    struct call *call = call_enter(L);
    (void)flows_of(L);
    struct str name = name_arg(L, 1);
    check_flow(L, call->host, name);
    struct value options = table_arg(L, 3, &call->scratch);
    struct str key = value_get_text(&options, "key", STR(""));
    if (key.len > FLOW_KEY_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a key has at most %d bytes", FLOW_KEY_MAX);
    }
    const struct value *attributes = value_get_c(&options, "attributes");
    struct error error = {0};
    if (attributes != NULL && flow_attributes_check(attributes, &error) != OK) {
        lua_raise(L, &error);
    }
    writes_allowed(L, call);
    int64_t running = key.len > 0 ? running_with(L, call, name, key) : 0;
    if (running != 0) {
        push_id(L, running);
        return 1;
    }
    struct work_unit *work = single_begin(L, "px.flows.start");
    struct arena *arena = &work->overlay->arena;
    struct str input = encoded(L, arena, 2, FLOW_PAYLOAD_MAX);
    struct flow_change *change = add_flow_change(L, work, FLOW_CHANGE_START);
    change->run = ids_next(store_ids(host_store(call->host)));
    change->name = arena_str(arena, name);
    change->key = arena_str(arena, key);
    change->data = input;
    if (attributes != NULL) {
        change->attributes = value_copy(arena, attributes);
    }
    push_id(L, change->run);
    return single_end(L);
}

/* ---- signal and cancel ---- */

static int flows_signal(lua_State *L)
{
    struct call *call = call_enter(L);
    (void)flows_of(L);
    int64_t run = id_arg(L, 1);
    struct str name = name_arg(L, 2);
    struct value options = table_arg(L, 4, &call->scratch);
    if (lua_isnoneornil(L, 3)) { /* nil is what a wait gives when its time is over */
        lua_settop(L, 4);
        lua_pushboolean(L, 1);
        lua_replace(L, 3);
    }
    struct work_unit *work = single_begin(L, "px.flows.signal");
    struct arena *arena = &work->overlay->arena;
    struct str data = encoded(L, arena, 3, FLOW_PAYLOAD_INLINE_MAX);
    struct flow_change *change = add_flow_change(L, work, FLOW_CHANGE_SIGNAL);
    change->run = run;
    change->name = arena_str(arena, name);
    change->data = data;
    change->key = arena_str(arena, value_get_text(&options, "dedup", STR("")));
    lua_pushboolean(L, 1);
    return single_end(L);
}

static int flows_cancel(lua_State *L)
{
    (void)call_enter(L);
    (void)flows_of(L);
    int64_t run = id_arg(L, 1);
    struct str reason = arg_text_or(L, 2, STR(""));
    struct work_unit *work = single_begin(L, "px.flows.cancel");
    struct flow_change *change = add_flow_change(L, work, FLOW_CHANGE_CANCEL);
    change->run = run;
    change->key = arena_str(&work->overlay->arena, str_sub(reason, 0, 200));
    lua_pushboolean(L, 1);
    return single_end(L);
}

/* ---- find ---- */

struct finding {
    struct call *call;
    struct reader *reader;
    struct value rows;
};

static enum err on_run(void *context, const struct flow_run *run, struct error *error)
{
    struct finding *finding = context;
    struct arena *arena = &finding->call->scratch;
    struct value map;
    enum err err = flow_describe(finding->reader, run, arena, &map, error);
    if (err == OK) {
        value_push(arena, &finding->rows, value_copy(arena, &map));
    }
    return err;
}

static int state_bits(lua_State *L, struct str word)
{
    for (int i = 0; i < FLOW_STATE_COUNT; i++) {
        if (str_is(word, flow_state_word((enum flow_state)i))) {
            return 1 << i;
        }
    }
    if (word.len > 0) {
        lua_raise_set(L, ERR_ENUM,
                      "\"" STR_FORMAT "\" is no state of a run: running, waiting, blocked, failed, "
                      "cancelled, done",
                      STR_ARGS(str_sub(word, 0, 60)));
    }
    return 0;
}

static void attribute_filter(lua_State *L, const struct value *query, struct flow_query *wanted)
{
    const struct value *attributes = value_get_c(query, "attributes");
    struct error error = {0};
    if (attributes == NULL) {
        return;
    }
    if (flow_attributes_check(attributes, &error) != OK) {
        lua_raise(L, &error);
    }
    if (attributes->map.count > FLOW_FIND_ATTRIBUTES_MAX) {
        lua_raise_set(L, ERR_LIMIT, "runs are looked for by at most %d attributes",
                      FLOW_FIND_ATTRIBUTES_MAX);
    }
    for (size_t i = 0; i < attributes->map.count; i++) {
        wanted->attributes[i].name = attributes->map.entries[i].key;
        wanted->attributes[i].value = attributes->map.entries[i].value.text;
    }
}

static int flows_find(lua_State *L)
{
    enum { FOUND_MAX = 1000, FOUND_DEFAULT = 50 };
    struct call *call = call_enter(L);
    (void)flows_of(L);
    struct value query = table_arg(L, 1, &call->scratch);
    struct finding finding = {.call = call, .rows = value_list_new()};
    struct read_turn turn;
    struct error error = {0};
    struct flow_query wanted = {
        .plugin = str_from(call->host->name),
        .name = value_get_text(&query, "flow", STR("")),
        .key = value_get_text(&query, "key", STR("")),
        .states = state_bits(L, value_get_text(&query, "state", STR(""))),
        .limit = (int)MAX(1, MIN(value_get_int(&query, "limit", FOUND_DEFAULT), FOUND_MAX))};
    attribute_filter(L, &query, &wanted);
    enum err err = read_begin(call, &turn, &error);
    if (err == OK) {
        finding.reader = turn.reader;
        err = flow_run_find(turn.reader, &wanted, on_run, &finding, &error);
        read_end(call, &turn);
    }
    raise_if(L, err, &error);
    lua_push_value(L, &finding.rows, true);
    return 1;
}

/* ---- the module ---- */

static const char types[] =
    "---@class px.flow_run # what a flow is given first\n"
    "---@field step fun(self: px.flow_run, name: string, fn: fun(): any): any # does something "
    "once: what it writes commits together with its result\n"
    "---@field call fun(self: px.flow_run, name: string, options: px.call_options|fun(call: "
    "px.call): any, fn?: fun(call: px.call): any): any # asks the world outside, once the turn is "
    "committed; tried again until it answers\n"
    "---@field sleep fun(self: px.flow_run, duration: string)\n"
    "---@field sleep_until fun(self: px.flow_run, at: px.date.value)\n"
    "---@field wait fun(self: px.flow_run, name: string, options?: px.wait_options): any # an "
    "event or a signal; nil when the time is over\n"
    "---@field signal fun(self: px.flow_run, run: string, name: string, data?: any)\n"
    "---@field all fun(self: px.flow_run, fns: table<any, fun(): any>): table # all at once; their "
    "results under the same keys, or the first error\n"
    "---@field any fun(self: px.flow_run, fns: table<any, fun(): any>): any, any # the first that "
    "ends, and its key; the others are dropped\n"
    "---@field child fun(self: px.flow_run, flow: string, input?: any, options?: { key?: string "
    "}): "
    "any # another flow as a run of its own; its result, or its error\n"
    "---@field compensate fun(self: px.flow_run, fn: fun()) # what undoes what was done, should "
    "the "
    "run fail or be cancelled; newest first\n"
    "---@field approve fun(self: px.flow_run, options: px.approve_options): px.decision # people "
    "decide; the error `void` when the record changes meanwhile\n"
    "---@field continue_as_new fun(self: px.flow_run, input: any) # starts over, with an empty "
    "journal and the newest code\n"
    "---@field version fun(self: px.flow_run, name: string): boolean # true in runs that came here "
    "with this code\n"
    "---@field query fun(self: px.flow_run, name: string, fn: fun(input?: any): any) # what "
    "px.flows.query is answered\n"
    "---@field attributes fun(self: px.flow_run, texts: table<string, string>) # what it is looked "
    "for by\n"
    "---@field now fun(self: px.flow_run): px.date.value\n"
    "---@field random fun(self: px.flow_run, m?: integer, n?: integer): number\n"
    "---@field log fun(self: px.flow_run, text: any)\n"
    "---@field id fun(self: px.flow_run): string\n"
    "\n"
    "---@class px.call_options\n"
    "---@field retry? { times?: integer, first?: string, max?: string, never?: string[] } # 20 "
    "times, from \"1s\" doubling to \"10m\"; never: codes that are not tried again\n"
    "---@field timeout? string # of one attempt: \"1m\"\n"
    "---@field heartbeat? string # an attempt that is silent for so long is dead\n"
    "---@field within? string # of all attempts together\n"
    "\n"
    "---@class px.call\n"
    "---@field key string # the same in every attempt of this call, and in no other call\n"
    "---@field attempt integer # from 1\n"
    "---@field details? any # what the last heartbeat of an earlier attempt left\n"
    "---@field heartbeat fun(self: px.call, details?: any) # says that it lives\n"
    "\n"
    "---@class px.wait_options\n"
    "---@field key? string # what the event's key must be: the record's id, or data.key\n"
    "---@field by? string # the path that holds the event's key: \"after.organisation\"\n"
    "---@field timeout? string # \"30d\"\n"
    "\n"
    "---@class px.approve_options\n"
    "---@field role string # who decides\n"
    "---@field subject? string|table # the record, if it is about one\n"
    "---@field object? string # its type\n"
    "---@field quorum? integer\n"
    "---@field rejections? integer\n"
    "---@field exclude? (string|table)[] # users\n"
    "---@field due? string|px.date.value # then `escalate` decides\n"
    "---@field escalate? string # a role\n"
    "---@field remind? string # how long before\n"
    "---@field expire? string|px.date.value\n"
    "---@field calendar? string|table\n"
    "---@field title? string|table<string, string>\n"
    "---@field data? any\n"
    "\n"
    "---@class px.decision\n"
    "---@field id string\n"
    "---@field state \"approved\"|\"rejected\"|\"expired\"|\"withdrawn\"\n"
    "---@field approved boolean\n"
    "---@field rejected boolean # not approved\n"
    "---@field by string[]\n"
    "---@field votes table[]\n"
    "---@field comments string[]\n"
    "\n"
    "---@class px.run\n"
    "---@field id string\n"
    "---@field flow string\n"
    "---@field key? string\n"
    "---@field state \"running\"|\"waiting\"|\"blocked\"|\"failed\"|\"cancelled\"|\"done\"\n"
    "---@field started_at px.date.value\n"
    "---@field updated_at px.date.value\n"
    "---@field result? any\n"
    "---@field error? px.error\n";

static const struct lua_binding bindings[] = {
    {.name = "start",
     .call = flows_start_run,
     .type = "fun(flow: string, input?: any, options?: { key?: string, attributes?: "
             "table<string, string> }): string",
     .doc = "starts a run and gives its id; with a key, the id of the run that lives under it",
     .flags = LUA_BINDING_WAITS},
    {.name = "signal",
     .call = flows_signal,
     .type = "fun(run: string, name: string, data?: any, options?: { dedup?: string })",
     .doc = "tells a run something, true when nothing is given; kept until the run waits for it",
     .flags = LUA_BINDING_WAITS},
    {.name = "cancel",
     .call = flows_cancel,
     .type = "fun(run: string, reason?: string)",
     .doc = "ends what the run waits for; it may clean up",
     .flags = LUA_BINDING_WAITS},
    {.name = "query",
     .call = flows_query,
     .type = "fun(run: string, name: string, input?: any): any",
     .doc = "what the flow's own flow:query answers, from its journal; nothing goes on"},
    {.name = "find",
     .call = flows_find,
     .type = "fun(query?: { flow?: string, key?: string, state?: string, attributes?: "
             "table<string, string>, limit?: integer }): px.run[]",
     .doc = "runs of this plugin, newest first"},
};

const struct lua_module module_flows = {
    .name = "px.flows",
    .doc = "Runs of the plugin's flows.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};
