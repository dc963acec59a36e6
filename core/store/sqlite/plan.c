/* Which index a page's statement is made to use. SQLite's planner has no notion of a page: for
 * "filter on a joined field, newest 50" it collects and sorts all matches (600 ms of 762,000 rows),
 * where walking the order's index and probing the joined table finds 50 at once (3 ms). So we
 * choose, and force the choice:
 *
 *   few rows behind some condition (a short probe)      drive: from there, then sort
 *   else the order has an index                         walk it until the page is full
 *   the walk was long (trial steps used up)             longer probes: drive, walk for good; when
 *                                                       it found nothing at all a longer trial,
 *                                                       then scan
 *   no index for the order                              longer probes: drive, or SQLite's choice
 */
#include "select.h"

enum {
    DRIVERS_MAX = 4,
    SHORT_COUNT = 200,
    SHORT_STEPS = 3000,
    LONG_COUNT = 20000,
    NARROW_COUNT = 100000, /* of counts and aggregates, which have no order to make */
    LONG_STEPS = 1000000
};

/* ---- the order's index ---- */

static bool eq_tested(const struct filter *filter, const struct field *field)
{
    if (filter == NULL) {
        return false;
    }
    if (filter->kind == FILTER_TEST) {
        return filter->op == OP_EQ && filter->target.hop_count == 0 &&
               filter->target.field == field && field->type != FIELD_MONEY;
    }
    for (int i = 0; filter->kind == FILTER_AND && i < filter->child_count; i++) {
        if (eq_tested(filter->children[i], field)) {
            return true;
        }
    }
    return false;
}

/* The parts of the index in front are all given by the filter, the next is the order's first. */
static bool index_serves(const struct query *query, const struct index *index)
{
    const struct object_type *type = query->type;
    int at = 0;
    while (at < index->part_count && !index_part_is_key(type, index, at) &&
           eq_tested(query->filter, &type->fields[index->parts[at].field])) {
        at++;
    }
    if (at == 0) {
        return false;
    }
    if (query_part_count(query) == 0) {
        return at == index->part_count && !index->unique; /* the id lies behind */
    }
    const struct field_path *first = &query->order[0].target;
    return at < index->part_count && first->hop_count == 0 &&
           &type->fields[index->parts[at].field] == first->field &&
           index_part_is_key(type, index, at) == path_collated(first);
}

static struct str keep_name(struct arena *arena, struct buf *name)
{
    struct str out = arena_str(arena, buf_str(name));
    buf_deinit(name);
    return out;
}

/* An index whose rows behind the filter's equalities already lie in the order asked for. */
static bool perfect_index(const struct planner *planner, struct str *out_name)
{
    const struct query *query = planner->query;
    const struct object_type *type = query->type;
    struct buf name;
    for (int i = 0; i < type->index_count; i++) {
        if (index_serves(query, &type->indexes[i])) {
            buf_init(&name);
            index_declared_name(&name, type, &type->indexes[i]);
            *out_name = keep_name(planner->arena, &name);
            return true;
        }
    }
    for (int i = 0; query_part_count(query) == 0 && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field_stored(field) && field->indexed && !field->unique &&
            eq_tested(query->filter, field)) {
            buf_init(&name);
            index_name(&name, type, field, false);
            *out_name = keep_name(planner->arena, &name);
            return true;
        }
    }
    return false;
}

/* The order's first part has an index, and what the scope sees of it is what the index holds. */
static bool order_index(const struct planner *planner, struct str *out_name)
{
    const struct query *query = planner->query;
    if (query_part_count(query) == 0) {
        *out_name = STR("-");
        return true;
    }
    const struct field_path *first = &query->order[0].target;
    const struct field *field = first->field;
    bool collated = path_collated(first);
    bool there = collated ? field->sorted_text &&
                                (field->indexed || field->index == query->type->title_field)
                          : field->indexed && !field->unique;
    if (!there || first->hop_count > 0 || first->part == PART_CURRENCY) {
        return false;
    }
    if (field->type == FIELD_REF &&
        !sql_open(query->scope, schema_object(query->scope->schema, field->to))) {
        return false;
    }
    struct buf name;
    buf_init(&name);
    index_name(&name, query->type, field, collated);
    *out_name = keep_name(planner->arena, &name);
    return true;
}

/* ---- choosing ---- */

/* At most one row each: SQLite finds them by itself. */
static bool unique_test(const struct filter *filter)
{
    if (filter == NULL) {
        return false;
    }
    if (filter->kind == FILTER_TEST) {
        return (filter->op == OP_EQ || filter->op == OP_IN) && filter->target.hop_count == 0 &&
               (filter->target.field->type == FIELD_ID || filter->target.field->unique);
    }
    for (int i = 0; filter->kind == FILTER_AND && i < filter->child_count; i++) {
        if (unique_test(filter->children[i])) {
            return true;
        }
    }
    return false;
}

/* The driver with the fewest rows, if they are fewer than `most`. */
static enum err find_driver(const struct planner *planner, int64_t most, int64_t steps,
                            struct plan *plan, struct error *error)
{
    struct driver drivers[DRIVERS_MAX];
    int count = drivers_of(planner->query, drivers, DRIVERS_MAX);
    for (int i = 0; i < count; i++) {
        int64_t rows = 0;
        enum err err = driver_count(planner, &drivers[i], most, steps, &rows, error);
        if (err != OK) {
            return err;
        }
        if (rows < most) {
            *plan =
                (struct plan){.kind = PLAN_DRIVE,
                              .forced = driver_index(planner->arena, planner->query, &drivers[i]),
                              .driver = drivers[i]};
            most = rows;
        }
    }
    return OK;
}

static bool owned(const struct query *query)
{
    return query->scope->grants[query->type->index].read_rows != ROWS_ALL;
}

enum err plan_choose(const struct planner *planner, struct plan *out_plan, struct error *error)
{
    struct str forced = STR("");
    *out_plan = (struct plan){.kind = PLAN_FREE};
    if (unique_test(planner->query->filter)) {
        return OK;
    }
    if (perfect_index(planner, &forced)) {
        struct driver others[2];
        *out_plan = (struct plan){
            .kind = PLAN_WALK,
            .forced = forced,
            .trial_steps = drivers_of(planner->query, others, 2) > 1 ? PLAN_TRIAL_STEPS : 0};
        return OK;
    }
    bool walkable = order_index(planner, &forced);
    enum err err = find_driver(planner, walkable ? SHORT_COUNT : LONG_COUNT,
                               walkable ? SHORT_STEPS : LONG_STEPS, out_plan, error);
    if (err == OK && out_plan->kind == PLAN_FREE && walkable) {
        bool trial = planner->query->filter != NULL || owned(planner->query);
        *out_plan = (struct plan){
            .kind = PLAN_WALK, .forced = forced, .trial_steps = trial ? PLAN_TRIAL_STEPS : 0};
    }
    return err;
}

enum err plan_again(const struct planner *planner, bool found_any, struct plan *plan,
                    struct error *error)
{
    ASSERT(plan->kind == PLAN_WALK && plan->trial_steps > 0);
    bool first = plan->trial_steps == PLAN_TRIAL_STEPS;
    plan->trial_steps = 0;
    enum err err = first ? find_driver(planner, LONG_COUNT, LONG_STEPS, plan, error) : OK;
    if (err != OK || plan->kind != PLAN_WALK || found_any || str_is(plan->forced, "-")) {
        return err;
    }
    /* Nothing in thousands of rows: others' newest rows may lie in front. Nothing in a hundred
     * thousand: reading the table as it lies costs a tenth of reading it in the order of an index
     * (unless that is how it lies). */
    if (first) {
        plan->trial_steps = PLAN_LONG_TRIAL_STEPS;
    } else {
        *plan = (struct plan){.kind = PLAN_FREE, .forced = STR("-")};
    }
    return OK;
}

enum err plan_narrow(const struct planner *planner, struct plan *out_plan, struct error *error)
{
    if (unique_test(planner->query->filter)) {
        *out_plan = (struct plan){.kind = PLAN_FREE};
        return OK;
    }
    *out_plan = (struct plan){.kind = PLAN_FREE, .forced = STR("-")};
    return find_driver(planner, NARROW_COUNT, LONG_STEPS, out_plan, error);
}

void plan_condition(struct sql *sql, struct buf *out, const struct query *query,
                    const struct plan *plan)
{
    if (plan->kind == PLAN_DRIVE) {
        buf_append_str(out, STR(" and "));
        driver_condition(sql, out, query, &plan->driver);
    }
}

bool plan_phases(const struct query *query, const struct plan *plan)
{
    return plan->kind == PLAN_WALK && query_part_count(query) > 0 &&
           !path_never_null(&query->order[0].target);
}
