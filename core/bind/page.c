/* Console pages as data: what a widget may say, checked against the schema and the rights of
 * whoever is asked about: the plugin when it registers the page, a user when he looks. Pure; any
 * thread. */
#include "internal.h"

#include "proxenos/base_text.h"

enum { PAGE_WIDGETS_MAX = 50, PAGE_TEXT_MAX = 20000 };

enum widget_kind { WIDGET_LIST, WIDGET_RECORD, WIDGET_CHART, WIDGET_FORM, WIDGET_TEXT };

static const struct str kind_names[] = {
    [WIDGET_LIST] = STR_INIT("list"),   [WIDGET_RECORD] = STR_INIT("record"),
    [WIDGET_CHART] = STR_INIT("chart"), [WIDGET_FORM] = STR_INIT("form"),
    [WIDGET_TEXT] = STR_INIT("text"),
};

/* Keys of a widget; those of the second list go into its query or aggregate. */
static const struct {
    const char *own, *query;
} keys[] = {
    [WIDGET_LIST] = {" widget title object ", " filter order fields include limit "},
    [WIDGET_RECORD] = {" widget title object ", " fields include "},
    [WIDGET_CHART] = {" widget title object kind ", " filter group measures "},
    [WIDGET_FORM] = {" widget title object ", " fields "},
    [WIDGET_TEXT] = {" widget title markdown ", " "},
};

static bool among(const char *words, struct str word)
{
    char spaced[64];
    (void)snprintf(spaced, sizeof(spaced), " " STR_FORMAT " ", STR_ARGS(str_sub(word, 0, 60)));
    return strstr(words, spaced) != NULL;
}

/* A text, or { en = …, el = … }. */
static bool is_label(const struct value *value)
{
    bool map = value != NULL && value->kind == VALUE_MAP && value->map.count > 0;
    bool text = value != NULL && value->kind == VALUE_TEXT && value->text.len > 0 &&
                value->text.len <= PAGE_TEXT_MAX;
    for (size_t i = 0; map && i < value->map.count; i++) {
        const struct value *one = &value->map.entries[i].value;
        map = one->kind == VALUE_TEXT && one->text.len <= PAGE_TEXT_MAX;
    }
    return map || text;
}

/* ---- one widget ---- */

static enum err find_kind(const struct value *widget, enum widget_kind *out_kind,
                          struct error *error)
{
    struct str name = value_get_text(widget, "widget", STR(""));
    for (size_t i = 0; i < COUNT_OF(kind_names); i++) {
        if (str_eq(name, kind_names[i])) {
            *out_kind = (enum widget_kind)i;
            return OK;
        }
    }
    struct str nearest = text_nearest(str_sub(name, 0, 40), kind_names, COUNT_OF(kind_names));
    (void)error_at(error, ERR_INVALID, ".widget", NULL,
                   "a widget is list, record, chart, form or text");
    (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    return ERR_INVALID;
}

/* The part of the widget that is a query; unknown keys are refused. */
static enum err split_keys(enum widget_kind kind, const struct value *widget, struct arena *arena,
                           struct value *out_query, struct error *error)
{
    *out_query = value_map_new();
    for (size_t i = 0; i < widget->map.count; i++) {
        const struct value_entry *entry = &widget->map.entries[i];
        if (among(keys[kind].query, entry->key)) {
            value_put(arena, out_query, entry->key, entry->value);
        } else if (!among(keys[kind].own, entry->key)) {
            char place[80];
            (void)snprintf(place, sizeof(place), "." STR_FORMAT,
                           STR_ARGS(str_sub(entry->key, 0, 60)));
            return error_at(error, ERR_INVALID, place, NULL, "a %s has no such key; it has%sand%s",
                            kind_names[kind].at, keys[kind].own, keys[kind].query);
        }
    }
    return OK;
}

static enum err find_type(enum widget_kind kind, const struct value *widget,
                          const struct scope *scope, const struct object_type **out_type,
                          struct error *error)
{
    uint32_t verbs = kind == WIDGET_FORM ? VERB_CREATE | VERB_UPDATE : VERB_READ;
    struct str name = value_get_text(widget, "object", STR(""));
    const struct object_type *type = schema_object(scope->schema, name);
    if (type == NULL || (scope->grants[type->index].verbs & verbs) == 0) {
        bool there = type != NULL;
        return error_at(error, there ? ERR_CAPABILITY : ERR_UNKNOWN_OBJECT, ".object", NULL,
                        "%s \"" STR_FORMAT "\"%s",
                        there ? "this needs a right to" : "there is no object type",
                        STR_ARGS(str_sub(name, 0, 60)),
                        !there                ? ""
                        : kind == WIDGET_FORM ? "; add it to can.write"
                                              : "; add it to can.read");
    }
    *out_type = type;
    return OK;
}

static enum err check_chart(const struct value *widget, const struct object_type *type,
                            const struct scope *scope, struct arena *arena,
                            const struct value *query, struct error *error)
{
    struct aggregate *aggregate = ARENA_NEW(arena, struct aggregate);
    struct str kind = value_get_text(widget, "kind", STR("bar"));
    if (!among(" bar line pie number ", kind)) {
        return error_at(error, ERR_INVALID, ".kind", NULL,
                        "a chart's kind is bar, line, pie or number");
    }
    enum err err = aggregate_from_value(arena, type, query, aggregate, error);
    return err == OK ? aggregate_bind(aggregate, scope, arena, error) : err;
}

static enum err check_records(const struct object_type *type, const struct scope *scope,
                              struct arena *arena, const struct value *tree, struct error *error)
{
    struct query *query = ARENA_NEW(arena, struct query);
    enum err err = query_from_value(arena, type, tree, query, error);
    return err == OK ? query_bind(query, scope, arena, error) : err;
}

static enum err check_widget(const struct value *widget, const struct scope *scope,
                             struct arena *arena, struct error *error)
{
    enum widget_kind kind = WIDGET_TEXT;
    const struct object_type *type = NULL;
    struct value query = value_null();
    const struct value *title = value_get_c(widget, "title");
    enum err err = find_kind(widget, &kind, error);
    if (err == OK) {
        err = split_keys(kind, widget, arena, &query, error);
    }
    if (err == OK && title != NULL && !is_label(title)) {
        err = error_at(error, ERR_INVALID, ".title", NULL,
                       "a title is a text, or { en = \"…\", el = \"…\" }");
    }
    if (err == OK && kind == WIDGET_TEXT) {
        return is_label(value_get_c(widget, "markdown"))
                   ? OK
                   : error_at(error, ERR_REQUIRED, ".markdown", NULL,
                              "a text has markdown = \"…\", or { en = \"…\", el = \"…\" }");
    }
    if (err == OK) {
        err = find_type(kind, widget, scope, &type, error);
    }
    if (err != OK) {
        return err;
    }
    return kind == WIDGET_CHART ? check_chart(widget, type, scope, arena, &query, error)
                                : check_records(type, scope, arena, &query, error);
}

/* ---- pages ---- */

static enum err check_head(const struct value *spec, struct error *error)
{
    const struct value *widgets = value_get_c(spec, "widgets");
    for (size_t i = 0; i < spec->map.count; i++) {
        if (!among(" title role icon widgets ", spec->map.entries[i].key)) {
            return error_at(error, ERR_INVALID, "", NULL,
                            "a page has title, role, icon and widgets; not \"" STR_FORMAT "\"",
                            STR_ARGS(str_sub(spec->map.entries[i].key, 0, 60)));
        }
    }
    if (!is_label(value_get_c(spec, "title"))) {
        return error_at(error, ERR_REQUIRED, "title", NULL,
                        "a page has a title: a text, or { en = \"…\", el = \"…\" }");
    }
    if (widgets == NULL || widgets->kind != VALUE_LIST || widgets->list.count == 0 ||
        widgets->list.count > PAGE_WIDGETS_MAX) {
        return error_at(error, ERR_REQUIRED, "widgets", NULL, "a page has 1 to %d widgets",
                        PAGE_WIDGETS_MAX);
    }
    return OK;
}

enum err bind_page_check(const struct value *spec, const struct scope *scope, struct arena *arena,
                         struct error *error)
{
    enum err err = check_head(spec, error);
    const struct value *widgets = value_get_c(spec, "widgets");
    for (size_t i = 0; err == OK && i < widgets->list.count; i++) {
        struct error found = {0};
        const struct value *widget = &widgets->list.items[i];
        err = widget->kind == VALUE_MAP
                  ? check_widget(widget, scope, arena, &found)
                  : error_at(&found, ERR_TYPE, "", NULL, "a widget is { widget = \"list\", … }");
        if (err != OK) {
            char place[160];
            bool dotted = found.pointer[0] == '.' || found.pointer[0] == '\0';
            (void)snprintf(place, sizeof(place), "widgets[%zu]%s%.100s", i + 1, dotted ? "" : ": ",
                           found.pointer);
            (void)snprintf(found.pointer, sizeof(found.pointer), "%s", place);
            *error = found;
        }
    }
    return err;
}

/* The fields of the widget that this user may see. */
static struct value shown_fields(const struct value *widget, const struct scope *scope,
                                 struct arena *arena, const struct value *fields)
{
    struct value shown = value_list_new();
    struct str name = value_get_text(widget, "object", STR(""));
    const struct object_type *type = schema_object(scope->schema, name);
    for (size_t i = 0; type != NULL && i < fields->list.count; i++) {
        struct value tree = value_map_new();
        struct value one = value_list_new();
        struct error ignored = {0};
        value_push(arena, &one, fields->list.items[i]);
        value_put_c(arena, &tree, "fields", one);
        if (check_records(type, scope, arena, &tree, &ignored) == OK) {
            value_push(arena, &shown, fields->list.items[i]);
        }
    }
    return shown;
}

/* The widget without the fields that the scope may not see; false when nothing is left of it. */
static bool cut_widget(const struct value *whole, const struct scope *scope, struct arena *arena,
                       struct value *out_widget)
{
    struct error ignored = {0};
    *out_widget = value_copy(arena, whole);
    const struct value *fields = value_get_c(out_widget, "fields");
    if (fields != NULL && fields->kind == VALUE_LIST) {
        struct value seen = shown_fields(out_widget, scope, arena, fields);
        value_put_c(arena, out_widget, "fields", seen);
        if (seen.list.count == 0) {
            return false;
        }
    }
    return check_widget(out_widget, scope, arena, &ignored) == OK;
}

struct value bind_page_for(const struct value *spec, const struct scope *scope, struct arena *arena)
{
    const struct value *widgets = value_get_c(spec, "widgets");
    struct value shown = value_list_new();
    for (size_t i = 0; i < widgets->list.count; i++) {
        struct value widget;
        if (cut_widget(&widgets->list.items[i], scope, arena, &widget)) {
            value_push(arena, &shown, widget);
        }
    }
    struct value page = value_copy(arena, spec);
    value_put_c(arena, &page, "widgets", shown);
    return page;
}
