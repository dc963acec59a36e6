/* API tokens: what a bearer may, making and revoking. Loop thread. */
#include "internal.h"

#include "proxenos/base_text.h"

/* ---- scopes of a token ---- */

static enum err scope_word_wrong(struct error *error, struct str word, const char *why)
{
    return error_set(error, ERR_INVALID,
                     "scope \"" STR_FORMAT
                     "\": %s; write read, write, admin, audit or object:verb, such as "
                     "organisation:read",
                     STR_ARGS(utf8_cut(word, 80)), why);
}

static enum err object_word_read(struct str word, size_t colon, const struct schema *schema,
                                 struct token *token, struct narrowing *out_narrowing,
                                 struct error *error)
{
    struct str object = str_sub(word, 0, colon);
    uint32_t verbs = verb_of(str_sub(word, colon + 1, word.len));
    const struct object_type *type = NULL;
    if (verbs == 0 || object.len == 0) {
        return scope_word_wrong(error, word, "there is no such verb");
    }
    if (schema != NULL) {
        enum err err = schema_find_object(schema, object, &type, error);
        if (err != OK) {
            return err;
        }
    }
    if ((verbs & ~(uint32_t)VERB_CREATE) != 0) {
        verbs |= VERB_READ;
    }
    *out_narrowing = (struct narrowing){.object = arena_str(&token->arena, object), .verbs = verbs};
    return OK;
}

static enum err word_read(struct str word, const struct schema *schema, struct token *token,
                          struct narrowing *out_narrowing, struct error *error)
{
    size_t colon = 0;
    *out_narrowing = (struct narrowing){0};
    if (str_find(word, STR(":"), &colon)) {
        return object_word_read(word, colon, schema, token, out_narrowing, error);
    }
    if (str_is(word, "read")) {
        out_narrowing->verbs = VERB_READ | VERB_EXPORT;
    } else if (str_is(word, "write")) {
        /* What cannot be taken back, and what hands out everything, must be named. */
        out_narrowing->verbs = VERB_ALL & ~(uint32_t)(VERB_ERASE | VERB_ACCESS_EXPORT);
    } else if (str_is(word, "admin")) {
        token->keep_admin = true;
    } else if (str_is(word, "audit")) {
        token->keep_audit = true;
    } else {
        return scope_word_wrong(error, word, "there is no such scope");
    }
    return OK;
}

enum err token_scopes_read(struct str text, const struct schema *schema, struct token *token,
                           struct error *error)
{
    struct narrowing found[TOKEN_SCOPES_MAX];
    size_t count = 0;
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.at[len] != ' ' && text.at[len] != ',') {
            len++;
        }
        struct str word = str_sub(text, 0, len);
        text = str_sub(text, len + 1, text.len);
        if (word.len == 0) {
            continue;
        }
        if (count == TOKEN_SCOPES_MAX) {
            return error_set(error, ERR_LIMIT, "a token may have at most %d scopes",
                             TOKEN_SCOPES_MAX);
        }
        enum err err = word_read(word, schema, token, &found[count], error);
        if (err != OK) {
            return err;
        }
        count++;
    }
    token->narrowing_count = count;
    token->narrowings =
        count == 0 ? NULL : arena_dup(&token->arena, found, count * sizeof(found[0]));
    return OK;
}

/* ---- a request with a token ---- */

static bool token_valid(const struct token *token, struct str address, int64_t now_ms)
{
    return token != NULL && token->live && token->hashed && !token->broken &&
           (token->expires_at_ms == 0 || token->expires_at_ms > now_ms) &&
           networks_allow(token->networks, token->network_count, address);
}

static enum err token_refuse(struct auth *auth, struct str address, struct error *error)
{
    int64_t wait_ms = throttle_bad_token(auth->throttle, address, loop_monotonic_ms(auth->loop));
    if (wait_ms > 0) {
        auth->throttled++;
        return rate_error(wait_ms, error);
    }
    return error_set(error, ERR_UNAUTHENTICATED, "the token is not valid");
}

enum err auth_by_token(struct auth *auth, struct str text, struct str address, struct str via,
                       struct principal *out, struct error *error)
{
    enum err err = auth_catch_up(auth, error);
    if (err != OK) {
        return err;
    }
    /* Looked up by its hash: how long that takes says nothing about the token. */
    unsigned char hash[HASH_BYTES];
    int64_t now_ms = auth_now_ms(auth);
    struct token *token = NULL;
    if (text.len == TOKEN_TEXT_LEN) {
        hash_of(text.at, text.len, hash);
        token = map_get(&auth->tokens_by_hash, (struct str){(const char *)hash, HASH_BYTES});
    }
    if (!token_valid(token, address, now_ms)) {
        return token_refuse(auth, address, error);
    }
    const struct schema *schema = store_schema(auth->store);
    const struct scope_wish wish = {.schema = schema,
                                    .now_ms = auth_now_ms(auth),
                                    .user = token->user,
                                    .via = via,
                                    .token = token->narrowing_count > 0 ? token->id : 0,
                                    .narrowings = token->narrowings,
                                    .narrowing_count = token->narrowing_count,
                                    .keep_admin = token->keep_admin,
                                    .keep_audit = token->keep_audit,
                                    .outside = token->outside};
    const struct scope *scope = NULL;
    err = directory_scope(auth->directory, &wish, &scope, error);
    schema_unref(schema);
    if (err != OK) {
        return token_refuse(auth, address, error);
    }
    token->used_at_ms = now_ms;
    *out = (struct principal){
        .scope = scope, .user = token->user, .token = token->id, .language = scope_language(scope)};
    return OK;
}

int64_t auth_token_used(struct auth *auth, int64_t id)
{
    const struct token *token = map_get_int(&auth->tokens, id);
    return token == NULL ? 0 : token->used_at_ms;
}
