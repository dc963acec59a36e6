/* What a scan found, as it is shown: each group judged anew, so that what was merged, changed,
 * hidden or dismissed since is not in it; and pairs that somebody dismissed. */
#include "duplicate.h"

#include "proxenos/base_env.h"
#include "proxenos/store_log.h"
#include "query.h"
#include "sqlite/duplicate_sql.h"

/* ---- the scan ---- */

static enum err no_scan(const struct object_type *type, struct error *error)
{
    return error_set(error, ERR_NOT_FOUND,
                     "there is no such scan: POST /api/v1/" STR_FORMAT "/duplicates/scan makes one",
                     STR_ARGS(type->path));
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_duplicate_scan(struct reader *reader, const struct scope *scope,
                               const struct object_type *type, int64_t id,
                               struct duplicate_scan *out_scan, struct error *error)
{
    struct arena arena;
    int64_t position = 0;
    arena_init(&arena);
    enum err err = query_root(scope, &type, error);
    if (err == OK) {
        err = duplicate_scan_get(reader_db(reader), &arena, id, type->name, scope->user, out_scan,
                                 &position, error);
        bool others = err == OK && (!str_eq(out_scan->object, type->name) ||
                                    (out_scan->user != scope->user && !scope->admin));
        if (err == ERR_NOT_FOUND || others) {
            err = no_scan(type, error);
        }
    }
    if (err == OK) {
        out_scan->object = type->name;
    }
    arena_deinit(&arena);
    return err;
}

/* ---- groups ---- */

struct showing {
    const struct duplicate_lens *lens;
    struct duplicate_source source;
    struct arena *arena;
    struct duplicate_view *views;
    bool *paired;
    size_t count;
    struct value pairs;
};

static enum err load_views(struct showing *showing, const int64_t *ids, size_t count,
                           struct error *error)
{
    struct arena *arena = showing->arena;
    enum err err = OK;
    showing->views = ARENA_ARRAY(arena, struct duplicate_view, count);
    showing->paired = ARENA_ARRAY(arena, bool, count);
    showing->count = 0;
    for (size_t i = 0; i < count && err == OK; i++) {
        struct record *record = NULL;
        err = showing->source.load(&showing->source, ids[i], arena, &record, error);
        if (err == OK) {
            duplicate_view_make(showing->lens, record, arena, &showing->views[showing->count++]);
        }
        err = err == ERR_NOT_FOUND ? OK : err;
    }
    return err;
}

static enum err show_pair(struct showing *showing, size_t a, size_t b, struct error *error)
{
    struct arena *arena = showing->arena;
    const struct duplicate_view *left = &showing->views[a];
    const struct duplicate_view *right = &showing->views[b];
    const struct duplicate_rules *rules = showing->lens->rules;
    struct value fields;
    bool dismissed = false;
    double points = duplicate_points(showing->lens, left, right, arena, &fields);
    if (points < rules->threshold) {
        return OK;
    }
    enum err err = duplicate_dismissed_is(showing->source.db, left->record->id, right->record->id,
                                          &dismissed, error);
    if (err != OK || dismissed) {
        return err;
    }
    struct value row = value_map_new();
    value_put_c(arena, &row, "a", value_id(left->record->id));
    value_put_c(arena, &row, "b", value_id(right->record->id));
    value_put_c(arena, &row, "a_title", duplicate_title(left->record));
    value_put_c(arena, &row, "b_title", duplicate_title(right->record));
    value_put_c(arena, &row, "points", duplicate_number(points));
    value_put_c(arena, &row, "sure", value_bool(points >= rules->sure));
    value_put_c(arena, &row, "fields", fields);
    value_push(arena, &showing->pairs, row);
    showing->paired[a] = showing->paired[b] = true;
    return OK;
}

/* The group as it is now; nothing is pushed when no pair is left of it. */
static enum err show_group(struct showing *showing, int64_t number, const int64_t *ids,
                           size_t count, struct value *groups, struct error *error)
{
    struct arena *arena = showing->arena;
    showing->pairs = value_list_new();
    enum err err = load_views(showing, ids, count, error);
    for (size_t a = 0; a < showing->count && err == OK; a++) {
        for (size_t b = a + 1; b < showing->count && err == OK; b++) {
            err = show_pair(showing, a, b, error);
        }
    }
    if (err != OK || showing->pairs.list.count == 0) {
        return err;
    }
    struct value row = value_map_new();
    struct value records = value_list_new();
    for (size_t i = 0; i < showing->count; i++) {
        if (showing->paired[i]) {
            value_push(arena, &records, record_to_value(arena, showing->views[i].record));
        }
    }
    value_put_c(arena, &row, "group", value_int(number));
    value_put_c(arena, &row, "records", records);
    value_put_c(arena, &row, "pairs", showing->pairs);
    value_push(arena, groups, row);
    return OK;
}

enum { GROUPS_LOOKED_AT_MAX = 2000 }; /* for one page: most may be settled already */

static enum err show_groups(struct showing *showing, struct duplicate_page *page,
                            struct error *error)
{
    int64_t ids[DUPLICATE_GROUP_RECORDS_MAX];
    size_t count = 0;
    int64_t group = 0;
    int64_t after = page->after;
    enum err err = OK;
    for (int looked = 0; err == OK; looked++) {
        err = duplicate_group_next(showing->source.db, page->scan, after,
                                   DUPLICATE_GROUP_RECORDS_MAX, &group, ids, &count, error);
        if (err != OK || group == 0) {
            break;
        }
        if (looked == GROUPS_LOOKED_AT_MAX || page->groups.list.count == (size_t)page->limit) {
            page->next = after;
            break;
        }
        err = show_group(showing, group, ids, count, &page->groups, error);
        after = group;
    }
    return err;
}

enum err reader_duplicate_groups(struct reader *reader, const struct scope *scope,
                                 const struct object_type *type, struct duplicate_page *page,
                                 struct arena *arena, struct error *error)
{
    struct duplicate_scan scan;
    struct duplicate_lens lens;
    bool entered = false;
    page->groups = value_list_new();
    page->next = 0;
    enum err err = reader_duplicate_scan(reader, scope, type, page->scan, &scan, error);
    if (err == OK) {
        err = query_root(scope, &type, error);
    }
    if (err != OK || !duplicate_lens_make(&lens, reader_store(reader), scope, type)) {
        return err;
    }
    page->scan = scan.id;
    struct showing showing = {.lens = &lens, .arena = arena};
    duplicate_from_reader(&showing.source, reader, &lens);
    err = reader_enter(reader, &entered, error);
    if (err == OK) {
        err = show_groups(&showing, page, error);
        reader_leave(reader, entered);
    }
    return err;
}

/* ---- dismissed pairs ---- */

/* One entry for each: its history tells that it was looked at, and names no other record. */
static enum err log_one(struct tx *tx, const struct duplicate_dismissal *dismissal,
                        const struct record *record, struct error *error)
{
    const struct value *compartment = &record->values[SYS_COMPARTMENT];
    const char *verb = dismissal->dismissed ? "not_duplicate" : "maybe_duplicate";
    struct log_entry entry = {
        .type = arena_printf(tx_arena(tx), STR_FORMAT ".%s", STR_ARGS(record->type->name), verb),
        .object = record->type->name,
        .record = record->id,
        .version = record->version,
        .compartment = compartment->kind == VALUE_TEXT ? compartment->text : STR(""),
        .payload = STR("{}"),
    };
    return log_append(tx, &entry, NULL, error);
}

static enum err dismiss_pair(struct tx *tx, struct duplicate_dismissal *dismissal, int64_t a,
                             int64_t b, struct error *error)
{
    struct duplicate_dismissed pair = {.object = dismissal->type->name,
                                       .by = tx->scope->actor,
                                       .a = MIN(a, b),
                                       .b = MAX(a, b),
                                       .at_ms = tx->now_ms};
    bool changed = false;
    enum err err = dismissal->dismissed
                       ? duplicate_dismissed_put(tx->db, &pair, &changed, error)
                       : duplicate_dismissed_drop(tx->db, pair.a, pair.b, &changed, error);
    dismissal->changed += changed ? 1 : 0;
    return err;
}

static enum err check_records(const struct duplicate_dismissal *dismissal, struct error *error)
{
    size_t count = dismissal->record_count;
    bool good = count >= 2 && count <= DUPLICATE_DISMISS_MAX;
    for (size_t i = 0; i < count && good; i++) {
        for (size_t k = i + 1; k < count; k++) {
            good = good && dismissal->records[i] != dismissal->records[k];
        }
    }
    return good ? OK
                : error_at(error, ERR_INVALID, "/records", NULL, "name 2 to %d different records",
                           DUPLICATE_DISMISS_MAX);
}

enum err tx_duplicate_dismiss(struct tx *tx, struct duplicate_dismissal *dismissal,
                              struct error *error)
{
    const struct object_type *type = NULL;
    struct record **records = ARENA_ARRAY(tx_arena(tx), struct record *, dismissal->record_count);
    size_t count = dismissal->record_count;
    dismissal->changed = 0;
    enum err err = check_records(dismissal, error);
    if (err == OK) {
        err = schema_find_object(tx->schema, dismissal->type->name, &type, error);
    }
    for (size_t i = 0; i < count && err == OK; i++) {
        err = record_row_get(tx, type, dismissal->records[i], &records[i], error);
        if (err == OK) {
            struct record_head head = record_head_of(records[i]);
            err = record_may(tx->scope, type, VERB_UPDATE, &head, error);
        }
        err = err == ERR_NOT_FOUND ? record_missing(type, dismissal->records[i], error) : err;
    }
    for (size_t i = 0; i < count && err == OK; i++) {
        for (size_t k = i + 1; k < count && err == OK; k++) {
            err = dismiss_pair(tx, dismissal, records[i]->id, records[k]->id, error);
        }
    }
    for (size_t i = 0; i < count && err == OK && dismissal->changed > 0; i++) {
        err = log_one(tx, dismissal, records[i], error);
    }
    return err;
}

struct listing {
    struct duplicate_source source;
    struct arena *arena;
    struct value list;
};

enum { DISMISSED_SHOWN_MAX = 1000 };

static enum err list_pair(void *context, const struct duplicate_dismissed *pair,
                          struct error *error)
{
    struct listing *listing = context;
    struct arena *arena = listing->arena;
    struct record *record = NULL;
    if (listing->list.list.count == DISMISSED_SHOWN_MAX) {
        return OK;
    }
    enum err err = listing->source.load(&listing->source, pair->a, arena, &record, error);
    if (err == OK) {
        err = listing->source.load(&listing->source, pair->b, arena, &record, error);
    }
    if (err == OK) {
        struct value row = value_map_new();
        value_put_c(arena, &row, "a", value_id(pair->a));
        value_put_c(arena, &row, "b", value_id(pair->b));
        value_put_c(arena, &row, "by", value_text(arena_str(arena, pair->by)));
        value_put_c(arena, &row, "at", value_time(pair->at_ms));
        value_push(arena, &listing->list, row);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err reader_duplicates_dismissed(struct reader *reader, const struct scope *scope,
                                     const struct object_type *type, struct arena *arena,
                                     struct value *out_list, struct error *error)
{
    struct listing listing = {.arena = arena, .list = value_list_new()};
    struct duplicate_lens lens;
    bool entered = false;
    *out_list = value_list_new();
    enum err err = query_root(scope, &type, error);
    if (err != OK || !duplicate_lens_make(&lens, reader_store(reader), scope, type)) {
        return err;
    }
    duplicate_from_reader(&listing.source, reader, &lens);
    err = reader_enter(reader, &entered, error);
    if (err == OK) {
        err = duplicate_dismissed_each(listing.source.db, type->name, list_pair, &listing, error);
        reader_leave(reader, entered);
    }
    *out_list = listing.list;
    return err;
}
