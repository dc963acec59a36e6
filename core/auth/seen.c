/* Small things that are written down later and together: when tokens and sessions were used last
 * (not more often than every minute, and not in the log), and rows that must go because what they
 * belong to has gone. Losing them in a crash costs nothing: times are a minute old, and rows of the
 * gone are skipped at the next start and purged then. Loop thread; seen_apply on the writer. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { PURGE_SOON_MS = 1, CLOSING_POLL_MS = 20 };

struct purge {
    enum auth_statement statement;
    int64_t id;
};

struct seen_line {
    enum auth_statement statement;
    int64_t id, at_ms;
};

struct seen_unit {
    struct auth *auth;
    struct unit unit;
    int64_t expired_before_ms, idle_before_ms;
    int line_count;
    struct seen_line lines[SEEN_BATCH_MAX];
};

/* ---- the unit ---- */

static enum err line_apply(struct tx *tx, const struct seen_line *line, struct error *error)
{
    const struct value binds[] = {value_int(line->id), value_int(line->at_ms)};
    bool timed = line->statement == AUTH_TOKEN_USED || line->statement == AUTH_SESSION_SEEN ||
                 line->statement == AUTH_SESSION_DROP_USER;
    return tx_table(tx, &auth_tables, (int)line->statement, binds, timed ? 2 : 1, NULL, NULL,
                    error);
}

static enum err seen_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct seen_unit *seen = CONTAINER_OF(unit, struct seen_unit, unit);
    enum err err = OK;
    for (int i = 0; err == OK && i < seen->line_count; i++) {
        err = line_apply(tx, &seen->lines[i], error);
    }
    if (err == OK) {
        const struct value binds[] = {value_int(seen->expired_before_ms),
                                      value_int(seen->idle_before_ms)};
        err = tx_table(tx, &auth_tables, AUTH_SESSION_DROP_OLD, binds, COUNT_OF(binds), NULL, NULL,
                       error);
    }
    return err;
}

static void line_failed(struct auth *auth, const struct seen_line *line)
{
    /* Times are gathered again by themselves: they still differ from what was written. */
    struct token *token = map_get_int(&auth->tokens, line->id);
    struct session *session = map_get_int(&auth->sessions, line->id);
    if (line->statement == AUTH_TOKEN_USED && token != NULL) {
        token->written_at_ms = 0;
    } else if (line->statement == AUTH_SESSION_SEEN && session != NULL) {
        session->written_at_ms = 0;
    } else if (line->statement != AUTH_TOKEN_USED && line->statement != AUTH_SESSION_SEEN) {
        const struct purge purge = {.statement = line->statement, .id = line->id};
        buf_append(&auth->purges, &purge, sizeof(purge));
    }
}

static void seen_done(struct unit *unit)
{
    struct seen_unit *seen = CONTAINER_OF(unit, struct seen_unit, unit);
    struct auth *auth = seen->auth;
    if (unit->err != OK) {
        log_warn("auth", "times of use were not written code=%s", err_code(unit->err));
    }
    for (int i = 0; unit->err != OK && i < seen->line_count; i++) {
        line_failed(auth, &seen->lines[i]);
    }
    unit_deinit(unit);
    scope_unref(unit->scope);
    auth->seen = NULL;
    mem_free(seen);
    auth_leave(auth);
}

/* ---- gathering ---- */

static void gather(struct seen_unit *seen, enum auth_statement statement, int64_t id, int64_t at_ms)
{
    ASSERT(seen->line_count < SEEN_BATCH_MAX);
    seen->lines[seen->line_count++] =
        (struct seen_line){.statement = statement, .id = id, .at_ms = at_ms};
}

static void gather_purges(struct seen_unit *seen)
{
    struct buf *purges = &seen->auth->purges;
    while (purges->len > 0 && seen->line_count < SEEN_BATCH_MAX) {
        struct purge purge;
        memcpy(&purge, purges->at, sizeof(purge));
        buf_consume(purges, sizeof(purge));
        gather(seen, purge.statement, purge.id, 0);
    }
}

static bool due(int64_t used_ms, int64_t written_ms, int64_t now_ms)
{
    return used_ms > written_ms && now_ms - written_ms >= SEEN_EVERY_MS;
}

static void gather_times(struct seen_unit *seen, int64_t now_ms)
{
    struct auth *auth = seen->auth;
    struct str key;
    void *item = NULL;
    for (size_t i = 0;
         seen->line_count < SEEN_BATCH_MAX && map_next(&auth->tokens, &i, &key, &item);) {
        struct token *token = item;
        if (due(token->used_at_ms, token->written_at_ms, now_ms)) {
            gather(seen, AUTH_TOKEN_USED, token->id, token->used_at_ms);
            token->written_at_ms = now_ms;
        }
    }
    for (size_t i = 0;
         seen->line_count < SEEN_BATCH_MAX && map_next(&auth->sessions, &i, &key, &item);) {
        struct session *session = item;
        if (due(session->seen_at_ms, session->written_at_ms, now_ms)) {
            gather(seen, AUTH_SESSION_SEEN, session->id, session->seen_at_ms);
            session->written_at_ms = now_ms;
        }
    }
}

static void seen_flush(struct auth *auth)
{
    int64_t now_ms = auth_now_ms(auth);
    size_t before = auth->sessions.count;
    sessions_expire(auth, now_ms);
    struct seen_unit *seen = mem_zalloc(sizeof(*seen));
    seen->auth = auth;
    seen->expired_before_ms = now_ms;
    seen->idle_before_ms = now_ms - auth->session_idle_ms;
    gather_purges(seen);
    gather_times(seen, now_ms);
    if (seen->line_count == 0 && auth->sessions.count == before) {
        mem_free(seen);
        return;
    }
    seen->unit.apply = seen_apply;
    seen->unit.done = seen_done;
    seen->unit.reply = loop_mailbox(auth->loop);
    seen->unit.scope = store_system_scope(auth->store, SYSTEM_AUTH);
    auth_enter(auth);
    auth->seen = seen;
    enum err err = store_submit(auth->store, &seen->unit);
    if (err != OK) {
        seen->unit.err = err;
        seen_done(&seen->unit);
    }
}

static void on_timer(struct timer *timer)
{
    struct auth *auth = CONTAINER_OF(timer, struct auth, timer);
    if (auth->seen == NULL) {
        seen_flush(auth);
    }
    timer_start(timer, SEEN_EVERY_MS);
}

void seen_init(struct auth *auth)
{
    timer_init_real(&auth->timer, auth->loop, on_timer);
    timer_start(&auth->timer, auth->purges.len > 0 ? PURGE_SOON_MS : SEEN_EVERY_MS);
}

static void on_closing(struct timer *timer)
{
    timer_start(timer, CLOSING_POLL_MS);
}

void seen_deinit(struct auth *auth)
{
    timer_stop(&auth->timer);
    if (auth->seen == NULL) {
        seen_flush(auth);
    }
    /* Keeps the loop turning until everything under way has come back. */
    auth->timer.fired = on_closing;
    timer_start(&auth->timer, CLOSING_POLL_MS);
    while (auth->in_flight > 0 || __atomic_load_n(&auth->watch.posted, __ATOMIC_ACQUIRE) != 0) {
        loop_drain(auth->loop, CLOSING_POLL_MS);
    }
    timer_deinit(&auth->timer);
    buf_deinit(&auth->purges);
}

/* ---- purging ---- */

static void purge_add(struct auth *auth, enum auth_statement statement, int64_t id)
{
    const struct purge purge = {.statement = statement, .id = id};
    buf_append(&auth->purges, &purge, sizeof(purge));
    if (auth->timer.loop != NULL && !auth->closing) {
        timer_start(&auth->timer, PURGE_SOON_MS);
    }
}

void seen_purge_token(struct auth *auth, int64_t token)
{
    purge_add(auth, AUTH_TOKEN_DROP, token);
}

void seen_purge_user(struct auth *auth, int64_t user)
{
    purge_add(auth, AUTH_SESSION_DROP_USER, user);
}

void seen_purge_session(struct auth *auth, int64_t session)
{
    purge_add(auth, AUTH_SESSION_DROP, session);
}
