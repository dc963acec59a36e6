/* The manifest: pure data, every key known, every value of its kind, errors with their place and
 * the nearest valid word. Pure; any thread. */
#include "settings.h"

#include "proxenos/base_text.h"

struct reading {
    struct arena *arena;
    const char *file; /* in errors: "plugin.lua" */
    struct manifest *manifest;
    struct error *error;
};

static enum err wrong(const struct reading *reading, const char *place, const char *value,
                      const char *format, ...) PRINTF_LIKE(4, 5);

static enum err wrong(const struct reading *reading, const char *place, const char *value,
                      const char *format, ...)
{
    char pointer[160];
    char detail[400];
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    (void)snprintf(pointer, sizeof(pointer), "%s%s%s", reading->file, place[0] != '\0' ? ": " : "",
                   place);
    return error_at(reading->error, ERR_MANIFEST, pointer, value, "%s", detail);
}

static enum err unknown_key(const struct reading *reading, const char *place, struct str key,
                            const struct str *known, size_t count)
{
    char where[120];
    struct str cut = str_sub(key, 0, 60);
    struct str nearest = text_nearest(cut, known, count);
    (void)snprintf(where, sizeof(where), "%s%s" STR_FORMAT, place, place[0] != '\0' ? "." : "",
                   STR_ARGS(cut));
    enum err err = wrong(
        reading, where, NULL, "there is no key \"" STR_FORMAT "\"%s" STR_FORMAT "%s", STR_ARGS(cut),
        nearest.len > 0 ? "; did you mean " : "", STR_ARGS(nearest), nearest.len > 0 ? "?" : "");
    if (reading->error != NULL) {
        (void)snprintf(reading->error->nearest, sizeof(reading->error->nearest), STR_FORMAT,
                       STR_ARGS(nearest));
    }
    return err;
}

static bool is_empty_table(const struct value *value)
{
    return (value->kind == VALUE_MAP && value->map.count == 0) ||
           (value->kind == VALUE_LIST && value->list.count == 0);
}

static enum err check_keys(const struct reading *reading, const char *place,
                           const struct value *map, const struct str *known, size_t count)
{
    if (is_empty_table(map)) {
        return OK;
    }
    if (map->kind != VALUE_MAP) {
        return wrong(reading, place, NULL, "a table with names stands here");
    }
    for (size_t i = 0; i < map->map.count; i++) {
        bool found = false;
        for (size_t j = 0; j < count && !found; j++) {
            found = str_eq(map->map.entries[i].key, known[j]);
        }
        if (!found) {
            return unknown_key(reading, place, map->map.entries[i].key, known, count);
        }
    }
    return OK;
}

/* ---- values of one kind ---- */

static enum err read_text(const struct reading *reading, const struct value *map, const char *key,
                          bool required, struct str *out_text)
{
    const struct value *value = value_get_c(map, key);
    if (value == NULL || value->kind == VALUE_NULL) {
        return required ? wrong(reading, key, NULL, "%s is required", key) : OK;
    }
    if (value->kind != VALUE_TEXT || value->text.len == 0) {
        return wrong(reading, key, NULL, "%s is a text", key);
    }
    *out_text = value->text;
    return OK;
}

static enum err read_flag(const struct reading *reading, const struct value *map, const char *place,
                          const char *key, bool *out_flag)
{
    const struct value *value = value_get_c(map, key);
    if (value == NULL) {
        return OK;
    }
    if (value->kind != VALUE_BOOL) {
        return wrong(reading, place, NULL, "%s is true or false", key);
    }
    *out_flag = value->boolean;
    return OK;
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_name(struct str text)
{
    bool good =
        text.len > 0 && text.len <= PLUGIN_NAME_MAX && text.at[0] >= 'a' && text.at[0] <= 'z';
    for (size_t i = 0; i < text.len; i++) {
        good = good && word_char(text.at[i]);
    }
    return good;
}

static enum err read_texts(const struct reading *reading, const struct value *map, const char *key,
                           struct str **out_texts, size_t *out_count)
{
    const struct value *value = value_get_c(map, key);
    char place[80];
    if (value == NULL || is_empty_table(value)) {
        return OK;
    }
    if (value->kind != VALUE_LIST) {
        (void)snprintf(place, sizeof(place), "can.%s", key);
        return wrong(reading, place, NULL, "a list of texts stands here");
    }
    struct str *texts = ARENA_ARRAY(reading->arena, struct str, value->list.count);
    for (size_t i = 0; i < value->list.count; i++) {
        const struct value *item = &value->list.items[i];
        (void)snprintf(place, sizeof(place), "can.%s[%zu]", key, i + 1);
        if (item->kind != VALUE_TEXT || item->text.len == 0 || item->text.len > 200) {
            return wrong(reading, place, NULL, "a text of at most 200 bytes stands here");
        }
        texts[i] = item->text;
    }
    *out_texts = texts;
    *out_count = value->list.count;
    return OK;
}

/* ---- can ---- */

/* "organisation", "person#pii", "*" */
static enum err check_objects(const struct reading *reading, const char *key,
                              const struct str *texts, size_t count)
{
    char place[80];
    for (size_t i = 0; i < count; i++) {
        struct str object = texts[i];
        size_t hash = 0;
        bool class_known = true;
        if (str_find(object, STR("#"), &hash)) {
            struct str class = str_sub(object, hash + 1, object.len);
            class_known = str_is(class, "pii") || str_is(class, "phi") || str_is(class, "pan");
            object = str_sub(object, 0, hash);
        }
        if (!class_known || (!is_name(object) && !str_is(object, "*"))) {
            (void)snprintf(place, sizeof(place), "can.%s[%zu]", key, i + 1);
            return wrong(reading, place, arena_cstr(reading->arena, texts[i]),
                         "an object's name stands here, with #pii, #phi or #pan behind it for "
                         "fields of that class, or \"*\"");
        }
    }
    return OK;
}

static enum err check_emit(const struct reading *reading)
{
    const struct manifest *manifest = reading->manifest;
    char place[80];
    for (size_t i = 0; i < manifest->emit_count; i++) {
        size_t dot = 0;
        struct str pattern = manifest->emit[i];
        if (!str_find(pattern, STR("."), &dot) ||
            !str_eq(str_sub(pattern, 0, dot), manifest->name)) {
            (void)snprintf(place, sizeof(place), "can.emit[%zu]", i + 1);
            return wrong(reading, place, arena_cstr(reading->arena, pattern),
                         "a plugin emits events of its own: \"" STR_FORMAT ".*\"",
                         STR_ARGS(manifest->name));
        }
    }
    return OK;
}

static enum err check_net(const struct reading *reading)
{
    const struct manifest *manifest = reading->manifest;
    for (size_t i = 0; i < manifest->net_count; i++) {
        struct error inner = {0};
        char place[40];
        if (net_grant_check(manifest->net[i], &inner) != OK) {
            (void)snprintf(place, sizeof(place), "can.net[%zu]", i + 1);
            return wrong(reading, place, inner.value, "%s", inner.detail);
        }
    }
    return OK;
}

static enum err read_mail(const struct reading *reading, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool send = str_is(words[i], "send");
        if (!send && !str_is(words[i], "refuse")) {
            return wrong(reading, "can.mail", arena_cstr(reading->arena, str_sub(words[i], 0, 40)),
                         "mail is { \"send\", \"refuse\" } or one of them");
        }
        *(send ? &reading->manifest->mail_send : &reading->manifest->mail_refuse) = true;
    }
    return OK;
}

static enum err read_can(const struct reading *reading, const struct value *tree)
{
    static const struct str known[] = {
        STR_INIT("read"),         STR_INIT("write"),   STR_INIT("emit"), STR_INIT("net"),
        STR_INIT("mail"),         STR_INIT("secrets"), STR_INIT("http"), STR_INIT("schedule"),
        STR_INIT("compartments"), STR_INIT("act_as")};
    struct str *mail = NULL;
    size_t mail_count = 0;
    struct manifest *manifest = reading->manifest;
    const struct value *can = value_get_c(tree, "can");
    if (can == NULL) {
        manifest->can = value_map_new();
        return OK;
    }
    manifest->can = *can;
    enum err err = check_keys(reading, "can", can, known, COUNT_OF(known));
    const struct {
        const char *key;
        struct str **texts;
        size_t *count;
    } lists[] = {{"read", &manifest->read, &manifest->read_count},
                 {"write", &manifest->write, &manifest->write_count},
                 {"emit", &manifest->emit, &manifest->emit_count},
                 {"net", &manifest->net, &manifest->net_count},
                 {"mail", &mail, &mail_count},
                 {"secrets", &manifest->secrets, &manifest->secret_count},
                 {"compartments", &manifest->compartments, &manifest->compartment_count}};
    for (size_t i = 0; err == OK && i < COUNT_OF(lists); i++) {
        err = read_texts(reading, can, lists[i].key, lists[i].texts, lists[i].count);
    }
    if (err == OK) {
        err = read_flag(reading, can, "can.http", "http", &manifest->http);
    }
    if (err == OK) {
        err = read_flag(reading, can, "can.schedule", "schedule", &manifest->schedule);
    }
    if (err == OK) {
        err = read_flag(reading, can, "can.act_as", "act_as", &manifest->act_as);
    }
    if (err == OK) {
        err = check_objects(reading, "read", manifest->read, manifest->read_count);
    }
    if (err == OK) {
        err = check_objects(reading, "write", manifest->write, manifest->write_count);
    }
    if (err == OK) {
        err = check_net(reading);
    }
    if (err == OK) {
        err = read_mail(reading, mail, mail_count);
    }
    return err == OK ? check_emit(reading) : err;
}

/* ---- limits ---- */

static enum err read_limit_ms(const struct reading *reading, const struct value *limits,
                              const char *key, int64_t most, int *out_ms)
{
    const struct value *value = value_get_c(limits, key);
    char place[40];
    if (value == NULL) {
        return OK;
    }
    (void)snprintf(place, sizeof(place), "limits.%s", key);
    if (value->kind != VALUE_INT || value->integer < 1 || value->integer > most) {
        return wrong(reading, place, NULL, "%s is a whole number from 1 to %lld", key,
                     (long long)most);
    }
    *out_ms = (int)value->integer;
    return OK;
}

/* "32MB", "512KB" */
static enum err read_memory(const struct reading *reading, const struct value *limits)
{
    enum { LEAST_KB = 512, MOST_KB = 1 << 20 };
    const struct value *value = value_get_c(limits, "memory");
    int64_t number = 0;
    if (value == NULL) {
        return OK;
    }
    bool good = value->kind == VALUE_TEXT && value->text.len > 2;
    bool mega = good && str_ends(value->text, STR("MB"));
    good = good && (mega || str_ends(value->text, STR("KB")));
    good =
        good && str_to_int64(str_trim(str_sub(value->text, 0, value->text.len - 2)), &number) == OK;
    number = mega && number < MOST_KB ? number * 1024 : number;
    if (!good || number < LEAST_KB || number > MOST_KB) {
        return wrong(reading, "limits.memory", NULL, "memory is \"512KB\" to \"1024MB\"");
    }
    reading->manifest->limits.memory_bytes = (size_t)number * 1024;
    return OK;
}

static enum err read_limits(const struct reading *reading, const struct value *tree)
{
    static const struct str known[] = {STR_INIT("memory"), STR_INIT("slice_ms"),
                                       STR_INIT("run_ms")};
    const struct value *limits = value_get_c(tree, "limits");
    if (limits == NULL) {
        return OK;
    }
    enum err err = check_keys(reading, "limits", limits, known, COUNT_OF(known));
    if (err == OK) {
        err = read_memory(reading, limits);
    }
    if (err == OK) {
        err = read_limit_ms(reading, limits, "slice_ms", 1000, &reading->manifest->limits.slice_ms);
    }
    return err == OK
               ? read_limit_ms(reading, limits, "run_ms", 600000, &reading->manifest->limits.run_ms)
               : err;
}

/* ---- requires ---- */

static enum err read_requires(const struct reading *reading, const struct value *tree)
{
    struct manifest *manifest = reading->manifest;
    const struct value *needs = value_get_c(tree, "requires");
    if (needs == NULL || is_empty_table(needs)) {
        return OK;
    }
    if (needs->kind != VALUE_MAP) {
        return wrong(reading, "requires", NULL, "requires is { relations = \"^1.0\" }");
    }
    manifest->requires = ARENA_ARRAY(reading->arena, struct requirement, needs->map.count);
    for (size_t i = 0; i < needs->map.count; i++) {
        const struct value_entry *entry = &needs->map.entries[i];
        struct str place = arena_printf(reading->arena, "requires." STR_FORMAT,
                                        STR_ARGS(str_sub(entry->key, 0, 60)));
        if (!is_name(entry->key) || str_eq(entry->key, manifest->name)) {
            return wrong(reading, place.at, NULL, "the name of another plugin stands here");
        }
        if (entry->value.kind != VALUE_TEXT || version_range_check(entry->value.text) != OK) {
            return wrong(reading, place.at, NULL,
                         "a version stands here: \"^1.0\", \">=1.2\" or \"1.2.3\"");
        }
        manifest->requires[manifest->require_count++] =
            (struct requirement){entry->key, entry->value.text};
    }
    return OK;
}

/* ---- the whole ---- */

static enum err read_identity(const struct reading *reading, const struct value *tree,
                              struct str folder)
{
    struct manifest *manifest = reading->manifest;
    const struct value *api = value_get_c(tree, "api");
    enum err err = read_text(reading, tree, "name", true, &manifest->name);
    if (err == OK && !is_name(manifest->name)) {
        err = wrong(reading, "name", arena_cstr(reading->arena, manifest->name),
                    "a name is a-z, then a-z 0-9 and _, at most %d", PLUGIN_NAME_MAX);
    }
    if (err == OK && !str_eq(manifest->name, folder)) {
        err = wrong(reading, "name", arena_cstr(reading->arena, manifest->name),
                    "the name is not that of its folder, " STR_FORMAT, STR_ARGS(folder));
    }
    if (err == OK) {
        err = read_text(reading, tree, "version", true, &manifest->version_text);
    }
    if (err == OK && version_parse(manifest->version_text, &manifest->version) != OK) {
        err = wrong(reading, "version", arena_cstr(reading->arena, manifest->version_text),
                    "a version has three numbers: \"1.0.0\"");
    }
    if (err == OK && (api == NULL || api->kind != VALUE_INT || api->integer != 1)) {
        err = wrong(reading, "api", NULL, "api is the level that the plugin is written for: 1");
    }
    return err == OK ? read_text(reading, tree, "license", false, &manifest->license) : err;
}

static enum err read_label(const struct reading *reading, const struct value *tree)
{
    static const struct str known[] = {STR_INIT("en"), STR_INIT("el")};
    const struct value *label = value_get_c(tree, "label");
    if (label == NULL) {
        return OK;
    }
    enum err err = check_keys(reading, "label", label, known, COUNT_OF(known));
    if (err == OK) {
        reading->manifest->label.en = value_get_text(label, "en", STR(""));
        reading->manifest->label.el = value_get_text(label, "el", STR(""));
    }
    return err;
}

static enum err read_uninstall(const struct reading *reading, const struct value *tree)
{
    static const struct str words[] = {STR_INIT("keep"), STR_INIT("export"), STR_INIT("erase")};
    struct manifest *manifest = reading->manifest;
    manifest->uninstall = words[0];
    enum err err = read_text(reading, tree, "uninstall", false, &manifest->uninstall);
    for (size_t i = 0; err == OK && i < COUNT_OF(words); i++) {
        if (str_eq(manifest->uninstall, words[i])) {
            return OK;
        }
    }
    return err != OK ? err
                     : wrong(reading, "uninstall",
                             arena_cstr(reading->arena, str_sub(manifest->uninstall, 0, 40)),
                             "uninstall is keep, export or erase");
}

/* A manifest's tree: its keys are those of `known`. */
static enum err take_tree(const struct reading *reading, struct str folder,
                          const struct value *tree)
{
    static const struct str known[] = {
        STR_INIT("name"),   STR_INIT("version"),  STR_INIT("api"),       STR_INIT("license"),
        STR_INIT("label"),  STR_INIT("requires"), STR_INIT("can"),       STR_INIT("limits"),
        STR_INIT("config"), STR_INIT("default"),  STR_INIT("uninstall"), STR_INIT("description")};
    enum err (*const parts[])(const struct reading *reading, const struct value *tree) = {
        read_label, read_requires, read_can, read_limits, read_uninstall};
    enum err err = check_keys(reading, "", tree, known, COUNT_OF(known));
    if (err == OK) {
        err = read_identity(reading, tree, folder);
    }
    for (size_t i = 0; err == OK && i < COUNT_OF(parts); i++) {
        err = parts[i](reading, tree);
    }
    if (err == OK) {
        err = read_flag(reading, tree, "default", "default", &reading->manifest->enabled);
    }
    const struct value *config = value_get_c(tree, "config");
    if (err == OK && config != NULL && !is_empty_table(config)) {
        reading->manifest->config = *config;
        err = settings_check(config, reading->error);
    }
    return err;
}

enum err manifest_take(struct arena *arena, const char *file, struct str folder,
                       const struct value *tree, struct manifest *out_manifest, struct error *error)
{
    struct manifest manifest = {.config = value_list_new()};
    const struct reading reading = {
        .arena = arena, .file = file, .manifest = &manifest, .error = error};
    enum err err = take_tree(&reading, folder, tree);
    if (err == OK) {
        *out_manifest = manifest;
    }
    return err;
}

enum err manifest_read(struct arena *arena, struct str folder, struct str text,
                       struct manifest *out_manifest, struct error *error)
{
    struct value tree = value_null();
    enum err err = lua_read_data(arena, "plugin.lua", text, ERR_MANIFEST, &tree, error);
    return err != OK ? err : manifest_take(arena, "plugin.lua", folder, &tree, out_manifest, error);
}
