/* Shared inside core/plugin. Loop thread, but for what is done to an edition that nobody else has
 * yet (on the lane).
 *
 * A plugin is a name with a state that is remembered. An edition is one set of its files: what is
 * read, loaded and run. A change (change.c) makes a new edition beside the old one and puts it in
 * its place, or leaves all as it was. */
#ifndef PROXENOS_PLUGIN_INTERNAL_H
#define PROXENOS_PLUGIN_INTERNAL_H

#include "proxenos/base_crypto.h"
#include "proxenos/bind.h"
#include "proxenos/plugin.h"
#include "proxenos/store_migration.h"

#include <stdio.h>
#include <string.h>

enum {
    PLUGINS_MAX = 200,
    PLUGIN_FILES_MAX = 500,
    PLUGIN_BYTES_MAX = 8 << 20, /* all Lua files of one plugin */
    PLUGIN_NAME_MAX = 40,
    PLUGIN_PATH_MAX = 2048,
    PLUGIN_VERSION_MAX = 24,
    CHANGES_MAX = 64, /* that wait */
    AUTOMATIONS_MAX = 100,
};

/* ---- manifest ---- */

struct version {
    int part[3];
};
/* "1.4.0". ERR_INVALID. */
enum err version_parse(struct str text, struct version *out_version) MUST_CHECK;
/* "^1.2" (the same major, at least this; below 1 the same minor), ">=1.2", "1.2.3" (this one). */
int version_compare(struct version a, struct version b); /* as memcmp */
enum err version_range_check(struct str range) MUST_CHECK;
bool version_fits(struct version version, struct str range);

struct requirement {
    struct str name, range;
};

struct manifest {
    struct str name, version_text, license;
    struct version version;
    struct label label;
    struct requirement *requires;
    size_t require_count;
    struct str *read, *write, *emit, *net, *secrets, *compartments;
    size_t read_count, write_count, emit_count, net_count, secret_count, compartment_count;
    bool mail_send, mail_refuse;
    bool http, schedule, act_as, enabled;
    struct lua_limits limits;
    struct value config; /* list of declarations, as written */
    struct value can;    /* as written, for showing and for the grant's hash */
    struct str uninstall;
};
/* Reads and checks plugin.lua of the folder `folder`. ERR_MANIFEST with "plugin.lua:12" or
 * "plugin.lua: can.read[2]" and the nearest valid word. */
enum err manifest_read(struct arena *arena, struct str folder, struct str text,
                       struct manifest *out_manifest, struct error *error) MUST_CHECK;
/* The same from its tree; `file` is named in errors. */
enum err manifest_take(struct arena *arena, const char *file, struct str folder,
                       const struct value *tree, struct manifest *out_manifest,
                       struct error *error) MUST_CHECK;
/* header.c: the head of an automation; `file` is named in errors. */
enum err header_read(struct arena *arena, struct str name, const char *file, struct str text,
                     struct manifest *out_manifest, struct error *error) MUST_CHECK;

/* ---- editions ---- */

struct plugin;

/* What an edition has in the bus. */
struct joined {
    const struct bind_registration *registration;
    struct subscription *subscription; /* NULL: given to the edition that follows */
};

struct edition {
    struct plugin *plugin;
    struct arena arena; /* all below, the error's texts too */
    const char *folder; /* its files; "" when they came as text */
    const char *main;   /* the file that runs; NULL: main.lua */
    struct manifest manifest;
    bool has_manifest, read_only;
    struct bind_file *files;
    size_t file_count;
    struct value schema;               /* schema.lua's tree; VALUE_NULL: none */
    struct migration_file *migrations; /* by number */
    size_t migration_count;
    struct value config; /* the settings' values */
    struct bind_host *host;
    struct joined *joined;
    size_t joined_count;
    bool started; /* it has its plugin's place: hooks, routes and commands are asked */
    /* in plugins->retiring: px.stop, calls under way, the end of the state */
    struct list_node retiring;
    int looks;
    struct timer timer;
};
/* flow_look.c: on the loop, in its next turn. */
void plugins_answer_later(struct plugins *plugins, void (*answer)(void *call), void *call);

/* edition.c */
struct edition *edition_new(struct plugin *plugin);
/* Reads the folder: manifest, Lua files, schema. Start-up or a lane. What could be read stays. */
enum err edition_read(struct edition *edition, const char *folder, struct error *error) MUST_CHECK;
/* The same from a bundle, which lives as long; `folder` is where it will lie. */
struct bundle;
enum err edition_take_bundle(struct edition *edition, const struct bundle *bundle,
                             const char *folder, struct error *error) MUST_CHECK;
/* The same for one file of Lua, an automation: what it says at its top and what it does. */
enum err edition_read_file(struct edition *edition, const char *path,
                           struct error *error) MUST_CHECK;
/* A state for given Lua (run.c): the head of `head`, nothing to load. Lane. */
enum err edition_take_head(struct edition *edition, const char *file, struct str head,
                           struct error *error) MUST_CHECK;
/* Start-up or a lane. ERR_IO, ERR_LIMIT. */
enum err source_read(struct arena *arena, const char *path, size_t most, struct str *out_text,
                     struct error *error) MUST_CHECK;
/* Its state is closed. NULL is fine. */
void edition_free(struct edition *edition);
/* Loop. Makes the state, empty, with its rights and settings. */
enum err edition_open(struct edition *edition, struct error *error) MUST_CHECK;
struct plugin_rights edition_rights(struct edition *edition);
/* The registrations of one kind, walked with *position from 0; NULL at the end. */
const struct bind_registration *edition_next(const struct edition *edition, enum bind_kind kind,
                                             size_t *position);

/* join.c: an edition's place in the bus. */
/* Every spec that it registered would be taken. */
enum err edition_check_specs(struct edition *edition, struct error *error) MUST_CHECK;
void edition_pause(struct edition *edition);
void edition_resume(struct edition *edition);
bool edition_idle(const struct edition *edition);
/* Takes over what `old` (NULL, or idle) has under the same names, joins the rest, all paused, and
 * leaves what is not registered any more. On an error `old` has all that it had. */
struct joining {
    struct edition *edition, *old;
    void (*done)(struct joining *joining);
    void *context;
    enum err err;
    struct error error;
    size_t position;
    struct bus_joining bus;
    struct subscription_spec spec;
    const struct scope *scope;
};
void edition_join(struct joining *joining);
/* Idle, or blocking until it is (stop). */
void edition_leave(struct edition *edition);

/* series.c: the functions of one kind that an edition registered, called one after the other.
 * Caller-owned until done, which runs once, never before series_run returns. */
struct series {
    struct edition *edition;
    enum bind_kind kind;       /* BIND_KIND_COUNT: main.lua itself */
    const struct value *input; /* NULL: none; lives until done */
    int64_t most_ms;
    void (*done)(struct series *series);
    void *context;
    enum err err;
    struct error error;
    struct arena *arena; /* of the output: the last one's */
    struct value output;
    bool any; /* at least one was called */
};
void series_run(struct series *series);

/* ---- plugins ---- */

enum plugin_status {
    PLUGIN_RUNNING,
    PLUGIN_DISABLED,
    PLUGIN_FAILED,
    PLUGIN_SUSPENDED,
    PLUGIN_WAITING,  /* for its capabilities to be granted */
    PLUGIN_REMOVING, /* off for good; its types stay until their records are erased */
};

/* A row of plugin_state and plugin_choice. */
struct remembered {
    bool known;
    char granted[2 * HASH_BYTES + 1];      /* hash of the `can` that was granted; empty: none */
    char *can;                             /* that `can` as JSON; NULL: not known */
    char wanted[4];                        /* "on", "off", "": as the manifest says */
    char version[PLUGIN_VERSION_MAX + 1];  /* installed and in use; empty: not installed */
    char previous[PLUGIN_VERSION_MAX + 1]; /* for rollback; empty: none */
    int failures; /* guard.c: boots in a row that ended while it was loading */
};

struct plugin {
    struct plugins *plugins;
    char name[PLUGIN_NAME_MAX + 1];
    char folder[PLUGIN_PATH_MAX];   /* where an edition is read from */
    bool bundled;                   /* came with the program */
    bool installed;                 /* in DATA/plugins */
    bool asked;                     /* enabled by name: the operator has looked at it */
    bool appeared;                  /* found while the service ran, and not yet run */
    bool automation;                /* a file in DATA/automations */
    bool seen, going;               /* at the last look; an automation's file is gone */
    char file[PLUGIN_NAME_MAX + 1]; /* of an automation: "welcome.lua" */
    char hash[2 * HASH_BYTES + 1];  /* of the text that was seen last */
    bool temporary;                 /* in no list: it ends with its edition */
    struct list_node in_gone;       /* off the list, but others' calls may point to its slot */
    struct edition *edition;        /* in use, or as it was read; never NULL */
    enum plugin_status status;
    enum plugin_records removal; /* while it is being removed */
    char *removal_file;
    struct error error; /* why it failed or waits; of the last change, when it runs all the same */
    int64_t changed_at_ms;
    int mark; /* of the ordering */
    struct bind_slot *slot;
    struct remembered remembered;
};

struct plugins {
    struct plugins_options options;
    struct arena arena;
    struct bind *bind;
    struct lane *lane;                /* files and changes of tables */
    struct plugin *list[PLUGINS_MAX]; /* in dependency order once ordered */
    size_t count;
    struct list changes;   /* struct change.queued: one at a time */
    struct change *change; /* under way */
    size_t changes_waiting;
    struct message changes_message; /* looks at the queue; outlives what is in it */
    bool changes_posted;
    struct list retiring;            /* editions on their way out */
    uint64_t swaps;                  /* raised whenever an edition took another's place */
    struct automations *automations; /* NULL: none are run */
    struct looking *looking;         /* look.c */
    struct guard *guard;             /* guard.c; NULL: all are up */
    struct map rows;                 /* name → struct remembered, of all that ever were */
    struct list gone;
    struct list shells; /* struct runner.in_shells */
    int runners;        /* and what runs once, and work of its own on the lane */
    bool stopping, all_retired;
    struct value set; /* settings changed while it ran: { plugin = { name = value } } */
    struct arena set_arena;
};

/* discover.c: every folder with a plugin.lua becomes a plugin, its files read. */
void plugins_discover(struct plugins *plugins);
struct plugin *plugins_find(const struct plugins *plugins, struct str name);
/* NULL: too many, which the log says. */
struct plugin *plugins_add(struct plugins *plugins, struct str name);
/* In no list. */
struct plugin *plugin_new(struct plugins *plugins, struct str name);
void plugin_free(struct plugin *plugin);
/* Off the list; its place in memory stays until the end. */
void plugin_leave(struct plugin *plugin);
/* An entry of the log about it, in its own time. */
void plugin_tell(struct plugin *plugin, const char *event);
/* Names the failure in the service's log and keeps it. */
void plugin_fail(struct plugin *plugin, const struct error *error);

/* order.c: dependencies before dependents. Who lacks one, or is in a cycle, fails. Only enabled
 * ones are looked at. */
void plugins_order(struct plugins *plugins);
/* Only the order, as they run now. */
void plugins_sort(struct plugins *plugins);
/* Fails those that need a failed or disabled one; again until nothing changes. */
void plugins_fail_dependents(struct plugins *plugins);
/* May this edition run with the others as they are: what it needs, who needs it, no circle? */
enum err edition_fits(const struct edition *edition, struct error *error) MUST_CHECK;
/* ERR_CONFLICT naming those that run, or `enabled`: also those that would, and need it. */
enum err plugin_not_needed(const struct plugin *plugin, bool enabled,
                           struct error *error) MUST_CHECK;

/* state.c: what is remembered of each plugin. */
enum err plugins_open_state(struct plugins *plugins, struct error *error) MUST_CHECK;
/* For what nobody asked for. */
const struct scope *plugins_scope(struct plugins *plugins);
enum err plugins_load_state(struct plugins *plugins, struct error *error) MUST_CHECK;
/* What is remembered of this name, into the plugin; and back, when it leaves the list. */
void plugin_recall(struct plugin *plugin);
struct remembered *plugin_row(struct plugins *plugins, struct str name); /* made when needed */
void plugin_keep(struct plugin *plugin);
void plugins_forget_rows(struct plugins *plugins);
/* Version and state of all that run; an event for each that is granted now, by its place. */
enum err plugins_put_all(struct plugins *plugins, const bool *grants,
                         struct error *error) MUST_CHECK;

/* Inside a unit: the row as `next` says, and the event of this type with `data`. */
enum err remember(struct tx *tx, const struct edition *edition, const struct remembered *next,
                  const char *event, const struct value *data, struct error *error) MUST_CHECK;

/* grants.c */
void hash_text(const unsigned char hash[HASH_BYTES], char out[2 * HASH_BYTES + 1]);
/* Grants: given to bundled ones and to those enabled by name, otherwise the plugin waits. Stores
 * version and state of all. */
enum err plugins_grant(struct plugins *plugins, struct error *error) MUST_CHECK;
/* Hash of what an edition asks for. */
void can_hash(const struct edition *edition, char out[2 * HASH_BYTES + 1]);
/* May it have what it asks for: granted before, or bundled, or nothing? */
bool edition_is_granted(const struct edition *edition);
/* What it asks for beside what was granted: { added, removed, hash }. */
struct value edition_difference(const struct edition *edition, struct arena *arena);

/* schemas.c: one change for all; a plugin whose schema is broken fails and the others go on. */
enum err plugins_apply_schemas(struct plugins *plugins, struct error *error) MUST_CHECK;
/* What all that run declare, and how stored values become that. */
struct schemas {
    struct schema_source *sources;
    size_t source_count;
    struct migration_file *files;
    size_t file_count;
    bool dry_run, final; /* as struct migrating */
    const char *label;   /* of the backup that is made when values are taken away */
    /* results, in the arena of the call */
    struct value report;
    struct str backup;
};
/* With `instead` (NULL: none) in the place of its plugin's own; without `without` (may be NULL).
 * Loop; they live as long as the editions. */
struct schemas schemas_gather(struct plugins *plugins, struct arena *arena,
                              const struct edition *instead, const struct plugin *without);
/* Blocks: start-up or a lane. */
enum err schemas_apply(struct plugins *plugins, struct schemas *schemas, struct arena *arena,
                       struct error *error) MUST_CHECK;

/* config.c: reads what was set; start-up. */
enum err plugins_open_config(struct plugins *plugins, struct error *error) MUST_CHECK;
/* What is given for a plugin: set over proxenos.lua; a copy in arena. */
struct value plugins_given(const struct plugins *plugins, struct str name, struct arena *arena);
enum err settings_tx_forget(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;
void settings_forget(struct plugins *plugins, struct str plugin); /* in memory; loop */

/* installed.c: the folder of what was installed, DATA/plugins/NAME/VERSION. */
void installed_folder(const struct plugins *plugins, const char *name, const char *version,
                      char out[PLUGIN_PATH_MAX]);
/* Start-up: what is remembered as installed becomes plugins; what a crash left is taken away. */
void installed_discover(struct plugins *plugins);
void installed_sweep(struct plugins *plugins);
/* Takes all versions of it away but these (each may be empty), in its own time. */
void installed_prune(struct plugins *plugins, const char *name, const char *version,
                     const char *previous);

/* copies.c: installed bundles in the store. */
enum err copies_open(struct plugins *plugins, struct error *error) MUST_CHECK;
/* Start-up: those that are not on the disk (a restored backup) are unpacked there. */
enum err copies_bring_back(struct plugins *plugins, struct error *error) MUST_CHECK;
/* Inside a unit. */
enum err copies_put(struct tx *tx, struct str plugin, struct str version, struct str tar,
                    struct error *error) MUST_CHECK;
/* Those that `next` names, and what `before` ran (it may have to come back), stay. */
enum err copies_keep(struct tx *tx, struct str plugin, const struct remembered *next,
                     const struct remembered *before, struct error *error) MUST_CHECK;

/* removal.c: what is being removed, kept from one start to the next. */
enum err removals_open(struct plugins *plugins, struct error *error) MUST_CHECK;
enum err removals_load(struct plugins *plugins, struct error *error) MUST_CHECK;
/* Inside a unit. */
enum err removal_put(struct tx *tx, struct str plugin, enum plugin_records records, struct str file,
                     struct error *error) MUST_CHECK;
enum err removal_drop(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;

/* look.c */
void look_cancel(struct plugins *plugins); /* stopping: who waits is answered now */
void look_close(struct plugins *plugins);
bool look_busy(const struct plugins *plugins);
/* Every folder with a plugin.lua in the folders of plugins; any thread. */
typedef void (*folder_cb)(void *context, const char *folder, const char *name, bool bundled);
void look_through(const struct plugins *plugins, folder_cb each, void *context);

/* guard.c: boots that end while a plugin is loading. */
enum { BOOT_FAILURES_MAX = 2 };
/* Start-up: who was loading when the last start ended? Counts, and begins to watch this one. */
enum err guard_open(struct plugins *plugins, struct error *error) MUST_CHECK;
/* True, and it has failed, when it is left off. */
bool guard_leaves_off(struct plugin *plugin);
void guard_loading(struct plugin *plugin); /* nothing when all are up */
void guard_loaded(struct plugin *plugin);
void guard_ready(struct plugins *plugins);
/* Inside a unit: it runs, or was told to: its count begins anew. */
enum err guard_tx_forgive(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;

/* run.c */
void shells_close(struct plugins *plugins);

/* automations.c */
void automations_open(struct plugins *plugins);
void automations_close(struct plugins *plugins);
bool automations_busy(const struct plugins *plugins);
void automations_look(struct plugins *plugins);
void automations_wait(struct plugins *plugins); /* start-up: until all are up or failed */

/* change.c */
/* Start-up: the edition that was discovered is loaded and takes its place; blocks. */
void plugin_start(struct plugin *plugin);
void changes_init(struct plugins *plugins);
/* Those that wait; the one under way sees `stopping` at its next step. */
void changes_cancel(struct plugins *plugins);
bool changes_over(const struct plugins *plugins);
/* retire.c: px.stop, calls that are under way, the end of the state; in its own time. */
void edition_retire(struct edition *edition);
void plugins_stop(struct plugins *plugins);
/* Turns of the loop until *done, at most so long. */
bool plugins_wait(struct plugins *plugins, const bool *done, int64_t most_ms);

/* usage.c: what it has used since the service began. */
struct value plugin_usage(const struct plugin *plugin, struct arena *arena);

/* A running plugin's registration of this kind; walks with *position from 0. NULL at the end. */
const struct bind_registration *plugin_next(const struct plugin *plugin, enum bind_kind kind,
                                            size_t *position);

#endif
