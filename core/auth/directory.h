/* Who there is and what they may: users, roles, teams in memory, and the scopes made of them. The
 * loop thread changes it; any thread asks it. One lock, held only for look-ups and for the few
 * microseconds that making a scope takes. */
#ifndef PROXENOS_AUTH_DIRECTORY_H
#define PROXENOS_AUTH_DIRECTORY_H

#include "grants.h"

enum { LANGUAGE_MAX = 12, VIA_MAX = 100 };

struct user {
    int64_t id;
    struct str name; /* behind the struct, as are the roles: there may be many users */
    char language[LANGUAGE_MAX];
    bool active; /* may log in, and is not archived */
    int64_t *roles;
    size_t role_count;
    bool there; /* active and not archived, whether he may log in or not */
    int64_t deputy, away_from_ms, away_until_ms; /* 0: none */
    int64_t stamp; /* directory's: cached scopes of an older state are not used again */
};
struct role {
    int64_t id;
    struct str name; /* texts and lists live in arena */
    bool admin, audit, opens, breaks_glass;
    struct role_rules rules;
    struct arena arena;
};
struct team {
    int64_t id, parent, leader; /* 0: none */
    int64_t *members;
    size_t member_count;
    struct arena arena;
};

struct territory {
    int64_t id, parent;
    struct str name;           /* texts, lists and rules live in arena */
    int64_t from_ms, until_ms; /* active in between; until 0: for good */
    int64_t *members, *teams;
    size_t member_count, team_count;
    struct value rules; /* a map: object type → filter */
    int64_t stamp;      /* the directory's */
    struct arena arena;
};

struct directory;
struct directory *directory_new(struct env *env);
void directory_free(struct directory *directory); /* NULL is fine; scopes given out live on */

/* Each takes what user_new … gave, name included, and replaces what was there under the id. */
struct user *user_new(int64_t id, struct str name, const int64_t *roles, size_t role_count);
struct role *role_new(int64_t id);
struct team *team_new(int64_t id);
struct territory *territory_new(int64_t id);
void directory_put_user(struct directory *directory, struct user *user);
void directory_put_role(struct directory *directory, struct role *role);
void directory_put_team(struct directory *directory, struct team *team);
void directory_put_territory(struct directory *directory, struct territory *territory);
/* Fine when there is none. */
void directory_drop_user(struct directory *directory, int64_t id);
void directory_drop_role(struct directory *directory, int64_t id);
void directory_drop_team(struct directory *directory, int64_t id);
void directory_drop_territory(struct directory *directory, int64_t id);
/* Scopes of this user made so far are not given out again: one of his tokens changed. */
void directory_outdate(struct directory *directory, int64_t user);
void directory_clear(struct directory *directory);

/* Absences and territories begin and end by the clock: makes scopes outdated when a moment has come
 * since the last call. Gives the next such moment; INT64_MAX: none. Any thread. */
int64_t directory_tick(struct directory *directory, int64_t now_ms);
/* Who is in this territory or in one above it, now; at most `most` ids. */
size_t directory_territory_users(struct directory *directory, int64_t territory, int64_t now_ms,
                                 int64_t *out_ids, size_t most);

/* Raised by every change above, and by the hours of those who are inside a compartment for a while:
 * whoever keeps a scope for long compares it. Any thread. */
int64_t directory_generation(struct directory *directory);

/* By name: archived and inactive users too. */
bool directory_find(struct directory *directory, struct str name, int64_t *out_id);
bool directory_find_role(struct directory *directory, struct str name, int64_t *out_id);
/* Appended; false when there is no such user. */
bool directory_name(struct directory *directory, int64_t user, struct buf *out);
bool directory_active(struct directory *directory, int64_t user);
bool directory_anyone_active(struct directory *directory);
int64_t directory_user_count(struct directory *directory);

/* What a token leaves of its user's rights. */
struct narrowing {
    struct str object; /* empty: all object types */
    uint32_t verbs;
};
/* Whose scope is wanted. token and narrowings are 0 for anything but tokens with scopes. */
struct scope_wish {
    const struct schema *schema; /* the current one; borrowed */
    int64_t user;
    int64_t now_ms;
    struct str via;
    int64_t token;
    const struct narrowing *narrowings;
    size_t narrowing_count;
    bool keep_admin, keep_audit; /* of a narrowed scope */
    bool outside;                /* inside no compartment: somebody else acts for him */
};
/* Made before this user's rights were changed, or his time inside a compartment began or ended? */
bool directory_outdated(struct directory *directory, const struct scope *scope);
/* With its compartments at last; see auth_plugin_scope. */
struct scope_spec;
struct insider;
const struct scope *directory_plugin_scope(struct directory *directory, struct scope_spec *spec,
                                           const struct insider *insider);
/* ERR_NOT_FOUND when there is no such user or he may not act. The caller unrefs. Any thread. */
enum err directory_scope(struct directory *directory, const struct scope_wish *wish,
                         const struct scope **out_scope, struct error *error) MUST_CHECK;

/* As auth_role_scope, for this schema. */
enum err directory_role_scope(struct directory *directory, const struct schema *schema,
                              const struct role_holder *holder, const struct scope **out_scope,
                              struct error *error) MUST_CHECK;

#endif
