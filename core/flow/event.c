/* What a wait says, and what an event says to it: its key under a path, and the bytes that the wait
 * gives. Pure; any thread. */
#include "internal.h"

#include "proxenos/base_json.h"

/* ---- what a wait says ---- */

static struct str text_of(const struct value *input, const char *name)
{
    return value_get_text(input, name, STR(""));
}

bool wait_of(const struct flow_command *command, struct arena *arena, struct wait_for *out_wait)
{
    struct value input;
    size_t dot = 0;
    if (command->kind != FLOW_WAIT || command->input.apart ||
        !str_find(command->name, STR("."), &dot) || !log_pattern_valid(command->name) ||
        flow_decode(arena, command->input.bytes, &input, NULL) != OK) {
        return false;
    }
    *out_wait = (struct wait_for){
        .topic = command->name, .path = text_of(&input, "by"), .key = text_of(&input, "key")};
    if (out_wait->key.len == 0) {
        out_wait->path = STR("*"); /* any event of this type */
    }
    return true;
}

/* ---- what an event says ---- */

static struct str id_text(struct arena *arena, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_str(arena, str_from(text));
}

struct str event_key(const struct log_entry *entry, struct str path, struct arena *arena)
{
    struct value payload;
    if (str_is(path, "*")) {
        return STR("");
    }
    if ((path.len == 0 && entry->object.len > 0) || str_is(path, "id")) {
        return id_text(arena, entry->record);
    }
    if (json_decode(arena, entry->payload, &payload, NULL) != OK) {
        return STR("");
    }
    return log_key_text(arena, path.len == 0 ? value_get_c(&payload, "key")
                                             : log_payload_find(&payload, path));
}

struct str event_bytes(const struct log_entry *entry, struct arena *arena)
{
    struct value event = value_map_new();
    struct value payload = value_null();
    (void)!json_decode(arena, entry->payload, &payload, NULL);
    value_put_c(arena, &event, "seq", value_int(entry->seq));
    value_put_c(arena, &event, "type", value_text(entry->type));
    value_put_c(arena, &event, "at", value_time(entry->at_ms));
    value_put_c(arena, &event, "actor", value_text(entry->actor));
    value_put_c(arena, &event, "via", value_text(entry->via));
    if (entry->object.len == 0) {
        value_put_c(arena, &event, "data", payload);
    } else {
        value_put_c(arena, &event, "object", value_text(entry->object));
        value_put_c(arena, &event, "id", value_id(entry->record));
        value_put_c(arena, &event, "version", value_int(entry->version));
        const struct value *before = value_get_c(&payload, "before");
        const struct value *after = value_get_c(&payload, "after");
        value_put_c(arena, &event, "before", before != NULL ? *before : value_null());
        value_put_c(arena, &event, "after", after != NULL ? *after : value_null());
    }
    if (entry->state.len > 0) {
        value_put_c(arena, &event, "state", value_text(entry->state));
    }
    struct buf bytes;
    buf_init(&bytes);
    flow_encode(&bytes, &event);
    struct str copy = arena_str(arena, buf_str(&bytes));
    buf_deinit(&bytes);
    return copy;
}
