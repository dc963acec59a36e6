/* What a scope sees of merges (contract 25): "merged" and "merged_into" name other records than the
 * entry's own, which it may not see, or of which it must not know that they were. The reader's
 * thread. */
#include "log.h"
#include "proxenos/base_json.h"

static const struct str into_key = {"\"merged_into\":\"", sizeof("\"merged_into\":\"") - 1};

/* Whoever merged them named them himself. */
static enum err may_see(struct log_view *view, const struct object_type *type,
                        const struct log_entry *entry, struct str id_text, bool *out_visible,
                        struct error *error)
{
    int64_t id = 0;
    *out_visible = str_eq(view->scope->actor, entry->actor);
    if (*out_visible || id_parse(id_text, &id) != OK) {
        return OK;
    }
    return log_row_visible(view, type, id, out_visible, error);
}

/* Of the merged ones those that may be seen; an event about none of them is none. */
static enum err cut_merged(struct log_view *view, const struct object_type *type,
                           const struct log_entry *entry, struct value *payload, bool *out_visible,
                           struct error *error)
{
    const struct value *ids = value_get_c(payload, "merged");
    struct value seen = value_list_new();
    enum err err = OK;
    for (size_t i = 0; ids != NULL && ids->kind == VALUE_LIST && i < ids->list.count; i++) {
        bool visible = false;
        err = may_see(view, type, entry, ids->list.items[i].text, &visible, error);
        if (err != OK) {
            return err;
        }
        if (visible) {
            value_push(&view->arena, &seen, ids->list.items[i]);
        }
    }
    *out_visible = seen.list.count > 0;
    value_put_c(&view->arena, payload, "merged", seen);
    return OK;
}

static enum err cut_into(struct log_view *view, const struct object_type *type,
                         const struct log_entry *entry, struct value *payload, struct error *error)
{
    struct value kept = value_map_new();
    for (size_t i = 0; i < payload->map.count; i++) {
        const struct value_entry *one = &payload->map.entries[i];
        bool visible = !str_is(one->key, "merged_into");
        enum err err = visible || one->value.kind != VALUE_TEXT
                           ? OK
                           : may_see(view, type, entry, one->value.text, &visible, error);
        if (err != OK) {
            return err;
        }
        if (visible) {
            value_put(&view->arena, &kept, one->key, one->value);
        }
    }
    *payload = kept;
    return OK;
}

enum err log_view_merge(struct log_view *view, const struct object_type *type,
                        struct log_entry *entry, bool *out_visible, struct error *error)
{
    bool all =
        view->scope->grants[type->index].read_rows == ROWS_ALL && view->scope->every_compartment;
    bool event = str_ends(entry->type, STR(".merged"));
    struct value payload;
    size_t at = 0;
    if (all || !(event || str_find(entry->payload, into_key, &at))) {
        return OK;
    }
    if (json_decode(&view->arena, entry->payload, &payload, NULL) != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld is not JSON",
                         (long long)entry->seq);
    }
    enum err err = event ? cut_merged(view, type, entry, &payload, out_visible, error)
                         : cut_into(view, type, entry, &payload, error);
    if (err == OK) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, &payload);
        entry->payload = arena_str(&view->arena, buf_str(&text));
        buf_deinit(&text);
    }
    return err;
}
