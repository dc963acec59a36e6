/* XML in, as events, by expat. A document type declaration ends the reading, so there are no
 * entities to blow up and nothing outside to fetch. Pure; the reader belongs to one thread. */
#include "proxenos/format.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

enum { FEED_BYTES = 64 * 1024 };

struct xml_reader {
    XML_Parser parser;
    struct xml_handler handler;
    struct xml_attribute attributes[XML_ATTRIBUTES_MAX];
    int depth;
    int64_t fed_bytes;
    unsigned char first[2]; /* bytes of the document */
    struct error error;     /* the first; err OK: none yet */
};

static void locate(struct xml_reader *reader)
{
    if (reader->error.pointer[0] == '\0') {
        (void)snprintf(reader->error.pointer, sizeof(reader->error.pointer), "line %lu, column %lu",
                       (unsigned long)XML_GetCurrentLineNumber(reader->parser),
                       (unsigned long)XML_GetCurrentColumnNumber(reader->parser) + 1);
    }
}

/* Inside a handler: nothing of ours is called any more. */
static void stop(struct xml_reader *reader)
{
    locate(reader);
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

static enum err open_element(struct xml_reader *reader, const char *name, const char **pairs)
{
    struct str element = str_from(name);
    size_t count = 0;
    if (++reader->depth > XML_DEPTH_MAX) {
        return error_set(&reader->error, ERR_LIMIT, "elements are nested deeper than %d",
                         XML_DEPTH_MAX);
    }
    bool too_long = element.len > XML_NAME_BYTES_MAX;
    for (; pairs[2 * count] != NULL; count++) {
        if (count == XML_ATTRIBUTES_MAX) {
            return error_set(&reader->error, ERR_LIMIT, "an element has more than %d attributes",
                             XML_ATTRIBUTES_MAX);
        }
        reader->attributes[count] = (struct xml_attribute){.name = str_from(pairs[2 * count]),
                                                           .value = str_from(pairs[2 * count + 1])};
        too_long = too_long || reader->attributes[count].name.len > XML_NAME_BYTES_MAX;
    }
    if (too_long) {
        return error_set(&reader->error, ERR_LIMIT, "a name is longer than %d bytes",
                         XML_NAME_BYTES_MAX);
    }
    return reader->handler.open(reader->handler.context, element, reader->attributes, count,
                                &reader->error);
}

static void XMLCALL on_open(void *data, const XML_Char *name, const XML_Char **pairs)
{
    struct xml_reader *reader = data;
    if (reader->error.err == OK && open_element(reader, name, pairs) != OK) {
        stop(reader);
    }
}

static void XMLCALL on_close(void *data, const XML_Char *name)
{
    struct xml_reader *reader = data;
    reader->depth--;
    if (reader->error.err == OK &&
        reader->handler.close(reader->handler.context, str_from(name), &reader->error) != OK) {
        stop(reader);
    }
}

static void XMLCALL on_text(void *data, const XML_Char *text, int len)
{
    struct xml_reader *reader = data;
    struct str piece = {text, (size_t)len};
    if (reader->error.err == OK && reader->handler.text != NULL &&
        reader->handler.text(reader->handler.context, piece, &reader->error) != OK) {
        stop(reader);
    }
}

static void XMLCALL on_doctype(void *data, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_internal;
    struct xml_reader *reader = data;
    if (reader->error.err == OK) {
        (void)error_set(&reader->error, ERR_UNSUPPORTED,
                        "a document type declaration (DOCTYPE) is never read; take it out");
        stop(reader);
    }
}

struct xml_reader *xml_reader_new(const struct xml_handler *handler)
{
    struct xml_reader *reader = mem_zalloc(sizeof(*reader));
    reader->handler = *handler;
    reader->parser = XML_ParserCreate(NULL);
    ASSERT(reader->parser != NULL); /* out of memory */
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_open, on_close);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    (void)XML_SetParamEntityParsing(reader->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    return reader;
}

void xml_reader_free(struct xml_reader *reader)
{
    if (reader != NULL) {
        XML_ParserFree(reader->parser);
        mem_free(reader);
    }
}

/* expat keeps an unfinished token and looks at it again with each piece. */
static bool token_too_long(const struct xml_reader *reader)
{
    int64_t at = XML_GetCurrentByteIndex(reader->parser);
    return reader->fed_bytes - MAX(at, 0) > XML_TOKEN_BYTES_MAX + FEED_BYTES;
}

static void keep_first(struct xml_reader *reader, const char *bytes, int len)
{
    for (int i = 0; i < len && reader->fed_bytes + i < (int64_t)sizeof(reader->first); i++) {
        reader->first[reader->fed_bytes + i] = (unsigned char)bytes[i];
    }
}

/* Told by its byte order mark or a first "<". expat reads UTF-16 one way in one piece and another
 * in several, where the document is broken; so it is not read at all. */
static bool is_utf16(const struct xml_reader *reader)
{
    static const unsigned char starts[][2] = {{0xff, 0xfe}, {0xfe, 0xff}, {'<', 0}, {0, '<'}};
    for (size_t i = 0; i < COUNT_OF(starts) && reader->fed_bytes > 1; i++) {
        if (memcmp(reader->first, starts[i], sizeof(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void feed_piece(struct xml_reader *reader, const char *bytes, int len, bool last)
{
    keep_first(reader, bytes, len);
    reader->fed_bytes += len;
    if (is_utf16(reader)) {
        (void)error_set(&reader->error, ERR_UNSUPPORTED,
                        "the document is UTF-16; save it as UTF-8 and send it again");
        locate(reader);
        return;
    }
    if (XML_Parse(reader->parser, bytes, len, last) != XML_STATUS_ERROR) {
        if (!last && token_too_long(reader)) {
            (void)error_set(&reader->error, ERR_LIMIT, "a tag or a value is longer than %d bytes",
                            XML_TOKEN_BYTES_MAX);
            locate(reader);
        }
        return;
    }
    if (reader->error.err == OK) {
        enum XML_Error why = XML_GetErrorCode(reader->parser);
        (void)error_set(&reader->error, ERR_INVALID, "this is not well-formed XML: %s",
                        XML_ErrorString(why));
        locate(reader);
    }
}

enum err xml_reader_feed(struct xml_reader *reader, const void *bytes, size_t len, bool last,
                         struct error *error)
{
    const char *at = bytes;
    bool done = false;
    while (reader->error.err == OK && !done) {
        size_t piece = MIN(len, (size_t)FEED_BYTES);
        done = piece == len;
        if (piece > 0 || (last && done)) {
            feed_piece(reader, at, (int)piece, last && done);
        }
        at = piece > 0 ? at + piece : at;
        len -= piece;
    }
    if (reader->error.err != OK && error != NULL) {
        *error = reader->error;
    }
    return reader->error.err;
}
