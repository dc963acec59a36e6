/* What a plugin's own change of its object types does to stored values, beyond what follows from
 * comparing declarations: files migrations/NNNN-name.lua of pure data, run once each, in order.
 *
 *   return {
 *     { rename = "contract.value", to = "amount" },
 *     { narrow = "contract.status", on_misfit = "fail" },     -- or "null", or a value
 *     { change = "contract.amount", expr = "amount * 100" },  -- or map = { open = "active" }
 *     { drop = "contract.old" },
 *   }
 *
 * A file that ran is recorded by name and content hash. Values that a step takes away stay aside
 * until the upgrade is over (tx_migrations_finish): when it fails, applying the former declarations
 * puts them back. */
#ifndef PROXENOS_STORE_MIGRATION_H
#define PROXENOS_STORE_MIGRATION_H

#include "proxenos/base_crypto.h"
#include "proxenos/store.h"

enum {
    MIGRATION_FILES_MAX = 500, /* of one plugin */
    MIGRATION_STEPS_MAX = 200, /* of one file */
    MIGRATION_NAME_MAX = 60,
};

struct migration_file {
    struct str plugin, name; /* "0002-amount.lua" */
    int number;
    unsigned char hash[HASH_BYTES]; /* of its text */
    struct value steps;             /* a list */
};
/* Number, name and steps of a file that was read as data; ERR_SCHEMA at "migrations/NAME: step 2".
 * Any thread; borrows all. */
enum err migration_take(struct str plugin, struct str name, struct str text,
                        const struct value *tree, struct migration_file *out_file,
                        struct error *error) MUST_CHECK;

/* store_schema_apply with migrations. */
struct migrating {
    const struct schema_source *sources;
    size_t source_count;
    const struct migration_file *files; /* of all these plugins, those that ran included; by plugin,
                                           then by number */
    size_t file_count;
    bool dry_run;        /* ends with ERR_CANCELLED when all would go well */
    bool final;          /* nothing comes after that could fail: start-up */
    struct str backup;   /* the folder of the backup made before; for the log */
    struct arena *arena; /* of the report and the further findings */
    struct value report; /* list of {"plugin", "file", "step", "object", "field", "to", "rows"} */
};
/* Also: ERR_SCHEMA for a file that ran and is another now, or that is not there any more;
 * for records that do not fit, with their number and the first of them. */
enum err store_schema_migrate(struct store *store, struct migrating *migrating,
                              const struct scope *scope, struct error *error) MUST_CHECK;
/* Do files that have not run yet take values away, or change them? Any thread but loop, writer. */
enum err store_migrations_lose(struct store *store, const struct migration_file *files,
                               size_t count, bool *out_lose, struct error *error) MUST_CHECK;
/* Inside a lone unit: the upgrade of this plugin is over, what was kept aside goes. */
enum err tx_migrations_finish(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;

#endif
