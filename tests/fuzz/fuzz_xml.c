/* module: format. XML: any bytes, whole and in pieces, are refused alike or give a tree that is
 * written and read back as it was. */
#include <stdint.h>

#include "proxenos/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err on_tag(void *context, struct str name, const struct xml_attribute *attributes,
                       size_t count, struct error *error)
{
    (void)name;
    (void)attributes;
    (void)error;
    *(size_t *)context += 1 + count;
    return OK;
}

static enum err on_end(void *context, struct str name, struct error *error)
{
    (void)context;
    (void)name;
    (void)error;
    return OK;
}

static enum err in_pieces(const uint8_t *data, size_t size, size_t piece)
{
    size_t tags = 0;
    struct xml_handler handler = {.open = on_tag, .close = on_end, .context = &tags};
    struct xml_reader *reader = xml_reader_new(&handler);
    struct error error;
    enum err err = OK;
    for (size_t from = 0; err == OK && from < size; from += piece) {
        err = xml_reader_feed(reader, data + from, MIN(piece, size - from), false, &error);
    }
    if (err == OK) {
        err = xml_reader_feed(reader, "", 0, true, &error);
    }
    xml_reader_free(reader);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf out;
    struct value root, again;
    struct error error = {0};
    arena_init(&arena);
    buf_init(&out);
    enum err err = xml_read(&arena, (struct str){(const char *)data, size}, &root, &error);
    ASSERT((err == OK) == (in_pieces(data, size, size > 0 ? 1 + data[0] % 7 : 1) == OK));
    if (err == OK) {
        ASSERT(xml_write(&out, &root, NULL) == OK);
        ASSERT(xml_read(&arena, buf_str(&out), &again, NULL) == OK);
        ASSERT(value_equal(&root, &again));
    } else {
        ASSERT(error.detail[0] != '\0' && error.pointer[0] != '\0');
    }
    buf_deinit(&out);
    arena_deinit(&arena);
    return 0;
}
