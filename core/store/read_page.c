/* Pages and whole lists of records (reader_query, reader_each). The reader's thread.
 *
 * A page may take several statements in one snapshot, each going on behind the last row given:
 *   walk by value → walk the nulls → full
 *   trial walk → (its steps used up) → drive, walk for good, longer trial or scan
 * so that no row is given twice and none has to be kept. */
#include "internal.h"
#include "query.h"
#include "sqlite/select.h"

struct page_run {
    struct reader *reader;
    const struct query *query;
    struct arena *arena; /* SQL values, cursors */
    struct arena row;    /* emptied before each row */
    record_cb give;
    void *context;
    int64_t now_ms;
    int64_t wanted; /* INT64_MAX: all */
    int64_t given;
    bool more;
    struct cursor after; /* go on behind it */
    bool has_after;
    struct plan plan;
    enum order_mode mode;
};

static void run_deinit(struct page_run *run)
{
    arena_deinit(&run->row);
}

static struct planner planner_of(const struct page_run *run)
{
    return (struct planner){.db = reader_db(run->reader),
                            .query = run->query,
                            .arena = run->arena,
                            .now_ms = run->now_ms};
}

/* ---- one statement ---- */

static enum err start(struct page_run *run, struct selection *selection, struct db_stmt **out_stmt,
                      struct error *error)
{
    const struct query *query = run->query;
    struct sql sql;
    struct buf columns, where, text;
    buf_init(&columns);
    buf_init(&where);
    buf_init(&text);
    sql_init(&sql, run->arena, query->scope, query->type, run->now_ms);
    selection_make(&sql, &columns, query->type, query->selected, selection);
    selection_include(&sql, &columns, query, selection);
    order_columns(&sql, &columns, query);
    where_root(&sql, &where, query->filter, query->archived);
    plan_condition(&sql, &where, query, &run->plan);
    order_after(&sql, &where, query, run->mode, run->has_after ? &run->after : NULL);
    order_by(&sql, &where, query, run->mode);
    if (run->wanted != INT64_MAX) {
        buf_append_str(&where, STR(" limit "));
        sql_bind_int(&sql, &where, run->wanted - run->given + 1);
    }
    buf_append_str(&text, STR("select "));
    buf_append_str(&text, buf_str(&columns));
    sql_from(&sql, &text, run->plan.forced);
    buf_append_str(&text, STR(" where "));
    buf_append_str(&text, buf_str(&where));
    enum err err = sql_start(&sql, reader_db(run->reader), &text, out_stmt, error);
    buf_deinit(&columns);
    buf_deinit(&where);
    buf_deinit(&text);
    return err;
}

/* The place behind the row that was just read. Texts are copied: a page's are few. */
static void remember(struct page_run *run, const struct selection *selection, struct db_stmt *stmt)
{
    int count = query_part_count(run->query);
    for (int i = 0; i < count; i++) {
        run->after.values[i] = order_cell(stmt, selection->order_column + i, run->arena);
    }
    run->after.values[count] = value_int(selection->record.id);
    run->after.value_count = count + 1;
    run->has_after = true;
}

static enum err give_row(struct page_run *run, struct selection *selection, struct db_stmt *stmt,
                         struct error *error)
{
    arena_reset(&run->row);
    enum err err = selection_read(selection, stmt, &run->row, false, error);
    if (err != OK) {
        return err;
    }
    run->given++;
    if (run->given == run->wanted || run->plan.trial_steps > 0) {
        remember(run, selection, stmt);
    }
    return run->give(run->context, &selection->record, error);
}

static enum err step_all(struct page_run *run, struct selection *selection, struct db_stmt *stmt,
                         struct error *error)
{
    for (;;) {
        bool row = false;
        enum err err = db_step(stmt, &row, error);
        if (err != OK || !row) {
            return err;
        }
        if (run->given == run->wanted) {
            run->more = true;
            return OK;
        }
        err = give_row(run, selection, stmt, error);
        if (err != OK) {
            return err;
        }
    }
}

/* A forced index may be missing for a while (made by a job on a large table): SQLite then chooses.
 */
static enum err start_somehow(struct page_run *run, struct selection *selection,
                              struct db_stmt **out_stmt, struct error *error)
{
    if (run->plan.kind == PLAN_FREE || run->given > 0) {
        return start(run, selection, out_stmt, error);
    }
    if (start(run, selection, out_stmt, NULL) == OK) {
        return OK;
    }
    run->plan = (struct plan){.kind = PLAN_FREE};
    run->mode = ORDER_SORT;
    return start(run, selection, out_stmt, error);
}

static enum err run_statement(struct page_run *run, struct error *error)
{
    struct selection selection;
    struct db_stmt *stmt = NULL;
    enum err err = start_somehow(run, &selection, &stmt, error);
    if (err != OK) {
        return err;
    }
    struct db *db = reader_db(run->reader);
    int64_t whole = db_steps(db);
    bool trial = run->plan.trial_steps > 0 && (whole == 0 || whole > run->plan.trial_steps);
    if (trial) {
        db_limit_steps(db, run->plan.trial_steps);
    } else {
        run->plan.trial_steps = 0;
    }
    err = step_all(run, &selection, stmt, error);
    if (trial) {
        db_limit_steps(db, whole);
    }
    db_done(stmt);
    return err;
}

/* ---- a page ---- */

static void first_mode(struct page_run *run)
{
    if (run->plan.kind != PLAN_WALK) {
        run->mode = ORDER_SORT;
    } else if (plan_phases(run->query, &run->plan) && run->has_after &&
               run->after.values[0].kind == VALUE_NULL) {
        run->mode = ORDER_NULLS;
    } else {
        run->mode = ORDER_FILLED;
    }
}

/* One walk, or one sorted statement; then the rows without a value where the walk has two phases.
 */
static enum err run_plan(struct page_run *run, struct error *error)
{
    first_mode(run);
    enum err err = run_statement(run, error);
    if (err == OK && !run->more && run->mode == ORDER_FILLED &&
        plan_phases(run->query, &run->plan)) {
        run->mode = ORDER_NULLS;
        err = run_statement(run, error);
    }
    return err;
}

static enum err run_page(struct page_run *run, struct error *error)
{
    struct planner planner = planner_of(run);
    enum err err = plan_choose(&planner, &run->plan, error);
    if (err != OK) {
        return err;
    }
    if (run->wanted == INT64_MAX) {
        run->plan.trial_steps = 0;
    }
    err = run_plan(run, error);
    while (err == ERR_LIMIT && run->plan.trial_steps > 0) {
        err = plan_again(&planner, run->given > 0, &run->plan, error);
        if (err == OK) {
            err = run_plan(run, error);
        }
    }
    return err;
}

/* ---- totals ---- */

static enum err count_rows(struct page_run *run, struct page *page, struct error *error)
{
    const struct query *query = run->query;
    struct planner planner = planner_of(run);
    struct plan plan = run->plan;
    struct sql sql;
    struct buf where, text;
    struct db_stmt *stmt = NULL;
    bool row = false;
    enum err err = plan.kind == PLAN_DRIVE ? OK : plan_narrow(&planner, &plan, error);
    if (err != OK) {
        return err;
    }
    buf_init(&where);
    buf_init(&text);
    sql_init(&sql, run->arena, query->scope, query->type, run->now_ms);
    where_root(&sql, &where, query->filter, query->archived);
    plan_condition(&sql, &where, query, &plan);
    buf_append_str(&text, STR("select count(*) from (select 1"));
    sql_from(&sql, &text, plan.forced);
    buf_append_str(&text, STR(" where "));
    buf_append_str(&text, buf_str(&where));
    if (query->count == COUNT_CAPPED) {
        buf_append_str(&text, STR(" limit "));
        sql_bind_int(&sql, &text, COUNT_CAP + 1);
    }
    buf_append_char(&text, ')');
    err = sql_start(&sql, planner.db, &text, &stmt, error);
    if (err == OK) {
        err = db_step(stmt, &row, error);
    }
    if (err == OK) {
        page->count = db_column_int(stmt, 0);
        page->count_capped = query->count == COUNT_CAPPED && page->count > COUNT_CAP;
        page->count = page->count_capped ? COUNT_CAP : page->count;
    }
    db_done(stmt);
    buf_deinit(&where);
    buf_deinit(&text);
    return err;
}

/* ---- the calls ---- */

static void run_init(struct page_run *run, struct reader *reader, const struct query *query)
{
    struct env *env = store_env(reader_store(reader));
    ASSERT(query->bound);
    *run = (struct page_run){.reader = reader, .query = query, .now_ms = env->now_ms(env)};
    arena_init(&run->row);
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_query(struct reader *reader, const struct query *query, struct arena *arena,
                      record_cb row, void *context, struct page *out_page, struct error *error)
{
    struct page_run run;
    bool entered = false;
    run_init(&run, reader, query);
    run.arena = arena;
    run.give = row;
    run.context = context;
    run.wanted = query->limit > 0 ? query->limit : QUERY_LIMIT_DEFAULT;
    const unsigned char *key = reader_store(reader)->cursor_key;
    enum err err = OK;
    if (query->after.len > 0) {
        err = cursor_open(key, query, arena, &run.after, error);
        run.has_after = err == OK;
    }
    if (err == OK) {
        err = reader_enter(reader, &entered, error);
    }
    if (err == OK) {
        err = run_page(&run, error);
    }
    struct page page = {.row_count = (int)run.given, .count = -1};
    if (err == OK && query->count != COUNT_NONE && query->after.len == 0 && !run.more) {
        page.count = run.given; /* the first page is the last one too */
    } else if (err == OK && query->count != COUNT_NONE) {
        err = count_rows(&run, &page, error);
    }
    if (err == OK) {
        page.next = run.more ? cursor_seal(key, query, &run.after, arena) : STR("");
        *out_page = page;
    }
    reader_leave(reader, entered);
    run_deinit(&run);
    return err;
}

enum err reader_each(struct reader *reader, const struct query *query, record_cb row, void *context,
                     struct error *error)
{
    struct page_run run;
    struct arena arena;
    bool entered = false;
    arena_init(&arena);
    run_init(&run, reader, query);
    run.arena = &arena;
    run.give = row;
    run.context = context;
    run.wanted = INT64_MAX;
    enum err err = reader_enter(reader, &entered, error);
    if (err == OK) {
        err = run_page(&run, error);
    }
    reader_leave(reader, entered);
    run_deinit(&run);
    arena_deinit(&arena);
    return err;
}

/* ---- where a query may run ---- */

/* Some condition at the top stands on an index by itself. */
static bool narrow(const struct filter *filter)
{
    if (filter->kind == FILTER_TEST) {
        const struct field *field = filter->target.field;
        return filter->target.hop_count == 0 && (filter->op == OP_EQ || filter->op == OP_IN) &&
               (field->type == FIELD_ID || field->unique || field->indexed);
    }
    for (int i = 0; filter->kind == FILTER_AND && i < filter->child_count; i++) {
        if (narrow(filter->children[i])) {
            return true;
        }
    }
    return false;
}

bool query_is_short(const struct query *query)
{
    enum { SHORT_PAGE_MAX = 100 };
    ASSERT(query->bound);
    if (query->limit > SHORT_PAGE_MAX || query->count != COUNT_NONE) {
        return false;
    }
    if (query_part_count(query) > 0) {
        const struct field_path *first = &query->order[0].target;
        if (first->hop_count > 0 || !(first->field->indexed || first->field->unique)) {
            return query->filter != NULL && narrow(query->filter);
        }
    }
    return query->filter == NULL || narrow(query->filter);
}
