/* What is in a ZIP, as far as office documents need it: the names in its central directory and its
 * first entry (APPNOTE.TXT 4.3). Nothing is unpacked. All numbers come from outside: each is held
 * against the length of the file before it is used. */
#include <string.h>

#include "internal.h"

enum { END_BYTES = 22, END_COMMENT_MAX = 65535, ENTRY_BYTES = 46, LOCAL_BYTES = 30 };

struct directory {
    int64_t at;
    uint32_t bytes, entries;
};

static enum err broken(const struct media_kind *kind, struct error *error, const char *why)
{
    return error_at(error, ERR_FILE_TYPE, "body", NULL, "this is not " STR_FORMAT ": %s",
                    STR_ARGS(kind->type), why);
}

static uint32_t u16(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t u32(const char *at)
{
    return u16(at) | u16(at + 2) << 16;
}

static bool read_whole(const struct media_source *source, void *into, size_t len, int64_t at)
{
    return at >= 0 && (int64_t)len <= source->bytes - at &&
           source->read_at(source->context, into, len, at) == (int64_t)len;
}

/* Is this the end record? It is the last thing in the file but for its comment, and stands right
 * behind the directory: else two readers would see two directories. `place` is where it stands. */
static bool read_end(struct str end, int64_t place, struct directory *out)
{
    if (memcmp(end.at, "PK\x05\x06", 4) != 0 || u16(end.at + 20) != end.len - END_BYTES) {
        return false;
    }
    *out = (struct directory){u32(end.at + 16), u32(end.at + 12), u16(end.at + 10)};
    return out->at + (int64_t)out->bytes == place;
}

static bool find_directory(const struct media_source *source, struct directory *out)
{
    size_t span = (size_t)MIN(source->bytes, END_BYTES + END_COMMENT_MAX);
    int64_t from = source->bytes - (int64_t)span;
    char *tail = mem_alloc(span + 1);
    bool found = false;
    if (read_whole(source, tail, span, from)) {
        for (size_t at = span + 1; at-- > 0 && !found;) {
            struct str end = str_sub((struct str){tail, span}, at, span);
            found = end.len >= END_BYTES && read_end(end, from + (int64_t)at, out);
        }
    }
    mem_free(tail);
    return found && out->bytes <= MEDIA_ZIP_DIRECTORY_BYTES_MAX &&
           out->entries <= MEDIA_ZIP_ENTRIES_MAX;
}

struct findings {
    bool types, part, macros;
};

static void look_at(const struct media_kind *kind, struct str name, struct findings *findings)
{
    findings->types |= str_is(name, "[Content_Types].xml");
    findings->part |= kind->detail.len > 0 && str_eq(name, kind->detail);
    for (size_t at = name.len; at-- > 0;) {
        if (name.at[at] == '/') {
            name = str_sub(name, at + 1, name.len);
            break;
        }
    }
    findings->macros |= str_eq_nocase(name, STR("vbaProject.bin"));
}

static bool walk(const struct media_kind *kind, struct str directory, uint32_t entries,
                 struct findings *findings)
{
    for (uint32_t i = 0; i < entries; i++) {
        if (directory.len < ENTRY_BYTES || memcmp(directory.at, "PK\x01\x02", 4) != 0) {
            return false;
        }
        size_t name_len = u16(directory.at + 28);
        size_t all = ENTRY_BYTES + name_len + u16(directory.at + 30) + u16(directory.at + 32);
        if (all > directory.len) {
            return false;
        }
        look_at(kind, str_sub(directory, ENTRY_BYTES, name_len), findings);
        directory = str_sub(directory, all, directory.len);
    }
    return directory.len == 0;
}

/* ODF 1.3 part 2, 3.3: the first entry is called mimetype, is stored as it is and has no extra
 * field, so that the type stands at byte 38. */
static enum err check_odf(const struct media_kind *kind, const struct media_source *source,
                          struct error *error)
{
    enum { NAME_LEN = 8, TYPE_MAX = 100 };
    char head[LOCAL_BYTES + NAME_LEN + TYPE_MAX];
    size_t len = LOCAL_BYTES + NAME_LEN + kind->type.len;
    ASSERT(kind->type.len <= TYPE_MAX);
    if (!read_whole(source, head, len, 0) || memcmp(head, "PK\x03\x04", 4) != 0 ||
        u16(head + 8) != 0 || u16(head + 26) != NAME_LEN || u16(head + 28) != 0 ||
        memcmp(head + LOCAL_BYTES, "mimetype", NAME_LEN) != 0 || u32(head + 22) != kind->type.len ||
        memcmp(head + LOCAL_BYTES + NAME_LEN, kind->type.at, kind->type.len) != 0) {
        return broken(kind, error, "its first entry does not say so");
    }
    return OK;
}

enum err zip_check(const struct media_kind *kind, const struct media_source *source,
                   struct error *error)
{
    struct directory directory = {0};
    struct findings findings = {0};
    if (!find_directory(source, &directory)) {
        return broken(kind, error, "its directory cannot be read");
    }
    char *names = mem_alloc((size_t)directory.bytes + 1);
    bool whole = read_whole(source, names, directory.bytes, directory.at) &&
                 walk(kind, (struct str){names, directory.bytes}, directory.entries, &findings);
    mem_free(names);
    if (!whole) {
        return broken(kind, error, "its directory cannot be read");
    }
    if (kind->shape == MEDIA_ODF) {
        return check_odf(kind, source, error);
    }
    if (!findings.types || !findings.part) {
        return broken(kind, error, "the parts that make such a document are not in it");
    }
    return findings.macros ? broken(kind, error, "there are macros in it") : OK;
}
