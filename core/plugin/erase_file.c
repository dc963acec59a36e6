/* The records of a plugin that is removed, as a file: NDJSON, written beside its place and moved
 * there. A job's thread. */
#include "erase.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { EXPORT_CHUNK = 256 << 10 };

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
        if (!erasing_is_own(erasing, query.type)) {
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
    acting_deinit(&acting);
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

enum err erase_export(struct erasing *erasing, struct error *error)
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
