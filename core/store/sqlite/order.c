/* Order and keyset. Nulls are last in both directions; the id is the last part, in the direction of
 * the part before it. Walking an index takes the rows with a value first and those without after
 * them, as two statements: each is one straight run over the index. */
#include "select.h"

static void part_key(struct sql *sql, struct buf *out, const struct order_part *part)
{
    sql_key(sql, out, sql_path(sql, 0, &part->target), &part->target);
}

/* A key that is made row by row costs a hundred times the look at its text. */
static void part_is_null(struct sql *sql, struct buf *out, const struct order_part *part)
{
    if (part->target.field->sorted_text) {
        part_key(sql, out, part);
    } else {
        sql_value(sql, out, sql_path(sql, 0, &part->target), &part->target);
    }
    buf_append_str(out, STR(" is null"));
}

/* ---- order by ---- */

void order_by(struct sql *sql, struct buf *out, const struct query *query, enum order_mode mode)
{
    buf_append_str(out, STR(" order by "));
    int count = query_part_count(query);
    for (int i = mode == ORDER_NULLS ? 1 : 0; i < count; i++) {
        const struct order_part *part = &query->order[i];
        bool walked = i == 0 && mode == ORDER_FILLED;
        if (!walked && !path_never_null(&part->target)) {
            part_is_null(sql, out, part);
            buf_append_str(out, STR(", "));
        }
        part_key(sql, out, part);
        buf_append_str(out, part->descending ? STR(" desc, ") : STR(", "));
    }
    buf_append_str(out, query_id_descending(query) ? STR("r.\"id\" desc") : STR("r.\"id\""));
}

/* ---- behind a cursor ---- */

static void id_behind(struct sql *sql, struct buf *out, const struct query *query,
                      const struct cursor *cursor)
{
    buf_append_str(out, query_id_descending(query) ? STR("r.\"id\" < ") : STR("r.\"id\" > "));
    sql_bind(sql, out, &cursor->values[cursor->value_count - 1]);
}

/* e1 > v1 or e1 is null or (e1 = v1 and (e2 > v2 … and id > v)); at most ORDER_PARTS_MAX deep. */
static void behind(struct sql *sql, struct buf *out, const struct query *query, int from,
                   const struct cursor *cursor)
{
    int closing = 0;
    for (int i = from; i < query_part_count(query); i++) {
        const struct order_part *part = &query->order[i];
        const struct value *value = &cursor->values[i];
        buf_append_char(out, '(');
        if (value->kind == VALUE_NULL) {
            part_is_null(sql, out, part);
            buf_append_str(out, STR(" and "));
            closing++;
            continue;
        }
        part_key(sql, out, part);
        buf_append_str(out, part->descending ? STR(" < ") : STR(" > "));
        sql_bind(sql, out, value);
        if (!path_never_null(&part->target)) {
            buf_append_str(out, STR(" or "));
            part_is_null(sql, out, part);
        }
        buf_append_str(out, STR(" or ("));
        part_key(sql, out, part);
        buf_append_str(out, STR(" = "));
        sql_bind(sql, out, value);
        buf_append_str(out, STR(" and "));
        closing += 2;
    }
    id_behind(sql, out, query, cursor);
    for (int i = 0; i < closing; i++) {
        buf_append_char(out, ')');
    }
}

/* The first part as a bound that the index can start from; with the id in one comparison when
 * nothing stands between them. */
static void filled_after(struct sql *sql, struct buf *out, const struct query *query,
                         const struct cursor *cursor)
{
    const struct order_part *first = &query->order[0];
    if (query_part_count(query) == 1 && first->descending == query_id_descending(query)) {
        buf_append_char(out, '(');
        part_key(sql, out, first);
        buf_append_str(out, first->descending ? STR(",r.\"id\") < (") : STR(",r.\"id\") > ("));
        sql_bind(sql, out, &cursor->values[0]);
        buf_append_char(out, ',');
        sql_bind(sql, out, &cursor->values[1]);
        buf_append_char(out, ')');
        return;
    }
    part_key(sql, out, first);
    buf_append_str(out, first->descending ? STR(" <= ") : STR(" >= "));
    sql_bind(sql, out, &cursor->values[0]);
    buf_append_str(out, STR(" and "));
    behind(sql, out, query, 0, cursor);
}

void order_after(struct sql *sql, struct buf *out, const struct query *query, enum order_mode mode,
                 const struct cursor *cursor)
{
    bool parts = query_part_count(query) > 0;
    if (mode == ORDER_NULLS) {
        ASSERT(parts);
        buf_append_str(out, STR(" and "));
        part_is_null(sql, out, &query->order[0]);
        if (cursor != NULL && cursor->values[0].kind == VALUE_NULL) {
            buf_append_str(out, STR(" and "));
            behind(sql, out, query, 1, cursor);
        }
        return;
    }
    if (cursor == NULL) {
        if (mode == ORDER_FILLED && parts && !path_never_null(&query->order[0].target)) {
            buf_append_str(out, STR(" and "));
            part_key(sql, out, &query->order[0]);
            buf_append_str(out, STR(" is not null"));
        }
        return;
    }
    buf_append_str(out, STR(" and "));
    if (mode == ORDER_FILLED && parts) {
        ASSERT(cursor->values[0].kind != VALUE_NULL);
        filled_after(sql, out, query, cursor);
    } else {
        behind(sql, out, query, 0, cursor);
    }
}

/* ---- what a cursor keeps ---- */

void order_columns(struct sql *sql, struct buf *out, const struct query *query)
{
    for (int i = 0; i < query_part_count(query); i++) {
        buf_append_char(out, ',');
        part_key(sql, out, &query->order[i]);
    }
}

struct value order_cell(struct db_stmt *stmt, int column, struct arena *arena)
{
    struct value value = value_null();
    switch (db_column_kind(stmt, column)) {
    case DB_NULL:
    case DB_REAL:
        break;
    case DB_INT:
        value = value_int(db_column_int(stmt, column));
        break;
    case DB_TEXT:
        value = value_text(arena_str(arena, db_column_text(stmt, column)));
        break;
    case DB_BLOB:
        value = value_text(arena_str(arena, db_column_text(stmt, column)));
        value.kind = VALUE_BYTES;
        break;
    }
    return value;
}
