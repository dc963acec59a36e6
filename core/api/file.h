/* Shared by the API's files about files. Loop thread, but for what runs on the lane. */
#ifndef PROXENOS_API_FILE_H
#define PROXENOS_API_FILE_H

#include "internal.h"
#include "proxenos/store_file.h"

enum {
    FILE_UPLOADS_MAX = 64,         /* at one time */
    FILE_PIECE_BYTES = 128 << 10,  /* read or written together */
    FILE_GATHER_BYTES = 256 << 10, /* then a client is held up until the disk has taken some */
    FILE_LIST_DEFAULT = 50,
    FILE_LIST_MAX = 1000
};

/* What part of the content is asked for. */
enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_NONE };
struct range {
    enum range_kind kind;
    int64_t from, bytes;
};
/* One range of bytes (RFC 9110 14.1.2). Several, other units and what cannot be read are answered
 * with the whole, as a server may. */
struct range range_parse(struct str header, int64_t bytes);
/* "\"<hash>\"" in arena. */
struct str file_tag(struct arena *arena, const struct blob *blob);

/* The route's :file; answers 404 itself: false. */
bool call_find_file(struct call *call, int64_t *out_file);

#endif
