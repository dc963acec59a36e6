/* The directory's insides, shared by directory.c and compile.c. */
#ifndef PROXENOS_AUTH_DIRECTORY_PARTS_H
#define PROXENOS_AUTH_DIRECTORY_PARTS_H

#include "directory.h"

#include <pthread.h>

struct directory {
    pthread_mutex_t lock; /* everything below */
    struct map users, users_by_name;
    struct map roles, roles_by_name;
    struct map teams, territories;
    struct map compartments, insides; /* id → struct compartment, struct inside (insiders.c) */
    int64_t lapse_ms;                 /* when the next of them begins or ends; 0: not known */
    int64_t lapsed_to_ms;             /* looked at so far */
    struct env *env;                  /* the clock */
    struct map grants;           /* ids of the roles, sorted → struct grants, a reference each */
    struct map scopes;           /* "user/token/via" → struct scope, a reference each */
    const struct schema *schema; /* that grants and scopes were compiled for; held; or NULL */
    int64_t generation;          /* atomic: read without the lock too */
    int64_t edge_ms;             /* when an absence or a territory begins or ends next; 0: look */
};

/* Under the lock. */
void map_empty(struct map *map);
void scopes_drop(struct directory *directory);
void compiled_drop(struct directory *directory); /* grants too */
void edge_pass(struct directory *directory, int64_t now_ms);
/* Of this user's roles, for the schema that is compiled for. Borrowed from the directory. */
struct grants *directory_grants(struct directory *directory, const struct user *user);
/* reach.c: in it or in one above it, each of them active now. */
bool territory_reaches(struct directory *directory, const struct territory *territory, int64_t user,
                       int64_t now_ms);

#endif
