/* RFC 9457 problems from our errors: the same shape from every part of the service. Loop thread. */
#include "internal.h"
#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

enum { PROBLEM_ERRORS_MAX = 100 };

/* Details and values quote what came from outside, which need not be UTF-8. Cut to `room`. */
static struct str clean_text(struct str text, char *room, size_t room_bytes)
{
    text = str_sub(text, 0, room_bytes);
    for (size_t i = 0; i < text.len; i++) {
        room[i] = text.at[i];
        if ((unsigned char)room[i] >= 0x80) {
            room[i] = '?';
        }
    }
    return (struct str){room, text.len};
}

static void write_member(struct buf *out, const char *key, const char *text, bool *first)
{
    struct str value = str_from(text);
    char room[sizeof(((struct error *)0)->detail)];
    if (!utf8_valid(value)) {
        value = clean_text(value, room, sizeof(room));
    }
    json_write_key(out, str_from(key), first);
    json_write_text(out, value);
}

static void write_place(struct buf *out, const struct error *error, bool *first)
{
    if (error->detail[0] != '\0') {
        write_member(out, "detail", error->detail, first);
    }
    if (error->pointer[0] != '\0') {
        write_member(out, "pointer", error->pointer, first);
    }
    if (error->value[0] != '\0') {
        write_member(out, "value", error->value, first);
    }
    if (error->nearest[0] != '\0') {
        write_member(out, "nearest", error->nearest, first);
    }
}

/* Every finding of a validation, the first one included, so that a client reads one list. */
static void write_errors(struct buf *out, const struct error *error, bool *first)
{
    int count = 0;
    json_write_key(out, STR("errors"), first);
    buf_append_char(out, '[');
    for (; error != NULL && count < PROBLEM_ERRORS_MAX; error = error->next) {
        bool first_member = true;
        if (count++ > 0) {
            buf_append_char(out, ',');
        }
        buf_append_char(out, '{');
        write_member(out, "code", err_code(error->err), &first_member);
        write_place(out, error, &first_member);
        buf_append_char(out, '}');
    }
    buf_append_char(out, ']');
}

void http_respond_problem(struct http_request *request, enum err err, const struct error *error)
{
    ASSERT(err != OK);
    struct exchange *exchange = exchange_of(request);
    struct buf *out = http_body(request);
    bool first = true;
    buf_reset(out);
    exchange->borrowed = (struct str){0};
    buf_append_char(out, '{');
    buf_append(out, "\"type\":\"urn:proxenos:error:", 27);
    buf_append(out, err_code(err), strlen(err_code(err)));
    buf_append_char(out, '"');
    first = false;
    write_member(out, "title", err_text(err), &first);
    json_write_key(out, STR("status"), &first);
    json_write_int(out, err_status(err));
    write_member(out, "code", err_code(err), &first);
    if (error != NULL) {
        write_place(out, error, &first);
    }
    write_member(out, "advice", err_advice(err), &first);
    write_member(out, "request_id", request->id_text, &first);
    if (error != NULL && error->next != NULL) {
        write_errors(out, error, &first);
    }
    buf_append_char(out, '}');
    if (err_retry(err) && (err_status(err) == 429 || err_status(err) == 503) &&
        !exchange->own_retry_after) {
        http_header(request, "Retry-After", STR("1"));
    }
    http_respond(request, err_status(err), "application/problem+json; charset=utf-8");
}
