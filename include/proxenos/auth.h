/* Who acts, with which rights: users, passwords, sessions, tokens, roles → scopes. Users, teams,
 * roles and tokens are records of the object types of the same names (so they are logged, listed
 * and ruled like all others); their secrets are in tables of auth's own. Loop thread unless a call
 * says otherwise; lookups are in memory. */
#ifndef PROXENOS_AUTH_H
#define PROXENOS_AUTH_H

#include "proxenos/store.h"

struct auth;

struct auth_options {
    struct store *store;
    struct loop *loop;
    int password_threads;    /* 0: 2 */
    int password_queue_max;  /* 0: 64; ERR_BUSY past it */
    int64_t session_idle_ms; /* 0: 12 h */
    int64_t session_max_ms;  /* 0: 7 d */
};
/* Opens auth's tables, loads users, roles, teams, tokens and sessions into memory, makes the
 * built-in roles that are missing
 * ("admin", "manager", "user", "reader", "auditor"). Blocks: start-up. */
enum err auth_open(const struct auth_options *options, struct auth **out_auth,
                   struct error *error) MUST_CHECK;
void auth_close(struct auth *auth); /* NULL is fine */
/* Declares `token` (name, user, expires_at, scopes, networks) beside the store's own types and
 * extends `user` by `roles` (refs to role) and `language`. The tree lives in arena. To be given to
 * store_schema_apply before auth_open. */
struct schema_source auth_schema(struct arena *arena);
/* Follows the log: reloads what changed. auth watches the store by itself; whoever works without a
 * running loop (command line, tests) calls it. */
void auth_refresh(struct auth *auth);
/* Raised whenever rights may have changed. Who keeps a scope for long (SSE, executors, jobs)
 * compares it now and then and asks for the scope again when it moved. Any thread. */
int64_t auth_generation(struct auth *auth);

/* First start (contract 28): true when no user exists. Makes `admin` with a new password, written
 * to out (NUL-terminated); blocks. */
bool auth_first_start(const struct auth *auth);
enum err auth_make_admin(struct auth *auth, char out_password[21], struct error *error) MUST_CHECK;

/* ---- principals ---- */

/* What a request was made by. The scope is current for the store's schema epoch and held by the
 * caller (principal_clear). */
struct principal {
    const struct scope *scope;
    int64_t user, token, session; /* token or session may be 0 */
    char csrf[44];                /* session's, to compare with X-CSRF-Token */
    struct str language;          /* of the user: "el", "en" */
};
void principal_clear(struct principal *principal);

/* Authorization: Bearer …; address for the token's networks. ERR_UNAUTHENTICATED with one text for
 * all reasons, ERR_RATE past the address's failures. Fast: one hash and one map look-up. */
enum err auth_by_token(struct auth *auth, struct str token, struct str address, struct str via,
                       struct principal *out, struct error *error) MUST_CHECK;
enum err auth_by_session(struct auth *auth, struct str cookie, struct str address,
                         struct principal *out, struct error *error) MUST_CHECK;
/* The Unix socket's peer: same uid as the service, or root → the administrator "local" (audited as
 * "local:<uid>"). */
enum err auth_local(struct auth *auth, unsigned uid, struct str via, struct principal *out,
                    struct error *error) MUST_CHECK;
/* A plugin's own rights (contract 23): from its `can`; and those of a user through it: user ∩ can.
 * Any thread. */
struct plugin_rights {
    struct str name;
    const struct str *read, *write;
    size_t read_count, write_count; /* "organisation", "person#pii", "*" */
    bool http;
    struct str compartments; /* names joined by ','; empty: none */
};
const struct scope *auth_plugin_scope(struct auth *auth, const struct plugin_rights *rights,
                                      struct error *error);
const struct scope *auth_intersect(struct auth *auth, const struct scope *user,
                                   const struct plugin_rights *rights, struct error *error);
/* A user's scope by id or name, for jobs that go on after a restart and for px.actor.as.
 * ERR_NOT_FOUND when gone or disabled. Any thread. */
enum err auth_user_scope(struct auth *auth, int64_t user, struct str via,
                         const struct scope **out_scope, struct error *error) MUST_CHECK;
enum err auth_find_user(struct auth *auth, struct str name, int64_t *out_user,
                        struct error *error) MUST_CHECK;

/* ---- slow calls: caller-owned request, done runs once on the loop, never before the call returns
 * ---- */

struct auth_login {
    struct str name, password, address; /* borrowed until done */
    void (*done)(struct auth_login *login);
    void *context;
    enum err err;
    struct error error;
    char cookie[64]; /* session cookie's value */
    char csrf[44];
    int64_t user, session, max_age_s;
    void *private;
};
/* Equal time and text for unknown users and wrong passwords (ERR_UNAUTHENTICATED); throttled per
 * account, per address and in all. What it returns itself is also in login->err and login->error,
 * and then done never comes: ERR_RATE with the seconds to wait in error.value, ERR_BUSY,
 * ERR_STOPPING. */
enum err auth_login(struct auth *auth, struct auth_login *login) MUST_CHECK;

/* Below: ERR_FORBIDDEN, ERR_NOT_FOUND, ERR_VALIDATION and the like come back at once, also in
 * change->error, and then done never comes. Besides administrators a user himself may do all four
 * for himself, but not through a token with scopes or a plugin. */
struct auth_change {
    void (*done)(struct auth_change *change);
    void *context;
    const struct scope *scope; /* who asks; held until done */
    struct str request;
    enum err err;
    struct error error;
    char secret[72]; /* the password or token made, shown once */
    int64_t id;
    void *private;
};
/* Sets a password (empty: makes one into change->secret); ends the user's sessions. */
enum err auth_set_password(struct auth *auth, struct auth_change *change, int64_t user,
                           struct str password) MUST_CHECK;
/* A token for a user: expires_at_ms 0 = 90 days, -1 = never (administrators only); scopes: a list
 * of "read", "write", "object:verb" narrowing the user's rights, empty = all; networks: CIDR list,
 * empty = all. */
struct token_spec {
    int64_t user;
    struct str name;
    int64_t expires_at_ms;
    struct str scopes, networks;
};
enum err auth_make_token(struct auth *auth, struct auth_change *change,
                         const struct token_spec *spec) MUST_CHECK;
enum err auth_revoke_token(struct auth *auth, struct auth_change *change, int64_t token) MUST_CHECK;
enum err auth_logout(struct auth *auth, struct auth_change *change, int64_t session) MUST_CHECK;
/* When a token was used last, ms; 0: never, or no such token. Kept outside its record, since use is
 * no change; written down each minute. */
int64_t auth_token_used(struct auth *auth, int64_t token);

/* Roles (object `role`): grants as JSON:
 *   { "organisation": { "verbs": ["read","create","update","delete","import","export","approve"],
 * "rows": "own|team|all", "write_rows": "own|team|all", "classes":
 * {"pii":"readable|masked|hidden|writable", …}, "fields": {"value":"hidden"} }, "*": {…} } A user's
 * roles add up per (object type, field): the widest wins. Object types `user`, `team`, `role`,
 * `token` are not covered by "*": only admin, or a grant that names them. */
enum err auth_grants_check(const struct schema *schema, const struct value *grants,
                           struct error *error) MUST_CHECK;

struct auth_stats {
    int64_t users, tokens, sessions, logins_ok, logins_failed, throttled, password_waiting;
};
void auth_stats(struct auth *auth, struct auth_stats *out_stats);

#endif
