/* Shared inside core/bind: hosts, running calls, units of work, and what the files ask of each
 * other.
 *
 * Threads: a struct call, an overlay and the Lua side of a host belong to the host's executor;
 * works that were submitted belong to the writer until their `done`; batches are handed between
 * loop and executor by their job. */
#ifndef PROXENOS_BIND_INTERNAL_H
#define PROXENOS_BIND_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>

#include "proxenos/bind.h"
#include "proxenos/store_merge.h"
#include "proxenos/store_query.h"

enum { READERS_IDLE_MAX = 8, EMIT_PATTERNS_MAX = 64 };

/* ---- the whole ---- */

struct bind {
    struct bind_options options;
    struct lua_engine *engine;
    struct metrics *metrics;
    struct usages *usages;
};

/* Context of an executor thread: readers that are open and idle. */
struct executor {
    struct bind *bind;
    struct reader *idle[READERS_IDLE_MAX];
    int idle_count;
};
/* Executor. A reader to be given back; the connection is opened when none is idle. */
enum err executor_reader_take(struct executor *executor, struct reader **out_reader,
                              struct error *error) MUST_CHECK;
void executor_reader_give(struct executor *executor, struct reader *reader);

/* ---- hosts ---- */

/* A job that came while the state was not ready; it is run when it is. */
struct deferred {
    struct list_node waiting; /* in host->deferred */
    void (*run)(struct deferred *deferred, enum err err, const struct error *error);
};

struct bind_host {
    struct bind *bind;
    struct lua_host *lua;
    struct usage *usage;       /* what its plugin uses, also when it is gone */
    struct list_node by_usage; /* in usage->hosts */
    struct arena arena;        /* of all below */
    struct plugin_rights rights;
    char name[64];
    struct str version;
    const struct str *emit, *secrets;
    size_t emit_count, secret_count;
    const struct str *net; /* grants of px.net */
    size_t net_count;
    bool schedule, mail_send, mail_refuse, read_only; /* what it may do, and may not */
    struct value config;                              /* executor only, once it runs */
    struct arena config_arena; /* of a change; the first values are in `arena` */
    const struct bind_file *files;
    size_t file_count;
    const char *main;     /* the file that runs */
    struct buf *printing; /* executor: where `print` goes; NULL: the service's log */
    const struct lua_module *const *modules;
    size_t module_count;
    void (*setup)(lua_State *L);
    void *context;
    struct value locales; /* { el = { key = text or { one, other } } } */
    struct error locales_error;
    struct bind_slot **needs;
    size_t need_count;

    /* immutable after the first load, any thread */
    struct bind_registration *registrations;
    size_t registration_count;

    /* loop only */
    struct flow_runner *flow_runner; /* NULL: it has no flows, or they do not run */
    /* beside registrations; which batches may run */
    struct gate *gates;

    /* executor only */
    struct list batches; /* struct deferred.waiting: until the one that runs has run */
    int *refs; /* beside registrations: the function in the state; LUA_NOREF when it is gone */
    struct list deferred;
    const struct scope *scope; /* the plugin's own; remade when the schema moved */
    int64_t scope_generation;  /* auth's, when it was made: for those who ask for compartments */
    uint64_t kill_cause;       /* of what was killed last; told apart by it */
    struct {
        uint64_t cause;
        int64_t at_ms;
    } kills[PLUGIN_KILLS_MAX];
    int kill_count;
    bool ready, revived, batch_runs, closing, act_as;
    bool broken;       /* the last load failed: nothing runs, nothing is revived */
    struct load *load; /* under way */
    uint64_t streams;  /* answers in pieces begun so far */
    struct lua_job close_job;

    atomic_bool suspended, stopping;
    _Atomic int64_t busy;
    _Atomic int64_t units; /* with the writer, whose task may be gone */

    /* loop only */
    struct message suspend_message;
    void (*on_suspend)(void *context);
    void *on_suspend_context;
    void (*on_closed)(void *context);
    void *on_closed_context;
    struct timer closing_timer;
};

/* True when the job may run now; else it was deferred, or failed at once when suspended. */
bool host_is_ready(struct bind_host *host, struct deferred *deferred);
/* The plugin's own scope for the schema as it is now; held by the host. */
enum err host_scope(struct bind_host *host, const struct scope **out_scope,
                    struct error *error) MUST_CHECK;
struct executor *host_executor(const struct bind_host *host);
struct store *host_store(const struct bind_host *host);
/* Runs main.lua in a fresh state; `done` runs on the executor. */
struct load {
    struct bind_host *host;
    void (*done)(struct load *load, enum err err, const struct error *error, struct str traceback);
};
void host_load(struct bind_host *host, struct load *load);
/* load.c: the task of main.lua in a fresh state. `ended` runs on the executor unless this fails. */
enum err load_start(struct bind_host *host,
                    void (*ended)(struct bind_host *host, enum err err, const struct error *error,
                                  struct str traceback),
                    struct error *error) MUST_CHECK;
/* While main.lua loads: keeps the function at `function_index` (0: there is none, it is data) under
 * what it registered for. */
void host_register(lua_State *L, enum bind_kind kind, struct str name, struct str method,
                   int options_index, int function_index);

/* Batches of one registration (batch.c). Several may be under way, so that the disk works while the
 * next one's handlers run; one that met a conflict runs again alone, so that it meets no other. */
struct gate {
    struct list waiting; /* struct batch.waiting */
    int under_way;
    bool alone;
};

/* ---- calls: one running task ---- */

enum call_kind {
    CALL_LOAD,
    CALL_EVENT,
    CALL_HOOK,
    CALL_PLAIN, /* routes, commands, start, stop */
    CALL_CHECK,
    CALL_FLOW /* a turn of a flow */
};

struct work_unit;
struct single;
struct tx_run;

struct call {
    struct lua_task task; /* first: found from the running task */
    struct bind_host *host;
    enum call_kind kind;
    const struct scope *scope; /* held by the owner */
    struct work_unit *work;    /* the unit of work it is in; NULL: none */
    struct tx_run *tx;         /* px.store.tx under way; freed with the call */
    struct arena scratch;      /* of one binding; reset at its entry */
    struct str request;
    struct str purpose; /* of a route's caller; empty: none */
    int64_t cause;
    int64_t began_ns;                /* of a handler: when it began */
    struct acting *acting;           /* px.actor.as, the innermost; freed with the call */
    struct str handler;              /* of an event: tells it from the plugin's others */
    struct buf *output;              /* of a command; else NULL */
    struct bind_call *command;       /* of a command: where its tables go; else NULL */
    size_t output_told;              /* of output: what is among the parts already */
    size_t table_rows;               /* of all its tables */
    struct flow_exec *flow;          /* of a flow's turn; else NULL */
    struct attempt *attempt;         /* of the function of flow:call, and tasks within; else NULL */
    struct registering *registering; /* while main.lua loads */
    struct bind_call *stream_target; /* of a route that may answer in pieces; else NULL */
    struct stream *stream;           /* the answer in pieces; a task within shares it */
    void *unborn; /* px.task: memory that a raise would lose; freed with the call */
};
void call_init(struct call *call, struct bind_host *host, enum call_kind kind);
void call_deinit(struct call *call);
/* The time of who runs now: in a flow its own clock. */
int64_t call_now_ms(lua_State *L);
/* The call that runs in this state. Raises outside of one. */
struct call *call_of(lua_State *L);
/* The same, at the entry of a binding: its scratch is empty. */
struct call *call_enter(lua_State *L);
/* Texts of arguments; the Lua string stays on the stack. */
struct str arg_text(lua_State *L, int index);
struct str arg_text_or(lua_State *L, int index, struct str otherwise);
/* The argument as a value in arena; raises. */
struct value arg_value(lua_State *L, int index, struct arena *arena);
/* px.store.tx left behind by a task that was stopped. */
void tx_run_free(struct call *call);
/* px.actor.as left behind: the call is its own actor again. */
void actor_leave_all(struct call *call);
/* A single write that raised half-way. */
void tx_drop_single(struct call *call);
/* The safe pcall, kept under a key of the registry. */
void push_pcall(lua_State *L);
void keep_pcall(lua_State *L);

/* ---- units of work (contract 16) ---- */

/* A record as the drafts of this turn leave it. */
struct touched {
    struct touched *below; /* the same record before; NULL: as in the store */
    struct touched *older; /* what was touched before this, for undoing */
    struct work_unit *work;
    const struct object_type *type;
    int64_t id;
    struct record *record;   /* NULL: deleted */
    int64_t written_version; /* set by the writer */
};

struct kv_entry {
    struct kv_entry *older;
    struct work_unit *work;
    struct str key, text; /* text: JSON */
};

/* What a work read of a key: written by it only while the store still says so. */
struct kv_seen {
    struct kv_seen *older;
    struct str key, text;
};

/* One snapshot and the drafts on top of it, shared by the works of one turn. */
struct overlay {
    struct bind_host *host;
    const struct scope *scope; /* held */
    struct arena arena;
    struct reader *reader; /* NULL until the first read */
    int64_t at_least_seq;
    struct map by_id; /* id → struct touched, the newest */
    struct touched *newest;
    struct kv_entry *newest_kv;
    uint64_t *touched_by; /* per object type: works (bits) that touched it */
    uint64_t failed;      /* writer only: works whose apply failed or did not end */
};
void overlay_init(struct overlay *overlay, struct bind_host *host, const struct scope *scope,
                  int64_t at_least_seq);
/* Any thread, when no work of it is under way. The reader must have been given back. */
void overlay_deinit(struct overlay *overlay);
/* The pinned reader. */
enum err overlay_reader(struct overlay *overlay, struct reader **out_reader,
                        struct error *error) MUST_CHECK;
void overlay_release(struct overlay *overlay); /* gives the reader back; executor */

/* What px.flows asks for. */
enum flow_change_kind { FLOW_CHANGE_START, FLOW_CHANGE_SIGNAL, FLOW_CHANGE_CANCEL };
struct flow_change {
    enum flow_change_kind kind;
    int64_t run;
    struct str plugin, name;
    struct str key; /* of a run; what makes a signal one; why it is cancelled */
    struct str data;
    struct value attributes; /* VALUE_NULL: none */
};
enum err flow_change_apply(const struct flow_change *change, struct flows *flows, struct tx *tx,
                           struct error *error) MUST_CHECK;

enum change_kind { CHANGE_DRAFT, CHANGE_EMIT, CHANGE_KV, CHANGE_MERGE, CHANGE_FLOW, CHANGE_SEND };
struct change {
    struct change *next;
    enum change_kind kind;
    struct draft *draft;
    const struct touched
        *expects; /* version as another work of the turn writes it; NULL: draft's */
    struct touched *touched;
    struct str name; /* of a key */
    struct bus_emit emit;
    struct value data;
    const struct outbox_row *row; /* of a mail or request */
    const struct kv_seen *seen;   /* of a key: what it must still be; NULL: anything */
    struct merge *merge;
    struct flow_change *flow;
};

struct work_unit {
    struct unit unit;
    struct overlay *overlay;
    int index; /* its bit */
    struct change *first, **end;
    int count;
    int sends; /* mails and requests among the changes */
    struct kv_seen *seen;
    uint64_t depends;                  /* works whose drafts it saw, or whose key it shares */
    struct delivery *delivery;         /* settled with it; NULL: none */
    bool delays;                       /* emits something for later */
    bool behind;                       /* out: not applied because one that it depends on failed */
    const struct changeset *changeset; /* what all of it belongs to; in the overlay's arena */
    struct flow_turn *turn;            /* written with it; NULL: none */
};
void work_init(struct work_unit *work, struct overlay *overlay, int index);
/* Takes its drafts back out of the overlay. */
void work_undo(struct work_unit *work);
/* A point to undo back to, while all that came after is the same work's. */
struct work_mark {
    struct touched *newest;
    struct kv_entry *newest_kv;
    struct change **end;
    int count;
    struct kv_seen *seen;
};
struct work_mark work_mark(const struct work_unit *work);
void work_undo_to(struct work_unit *work, const struct work_mark *mark);
/* Hands it to the writer. `done` runs on `reply`; unit_deinit is the owner's. */
enum err work_submit(struct work_unit *work, struct mailbox *reply, void (*done)(struct unit *unit),
                     struct str request, int64_t cause) MUST_CHECK;

/* Writing into a unit; the record as it is then lives in the overlay's arena. */
struct write {
    enum draft_kind kind;
    const struct object_type *type;
    int64_t id;
    int64_t version;  /* expected by the script; 0: none */
    bool any_version; /* a write of its own without one: the last one wins */
    const struct value *map;
    bool allow_duplicates;
};
enum err work_write(struct call *call, struct work_unit *work, const struct write *write,
                    struct record **out_record, struct error *error) MUST_CHECK;
/* Type, data, key, delay and word of `emit`; the plugin is the call's. */
enum err work_emit(struct call *call, struct work_unit *work, const struct bus_emit *emit,
                   struct error *error) MUST_CHECK;
/* After its unit's commit, any thread. */
void work_committed(const struct work_unit *work);
enum err work_kv_set(struct work_unit *work, struct str key, const struct value *value,
                     struct error *error) MUST_CHECK;
enum err kv_apply(const struct work_unit *work, const struct change *change, struct tx *tx,
                  struct error *error) MUST_CHECK;
/* send.c: key and id of the row: from the script, from the event, or made up. */
void work_key(struct call *call, struct work_unit *work, struct str given, struct outbox_row *row);
enum err work_send(struct work_unit *work, const struct outbox_row *row,
                   struct error *error) MUST_CHECK;
/* One more change in the unit; ERR_LIMIT when it holds too many. */
enum err room_for_change(const struct work_unit *work, struct error *error) MUST_CHECK;
struct change *add_change(struct work_unit *work, enum change_kind kind);

/* machine.c: may the record `base` (NULL: a new one) become `whole`? Puts in the state that a new
 * one starts in. *out_waits: the move needs four eyes, nothing changes before. */
enum err machine_check(const struct record *base, struct record *whole, bool *out_waits,
                       struct error *error) MUST_CHECK;

/* ---- reading: through the unit's overlay when there is one ---- */

struct found {
    struct record **records;
    size_t count;
    struct str next;
    bool cut; /* merged with drafts, and there is more than the page holds */
};
enum err read_get(struct call *call, const struct object_type *type, int64_t id,
                  struct record **out_record, struct error *error) MUST_CHECK;
/* In the call's scratch. */
/* As query_from_value, with a saved view under it when the tree says `view` (view.c). */
enum err query_with_view(struct call *call, const struct object_type *type,
                         const struct value *tree, struct query *out_query,
                         struct error *error) MUST_CHECK;
enum err read_find(struct call *call, const struct object_type *type, const struct value *query,
                   struct found *out_found, struct error *error) MUST_CHECK;
/* By a unique field; 0: none. */
enum err read_unique(struct call *call, const struct object_type *type, const struct field *field,
                     const struct value *plain, int64_t *out_id, struct error *error) MUST_CHECK;
enum err read_count(struct call *call, const struct object_type *type, const struct value *query,
                    int64_t *out_count, struct error *error) MUST_CHECK;
enum err read_aggregate(struct call *call, const struct object_type *type, const struct value *spec,
                        struct value *out_rows, struct error *error) MUST_CHECK;
enum err read_kv(struct call *call, struct str key, struct value *out_value,
                 struct error *error) MUST_CHECK;
enum err read_history(struct call *call, const struct object_type *type, int64_t id,
                      struct value *out_rows, struct error *error) MUST_CHECK;
enum err read_files(struct call *call, const struct object_type *type, int64_t id,
                    struct value *out_rows, struct error *error) MUST_CHECK;
/* The record as it was at a moment, from the log: drafts are not in it. */
enum err read_as_of(struct call *call, const struct object_type *type, int64_t id, int64_t at_ms,
                    struct record **out_record, struct error *error) MUST_CHECK;
/* A reader for one binding: the unit's pinned one, or one of the executor's. */
struct read_turn {
    struct reader *reader;
    bool own;
};
struct overlay *overlay_of(const struct call *call); /* NULL: outside a unit */
enum err read_begin(struct call *call, struct read_turn *out_turn, struct error *error) MUST_CHECK;
void read_end(struct call *call, struct read_turn *turn);
/* The object type, and the right to read or write it: ERR_CAPABILITY when the plugin itself lacks
 * it, naming what to add to `can`. */
enum err capable(struct call *call, struct str object, uint32_t verb,
                 const struct object_type **out_type, struct error *error) MUST_CHECK;

/* ---- events ---- */

/* Pushes the event's table. arena lives as long as the call. Protected. */
void event_push(lua_State *L, struct call *call, const struct log_entry *entry,
                struct arena *arena);
void schedule_push(lua_State *L, const struct log_entry *entry, struct arena *arena);
bool pattern_covers(struct str pattern, struct str type);

/* ---- typed kinds ---- */

extern const struct lua_convert bind_convert;
void kinds_setup(lua_State *L); /* metatables of dates, money, decimals; protected */
void push_kind(lua_State *L, const struct value *value);
/* The userdata of one of these kinds; NULL when it is none. */
const struct value *kind_at(lua_State *L, int index);
/* mod_date.c: an argument that is a day, an instant, or text of one; raises. */
struct value date_arg(lua_State *L, int index);
int push_date(lua_State *L, struct value date);
int64_t date_now_ms(lua_State *L);
extern const struct luaL_Reg date_methods[], money_methods[], decimal_methods[];
int date_index(lua_State *L);
int money_index(lua_State *L);
int decimal_index(lua_State *L);

/* ---- modules ---- */

/* "Dear {name}": 1: the text, 2: a table; each {word} is the field of that name, "{{" is a brace.
 */
int text_template(lua_State *L);
/* mod_ical.c */
int ical_occurrences(lua_State *L);
int ical_zone_component(lua_State *L);
/* mod_i18n.c: reads locale/<language>.lua of the bundle into host->locales. */
void host_read_locales(struct bind_host *host);
/* slot.c */
struct str slot_name(const struct bind_slot *slot);
/* Any thread. Calls the export of this name of whatever runs behind the slot now. ERR_DEPENDENCY,
 * ERR_SUSPENDED: then nothing was called. */
enum err slot_call(struct bind_slot *slot, struct str name, struct bind_call *call,
                   struct error *error) MUST_CHECK;
/* Any thread. The names of what is exported now. */
size_t slot_exports(struct bind_slot *slot, struct arena *arena, struct str **out_names);
/* mod_bus.c */
int px_schedule(lua_State *L);
/* Raises where an option of px.on or px.schedule is not of its kind: retry, on_dead, concurrency …
 */
void check_subscription_options(lua_State *L, int table);
/* mod_px.c: raises for an option that is not among these. */
void known_options(lua_State *L, int index, const char *const *names, size_t count);
/* chunk.c: Lua text that a caller gave. */
int chunk_push(lua_State *L, struct call *call, const struct bind_call *request);
void chunk_take(lua_State *L, struct call *call, struct bind_call *request, int first, int count);
void chunk_print(struct buf *out, struct str text, const char *end);
/* export.c */
int px_export(lua_State *L);
int px_plugin(lua_State *L);

extern const struct lua_module module_px, module_store, module_kv, module_bus, module_log,
    module_config, module_actor, module_json, module_date, module_money, module_decimal,
    module_text, module_i18n, module_clock, module_csv, module_xml, module_vcard, module_ical,
    module_pdf, module_task, module_http, module_metric, module_crypto, module_secret, module_net,
    module_flows, module_mail;

enum kv_statement { KV_SET, KV_DROP, KV_FORGET, KV_GET, KV_SEARCH, KV_STATEMENT_COUNT };
extern const struct table_module bind_tables;

/* ---- commands (command_output.c) ---- */

/* The table `out` that a command prints with. */
void command_push_output(lua_State *L, const struct bind_call *request);
/* The text that was written since the last part becomes a part. */
void command_flush(struct call *call, struct bind_call *request);

#endif
