/* What an entry of the log says under a path, for those who deliver by key. Pure; any thread. */
#include "proxenos/base_json.h"
#include "proxenos/store_log.h"

const struct value *log_payload_find(const struct value *payload, struct str path)
{
    static const char *const places[] = {"", "after.", "before."};
    char text[LOG_PATH_MAX + sizeof("before.")];
    for (size_t i = 0; i < COUNT_OF(places) && path.len <= LOG_PATH_MAX; i++) {
        (void)snprintf(text, sizeof(text), "%s" STR_FORMAT, places[i], STR_ARGS(path));
        const struct value *found = value_path(payload, text);
        if (found != NULL && found->kind != VALUE_NULL) {
            return found;
        }
    }
    return NULL;
}

struct str log_key_text(struct arena *arena, const struct value *value)
{
    if (value == NULL || value->kind == VALUE_NULL) {
        return STR("");
    }
    if (value->kind == VALUE_TEXT) {
        return value->text;
    }
    if (value->kind == VALUE_ID) {
        char id[ID_TEXT_LEN + 1];
        id_format(value->integer, id);
        return arena_str(arena, str_from(id));
    }
    struct buf text;
    buf_init(&text);
    json_encode(&text, value);
    struct str copy = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}
