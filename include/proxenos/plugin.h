/* Plugins: discovered, checked, ordered, given their rights, run as actors in Lua states of their
 * own. Loop thread unless said otherwise. */
#ifndef PROXENOS_PLUGIN_H
#define PROXENOS_PLUGIN_H

#include "proxenos/auth.h"
#include "proxenos/bus.h"
#include "proxenos/outbox.h"

struct plugins;
struct lua_host;

struct plugins_options {
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct flows *flows;
    struct loop *loop;
    struct net *net;            /* NULL: px.net is refused */
    struct outbox *outbox;      /* there with it */
    const char *const *folders; /* searched in order; a name found twice: the first wins and the
                                   second is reported */
    int folder_count;
    const struct str *enable;
    int enable_count; /* --enable */
    const struct str *disable;
    int disable_count;
    bool bundled_trusted; /* grants of plugins in folders[0] are given at first start (contract 27)
                           */
    bool safe; /* only bundled plugins, no automations; what others wanted stays remembered */
    const char *installed;      /* folder of what was installed; NULL: nothing can be */
    const char *automations;    /* folder of single Lua files, watched; NULL: none are run */
    int executors;              /* 0: cores, at most 8 */
    const struct value *config; /* { plugin = { name = value } } from proxenos.lua; may be NULL */
    bool flow_cut;              /* as bind_options has it */
    bool prepare; /* only grants and schemas, for a store to be copied: nothing of them runs */
    /* As bind_options has them. */
    void (*line)(void *context, struct lua_host *host, const char *chunk, int line);
    void *line_context;
};
/* Discovers and reads manifests, orders by dependency, applies all schemas in one change, loads
 * main.lua of each enabled plugin, registers its handlers, starts. A broken plugin is kept with its
 * error and the service starts without it. Blocks: start-up, before bus_start. */
enum err plugins_open(const struct plugins_options *options, struct plugins **out_plugins,
                      struct error *error) MUST_CHECK;
/* px.stop in reverse order, states closed, executors joined. Blocks up to 5 s. NULL is fine. */
void plugins_close(struct plugins *plugins);

/* [{name, version, label, status: "running|disabled|available|failed|suspended|waiting|removing",
 * source: "bundled|folder|installed", previous, error, can, limits, objects, metrics…}] */
struct value plugins_describe(struct plugins *plugins, struct arena *arena);
/* One of them; VALUE_NULL: there is none. */
struct value plugins_describe_one(struct plugins *plugins, struct str name, struct arena *arena);
/* The same of automations: each is a plugin called automation_<file>. One is found by its file,
 * with or without .lua, or by that name. */
struct value automations_describe(struct plugins *plugins, struct arena *arena);
struct value automations_describe_one(struct plugins *plugins, struct str name,
                                      struct arena *arena);
/* ---- changes while the service runs ---- */

enum plugin_change {
    PLUGIN_ENABLE,    /* also lifts a suspension, and starts again what failed; durable */
    PLUGIN_DISABLE,   /* refused while others that run need it; durable */
    PLUGIN_RELOAD,    /* its files are read again */
    PLUGIN_GRANT,     /* what it asks for is approved; one that waited for it runs */
    PLUGIN_INSTALL,   /* a bundle becomes files of ours, and runs; also an upgrade. Durable */
    PLUGIN_ROLLBACK,  /* back to the version before this one; durable */
    PLUGIN_UNINSTALL, /* off, and its files away; durable. With records to erase it stays in the
                         list as "removing", its types with it, until PLUGIN_REMOVED */
    PLUGIN_REMOVED,   /* its records are erased */
};

/* What becomes of the records of an uninstalled plugin's object types: they stay where they are,
 * are written to a file and erased, or erased. */
enum plugin_records { RECORDS_BY_MANIFEST, RECORDS_KEEP, RECORDS_EXPORT, RECORDS_ERASE };
const char *plugin_records_word(enum plugin_records records); /* "keep" … */

/* One change, one after the other. A new edition of the plugin's files is made beside the old one:
 * read, its object types applied, main.lua loaded, px.check asked. Then, when the deliveries under
 * way have ended and new ones wait, px.save of the old hands over to px.restore of the new, and the
 * new one takes its place: subscriptions (from the same cursors), hooks, routes, commands, exports.
 * The old one ends px.stop and what it has begun. On any failure the old one goes on, and the error
 * with its place is shown by plugins_describe.
 *
 * Caller-owned until done, which runs once on the loop, never before plugins_change returns. */
struct change_call {
    enum plugin_change kind;
    struct str plugin; /* of an install: filled in */
    struct str bundle; /* of an install: the tar, borrowed until done */
    bool lower;        /* of an install: an older version than the one in use is meant */
    bool dry_run; /* of an install: ends with ERR_CANCELLED, and `migrations`, if all would go well
                   */
    bool cancel_runs;            /* of an uninstall: runs of its flows are cancelled first */
    enum plugin_records records; /* of an uninstall; after it: what was decided */
    struct str file;             /* where an uninstall exports to: absolute, not there yet */
    struct value erased;         /* PLUGIN_REMOVED, for the log: { type = count } */
    struct str approve;          /* the hash of the capabilities that were looked at; empty: none */
    const struct scope *scope;
    struct str request;
    struct arena *arena; /* the caller's, until done */
    void (*done)(struct change_call *call);
    void *context;
    enum err err; /* ERR_APPROVAL: see difference; ERR_NOT_FOUND, ERR_CONFLICT, what went wrong */
    struct error error;
    struct value difference; /* { added: { net: [...] }, removed: {...}, approve: hash } */
    bool created;            /* an install: the name is new */
    struct value migrations; /* what its migrations did: store_migration.h's report; null: none */
    struct str backup;       /* made before values were taken away; empty: none */
    void *private;
};
void plugins_change(struct plugins *plugins, struct change_call *call);

/* Looks at the folders of plugins: what has appeared in them since is "available" from then on.
 * `done` runs once, later, at the latest after a second (a disk that does not answer holds nobody
 * up). */
struct look_call {
    void (*done)(struct look_call *call);
    void *context;
    /* its own */
    struct plugins *plugins;
    struct list_node waiting;
    struct timer timer;
    uint64_t look;
};
void plugins_look(struct plugins *plugins, struct look_call *call);

/* ---- the records of a plugin that is removed ---- */

/* True: there is such a plugin. RECORDS_BY_MANIFEST: it is not being removed. The file lives as
 * long as the removal. */
bool plugins_removal(const struct plugins *plugins, struct str name,
                     enum plugin_records *out_records, struct str *out_file);

/* Any thread with a reader that may wait: a job's. Writes all records of the plugin's types to
 * `file` (RECORDS_EXPORT; NDJSON, one {"object","record"} a line, in one step, 0600), then deletes
 * them, each with its entry in the log under the actor of `scope`; what it kept for itself goes
 * with them (px.store.kv, settings, secrets, cursors, schedules). As a backup, both see all
 * compartments. Stopped at any point it goes on when called again. ERR_RESTRICTED: others' records
 * refer to one. ERR_CANCELLED: `progress` said no. */
struct erasing {
    struct store *store;
    struct reader *reader;
    struct str plugin;
    enum plugin_records records;
    const char *file;
    const struct scope *scope;
    struct str request;
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
    struct arena *arena;
    struct value erased; /* { type = count }, of this call, in arena */
};
enum err plugins_erase(struct erasing *erasing, struct error *error) MUST_CHECK;

/* All plugins that need their line in "start without": names and errors were logged already. */
int plugins_failed(const struct plugins *plugins);

/* ---- pages, findings, settings ---- */

/* Pages of running plugins as this user may see them: [{ plugin, name, title, icon, role, widgets
 * }].
 */
struct value plugins_pages(struct plugins *plugins, const struct scope *scope, struct arena *arena);

/* Asks every px.doctor. `done` runs once, later; findings are in arena: [{ plugin, problem,
 * evidence, advice }]. */
struct doctor_call {
    struct str request;
    struct arena *arena; /* the caller's, until done */
    void (*done)(struct doctor_call *call);
    void *context;
    struct value findings;
};
void plugins_doctor(struct plugins *plugins, struct doctor_call *call);

/* A plugin's settings as they are in force: [{ name, type, value, source: "set", "proxenos.lua" or
 * "default" }]. ERR_NOT_FOUND. */
enum err plugins_config(const struct plugins *plugins, struct str name, struct arena *arena,
                        struct value *out_rows, struct error *error) MUST_CHECK;
/* Changes settings of a plugin, also while it runs: checked against the manifest and by px.check,
 * written and logged, put in force, then px.config.on_change is called. null takes a value back.
 * ERR_NOT_FOUND, ERR_VALIDATION, ERR_REFUSED (px.check); nothing is changed then. */
struct config_call {
    struct str plugin;
    struct value values; /* { name = value } */
    const struct scope *scope;
    struct str request;
    struct arena *arena; /* the caller's, until done */
    void (*done)(struct config_call *call);
    void *context;
    enum err err;
    struct error error;
};
void plugins_configure(struct plugins *plugins, struct config_call *call);

/* ---- secrets ---- */

/* The names in the plugin's can.secrets; NULL when there is no such plugin. */
const struct str *plugins_secrets(const struct plugins *plugins, struct str name,
                                  size_t *out_count);
/* Inside apply; the caller has checked the name, and logs. ERR_LIMIT. */
enum err plugins_secret_put(struct tx *tx, struct str plugin, struct str name, struct str value,
                            struct error *error) MUST_CHECK;
enum err plugins_secret_drop(struct tx *tx, struct str plugin, struct str name,
                             struct error *error) MUST_CHECK; /* ERR_NOT_FOUND */
/* What is set: [{ name, set_at, set_by, previous }], never a value. Whoever owns the reader. */
enum err plugins_secrets_set(struct reader *reader, struct str plugin, struct arena *arena,
                             struct value *out_rows, struct error *error) MUST_CHECK;

/* ---- before-hooks (contract 19) ---- */

/* Cheap: is there any hook for this object and verb ("create", "update", "delete")? */
bool plugins_has_before(struct plugins *plugins, const struct object_type *type,
                        enum draft_kind kind);
bool plugins_has_before_merge(struct plugins *plugins, const struct object_type *type);
/* Drafts may be amended in place (their arena is the caller's). done runs once on the loop: OK,
 * ERR_REFUSED (detail, pointer to the field), ERR_HOOK_UNAVAILABLE. */
struct hook_call {
    const struct object_type *type;
    struct draft **drafts;
    int draft_count;
    struct value merge; /* a map: the hooks of "merge" are asked about it instead of drafts, and may
                           refuse it */
    struct arena *arena;
    const struct scope *scope;
    struct str request;
    void (*done)(struct hook_call *call);
    void *context;
    enum err err;
    struct error error;
    void *private;
};
void plugins_before(struct plugins *plugins, struct hook_call *call);

/* Appends the figures that plugins keep (px.metric), as Prometheus reads them. */
void plugins_metrics(struct plugins *plugins, struct buf *out);

/* Asks the hooks for mail.send, one after the other. `done` runs on the loop, not before this
 * returns. */
void plugins_before_mail(struct plugins *plugins, struct outbox_hook *hook);

/* ---- routes: /x/<plugin>/… ---- */

/* A piece of an answer that comes in pieces (px.http.stream). The taker takes `bytes` or leaves
 * them, and calls plugins_piece_taken when there is room for the next. */
struct route_piece {
    bool first; /* then status, content_type and headers count */
    int status;
    struct str content_type;
    struct value headers;
    struct buf bytes;
    bool gone; /* set by the taker: nobody reads any more */
    void *private;
};
void plugins_piece_taken(struct route_piece *piece);

struct route_call {
    struct str plugin, method, path; /* path behind /x/<plugin>, as sent */
    const struct str *segments;      /* of that path, each decoded */
    size_t segment_count;
    bool trailing_slash;
    struct value query, headers; /* maps of text */
    struct str body;
    const struct scope *scope; /* the user's; NULL when not logged in */
    struct str request;
    struct arena *arena; /* the caller's, until done */
    void (*done)(struct route_call *call);
    void *context;
    /* May be NULL: then answers come whole alone. One at a time, all before `done`, where the last
     * must be given back. */
    void (*piece)(struct route_call *call, struct route_piece *piece);
    bool streamed; /* in `done`: the answer came in pieces; err tells whether it is whole */
    enum err err;  /* ERR_NOT_FOUND: no such plugin or route */
    struct error error;
    int status;
    struct str content_type, response; /* in arena */
    struct value response_headers;
    void *private;
};
void plugins_route(struct plugins *plugins, struct route_call *call);

/* ---- commands: `proxenos <words> …` ---- */

/* [{words:"suppliers requalify", plugin, help, args}] */
struct value plugins_commands(struct plugins *plugins, struct arena *arena);
struct command_call {
    struct str plugin, words;
    struct value args;           /* by name */
    struct value words_given;    /* a list of texts, by position or name=value */
    struct str format, language; /* how the reader wants it; may be empty */
    const struct scope *scope;
    struct str request;
    struct arena *arena;
    void (*done)(struct command_call *call);
    void *context;
    enum err err;
    struct error error;
    struct str output;  /* what the command wrote, in arena */
    struct value parts; /* as struct bind_call has them */
    int exit_code;
    void *private;
};
void plugins_command(struct plugins *plugins, struct command_call *call);

/* ---- runs of a plugin's flows gone through again (bind_look) ---- */

/* To answer a query of the flow, or to see whether the plugin's newest code does what the journal
 * says. Caller-owned until done, which runs once on the loop, never before this returns. */
struct flow_look_call {
    struct str plugin; /* of the run */
    int64_t run;
    const struct flow_history *history; /* instead of a run; or NULL */
    bool newest;
    struct str query; /* empty: none */
    struct value input;
    struct arena *arena; /* the caller's, until done */
    void (*done)(struct flow_look_call *look);
    void *context;
    enum err err; /* ERR_SUSPENDED: the plugin does not run; ERR_DIVERGED: see difference */
    struct error error;
    struct value output, difference; /* as bind_look has them */
    int64_t bundle, generation, pages;
};
void plugins_flow_look(struct plugins *plugins, struct flow_look_call *look);

/* For whoever drives the clock: what is going on in the executors. */
struct lua_engine;
struct lua_engine *plugins_engine(const struct plugins *plugins);

/* ---- Lua given by an administrator ---- */

enum { RUN_LOGGED_MAX = 4096 }; /* bytes of a shell's line that the log keeps */

/* A file run once, or a line of a shell; with the rights that the caller and an automation have
 * both. It stands in the log before it runs (run.started, shell.ran). A shell keeps its variables
 * between lines, until it is told to end or has been idle for 15 minutes. */
struct run_call {
    bool shell;
    struct str file; /* for errors and the log; empty: a shell */
    struct str head; /* the text whose head is read: the source, or empty */
    struct str source;
    struct value args; /* list of texts, the script's `...` */
    int64_t session;   /* 0: a new shell; in the answer: the shell to go on with, 0: it has ended */
    bool write, end;   /* a new shell may write; it ends with this line */
    const struct scope *scope;
    struct str request;
    struct arena *arena; /* the caller's, until done */
    void (*done)(struct run_call *call);
    void *context;
    enum err err;
    struct error error;
    struct str output, traceback; /* in arena; output also when it failed */
    int exit_code;                /* an integer that the script returned */
};
void plugins_run(struct plugins *plugins, struct run_call *call);

/* Waits until no handler runs and nothing is due (tests, stop). True when quiet within timeout_ms;
 * runs the loop's mailbox. */
bool plugins_quiet(struct plugins *plugins);

#endif
