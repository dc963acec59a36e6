/* The rows of what is declared at run time, and of what fields were called before. In the caller's
 * transaction or snapshot. */
#include "../custom.h"

#include "proxenos/base_json.h"

enum err custom_load(struct db *db, struct arena *arena, struct value *out_tree,
                     struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    *out_tree = value_map_new();
    enum err err = db_cached(db, STR("select tree from schema_custom where id = 1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    if (err == OK && row) {
        struct str text = arena_str(arena, db_column_text(stmt, 0));
        if (json_decode(arena, text, out_tree, NULL) != OK || out_tree->kind != VALUE_MAP) {
            err = error_set(error, ERR_CORRUPT, "what is declared at run time is damaged");
        }
    }
    db_done(stmt);
    return err;
}

enum err custom_save(struct db *db, const struct value *tree, struct error *error)
{
    struct db_stmt *stmt = NULL;
    struct buf text;
    bool row = false;
    enum err err = db_cached(db,
                             STR("insert into schema_custom (id, tree) values (1, ?1) on conflict "
                                 "(id) do update set tree = excluded.tree"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    buf_init(&text);
    json_encode(&text, tree);
    db_bind_text(stmt, 1, buf_str(&text));
    err = db_step(stmt, &row, error);
    db_done(stmt);
    buf_deinit(&text);
    return err;
}
