/* Units of work outside handlers: px.store.tx(fn), and the single writes of routes, commands and
 * starts, which are units of one change. Executor; the script waits for the commit. */
#include "tx.h"
#include "internal.h"

/* One try: an overlay of its own with one work. On its own heap, since the writer may still have it
 * when the script is gone. */
struct tx_try {
    struct overlay overlay;
    struct work_unit work;
    struct lua_wait wait;
    bool submitted, abandoned;
    enum err err;
    struct error error;
};

static struct tx_try *try_new(struct call *call)
{
    struct tx_try *try = mem_zalloc(sizeof(*try));
    overlay_init(&try->overlay, call->host, call->scope, 0);
    work_init(&try->work, &try->overlay, 0);
    return try;
}

static void try_free(struct tx_try *try)
{
    overlay_release(&try->overlay);
    overlay_deinit(&try->overlay);
    mem_free(try);
}

/* On the executor: the unit came back. */
static void committed(struct unit *unit)
{
    struct tx_try *try =
        CONTAINER_OF(CONTAINER_OF(unit, struct work_unit, unit), struct tx_try, work);
    try->err = unit->err;
    try->error = unit->error;
    try->error.next = NULL;
    try->submitted = false;
    struct bind_host *host = try->overlay.host;
    if (try->err == OK) {
        work_committed(&try->work);
    }
    unit_deinit(unit);
    if (try->abandoned) {
        try_free(try);
    } else {
        lua_wait_done(&try->wait);
    }
    atomic_fetch_sub(&host->units, 1); /* last: it may be freed from here on */
}

/* The script is gone while the unit is under way. */
static void cancelled(struct lua_wait *wait)
{
    struct tx_try *try = CONTAINER_OF(wait, struct tx_try, wait);
    try->abandoned = true;
}

static void drop_try(struct tx_try *try)
{
    if (try->submitted) {
        try->abandoned = true;
    } else {
        try_free(try);
    }
}

static void submit(lua_State *L, struct call *call, struct tx_try *try)
{
    overlay_release(&try->overlay);
    atomic_fetch_add(&call->host->units, 1);
    enum err err = work_submit(&try->work, lua_host_mailbox(call->host->lua), committed,
                               call->request, call->cause);
    if (err != OK) {
        atomic_fetch_sub(&call->host->units, 1);
        lua_raise_set(L, err, "%s", err_text(err));
    }
    try->submitted = true;
    try->wait = (struct lua_wait){.cancelled = cancelled};
}

/* ---- px.store.tx ---- */

/* 1: the function. Kept by the call, so that nothing is lost when the script is stopped. */
struct tx_run {
    struct tx_try *try;
    int runs;
    bool was_whole;
};

void tx_run_free(struct call *call)
{
    if (call->tx == NULL) {
        return;
    }
    if (call->tx->try != NULL) {
        drop_try(call->tx->try);
    }
    mem_free(call->tx);
    call->tx = NULL;
    call->work = NULL;
}

void tx_drop_single(struct call *call)
{
    if (call->tx != NULL && call->tx->runs == 0) {
        tx_run_free(call);
    }
}

static void leave_unit(struct call *call)
{
    call->work = NULL;
    call->task.no_wait = NULL;
    call->task.whole = call->tx->was_whole;
}

static int tx_begin(lua_State *L);

/* After the commit: 1: the function; 2: true; 3 …: its results. */
static int tx_after(lua_State *L, int status, intptr_t context)
{
    (void)status;
    (void)context;
    struct call *call = call_of(L);
    struct tx_try *try = call->tx->try;
    enum err err = try->err;
    struct error error = try->error;
    call->tx->try = NULL;
    try_free(try);
    bool again = err == ERR_STALE || err == ERR_UNIQUE || err == ERR_CONFLICT;
    if (again && call->tx->runs < UNIT_RUNS_MAX) {
        lua_settop(L, 1);
        return tx_begin(L);
    }
    tx_run_free(call);
    if (err != OK) {
        lua_raise(L, &error);
    }
    return lua_gettop(L) - 2;
}

/* 1: the function; 2: did it return; 3 …: results or the error. */
static int tx_ran(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct call *call = call_of(L);
    struct tx_try *try = call->tx->try;
    leave_unit(call);
    if (!lua_toboolean(L, 2)) {
        tx_run_free(call);
        lua_settop(L, 3);
        return lua_error(L);
    }
    if (try->work.count == 0) {
        tx_run_free(call);
        return lua_gettop(L) - 2;
    }
    submit(L, call, try);
    return lua_wait_start(L, &try->wait, 0, tx_after);
}

static int tx_begin(lua_State *L)
{
    struct call *call = call_of(L);
    struct tx_run *run = call->tx;
    run->runs++;
    run->try = try_new(call);
    call->work = &run->try->work;
    call->task.whole = true;
    call->task.no_wait = "a unit of work cannot wait: do it before or after px.store.tx";
    push_pcall(L);
    lua_pushvalue(L, 1);
    lua_callk(L, 1, LUA_MULTRET, 0, tx_ran);
    return tx_ran(L, LUA_OK, 0);
}

/* 1: the function, called inside the unit that is there already. */
static int joined(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

void writes_allowed(lua_State *L, const struct call *call)
{
    if (call->host->read_only) {
        lua_raise_set(L, ERR_CAPABILITY, "this shell only reads: begin it with --write");
    }
    switch (call->kind) {
    case CALL_EVENT:
        return;
    case CALL_PLAIN:
        break;
    case CALL_FLOW:
        if (call->work == NULL) {
            lua_raise_set(L, ERR_INVALID, "a flow writes inside flow:step alone");
        }
        return;
    case CALL_LOAD:
        lua_raise_set(L, ERR_INVALID, "nothing can be written while main.lua loads; use px.start");
    case CALL_HOOK:
        lua_raise_set(L, ERR_INVALID,
                      "a before-hook never writes records: amend its drafts, or use px.on");
    case CALL_CHECK:
        lua_raise_set(L, ERR_INVALID, "px.check and px.doctor only look; use px.start to write");
    }
    if (call->scope == NULL) {
        lua_raise_set(L, ERR_UNAUTHENTICATED, "nobody is logged in");
    }
}

int store_tx(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    struct call *call = call_enter(L);
    writes_allowed(L, call);
    if (call->work != NULL) {
        lua_callk(L, 0, LUA_MULTRET, 0, joined);
        return joined(L, LUA_OK, 0);
    }
    lua_wait_check(L, "px.store.tx");
    call->tx = mem_zalloc(sizeof(*call->tx));
    call->tx->was_whole = call->task.whole;
    return tx_begin(L);
}

/* ---- single writes ---- */

/* context: the try. The result to give back lies on the stack already. */
static int single_after(lua_State *L, int status, intptr_t context)
{
    (void)status;
    (void)context;
    struct call *call = call_of(L);
    struct tx_try *try = call->tx->try;
    enum err err = try->err;
    struct error error = try->error;
    tx_run_free(call);
    if (err != OK) {
        lua_raise(L, &error);
    }
    return 1;
}

struct work_unit *single_begin(lua_State *L, const char *binding)
{
    struct call *call = call_of(L);
    writes_allowed(L, call);
    if (call->work != NULL) {
        return call->work;
    }
    lua_wait_check(L, binding);
    call->tx = mem_zalloc(sizeof(*call->tx));
    call->tx->try = try_new(call);
    call->work = &call->tx->try->work;
    return call->work;
}

bool is_single(const struct call *call)
{
    return call->tx != NULL && call->tx->runs == 0;
}

int single_end(lua_State *L)
{
    struct call *call = call_of(L);
    if (!is_single(call)) {
        return 1; /* inside a unit: it is written with it */
    }
    call->work = NULL;
    struct tx_try *try = call->tx->try;
    if (try->work.count == 0) {
        tx_run_free(call);
        return 1;
    }
    submit(L, call, try);
    return lua_wait_start(L, &try->wait, 0, single_after);
}
