/* Tokens, sessions and passwords in memory: what a request or a login is compared with. Secrets
 * themselves are never kept, only their hashes. Loop thread. */
#include "internal.h"

#include "proxenos/base_text.h"

static struct str hash_key(const unsigned char hash[HASH_BYTES])
{
    return (struct str){(const char *)hash, HASH_BYTES};
}

/* ---- tokens ---- */

struct token *token_new(int64_t id)
{
    struct token *token = mem_zalloc(sizeof(*token));
    arena_init(&token->arena);
    token->id = id;
    return token;
}

void token_free(struct token *token)
{
    arena_deinit(&token->arena);
    mem_free(token);
}

static void token_index(struct auth *auth, struct token *token)
{
    if (token->hashed && token->live) {
        (void)map_set(&auth->tokens_by_hash, hash_key(token->hash), token);
    }
}

void token_put(struct auth *auth, struct token *token)
{
    struct token *before = map_set_int(&auth->tokens, token->id, token);
    if (before != NULL) {
        memcpy(token->hash, before->hash, HASH_BYTES);
        token->hashed = before->hashed;
        token->used_at_ms = before->used_at_ms;
        token->written_at_ms = before->written_at_ms;
        token_free(before);
    }
    token_index(auth, token);
    directory_outdate(auth->directory, token->user);
}

void token_set_hash(struct auth *auth, int64_t id, const unsigned char hash[HASH_BYTES],
                    int64_t used_at_ms)
{
    struct token *token = map_get_int(&auth->tokens, id);
    if (token == NULL) {
        /* Revoked while its row stayed, or its record comes later: without record it gives
         * nothing. */
        token = token_new(id);
        (void)map_set_int(&auth->tokens, id, token);
    }
    memcpy(token->hash, hash, HASH_BYTES);
    token->hashed = true;
    token->used_at_ms = used_at_ms;
    token->written_at_ms = used_at_ms;
    token_index(auth, token);
}

void token_forget(struct auth *auth, int64_t id)
{
    struct token *token = map_remove_int(&auth->tokens, id);
    if (token == NULL) {
        return;
    }
    if (token->hashed) {
        (void)map_remove(&auth->tokens_by_hash, hash_key(token->hash));
        seen_purge_token(auth, id);
    }
    directory_outdate(auth->directory, token->user);
    token_free(token);
}

int tokens_of_user(struct auth *auth, int64_t user)
{
    int count = 0;
    struct str key;
    void *token = NULL;
    for (size_t i = 0; map_next(&auth->tokens, &i, &key, &token);) {
        count += ((struct token *)token)->user == user ? 1 : 0;
    }
    return count;
}

void tokens_free(struct auth *auth)
{
    struct str key;
    void *token = NULL;
    for (size_t i = 0; map_next(&auth->tokens, &i, &key, &token);) {
        token_free(token);
    }
    map_deinit(&auth->tokens);
    map_deinit(&auth->tokens_by_hash);
}

/* ---- sessions ---- */

static void session_drop(struct auth *auth, struct session *session)
{
    (void)map_remove_int(&auth->sessions, session->id);
    (void)map_remove(&auth->sessions_by_hash, hash_key(session->hash));
    crypto_wipe(session, sizeof(*session));
    mem_free(session);
}

void session_put(struct auth *auth, const struct session *session)
{
    struct session *copy = mem_dup(session, sizeof(*session));
    ASSERT(map_get_int(&auth->sessions, session->id) == NULL);
    (void)map_set_int(&auth->sessions, copy->id, copy);
    (void)map_set(&auth->sessions_by_hash, hash_key(copy->hash), copy);
}

void session_forget(struct auth *auth, int64_t id)
{
    struct session *session = map_get_int(&auth->sessions, id);
    if (session != NULL) {
        session_drop(auth, session);
    }
}

/* Drops those that `which` says, in one walk: a map may not change while it is walked. */
static size_t sessions_drop(struct auth *auth, bool (*which)(const struct session *, const void *),
                            const void *context)
{
    struct session **found = mem_alloc((auth->sessions.count + 1) * sizeof(struct session *));
    size_t count = 0;
    struct str key;
    void *session = NULL;
    for (size_t i = 0; map_next(&auth->sessions, &i, &key, &session);) {
        if (which(session, context)) {
            found[count++] = session;
        }
    }
    for (size_t i = 0; i < count; i++) {
        session_drop(auth, found[i]);
    }
    mem_free(found);
    return count;
}

struct of_user {
    int64_t user, keep;
};

static bool is_of_user(const struct session *session, const void *context)
{
    const struct of_user *of_user = context;
    return session->user == of_user->user && session->id != of_user->keep;
}

size_t sessions_forget_user(struct auth *auth, int64_t user, int64_t keep)
{
    return sessions_drop(auth, is_of_user, &(struct of_user){user, keep});
}

bool session_over(const struct auth *auth, const struct session *session, int64_t now_ms)
{
    return session->expires_at_ms <= now_ms ||
           session->seen_at_ms <= now_ms - auth->session_idle_ms;
}

struct over {
    const struct auth *auth;
    int64_t now_ms;
};

static bool is_over(const struct session *session, const void *context)
{
    const struct over *over = context;
    return session_over(over->auth, session, over->now_ms);
}

void sessions_expire(struct auth *auth, int64_t now_ms)
{
    (void)sessions_drop(auth, is_over, &(struct over){auth, now_ms});
}

int64_t session_surplus(struct auth *auth, int64_t user)
{
    size_t count = 0;
    const struct session *oldest = NULL;
    struct str key;
    void *item = NULL;
    for (size_t i = 0; map_next(&auth->sessions, &i, &key, &item);) {
        const struct session *session = item;
        if (session->user == user) {
            count++;
            oldest = oldest == NULL || session->seen_at_ms < oldest->seen_at_ms ? session : oldest;
        }
    }
    return count >= SESSIONS_OF_USER_MAX ? oldest->id : 0;
}

void sessions_free(struct auth *auth)
{
    struct str key;
    void *session = NULL;
    for (size_t i = 0; map_next(&auth->sessions, &i, &key, &session);) {
        mem_free(session);
    }
    map_deinit(&auth->sessions);
    map_deinit(&auth->sessions_by_hash);
}

/* ---- passwords ---- */

void password_put(struct auth *auth, int64_t user, struct str hash, int64_t changed_at_ms)
{
    struct password *password = mem_zalloc(sizeof(*password));
    ASSERT(hash.len < sizeof(password->hash));
    password->user = user;
    password->changed_at_ms = changed_at_ms;
    memcpy(password->hash, hash.at, hash.len);
    mem_free(map_set_int(&auth->passwords, user, password));
}

void passwords_free(struct auth *auth)
{
    struct str key;
    void *password = NULL;
    for (size_t i = 0; map_next(&auth->passwords, &i, &key, &password);) {
        crypto_wipe(password, sizeof(struct password));
        mem_free(password);
    }
    map_deinit(&auth->passwords);
}
