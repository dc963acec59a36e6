/* The guard before SQLite opens the database. SQLite ends its recovery at the first WAL frame whose
 * checksum is wrong and says nothing: one flipped bit drops every commit behind it. So the WAL is
 * read first, by SQLite's published format (fileformat2.html, section 4).
 *
 * What a crash may leave is one transaction that was not yet synced: some of its frames missing or
 * torn, at most one commit frame, the last of all. What lies beyond that is damage:
 *
 *   good … good | bad … good commit, good …        what was committed behind the bad frame was
 *   good … good | bad … good commit … good commit  acknowledged before the rest was written
 *   good … good | bad … (at most one commit)       either; it is damage when one flipped bit is
 *                                                  all that keeps the transaction from being whole
 *
 * A frame behind the bad one is judged by the checksum that its neighbour in front carries. Frames
 * that a transaction left which was rolled back do not fit to what was written over their first
 * ones, and end in no commit. On the thread that opens the store. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../driver.h"
#include "../file.h"

enum {
    WAL_HEADER_BYTES = 32,
    FRAME_HEADER_BYTES = 24,
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 65536,
    COPIES_MAX = 1000
};
static const uint32_t WAL_MAGIC = 0x377f0682; /* the lowest bit says: checksums are big-endian */

struct sum {
    uint32_t a, b;
};

struct scan {
    int fd;
    bool big_endian;
    size_t page_bytes;
    unsigned char salts[8];
    struct sum sum;       /* of the frame in front, as computed while all was good */
    unsigned char *frame; /* FRAME_HEADER_BYTES + page_bytes */
    unsigned char *bad;   /* copy of the first bad frame that carries our salts */
    struct sum before_bad;
    bool found_bad;
    int64_t bad_at;        /* its number, from 0 */
    int64_t commits_after; /* good commit frames behind it */
    bool after_commit;     /* the frame in front is one of them */
    bool went_on;          /* a good frame follows one of them */
    int64_t last_current;  /* number of the last frame with our salts */
};

static uint32_t be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t le32(const unsigned char *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static struct sum add_sum(bool big_endian, struct sum sum, const unsigned char *at, size_t len)
{
    ASSERT(len % 8 == 0);
    for (const unsigned char *end = at + len; at < end; at += 8) {
        sum.a += (big_endian ? be32(at) : le32(at)) + sum.b;
        sum.b += (big_endian ? be32(at + 4) : le32(at + 4)) + sum.a;
    }
    return sum;
}

static struct sum stored_sum(const unsigned char *frame)
{
    return (struct sum){be32(frame + 16), be32(frame + 20)};
}

static bool sum_equal(struct sum one, struct sum other)
{
    return one.a == other.a && one.b == other.b;
}

/* The checksum covers page number and size of the database, then the page; not the salts. */
static struct sum frame_sum(const struct scan *scan, struct sum before, const unsigned char *frame)
{
    struct sum sum = add_sum(scan->big_endian, before, frame, 8);
    return add_sum(scan->big_endian, sum, frame + FRAME_HEADER_BYTES, scan->page_bytes);
}

static bool frame_good(const struct scan *scan, struct sum before, const unsigned char *frame)
{
    return memcmp(frame + 8, scan->salts, sizeof scan->salts) == 0 && be32(frame) != 0 &&
           sum_equal(frame_sum(scan, before, frame), stored_sum(frame));
}

/* False: the header itself is not a good one, so that SQLite takes the WAL for empty. */
static bool read_header(struct scan *scan, const unsigned char *header)
{
    uint32_t magic = be32(header);
    if ((magic & 0xfffffffeU) != WAL_MAGIC) {
        return false;
    }
    scan->big_endian = (magic & 1) != 0;
    scan->page_bytes = be32(header + 8);
    if (scan->page_bytes < PAGE_BYTES_MIN || scan->page_bytes > PAGE_BYTES_MAX ||
        (scan->page_bytes & (scan->page_bytes - 1)) != 0) {
        return false;
    }
    memcpy(scan->salts, header + 16, sizeof scan->salts);
    scan->sum = add_sum(scan->big_endian, (struct sum){0, 0}, header, 24);
    return sum_equal(scan->sum, (struct sum){be32(header + 24), be32(header + 28)});
}

/* A header that one flipped bit has spoilt would empty the whole WAL. */
static bool header_flipped(unsigned char *header)
{
    struct scan trial = {.fd = -1};
    for (size_t bit = 0; bit < (size_t)WAL_HEADER_BYTES * 8; bit++) {
        header[bit / 8] = (unsigned char)(header[bit / 8] ^ (1U << (bit % 8)));
        if (read_header(&trial, header)) {
            return true;
        }
        header[bit / 8] = (unsigned char)(header[bit / 8] ^ (1U << (bit % 8)));
    }
    return false;
}

static void look_at_frame(struct scan *scan, int64_t number)
{
    const unsigned char *frame = scan->frame;
    size_t frame_bytes = FRAME_HEADER_BYTES + scan->page_bytes;
    bool current = memcmp(frame + 8, scan->salts, sizeof scan->salts) == 0;
    bool commit = be32(frame + 4) != 0;
    bool good = frame_good(scan, scan->sum, frame);
    if (!good && !scan->found_bad) {
        scan->found_bad = true;
        scan->bad_at = number;
        scan->before_bad = scan->sum;
        memcpy(scan->bad, frame, frame_bytes);
    }
    if (current) {
        scan->last_current = number;
    }
    scan->went_on = scan->went_on || (good && scan->after_commit);
    scan->after_commit = good && commit && scan->found_bad;
    scan->commits_after += scan->after_commit ? 1 : 0;
    scan->sum = scan->found_bad ? stored_sum(frame) : frame_sum(scan, scan->sum, frame);
}

/* Are the frames behind the bad one good, up to a commit at the end, when the bad one is taken for
 * `repaired`? */
static bool rest_good(struct scan *scan, const unsigned char *repaired)
{
    size_t frame_bytes = FRAME_HEADER_BYTES + scan->page_bytes;
    struct sum sum = stored_sum(repaired);
    bool commit = be32(repaired + 4) != 0;
    for (int64_t number = scan->bad_at + 1; number <= scan->last_current; number++) {
        int64_t got = file_read_at(scan->fd, scan->frame, frame_bytes,
                                   WAL_HEADER_BYTES + number * (int64_t)frame_bytes);
        if (got != (int64_t)frame_bytes || !frame_good(scan, sum, scan->frame)) {
            return false;
        }
        sum = stored_sum(scan->frame);
        commit = be32(scan->frame + 4) != 0;
    }
    return commit;
}

/* Would turning one bit make the bad frame good, and the transaction whole? What a crash tears is
 * further away than that. */
static bool one_bit_away(struct scan *scan)
{
    unsigned char *bad = scan->bad;
    size_t frame_bytes = FRAME_HEADER_BYTES + scan->page_bytes;
    bool found = false;
    for (size_t bit = 0; bit < frame_bytes * 8 && !found; bit++) {
        unsigned char mask = (unsigned char)(1U << (bit % 8));
        bad[bit / 8] ^= mask;
        found = frame_good(scan, scan->before_bad, bad) && rest_good(scan, bad);
        bad[bit / 8] ^= mask;
    }
    return found;
}

/* Frames of an earlier round of the WAL carry other salts, which differ in many bits. */
static bool salts_nearly_ours(const struct scan *scan)
{
    int differing = 0;
    for (size_t i = 0; i < sizeof scan->salts; i++) {
        differing += __builtin_popcount((unsigned)(scan->bad[8 + i] ^ scan->salts[i]));
    }
    return differing <= 1;
}

static bool damaged(struct scan *scan)
{
    if (!scan->found_bad) {
        return false;
    }
    if (scan->commits_after > 1 || scan->went_on) {
        return true;
    }
    return salts_nearly_ours(scan) && one_bit_away(scan);
}

static enum err scan_frames(struct scan *scan, const char *path, struct error *error)
{
    size_t frame_bytes = FRAME_HEADER_BYTES + scan->page_bytes;
    scan->frame = mem_alloc(frame_bytes);
    scan->bad = mem_alloc(frame_bytes);
    for (int64_t number = 0;; number++) {
        int64_t got = file_read_at(scan->fd, scan->frame, frame_bytes,
                                   WAL_HEADER_BYTES + number * (int64_t)frame_bytes);
        if (got < 0) {
            return error_set(error, ERR_IO, "reading %s: %s", path, strerror(errno));
        }
        if ((size_t)got < frame_bytes) {
            return OK;
        }
        look_at_frame(scan, number);
    }
}

/* "proxenos.db-wal.damaged-1": the evidence, which whoever repairs the folder must not lose. */
static enum err set_aside(const struct scan *scan, const char *path, struct error *error)
{
    struct buf name;
    buf_init(&name);
    enum err err = ERR_CONFLICT;
    for (int i = 1; err == ERR_CONFLICT && i <= COPIES_MAX; i++) {
        buf_reset(&name);
        buf_printf(&name, "%s.damaged-%d", path, i);
        err = file_copy(scan->fd, buf_cstr(&name), error);
    }
    if (err == OK && scan->bad_at < 0) {
        err = error_set(error, ERR_CORRUPT,
                        "%s is damaged in its header: the committed changes in it would be lost. "
                        "A copy is in %s. Restore the last backup, or the file from a mirror",
                        path, buf_cstr(&name));
    } else if (err == OK) {
        err = error_set(error, ERR_CORRUPT,
                        "%s is damaged at frame %lld: committed changes behind it would be lost. "
                        "A copy is in %s. Restore the last backup, or the file from a mirror",
                        path, (long long)scan->bad_at, buf_cstr(&name));
    }
    buf_deinit(&name);
    return err;
}

enum err db_scan_wal(const char *path, struct error *error)
{
    struct scan scan = {.last_current = -1};
    struct buf name;
    buf_init(&name);
    buf_printf(&name, "%s-wal", path);
    enum err err = OK;
    scan.fd = open(buf_cstr(&name), O_RDONLY | O_CLOEXEC);
    if (scan.fd < 0) {
        err = errno == ENOENT
                  ? OK
                  : error_set(error, ERR_IO, "opening %s: %s", buf_cstr(&name), strerror(errno));
        goto done;
    }
    unsigned char header[WAL_HEADER_BYTES];
    int64_t got = file_read_at(scan.fd, header, sizeof header, 0);
    if (got < 0) {
        err = error_set(error, ERR_IO, "reading %s: %s", buf_cstr(&name), strerror(errno));
        goto done;
    }
    if (got < WAL_HEADER_BYTES) {
        goto done;
    }
    if (!read_header(&scan, header)) {
        scan.bad_at = -1;
        if (header_flipped(header)) {
            err = set_aside(&scan, buf_cstr(&name), error);
        }
        goto done;
    }
    err = scan_frames(&scan, buf_cstr(&name), error);
    if (err == OK && damaged(&scan)) {
        err = set_aside(&scan, buf_cstr(&name), error);
    }
done:
    if (scan.fd >= 0) {
        (void)close(scan.fd);
    }
    mem_free(scan.frame);
    mem_free(scan.bad);
    buf_deinit(&name);
    return err;
}
