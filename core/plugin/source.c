/* A plugin's folder as data: manifest, files, schema, the defaults of its settings. Any thread that
 * may read files. */
#include "proxenos/plugin_source.h"

#include "proxenos/plugin_bundle.h"
#include "settings.h"

#include <errno.h>
#include <stdlib.h>

/* The name of the folder, whatever it is called by: ".", "visits/". */
static enum err name_of(struct arena *arena, const char *folder, struct str *out_path,
                        struct str *out_name, struct error *error)
{
    char *real = realpath(folder, NULL);
    if (real == NULL) {
        return error_set(error, ERR_IO, "%s cannot be read: %s", folder, strerror(errno));
    }
    *out_path = arena_str(arena, str_from(real));
    free(real); // NOLINT: made by realpath
    size_t slash = out_path->len;
    while (slash > 0 && out_path->at[slash - 1] != '/') {
        slash--;
    }
    *out_name = str_sub(*out_path, slash, out_path->len);
    return OK;
}

static void keep_files(struct arena *arena, const struct bundle *bundle,
                       struct plugin_source *source)
{
    struct bind_file *files = ARENA_ARRAY(arena, struct bind_file, bundle->count + 1);
    for (size_t i = 0; i < bundle->count; i++) {
        if (str_ends(bundle->files[i].name, STR(".lua"))) {
            files[source->file_count++] =
                (struct bind_file){bundle->files[i].name, bundle->files[i].text};
        }
    }
    source->files = files;
}

static void keep_manifest(struct arena *arena, const struct manifest *manifest,
                          struct plugin_source *source)
{
    struct str *needs = ARENA_ARRAY(arena, struct str, manifest->require_count + 1);
    for (size_t i = 0; i < manifest->require_count; i++) {
        needs[i] = manifest->requires[i].name;
    }
    source->name = manifest->name;
    source->version = manifest->version_text;
    source->needs = needs;
    source->need_count = manifest->require_count;
    source->emit = manifest->emit;
    source->emit_count = manifest->emit_count;
    source->net = manifest->net;
    source->net_count = manifest->net_count;
    source->secrets = manifest->secrets;
    source->secret_count = manifest->secret_count;
    source->mail_send = manifest->mail_send;
    source->mail_refuse = manifest->mail_refuse;
    source->http = manifest->http;
    source->schedule = manifest->schedule;
    source->limits = manifest->limits;
    source->label = manifest->label;
    source->can = manifest->can;
    source->settings = manifest->config;
    source->rights = (struct plugin_rights){.name = manifest->name,
                                            .read = manifest->read,
                                            .write = manifest->write,
                                            .read_count = manifest->read_count,
                                            .write_count = manifest->write_count,
                                            .http = manifest->http,
                                            .compartments = STR("")};
}

struct str plugin_source_file(const struct plugin_source *source, struct str name)
{
    for (size_t i = 0; i < source->file_count; i++) {
        if (str_eq(source->files[i].name, name)) {
            return source->files[i].text;
        }
    }
    return (struct str){NULL, 0};
}

enum err plugin_source_read(struct arena *arena, const char *folder,
                            struct plugin_source *out_source, struct error *error)
{
    struct str path = STR(""), name = STR("");
    struct bundle bundle = {0};
    struct manifest manifest = {0};
    struct plugin_source source = {.schema = value_null()};
    enum err err = name_of(arena, folder, &path, &name, error);
    if (err == OK) {
        err = bundle_gather(arena, path.at, &bundle, error);
    }
    if (err != OK) {
        return err;
    }
    keep_files(arena, &bundle, &source);
    *out_source = source;
    struct str text = plugin_source_file(&source, STR("plugin.lua"));
    if (text.at == NULL) {
        return error_set(error, ERR_MANIFEST, "there is no plugin.lua in %s", folder);
    }
    err = manifest_read(arena, name, text, &manifest, error);
    if (err == OK) {
        keep_manifest(arena, &manifest, &source);
        err = settings_values(arena, &manifest, NULL, &source.config, error);
    }
    if (err == OK) {
        err = plugin_schema_read(arena, source.files, source.file_count, &source.schema, error);
    }
    if (err == OK) {
        *out_source = source;
    }
    return err;
}
