/* Saved views over HTTP: using one for a list, sums or an export, and the list of those that one
 * may use. A view is bound with its reader's scope each time, so that it shows nothing that the
 * same question without it would not. Loop thread, but for what runs on a reader lane. */
#include "internal.h"

#include "proxenos/store_saved.h"

enum { VIEWS_OF_NAME_MAX = 50, VIEW_WORD_MAX = 120 };

/* What the reader finds under a name. */
struct found_view {
    struct arena *arena;
    int64_t user;
    int64_t id, own, others;
    int count;
    struct value query, own_query;
};

static struct value field_of(const struct record *record, const char *name)
{
    const struct value *value = record_value(record, str_from(name));
    return value != NULL ? *value : value_null();
}

/* What is made over the socket has no owner; it is the socket's own. */
static bool is_own(const struct record *record, int64_t user)
{
    struct value owner = field_of(record, "owner");
    return (owner.kind == VALUE_ID ? owner.integer : 0) == user;
}

static enum err on_found(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct found_view *found = context;
    struct value query = field_of(record, "query");
    found->count++;
    if (is_own(record, found->user)) {
        found->own = record->id;
        found->own_query = value_copy(found->arena, &query);
    } else {
        found->others++;
        found->id = record->id;
        found->query = value_copy(found->arena, &query);
    }
    return OK;
}

static void put_test(struct arena *arena, struct value *filter, const char *field,
                     struct value value)
{
    value_put_c(arena, filter, field, value);
}

/* The views of this list's object type that the word may mean. */
static enum err look_up(struct call *call, struct reader *reader, struct value *filter,
                        struct found_view *found, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct query query = {.type = schema_object(call_scope(call)->schema, STR("view")),
                          .limit = VIEWS_OF_NAME_MAX};
    struct page page = {0};
    if (query.type == NULL) {
        return ERR_NOT_FOUND;
    }
    put_test(arena, filter, "object", value_text(call->type->name));
    enum err err = filter_from_value(arena, filter, &query.filter, error);
    if (err == OK) {
        err = query_fields(&query, arena, STR("owner,query"), error);
    }
    if (err == OK) {
        err = query_bind(&query, call_scope(call), arena, error);
    }
    return err == OK ? reader_query(reader, &query, arena, on_found, found, &page, error) : err;
}

static enum err ambiguous(struct str word, struct error *error)
{
    return error_at(error, ERR_CONFLICT, "view", NULL,
                    "several people share a view \"" STR_FORMAT "\" with you: name it by its id",
                    STR_ARGS(str_sub(word, 0, VIEW_WORD_MAX)));
}

static enum err by_name(struct call *call, struct reader *reader, struct str word,
                        struct value *out_query, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct found_view found = {.arena = arena, .user = call_scope(call)->user};
    struct value filter = value_map_new();
    put_test(arena, &filter, "name", value_text(word));
    enum err err = look_up(call, reader, &filter, &found, error);
    if (err != OK) {
        return err;
    }
    if (found.own == 0 && found.others > 1) {
        return ambiguous(word, error);
    }
    *out_query = found.own != 0 ? found.own_query : found.query;
    return found.count > 0 ? OK : ERR_NOT_FOUND;
}

static enum err by_id(struct call *call, struct reader *reader, struct str word,
                      struct value *out_query, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct found_view found = {.arena = arena, .user = call_scope(call)->user};
    struct value filter = value_map_new();
    int64_t id = 0;
    if (id_parse(word, &id) != OK) {
        return ERR_NOT_FOUND;
    }
    put_test(arena, &filter, "id", value_text(word));
    enum err err = look_up(call, reader, &filter, &found, error);
    *out_query = found.own != 0 ? found.own_query : found.query;
    return err == OK && found.count == 0 ? ERR_NOT_FOUND : err;
}

/* The one that its owner sees first; none: the plain list. */
static enum err by_default(struct call *call, struct reader *reader, struct value *out_query,
                           struct error *error)
{
    struct arena *arena = call_arena(call);
    struct found_view found = {.arena = arena, .user = call_scope(call)->user};
    struct value filter = value_map_new();
    char id[ID_TEXT_LEN + 1];
    *out_query = value_map_new();
    if (found.user == 0) {
        return OK;
    }
    id_format(found.user, id);
    put_test(arena, &filter, "owner", value_text(arena_str(arena, str_from(id))));
    put_test(arena, &filter, "is_default", value_bool(true));
    enum err err = look_up(call, reader, &filter, &found, error);
    if (err == OK && found.own != 0) {
        *out_query = found.own_query;
    }
    return err;
}

/* Its query, which this caller can use today. */
static enum err view_open(struct call *call, struct str word, struct value *out_query,
                          struct error *error)
{
    struct reader *reader = NULL;
    enum err err = api_reader(call->api, &reader, error);
    if (err == OK) {
        err = str_is(word, "default") ? by_default(call, reader, out_query, error)
                                      : by_id(call, reader, word, out_query, error);
        err = err == ERR_NOT_FOUND ? by_name(call, reader, word, out_query, error) : err;
    }
    if (err == ERR_NOT_FOUND) {
        return error_at(error, ERR_NOT_FOUND, "view", NULL,
                        "there is no view \"" STR_FORMAT "\" of " STR_FORMAT
                        " that is yours or shared with you",
                        STR_ARGS(str_sub(word, 0, VIEW_WORD_MAX)), STR_ARGS(call->type->path));
    }
    if (err != OK) {
        return err;
    }
    err = saved_check(call_scope(call), call->type, out_query, call_arena(call), error);
    if (err != OK && error != NULL) {
        struct error why = *error;
        (void)error_at(error, ERR_VIEW, why.pointer, why.value,
                       "the view \"" STR_FORMAT "\" does not fit: %.300s",
                       STR_ARGS(str_sub(word, 0, 60)), why.detail);
        (void)memcpy(error->nearest, why.nearest, sizeof(error->nearest));
    }
    return err != OK ? ERR_VIEW : OK;
}

enum err call_view_query(struct call *call, struct query *query, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct str word = call_parameter(call, "view");
    struct value saved;
    struct query base;
    if (word.len == 0) {
        return OK;
    }
    enum err err = view_open(call, word, &saved, error);
    if (err == OK) {
        err = saved_query(arena, call->type, &saved, &base, error);
    }
    if (err != OK) {
        return err;
    }
    saved_under(arena, query, &base);
    return OK;
}

enum err call_view_aggregate(struct call *call, struct aggregate *aggregate, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct str word = call_parameter(call, "view");
    struct value saved;
    struct aggregate base;
    if (word.len == 0) {
        return OK;
    }
    enum err err = view_open(call, word, &saved, error);
    if (err == OK) {
        err = saved_aggregate(arena, call->type, &saved, &base, error);
    }
    if (err != OK) {
        return err;
    }
    aggregate->filter = filter_both(arena, base.filter, aggregate->filter);
    if (call_parameter(call, "group").len == 0) {
        memcpy(aggregate->groups, base.groups, sizeof(aggregate->groups));
        aggregate->group_count = base.group_count;
    }
    if (call_parameter(call, "measure").len == 0) {
        memcpy(aggregate->measures, base.measures, sizeof(aggregate->measures));
        aggregate->measure_count = base.measure_count;
    }
    return OK;
}

/* ---- which there are ---- */

struct listing {
    struct call *call;
    bool any;
};

/* null, or why it cannot be used: a list of views never fails because of one. */
static struct value broken_of(struct listing *listing, const struct record *record)
{
    const struct scope *scope = call_scope(listing->call);
    struct arena *arena = call_arena(listing->call);
    struct value object = field_of(record, "object");
    struct value saved = field_of(record, "query");
    const struct object_type *type = NULL;
    struct error error = {0};
    struct value why = value_map_new();
    enum err err = schema_find_object(scope->schema, object.text, &type, &error);
    if (err == OK) {
        err = saved_check(scope, type, &saved, arena, &error);
    }
    if (err == OK) {
        return value_null();
    }
    value_put_c(arena, &why, "code", value_text(str_from(err_code(err))));
    value_put_c(arena, &why, "detail", value_text(arena_str(arena, str_from(error.detail))));
    value_put_c(arena, &why, "pointer", value_text(arena_str(arena, str_from(error.pointer))));
    return why;
}

static enum err on_view(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct listing *listing = context;
    struct arena *arena = call_arena(listing->call);
    struct value row = record_to_value(arena, record);
    struct buf *out = &listing->call->out;
    bool mine = is_own(record, call_scope(listing->call)->user);
    value_put_c(arena, &row, "mine", value_bool(mine));
    value_put_c(arena, &row, "broken", broken_of(listing, record));
    buf_append_str(out, listing->any ? STR(",") : STR(""));
    listing->any = true;
    value_write_api(out, &row);
    return OK;
}

static enum err run_views(struct call *call, struct reader *reader, struct error *error)
{
    struct listing listing = {.call = call};
    struct page page = {0};
    buf_append_str(&call->out, STR("{\"data\":["));
    enum err err =
        reader_query(reader, &call->query, call_arena(call), on_view, &listing, &page, error);
    if (err == OK) {
        call_end_rows(call, page.next);
        buf_append_char(&call->out, '}');
    }
    return err;
}

static enum err read_wishes(struct call *call, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct value filter = value_map_new();
    struct str object = call_parameter(call, "object");
    struct str word = call_parameter(call, "view");
    struct str limit = call_parameter(call, "limit");
    int64_t most = QUERY_LIMIT_DEFAULT;
    int64_t id = 0;
    call->query = (struct query){.type = schema_object(call_scope(call)->schema, STR("view")),
                                 .after = call_parameter(call, "after")};
    if (object.len > 0) {
        put_test(arena, &filter, "object", value_text(object));
    }
    if (word.len > 0) {
        put_test(arena, &filter, id_parse(word, &id) == OK ? "id" : "name", value_text(word));
    }
    if (limit.len > 0 && (str_to_int64(limit, &most) != OK || most < 1 || most > QUERY_LIMIT_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                        QUERY_LIMIT_MAX);
    }
    call->query.limit = (int)most;
    enum err err = filter_from_value(arena, &filter, &call->query.filter, error);
    if (err == OK) {
        err = query_order(&call->query, STR("object,name"), error);
    }
    return err == OK ? query_bind(&call->query, call_scope(call), arena, error) : err;
}

void list_my_views(struct call *call)
{
    static const char *const known[] = {"object", "view", "limit", "after"};
    if (!call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    enum err err = read_wishes(call, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_read(call, false, run_views);
}
