/* Approvals that runs wait for: asked in the unit of the turn, answered in the unit of the vote,
 * and what time does to them in between. Times are rows, so they outlive a crash; the unit that
 * drops a row does what it says, so nothing is said twice.
 *
 * struct approvals belongs to the loop, but for what is called with a tx and for `posted`. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { DUE_UNIT_MAX = 100, LOOK_AGAIN_MS = 60000 };

/* ---- the table ---- */

enum statement { TIMER_ADD, TIMER_DROP, TIMER_DROP_ALL, TIMER_DUE, TIMER_NEXT, STATEMENT_COUNT };

static const char *const migrations[] = {
    "create table approval_timer (due integer not null, approval integer not null, what integer "
    "not null, primary key (due, approval, what)) without rowid;"
    "create index approval_timer_of on approval_timer (approval);",
};
static const struct table_statement statements[STATEMENT_COUNT] = {
    [TIMER_ADD] = {"timer_add", "insert into approval_timer (due, approval, what) values (?1, ?2, "
                                "?3) on conflict do nothing"},
    [TIMER_DROP] = {"timer_drop",
                    "delete from approval_timer where due = ?1 and approval = ?2 and what = ?3"},
    [TIMER_DROP_ALL] = {"timer_drop_all", "delete from approval_timer where approval = ?1"},
    [TIMER_DUE] = {"timer_due", "select due, approval, what from approval_timer where due <= ?1 "
                                "order by due, approval, what limit ?2"},
    [TIMER_NEXT] = {"timer_next", "select due from approval_timer order by due limit 1"},
};
static const struct table_module tables = {
    .prefix = "approval_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = STATEMENT_COUNT,
};

#define TX(tx, statement, binds, row, context, error)                                              \
    tx_table((tx), &tables, (int)(statement), (binds), (int)COUNT_OF(binds), (row), (context),     \
             (error))

struct approvals {
    struct flows *flows;
    struct timer timer;
    struct message woken; /* from the writer: a time was written */
    atomic_bool posted;
    int64_t next_due_ms; /* 0: to be looked up */
    bool unit_away;
    struct unit unit;
    size_t handled; /* by the unit */
};

/* ---- asking ---- */

static void post_woken(void *context)
{
    struct approvals *approvals = context;
    if (!atomic_exchange(&approvals->posted, true)) {
        mailbox_post(loop_mailbox(approvals->flows->loop), &approvals->woken);
    }
}

static enum err add_time(struct tx *tx, int64_t due_ms, int64_t approval, enum approval_time what,
                         struct error *error)
{
    struct value binds[] = {value_int(due_ms), value_int(approval), value_int(what)};
    return due_ms == 0 ? OK : TX(tx, TIMER_ADD, binds, NULL, NULL, error);
}

static enum err add_times(const struct flows *flows, struct tx *tx, int64_t id,
                          const struct flow_approval *given, struct error *error)
{
    enum err err = add_time(tx, given->remind_ms, id, APPROVAL_REMIND, error);
    if (err == OK) {
        err = add_time(tx, given->due_ms, id, APPROVAL_DUE, error);
    }
    if (err == OK) {
        err = add_time(tx, given->expires_ms, id, APPROVAL_EXPIRE, error);
    }
    if (err == OK && (given->due_ms != 0 || given->expires_ms != 0)) {
        tx_committed(tx, post_woken, flows->approvals);
    }
    return err;
}

static enum err ask(const struct flow_turn *turn, struct tx *tx, const struct flow_command *command,
                    int64_t seq, struct error *error)
{
    struct value options;
    struct flow_approval given;
    struct arena *arena = tx_arena(tx);
    enum err err = flow_decode(arena, command->input.bytes, &options, error);
    if (err == OK) {
        err = flow_approval_read(&options, arena, turn->live.at_ms, &given, error);
    }
    if (err != OK) {
        return err;
    }
    struct approval_ask asked = {.id = ids_next(store_ids(tx_store(tx))),
                                 .run = turn->run.id,
                                 .seq = seq,
                                 .plugin = turn->run.plugin,
                                 .flow = turn->run.name,
                                 .object = given.object,
                                 .record = given.record,
                                 .role = given.role,
                                 .escalate = given.escalate,
                                 .quorum = given.quorum,
                                 .rejections = given.rejections,
                                 .exclude = given.exclude,
                                 .requested_by = turn->run.actor,
                                 .due_ms = given.due_ms,
                                 .expires_ms = given.expires_ms,
                                 .title = given.title,
                                 .data = given.data};
    err = tx_approval_ask(tx, &asked, error);
    return err == OK ? add_times(turn->flows, tx, asked.id, &given, error) : err;
}

/* What the flow got wrong is its command's answer, not the end of the turn. */
static bool is_answer(enum err err)
{
    return err == ERR_NOT_FOUND || err == ERR_FORBIDDEN || err == ERR_UNKNOWN_OBJECT ||
           err == ERR_LIMIT || err == ERR_RANGE || err == ERR_VALIDATION || err == ERR_INVALID ||
           err == ERR_REQUIRED;
}

static enum err ask_or_answer(struct flow_turn *turn, struct tx *tx,
                              const struct flow_command *command, int64_t seq, struct error *error)
{
    struct error own = {0};
    enum err err = ask(turn, tx, command, seq, &own);
    if (err == OK || !is_answer(err)) {
        if (err != OK && error != NULL) {
            *error = own;
        }
        return err;
    }
    own.err = err;
    struct flow_arrival arrival = {
        .kind = FLOW_ARRIVAL_RESULT,
        .seq = seq,
        .result = {.failed = true, .data = {.bytes = error_bytes(tx_arena(tx), &own)}}};
    turn->more = true;
    return inbox_add(turn->flows, tx, turn->run.plugin, turn->run.id, &arrival, STR(""), error);
}

enum err flow_turn_ask(struct flow_turn *turn, struct tx *tx, struct error *error)
{
    int64_t first = turn->replay.seq - (int64_t)turn->live.command_count + 1;
    bool ended = turn->finished || turn->continued;
    enum err err = OK;
    for (size_t i = 0; i < turn->live.command_count && err == OK && !ended; i++) {
        const struct flow_command *command = &turn->live.commands[i];
        if (command->kind == FLOW_APPROVE &&
            replay_pending(&turn->replay, first + (int64_t)i) != NULL) {
            err = ask_or_answer(turn, tx, command, first + (int64_t)i, error);
        }
    }
    return err;
}

/* ---- its end ---- */

static enum err answer(struct flows *flows, struct tx *tx, const struct approval_outcome *outcome,
                       struct error *error)
{
    struct buf bytes;
    struct error why = {0};
    struct flow_arrival arrival = {.kind = FLOW_ARRIVAL_RESULT, .seq = outcome->seq};
    buf_init(&bytes);
    if (outcome->is_void) {
        (void)error_set(&why, ERR_VOID, "%s", err_text(ERR_VOID));
        arrival.result = (struct flow_result){.failed = true,
                                              .data = {.bytes = error_bytes(tx_arena(tx), &why)}};
    } else {
        flow_encode(&bytes, &outcome->result);
        arrival.result.data.bytes = buf_str(&bytes);
    }
    enum err err = inbox_add(flows, tx, outcome->plugin, outcome->run, &arrival, STR(""), error);
    buf_deinit(&bytes);
    return err;
}

/* store_on_approval */
static enum err on_settled(void *context, struct tx *tx, const struct approval_outcome *outcome,
                           struct error *error)
{
    struct value binds[] = {value_int(outcome->id)};
    enum err err = TX(tx, TIMER_DROP_ALL, binds, NULL, NULL, error);
    return err == OK && !outcome->cancelled ? answer(context, tx, outcome, error) : err;
}

/* ---- time ---- */

struct due_row {
    int64_t due_ms, approval;
    int what;
};
struct due_list {
    struct due_row rows[DUE_UNIT_MAX];
    size_t count;
};

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct due_list *list = context;
    list->rows[list->count++] =
        (struct due_row){columns[0].integer, columns[1].integer, (int)columns[2].integer};
    return OK;
}

static enum err act(struct tx *tx, const struct due_row *row, struct error *error)
{
    struct value binds[] = {value_int(row->due_ms), value_int(row->approval), value_int(row->what)};
    enum err err = TX(tx, TIMER_DROP, binds, NULL, NULL, error);
    return err == OK && row->what >= APPROVAL_REMIND && row->what <= APPROVAL_EXPIRE
               ? tx_approval_time(tx, row->approval, (enum approval_time)row->what, error)
               : err;
}

static enum err due_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct approvals *approvals = CONTAINER_OF(unit, struct approvals, unit);
    struct due_list *list = ARENA_NEW(tx_arena(tx), struct due_list);
    struct value binds[] = {value_int(tx_now_ms(tx)), value_int(DUE_UNIT_MAX)};
    enum err err = TX(tx, TIMER_DUE, binds, on_row, list, error);
    for (size_t i = 0; i < list->count && err == OK; i++) {
        err = act(tx, &list->rows[i], error);
    }
    approvals->handled = list->count;
    return err;
}

/* It is looked again, but not in a hot loop when nothing came of it. */
static void look_in(struct approvals *approvals, int64_t wait_ms)
{
    approvals->next_due_ms = loop_now_ms(approvals->flows->loop) + wait_ms;
    timer_start(&approvals->timer, wait_ms);
}

static void due_done(struct unit *unit)
{
    struct approvals *approvals = CONTAINER_OF(unit, struct approvals, unit);
    struct flows *flows = approvals->flows;
    approvals->unit_away = false;
    flows->units_away--;
    if (unit->err != OK) {
        log_error("flow", "approvals that are due cannot be written code=%s error=\"%s\"",
                  err_code(unit->err), unit->error.detail);
    }
    if (unit->err != OK || approvals->handled == 0) {
        look_in(approvals, AGAIN_FIRST_MS);
    } else {
        approvals->next_due_ms = 0;
    }
    unit_deinit(unit);
    flows_pump_soon(flows);
}

static void submit(struct approvals *approvals)
{
    struct flows *flows = approvals->flows;
    approvals->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                    .apply = due_apply,
                                    .done = due_done,
                                    .scope = flows->scope,
                                    .request = STR("approvals")};
    if (store_submit(flows->store, &approvals->unit) == OK) {
        approvals->unit_away = true;
        flows->units_away++;
    } else {
        look_in(approvals, AGAIN_FIRST_MS);
    }
}

static enum err on_next(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

void approvals_pump(struct flows *flows)
{
    struct approvals *approvals = flows->approvals;
    struct error error = {0};
    int64_t now_ms = loop_now_ms(flows->loop);
    int64_t next_ms = INT64_MAX;
    if (approvals == NULL || approvals->unit_away || now_ms < approvals->next_due_ms) {
        return;
    }
    if (reader_table(flows->reader, &tables, TIMER_NEXT, NULL, 0, on_next, &next_ms, &error) !=
        OK) {
        log_error("flow", "approvals that are due cannot be read code=%s error=\"%s\"",
                  err_code(error.err), error.detail);
        look_in(approvals, LOOK_AGAIN_MS);
    } else if (next_ms <= now_ms) {
        submit(approvals);
    } else {
        approvals->next_due_ms = next_ms;
        if (next_ms != INT64_MAX) {
            timer_start(&approvals->timer, flows_sleep_ms(flows, next_ms - now_ms));
        }
    }
}

static void on_timer(struct timer *timer)
{
    struct approvals *approvals = CONTAINER_OF(timer, struct approvals, timer);
    approvals->next_due_ms = 0;
    flows_pump_soon(approvals->flows);
}

static void on_woken(struct message *message)
{
    struct approvals *approvals = CONTAINER_OF(message, struct approvals, woken);
    atomic_store(&approvals->posted, false);
    approvals->next_due_ms = 0;
    flows_pump_soon(approvals->flows);
}

int64_t approvals_next_due_ms(const struct flows *flows)
{
    return flows->approvals != NULL ? flows->approvals->next_due_ms : INT64_MAX;
}

/* ---- open and close ---- */

enum err approvals_open(struct flows *flows, struct error *error)
{
    enum err err = store_table_module(flows->store, &tables, error);
    if (err != OK) {
        return err;
    }
    struct approvals *approvals = mem_zalloc(sizeof(*approvals));
    approvals->flows = flows;
    approvals->woken.deliver = on_woken;
    timer_init(&approvals->timer, flows->loop, on_timer);
    flows->approvals = approvals;
    store_on_approval(flows->store, on_settled, flows);
    return OK;
}

void approvals_close(struct flows *flows)
{
    if (flows->approvals != NULL) {
        store_on_approval(flows->store, NULL, NULL);
        timer_deinit(&flows->approvals->timer);
        mem_free(flows->approvals);
        flows->approvals = NULL;
    }
}
