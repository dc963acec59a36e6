/* Aggregates as one statement (aggregate_sql.h). */
#include "aggregate_sql.h"

/* Aliases of the link tables of the group and of the measure that is many-valued. */
#define GROUP_LINKS "g"
#define MEASURE_LINKS "m"

bool measure_counts(const struct measure *measure)
{
    return measure->path.len == 0 || str_is(measure->function, "distinct");
}

bool measure_has_currency(const struct measure *measure)
{
    return !measure_counts(measure) && measure->target.field->type == FIELD_MONEY;
}

/* ` and …`: the elements under this alias that the scope may see, as in a record's list. */
static void elements_visible(struct sql *sql, struct buf *out, const char *alias,
                             const struct field *field)
{
    const struct object_type *to =
        field->type == FIELD_REFS ? schema_object(sql->scope->schema, field->to) : NULL;
    if (field->type != FIELD_REFS || (to != NULL && sql_open(sql->scope, to))) {
        return;
    }
    if (to == NULL) {
        buf_append_str(out, STR(" and 0"));
        return;
    }
    buf_append_str(out, STR(" and exists (select 1 from "));
    table_name(out, to);
    buf_printf(out, " v where v.\"id\" = %s.\"target\"", alias);
    sql_visible(sql, out, "v", to);
    buf_append_char(out, ')');
}

/* The days of a date, of a datetime in UTC, as px_bucket takes them. */
static void group_value(struct sql *sql, struct buf *out, const struct group_part *group)
{
    if (field_many(group->target.field)) {
        buf_printf(out, GROUP_LINKS ".\"%s\"", link_column(group->target.field));
        return;
    }
    int join = sql_path(sql, 0, &group->target);
    if (group->bucket.len == 0) {
        sql_value(sql, out, join, &group->target);
        return;
    }
    buf_printf(out, "px_bucket('%c',", group->bucket.at[0]);
    buf_append_str(out, group->target.field->type == FIELD_DATETIME ? STR("px_day(") : STR("("));
    sql_value(sql, out, join, &group->target);
    buf_append_str(out, STR("))"));
}

/* function(value) of the rows that the measure's own filter lets through */
static void call_over(struct sql *sql, struct buf *out, const char *call, struct str value,
                      const struct filter *filter)
{
    buf_printf(out, "%s" STR_FORMAT ")", call, STR_ARGS(value));
    if (filter != NULL) {
        buf_append_str(out, STR(" filter (where "));
        where_filter(sql, out, filter);
        buf_append_char(out, ')');
    }
}

static void measured_value(struct sql *sql, struct buf *out, const struct field_path *target)
{
    if (field_many(target->field)) {
        buf_printf(out, MEASURE_LINKS ".\"%s\"", link_column(target->field));
    } else {
        sql_value(sql, out, sql_path(sql, 0, target), target);
    }
}

static void measure_columns(struct sql *sql, struct buf *out, const struct measure *measure)
{
    struct buf value;
    const struct filter *filter = measure->filter;
    if (measure->path.len == 0) {
        call_over(sql, out, "count(", STR("*"), filter);
        return;
    }
    buf_init(&value);
    measured_value(sql, &value, &measure->target);
    if (measure_counts(measure)) {
        call_over(sql, out, "count(distinct ", buf_str(&value), filter);
        buf_deinit(&value);
        return;
    }
    const char *call = str_is(measure->function, "min")   ? "min("
                       : str_is(measure->function, "max") ? "max("
                                                          : "px_sum(";
    call_over(sql, out, call, buf_str(&value), filter);
    call_over(sql, out, ",count(", buf_str(&value), filter);
    if (measure_has_currency(measure)) {
        struct field_path currency = measure->target;
        currency.part = PART_CURRENCY;
        buf_reset(&value);
        measured_value(sql, &value, &currency);
        call_over(sql, out, ",min(", buf_str(&value), filter);
        call_over(sql, out, ",max(", buf_str(&value), filter);
    }
    buf_deinit(&value);
}

static void group_list(struct sql *sql, struct buf *out, const struct aggregate *aggregate)
{
    for (int i = 0; i < aggregate->group_count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(" group by "));
        group_value(sql, out, &aggregate->groups[i]);
    }
    for (int i = 0; i < aggregate->group_count; i++) {
        const struct group_part *group = &aggregate->groups[i];
        buf_append_str(out, i > 0 ? STR(",") : STR(" order by "));
        group_value(sql, out, group);
        buf_append_str(out, STR(" is null, "));
        if (path_collated(&group->target) && group->bucket.len == 0) {
            buf_append_str(out, STR("px_key("));
            group_value(sql, out, group);
            buf_append_char(out, ')');
        } else {
            group_value(sql, out, group);
        }
    }
}

/* ---- many-valued fields ---- */

static const struct field *spread_group(const struct aggregate *aggregate)
{
    for (int i = 0; i < aggregate->group_count; i++) {
        if (field_many(aggregate->groups[i].target.field)) {
            return aggregate->groups[i].target.field;
        }
    }
    return NULL;
}

static const struct field *spread_measure(const struct aggregate *aggregate)
{
    bool there = aggregate->measure_count == 1 && aggregate->measures[0].path.len > 0 &&
                 field_many(aggregate->measures[0].target.field);
    return there ? aggregate->measures[0].target.field : NULL;
}

/* The test that says which elements are asked for; NULL: all of them. */
static const struct filter *narrowing(const struct filter *filter, const struct field *field)
{
    if (filter == NULL || field == NULL) {
        return NULL;
    }
    if (filter->kind == FILTER_TEST) {
        bool asks = (filter->op == OP_HAS || filter->op == OP_ANY) && filter->typed_count > 0 &&
                    filter->target.hop_count == 0 && filter->target.field == field;
        return asks ? filter : NULL;
    }
    for (int i = 0; filter->kind == FILTER_AND && i < filter->child_count; i++) {
        const struct filter *found = narrowing(filter->children[i], field);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

/* The filter but for this test, which the join stands for: judged row by row it would look through
 * all elements asked for again. NULL: nothing is left. */
static const struct filter *without(struct arena *arena, const struct filter *filter,
                                    const struct filter *test)
{
    if (filter == test || filter == NULL || filter->kind != FILTER_AND) {
        return filter == test ? NULL : filter;
    }
    struct filter *left = ARENA_NEW(arena, struct filter);
    *left = *filter;
    left->children = ARENA_ARRAY(arena, struct filter *, (size_t)filter->child_count + 1);
    left->child_count = 0;
    for (int i = 0; i < filter->child_count; i++) {
        const struct filter *child = without(arena, filter->children[i], test);
        if (child != NULL) {
            left->children[left->child_count++] = (struct filter *)(uintptr_t)child;
        }
    }
    return left;
}

static void links_join(struct sql *sql, struct buf *out, const struct field *field,
                       const char *alias)
{
    if (field != NULL) {
        buf_append_str(out, STR(" left join "));
        link_table_name(out, sql->joins[0].type, field);
        buf_printf(out, " %s on %s.\"source\" = r.\"id\"", alias, alias);
        elements_visible(sql, out, alias, field);
    }
}

/* Begins at the elements asked for, not at the rows. A filter's test for them is the join's. */
static void narrowed_from(struct sql *sql, struct buf *out, const struct filter *asked)
{
    struct buf links;
    buf_init(&links);
    link_table_name(&links, asked->target.type, asked->target.field);
    buf_append_str(&links, STR(" " GROUP_LINKS " cross join "));
    sql->ahead = buf_str(&links);
    sql_from(sql, out, STR("-"));
    sql->ahead = STR("");
    buf_deinit(&links);
}

static void narrowed_where(struct sql *sql, struct buf *out, const struct filter *asked)
{
    buf_printf(out, " and " GROUP_LINKS ".\"source\" = r.\"id\" and " GROUP_LINKS ".\"%s\" in (",
               link_column(asked->target.field));
    for (int i = 0; i < asked->typed_count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        sql_bind(sql, out, &asked->typed[i]);
    }
    buf_append_char(out, ')');
    elements_visible(sql, out, GROUP_LINKS, asked->target.field);
}

/* ---- the statement ---- */

static void write_columns(struct sql *sql, struct buf *out, const struct aggregate *aggregate)
{
    for (int i = 0; i < aggregate->group_count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        group_value(sql, out, &aggregate->groups[i]);
    }
    for (int i = 0; i < aggregate->measure_count; i++) {
        buf_append_str(out, out->len > 0 ? STR(",") : STR(""));
        measure_columns(sql, out, &aggregate->measures[i]);
    }
}

static void write_statement(struct sql *sql, struct buf *out, const struct aggregate *aggregate,
                            const struct query *query, const struct plan *plan)
{
    const struct field *spread = spread_group(aggregate);
    const struct filter *asked = narrowing(aggregate->filter, spread);
    struct buf columns, where;
    buf_init(&columns);
    buf_init(&where);
    write_columns(sql, &columns, aggregate);
    const struct filter *filter = aggregate->filter;
    where_root(sql, &where, asked != NULL ? without(sql->arena, filter, asked) : filter,
               aggregate->archived);
    if (asked != NULL) {
        narrowed_where(sql, &where, asked);
    } else {
        plan_condition(sql, &where, query, plan);
    }
    group_list(sql, &where, aggregate);
    buf_append_str(&where, STR(" limit "));
    sql_bind_int(sql, &where, AGGREGATE_GROUPS_MAX + 1);
    buf_append_str(out, STR("select "));
    buf_append_str(out, buf_str(&columns));
    if (asked != NULL) {
        narrowed_from(sql, out, asked);
    } else {
        sql_from(sql, out, plan->forced);
        links_join(sql, out, spread, GROUP_LINKS);
    }
    links_join(sql, out, spread_measure(aggregate), MEASURE_LINKS);
    buf_append_str(out, STR(" where "));
    buf_append_str(out, buf_str(&where));
    buf_deinit(&columns);
    buf_deinit(&where);
}

enum err aggregate_start(const struct planner *planner, const struct aggregate *aggregate,
                         struct db_stmt **out_stmt, struct error *error)
{
    struct plan plan = {.kind = PLAN_FREE};
    struct sql sql;
    struct buf text;
    bool narrowed = narrowing(aggregate->filter, spread_group(aggregate)) != NULL;
    enum err err = narrowed ? OK : plan_narrow(planner, &plan, error);
    if (err != OK) {
        return err;
    }
    buf_init(&text);
    sql_init(&sql, planner->arena, aggregate->scope, aggregate->type, planner->now_ms);
    write_statement(&sql, &text, aggregate, planner->query, &plan);
    err = sql_start(&sql, planner->db, &text, out_stmt, error);
    buf_deinit(&text);
    return err;
}
