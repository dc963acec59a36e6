/* Pages, counts and sums for scripts: SQL leaves out what the unit of work has touched, its drafts
 * are let through by the C filter and merged in order; what cannot be merged is ERR_UNIT_DIRTY
 * (contract 16). Executor; nothing here raises. */
#include "usage.h"

struct finding {
    struct call *call;
    const struct object_type *type;
    struct query query;
    struct record **drafts; /* of the overlay, that the filter lets through; ordered */
    size_t draft_count;
    struct found found;
    size_t room;
};

static enum err dirty(struct error *error, const char *why)
{
    return error_set(error, ERR_UNIT_DIRTY, "%s; read before writing, or in the next unit of work",
                     why);
}

static bool is_touched(const struct overlay *overlay, const struct object_type *type)
{
    return type != NULL && overlay->touched_by[type->index] != 0;
}

static bool path_is_touched(const struct overlay *overlay, const struct field_path *path)
{
    for (int i = 0; i < path->hop_count; i++) {
        if (is_touched(overlay, schema_object(overlay->scope->schema, path->hops[i]->to))) {
            return true;
        }
    }
    return false;
}

static bool filter_is_touched(const struct overlay *overlay, const struct filter *filter)
{
    if (filter == NULL) {
        return false;
    }
    if (filter->kind == FILTER_TEST) {
        return path_is_touched(overlay, &filter->target);
    }
    for (int i = 0; i < filter->child_count; i++) {
        if (filter_is_touched(overlay, filter->children[i])) {
            return true;
        }
    }
    return false;
}

/* AND id nin touched ones, in front of the script's own filter. */
static struct filter *without_touched(struct finding *finding, const struct overlay *overlay)
{
    struct arena *arena = &finding->call->scratch;
    struct value ids = value_list_new();
    for (struct touched *touched = overlay->newest; touched != NULL; touched = touched->older) {
        if (touched->type == finding->type &&
            map_get_int(&overlay->by_id, touched->id) == touched) {
            value_push(arena, &ids, value_id(touched->id));
        }
    }
    struct filter *test = ARENA_NEW(arena, struct filter);
    *test = (struct filter){.kind = FILTER_TEST,
                            .path = STR("id"),
                            .op = OP_NIN,
                            .value = ids,
                            .pointer = STR("/filter")};
    struct filter *both = ARENA_NEW(arena, struct filter);
    both->kind = FILTER_AND;
    both->children = ARENA_ARRAY(arena, struct filter *, 2);
    both->children[both->child_count++] = test;
    if (finding->query.filter != NULL) {
        both->children[both->child_count++] = finding->query.filter;
    }
    return both;
}

static int64_t now_ms(const struct call *call)
{
    struct env *env = store_env(host_store(call->host));
    return env->now_ms(env);
}

/* Insertion into order: drafts of one unit are few. */
static enum err add_draft(struct finding *finding, struct record *record, struct error *error)
{
    bool cross = false;
    size_t at = finding->draft_count;
    while (at > 0 && query_compare(&finding->query, record, finding->drafts[at - 1], &cross) < 0) {
        finding->drafts[at] = finding->drafts[at - 1];
        at--;
    }
    if (cross) {
        return dirty(error, "this order looks at another record than the unit's own drafts");
    }
    finding->drafts[at] = record;
    finding->draft_count++;
    return OK;
}

static enum err match_drafts(struct finding *finding, const struct overlay *overlay,
                             struct error *error)
{
    struct call *call = finding->call;
    finding->drafts = ARENA_ARRAY(&call->scratch, struct record *, overlay->by_id.count + 1);
    for (struct touched *touched = overlay->newest; touched != NULL; touched = touched->older) {
        bool cross = false;
        if (touched->type != finding->type || touched->record == NULL ||
            map_get_int(&overlay->by_id, touched->id) != touched) {
            continue;
        }
        bool passes = filter_match(finding->query.filter, touched->record, now_ms(call), &cross);
        if (cross) {
            return dirty(error, "this filter looks at another record than the unit's own drafts");
        }
        bool archived = touched->record->values[SYS_ARCHIVED_AT].kind != VALUE_NULL;
        enum err err = passes && (!archived || finding->query.archived)
                           ? add_draft(finding, touched->record, error)
                           : OK;
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* Binds the query; with drafts of its type, binds it so that SQL leaves the touched ones out. */
static enum err prepare(struct finding *finding, const struct value *tree, struct error *error)
{
    struct call *call = finding->call;
    const struct overlay *overlay = overlay_of(call);
    enum err err = query_with_view(call, finding->type, tree, &finding->query, error);
    if (err != OK) {
        return err;
    }
    bool merge = overlay != NULL && is_touched(overlay, finding->type);
    if (merge && finding->query.after.len > 0) {
        return dirty(error, "a later page cannot be merged with the unit's own drafts");
    }
    if (merge) {
        call->work->depends |= overlay->touched_by[finding->type->index];
        finding->query.filter = without_touched(finding, overlay);
    }
    err = query_bind(&finding->query, call->scope, &call->scratch, error);
    if (err == OK && overlay != NULL && filter_is_touched(overlay, finding->query.filter)) {
        err = dirty(error, "this filter looks into records that the unit has written");
    }
    if (err == OK && merge) {
        /* The drafts pass by the script's own part alone: their ids are among those left out. */
        struct filter *both = finding->query.filter;
        finding->query.filter = both->child_count > 1 ? both->children[1] : NULL;
        err = match_drafts(finding, overlay, error);
        finding->query.filter = both;
    }
    return err;
}

static struct record *keep_record(struct arena *arena, const struct record *record)
{
    struct record *copy = ARENA_NEW(arena, struct record);
    size_t count = (size_t)record->type->field_count;
    *copy = *record;
    copy->values = ARENA_ARRAY(arena, struct value, count);
    copy->has = arena_dup(arena, record->has, count);
    for (size_t i = 0; i < count; i++) {
        copy->values[i] =
            record->has[i] == RECORD_HAS ? value_copy(arena, &record->values[i]) : value_null();
    }
    if (record->include_count > 0) {
        copy->includes = ARENA_ARRAY(arena, struct record_include, (size_t)record->include_count);
        for (int i = 0; i < record->include_count; i++) {
            copy->includes[i].field = record->includes[i].field;
            copy->includes[i].record = record->includes[i].record == NULL
                                           ? NULL
                                           : keep_record(arena, record->includes[i].record);
        }
    }
    return copy;
}

static enum err on_row(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct finding *finding = context;
    struct found *found = &finding->found;
    if (found->count < finding->room) {
        found->records[found->count++] = keep_record(&finding->call->scratch, record);
    }
    return OK;
}

/* Only the fields asked for, as SQL gives them. */
static struct record *select_fields(struct finding *finding, const struct record *record)
{
    struct record *cut = keep_record(&finding->call->scratch, record);
    for (int i = 0; finding->query.field_count > 0 && i < cut->type->field_count; i++) {
        if (finding->query.selected == NULL || finding->query.selected[i] == 0) {
            cut->has[i] = RECORD_ABSENT;
        }
    }
    return cut;
}

static enum err include_drafts(struct finding *finding, struct record *record, struct error *error)
{
    struct call *call = finding->call;
    size_t count = (size_t)finding->query.include_count;
    record->includes = ARENA_ARRAY(&call->scratch, struct record_include, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct field *field = object_field(finding->type, finding->query.include[i]);
        struct record_include *include = &record->includes[record->include_count++];
        include->field = field;
        if (field == NULL || record->values[field->index].kind != VALUE_ID) {
            continue;
        }
        const struct object_type *to = schema_object(call->scope->schema, field->to);
        enum err err =
            read_get(call, to, record->values[field->index].integer, &include->record, error);
        if (err != OK && err != ERR_NOT_FOUND) {
            return err;
        }
    }
    return OK;
}

/* Both are in order; the page is cut where it is full. */
static enum err merge_page(struct finding *finding, struct error *error)
{
    struct found *found = &finding->found;
    struct record **all = ARENA_ARRAY(&finding->call->scratch, struct record *, finding->room + 1);
    size_t from_sql = 0, from_drafts = 0, count = 0;
    bool cross = false;
    while (count < finding->room &&
           (from_sql < found->count || from_drafts < finding->draft_count)) {
        bool draft = from_sql == found->count ||
                     (from_drafts < finding->draft_count &&
                      query_compare(&finding->query, finding->drafts[from_drafts],
                                    found->records[from_sql], &cross) < 0);
        if (!draft) {
            all[count++] = found->records[from_sql++];
            continue;
        }
        struct record *record = select_fields(finding, finding->drafts[from_drafts++]);
        enum err err = include_drafts(finding, record, error);
        if (err != OK) {
            return err;
        }
        all[count++] = record;
    }
    found->cut =
        found->next.len > 0 || from_sql < found->count || from_drafts < finding->draft_count;
    found->records = all;
    found->count = count;
    found->next = STR(""); /* a page behind drafts has no cursor */
    return OK;
}

enum err read_find(struct call *call, const struct object_type *type, const struct value *query,
                   struct found *out_found, struct error *error)
{
    struct finding finding = {.call = call, .type = type};
    struct read_turn turn;
    struct page page = {0};
    enum err err = prepare(&finding, query, error);
    if (err != OK) {
        return err;
    }
    finding.room = (size_t)finding.query.limit;
    finding.found.records = ARENA_ARRAY(&call->scratch, struct record *, finding.room + 1);
    err = read_begin(call, &turn, error);
    if (err != OK) {
        return err;
    }
    err = reader_query(turn.reader, &finding.query, &call->scratch, on_row, &finding, &page, error);
    read_end(call, &turn);
    if (err != OK) {
        return err;
    }
    finding.found.next = page.next;
    if (finding.draft_count > 0) {
        err = merge_page(&finding, error);
    }
    if (err == OK) {
        *out_found = finding.found;
        usage_read(call, finding.found.count);
    }
    return err;
}

enum err read_count(struct call *call, const struct object_type *type, const struct value *query,
                    int64_t *out_count, struct error *error)
{
    struct finding finding = {.call = call, .type = type};
    struct read_turn turn;
    struct page page = {0};
    enum err err = prepare(&finding, query, error);
    if (err != OK) {
        return err;
    }
    finding.query.count = COUNT_EXACT;
    finding.query.limit = 1;
    finding.room = 1;
    finding.found.records = ARENA_ARRAY(&call->scratch, struct record *, 2);
    err = read_begin(call, &turn, error);
    if (err == OK) {
        err = reader_query(turn.reader, &finding.query, &call->scratch, on_row, &finding, &page,
                           error);
        read_end(call, &turn);
    }
    if (err == OK) {
        *out_count = page.count + (int64_t)finding.draft_count;
    }
    return err;
}

/* ---- sums ---- */

enum err read_aggregate(struct call *call, const struct object_type *type, const struct value *spec,
                        struct value *out_rows, struct error *error)
{
    const struct overlay *overlay = overlay_of(call);
    struct aggregate *aggregate = ARENA_NEW(&call->scratch, struct aggregate);
    struct read_turn turn;
    enum err err = aggregate_from_value(&call->scratch, type, spec, aggregate, error);
    if (err == OK) {
        err = aggregate_bind(aggregate, call->scope, &call->scratch, error);
    }
    if (err != OK) {
        return err;
    }
    bool touched = overlay != NULL &&
                   (is_touched(overlay, type) || filter_is_touched(overlay, aggregate->filter));
    for (int i = 0; overlay != NULL && i < aggregate->group_count; i++) {
        touched = touched || path_is_touched(overlay, &aggregate->groups[i].target);
    }
    for (int i = 0; overlay != NULL && i < aggregate->measure_count; i++) {
        touched = touched || path_is_touched(overlay, &aggregate->measures[i].target) ||
                  filter_is_touched(overlay, aggregate->measures[i].filter);
    }
    if (touched) {
        return dirty(error, "an aggregate cannot see the unit's own drafts");
    }
    err = read_begin(call, &turn, error);
    if (err == OK) {
        err = reader_aggregate(turn.reader, aggregate, &call->scratch, out_rows, error);
        read_end(call, &turn);
        usage_read(call, err == OK ? out_rows->list.count : 0);
    }
    return err;
}
