/* Static files: read once, held in memory, sent without copying. What is asked for is looked up by
 * its whole name, so that no path can lead anywhere else. Filled at start; read on the loop thread.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "proxenos/base_crypto.h"

enum {
    FILE_BYTES_MAX = 16 << 20,
    FILES_BYTES_MAX = 256 << 20,
    FILES_COUNT_MAX = 10000,
    FOLDER_DEPTH_MAX = 16,
    ETAG_HASH_BYTES = 12,
    READ_BYTES = 64 << 10,
    STATUS_OK = 200,
    STATUS_NOT_MODIFIED = 304
};

struct file {
    struct list_node node; /* in files->all */
    struct buf content;
    const char *type;
    char etag[2 * ETAG_HASH_BYTES + 3]; /* with its quotes */
};

struct http_files {
    struct map by_path;
    struct list all; /* replaced ones too: an answer may still be sending them */
    size_t total_bytes;
};

struct http_files *http_files_new(void)
{
    struct http_files *files = mem_zalloc(sizeof(*files));
    map_init(&files->by_path);
    list_init(&files->all);
    return files;
}

void http_files_free(struct http_files *files)
{
    if (files == NULL) {
        return;
    }
    struct list_node *node;
    while ((node = list_pop(&files->all)) != NULL) {
        struct file *file = CONTAINER_OF(node, struct file, node);
        buf_deinit(&file->content);
        mem_free(file);
    }
    map_deinit(&files->by_path);
    mem_free(files);
}

static void make_etag(struct file *file)
{
    unsigned char hash[HASH_BYTES];
    struct buf hex = {0};
    hash_of(file->content.at, file->content.len, hash);
    hex_encode(&hex, hash, ETAG_HASH_BYTES);
    (void)snprintf(file->etag, sizeof(file->etag), "\"%s\"", buf_cstr(&hex));
    buf_deinit(&hex);
}

static void add_take(struct http_files *files, struct str path, struct buf *content)
{
    struct file *file = mem_zalloc(sizeof(*file));
    file->content = *content;
    *content = (struct buf){0};
    file->type = http_media_type(path);
    make_etag(file);
    files->total_bytes += file->content.len;
    list_push(&files->all, &file->node);
    (void)map_set(&files->by_path, path, file);
}

void http_files_add(struct http_files *files, struct str path, struct str content)
{
    struct buf copy = {0};
    buf_append_str(&copy, content);
    add_take(files, path, &copy);
}

/* ---- reading a folder ---- */

struct walk {
    struct http_files *files;
    struct buf path; /* below the folder */
    struct error *error;
    int count;
};

static enum err walk_folder(struct walk *walk, int fd, int depth);

static enum err read_file(struct walk *walk, int fd)
{
    struct buf content = {0};
    enum err err = OK;
    for (;;) {
        ssize_t got = read(fd, buf_reserve(&content, READ_BYTES), READ_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            err = error_set(walk->error, ERR_IO, "%s: errno %d", buf_cstr(&walk->path), errno);
            break;
        }
        content.len += (size_t)got;
        if (content.len > FILE_BYTES_MAX ||
            walk->files->total_bytes + content.len > FILES_BYTES_MAX) {
            err = error_set(walk->error, ERR_LIMIT, "%s: too much to hold in memory",
                            buf_cstr(&walk->path));
            break;
        }
        if (got == 0) {
            add_take(walk->files, buf_str(&walk->path), &content);
            break;
        }
    }
    buf_deinit(&content);
    return err;
}

/* A file or a folder below; links and special files are passed over. Closes fd. */
static enum err visit(struct walk *walk, int fd, int depth)
{
    struct stat about;
    enum err err = OK;
    if (fstat(fd, &about) != 0) {
        err = error_set(walk->error, ERR_IO, "%s: errno %d", buf_cstr(&walk->path), errno);
    } else if (S_ISREG(about.st_mode)) {
        err = ++walk->count > FILES_COUNT_MAX
                  ? error_set(walk->error, ERR_LIMIT, "more than %d files", FILES_COUNT_MAX)
                  : read_file(walk, fd);
    } else if (S_ISDIR(about.st_mode)) {
        return walk_folder(walk, fd, depth + 1);
    }
    (void)close(fd);
    return err;
}

static enum err visit_entry(struct walk *walk, int folder_fd, const char *name, int depth)
{
    if (name[0] == '.') {
        return OK;
    }
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP) {
        return OK;
    }
    size_t len = walk->path.len;
    if (len > 0) {
        buf_append_char(&walk->path, '/');
    }
    buf_append(&walk->path, name, strlen(name));
    enum err err =
        fd < 0 ? error_set(walk->error, ERR_IO, "%s: errno %d", buf_cstr(&walk->path), errno)
               : visit(walk, fd, depth);
    walk->path.len = len;
    return err;
}

/* Takes fd. Recursion is bounded by FOLDER_DEPTH_MAX. */
static enum err walk_folder(struct walk *walk, int fd, int depth)
{
    if (depth > FOLDER_DEPTH_MAX) {
        (void)close(fd);
        return error_set(walk->error, ERR_LIMIT, "%s: folders are nested too deep",
                         buf_cstr(&walk->path));
    }
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        (void)close(fd);
        return error_set(walk->error, ERR_IO, "%s: errno %d", buf_cstr(&walk->path), errno);
    }
    enum err err = OK;
    struct dirent *entry;
    while (err == OK && (entry = readdir(folder)) != NULL) {
        err = visit_entry(walk, dirfd(folder), entry->d_name, depth);
    }
    (void)closedir(folder);
    return err;
}

enum err http_files_load(struct http_files *files, const char *folder, struct error *error)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(error, ERR_NOT_FOUND, "folder %s: errno %d", folder, errno);
    }
    struct walk walk = {.files = files, .error = error};
    enum err err = walk_folder(&walk, fd, 1);
    buf_deinit(&walk.path);
    return err;
}

/* ---- answering ---- */

bool http_files_respond(struct http_files *files, struct http_request *request, struct str path)
{
    struct file *file = map_get(&files->by_path, path.len == 0 ? STR("index.html") : path);
    if (file == NULL || request->method != HTTP_GET) {
        return false;
    }
    http_surface(request, HTTP_SURFACE_ASSET);
    http_header(request, "ETag", str_from(file->etag));
    if (http_request_matches(request, str_from(file->etag))) {
        http_respond(request, STATUS_NOT_MODIFIED, NULL);
        return true;
    }
    http_body_borrow(request, buf_str(&file->content));
    http_respond(request, STATUS_OK, file->type);
    return true;
}

static const struct {
    struct str ending;
    const char *type;
} types[] = {
    {{".html", 5}, "text/html; charset=utf-8"},
    {{".js", 3}, "text/javascript; charset=utf-8"},
    {{".mjs", 4}, "text/javascript; charset=utf-8"},
    {{".css", 4}, "text/css; charset=utf-8"},
    {{".json", 5}, "application/json"},
    {{".map", 4}, "application/json"},
    {{".webmanifest", 12}, "application/manifest+json"},
    {{".svg", 4}, "image/svg+xml; charset=utf-8"},
    {{".png", 4}, "image/png"},
    {{".jpg", 4}, "image/jpeg"},
    {{".jpeg", 5}, "image/jpeg"},
    {{".gif", 4}, "image/gif"},
    {{".webp", 5}, "image/webp"},
    {{".ico", 4}, "image/x-icon"},
    {{".woff2", 6}, "font/woff2"},
    {{".woff", 5}, "font/woff"},
    {{".wasm", 5}, "application/wasm"},
    {{".pdf", 4}, "application/pdf"},
    {{".csv", 4}, "text/csv; charset=utf-8"},
    {{".txt", 4}, "text/plain; charset=utf-8"},
    {{".md", 3}, "text/markdown; charset=utf-8"},
    {{".xml", 4}, "application/xml; charset=utf-8"},
};

const char *http_media_type(struct str path)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        size_t len = types[i].ending.len;
        if (path.len > len && str_eq_nocase(str_sub(path, path.len - len, len), types[i].ending)) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}
