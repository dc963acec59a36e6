/* Timers: rows ordered by when they are due, which are the heap. Those that are due wake their run,
 * in their order and at the rate at which runs are taken; the run's turn drops the row in the unit
 * that notes the waking, so a timer fires once whatever the clock does. Loop thread.
 *
 * flows->timers is the last row that woke its run. A row up to there is either gone with its turn
 * or will be, so nothing is read twice; a row that is written below it moves it back. */
#include "internal.h"

#include "proxenos/base_log.h"

/* Due, or only a look because the clock may have been set: the table says which, and for how long
 * to sleep on. */
static void on_due(struct timer *timer)
{
    struct flows *flows = CONTAINER_OF(timer, struct flows, due);
    flows->next_due_ms = 0;
    flows_pump_soon(flows);
}

void timers_open(struct flows *flows)
{
    timer_init(&flows->due, flows->loop, on_due);
    timers_rewind(flows);
}

void timers_rewind(struct flows *flows)
{
    flows->timers.due = INT64_MIN;
    flows->timers.run = flows->timers.seq = 0;
    flows->next_due_ms = 0;
}

struct pass {
    struct flows *flows;
    size_t count;
};

static enum err on_timer(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    struct pass *pass = context;
    struct flows *flows = pass->flows;
    pass->count++;
    flows->timers.due = columns[0].integer;
    flows->timers.run = columns[1].integer;
    flows->timers.seq = columns[2].integer;
    if (columns[3].kind == VALUE_TEXT) {
        flows_wake(flows_plugin(flows, columns[3].text), columns[1].integer);
    }
    return OK;
}

int64_t flows_sleep_ms(const struct flows *flows, int64_t wait_ms)
{
    enum { LOOK_EVERY_MS = 60000 };
    bool stepped = store_env(flows->store)->stepped;
    return MAX(1, stepped ? wait_ms : MIN(wait_ms, LOOK_EVERY_MS));
}

static void sleep_until_next(struct flows *flows, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    struct error error = {0};
    struct value binds[] = {value_int(flows->timers.due), value_int(flows->timers.run),
                            value_int(flows->timers.seq)};
    if (FLOW_READ(flows->reader, FLOW_TIMER_NEXT, binds, row_integer, &next_ms, &error) != OK) {
        log_error("flow", "timers cannot be read code=%s error=\"%s\"", err_code(error.err),
                  error.detail);
        next_ms = now_ms + 60000;
    }
    flows->next_due_ms = next_ms;
    if (next_ms != INT64_MAX) {
        timer_start(&flows->due, flows_sleep_ms(flows, next_ms - now_ms));
    }
}

void timers_pump(struct flows *flows)
{
    int64_t now_ms = loop_now_ms(flows->loop);
    struct error error = {0};
    struct pass pass = {.flows = flows};
    approvals_pump(flows);
    if (flows->ready_count >= READY_MAX || now_ms < flows->next_due_ms) {
        return; /* the pump comes again when there is room; the timer runs */
    }
    struct value binds[] = {value_int(flows->timers.due), value_int(flows->timers.run),
                            value_int(flows->timers.seq), value_int(now_ms),
                            value_int(TIMERS_TURN_MAX)};
    if (FLOW_READ(flows->reader, FLOW_TIMER_DUE, binds, on_timer, &pass, &error) != OK) {
        log_error("flow", "timers cannot be read code=%s error=\"%s\"", err_code(error.err),
                  error.detail);
    }
    if (pass.count == TIMERS_TURN_MAX) {
        flows_pump_soon(flows);
    } else {
        sleep_until_next(flows, now_ms);
    }
}

int64_t flows_next_due_ms(const struct flows *flows)
{
    int64_t due_ms = MIN(flows->next_due_ms, approvals_next_due_ms(flows));
    return MIN(due_ms, MIN(flows->gates_next_ms, flows->calls_next_ms));
}

void timers_added(struct flows *flows, int64_t due_ms)
{
    if (due_ms <= flows->timers.due) {
        flows->timers.due = due_ms - 1;
        flows->timers.run = flows->timers.seq = INT64_MAX;
    }
    if (due_ms < flows->next_due_ms) {
        flows->next_due_ms = 0;
        flows_pump_soon(flows);
    }
}
