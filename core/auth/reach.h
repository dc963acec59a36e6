/* Whose rows a scope reaches besides the user's own: colleagues of his teams and of those below,
 * rows of his territories and views shared with him, and the rows of those whose deputy he is right
 * now. Made under the directory's lock, then immutable and shared under an atomic count. */
#ifndef PROXENOS_AUTH_REACH_H
#define PROXENOS_AUTH_REACH_H

#include "grants.h"
#include "proxenos/store_rules.h"

enum {
    STAND_INS_MAX = 20, /* absent people that one user is the deputy of at once */
    TEAM_MAX = 4096,    /* colleagues that one rule covers, and again in the teams below */
    TEAM_DEPTH_MAX = 64 /* as deep as an acyclic reference may lead */
};

struct reach {
    int references; /* atomic */
    int64_t *team;
    size_t team_count, below_count;
    struct scope_rules *rules; /* NULL: none */
    struct stand_in *stand_ins;
    struct grants *narrowed[STAND_INS_MAX]; /* of the stand-ins, a reference each */
    size_t stand_in_count;
    uint64_t mark;
    struct arena arena;
};

struct directory;
struct user;
struct reach *reach_new(struct directory *directory, const struct user *user,
                        const struct grants *grants, int64_t now_ms);
void reach_ref(struct reach *reach);
void reach_unref(struct reach *reach); /* NULL is fine; any thread */

#endif
