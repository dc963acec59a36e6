/* How long one must wait before trying to log in again. Soft: only ever a delay, which grows with
 * failures and is forgotten; nobody can lock somebody else out for good. Bounded memory: the
 * longest untouched counters go first. Loop thread; pure but for the clock that it is given. */
#ifndef PROXENOS_AUTH_THROTTLE_H
#define PROXENOS_AUTH_THROTTLE_H

#include "network.h"

struct throttle;
struct throttle *throttle_new(size_t entries_max); /* 0: 16,384 */
void throttle_free(struct throttle *throttle);     /* NULL is fine */
size_t throttle_size(const struct throttle *throttle);

/* One try to log in: whose name (whether it exists or not) and from where. */
struct attempt {
    uint64_t account, place, pair; /* hashes */
};
/* address is text as in auth.h; what cannot be read is one place of its own. */
struct attempt attempt_of(struct str name, struct str address);

/* Milliseconds to wait; 0: go on. Counted as a failure at once, so that tries made at the same time
 * cannot all pass; attempt_succeeded takes that back. now_ms is monotonic. */
int64_t throttle_attempt(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms);
/* The right password: forgives the pair and the account, and remembers the place as one from where
 * this account's owner comes, which the delays of the account and of all do not hold up. The
 * place's own count only loses this one try: an attacker with an account of his own must not be
 * able to clear it. */
void throttle_succeeded(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms);
/* Not tried after all (the queue was full). */
void throttle_undo(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms);

/* A bad token from this address: counts it and tells how long its bad tokens are answered with
 * ERR_RATE; 0: not yet. Good tokens are never held up. */
int64_t throttle_bad_token(struct throttle *throttle, struct str address, int64_t now_ms);

#endif
