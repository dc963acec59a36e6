/* Aggregates as one statement (aggregate_sql.h). */
#include "aggregate_sql.h"

bool measure_has_currency(const struct measure *measure)
{
    return measure->path.len > 0 && measure->target.field->type == FIELD_MONEY;
}

/* The days of a date, of a datetime in UTC, as px_bucket takes them. */
static void group_value(struct sql *sql, struct buf *out, const struct group_part *group)
{
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

static void measure_columns(struct sql *sql, struct buf *out, const struct measure *measure)
{
    if (measure->path.len == 0) {
        buf_append_str(out, STR("count(*)"));
        return;
    }
    struct buf value;
    buf_init(&value);
    int join = sql_path(sql, 0, &measure->target);
    sql_value(sql, &value, join, &measure->target);
    bool extreme = str_is(measure->function, "min") || str_is(measure->function, "max");
    buf_append_str(out, extreme ? measure->function : STR("px_sum"));
    buf_printf(out, "(" STR_FORMAT "),count(" STR_FORMAT ")", STR_ARGS(buf_str(&value)),
               STR_ARGS(buf_str(&value)));
    if (measure_has_currency(measure)) {
        struct field_path currency = measure->target;
        currency.part = PART_CURRENCY;
        buf_reset(&value);
        sql_value(sql, &value, join, &currency);
        buf_printf(out, ",min(" STR_FORMAT "),max(" STR_FORMAT ")", STR_ARGS(buf_str(&value)),
                   STR_ARGS(buf_str(&value)));
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

static void write_statement(struct sql *sql, struct buf *out, const struct aggregate *aggregate,
                            const struct query *query, const struct plan *plan)
{
    struct buf columns, where;
    buf_init(&columns);
    buf_init(&where);
    for (int i = 0; i < aggregate->group_count; i++) {
        buf_append_str(&columns, i > 0 ? STR(",") : STR(""));
        group_value(sql, &columns, &aggregate->groups[i]);
    }
    for (int i = 0; i < aggregate->measure_count; i++) {
        buf_append_str(&columns, columns.len > 0 ? STR(",") : STR(""));
        measure_columns(sql, &columns, &aggregate->measures[i]);
    }
    where_root(sql, &where, aggregate->filter, aggregate->archived);
    plan_condition(sql, &where, query, plan);
    group_list(sql, &where, aggregate);
    buf_append_str(&where, STR(" limit "));
    sql_bind_int(sql, &where, AGGREGATE_GROUPS_MAX + 1);
    buf_append_str(out, STR("select "));
    buf_append_str(out, buf_str(&columns));
    sql_from(sql, out, plan->forced);
    buf_append_str(out, STR(" where "));
    buf_append_str(out, buf_str(&where));
    buf_deinit(&columns);
    buf_deinit(&where);
}

enum err aggregate_start(const struct planner *planner, const struct aggregate *aggregate,
                         struct db_stmt **out_stmt, struct error *error)
{
    struct plan plan;
    struct sql sql;
    struct buf text;
    enum err err = plan_narrow(planner, &plan, error);
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
