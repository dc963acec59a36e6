/* Shared inside core/plugin. Loop thread, all of it. */
#ifndef PROXENOS_PLUGIN_INTERNAL_H
#define PROXENOS_PLUGIN_INTERNAL_H

#include "proxenos/bind.h"
#include "proxenos/plugin.h"

enum {
    PLUGINS_MAX = 200,
    PLUGIN_FILES_MAX = 500,
    PLUGIN_BYTES_MAX = 8 << 20, /* all Lua files of one plugin */
    PLUGIN_NAME_MAX = 40,
};

/* ---- manifest ---- */

struct version {
    int part[3];
};
/* "1.4.0". ERR_INVALID. */
enum err version_parse(struct str text, struct version *out_version) MUST_CHECK;
/* "^1.2" (the same major, at least this; below 1 the same minor), ">=1.2", "1.2.3" (this one). */
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
    bool http, schedule, enabled;
    struct lua_limits limits;
    struct value config; /* list of declarations, as written */
    struct value can;    /* as written, for showing and for the grant's hash */
    struct str uninstall;
};
/* Reads and checks plugin.lua of the folder `folder`. ERR_MANIFEST with "plugin.lua:12" or
 * "plugin.lua: can.read[2]" and the nearest valid word. */
enum err manifest_read(struct arena *arena, struct str folder, struct str text,
                       struct manifest *out_manifest, struct error *error) MUST_CHECK;
/* ---- plugins ---- */

enum plugin_status {
    PLUGIN_RUNNING,
    PLUGIN_DISABLED,
    PLUGIN_FAILED,
    PLUGIN_SUSPENDED,
    PLUGIN_WAITING, /* for its capabilities to be granted */
};

struct plugin {
    struct plugins *plugins;
    struct arena arena; /* manifest, files, error */
    char name[PLUGIN_NAME_MAX + 1];
    bool bundled;
    bool asked; /* enabled by name: the operator has looked at it */
    struct manifest manifest;
    bool has_manifest;
    struct bind_file *files;
    size_t file_count;
    struct value schema; /* schema.lua's tree; VALUE_NULL: none */
    enum plugin_status status;
    struct error error; /* why it failed or waits */
    int mark;           /* of the ordering */
    struct bind_host *host;
    struct subscription **subscriptions;
    size_t subscription_count;
    bool started, closed;
};

struct plugins {
    struct plugins_options options;
    struct arena arena;
    struct bind *bind;
    struct plugin *list[PLUGINS_MAX]; /* in dependency order once ordered */
    size_t count;
    bool stopping;
};

/* discover.c: every folder with a plugin.lua becomes a plugin, its files read. */
void plugins_discover(struct plugins *plugins);
struct plugin *plugins_find(const struct plugins *plugins, struct str name);
/* Names the failure in the log and keeps it. */
void plugin_fail(struct plugin *plugin, const struct error *error);

/* order.c: dependencies before dependents. Who lacks one, or is in a cycle, fails. Only enabled
 * ones are looked at. */
void plugins_order(struct plugins *plugins);
/* Fails those that need a failed or disabled one; again until nothing changes. */
void plugins_fail_dependents(struct plugins *plugins);

/* state.c: what is remembered of each plugin. */
enum err plugins_open_state(struct plugins *plugins, struct error *error) MUST_CHECK;
/* Grants: given to bundled ones and to those enabled by name, otherwise the plugin waits. Stores
 * version and state of all. */
enum err plugins_grant(struct plugins *plugins, struct error *error) MUST_CHECK;

/* schemas.c: one change for all; a plugin whose schema is broken fails and the others go on. */
enum err plugins_apply_schemas(struct plugins *plugins, struct error *error) MUST_CHECK;

/* start.c */
void plugin_start(struct plugin *plugin);
void plugins_stop(struct plugins *plugins);
/* Turns of the loop until *done, at most so long. */
bool plugins_wait(struct plugins *plugins, const bool *done, int64_t most_ms);

/* A running plugin's registration of this kind; walks with *position from 0. NULL at the end. */
const struct bind_registration *plugin_next(const struct plugin *plugin, enum bind_kind kind,
                                            size_t *position);

#endif
