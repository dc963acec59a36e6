/* px.http.stream: a route's answer in pieces. A piece at a time goes from the executor to the loop
 * and comes back when there is room for the next, so a slow reader slows the script and nothing
 * grows. The stream outlives a script that was stopped until its piece is back. */
#include "stream.h"

enum { PIECE_BYTES = 32 * 1024 };

struct stream {
    struct bind_piece piece; /* on the way while `out` */
    uint64_t serial;
    struct message message;
    struct lua_wait wait;
    struct mailbox *home;
    struct bind_call *request;
    struct buf bytes; /* of the next piece */
    int64_t total_bytes;
    bool out, started, ended, abandoned, gone;
};

/* What the script's `write` holds. It may outlive the stream, so it is compared and not followed.
 */
struct stream_box {
    uint64_t serial;
};

static void stream_free(struct stream *stream)
{
    buf_deinit(&stream->bytes);
    buf_deinit(&stream->piece.bytes);
    mem_free(stream);
}

void stream_drop(struct stream *stream)
{
    if (stream != NULL && stream->out) {
        stream->abandoned = true;
    } else if (stream != NULL) {
        stream_free(stream);
    }
}

/* ---- there and back ---- */

static void on_back(struct message *message)
{
    struct stream *stream = CONTAINER_OF(message, struct stream, message);
    stream->out = false;
    stream->gone = stream->gone || stream->piece.gone;
    if (stream->abandoned) {
        stream_free(stream);
    } else {
        lua_wait_done(&stream->wait);
    }
}

static void on_loop(struct message *message)
{
    struct stream *stream = CONTAINER_OF(message, struct stream, message);
    stream->request->piece(stream->request, &stream->piece);
}

void bind_piece_taken(struct bind_piece *piece)
{
    struct stream *stream = CONTAINER_OF(piece, struct stream, piece);
    stream->message.deliver = on_back;
    mailbox_post(stream->home, &stream->message);
}

/* The call owns the stream, and drops it when the script is stopped. */
static void cancelled(struct lua_wait *wait)
{
    (void)wait;
}

static int sent(lua_State *L, int status, intptr_t context)
{
    (void)status;
    const struct stream *stream =
        (const struct stream *)context; // NOLINT(performance-no-int-to-ptr)
    if (stream->gone) {
        lua_raise_set(L, ERR_CANCELLED, "the client went away");
    }
    return 0;
}

static int send(lua_State *L, struct call *call, struct stream *stream,
                int (*after)(lua_State *L, int status, intptr_t context))
{
    stream->piece.bytes = stream->bytes;
    stream->piece.first = !stream->started;
    buf_init(&stream->bytes);
    stream->started = true;
    stream->out = true;
    stream->wait = (struct lua_wait){.cancelled = cancelled};
    stream->message.deliver = on_loop;
    mailbox_post(loop_mailbox(call->host->bind->options.loop), &stream->message);
    return lua_wait_start(L, &stream->wait, (intptr_t)stream, after);
}

/* ---- write(text) ---- */

static int stream_write(lua_State *L)
{
    struct call *call = call_of(L);
    const struct stream_box *box = lua_touserdata(L, lua_upvalueindex(1));
    struct str text = lua_push_text_of(L, 1);
    struct stream *stream = call->stream;
    if (stream == NULL || stream->serial != box->serial || stream->ended) {
        lua_raise_set(L, ERR_INVALID, "the answer has ended, or is another call's");
    }
    lua_wait_check(L, "write");
    if (stream->gone) {
        lua_raise_set(L, ERR_CANCELLED, "the client went away");
    }
    if (stream->out) {
        lua_raise_set(L, ERR_BUSY, "another task writes into this answer; write from one place");
    }
    if ((int64_t)text.len > ROUTE_STREAM_BYTES_MAX - stream->total_bytes) {
        lua_raise_set(L, ERR_LIMIT, "an answer has at most %d MiB", ROUTE_STREAM_BYTES_MAX >> 20);
    }
    stream->total_bytes += (int64_t)text.len;
    buf_append_str(&stream->bytes, text);
    if (stream->bytes.len < PIECE_BYTES) {
        return 0;
    }
    return send(L, call, stream, sent);
}

/* ---- px.http.stream(options, fn) ---- */

static int stream_done(lua_State *L, int status, intptr_t context)
{
    (void)context;
    (void)status;
    lua_newtable(L);
    return 1;
}

/* After the function returned. */
static int stream_ran(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    struct call *call = call_enter(L);
    struct stream *stream = call->stream;
    stream->ended = true;
    if (stream->bytes.len == 0 && stream->started) {
        lua_newtable(L);
        return 1;
    }
    if (stream->out) {
        lua_raise_set(L, ERR_BUSY, "another task still writes into this answer");
    }
    return send(L, call, stream, stream_done);
}

static void read_head(lua_State *L, const struct call *call, struct value *out_head)
{
    struct error error = {0};
    if (lua_to_value(L, 1, call->stream_target->arena, out_head, &error) != OK) {
        lua_raise(L, &error);
    }
    int64_t status = value_get_int(out_head, "status", 200);
    if (status < 200 || status > 599 || status == 204 || status == 205 || status == 304) {
        lua_raise_set(L, ERR_INVALID, "an answer in pieces has a status with a body, such as 200");
    }
}

int http_stream(lua_State *L)
{
    struct call *call = call_enter(L);
    if (lua_isfunction(L, 1)) {
        lua_settop(L, 1);
        lua_newtable(L);
        lua_insert(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_wait_check(L, "px.http.stream");
    if (call->stream_target == NULL || call->stream != NULL) {
        lua_raise_set(L, ERR_INVALID,
                      call->stream != NULL ? "a route answers once"
                                           : "px.http.stream is for the function of a route");
    }
    struct value head = value_null();
    read_head(L, call, &head);
    struct stream_box *box = lua_newuserdatauv(L, sizeof(*box), 0);
    struct stream *stream = mem_zalloc(sizeof(*stream));
    call->stream = stream;
    stream->serial = ++call->host->streams;
    box->serial = stream->serial;
    stream->home = lua_host_mailbox(call->host->lua);
    stream->request = call->stream_target;
    stream->piece.head = head;
    buf_init(&stream->bytes);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, stream_write, 1);
    lua_callk(L, 1, 0, 0, stream_ran);
    return stream_ran(L, LUA_OK, 0);
}
