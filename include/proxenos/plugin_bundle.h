/* Bundles: a plugin's folder as one file, an uncompressed POSIX tar (ustar). The same files give
 * the same bytes, so that a bundle can be named by its hash.
 *
 *   pack:     bundle_gather(folder) → bundle_write(buf)       → write the buf to NAME-VERSION.tar
 *   install:  read the file         → bundle_read(text)       → bundle_unpack(folder)
 *
 * The reader is strict, as its text comes from outside: regular files and folders alone; names of
 * A-Z a-z 0-9 . _ - between single slashes, none beginning with a dot; no name twice; limits on
 * count and size; every header's checksum; the end as POSIX wants it. Any thread; gather and unpack
 * read and write files, so never the loop's. */
#ifndef PROXENOS_PLUGIN_BUNDLE_H
#define PROXENOS_PLUGIN_BUNDLE_H

#include "proxenos/base.h"

enum {
    BUNDLE_FILES_MAX = 500,
    BUNDLE_BYTES_MAX = 16 << 20, /* of the whole tar */
    BUNDLE_NAME_MAX = 200,
    BUNDLE_DEPTH_MAX = 5, /* parts of a name */
};

struct bundle_file {
    struct str name; /* "main.lua", "locale/el.lua" */
    struct str text;
};
struct bundle {
    struct bundle_file *files; /* by name */
    size_t count;
};

/* Texts borrow from `tar`, names live in arena. ERR_INVALID or ERR_LIMIT; the pointer is the name
 * of the entry, or "byte 512". */
enum err bundle_read(struct arena *arena, struct str tar, struct bundle *out_bundle,
                     struct error *error) MUST_CHECK;
/* Appends the tar. Refuses what bundle_read would refuse. */
enum err bundle_write(const struct bundle *bundle, struct buf *out, struct error *error) MUST_CHECK;
/* All files of a folder, but those whose names begin with a dot; links are refused. Lives in arena.
 * ERR_IO, ERR_INVALID, ERR_LIMIT. */
enum err bundle_gather(struct arena *arena, const char *folder, struct bundle *out_bundle,
                       struct error *error) MUST_CHECK;
/* Makes `folder`, which must not be there, with all its files durable: they are written beside it
 * and moved there in one step. ERR_IO, ERR_CONFLICT. */
enum err bundle_unpack(const struct bundle *bundle, const char *folder,
                       struct error *error) MUST_CHECK;
/* The text of one file; `at` is NULL when there is none. */
struct str bundle_find(const struct bundle *bundle, struct str name);
/* Takes a folder with everything in it away, following no link; nothing when it is not there. */
enum err bundle_remove_folder(const char *folder, struct error *error) MUST_CHECK;

#endif
