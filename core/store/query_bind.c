/* Binding a question: root, filter, order, fields, includes, each under the scope's rights. Pure;
 * any thread. */
#include "query.h"

static enum err bind_order(struct query *query, struct error *error)
{
    for (int i = 0; i < query->order_count; i++) {
        struct order_part *part = &query->order[i];
        enum err err =
            path_bind(query->scope, query->type, part->path, STR("order"), &part->target, error);
        if (err != OK) {
            return err;
        }
        if (!path_ordered(&part->target)) {
            return query_error(error, ERR_INVALID, STR("order"), part->path, STR(""),
                               "field " STR_FORMAT " (%s) has no order", STR_ARGS(part->path),
                               part->target.field->computed_on_read
                                   ? "computed when it is read"
                                   : field_type_name(part->target.field->type));
        }
        if (part->target.hop_count == 0 && part->target.field->type == FIELD_ID) {
            query->order_count = i + 1; /* nothing can differ behind the id */
        }
    }
    return OK;
}

bool query_id_descending(const struct query *query)
{
    return query->order_count == 0 || query->order[query->order_count - 1].descending;
}

int query_part_count(const struct query *query)
{
    int count = query->order_count;
    if (count > 0) {
        const struct field_path *last = &query->order[count - 1].target;
        count -= last->hop_count == 0 && last->field->type == FIELD_ID ? 1 : 0;
    }
    return count;
}

/* What is shown of a field that the scope may not read as it is: nothing (hidden, secret), or a
 * mask.
 */
static bool shown(const struct query *query, const struct field *field)
{
    return field->type != FIELD_SECRET &&
           scope_field(query->scope, query->type, field) >= FIELD_MASKED;
}

static enum err select_field(struct query *query, struct str name, struct error *error)
{
    struct field_path path;
    const struct field *field = object_field(query->type, name);
    if (field != NULL && shown(query, field)) {
        query->selected[field->index] = 1;
        return OK;
    }
    /* The sentence and the nearest name are path_bind's. */
    enum err err = path_bind(query->scope, query->type, name, STR("fields"), &path, error);
    if (err == OK) {
        return query_error(error, ERR_INVALID, STR("fields"), name, STR(""),
                           "fields names the record's own fields; use include for others");
    }
    return err;
}

static enum err bind_fields(struct query *query, struct arena *arena, struct error *error)
{
    query->selected = ARENA_ARRAY(arena, uint8_t, (size_t)query->type->field_count);
    for (int i = 0; query->field_count == 0 && i < query->type->field_count; i++) {
        query->selected[i] = shown(query, &query->type->fields[i]) ? 1 : 0;
    }
    for (int i = 0; i < query->field_count; i++) {
        enum err err = select_field(query, query->fields[i], error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

static enum err bind_include(struct query *query, struct error *error)
{
    int kept = 0;
    for (int i = 0; i < query->include_count; i++) {
        struct field_path path;
        struct str name = query->include[i];
        enum err err = path_bind(query->scope, query->type, name, STR("include"), &path, error);
        if (err != OK) {
            return err;
        }
        if (path.hop_count > 0 || path.field->type != FIELD_REF) {
            return query_error(error, ERR_INVALID, STR("include"), name, STR(""),
                               "only a ref of the record itself can be included");
        }
        if (path_target(query->scope, path.field) == NULL) {
            return query_error(error, ERR_UNKNOWN_FIELD, STR("include"), name, STR(""),
                               "nothing lies behind field " STR_FORMAT, STR_ARGS(name));
        }
        bool twice = false;
        for (int j = 0; j < kept; j++) {
            twice = twice || str_eq(query->include[j], name);
        }
        query->include[kept] = name;
        kept += twice ? 0 : 1;
        query->selected[path.field->index] = 1;
    }
    query->include_count = kept;
    return OK;
}

enum err query_bind(struct query *query, const struct scope *scope, struct arena *arena,
                    struct error *error)
{
    ASSERT(scope != NULL);
    query->bound = false;
    query->scope = scope;
    enum err err = query_root(scope, &query->type, error);
    if (err == OK) {
        err = filter_bind(query->filter, scope, query->type, arena, error);
    }
    if (err == OK) {
        err = bind_order(query, error);
    }
    if (err == OK) {
        err = bind_fields(query, arena, error);
    }
    if (err == OK) {
        err = bind_include(query, error);
    }
    if (err == OK && (query->limit < 0 || query->limit > QUERY_LIMIT_MAX)) {
        err = query_error(error, ERR_RANGE, STR("limit"), STR(""), STR(""),
                          "limit is a whole number from 1 to %d", QUERY_LIMIT_MAX);
    }
    /* Archived records answer like deleted ones to everyone else (contract 25). */
    if (err == OK && query->archived && !scope->audit) {
        err = error_set(error, ERR_FORBIDDEN, "archived records are shown to the audit role alone");
    }
    query->bound = err == OK;
    return err;
}
