/* Tar, read strictly and written the same from the same files. Pure; any thread. */
#include "bundle.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 512, PLAIN_MODE = 0644 };

/* The header of POSIX.1-1988 ("ustar"). */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type;
    char link[100], magic[6], version[2], owner[32], group[32], major[8], minor[8];
    char prefix[155], padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

/* ---- names ---- */

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool part_is_good(struct str part)
{
    bool good = part.len > 0 && part.at[0] != '.';
    for (size_t i = 0; i < part.len; i++) {
        good = good && name_char(part.at[i]);
    }
    return good;
}

enum err bundle_name_check(struct str name, struct error *error)
{
    char shown[BUNDLE_NAME_MAX + 1];
    (void)snprintf(shown, sizeof(shown), STR_FORMAT, STR_ARGS(str_sub(name, 0, 100)));
    struct str rest = name, part;
    size_t depth = 0;
    bool good = name.len > 0 && name.len <= BUNDLE_NAME_MAX;
    while (good && str_split(&rest, '/', &part)) {
        good = part_is_good(part) && ++depth <= BUNDLE_DEPTH_MAX;
    }
    return good ? OK
                : error_at(error, ERR_INVALID, shown, NULL,
                           "a bundle holds files called by A-Z a-z 0-9 . _ - between slashes, at "
                           "most %d folders deep, none beginning with a dot or a slash",
                           BUNDLE_DEPTH_MAX - 1);
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct bundle_file *)a)->name, ((const struct bundle_file *)b)->name);
}

enum err bundle_sort(struct bundle *bundle, struct error *error)
{
    if (bundle->count > 0) {
        qsort(bundle->files, bundle->count, sizeof(bundle->files[0]), by_name);
    }
    for (size_t i = 1; i < bundle->count; i++) {
        struct str before = bundle->files[i - 1].name, name = bundle->files[i].name;
        bool inside =
            str_starts(name, before) && name.len > before.len && name.at[before.len] == '/';
        if (str_eq(before, name) || inside) {
            char shown[BUNDLE_NAME_MAX + 1];
            (void)snprintf(shown, sizeof(shown), STR_FORMAT, STR_ARGS(before));
            return error_at(error, ERR_INVALID, shown, NULL, "the bundle holds this name twice");
        }
    }
    return OK;
}

struct str bundle_find(const struct bundle *bundle, struct str name)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (str_eq(bundle->files[i].name, name)) {
            return bundle->files[i].text;
        }
    }
    return (struct str){NULL, 0};
}

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    struct str tar;
    size_t at;
    struct bundle bundle;
    struct error *error;
};

static enum err wrong(const struct reading *reading, const char *sentence)
{
    char pointer[40];
    (void)snprintf(pointer, sizeof(pointer), "byte %zu", reading->at);
    return error_at(reading->error, ERR_INVALID, pointer, NULL, "%s", sentence);
}

static bool all_zero(struct str block)
{
    for (size_t i = 0; i < block.len; i++) {
        if (block.at[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Octal digits, then NULs or blanks alone. */
static bool read_octal(const char *field, size_t len, size_t *out_number)
{
    size_t number = 0, i = 0;
    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++) {
        if (number > SIZE_MAX >> 4) {
            return false;
        }
        number = number * 8 + (size_t)(field[i] - '0');
    }
    bool digits = i > 0;
    for (; i < len; i++) {
        digits = digits && (field[i] == '\0' || field[i] == ' ');
    }
    *out_number = number;
    return digits;
}

static size_t checksum_of(const struct header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    size_t sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        bool own = i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);
        sum += own ? ' ' : bytes[i];
    }
    return sum;
}

static struct str field_text(const char *field, size_t len)
{
    return (struct str){field, strnlen(field, len)};
}

/* prefix/name, without the "./" that tar puts before what it finds under ".". */
static struct str entry_name(struct arena *arena, const struct header *header)
{
    struct str name = field_text(header->name, sizeof(header->name));
    struct str prefix = field_text(header->prefix, sizeof(header->prefix));
    bool posix = memcmp(header->magic, "ustar\0", sizeof(header->magic)) == 0;
    struct str whole = posix && prefix.len > 0 ? arena_printf(arena, STR_FORMAT "/" STR_FORMAT,
                                                              STR_ARGS(prefix), STR_ARGS(name))
                                               : arena_str(arena, name);
    while (str_starts(whole, STR("./"))) {
        whole = str_sub(whole, 2, whole.len);
    }
    return whole;
}

static enum err add_file(struct reading *reading, struct str name, size_t size)
{
    struct bundle *bundle = &reading->bundle;
    enum err err = bundle_name_check(name, reading->error);
    if (err != OK) {
        return err;
    }
    if (bundle->count == BUNDLE_FILES_MAX) {
        return error_set(reading->error, ERR_LIMIT, "a bundle holds at most %d files",
                         BUNDLE_FILES_MAX);
    }
    bundle->files[bundle->count++] =
        (struct bundle_file){name, str_sub(reading->tar, reading->at, size)};
    return OK;
}

static enum err add_entry(struct reading *reading, const struct header *header, size_t size)
{
    struct str name = entry_name(reading->arena, header);
    switch (header->type) {
    case '0':
    case '\0':
        return add_file(reading, name, size);
    case '5':
        return size == 0 ? OK : wrong(reading, "a folder has a content");
    default:
        break;
    }
    char shown[120];
    (void)snprintf(shown, sizeof(shown), STR_FORMAT, STR_ARGS(str_sub(name, 0, 100)));
    return error_at(reading->error, ERR_INVALID, shown, NULL,
                    "a bundle holds files and folders alone, and this is %s",
                    header->type == '1' || header->type == '2' ? "a link"
                    : strchr("xgLK", header->type) != NULL
                        ? "an extension of tar; pack with --format=ustar"
                        : "something else");
}

static enum err read_entry(struct reading *reading)
{
    struct header header;
    size_t size = 0, sum = 0;
    memcpy(&header, reading->tar.at + reading->at, BLOCK);
    if (memcmp(header.magic, "ustar", 5) != 0) {
        return wrong(reading, "this is no tar file (ustar)");
    }
    if (!read_octal(header.checksum, sizeof(header.checksum), &sum) ||
        sum != checksum_of(&header)) {
        return wrong(reading, "the checksum of this entry is wrong");
    }
    reading->at += BLOCK;
    if (!read_octal(header.size, sizeof(header.size), &size) ||
        size > reading->tar.len - reading->at) {
        return wrong(reading, "the file is cut off, or the size of this entry is wrong");
    }
    enum err err = add_entry(reading, &header, size);
    size_t whole = (size + BLOCK - 1) / BLOCK * BLOCK;
    if (err == OK && whole > reading->tar.len - reading->at) {
        return wrong(reading, "the file is cut off");
    }
    reading->at += err == OK ? whole : 0;
    return err;
}

/* Two blocks of zeros end a tar; programs put more behind them. */
static bool at_end(const struct reading *reading)
{
    return all_zero(str_sub(reading->tar, reading->at, BLOCK));
}

enum err bundle_read(struct arena *arena, struct str tar, struct bundle *out_bundle,
                     struct error *error)
{
    if (tar.len > BUNDLE_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "a bundle has at most %d MiB", BUNDLE_BYTES_MAX >> 20);
    }
    struct reading reading = {.arena = arena, .tar = tar, .error = error};
    reading.bundle.files = ARENA_ARRAY(arena, struct bundle_file, BUNDLE_FILES_MAX);
    enum err err = OK;
    while (err == OK && reading.at + BLOCK <= tar.len && !at_end(&reading)) {
        err = read_entry(&reading);
    }
    bool ended = tar.len >= reading.at + (size_t)2 * BLOCK && tar.len % BLOCK == 0 &&
                 all_zero(str_sub(tar, reading.at, tar.len));
    if (err == OK && !ended) {
        err = wrong(&reading, "the end of the tar file is not there, or more follows it");
    }
    if (err == OK) {
        err = bundle_sort(&reading.bundle, error);
    }
    if (err == OK) {
        *out_bundle = reading.bundle;
    }
    return err;
}

/* ---- writing ---- */

/* A name past the first field is cut at a slash that both halves fit. */
static bool split_name(struct str name, struct header *header)
{
    size_t cut = 0;
    for (size_t i = 0; name.len > sizeof(header->name) && cut == 0 && i < name.len; i++) {
        cut = name.at[i] == '/' && name.len - i - 1 <= sizeof(header->name) ? i : 0;
    }
    if ((name.len > sizeof(header->name) && cut == 0) || cut > sizeof(header->prefix)) {
        return false;
    }
    size_t from = cut > 0 ? cut + 1 : 0;
    memcpy(header->prefix, name.at, cut);
    memcpy(header->name, name.at + from, name.len - from);
    return true;
}

static enum err write_file(const struct bundle_file *file, struct buf *out, struct error *error)
{
    static const char zeros[BLOCK];
    struct header header = {.type = '0', .version = {'0', '0'}};
    enum err err = bundle_name_check(file->name, error);
    if (err == OK && !split_name(file->name, &header)) {
        err = error_set(error, ERR_LIMIT, "the name \"" STR_FORMAT "\" is too long for a tar file",
                        STR_ARGS(file->name));
    }
    if (err != OK) {
        return err;
    }
    memcpy(header.magic, "ustar", 6);
    (void)snprintf(header.mode, sizeof(header.mode), "%07o", (unsigned)PLAIN_MODE);
    (void)snprintf(header.uid, sizeof(header.uid), "%07o", 0U);
    (void)snprintf(header.gid, sizeof(header.gid), "%07o", 0U);
    (void)snprintf(header.size, sizeof(header.size), "%011llo", (unsigned long long)file->text.len);
    (void)snprintf(header.mtime, sizeof(header.mtime), "%011o", 0U);
    (void)snprintf(header.checksum, sizeof(header.checksum), "%06zo", checksum_of(&header));
    header.checksum[7] = ' ';
    buf_append(out, &header, BLOCK);
    buf_append_str(out, file->text);
    buf_append(out, zeros, (BLOCK - file->text.len % BLOCK) % BLOCK);
    return OK;
}

enum err bundle_write(const struct bundle *bundle, struct buf *out, struct error *error)
{
    static const char end[2 * BLOCK];
    size_t before = out->len;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < bundle->count; i++) {
        err = write_file(&bundle->files[i], out, error);
        if (err == OK && out->len - before > BUNDLE_BYTES_MAX - sizeof(end)) {
            err =
                error_set(error, ERR_LIMIT, "a bundle has at most %d MiB", BUNDLE_BYTES_MAX >> 20);
        }
    }
    buf_append(out, end, sizeof(end));
    return err;
}
