/* The two ends of a migration: what stood aside goes for good when the upgrade is over, or comes
 * back when it failed behind the migration. Writer thread, inside a lone unit. */
#include "migration.h"
#include "schema_past.h"

enum err tx_migrations_finish(struct tx *tx, struct str plugin, struct error *error)
{
    struct aside *asides = NULL;
    size_t count = 0;
    ASSERT(tx->unit->alone);
    enum err err = aside_list(tx->db, tx_arena(tx), plugin, &asides, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        if (!str_is(asides[i].kind, "rename")) {
            err = aside_drop(tx->db, asides[i].object, &asides[i].field, error);
        }
    }
    err = err == OK ? aside_forget(tx->db, plugin, error) : err;
    return err == OK ? files_finish(tx->db, plugin, error) : err;
}

/* ---- back ---- */

/* What the new version made under that name gives way. */
static enum err clear(struct migration *migration, const struct aside *aside, struct error *error)
{
    const struct known_field *known = NULL;
    enum err err = migration_known(migration, aside->object, aside->field.name, &known, error);
    return err != OK || known == NULL ? err
                                      : ddl_clear_field(migration->whole->tx->db, migration->arena,
                                                        aside->object, known, error);
}

static enum err undo_drop(struct migration *migration, const struct aside *aside,
                          struct error *error)
{
    struct tx *tx = migration->whole->tx;
    enum err err = clear(migration, aside, error);
    err = err == OK ? aside_back(tx->db, aside->object, &aside->field, error) : err;
    err = err == OK ? ddl_recall_field(tx->db, aside->object, &aside->field, error) : err;
    return err == OK ? past_forget(tx, aside->object, aside->field.name, error) : err;
}

static enum err undo_rename(struct migration *migration, const struct aside *aside,
                            struct error *error)
{
    struct tx *tx = migration->whole->tx;
    const struct known_field *known = NULL;
    struct str name = aside->field.name;
    struct migration_field *moved = migration_field_of(migration, aside->object, aside->became);
    enum err err = OK;
    if (moved != NULL) {
        err = aside_rename(tx->db, aside->object, &moved->before, name, error);
        moved->field = moved->before.name = name;
    }
    err = err == OK ? migration_known(migration, aside->object, aside->became, &known, error) : err;
    if (err == OK && known != NULL) {
        struct known_field renamed = *known;
        renamed.name = name;
        err = ddl_rename_field(tx->db, migration->arena, aside->object, known, name, error);
        err = err == OK ? ddl_forget_field(tx->db, aside->object, aside->became, error) : err;
        err = err == OK ? ddl_recall_field(tx->db, aside->object, &renamed, error) : err;
    }
    return err == OK ? past_renamed(tx, aside->object, aside->became, name, error) : err;
}

/* Row by row, so that the log says what each record holds again. */
static enum err undo_change(struct migration *migration, const struct aside *aside,
                            struct error *error)
{
    const struct known_field *known = NULL;
    struct migration_field *moved = ARENA_NEW(migration->arena, struct migration_field);
    enum err err = migration_known(migration, aside->object, aside->field.name, &known, error);
    bool same = err == OK && known != NULL && str_eq(known->type, aside->field.type) &&
                known->scale == aside->field.scale;
    if (err == OK && !same) {
        err = clear(migration, aside, error);
    }
    *moved = (struct migration_field){.object = aside->object,
                                      .field = aside->field.name,
                                      .aside = true,
                                      .back = true,
                                      .before = aside->field};
    return err == OK ? migration_field_add(migration, moved, error) : err;
}

enum err migration_step_back(struct migration *migration, struct str plugin, struct error *error)
{
    struct tx *tx = migration->whole->tx;
    struct aside *asides = NULL;
    struct value data = value_map_new();
    size_t count = 0;
    enum err err = aside_list(tx->db, migration->arena, plugin, &asides, &count, error);
    for (size_t i = count; i > 0 && err == OK; i--) {
        const struct aside *aside = &asides[i - 1];
        err = str_is(aside->kind, "rename") ? undo_rename(migration, aside, error)
              : str_is(aside->kind, "drop") ? undo_drop(migration, aside, error)
                                            : undo_change(migration, aside, error);
    }
    migration->any = true;
    err = err == OK ? aside_forget(tx->db, plugin, error) : err;
    err = err == OK ? files_forget_unfinished(tx->db, plugin, error) : err;
    value_put_c(tx_arena(tx), &data, "plugin", value_text(plugin));
    return err == OK ? schema_change_log(tx, "schema.migration_undone", &data, error) : err;
}

enum err migration_end(struct migration *migration, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < migration->field_count && err == OK; i++) {
        const struct migration_field *moved = migration->fields[i];
        if (moved->back) {
            err = aside_drop(migration->whole->tx->db, moved->object, &moved->before, error);
        }
    }
    return err;
}
