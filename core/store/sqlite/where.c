/* Filters as conditions. Says what filter_match.c says: one table of tests runs each row through
 * both. Recursion is bounded by FILTER_DEPTH_MAX.
 *
 * A test may come out as null (unknown); groups keep that, and `where` and `not` take it as false.
 */
#include "select.h"

#include "proxenos/base_text.h"

/* ---- constants ---- */

static void bind_list(struct sql *sql, struct buf *out, const struct filter *test)
{
    buf_append_char(out, '(');
    for (int i = 0; i < test->typed_count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        sql_bind(sql, out, &test->typed[i]);
    }
    buf_append_char(out, ')');
}

/* The constant as sql_key orders it. */
static void bind_key(struct sql *sql, struct buf *out, const struct filter *test, int typed)
{
    const struct value *value = &test->typed[typed];
    if (!path_collated(&test->target)) {
        sql_bind(sql, out, value);
        return;
    }
    struct buf key;
    buf_init(&key);
    column_sort_key(&key, value->text);
    struct value bytes = value_text(arena_str(sql->arena, buf_str(&key)));
    bytes.kind = VALUE_BYTES;
    sql_bind(sql, out, &bytes);
    buf_deinit(&key);
}

/* ---- tests on one column ---- */

static void key_is(struct sql *sql, struct buf *out, const struct filter *test, int join,
                   const char *sign, int typed)
{
    sql_key(sql, out, join, &test->target);
    buf_printf(out, " %s ", sign);
    bind_key(sql, out, test, typed);
}

static void equals(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    sql_value(sql, out, join, &test->target);
    buf_append_str(out, STR(" = "));
    sql_bind(sql, out, &test->typed[0]);
}

static void one_of(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    sql_value(sql, out, join, &test->target);
    buf_append_str(out, STR(" in "));
    bind_list(sql, out, test);
}

static void window(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    int64_t from = 0, to = 0;
    days_window(test, sql->now_ms, &from, &to);
    sql_value(sql, out, join, &test->target);
    buf_append_str(out, STR(" between "));
    sql_bind_int(sql, out, from);
    buf_append_str(out, STR(" and "));
    sql_bind_int(sql, out, to);
}

static void pattern(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    buf_append_str(out, test->op == OP_LIKE     ? STR("px_like(")
                        : test->op == OP_PREFIX ? STR("px_prefix(")
                                                : STR("px_contains("));
    sql_value(sql, out, join, &test->target);
    buf_append_char(out, ',');
    sql_bind(sql, out, &test->typed[0]);
    buf_append_char(out, ')');
}

static const char *sign_of(enum filter_op op)
{
    return op == OP_LT ? "<" : op == OP_LE ? "<=" : op == OP_GT ? ">" : ">=";
}

/* ---- money as a whole: amount and currency ---- */

static void money_is(struct sql *sql, struct buf *out, const struct filter *test, int join,
                     const char *sign, int typed)
{
    struct field_path currency = test->target;
    struct value code = value_text(arena_str(sql->arena, str_from(test->typed[typed].currency)));
    currency.part = PART_CURRENCY;
    buf_append_char(out, '(');
    sql_value(sql, out, join, &test->target);
    buf_printf(out, " %s ", sign);
    sql_bind(sql, out, &test->typed[typed]);
    buf_append_str(out, STR(" and "));
    sql_value(sql, out, join, &currency);
    buf_append_str(out, STR(" = "));
    sql_bind(sql, out, &code);
    buf_append_char(out, ')');
}

static void money_any(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    buf_append_str(out, test->typed_count == 0 ? STR("(0") : STR("("));
    for (int i = 0; i < test->typed_count; i++) {
        buf_append_str(out, i > 0 ? STR(" or ") : STR(""));
        money_is(sql, out, test, join, "=", i);
    }
    buf_append_char(out, ')');
}

static void money_test(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    switch (test->op) {
    case OP_EQ:
    case OP_IN:
        money_any(sql, out, test, join);
        break;
    case OP_NE:
    case OP_NIN:
        money_any(sql, out, test, join);
        buf_append_str(out, STR(" is not true"));
        break;
    case OP_BETWEEN:
        money_is(sql, out, test, join, ">=", 0);
        buf_append_str(out, STR(" and "));
        money_is(sql, out, test, join, "<=", 1);
        break;
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        money_is(sql, out, test, join, sign_of(test->op), 0);
        break;
    case OP_IS:
    case OP_LIKE:
    case OP_PREFIX:
    case OP_CONTAINS:
    case OP_HAS:
    case OP_ANY:
    case OP_LAST_DAYS:
    case OP_NEXT_DAYS:
    case OP_BEFORE:
    case OP_AFTER:
    case OP_COUNT:
        ASSERT(false); /* bound money tests have no such operator */
    }
}

/* ---- many-valued fields ---- */

static void many_test(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    const struct field *field = test->target.field;
    const struct object_type *to =
        field->type == FIELD_REFS ? schema_object(sql->scope->schema, field->to) : NULL;
    bool is_null = test->op == OP_IS && test->typed[0].boolean;
    buf_append_str(out,
                   is_null ? STR("not exists (select 1 from ") : STR("exists (select 1 from "));
    link_table_name(out, test->target.type, field);
    buf_append_str(out, STR(" l"));
    if (to != NULL && !sql_open(sql->scope, to)) {
        buf_append_str(out, STR(" join "));
        table_name(out, to);
        buf_append_str(out, STR(" v on v.\"id\" = l.\"target\""));
        sql_visible(sql, out, "v", to);
    }
    buf_printf(out, " where l.\"source\" = %s.\"id\"", sql_alias(sql, join));
    if (test->op != OP_IS) {
        buf_printf(out, " and l.\"%s\" in ", link_column(field));
        bind_list(sql, out, test);
    }
    buf_append_char(out, ')');
}

/* ---- nodes ---- */

static void plain_test(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    switch (test->op) {
    case OP_EQ:
        equals(sql, out, test, join);
        break;
    case OP_NE:
        sql_value(sql, out, join, &test->target);
        buf_append_str(out, STR(" is not "));
        sql_bind(sql, out, &test->typed[0]);
        break;
    case OP_IN:
        one_of(sql, out, test, join);
        break;
    case OP_NIN:
        buf_append_char(out, '(');
        sql_value(sql, out, join, &test->target);
        buf_append_str(out, STR(" in "));
        bind_list(sql, out, test);
        buf_append_str(out, STR(") is not true"));
        break;
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        key_is(sql, out, test, join, sign_of(test->op), 0);
        break;
    case OP_BETWEEN:
        key_is(sql, out, test, join, "between", 0);
        buf_append_str(out, STR(" and "));
        bind_key(sql, out, test, 1);
        break;
    case OP_IS:
        sql_value(sql, out, join, &test->target);
        buf_append_str(out, test->typed[0].boolean ? STR(" is null") : STR(" is not null"));
        break;
    case OP_LAST_DAYS:
    case OP_NEXT_DAYS:
        window(sql, out, test, join);
        break;
    case OP_LIKE:
    case OP_PREFIX:
    case OP_CONTAINS:
        pattern(sql, out, test, join);
        break;
    case OP_HAS:
    case OP_ANY:
    case OP_BEFORE:
    case OP_AFTER:
    case OP_COUNT:
        ASSERT(false); /* bound tests of single values have no such operator */
    }
}

void where_test(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    bool whole_money = test->target.field->type == FIELD_MONEY && test->target.part == PART_WHOLE;
    if (field_many(test->target.field)) {
        many_test(sql, out, test, join);
    } else if (whole_money && test->op != OP_IS) {
        money_test(sql, out, test, join);
    } else {
        plain_test(sql, out, test, join);
    }
}

/* What the scope sees of a ref comes from a join; the column beside it has the index. */
static void ref_column(struct sql *sql, struct buf *out, const struct filter *test, int join)
{
    if (test->op == OP_EQ || test->op == OP_IN) {
        buf_append_str(out, str_from(sql_alias(sql, join)));
        buf_append_char(out, '.');
        column_name(out, test->target.field);
        buf_append_str(out, STR(" in "));
        bind_list(sql, out, test);
        buf_append_str(out, STR(" and "));
    }
}

static void write_test(struct sql *sql, struct buf *out, const struct filter *test)
{
    const struct field *field = test->target.field;
    int join = sql_path(sql, 0, &test->target);
    const struct object_type *to =
        field->type == FIELD_REF ? schema_object(sql->scope->schema, field->to) : NULL;
    bool guarded = to != NULL && !sql_open(sql->scope, to);
    /* "is true" hides the test from the planner, which would otherwise turn the left join around.
     */
    bool crosses = join > 0 || guarded;
    buf_append_char(out, '(');
    if (guarded && join == 0) {
        ref_column(sql, out, test, join);
    }
    buf_append_str(out, crosses ? STR("(") : STR(""));
    where_test(sql, out, test, join);
    buf_append_str(out, crosses ? STR(") is true)") : STR(")"));
}

void where_filter(struct sql *sql, struct buf *out, const struct filter *filter)
{
    if (filter->kind == FILTER_TEST) {
        write_test(sql, out, filter);
        return;
    }
    bool is_and = filter->kind == FILTER_AND;
    bool is_not = filter->kind == FILTER_NOT;
    if (filter->child_count == 0) {
        buf_append_str(out, is_and ? STR("1") : STR("0"));
        return;
    }
    buf_append_char(out, '(');
    for (int i = 0; i < filter->child_count; i++) {
        if (i > 0) {
            buf_append_str(out, is_and ? STR(" and ") : STR(" or "));
        }
        where_filter(sql, out, filter->children[i]);
    }
    buf_append_str(out, is_not ? STR(") is not true") : STR(")"));
}

void where_root(struct sql *sql, struct buf *out, const struct filter *filter, bool archived)
{
    buf_append_char(out, '1');
    sql_visible(sql, out, "r", sql->joins[0].type);
    if (!archived) {
        buf_append_str(out, STR(" and r.\"archived_at\" is null"));
    }
    if (filter != NULL) {
        buf_append_str(out, STR(" and "));
        where_filter(sql, out, filter);
    }
}
