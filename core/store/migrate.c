/* Numbered migrations, each recorded with the hash of its text, so that a text that was changed
 * after it ran is found at the next start. On the writer's connection. */
#include "migrate.h"

#include "proxenos/base_crypto.h"
#include "sqlite/statements.h"

enum err migrate_prepare(struct db *db, struct error *error)
{
    return db_exec(db, sql_migration_table, error);
}

static enum err newest(struct db *db, struct str module, int64_t *out_number, struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, sql_migration_count, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, module);
    bool row = false;
    err = db_step(stmt, &row, error);
    if (err == OK) {
        *out_number = row ? db_column_int(stmt, 0) : 0;
    }
    db_finalize(stmt);
    return err;
}

static enum err check_one(struct db *db, struct str module, int number,
                          const unsigned char hash[HASH_BYTES], struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, sql_migration_find, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, module);
    db_bind_int(stmt, 2, number);
    bool row = false;
    err = db_step(stmt, &row, error);
    if (err == OK) {
        struct str stored = row ? db_column_text(stmt, 0) : STR("");
        if (stored.len != HASH_BYTES || memcmp(stored.at, hash, HASH_BYTES) != 0) {
            err = error_set(error, ERR_SCHEMA,
                            "migration %d of " STR_FORMAT " is not the one that ran in this folder",
                            number, STR_ARGS(module));
        }
    }
    db_finalize(stmt);
    return err;
}

static enum err record_one(struct db *db, struct str module, int number,
                           const unsigned char hash[HASH_BYTES], int64_t now_ms,
                           struct error *error)
{
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, sql_migration_insert, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_text(stmt, 1, module);
    db_bind_int(stmt, 2, number);
    db_bind_blob(stmt, 3, hash, HASH_BYTES);
    db_bind_int(stmt, 4, now_ms);
    bool row = false;
    err = db_step(stmt, &row, error);
    db_finalize(stmt);
    return err;
}

static enum err run_one(struct db *db, const struct migrations *migrations, int number,
                        struct error *error)
{
    db_confine(db, migrations->confined ? migrations->module : NULL);
    enum err err = db_exec(db, migrations->texts[number - 1], error);
    db_confine(db, NULL);
    if (err != OK) {
        error_prefix(error, "migration %d of %s: ", number, migrations->module);
    }
    return err;
}

enum err migrate(struct db *db, const struct migrations *migrations, int64_t now_ms,
                 struct error *error)
{
    struct str name = str_from(migrations->module);
    int64_t done = 0;
    enum err err = newest(db, name, &done, error);
    if (err == OK && done > migrations->count) {
        err = error_set(error, ERR_SCHEMA,
                        "the data folder was written by a newer version: %s has %lld migrations "
                        "there and %d here",
                        migrations->module, (long long)done, migrations->count);
    }
    for (int number = 1; err == OK && number <= migrations->count; number++) {
        const char *text = migrations->texts[number - 1];
        unsigned char hash[HASH_BYTES];
        hash_of(text, strlen(text), hash);
        if (number <= done) {
            err = check_one(db, name, number, hash, error);
            continue;
        }
        err = run_one(db, migrations, number, error);
        if (err == OK) {
            err = record_one(db, name, number, hash, now_ms, error);
        }
    }
    return err;
}
