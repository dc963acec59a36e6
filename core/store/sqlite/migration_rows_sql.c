/* The rows of which migrations ran, of what stands aside, and of which columns there are. */
#include "../migration.h"

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

/* A statement whose first two places are texts; the second may be empty. */
static enum err run_texts(struct db *db, struct str sql, struct str first, struct str second,
                          struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, first);
    if (second.len > 0) {
        db_bind_text(stmt, 2, second);
    }
    return run_once(stmt, error);
}

enum err ddl_forget_field(struct db *db, struct str object, struct str field, struct error *error)
{
    return run_texts(db, STR("delete from schema_field where object = ?1 and field = ?2"), object,
                     field, error);
}

enum err ddl_recall_field(struct db *db, struct str object, const struct known_field *field,
                          struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db,
                             STR("insert into schema_field (object, field, type, many, scale, "
                                 "target, keyed) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, object);
    db_bind_text(stmt, 2, field->name);
    db_bind_text(stmt, 3, field->type);
    db_bind_int(stmt, 4, field->many ? 1 : 0);
    db_bind_int(stmt, 5, field->scale);
    db_bind_text(stmt, 6, field->to.len == 0 ? STR("") : field->to);
    db_bind_int(stmt, 7, field->keyed ? 1 : 0);
    return run_once(stmt, error);
}

/* ---- files ---- */

enum err files_ran(struct db *db, struct arena *arena, struct str plugin, struct ran_file **out,
                   size_t *out_count, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf files;
    bool row = false;
    enum err err = db_cached(db,
                             STR("select number, name, hash, finished from schema_file where "
                                 "plugin = ?1 order by number"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    buf_init(&files);
    db_bind_text(stmt, 1, plugin);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct ran_file file = {.number = (int)db_column_int(stmt, 0),
                                .name = arena_str(arena, db_column_text(stmt, 1)),
                                .finished = db_column_int(stmt, 3) != 0};
        struct str hash = db_column_text(stmt, 2);
        if (hash.len == HASH_BYTES) {
            memcpy(file.hash, hash.at, HASH_BYTES);
        }
        buf_append(&files, &file, sizeof(file));
    }
    db_done(stmt);
    *out_count = files.len / sizeof(struct ran_file);
    *out = arena_dup(arena, files.at == NULL ? "" : files.at, files.len);
    buf_deinit(&files);
    return err;
}

enum err file_ran(struct tx *tx, const struct migration_file *file, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(tx->db,
                             STR("insert into schema_file (plugin, number, name, hash, at, "
                                 "finished) values (?1, ?2, ?3, ?4, ?5, 0)"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, file->plugin);
    db_bind_int(stmt, 2, file->number);
    db_bind_text(stmt, 3, file->name);
    db_bind_blob(stmt, 4, file->hash, HASH_BYTES);
    db_bind_int(stmt, 5, tx->now_ms);
    return run_once(stmt, error);
}

enum err files_finish(struct db *db, struct str plugin, struct error *error)
{
    return run_texts(db, STR("update schema_file set finished = 1 where plugin = ?1"), plugin,
                     STR(""), error);
}

enum err files_forget_unfinished(struct db *db, struct str plugin, struct error *error)
{
    return run_texts(db, STR("delete from schema_file where plugin = ?1 and finished = 0"), plugin,
                     STR(""), error);
}

/* ---- what stands aside ---- */

enum err aside_note(struct db *db, struct str plugin, const struct aside *aside,
                    struct error *error)
{
    struct db_stmt *stmt = NULL;
    const struct known_field *field = &aside->field;
    enum err err = db_cached(db,
                             STR("insert into schema_aside (plugin, object, kind, became, field, "
                                 "type, many, scale, target, keyed) values (?1, ?2, ?3, ?4, ?5, "
                                 "?6, ?7, ?8, ?9, ?10)"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, plugin);
    db_bind_text(stmt, 2, aside->object);
    db_bind_text(stmt, 3, aside->kind);
    db_bind_text(stmt, 4, aside->became.len == 0 ? STR("") : aside->became);
    db_bind_text(stmt, 5, field->name);
    db_bind_text(stmt, 6, field->type);
    db_bind_int(stmt, 7, field->many ? 1 : 0);
    db_bind_int(stmt, 8, field->scale);
    db_bind_text(stmt, 9, field->to.len == 0 ? STR("") : field->to);
    db_bind_int(stmt, 10, field->keyed ? 1 : 0);
    return run_once(stmt, error);
}

enum err aside_list(struct db *db, struct arena *arena, struct str plugin, struct aside **out,
                    size_t *out_count, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf list;
    bool row = false;
    enum err err = db_cached(db,
                             STR("select object, kind, became, field, type, many, scale, target, "
                                 "keyed from schema_aside where plugin = ?1 order by position"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    buf_init(&list);
    db_bind_text(stmt, 1, plugin);
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        struct aside aside = {.object = arena_str(arena, db_column_text(stmt, 0)),
                              .kind = arena_str(arena, db_column_text(stmt, 1)),
                              .became = arena_str(arena, db_column_text(stmt, 2))};
        aside.field = (struct known_field){.name = arena_str(arena, db_column_text(stmt, 3)),
                                           .type = arena_str(arena, db_column_text(stmt, 4)),
                                           .many = db_column_int(stmt, 5) != 0,
                                           .scale = (int)db_column_int(stmt, 6),
                                           .to = arena_str(arena, db_column_text(stmt, 7)),
                                           .keyed = db_column_int(stmt, 8) != 0};
        buf_append(&list, &aside, sizeof(aside));
    }
    db_done(stmt);
    *out_count = list.len / sizeof(struct aside);
    *out = arena_dup(arena, list.at == NULL ? "" : list.at, list.len);
    buf_deinit(&list);
    return err;
}

enum err aside_forget(struct db *db, struct str plugin, struct error *error)
{
    return run_texts(db, STR("delete from schema_aside where plugin = ?1"), plugin, STR(""), error);
}
