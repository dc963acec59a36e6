/* A user's absence: from when to when, and who votes for him. His own to say, or an
 * administrator's. Loop thread. */
#include "internal.h"

#include "proxenos/base_time.h"
#include "proxenos/store_approval.h"

struct absent {
    struct unit unit;
    struct call *call;
    struct absence absence;
    struct str body;
};

static enum err absent_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct absent *absent = CONTAINER_OF(unit, struct absent, unit);
    struct record *record = NULL;
    enum err err = tx_absence(tx, absent->call->id, &absent->absence, &record, error);
    if (err == OK) {
        struct buf text;
        buf_init(&text);
        record_write_json(&text, record);
        absent->body = arena_str(tx_arena(tx), buf_str(&text));
        buf_deinit(&text);
    }
    return err;
}

static void absent_done(struct unit *unit)
{
    struct absent *absent = CONTAINER_OF(unit, struct absent, unit);
    struct call *call = absent->call;
    if (unit->err != OK) {
        call_problem(call, unit->err, &unit->error, NULL);
    } else if (absent->absence.until_ms == 0) {
        http_respond(call->http, 204, NULL);
    } else {
        buf_append_str(&call->out, absent->body);
        call_respond(call, 200);
    }
    unit_deinit(unit);
    mem_free(absent);
}

static void submit(struct call *call, const struct absence *absence)
{
    struct absent *absent = mem_zalloc(sizeof(*absent));
    absent->call = call;
    absent->absence = *absence;
    absent->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                 .apply = absent_apply,
                                 .done = absent_done,
                                 .scope = call_scope(call),
                                 .request = call_request_id(call)};
    enum err err = store_submit(call->api->store, &absent->unit);
    if (err != OK) {
        call_fail(call, err, "the absence could not be queued");
        mem_free(absent);
    }
}

/* "2027-03-31" is over when that day is; "10d" counts from now. */
static bool read_moment(struct str text, int64_t now_ms, bool end_of_day, int64_t *out_ms)
{
    enum { DAY_MS = 86400000 };
    struct duration duration;
    int64_t days = 0;
    if (date_parse(text, &days) == OK) {
        *out_ms = (days + (end_of_day ? 1 : 0)) * DAY_MS;
        return true;
    }
    return time_parse(text, out_ms) == OK ||
           (duration_parse(text, &duration) == OK && time_add(now_ms, &duration, 1, out_ms) == OK);
}

static enum err read_absence(struct call *call, struct absence *absence, struct error *error)
{
    int64_t now_ms = loop_now_ms(call->api->loop);
    struct str from = value_get_text(&call->body, "from", STR(""));
    absence->from_ms = now_ms;
    if (from.len > 0 && !read_moment(from, now_ms, false, &absence->from_ms)) {
        return error_at(error, ERR_INVALID, "/from", NULL, "from is a day, a time or a duration");
    }
    if (!read_moment(value_get_text(&call->body, "until", STR("")), now_ms, true,
                     &absence->until_ms) ||
        absence->until_ms <= MAX(now_ms, absence->from_ms)) {
        return error_at(error, ERR_INVALID, "/until", NULL,
                        "until is a day, a time or a duration to come, behind from");
    }
    if (id_parse(value_get_text(&call->body, "deputy", STR("")), &absence->deputy) != OK) {
        return error_at(error, ERR_INVALID, "/deputy", NULL, "deputy is the id of a user");
    }
    return OK;
}

static void absence_body(struct call *call)
{
    static const struct call_member known[] = {
        {"from", VALUE_TEXT}, {"until", VALUE_TEXT}, {"deputy", VALUE_TEXT}};
    struct absence absence = {0};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    enum err err = read_absence(call, &absence, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    submit(call, &absence);
}

static bool may(struct call *call)
{
    if (!call_find_id(call)) {
        return false;
    }
    if (auth_may_for(call_scope(call), call->id)) {
        return true;
    }
    call_fail(call, ERR_FORBIDDEN,
              "an absence is the user's own to say, or an administrator's; not through a token "
              "that gives less than all of his rights");
    return false;
}

void set_absence(struct call *call)
{
    if (may(call)) {
        call_with_body(call, absence_body);
    }
}

void delete_absence(struct call *call)
{
    struct absence none = {0};
    if (may(call)) {
        submit(call, &none);
    }
}
