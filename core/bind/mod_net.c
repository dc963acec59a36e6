/* px.net: requests to the outside, within the grants of can.net. Outside a unit of work fetch waits
 * for the answer; inside, the request is kept in the outbox with the unit and leaves after its
 * commit. Executor, protected; answers come back as messages. */
#include "flow.h"
#include "secret.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

enum {
    FETCH_RETRIES_MAX = 20,
    FETCH_FIRST_MS = 1000,
    FETCH_MOST_MS = 60000,
    FETCH_KEY_MAX = 200,
};

struct retry {
    int times;
    int64_t first_ms, max_ms;
};

/* On its own heap, since the net thread may still have it when the script is gone. */
struct fetch {
    struct net_request request;
    struct lua_wait wait;
    struct lua_timer timer; /* until the next try */
    struct bind_host *host;
    struct arena arena; /* of what is sent */
    struct retry retry;
    int tries;
    bool out; /* the client has it */
    bool abandoned;
};

/* Headers may have held secrets. */
static void wipe_headers(const struct net_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        crypto_wipe((char *)(uintptr_t)request->headers[i].value.at, request->headers[i].value.len);
    }
}

static void free_fetch(struct fetch *fetch)
{
    wipe_headers(&fetch->request);
    net_request_deinit(&fetch->request);
    arena_deinit(&fetch->arena);
    mem_free(fetch);
}

/* ---- trying again ---- */

static bool is_idempotent(struct str method)
{
    return str_is(method, "GET") || str_is(method, "HEAD") || str_is(method, "PUT") ||
           str_is(method, "DELETE") || str_is(method, "OPTIONS");
}

static bool changes_something(struct str method)
{
    return !str_is(method, "GET") && !str_is(method, "HEAD") && !str_is(method, "OPTIONS");
}

/* What may be gone the next time. */
static bool may_pass(const struct net_request *request)
{
    if (request->err != OK) {
        return request->err == ERR_NETWORK || request->err == ERR_TIMEOUT ||
               request->err == ERR_BUSY;
    }
    return request->status == 408 || request->status == 429 || request->status == 502 ||
           request->status == 503 || request->status == 504;
}

/* Doubling, with a random half so that many do not come back at once; Retry-After is kept to. */
static int64_t next_delay(struct fetch *fetch)
{
    struct env *env = lua_host_env(fetch->host->lua);
    uint32_t drawn = 0;
    int64_t delay = fetch->retry.first_ms;
    for (int i = 1; i < fetch->tries && delay < fetch->retry.max_ms; i++) {
        delay *= 2;
    }
    delay = MIN(delay, fetch->retry.max_ms);
    env->random(env, &drawn, sizeof(drawn));
    delay = delay / 2 + (int64_t)(drawn % (uint64_t)(delay / 2 + 1));
    return MAX(delay, net_retry_after_ms(&fetch->request, env->now_ms(env)));
}

static void send_fetch(struct fetch *fetch)
{
    fetch->tries++;
    fetch->out = true;
    net_send(fetch->host->bind->options.net, &fetch->request);
}

static void on_again(struct lua_timer *timer)
{
    send_fetch(CONTAINER_OF(timer, struct fetch, timer));
}

static void on_done(struct net_request *request)
{
    struct fetch *fetch = CONTAINER_OF(request, struct fetch, request);
    fetch->out = false;
    if (fetch->abandoned) {
        free_fetch(fetch);
        return;
    }
    if (fetch->tries <= fetch->retry.times && may_pass(request)) {
        int64_t delay = next_delay(fetch);
        if (delay <= MAX(fetch->retry.max_ms, FETCH_MOST_MS)) {
            lua_timer_start(fetch->host->lua, &fetch->timer, delay);
            return;
        }
    }
    lua_wait_done(&fetch->wait);
}

/* The script is gone: the request is called back, and freed when it is back. */
static void cancelled(struct lua_wait *wait)
{
    struct fetch *fetch = CONTAINER_OF(wait, struct fetch, wait);
    lua_timer_stop(&fetch->timer);
    if (!fetch->out) {
        free_fetch(fetch);
        return;
    }
    fetch->abandoned = true;
    net_cancel(fetch->host->bind->options.net, &fetch->request);
}

/* ---- the answer ---- */

/* Upvalue: the body. */
static int answer_json(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str text;
    struct value value = value_null();
    struct error error = {0};
    text.at = lua_tolstring(L, lua_upvalueindex(1), &text.len);
    if (json_decode(&call->scratch, text, &value, &error) != OK) {
        error_prefix(&error, "the answer: ");
        lua_raise(L, &error);
    }
    lua_push_value(L, &value, false);
    return 1;
}

static void lower(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z') {
            *text = (char)(*text - 'A' + 'a');
        }
    }
}

/* Several headers of one name are one value with commas, as RFC 9110 has it. Names in lower case.
 */
static struct value header_map(struct arena *arena, const struct net_request *request)
{
    struct value map = value_map_new();
    for (size_t i = 0; i < request->answer_header_count; i++) {
        const struct net_header *header = &request->answer_headers[i];
        char *name = arena_cstr(arena, header->name);
        lower(name);
        const struct value *before = value_get_c(&map, name);
        struct str text = before == NULL
                              ? arena_str(arena, header->value)
                              : arena_printf(arena, STR_FORMAT ", " STR_FORMAT,
                                             STR_ARGS(before->text), STR_ARGS(header->value));
        value_put_c(arena, &map, name, value_text(text));
    }
    return map;
}

static int fetched(lua_State *L, int status, intptr_t context)
{
    (void)status;
    struct call *call = call_enter(L);
    struct fetch *fetch = (struct fetch *)context; // NOLINT(performance-no-int-to-ptr)
    /* Moved out first: what follows may raise. */
    enum err err = fetch->request.err;
    struct error error = fetch->request.error;
    int code = fetch->request.status;
    struct str body = arena_str(&call->scratch, buf_str(&fetch->request.answer));
    struct value headers = header_map(&call->scratch, &fetch->request);
    free_fetch(fetch);
    if (err != OK) {
        error_prefix(&error, "px.net.fetch: ");
        lua_raise(L, &error);
    }
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, code);
    lua_setfield(L, -2, "status");
    lua_push_value(L, &headers, true);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, body.at, body.len);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "body");
    lua_pushcclosure(L, answer_json, 1);
    lua_setfield(L, -2, "json");
    return 1;
}

/* ---- what is asked for ---- */

static NORETURN void wrong(lua_State *L, const char *field, const char *what)
{
    struct error error = {0};
    (void)error_at(&error, ERR_INVALID, field, NULL, "px.net.fetch: %s", what);
    lua_raise(L, &error);
}

static int64_t duration_of(lua_State *L, const struct value *value, const char *field,
                           int64_t least, int64_t most)
{
    struct duration duration = {0};
    if (value->kind != VALUE_TEXT || duration_parse(value->text, &duration) != OK ||
        duration.months != 0 || duration.days > 1 ||
        duration.days * 86400000 + duration.ms < least ||
        duration.days * 86400000 + duration.ms > most) {
        char what[120];
        snprintf(what, sizeof(what), "%s is a duration of at least %lld ms and at most %lld s",
                 field, (long long)least, (long long)(most / 1000));
        wrong(L, field, what);
    }
    return duration.days * 86400000 + duration.ms;
}

static struct retry read_retry(lua_State *L, const struct value *options)
{
    const struct value *given = value_get_c(options, "retry");
    struct retry retry = {.first_ms = FETCH_FIRST_MS, .max_ms = FETCH_MOST_MS};
    if (given == NULL) {
        return retry;
    }
    if (given->kind != VALUE_MAP) {
        wrong(L, "retry", "retry is { times = 3, first = \"1s\", max = \"1m\" }");
    }
    for (size_t i = 0; i < given->map.count; i++) {
        const struct value_entry *entry = &given->map.entries[i];
        if (str_is(entry->key, "times") && entry->value.kind == VALUE_INT &&
            entry->value.integer >= 0 && entry->value.integer <= FETCH_RETRIES_MAX) {
            retry.times = (int)entry->value.integer;
        } else if (str_is(entry->key, "first")) {
            retry.first_ms = duration_of(L, &entry->value, "retry.first", 1, 3600000);
        } else if (str_is(entry->key, "max")) {
            retry.max_ms = duration_of(L, &entry->value, "retry.max", 1, 86400000);
        } else {
            wrong(L, "retry",
                  "retry is { times = 3, first = \"1s\", max = \"1m\" }, times at most "
                  "20");
        }
    }
    return retry;
}

static void add_header(lua_State *L, struct net_request *request, struct arena *arena,
                       struct str name, struct str value)
{
    struct net_header *headers = (struct net_header *)(uintptr_t)request->headers;
    if (request->header_count == NET_HEADERS_MAX) {
        wrong(L, "headers", "there are too many headers");
    }
    headers[request->header_count++] =
        (struct net_header){arena_str(arena, name), arena_str(arena, value)};
}

/* One part of a header's value, at the top of the stack: text, or what a secret's handle stands
 * for. */
static void add_part(lua_State *L, struct call *call, struct buf *value)
{
    struct secret secret = {0};
    struct error error = {0};
    if (lua_type(L, -1) == LUA_TSTRING) {
        buf_append_str(value, arg_text(L, -1));
        return;
    }
    enum err err = secret_is_handle(L, -1)
                       ? secret_open(L, call, lua_gettop(L), &secret, &error)
                       : error_at(&error, ERR_INVALID, "headers", NULL,
                                  "px.net.fetch: the value of a header is text, a secret, or a "
                                  "list of such: { \"Bearer \", px.secret.get(\"key\") }");
    if (err != OK) {
        crypto_wipe(value->at, value->len);
        buf_deinit(value);
        lua_raise(L, &error);
    }
    buf_append(value, secret.bytes, secret.len);
    secret_wipe(&secret);
}

/* The value at the top of the stack. */
static struct str header_value(lua_State *L, struct call *call)
{
    struct buf value;
    buf_init(&value);
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
        for (lua_Integer i = 1; i <= MIN(count, 8); i++) {
            (void)lua_rawgeti(L, -1, i);
            add_part(L, call, &value);
            lua_pop(L, 1);
        }
    } else {
        add_part(L, call, &value);
    }
    struct str copy = arena_str(&call->scratch, buf_str(&value));
    crypto_wipe(value.at, value.len);
    buf_deinit(&value);
    return copy;
}

/* Read from the script's own table, since a secret's handle is no value that could be copied. */
static void read_headers(lua_State *L, struct call *call, struct net_request *request)
{
    int type = lua_getfield(L, 1, "headers");
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (type != LUA_TTABLE) {
        wrong(L, "headers", "headers is { [\"Accept\"] = \"application/json\" }");
    }
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            wrong(L, "headers", "the name of a header is text");
        }
        struct str value = header_value(L, call);
        add_header(L, request, &call->scratch, arg_text(L, -2), value);
        crypto_wipe((char *)(uintptr_t)value.at, value.len);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* All but the headers, as values. */
static struct value read_options(lua_State *L, struct call *call)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        bool headers =
            lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "headers") == 0;
        if (headers) {
            lua_pop(L, 1);
        } else {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, 2);
        }
    }
    struct value options = arg_value(L, 2, &call->scratch);
    lua_settop(L, 1);
    if (options.kind != VALUE_MAP) {
        options = value_map_new(); /* an empty table is a list as well */
    }
    return options;
}

static void read_body(lua_State *L, struct net_request *request, struct arena *arena,
                      const struct value *options)
{
    const struct value *body = value_get_c(options, "body");
    const struct value *json = value_get_c(options, "json");
    if (body != NULL && json != NULL) {
        wrong(L, "json", "body and json exclude each other");
    }
    if (body != NULL) {
        if (body->kind != VALUE_TEXT && body->kind != VALUE_BYTES) {
            wrong(L, "body", "body is text; json is for values");
        }
        request->body = body->text;
    } else if (json != NULL) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, json);
        request->body = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
        add_header(L, request, arena, STR("Content-Type"), STR("application/json"));
    }
}

static struct str text_option(lua_State *L, const struct value *options, const char *name)
{
    const struct value *value = value_get_c(options, name);
    if (value != NULL && value->kind != VALUE_TEXT) {
        char what[60];
        snprintf(what, sizeof(what), "%s is text", name);
        wrong(L, name, what);
    }
    return value == NULL ? STR("") : value->text;
}

static void check_options(lua_State *L, const struct value *options)
{
    static const char *const known[] = {"url",     "method", "headers",         "body",     "json",
                                        "timeout", "retry",  "idempotency_key", "redirects"};
    for (size_t i = 0; i < options->map.count; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(known); k++) {
            found = found || str_is(options->map.entries[i].key, known[k]);
        }
        if (!found) {
            char what[100];
            snprintf(what, sizeof(what), "there is no option \"" STR_FORMAT "\"",
                     STR_ARGS(str_sub(options->map.entries[i].key, 0, 40)));
            wrong(L, "", what);
        }
    }
}

/* What the script asks for, in call->scratch: it is moved to where it must live when nothing can
 * raise any more. */
struct asked {
    struct net_request request;
    struct retry retry;
    struct str key;
};

static void read_numbers(lua_State *L, struct asked *asked, const struct value *options)
{
    const struct value *timeout = value_get_c(options, "timeout");
    if (timeout != NULL) {
        asked->request.timeout_ms = (int)duration_of(L, timeout, "timeout", 1, NET_TIMEOUT_MS_MAX);
    }
    int64_t redirects = value_get_int(options, "redirects", 0);
    if (redirects < 0 || redirects > NET_REDIRECTS_MAX) {
        wrong(L, "redirects", "redirects is 0 to 10");
    }
    asked->request.redirects_max = (int)redirects;
    asked->retry = read_retry(L, options);
}

static void read_request(lua_State *L, struct call *call, struct asked *asked)
{
    struct arena *arena = &call->scratch;
    struct net_request *request = &asked->request;
    struct value options = read_options(L, call);
    check_options(L, &options);
    request->url = text_option(L, &options, "url");
    request->headers = ARENA_ARRAY(arena, struct net_header, NET_HEADERS_MAX);
    read_body(L, request, arena, &options);
    request->method = text_option(L, &options, "method");
    if (request->method.len == 0) {
        request->method = request->body.len > 0 ? STR("POST") : STR("GET");
    }
    read_numbers(L, asked, &options);
    asked->key = text_option(L, &options, "idempotency_key");
    if (asked->key.len > FETCH_KEY_MAX) {
        wrong(L, "idempotency_key", "idempotency_key has at most 200 bytes");
    }
    if (asked->key.len == 0 && call->attempt != NULL && changes_something(request->method)) {
        asked->key = flow_attempt_key(call, arena);
    }
    if (asked->key.len > 0) {
        add_header(L, request, arena, STR("Idempotency-Key"), asked->key);
    }
    read_headers(L, call, request);
}

/* The grants, with the line that asked. */
static void check_grants(lua_State *L, const struct call *call, const struct net_request *request)
{
    const struct bind_host *host = call->host;
    struct error error = {0};
    if (host->bind->options.net == NULL || host->bind->options.outbox == NULL) {
        lua_raise_set(L, ERR_UNSUPPORTED, "there is no network here");
    }
    if (net_grant_covers(host->net, host->net_count, request->url, &error) != OK) {
        error_prefix(&error, "px.net.fetch: ");
        lua_where(L, error.pointer, sizeof(error.pointer));
        lua_raise(L, &error);
    }
}

static struct fetch *make_fetch(struct call *call, const struct net_request *asked,
                                const struct retry *retry)
{
    struct fetch *fetch = mem_zalloc(sizeof(*fetch));
    struct arena *arena = &fetch->arena;
    arena_init(arena);
    fetch->host = call->host;
    fetch->retry = *retry;
    fetch->timer.fired = on_again;
    fetch->wait.cancelled = cancelled;
    fetch->request = *asked;
    struct net_request *request = &fetch->request;
    request->method = arena_str(arena, asked->method);
    request->url = arena_str(arena, asked->url);
    request->body = arena_str(arena, asked->body);
    struct net_header *headers = ARENA_ARRAY(arena, struct net_header, asked->header_count + 1);
    for (size_t i = 0; i < asked->header_count; i++) {
        headers[i].name = arena_str(arena, asked->headers[i].name);
        headers[i].value = arena_str(arena, asked->headers[i].value);
    }
    request->headers = headers;
    /* Copies, since the host may be gone before the client has noticed. */
    struct str *allow = ARENA_ARRAY(arena, struct str, call->host->net_count + 1);
    for (size_t i = 0; i < call->host->net_count; i++) {
        allow[i] = arena_str(arena, call->host->net[i]);
    }
    request->allow = allow;
    request->allow_count = call->host->net_count;
    request->who = arena_str(arena, call->host->rights.name);
    request->reply = lua_host_mailbox(call->host->lua);
    request->done = on_done;
    return fetch;
}

/* In a unit of work: kept with it, sent after its commit. */
static int fetch_later(lua_State *L, struct call *call, struct asked *asked)
{
    struct work_unit *work = call->work;
    struct arena *arena = &work->overlay->arena;
    struct outbox_row row = {.tries = asked->retry.times > 0 ? asked->retry.times + 1 : 0};
    struct error error = {0};
    char id[ID_TEXT_LEN + 1];
    if (asked->request.redirects_max > 0) {
        wrong(L, "redirects", "no redirect is followed for a request of a unit of work");
    }
    work_key(call, work, asked->key, &row);
    id_format(row.id, id);
    if (asked->key.len == 0) {
        add_header(L, &asked->request, arena, STR("Idempotency-Key"),
                   arena_str(arena, str_from(id)));
    }
    enum err err = net_request_check(&asked->request, &error);
    if (err == OK) {
        err = outbox_fetch_row(arena, &asked->request, &row, &error);
    }
    if (err == OK) {
        err = work_send(work, &row, &error);
    }
    wipe_headers(&asked->request);
    if (err != OK) {
        error_prefix(&error, "px.net.fetch: ");
        lua_raise(L, &error);
    }
    lua_pushstring(L, id);
    return 1;
}

static int net_fetch(lua_State *L)
{
    struct call *call = call_enter(L);
    struct asked asked = {0};
    read_request(L, call, &asked);
    check_grants(L, call, &asked.request);
    if (call->work != NULL) {
        return fetch_later(L, call, &asked);
    }
    if (asked.retry.times > 0 && asked.key.len == 0 && !is_idempotent(asked.request.method)) {
        wrong(L, "retry",
              "a request that may change something twice is not tried again: give "
              "idempotency_key, or leave out retry");
    }
    lua_wait_check(L, "px.net.fetch");
    struct fetch *fetch = make_fetch(call, &asked.request, &asked.retry);
    wipe_headers(&asked.request);
    send_fetch(fetch);
    return lua_wait_start(L, &fetch->wait, (intptr_t)fetch, fetched);
}

static const char types[] =
    "---@class px.net.request\n"
    "---@field url string # within can.net\n"
    "---@field method? string # \"GET\", or \"POST\" when there is a body\n"
    "---@field headers? table<string, string|px.secret.handle|table> # { \"Bearer \", "
    "px.secret.get(\"key\") }\n"
    "---@field body? string\n"
    "---@field json? any # a body as JSON\n"
    "---@field timeout? string # \"30s\"\n"
    "---@field retry? { times: integer, first?: string, max?: string } # none unless given\n"
    "---@field redirects? integer # followed within can.net; 0 unless given\n"
    "---@field idempotency_key? string\n"
    "---@class px.net.answer\n"
    "---@field status integer\n"
    "---@field headers table<string, string> # names in lower case\n"
    "---@field body string\n"
    "---@field json fun(): any\n";

static const struct lua_binding bindings[] = {
    {.name = "fetch",
     .call = net_fetch,
     .type = "fun(request: px.net.request): px.net.answer|string",
     .doc = "sends a request and waits for its answer, whatever its status; in a unit of work it "
            "gives an id at once, and the request leaves after the commit",
     .flags = LUA_BINDING_WAITS},
};

const struct lua_module module_net = {
    .name = "px.net",
    .doc = "Requests to the outside, within `can.net`.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};
