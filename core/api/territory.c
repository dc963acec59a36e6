/* What a territory covers, and what other rules would: counts for administrators. Loop thread, but
 * for the counting, which is a reader lane's. */
#include "internal.h"

#include "proxenos/store_rules.h"

enum { USERS_SHOWN_MAX = 1000 };

struct coverage {
    struct value rules; /* as they are: object type → filter */
    struct value wanted;
    bool preview;
};

/* ---- filters ---- */

/* The rule's filter anew: binding writes into it. Without a rule: no row. */
static enum err rule_filter(struct call *call, const struct value *rules, struct str object,
                            struct filter **out_filter, struct error *error)
{
    struct arena *arena = call_arena(call);
    const struct value *tree = value_get(rules, object);
    struct filter *filter = NULL;
    if (tree == NULL || tree->kind == VALUE_NULL) {
        *out_filter = ARENA_NEW(arena, struct filter);
        **out_filter = (struct filter){.kind = FILTER_OR};
        return OK;
    }
    enum err err = filter_from_value(arena, tree, &filter, error);
    if (err == OK && filter == NULL) {
        filter = ARENA_NEW(arena, struct filter);
        *filter = (struct filter){.kind = FILTER_AND};
    }
    *out_filter = filter;
    return err;
}

static struct filter *in_not_other(struct arena *arena, struct filter *in, struct filter *other)
{
    struct filter *outside = ARENA_NEW(arena, struct filter);
    *outside = (struct filter){
        .kind = FILTER_NOT, .children = ARENA_ARRAY(arena, struct filter *, 1), .child_count = 1};
    outside->children[0] = other;
    struct filter *both = ARENA_NEW(arena, struct filter);
    *both = (struct filter){
        .kind = FILTER_AND, .children = ARENA_ARRAY(arena, struct filter *, 2), .child_count = 2};
    both->children[0] = in;
    both->children[1] = outside;
    return both;
}

/* ---- counting ---- */

static enum err on_nothing(void *context, const struct record *record, struct error *error)
{
    (void)context;
    (void)record;
    (void)error;
    return OK;
}

static enum err count_rows(struct call *call, struct reader *reader, const struct object_type *type,
                           struct filter *filter, int64_t *out_count, struct error *error)
{
    struct query query = {.type = type, .filter = filter, .limit = 1, .count = COUNT_EXACT};
    struct page page = {0};
    enum err err = query_bind(&query, call_scope(call), call_arena(call), error);
    if (err == OK) {
        err = reader_query(reader, &query, call_arena(call), on_nothing, NULL, &page, error);
    }
    *out_count = page.count;
    return err;
}

/* Rows of rules[0]; with rules[1] those of them that are not rows of it. */
static enum err count_of(struct call *call, struct reader *reader, const struct object_type *type,
                         const struct value *const rules[2], int64_t *out_count,
                         struct error *error)
{
    struct filter *in = NULL;
    struct filter *other = NULL;
    enum err err = rule_filter(call, rules[0], type->name, &in, error);
    if (err == OK && rules[1] != NULL) {
        err = rule_filter(call, rules[1], type->name, &other, error);
    }
    if (err != OK) {
        return err;
    }
    struct filter *filter = other == NULL ? in : in_not_other(call_arena(call), in, other);
    return count_rows(call, reader, type, filter, out_count, error);
}

static enum err add_object(struct call *call, struct reader *reader, struct str object,
                           struct value *rows, struct error *error)
{
    const struct coverage *coverage = call->state;
    struct arena *arena = call_arena(call);
    const struct object_type *type = schema_object(call_scope(call)->schema, object);
    struct value row = value_map_new();
    if (type == NULL) {
        return OK; /* its plugin is away */
    }
    const struct value *const asked[4][2] = {{&coverage->rules, NULL},
                                             {&coverage->wanted, NULL},
                                             {&coverage->wanted, &coverage->rules},
                                             {&coverage->rules, &coverage->wanted}};
    static const char *const told[] = {"count", "wanted", "gained", "lost"};
    enum err err = OK;
    value_put_c(arena, &row, "object", value_text(object));
    for (size_t i = 0; err == OK && i < (coverage->preview ? COUNT_OF(told) : 1); i++) {
        int64_t count = 0;
        err = count_of(call, reader, type, asked[i], &count, error);
        value_put_c(arena, &row, told[i], value_int(count));
    }
    value_push(arena, rows, row);
    return err;
}

static struct value users_of(struct call *call)
{
    struct arena *arena = call_arena(call);
    int64_t *ids = ARENA_ARRAY(arena, int64_t, USERS_SHOWN_MAX);
    size_t count = auth_territory_users(call->api->auth, call->id, ids, USERS_SHOWN_MAX);
    struct value users = value_list_new();
    for (size_t i = 0; i < count; i++) {
        struct value user = value_map_new();
        struct buf name;
        buf_init(&name);
        if (auth_user_name(call->api->auth, ids[i], &name)) {
            value_put_c(arena, &user, "id", value_id(ids[i]));
            value_put_c(arena, &user, "name", value_text(arena_str(arena, buf_str(&name))));
            value_push(arena, &users, user);
        }
        buf_deinit(&name);
    }
    return users;
}

static enum err run_coverage(struct call *call, struct reader *reader, struct error *error)
{
    struct coverage *coverage = call->state;
    struct arena *arena = call_arena(call);
    struct record *record = NULL;
    struct value rows = value_list_new();
    const struct object_type *type = schema_object(call_scope(call)->schema, STR("territory"));
    enum err err = reader_get(reader, call_scope(call), type, call->id, arena, &record, error);
    if (err != OK) {
        return err;
    }
    const struct value *rules = record_value(record, STR("rules"));
    coverage->rules = rules != NULL && rules->kind == VALUE_MAP ? *rules : value_map_new();
    for (size_t i = 0; i < coverage->rules.map.count && err == OK; i++) {
        err = add_object(call, reader, coverage->rules.map.entries[i].key, &rows, error);
    }
    for (size_t i = 0; coverage->preview && i < coverage->wanted.map.count && err == OK; i++) {
        struct str key = coverage->wanted.map.entries[i].key;
        if (value_get(&coverage->rules, key) == NULL) {
            err = add_object(call, reader, key, &rows, error);
        }
    }
    struct value answer = value_map_new();
    value_put_c(arena, &answer, "id", value_id(call->id));
    value_put_c(arena, &answer, "name", *record_value(record, STR("name")));
    value_put_c(arena, &answer, "objects", rows);
    if (!coverage->preview) {
        value_put_c(arena, &answer, "users", users_of(call));
    }
    if (err == OK) {
        value_write_api(&call->out, &answer);
    }
    return err;
}

static void begin(struct call *call, const struct value *wanted)
{
    struct coverage *coverage = ARENA_NEW(call_arena(call), struct coverage);
    *coverage = (struct coverage){.rules = value_map_new(), .preview = wanted != NULL};
    if (wanted != NULL) {
        coverage->wanted = *wanted;
    }
    call->state = coverage;
    call_read(call, false, run_coverage);
}

void get_coverage(struct call *call)
{
    if (call_admin(call) && call_knows_parameters(call, NULL, 0) && call_find_id(call)) {
        begin(call, NULL);
    }
}

/* As the writer would judge them: what is previewed can then be written. */
static enum err check_wanted(struct call *call, const struct value *wanted, struct error *error)
{
    const struct schema *schema = call_scope(call)->schema;
    if (wanted == NULL || wanted->kind != VALUE_MAP || wanted->map.count > TERRITORY_OBJECTS_MAX) {
        return error_at(error, ERR_INVALID, "/rules", NULL,
                        "rules is a map of at most %d object types to filters",
                        TERRITORY_OBJECTS_MAX);
    }
    enum err err = OK;
    for (size_t i = 0; i < wanted->map.count && err == OK; i++) {
        const struct value_entry *entry = &wanted->map.entries[i];
        const struct object_type *type = NULL;
        struct filter *filter = NULL;
        err = schema_find_object(schema, entry->key, &type, error);
        if (err == OK) {
            err = rule_check(schema, type, &entry->value, call_arena(call), &filter, error);
        }
    }
    return err;
}

static void preview_body(struct call *call)
{
    static const struct call_member known[] = {{"rules", VALUE_MAP}};
    const struct value *wanted = value_get_c(&call->body, "rules");
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    enum err err = check_wanted(call, wanted, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    begin(call, wanted);
}

void preview_territory(struct call *call)
{
    if (call_admin(call) && call_knows_parameters(call, NULL, 0) && call_find_id(call)) {
        call_with_body(call, preview_body);
    }
}
