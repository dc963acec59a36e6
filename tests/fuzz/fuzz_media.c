/* module: base: files, names and Content-Dispositions of any bytes. The first byte says what the
 * rest is taken for. What is taken does not hang on how it was cut; a name that is taken has
 * nothing in it that leads out of a folder; a header that is written is read back as it was. */
#include "proxenos/base_media.h"
#include "proxenos/base_text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int64_t read_memory(void *context, void *into, size_t len, int64_t at)
{
    const struct str *whole = context;
    ASSERT(at >= 0 && (size_t)at <= whole->len);
    struct str part = str_sub(*whole, (size_t)at, len);
    memcpy(into, part.at, part.len);
    return (int64_t)part.len;
}

static enum err judge(const struct media_kind *kind, struct str bytes, size_t piece)
{
    struct media_check check;
    struct error error = {0};
    const struct media_source source = {(int64_t)bytes.len, read_memory, &bytes};
    enum err err = OK;
    media_check_start(&check, kind);
    for (size_t at = 0; at < bytes.len && err == OK; at += piece) {
        err = media_check_add(&check, str_sub(bytes, at, piece), &error);
    }
    err = err == OK ? media_check_end(&check, &source, &error) : err;
    ASSERT(err == OK || (err == ERR_FILE_TYPE && error.detail[0] != '\0'));
    return err;
}

static void check_file(size_t index, struct str bytes)
{
    size_t count = 0;
    while (media_kind_at(count) != NULL) {
        count++;
    }
    const struct media_kind *kind = media_kind_at(index % count);
    enum err whole = judge(kind, bytes, bytes.len + 1);
    ASSERT(judge(kind, bytes, 1 + index / count) == whole);
    if (whole == OK) {
        ASSERT(bytes.len > 0 && !str_starts(bytes, STR("MZ")) && !str_starts(bytes, STR("#!")));
        ASSERT((kind->shape != MEDIA_TEXT && kind->shape != MEDIA_JSON) || utf8_valid(bytes));
    }
}

static void check_name(struct arena *arena, struct str raw)
{
    struct str name;
    if (media_name(arena, raw, &name, NULL) != OK) {
        return;
    }
    ASSERT(name.len > 0 && name.len <= MEDIA_NAME_BYTES_MAX && utf8_valid(name));
    ASSERT(name.at[0] != '.' && memchr(name.at, '/', name.len) == NULL);
    ASSERT(memchr(name.at, '\\', name.len) == NULL && memchr(name.at, '\n', name.len) == NULL);
    struct buf header;
    struct str again;
    buf_init(&header);
    media_disposition_write(&header, name);
    enum err err = media_disposition(arena, buf_str(&header), &again, NULL);
    ASSERT(err == OK && str_eq(again, name));
    buf_deinit(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct str name;
    if (len == 0) {
        return 0;
    }
    struct str rest = {(const char *)bytes + 1, len - 1};
    arena_init(&arena);
    if (bytes[0] == 'n') {
        check_name(&arena, rest);
    } else if (bytes[0] == 'd') {
        if (media_disposition(&arena, rest, &name, NULL) == OK) {
            check_name(&arena, name);
        }
    } else {
        check_file(bytes[0], rest);
    }
    arena_deinit(&arena);
    return 0;
}
