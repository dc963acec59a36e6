/* Migrations inside the unit that changes the schema (store_migration.h). In this order: files are
 * held against what ran; columns are renamed, set aside or copied; tables follow the declarations;
 * rows are rewritten by type, each with its entry in the log. Writer thread. */
#ifndef PROXENOS_STORE_MIGRATION_INTERNAL_H
#define PROXENOS_STORE_MIGRATION_INTERNAL_H

#include "proxenos/base_expr.h"
#include "proxenos/store_migration.h"
#include "schema_change.h"
#include "sqlite/ddl.h"

enum {
    MIGRATION_FIELD_STEPS_MAX = 20, /* changes of one field in one upgrade */
    MIGRATION_FIELDS_MAX = 500      /* fields whose values change in one upgrade */
};

enum migration_kind { MIGRATE_RENAME, MIGRATE_NARROW, MIGRATE_CHANGE, MIGRATE_DROP };
extern const char *const migration_words[]; /* by kind */

struct migration_step {
    const struct migration_file *file;
    int position; /* in the file, from 1 */
    enum migration_kind kind;
    struct str object, field, to;
    const struct value *on_misfit; /* NULL: "fail" */
    const struct expr *expr;       /* MIGRATE_CHANGE */
    const struct value *map;
    int64_t rows;
};

/* A field whose rows are looked at, under the name it has at the end. */
struct migration_field {
    struct str object, field;
    const struct field *next;  /* as it will be */
    bool aside;                /* the former values are in "<field>__was", of the former type */
    bool back;                 /* they are put back */
    struct known_field before; /* of that */
    int64_t misfits, first_misfit;
    struct str misfit_value;
    struct migration_step *steps[MIGRATION_FIELD_STEPS_MAX]; /* in order; none when put back */
    size_t step_count;
};

struct migration {
    struct schema_change *whole;
    struct arena *arena; /* the unit's */
    const struct migration_file *files;
    size_t file_count;
    const struct migration_file **pending; /* room for all files */
    size_t pending_count;
    struct migration_step *steps;
    size_t step_count;
    struct migration_field *fields[MIGRATION_FIELDS_MAX];
    size_t field_count;
    bool any; /* something is done beside what declarations say */
};

/* migration_files.c: what ran, what is pending, what is to be put back. */
enum err migration_begin(struct migration *migration, const struct schema_source *sources,
                         size_t count, struct error *error) MUST_CHECK;
enum err migration_record(struct migration *migration, struct str backup, struct value *out_report,
                          struct error *error) MUST_CHECK;
/* migration_read.c: one step of a file; `out` is filled whole. */
enum err migration_step_read(struct arena *arena, const struct migration_file *file, int position,
                             struct migration_step *out, struct error *error) MUST_CHECK;
/* ERR_SCHEMA at "suppliers: migrations/0002-x.lua: step 3". */
enum err migration_refuse(const struct migration_step *step, struct error *error,
                          const char *format, ...) PRINTF_LIKE(3, 4);

/* migration_plan.c: columns, before tables follow the declarations. */
enum err migration_columns(struct migration *migration, struct error *error) MUST_CHECK;
enum err migration_field_add(struct migration *migration, struct migration_field *moved,
                             struct error *error) MUST_CHECK;
struct migration_field *migration_field_of(const struct migration *migration, struct str object,
                                           struct str field); /* NULL: none */
/* migration_undo.c: a plugin's unfinished migrations, newest first. */
enum err migration_step_back(struct migration *migration, struct str plugin,
                             struct error *error) MUST_CHECK;

/* Has the table a column of this name, and what is in it? NULL: none. */
enum err migration_known(const struct migration *migration, struct str object, struct str field,
                         const struct known_field **out_known, struct error *error) MUST_CHECK;

/* migration_rows.c: rows of one type, when its table is as declared. */
enum err migration_rows(struct migration *migration, const struct object_type *type,
                        struct error *error) MUST_CHECK;
/* Drops what was set aside for rows only. */
enum err migration_end(struct migration *migration, struct error *error) MUST_CHECK;

/* ---- sqlite/migration_sql.c ---- */

/* The field's columns get "__was" behind their names, or lose it; likewise its links' table. */
enum err aside_put(struct db *db, struct arena *arena, struct str object,
                   const struct known_field *field, struct error *error) MUST_CHECK;
enum err aside_back(struct db *db, struct str object, const struct known_field *field,
                    struct error *error) MUST_CHECK;
/* What stands aside gets another name too. */
enum err aside_rename(struct db *db, struct str object, const struct known_field *field,
                      struct str to, struct error *error) MUST_CHECK;
enum err aside_copy(struct db *db, struct str object, const struct known_field *field,
                    struct error *error) MUST_CHECK;
enum err aside_drop(struct db *db, struct str object, const struct known_field *field,
                    struct error *error) MUST_CHECK;
enum err aside_read(struct db *db, struct arena *arena, const struct migration_field *field,
                    int64_t id, struct value *out_value, struct error *error) MUST_CHECK;
/* Another name for columns or links; indexes on them are dropped, and made anew as declared. */
enum err ddl_rename_field(struct db *db, struct arena *arena, struct str object,
                          const struct known_field *field, struct str to,
                          struct error *error) MUST_CHECK;
/* With its indexes and the memory of it. */
enum err ddl_clear_field(struct db *db, struct arena *arena, struct str object,
                         const struct known_field *field, struct error *error) MUST_CHECK;
enum err ddl_forget_field(struct db *db, struct str object, struct str field,
                          struct error *error) MUST_CHECK;
enum err ddl_recall_field(struct db *db, struct str object, const struct known_field *field,
                          struct error *error) MUST_CHECK;

/* Files that ran. */
struct ran_file {
    int number;
    struct str name;
    unsigned char hash[HASH_BYTES];
    bool finished;
};
enum err files_ran(struct db *db, struct arena *arena, struct str plugin, struct ran_file **out,
                   size_t *out_count, struct error *error) MUST_CHECK;
enum err file_ran(struct tx *tx, const struct migration_file *file, struct error *error) MUST_CHECK;
enum err files_finish(struct db *db, struct str plugin, struct error *error) MUST_CHECK;
enum err files_forget_unfinished(struct db *db, struct str plugin, struct error *error) MUST_CHECK;

/* What stands aside, oldest first: kind "rename", "drop" or "change". */
struct aside {
    struct str object, kind, became;
    struct known_field field;
};
enum err aside_note(struct db *db, struct str plugin, const struct aside *aside,
                    struct error *error) MUST_CHECK;
enum err aside_list(struct db *db, struct arena *arena, struct str plugin, struct aside **out,
                    size_t *out_count, struct error *error) MUST_CHECK;
enum err aside_forget(struct db *db, struct str plugin, struct error *error) MUST_CHECK;

#endif
