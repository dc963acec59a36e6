/* Statements of the key file. secure_delete overwrites a forgotten key in its page. */
#include "seal_sql.h"

#include <string.h>

enum err seal_sql_prepare(struct db *db, struct error *error)
{
    return db_exec(db,
                   "pragma secure_delete = on;"
                   "create table if not exists seal_key (id integer primary key, subject integer "
                   "not null unique, key blob not null)",
                   error);
}

static enum err one_key(struct db *db, struct str sql, int64_t asked, int64_t *out_other,
                        unsigned char out_key[KEY_BYTES], struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, sql, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, asked);
    err = db_step(stmt, &row, error);
    if (err == OK && !row) {
        err = ERR_NOT_FOUND;
    }
    if (err == OK) {
        struct str key = db_column_text(stmt, 1);
        *out_other = db_column_int(stmt, 0);
        if (key.len == KEY_BYTES) {
            memcpy(out_key, key.at, KEY_BYTES);
        } else {
            err = error_set(error, ERR_CORRUPT, "a key in the key file is damaged");
        }
    }
    db_done(stmt);
    return err;
}

enum err seal_sql_by_id(struct db *db, int64_t id, int64_t *out_subject,
                        unsigned char out_key[KEY_BYTES], struct error *error)
{
    return one_key(db, STR("select subject, key from seal_key where id = ?1"), id, out_subject,
                   out_key, error);
}

enum err seal_sql_by_subject(struct db *db, int64_t subject, int64_t *out_id,
                             unsigned char out_key[KEY_BYTES], struct error *error)
{
    return one_key(db, STR("select id, key from seal_key where subject = ?1"), subject, out_id,
                   out_key, error);
}

enum err seal_sql_max_id(struct db *db, int64_t *out_id, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = db_cached(db, STR("select max(id) from seal_key"), &stmt, error);
    if (err != OK) {
        return err;
    }
    err = db_step(stmt, &row, error);
    if (err == OK) {
        *out_id = db_column_int(stmt, 0);
    }
    db_done(stmt);
    return err;
}

static enum err run_once(struct db_stmt *stmt, struct error *error)
{
    bool row = false;
    enum err err = db_step(stmt, &row, error);
    db_done(stmt);
    return err;
}

enum err seal_sql_insert(struct db *db, int64_t id, int64_t subject,
                         const unsigned char key[KEY_BYTES], struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, STR("insert into seal_key (id, subject, key) values (?1, ?2, ?3)"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, id);
    db_bind_int(stmt, 2, subject);
    db_bind_blob(stmt, 3, key, KEY_BYTES);
    return run_once(stmt, error);
}

enum err seal_sql_delete(struct db *db, int64_t subject, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_cached(db, STR("delete from seal_key where subject = ?1"), &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, subject);
    return run_once(stmt, error);
}
