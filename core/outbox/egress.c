/* The egress log: one row for each request that left or was refused, with the host and never the
 * path, the query or a header, since secrets stand there. Rows are gathered on the net thread and
 * written by the loop, those of a moment in one unit: what came of a mail is noted by a unit that
 * should not wait for the disk behind these. It is a journal of operation, not part of the chained
 * log: rows of the last second may be lost with the process. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { GATHER_MS = 200, GATHERED_MAX = EGRESS_PENDING_MAX / 2 };

struct egress_row {
    struct list_node node;
    int64_t at_ms, took_ms, sent, received;
    int status;
    enum err err;
    char who[NET_WHO_MAX + 1], method[24], host[NET_ORIGIN_TEXT], address[NET_ADDRESS_TEXT];
};

struct egress_unit {
    struct unit unit;
    struct outbox *outbox;
    struct list rows;
};

static void free_rows(struct list *rows)
{
    struct list_node *node = NULL;
    while ((node = list_pop(rows)) != NULL) {
        mem_free(CONTAINER_OF(node, struct egress_row, node));
    }
}

/* ---- the net thread ---- */

static struct egress_row *make_row(struct outbox *outbox, const struct net_request *request)
{
    struct env *env = store_env(outbox->store);
    struct egress_row *row = mem_zalloc(sizeof(*row));
    struct str method = request->mail != NULL ? STR("MAIL") : request->method;
    row->at_ms = env->now_ms(env);
    row->took_ms = request->took_ms;
    row->sent = (int64_t)request->sent_bytes;
    row->received = (int64_t)request->answer_bytes;
    row->status = request->status;
    row->err = request->err;
    snprintf(row->who, sizeof(row->who), STR_FORMAT, STR_ARGS(request->who));
    snprintf(row->method, sizeof(row->method), STR_FORMAT,
             STR_ARGS(str_sub(method, 0, sizeof(row->method) - 1)));
    snprintf(row->host, sizeof(row->host), "%s", request->origin);
    snprintf(row->address, sizeof(row->address), "%s", request->address);
    return row;
}

void outbox_ended(void *context, const struct net_request *request)
{
    struct outbox *outbox = context;
    struct egress *egress = &outbox->egress;
    struct egress_row *row = make_row(outbox, request);
    bool tell = false;
    (void)pthread_mutex_lock(&egress->mutex);
    bool room = egress->pending_count < EGRESS_PENDING_MAX;
    if (room) {
        list_node_init(&row->node);
        list_push(&egress->pending, &row->node);
        egress->pending_count++;
        tell = !egress->posted;
        egress->posted = true;
    }
    (void)pthread_mutex_unlock(&egress->mutex);
    if (!room) {
        (void)atomic_fetch_add(&egress->lost, 1);
        mem_free(row);
    }
    if (tell) {
        mailbox_post(loop_mailbox(outbox->loop), &egress->message);
    }
}

/* ---- the writer ---- */

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct egress_unit *writing = CONTAINER_OF(unit, struct egress_unit, unit);
    enum err err = OK;
    list_foreach (node, &writing->rows) {
        const struct egress_row *row = CONTAINER_OF(node, struct egress_row, node);
        const struct value binds[] = {
            value_int(row->at_ms),
            value_text(str_from(row->who)),
            value_text(str_from(row->method)),
            value_text(str_from(row->host)),
            value_text(str_from(row->address)),
            value_int(row->status),
            value_text(str_from(row->err == OK ? "" : err_code(row->err))),
            value_int(row->sent),
            value_int(row->received),
            value_int(row->took_ms)};
        err = tx_table(tx, &outbox_tables, EGRESS_ADD, binds, COUNT_OF(binds), NULL, NULL, error);
        if (err != OK) {
            return err;
        }
    }
    const struct value most = value_int(EGRESS_ROWS_MAX);
    return tx_table(tx, &outbox_tables, EGRESS_TRIM, &most, 1, NULL, NULL, error);
}

/* ---- the loop ---- */

static struct egress_unit *take_pending(struct outbox *outbox)
{
    struct egress *egress = &outbox->egress;
    struct egress_unit *writing = mem_zalloc(sizeof(*writing));
    struct list_node *node = NULL;
    writing->outbox = outbox;
    list_init(&writing->rows);
    (void)pthread_mutex_lock(&egress->mutex);
    while ((node = list_pop(&egress->pending)) != NULL) {
        list_push(&writing->rows, node);
    }
    egress->pending_count = 0;
    (void)pthread_mutex_unlock(&egress->mutex);
    writing->unit = (struct unit){.apply = apply,
                                  .scope = store_system_scope(outbox->store, SYSTEM_OUTBOX),
                                  .request = STR("egress")};
    return writing;
}

static void end_unit(struct egress_unit *writing, enum err err)
{
    struct egress *egress = &writing->outbox->egress;
    if (err != OK) {
        size_t count = list_count(&writing->rows);
        (void)atomic_fetch_add(&egress->lost, count);
        log_warn("outbox", "rows of the egress log are lost rows=%zu code=%s", count,
                 err_code(err));
    }
    free_rows(&writing->rows);
    scope_unref(writing->unit.scope);
    mem_free(writing);
}

static void gather(struct egress *egress)
{
    if (!egress->writing && !egress->gathering) {
        egress->gathering = true;
        timer_start(&egress->gather, GATHER_MS);
    }
}

static void on_written(struct unit *unit)
{
    struct egress_unit *writing = CONTAINER_OF(unit, struct egress_unit, unit);
    struct egress *egress = &writing->outbox->egress;
    enum err err = unit->err;
    unit_deinit(unit);
    end_unit(writing, err);
    egress->writing = false;
    (void)pthread_mutex_lock(&egress->mutex);
    bool more = egress->pending_count > 0;
    (void)pthread_mutex_unlock(&egress->mutex);
    if (more) {
        gather(egress);
    }
}

static void write_rows(struct outbox *outbox)
{
    struct egress *egress = &outbox->egress;
    struct egress_unit *writing = take_pending(outbox);
    if (list_empty(&writing->rows)) {
        end_unit(writing, OK);
        return;
    }
    writing->unit.reply = loop_mailbox(outbox->loop);
    writing->unit.done = on_written;
    egress->writing = true;
    enum err err = store_submit(outbox->store, &writing->unit);
    if (err != OK) {
        egress->writing = false;
        end_unit(writing, err);
    }
}

static void on_gathered(struct timer *timer)
{
    struct egress *egress = CONTAINER_OF(timer, struct egress, gather);
    egress->gathering = false;
    if (!egress->writing) {
        write_rows(CONTAINER_OF(egress, struct outbox, egress));
    }
}

/* While a unit is under way the others gather. */
static void on_message(struct message *message)
{
    struct egress *egress = CONTAINER_OF(message, struct egress, message);
    (void)pthread_mutex_lock(&egress->mutex);
    egress->posted = false;
    bool many = egress->pending_count >= GATHERED_MAX;
    (void)pthread_mutex_unlock(&egress->mutex);
    if (many && !egress->writing) {
        write_rows(CONTAINER_OF(egress, struct outbox, egress));
    } else {
        gather(egress);
    }
}

void egress_init(struct outbox *outbox)
{
    struct egress *egress = &outbox->egress;
    (void)pthread_mutex_init(&egress->mutex, NULL);
    list_init(&egress->pending);
    egress->message.deliver = on_message;
    timer_init_real(&egress->gather, outbox->loop, on_gathered);
}

bool egress_idle(struct outbox *outbox)
{
    struct egress *egress = &outbox->egress;
    (void)pthread_mutex_lock(&egress->mutex);
    bool idle = !egress->posted && !egress->writing;
    (void)pthread_mutex_unlock(&egress->mutex);
    return idle;
}

/* What is left is written from here. */
void egress_deinit(struct outbox *outbox)
{
    struct egress *egress = &outbox->egress;
    struct egress_unit *writing = take_pending(outbox);
    enum err err = OK;
    timer_deinit(&egress->gather);
    if (!list_empty(&writing->rows)) {
        err = store_run(outbox->store, &writing->unit);
        unit_deinit(&writing->unit);
    }
    end_unit(writing, err);
    (void)pthread_mutex_destroy(&egress->mutex);
}

uint64_t outbox_egress_lost(const struct outbox *outbox)
{
    return atomic_load(&outbox->egress.lost);
}

/* ---- reading ---- */

enum err outbox_egress(struct reader *reader, int64_t before, int64_t limit, struct arena *arena,
                       struct value *out_rows, struct error *error)
{
    static const struct table_column columns[] = {
        {"id", TABLE_AS_IS},           {"at", TABLE_AS_TIME},   {"who", TABLE_AS_IS},
        {"method", TABLE_AS_IS},       {"host", TABLE_AS_IS},   {"address", TABLE_AS_IS},
        {"status", TABLE_AS_IS},       {"code", TABLE_AS_IS},   {"sent_bytes", TABLE_AS_IS},
        {"answer_bytes", TABLE_AS_IS}, {"took_ms", TABLE_AS_IS}};
    struct table_list list = {.arena = arena,
                              .columns = columns,
                              .column_count = COUNT_OF(columns),
                              .rows = value_list_new()};
    const struct value binds[] = {value_int(before), value_int(limit)};
    enum err err =
        reader_table(reader, &outbox_tables, EGRESS_LIST, binds, 2, table_list_row, &list, error);
    if (err == OK) {
        *out_rows = list.rows;
    }
    return err;
}
