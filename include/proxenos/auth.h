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
 * built-in roles that are missing. Blocks: start-up, on the loop's thread before it runs.
 * ERR_SCHEMA and the like when auth_schema was not applied. */
enum err auth_open(const struct auth_options *options, struct auth **out_auth,
                   struct error *error) MUST_CHECK;
/* On the loop's thread, when loop_run has returned, before the store is closed: what is under way
 * comes back (ERR_STOPPING for logins that waited), times of use are written. NULL is fine. */
void auth_close(struct auth *auth);
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

/* First start (contract 28): true when nobody could log in (users made by an import do not count).
 * auth_make_admin makes `admin` (or turns the user of this name into it) with a new password,
 * written to out_password (NUL-terminated); blocks, start-up. */
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
/* The session cookie's value; via is "http". ERR_UNAUTHENTICATED. Both: disabling, revoking, a new
 * password or a changed role that has been acknowledged counts. ERR_IO and the like when rights
 * have changed and cannot be read: rather nobody than somebody who may no longer. */
enum err auth_by_session(struct auth *auth, struct str cookie, struct str address,
                         struct principal *out, struct error *error) MUST_CHECK;
/* The Unix socket's peer: same uid as the service, or root → an administrator without a user record
 * (principal.user 0), in the log as "local:<uid>". ERR_FORBIDDEN for others. */
enum err auth_local(struct auth *auth, unsigned uid, struct str via, struct principal *out,
                    struct error *error) MUST_CHECK;
/* A plugin's own rights (contract 23): from its `can`; and those of a user through it: user ∩ can.
 * read gives read and export; write gives those and create, update, delete, never import (states
 * stay the machine's) nor approve (four eyes are people's). "person" gives plain fields,
 * "person#pii" those and the class; "*" is every business object. user, team, role and token can be
 * read where named, never written. Neither has admin or audit. The caller unrefs; NULL with error:
 * ERR_UNKNOWN_OBJECT, ERR_CAPABILITY. auth_intersect lets words that mean nothing (their plugin is
 * away) give nothing. Any thread. */
struct plugin_rights {
    struct str name;
    const struct str *read, *write;
    size_t read_count, write_count; /* "organisation", "person#pii", "*" */
    bool http;
    struct str compartments; /* names joined by ','; empty: none */
    struct str version; /* of the plugin, for the log: via "plugin:NAME@VERSION"; empty: none */
};
const struct scope *auth_plugin_scope(struct auth *auth, const struct plugin_rights *rights,
                                      struct error *error);
const struct scope *auth_intersect(struct auth *auth, const struct scope *user,
                                   const struct plugin_rights *rights, struct error *error);
/* A user's scope by id or name, for jobs that go on after a restart and for px.actor.as.
 * ERR_NOT_FOUND when gone or disabled. Any thread. */
enum err auth_user_scope(struct auth *auth, int64_t user, struct str via,
                         const struct scope **out_scope, struct error *error) MUST_CHECK;
/* The same inside no compartment: for what others set up in his name (a webhook). */
enum err auth_user_scope_outside(struct auth *auth, int64_t user, struct str via,
                                 const struct scope **out_scope, struct error *error) MUST_CHECK;
/* Was this scope, of ours, made before its user's rights changed, or before his time inside a
 * compartment began or ended? Any thread. */
bool auth_outdated(struct auth *auth, const struct scope *scope);
enum err auth_find_user(struct auth *auth, struct str name, int64_t *out_user,
                        struct error *error) MUST_CHECK;

/* Who has this territory now, in it or in one above it: at most `most` ids. Any thread. */
size_t auth_territory_users(struct auth *auth, int64_t territory, int64_t *out_ids, size_t most);
/* Appends the name; false when there is no such user. Any thread. */
bool auth_user_name(struct auth *auth, int64_t user, struct buf *out);

/* The rights of one role for what is no user and outlives who set it up (a webhook): its rows are
 * `all` or none, since it owns nothing; never admin, audit as the role has it. `id` is the holder's
 * own. ERR_NOT_FOUND when the role is gone. Any thread. */
struct role_holder {
    int64_t id, role;
    struct str actor, via;
};
enum err auth_role_scope(struct auth *auth, const struct role_holder *holder,
                         const struct scope **out_scope, struct error *error) MUST_CHECK;
enum err auth_find_role(struct auth *auth, struct str name, int64_t *out_role,
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

/* Roles (object `role`): `admin`, `audit`, and `grants` as JSON, for example
 *
 *   { "organisation": { "verbs": ["read", "create", "update"], "rows": "all", "write_rows": "team",
 *                       "classes": { "pii": "masked" }, "fields": { "value": "hidden" } },
 *     "*": { "verbs": ["read"] } }
 *
 * verbs       read create update delete import export approve; "write" for create, update, delete
 *             and import, "*" for all. All but create need read beside them.
 * rows        none own team subteams territory all, or a list of them: whose records are seen;
 *             "all" when not said. team: of everyone in a team with the user (its leader is in it);
 *             subteams: of the teams below too; territory: own ones and those that meet a rule of
 *             his territories or of those below. write_rows: whose may be changed; as rows when not
 *             said, never wider. Moving a record out of one's rows is a hand-over, and allowed.
 * classes     plain pii phi pan: hidden masked readable writable. When not said, plain is
 *             writable with a writing verb, else readable; the others are hidden.
 * fields      the same words for single fields, before their class.
 * "*"         every business object without an entry of its own; not user, team, role, token,
 *             territory, view, legal_hold and webhook, which a role must name. Of views everybody
 * who has a role has his own and those shared with him.
 *
 * While a user is away (tx_absence), his deputy has the user's own and team's rows too, for the
 * verbs that both have, of object types where the deputy sees no field that the user does not;
 * never of users, roles and the like, never administration or audit, never what a third one handed
 * to the user. It ends at the instant that the absence ends.
 *
 * The roles of a user add up: for each object type all verbs, the widest rows, and for each field
 * the widest access. So whoever may see only some fields of others' records, and more of his own,
 * needs one role that says the narrower of the two. Nothing makes writable: readonly and computed
 * fields; and, but for administrators, what gives rights (user.login, user.roles, all of
 * role, token, territory and webhook). A role whose grants cannot be read gives nothing.
 *
 * Built in, made anew when missing, changeable: admin (everything, also administration; but no
 * compartments), manager (all business, pii writable), user (reads all, creates, changes what is
 * his own or his team's; pii writable), reader (pii masked), auditor (reads, sees the log's
 * envelopes; pii masked). manager to reader also see colleagues and teams, and their own tokens.
 *
 * Checks words and names. ERR_INVALID with pointer and nearest word, ERR_UNKNOWN_OBJECT,
 * ERR_UNKNOWN_FIELD, ERR_LIMIT. Pure; any thread. */
enum err auth_grants_check(const struct schema *schema, const struct value *grants,
                           struct error *error) MUST_CHECK;

/* May who has this scope decide for this user about what gives rights: an administrator, or himself
 * but not through a narrowed token or a plugin. Any thread. */
bool auth_may_for(const struct scope *scope, int64_t user);

struct auth_stats {
    int64_t users, tokens, sessions, logins_ok, logins_failed, throttled, password_waiting;
};
void auth_stats(struct auth *auth, struct auth_stats *out_stats);

#endif
