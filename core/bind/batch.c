/* Events to handlers in batches (contract 18): up to 64 deliveries run one after the other under
 * one snapshot and overlay, each its own unit of work, handed to the writer as soon as its handler
 * has returned; so the disk works while the next handler runs. Those that met a conflict at commit,
 * and those that built on them, run again in the next round, in order.
 *
 *   loop: bind_deliver ─▶ executor: round ─▶ writer ─▶ loop: unit_done … round_over ─▶ again or end
 *
 * While the round's job is out, an item's `state` is the executor's and `fate` the loop's; when all
 * is back, the loop puts the two together. */
#include "usage.h"

#include "proxenos/base_log.h"

enum { AGAIN_LATER_MS = 250 };

enum item_state {
    ITEM_TO_RUN,
    ITEM_SENT,   /* with the writer */
    ITEM_DONE,   /* told to the bus */
    ITEM_FAILED, /* to be told to the bus */
    ITEM_BEHIND, /* an earlier one of its key failed: parks untried */
    ITEM_AGAIN,  /* in the next round */
};

struct item {
    struct delivery *delivery;
    struct work_unit work;
    uint64_t same_key; /* earlier ones of its key */
    enum item_state state;
    enum item_state fate; /* of a sent one */
    int conflicts;        /* loop */
    struct error error;
    char *traceback;
};

struct batch {
    struct lua_job job;
    struct deferred deferred;
    struct list_node waiting; /* at the gate */
    struct call call;
    struct bind_host *host;
    const struct bind_registration *registration;
    bool alone; /* in a later round */
    struct overlay overlay;
    bool overlay_there;
    size_t count, at; /* `at`: the item that runs */
    size_t sent, back;
    bool job_back;
    bool later, send_later; /* wait before the next round: the loop's and the executor's word */
    struct timer again;
    struct item items[BUS_BATCH_MAX];
};

static void round_over(struct batch *batch);
static void post_round(struct batch *batch);

/* ---- the loop's side: units come back ---- */

static void keep_error(struct item *item, const struct error *error)
{
    item->error = *error;
    item->error.next = NULL;
}

static bool is_conflict(const struct item *item, enum err err)
{
    return item->work.behind || err == ERR_STALE || err == ERR_UNIQUE;
}

static void unit_done(struct unit *unit)
{
    struct item *item = CONTAINER_OF(CONTAINER_OF(unit, struct work_unit, unit), struct item, work);
    struct batch *batch = CONTAINER_OF(item->work.overlay, struct batch, overlay);
    enum err err = unit->err;
    if (err == OK) {
        work_committed(&item->work);
    }
    if (err == OK || (err == ERR_CONFLICT && !item->work.behind)) {
        item->fate = ITEM_DONE; /* the second: it was settled before, in another life */
        bus_settled(item->delivery);
    } else if (is_conflict(item, err) && item->conflicts < UNIT_RUNS_MAX) {
        item->fate = ITEM_AGAIN;
        item->conflicts += item->work.behind ? 0 : 1;
    } else if (err == ERR_DISK_FULL || err == ERR_BUSY || err == ERR_IO) {
        item->fate = ITEM_AGAIN; /* not the handler's fault: when the disk is well again */
        batch->later = true;
    } else {
        item->fate = ITEM_FAILED;
        keep_error(item, &unit->error);
    }
    unit_deinit(unit);
    batch->back++;
    round_over(batch);
}

/* ---- the executor's side: one round ---- */

static void run_next(struct batch *batch);

static uint64_t mask_of(const struct batch *batch, enum item_state state)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < batch->count; i++) {
        mask |= batch->items[i].state == state ? (uint64_t)1 << i : 0;
    }
    return mask;
}

static int push(struct lua_task *task, lua_State *L)
{
    struct batch *batch = CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct batch, call);
    const struct item *item = &batch->items[batch->at];
    int ref = batch->host->refs[batch->registration->index];
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, ref) != LUA_TFUNCTION) {
        lua_raise_set(L, ERR_LUA, "main.lua did not register " STR_FORMAT " again",
                      STR_ARGS(batch->registration->name));
    }
    if (batch->registration->kind == BIND_SCHEDULE) {
        schedule_push(L, &item->delivery->entry, &batch->overlay.arena);
    } else {
        event_push(L, &batch->call, &item->delivery->entry, &batch->overlay.arena);
    }
    return 1;
}

static void send(struct batch *batch, struct item *item)
{
    const struct log_entry *entry = &item->delivery->entry;
    item->work.depends |= item->same_key & mask_of(batch, ITEM_SENT);
    item->work.delivery = item->delivery;
    item->state = ITEM_SENT;
    enum err err = work_submit(&item->work, loop_mailbox(batch->host->bind->options.loop),
                               unit_done, entry->request, entry->seq);
    if (err == OK) {
        batch->sent++;
        return;
    }
    work_undo(&item->work);
    item->state = err == ERR_STOPPING ? ITEM_BEHIND : ITEM_AGAIN;
    batch->send_later = true;
}

static void keep_traceback(struct item *item, struct str traceback)
{
    mem_free(item->traceback);
    item->traceback = mem_alloc(traceback.len + 1);
    memcpy(item->traceback, traceback.at != NULL ? traceback.at : "", traceback.len);
    item->traceback[traceback.len] = '\0';
}

static void ended(struct lua_task *task)
{
    struct batch *batch = CONTAINER_OF(CONTAINER_OF(task, struct call, task), struct batch, call);
    struct item *item = &batch->items[batch->at];
    usage_end(&batch->call);
    if (task->err == OK) {
        send(batch, item);
    } else {
        work_undo(&item->work);
        item->state = ITEM_AGAIN; /* another task of the plugin was the cause */
        if (task->err != ERR_CANCELLED) {
            batch->host->kill_cause =
                (uint64_t)item->delivery->entry.seq * 1024 + batch->registration->index;
            item->state = ITEM_FAILED;
            keep_error(item, &task->error);
            keep_traceback(item, task->traceback);
        }
    }
    batch->at++;
    run_next(batch);
}

static void run_round(struct batch *batch);

/* The next batch may run its handlers. */
static void leave_queue(struct bind_host *host)
{
    struct list_node *node = NULL;
    host->batch_runs = false;
    while (!host->batch_runs && (node = list_pop(&host->batches)) != NULL) {
        struct batch *batch =
            CONTAINER_OF(CONTAINER_OF(node, struct deferred, waiting), struct batch, deferred);
        if (host_is_ready(host, &batch->deferred)) {
            run_round(batch);
        }
    }
}

static void finish_round(struct batch *batch)
{
    struct bind_host *host = batch->host;
    overlay_release(&batch->overlay);
    call_deinit(&batch->call);
    lua_job_finish(&batch->job, OK, NULL);
    leave_queue(host);
}

/* True when the handler was started. */
static bool start_item(struct batch *batch, struct item *item)
{
    struct error error = {0};
    if ((item->same_key & mask_of(batch, ITEM_FAILED)) != 0) {
        item->state = ITEM_BEHIND;
        return false;
    }
    if ((item->same_key & mask_of(batch, ITEM_AGAIN)) != 0) {
        item->state = ITEM_AGAIN;
        return false;
    }
    struct call *call = &batch->call;
    work_init(&item->work, &batch->overlay, (int)batch->at);
    call->task = (struct lua_task){.push = push, .ended = ended, .whole = true};
    call->task.no_wait = "a handler is one unit of work and cannot wait: what must wait "
                         "belongs into a flow";
    call->work = &item->work;
    call->cause = item->delivery->entry.seq;
    call->handler = batch->registration->handler;
    call->request = item->delivery->entry.request;
    usage_begin(call);
    enum err err = lua_task_start(batch->host->lua, &call->task, &error);
    if (err != OK) {
        item->state = ITEM_AGAIN; /* its state was thrown away meanwhile; it is being made anew */
        return false;
    }
    return true;
}

static void run_next(struct batch *batch)
{
    for (; batch->at < batch->count; batch->at++) {
        struct item *item = &batch->items[batch->at];
        if (item->state == ITEM_TO_RUN && start_item(batch, item)) {
            return;
        }
    }
    finish_round(batch);
}

static int64_t newest_seq(const struct batch *batch)
{
    int64_t seq = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i].state == ITEM_TO_RUN) {
            seq = MAX(seq, batch->items[i].delivery->entry.seq);
        }
    }
    return seq;
}

static void fail_round(struct batch *batch, enum err err, const struct error *error)
{
    bool give_back = err == ERR_SUSPENDED || err == ERR_STOPPING || err == ERR_CANCELLED;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];
        if (item->state == ITEM_TO_RUN && give_back) {
            item->state = ITEM_BEHIND;
        } else if (item->state == ITEM_TO_RUN) {
            item->state = ITEM_FAILED;
            keep_error(item, error);
        }
    }
    lua_job_finish(&batch->job, OK, NULL);
}

/* One batch of a host runs after the other, so that events commit in their order. */
static void run_round(struct batch *batch)
{
    struct error error = {0};
    const struct scope *scope = NULL;
    if (batch->host->batch_runs) {
        list_node_init(&batch->deferred.waiting);
        list_push(&batch->host->batches, &batch->deferred.waiting);
        return;
    }
    enum err err = host_scope(batch->host, &scope, &error);
    if (err != OK) {
        fail_round(batch, err, &error);
        return;
    }
    call_init(&batch->call, batch->host, CALL_EVENT);
    batch->call.scope = scope;
    overlay_init(&batch->overlay, batch->host, scope, newest_seq(batch));
    batch->overlay_there = true;
    batch->host->batch_runs = true;
    batch->at = 0;
    run_next(batch);
}

static void run_deferred(struct deferred *deferred, enum err err, const struct error *error)
{
    struct batch *batch = CONTAINER_OF(deferred, struct batch, deferred);
    if (err != OK) {
        fail_round(batch, err, error);
        return;
    }
    run_round(batch);
}

static void run(struct lua_job *job)
{
    struct batch *batch = CONTAINER_OF(job, struct batch, job);
    if (host_is_ready(batch->host, &batch->deferred)) {
        run_round(batch);
    }
}

/* ---- the loop's side: rounds ---- */

static void job_done(struct lua_job *job)
{
    struct batch *batch = CONTAINER_OF(job, struct batch, job);
    batch->job_back = true;
    for (size_t i = 0; job->err != OK && i < batch->count; i++) {
        if (batch->items[i].state == ITEM_TO_RUN) {
            batch->items[i].state = ITEM_BEHIND; /* the plugin is being closed */
        }
    }
    round_over(batch);
}

static struct gate *gate_of(const struct batch *batch)
{
    return &batch->host->gates[batch->registration->index];
}

static void open_gate(struct gate *gate)
{
    struct list_node *node = NULL;
    while (!gate->alone && (node = list_first(&gate->waiting)) != NULL) {
        struct batch *batch = CONTAINER_OF(node, struct batch, waiting);
        if (batch->alone && gate->under_way > 0) {
            return;
        }
        list_remove(node);
        gate->under_way++;
        gate->alone = batch->alone;
        post_round(batch);
    }
}

static void on_again(struct timer *timer)
{
    struct batch *batch = CONTAINER_OF(timer, struct batch, again);
    timer_deinit(&batch->again);
    list_push(&gate_of(batch)->waiting, &batch->waiting);
    open_gate(gate_of(batch));
}

static void tell_bus(struct batch *batch, bool give_up)
{
    uint64_t failed = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];
        bool blocked = (item->same_key & failed) != 0;
        if (item->state == ITEM_FAILED) {
            failed |= (uint64_t)1 << i;
            item->state = ITEM_DONE;
            bus_failed(item->delivery, &item->error,
                       str_from(item->traceback != NULL ? item->traceback : ""));
        } else if (item->state == ITEM_BEHIND ||
                   (item->state == ITEM_AGAIN && (blocked || give_up))) {
            item->state = ITEM_DONE;
            bus_behind(item->delivery);
        } else if (item->state == ITEM_AGAIN) {
            item->state = ITEM_TO_RUN;
        }
    }
}

static void free_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        mem_free(batch->items[i].traceback);
    }
    atomic_fetch_sub(&batch->host->busy, 1);
    mem_free(batch);
}

/* When the job and all its units are back. */
static void round_over(struct batch *batch)
{
    if (!batch->job_back || batch->back < batch->sent) {
        return;
    }
    if (batch->overlay_there) {
        overlay_deinit(&batch->overlay);
        batch->overlay_there = false;
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];
        item->state = item->state == ITEM_SENT ? item->fate : item->state;
    }
    struct gate *gate = gate_of(batch);
    gate->under_way--;
    gate->alone = false;
    tell_bus(batch, atomic_load(&batch->host->stopping) || atomic_load(&batch->host->suspended));
    if (mask_of(batch, ITEM_TO_RUN) == 0) {
        free_batch(batch);
    } else if (batch->later || batch->send_later) {
        timer_init(&batch->again, batch->host->bind->options.loop, on_again);
        timer_start(&batch->again, AGAIN_LATER_MS);
    } else {
        batch->alone = true;
        list_push_front(&gate->waiting, &batch->waiting);
    }
    open_gate(gate);
}

static void post_round(struct batch *batch)
{
    batch->job_back = batch->later = batch->send_later = false;
    batch->sent = batch->back = 0;
    batch->job.run = run;
    batch->job.done = job_done;
    batch->job.reply = loop_mailbox(batch->host->bind->options.loop);
    lua_job_post(batch->host->lua, &batch->job);
}

static uint64_t earlier_with_key(const struct batch *batch, size_t index)
{
    struct str key = batch->items[index].delivery->key;
    uint64_t mask = 0;
    for (size_t i = 0; key.len > 0 && i < index; i++) {
        mask |= str_eq(batch->items[i].delivery->key, key) ? (uint64_t)1 << i : 0;
    }
    return mask;
}

const struct scope *bind_rescope(void *context)
{
    const struct bind_host *host = ((const struct bind_registration *)context)->host;
    return auth_plugin_scope(host->bind->options.auth, &host->rights, NULL);
}

bool bind_outdated(void *context)
{
    struct bind_registration *registration = context;
    const struct bind_host *host = registration->host;
    if (host->rights.compartments.len == 0) {
        return false;
    }
    int64_t generation = auth_generation(host->bind->options.auth);
    bool outdated = registration->generation != generation;
    registration->generation = generation;
    return outdated;
}

void bind_deliver(struct subscription *subscription, struct delivery **deliveries, size_t count,
                  void *context)
{
    (void)subscription;
    ASSERT(count > 0 && count <= BUS_BATCH_MAX);
    const struct bind_registration *registration = context;
    struct batch *batch = mem_zalloc(sizeof(*batch));
    batch->host = registration->host;
    batch->registration = registration;
    batch->deferred.run = run_deferred;
    batch->count = count;
    for (size_t i = 0; i < count; i++) {
        batch->items[i].delivery = deliveries[i];
    }
    for (size_t i = 0; i < count; i++) {
        batch->items[i].same_key = earlier_with_key(batch, i);
    }
    list_node_init(&batch->waiting);
    atomic_fetch_add(&batch->host->busy, 1);
    list_push(&gate_of(batch)->waiting, &batch->waiting);
    open_gate(gate_of(batch));
}
