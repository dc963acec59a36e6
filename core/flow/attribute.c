/* Attributes: a few texts of a run that it is looked for by. Writer thread to set, any thread with
 * a reader to get. */
#include "internal.h"

#include "proxenos/flow_operate.h"

enum err flow_attributes_check(const struct value *attributes, struct error *error)
{
    if (attributes->kind != VALUE_MAP || attributes->map.count > FLOW_ATTRIBUTES_MAX) {
        return error_at(error, ERR_LIMIT, "/attributes", NULL, "attributes are at most %d texts",
                        FLOW_ATTRIBUTES_MAX);
    }
    for (size_t i = 0; i < attributes->map.count; i++) {
        const struct value_entry *entry = &attributes->map.entries[i];
        char pointer[80];
        (void)snprintf(pointer, sizeof(pointer), "/attributes/" STR_FORMAT,
                       STR_ARGS(str_sub(entry->key, 0, 40)));
        if (entry->value.kind != VALUE_TEXT) {
            return error_at(error, ERR_TYPE, pointer, NULL, "an attribute is a text");
        }
        if (entry->key.len == 0 || entry->key.len > FLOW_ATTRIBUTE_BYTES_MAX ||
            entry->value.text.len > FLOW_ATTRIBUTE_BYTES_MAX) {
            return error_at(error, ERR_LIMIT, pointer, NULL,
                            "an attribute's name has 1 to %d bytes, its value at most as many",
                            FLOW_ATTRIBUTE_BYTES_MAX);
        }
    }
    return OK;
}

enum err attributes_set(struct tx *tx, int64_t run, const struct value *attributes,
                        struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; attributes != NULL && i < attributes->map.count && err == OK; i++) {
        const struct value_entry *entry = &attributes->map.entries[i];
        struct value binds[] = {value_int(run), value_text(entry->key),
                                value_text(entry->value.text)};
        err = FLOW_TX(tx, FLOW_ATTRIBUTE_SET, binds, NULL, NULL, error);
    }
    return err;
}

struct getting {
    struct arena *arena;
    struct value *map;
};

static enum err on_attribute(void *context, const struct value *columns, int column_count,
                             struct error *error)
{
    (void)column_count;
    (void)error;
    const struct getting *getting = context;
    value_put(getting->arena, getting->map, arena_str(getting->arena, columns[0].text),
              value_text(arena_str(getting->arena, columns[1].text)));
    return OK;
}

enum err flow_attributes_get(struct reader *reader, int64_t run, struct arena *arena,
                             struct value *out_map, struct error *error)
{
    struct getting getting = {.arena = arena, .map = out_map};
    struct value binds[] = {value_int(run)};
    *out_map = value_map_new();
    return FLOW_READ(reader, FLOW_ATTRIBUTE_LIST, binds, on_attribute, &getting, error);
}
