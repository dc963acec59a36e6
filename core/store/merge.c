/* Merging records (store_merge.h): what is taken over, what refers, cycles, the end of the others.
 * Each change is a record write of its own with its log entry, so that history, events and reverts
 * need to know nothing of merges. Writer thread, inside a unit's apply. */
#include "proxenos/store_merge.h"

#include "attachment.h"
#include "changeset.h"
#include "columns.h"
#include "proxenos/base_json.h"
#include "record_write.h"

struct merging {
    struct tx *tx;
    struct merge *merge;
    const struct object_type *type; /* of tx's snapshot */
    struct record *keep;
    struct record **others;
};

static struct str id_word(struct arena *arena, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_str(arena, str_from(text));
}

/* ---- the records ---- */

static enum err load_one(struct merging *merging, int64_t id, uint32_t verb,
                         struct record **out_record, struct error *error)
{
    struct tx *tx = merging->tx;
    enum err err = record_row_get(tx, merging->type, id, out_record, error);
    if (err == OK) {
        struct record_head head = record_head_of(*out_record);
        err = record_may(tx->scope, merging->type, verb, &head, error);
    }
    return err == ERR_NOT_FOUND ? record_missing(merging->type, id, error) : err;
}

static bool is_other(const struct merging *merging, const struct object_type *type, int64_t id)
{
    for (size_t i = 0; type == merging->type && i < merging->merge->other_count; i++) {
        if (merging->merge->others[i] == id) {
            return true;
        }
    }
    return false;
}

static enum err check_question(const struct merging *merging, struct error *error)
{
    const struct merge *merge = merging->merge;
    if (merge->other_count == 0 || merge->other_count > MERGE_OTHERS_MAX) {
        return error_at(error, ERR_INVALID, "/others", NULL, "name 1 to %d records to merge",
                        MERGE_OTHERS_MAX);
    }
    if (str_is(merging->type->plugin, "core") || str_is(merging->type->plugin, "auth")) {
        return error_set(error, ERR_INVALID,
                         "a " STR_FORMAT " is not merged: hand its records over instead",
                         STR_ARGS(merging->type->name));
    }
    for (size_t i = 0; i < merge->other_count; i++) {
        bool twice = merge->others[i] == merge->keep;
        for (size_t k = 0; k < i; k++) {
            twice = twice || merge->others[i] == merge->others[k];
        }
        if (twice) {
            return error_at(error, ERR_INVALID, "/others", NULL,
                            "a record is not merged with itself");
        }
    }
    return OK;
}

static enum err load_all(struct merging *merging, struct error *error)
{
    struct merge *merge = merging->merge;
    enum err err = load_one(merging, merge->keep, VERB_UPDATE, &merging->keep, error);
    merging->others = ARENA_ARRAY(tx_arena(merging->tx), struct record *, merge->other_count);
    for (size_t i = 0; i < merge->other_count && err == OK; i++) {
        err = load_one(merging, merge->others[i], VERB_DELETE, &merging->others[i], error);
        if (err == OK && !value_equal(&merging->others[i]->values[SYS_COMPARTMENT],
                                      &merging->keep->values[SYS_COMPARTMENT])) {
            err = error_set(error, ERR_CONFLICT, "the records lie in different compartments");
        }
    }
    return err;
}

/* ---- files ---- */

static enum err move_files(struct merging *merging, struct error *error)
{
    struct merge *merge = merging->merge;
    enum err err = OK;
    merge->files = 0;
    for (size_t i = 0; i < merge->other_count && err == OK; i++) {
        int64_t count = 0;
        err = attachments_move(merging->tx, merging->others[i], merging->keep, &count, error);
        merge->files += count;
    }
    return err;
}

/* ---- what is taken over ---- */

static bool may_fill(const struct merging *merging, const struct field *field)
{
    bool state = merging->type->machine != NULL && merging->type->machine->field == field->index;
    return !state && !field->readonly && field->type != FIELD_SECRET &&
           field->computed_source.len == 0 && field->index != SYS_COMPARTMENT &&
           draft_access(merging->tx->scope, merging->type, field) == FIELD_WRITABLE;
}

static void union_of(struct merging *merging, const struct field *field, const struct record *other,
                     struct value *list)
{
    const struct value *more = &other->values[field->index];
    for (size_t i = 0; more->kind == VALUE_LIST && i < more->list.count; i++) {
        bool there = more->list.items[i].kind == VALUE_ID &&
                     (more->list.items[i].integer == merging->merge->keep ||
                      is_other(merging, schema_object(merging->tx->schema, field->to),
                               more->list.items[i].integer));
        for (size_t k = 0; k < list->list.count && !there; k++) {
            there = value_equal(&list->list.items[k], &more->list.items[i]);
        }
        if (!there) {
            value_push(tx_arena(merging->tx), list, more->list.items[i]);
        }
    }
}

/* The value that the kept record shall hold; false when it stays as it is. */
static bool filled_value(struct merging *merging, const struct field *field,
                         struct value *out_value, struct record **out_from)
{
    const struct value *own = &merging->keep->values[field->index];
    *out_from = NULL;
    *out_value = value_copy(tx_arena(merging->tx), own);
    for (size_t i = 0; i < merging->merge->other_count; i++) {
        const struct value *theirs = &merging->others[i]->values[field->index];
        if (field_many(field)) {
            union_of(merging, field, merging->others[i], out_value);
        } else if (value_missing(out_value) && !value_missing(theirs) &&
                   !(theirs->kind == VALUE_ID && theirs->integer == merging->merge->keep)) {
            *out_value = *theirs;
            *out_from = merging->others[i];
        }
    }
    return field_many(field) ? out_value->list.count > own->list.count : *out_from != NULL;
}

/* A unique value can be of one record at a time: it leaves the other before. */
static enum err give_away(struct merging *merging, const struct record *other,
                          const struct field *field, struct error *error)
{
    struct draft *draft = draft_new(tx_arena(merging->tx), DRAFT_UPDATE, merging->type, other->id);
    draft_put(draft, field, value_null(), tx_arena(merging->tx));
    struct writing writing = {.tx = merging->tx, .draft = draft, .trusted = true};
    return record_apply(&writing, NULL, error);
}

static enum err fill(struct merging *merging, struct error *error)
{
    struct arena *arena = tx_arena(merging->tx);
    struct draft *draft = draft_new(arena, DRAFT_UPDATE, merging->type, merging->merge->keep);
    enum err err = OK;
    for (int i = 0; i < merging->type->field_count && err == OK; i++) {
        const struct field *field = &merging->type->fields[i];
        struct value value;
        struct record *from = NULL;
        if (!may_fill(merging, field) || !filled_value(merging, field, &value, &from)) {
            continue;
        }
        draft_put(draft, field, value, arena);
        value_push(arena, &merging->merge->filled, value_text(field->name));
        if (field->unique && from != NULL) {
            err = give_away(merging, from, field, error);
        }
    }
    if (err != OK || merging->merge->filled.list.count == 0) {
        return err;
    }
    struct writing writing = {.tx = merging->tx, .draft = draft};
    return record_apply(&writing, NULL, error);
}

/* ---- what refers ---- */

/* The referring field as it shall be. */
static struct value moved_value(struct merging *merging, const struct field *field,
                                const struct record *referrer)
{
    const struct value *before = &referrer->values[field->index];
    struct value keep = value_id(merging->merge->keep);
    if (field->type == FIELD_REF) {
        return keep;
    }
    struct value list = value_list_new();
    bool itself = referrer->id == merging->merge->keep && referrer->type == merging->type;
    bool placed = itself; /* a record is not in a list of its own */
    for (size_t i = 0; i < before->list.count; i++) {
        int64_t id = before->list.items[i].integer;
        bool one_of_them = id == merging->merge->keep || is_other(merging, merging->type, id);
        if (!one_of_them) {
            value_push(tx_arena(merging->tx), &list, before->list.items[i]);
        } else if (!placed) {
            value_push(tx_arena(merging->tx), &list, keep);
            placed = true;
        }
    }
    return list;
}

static enum err move_one(struct merging *merging, const struct referrers *referrers, int64_t id,
                         int64_t *count, struct error *error)
{
    struct tx *tx = merging->tx;
    struct record *referrer = NULL;
    enum err err = record_row_get(tx, referrers->type, id, &referrer, error);
    if (err != OK) {
        return err;
    }
    struct record_head head = record_head_of(referrer);
    *count += record_readable(tx->scope, referrers->type, &head) ? 1 : 0;
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, referrers->type, id);
    draft_put(draft, referrers->field, moved_value(merging, referrers->field, referrer),
              tx_arena(tx));
    struct writing writing = {.tx = tx, .draft = draft, .trusted = true};
    err = record_apply(&writing, NULL, error);
    if (err != OK && error != NULL && record_readable(tx->scope, referrers->type, &head)) {
        struct str word = id_word(tx_arena(tx), id);
        error_prefix(error, STR_FORMAT " " STR_FORMAT ": ", STR_ARGS(referrers->type->name),
                     STR_ARGS(word));
    }
    return err;
}

static enum err move_from(struct merging *merging, struct referrers *found, int64_t other,
                          int64_t *count, struct error *error)
{
    enum err err = record_row_referrers(merging->tx, found, other, MERGE_REFERENCES_MAX, error);
    for (size_t i = 0; i < found->count && err == OK; i++) {
        if (!is_other(merging, found->type, found->ids[i])) {
            err = move_one(merging, found, found->ids[i], count, error);
        }
    }
    return err;
}

static void tell_count(struct merging *merging, const struct referrers *found, int64_t count)
{
    struct arena *arena = tx_arena(merging->tx);
    struct value row = value_map_new();
    value_put_c(arena, &row, "object", value_text(found->type->name));
    value_put_c(arena, &row, "field", value_text(found->field->name));
    value_put_c(arena, &row, "count", value_int(count));
    value_push(arena, &merging->merge->references, row);
}

static enum err move_field(struct merging *merging, const struct object_type *type,
                           const struct field *field, struct error *error)
{
    struct referrers found = {.type = type, .field = field};
    int64_t count = 0;
    enum err err = OK;
    for (size_t i = 0; i < merging->merge->other_count && err == OK; i++) {
        found.ids = NULL;
        found.count = 0;
        err = move_from(merging, &found, merging->merge->others[i], &count, error);
    }
    if (err == OK && count > 0) {
        tell_count(merging, &found, count);
    }
    return err;
}

static enum err move_type(struct merging *merging, const struct object_type *type,
                          struct error *error)
{
    enum err err = OK;
    for (int i = 0; i < type->field_count && err == OK; i++) {
        if (str_eq(type->fields[i].to, merging->type->name)) {
            err = move_field(merging, type, &type->fields[i], error);
        }
    }
    return err;
}

static enum err move_all(struct merging *merging, struct error *error)
{
    const struct schema *schema = merging->tx->schema;
    enum err err = OK;
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        err = move_type(merging, &schema->objects[i], error);
    }
    return err;
}

/* ---- cycles ---- */

/* Follows a field from the kept record; *out_path is "A → B → A" when it leads back, else empty. */
static enum err walk(struct merging *merging, const struct field *field, struct str *out_path,
                     struct error *error)
{
    struct arena *arena = tx_arena(merging->tx);
    struct buf path;
    int64_t at = merging->merge->keep;
    enum err err = OK;
    *out_path = STR("");
    buf_init(&path);
    for (int hop = 0; hop < MERGE_CHAIN_MAX && err == OK; hop++) {
        struct record *record = NULL;
        err = record_row_get(merging->tx, merging->type, at, &record, error);
        buf_append_str(&path, hop > 0 ? STR(" → ") : STR(""));
        buf_append_str(&path, id_word(arena, at));
        if (err != OK || record->values[field->index].kind != VALUE_ID) {
            break;
        }
        at = record->values[field->index].integer;
        if (at == merging->merge->keep) {
            buf_append_str(&path, STR(" → "));
            buf_append_str(&path, id_word(arena, at));
            *out_path = arena_str(arena, buf_str(&path));
            break;
        }
    }
    buf_deinit(&path);
    return err == ERR_NOT_FOUND ? OK : err;
}

static bool leads_up(const struct merging *merging, const struct field *field)
{
    return field->type == FIELD_REF && str_eq(field->to, merging->type->name);
}

/* before: which fields lead in a circle already, which is then not of our making. */
static enum err check_cycles(struct merging *merging, bool before, bool *circles,
                             struct error *error)
{
    for (int i = 0; i < merging->type->field_count; i++) {
        const struct field *field = &merging->type->fields[i];
        struct str path = STR("");
        enum err err = leads_up(merging, field) ? walk(merging, field, &path, error) : OK;
        if (err != OK) {
            return err;
        }
        if (before) {
            circles[i] = path.len > 0;
        } else if (path.len > 0 && !circles[i]) {
            return error_at(
                error, ERR_CYCLE,
                arena_printf(tx_arena(merging->tx), "/" STR_FORMAT, STR_ARGS(field->name)).at, NULL,
                "merging would make a cycle of " STR_FORMAT ": " STR_FORMAT, STR_ARGS(field->name),
                STR_ARGS(path));
        }
    }
    return OK;
}

/* ---- the end of the others, and the event ---- */

static enum err end_other(struct merging *merging, int64_t id, struct error *error)
{
    bool remove = merging->merge->remove;
    struct draft *draft =
        draft_new(tx_arena(merging->tx), remove ? DRAFT_DELETE : DRAFT_UPDATE, merging->type, id);
    draft->archive = !remove;
    struct writing writing = {
        .tx = merging->tx, .draft = draft, .trusted = !remove, .merged_into = merging->merge->keep};
    return record_apply(&writing, NULL, error);
}

static enum err tell(struct merging *merging, struct error *error)
{
    struct arena *arena = tx_arena(merging->tx);
    struct value payload = value_map_new();
    struct value ids = value_list_new();
    struct record *kept = NULL;
    struct buf text;
    enum err err = record_row_get(merging->tx, merging->type, merging->merge->keep, &kept, error);
    if (err != OK) {
        return err;
    }
    for (size_t i = 0; i < merging->merge->other_count; i++) {
        value_push(arena, &ids, value_id(merging->merge->others[i]));
    }
    value_put_c(arena, &payload, "merged", ids);
    buf_init(&text);
    json_encode(&text, &payload);
    struct log_entry entry = {
        .type = arena_printf(arena, STR_FORMAT ".merged", STR_ARGS(merging->type->name)),
        .object = merging->type->name,
        .record = merging->merge->keep,
        .version = kept->version,
        .compartment = record_head_of(kept).compartment,
        .payload = arena_str(arena, buf_str(&text))};
    buf_deinit(&text);
    merging->merge->kept = record_for_scope(arena, merging->tx->scope, kept);
    return log_append(merging->tx, &entry, NULL, error);
}

static enum err merge_all(struct merging *merging, struct error *error)
{
    bool *circles = ARENA_ARRAY(tx_arena(merging->tx), bool, (size_t)merging->type->field_count);
    enum err err = load_all(merging, error);
    if (err == OK) {
        err = check_cycles(merging, true, circles, error);
    }
    /* First, so that a file that a field names is there when the field is taken over. */
    if (err == OK) {
        err = move_files(merging, error);
    }
    if (err == OK && merging->merge->fill) {
        err = fill(merging, error);
    }
    if (err == OK) {
        err = move_all(merging, error);
    }
    if (err == OK) {
        err = check_cycles(merging, false, circles, error);
    }
    for (size_t i = 0; i < merging->merge->other_count && err == OK; i++) {
        err = end_other(merging, merging->merge->others[i], error);
    }
    return err == OK ? tell(merging, error) : err;
}

enum err tx_merge(struct tx *tx, struct merge *merge, struct error *error)
{
    struct merging merging = {.tx = tx, .merge = merge};
    const struct changeset *former = tx->changeset;
    merge->references = value_list_new();
    merge->filled = value_list_new();
    merge->kept = NULL;
    enum err err = schema_find_object(tx->schema, merge->type->name, &merging.type, error);
    if (err == OK && approval_is(merging.type)) {
        err = error_set(error, ERR_READONLY, "approvals cannot be merged");
    }
    if (err == OK) {
        err = check_question(&merging, error);
    }
    if (err == OK) {
        err = tx_changeset(tx, merge->as, error);
    }
    if (err == OK) {
        err = merge_all(&merging, error);
    }
    return err == OK ? tx_changeset(tx, former, error) : err;
}
