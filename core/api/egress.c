/* What left the service: the egress log, for administrators and auditors. Loop thread; reading on a
 * lane. */
#include "internal.h"

struct egress_page {
    int64_t before, limit;
};

static enum err run_egress(struct call *call, struct reader *reader, struct error *error)
{
    const struct egress_page *page = call->state;
    struct value rows;
    enum err err = outbox_egress(reader, page->before, page->limit, call_arena(call), &rows, error);
    if (err == OK) {
        buf_append_str(&call->out, STR("{\"data\":"));
        value_write_api(&call->out, &rows);
        buf_append_char(&call->out, '}');
    }
    return err;
}

void list_egress(struct call *call)
{
    static const char *const known[] = {"before", "limit"};
    if (!call_operator(call) || !call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    struct egress_page *page = ARENA_NEW(call_arena(call), struct egress_page);
    struct str before = call_parameter(call, "before");
    struct str limit = call_parameter(call, "limit");
    page->limit = QUERY_LIMIT_DEFAULT;
    if (before.len > 0 && (str_to_int64(before, &page->before) != OK || page->before < 1)) {
        call_fail(call, ERR_INVALID, "before is the id of a row");
        return;
    }
    if (limit.len > 0 && (str_to_int64(limit, &page->limit) != OK || page->limit < 1 ||
                          page->limit > QUERY_LIMIT_MAX)) {
        call_fail(call, ERR_INVALID, "limit must be 1 to %d", QUERY_LIMIT_MAX);
        return;
    }
    call->state = page;
    call_read(call, false, run_egress);
}
