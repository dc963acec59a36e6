/* Logging in and out, passwords, tokens, and who one is. Loop thread. */
#include "internal.h"

#include "proxenos/base_time.h"

/* ---- login and logout ---- */

static void on_login(struct auth_login *login)
{
    struct call *call = login->context;
    if (login->err != OK) {
        call_problem(call, login->err, &login->error, NULL);
        return;
    }
    const char *secure = call->http->secure ? "; Secure" : "";
    http_header(call->http, "Set-Cookie",
                arena_printf(call_arena(call),
                             "px_session=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
                             login->cookie, (long long)login->max_age_s, secure));
    struct value answer = value_map_new();
    value_put_c(call_arena(call), &answer, "csrf", value_text(str_from(login->csrf)));
    value_put_c(call_arena(call), &answer, "user", value_id(login->user));
    call_respond_value(call, 200, &answer);
    crypto_wipe(login->cookie, sizeof(login->cookie));
}

static void login_body(struct call *call)
{
    struct auth_login *login = ARENA_NEW(call_arena(call), struct auth_login);
    *login = (struct auth_login){.name = value_get_text(&call->body, "name", STR("")),
                                 .password = value_get_text(&call->body, "password", STR("")),
                                 .address = call->http->address,
                                 .done = on_login,
                                 .context = call};
    enum err err = auth_login(call->api->auth, login);
    if (err != OK) {
        call_problem(call, err, &login->error, NULL);
    }
}

void create_login(struct call *call)
{
    call_with_body(call, login_body);
}

static void on_logout(struct auth_change *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
        return;
    }
    http_header(call->http, "Set-Cookie",
                STR("px_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    http_respond(call->http, 204, NULL);
}

static struct auth_change *new_change(struct call *call, void (*done)(struct auth_change *))
{
    struct auth_change *change = ARENA_NEW(call_arena(call), struct auth_change);
    *change = (struct auth_change){
        .done = done, .context = call, .scope = call_scope(call), .request = call_request_id(call)};
    return change;
}

void create_logout(struct call *call)
{
    if (call->who.session == 0) {
        call_fail(
            call, ERR_INVALID,
            "only a session can be logged out; a token is revoked by DELETE /api/v1/tokens/{id}");
        return;
    }
    struct auth_change *change = new_change(call, on_logout);
    enum err err = auth_logout(call->api->auth, change, call->who.session);
    if (err != OK) {
        call_problem(call, err, &change->error, NULL);
    }
}

/* ---- who am I ---- */

/* "team", or ["team", "territory"] where roles add up to both: as a role would say it. */
static struct value rows_as_value(struct arena *arena, unsigned rows)
{
    static const struct {
        unsigned rows;
        const char *word;
    } words[] = {{ROWS_ALL, "all"},
                 {ROWS_SUBTEAMS, "subteams"},
                 {ROWS_TEAM, "team"},
                 {ROWS_TERRITORY, "territory"},
                 {ROWS_OWN, "own"}};
    struct value list = value_list_new();
    unsigned said = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        bool more = (words[i].rows & ~said) != 0;
        if ((rows & words[i].rows) == words[i].rows && more) {
            value_push(arena, &list, value_text(str_from(words[i].word)));
            said |= words[i].rows;
        }
    }
    return list.list.count == 0   ? value_text(STR("none"))
           : list.list.count == 1 ? list.list.items[0]
                                  : list;
}

static struct value grant_as_value(struct arena *arena, const struct scope_grant *grant)
{
    static const struct {
        uint32_t verb;
        const char *name;
    } verbs[] = {
        {VERB_READ, "read"},       {VERB_CREATE, "create"}, {VERB_UPDATE, "update"},
        {VERB_DELETE, "delete"},   {VERB_IMPORT, "import"}, {VERB_EXPORT, "export"},
        {VERB_APPROVE, "approve"}, {VERB_ERASE, "erase"},   {VERB_ACCESS_EXPORT, "access_export"}};
    struct value list = value_list_new();
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        if ((grant->verbs & verbs[i].verb) != 0) {
            value_push(arena, &list, value_text(str_from(verbs[i].name)));
        }
    }
    struct value shown = value_map_new();
    value_put_c(arena, &shown, "verbs", list);
    value_put_c(arena, &shown, "rows", rows_as_value(arena, grant->read_rows));
    value_put_c(arena, &shown, "write_rows", rows_as_value(arena, grant->write_rows));
    return shown;
}

/* Those that one is inside of: who is in none, or asks with a token that another made, has none. */
static struct value compartments_as_value(struct arena *arena, const struct scope *scope)
{
    struct value list = value_list_new();
    for (size_t i = 0; i < scope->compartment_count; i++) {
        const struct scope_compartment *inside = &scope->compartments[i];
        struct value one = value_map_new();
        value_put_c(arena, &one, "id", value_text(inside->key));
        value_put_c(arena, &one, "name", value_text(inside->name));
        value_put_c(arena, &one, "write", value_bool(inside->write));
        value_put_c(arena, &one, "keeper", value_bool(inside->keeper));
        value_put_c(arena, &one, "passing", value_bool(inside->passing));
        value_push(arena, &list, one);
    }
    return list;
}

void get_me(struct call *call)
{
    const struct scope *scope = call_scope(call);
    struct arena *arena = call_arena(call);
    struct value me = value_map_new();
    struct value roles = value_list_new();
    struct value rights = value_map_new();
    char id[ID_TEXT_LEN + 1];
    id_format(scope->user, id);
    for (size_t i = 0; i < scope->role_count; i++) {
        value_push(arena, &roles, value_text(scope->roles[i]));
    }
    for (int i = 0; i < scope->schema->object_count; i++) {
        if (scope->grants[i].verbs != 0) {
            value_put(arena, &rights, scope->schema->objects[i].name,
                      grant_as_value(arena, &scope->grants[i]));
        }
    }
    value_put_c(arena, &me, "user", scope->user != 0 ? value_text(str_from(id)) : value_null());
    value_put_c(arena, &me, "actor", value_text(scope->actor));
    value_put_c(arena, &me, "roles", roles);
    value_put_c(arena, &me, "admin", value_bool(scope->admin));
    value_put_c(arena, &me, "audit", value_bool(scope->audit));
    value_put_c(arena, &me, "rights", rights);
    value_put_c(arena, &me, "compartments", compartments_as_value(arena, scope));
    if (call->who.csrf[0] != '\0') {
        value_put_c(arena, &me, "csrf", value_text(str_from(call->who.csrf)));
    }
    call_respond_value(call, 200, &me);
}

/* ---- passwords and tokens ---- */

static void on_password(struct auth_change *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
        return;
    }
    struct value answer = value_map_new();
    if (change->secret[0] != '\0') {
        value_put_c(call_arena(call), &answer, "password", value_text(str_from(change->secret)));
    }
    call_respond_value(call, 200, &answer);
    crypto_wipe(change->secret, sizeof(change->secret));
}

static void password_body(struct call *call)
{
    static const struct call_member known[] = {{"password", VALUE_TEXT}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct auth_change *change = new_change(call, on_password);
    enum err err = auth_set_password(call->api->auth, change, call->id,
                                     value_get_text(&call->body, "password", STR("")));
    if (err != OK) {
        call_problem(call, err, &change->error, NULL);
    }
}

void set_password(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, password_body);
    }
}

static void on_token(struct auth_change *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
        return;
    }
    struct value answer = value_map_new();
    value_put_c(call_arena(call), &answer, "id", value_id(change->id));
    value_put_c(call_arena(call), &answer, "token", value_text(str_from(change->secret)));
    call_respond_value(call, 201, &answer);
    crypto_wipe(change->secret, sizeof(change->secret));
}

/* "2027-03-31", "90d", "never", nothing. */
static enum err read_expiry(struct call *call, int64_t *out_ms, struct error *error)
{
    struct str text = value_get_text(&call->body, "expires_at", STR(""));
    int64_t now = loop_now_ms(call->api->loop);
    struct duration duration;
    *out_ms = 0;
    if (text.len == 0) {
        return OK;
    }
    if (str_is(text, "never")) {
        *out_ms = -1;
        return OK;
    }
    bool read = time_parse(text, out_ms) == OK || (duration_parse(text, &duration) == OK &&
                                                   time_add(now, &duration, 1, out_ms) == OK);
    if (!read || *out_ms <= now) {
        return error_at(error, ERR_INVALID, "/expires_at", NULL,
                        "expires_at is a date or time to come, a duration such as 90d, or never");
    }
    return OK;
}

static void token_body(struct call *call)
{
    static const struct call_member known[] = {{"user", VALUE_TEXT},
                                               {"name", VALUE_TEXT},
                                               {"expires_at", VALUE_TEXT},
                                               {"scopes", VALUE_TEXT},
                                               {"networks", VALUE_TEXT}};
    if (!call_knows_members(call, known, COUNT_OF(known))) {
        return;
    }
    struct token_spec spec = {.name = value_get_text(&call->body, "name", STR("token")),
                              .scopes = value_get_text(&call->body, "scopes", STR("")),
                              .networks = value_get_text(&call->body, "networks", STR(""))};
    struct str user = value_get_text(&call->body, "user", STR(""));
    enum err err = user.len > 0 ? id_parse(user, &spec.user) : OK;
    if (err != OK) {
        error_at(&call->error, ERR_INVALID, "/user", NULL, "user is the id of a user");
        call_problem(call, ERR_INVALID, &call->error, NULL);
        return;
    }
    spec.user = user.len > 0 ? spec.user : call_scope(call)->user;
    err = read_expiry(call, &spec.expires_at_ms, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    struct auth_change *change = new_change(call, on_token);
    err = auth_make_token(call->api->auth, change, &spec);
    if (err != OK) {
        call_problem(call, err, &change->error, NULL);
    }
}

void create_token(struct call *call)
{
    call_with_body(call, token_body);
}

static void on_revoked(struct auth_change *change)
{
    struct call *call = change->context;
    if (change->err != OK) {
        call_problem(call, change->err, &change->error, NULL);
        return;
    }
    http_respond(call->http, 204, NULL);
}

void delete_token(struct call *call)
{
    if (!call_find_id(call)) {
        return;
    }
    struct auth_change *change = new_change(call, on_revoked);
    enum err err = auth_revoke_token(call->api->auth, change, call->id);
    if (err != OK) {
        call_problem(call, err, &change->error, NULL);
    }
}
