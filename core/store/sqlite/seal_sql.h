/* The key file's one table. Under the seal's lock. */
#ifndef PROXENOS_STORE_SQLITE_SEAL_SQL_H
#define PROXENOS_STORE_SQLITE_SEAL_SQL_H

#include "../internal.h"

enum err seal_sql_prepare(struct db *db, struct error *error) MUST_CHECK;
/* ERR_NOT_FOUND: no such key; ERR_CORRUPT: one of another length. */
enum err seal_sql_by_id(struct db *db, int64_t id, int64_t *out_subject,
                        unsigned char out_key[KEY_BYTES], struct error *error) MUST_CHECK;
enum err seal_sql_by_subject(struct db *db, int64_t subject, int64_t *out_id,
                             unsigned char out_key[KEY_BYTES], struct error *error) MUST_CHECK;
enum err seal_sql_max_id(struct db *db, int64_t *out_id, struct error *error) MUST_CHECK;
enum err seal_sql_insert(struct db *db, int64_t id, int64_t subject,
                         const unsigned char key[KEY_BYTES], struct error *error) MUST_CHECK;
enum err seal_sql_delete(struct db *db, int64_t subject, struct error *error) MUST_CHECK;

#endif
