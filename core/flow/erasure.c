/* What runs keep of a person who is erased: inputs, journals, results, signals, marks. A run that
 * has ended goes as a whole; one that has not is in the way, or is cancelled where that is wished.
 * The erasure's thread, with a reader of its own; the units on the writer's. */
#include "internal.h"

#include <time.h>

#include "proxenos/store_erasure.h"

enum { PAGE_ROWS = 500, WAIT_MS = 30000, LOOK_MS = 50, NS_PER_MS = 1000000 };

struct finding {
    struct erasure_run *erasing;
    struct flows *flows;
    struct map *into; /* of runs, or of rows of the journal */
    struct arena *arena;
    struct value last[2];
    size_t rows;
};

/* ---- which rows ---- */

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    struct finding *finding = context;
    (void)error;
    finding->last[0] = columns[0];
    finding->last[1] = value_copy(finding->arena, &columns[1]);
    finding->rows++;
    for (int i = 2; i < column_count; i++) {
        bool bytes = columns[i].kind == VALUE_TEXT || columns[i].kind == VALUE_BYTES;
        if (bytes && erasing_finds(finding->erasing, columns[i].text)) {
            (void)map_set_int(finding->into, columns[0].integer, finding->erasing);
        }
    }
    return OK;
}

static enum err search(struct finding *finding, enum flow_statement statement, int keys,
                       struct error *error)
{
    struct arena arenas[2]; /* the key behind which a page begins is in the one before */
    struct value last[2] = {value_null(), value_null()};
    enum err err = OK;
    arena_init(&arenas[0]);
    arena_init(&arenas[1]);
    finding->rows = PAGE_ROWS;
    for (size_t turn = 0; err == OK && finding->rows == PAGE_ROWS; turn++) {
        finding->arena = &arenas[turn % 2];
        finding->rows = 0;
        arena_reset(finding->arena);
        err = reader_table(finding->erasing->reader, &flow_tables, (int)statement, last, keys,
                           on_row, finding, error);
        memcpy(last, finding->last, sizeof(last));
        if (err == OK && !finding->erasing->progress(finding->erasing->context, 0, 0)) {
            err = error_set(error, ERR_CANCELLED, "it was interrupted");
        }
    }
    arena_deinit(&arenas[0]);
    arena_deinit(&arenas[1]);
    return err;
}

/* ---- whose journal ---- */

struct brief {
    int64_t id, log;
    int state;
    struct str plugin, name;
};

struct briefs {
    struct arena *arena;
    struct brief rows[PAGE_ROWS];
    size_t count;
};

static enum err on_brief(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    struct briefs *briefs = context;
    (void)column_count;
    (void)error;
    briefs->rows[briefs->count++] =
        (struct brief){.id = columns[0].integer,
                       .plugin = arena_str(briefs->arena, columns[1].text),
                       .name = arena_str(briefs->arena, columns[2].text),
                       .state = (int)columns[3].integer,
                       .log = columns[4].integer};
    return OK;
}

static enum err on_integer(void *context, const struct value *columns, int column_count,
                           struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

/* Rows of the journal name the one before: a run is found by walking back. */
static enum err walk_journal(struct finding *finding, const struct brief *run,
                             const struct map *rows, struct error *error)
{
    int64_t row = MAX(run->log, 0);
    enum err err = OK;
    while (err == OK && row != 0) {
        struct value binds[] = {value_int(row)};
        if (map_get_int(rows, row) != NULL) {
            (void)map_set_int(finding->into, run->id, finding->erasing);
            return OK;
        }
        row = 0;
        err =
            FLOW_READ(finding->erasing->reader, FLOW_LOG_PREVIOUS, binds, on_integer, &row, error);
    }
    return err;
}

typedef enum err (*brief_cb)(struct finding *finding, const struct brief *run, void *context,
                             struct error *error);

static enum err each_run(struct finding *finding, brief_cb each, void *context, struct error *error)
{
    struct arena arena;
    struct value last = value_null();
    size_t count = PAGE_ROWS;
    enum err err = OK;
    arena_init(&arena);
    while (err == OK && count == PAGE_ROWS) {
        arena_reset(&arena);
        struct briefs *briefs = ARENA_NEW(&arena, struct briefs);
        briefs->arena = &arena;
        err = reader_table(finding->erasing->reader, &flow_tables, FLOW_RUN_BRIEF, &last, 1,
                           on_brief, briefs, error);
        count = briefs->count;
        for (size_t i = 0; err == OK && i < count; i++) {
            err = each(finding, &briefs->rows[i], context, error);
            last = value_int(briefs->rows[i].id);
        }
    }
    arena_deinit(&arena);
    return err;
}

static enum err on_journal(struct finding *finding, const struct brief *run, void *context,
                           struct error *error)
{
    return walk_journal(finding, run, context, error);
}

static enum err find_journals(struct finding *finding, struct error *error)
{
    struct map rows;
    struct map *runs = finding->into;
    map_init(&rows);
    finding->into = &rows;
    enum err err = search(finding, FLOW_LOG_SEARCH, 1, error);
    finding->into = runs;
    if (err == OK && rows.count > 0) {
        err = each_run(finding, on_journal, &rows, error);
    }
    map_deinit(&rows);
    return err;
}

static enum err find_runs(struct finding *finding, struct error *error)
{
    static const enum flow_statement tables[] = {FLOW_BLOB_SEARCH, FLOW_INBOX_SEARCH,
                                                 FLOW_ATTRIBUTE_SEARCH, FLOW_CALL_SEARCH,
                                                 FLOW_SOURCE_SEARCH};
    enum err err = search(finding, FLOW_RUN_SEARCH, 1, error);
    for (size_t i = 0; err == OK && i < COUNT_OF(tables); i++) {
        err = search(finding, tables[i], 2, error);
    }
    return err == OK ? find_journals(finding, error) : err;
}

/* ---- ending and dropping (units) ---- */

struct ending {
    struct unit unit;
    struct flows *flows;
    const struct brief *run;
};

static enum err run_unit(struct finding *finding, const struct brief *run,
                         enum err (*apply)(struct unit *, struct tx *, struct error *),
                         struct error *error)
{
    struct erasure_run *erasing = finding->erasing;
    struct ending ending = {.flows = finding->flows, .run = run};
    ending.unit =
        (struct unit){.apply = apply, .scope = erasing->scope, .request = erasing->request};
    enum err err = store_run(erasing->store, &ending.unit);
    if (err != OK) {
        *error = ending.unit.error;
        error->next = NULL;
    }
    unit_deinit(&ending.unit);
    return err;
}

static enum err cancel_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct ending *ending = CONTAINER_OF(unit, struct ending, unit);
    enum err err = flow_tx_cancel(ending->flows, tx, ending->run->plugin, ending->run->id,
                                  STR("the person it tells of is erased"), error);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err drop_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct ending *ending = CONTAINER_OF(unit, struct ending, unit);
    return flow_tx_erase(tx, ending->run->id, error);
}

static bool has_ended(struct finding *finding, int64_t run, struct error *error, enum err *out_err)
{
    struct value binds[] = {value_int(run - 1)};
    struct arena arena;
    arena_init(&arena);
    struct briefs *briefs = ARENA_NEW(&arena, struct briefs);
    briefs->arena = &arena;
    *out_err = reader_table(finding->erasing->reader, &flow_tables, FLOW_RUN_BRIEF, binds, 1,
                            on_brief, briefs, error);
    bool ended = briefs->count == 0 || briefs->rows[0].id != run ||
                 flow_state_is_end((enum flow_state)briefs->rows[0].state);
    arena_deinit(&arena);
    return ended;
}

static enum err in_the_way(const struct brief *run, struct error *error)
{
    char id[ID_TEXT_LEN + 1];
    id_format(run->id, id);
    return error_at(error, ERR_CONFLICT, NULL, id,
                    "run %s of the flow " STR_FORMAT " holds values of this person and has not "
                    "ended: let it end, cancel it, or send cancel_runs",
                    id, STR_ARGS(run->name));
}

static enum err end_run(struct finding *finding, const struct brief *run, struct error *error)
{
    enum err err = OK;
    if (!finding->erasing->cancel_runs) {
        return in_the_way(run, error);
    }
    err = run_unit(finding, run, cancel_apply, error);
    for (int waited = 0; err == OK && !has_ended(finding, run->id, error, &err);
         waited += LOOK_MS) {
        struct timespec pause = {.tv_nsec = (long)LOOK_MS * NS_PER_MS};
        if (waited >= WAIT_MS) {
            return error_set(error, ERR_CONFLICT,
                             "a run of the flow " STR_FORMAT " was cancelled and has not ended "
                             "within %d s: look at what its cleaning up waits for, then send the "
                             "request again",
                             STR_ARGS(run->name), WAIT_MS / 1000);
        }
        if (err == OK && !finding->erasing->progress(finding->erasing->context, 0, 0)) {
            return error_set(error, ERR_CANCELLED, "it was interrupted");
        }
        (void)nanosleep(&pause, NULL);
    }
    return err;
}

static enum err on_found(struct finding *finding, const struct brief *run, void *context,
                         struct error *error)
{
    int64_t *count = context;
    enum err err = OK;
    if (map_get_int(finding->into, run->id) == NULL) {
        return OK;
    }
    (*count)++;
    if (!flow_state_is_end((enum flow_state)run->state)) {
        err = finding->erasing->dry_run && finding->erasing->cancel_runs
                  ? OK
                  : end_run(finding, run, error);
    }
    return err == OK && !finding->erasing->dry_run ? run_unit(finding, run, drop_apply, error)
                                                   : err;
}

static enum err run_part(struct erasure_run *erasing, void *context, int64_t *out_count,
                         struct error *error)
{
    struct map runs;
    struct finding finding = {.erasing = erasing, .flows = context, .into = &runs};
    map_init(&runs);
    enum err err = find_runs(&finding, error);
    if (err == OK && runs.count > 0) {
        err = each_run(&finding, on_found, out_count, error);
    }
    map_deinit(&runs);
    return err;
}

void flows_erasure_part(struct flows *flows)
{
    flows->erasure = (struct erasure_part){.name = "flow_runs", .run = run_part, .context = flows};
    store_erasure_part(flows->store, &flows->erasure);
}
