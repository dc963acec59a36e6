/* A plugin's folder read and checked without running anything of it: what the workshop's commands
 * look at. Any thread that may read files. */
#ifndef PROXENOS_PLUGIN_SOURCE_H
#define PROXENOS_PLUGIN_SOURCE_H

#include "proxenos/bind.h"
#include "proxenos/store_schema.h"

struct plugin_source {
    struct str name, version;
    const struct bind_file *files; /* all Lua files, by name */
    size_t file_count;
    const struct str *needs; /* names of the plugins that it requires */
    size_t need_count;
    const struct str *emit;
    size_t emit_count;
    struct plugin_rights rights;
    const struct str *net, *secrets; /* patterns of can.net, names of can.secrets */
    size_t net_count, secret_count;
    bool mail_send, mail_refuse;
    bool http, schedule; /* of `can` */
    struct lua_limits limits;
    struct label label;
    struct value can;      /* as written */
    struct value settings; /* the declarations, as written: a list */
    struct value config;   /* defaults: name → value */
    struct value schema;   /* what plugin_schema_read gives */
};
/* `folder` is a plugin's own, named as the plugin is. Lives in arena. The error's pointer names
 * file and place: ERR_IO, ERR_LIMIT, ERR_MANIFEST, ERR_SCHEMA (only what cannot be read; whether
 * the types make sense is for the store). The files are in *out_source also when what they say
 * cannot be used. */
enum err plugin_source_read(struct arena *arena, const char *folder,
                            struct plugin_source *out_source, struct error *error) MUST_CHECK;
/* The declarations of a plugin's files: schema.lua and schema/NAME.lua joined into one tree, in
 * arena; VALUE_NULL when there are none. A type declared twice, and what cannot be read, is
 * ERR_SCHEMA with file and place; whether the types make sense is for the store. Any thread. */
enum err plugin_schema_read(struct arena *arena, const struct bind_file *files, size_t file_count,
                            struct value *out_tree, struct error *error) MUST_CHECK;
/* Is this one of the files of data that a schema is in? */
bool plugin_schema_file(struct str name);
/* The text of one file; `at` is NULL when there is none. */
struct str plugin_source_file(const struct plugin_source *source, struct str name);

#endif
