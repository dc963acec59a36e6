/* Shared inside core/auth: the module's one struct and what its parts ask of each other. Loop
 * thread, but for the directory (any) and what runs in the password lane or on the writer, which
 * touch only their own request. */
#ifndef PROXENOS_AUTH_INTERNAL_H
#define PROXENOS_AUTH_INTERNAL_H

#include "proxenos/auth.h"
#include "proxenos/base_crypto.h"
#include "proxenos/store_log.h"
#include "proxenos/store_query.h"

#include "directory.h"
#include "network.h"
#include "scope.h"
#include "statements.h"
#include "throttle.h"

enum {
    PASSWORD_THREADS = 2,
    PASSWORD_QUEUE_MAX = 64,
    SESSIONS_OF_USER_MAX = 50, /* the one longest unseen goes */
    TOKENS_OF_USER_MAX = 200,
    TOKEN_NAME_MAX = 100,
    TOKEN_SCOPES_MAX = 100,
    SEEN_BATCH_MAX = 500,    /* times written in one unit */
    SEEN_EVERY_MS = 60000,   /* how often use is written down */
    SESSION_TEXT_LEN = 43,   /* base64url of 32 bytes */
    TOKEN_TEXT_LEN = 3 + 43, /* "px_" before it */
    ADDRESS_TEXT_MAX = 64,   /* of what is written down */
};
static const int64_t DAY_MS = (int64_t)24 * 60 * 60 * 1000;

/* A secret's entry in memory: what a request shows is hashed and looked up. */
struct token {
    int64_t id, user;
    int64_t expires_at_ms; /* 0: never */
    unsigned char hash[HASH_BYTES];
    bool hashed; /* the hash is known (its record and its row come apart) */
    bool live;   /* the record exists and is not archived */
    int64_t used_at_ms, written_at_ms;
    struct network *networks;
    size_t network_count;
    struct narrowing *narrowings;
    size_t narrowing_count;
    bool keep_admin, keep_audit;
    bool outside; /* another than its user made it */
    bool broken;  /* its scopes or networks cannot be read: it gives nothing */
    struct arena arena;
};

struct session {
    int64_t id, user;
    unsigned char hash[HASH_BYTES];
    int64_t created_at_ms, seen_at_ms, expires_at_ms, written_at_ms;
};

struct password {
    int64_t user;
    int64_t changed_at_ms;
    char hash[PASSWORD_HASH_MAX];
};

struct auth {
    struct store *store;
    struct loop *loop;
    struct lane *lane;     /* Argon2id */
    struct reader *reader; /* loop thread */
    int64_t session_idle_ms, session_max_ms;
    struct directory *directory;
    struct throttle *throttle;
    struct map tokens, tokens_by_hash;     /* id → struct token; its hash → the same */
    struct map sessions, sessions_by_hash; /* id → struct session; its hash → the same */
    struct map passwords;                  /* user → struct password */
    struct store_watch watch;
    int64_t seq;   /* the log is followed up to here */
    bool behind;   /* following failed; tried again at the next occasion */
    int in_flight; /* logins, changes and own units that have not come back */
    bool closing;
    struct timer edge;      /* an absence or a territory begins or ends */
    struct timer timer;     /* writes down use, forgets what has expired */
    struct seen_unit *seen; /* under way, or NULL */
    struct buf purges;      /* of struct purge: rows to delete */
    int64_t logins_ok, logins_failed, throttled;
};

extern const char password_of_nobody[]; /* login.c */

/* ---- load.c: records → memory ---- */

/* The object types whose records are kept here. */
enum { AUTH_OBJECT_COUNT = 7 };
extern const char *const auth_objects[AUTH_OBJECT_COUNT];

/* Everything, at open. */
enum err load_all(struct auth *auth, struct error *error) MUST_CHECK;
/* What the log says has changed since. */
enum err load_changes(struct auth *auth, struct error *error) MUST_CHECK;
/* This record anew, at once: after a unit of our own, before its answer. seq is the unit's first
 * entry: from there on the log is followed again if the record cannot be read now. */
void load_one(struct auth *auth, const char *object, int64_t id, int64_t seq);

/* ---- tokens, sessions, passwords in memory ---- */

/* Takes a token read from its record (arena filled); keeps hash and times of the one it replaces.
 */
void token_put(struct auth *auth, struct token *token);
void token_forget(struct auth *auth, int64_t id);
void token_set_hash(struct auth *auth, int64_t id, const unsigned char hash[HASH_BYTES],
                    int64_t used_at_ms);
struct token *token_new(int64_t id);
void token_free(struct token *token);
int tokens_of_user(struct auth *auth, int64_t user);
/* Scopes as people write them: "read", "write", "admin", "audit", "organisation:read" …, parted by
 * spaces or commas. With a schema, unknown objects are refused. */
enum err token_scopes_read(struct str text, const struct schema *schema, struct token *token,
                           struct error *error) MUST_CHECK;
void tokens_free(struct auth *auth);

void session_put(struct auth *auth, const struct session *session);
void session_forget(struct auth *auth, int64_t id);
/* How many there were. */
size_t sessions_forget_user(struct auth *auth, int64_t user, int64_t keep);
void sessions_expire(struct auth *auth, int64_t now_ms);
bool session_over(const struct auth *auth, const struct session *session, int64_t now_ms);
/* The session that must go before this user gets another one; 0: none. */
int64_t session_surplus(struct auth *auth, int64_t user);
void sessions_free(struct auth *auth);

void password_put(struct auth *auth, int64_t user, struct str hash, int64_t changed_at_ms);
void passwords_free(struct auth *auth);
/* OK, or why this text cannot be this user's password. */
enum err password_check(struct str password, struct str user_name, struct error *error) MUST_CHECK;

/* ---- requests ---- */

/* Counts a request that will come back, so that auth_close can wait for it. */
void auth_enter(struct auth *auth);
void auth_leave(struct auth *auth);
int64_t auth_now_ms(struct auth *auth);
/* Follows the log up to the newest commit that may have changed rights, so that what was answered
 * counts. Nothing but two loads when there is none. An error fails the request: rather nobody than
 * somebody who was disabled. */
enum err auth_catch_up(struct auth *auth, struct error *error) MUST_CHECK;
/* ERR_RATE with the seconds to wait in error.value. */
enum err rate_error(int64_t wait_ms, struct error *error);
/* What X-CSRF-Token must be for this cookie. */
void session_csrf(struct str cookie, char out[44]);
static inline struct value bytes_value(const void *bytes, size_t len)
{
    return (struct value){.kind = VALUE_BYTES, .text = {bytes, len}};
}

/* seen.c: writes down when tokens and sessions were used last. */
void seen_init(struct auth *auth);
void seen_deinit(struct auth *auth);
/* Rows that must not come back to life with their record: soon, and again until it worked. */
void seen_purge_token(struct auth *auth, int64_t token);
void seen_purge_user(struct auth *auth, int64_t user); /* his sessions */
void seen_purge_session(struct auth *auth, int64_t session);

/* builtin.c */
enum err builtin_roles_make(struct auth *auth, struct error *error) MUST_CHECK;

#endif
