/* A draft that was made under an older snapshot, moved to the writer's by names (contract 5): what
 * is no longer declared is an unknown field, what is declared anew gets its default. Writer thread.
 */
#include "columns.h"
#include "field_value.h"
#include "record_write.h"

static enum err move_value(struct tx *tx, const struct draft *from, const struct field *old,
                           struct draft *to, struct error *error)
{
    const struct field *field = NULL;
    struct value value = from->values[old->index];
    enum err err = object_find_field(to->type, old->name, &field, error);
    /* Sealed secrets and computed values need no conversion; all else is checked by today's field.
     */
    if (err == OK && field->computed_source.len > 0) {
        return OK;
    }
    if (err == OK && field->type != FIELD_SECRET) {
        err = field_value(field, &from->values[old->index], tx_arena(tx), &value, error);
    }
    if (err == OK) {
        draft_put(to, field, value, tx_arena(tx));
        to->set[field->index] = from->set[old->index];
    }
    return err;
}

enum err draft_remap(struct tx *tx, const struct draft *draft, const struct draft **out_draft,
                     struct error *error)
{
    const struct object_type *type = NULL;
    enum err err = schema_find_object(tx->schema, draft->type->name, &type, error);
    if (err != OK) {
        return err;
    }
    struct draft *moved = draft_new(tx_arena(tx), draft->kind, type, draft->id);
    moved->base_version = draft->base_version;
    moved->base = draft->base;
    moved->restore = draft->restore;
    moved->archive = draft->archive;
    moved->allow_duplicates = draft->allow_duplicates;
    for (int i = 0; i < draft->type->field_count && err == OK; i++) {
        if (draft->set[i] != 0) {
            err = move_value(tx, draft, &draft->type->fields[i], moved, error);
        }
    }
    for (int i = 0; i < type->field_count && err == OK && draft->kind == DRAFT_CREATE; i++) {
        const struct field *field = &type->fields[i];
        if (moved->set[i] == 0 && field->otherwise.kind != VALUE_NULL) {
            draft_put(moved, field, field->otherwise, tx_arena(tx));
        }
    }
    if (err == OK) {
        *out_draft = moved;
    }
    return err;
}
