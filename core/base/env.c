/* The world outside: the real clock and randomness, and made-up ones that tests can repeat. */
#include "proxenos/base_env.h"

#include <sodium.h>

#include "sodium_start.h"

static int64_t real_now_ms(struct env *env)
{
    (void)env;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_monotonic_ns(struct env *env)
{
    (void)env;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void real_random(struct env *env, void *bytes, size_t len)
{
    (void)env;
    sodium_start();
    randombytes_buf(bytes, len);
}

struct env *env_real(void)
{
    static struct env env = {
        .now_ms = real_now_ms, .monotonic_ns = real_monotonic_ns, .random = real_random};
    return &env;
}

static struct env_fake *fake_of(struct env *env)
{
    return CONTAINER_OF(env, struct env_fake, env);
}

static int64_t fake_now_ms(struct env *env)
{
    return fake_of(env)->ms;
}

static int64_t fake_monotonic_ns(struct env *env)
{
    return fake_of(env)->ms * 1000000;
}

/* SplitMix64 (Steele, Lea and Flood 2014): any seed will do, zero too. */
static uint64_t fake_random_next(struct env_fake *fake)
{
    uint64_t mixed = fake->seed += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

static void fake_random(struct env *env, void *bytes, size_t len)
{
    struct env_fake *fake = fake_of(env);
    unsigned char *out = bytes;
    while (len > 0) {
        uint64_t drawn = fake_random_next(fake);
        size_t part = MIN(len, sizeof(drawn));
        memcpy(out, &drawn, part);
        out += part;
        len -= part;
    }
}

void env_fake_init(struct env_fake *fake, int64_t start_ms, uint64_t seed)
{
    *fake = (struct env_fake){
        .env = {.now_ms = fake_now_ms, .monotonic_ns = fake_monotonic_ns, .random = fake_random},
        .ms = start_ms,
        .seed = seed,
    };
}
