/* What was declared: the sources of the stored schema, its epoch, and every column ever made. */
#include "ddl.h"

#include "duplicate_sql.h"

#include "proxenos/base_json.h"

const char *const schema_migrations[] = {
    "create table schema_source (position integer primary key, plugin text not null, tree text not "
    "null);"
    "create table schema_state (id integer primary key, epoch integer not null);"
    "create table schema_field (object text not null, field text not null, type text not null, "
    "many integer not null, scale integer not null, target text not null, keyed integer not null, "
    "primary key (object, field)) without rowid;",
    /* What is declared at run time; what fields were called before (empty: they were dropped), up
     * to and with this entry of the log; the migration files that ran. */
    "create table schema_custom (id integer primary key, tree text not null);"
    "create table schema_past (object text not null, field text not null, seq integer not null, "
    "became text not null, primary key (object, field, seq)) without rowid;"
    "create table schema_file (plugin text not null, number integer not null, name text not null, "
    "hash blob not null, at integer not null, finished integer not null, primary key (plugin, "
    "number)) without rowid;"
    "create table schema_aside (position integer primary key, plugin text not null, object text "
    "not "
    "null, kind text not null, became text not null, field text not null, type text not null, many "
    "integer not null, scale integer not null, target text not null, keyed integer not null);",
    duplicate_tables,
};
const int schema_migration_count = (int)COUNT_OF(schema_migrations);

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

enum err ddl_known(struct db *db, struct arena *arena, struct str object,
                   struct known_field **out_fields, size_t *out_count, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf fields;
    bool row = false;
    enum err err = db_cached(db,
                             STR("select field, type, target, many, keyed, scale from "
                                 "schema_field where object = ?1"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    buf_init(&fields);
    db_bind_text(stmt, 1, object);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct known_field field = {.name = arena_str(arena, db_column_text(stmt, 0)),
                                    .type = arena_str(arena, db_column_text(stmt, 1)),
                                    .to = arena_str(arena, db_column_text(stmt, 2)),
                                    .many = db_column_int(stmt, 3) != 0,
                                    .keyed = db_column_int(stmt, 4) != 0,
                                    .scale = (int)db_column_int(stmt, 5)};
        buf_append(&fields, &field, sizeof(field));
    }
    db_done(stmt);
    *out_count = fields.len / sizeof(struct known_field);
    *out_fields = arena_dup(arena, fields.at == NULL ? "" : fields.at, fields.len);
    buf_deinit(&fields);
    return err;
}

enum err ddl_remember(struct db *db, const struct object_type *type, const struct field *field,
                      struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err =
        db_cached(db,
                  STR("insert into schema_field (object, field, type, many, scale, target, keyed) "
                      "values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (object, field) do update "
                      "set type = excluded.type, keyed = max(keyed, excluded.keyed)"),
                  &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, type->name);
    db_bind_text(stmt, 2, field->name);
    db_bind_text(stmt, 3, str_from(field_type_name(field->type)));
    db_bind_int(stmt, 4, field->many ? 1 : 0);
    db_bind_int(stmt, 5, field->scale);
    db_bind_text(stmt, 6, field->to.len == 0 ? STR("") : field->to);
    db_bind_int(stmt, 7, field->sorted_text ? 1 : 0);
    return run_once(stmt, error);
}

/* ---- declarations ---- */

static enum err save_source(struct db *db, const struct schema_source *source, size_t position,
                            struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf tree;
    enum err err =
        db_cached(db, STR("insert into schema_source (position, plugin, tree) values (?1, ?2, ?3)"),
                  &stmt, error);
    if (err != OK) {
        return err;
    }
    buf_init(&tree);
    json_encode(&tree, &source->tree);
    db_bind_int(stmt, 1, (int64_t)position);
    db_bind_text(stmt, 2, source->plugin);
    db_bind_text(stmt, 3, buf_str(&tree));
    err = run_once(stmt, error);
    buf_deinit(&tree);
    return err;
}

enum err ddl_save(struct db *db, const struct schema_source *sources, size_t count, int64_t epoch,
                  struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_exec(db, "delete from schema_source", error);
    for (size_t i = 0; i < count && err == OK; i++) {
        err = save_source(db, &sources[i], i, error);
    }
    if (err == OK) {
        err = db_cached(db,
                        STR("insert into schema_state (id, epoch) values (1, ?1) on conflict (id) "
                            "do update set epoch = excluded.epoch"),
                        &stmt, error);
    }
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, epoch);
    return run_once(stmt, error);
}

static enum err load_epoch(struct db *db, int64_t *out_epoch, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, STR("select epoch from schema_state where id = 1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    *out_epoch = err == OK && row ? db_column_int(stmt, 0) : 0;
    db_done(stmt);
    return err;
}

enum err ddl_load(struct db *db, struct arena *arena, struct schema_source **out_sources,
                  size_t *out_count, int64_t *out_epoch, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf sources;
    bool row = false;
    enum err err = load_epoch(db, out_epoch, error);
    if (err == OK) {
        err = db_cached(db, STR("select plugin, tree from schema_source order by position"), &stmt,
                        error);
    }
    if (err != OK) {
        return err;
    }
    buf_init(&sources);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct schema_source source = {.plugin = arena_str(arena, db_column_text(stmt, 0))};
        struct str tree = arena_str(arena, db_column_text(stmt, 1));
        err = json_decode(arena, tree, &source.tree, error);
        if (err != OK) {
            err = error_set(error, ERR_CORRUPT, "the stored schema of " STR_FORMAT " is damaged",
                            STR_ARGS(source.plugin));
            break;
        }
        buf_append(&sources, &source, sizeof(source));
    }
    db_done(stmt);
    *out_count = sources.len / sizeof(struct schema_source);
    *out_sources = arena_dup(arena, sources.at == NULL ? "" : sources.at, sources.len);
    buf_deinit(&sources);
    return err;
}
