/* `plugin check`: what can be said of a plugin without running it. Main thread. */
#include "check.h"
#include "internal.h"

#include "proxenos/auth.h"
#include "proxenos/base_json.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <unistd.h>

enum { SOURCES_MAX = 64 };

/* ---- findings ---- */

/* What each finding has: a struct would have to be filled in at forty places. */
// NOLINTNEXTLINE(readability-function-size)
void check_add(struct check *check, bool error, const char *code, struct str file,
               const struct token *at, struct str nearest, const char *format, ...)
{
    if (check->count == FINDINGS_MAX) {
        return;
    }
    struct buf text;
    va_list arguments;
    buf_init(&text);
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    check->findings[check->count++] =
        (struct finding){.error = error,
                         .code = code,
                         .file = arena_str(&check->arena, file),
                         .line = at == NULL ? 0 : at->line,
                         .column = at == NULL ? 0 : at->column,
                         .message = arena_str(&check->arena, buf_str(&text)),
                         .nearest = arena_str(&check->arena, nearest)};
    check->errors += error ? 1 : 0;
    buf_deinit(&text);
}

/* "plugin.lua:12", "plugin.lua: can.read[2]", "schema: objects.box.fields[1].type". */
static void add_error(struct check *check, const struct error *error, const char *otherwise)
{
    struct str pointer = str_from(error->pointer);
    struct str file = str_from(otherwise);
    struct str path = pointer;
    struct token line = {.kind = TOKEN_END};
    const struct token *at = NULL;
    size_t colon = 0;
    int64_t number = 0;
    if (str_find(pointer, STR(":"), &colon)) {
        struct str first = str_sub(pointer, 0, colon);
        path = str_trim(str_sub(pointer, colon + 1, pointer.len));
        file = str_ends(first, STR(".lua")) ? first : file;
    }
    if (str_to_int64(path, &number) == OK) {
        line.line = (int)number;
        line.column = 1;
        at = &line;
    } else {
        at = check_place(check, file, path);
        /* The last part may be what is missing: then the place around it. */
        for (size_t end = path.len; at == NULL && end > 0; end--) {
            char c = path.at[end - 1];
            at = c == '.' || c == '[' ? check_place(check, file, str_sub(path, 0, end - 1)) : NULL;
        }
    }
    bool told = str_find(str_from(error->detail), STR("did you mean"), &colon);
    check_add(check, true, err_code(error->err), file, at,
              told ? STR("") : str_from(error->nearest), "%s",
              error->detail[0] != '\0' ? error->detail : err_text(error->err));
}

/* ---- what does not compile ---- */

static void check_syntax(struct check *check)
{
    lua_State *L = luaL_newstate();
    for (size_t i = 0; L != NULL && i < check->source.file_count; i++) {
        const struct bind_file *file = &check->source.files[i];
        char name[256];
        struct error error = {0};
        (void)snprintf(name, sizeof(name), "=" STR_FORMAT, STR_ARGS(file->name));
        if (luaL_loadbufferx(L, file->text.at, file->text.len, name, "t") != LUA_OK) {
            (void)lua_error_read(L, -1, &error);
            add_error(check, &error, file->name.at);
        }
        lua_settop(L, 0);
    }
    if (L != NULL) {
        lua_close(L);
    }
}

/* ---- the schema, with all that it builds on ---- */

struct gathered {
    struct schema_source sources[SOURCES_MAX];
    struct str names[SOURCES_MAX];
    size_t count;
};

static bool is_gathered(const struct gathered *gathered, struct str name)
{
    for (size_t i = 0; i < gathered->count; i++) {
        if (str_eq(gathered->names[i], name)) {
            return true;
        }
    }
    return false;
}

static bool find_folder(struct check *check, struct str name, struct str *out_path)
{
    const char *places[] = {arena_printf(&check->arena, "%s/..", check->folder).at,
                            check->plugins_folder};
    for (size_t i = 0; i < COUNT_OF(places) && places[i] != NULL; i++) {
        *out_path = arena_printf(&check->arena, "%s/" STR_FORMAT, places[i], STR_ARGS(name));
        struct str manifest =
            arena_printf(&check->arena, STR_FORMAT "/plugin.lua", STR_ARGS(*out_path));
        if (access(manifest.at, R_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* False: a plugin is missing, so that types would be, too. */
static bool gather(struct check *check, const struct plugin_source *source,
                   struct gathered *gathered, int depth)
{
    enum { DEPTH_MAX = 10 };
    bool all = true;
    for (size_t i = 0; i < source->need_count && depth < DEPTH_MAX; i++) {
        struct plugin_source *needed = ARENA_NEW(&check->arena, struct plugin_source);
        struct str path;
        struct error error = {0};
        if (is_gathered(gathered, source->needs[i])) {
            continue;
        }
        if (!find_folder(check, source->needs[i], &path)) {
            check_add(check, true, "dependency", STR("plugin.lua"),
                      check_place(check, STR("plugin.lua"), STR("requires")), STR(""),
                      "the plugin " STR_FORMAT
                      " is not there: --plugins DIR names the folder where it is",
                      STR_ARGS(source->needs[i]));
            all = false;
        } else if (plugin_source_read(&check->arena, path.at, needed, &error) != OK) {
            check_add(check, true, "dependency", STR("plugin.lua"), NULL, STR(""),
                      "the plugin " STR_FORMAT " cannot be used: %s %s", STR_ARGS(source->needs[i]),
                      error.pointer, error.detail);
            all = false;
        } else {
            all = gather(check, needed, gathered, depth + 1) && all; // NOLINT(misc-no-recursion)
        }
    }
    if (gathered->count < SOURCES_MAX && source->schema.kind != VALUE_NULL) {
        gathered->names[gathered->count] = source->name;
        gathered->sources[gathered->count++] =
            (struct schema_source){.plugin = source->name, .tree = source->schema};
    }
    return all;
}

/* The file that declares the type which "relations: objects.task.fields[3]" is about. */
static const char *schema_file_of(struct check *check, struct str pointer)
{
    size_t at = 0, dot = 0;
    struct str type =
        str_find(pointer, STR(": "), &at) ? str_sub(pointer, at + 2, pointer.len) : pointer;
    size_t parts = str_starts(type, STR("objects.")) ? strlen("objects.") : strlen("extend.");
    if (type.len > parts && str_find(str_sub(type, parts, type.len), STR("."), &dot)) {
        type = str_sub(type, 0, parts + dot);
    }
    for (size_t i = 0; i < check->source.file_count; i++) {
        struct str name = check->source.files[i].name;
        if (plugin_schema_file(name) && check_place(check, name, type) != NULL) {
            return arena_cstr(&check->arena, name);
        }
    }
    return "schema.lua";
}

static void check_schema(struct check *check)
{
    struct gathered *gathered = mem_zalloc(sizeof(*gathered));
    struct error error = {0};
    gathered->sources[gathered->count++] = core_schema(&check->arena);
    gathered->sources[gathered->count++] = auth_schema(&check->arena);
    bool all = gather(check, &check->source, gathered, 0);
    if (all && schema_build(gathered->sources, gathered->count, &check->schema, &check->arena,
                            &error) != OK) {
        check->schema = NULL;
        for (const struct error *one = &error; one != NULL; one = one->next) {
            add_error(check, one, schema_file_of(check, str_from(one->pointer)));
        }
    }
    mem_free(gathered);
}

/* ---- all ---- */

static int by_place(const void *a, const void *b)
{
    const struct finding *left = a, *right = b;
    int files = str_cmp(left->file, right->file);
    if (files != 0) {
        return files;
    }
    return left->line != right->line ? left->line - right->line : left->column - right->column;
}

void check_run(struct check *check, const char *folder, const char *plugins_folder)
{
    struct error error = {0};
    *check = (struct check){.folder = folder, .plugins_folder = plugins_folder};
    arena_init(&check->arena);
    if (plugin_source_read(&check->arena, folder, &check->source, &error) != OK) {
        add_error(check, &error, "plugin.lua");
        return;
    }
    if (plugin_source_file(&check->source, STR("main.lua")).at == NULL) {
        check_add(check, true, "manifest", STR("main.lua"), NULL, STR(""),
                  "the plugin has no main.lua");
    }
    check_syntax(check);
    check_schema(check);
    check_labels(check);
    check_code(check);
    qsort(check->findings, check->count, sizeof(check->findings[0]), by_place);
}

void check_deinit(struct check *check)
{
    schema_unref(check->schema);
    arena_deinit(&check->arena);
}

static void print_json(const struct check *check)
{
    struct arena arena;
    struct buf out;
    struct value rows = value_list_new();
    arena_init(&arena);
    buf_init(&out);
    for (size_t i = 0; i < check->count; i++) {
        const struct finding *finding = &check->findings[i];
        struct value row = value_map_new();
        value_put_c(&arena, &row, "severity",
                    value_text(finding->error ? STR("error") : STR("warning")));
        value_put_c(&arena, &row, "code", value_text(str_from(finding->code)));
        value_put_c(&arena, &row, "file", value_text(finding->file));
        if (finding->line > 0) {
            value_put_c(&arena, &row, "line", value_int(finding->line));
            value_put_c(&arena, &row, "column", value_int(finding->column));
        }
        value_put_c(&arena, &row, "message", value_text(finding->message));
        if (finding->nearest.len > 0) {
            value_put_c(&arena, &row, "nearest", value_text(finding->nearest));
        }
        value_push(&arena, &rows, row);
    }
    json_encode_pretty(&out, &rows);
    printf("%s\n", buf_cstr(&out));
    buf_deinit(&out);
    arena_deinit(&arena);
}

void check_print(const struct check *check, bool json)
{
    if (json) {
        print_json(check);
        return;
    }
    for (size_t i = 0; i < check->count; i++) {
        const struct finding *finding = &check->findings[i];
        printf(STR_FORMAT ":", STR_ARGS(finding->file));
        if (finding->line > 0) {
            printf("%d:%d:", finding->line, finding->column);
        }
        printf(" %s: " STR_FORMAT "%s" STR_FORMAT "%s [%s]\n", finding->error ? "error" : "warning",
               STR_ARGS(finding->message), finding->nearest.len > 0 ? "; did you mean " : "",
               STR_ARGS(finding->nearest), finding->nearest.len > 0 ? "?" : "", finding->code);
    }
    printf("%zu errors, %zu warnings\n", check->errors, check->count - check->errors);
}

int workshop_check(const struct workshop_check *asked)
{
    struct check *check = mem_zalloc(sizeof(*check));
    check_run(check, asked->folder, asked->plugins_folder);
    check_print(check, asked->json);
    bool bad = check->errors > 0 || (asked->strict && check->count > 0);
    check_deinit(check);
    mem_free(check);
    return bad ? 1 : 0;
}
