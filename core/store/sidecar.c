/* audit/head: two places of 512 bytes, written in turn, each with its own hash, so that a torn
 * write leaves the other one. A place is one line of text:
 *
 *   proxenos-head 1 <seq> <chain> <access seq> <access chain> <hash of the line in front>
 *
 * The writer thread after commits; open and close. */
#include "sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "proxenos/base_log.h"
#include "sqlite/statements.h"

enum { PLACE_BYTES = 512, PLACES = 2, NS_PER_S = 1000000000 };
static const int64_t WRITE_EVERY_NS = NS_PER_S;
static const int64_t SYNC_EVERY_NS = 60LL * NS_PER_S;

static void format_place(const struct log_head *log, const struct log_head *access,
                         char out[PLACE_BYTES])
{
    struct buf line;
    buf_init(&line);
    buf_printf(&line, "proxenos-head 1 %lld ", (long long)log->seq);
    hex_encode(&line, log->chain, sizeof log->chain);
    buf_printf(&line, " %lld ", (long long)access->seq);
    hex_encode(&line, access->chain, sizeof access->chain);
    unsigned char hash[HASH_BYTES];
    hash_of(line.at, line.len, hash);
    buf_append_char(&line, ' ');
    hex_encode(&line, hash, sizeof hash);
    buf_append_char(&line, '\n');
    ASSERT(line.len < PLACE_BYTES);
    memset(out, ' ', PLACE_BYTES);
    memcpy(out, line.at, line.len);
    out[PLACE_BYTES - 1] = '\n';
    buf_deinit(&line);
}

static bool parse_head(struct str *rest, struct log_head *out_head)
{
    struct str seq, chain;
    return str_split(rest, ' ', &seq) && str_to_int64(seq, &out_head->seq) == OK &&
           str_split(rest, ' ', &chain) &&
           hex_decode(chain, out_head->chain, sizeof out_head->chain) == OK;
}

/* False for a place that was never written, or torn. */
static bool parse_place(struct str place, struct log_head *out_log, struct log_head *out_access)
{
    struct str rest = place;
    struct str line, name, version, hash_text;
    if (!str_split(&rest, '\n', &line)) {
        return false;
    }
    rest = line;
    if (!str_split(&rest, ' ', &name) || !str_is(name, "proxenos-head") ||
        !str_split(&rest, ' ', &version) || !str_is(version, "1") || !parse_head(&rest, out_log) ||
        !parse_head(&rest, out_access) || !str_split(&rest, ' ', &hash_text)) {
        return false;
    }
    unsigned char written[HASH_BYTES];
    unsigned char computed[HASH_BYTES];
    if (hash_text.at == line.at || hex_decode(hash_text, written, sizeof written) != OK) {
        return false;
    }
    hash_of(line.at, (size_t)(hash_text.at - line.at) - 1, computed);
    return memcmp(written, computed, sizeof written) == 0;
}

/* The newer of the good places; false when there is none. */
static bool newest_place(const char *bytes, size_t len, struct log_head *out_log,
                         struct log_head *out_access, int *out_place)
{
    bool found = false;
    for (int i = 0; i < PLACES && (size_t)(i + 1) * PLACE_BYTES <= len; i++) {
        struct log_head log = {0};
        struct log_head access = {0};
        struct str place = {bytes + (size_t)i * PLACE_BYTES, PLACE_BYTES};
        if (!parse_place(place, &log, &access)) {
            continue;
        }
        if (!found || log.seq > out_log->seq ||
            (log.seq == out_log->seq && access.seq > out_access->seq)) {
            *out_log = log;
            *out_access = access;
            *out_place = i;
            found = true;
        }
    }
    return found;
}

enum err sidecar_open(struct sidecar *sidecar, const char *folder, struct error *error)
{
    *sidecar = (struct sidecar){.fd = -1};
    struct buf path;
    buf_init(&path);
    buf_printf(&path, "%s/audit", folder);
    enum err err = OK;
    if (mkdir(buf_cstr(&path), 0700) != 0 && errno != EEXIST) {
        err = error_set(error, ERR_IO, "creating %s: %s", buf_cstr(&path), strerror(errno));
        goto done;
    }
    buf_append_str(&path, STR("/head"));
    sidecar->fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (sidecar->fd < 0) {
        err = error_set(error, ERR_IO, "opening %s: %s", buf_cstr(&path), strerror(errno));
        goto done;
    }
    char bytes[PLACES * PLACE_BYTES];
    ssize_t got = pread(sidecar->fd, bytes, sizeof bytes, 0);
    if (got < 0) {
        err = error_set(error, ERR_IO, "reading %s: %s", buf_cstr(&path), strerror(errno));
        goto done;
    }
    int place = PLACES - 1;
    if (!newest_place(bytes, (size_t)got, &sidecar->log, &sidecar->access, &place) && got > 0) {
        log_warn("store", "the head outside the database cannot be read, it is made anew path=%s",
                 buf_cstr(&path));
    }
    sidecar->slot = (place + 1) % PLACES;
done:
    if (err != OK) {
        sidecar_close(sidecar);
    }
    buf_deinit(&path);
    return err;
}

void sidecar_close(struct sidecar *sidecar)
{
    if (sidecar->fd >= 0) {
        (void)close(sidecar->fd);
        sidecar->fd = -1;
    }
}

static bool same_head(const struct log_head *one, const struct log_head *other)
{
    return one->seq == other->seq && memcmp(one->chain, other->chain, sizeof one->chain) == 0;
}

void sidecar_write(struct sidecar *sidecar, const struct log_head *log,
                   const struct log_head *access, int64_t now_ns)
{
    bool final = now_ns == 0;
    if (sidecar->fd < 0) {
        return;
    }
    bool changed = !same_head(log, &sidecar->log) || !same_head(access, &sidecar->access);
    if (changed && (final || now_ns - sidecar->written_ns >= WRITE_EVERY_NS)) {
        char place[PLACE_BYTES];
        format_place(log, access, place);
        ssize_t put = pwrite(sidecar->fd, place, sizeof place, (off_t)sidecar->slot * PLACE_BYTES);
        sidecar->written_ns = now_ns;
        if (put != PLACE_BYTES) {
            log_warn("store", "the head outside the database was not written error=\"%s\"",
                     put < 0 ? strerror(errno) : "the disk is full");
            return;
        }
        sidecar->log = *log;
        sidecar->access = *access;
        sidecar->slot = (sidecar->slot + 1) % PLACES;
        sidecar->unsynced = true;
    }
    if (sidecar->unsynced && (final || now_ns - sidecar->synced_ns >= SYNC_EVERY_NS)) {
        sidecar->synced_ns = now_ns;
        if (fdatasync(sidecar->fd) != 0) {
            log_warn("store", "the head outside the database was not synced error=\"%s\"",
                     strerror(errno));
            return;
        }
        sidecar->unsynced = false;
    }
}

/* One of the two logs against what the sidecar saw of it. */
static enum err check_head(struct db *db, const struct log_head *seen, struct str chain_at,
                           const char *name, struct error *error)
{
    if (seen->seq == 0) {
        return OK;
    }
    struct db_stmt *stmt = NULL;
    enum err err = db_prepare(db, chain_at, &stmt, error);
    if (err != OK) {
        return err;
    }
    db_bind_int(stmt, 1, seen->seq);
    bool row = false;
    err = db_step(stmt, &row, error);
    if (err == OK && !row) {
        err = error_set(error, ERR_CORRUPT,
                        "the database has lost the end of its %s: entry %lld was committed (see "
                        "audit/head) and is not there. Restore the last backup with `proxenos "
                        "restore`",
                        name, (long long)seen->seq);
    } else if (err == OK) {
        struct str chain = db_column_text(stmt, 0);
        if (chain.len != sizeof seen->chain ||
            memcmp(chain.at, seen->chain, sizeof seen->chain) != 0) {
            err = error_set(error, ERR_CORRUPT,
                            "entry %lld of the %s is not the one that was committed (see "
                            "audit/head): the database was changed or replaced. Restore the last "
                            "backup with `proxenos restore`",
                            (long long)seen->seq, name);
        }
    }
    db_finalize(stmt);
    return err;
}

enum err sidecar_check(const struct sidecar *sidecar, struct db *db, struct error *error)
{
    enum err err = check_head(db, &sidecar->log, sql_log_chain_at, "log", error);
    return err == OK ? check_head(db, &sidecar->access, sql_access_chain_at, "access log", error)
                     : err;
}

enum err sidecar_read(const char *path, struct log_head *out_log, struct log_head *out_access,
                      struct error *error)
{
    struct buf bytes;
    buf_init(&bytes);
    enum err err = file_read(path, (size_t)PLACES * PLACE_BYTES, &bytes, error);
    int place = 0;
    if (err == OK && !newest_place(bytes.at, bytes.len, out_log, out_access, &place)) {
        err = error_set(error, ERR_CORRUPT, "%s holds no head of the log", path);
    }
    buf_deinit(&bytes);
    return err;
}

enum err sidecar_save(const char *path, const struct log_head *log, const struct log_head *access,
                      struct error *error)
{
    char place[PLACE_BYTES];
    format_place(log, access, place);
    return file_create(path, (struct str){place, sizeof place}, error);
}
