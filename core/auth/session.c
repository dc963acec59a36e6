/* Sessions of the browser: a cookie that is looked up by its hash, and a CSRF token that is worked
 * out of the cookie, so that neither is stored. Loop thread. */
#include "internal.h"

void session_csrf(struct str cookie, char out[44])
{
    /* Another hash than the one that is stored: who reads the database learns neither. */
    static const char purpose[] = "proxenos csrf";
    unsigned char bytes[HASH_BYTES];
    struct hasher hasher;
    struct buf text;
    hash_start(&hasher);
    hash_add(&hasher, purpose, sizeof(purpose));
    hash_add(&hasher, cookie.at, cookie.len);
    hash_end(&hasher, bytes);
    buf_init(&text);
    base64url_encode(&text, bytes, sizeof(bytes));
    ASSERT(text.len == 43);
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    buf_deinit(&text);
}

static enum err session_refuse(struct error *error)
{
    return error_set(error, ERR_UNAUTHENTICATED, "the session is not valid; log in again");
}

enum err auth_by_session(struct auth *auth, struct str cookie, struct str address,
                         struct principal *out, struct error *error)
{
    (void)address; /* people move between networks with their sessions */
    enum err err = auth_catch_up(auth, error);
    if (err != OK) {
        return err;
    }
    unsigned char hash[HASH_BYTES];
    int64_t now_ms = auth_now_ms(auth);
    if (cookie.len != SESSION_TEXT_LEN) {
        return session_refuse(error);
    }
    hash_of(cookie.at, cookie.len, hash);
    struct session *session =
        map_get(&auth->sessions_by_hash, (struct str){(const char *)hash, HASH_BYTES});
    if (session == NULL || session_over(auth, session, now_ms)) {
        return session_refuse(error);
    }
    const struct schema *schema = store_schema(auth->store);
    const struct scope_wish wish = {
        .schema = schema, .user = session->user, .now_ms = auth_now_ms(auth), .via = STR("http")};
    const struct scope *scope = NULL;
    err = directory_scope(auth->directory, &wish, &scope, error);
    schema_unref(schema);
    if (err != OK) {
        return session_refuse(error);
    }
    session->seen_at_ms = MAX(session->seen_at_ms, now_ms);
    *out = (struct principal){.scope = scope,
                              .user = session->user,
                              .session = session->id,
                              .language = scope_language(scope)};
    session_csrf(cookie, out->csrf);
    return OK;
}
