/* Conditions of a query that an index serves, from which a statement may start: a test on an
 * indexed field, tests on what a ref leads to, an element of a many-valued field, the owner that
 * the row rules ask for. Each can be counted up to a bound, and written so that its index is used.
 */
#include "../row_rules.h"
#include "select.h"

enum { OWNERS_DRIVING_MAX = 100 };

/* ---- finding them ---- */

/* Texts are found by their own index, compared by that of their key. */
static bool by_key(const struct filter *test)
{
    return path_collated(&test->target) && test->op != OP_EQ && test->op != OP_IN;
}

/* Equality on a unique field needs no driver: SQLite finds its one row by itself. */
static bool has_index(const struct filter *test)
{
    const struct field *field = test->target.field;
    if (by_key(test)) {
        return field->sorted_text && field->indexed;
    }
    return field_stored(field) && field->indexed && !field->unique;
}

/* True only of rows where the field has a value: those are what the index leads to. */
static bool picks_rows(const struct filter *test)
{
    switch (test->op) {
    case OP_EQ:
    case OP_IN:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
    case OP_BETWEEN:
    case OP_LAST_DAYS:
    case OP_NEXT_DAYS:
    case OP_HAS:
    case OP_ANY:
        return true;
    case OP_IS:
        return !test->typed[0].boolean;
    case OP_NE:
    case OP_NIN:
    case OP_LIKE:
    case OP_PREFIX:
    case OP_CONTAINS:
    case OP_BEFORE:
    case OP_AFTER:
    case OP_COUNT:
        break;
    }
    return false;
}

/* Text patterns pick rows too, but no index serves them; behind a ref they may still be few. */
static bool picks_targets(const struct filter *test)
{
    return picks_rows(test) || test->op == OP_LIKE || test->op == OP_PREFIX ||
           test->op == OP_CONTAINS;
}

static bool whole_money(const struct filter *test)
{
    return test->target.field->type == FIELD_MONEY && test->target.part == PART_WHOLE;
}

static bool is_driver(const struct filter *test, struct driver *out_driver)
{
    const struct field_path *target = &test->target;
    if (target->hop_count > 0) {
        *out_driver = (struct driver){.kind = DRIVER_JOINED, .field = target->hops[0]};
        return picks_targets(test);
    }
    if (field_many(target->field)) {
        *out_driver = (struct driver){.kind = DRIVER_MANY, .test = test, .field = target->field};
        return test->op == OP_HAS || test->op == OP_ANY;
    }
    *out_driver = (struct driver){.kind = DRIVER_TEST, .test = test, .field = target->field};
    return has_index(test) && picks_rows(test) && test->op != OP_IS && !whole_money(test) &&
           target->part != PART_CURRENCY;
}

static void add_driver(struct driver *drivers, int *count, int most, const struct driver *driver)
{
    for (int i = 0; i < *count; i++) {
        if (drivers[i].kind == driver->kind && drivers[i].field == driver->field &&
            drivers[i].test == driver->test) {
            return;
        }
    }
    if (*count < most) {
        drivers[(*count)++] = *driver;
    }
}

static void collect(const struct filter *filter, struct driver *drivers, int *count, int most)
{
    struct driver driver;
    if (filter->kind == FILTER_TEST && is_driver(filter, &driver)) {
        add_driver(drivers, count, most, &driver);
    }
    for (int i = 0; filter->kind == FILTER_AND && i < filter->child_count; i++) {
        collect(filter->children[i], drivers, count, most);
    }
}

/* Few owners, and nothing but the owner decides. */
static bool owner_drives(const struct scope *scope, const struct object_type *type)
{
    unsigned rule = scope->grants[type->index].read_rows;
    if (scope->stand_in_count > 0 || ((rule & ROW_RULE) != 0 && scope_rule(scope, type) != NULL)) {
        return false;
    }
    switch (rows_by_owner(rule)) {
    case ROWS_OWN:
        return true;
    case ROWS_TEAM:
        return scope->team_count <= OWNERS_DRIVING_MAX;
    case ROWS_SUBTEAMS:
        return scope->below_count <= OWNERS_DRIVING_MAX;
    case ROWS_NONE:
    case ROWS_ALL:
    case ROWS_TERRITORY:
        break;
    }
    return false;
}

int drivers_of(const struct query *query, struct driver *drivers, int most)
{
    int count = 0;
    if (owner_drives(query->scope, query->type) && !str_is(query->type->name, "user")) {
        drivers[count++] =
            (struct driver){.kind = DRIVER_OWNER, .field = &query->type->fields[SYS_OWNER]};
    }
    if (query->filter != NULL) {
        collect(query->filter, drivers, &count, most);
    }
    return count;
}

/* ---- writing them ---- */

struct str driver_index(struct arena *arena, const struct query *query, const struct driver *driver)
{
    if (driver->kind == DRIVER_MANY) {
        return STR("-");
    }
    struct buf name;
    buf_init(&name);
    index_name(&name, query->type, driver->field,
               driver->kind == DRIVER_TEST && by_key(driver->test));
    struct str out = arena_str(arena, buf_str(&name));
    buf_deinit(&name);
    return out;
}

static void many_condition(struct sql *sql, struct buf *out, const struct driver *driver)
{
    const struct filter *test = driver->test;
    buf_append_str(out, STR("r.\"id\" in (select l.\"source\" from "));
    link_table_name(out, test->target.type, driver->field);
    buf_printf(out, " l where l.\"%s\" in (", link_column(driver->field));
    for (int i = 0; i < test->typed_count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        sql_bind(sql, out, &test->typed[i]);
    }
    buf_append_str(out, STR("))"));
}

/* The tests behind this ref, as tests of the object that it leads to. */
static void target_tests(struct sql *inner, struct buf *out, const struct filter *filter,
                         const struct field *ref)
{
    if (filter->kind == FILTER_TEST && filter->target.hop_count > 0 &&
        filter->target.hops[0] == ref && picks_targets(filter)) {
        struct filter moved = *filter;
        moved.target.hop_count--;
        for (int i = 0; i < moved.target.hop_count; i++) {
            moved.target.hops[i] = filter->target.hops[i + 1];
        }
        buf_append_str(out, STR(" and "));
        where_filter(inner, out, &moved);
    }
    for (int i = 0; filter->kind == FILTER_AND && i < filter->child_count; i++) {
        target_tests(inner, out, filter->children[i], ref);
    }
}

/* r."organisation" in (select r."id" from "o_organisation" r … where …): the inner r hides ours. */
static void joined_condition(struct sql *sql, struct buf *out, const struct query *query,
                             const struct field *ref)
{
    const struct object_type *to = schema_object(sql->scope->schema, ref->to);
    struct sql inner = *sql; /* goes on with our values */
    struct buf where;
    ASSERT(to != NULL);
    buf_init(&where);
    inner.joins[0] = (struct sql_join){.parent = -1, .type = to, .alias = "r"};
    inner.join_count = 1;
    sql_visible(&inner, &where, "r", to);
    target_tests(&inner, &where, query->filter, ref);
    buf_append_str(out, STR("r."));
    column_name(out, ref);
    buf_append_str(out, STR(" in (select r.\"id\""));
    sql_from(&inner, out, STR(""));
    buf_append_str(out, STR(" where 1"));
    buf_append_str(out, buf_str(&where));
    buf_append_char(out, ')');
    sql->binds = inner.binds;
    sql->bind_count = inner.bind_count;
    sql->bind_cap = inner.bind_cap;
    sql->err = inner.err;
    buf_deinit(&where);
}

/* A test on a ref whose target is not open to all is written on the column alone here: the whole
 * filter stands beside it. */
static void test_condition(struct sql *sql, struct buf *out, const struct filter *test)
{
    if (test->target.field->type != FIELD_REF) {
        where_test(sql, out, test, 0);
        return;
    }
    buf_append_str(out, STR("r."));
    column_name(out, test->target.field);
    buf_append_str(out, STR(" in ("));
    for (int i = 0; i < test->typed_count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        sql_bind(sql, out, &test->typed[i]);
    }
    buf_append_char(out, ')');
}

void driver_condition(struct sql *sql, struct buf *out, const struct query *query,
                      const struct driver *driver)
{
    switch (driver->kind) {
    case DRIVER_TEST:
        test_condition(sql, out, driver->test);
        break;
    case DRIVER_JOINED:
        joined_condition(sql, out, query, driver->field);
        break;
    case DRIVER_MANY:
        many_condition(sql, out, driver);
        break;
    case DRIVER_OWNER:
        buf_append_char(out, '1');
        sql_visible(sql, out, "r", query->type);
        break;
    }
}

/* ---- counting them ---- */

enum err driver_count(const struct planner *planner, const struct driver *driver, int64_t most,
                      int64_t steps, int64_t *out_count, struct error *error)
{
    struct sql sql;
    struct buf text;
    struct db_stmt *stmt = NULL;
    bool row = false;
    sql_init(&sql, planner->arena, planner->query->scope, planner->query->type, planner->now_ms);
    buf_init(&text);
    buf_append_str(&text, STR("select count(*) from (select 1"));
    sql_from(&sql, &text, driver_index(planner->arena, planner->query, driver));
    buf_append_str(&text, STR(" where "));
    driver_condition(&sql, &text, planner->query, driver);
    buf_append_str(&text, STR(" limit "));
    sql_bind_int(&sql, &text, most);
    buf_append_char(&text, ')');
    enum err err = sql_start(&sql, planner->db, &text, &stmt, error);
    if (err == OK) {
        int64_t whole = db_steps(planner->db);
        bool shorter = whole == 0 || steps < whole;
        db_limit_steps(planner->db, shorter ? steps : whole);
        err = db_step(stmt, &row, error);
        db_limit_steps(planner->db, whole);
        *out_count = err == OK && row ? db_column_int(stmt, 0) : most;
        /* Too long to count is many; the reader's own limit is the caller's to hear of. */
        err = err == ERR_LIMIT && shorter ? OK : err;
    }
    db_done(stmt);
    buf_deinit(&text);
    return err;
}
