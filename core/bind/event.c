/* The event as a handler sees it. The log keeps only what a change changed; the handler gets the
 * whole record before and after, as of that version, in typed values. Executor, protected. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

bool pattern_covers(struct str pattern, struct str type)
{
    if (str_is(pattern, "*") || str_eq(pattern, type)) {
        return true;
    }
    return str_ends(pattern, STR("*")) && str_starts(type, str_sub(pattern, 0, pattern.len - 1));
}

/* Values of fields from their JSON form to typed ones; what does not fit the field any more stays
 * as it was. */
static struct value typed(const struct object_type *type, const struct value *plain,
                          struct arena *arena)
{
    struct value map = value_map_new();
    for (size_t i = 0; plain->kind == VALUE_MAP && i < plain->map.count; i++) {
        const struct value_entry *entry = &plain->map.entries[i];
        const struct field *field = type == NULL ? NULL : object_field(type, entry->key);
        struct value value = entry->value;
        struct value converted;
        if (field != NULL && field_value(field, &value, arena, &converted, NULL) == OK) {
            value = converted;
        }
        value_put(arena, &map, entry->key, value);
    }
    return map;
}

struct rewinding {
    struct arena *arena;
    const struct object_type *type;
    struct value *record;
    struct value seen; /* fields that an earlier one of the later changes has set back already */
};

/* A later change, oldest first: what it changed had this value before. */
static enum err on_later(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct rewinding *rewinding = context;
    struct arena *arena = rewinding->arena;
    struct value payload;
    if (json_decode(arena, arena_str(arena, entry->payload), &payload, NULL) != OK) {
        return OK;
    }
    const struct value *before = value_get_c(&payload, "before");
    struct value old = before == NULL ? value_map_new() : typed(rewinding->type, before, arena);
    for (size_t i = 0; i < old.map.count; i++) {
        const struct value_entry *field = &old.map.entries[i];
        if (value_get(&rewinding->seen, field->key) == NULL) {
            value_put(arena, &rewinding->seen, field->key, value_bool(true));
            value_put(arena, rewinding->record, field->key, field->value);
        }
    }
    return OK;
}

/* The record as of the event: as it is now, with later changes taken back. False when it cannot be
 * told (deleted, not readable). */
static bool as_of(struct call *call, const struct object_type *type, const struct log_entry *entry,
                  struct arena *arena, struct value *out_map)
{
    struct reader *reader = NULL;
    struct record *record = NULL;
    struct error error = {0};
    if (call->work == NULL || overlay_reader(call->work->overlay, &reader, &error) != OK ||
        reader_get(reader, call->scope, type, entry->record, arena, &record, &error) != OK) {
        return false;
    }
    *out_map = record_to_value(arena, record);
    if (record->version == entry->version) {
        return true;
    }
    struct rewinding rewinding = {
        .arena = arena, .type = type, .record = out_map, .seen = value_map_new()};
    struct log_query query = {.after = entry->seq, .object = type->name, .record = entry->record};
    int64_t last = 0;
    return reader_log(reader, call->scope, &query, on_later, &rewinding, &last, &error) == OK;
}

static struct value over(struct arena *arena, const struct value *whole, const struct value *some)
{
    struct value map = value_map_new();
    for (size_t i = 0; i < whole->map.count; i++) {
        value_put(arena, &map, whole->map.entries[i].key, whole->map.entries[i].value);
    }
    for (size_t i = 0; some->kind == VALUE_MAP && i < some->map.count; i++) {
        value_put(arena, &map, some->map.entries[i].key, some->map.entries[i].value);
    }
    return map;
}

static void put_record(struct call *call, const struct log_entry *entry,
                       const struct value *payload, struct arena *arena, struct value *event)
{
    const struct object_type *type = schema_object(call->scope->schema, entry->object);
    const struct value *before = value_get_c(payload, "before");
    const struct value *after = value_get_c(payload, "after");
    struct value old = before == NULL ? value_null() : typed(type, before, arena);
    struct value now = after == NULL ? value_null() : typed(type, after, arena);
    struct value whole;
    bool update = before != NULL && after != NULL && type != NULL;
    if (update && as_of(call, type, entry, arena, &whole)) {
        now = over(arena, &whole, &now);
        old = over(arena, &whole, &old);
    }
    value_put_c(arena, event, "before", old);
    value_put_c(arena, event, "after", now);
    value_put_c(arena, event, "object", value_text(entry->object));
    value_put_c(arena, event, "id", value_id(entry->record));
    value_put_c(arena, event, "version", value_int(entry->version));
}

/* A schedule's function is given the time that it runs for. */
void schedule_push(lua_State *L, const struct log_entry *entry, struct arena *arena)
{
    struct value payload = value_null();
    int64_t ms = entry->at_ms;
    if (json_decode(arena, entry->payload, &payload, NULL) == OK) {
        (void)!time_parse(value_get_text(&payload, "at", STR("")), &ms);
    }
    struct value at = value_time(ms);
    lua_push_value(L, &at, true);
}

/* The key that an event was emitted with stands beside its data, not in it. */
static void put_data(struct arena *arena, struct value *event, const struct value *payload)
{
    struct value data = value_map_new();
    if (payload->kind != VALUE_MAP || value_get_c(payload, "_key") == NULL) {
        value_put_c(arena, event, "data", *payload);
        return;
    }
    for (size_t i = 0; i < payload->map.count; i++) {
        const struct value_entry *entry = &payload->map.entries[i];
        if (str_is(entry->key, "_key")) {
            value_put_c(arena, event, "key", entry->value);
        } else {
            value_put(arena, &data, entry->key, entry->value);
        }
    }
    value_put_c(arena, event, "data", data);
}

void event_push(lua_State *L, struct call *call, const struct log_entry *entry, struct arena *arena)
{
    struct value event = value_map_new();
    struct value payload = value_null();
    if (json_decode(arena, entry->payload, &payload, NULL) != OK) {
        lua_raise_set(L, ERR_CORRUPT, "the payload of entry %lld is not JSON",
                      (long long)entry->seq);
    }
    value_put_c(arena, &event, "seq", value_int(entry->seq));
    value_put_c(arena, &event, "type", value_text(entry->type));
    value_put_c(arena, &event, "at", value_time(entry->at_ms));
    value_put_c(arena, &event, "actor", value_text(entry->actor));
    value_put_c(arena, &event, "via", value_text(entry->via));
    if (entry->cause != 0) {
        value_put_c(arena, &event, "cause", value_int(entry->cause));
    }
    if (entry->state.len > 0) {
        value_put_c(arena, &event, "state", value_text(entry->state));
    }
    if (entry->object.len > 0) {
        put_record(call, entry, &payload, arena, &event);
    } else {
        put_data(arena, &event, &payload);
    }
    lua_push_value(L, &event, true);
}
