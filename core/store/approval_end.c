/* How an approval ends: the record is written once more, the log is told, and the flow that waits
 * gets its answer in the same unit. Writer thread. */
#include "approval.h"

#include "log.h"
#include "proxenos/base_json.h"

void store_on_approval(struct store *store, approval_settled_cb settled, void *context)
{
    store->approval_settled = settled;
    store->approval_context = context;
}

/* ---- telling the log ---- */

enum err approval_tell(struct tx *tx, const char *type, const struct record *approval,
                       struct value *more, struct error *error)
{
    static const char *const told[] = {"object", "record",  "role",         "escalate",
                                       "title",  "plugin",  "flow",         "run",
                                       "due",    "expires", "requested_by", "content_hash"};
    struct arena *arena = tx_arena(tx);
    const struct value *compartment = &approval->values[SYS_COMPARTMENT];
    struct buf payload;
    value_put_c(arena, more, "approval", value_id(approval->id));
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        const struct value *value = approval_get(approval, told[i]);
        if (value != NULL && value->kind != VALUE_NULL) {
            value_put_c(arena, more, told[i], *value);
        }
    }
    buf_init(&payload);
    json_encode(&payload, more);
    struct log_entry entry = {.type = str_from(type),
                              .compartment =
                                  compartment->kind == VALUE_TEXT ? compartment->text : STR(""),
                              .payload = arena_str(arena, buf_str(&payload))};
    buf_deinit(&payload);
    return log_append(tx, &entry, NULL, error);
}

/* ---- telling the flow ---- */

static void put_votes(struct arena *arena, const struct record *approval, struct value *result)
{
    const struct value *votes = approval_get(approval, "votes");
    struct value by = value_list_new();
    struct value comments = value_list_new();
    size_t count = votes != NULL && votes->kind == VALUE_LIST ? votes->list.count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct value *vote = &votes->list.items[i];
        struct str comment = value_get_text(vote, "comment", STR(""));
        value_push(arena, &by, value_text(value_get_text(vote, "by", STR(""))));
        if (comment.len > 0) {
            value_push(arena, &comments, value_text(comment));
        }
    }
    value_put_c(arena, result, "votes", count > 0 ? *votes : value_list_new());
    value_put_c(arena, result, "by", by);
    value_put_c(arena, result, "comments", comments);
}

static enum err tell_flow(struct tx *tx, const struct record *approval, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct str state = approval_text(approval, "state");
    struct approval_outcome outcome = {.id = approval->id,
                                       .seq = approval_number(approval, "seq", 0),
                                       .plugin = approval_text(approval, "plugin"),
                                       .is_void = str_is(state, "void"),
                                       .cancelled = str_is(state, "cancelled"),
                                       .result = value_map_new()};
    bool told = tx->store->approval_settled != NULL &&
                id_parse(approval_text(approval, "run"), &outcome.run) == OK;
    if (!told) {
        return OK; /* a move's */
    }
    bool approved = str_is(state, "approved");
    value_put_c(arena, &outcome.result, "id", value_text(approval_id_text(arena, approval->id)));
    value_put_c(arena, &outcome.result, "state", value_text(state));
    value_put_c(arena, &outcome.result, "approved", value_bool(approved));
    value_put_c(arena, &outcome.result, "rejected", value_bool(!approved));
    put_votes(arena, approval, &outcome.result);
    return tx->store->approval_settled(tx->store->approval_context, tx, &outcome, error);
}

enum err approval_end(struct tx *tx, struct draft *draft, const char *state, struct str reason,
                      struct record **out_after, struct error *error)
{
    approval_put(tx, draft, "state", value_text(str_from(state)));
    approval_put(tx, draft, "decided_by", value_text(tx->scope->actor));
    approval_put(tx, draft, "decided_at", value_time(tx->now_ms));
    if (reason.len > 0) {
        approval_put(tx, draft, "reason", value_text(reason));
    }
    struct writing change = {.tx = tx, .draft = draft, .trusted = true};
    enum err err = record_apply(&change, NULL, error);
    if (err == OK && out_after != NULL) {
        *out_after = change.whole;
    }
    return err == OK ? tell_flow(tx, change.whole, error) : err;
}
