/* What is searched: fields, and texts as words. Pure; any thread. */
#include "columns.h"
#include "search.h"

int search_fields(const struct object_type *type, const struct field *out[SEARCH_FIELDS_MAX])
{
    int count = 0;
    for (int i = 0; i < type->field_count && count < SEARCH_FIELDS_MAX; i++) {
        if (type->fields[i].search && field_stored(&type->fields[i])) {
            out[count++] = &type->fields[i];
        }
    }
    return count;
}

/* As the index's tokenizer takes texts apart: letters and digits of ASCII, and whatever is not
 * ASCII. */
static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

bool search_word(struct str *rest, struct str *out_word)
{
    size_t from = 0;
    while (from < rest->len && !in_word(rest->at[from])) {
        from++;
    }
    size_t to = from;
    while (to < rest->len && in_word(rest->at[to])) {
        to++;
    }
    *out_word = str_sub(*rest, from, to - from);
    *rest = str_sub(*rest, to, rest->len);
    return out_word->len > 0;
}

const char *search_path(struct buf *buf, const struct store *store)
{
    buf_init(buf);
    buf_printf(buf, "%s/search.db", store->folder);
    return buf_cstr(buf);
}
