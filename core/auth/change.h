/* Shared by the changes of what people log in with: the request between loop, lane and writer. */
#ifndef PROXENOS_AUTH_CHANGE_H
#define PROXENOS_AUTH_CHANGE_H

#include "internal.h"

struct change_job {
    struct auth *auth;
    struct auth_change *change;
    struct work work;
    struct unit unit;
    struct arena arena; /* the draft */
    struct draft *draft;
    const struct scope *elevated; /* held; NULL: no record is written */
    void (*finish)(struct change_job *job);
    int64_t user, subject; /* subject: token or session */
    char secret[sizeof(((struct auth_change *)0)->secret)];
    char password[4 * PASSWORD_LEN_MAX + 1];
    char hash[PASSWORD_HASH_MAX]; /* of the password */
    unsigned char token_hash[HASH_BYTES];
};

struct change_job *auth_job_new(struct auth *auth, struct auth_change *change);
void auth_job_free(struct change_job *job); /* one that was never submitted */
/* Ends a job that came back: done is called. */
void job_end(struct change_job *job, enum err err, const struct error *error);
/* Gives the job to the writer. On an error it is freed, and done never comes. */
enum err job_submit(struct change_job *job) MUST_CHECK;
void job_saved(struct unit *unit); /* the unit's done: finish, then job_end */

/* May this scope decide for this user? */
bool may_for(const struct scope *scope, int64_t user);
/* First of all calls: catches up and judges. user must be able to act, but for one's own 0. */
enum err change_begin(struct auth *auth, struct auth_change *change, int64_t user) MUST_CHECK;

#endif
