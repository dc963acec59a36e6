/* The first key of a webhook that came as a mere record (an import, a restored change): made at
 * once, so that what it sends is signed. Its secret was shown to nobody: rotating shows the next
 * one, and the public key is there for all to see. Loop thread, but for first_apply (writer). */
#include "internal.h"

#include "proxenos/base_log.h"

struct first_key {
    struct unit unit;
    struct webhook *webhook;
    struct webhook_key key;
    struct value sealed;
    struct arena arena;
};

static enum err first_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct first_key *first = CONTAINER_OF(unit, struct first_key, unit);
    struct value binds[] = {value_int(first->key.id), value_int(first->webhook->id), first->sealed,
                            value_int(tx_now_ms(tx))};
    return tx_table(tx, &webhook_tables, WEBHOOK_KEY_FIRST, binds, COUNT_OF(binds), NULL, NULL,
                    error);
}

static void first_free(struct first_key *first)
{
    arena_deinit(&first->arena);
    crypto_wipe(first, sizeof(*first));
    mem_free(first);
}

static void first_done(struct unit *unit)
{
    struct first_key *first = CONTAINER_OF(unit, struct first_key, unit);
    struct webhook *webhook = first->webhook;
    struct webhooks *webhooks = webhook->webhooks;
    enum err err = unit->err;
    if (err != OK) {
        log_error("webhook", "has no key yet webhook=" STR_FORMAT " error=\"%s\"",
                  STR_ARGS(webhook->name), unit->error.detail);
    }
    webhook->keying = false;
    webhook->units_away--;
    unit_deinit(unit);
    first_free(first);
    if (err == OK && !webhooks->closing) {
        webhooks_reload(webhooks);
    }
}

void webhook_make_first_key(struct webhook *webhook)
{
    struct webhooks *webhooks = webhook->webhooks;
    if (webhook->key_rows > 0 || webhook->keying || webhook->changing) {
        return; /* a change may bring one */
    }
    struct first_key *first = mem_zalloc(sizeof(*first));
    first->webhook = webhook;
    arena_init(&first->arena);
    webhook_key_make(&first->key);
    first->key.id = ids_next(store_ids(webhooks->options.store));
    first->sealed = webhook_seal_key(webhooks, &first->arena, webhook->id, &first->key);
    first->unit = (struct unit){.reply = loop_mailbox(webhooks->options.loop),
                                .apply = first_apply,
                                .done = first_done,
                                .scope = webhooks->scope,
                                .request = STR("webhook")};
    if (store_submit(webhooks->options.store, &first->unit) != OK) {
        first_free(first); /* whatever is reconciled next tries again */
        return;
    }
    webhook->keying = true;
    webhook->units_away++;
}
