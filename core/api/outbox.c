/* The outbox for operators: mails and requests that wait, were sent or have failed; addresses that
 * refused. Loop thread; reading on a lane, changes in units. */
#include "internal.h"

struct outbox_call {
    struct unit unit;
    struct call *call;
    struct outbox_query query;
    struct str address, after;
};

/* ---- lists ---- */

static enum err run_list(struct call *call, struct reader *reader, struct error *error)
{
    const struct outbox_call *asked = call->state;
    struct value rows;
    enum err err = outbox_list(reader, &asked->query, call_arena(call), &rows, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &rows);
        buf_append_char(&call->out, '}');
    }
    return err;
}

/* `limit`, and `before` where it is asked for; answers itself: false. */
static bool read_page(struct call *call, struct outbox_query *query)
{
    struct str before = call_parameter(call, "before");
    struct str limit = call_parameter(call, "limit");
    query->limit = QUERY_LIMIT_DEFAULT;
    if (before.len > 0 && (str_to_int64(before, &query->before) != OK || query->before < 1)) {
        call_fail(call, ERR_INVALID, "before is the seq of a row");
        return false;
    }
    if (limit.len > 0 && (str_to_int64(limit, &query->limit) != OK || query->limit < 1 ||
                          query->limit > QUERY_LIMIT_MAX)) {
        call_fail(call, ERR_INVALID, "limit must be 1 to %d", QUERY_LIMIT_MAX);
        return false;
    }
    return true;
}

static void list_rows(struct call *call, enum outbox_kind kind)
{
    static const char *const known[] = {"before", "limit", "state"};
    static const char *const states[] = {"", "waiting", "sent", "failed", "refused"};
    bool good = false;
    if (!call_operator(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct outbox_call *asked = ARENA_NEW(call_arena(call), struct outbox_call);
    asked->query.kind = kind;
    asked->query.state = call_parameter(call, "state");
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        good = good || str_is(asked->query.state, states[i]);
    }
    if (!good) {
        call_fail(call, ERR_INVALID, "state is waiting, sent, failed or refused");
    } else if (read_page(call, &asked->query)) {
        call->state = asked;
        call_read(call, false, run_list);
    }
}

void list_mails(struct call *call)
{
    list_rows(call, OUTBOX_MAIL);
}

void list_fetches(struct call *call)
{
    list_rows(call, OUTBOX_FETCH);
}

/* ---- one ---- */

static bool find_row(struct call *call, enum outbox_kind kind, struct outbox_call **out_asked)
{
    struct outbox_call *asked = ARENA_NEW(call_arena(call), struct outbox_call);
    asked->call = call;
    asked->query.kind = kind;
    if (id_parse(http_route_parameter(call->http, "id"), &asked->query.id) != OK) {
        call_fail(call, ERR_NOT_FOUND, "there is no such %s",
                  kind == OUTBOX_MAIL ? "mail" : "request");
        return false;
    }
    *out_asked = asked;
    return true;
}

static enum err run_show(struct call *call, struct reader *reader, struct error *error)
{
    const struct outbox_call *asked = call->state;
    struct value row;
    enum err err =
        outbox_show(call->api->outbox, reader, &asked->query, call_arena(call), &row, error);
    if (err == OK) {
        value_write_api(&call->out, &row);
    }
    return err;
}

/* What stands in it is personal: administrators alone. */
static void show_row(struct call *call, enum outbox_kind kind)
{
    struct outbox_call *asked = NULL;
    if (call_admin(call) && find_row(call, kind, &asked)) {
        call->state = asked;
        call_read(call, false, run_show);
    }
}

void get_mail(struct call *call)
{
    show_row(call, OUTBOX_MAIL);
}

void get_fetch(struct call *call)
{
    show_row(call, OUTBOX_FETCH);
}

/* ---- changes ---- */

static void on_changed(struct unit *unit)
{
    struct outbox_call *asked = CONTAINER_OF(unit, struct outbox_call, unit);
    struct call *call = asked->call;
    if (call_unit_ended(call, unit)) {
        outbox_wake(call->api->outbox);
        call_respond(call, 204);
    }
}

static void submit(struct outbox_call *asked,
                   enum err (*apply)(struct unit *unit, struct tx *tx, struct error *error))
{
    struct call *call = asked->call;
    asked->unit = (struct unit){.apply = apply,
                                .done = on_changed,
                                .reply = loop_mailbox(call->api->loop),
                                .scope = call_scope(call),
                                .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &asked->unit);
    if (err != OK) {
        call_fail(call, err, "the change could not be queued");
    }
}

static enum err apply_retry(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct outbox_call *asked = CONTAINER_OF(unit, struct outbox_call, unit);
    return outbox_tx_retry(tx, asked->query.kind, asked->query.id, error);
}

static void retry_row(struct call *call, enum outbox_kind kind)
{
    struct outbox_call *asked = NULL;
    if (call_admin(call) && find_row(call, kind, &asked)) {
        submit(asked, apply_retry);
    }
}

void retry_mail(struct call *call)
{
    retry_row(call, OUTBOX_MAIL);
}

void retry_fetch(struct call *call)
{
    retry_row(call, OUTBOX_FETCH);
}

/* ---- addresses that refused ---- */

static enum err run_refusals(struct call *call, struct reader *reader, struct error *error)
{
    const struct outbox_call *asked = call->state;
    struct value rows;
    enum err err =
        outbox_refusals(reader, asked->after, asked->query.limit, call_arena(call), &rows, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &rows);
        buf_append_char(&call->out, '}');
    }
    return err;
}

void list_refusals(struct call *call)
{
    static const char *const known[] = {"after", "limit"};
    if (!call_operator(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct outbox_call *asked = ARENA_NEW(call_arena(call), struct outbox_call);
    asked->after = call_parameter(call, "after");
    if (read_page(call, &asked->query)) {
        call->state = asked;
        call_read(call, false, run_refusals);
    }
}

static enum err apply_clear(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct outbox_call *asked = CONTAINER_OF(unit, struct outbox_call, unit);
    return outbox_tx_clear(tx, asked->address, error);
}

void clear_refusal(struct call *call)
{
    if (!call_admin(call)) {
        return;
    }
    struct outbox_call *asked = ARENA_NEW(call_arena(call), struct outbox_call);
    asked->call = call;
    asked->address = http_route_parameter(call->http, "address");
    submit(asked, apply_clear);
}
