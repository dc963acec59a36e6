/* Users who are away and whom one stands in for. The reader's thread. */
#include "../columns.h"
#include "../internal.h"

enum err reader_absent(struct reader *reader, int64_t deputy, int64_t now_ms, int64_t *out_users,
                       size_t *out_count, struct error *error)
{
    struct db_stmt *stmt = NULL;
    bool row = false;
    size_t count = 0;
    enum err err = db_cached(reader_db(reader),
                             STR("select id from o_user where deputy = ?1 and away_until > ?2 and "
                                 "ifnull(away_from, 0) <= ?2 and state = 'active' and "
                                 "archived_at is null order by id"),
                             &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, deputy);
    db_bind_int(stmt, 2, now_ms);
    while ((err = db_step(stmt, &row, error)) == OK && row && count < APPROVAL_ABSENT_MAX) {
        out_users[count++] = db_column_int(stmt, 0);
    }
    db_done(stmt);
    if (err == OK && row) {
        err = error_set(error, ERR_LIMIT, "one is the deputy of at most %d users at once",
                        APPROVAL_ABSENT_MAX);
    }
    *out_count = count;
    return err;
}
