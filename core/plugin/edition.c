/* Editions: one set of a plugin's files, read into memory so that nothing is read while it runs,
 * and the state that it becomes. Reading: start-up or a lane; the rest: loop. */
#include "proxenos/plugin_bundle.h"
#include "proxenos/plugin_source.h"
#include "settings.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct edition *edition_new(struct plugin *plugin)
{
    struct edition *edition = mem_zalloc(sizeof(*edition));
    edition->plugin = plugin;
    edition->folder = "";
    edition->schema = value_null();
    arena_init(&edition->arena);
    list_node_init(&edition->retiring);
    return edition;
}

void edition_free(struct edition *edition)
{
    if (edition == NULL) {
        return;
    }
    ASSERT(edition->host == NULL && edition->joined_count == 0);
    arena_deinit(&edition->arena);
    mem_free(edition);
}

/* ---- files ---- */

enum err source_read(struct arena *arena, const char *path, size_t most, struct str *out_text,
                     struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set(error, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    struct buf text;
    buf_init(&text);
    size_t got = 1;
    while (got > 0 && text.len <= most) {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    enum err err = OK;
    if (broken) {
        err = error_set(error, ERR_IO, "%s cannot be read", path);
    } else if (text.len > most) {
        err = error_set(error, ERR_LIMIT, "%s is too large: Lua files are at most %zu KiB here",
                        path, most >> 10);
    } else {
        *out_text = arena_str(arena, buf_str(&text));
    }
    buf_deinit(&text);
    return err;
}

struct gathering {
    struct edition *edition;
    size_t bytes;
    struct bind_file *files;
    struct error *error;
};

/* Lua, and templates of mails. */
static bool is_wanted(struct str name)
{
    size_t slash = 0;
    bool template = str_starts(name, STR("mail/")) && str_ends(name, STR(".txt")) &&
                    !str_find(str_sub(name, 5, name.len), STR("/"), &slash);
    return str_ends(name, STR(".lua")) || template;
}

static enum err gather(struct gathering *gathering, const char *folder, const char *prefix,
                       int depth);

static enum err gather_one(struct gathering *gathering, const char *folder, const char *prefix,
                           const char *name, int depth)
{
    struct edition *edition = gathering->edition;
    char path[4096];
    char inner[512];
    struct stat facts;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)snprintf(inner, sizeof(inner), "%s%s", prefix, name);
    if (name[0] == '.' || stat(path, &facts) != 0) {
        return OK;
    }
    if (S_ISDIR(facts.st_mode)) {
        enum { DEPTH_MAX = 4 };
        (void)snprintf(inner, sizeof(inner), "%s%s/", prefix, name);
        return depth < DEPTH_MAX ? gather(gathering, path, inner, depth + 1) : OK;
    }
    if (!S_ISREG(facts.st_mode) || !is_wanted(str_from(inner))) {
        return OK;
    }
    if (edition->file_count == PLUGIN_FILES_MAX) {
        return error_set(gathering->error, ERR_LIMIT, "a plugin has at most %d files",
                         PLUGIN_FILES_MAX);
    }
    struct bind_file *file = &gathering->files[edition->file_count];
    enum err err = source_read(&edition->arena, path, PLUGIN_BYTES_MAX - gathering->bytes,
                               &file->text, gathering->error);
    if (err == OK) {
        file->name = arena_str(&edition->arena, str_from(inner));
        gathering->bytes += file->text.len;
        edition->file_count++;
    }
    return err;
}

static enum err gather(struct gathering *gathering, const char *folder, const char *prefix,
                       int depth)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    enum err err = OK;
    for (int i = 0; i < count; i++) {
        if (err == OK) {
            err = gather_one(gathering, folder, prefix, entries[i]->d_name, depth);
        }
        free(entries[i]); // NOLINT: made by scandir
    }
    free(entries); // NOLINT: made by scandir
    return err;
}

static struct str file_text(const struct edition *edition, const char *name, bool *out_there)
{
    for (size_t i = 0; i < edition->file_count; i++) {
        if (str_is(edition->files[i].name, name)) {
            *out_there = true;
            return edition->files[i].text;
        }
    }
    *out_there = false;
    return STR("");
}

/* ---- one edition ---- */

/* Names that stand for something else where a plugin is named. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"core", "auth", "run", "shell", "custom"};
    bool reserved = false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        reserved = reserved || strcmp(name, names[i]) == 0;
    }
    return reserved;
}

static int by_number(const void *a, const void *b)
{
    const struct migration_file *left = a;
    const struct migration_file *right = b;
    return left->number - right->number;
}

/* migrations/NNNN-name.lua, pure data as the schema is. */
static enum err take_migrations(struct edition *edition, struct error *error)
{
    struct str prefix = STR("migrations/");
    enum err err = OK;
    edition->migrations =
        ARENA_ARRAY(&edition->arena, struct migration_file, edition->file_count + 1);
    for (size_t i = 0; i < edition->file_count && err == OK; i++) {
        const struct bind_file *file = &edition->files[i];
        struct value tree = value_null();
        if (!str_starts(file->name, prefix)) {
            continue;
        }
        if (edition->migration_count == MIGRATION_FILES_MAX) {
            return error_set(error, ERR_LIMIT, "a plugin has at most %d migrations",
                             MIGRATION_FILES_MAX);
        }
        err = lua_read_data(&edition->arena, arena_cstr(&edition->arena, file->name), file->text,
                            ERR_SCHEMA, &tree, error);
        if (err == OK) {
            err = migration_take(str_from(edition->plugin->name),
                                 str_sub(file->name, prefix.len, file->name.len), file->text, &tree,
                                 &edition->migrations[edition->migration_count++], error);
        }
    }
    qsort(edition->migrations, edition->migration_count, sizeof(struct migration_file), by_number);
    return err;
}

/* What its files say: manifest, schema, migrations. */
static enum err take_files(struct edition *edition, struct error *error)
{
    bool there = false;
    if (is_reserved(edition->plugin->name)) {
        return error_at(error, ERR_MANIFEST, "plugin.lua: name", edition->plugin->name,
                        "this name is not for plugins");
    }
    struct str text = file_text(edition, "plugin.lua", &there);
    if (!there) {
        return error_set(error, ERR_MANIFEST, "there is no plugin.lua in %s", edition->folder);
    }
    enum err err = manifest_read(&edition->arena, str_from(edition->plugin->name), text,
                                 &edition->manifest, error);
    if (err != OK) {
        return err;
    }
    edition->has_manifest = true;
    err = plugin_schema_read(&edition->arena, edition->files, edition->file_count, &edition->schema,
                             error);
    return err == OK ? take_migrations(edition, error) : err;
}

enum err edition_read(struct edition *edition, const char *folder, struct error *error)
{
    struct gathering gathering = {.edition = edition, .error = error};
    edition->folder = arena_cstr(&edition->arena, str_from(folder));
    gathering.files = ARENA_ARRAY(&edition->arena, struct bind_file, PLUGIN_FILES_MAX);
    edition->files = gathering.files;
    enum err err = gather(&gathering, folder, "", 0);
    return err == OK ? take_files(edition, error) : err;
}

enum err edition_take_bundle(struct edition *edition, const struct bundle *bundle,
                             const char *folder, struct error *error)
{
    struct bind_file *files = ARENA_ARRAY(&edition->arena, struct bind_file, bundle->count + 1);
    size_t bytes = 0;
    edition->folder = arena_cstr(&edition->arena, str_from(folder));
    edition->files = files;
    for (size_t i = 0; i < bundle->count; i++) {
        const struct bundle_file *file = &bundle->files[i];
        if (!is_wanted(file->name)) {
            continue;
        }
        bytes += file->text.len; /* at most BUNDLE_BYTES_MAX in all */
        files[edition->file_count++] =
            (struct bind_file){.name = arena_str(&edition->arena, file->name),
                               .text = arena_str(&edition->arena, file->text)};
    }
    if (bytes > PLUGIN_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "the Lua files of a plugin are at most %d MiB",
                         PLUGIN_BYTES_MAX >> 20);
    }
    return take_files(edition, error);
}

enum err edition_read_file(struct edition *edition, const char *path, struct error *error)
{
    const struct plugin *plugin = edition->plugin;
    struct bind_file *file = ARENA_NEW(&edition->arena, struct bind_file);
    edition->folder = arena_cstr(&edition->arena, str_from(path));
    file->name = arena_str(&edition->arena, str_from(plugin->file));
    enum err err = source_read(&edition->arena, path, LUA_SOURCE_MAX, &file->text, error);
    if (err != OK) {
        return err;
    }
    edition->files = file;
    edition->file_count = 1;
    edition->main = file->name.at;
    err = header_read(&edition->arena, str_from(plugin->name), edition->main, file->text,
                      &edition->manifest, error);
    edition->has_manifest = err == OK;
    return err;
}

enum err edition_take_head(struct edition *edition, const char *file, struct str head,
                           struct error *error)
{
    struct bind_file *main = ARENA_NEW(&edition->arena, struct bind_file);
    *main = (struct bind_file){.name = STR("main.lua"), .text = STR("")};
    edition->files = main;
    edition->file_count = 1;
    enum err err = header_read(&edition->arena, str_from(edition->plugin->name), file, head,
                               &edition->manifest, error);
    edition->has_manifest = err == OK;
    return err;
}

/* ---- its state ---- */

struct plugin_rights edition_rights(struct edition *edition)
{
    const struct manifest *manifest = &edition->manifest;
    struct buf names;
    buf_init(&names);
    for (size_t i = 0; i < manifest->compartment_count; i++) {
        buf_printf(&names, "%s" STR_FORMAT, i > 0 ? "," : "", STR_ARGS(manifest->compartments[i]));
    }
    struct plugin_rights rights = {.name = str_from(edition->plugin->name),
                                   .read = manifest->read,
                                   .write = manifest->write,
                                   .read_count = manifest->read_count,
                                   .write_count = manifest->write_count,
                                   .http = manifest->http,
                                   .version = manifest->version_text,
                                   .compartments = arena_str(&edition->arena, buf_str(&names))};
    buf_deinit(&names);
    return rights;
}

static void on_suspend(void *context)
{
    struct edition *edition = context;
    struct plugin *plugin = edition->plugin;
    struct error error = {0};
    if (plugin->edition != edition || !edition->started) {
        return; /* another one has its place already */
    }
    (void)error_set(&error, ERR_SUSPENDED,
                    "it was stopped by force %d times within ten minutes; its events wait until "
                    "`proxenos plugin enable %s`",
                    PLUGIN_KILLS_MAX, plugin->name);
    edition_pause(edition);
    plugin_fail(plugin, &error);
    plugin->status = PLUGIN_SUSPENDED;
    plugin_tell(plugin, "plugin.suspended");
}

enum err edition_open(struct edition *edition, struct error *error)
{
    struct plugin *plugin = edition->plugin;
    const struct manifest *manifest = &edition->manifest;
    const struct plugins_options *options = &plugin->plugins->options;
    struct value given = plugins_given(plugin->plugins, str_from(plugin->name), &edition->arena);
    struct plugin_rights rights = edition_rights(edition);
    enum err err = settings_values(&edition->arena, manifest, &given, &edition->config, error);
    if (err != OK) {
        return err;
    }
    /* Words of `can` that mean nothing are told now, not at the first read. */
    const struct scope *scope = auth_plugin_scope(options->auth, &rights, error);
    if (scope == NULL) {
        error_prefix(error, "can: ");
        return error->err;
    }
    scope_unref(scope);
    struct bind_slot **needs =
        ARENA_ARRAY(&edition->arena, struct bind_slot *, manifest->require_count + 1);
    for (size_t i = 0; i < manifest->require_count; i++) {
        needs[i] = plugins_find(plugin->plugins, manifest->requires[i].name)->slot;
    }
    struct bind_host_options host = {.rights = rights,
                                     .needs = needs,
                                     .need_count = manifest->require_count,
                                     .emit = manifest->emit,
                                     .emit_count = manifest->emit_count,
                                     .schedule = manifest->schedule,
                                     .secrets = manifest->secrets,
                                     .secret_count = manifest->secret_count,
                                     .act_as = manifest->act_as,
                                     .net = manifest->net,
                                     .net_count = manifest->net_count,
                                     .mail_send = manifest->mail_send,
                                     .mail_refuse = manifest->mail_refuse,
                                     .limits = manifest->limits,
                                     .config = edition->config,
                                     .files = edition->files,
                                     .file_count = edition->file_count,
                                     .main = edition->main,
                                     .read_only = edition->read_only,
                                     .version = manifest->version_text};
    edition->host = bind_host_new(plugin->plugins->bind, &host);
    bind_host_on_suspend(edition->host, on_suspend, edition);
    return OK;
}

const struct bind_registration *edition_next(const struct edition *edition, enum bind_kind kind,
                                             size_t *position)
{
    size_t count = 0;
    const struct bind_registration *all =
        edition->host == NULL ? NULL : bind_host_registrations(edition->host, &count);
    while (*position < count) {
        const struct bind_registration *one = &all[(*position)++];
        if (one->kind == kind) {
            return one;
        }
    }
    return NULL;
}
