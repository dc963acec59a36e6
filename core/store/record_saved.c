/* Questions kept in records, judged when they are written, whoever writes them: the filters of a
 * territory, the query of a saved view and whom it is shared with. Writer thread. */
#include "proxenos/store_rules.h"
#include "proxenos/store_saved.h"
#include "query.h"
#include "record_write.h"

#include <stdio.h>

/* "/rules/organisation" in front of the pointer that the reader of the part gave. */
static enum err put_in_front(struct error *error, const char *place, enum err err)
{
    if (error != NULL) {
        char behind[sizeof(error->pointer)];
        bool path = error->pointer[0] == '/';
        (void)snprintf(behind, sizeof(behind), "%s", error->pointer);
        (void)snprintf(error->pointer, sizeof(error->pointer), "%.80s%s%.70s", place,
                       path || behind[0] == '\0' ? "" : "/", behind);
    }
    return err;
}

static const struct value *value_of(const struct writing *writing, const char *field)
{
    const struct value *value = record_value(writing->whole, str_from(field));
    return value != NULL && value->kind != VALUE_NULL ? value : NULL;
}

static struct str text_of(const struct writing *writing, const char *field)
{
    const struct value *value = value_of(writing, field);
    return value != NULL && value->kind == VALUE_TEXT ? value->text : STR("");
}

static bool any_changed(const struct writing *writing, const char *const *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *field = object_field(writing->type, str_from(fields[i]));
        if (field != NULL && writing->changed[field->index]) {
            return true;
        }
    }
    return false;
}

/* ---- territories ---- */

static enum err check_rule(struct writing *writing, const struct value_entry *entry,
                           struct error *error)
{
    const struct object_type *type = NULL;
    struct filter *filter = NULL;
    char place[80];
    (void)snprintf(place, sizeof(place), "/rules/" STR_FORMAT,
                   STR_ARGS(str_sub(entry->key, 0, 60)));
    enum err err = schema_find_object(writing->tx->schema, entry->key, &type, error);
    if (err != OK) {
        return put_in_front(error, "/rules", err);
    }
    if (str_is(type->plugin, "core") || str_is(type->plugin, "auth")) {
        return error_at(error, ERR_INVALID, place, NULL,
                        "a territory is of business records, not of " STR_FORMAT " records",
                        STR_ARGS(type->name));
    }
    if (entry->value.kind != VALUE_MAP && entry->value.kind != VALUE_TEXT) {
        return error_at(error, ERR_INVALID, place, NULL,
                        "a filter stands here, such as {\"country\": {\"in\": [\"GR\", \"CY\"]}}");
    }
    err =
        rule_check(writing->tx->schema, type, &entry->value, tx_arena(writing->tx), &filter, error);
    return err == OK ? OK : put_in_front(error, place, err);
}

static enum err check_territory(struct writing *writing, struct error *error)
{
    static const char *const fields[] = {"rules"};
    const struct value *rules = value_of(writing, "rules");
    if (rules == NULL || !any_changed(writing, fields, COUNT_OF(fields))) {
        return OK;
    }
    if (rules->kind != VALUE_MAP || rules->map.count > TERRITORY_OBJECTS_MAX) {
        return error_at(error, ERR_INVALID, "/rules", NULL,
                        "rules is a map of at most %d object types to filters, such as "
                        "{\"organisation\": {\"country\": \"GR\"}}",
                        TERRITORY_OBJECTS_MAX);
    }
    enum err err = OK;
    for (size_t i = 0; i < rules->map.count && err == OK; i++) {
        err = check_rule(writing, &rules->map.entries[i], error);
    }
    return err;
}

/* ---- saved views ---- */

static enum err check_query(struct writing *writing, struct error *error)
{
    static const char *const fields[] = {"query", "object"};
    const struct object_type *type = NULL;
    if (!any_changed(writing, fields, COUNT_OF(fields))) {
        return OK;
    }
    enum err err =
        schema_find_object(writing->tx->schema, text_of(writing, "object"), &type, error);
    if (err != OK) {
        return put_in_front(error, "/object", err);
    }
    const struct value *query = value_of(writing, "query");
    err = query == NULL
              ? OK
              : saved_check(writing->tx->scope, type, query, tx_arena(writing->tx), error);
    return err == OK ? OK : put_in_front(error, "/query", err);
}

static enum err in_this_team(struct writing *writing, bool *out_in, struct error *error)
{
    const struct value *team = value_of(writing, "team");
    const struct object_type *type = schema_object(writing->tx->schema, STR("team"));
    struct record *record = NULL;
    int64_t user = writing->tx->scope->user;
    *out_in = false;
    if (team == NULL || type == NULL) {
        return error_at(error, ERR_REQUIRED, "/team", NULL,
                        "say with which team the view is shared");
    }
    enum err err = record_row_get(writing->tx, type, team->integer, &record, error);
    const struct value *members = err == OK ? record_value(record, STR("members")) : NULL;
    const struct value *leader = err == OK ? record_value(record, STR("leader")) : NULL;
    *out_in = leader != NULL && leader->kind == VALUE_ID && leader->integer == user;
    for (size_t i = 0; members != NULL && members->kind == VALUE_LIST && i < members->list.count;
         i++) {
        *out_in = *out_in || members->list.items[i].integer == user;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* One's own team is one's own to tell; a role and everyone are an administrator's, or of whom a
 * role lets write all views. */
static enum err check_shared(struct writing *writing, struct error *error)
{
    static const char *const fields[] = {"shared", "team", "role"};
    const struct scope *scope = writing->tx->scope;
    const struct object_type *own = scope_type(scope, writing->type);
    struct str shared = text_of(writing, "shared");
    if (str_is(shared, "nobody") || !any_changed(writing, fields, COUNT_OF(fields))) {
        return OK;
    }
    bool may = own != NULL && scope->grants[own->index].write_rows == ROWS_ALL;
    enum err err = OK;
    if (str_is(shared, "team")) {
        bool in = false;
        err = in_this_team(writing, &in, error);
        may = may || in;
    } else if (str_is(shared, "role") && text_of(writing, "role").len == 0) {
        err = error_at(error, ERR_REQUIRED, "/role", NULL,
                       "say by its name with which role the view is shared");
    }
    if (err == OK && !may) {
        err = error_at(error, ERR_FORBIDDEN, "/shared", NULL,
                       "you may share a view with a team that you are in; with a role or with "
                       "everyone an administrator may");
    }
    return err;
}

static enum err check_view(struct writing *writing, struct error *error)
{
    if (str_is(text_of(writing, "name"), "default")) {
        return error_at(error, ERR_INVALID, "/name", NULL,
                        "default names the view that is shown first: choose another name");
    }
    enum err err = check_query(writing, error);
    return err == OK ? check_shared(writing, error) : err;
}

enum err record_check_saved(struct writing *writing, struct error *error)
{
    if (writing->trusted || !str_is(writing->type->plugin, "core")) {
        return OK;
    }
    if (str_is(writing->type->name, "territory")) {
        return check_territory(writing, error);
    }
    return str_is(writing->type->name, "view") ? check_view(writing, error) : OK;
}
