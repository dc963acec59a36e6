/* The log of attempts, a bounded number per webhook, and how a webhook does: rows that are written
 * with the delivery's own unit when it succeeded, else in a unit apart. */
#include "internal.h"

#include "proxenos/base_log.h"

static struct value known(const char *text)
{
    return value_text(str_from(text));
}

void attempt_note(struct attempt *attempt, const struct outcome *outcome)
{
    struct webhook *webhook = attempt->webhook;
    const struct log_entry *entry = attempt->entry;
    struct attempt_row *row = &attempt->row;
    *row = (struct attempt_row){.webhook = webhook->id,
                                .seq = entry->seq,
                                .record = entry->record,
                                .at_ms = webhooks_now_ms(webhook->webhooks),
                                .took_ms = attempt->request.took_ms,
                                .number = attempt->number,
                                .status = outcome->status,
                                .failing_since_ms = webhook->failing_since_ms,
                                .failures = webhook->failures,
                                .delivered_at_ms = webhook->delivered_at_ms};
    (void)snprintf(row->type, sizeof(row->type), STR_FORMAT, STR_ARGS(entry->type));
    (void)snprintf(row->object, sizeof(row->object), STR_FORMAT, STR_ARGS(entry->object));
    (void)snprintf(row->answer, sizeof(row->answer), STR_FORMAT, STR_ARGS(outcome->answer));
    if (!outcome->delivered) {
        (void)snprintf(row->code, sizeof(row->code), "%s", err_code(outcome->error.err));
        (void)snprintf(row->error, sizeof(row->error), "%s", outcome->error.detail);
    }
    row->trim = ++webhook->untrimmed >= TRIM_EVERY;
    webhook->untrimmed = row->trim ? 0 : webhook->untrimmed;
}

enum err attempt_row_write(struct tx *tx, const struct attempt_row *row, struct error *error)
{
    struct value state[] = {value_int(row->webhook), value_int(row->failing_since_ms),
                            value_int(row->failures), value_int(row->delivered_at_ms),
                            value_int(row->status)};
    struct value attempt[] = {
        value_int(row->webhook), value_int(row->seq),    known(row->type),
        known(row->object),      value_int(row->record), value_int(row->number),
        value_int(row->at_ms),   value_int(row->status), value_int(row->took_ms),
        known(row->code),        known(row->error),      known(row->answer)};
    struct value trim[] = {value_int(row->webhook), value_int(WEBHOOK_ATTEMPTS_KEPT)};
    enum err err =
        tx_table(tx, &webhook_tables, WEBHOOK_STATE_SET, state, COUNT_OF(state), NULL, NULL, error);
    if (err == OK) {
        err = tx_table(tx, &webhook_tables, WEBHOOK_ATTEMPT_ADD, attempt, COUNT_OF(attempt), NULL,
                       NULL, error);
    }
    if (err == OK && row->trim) {
        err = tx_table(tx, &webhook_tables, WEBHOOK_ATTEMPT_TRIM, trim, COUNT_OF(trim), NULL, NULL,
                       error);
    }
    return err;
}

struct noting {
    struct unit unit;
    struct webhook *webhook;
    struct attempt_row row;
};

static enum err noting_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return attempt_row_write(tx, &CONTAINER_OF(unit, struct noting, unit)->row, error);
}

static void noting_done(struct unit *unit)
{
    struct noting *noting = CONTAINER_OF(unit, struct noting, unit);
    noting->webhook->units_away--;
    if (unit->err != OK) {
        log_warn("webhook", "an attempt is not in its log webhook=" STR_FORMAT " code=%s",
                 STR_ARGS(noting->webhook->name), err_code(unit->err));
    }
    unit_deinit(unit);
    mem_free(noting);
}

void attempt_row_submit(struct webhook *webhook, const struct attempt_row *row)
{
    struct webhooks *webhooks = webhook->webhooks;
    struct noting *noting = mem_zalloc(sizeof(*noting));
    noting->webhook = webhook;
    noting->row = *row;
    noting->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                                 .apply = noting_apply,
                                 .done = noting_done,
                                 .scope = webhooks->scope,
                                 .request = STR("webhook")};
    if (store_submit(webhooks->options.store, &noting->unit) != OK) {
        mem_free(noting); /* the row is for people to read; the delivery itself is the bus's */
        return;
    }
    webhook->units_away++;
}
