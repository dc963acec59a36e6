/* Looking for a data subject before it is erased: the records that were merged into it, the values
 * that it ever had, and every entry of the log that holds them in the clear. A lane's thread, with
 * a reader of its own. */
#include "erasure.h"

#include "log.h"
#include "proxenos/base_json.h"
#include "proxenos/store_history.h"

#include <string.h>

enum { SCAN_ENTRIES = 2000, SCAN_LOOK = 20000 };

bool erasure_is_own(const struct erasure *erasure, int64_t record)
{
    for (size_t i = 0; i < erasure->id_count; i++) {
        if (erasure->ids[i] == record) {
            return true;
        }
    }
    return false;
}

struct existing {
    struct str object;
    bool any;
};

static enum err on_existing(void *context, const struct log_entry *entry, struct error *error)
{
    struct existing *existing = context;
    (void)error;
    existing->any = existing->any || str_eq(entry->object, existing->object);
    return OK;
}

enum err erasure_exists(struct reader *reader, const struct object_type *type, int64_t id,
                        bool *out_any, struct error *error)
{
    struct existing existing = {.object = type->name};
    enum err err = reader_log_record(reader, id, on_existing, &existing, error);
    *out_any = existing.any;
    return err;
}

/* ---- its own entries ---- */

static void add_merged(struct erasure *erasure, const struct value *payload)
{
    const struct value *merged = value_get_c(payload, "merged");
    for (size_t i = 0; merged != NULL && merged->kind == VALUE_LIST && i < merged->list.count;
         i++) {
        int64_t id = 0;
        const struct value *one = &merged->list.items[i];
        if (one->kind == VALUE_TEXT && id_parse(one->text, &id) == OK &&
            !erasure_is_own(erasure, id) && erasure->id_count < ERASURE_IDS_MAX) {
            erasure->ids[erasure->id_count++] = id;
        }
    }
}

static enum err on_own(void *context, const struct log_entry *entry, struct error *error)
{
    struct erasure *erasure = context;
    struct arena arena;
    struct value payload = value_null();
    bool erased = false;
    enum err err = OK;
    if (!str_eq(entry->object, erasure->type->name)) {
        return OK;
    }
    arena_init(&arena);
    if (json_decode(&arena, entry->payload, &payload, NULL) == OK) {
        err = seal_open_payload(erasure->erasing->store, &arena, &payload, &erased, error);
    }
    if (err == OK && payload.kind == VALUE_MAP) {
        add_merged(erasure, &payload);
        words_add_fields(&erasure->words, erasure->type, value_get_c(&payload, "before"));
        words_add_fields(&erasure->words, erasure->type, value_get_c(&payload, "after"));
    }
    arena_deinit(&arena);
    return err;
}

/* Of the row as it is: after a restore the log's sealed parts are gone already. */
static enum err row_words(struct erasure *erasure, int64_t id, struct error *error)
{
    struct arena arena;
    struct record *record = NULL;
    arena_init(&arena);
    enum err err = reader_get(erasure->erasing->reader, erasure->system, erasure->type, id, &arena,
                              &record, error);
    if (err == OK) {
        struct value fields = record_to_value(&arena, record);
        words_add_fields(&erasure->words, erasure->type, &fields);
    }
    arena_deinit(&arena);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err erasure_find_words(struct erasure *erasure, struct error *error)
{
    enum err err = OK;
    err = row_words(erasure, erasure->ids[0], error);
    /* The list grows while it is walked: what was merged into what was merged. */
    for (size_t i = 0; err == OK && i < erasure->id_count; i++) {
        size_t known = erasure->id_count;
        err = reader_log_record(erasure->erasing->reader, erasure->ids[i], on_own, erasure, error);
        for (size_t m = known; err == OK && m < erasure->id_count; m++) {
            err = row_words(erasure, erasure->ids[m], error);
        }
    }
    return err;
}

/* ---- all entries ---- */

/* A personal field that stands in the payload as anybody may read it. */
static bool in_clear(const struct object_type *type, const struct value *fields)
{
    for (size_t i = 0; fields != NULL && fields->kind == VALUE_MAP && i < fields->map.count; i++) {
        const struct field *field = object_field(type, fields->map.entries[i].key);
        bool unknown = field == NULL && type->person;
        if (unknown || (field != NULL && field_personal(type, field))) {
            return true;
        }
    }
    return false;
}

static bool of_subject(const struct erasure *erasure, const struct object_type *type,
                       const struct value *payload)
{
    static const char *const sides[] = {"before", "after"};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        const struct value *side = value_get_c(payload, sides[i]);
        int64_t id = 0;
        const struct value *ref =
            side != NULL && side->kind == VALUE_MAP ? value_get(side, type->subject) : NULL;
        if (ref != NULL && ref->kind == VALUE_TEXT && id_parse(ref->text, &id) == OK &&
            erasure_is_own(erasure, id)) {
            return true;
        }
    }
    return false;
}

static void mention(struct erasure *erasure, const struct log_entry *entry)
{
    struct value *list = &erasure->mentions;
    struct arena *arena = erasure->erasing->arena;
    if (!scope_sees_compartment(erasure->erasing->scope, entry->compartment)) {
        return; /* whoever asks does not know of it (contract 25) */
    }
    for (size_t i = 0; i < list->list.count; i++) {
        if (value_get_c(&list->list.items[i], "id")->integer == entry->record) {
            return;
        }
    }
    erasure->mention_count++;
    if (list->list.count < ERASURE_MENTIONS_MAX) {
        struct value row = value_map_new();
        value_put_c(arena, &row, "object", value_text(arena_str(arena, entry->object)));
        value_put_c(arena, &row, "id", value_id(entry->record));
        value_push(arena, list, row);
    }
}

static bool has_personal(const struct erasure *erasure, const struct log_entry *entry)
{
    struct arena arena;
    struct value payload = value_null();
    bool found = false;
    arena_init(&arena);
    if (json_decode(&arena, entry->payload, &payload, NULL) == OK) {
        found = in_clear(erasure->type, value_get_c(&payload, "before")) ||
                in_clear(erasure->type, value_get_c(&payload, "after"));
    }
    arena_deinit(&arena);
    return found;
}

/* Of a record whose subject it is, from before its fields were classed. */
static bool dependant_in_clear(const struct erasure *erasure, const struct object_type *type,
                               const struct log_entry *entry)
{
    struct arena arena;
    struct value payload = value_null();
    bool found = false;
    if (str_is(type->subject, "id")) {
        return false;
    }
    arena_init(&arena);
    if (json_decode(&arena, entry->payload, &payload, NULL) == OK) {
        found = of_subject(erasure, type, &payload) &&
                (in_clear(type, value_get_c(&payload, "before")) ||
                 in_clear(type, value_get_c(&payload, "after")));
    }
    arena_deinit(&arena);
    return found;
}

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct erasure *erasure = context;
    const struct object_type *type = schema_object(erasure->system->schema, entry->object);
    if (str_starts(entry->payload, erased_start)) {
        return OK;
    }
    if (erasure_is_own(erasure, entry->record) && str_eq(entry->object, erasure->type->name)) {
        if (has_personal(erasure, entry)) {
            buf_append(&erasure->own, &entry->seq, sizeof(entry->seq));
        }
        return OK;
    }
    if (type != NULL && dependant_in_clear(erasure, type, entry)) {
        buf_append(&erasure->own, &entry->seq, sizeof(entry->seq));
        return OK;
    }
    if (!words_match(&erasure->words, entry->payload)) {
        return OK;
    }
    if (type == NULL || approval_is(type)) {
        buf_append(&erasure->foreign, &entry->seq, sizeof(entry->seq));
    } else {
        mention(erasure, entry);
    }
    return OK;
}

enum err erasure_scan(struct erasure *erasure, struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    int64_t to = store_seq(erasing->store);
    int64_t after = erasure->scanned;
    enum err err = OK;
    erasure->scanned = to;
    while (err == OK && after < to) {
        err = reader_log_raw(erasing->reader, after, SCAN_ENTRIES, on_entry, erasure, error);
        after += SCAN_ENTRIES; /* seqs have no gaps */
        if (err == OK && !erasing->progress(erasing->context, MIN(after, to), to)) {
            err = error_set(error, ERR_CANCELLED, "it was interrupted");
        }
    }
    return err;
}
