/* The search index after an erasure. FTS5 keeps a removed document's words until segments are
 * merged, and SQLite what was freed. The indexer's thread. */
#include "search_index.h"
#include "sqlite/erasure_sql.h"
#include "sqlite/search_sql.h"

bool search_scrubbing(const struct search_index *index)
{
    return __atomic_load_n(&index->store->scrub_wanted, __ATOMIC_ACQUIRE) >
           __atomic_load_n(&index->scrubbed, __ATOMIC_ACQUIRE);
}

static enum err merge_segments(struct search_index *index, struct error *error)
{
    const struct schema *schema = index->scope->schema;
    const struct field *fields[SEARCH_FIELDS_MAX];
    struct buf sql;
    enum err err = OK;
    buf_init(&sql);
    for (int i = 0; i < schema->object_count && err == OK && !search_stopping(index); i++) {
        if (search_fields(&schema->objects[i], fields) > 0) {
            buf_reset(&sql);
            search_sql_optimize(&sql, schema->objects[i].name);
            err = db_exec(index->db, buf_cstr(&sql), error);
        }
    }
    buf_deinit(&sql);
    return err;
}

enum err search_scrub(struct search_index *index, int64_t wanted, struct error *error)
{
    int64_t left = 1;
    enum err err = OK;
    if (index->vacuumed < wanted) {
        err = merge_segments(index, error);
        if (err == OK && !search_stopping(index)) {
            err = scrub_sql_vacuum(index->db, error);
            index->vacuumed = err == OK ? wanted : index->vacuumed;
        }
    }
    if (err == OK) {
        err = db_checkpoint(index->db, true, &left, error);
    }
    if (err == OK && left == 0 && db_wal_bytes(index->db) == 0 && index->vacuumed >= wanted) {
        __atomic_store_n(&index->scrubbed, wanted, __ATOMIC_RELEASE);
    }
    return err;
}
