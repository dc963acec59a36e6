/* Which fields tell of a person, and whose records are persons. Pure. */
#include "proxenos/store_erasure.h"

/* Links, choices and switches say how a record stands among others; without the values they name
 * nobody. */
static bool only_structure(const struct field *field)
{
    return field->type == FIELD_REF || field->type == FIELD_REFS || field->type == FIELD_ENUM ||
           field->type == FIELD_BOOLEAN || field->type == FIELD_ID || field->type == FIELD_SECRET;
}

bool field_personal(const struct object_type *type, const struct field *field)
{
    if (field->class != CLASS_PLAIN) {
        return true;
    }
    bool kept = field->system && field->index != SYS_EXTERNAL_ID;
    return type->person && !kept && !only_structure(field);
}

bool object_erasable(const struct object_type *type)
{
    bool classed = false;
    for (int i = 0; i < type->field_count; i++) {
        classed = classed || type->fields[i].class != CLASS_PLAIN;
    }
    return type->person || (classed && str_is(type->subject, "id"));
}
