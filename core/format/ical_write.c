/* iCalendar out: the components that ical_read gives, as text. Pure. */
#include "ical.h"
#include "lines.h"

#include <stdio.h>

struct writing {
    struct buf *out;
    struct buf line;
    struct arena arena; /* of one property */
};

/* One component that is open. */
struct open_component {
    struct str name;
    const struct value *components;
    size_t next;
};

static struct str value_parameter(const struct value *property)
{
    const struct value *value = value_path(property, "parameters.VALUE");
    if (value != NULL && value->kind == VALUE_LIST && value->list.count > 0) {
        value = &value->list.items[0];
    }
    return value != NULL && value->kind == VALUE_TEXT ? value->text : STR("");
}

static enum err refuse(enum err err, const char *sentence, struct error *error)
{
    return error_at(error, err, "value", NULL, "%s", sentence);
}

static enum err write_text(struct writing *writing, struct str name, struct str parameter,
                           struct str text, struct error *error)
{
    enum ical_kind kind = ical_kind_of(name, parameter);
    size_t slash = 0;
    struct str compact;
    if (kind == ICAL_AS_TEXT) {
        return line_text(&writing->line, text, error);
    }
    if (kind == ICAL_AS_DATE && !str_find(text, STR("/"), &slash)) {
        if (ical_date_write(&writing->arena, text, &compact) != OK) {
            return refuse(ERR_TYPE,
                          "this is not a day or a time; write 2027-03-31 or "
                          "2027-03-31T10:00:00Z",
                          error);
        }
        return line_raw(&writing->line, compact, error);
    }
    if (kind == ICAL_AS_CHECKED && !ical_value_valid(name, parameter, text)) {
        return refuse(ERR_TYPE, "the value does not follow its grammar in RFC 5545", error);
    }
    return line_raw(&writing->line, text, error);
}

static enum err write_value(struct writing *writing, struct str name, struct str parameter,
                            const struct value *value, struct error *error)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_TEXT:
        return write_text(writing, name, parameter, value->text, error);
    case VALUE_INT:
        buf_printf(&writing->line, "%lld", (long long)value->integer);
        return OK;
    case VALUE_REAL:
        buf_printf(&writing->line, "%.9g", value->real);
        return OK;
    case VALUE_BOOL:
        buf_append_str(&writing->line, value->boolean ? STR("TRUE") : STR("FALSE"));
        return OK;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        break;
    }
    return refuse(ERR_TYPE, "a value is text, a number, a truth value or a list of those", error);
}

static enum err write_property(struct writing *writing, const struct value *property,
                               struct error *error)
{
    const struct value *value = value_get_c(property, "value");
    struct str name = value_get_text(property, "name", STR(""));
    struct str parameter = value_parameter(property);
    arena_reset(&writing->arena);
    if (str_eq_nocase(name, STR("BEGIN")) || str_eq_nocase(name, STR("END"))) {
        return error_at(error, ERR_INVALID, "name", NULL, "this line is written by itself");
    }
    if (value == NULL) {
        return refuse(ERR_REQUIRED, "the property has no value", error);
    }
    enum err err = line_begin(&writing->line, property, error);
    if (err == OK && value->kind != VALUE_LIST) {
        err = write_value(writing, name, parameter, value, error);
    }
    for (size_t i = 0; err == OK && value->kind == VALUE_LIST && i < value->list.count; i++) {
        buf_append(&writing->line, ",", i > 0 ? 1 : 0);
        err = write_value(writing, name, parameter, &value->list.items[i], error);
    }
    if (err == OK) {
        line_end(writing->out, &writing->line);
    }
    return err;
}

static bool name_valid(struct str name)
{
    bool valid = name.len > 0 && name.len <= 100;
    for (size_t i = 0; valid && i < name.len; i++) {
        char c = name.at[i];
        valid =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return valid;
}

/* Its BEGIN and its properties. */
static enum err open_component(struct writing *writing, const struct value *component,
                               struct open_component *out, struct error *error)
{
    const struct value *properties = value_get_c(component, "properties");
    const struct value *components = value_get_c(component, "components");
    struct str name = value_get_text(component, "name", STR(""));
    if (!name_valid(name)) {
        return error_at(error, ERR_INVALID, "name", NULL,
                        "a component is { name = \"VEVENT\", properties = …, components = … }");
    }
    *out = (struct open_component){.name = name};
    if (components != NULL && components->kind == VALUE_LIST) {
        out->components = components;
    }
    buf_printf(writing->out, "BEGIN:" STR_FORMAT "\r\n", STR_ARGS(name));
    bool some = properties != NULL && properties->kind == VALUE_LIST;
    enum err err = OK;
    for (size_t i = 0; some && err == OK && i < properties->list.count; i++) {
        struct error found = {0};
        err = write_property(writing, &properties->list.items[i], &found);
        if (err != OK) {
            char path[sizeof(found.pointer)];
            (void)snprintf(path, sizeof(path), STR_FORMAT ".properties.%zu.%.60s",
                           STR_ARGS(str_sub(name, 0, 60)), i + 1, found.pointer);
            err = error_at(error, err, path, NULL, "%s", found.detail);
        }
    }
    return err;
}

static enum err write_component(struct writing *writing, const struct value *root,
                                struct error *error)
{
    struct open_component open[ICAL_DEPTH_MAX] = {{.next = 0}};
    int depth = 1;
    enum err err = open_component(writing, root, &open[0], error);
    while (err == OK && depth > 0) {
        struct open_component *inner = &open[depth - 1];
        if (inner->components == NULL || inner->next == inner->components->list.count) {
            buf_printf(writing->out, "END:" STR_FORMAT "\r\n", STR_ARGS(inner->name));
            depth--;
            continue;
        }
        if (depth == ICAL_DEPTH_MAX) {
            return error_set(error, ERR_LIMIT, "components are nested deeper than %d",
                             ICAL_DEPTH_MAX);
        }
        err = open_component(writing, &inner->components->list.items[inner->next++], &open[depth],
                             error);
        depth++;
    }
    return err;
}

enum err ical_write(struct buf *out, const struct value *component, struct error *error)
{
    struct writing writing = {.out = out};
    size_t before = out->len;
    bool list = component->kind == VALUE_LIST;
    size_t count = list ? component->list.count : 1;
    enum err err = OK;
    buf_init(&writing.line);
    arena_init(&writing.arena);
    for (size_t i = 0; err == OK && i < count; i++) {
        err = write_component(&writing, list ? &component->list.items[i] : component, error);
    }
    buf_deinit(&writing.line);
    arena_deinit(&writing.arena);
    if (err != OK) {
        out->len = before;
    }
    return err;
}
