/* Files of migrations: their names, and what a step says. Pure; any thread. */
#include "migration.h"

#include <stdarg.h>
#include <stdio.h>

const char *const migration_words[] = {"rename", "narrow", "change", "drop"};

static enum err wrong_file(struct str plugin, struct str name, int step, struct error *error,
                           const char *sentence)
{
    char pointer[160];
    int used = snprintf(pointer, sizeof(pointer), STR_FORMAT ": migrations/" STR_FORMAT,
                        STR_ARGS(plugin), STR_ARGS(str_sub(name, 0, 80)));
    if (step > 0 && used > 0 && (size_t)used < sizeof(pointer)) {
        (void)snprintf(pointer + used, sizeof(pointer) - (size_t)used, ": step %d", step);
    }
    return error_at(error, ERR_SCHEMA, pointer, NULL, "%s", sentence);
}

enum err migration_refuse(const struct migration_step *step, struct error *error,
                          const char *format, ...)
{
    char sentence[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return wrong_file(step->file->plugin, step->file->name, step->position, error, sentence);
}

/* "0002-amount.lua" */
static bool read_name(struct str name, int *out_number)
{
    int number = 0;
    bool good = name.len > 9 && name.len <= MIGRATION_NAME_MAX && name.at[4] == '-' &&
                str_ends(name, STR(".lua"));
    for (size_t i = 0; good && i < 4; i++) {
        good = name.at[i] >= '0' && name.at[i] <= '9';
        number = number * 10 + (name.at[i] - '0');
    }
    for (size_t i = 5; good && i < name.len - 4; i++) {
        char one = name.at[i];
        good = (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9') || one == '-' || one == '_';
    }
    *out_number = number;
    return good && number > 0;
}

enum err migration_take(struct str plugin, struct str name, struct str text,
                        const struct value *tree, struct migration_file *out_file,
                        struct error *error)
{
    *out_file = (struct migration_file){.plugin = plugin, .name = name, .steps = *tree};
    if (!read_name(name, &out_file->number)) {
        return wrong_file(
            plugin, name, 0, error,
            "a migration is called 0001-what-it-does.lua: four digits, then a-z, 0-9, "
            "- and _");
    }
    if (tree->kind != VALUE_LIST || tree->list.count == 0 ||
        tree->list.count > MIGRATION_STEPS_MAX) {
        return wrong_file(
            plugin, name, 0, error,
            "a migration is a list of 1 to 200 steps: { { rename = \"contract.value\", "
            "to = \"amount\" }, … }");
    }
    hash_of(text.at, text.len, out_file->hash);
    struct arena arena;
    struct migration_step step;
    enum err err = OK;
    arena_init(&arena);
    for (size_t i = 0; i < tree->list.count && err == OK; i++) {
        err = migration_step_read(&arena, out_file, (int)i + 1, &step, error);
    }
    arena_deinit(&arena);
    return err;
}

/* ---- one step ---- */

static enum err read_kind(const struct value *tree, struct migration_step *step,
                          struct str *out_field, struct error *error)
{
    int found = 0;
    for (int i = MIGRATE_RENAME; i <= MIGRATE_DROP; i++) {
        const struct value *named = value_get_c(tree, migration_words[i]);
        if (named != NULL && named->kind == VALUE_TEXT) {
            step->kind = (enum migration_kind)i;
            *out_field = named->text;
            found++;
        }
    }
    return found == 1 ? OK
                      : migration_refuse(step, error,
                                         "a step is one of rename, narrow, change and drop, with "
                                         "the field: { drop = \"contract.old\" }");
}

/* Which keys a kind of step has beside itself. */
static enum err check_keys(const struct value *tree, const struct migration_step *step,
                           struct error *error)
{
    static const char *const keys[] = {[MIGRATE_RENAME] = " rename to ",
                                       [MIGRATE_NARROW] = " narrow on_misfit ",
                                       [MIGRATE_CHANGE] = " change expr map on_misfit ",
                                       [MIGRATE_DROP] = " drop "};
    for (size_t i = 0; i < tree->map.count; i++) {
        char word[64];
        size_t at = 0;
        (void)snprintf(word, sizeof(word), " " STR_FORMAT " ",
                       STR_ARGS(str_sub(tree->map.entries[i].key, 0, 40)));
        if (!str_find(str_from(keys[step->kind]), str_from(word), &at)) {
            return migration_refuse(step, error, "\"" STR_FORMAT "\" means nothing for %s",
                                    STR_ARGS(str_sub(tree->map.entries[i].key, 0, 40)),
                                    migration_words[step->kind]);
        }
    }
    return OK;
}

static enum err read_change(struct arena *arena, const struct value *tree,
                            struct migration_step *step, struct error *error)
{
    const struct value *source = value_get_c(tree, "expr");
    struct expr *expr = NULL;
    struct error reason = {0};
    step->map = value_get_c(tree, "map");
    if (step->map != NULL && (step->map->kind != VALUE_MAP || source != NULL)) {
        return migration_refuse(step, error, "map is { old = \"new\" }, and goes without expr");
    }
    if (source == NULL) {
        return OK;
    }
    if (source->kind != VALUE_TEXT || expr_compile(arena, source->text, &expr, &reason) != OK) {
        return migration_refuse(step, error, "expr: %s %s",
                                source->kind == VALUE_TEXT ? reason.detail : "is a text",
                                reason.pointer);
    }
    step->expr = expr;
    return OK;
}

enum err migration_step_read(struct arena *arena, const struct migration_file *file, int position,
                             struct migration_step *out, struct error *error)
{
    const struct value *tree = &file->steps.list.items[position - 1];
    struct str path = STR("");
    size_t point = 0;
    *out = (struct migration_step){.file = file, .position = position};
    if (tree->kind != VALUE_MAP) {
        return migration_refuse(out, error, "a step is a table: { drop = \"contract.old\" }");
    }
    enum err err = read_kind(tree, out, &path, error);
    err = err == OK ? check_keys(tree, out, error) : err;
    if (err == OK && !str_find(path, STR("."), &point)) {
        err =
            migration_refuse(out, error, "name the field with its object type: \"contract.value\"");
    }
    if (err != OK) {
        return err;
    }
    out->object = str_sub(path, 0, point);
    out->field = str_sub(path, point + 1, path.len);
    out->to = value_get_text(tree, "to", STR(""));
    out->on_misfit = value_get_c(tree, "on_misfit");
    if (out->kind == MIGRATE_RENAME && out->to.len == 0) {
        return migration_refuse(out, error, "say what it is called now: to = \"amount\"");
    }
    return out->kind == MIGRATE_CHANGE ? read_change(arena, tree, out, error) : OK;
}
