/* The columns of a migration: renamed, set aside or copied, before the tables follow what is
 * declared. A step about a field that was never stored here does nothing: the plugin is new, or an
 * older version never had it. Writer thread, inside a lone unit. */
#include "columns.h"
#include "migration.h"
#include "schema_internal.h"
#include "schema_past.h"

struct migration_field *migration_field_of(const struct migration *migration, struct str object,
                                           struct str field)
{
    for (size_t i = 0; i < migration->field_count; i++) {
        struct migration_field *moved = migration->fields[i];
        if (str_eq(moved->object, object) && str_eq(moved->field, field)) {
            return moved;
        }
    }
    return NULL;
}

enum err migration_field_add(struct migration *migration, struct migration_field *moved,
                             struct error *error)
{
    if (migration->field_count == MIGRATION_FIELDS_MAX) {
        return error_set(error, ERR_LIMIT, "an upgrade changes the values of at most %d fields",
                         MIGRATION_FIELDS_MAX);
    }
    migration->fields[migration->field_count++] = moved;
    return OK;
}

enum err migration_known(const struct migration *migration, struct str object, struct str field,
                         const struct known_field **out_known, struct error *error)
{
    struct known_field *known = NULL;
    size_t count = 0;
    enum err err =
        ddl_known(migration->whole->tx->db, migration->arena, object, &known, &count, error);
    *out_known = NULL;
    for (size_t i = 0; i < count && err == OK; i++) {
        if (str_eq(known[i].name, field)) {
            *out_known = &known[i];
        }
    }
    return err;
}

/* ---- may this step? ---- */

static const struct field *declared(const struct schema *schema, struct str object,
                                    struct str field)
{
    const struct object_type *type = schema_object(schema, object);
    return type == NULL ? NULL : object_field(type, field);
}

/* A plugin changes what it declares, or declared, and nobody else's. */
static enum err check_owner(const struct migration *migration, const struct migration_step *step,
                            struct error *error)
{
    struct str plugin = step->file->plugin;
    struct str now = step->to.len > 0 ? step->to : step->field;
    const struct field *before = declared(migration->whole->tx->schema, step->object, step->field);
    const struct field *after = declared(migration->whole->next, step->object, now);
    const struct field *field = before != NULL ? before : after;
    const struct object_type *type = schema_object(migration->whole->next, step->object);
    bool names = name_valid(step->object) && name_valid(step->field) && name_valid(now);
    struct str owner = field != NULL ? field->plugin : type != NULL ? type->plugin : plugin;
    if (!names || (field != NULL && field->system)) {
        return migration_refuse(step, error,
                                "\"" STR_FORMAT "." STR_FORMAT "\" is no field that "
                                "can be changed",
                                STR_ARGS(str_sub(step->object, 0, 60)),
                                STR_ARGS(str_sub(step->field, 0, 60)));
    }
    if (!str_eq(owner, plugin)) {
        return migration_refuse(step, error,
                                STR_FORMAT "." STR_FORMAT " is declared by " STR_FORMAT,
                                STR_ARGS(step->object), STR_ARGS(step->field), STR_ARGS(owner));
    }
    return OK;
}

/* ---- rename, drop ---- */

static enum err note(struct migration *migration, const struct migration_step *step,
                     const char *kind, const struct known_field *known, struct error *error)
{
    struct aside aside = {
        .object = step->object, .kind = str_from(kind), .became = step->to, .field = *known};
    return aside_note(migration->whole->tx->db, step->file->plugin, &aside, error);
}

static enum err rename_field(struct migration *migration, struct migration_step *step,
                             const struct known_field *known, struct error *error)
{
    struct tx *tx = migration->whole->tx;
    const struct known_field *other = NULL;
    struct known_field renamed = *known;
    enum err err = migration_known(migration, step->object, step->to, &other, error);
    if (err == OK && other != NULL) {
        return migration_refuse(step, error,
                                STR_FORMAT "." STR_FORMAT " is stored already, with other values: "
                                           "drop it first, or take another name",
                                STR_ARGS(step->object), STR_ARGS(step->to));
    }
    renamed.name = step->to;
    err = err == OK
              ? ddl_rename_field(tx->db, migration->arena, step->object, known, step->to, error)
              : err;
    err = err == OK ? ddl_forget_field(tx->db, step->object, step->field, error) : err;
    err = err == OK ? ddl_recall_field(tx->db, step->object, &renamed, error) : err;
    err = err == OK ? past_renamed(tx, step->object, step->field, step->to, error) : err;
    struct migration_field *moved = migration_field_of(migration, step->object, step->field);
    if (moved != NULL) {
        moved->field = step->to;
    }
    return err == OK ? note(migration, step, "rename", known, error) : err;
}

static enum err drop_field(struct migration *migration, struct migration_step *step,
                           const struct known_field *known, struct error *error)
{
    struct tx *tx = migration->whole->tx;
    if (migration_field_of(migration, step->object, step->field) != NULL) {
        return migration_refuse(step, error, "what is changed in the same upgrade is not dropped");
    }
    enum err err = aside_put(tx->db, migration->arena, step->object, known, error);
    err = err == OK ? ddl_forget_field(tx->db, step->object, step->field, error) : err;
    err = err == OK ? past_dropped(tx, step->object, step->field, error) : err;
    return err == OK ? note(migration, step, "drop", known, error) : err;
}

/* ---- narrow, change: here only what will be looked at ---- */

static enum err look_at_rows(struct migration *migration, struct migration_step *step,
                             const struct known_field *known, struct error *error)
{
    static const char *const others[] = {"ref", "refs", "secret", "json", "file"};
    struct migration_field *moved = migration_field_of(migration, step->object, step->field);
    bool refused = known->many;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        refused = refused || str_is(known->type, others[i]);
    }
    if (refused) {
        return migration_refuse(step, error,
                                "values of a field of type %s" STR_FORMAT
                                " are not changed by a migration: declare another field",
                                known->many ? "many of " : "", STR_ARGS(known->type));
    }
    if (moved == NULL) {
        moved = ARENA_NEW(migration->arena, struct migration_field);
        moved->object = step->object;
        moved->field = step->field;
        enum err err = migration_field_add(migration, moved, error);
        if (err != OK) {
            return err;
        }
    }
    if (moved->step_count == MIGRATION_FIELD_STEPS_MAX) {
        return migration_refuse(step, error, "a field is changed at most %d times in one upgrade",
                                MIGRATION_FIELD_STEPS_MAX);
    }
    moved->steps[moved->step_count++] = step;
    return OK;
}

static enum err do_step(struct migration *migration, struct migration_step *step,
                        struct error *error)
{
    const struct known_field *known = NULL;
    enum err err = check_owner(migration, step, error);
    err = err == OK ? migration_known(migration, step->object, step->field, &known, error) : err;
    if (err != OK || known == NULL) {
        return err;
    }
    bool rows = step->kind == MIGRATE_NARROW || step->kind == MIGRATE_CHANGE;
    if (!rows) {
        err = ddl_count_values(migration->whole->tx->db, step->object, known, &step->rows, error);
    }
    if (err != OK) {
        return err;
    }
    switch (step->kind) {
    case MIGRATE_RENAME:
        return rename_field(migration, step, known, error);
    case MIGRATE_DROP:
        return drop_field(migration, step, known, error);
    case MIGRATE_NARROW:
    case MIGRATE_CHANGE:
        break;
    }
    return look_at_rows(migration, step, known, error);
}

/* ---- the former values of rows that will change ---- */

static bool same_column(const struct known_field *known, const struct field *next)
{
    return str_is(known->type, field_type_name(next->type)) && known->scale == next->scale;
}

static enum err keep_values(struct migration *migration, struct migration_field *moved,
                            struct error *error)
{
    const struct migration_step *step = moved->steps[0];
    const struct known_field *known = NULL;
    struct tx *tx = migration->whole->tx;
    moved->next = declared(migration->whole->next, moved->object, moved->field);
    if (moved->next == NULL || !field_stored(moved->next) || moved->next->computed != NULL) {
        return migration_refuse(
            step, error, "the schema declares no " STR_FORMAT "." STR_FORMAT " that holds values",
            STR_ARGS(moved->object), STR_ARGS(moved->field));
    }
    enum err err = migration_known(migration, moved->object, moved->field, &known, error);
    if (err != OK) {
        return err;
    }
    ASSERT(known != NULL);
    moved->before = *known;
    moved->aside = !same_column(known, moved->next);
    if (moved->aside) {
        err = aside_put(tx->db, migration->arena, moved->object, known, error);
        err = err == OK ? ddl_forget_field(tx->db, moved->object, moved->field, error) : err;
    } else {
        err = aside_copy(tx->db, moved->object, known, error);
    }
    struct aside aside = {.object = moved->object, .kind = STR("change"), .field = *known};
    return err == OK ? aside_note(tx->db, step->file->plugin, &aside, error) : err;
}

enum err migration_columns(struct migration *migration, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < migration->step_count && err == OK; i++) {
        err = do_step(migration, &migration->steps[i], error);
    }
    for (size_t i = 0; i < migration->field_count && err == OK; i++) {
        struct migration_field *moved = migration->fields[i];
        if (moved->back) {
            moved->next = declared(migration->whole->next, moved->object, moved->field);
        } else {
            err = keep_values(migration, moved, error);
        }
    }
    return err;
}
