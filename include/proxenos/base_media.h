/* Files from outside: what kind they say they are, whether their bytes agree, and what they may be
 * called. Pure; any thread. The kinds are one table (core/base/media/kinds.c) with the source of
 * each signature. */
#ifndef PROXENOS_BASE_MEDIA_H
#define PROXENOS_BASE_MEDIA_H

#include "proxenos/base.h"

enum {
    MEDIA_NAME_BYTES_MAX = 255,    /* of a file's name */
    MEDIA_HEAD_BYTES = 1024,       /* looked at for signatures */
    MEDIA_HEADER_BYTES_MAX = 4096, /* a Content-Disposition */
    MEDIA_ZIP_ENTRIES_MAX = 10000, /* of an office document */
    MEDIA_ZIP_DIRECTORY_BYTES_MAX = 2 << 20
};

/* ---- kinds ---- */

/* How the bytes of a kind are told. */
enum media_shape {
    MEDIA_BYTES, /* a signature */
    MEDIA_OOXML, /* a ZIP with [Content_Types].xml and the part that `detail` names */
    MEDIA_ODF,   /* a ZIP whose first entry says the media type */
    MEDIA_TEXT,  /* UTF-8 without control characters, neither HTML nor a script */
    MEDIA_JSON,
    MEDIA_XML,
    MEDIA_MARKED, /* UTF-8 that begins with `detail` (BEGIN:VCARD) */
    MEDIA_MAIL    /* header lines (RFC 5322); 8-bit text is let through, NUL is not */
};
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of the table's rows
struct media_kind {
    struct str type;    /* "application/pdf" */
    struct str endings; /* "jpg jpeg": the usual one first */
    enum media_shape shape;
    struct str detail;
    bool by_default; /* taken unless the operator says otherwise */
};
const struct media_kind *media_kind_at(size_t index); /* NULL past the last */
/* A Content-Type, whatever its parameters and letter case; NULL: no kind of ours. */
const struct media_kind *media_find(struct str content_type);
/* By the ending of a file's name; NULL: none, or unknown. */
const struct media_kind *media_of_name(struct str name);
/* ERR_FILE_TYPE when the name ends as programs do (.exe, .bat …), or as another kind than `kind`:
 * whoever opens it would open something else than what was checked. */
enum err media_check_name(const struct media_kind *kind, struct str name,
                          struct error *error) MUST_CHECK;

/* ---- bytes, as they stream by ---- */

struct media_check {
    const struct media_kind *kind;
    int64_t bytes;
    size_t head_len;
    unsigned utf8_left;                /* continuation bytes that are still to come */
    unsigned char utf8_low, utf8_high; /* bounds of the next one */
    bool judged;                       /* the head was looked at */
    char head[MEDIA_HEAD_BYTES];
};
void media_check_start(struct media_check *check, const struct media_kind *kind);
/* ERR_FILE_TYPE with a sentence as soon as the bytes are not what the kind says. */
enum err media_check_add(struct media_check *check, struct str bytes,
                         struct error *error) MUST_CHECK;
/* The whole file, to look into those that have their directory at the end. read_at: up to len bytes
 * from `at`; fewer only at the end; -1: it cannot be read. */
struct media_source {
    int64_t bytes;
    int64_t (*read_at)(void *context, void *into, size_t len, int64_t at);
    void *context;
};
enum err media_check_end(struct media_check *check, const struct media_source *source,
                         struct error *error) MUST_CHECK;

/* ---- names ---- */

/* What a file may be called: no path (what stands before the last separator is dropped), neither
 * control characters nor those that turn the direction of writing, no leading dot, at most 255
 * bytes of UTF-8. A copy in arena. ERR_INVALID, ERR_UTF8, ERR_LIMIT. */
enum err media_name(struct arena *arena, struct str raw, struct str *out_name,
                    struct error *error) MUST_CHECK;
/* The file name of a Content-Disposition (RFC 6266): filename* (RFC 8187, UTF-8) before filename.
 * ERR_INVALID when it cannot be read or names none. In arena, as it was sent. */
enum err media_disposition(struct arena *arena, struct str header, struct str *out_name,
                           struct error *error) MUST_CHECK;
/* `attachment` with the name, in both forms where it is not plain ASCII. */
void media_disposition_write(struct buf *out, struct str name);

#endif
