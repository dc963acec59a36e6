/* Who is inside which compartment, in memory: part of the directory, under its lock. What lapses is
 * looked at whenever a scope is asked for, so that an hour that is over counts at once. */
#ifndef PROXENOS_AUTH_INSIDERS_H
#define PROXENOS_AUTH_INSIDERS_H

#include "directory.h"

enum {
    SCOPE_COMPARTMENTS_MAX = 200, /* that one person or plugin is inside of; the oldest count */
};

/* One `compartment_access` in force, or that will be. */
struct inside {
    int64_t id, compartment;
    int64_t user;      /* 0: a plugin */
    struct str plugin; /* behind the struct */
    bool keeper, write, passing;
    int64_t from_ms, until_ms; /* until INT64_MAX: open */
};
struct inside *inside_new(int64_t id, struct str plugin);

/* Each takes what it is given and replaces what was there under the id. */
void directory_put_compartment(struct directory *directory, int64_t id, struct str name);
void directory_put_inside(struct directory *directory, struct inside *inside);
void directory_drop_compartment(struct directory *directory, int64_t id);
void directory_drop_inside(struct directory *directory, int64_t id);

/* Those of a user, or of a plugin among the names that its manifest says ("a,b"). Texts borrow from
 * the directory: under its lock, or copied by scope_new before it is given back. */
struct insider {
    int64_t user;
    struct str plugin, names;
};
size_t insider_compartments(struct directory *directory, const struct insider *insider,
                            struct scope_compartment out[SCOPE_COMPARTMENTS_MAX]);
/* Under the lock: scopes of whom an hour began or ended for are not given out again. */
void insiders_lapse(struct directory *directory);
void insiders_clear(struct directory *directory);

#endif
