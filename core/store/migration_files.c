/* Which migrations ran, which are to run now, and what of an upgrade that did not end well is put
 * back. Writer thread, inside a lone unit; store_migrations_lose: any thread. */
#include "migration.h"

#include "proxenos/store_migration.h"
#include "schema_past.h"

#include <stdio.h>
#include <string.h>

static const struct migration_file *given(const struct migration *migration, struct str plugin,
                                          int number)
{
    for (size_t i = 0; i < migration->file_count; i++) {
        const struct migration_file *file = &migration->files[i];
        if (file->number == number && str_eq(file->plugin, plugin)) {
            return file;
        }
    }
    return NULL;
}

static enum err refuse_file(struct str plugin, struct str name, struct error *error,
                            const char *sentence)
{
    char pointer[160];
    (void)snprintf(pointer, sizeof(pointer), STR_FORMAT ": migrations/" STR_FORMAT,
                   STR_ARGS(plugin), STR_ARGS(str_sub(name, 0, 80)));
    return error_at(error, ERR_SCHEMA, pointer, NULL, "%s", sentence);
}

static enum err check_ran(const struct migration *migration, struct str plugin,
                          const struct ran_file *ran, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct migration_file *file = given(migration, plugin, ran[i].number);
        if (file == NULL) {
            return refuse_file(
                plugin, ran[i].name, error,
                "this migration ran here, and this version does not know it: take a "
                "version that has it, or restore the backup that was made before it");
        }
        if (memcmp(file->hash, ran[i].hash, HASH_BYTES) != 0 || !str_eq(file->name, ran[i].name)) {
            return refuse_file(plugin, ran[i].name, error,
                               "this migration ran here with another text: what ran stays as it "
                               "is; write what is new into a new file");
        }
    }
    return OK;
}

static enum err add_pending(struct migration *migration, struct str plugin,
                            const struct ran_file *ran, size_t count, struct error *error)
{
    int newest = count > 0 ? ran[count - 1].number : 0;
    int before = 0;
    for (size_t i = 0; i < migration->file_count; i++) {
        const struct migration_file *file = &migration->files[i];
        bool known = false;
        if (!str_eq(file->plugin, plugin)) {
            continue;
        }
        for (size_t r = 0; r < count; r++) {
            known = known || ran[r].number == file->number;
        }
        if (file->number == before) {
            return refuse_file(plugin, file->name, error, "two migrations have this number");
        }
        before = file->number;
        if (!known && file->number < newest) {
            return refuse_file(plugin, file->name, error,
                               "a migration with a higher number ran here already: give this one a "
                               "number behind it");
        }
        if (!known) {
            migration->pending[migration->pending_count++] = file;
            migration->any = true;
        }
    }
    return OK;
}

/* An upgrade that ended without a word (a crash, a failure behind it) is undone when its files are
 * not there any more, and is over when they are. */
static enum err settle(struct migration *migration, struct str plugin, struct ran_file **ran,
                       size_t *count, struct error *error)
{
    bool unfinished = false;
    bool missing = false;
    for (size_t i = 0; i < *count; i++) {
        bool open = !(*ran)[i].finished;
        unfinished = unfinished || open;
        missing = missing || (open && given(migration, plugin, (*ran)[i].number) == NULL);
    }
    if (!unfinished) {
        return OK;
    }
    struct tx *tx = migration->whole->tx;
    enum err err = missing ? migration_step_back(migration, plugin, error)
                           : tx_migrations_finish(tx, plugin, error);
    return err == OK ? files_ran(tx->db, migration->arena, plugin, ran, count, error) : err;
}

static enum err begin_plugin(struct migration *migration, struct str plugin, struct error *error)
{
    struct ran_file *ran = NULL;
    size_t count = 0;
    struct db *db = migration->whole->tx->db;
    enum err err = files_ran(db, migration->arena, plugin, &ran, &count, error);
    err = err == OK ? settle(migration, plugin, &ran, &count, error) : err;
    err = err == OK ? check_ran(migration, plugin, ran, count, error) : err;
    return err == OK ? add_pending(migration, plugin, ran, count, error) : err;
}

static enum err read_steps(struct migration *migration, struct error *error)
{
    size_t files = migration->pending_count;
    const struct migration_file *const *pending = migration->pending;
    size_t most = 0;
    enum err err = OK;
    for (size_t i = 0; i < files; i++) {
        most += pending[i]->steps.list.count;
    }
    migration->steps = ARENA_ARRAY(migration->arena, struct migration_step, most + 1);
    for (size_t i = 0; i < files; i++) {
        for (size_t s = 0; s < pending[i]->steps.list.count && err == OK; s++) {
            err = migration_step_read(migration->arena, pending[i], (int)s + 1,
                                      &migration->steps[migration->step_count++], error);
        }
    }
    return err;
}

enum err migration_begin(struct migration *migration, const struct schema_source *sources,
                         size_t count, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < count && err == OK; i++) {
        err = begin_plugin(migration, sources[i].plugin, error);
    }
    return err == OK ? read_steps(migration, error) : err;
}

/* ---- what was done ---- */

static struct value report_of(struct arena *arena, const struct migration_step *step)
{
    struct value row = value_map_new();
    value_put_c(arena, &row, "plugin", value_text(step->file->plugin));
    value_put_c(arena, &row, "file", value_text(step->file->name));
    value_put_c(arena, &row, "step", value_text(str_from(migration_words[step->kind])));
    value_put_c(arena, &row, "object", value_text(step->object));
    value_put_c(arena, &row, "field", value_text(step->field));
    if (step->to.len > 0) {
        value_put_c(arena, &row, "to", value_text(step->to));
    }
    value_put_c(arena, &row, "rows", value_int(step->rows));
    return row;
}

static enum err record_file(struct migration *migration, const struct migration_file *file,
                            struct str backup, struct value *report, struct error *error)
{
    struct tx *tx = migration->whole->tx;
    struct value data = value_map_new();
    struct value steps = value_list_new();
    for (size_t i = 0; i < migration->step_count; i++) {
        const struct migration_step *step = &migration->steps[i];
        if (step->file == file) {
            value_push(tx_arena(tx), &steps, report_of(tx_arena(tx), step));
            value_push(tx_arena(tx), report, report_of(tx_arena(tx), step));
        }
    }
    value_put_c(tx_arena(tx), &data, "plugin", value_text(file->plugin));
    value_put_c(tx_arena(tx), &data, "file", value_text(file->name));
    value_put_c(tx_arena(tx), &data, "steps", steps);
    value_put_c(tx_arena(tx), &data, "backup", backup.len > 0 ? value_text(backup) : value_null());
    enum err err = file_ran(tx, file, error);
    return err == OK ? schema_change_log(tx, "schema.migrated", &data, error) : err;
}

enum err migration_record(struct migration *migration, struct str backup, struct value *out_report,
                          struct error *error)
{
    enum err err = OK;
    *out_report = value_list_new();
    for (size_t i = 0; i < migration->pending_count && err == OK; i++) {
        err = record_file(migration, migration->pending[i], backup, out_report, error);
    }
    return err;
}

/* ---- before it all ---- */

static bool loses(const struct migration_file *file)
{
    for (size_t i = 0; i < file->steps.list.count; i++) {
        if (value_get_c(&file->steps.list.items[i], "rename") == NULL) {
            return true;
        }
    }
    return false;
}

static bool has_run(const struct ran_file *ran, size_t count, int number)
{
    for (size_t i = 0; i < count; i++) {
        if (ran[i].number == number) {
            return true;
        }
    }
    return false;
}

enum err store_migrations_lose(struct store *store, const struct migration_file *files,
                               size_t count, bool *out_lose, struct error *error)
{
    struct reader *reader = NULL;
    struct arena arena;
    *out_lose = false;
    enum err err = count == 0 ? OK : reader_open(store, 0, &reader, error);
    arena_init(&arena);
    for (size_t i = 0; i < count && err == OK && !*out_lose; i++) {
        struct ran_file *ran = NULL;
        size_t ran_count = 0;
        err = files_ran(reader_db(reader), &arena, files[i].plugin, &ran, &ran_count, error);
        *out_lose = err == OK && !has_run(ran, ran_count, files[i].number) && loses(&files[i]);
    }
    arena_deinit(&arena);
    reader_close(reader);
    return err;
}
