/* folder/erased: the ids of those who were erased, a line each, so that a backup of before does not
 * bring them back. An id says nothing of anybody once its record is empty. Appended to before a key
 * is dropped; read when a folder is opened. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "erasure.h"
#include "file.h"
#include "seal.h"
#include "sqlite/erasure_sql.h"

enum { LINE_BYTES_MAX = 80, LIST_BYTES_MAX = 64 << 20 };

const char *erased_file_name(void)
{
    return "erased";
}

static void list_path(const char *folder, char path[4096])
{
    (void)snprintf(path, 4096, "%s/%s", folder, erased_file_name());
}

typedef enum err (*erased_cb)(void *context, int64_t id, struct str object, struct error *error);

static enum err each_line(struct str rest, erased_cb each, void *context, struct error *error)
{
    struct str line;
    enum err err = OK;
    while (err == OK && rest.len > 0 && str_split(&rest, '\n', &line)) {
        struct str id_text;
        int64_t id = 0;
        /* A line that a power cut left half is one whose key is still there. */
        if (str_split(&line, ' ', &id_text) && id_parse(id_text, &id) == OK && line.len > 0) {
            err = each(context, id, line, error);
        }
    }
    return err;
}

static enum err each_erased(const char *folder, erased_cb each, void *context, struct error *error)
{
    char path[4096];
    struct buf text;
    list_path(folder, path);
    buf_init(&text);
    enum err err = file_read(path, LIST_BYTES_MAX, &text, error);
    if (err == OK) {
        err = each_line(buf_str(&text), each, context, error);
    } else if (err == ERR_NOT_FOUND) {
        err = OK;
    }
    buf_deinit(&text);
    return err;
}

/* ---- adding ---- */

struct asking {
    int64_t id;
    bool found;
};

static enum err on_asked(void *context, int64_t id, struct str object, struct error *error)
{
    struct asking *asking = context;
    (void)object;
    (void)error;
    asking->found = asking->found || asking->id == id;
    return OK;
}

static enum err append(const char *path, struct str line, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set(error, ERR_IO, "%s: %s", path, strerror(errno));
    }
    ssize_t put = write(fd, line.at, line.len);
    bool good = put == (ssize_t)line.len && fsync(fd) == 0;
    int code = errno;
    (void)close(fd);
    return good ? OK : error_set(error, ERR_IO, "%s: %s", path, strerror(code));
}

static enum err add_line(const char *folder, int64_t id, struct str object, struct error *error)
{
    char path[4096];
    char text[ID_TEXT_LEN + 1];
    char line[LINE_BYTES_MAX];
    struct asking asking = {.id = id};
    enum err err = each_erased(folder, on_asked, &asking, error);
    if (err != OK || asking.found) {
        return err;
    }
    id_format(id, text);
    /* The empty line ends what a power cut may have left half. */
    int len = snprintf(line, sizeof(line), "\n%s " STR_FORMAT "\n", text, STR_ARGS(object));
    list_path(folder, path);
    err = append(path, (struct str){line, (size_t)len}, error);
    return err == OK ? folder_sync(folder, error) : err;
}

enum err erased_list_add(struct store *store, int64_t id, struct str object, struct error *error)
{
    return add_line(store->folder, id, object, error);
}

enum err erased_list_backup(struct store *store, const char *path, bool *out_made,
                            struct error *error)
{
    char from[4096];
    struct buf text;
    list_path(store->folder, from);
    buf_init(&text);
    enum err err = file_read(from, LIST_BYTES_MAX, &text, error);
    *out_made = err == OK;
    if (err == OK) {
        err = file_create(path, buf_str(&text), error);
    }
    buf_deinit(&text);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- after a restore ---- */

/* Into a folder; what is there already is passed over. */
struct merging {
    const char *folder;
    int64_t count;
};

static enum err on_merged(void *context, int64_t id, struct str object, struct error *error)
{
    struct merging *merging = context;
    merging->count++;
    return add_line(merging->folder, id, object, error);
}

enum err store_erased_merge(const char *list, const char *folder, struct error *error)
{
    struct buf text;
    struct merging merging = {.folder = folder};
    buf_init(&text);
    enum err err = file_read(list, LIST_BYTES_MAX, &text, error);
    if (err == ERR_NOT_FOUND) {
        err = error_set(error, ERR_NOT_FOUND, "there is no file %s", list);
    }
    if (err == OK) {
        err = each_line(buf_str(&text), on_merged, &merging, error);
    }
    if (err == OK && merging.count == 0 && text.len > 0) {
        err = error_set(error, ERR_INVALID, "%s is no list of erased ids", list);
    }
    buf_deinit(&text);
    return err;
}

static enum err on_drop(void *context, int64_t id, struct str object, struct error *error)
{
    (void)object;
    return seal_forget(context, id, error);
}

enum err erased_list_apply(struct store *store, struct error *error)
{
    return each_erased(store->folder, on_drop, store, error);
}

struct collecting {
    struct reader *reader;
    struct arena *arena;
    struct erased_id *ids;
    size_t count, capacity;
};

static enum err on_collected(void *context, int64_t id, struct str object, struct error *error)
{
    struct collecting *collecting = context;
    struct erasure_row row;
    enum err err = erasure_sql_get(reader_db(collecting->reader), id, NULL, &row, error);
    if (err != OK || row.state == ERASURE_DONE) {
        return err;
    }
    if (collecting->count == collecting->capacity) {
        size_t capacity = MAX(collecting->capacity * 2, (size_t)64);
        struct erased_id *more = ARENA_ARRAY(collecting->arena, struct erased_id, capacity);
        if (collecting->count > 0) {
            memcpy(more, collecting->ids, collecting->count * sizeof(*more));
        }
        collecting->ids = more;
        collecting->capacity = capacity;
    }
    struct erased_id *one = &collecting->ids[collecting->count++];
    one->id = id;
    (void)snprintf(one->object, sizeof(one->object), STR_FORMAT, STR_ARGS(object));
    return OK;
}

enum err reader_unerased(struct reader *reader, struct erased_id **out_ids, size_t *out_count,
                         struct arena *arena, struct error *error)
{
    struct collecting collecting = {.reader = reader, .arena = arena};
    enum err err = each_erased(reader->store->folder, on_collected, &collecting, error);
    *out_ids = collecting.ids;
    *out_count = collecting.count;
    return err;
}
