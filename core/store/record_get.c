/* tx_get, tx_find_unique: reads inside a unit, under its scope. Writer thread. */
#include "columns.h"
#include "query.h"
#include "record_write.h"

/* The type as tx's own snapshot has it: callers may hold an older one. */
static enum err own_type(struct tx *tx, const struct object_type **type, struct error *error)
{
    return schema_find_object(tx->schema, (*type)->name, type, error);
}

enum err tx_get(struct tx *tx, const struct object_type *type, int64_t id,
                struct record **out_record, struct error *error)
{
    struct record *record = NULL;
    enum err err = own_type(tx, &type, error);
    if (err == OK) {
        err = record_row_get(tx, type, id, &record, error);
    }
    if (err == OK) {
        struct record_head head = record_head_of(record);
        err = record_readable(tx->scope, type, &head) ? OK : ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        return record_missing(type, id, error);
    }
    if (err == OK) {
        *out_record = record_for_scope(tx_arena(tx), tx->scope, record);
    }
    return err;
}

enum err tx_find_unique(struct tx *tx, const struct object_type *type, const struct field *field,
                        const struct value *value, int64_t *out_id, struct error *error)
{
    int64_t id = 0;
    struct record_head head;
    const struct field *own = NULL;
    enum err err = own_type(tx, &type, error);
    if (err == OK) {
        err = object_find_field(type, field->name, &own, error);
    }
    if (err != OK) {
        return err;
    }
    ASSERT(field_stored(own));
    if (value->kind != VALUE_NULL && draft_access(tx->scope, type, own) >= FIELD_READABLE) {
        err = record_row_find(tx, type, own, value, &id, error);
    }
    if (err == OK && id != 0) {
        err = record_row_head(tx, type, id, &head, error);
    }
    if (err != OK) {
        return err;
    }
    if (id == 0 || !record_readable(tx->scope, type, &head)) {
        return error_set(error, ERR_NOT_FOUND, "no " STR_FORMAT " has this " STR_FORMAT,
                         STR_ARGS(type->name), STR_ARGS(own->name));
    }
    *out_id = id;
    return OK;
}
