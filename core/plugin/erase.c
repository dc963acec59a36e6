/* The records of a plugin that is removed: written to a file first where that is wanted, then
 * deleted, as anybody would delete them: each with its entry in the log, in groups. What refers to
 * what decides the order, so those that could not go are tried again when others have. A job's
 * thread; nothing here is the loop's. */
#include "erase.h"

enum { ERASE_GROUP = 200 };

static void keep_scope(struct scope *scope)
{
    (void)scope; /* on somebody's stack */
}

void acting_init(struct acting *acting, const struct erasing *erasing)
{
    acting->system = store_system_scope(erasing->store, SYSTEM_MIGRATION);
    acting->scope = *acting->system;
    acting->scope.references = 1;
    acting->scope.actor = erasing->scope->actor;
    acting->scope.via = erasing->scope->via;
    acting->scope.free = keep_scope;
}

void acting_deinit(struct acting *acting)
{
    scope_unref(acting->system);
}

bool erasing_is_own(const struct erasing *erasing, const struct object_type *type)
{
    return str_eq(type->plugin, erasing->plugin);
}

/* ---- all ids of a type ---- */

static enum err on_id(void *context, const struct record *record, struct error *error)
{
    struct buf *ids = context;
    (void)error;
    buf_append(ids, &record->id, sizeof(record->id));
    return OK;
}

/* Newest first: what refers is mostly younger than what it refers to. */
static enum err find_ids(struct erasing *erasing, const struct scope *scope,
                         const struct object_type *type, struct buf *ids, struct error *error)
{
    struct arena arena;
    struct query query = {.type = type, .limit = QUERY_LIMIT_MAX, .archived = true};
    arena_init(&arena);
    enum err err = query_fields(&query, &arena, STR("id"), error);
    if (err == OK) {
        err = query_bind(&query, scope, &arena, error);
    }
    if (err == OK) {
        err = reader_each(erasing->reader, &query, on_id, ids, error);
    }
    arena_deinit(&arena);
    return err;
}

/* ---- a group of changes ---- */

struct deleting {
    struct unit unit;
    const struct object_type *type;
    const struct value *map; /* of an update; NULL: they are deleted */
    const int64_t *ids;
    size_t count, gone;
};

static enum err delete_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct deleting *deleting = CONTAINER_OF(unit, struct deleting, unit);
    enum draft_kind kind = deleting->map == NULL ? DRAFT_DELETE : DRAFT_UPDATE;
    enum err err = OK;
    deleting->gone = 0;
    for (size_t i = 0; err == OK && i < deleting->count; i++) {
        struct draft *draft = NULL;
        err = draft_make(tx_store(tx), tx_scope(tx), kind, deleting->type, deleting->ids[i],
                         deleting->map, tx_arena(tx), &draft, error);
        if (err == OK) {
            err = tx_write(tx, draft, NULL, error);
        }
        deleting->gone += err == OK ? 1 : 0;
        err = err == ERR_NOT_FOUND ? OK : err; /* another one took it along */
    }
    return err;
}

struct group {
    struct str type;
    const int64_t *ids;
    size_t count;
    const struct value *map;
};

static enum err change_group(struct erasing *erasing, const struct group *group, size_t *gone,
                             struct error *error)
{
    struct acting acting;
    acting_init(&acting, erasing);
    struct deleting deleting = {.ids = group->ids, .count = group->count, .map = group->map};
    deleting.type = schema_object(acting.scope.schema, group->type);
    enum err err = deleting.type == NULL
                       ? error_set(error, ERR_CONFLICT, "its object types are not served any more")
                       : OK;
    if (err == OK) {
        deleting.unit = (struct unit){
            .apply = delete_apply, .scope = &acting.scope, .request = erasing->request};
        err = store_run(erasing->store, &deleting.unit);
        *gone += err == OK ? deleting.gone : 0;
        if (err != OK) {
            *error = deleting.unit.error;
            error->next = NULL;
        }
        unit_deinit(&deleting.unit);
    }
    acting_deinit(&acting);
    return err;
}

/* ---- passes ---- */

struct pass {
    int64_t total, done;
    size_t gone, stuck;
    struct error why; /* of the last one that could not go */
};

/* One of a group stands in the way of it: the others go without it. */
static enum err one_by_one(struct erasing *erasing, const struct group *group, struct pass *pass,
                           struct error *error)
{
    for (size_t i = 0; i < group->count; i++) {
        struct group one = {
            .type = group->type, .ids = &group->ids[i], .count = 1, .map = group->map};
        enum err err = change_group(erasing, &one, &pass->gone, error);
        bool may_stay = err == ERR_RESTRICTED || (err != OK && group->map != NULL);
        if (may_stay) {
            pass->stuck++;
            pass->why = *error;
        } else if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* All of these, in groups. */
static enum err change_ids(struct erasing *erasing, struct str type, const struct value *map,
                           const struct buf *ids, struct pass *pass, struct error *error)
{
    const int64_t *all = (const int64_t *)(const void *)ids->at;
    size_t count = ids->len / sizeof(int64_t);
    enum err err = OK;
    for (size_t at = 0; err == OK && at < count; at += ERASE_GROUP) {
        struct group group = {.type = type,
                              .ids = all + at,
                              .count = MIN((size_t)ERASE_GROUP, count - at),
                              .map = map};
        err = change_group(erasing, &group, &pass->gone, error);
        if (err == ERR_RESTRICTED || (err != OK && map != NULL)) {
            err = one_by_one(erasing, &group, pass, error);
        }
        pass->done += (int64_t)group.count;
        if (err == OK && !erasing->progress(erasing->context, pass->done, pass->total)) {
            err = error_set(error, ERR_CANCELLED, "it was cancelled");
        }
    }
    return err;
}

static void count_erased(struct erasing *erasing, struct str type, size_t gone)
{
    int64_t before = 0;
    const struct value *known = value_get(&erasing->erased, type);
    before = known == NULL ? 0 : known->integer;
    value_put(erasing->arena, &erasing->erased, arena_str(erasing->arena, type),
              value_int(before + (int64_t)gone));
}

static enum err erase_pass(struct erasing *erasing, struct pass *pass, struct error *error)
{
    struct acting acting;
    acting_init(&acting, erasing);
    const struct schema *schema = acting.scope.schema;
    enum err err = OK;
    for (int i = schema->object_count - 1; err == OK && i >= 0; i--) {
        const struct object_type *type = &schema->objects[i];
        struct buf ids;
        if (!erasing_is_own(erasing, type)) {
            continue;
        }
        size_t before = pass->gone;
        buf_init(&ids);
        err = find_ids(erasing, &acting.scope, type, &ids, error);
        pass->total += (int64_t)(ids.len / sizeof(int64_t));
        if (err == OK) {
            err = change_ids(erasing, type->name, NULL, &ids, pass, error);
        }
        count_erased(erasing, type->name, pass->gone - before);
        buf_deinit(&ids);
    }
    acting_deinit(&acting);
    return err;
}

/* ---- circles ---- */

/* The references of this type to the plugin's own types, as an update that clears them. */
static struct value references_of(struct erasing *erasing, const struct schema *schema,
                                  const struct object_type *type, struct arena *arena)
{
    struct value map = value_map_new();
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        const struct object_type *to =
            field->type == FIELD_REF && !field->system ? schema_object(schema, field->to) : NULL;
        if (to != NULL && erasing_is_own(erasing, to) && !field->required && !field->readonly) {
            value_put(arena, &map, field->name, value_null());
        }
    }
    return map;
}

/* Records that refer to each other in a circle let go of each other. Who cannot stays as he is. */
static enum err loosen(struct erasing *erasing, struct error *error)
{
    struct acting acting;
    struct pass pass = {.total = 0};
    acting_init(&acting, erasing);
    const struct schema *schema = acting.scope.schema;
    enum err err = OK;
    for (int i = 0; err == OK && i < schema->object_count; i++) {
        const struct object_type *type = &schema->objects[i];
        if (!erasing_is_own(erasing, type)) {
            continue;
        }
        struct arena arena;
        struct buf ids;
        arena_init(&arena);
        buf_init(&ids);
        struct value map = references_of(erasing, schema, type, &arena);
        err = map.map.count == 0 ? OK : find_ids(erasing, &acting.scope, type, &ids, error);
        if (err == OK) {
            err = change_ids(erasing, type->name, &map, &ids, &pass, error);
        }
        buf_deinit(&ids);
        arena_deinit(&arena);
    }
    acting_deinit(&acting);
    return err;
}

/* ---- what it kept for itself ---- */

struct forgetting {
    struct unit unit;
    struct str plugin;
};

static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct forgetting *forgetting = CONTAINER_OF(unit, struct forgetting, unit);
    enum err err = bus_tx_forget_plugin(tx, forgetting->plugin, error);
    if (err == OK) {
        err = bind_tx_forget(tx, forgetting->plugin, error);
    }
    return err == OK ? settings_tx_forget(tx, forgetting->plugin, error) : err;
}

static enum err forget(struct erasing *erasing, struct error *error)
{
    struct forgetting forgetting = {.plugin = erasing->plugin};
    forgetting.unit =
        (struct unit){.apply = forget_apply, .scope = erasing->scope, .request = erasing->request};
    enum err err = store_run(erasing->store, &forgetting.unit);
    if (err != OK) {
        *error = forgetting.unit.error;
        error->next = NULL;
    }
    unit_deinit(&forgetting.unit);
    return err;
}

enum err plugins_erase(struct erasing *erasing, struct error *error)
{
    enum err err = OK;
    bool loosened = false;
    struct pass pass = {.stuck = 1, .gone = 1};
    erasing->erased = value_map_new();
    if (erasing->records == RECORDS_EXPORT) {
        err = erase_export(erasing, error);
    }
    while (err == OK && pass.stuck > 0 && (pass.gone > 0 || !loosened)) {
        if (pass.gone == 0) {
            loosened = true;
            err = loosen(erasing, error);
        }
        pass = (struct pass){.total = 0};
        err = err == OK ? erase_pass(erasing, &pass, error) : err;
    }
    if (err == OK && pass.stuck > 0) {
        *error = pass.why;
        error_prefix(error, "%zu records stay: ", pass.stuck);
        return ERR_RESTRICTED;
    }
    return err == OK ? forget(erasing, error) : err;
}
