/* XML out: the tree that xml_read makes, as text. What cannot be written as XML is refused, never
 * left out. Pure. */
#include "proxenos/format.h"

#include "proxenos/base_text.h"

#include <stdio.h>

/* One element whose children are being written. */
struct open_element {
    struct str name;
    const struct value *children; /* NULL: none */
    size_t next;
};

static enum err refuse(const char *path, enum err err, const char *sentence, struct error *error)
{
    return error_at(error, err, path, NULL, "%s", sentence);
}

static bool name_start(uint32_t c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool beyond = (c >= 0xc0 && c <= 0x2ff && c != 0xd7 && c != 0xf7) ||
                  (c >= 0x370 && c <= 0x1fff && c != 0x37e) || (c >= 0x200c && c <= 0x200d) ||
                  (c >= 0x2070 && c <= 0x218f) || (c >= 0x2c00 && c <= 0x2fef) ||
                  (c >= 0x3001 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfdcf) ||
                  (c >= 0xfdf0 && c <= 0xfffd) || (c >= 0x10000 && c <= 0xeffff);
    return letter || c == '_' || c == ':' || beyond;
}

static bool name_valid(struct str name)
{
    size_t at = 0;
    uint32_t c = 0;
    bool first = true;
    if (name.len == 0 || name.len > XML_NAME_BYTES_MAX || !utf8_valid(name)) {
        return false;
    }
    while (utf8_next(name, &at, &c)) {
        bool later = c == '-' || c == '.' || (c >= '0' && c <= '9') || c == 0xb7 ||
                     (c >= 0x300 && c <= 0x36f) || (c >= 0x203f && c <= 0x2040);
        if (!name_start(c) && (first || !later)) {
            return false;
        }
        first = false;
    }
    return true;
}

static bool text_valid(struct str text)
{
    size_t at = 0;
    uint32_t c = 0;
    if (!utf8_valid(text)) {
        return false;
    }
    while (utf8_next(text, &at, &c)) {
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff) {
            return false;
        }
    }
    return true;
}

/* Line ends and tabs inside attributes would come back as spaces, CR as LF. */
static void write_escaped(struct buf *out, struct str text, bool attribute)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '&') {
            buf_append_str(out, STR("&amp;"));
        } else if (c == '<') {
            buf_append_str(out, STR("&lt;"));
        } else if (c == '>') {
            buf_append_str(out, STR("&gt;"));
        } else if (c == '\r' || (attribute && (c == '"' || c == '\n' || c == '\t'))) {
            buf_printf(out, "&#%d;", c);
        } else {
            buf_append_char(out, c);
        }
    }
}

/* A text, or a number or truth value as JSON shows it. */
static enum err scalar_text(const struct value *value, struct str *out_text, char *room,
                            size_t room_size)
{
    if (value->kind == VALUE_TEXT) {
        *out_text = value->text;
        return OK;
    }
    if (value->kind == VALUE_INT) {
        (void)snprintf(room, room_size, "%lld", (long long)value->integer);
    } else if (value->kind == VALUE_BOOL) {
        (void)snprintf(room, room_size, "%s", value->boolean ? "true" : "false");
    } else {
        return ERR_TYPE;
    }
    *out_text = str_from(room);
    return OK;
}

static enum err write_scalar(struct buf *out, const struct value *value, bool attribute,
                             const char *path, struct error *error)
{
    char room[32];
    struct str text;
    if (scalar_text(value, &text, room, sizeof(room)) != OK) {
        return refuse(path, ERR_TYPE,
                      "text, a whole number or a truth value is needed here; make other numbers a "
                      "text first",
                      error);
    }
    if (!text_valid(text)) {
        return refuse(path, ERR_INVALID,
                      "XML cannot hold this text: a control character, or no "
                      "UTF-8",
                      error);
    }
    write_escaped(out, text, attribute);
    return OK;
}

static enum err write_attributes(struct buf *out, const struct value *map, struct error *error)
{
    if (map == NULL || map->kind == VALUE_NULL) {
        return OK;
    }
    bool empty_list = map->kind == VALUE_LIST && map->list.count == 0;
    if (map->kind != VALUE_MAP && !empty_list) {
        return refuse("attributes", ERR_TYPE, "attributes are a table of name and text", error);
    }
    enum err err = OK;
    for (size_t i = 0; !empty_list && err == OK && i < map->map.count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        char path[120];
        (void)snprintf(path, sizeof(path), "attributes." STR_FORMAT,
                       STR_ARGS(str_sub(entry->key, 0, 100)));
        if (!name_valid(entry->key)) {
            return refuse(path, ERR_INVALID, "this is not a name in XML", error);
        }
        buf_printf(out, " " STR_FORMAT "=\"", STR_ARGS(entry->key));
        err = write_scalar(out, &entry->value, true, path, error);
        buf_append_char(out, '"');
    }
    return err;
}

/* The start tag; closed at once when there are no children. */
static enum err write_start(struct buf *out, const struct value *element,
                            struct open_element *out_open, struct error *error)
{
    const struct value *children = value_get_c(element, "children");
    struct str name = value_get_text(element, "name", STR(""));
    if (!name_valid(name)) {
        return refuse("name", ERR_INVALID,
                      "an element is { name = …, attributes = …, children = … }, with a name that "
                      "XML allows",
                      error);
    }
    bool none = children == NULL || children->kind == VALUE_NULL ||
                (children->kind == VALUE_MAP && children->map.count == 0) ||
                (children->kind == VALUE_LIST && children->list.count == 0);
    if (!none && children->kind != VALUE_LIST) {
        return refuse("children", ERR_TYPE, "children are a list of texts and elements", error);
    }
    buf_printf(out, "<" STR_FORMAT, STR_ARGS(name));
    enum err err = write_attributes(out, value_get_c(element, "attributes"), error);
    buf_append_str(out, none ? STR("/>") : STR(">"));
    *out_open = (struct open_element){.name = name, .children = none ? NULL : children};
    return err;
}

/* One step: the next child of the innermost open element, or its end. */
static enum err write_step(struct buf *out, struct open_element *open, int *depth,
                           struct error *error)
{
    struct open_element *inner = &open[*depth - 1];
    if (inner->next == inner->children->list.count) {
        buf_printf(out, "</" STR_FORMAT ">", STR_ARGS(inner->name));
        (*depth)--;
        return OK;
    }
    const struct value *child = &inner->children->list.items[inner->next++];
    if (child->kind != VALUE_MAP) {
        return write_scalar(out, child, false, "children", error);
    }
    if (*depth == XML_DEPTH_MAX) {
        return error_set(error, ERR_LIMIT, "elements are nested deeper than %d", XML_DEPTH_MAX);
    }
    struct open_element next = {.next = 0};
    enum err err = write_start(out, child, &next, error);
    if (err == OK && next.children != NULL) {
        open[(*depth)++] = next;
    }
    return err;
}

/* The place of the innermost element, in front of where inside it. */
static void place(const struct open_element *open, int depth, struct error *error)
{
    char path[sizeof(error->pointer)] = "";
    size_t len = 0;
    for (int i = 0; i < depth && len < sizeof(path); i++) {
        len += (size_t)snprintf(path + len, sizeof(path) - len, "children.%zu.", open[i].next);
    }
    char inside[sizeof(error->pointer)];
    (void)snprintf(inside, sizeof(inside), "%s", error->pointer);
    (void)snprintf(error->pointer, sizeof(error->pointer), "%s%s", path, inside);
}

enum err xml_write(struct buf *out, const struct value *root, struct error *error)
{
    struct open_element open[XML_DEPTH_MAX] = {{.next = 0}};
    struct error found = {0};
    size_t before = out->len;
    int depth = 0;
    buf_append_str(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
    enum err err = write_start(out, root, &open[0], &found);
    depth = err == OK && open[0].children != NULL ? 1 : 0;
    while (err == OK && depth > 0) {
        err = write_step(out, open, &depth, &found);
    }
    if (err != OK) {
        out->len = before;
        place(open, depth, &found);
        if (error != NULL) {
            *error = found;
        }
        return err;
    }
    buf_append_char(out, '\n');
    return OK;
}
