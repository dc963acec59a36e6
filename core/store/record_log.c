/* What the log says of a change: the changed fields before and after, personal ones sealed, secrets
 * never. Writer thread. */
#include "columns.h"
#include "erasure.h"
#include "proxenos/base_json.h"
#include "record_write.h"
#include "seal.h"

#include <string.h>

/* Version, times and actors are the entry's own; the id is its record. */
static bool told(const struct field *field)
{
    bool by_entry = field->system && field->readonly && field->index != SYS_ARCHIVED_AT;
    return !by_entry && field->type != FIELD_SECRET && !field->computed_on_read;
}

/* Which fields of the record stand in the payload. */
struct telling {
    const struct writing *writing;
    bool sealed; /* the personal ones or the plain ones */
};

static bool wanted(const struct telling *telling, const struct record *record,
                   const struct field *field)
{
    const struct writing *writing = telling->writing;
    if (!told(field) || field_personal(record->type, field) != telling->sealed) {
        return false;
    }
    bool both = writing->before != NULL && writing->whole != NULL;
    return both ? writing->changed[field->index]
                : record->has[field->index] == RECORD_HAS &&
                      !value_missing(&record->values[field->index]);
}

/* "name":{…} of one side; nothing when no field is wanted. */
static void write_side(struct buf *out, const struct telling *telling, const char *name,
                       const struct record *record, bool *first)
{
    bool empty = true;
    for (int i = 0; record != NULL && i < record->type->field_count; i++) {
        const struct field *field = &record->type->fields[i];
        if (!wanted(telling, record, field)) {
            continue;
        }
        if (empty) {
            json_write_key(out, str_from(name), first);
            buf_append_char(out, '{');
        }
        json_write_key(out, field->name, &empty);
        value_write_api(out, &record->values[i]);
    }
    buf_append_str(out, empty ? STR("") : STR("}"));
}

static void write_sides(struct buf *out, const struct telling *telling, bool *first)
{
    write_side(out, telling, "before", telling->writing->before, first);
    write_side(out, telling, "after", telling->writing->whole, first);
}

static int64_t subject_of(const struct writing *writing)
{
    const struct record *record = writing->whole != NULL ? writing->whole : writing->before;
    const struct field *field = object_field(writing->type, writing->type->subject);
    if (field != NULL && record->values[field->index].kind == VALUE_ID) {
        return record->values[field->index].integer;
    }
    return record->id;
}

static bool has_personal(const struct writing *writing)
{
    for (int i = 0; i < writing->type->field_count; i++) {
        if (field_personal(writing->type, &writing->type->fields[i])) {
            return true;
        }
    }
    return false;
}

/* Nothing personal is kept any more of who was erased: not under a new key either. */
static enum err check_subject(const struct writing *writing, int64_t subject, struct error *error)
{
    struct store *store = writing->tx->store;
    if (__atomic_load_n(&store->any_erased, __ATOMIC_ACQUIRE) == 0) {
        return OK;
    }
    return erasure_check(writing->tx, subject, error);
}

/* "sealed":{"key":…,"data":…} in front, when there is something to seal. */
static enum err write_sealed(struct buf *out, const struct writing *writing, bool *first,
                             struct error *error)
{
    struct telling personal = {.writing = writing, .sealed = true};
    struct buf plain;
    bool empty = true;
    enum err err = OK;
    buf_init(&plain);
    buf_append_char(&plain, '{');
    write_sides(&plain, &personal, &empty);
    buf_append_char(&plain, '}');
    if (!empty) {
        int64_t subject = subject_of(writing);
        json_write_key(out, STR("sealed"), first);
        err = check_subject(writing, subject, error);
        if (err == OK) {
            err = seal_write(writing->tx->store, subject, buf_str(&plain), out, error);
        }
    }
    buf_deinit(&plain);
    return err;
}

static struct str compartment_of(const struct record *record)
{
    const struct value *value = &record->values[SYS_COMPARTMENT];
    return value->kind == VALUE_TEXT ? value->text : STR("");
}

/* "deal" and "created" as "deal.created": every change makes one, so no printf. */
static struct str event_type(struct arena *arena, struct str object, struct str verb)
{
    char *text = arena_alloc(arena, object.len + 1 + verb.len);
    memcpy(text, object.at, object.len);
    text[object.len] = '.';
    memcpy(text + object.len + 1, verb.at, verb.len);
    return (struct str){text, object.len + 1 + verb.len};
}

enum { PAYLOAD_BYTES_USUAL = 1024 };

enum err record_log(struct writing *writing, const char *verb, struct error *error)
{
    struct arena *arena = tx_arena(writing->tx);
    const struct record *record = writing->whole != NULL ? writing->whole : writing->before;
    struct telling plain = {.writing = writing, .sealed = false};
    struct buf payload;
    bool first = true;
    enum err err = OK;
    buf_init(&payload);
    (void)buf_reserve(&payload, PAYLOAD_BYTES_USUAL);
    buf_append_char(&payload, '{');
    if (has_personal(writing)) {
        err = write_sealed(&payload, writing, &first, error);
    }
    write_sides(&payload, &plain, &first);
    if (writing->merged_into != 0) {
        json_write_key(&payload, STR("merged_into"), &first);
        value_write_api(&payload,
                        &(struct value){.kind = VALUE_ID, .integer = writing->merged_into});
    }
    if (writing->before == NULL && writing->draft != NULL && writing->draft->allow_duplicates) {
        json_write_key(&payload, STR("duplicates"), &first);
        buf_append_str(&payload, STR("\"allowed\""));
    }
    buf_append_char(&payload, '}');
    struct log_entry entry = {
        .type = event_type(arena, writing->type->name, str_from(verb)),
        .object = writing->type->name,
        .state = record_state_entered(writing),
        .record = record->id,
        .version = record->version + (writing->whole == NULL ? 1 : 0),
        .compartment = compartment_of(record),
        .payload = arena_str(arena, buf_str(&payload)),
    };
    buf_deinit(&payload);
    if (writing->absent != NULL) {
        entry.via =
            arena_printf(arena, STR_FORMAT " for " STR_FORMAT, STR_ARGS(writing->tx->scope->via),
                         STR_ARGS(writing->absent->actor));
    }
    return err != OK ? err : log_append(writing->tx, &entry, &writing->seq, error);
}
