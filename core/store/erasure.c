/* Erasing a data subject, from the first look to clean files (proxenos/store_erasure.h). A lane's
 * thread. The order matters for a run that is killed and run anew: what needs the subject's values
 * to be found goes before them. */
#include "proxenos/store_erasure.h"

#include "erasure.h"
#include "manifest.h"
#include "seal.h"
#include "sqlite/erasure_sql.h"

#include <dirent.h>

/* ---- the question ---- */

static enum err check_state(struct erasure *erasure, enum erasure_state *out_state,
                            struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    struct erasure_row row;
    enum err err = erasure_sql_get(reader_db(erasing->reader), erasing->id, NULL, &row, error);
    *out_state = row.state;
    if (err == OK && row.state == ERASURE_DONE) {
        return error_set(error, ERR_ERASED, "it was erased already");
    }
    return err;
}

static enum err check_reason(struct erasure *erasure, struct error *error)
{
    if (words_match(&erasure->words, erasure->erasing->reason)) {
        return error_at(error, ERR_INVALID, "/reason", NULL,
                        "the reason is kept for ever and names the person itself: say it without "
                        "name, address and number");
    }
    return OK;
}

static void count_entries(struct erasure *erasure)
{
    struct erasure_run *erasing = erasure->erasing;
    struct value merged = value_list_new();
    for (size_t i = 1; i < erasure->id_count; i++) {
        value_push(erasing->arena, &merged, value_id(erasure->ids[i]));
    }
    size_t entries = (erasure->own.len + erasure->foreign.len) / sizeof(int64_t);
    value_put_c(erasing->arena, &erasing->report, "merged", merged);
    value_put_c(erasing->arena, &erasing->report, "entries", value_int((int64_t)entries));
    value_put_c(erasing->arena, &erasing->report, "mentions", erasure->mentions);
    value_put_c(erasing->arena, &erasing->report, "mentions_count",
                value_int(erasure->mention_count));
}

/* The folder's own backups have the subject until somebody takes them away: which ones. */
static void tell_backups(struct erasure *erasure)
{
    struct erasure_run *erasing = erasure->erasing;
    struct value names = value_list_new();
    struct buf path;
    buf_init(&path);
    DIR *folder = opendir(path_join(&path, erasing->store->folder, BACKUPS_FOLDER));
    for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.' && names.list.count < ERASURE_BACKUPS_MAX) {
            value_push(erasing->arena, &names,
                       value_text(arena_str(erasing->arena, str_from(entry->d_name))));
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    buf_deinit(&path);
    value_put_c(erasing->arena, &erasing->report, "backups", names);
}

/* What is there, what is in the way. Nothing is changed. */
static enum err look(struct erasure *erasure, struct error *error)
{
    enum err err = erasure_find_words(erasure, error);
    if (err == OK) {
        err = check_reason(erasure, error);
    }
    if (err == OK) {
        err = erasure_look(erasure, error);
    }
    if (err == OK) {
        err = erasure_scan(erasure, error);
    }
    if (err == OK) {
        count_entries(erasure);
        tell_backups(erasure);
    }
    return err;
}

/* ---- doing it ---- */

struct forgetting {
    struct unit unit;
    const struct erasure *erasure;
};

/* Alone in its group: no other unit has keys that are not on the disk yet. */
static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct erasure *erasure = CONTAINER_OF(unit, struct forgetting, unit)->erasure;
    enum err err = OK;
    for (size_t i = 0; i < erasure->id_count && err == OK; i++) {
        err = seal_forget(tx_store(tx), erasure->ids[i], error);
    }
    return err;
}

static enum err forget_keys(struct erasure *erasure, struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    struct forgetting forgetting = {.erasure = erasure};
    enum err err = OK;
    for (size_t i = 0; i < erasure->id_count && err == OK; i++) {
        err = erased_list_add(erasing->store, erasure->ids[i], erasure->type->name, error);
    }
    if (err != OK) {
        return err;
    }
    forgetting.unit = (struct unit){
        .apply = forget_apply, .scope = erasing->scope, .request = erasing->request, .alone = true};
    err = store_run(erasing->store, &forgetting.unit);
    if (err != OK) {
        *error = forgetting.unit.error;
        error->next = NULL;
    }
    unit_deinit(&forgetting.unit);
    return err;
}

/* Handlers and flows that had read the person before it was emptied may have written since. */
static enum err sweep_again(struct erasure *erasure, struct error *error)
{
    buf_reset(&erasure->own);
    buf_reset(&erasure->foreign);
    enum err err = erasure_scan(erasure, error);
    if (err == OK) {
        err = erasure_redact(erasure, &erasure->foreign, error);
    }
    if (err == OK) {
        err = erasure_redact(erasure, &erasure->own, error);
    }
    return err == OK ? erasure_parts_run(erasure, error) : err;
}

static enum err act(struct erasure *erasure, struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    enum err err = erasure_begin(erasure, error);
    if (err == OK) {
        err = erasure_parts_run(erasure, error);
    }
    if (err == OK) {
        err = erasure_redact(erasure, &erasure->foreign, error);
    }
    if (err == OK) {
        err = erasure_dependants(erasure, error);
    }
    if (err == OK) {
        err = erasure_redact(erasure, &erasure->own, error);
    }
    if (err == OK) {
        err = erasure_empty(erasure, error);
    }
    if (err == OK) {
        err = forget_keys(erasure, error);
    }
    if (err == OK) {
        err = sweep_again(erasure, error);
    }
    if (err == OK) {
        err = store_scrub(erasing->store, erasing->progress, erasing->context, error);
    }
    return err == OK ? erasure_mark_done(erasure, error) : err;
}

static enum err find_type(struct erasure *erasure, struct error *error)
{
    erasure->type = schema_object(erasure->system->schema, erasure->erasing->object);
    if (erasure->type == NULL) {
        return error_set(error, ERR_UNKNOWN_OBJECT, "its object type is not served any more");
    }
    if (!object_erasable(erasure->type)) {
        return error_set(error, ERR_INVALID,
                         "records of " STR_FORMAT
                         " are about no person by themselves: erase the person, or delete the "
                         "record",
                         STR_ARGS(erasure->type->name));
    }
    return OK;
}

static enum err exists(struct erasure *erasure, struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    bool any = false;
    enum err err = erasure_exists(erasing->reader, erasure->type, erasing->id, &any, error);
    if (err == OK && !any) {
        char text[ID_TEXT_LEN + 1];
        id_format(erasing->id, text);
        err = error_at(error, ERR_NOT_FOUND, NULL, text, "there is no " STR_FORMAT " %s",
                       STR_ARGS(erasure->type->name), text);
    }
    return err;
}

static void erasure_init(struct erasure *erasure, struct erasure_run *erasing)
{
    *erasure = (struct erasure){.erasing = erasing, .ids = {erasing->id}, .id_count = 1};
    erasure->system = store_system_scope(erasing->store, SYSTEM_MIGRATION);
    erasure->mentions = value_list_new();
    words_init(&erasure->words);
    buf_init(&erasure->own);
    buf_init(&erasure->foreign);
    erasing->report = value_map_new();
    erasing->private = erasure;
}

enum err store_erase(struct erasure_run *erasing, struct error *error)
{
    struct erasure erasure;
    enum erasure_state state = 0;
    erasure_init(&erasure, erasing);
    enum err err = find_type(&erasure, error);
    if (err == OK) {
        err = exists(&erasure, error);
    }
    if (err == OK) {
        err = check_state(&erasure, &state, error);
    }
    if (err == OK) {
        err = look(&erasure, error);
    }
    if (err == OK) {
        err = erasing->dry_run ? erasure_parts_run(&erasure, error) : act(&erasure, error);
    }
    buf_deinit(&erasure.own);
    buf_deinit(&erasure.foreign);
    words_deinit(&erasure.words);
    scope_unref(erasure.system);
    erasing->private = NULL;
    return err;
}
