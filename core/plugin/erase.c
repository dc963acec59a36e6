/* The records of a plugin that is removed: written to a file first where that is wanted, then
 * deleted, as anybody would delete them: each with its entry in the log, in groups. What refers to
 * what decides the order, so those that could not go are tried again when others have. A job's
 * thread; nothing here is the loop's. */
#include "internal.h"

#include "proxenos/plugin_bundle.h"
#include "proxenos/store_query.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { ERASE_GROUP = 200, EXPORT_CHUNK = 256 << 10 };

/* The system's rights under the actor who asked; made anew for each group, as types may change. */
struct acting {
    struct scope scope;
    const struct scope *system;
};

static void keep_scope(struct scope *scope)
{
    (void)scope; /* on somebody's stack */
}

static void acting_init(struct acting *acting, const struct erasing *erasing)
{
    acting->system = store_system_scope(erasing->store, SYSTEM_MIGRATION);
    acting->scope = *acting->system;
    acting->scope.references = 1;
    acting->scope.actor = erasing->scope->actor;
    acting->scope.via = erasing->scope->via;
    acting->scope.free = keep_scope;
}

static bool is_its(const struct erasing *erasing, const struct object_type *type)
{
    return str_eq(type->plugin, erasing->plugin);
}

/* ---- all ids of a type ---- */

static enum err on_id(void *context, const struct record *record, struct error *error)
{
    struct buf *ids = context;
    (void)error;
    buf_append(ids, &record->id, sizeof(record->id));
    return OK;
}

/* Newest first: what refers is mostly younger than what it refers to. */
static enum err find_ids(struct erasing *erasing, const struct scope *scope,
                         const struct object_type *type, struct buf *ids, struct error *error)
{
    struct arena arena;
    struct query query = {.type = type, .limit = QUERY_LIMIT_MAX, .archived = true};
    arena_init(&arena);
    enum err err = query_fields(&query, &arena, STR("id"), error);
    if (err == OK) {
        err = query_bind(&query, scope, &arena, error);
    }
    if (err == OK) {
        err = reader_each(erasing->reader, &query, on_id, ids, error);
    }
    arena_deinit(&arena);
    return err;
}

/* ---- the file ---- */

struct writing {
    struct erasing *erasing;
    const struct object_type *type;
    struct buf text;
    int64_t done;
    int fd;
};

static enum err write_text(struct writing *writing, struct error *error)
{
    size_t written = 0;
    ssize_t more = 1;
    while (written < writing->text.len && more > 0) {
        more = write(writing->fd, writing->text.at + written, writing->text.len - written);
        written += more > 0 ? (size_t)more : 0;
    }
    if (written < writing->text.len) {
        return error_set(error, errno == ENOSPC ? ERR_DISK_FULL : ERR_IO,
                         "%s cannot be written: %s", writing->erasing->file, strerror(errno));
    }
    buf_reset(&writing->text);
    return OK;
}

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    struct writing *writing = context;
    struct erasing *erasing = writing->erasing;
    buf_printf(&writing->text,
               "{\"object\":\"" STR_FORMAT "\",\"record\":", STR_ARGS(writing->type->name));
    record_write_json(&writing->text, record);
    buf_append_str(&writing->text, STR("}\n"));
    if (!erasing->progress(erasing->context, ++writing->done, 0)) {
        return error_set(error, ERR_CANCELLED, "it was cancelled");
    }
    return writing->text.len >= EXPORT_CHUNK ? write_text(writing, error) : OK;
}

static enum err write_types(struct writing *writing, struct error *error)
{
    struct erasing *erasing = writing->erasing;
    struct acting acting;
    acting_init(&acting, erasing);
    const struct schema *schema = acting.scope.schema;
    enum err err = OK;
    for (int i = 0; err == OK && i < schema->object_count; i++) {
        struct arena arena;
        struct query query = {
            .type = &schema->objects[i], .limit = QUERY_LIMIT_MAX, .archived = true};
        if (!is_its(erasing, query.type)) {
            continue;
        }
        arena_init(&arena);
        writing->type = query.type;
        err = query_bind(&query, &acting.scope, &arena, error);
        if (err == OK) {
            err = reader_each(erasing->reader, &query, on_record, writing, error);
        }
        arena_deinit(&arena);
    }
    scope_unref(acting.system);
    return err == OK ? write_text(writing, error) : err;
}

static enum err move_there(const char *part, const char *file, struct error *error)
{
    char above[PLUGIN_PATH_MAX];
    (void)snprintf(above, sizeof(above), "%s", file);
    char *slash = strrchr(above, '/');
    ASSERT(slash != NULL); /* absolute */
    slash[slash == above ? 1 : 0] = '\0';
    int fd = rename(part, file) == 0 ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && fsync(fd) == 0;
    enum err err =
        synced ? OK : error_set(error, ERR_IO, "%s cannot be written: %s", file, strerror(errno));
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

/* Whole or not at all; when the file is there it was written by an earlier try. */
static enum err export_all(struct erasing *erasing, struct error *error)
{
    char part[PLUGIN_PATH_MAX + 8];
    struct writing writing = {.erasing = erasing};
    if (access(erasing->file, F_OK) == 0) {
        return OK;
    }
    (void)snprintf(part, sizeof(part), "%s.part", erasing->file);
    writing.fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (writing.fd < 0) {
        return error_set(error, ERR_IO, "%s cannot be made: %s", part, strerror(errno));
    }
    buf_init(&writing.text);
    enum err err = write_types(&writing, error);
    if (err == OK && fsync(writing.fd) != 0) {
        err = error_set(error, ERR_IO, "%s cannot be written: %s", part, strerror(errno));
    }
    (void)close(writing.fd);
    buf_deinit(&writing.text);
    if (err == OK) {
        return move_there(part, erasing->file, error);
    }
    (void)unlink(part);
    return err;
}

/* ---- a group of deletions ---- */

struct deleting {
    struct unit unit;
    const struct object_type *type;
    const int64_t *ids;
    size_t count, gone;
};

static enum err delete_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct deleting *deleting = CONTAINER_OF(unit, struct deleting, unit);
    enum err err = OK;
    deleting->gone = 0;
    for (size_t i = 0; err == OK && i < deleting->count; i++) {
        struct draft *draft = NULL;
        err = draft_make(tx_store(tx), tx_scope(tx), DRAFT_DELETE, deleting->type, deleting->ids[i],
                         NULL, tx_arena(tx), &draft, error);
        if (err == OK) {
            err = tx_write(tx, draft, NULL, error);
        }
        deleting->gone += err == OK ? 1 : 0;
        err = err == ERR_NOT_FOUND ? OK : err; /* another one took it along */
    }
    return err;
}

static enum err delete_some(struct erasing *erasing, struct str type, const int64_t *ids,
                            size_t count, size_t *gone, struct error *error)
{
    struct acting acting;
    acting_init(&acting, erasing);
    struct deleting deleting = {.ids = ids, .count = count};
    deleting.type = schema_object(acting.scope.schema, type);
    enum err err = deleting.type == NULL
                       ? error_set(error, ERR_CONFLICT, "its object types are not served any more")
                       : OK;
    if (err == OK) {
        deleting.unit = (struct unit){
            .apply = delete_apply, .scope = &acting.scope, .request = erasing->request};
        err = store_run(erasing->store, &deleting.unit);
        *gone += err == OK ? deleting.gone : 0;
        if (err != OK) {
            *error = deleting.unit.error;
            error->next = NULL;
        }
        unit_deinit(&deleting.unit);
    }
    scope_unref(acting.system);
    return err;
}

/* ---- passes ---- */

struct pass {
    int64_t total, done;
    size_t gone, stuck;
    struct error why; /* of the last one that could not go */
};

/* One of a group stands in the way of it: the others go without it. */
static enum err one_by_one(struct erasing *erasing, struct str type, const int64_t *ids,
                           size_t count, struct pass *pass, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum err err = delete_some(erasing, type, &ids[i], 1, &pass->gone, error);
        if (err == ERR_RESTRICTED) {
            pass->stuck++;
            pass->why = *error;
        } else if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err erase_ids(struct erasing *erasing, struct str type, const struct buf *ids,
                          struct pass *pass, struct error *error)
{
    const int64_t *all = (const int64_t *)(const void *)ids->at;
    size_t count = ids->len / sizeof(int64_t);
    enum err err = OK;
    for (size_t at = 0; err == OK && at < count; at += ERASE_GROUP) {
        size_t some = MIN((size_t)ERASE_GROUP, count - at);
        err = delete_some(erasing, type, all + at, some, &pass->gone, error);
        if (err == ERR_RESTRICTED) {
            err = one_by_one(erasing, type, all + at, some, pass, error);
        }
        pass->done += (int64_t)some;
        if (err == OK && !erasing->progress(erasing->context, pass->done, pass->total)) {
            err = error_set(error, ERR_CANCELLED, "it was cancelled");
        }
    }
    return err;
}

static void count_erased(struct erasing *erasing, struct str type, size_t gone)
{
    int64_t before = 0;
    const struct value *known = value_get(&erasing->erased, type);
    before = known == NULL ? 0 : known->integer;
    value_put(erasing->arena, &erasing->erased, arena_str(erasing->arena, type),
              value_int(before + (int64_t)gone));
}

static enum err erase_pass(struct erasing *erasing, struct pass *pass, struct error *error)
{
    struct acting acting;
    acting_init(&acting, erasing);
    const struct schema *schema = acting.scope.schema;
    enum err err = OK;
    for (int i = schema->object_count - 1; err == OK && i >= 0; i--) {
        const struct object_type *type = &schema->objects[i];
        struct buf ids;
        if (!is_its(erasing, type)) {
            continue;
        }
        size_t before = pass->gone;
        buf_init(&ids);
        err = find_ids(erasing, &acting.scope, type, &ids, error);
        pass->total += (int64_t)(ids.len / sizeof(int64_t));
        if (err == OK) {
            err = erase_ids(erasing, type->name, &ids, pass, error);
        }
        count_erased(erasing, type->name, pass->gone - before);
        buf_deinit(&ids);
    }
    scope_unref(acting.system);
    return err;
}

/* ---- what it kept for itself ---- */

struct forgetting {
    struct unit unit;
    struct str plugin;
};

static enum err forget_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct forgetting *forgetting = CONTAINER_OF(unit, struct forgetting, unit);
    enum err err = bus_tx_forget_plugin(tx, forgetting->plugin, error);
    if (err == OK) {
        err = bind_tx_forget(tx, forgetting->plugin, error);
    }
    return err == OK ? settings_tx_forget(tx, forgetting->plugin, error) : err;
}

static enum err forget(struct erasing *erasing, struct error *error)
{
    struct forgetting forgetting = {.plugin = erasing->plugin};
    forgetting.unit =
        (struct unit){.apply = forget_apply, .scope = erasing->scope, .request = erasing->request};
    enum err err = store_run(erasing->store, &forgetting.unit);
    if (err != OK) {
        *error = forgetting.unit.error;
        error->next = NULL;
    }
    unit_deinit(&forgetting.unit);
    return err;
}

enum err plugins_erase(struct erasing *erasing, struct error *error)
{
    enum err err = OK;
    struct pass pass = {.stuck = 1, .gone = 1};
    erasing->erased = value_map_new();
    if (erasing->records == RECORDS_EXPORT) {
        err = export_all(erasing, error);
    }
    while (err == OK && pass.stuck > 0 && pass.gone > 0) {
        pass = (struct pass){.total = 0};
        err = erase_pass(erasing, &pass, error);
    }
    if (err == OK && pass.stuck > 0) {
        *error = pass.why;
        error_prefix(error, "%zu records stay: ", pass.stuck);
        return ERR_RESTRICTED;
    }
    return err == OK ? forget(erasing, error) : err;
}
