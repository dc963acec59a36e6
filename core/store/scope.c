/* Scopes: whose rights a record call acts under. auth makes them for people, tokens and plugins;
 * here are their life, the questions that the store asks of them, and the system's own. Any thread.
 */
#include "internal.h"

void scope_ref(const struct scope *scope)
{
    /* Immutable but for its count, which only this file touches. */
    struct scope *counted = (struct scope *)(uintptr_t)scope;
    int before = __atomic_fetch_add(&counted->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0);
}

void scope_unref(const struct scope *scope)
{
    if (scope == NULL) {
        return;
    }
    struct scope *counted = (struct scope *)(uintptr_t)scope;
    int before = __atomic_fetch_sub(&counted->references, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    if (before == 1) {
        counted->free(counted);
    }
}

bool scope_may(const struct scope *scope, const struct object_type *type, uint32_t verbs)
{
    if (type->index >= scope->schema->object_count) {
        return false; /* declared after this scope was made */
    }
    return (scope->grants[type->index].verbs & verbs) == verbs;
}

bool scope_has_role(const struct scope *scope, struct str role)
{
    for (size_t i = 0; i < scope->role_count; i++) {
        if (str_eq(scope->roles[i], role)) {
            return true;
        }
    }
    return false;
}

const struct scope_compartment *scope_compartment(const struct scope *scope, struct str key)
{
    for (size_t i = 0; i < scope->compartment_count; i++) {
        if (str_eq(scope->compartments[i].key, key)) {
            return &scope->compartments[i];
        }
    }
    return NULL;
}

const struct scope_compartment *scope_compartment_named(const struct scope *scope, struct str name)
{
    const struct scope_compartment *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < scope->compartment_count; i++) {
        bool same = str_eq(scope->compartments[i].name, name);
        found = same ? &scope->compartments[i] : found;
        count += same ? 1 : 0;
    }
    return count == 1 ? found : NULL; /* of two with one name the key says which */
}

bool scope_sees_compartment(const struct scope *scope, struct str compartment)
{
    return compartment.len == 0 || scope->every_compartment ||
           scope_compartment(scope, compartment) != NULL;
}

bool scope_writes_compartment(const struct scope *scope, struct str compartment)
{
    const struct scope_compartment *inside = scope_compartment(scope, compartment);
    return compartment.len == 0 || scope->every_compartment || (inside != NULL && inside->write);
}

/* ---- the system's own ---- */

static const char *const system_actors[SYSTEM_SCOPE_COUNT] = {
    [SYSTEM_INDEXER] = "system:indexer", [SYSTEM_MIGRATION] = "system:migration",
    [SYSTEM_BACKUP] = "system:backup",   [SYSTEM_VERIFY] = "system:verify",
    [SYSTEM_AUTH] = "system:auth",       [SYSTEM_BUS] = "system:bus",
    [SYSTEM_OUTBOX] = "system:outbox",   [SYSTEM_FLOW] = "system:flow",
    [SYSTEM_WEBHOOK] = "system:webhook",
};

static void system_scope_free(struct scope *scope)
{
    schema_unref(scope->schema);
    mem_free(scope);
}

static int fields_most(const struct schema *schema)
{
    int most = 0;
    for (int i = 0; i < schema->object_count; i++) {
        most = MAX(most, schema->objects[i].field_count);
    }
    return most;
}

const struct scope *system_scope_new(const struct schema *schema, enum system_scope which)
{
    ASSERT((int)which < SYSTEM_SCOPE_COUNT);
    size_t objects = (size_t)schema->object_count;
    size_t fields = (size_t)fields_most(schema);
    /* One piece of memory: the scope, its grants, and one row of field rights that all share. */
    struct scope *scope =
        mem_zalloc(sizeof(*scope) + objects * sizeof(struct scope_grant) + fields + 1);
    struct scope_grant *grants = (struct scope_grant *)(void *)(scope + 1);
    uint8_t *writable = (uint8_t *)(grants + objects);
    for (size_t i = 0; i < fields; i++) {
        writable[i] = FIELD_WRITABLE;
    }
    for (size_t i = 0; i < objects; i++) {
        grants[i] = (struct scope_grant){
            .verbs = VERB_ALL, .read_rows = ROWS_ALL, .write_rows = ROWS_ALL, .fields = writable};
    }
    schema_ref(schema);
    *scope = (struct scope){.references = 1,
                            .schema = schema,
                            .actor = str_from(system_actors[which]),
                            .via = STR("system"),
                            .grants = grants,
                            .audit = true,
                            .admin = true,
                            .every_compartment = true,
                            .free = system_scope_free};
    return scope;
}

const struct scope *store_system_scope(struct store *store, enum system_scope which)
{
    ASSERT((int)which < SYSTEM_SCOPE_COUNT);
    pthread_mutex_lock(&store->schema_lock);
    const struct scope *scope = store->system_scopes[which];
    scope_ref(scope);
    pthread_mutex_unlock(&store->schema_lock);
    return scope;
}
