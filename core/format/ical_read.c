/* iCalendar in (RFC 5545): components inside components, each property's value by its kind. Pure.
 */
#include "ical.h"
#include "lines.h"

#include <string.h>

struct level {
    struct str name;
    struct value properties, components;
};

struct reading {
    struct line_source source;
    struct arena *arena;
    struct level levels[ICAL_DEPTH_MAX];
    int depth;
    int property_count;
    struct value found;
};

static enum err wrong_value(const struct content_line *line, const char *what, struct error *error)
{
    enum err err = line_error(line->line, ERR_TYPE, what, error);
    if (error != NULL) {
        error_prefix(error, STR_FORMAT ": ", STR_ARGS(str_sub(line->name, 0, 60)));
    }
    return err;
}

static enum err put_date(struct reading *reading, const struct content_line *line, struct str raw,
                         struct value *out, struct error *error)
{
    struct str iso;
    size_t slash = 0;
    bool period = str_find(raw, STR("/"), &slash);
    if (period) {
        /* RDATE may hold periods: kept as written once they are right. */
        if (!ical_value_valid(STR("FREEBUSY"), STR("PERIOD"), raw)) {
            return wrong_value(line, "this is not a period; write START/END or START/PT1H", error);
        }
        *out = value_text(raw);
        return OK;
    }
    if (ical_date_read(reading->arena, raw, &iso) != OK) {
        return wrong_value(line, "this is not a day or a time; write 20270331 or 20270331T100000Z",
                           error);
    }
    *out = value_text(iso);
    return OK;
}

static enum err put_number(const struct content_line *line, struct str raw, struct value *out,
                           struct error *error)
{
    int64_t whole = 0;
    double real = 0;
    if (str_to_int64(raw, &whole) == OK) {
        *out = value_int(whole);
    } else if (str_to_double(raw, &real) == OK) {
        *out = value_real(real);
    } else {
        return wrong_value(line, "this is not a number", error);
    }
    return OK;
}

static enum err put_one(struct reading *reading, const struct content_line *line, struct str raw,
                        struct value *out, struct error *error)
{
    struct str kind = line_parameter(line, "VALUE");
    struct str text;
    switch (ical_kind_of(line->name, kind)) {
    case ICAL_AS_DATE:
        return put_date(reading, line, raw, out, error);
    case ICAL_AS_NUMBER:
        return put_number(line, raw, out, error);
    case ICAL_AS_BOOLEAN:
        if (!str_eq_nocase(raw, STR("TRUE")) && !str_eq_nocase(raw, STR("FALSE"))) {
            return wrong_value(line, "this is neither TRUE nor FALSE", error);
        }
        *out = value_bool(str_eq_nocase(raw, STR("TRUE")));
        return OK;
    case ICAL_AS_TEXT:
        if (text_unescape(reading->arena, raw, false, &text) != OK) {
            return wrong_value(line, "a backslash stands before something that needs none", error);
        }
        *out = value_text(text);
        return OK;
    case ICAL_AS_CHECKED:
        if (!ical_value_valid(line->name, kind, raw)) {
            return wrong_value(line, "the value does not follow its grammar in RFC 5545", error);
        }
        break;
    case ICAL_AS_WRITTEN:
        break;
    }
    *out = value_text(raw);
    return OK;
}

static enum err put_value(struct reading *reading, const struct content_line *line,
                          struct value *out, struct error *error)
{
    enum { PARTS_MAX = 10000 };
    struct str part, rest = line->value;
    if (!ical_is_list(line->name)) {
        return put_one(reading, line, line->value, out, error);
    }
    enum err err = OK;
    *out = value_list_new();
    while (err == OK && text_cut(&rest, ',', &part)) {
        struct value value = value_null();
        err = put_one(reading, line, part, &value, error);
        if (err == OK && out->list.count == PARTS_MAX) {
            err = line_error(line->line, ERR_LIMIT, "the list is too long", error);
        }
        if (err == OK) {
            value_push(reading->arena, out, value);
        }
    }
    return err;
}

static struct value finished(struct arena *arena, const struct level *level)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "name", value_text(level->name));
    value_put_c(arena, &map, "properties", level->properties);
    if (level->components.list.count > 0) {
        value_put_c(arena, &map, "components", level->components);
    }
    return map;
}

static enum err begin(struct reading *reading, const struct content_line *line, struct error *error)
{
    struct str name = str_trim(line->value);
    if (reading->depth == ICAL_DEPTH_MAX) {
        return line_error(line->line, ERR_LIMIT, "components are nested too deep", error);
    }
    if (name.len == 0 || name.len > 100) {
        return line_error(line->line, ERR_INVALID, "a component needs a name", error);
    }
    char *capitals = arena_cstr(reading->arena, name);
    for (size_t i = 0; i < name.len; i++) {
        bool small = capitals[i] >= 'a' && capitals[i] <= 'z';
        capitals[i] = (char)(small ? capitals[i] - 'a' + 'A' : capitals[i]);
    }
    reading->levels[reading->depth++] = (struct level){.name = {capitals, name.len},
                                                       .properties = value_list_new(),
                                                       .components = value_list_new()};
    return OK;
}

static enum err end(struct reading *reading, const struct content_line *line, struct error *error)
{
    if (reading->depth == 0 ||
        !str_eq_nocase(str_trim(line->value), reading->levels[reading->depth - 1].name)) {
        return line_error(line->line, ERR_INVALID, "this END closes nothing that is open", error);
    }
    struct value component = finished(reading->arena, &reading->levels[--reading->depth]);
    value_push(reading->arena,
               reading->depth == 0 ? &reading->found
                                   : &reading->levels[reading->depth - 1].components,
               component);
    return OK;
}

static enum err property(struct reading *reading, const struct content_line *line,
                         struct error *error)
{
    struct value value = value_null();
    struct value map = line_describe(reading->arena, line);
    if (reading->depth == 0) {
        return line_error(line->line, ERR_INVALID, "a calendar begins with BEGIN:VCALENDAR", error);
    }
    if (++reading->property_count > ICAL_PROPERTIES_MAX) {
        return line_error(line->line, ERR_LIMIT, "the file has too many properties", error);
    }
    enum err err = put_value(reading, line, &value, error);
    if (err == OK) {
        value_put_c(reading->arena, &map, "value", value);
        value_push(reading->arena, &reading->levels[reading->depth - 1].properties, map);
    }
    return err;
}

enum err ical_read(struct arena *arena, struct str text, struct value *out_components,
                   struct error *error)
{
    struct reading reading = {
        .source = {.text = text, .line = 1}, .arena = arena, .found = value_list_new()};
    struct content_line line;
    struct error found_error = {0};
    enum line_found found = LINE_FOUND;
    enum err err = OK;
    while (err == OK &&
           (found = line_next(&reading.source, arena, &line, &found_error)) != LINE_END) {
        err = found == LINE_WRONG          ? found_error.err
              : str_is(line.name, "BEGIN") ? begin(&reading, &line, &found_error)
              : str_is(line.name, "END")   ? end(&reading, &line, &found_error)
                                           : property(&reading, &line, &found_error);
    }
    if (err == OK && reading.depth > 0) {
        err = line_error(reading.source.line, ERR_INVALID, "a component is not closed by its END",
                         &found_error);
    }
    if (err == OK && reading.found.list.count == 0) {
        err = line_error(1, ERR_INVALID, "there is no BEGIN:VCALENDAR", &found_error);
    }
    if (err == OK) {
        *out_components = reading.found;
    } else if (error != NULL) {
        *error = found_error;
    }
    return err;
}
