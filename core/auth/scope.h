/* Scopes as auth makes them: one block of memory each, beside grants that many share. */
#ifndef PROXENOS_AUTH_SCOPE_H
#define PROXENOS_AUTH_SCOPE_H

#include "reach.h"

struct scope_spec {
    int64_t user;
    struct str actor, via; /* everything here is copied, grants get a reference */
    struct str language;
    const struct str *roles;
    size_t role_count;
    struct reach *reach; /* gets a reference; NULL: the own rows alone */
    struct grants *grants;
    bool admin, audit;
    const struct scope_compartment *compartments;
    size_t compartment_count;
    bool opens, breaks_glass;
    bool narrowed; /* less than the whole user: a token with scopes, a user through a plugin */
    bool lent;     /* by a token that another made: not his own hand */
    int64_t stamp;
};
/* One reference. Any thread. */
const struct scope *scope_new(const struct scope_spec *spec);
/* What scope_new was given; only for scopes that it made. */
int64_t scope_stamp(const struct scope *scope);
struct reach *scope_reach(const struct scope *scope); /* of any scope; NULL: none */
struct str scope_language(const struct scope *scope);

/* May it act for its user where that changes who can act as him (password, tokens)? Only a scope of
 * ours that is the whole user. */
bool scope_is_whole(const struct scope *scope);

/* The user himself, all of him, by his own hand: only then do the tokens that he makes reach into
 * his compartments. */
bool scope_is_own_hand(const struct scope *scope);

/* The same person, allowed to write users, roles and tokens: for what auth itself has checked. So
 * the log names the person, not the system. For this schema. */
const struct scope *scope_elevate(const struct scope *scope, const struct schema *schema);

#endif
