/* The world outside behind one table: clock, random, sleep. Simulation and tests replace it;
 * nothing else in the code asks libc for time or randomness. The env is set once before threads
 * start; its functions are called by any thread. */
#ifndef PROXENOS_BASE_ENV_H
#define PROXENOS_BASE_ENV_H

#include "proxenos/base.h"

struct env {
    int64_t (*now_ms)(struct env *env);       /* wall clock, UTC, ms since 1970 */
    int64_t (*monotonic_ns)(struct env *env); /* never goes back */
    void (*random)(struct env *env, void *bytes, size_t len);
    void *context;
    /* The clock moves only when somebody moves it: timers of the loop wait for loop_clock_moved. */
    bool stepped;
};

/* The real one: clock_gettime and libsodium's randombytes. */
struct env *env_real(void);
/* A deterministic one for tests: a clock that moves only when told, random from a seed. */
struct env_fake {
    struct env env;
    int64_t ms;
    uint64_t seed;
};
void env_fake_init(struct env_fake *fake, int64_t start_ms, uint64_t seed);

/* ---- ids: 64 bits = ms since 2020-01-01 (42) | node (10) | counter (12); minted by any thread,
 * unique and rising in the process (contract 7) ---- */

struct ids;                                          /* atomic */
struct ids *ids_new(struct env *env, unsigned node); /* node < 1024 */
void ids_free(struct ids *ids);
int64_t ids_next(struct ids *ids);
void ids_seen(struct ids *ids, int64_t id);       /* never mint at or below it (start-up) */
void ids_seen_until(struct ids *ids, int64_t ms); /* nor any of this time or before (start-up) */
enum { ID_TEXT_LEN = 13 };
void id_format(int64_t id, char out[ID_TEXT_LEN + 1]); /* lower-case Crockford base32, NUL behind */
enum err id_parse(struct str text, int64_t *out_id)
    MUST_CHECK; /* canonical only: 13 characters, no i l o u; ERR_TYPE */
int64_t id_time_ms(int64_t id);

#endif
