/* Errors of questions: the place in the filter or the parameter, the word that is wrong, the
 * nearest right one. Any thread. */
#include "query.h"

#include <stdio.h>

#include "proxenos/base_text.h"

static void put(char *out, size_t size, struct str text)
{
    struct str cut = utf8_cut(text, size - 1);
    (void)snprintf(out, size, STR_FORMAT, STR_ARGS(cut));
}

enum err query_error(struct error *error, enum err err, struct str pointer, struct str value,
                     struct str nearest, const char *format, ...)
{
    if (error == NULL) {
        return err;
    }
    char sentence[sizeof(error->detail)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    if (nearest.len > 0) {
        error_set(error, err, "%s; did you mean \"" STR_FORMAT "\"?", sentence, STR_ARGS(nearest));
    } else {
        error_set(error, err, "%s", sentence);
    }
    put(error->pointer, sizeof(error->pointer), pointer);
    put(error->value, sizeof(error->value), value);
    put(error->nearest, sizeof(error->nearest), nearest);
    return err;
}
