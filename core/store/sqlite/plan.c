/* Which index a page's statement is made to use. SQLite's planner has no notion of a page: for
 * "filter on a joined field, newest 50" it collects and sorts all matches (600 ms of 762,000 rows),
 * where walking the order's index and probing the joined table finds 50 at once (3 ms). So we
 * choose, and force the choice:
 *
 *   few rows behind some condition (a short probe)      drive: from there, then sort
 *   else the order has an index                         walk it until the page is full
 *   the walk was long (trial steps used up)             longer probes: drive, or walk for good
 *   no index for the order                              longer probes: drive, or SQLite's choice
 */
#include "select.h"

enum {
    DRIVERS_MAX = 4,
    SHORT_COUNT = 200,
    SHORT_STEPS = 3000,
    LONG_COUNT = 20000,
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
    const struct field *fields = query->type->fields;
    int at = 0;
    while (at < index->part_count && eq_tested(query->filter, &fields[index->parts[at].field])) {
        at++;
    }
    if (query_part_count(query) == 0) {
        return at == index->part_count; /* the rowid lies behind */
    }
    const struct field_path *first = &query->order[0].target;
    return at < index->part_count && first->hop_count == 0 &&
           &fields[index->parts[at].field] == first->field;
}

static struct str field_index(struct arena *arena, const struct object_type *type,
                              const struct field *field)
{
    struct buf name;
    buf_init(&name);
    index_field_name(&name, type, field);
    struct str out = arena_str(arena, buf_str(&name));
    buf_deinit(&name);
    return out;
}

/* An index whose rows behind the filter's equalities already lie in the order asked for. */
static bool perfect_index(const struct planner *planner, struct str *out_name)
{
    const struct query *query = planner->query;
    for (int i = 0; i < query->type->index_count; i++) {
        const struct index *index = &query->type->indexes[i];
        if (index_serves(query, index) &&
            eq_tested(query->filter, &query->type->fields[index->parts[0].field])) {
            struct buf name;
            buf_init(&name);
            index_parts_name(&name, query->type, index);
            *out_name = arena_str(planner->arena, buf_str(&name));
            buf_deinit(&name);
            return true;
        }
    }
    for (int i = 0; query_part_count(query) == 0 && i < query->type->field_count; i++) {
        const struct field *field = &query->type->fields[i];
        if (field_stored(field) && (field->indexed || field->type == FIELD_REF) &&
            eq_tested(query->filter, field)) {
            *out_name = field_index(planner->arena, query->type, field);
            return true;
        }
    }
    return false;
}

static bool order_index(const struct planner *planner, struct str *out_name)
{
    const struct query *query = planner->query;
    if (query_part_count(query) == 0) {
        *out_name = STR("-");
        return true;
    }
    const struct field_path *first = &query->order[0].target;
    const struct field *field = first->field;
    if (first->hop_count > 0 || first->part == PART_CURRENCY ||
        (field->type == FIELD_REF &&
         !sql_open(query->scope, schema_object(query->scope->schema, field->to)))) {
        return false;
    }
    if (field->indexed && (!path_collated(first) || field->sorted_text)) {
        *out_name = field_index(planner->arena, query->type, field);
        return true;
    }
    return false;
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

enum err plan_choose(const struct planner *planner, struct plan *out_plan, struct error *error)
{
    struct str forced = STR("");
    *out_plan = (struct plan){.kind = PLAN_FREE};
    if (unique_test(planner->query->filter)) {
        return OK;
    }
    if (perfect_index(planner, &forced)) {
        struct driver others[2];
        *out_plan = (struct plan){.kind = PLAN_WALK,
                                  .forced = forced,
                                  .trial = drivers_of(planner->query, others, 2) > 1};
        return OK;
    }
    bool walkable = order_index(planner, &forced);
    enum err err = find_driver(planner, walkable ? SHORT_COUNT : LONG_COUNT,
                               walkable ? SHORT_STEPS : LONG_STEPS, out_plan, error);
    if (err == OK && out_plan->kind == PLAN_FREE && walkable) {
        struct driver any;
        *out_plan = (struct plan){
            .kind = PLAN_WALK, .forced = forced, .trial = drivers_of(planner->query, &any, 1) > 0};
    }
    return err;
}

enum err plan_again(const struct planner *planner, struct plan *plan, struct error *error)
{
    ASSERT(plan->kind == PLAN_WALK && plan->trial);
    plan->trial = false;
    return find_driver(planner, LONG_COUNT, LONG_STEPS, plan, error);
}

enum err plan_narrow(const struct planner *planner, struct plan *out_plan, struct error *error)
{
    *out_plan = (struct plan){.kind = PLAN_FREE};
    if (unique_test(planner->query->filter)) {
        return OK;
    }
    return find_driver(planner, LONG_COUNT, LONG_STEPS, out_plan, error);
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
