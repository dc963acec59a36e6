/* Taking what tells of the subject out of payloads that hold it in the clear: entries from before a
 * field was classed, and events of plugins. Their header and hash stay; the entry that takes them
 * proves which and how many. In units, so that the writer is not held up. */
#include "erasure.h"
#include "log.h"
#include "proxenos/base_json.h"
#include "sqlite/erasure_sql.h"

enum { REDACT_GROUP = 256 };

struct redaction {
    struct unit unit;
    struct erasure *erasure;
    const int64_t *seqs;
    size_t count;
};

struct taken {
    struct hasher hasher;
    size_t count;
};

static struct value cut(struct arena *arena, const struct object_type *type,
                        const struct value *fields)
{
    struct value kept = value_map_new();
    for (size_t i = 0; i < fields->map.count; i++) {
        const struct field *field = object_field(type, fields->map.entries[i].key);
        bool goes = field == NULL ? type->person : field_personal(type, field);
        if (!goes) {
            value_put(arena, &kept, fields->map.entries[i].key, fields->map.entries[i].value);
        }
    }
    return kept;
}

/* {"erased":seq} and what tells nothing of anybody. */
static struct str remains(struct tx *tx, const struct log_entry *entry, int64_t seq)
{
    struct arena *arena = tx_arena(tx);
    const struct object_type *type = schema_object(tx->schema, entry->object);
    struct value payload = value_null();
    struct value kept = value_map_new();
    struct buf text;
    value_put_c(arena, &kept, "erased", value_int(seq));
    bool record = type != NULL && !approval_is(type) &&
                  json_decode(arena, entry->payload, &payload, NULL) == OK &&
                  payload.kind == VALUE_MAP;
    for (size_t i = 0; record && i < payload.map.count; i++) {
        const struct value_entry *one = &payload.map.entries[i];
        bool side = str_is(one->key, "before") || str_is(one->key, "after");
        if (side && one->value.kind == VALUE_MAP) {
            value_put(arena, &kept, one->key, cut(arena, type, &one->value));
        } else if (!side) {
            value_put(arena, &kept, one->key, one->value);
        }
    }
    buf_init(&text);
    json_encode(&text, &kept);
    struct str result = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return result;
}

/* What an erasure before this one took stays as that one proved it. */
static enum err redact_one(struct tx *tx, int64_t seq, int64_t by, struct taken *taken,
                           struct error *error)
{
    struct log_entry entry;
    enum err err = erasure_sql_payload(tx->db, seq, tx_arena(tx), &entry, error);
    if (err != OK || str_starts(entry.payload, erased_start)) {
        return err;
    }
    struct str left = remains(tx, &entry, by);
    log_erased_add(&taken->hasher, seq, left);
    taken->count++;
    return erasure_sql_replace(tx->db, seq, left, error);
}

static enum err append(struct tx *tx, struct redaction *redaction, struct taken *taken,
                       struct error *error)
{
    struct arena *arena = tx_arena(tx);
    const struct erasure *erasure = redaction->erasure;
    unsigned char digest[HASH_BYTES];
    struct buf text;
    hash_end(&taken->hasher, digest);
    buf_init(&text);
    buf_printf(&text, "{\"redacted\":{\"entries\":%zu,\"digest\":\"", taken->count);
    hex_encode(&text, digest, sizeof(digest));
    buf_append_str(&text, STR("\"}}"));
    struct str object = erasure->type->name;
    struct log_entry entry = {.type = arena_printf(arena, STR_FORMAT ".redacted", STR_ARGS(object)),
                              .object = arena_str(arena, object),
                              .record = erasure->ids[0],
                              .payload = arena_str(arena, buf_str(&text))};
    buf_deinit(&text);
    return log_append(tx, &entry, NULL, error);
}

static enum err redact_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct redaction *redaction = CONTAINER_OF(unit, struct redaction, unit);
    struct taken taken = {.count = 0};
    int64_t by = tx->head.seq + tx->entry_count + 1;
    enum err err = OK;
    hash_start(&taken.hasher);
    for (size_t i = 0; err == OK && i < redaction->count; i++) {
        err = redact_one(tx, redaction->seqs[i], by, &taken, error);
    }
    return err == OK && taken.count > 0 ? append(tx, redaction, &taken, error) : err;
}

enum err erasure_redact(struct erasure *erasure, const struct buf *seqs, struct error *error)
{
    const int64_t *all = (const int64_t *)(const void *)seqs->at;
    size_t count = seqs->len / sizeof(int64_t);
    enum err err = OK;
    for (size_t at = 0; err == OK && at < count; at += REDACT_GROUP) {
        struct redaction redaction = {
            .erasure = erasure, .seqs = all + at, .count = MIN((size_t)REDACT_GROUP, count - at)};
        redaction.unit = (struct unit){.apply = redact_apply,
                                       .scope = erasure->erasing->scope,
                                       .request = erasure->erasing->request};
        err = store_run(erasure->erasing->store, &redaction.unit);
        if (err != OK) {
            *error = redaction.unit.error;
            error->next = NULL;
        }
        unit_deinit(&redaction.unit);
    }
    return err;
}
