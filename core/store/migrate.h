/* Migrations of tables that are not object types: the store's own and those of modules. */
#ifndef PROXENOS_STORE_MIGRATE_H
#define PROXENOS_STORE_MIGRATE_H

#include "driver.h"

/* Runs what has not run yet, in order, recorded by number and content hash; inside the caller's
 * transaction. ERR_SCHEMA when a text that has run is another one now, or the folder knows more of
 * them than we do. */
struct migrations {
    const char *module;
    const char *const *texts;
    int count;
    bool confined; /* to tables whose names begin with the module's */
};
enum err migrate(struct db *db, const struct migrations *migrations, int64_t now_ms,
                 struct error *error) MUST_CHECK;
/* The table that records them: once, before the first migrate. */
enum err migrate_prepare(struct db *db, struct error *error) MUST_CHECK;

#endif
