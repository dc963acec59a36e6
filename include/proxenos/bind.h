/* What ties Lua to the core: the `px` API, units of work, deliveries of events to handlers, and the
 * calls that the loop sends to a plugin's state (routes, commands, hooks, start and stop). The
 * plugin module decides which plugins run and with what rights; this one runs them.
 *
 * Threads: functions here are for the loop thread unless said otherwise; scripts and their bindings
 * run on the executor of their host (lua.h). */
#ifndef PROXENOS_BIND_H
#define PROXENOS_BIND_H

#include "proxenos/auth.h"
#include "proxenos/bus.h"
#include "proxenos/flow.h"
#include "proxenos/lua.h"
#include "proxenos/net.h"
#include "proxenos/outbox.h"

struct bind;
struct bind_host;
struct bind_slot;

enum {
    UNIT_CHANGES_MAX = 10000,           /* drafts and events of one unit of work */
    UNIT_BYTES_MAX = 64 << 20,          /* memory of the drafts of one batch */
    UNIT_RUNS_MAX = 8,                  /* a handler runs again so often on conflicts at commit */
    HOOK_RUN_MS = 50,                   /* contract 19 */
    HOOK_QUEUE_MS = 1000,               /* contract 19 */
    PLUGIN_KILLS_MAX = 3,               /* by different causes within PLUGIN_KILLS_MS: suspended */
    PLUGIN_KILLS_MS = 600000,           /* ten minutes */
    REGISTRATIONS_MAX = 500,            /* handlers, hooks, routes and commands of one plugin */
    COMMAND_OUTPUT_MAX = 4 << 20,       /* bytes that a command may write */
    ROUTE_STREAM_BYTES_MAX = 256 << 20, /* an answer in pieces */
    SECRET_BYTES_MAX = 4096,
    SECRET_NAME_MAX = 60,
};

struct bind_options {
    struct store *store; /* NULL: none; then hosts get only modules that need none, and `env` */
    struct env *env;
    struct auth *auth;
    struct bus *bus;
    struct flows *flows; /* NULL: px.flows refuses */
    struct loop *loop;
    struct net *net;       /* NULL: px.net is refused */
    struct outbox *outbox; /* there with it */
    int executors;         /* 0: cores, at most LUA_EXECUTORS_MAX */
    bool flow_cut;         /* a turn of a flow ends behind each command: for tests of replays */
    /* As lua_engine_options has them. */
    void (*line)(void *context, struct lua_host *host, const char *chunk, int line);
    void *line_context;
};
/* Starts the executors, each with its readers, and opens the table of px.store.kv. Blocks shortly:
 * start-up. */
enum err bind_open(const struct bind_options *options, struct bind **out_bind,
                   struct error *error) MUST_CHECK;
/* Joins the executors. All hosts must be closed before. NULL is fine. */
void bind_close(struct bind *bind);
struct lua_engine *bind_engine(const struct bind *bind);

/* Appends the figures that plugins keep, as Prometheus reads them. Any thread. */
void bind_metrics_write(struct bind *bind, struct buf *out);

/* ---- secrets: put by administrators, used behind handles, never shown ---- */

/* Done by bind_open. Start-up. */
enum err bind_secrets_open(struct store *store, struct error *error) MUST_CHECK;
/* Inside apply. The value before the present one is kept until the next change. ERR_LIMIT. */
enum err bind_secret_put(struct tx *tx, struct str plugin, struct str name, struct str bytes,
                         struct error *error) MUST_CHECK;
enum err bind_secret_drop(struct tx *tx, struct str plugin, struct str name,
                          struct error *error) MUST_CHECK; /* ERR_NOT_FOUND */
/* Inside apply: all that px.store.kv and secrets keep for this plugin is gone. */
enum err bind_tx_forget(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;
/* What is set, never the values: [{ name, set_at, set_by, previous }]. */
enum err bind_secrets_list(struct reader *reader, struct str plugin, struct arena *arena,
                           struct value *out_rows, struct error *error) MUST_CHECK;

/* ---- hosts: one plugin's state ---- */

struct bind_file {
    struct str name; /* "main.lua", "flows/renewal.lua" */
    struct str text;
};

/* All texts are copied; the config value, too. */
struct bind_host_options {
    struct plugin_rights rights; /* with the plugin's name */
    const struct str *emit;      /* "supplier.*"; patterns of px.bus.emit */
    size_t emit_count;
    const struct str *secrets; /* names that px.secret.get gives */
    size_t secret_count;
    bool act_as;           /* px.actor.as */
    const struct str *net; /* grants of px.net */
    size_t net_count;
    bool schedule;               /* px.schedule is among its capabilities */
    bool mail_send, mail_refuse; /* px.mail.send; px.before("mail.send") */
    struct lua_limits limits;
    struct value config; /* map of name → value, checked */
    const struct bind_file *files;
    size_t file_count;
    struct str version;             /* the plugin's, for logs */
    struct bind_slot *const *needs; /* what px.plugin may call: they outlive this one */
    size_t need_count;
    const char *main; /* the file that runs; NULL: main.lua */
    bool read_only;   /* nothing is written, whatever the rights say (a shell) */
    const struct lua_module *const *modules; /* instead of all of px; NULL: those */
    size_t module_count;
    void (*setup)(struct lua_State *L); /* executor, protected: more globals; may be NULL */
    void *context;                      /* bind_context */
};

/* Where other plugins find one's exports; the host behind it is set and changed by its owner, while
 * calls go through it. Freed after all hosts that need it. */
struct bind_slot *bind_slot_new(struct str name);
/* NULL: it does not run. Before a host is closed it must be in no slot any more. */
void bind_slot_set(struct bind_slot *slot, struct bind_host *host);
void bind_slot_free(struct bind_slot *slot); /* NULL is fine */

struct bind_host *bind_host_new(struct bind *bind, const struct bind_host_options *options);
/* Runs of the flows that main.lua registered go on, with this host's code for new ones; nothing
 * when it registered none. After the load. Ends with the host; paused, it takes no more turns. */
enum err bind_host_run_flows(struct bind_host *host, struct error *error) MUST_CHECK;
void bind_host_pause_flows(struct bind_host *host);
/* Ends all its tasks and frees it, in time: `closed` runs on the loop. What was sent before ends
 * first, with ERR_CANCELLED where it waits. */
void bind_host_close(struct bind_host *host, void (*closed)(void *context), void *context);
struct str bind_host_name(const struct bind_host *host);
void *bind_context(struct lua_State *L); /* executor: options.context of the running host */
/* Any thread. Killed too often: nothing runs any more until bind_host_load. */
bool bind_host_suspended(const struct bind_host *host);
/* Runs on the loop when the plugin was suspended. */
void bind_host_on_suspend(struct bind_host *host, void (*suspended)(void *context), void *context);
/* The settings as they are from now on; checked by the caller, copied. Calls that are sent later
 * see them. */
void bind_host_configure(struct bind_host *host, const struct value *config);
void bind_host_metrics(const struct bind_host *host, struct lua_metrics *out_metrics);

/* ---- what a plugin uses, over all its states since the service began ---- */

enum { BIND_USAGE_CLASSES = 14 }; /* of the time that handlers take */

struct bind_usage {
    struct lua_metrics lua; /* memory and what waits: of the states that live */
    uint64_t starts;        /* of states: loads, reloads, after kills */
    uint64_t rows_read, rows_written;
    uint64_t handled, handled_ns; /* handlers that ended, and their time on the wall */
    uint64_t classes[BIND_USAGE_CLASSES];
};
/* Any thread. All zero for a name that never ran. */
void bind_usage(struct bind *bind, struct str name, struct bind_usage *out_usage);
/* The time within which so many of the handlers (0.99) have ended, as the end of its class; those
 * beyond the longest class count as its end. 0: none has run. Pure. */
double bind_usage_quantile_ms(const struct bind_usage *usage, double part);

/* What main.lua registered. Immutable after the first load. Texts are the host's. */
enum bind_kind {
    BIND_ON,       /* pattern */
    BIND_SCHEDULE, /* name; `method` is the cron expression */
    BIND_BEFORE,   /* pattern "contract.create" */
    BIND_FLOW,     /* name of the flow */
    BIND_ROUTE,    /* method and path */
    BIND_COMMAND,  /* words */
    BIND_CHECK,
    BIND_START,
    BIND_STOP,
    BIND_EXPORT,  /* name of the exported function */
    BIND_SAVE,    /* gives plain data to the one that takes its place */
    BIND_RESTORE, /* takes it; input is a list: the data, the version that it came from */
    BIND_CONFIG,  /* told when settings have changed */
    BIND_PAGE,    /* name and options alone: no function */
    BIND_DOCTOR,
    BIND_TEST, /* name of the test; called with the global `t` */
    BIND_KIND_COUNT
};
struct bind_registration {
    enum bind_kind kind;
    struct str name;      /* pattern, path, words */
    struct str handler;   /* of an event: its pattern or given name, and which of that name */
    struct str method;    /* of a route: "GET"; of a schedule: its cron expression */
    struct value options; /* the options table, as given */
    struct bind_host *host;
    size_t index;
    int64_t generation; /* bind_outdated's: auth's, when it was asked last */
};
const struct bind_registration *bind_host_registrations(const struct bind_host *host,
                                                        size_t *out_count);
/* The option `args` of px.command: a list of { "name", "type", required, default, named, rest, help
 * }; NULL: none. ERR_INVALID with a sentence. Pure; any thread. */
enum err bind_command_check(const struct value *arguments, struct error *error) MUST_CHECK;
struct bind_words {
    struct value named; /* name → value */
    struct value words; /* a list of texts: by position, or name=value; empty: none */
};
/* What was given, as the command declares it: typed, with defaults. A command without `args` is
 * given `named` as it came. ERR_INVALID: the pointer is "/args/name", the detail says the usage.
 * Lives in arena. Pure; any thread. */
enum err bind_command_read(struct arena *arena, const struct bind_registration *command,
                           const struct bind_words *given, struct value *out_args,
                           struct error *error) MUST_CHECK;
/* test(name, function), for the `setup` of hosts that run tests. Executor, protected. */
int bind_register_test(struct lua_State *L);

/* ---- pages of the console, as data ---- */

/* { title, role, icon, widgets = { { widget = "list", object, fields, … } } }: known widgets and
 * keys, objects, fields, filters and charts as the scope may use them. error->pointer is
 * "widgets[2].object". Pure; any thread. */
enum err bind_page_check(const struct value *spec, const struct scope *scope, struct arena *arena,
                         struct error *error) MUST_CHECK;
/* A checked page as this user sees it: without the fields and widgets that he may not. */
struct value bind_page_for(const struct value *spec, const struct scope *scope,
                           struct arena *arena);

/* ---- calls ---- */

/* A piece of a route's answer, on its way to whoever sends it. */
struct bind_piece {
    bool first;
    struct value head; /* { status, content_type, headers }, as the script gave it */
    struct buf bytes;  /* the taker's: taken, or left to be freed */
    bool gone;         /* set by the taker: nobody reads any more */
};
/* Loop. The next piece may come: there is room, or nobody reads. */
void bind_piece_taken(struct bind_piece *piece);

/* One call into a plugin. Caller-owned until done; `done` runs once on the loop, never before the
 * call returns. Input and scope are borrowed until then, `arena` is the executor's until then. */
struct bind_call {
    struct bind_host *host;
    const struct bind_registration *registration; /* NULL: `source`, or load main.lua */
    /* Lua text to run, with the values of `input`, a list, as `...`; what it prints is `text`, an
     * integer that it returns is `output`. prints_results: it may be an expression, and what it
     * returns is printed. */
    struct str source, source_name;
    bool prints_results;
    const struct scope *scope; /* of a user: the call gets user ∩ can; NULL: the plugin's own */
    bool anonymous;            /* a route without a user: nothing can be read or written */
    struct str request;        /* request id */
    struct str purpose;        /* what a route's caller says that it is for; empty: nothing */
    struct value input;        /* what the function is given, by kind */
    struct str format;         /* of a command: how its reader wants it: "table" */
    struct str language;       /* of a command: the reader's: "en" */
    int run_ms;                /* 0: the plugin's limit */
    struct arena *arena;
    struct mailbox *reply; /* where `done` runs; NULL: the loop */
    void (*done)(struct bind_call *call);
    void *context;
    /* A route whose answer may come in pieces: on the loop, before `done`, one at a time; each is
     * given back with bind_piece_taken, at the latest in `done`. NULL: it may not. */
    void (*piece)(struct bind_call *call, struct bind_piece *piece);
    enum err err;
    struct error error;
    struct value output; /* in arena: what it returned (routes, commands), the list of what an
                            export returned, or the drafts as the hook left them */
    struct str text;     /* what a command wrote, in arena */
    struct value parts;  /* of a command: { text } and { columns, rows } in their order, in arena */
    char traceback[LUA_TRACEBACK_MAX];
    void *private;
};
void bind_call(struct bind_call *call);

/* A run of the host's plugin gone through again from its journal, to answer a query of its flow, or
 * to see whether the newest code would do the same. Nothing comes of it. Caller-owned until done,
 * which runs once on the loop, never before this returns; `arena` is the executor's until then. */
struct bind_look {
    struct bind_host *host;
    int64_t run;
    const struct flow_history *history; /* instead of a run: by the host's own code; or NULL */
    bool newest;                        /* by the newest code of the plugin, not its own */
    struct str query;                   /* as flow:query names it; empty: it is only gone through */
    struct value input;
    struct arena *arena;
    void (*done)(struct bind_look *look);
    void *context;
    enum err err; /* ERR_DIVERGED: see difference. ERR_NOT_FOUND: no such run, query, flow */
    struct error error;
    struct value output;
    struct value difference; /* { seq, was: { command, name, place, line } or null, is: … } */
    int64_t bundle, generation, pages; /* what it was gone through with, and where the run was */
};
void bind_look(struct bind_look *look);

/* A bus consumer (subscription_spec.deliver); context is the `const struct bind_registration`. */
void bind_deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
                  void *context);
/* subscription_spec.rescope: the plugin's rights under the schema as it is now. */
const struct scope *bind_rescope(void *context);
/* subscription_spec.outdated: has a keeper let the plugin in or put it out since? Loop thread. */
bool bind_outdated(void *context);
/* Deliveries and calls that are under way in this host. */
int64_t bind_host_busy(const struct bind_host *host);
/* From now on deliveries that did not run are given back to the bus untried. */
void bind_host_stopping(struct bind_host *host);

/* ---- the declared API ---- */

/* All modules of `px`, for the generated types and reference. */
const struct lua_module *const *bind_modules(size_t *out_count);
/* The methods of the object that a flow is given, from 0; NULL behind the last. */
const char *bind_flow_method(size_t index);

#endif
