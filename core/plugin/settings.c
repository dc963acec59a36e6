/* A plugin's settings: how the manifest declares them, and their values from the configuration.
 * Pure; any thread. */
#include "settings.h"

#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

static const struct str type_names[] = {
    STR_INIT("text"), STR_INIT("integer"),  STR_INIT("number"), STR_INIT("boolean"),
    STR_INIT("enum"), STR_INIT("duration"), STR_INIT("date"),   STR_INIT("list")};

static struct str text_at(const struct value *declared, const char *key)
{
    return value_get_text(declared, key, STR(""));
}

static double number_of(const struct value *value)
{
    return value->kind == VALUE_INT ? (double)value->integer : value->real;
}

/* Why the value does not fit its declaration; NULL when it does. */
static const char *misfit(const struct value *declared, const struct value *value)
{
    struct str type = text_at(declared, "2");
    const struct value *min = value_get_c(declared, "min");
    const struct value *max = value_get_c(declared, "max");
    if (str_is(type, "integer") || str_is(type, "number")) {
        bool whole = value->kind == VALUE_INT;
        if (!whole && (str_is(type, "integer") || value->kind != VALUE_REAL)) {
            return "is not a number of this kind";
        }
        double number = number_of(value);
        bool low = min != NULL && number < number_of(min);
        bool high = max != NULL && number > number_of(max);
        return low ? "is below its min" : high ? "is above its max" : NULL;
    }
    if (str_is(type, "boolean")) {
        return value->kind == VALUE_BOOL ? NULL : "is not true or false";
    }
    if (str_is(type, "list")) {
        bool list =
            value->kind == VALUE_LIST || (value->kind == VALUE_MAP && value->map.count == 0);
        return list ? NULL : "is not a list";
    }
    if (value->kind != VALUE_TEXT) {
        return "is not a text";
    }
    struct duration duration;
    int64_t days = 0;
    if (str_is(type, "duration")) {
        return duration_parse(value->text, &duration) == OK ? NULL : "is not a duration";
    }
    if (str_is(type, "date")) {
        return date_parse(value->text, &days) == OK ? NULL : "is not a date";
    }
    const struct value *words = value_get_c(declared, "of");
    bool among = !str_is(type, "enum");
    for (size_t i = 0; !among && words != NULL && i < words->list.count; i++) {
        among = value_equal(&words->list.items[i], value);
    }
    return among ? NULL : "is not one of its words";
}

static enum err declaration_wrong(size_t index, const char *part, const char *sentence,
                                  struct error *error)
{
    char pointer[80];
    (void)snprintf(pointer, sizeof(pointer), "plugin.lua: config[%zu]%s", index + 1, part);
    return error_at(error, ERR_MANIFEST, pointer, NULL, "%s", sentence);
}

static bool is_words(const struct value *of)
{
    bool words = of != NULL && of->kind == VALUE_LIST && of->list.count > 0;
    for (size_t i = 0; words && i < of->list.count; i++) {
        words = of->list.items[i].kind == VALUE_TEXT;
    }
    return words;
}

/* What the values are held against later must be of its own kind. */
static enum err check_bounds(const struct value *declared, size_t index, struct error *error)
{
    static const char *const bounds[] = {"min", "max"};
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        const struct value *bound = value_get_c(declared, bounds[i]);
        if (bound != NULL && bound->kind != VALUE_INT && bound->kind != VALUE_REAL) {
            char part[8];
            (void)snprintf(part, sizeof(part), ".%s", bounds[i]);
            return declaration_wrong(index, part, "is a number", error);
        }
    }
    bool words = is_words(value_get_c(declared, "of"));
    if (str_is(text_at(declared, "2"), "enum") && !words) {
        return declaration_wrong(index, ".of", "an enum needs its words: of = { \"one\", … }",
                                 error);
    }
    return OK;
}

static enum err check_one(const struct value *declared, size_t index, struct error *error)
{
    static const struct str options[] = {
        STR_INIT("1"),   STR_INIT("2"),  STR_INIT("default"), STR_INIT("min"),
        STR_INIT("max"), STR_INIT("of"), STR_INIT("label"),   STR_INIT("required")};
    if (declared->kind == VALUE_LIST && declared->list.count == 2) {
        return declaration_wrong(index, "", "a setting needs a default, or required = true", error);
    }
    struct str name = text_at(declared, "1");
    struct str type = text_at(declared, "2");
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(type_names); i++) {
        known = known || str_eq(type, type_names[i]);
    }
    if (name.len == 0 || name.len > 60 || !known) {
        enum err err = declaration_wrong(
            index, "",
            "a setting is { \"name\", \"text|integer|number|boolean|enum|duration|date|"
            "list\", default = … }",
            error);
        struct str nearest = text_nearest(str_sub(type, 0, 40), type_names, COUNT_OF(type_names));
        if (error != NULL) {
            (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
        }
        return err;
    }
    for (size_t i = 0; i < declared->map.count; i++) {
        bool option = false;
        for (size_t j = 0; j < COUNT_OF(options); j++) {
            option = option || str_eq(declared->map.entries[i].key, options[j]);
        }
        if (!option) {
            return declaration_wrong(
                index, "", "a setting has default, min, max, of, label and required", error);
        }
    }
    enum err err = check_bounds(declared, index, error);
    if (err != OK) {
        return err;
    }
    const struct value *otherwise = value_get_c(declared, "default");
    const char *why = otherwise == NULL ? NULL : misfit(declared, otherwise);
    return why == NULL ? OK : declaration_wrong(index, ".default", why, error);
}

enum err settings_check(const struct value *config, struct error *error)
{
    if (config->kind != VALUE_LIST) {
        return error_at(error, ERR_MANIFEST, "plugin.lua: config", NULL,
                        "config is a list of settings");
    }
    for (size_t i = 0; i < config->list.count; i++) {
        enum err err = check_one(&config->list.items[i], i, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* ---- values ---- */

enum err settings_names(const struct manifest *manifest, const struct value *given,
                        struct arena *arena, struct error *error)
{
    size_t count = manifest->config.list.count;
    struct str *names = ARENA_ARRAY(arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        names[i] = text_at(&manifest->config.list.items[i], "1");
    }
    for (size_t i = 0; given != NULL && given->kind == VALUE_MAP && i < given->map.count; i++) {
        struct str key = given->map.entries[i].key;
        bool known = false;
        for (size_t j = 0; j < count; j++) {
            known = known || str_eq(key, names[j]);
        }
        if (!known) {
            struct str cut = str_sub(key, 0, 60);
            struct str nearest = text_nearest(cut, names, count);
            return error_set(error, ERR_CONFIG,
                             "plugin " STR_FORMAT " has no setting " STR_FORMAT "%s" STR_FORMAT,
                             STR_ARGS(manifest->name), STR_ARGS(cut),
                             nearest.len > 0 ? "; the nearest is " : "", STR_ARGS(nearest));
        }
    }
    return OK;
}

enum err settings_values(struct arena *arena, const struct manifest *manifest,
                         const struct value *given, struct value *out_config, struct error *error)
{
    struct value config = value_map_new();
    enum err err = settings_names(manifest, given, arena, error);
    for (size_t i = 0; err == OK && i < manifest->config.list.count; i++) {
        const struct value *declared = &manifest->config.list.items[i];
        struct str name = text_at(declared, "1");
        const struct value *value = given == NULL ? NULL : value_get(given, name);
        const char *why = value == NULL ? NULL : misfit(declared, value);
        const struct value *otherwise = value_get_c(declared, "default");
        if (value == NULL && otherwise == NULL && value_get_bool(declared, "required", false)) {
            why = "is required";
        }
        if (why != NULL) {
            return error_set(error, ERR_CONFIG,
                             "setting " STR_FORMAT " of plugin " STR_FORMAT " %s", STR_ARGS(name),
                             STR_ARGS(manifest->name), why);
        }
        value = value != NULL ? value : otherwise;
        value_put(arena, &config, name, value != NULL ? *value : value_null());
    }
    if (err == OK) {
        *out_config = config;
    }
    return err;
}
