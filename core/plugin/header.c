/* The head of an automation: comment lines at its top that begin with "--%" hold manifest fields as
 * Lua data. What nobody writes there is the same for all automations: they may read and write all
 * business objects (no classed fields, nothing of users, roles and tokens), emit events of their
 * own, and schedule. Pure; any thread. */
#include "settings.h"

static const struct str mark = STR_INIT("--%");

/* The text of the head as Lua, line for line, so that errors name the file's own lines. */
static void head_text(struct str text, struct buf *out)
{
    struct str rest = text, line;
    while (str_split(&rest, '\n', &line)) {
        struct str trimmed = str_trim(line);
        if (trimmed.len > 0 && !str_starts(trimmed, STR("--"))) {
            break;
        }
        if (str_starts(trimmed, mark)) {
            buf_append_str(out, str_sub(trimmed, mark.len, trimmed.len));
        }
        buf_append_char(out, '\n');
    }
    buf_append_str(out, STR("return _ENV\n"));
}

static enum err check_head(const struct value *tree, const char *file, struct error *error)
{
    static const char *const known[] = {"can", "limits", "label", "description", "requires"};
    for (size_t i = 0; tree->kind == VALUE_MAP && i < tree->map.count; i++) {
        struct str key = tree->map.entries[i].key;
        bool good = false;
        for (size_t k = 0; k < COUNT_OF(known); k++) {
            good = good || str_is(key, known[k]);
        }
        if (!good) {
            return error_at(error, ERR_MANIFEST, file, NULL,
                            "the head of an automation has can, limits, label, description and "
                            "requires, not \"" STR_FORMAT "\"",
                            STR_ARGS(str_sub(key, 0, 60)));
        }
    }
    return OK;
}

/* "*" first, then what the head adds. */
static struct value with_all(struct arena *arena, const struct value *given)
{
    struct value list = value_list_new();
    value_push(arena, &list, value_text(STR("*")));
    for (size_t i = 0; given != NULL && given->kind == VALUE_LIST && i < given->list.count; i++) {
        value_push(arena, &list, given->list.items[i]);
    }
    return given == NULL || given->kind == VALUE_LIST ? list : *given;
}

static struct value make_can(struct arena *arena, struct str name, const struct value *given)
{
    struct value can = value_map_new();
    struct value emit = value_list_new();
    for (size_t i = 0; given != NULL && given->kind == VALUE_MAP && i < given->map.count; i++) {
        value_put(arena, &can, given->map.entries[i].key, given->map.entries[i].value);
    }
    value_push(arena, &emit, value_text(arena_printf(arena, STR_FORMAT ".*", STR_ARGS(name))));
    value_put_c(arena, &can, "read", with_all(arena, value_get_c(given, "read")));
    value_put_c(arena, &can, "write", with_all(arena, value_get_c(given, "write")));
    value_put_c(arena, &can, "emit", emit);
    value_put_c(arena, &can, "schedule", value_bool(true));
    return can;
}

enum err header_read(struct arena *arena, struct str name, const char *file, struct str text,
                     struct manifest *out_manifest, struct error *error)
{
    struct value head = value_map_new();
    struct value tree = value_map_new();
    struct buf lua;
    buf_init(&lua);
    head_text(text, &lua);
    enum err err = lua_read_data(arena, file, buf_str(&lua), ERR_MANIFEST, &head, error);
    buf_deinit(&lua);
    if (err == OK) {
        err = check_head(&head, file, error);
    }
    if (err != OK) {
        return err;
    }
    const struct value *given = value_get_c(&head, "can");
    for (size_t i = 0; head.kind == VALUE_MAP && i < head.map.count; i++) {
        value_put(arena, &tree, head.map.entries[i].key, head.map.entries[i].value);
    }
    value_put_c(arena, &tree, "name", value_text(name));
    value_put_c(arena, &tree, "version", value_text(STR("1.0.0")));
    value_put_c(arena, &tree, "api", value_int(1));
    if (given == NULL || given->kind == VALUE_MAP ||
        (given->kind == VALUE_LIST && given->list.count == 0)) {
        value_put_c(arena, &tree, "can", make_can(arena, name, given));
    }
    return manifest_take(arena, file, name, &tree, out_manifest, error);
}
