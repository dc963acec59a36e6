/* A scan for duplicates: the keys are walked in their order, what shares one is compared, and pairs
 * found are kept by small units together with how far the walk is, so that it goes on after a
 * restart. At the end the pairs become groups. A lane's thread; units on the writer. */
#include "duplicate.h"

#include "proxenos/base_env.h"
#include "query.h"
#include "sqlite/duplicate_sql.h"

#include <stdlib.h>

enum { WALK_ENTRIES = 20000, PAGE_PAIRS_MAX = 20000 };

struct scanning {
    struct store *store;
    const struct scope *scope;
    struct duplicate_scan *scan;
    struct duplicate_lens lens;
    struct duplicate_source source;
    int64_t position; /* all keys up to this are done */
    struct duplicate_entry *entries;
    struct arena block; /* of one block's records */
    struct buf pairs;   /* struct duplicate_pair: of this page */
};

/* ---- comparing a block ---- */

static void compare_pair(struct scanning *scanning, const struct duplicate_view *a,
                         const struct duplicate_view *b)
{
    double points = duplicate_points(&scanning->lens, a, b, NULL, NULL);
    int64_t left = a->record->id;
    int64_t right = b->record->id;
    scanning->scan->compared++;
    if (points >= scanning->lens.rules->threshold) {
        struct duplicate_pair pair = {
            .a = MIN(left, right), .b = MAX(left, right), .points = points};
        buf_append(&scanning->pairs, &pair, sizeof(pair));
    }
}

/* A pair that has several keys in common is compared in each of these blocks, and kept once: one
 * of them may be cut. */
static enum err scan_block(struct scanning *scanning, const struct duplicate_entry *entries,
                           size_t count, struct error *error)
{
    struct arena *arena = &scanning->block;
    size_t room = MIN(count, (size_t)DUPLICATE_BLOCK_RECORDS_MAX);
    size_t seen = 0;
    enum err err = OK;
    arena_reset(arena);
    struct duplicate_view *views = ARENA_ARRAY(arena, struct duplicate_view, room);
    for (size_t i = 0; i < count && err == OK; i++) {
        struct record *record = NULL;
        err = scanning->source.load(&scanning->source, entries[i].record, arena, &record, error);
        if (err == OK && seen == room) {
            scanning->scan->cut_blocks++;
            break;
        }
        if (err == OK) {
            duplicate_view_make(&scanning->lens, record, arena, &views[seen++]);
        }
        err = err == ERR_NOT_FOUND ? OK : err;
    }
    for (size_t i = 0; i < seen && err == OK; i++) {
        for (size_t k = i + 1; k < seen; k++) {
            compare_pair(scanning, &views[i], &views[k]);
        }
    }
    return err;
}

/* ---- a page of the walk ---- */

struct keeping {
    struct unit unit;
    struct scanning *scanning;
    int64_t added; /* of the last try of the unit */
};

static enum err keep_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct keeping *keeping = CONTAINER_OF(unit, struct keeping, unit);
    const struct scanning *scanning = keeping->scanning;
    const struct duplicate_pair *pairs = (const void *)scanning->pairs.at;
    size_t count = scanning->pairs.len / sizeof(*pairs);
    struct duplicate_scan scan = *scanning->scan;
    enum err err = OK;
    keeping->added = 0;
    for (size_t i = 0; i < count && err == OK; i++) {
        bool new = false;
        err = duplicate_pair_add(tx->db, scan.id, &pairs[i], &new, error);
        keeping->added += new ? 1 : 0;
    }
    scan.pairs += keeping->added;
    return err == OK ? duplicate_scan_put(tx->db, &scan, scanning->position, error) : err;
}

static void unit_done(struct unit *unit)
{
    (void)unit;
}

static enum err run_unit(struct scanning *scanning, struct unit *unit, struct error *error)
{
    unit->done = unit_done;
    unit->scope = scanning->scope;
    enum err err = store_run(scanning->store, unit);
    if (err != OK && error != NULL) {
        *error = unit->error;
        error->next = NULL;
    }
    unit_deinit(unit);
    return err;
}

static enum err keep_page(struct scanning *scanning, struct error *error)
{
    struct keeping keeping = {.scanning = scanning};
    keeping.unit.apply = keep_apply;
    enum err err = run_unit(scanning, &keeping.unit, error);
    if (err == OK) {
        scanning->scan->pairs += keeping.added;
        buf_reset(&scanning->pairs);
    }
    return err;
}

/* Under one snapshot. *out_more: there are keys behind. What is not whole yet is left for the next
 * page. */
static enum err compare_page(struct scanning *scanning, bool *out_more, struct error *error)
{
    struct duplicate_entry *entries = scanning->entries;
    size_t count = 0;
    size_t from = 0;
    enum err err = duplicate_row_walk(scanning->source.db, scanning->lens.number,
                                      scanning->position, WALK_ENTRIES, entries, &count, error);
    *out_more = count == WALK_ENTRIES;
    while (from < count && err == OK) {
        size_t to = from + 1;
        while (to < count && entries[to].key == entries[from].key) {
            to++;
        }
        if (to == count && *out_more && from > 0) {
            break;
        }
        if (to - from > 1) {
            err = scan_block(scanning, &entries[from], to - from, error);
        }
        scanning->position = entries[from].key;
        from = to;
        if (scanning->pairs.len / sizeof(struct duplicate_pair) > PAGE_PAIRS_MAX) {
            *out_more = true;
            break;
        }
    }
    return err;
}

static enum err scan_page(struct scanning *scanning, bool *out_more, struct error *error)
{
    struct reader *reader = scanning->source.reader;
    bool entered = false;
    enum err err = reader_enter(reader, &entered, error);
    if (err == OK) {
        err = compare_page(scanning, out_more, error);
        reader_leave(reader, entered);
    }
    return err == OK ? keep_page(scanning, error) : err;
}

/* ---- groups ---- */

struct node {
    int64_t record;
    size_t root; /* union-find */
    double best; /* points of the best pair, at the root */
    int64_t group;
};
struct grouping {
    struct unit unit;
    struct scanning *scanning;
    struct buf pairs; /* struct duplicate_pair */
    struct node *nodes;
    size_t count;
    size_t from, to; /* nodes of this unit */
};

static void take_pair(void *context, const struct duplicate_pair *pair)
{
    struct grouping *grouping = context;
    buf_append(&grouping->pairs, pair, sizeof(*pair));
}

static size_t root_of(struct node *nodes, size_t at)
{
    while (nodes[at].root != at) {
        nodes[at].root = nodes[nodes[at].root].root;
        at = nodes[at].root;
    }
    return at;
}

static int by_record(const void *a, const void *b)
{
    const struct node *left = a;
    const struct node *right = b;
    return (left->record > right->record) - (left->record < right->record);
}

static size_t node_at(const struct grouping *grouping, int64_t record)
{
    struct node key = {.record = record};
    const struct node *found =
        bsearch(&key, grouping->nodes, grouping->count, sizeof(key), by_record);
    ASSERT(found != NULL);
    return (size_t)(found - grouping->nodes);
}

static void make_nodes(struct grouping *grouping)
{
    const struct duplicate_pair *pairs = (const void *)grouping->pairs.at;
    size_t pair_count = grouping->pairs.len / sizeof(*pairs);
    size_t count = 0;
    grouping->nodes = mem_zalloc((2 * pair_count + 1) * sizeof(*grouping->nodes));
    for (size_t i = 0; i < pair_count; i++) {
        grouping->nodes[2 * i].record = pairs[i].a;
        grouping->nodes[2 * i + 1].record = pairs[i].b;
    }
    qsort(grouping->nodes, 2 * pair_count, sizeof(*grouping->nodes), by_record);
    for (size_t i = 0; i < 2 * pair_count; i++) {
        if (count == 0 || grouping->nodes[count - 1].record != grouping->nodes[i].record) {
            grouping->nodes[count++].record = grouping->nodes[i].record;
        }
    }
    for (size_t i = 0; i < count; i++) {
        grouping->nodes[i].root = i;
    }
    grouping->count = count;
}

static void join_nodes(struct grouping *grouping)
{
    const struct duplicate_pair *pairs = (const void *)grouping->pairs.at;
    size_t pair_count = grouping->pairs.len / sizeof(*pairs);
    for (size_t i = 0; i < pair_count; i++) {
        size_t a = root_of(grouping->nodes, node_at(grouping, pairs[i].a));
        size_t b = root_of(grouping->nodes, node_at(grouping, pairs[i].b));
        double best = MAX(MAX(grouping->nodes[a].best, grouping->nodes[b].best), pairs[i].points);
        grouping->nodes[MAX(a, b)].root = MIN(a, b);
        grouping->nodes[MIN(a, b)].best = best;
    }
    for (size_t i = 0; i < grouping->count; i++) {
        grouping->nodes[i].root = root_of(grouping->nodes, i);
    }
    for (size_t i = 0; i < grouping->count; i++) {
        grouping->nodes[i].best = grouping->nodes[grouping->nodes[i].root].best;
    }
}

/* The surest groups first; within one, by record. */
static int by_best(const void *a, const void *b)
{
    const struct node *left = a;
    const struct node *right = b;
    if (left->best != right->best) {
        return left->best < right->best ? 1 : -1;
    }
    if (left->root != right->root) {
        return left->root < right->root ? -1 : 1;
    }
    return by_record(a, b);
}

static enum err group_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct grouping *grouping = CONTAINER_OF(unit, struct grouping, unit);
    const struct scanning *scanning = grouping->scanning;
    struct duplicate_scan scan = *scanning->scan;
    enum err err = OK;
    for (size_t i = grouping->from; i < grouping->to && err == OK; i++) {
        err = duplicate_group_add(tx->db, scan.id, grouping->nodes[i].group,
                                  grouping->nodes[i].record, error);
    }
    if (err == OK && grouping->to == grouping->count) {
        err = duplicate_pair_forget(tx->db, scan.id, error);
        scan.done = true;
        err = err == OK ? duplicate_scan_put(tx->db, &scan, scanning->position, error) : err;
    }
    return err;
}

enum { UNIT_NODES = 5000 };

static enum err write_groups(struct grouping *grouping, struct error *error)
{
    struct duplicate_scan *scan = grouping->scanning->scan;
    enum err err = OK;
    scan->groups = 0;
    for (size_t i = 0; i < grouping->count; i++) {
        bool first = i == 0 || grouping->nodes[i].root != grouping->nodes[i - 1].root;
        scan->groups += first ? 1 : 0;
        grouping->nodes[i].group = scan->groups;
    }
    do {
        grouping->to = MIN(grouping->from + UNIT_NODES, grouping->count);
        grouping->unit = (struct unit){.apply = group_apply};
        err = run_unit(grouping->scanning, &grouping->unit, error);
        grouping->from = grouping->to;
    } while (err == OK && grouping->from < grouping->count);
    return err;
}

static enum err make_groups(struct scanning *scanning, struct error *error)
{
    struct grouping grouping = {.scanning = scanning};
    buf_init(&grouping.pairs);
    enum err err =
        duplicate_pair_each(scanning->source.db, scanning->scan->id, take_pair, &grouping, error);
    if (err == OK) {
        make_nodes(&grouping);
        join_nodes(&grouping);
        qsort(grouping.nodes, grouping.count, sizeof(*grouping.nodes), by_best);
        err = write_groups(&grouping, error);
    }
    scanning->scan->done = err == OK;
    mem_free(grouping.nodes);
    buf_deinit(&grouping.pairs);
    return err;
}

/* ---- the whole ---- */

static enum err begin_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct keeping *keeping = CONTAINER_OF(unit, struct keeping, unit);
    struct duplicate_scan *scan = keeping->scanning->scan;
    struct duplicate_scan known;
    int64_t position = INT64_MIN;
    scan->at_ms = tx->now_ms;
    enum err err =
        duplicate_scan_get(tx->db, tx_arena(tx), scan->id, STR(""), 0, &known, &position, error);
    bool same = err == OK && known.rules == scan->rules;
    if (same) {
        struct str object = scan->object;
        *scan = known;
        scan->object = object;
    } else if (err == OK) { /* the keys are others by now: from the beginning */
        position = INT64_MIN;
        err = duplicate_pair_forget(tx->db, scan->id, error);
    }
    keeping->scanning->position = position;
    if (err == OK || err == ERR_NOT_FOUND) {
        err = duplicate_scan_forget(tx->db, scan, error);
    }
    return err == OK ? duplicate_scan_put(tx->db, scan, position, error) : err;
}

/* Keys are spread evenly over 64 bits. */
enum { SHARES = 1000 };

static int64_t share_done(int64_t position)
{
    double from_zero = (double)position - (double)INT64_MIN;
    return (int64_t)(from_zero / 18446744073709551616.0 * SHARES);
}

static enum err run_scan(struct scanning *scanning, duplicate_progress progress, void *context,
                         struct error *error)
{
    struct keeping begin = {.scanning = scanning};
    struct duplicate_scan *scan = scanning->scan;
    bool more = true;
    begin.unit.apply = begin_apply;
    enum err err = run_unit(scanning, &begin.unit, error);
    while (err == OK && more && !scan->done && !scan->cut) {
        if (!progress(context, share_done(scanning->position), SHARES)) {
            return error_set(error, ERR_CANCELLED, "cancelled");
        }
        err = scan_page(scanning, &more, error);
        scan->cut = scan->pairs >= DUPLICATE_PAIRS_MAX && more;
    }
    return err == OK && !scan->done ? make_groups(scanning, error) : err;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err store_duplicate_scan(struct store *store, struct reader *reader, const struct scope *scope,
                              const struct object_type *type, struct duplicate_scan *scan,
                              duplicate_progress progress, void *context, struct error *error)
{
    struct scanning scanning = {.store = store, .scope = scope, .scan = scan};
    enum err err = query_root(scope, &type, error);
    if (err != OK) {
        return err;
    }
    if (!duplicate_lens_make(&scanning.lens, store, scope, type)) {
        return error_set(error, ERR_INVALID,
                         STR_FORMAT " has no rules for duplicates: its schema declares none",
                         STR_ARGS(type->name));
    }
    scan->object = type->name;
    scan->user = scope->user;
    scan->rules = scanning.lens.number;
    duplicate_from_reader(&scanning.source, reader, &scanning.lens);
    scanning.entries = mem_alloc(WALK_ENTRIES * sizeof(*scanning.entries));
    arena_init(&scanning.block);
    buf_init(&scanning.pairs);
    err = run_scan(&scanning, progress, context, error);
    buf_deinit(&scanning.pairs);
    arena_deinit(&scanning.block);
    mem_free(scanning.entries);
    return err;
}
