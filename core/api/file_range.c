/* Ranges of bytes, read strictly. Pure. */
#include "file.h"

/* Digits alone; false when there are none or too many. */
static bool number(struct str text, int64_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
    }
    return text.len > 0 && str_to_int64(text, out) == OK;
}

struct range range_parse(struct str header, int64_t bytes)
{
    static const struct str unit = STR_INIT("bytes=");
    const struct range whole = {RANGE_WHOLE, 0, bytes};
    const struct range none = {RANGE_NONE, 0, 0};
    struct str rest = str_sub(header, unit.len, header.len);
    struct str first;
    int64_t from = 0;
    int64_t to = 0;
    if (!str_starts(header, unit) || !str_split(&rest, '-', &first) || rest.at == NULL) {
        return whole;
    }
    if (first.len == 0) {
        if (!number(rest, &to)) {
            return whole;
        }
        int64_t length = MIN(to, bytes);
        return length == 0 ? none : (struct range){RANGE_PART, bytes - length, length};
    }
    if (!number(first, &from) || (rest.len > 0 && (!number(rest, &to) || to < from))) {
        return whole;
    }
    if (from >= bytes) {
        return none;
    }
    int64_t last = rest.len == 0 ? bytes - 1 : MIN(to, bytes - 1);
    return (struct range){RANGE_PART, from, last - from + 1};
}
