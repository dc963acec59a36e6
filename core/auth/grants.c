/* Compiles roles into grants per object type and field. Widest wins across roles; what no role
 * speaks of stays hidden. */
#include "grants.h"

static size_t fields_total(const struct schema *schema)
{
    size_t total = 0;
    for (int i = 0; i < schema->object_count; i++) {
        total += (size_t)schema->objects[i].field_count;
    }
    return total;
}

/* The block is ours until it is shared, so its parts may be written through the const pointers. */
static uint8_t *fields_of(struct grants *grants, const struct object_type *type)
{
    return (uint8_t *)(uintptr_t)grants->items[type->index].fields;
}

struct grants *grants_new(const struct schema *schema)
{
    size_t count = (size_t)schema->object_count;
    struct grants *grants =
        mem_zalloc(sizeof(*grants) + count * sizeof(struct scope_grant) + fields_total(schema));
    grants->references = 1;
    grants->schema = schema;
    schema_ref(schema);
    grants->items = (struct scope_grant *)(void *)(grants + 1);
    uint8_t *fields = (uint8_t *)(grants->items + count);
    for (size_t i = 0; i < count; i++) {
        grants->items[i].fields = fields;
        fields += schema->objects[i].field_count;
    }
    return grants;
}

void grants_ref(struct grants *grants)
{
    int before = __atomic_fetch_add(&grants->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0);
}

void grants_unref(struct grants *grants)
{
    if (grants == NULL) {
        return;
    }
    int before = __atomic_fetch_sub(&grants->references, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    if (before == 1) {
        schema_unref(grants->schema);
        mem_free(grants);
    }
}

struct grants *grants_copy(const struct scope_grant *items, const struct schema *schema)
{
    struct grants *grants = grants_new(schema);
    for (int i = 0; i < schema->object_count; i++) {
        const uint8_t *fields = grants->items[i].fields;
        memcpy(fields_of(grants, &schema->objects[i]), items[i].fields,
               (size_t)schema->objects[i].field_count);
        grants->items[i] = items[i];
        grants->items[i].fields = fields;
    }
    return grants;
}

void grants_intersect(struct grants *grants, const struct scope_grant *other)
{
    for (int i = 0; i < grants->schema->object_count; i++) {
        const struct object_type *type = &grants->schema->objects[i];
        struct scope_grant *item = &grants->items[i];
        uint8_t *fields = fields_of(grants, type);
        item->verbs &= other[i].verbs;
        item->read_rows &= other[i].read_rows;
        item->write_rows &= other[i].write_rows;
        for (int f = 0; f < type->field_count; f++) {
            fields[f] = MIN(fields[f], other[i].fields[f]);
        }
    }
}

/* What two people agreed on is made by a move and settled by their decision (contract 13): nobody
 * writes it by hand, whatever his roles say, not even an administrator. */
static uint32_t verbs_that_are(const struct object_type *type, uint32_t verbs)
{
    uint32_t never = (uint32_t)VERBS_WRITE | VERB_ERASE | VERB_ACCESS_EXPORT;
    return str_is(type->name, "approval") ? verbs & ~never : verbs;
}

void grants_raise(struct grants *grants, const struct object_type *type, uint32_t verbs,
                  enum row_rule read_rows, enum row_rule write_rows)
{
    struct scope_grant *item = &grants->items[type->index];
    item->verbs |= verbs_that_are(type, verbs);
    item->read_rows |= (uint8_t)read_rows;
    item->write_rows |= (uint8_t)write_rows;
    /* Whoever sees a record at all can name it and say which version he has seen. */
    fields_of(grants, type)[SYS_ID] = FIELD_READABLE;
    fields_of(grants, type)[SYS_VERSION] = FIELD_READABLE;
}

void grants_raise_field(struct grants *grants, const struct object_type *type,
                        const struct field *field, enum field_access access)
{
    if (field->readonly || field->computed_source.len > 0) {
        access = MIN(access, FIELD_READABLE);
    }
    uint8_t *fields = fields_of(grants, type);
    fields[field->index] = (uint8_t)MAX((int)fields[field->index], (int)access);
}

void grants_add_views(struct grants *grants)
{
    const struct object_type *type = schema_object(grants->schema, STR("view"));
    if (type == NULL) {
        return;
    }
    grants_raise(grants, type, VERB_READ | VERB_CREATE | VERB_UPDATE | VERB_DELETE, ROWS_TERRITORY,
                 ROWS_OWN);
    for (int f = 0; f < type->field_count; f++) {
        grants_raise_field(grants, type, &type->fields[f], FIELD_WRITABLE);
    }
}

void grants_settle(struct grants *grants)
{
    for (int i = 0; i < grants->schema->object_count; i++) {
        const struct object_type *type = &grants->schema->objects[i];
        if ((grants->items[i].verbs & VERBS_WRITE) != 0) {
            continue;
        }
        uint8_t *fields = fields_of(grants, type);
        for (int f = 0; f < type->field_count; f++) {
            fields[f] = MIN(fields[f], (uint8_t)FIELD_READABLE);
        }
    }
}

void grants_add_all(struct grants *grants)
{
    for (int i = 0; i < grants->schema->object_count; i++) {
        const struct object_type *type = &grants->schema->objects[i];
        grants_raise(grants, type, VERB_ALL, ROWS_ALL, ROWS_ALL);
        for (int f = 0; f < type->field_count; f++) {
            grants_raise_field(grants, type, &type->fields[f], FIELD_WRITABLE);
        }
    }
}

/* ---- roles ---- */

/* Whoever can write these hands out rights, or sends what a role may see out of the house, so no
 * grant makes them writable: that takes an administrator. */
static bool gives_rights(const struct object_type *type, const struct field *field)
{
    if (str_is(type->name, "role") || str_is(type->name, "token") ||
        str_is(type->name, "webhook") || str_is(type->name, "territory")) {
        return true;
    }
    return str_is(type->name, "user") &&
           (str_is(field->name, "roles") || str_is(field->name, "login"));
}

static enum field_access access_of(const struct rule_set *set, const struct object_type *type,
                                   const struct field *field)
{
    enum field_access access = FIELD_HIDDEN;
    uint8_t said = set->classes[field->class];
    if (said != FIELD_UNSAID) {
        access = said;
    } else if (field->class == CLASS_PLAIN) {
        access = (set->verbs & VERBS_WRITE) != 0 ? FIELD_WRITABLE : FIELD_READABLE;
    }
    for (size_t i = 0; i < set->field_count; i++) {
        if (str_eq(set->fields[i].name, field->name)) {
            access = set->fields[i].access;
        }
    }
    if ((set->verbs & VERBS_WRITE) == 0 || gives_rights(type, field)) {
        access = MIN(access, FIELD_READABLE);
    }
    return access;
}

void grants_add_role(struct grants *grants, const struct role_rules *rules)
{
    for (int i = 0; i < grants->schema->object_count; i++) {
        const struct object_type *type = &grants->schema->objects[i];
        const struct rule_set *set = role_rules_for(rules, type->name);
        if (set == NULL || set->verbs == 0) {
            continue;
        }
        bool reads = (set->verbs & VERB_READ) != 0;
        bool writes = (set->verbs & (VERBS_WRITE | VERB_APPROVE | VERB_ERASE)) != 0;
        grants_raise(grants, type, set->verbs, reads ? set->read_rows : ROWS_NONE,
                     writes ? set->write_rows : ROWS_NONE);
        for (int f = 0; f < type->field_count; f++) {
            grants_raise_field(grants, type, &type->fields[f],
                               access_of(set, type, &type->fields[f]));
        }
    }
}
