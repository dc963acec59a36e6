/* Errors: the catalogue as tables, and the human side filled in by whoever fails. Any thread. */
#include "proxenos/base.h"

struct catalogue_line {
    const char *code;
    int status;
    bool retry;
    const char *text, *advice;
};

static const struct catalogue_line catalogue[] = {
#define X(name, code, status, retry, text, advice)                                                 \
    [ERR_##name] = {code, status, retry, text, advice},
#include "proxenos/errors.def"
#undef X
};

static const struct catalogue_line *line_of(enum err err)
{
    ASSERT((unsigned)err < ERR_COUNT);
    return &catalogue[err];
}

/* Where a text of `len` bytes ends when it may not end inside a UTF-8 sequence: error texts are cut
 * to their fields and go out as JSON. */
static size_t whole_len(const char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return len;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    return wanted > len - start + 1 ? start - 1 : len;
}

static void copy_cut(char *to, size_t size, const char *from)
{
    size_t len = strlen(from);
    if (len >= size) {
        len = whole_len(from, size - 1);
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

static void fill(struct error *error, enum err err, const char *format, va_list arguments)
{
    /* Through a text of our own: the arguments may point into *error. */
    char detail[sizeof(error->detail) + 1];
    vsnprintf(detail, sizeof(detail), format, arguments);
    *error = (struct error){.err = err};
    copy_cut(error->detail, sizeof(error->detail), detail);
}

enum err error_set(struct error *error, enum err err, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, err, format, arguments);
        va_end(arguments);
    }
    return err;
}

enum err error_at(struct error *error, enum err err, const char *pointer, const char *value,
                  const char *format, ...)
{
    if (error != NULL) {
        struct error filled;
        va_list arguments;
        va_start(arguments, format);
        fill(&filled, err, format, arguments);
        va_end(arguments);
        copy_cut(filled.pointer, sizeof(filled.pointer), pointer == NULL ? "" : pointer);
        copy_cut(filled.value, sizeof(filled.value), value == NULL ? "" : value);
        *error = filled;
    }
    return err;
}

void error_prefix(struct error *error, const char *format, ...)
{
    if (error == NULL) {
        return;
    }
    char text[2 * sizeof(error->detail)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(error->detail), format, arguments);
    va_end(arguments);
    size_t len = whole_len(text, strlen(text));
    memcpy(text + len, error->detail, strlen(error->detail) + 1);
    copy_cut(error->detail, sizeof(error->detail), text);
}

const char *err_code(enum err err)
{
    return line_of(err)->code;
}

int err_status(enum err err)
{
    return line_of(err)->status;
}

bool err_retry(enum err err)
{
    return line_of(err)->retry;
}

const char *err_text(enum err err)
{
    return line_of(err)->text;
}

const char *err_advice(enum err err)
{
    return line_of(err)->advice;
}

enum err err_from_code(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(catalogue); i++) {
        if (strcmp(catalogue[i].code, code) == 0) {
            return (enum err)i;
        }
    }
    return ERR_COUNT;
}
