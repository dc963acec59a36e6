/* Aggregates: rows of groups and measures, exact, or an error that says why not (reader_aggregate).
 * The reader's thread. */
#include "internal.h"
#include "query.h"
#include "sqlite/aggregate_sql.h"

#include "proxenos/base_number.h"

struct aggregate_run {
    const struct aggregate *aggregate;
    struct arena *arena;
    struct db_stmt *stmt;
    int column;
};

/* ---- cells ---- */

static enum err group_cell(struct aggregate_run *run, const struct group_part *group,
                           struct value *out_value, struct error *error)
{
    int column = run->column++;
    const struct field_path *target = &group->target;
    if (db_column_kind(run->stmt, column) == DB_NULL) {
        *out_value = value_null();
    } else if (group->bucket.len > 0 || target->part == PART_CURRENCY) {
        *out_value = value_text(arena_str(run->arena, db_column_text(run->stmt, column)));
    } else if (field_many(target->field)) {
        *out_value = link_read(run->stmt, column, target->field, run->arena);
    } else if (target->part == PART_AMOUNT) {
        *out_value = value_int(db_column_int(run->stmt, column));
    } else {
        return column_read(run->stmt, &column, target->field, run->arena, out_value, error);
    }
    return OK;
}

static struct value of_kind(const struct field *field, int64_t number, struct str currency)
{
    struct value value = value_int(number);
    switch (field->type) {
    case FIELD_DECIMAL:
        value.kind = VALUE_DECIMAL;
        value.scale = (uint8_t)field->scale;
        break;
    case FIELD_MONEY:
        value.kind = VALUE_MONEY;
        for (size_t i = 0; i < 3 && i < currency.len; i++) {
            value.currency[i] = currency.at[i];
        }
        break;
    case FIELD_DATE:
        value.kind = VALUE_DATE;
        break;
    case FIELD_DATETIME:
        value.kind = VALUE_TIME;
        break;
    case FIELD_INTEGER:
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_BOOLEAN:
    case FIELD_DURATION:
    case FIELD_ENUM:
    case FIELD_REF:
    case FIELD_REFS:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    return value;
}

/* Whole numbers have an average with a fraction; decimals and money are rounded half to even at
 * their own last digit. */
static enum err average(const struct field *field, int64_t sum, int64_t count, struct str currency,
                        struct value *out_value)
{
    int64_t rounded = 0;
    if (field->type == FIELD_INTEGER) {
        *out_value = value_real((double)sum / (double)count);
        return OK;
    }
    enum err err = int_mul_div(sum, 1, count, ROUND_HALF_EVEN, &rounded);
    *out_value = of_kind(field, rounded, currency);
    return err;
}

static enum err currencies_agree(struct aggregate_run *run, const struct measure *measure,
                                 struct str *out_currency, struct error *error)
{
    struct str least = db_column_text(run->stmt, run->column);
    struct str most = db_column_text(run->stmt, run->column + 1);
    run->column += 2;
    if (!str_eq(least, most)) {
        return query_error(error, ERR_CURRENCY_MIX, STR("measure"), measure->path, STR(""),
                           "field " STR_FORMAT " holds " STR_FORMAT " and " STR_FORMAT
                           " in one group; group by " STR_FORMAT ".currency, or filter on it",
                           STR_ARGS(measure->path), STR_ARGS(least), STR_ARGS(most),
                           STR_ARGS(measure->path));
    }
    *out_currency = arena_str(run->arena, least);
    return OK;
}

static enum err measure_cell(struct aggregate_run *run, const struct measure *measure,
                             struct value *out_value, struct error *error)
{
    int column = run->column++;
    if (measure_counts(measure)) {
        *out_value = value_int(db_column_int(run->stmt, column));
        return OK;
    }
    int64_t count = db_column_int(run->stmt, run->column++);
    struct str currency = STR("");
    enum err err =
        measure_has_currency(measure) ? currencies_agree(run, measure, &currency, error) : OK;
    if (err != OK) {
        return err;
    }
    *out_value = value_null();
    if (count == 0) {
        return OK;
    }
    if (db_column_kind(run->stmt, column) == DB_TEXT) {
        return query_error(error, ERR_OVERFLOW, STR("measure"), measure->path, STR(""),
                           "the sum of field " STR_FORMAT " does not fit into 64 bits",
                           STR_ARGS(measure->path));
    }
    int64_t number = db_column_int(run->stmt, column);
    if (str_is(measure->function, "avg")) {
        return average(measure->target.field, number, count, currency, out_value);
    }
    *out_value = of_kind(measure->target.field, number, currency);
    return OK;
}

/* ---- rows ---- */

/* The field's path; a second bucket of the same field needs its name too. */
static struct str group_key(struct arena *arena, const struct value *row,
                            const struct group_part *group)
{
    if (value_get(row, group->path) == NULL) {
        return group->path;
    }
    return arena_printf(arena, STR_FORMAT ":" STR_FORMAT, STR_ARGS(group->path),
                        STR_ARGS(group->bucket));
}

static enum err read_row(struct aggregate_run *run, struct value *out_row, struct error *error)
{
    const struct aggregate *aggregate = run->aggregate;
    enum err err = OK;
    run->column = 0;
    *out_row = value_map_new();
    for (int i = 0; err == OK && i < aggregate->group_count; i++) {
        struct value value;
        err = group_cell(run, &aggregate->groups[i], &value, error);
        if (err == OK) {
            value_put(run->arena, out_row, group_key(run->arena, out_row, &aggregate->groups[i]),
                      value);
        }
    }
    for (int i = 0; err == OK && i < aggregate->measure_count; i++) {
        struct value value;
        err = measure_cell(run, &aggregate->measures[i], &value, error);
        if (err == OK) {
            value_put(run->arena, out_row, aggregate->measures[i].name, value);
        }
    }
    return err;
}

static enum err read_rows(struct aggregate_run *run, struct value *out_rows, struct error *error)
{
    *out_rows = value_list_new();
    for (;;) {
        bool row = false;
        struct value value;
        enum err err = db_step(run->stmt, &row, error);
        if (err != OK || !row) {
            return err;
        }
        if (out_rows->list.count == AGGREGATE_GROUPS_MAX) {
            return query_error(error, ERR_LIMIT, STR("group"), STR(""), STR(""),
                               "there are more than %d groups; filter, or group by less",
                               AGGREGATE_GROUPS_MAX);
        }
        err = read_row(run, &value, error);
        if (err != OK) {
            return err;
        }
        value_push(run->arena, out_rows, value);
    }
}

enum err reader_aggregate(struct reader *reader, const struct aggregate *aggregate,
                          struct arena *arena, struct value *out_rows, struct error *error)
{
    ASSERT(aggregate->bound);
    struct env *env = store_env(reader_store(reader));
    const struct query query = {.type = aggregate->type,
                                .filter = aggregate->filter,
                                .archived = aggregate->archived,
                                .bound = true,
                                .scope = aggregate->scope};
    const struct planner planner = {
        .db = reader_db(reader), .query = &query, .arena = arena, .now_ms = env->now_ms(env)};
    struct aggregate_run run = {.aggregate = aggregate, .arena = arena};
    bool entered = false;
    enum err err = reader_enter(reader, &entered, error);
    if (err == OK) {
        err = aggregate_start(&planner, aggregate, &run.stmt, error);
    }
    if (err == OK) {
        err = read_rows(&run, out_rows, error);
    }
    db_done(run.stmt);
    reader_leave(reader, entered);
    return err;
}
