/* px.store.find("organisation", { view = "Mine" }): the saved view laid under the script's
 * question, under the rights of who acts. Executor; nothing here raises. */
#include "internal.h"

#include "proxenos/store_saved.h"

/* The view's query, of this object type, by name or id; several that others share: an error. */
static enum err find_view(struct call *call, const struct object_type *type, struct str word,
                          struct value *out_saved, struct error *error)
{
    struct arena *arena = &call->scratch;
    const struct object_type *views = schema_object(call->scope->schema, STR("view"));
    struct value filter = value_map_new();
    struct value query = value_map_new();
    struct found found = {0};
    int64_t id = 0;
    ASSERT(views != NULL); /* the core declares it */
    value_put_c(arena, &filter, "object", value_text(type->name));
    value_put_c(arena, &filter, id_parse(word, &id) == OK ? "id" : "name", value_text(word));
    value_put_c(arena, &query, "filter", filter);
    value_put_c(arena, &query, "limit", value_int(2));
    enum err err = read_find(call, views, &query, &found, error);
    if (err == OK && found.count != 1) {
        err = error_at(error, found.count == 0 ? ERR_NOT_FOUND : ERR_CONFLICT, "/view", NULL,
                       found.count == 0 ? "there is no view \"" STR_FORMAT "\" that may be seen"
                                        : "several views are called \"" STR_FORMAT
                                          "\": name one by its id",
                       STR_ARGS(str_sub(word, 0, 120)));
    }
    if (err == OK) {
        const struct value *saved = record_value(found.records[0], STR("query"));
        *out_saved = saved != NULL ? *saved : value_map_new();
    }
    return err;
}

enum err query_with_view(struct call *call, const struct object_type *type,
                         const struct value *tree, struct query *out_query, struct error *error)
{
    struct arena *arena = &call->scratch;
    const struct value *view = value_get_c(tree, "view");
    if (view == NULL || view->kind == VALUE_NULL) {
        return query_from_value(arena, type, tree, out_query, error);
    }
    if (view->kind != VALUE_TEXT) {
        return error_at(error, ERR_INVALID, "/view", NULL, "view is the name or id of a view");
    }
    struct value *rest = ARENA_NEW(arena, struct value);
    struct value saved = value_map_new();
    struct query base;
    *rest = value_map_new();
    for (size_t i = 0; i < tree->map.count; i++) {
        if (!str_is(tree->map.entries[i].key, "view")) {
            value_put(arena, rest, tree->map.entries[i].key, tree->map.entries[i].value);
        }
    }
    enum err err = find_view(call, type, view->text, &saved, error);
    if (err == OK) {
        err = saved_query(arena, type, &saved, &base, error);
    }
    if (err == OK) {
        err = query_from_value(arena, type, rest, out_query, error);
    }
    if (err == OK) {
        saved_under(arena, out_query, &base);
    }
    return err;
}
