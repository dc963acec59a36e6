/* How webhooks do, for people and for /metrics, and the ids that outsiders know events by. Loop
 * thread, but for what says otherwise. */
#include "internal.h"

#include "proxenos/base_text.h"

/* ---- ids of events ---- */

struct str webhook_subscription(int64_t id, struct arena *arena)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_printf(arena, "webhook/%s", text);
}

static struct str holder_of(int64_t id, char out[ID_TEXT_LEN + 1])
{
    id_format(id, out);
    return str_from(out);
}

void webhook_event_id(struct webhooks *webhooks, int64_t id, int64_t seq, struct buf *out)
{
    char holder[ID_TEXT_LEN + 1];
    unsigned char sealed[SEAL_NUMBER_BYTES];
    crypto_seal_number(webhooks->event_key, holder_of(id, holder), seq, sealed);
    buf_append_str(out, STR("evt_"));
    base64url_encode(out, sealed, sizeof(sealed));
}

enum err webhook_event_seq(struct webhooks *webhooks, int64_t id, struct str event,
                           int64_t *out_seq, struct error *error)
{
    char holder[ID_TEXT_LEN + 1];
    struct buf sealed;
    buf_init(&sealed);
    bool known =
        str_starts(event, STR("evt_")) &&
        base64url_decode(&sealed, str_sub(event, 4, event.len)) == OK &&
        crypto_open_number(webhooks->event_key, holder_of(id, holder), buf_str(&sealed), out_seq);
    buf_deinit(&sealed);
    return known ? OK
                 : error_set(error, ERR_CURSOR,
                             "this is no id of an event that was sent by this webhook");
}

/* ---- one webhook ---- */

static const char *state_of(const struct webhook *webhook)
{
    if (webhook_why(webhook)[0] != '\0') {
        return "broken";
    }
    if (!webhook->definition->enabled || webhook->definition->archived) {
        return "disabled";
    }
    return webhook->failures > 0 ? "failing" : "active";
}

static struct value time_or_null(int64_t ms)
{
    return ms > 0 ? value_time(ms) : value_null();
}

static struct value describe_keys(const struct webhook *webhook, struct arena *arena)
{
    struct value list = value_list_new();
    int64_t now_ms = webhooks_now_ms(webhook->webhooks);
    for (size_t i = 0; i < webhook->key_count; i++) {
        const struct webhook_key *key = &webhook->keys[i];
        char public_key[WEBHOOK_PUBLIC_TEXT];
        if (key->ends_at_ms != 0 && key->ends_at_ms <= now_ms) {
            continue;
        }
        webhook_key_public_text(key, public_key);
        struct value shown = value_map_new();
        value_put_c(arena, &shown, "public_key",
                    value_text(arena_str(arena, str_from(public_key))));
        value_put_c(arena, &shown, "made_at", time_or_null(key->made_at_ms));
        value_put_c(arena, &shown, "ends_at", time_or_null(key->ends_at_ms));
        value_push(arena, &list, shown);
    }
    return list;
}

struct value webhook_describe(struct webhooks *webhooks, int64_t id, struct arena *arena)
{
    struct webhook *webhook = map_get_int(&webhooks->by_id, id);
    if (webhook == NULL || webhook->removed) {
        return value_null();
    }
    (void)webhook_view_current(webhook);
    const char *why = webhook_why(webhook);
    struct str reason = why[0] != '\0' ? str_from(why) : webhook->definition->stopped;
    struct value shown = value_map_new();
    value_put_c(arena, &shown, "id", value_id(id));
    value_put_c(arena, &shown, "name", value_text(arena_str(arena, webhook->definition->name)));
    value_put_c(arena, &shown, "state", value_text(str_from(state_of(webhook))));
    value_put_c(arena, &shown, "why",
                reason.len > 0 ? value_text(arena_str(arena, reason)) : value_null());
    value_put_c(arena, &shown, "delivered_at", time_or_null(webhook->delivered_at_ms));
    value_put_c(arena, &shown, "failing_since", time_or_null(webhook->failing_since_ms));
    value_put_c(arena, &shown, "failures", value_int(webhook->failures));
    value_put_c(arena, &shown, "status",
                webhook->status != 0 ? value_int(webhook->status) : value_null());
    value_put_c(arena, &shown, "waiting", value_int((int64_t)list_count(&webhook->waiting)));
    value_put_c(arena, &shown, "sending", value_int((int64_t)webhook->sending_count));
    value_put_c(arena, &shown, "keys", describe_keys(webhook, arena));
    value_put_c(arena, &shown, "subscription", value_text(arena_str(arena, webhook->name)));
    return shown;
}

void webhooks_stats(const struct webhooks *webhooks, struct webhook_stats *out_stats)
{
    *out_stats = webhooks->stats;
    list_foreach (node, &webhooks->all) {
        const struct webhook *webhook = CONTAINER_OF(node, struct webhook, in_all);
        const char *state = state_of(webhook);
        out_stats->webhooks++;
        out_stats->broken += strcmp(state, "broken") == 0 ? 1 : 0;
        out_stats->disabled += strcmp(state, "disabled") == 0 ? 1 : 0;
        out_stats->failing += strcmp(state, "failing") == 0 ? 1 : 0;
        out_stats->waiting += (int64_t)list_count(&webhook->waiting);
        out_stats->sending += (int64_t)webhook->sending_count;
    }
}

/* ---- the log of attempts (any thread with a reader) ---- */

struct listing {
    struct webhooks *webhooks;
    struct arena *arena;
    struct value *list;
    int64_t id;
};

static struct value text_or_null(struct arena *arena, struct str text)
{
    return text.len > 0 ? value_text(arena_str(arena, text)) : value_null();
}

static enum err on_attempt(void *context, const struct value *columns, int column_count,
                           struct error *error)
{
    (void)error;
    ASSERT(column_count == 12);
    struct listing *listing = context;
    struct arena *arena = listing->arena;
    struct value row = value_map_new();
    struct buf event;
    buf_init(&event);
    if (columns[1].integer != 0) {
        webhook_event_id(listing->webhooks, listing->id, columns[1].integer, &event);
    }
    value_put_c(arena, &row, "id", value_int(columns[0].integer));
    value_put_c(arena, &row, "event", text_or_null(arena, buf_str(&event)));
    value_put_c(arena, &row, "type", value_text(arena_str(arena, columns[2].text)));
    value_put_c(arena, &row, "object", text_or_null(arena, columns[3].text));
    value_put_c(arena, &row, "record",
                columns[4].integer != 0 ? value_id(columns[4].integer) : value_null());
    value_put_c(arena, &row, "attempt", value_int(columns[5].integer));
    value_put_c(arena, &row, "at", value_time(columns[6].integer));
    value_put_c(arena, &row, "status",
                columns[7].integer != 0 ? value_int(columns[7].integer) : value_null());
    value_put_c(arena, &row, "ms", value_int(columns[8].integer));
    value_put_c(arena, &row, "delivered", value_bool(columns[9].text.len == 0));
    value_put_c(arena, &row, "code", text_or_null(arena, columns[9].text));
    value_put_c(arena, &row, "error", text_or_null(arena, columns[10].text));
    value_put_c(arena, &row, "answer", text_or_null(arena, columns[11].text));
    value_push(arena, listing->list, row);
    buf_deinit(&event);
    return OK;
}

enum err webhook_attempts(struct webhooks *webhooks, struct reader *reader,
                          const struct webhook_attempts_query *query, struct arena *arena,
                          struct value *out_list, struct error *error)
{
    struct value list = value_list_new();
    struct listing listing = {.webhooks = webhooks, .arena = arena, .list = &list, .id = query->id};
    struct value binds[] = {value_int(query->id), value_int(query->after),
                            value_int(query->failed ? 1 : 0), value_int(query->limit)};
    enum err err = reader_table(reader, &webhook_tables, WEBHOOK_ATTEMPT_LIST, binds,
                                COUNT_OF(binds), on_attempt, &listing, error);
    if (err == OK) {
        *out_list = list;
    }
    return err;
}
