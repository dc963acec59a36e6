/* What a connection may do: step budget and deadline of readers, the tables that a module's
 * statements may name. The connection's thread, but for db_interrupt. */
#include "connection.h"

static int look_at_clock(void *context)
{
    struct db *db = context;
    /* Begin and rollback come here too, now and then: a spent budget must not stop them. */
    if (db->running == 0) {
        return 0;
    }
    if (db->step_limit > 0) {
        db->steps_left -= STEPS_BETWEEN_CHECKS;
        if (db->steps_left <= 0) {
            db->stop = ERR_LIMIT;
            return 1;
        }
    }
    if (db->until_ns > 0 && db->env->monotonic_ns(db->env) >= db->until_ns) {
        db->stop = ERR_TIMEOUT;
        return 1;
    }
    return 0;
}

void db_watch_start(struct db *db)
{
    ASSERT(db->mode != DB_WRITER);
    bool limited = db->step_limit > 0 || db->until_ns > 0;
    sqlite3_progress_handler(db->sqlite, limited ? STEPS_BETWEEN_CHECKS : 0,
                             limited ? look_at_clock : NULL, db);
}

void db_limit_steps(struct db *db, int64_t steps)
{
    db->step_limit = steps;
    db->steps_left = steps;
    db_watch_start(db);
}

int64_t db_steps(struct db *db)
{
    return db->step_limit;
}

void db_limit_time(struct db *db, struct env *env, int64_t until_monotonic_ns)
{
    db->env = env;
    db->until_ns = until_monotonic_ns;
    db_watch_start(db);
}

void db_interrupt(struct db *db)
{
    ASSERT(db->mode != DB_WRITER);
    sqlite3_interrupt(db->sqlite);
}

void db_confine(struct db *db, const char *prefix)
{
    mem_free(db->confine);
    db->confine = prefix != NULL ? mem_dup(prefix, strlen(prefix) + 1) : NULL;
}

static bool starts_with(const char *name, const char *prefix)
{
    return name != NULL && strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool table_allowed(const struct db *db, const char *name)
{
    if (starts_with(name, db->confine)) {
        return true;
    }
    /* Functions that read their own argument as rows. */
    return name != NULL && (strcmp(name, "json_each") == 0 || strcmp(name, "json_tree") == 0);
}

/* sqlite_master is named by every create and drop; DEFENSIVE keeps statements from writing it. */
static bool changed_allowed(const struct db *db, const char *name)
{
    return starts_with(name, db->confine) || starts_with(name, "sqlite_");
}

int db_authorize(void *context, int action, const char *a, const char *b, const char *database,
                 const char *trigger)
{
    const struct db *db = context;
    (void)database;
    (void)trigger;
    if (db->confine == NULL) {
        return SQLITE_OK;
    }
    bool allowed = false;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
    case SQLITE_FUNCTION:
        allowed = true;
        break;
    case SQLITE_READ:
        allowed = table_allowed(db, a) || strcmp(a, "sqlite_master") == 0;
        break;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        allowed = changed_allowed(db, a);
        break;
    case SQLITE_CREATE_TABLE:
    case SQLITE_DROP_TABLE:
    case SQLITE_REINDEX:
        allowed = starts_with(a, db->confine);
        break;
    case SQLITE_CREATE_INDEX:
    case SQLITE_DROP_INDEX:
        /* Automatic ones (of primary keys) are named by SQLite after the table. */
        allowed = (starts_with(a, db->confine) || starts_with(a, "sqlite_autoindex_")) &&
                  starts_with(b, db->confine);
        break;
    case SQLITE_ALTER_TABLE:
        allowed = starts_with(b, db->confine);
        break;
    default:
        break;
    }
    return allowed ? SQLITE_OK : SQLITE_DENY;
}
