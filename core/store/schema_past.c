/* Names of fields in entries of the log, as they are called today. Any thread. */
#include "schema_past.h"

bool past_concerns(const struct object_type *type, int64_t seq)
{
    return type != NULL && type->past_count > 0 && type->pasts[type->past_count - 1].seq >= seq;
}

/* A name may have changed more than once: each change leads from one time to the next. */
static struct str name_today(const struct object_type *type, int64_t seq, struct str name,
                             struct arena *arena)
{
    struct str today = name;
    for (int i = 0; i < type->past_count; i++) {
        const struct field_past *past = &type->pasts[i];
        if (past->seq < seq || !str_eq(past->field, today)) {
            continue;
        }
        if (past->became.len == 0) {
            return arena_printf(arena, STR_FORMAT " (dropped)", STR_ARGS(today));
        }
        today = past->became;
    }
    return today;
}

void past_rename(const struct object_type *type, int64_t seq, struct value *payload,
                 struct arena *arena)
{
    for (size_t i = 0; payload->kind == VALUE_MAP && i < payload->map.count; i++) {
        struct value *fields = &payload->map.entries[i].value;
        struct value renamed = value_map_new();
        for (size_t f = 0; fields->kind == VALUE_MAP && f < fields->map.count; f++) {
            value_put(arena, &renamed, name_today(type, seq, fields->map.entries[f].key, arena),
                      fields->map.entries[f].value);
        }
        if (fields->kind == VALUE_MAP) {
            *fields = renamed;
        }
    }
}
