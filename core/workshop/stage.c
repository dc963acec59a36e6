/* A plugin alone, from its folder or its packed file, served from a throw-away store for as long as
 * somebody asks it something: so a history is gone through by code that is nowhere installed. Main
 * thread. */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/lua_value.h"
#include "proxenos/plugin_bundle.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

struct stage {
    const struct workshop_stage *asked;
    struct arena arena;
    struct plugin_source source;
    struct test_env env;
    struct links links;
    struct world world;
    struct recorder *recorder;
    const char *folder; /* the plugin's */
    char scratch[SCRATCH_PATH_MAX], plugins[SCRATCH_PATH_MAX];
};

/* ---- a packed file ---- */

/* One byte more than a bundle may have is enough to say so. */
static enum err read_file(struct arena *arena, const char *path, struct str *out_text,
                          struct error *error)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return error_set(error, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    }
    struct buf text;
    buf_init(&text);
    size_t got = 1;
    while (got > 0 && text.len <= BUNDLE_BYTES_MAX) {
        got = fread(buf_reserve(&text, 65536), 1, 65536, file);
        text.len += got;
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    *out_text = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return broken ? error_set(error, ERR_IO, "%s cannot be read", path) : OK;
}

/* A folder is named as its plugin is: what the manifest says must be one part of a path. */
static enum err name_of(struct stage *stage, const struct bundle *bundle, struct str *out_name,
                        struct error *error)
{
    size_t slash = 0;
    struct value manifest = value_null();
    struct str text = bundle_find(bundle, STR("plugin.lua"));
    enum err err =
        text.at == NULL
            ? error_at(error, ERR_MANIFEST, "plugin.lua", NULL, "there is none in it")
            : lua_read_data(&stage->arena, "plugin.lua", text, ERR_MANIFEST, &manifest, error);
    struct str name = err == OK ? value_get_text(&manifest, "name", STR("")) : STR("");
    bool plain = name.len > 0 && name.at[0] != '.' && !str_find(name, STR("/"), &slash);
    if (err == OK && !plain) {
        err = error_at(error, ERR_MANIFEST, "plugin.lua", NULL, "it has no name");
    }
    *out_name = name;
    return err;
}

static enum err unpack(struct stage *stage, struct error *error)
{
    struct str tar, name;
    struct bundle bundle;
    enum err err = read_file(&stage->arena, stage->asked->folder, &tar, error);
    err = err == OK ? bundle_read(&stage->arena, tar, &bundle, error) : err;
    err = err == OK ? name_of(stage, &bundle, &name, error) : err;
    if (err != OK) {
        return err;
    }
    struct str parent = arena_printf(&stage->arena, "%s/unpacked", stage->scratch);
    stage->folder = arena_printf(&stage->arena, "%s/" STR_FORMAT, parent.at, STR_ARGS(name)).at;
    if (mkdir(parent.at, 0700) != 0) {
        return error_set(error, ERR_IO, "%s: %s", parent.at, strerror(errno));
    }
    return bundle_unpack(&bundle, stage->folder, error);
}

/* ---- the whole ---- */

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static enum err find(struct stage *stage, struct error *error)
{
    stage->folder = stage->asked->folder;
    enum err err = scratch_make(stage->scratch, error);
    err = err == OK && !is_folder(stage->folder) ? unpack(stage, error) : err;
    err = err == OK ? plugin_source_read(&stage->arena, stage->folder, &stage->source, error) : err;
    if (err != OK) {
        return err;
    }
    (void)snprintf(stage->plugins, sizeof(stage->plugins), "%s/plugins", stage->scratch);
    stage->links = (struct links){.arena = &stage->arena,
                                  .plugin = stage->folder,
                                  .plugins = stage->asked->plugins_folder,
                                  .folder = stage->plugins};
    return links_make(&stage->links, &stage->source, error);
}

/* What it asks outside when it begins goes nowhere. */
static enum err open_stage(struct stage *stage, struct error *error)
{
    enum err err = log_configure(STR("error"), false, error);
    err = err == OK ? find(stage, error) : err;
    if (err != OK) {
        return err;
    }
    struct world_options options = {.scratch = stage->scratch,
                                    .plugins = stage->plugins,
                                    .enable = stage->links.names,
                                    .enable_count = stage->links.count,
                                    .env = &stage->env,
                                    .recorder = stage->recorder};
    err = world_open(&stage->world, &options, error);
    err = err == OK ? world_settle(&stage->world, error) : err;
    return err == OK ? world_runs(&stage->world, stage->source.name, error) : err;
}

static int serve(struct stage *stage)
{
    char socket[SCRATCH_PATH_MAX + 32];
    char name[TEST_NAME_MAX];
    (void)snprintf(socket, sizeof(socket), "%s/proxenos.sock", stage->world.folder);
    (void)snprintf(name, sizeof(name), STR_FORMAT, STR_ARGS(stage->source.name));
    return stage->asked->served(stage->asked->context, name, socket);
}

int workshop_stage(const struct workshop_stage *asked)
{
    struct stage *stage = mem_zalloc(sizeof(*stage));
    struct error error = {0};
    int code = 1;
    stage->asked = asked;
    arena_init(&stage->arena);
    test_env_init(&stage->env, 1);
    stage->recorder = recorder_new();
    if (open_stage(stage, &error) == OK) {
        code = serve(stage);
    } else {
        fprintf(stderr, "proxenos: %s: %s%s%s\n  %s: %s\n", asked->folder, error.pointer,
                error.pointer[0] != '\0' ? ": " : "", error.detail, err_code(error.err),
                err_advice(error.err));
    }
    world_close(&stage->world);
    recorder_free(stage->recorder);
    if (stage->scratch[0] != '\0') {
        scratch_remove(stage->scratch);
    }
    test_env_deinit(&stage->env);
    arena_deinit(&stage->arena);
    mem_free(stage);
    return code;
}
