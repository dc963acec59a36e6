/* Where a record went that is no more because it became part of another: to whoever may see its
 * history and that other one, the 404 says so. Loop thread. */
#include "internal.h"

#include "proxenos/store_log.h"

struct went {
    struct call *call;
    struct str into;
};

static enum err on_newest(void *context, const struct log_entry *entry, struct error *error)
{
    struct went *went = context;
    struct arena *arena = call_arena(went->call);
    struct value payload;
    enum err err = json_decode(arena, entry->payload, &payload, error);
    if (err == OK) {
        went->into = arena_str(arena, value_get_text(&payload, "merged_into", STR("")));
    }
    return err;
}

/* The newest entry of a record that became part of another says into which; the log leaves it out
 * for those who may not see both. */
void call_not_found(struct call *call, struct reader *reader)
{
    struct arena *arena = call_arena(call);
    struct went went = {.call = call, .into = STR("")};
    struct log_query query = {
        .object = call->type->name, .record = call->id, .newest_first = true, .limit = 1};
    struct value more = value_map_new();
    struct error unread = {0};
    int64_t last = 0;
    enum err err =
        scope_may(call_scope(call), call->type, VERB_READ)
            ? reader_log(reader, call_scope(call), &query, on_newest, &went, &last, &unread)
            : OK;
    if (err != OK || went.into.len == 0) {
        call_problem(call, ERR_NOT_FOUND, &call->error, NULL);
        return;
    }
    char text[ID_TEXT_LEN + 1];
    id_format(call->id, text);
    (void)error_at(&call->error, ERR_NOT_FOUND, NULL, text,
                   STR_FORMAT " %s became part of " STR_FORMAT, STR_ARGS(call->type->name), text,
                   STR_ARGS(went.into));
    value_put_c(arena, &more, "merged_into", value_text(went.into));
    call_problem(call, ERR_NOT_FOUND, &call->error, &more);
}
