/* The world of a test: a clock that moves only when the test moves it, and chance that comes out
 * the same for the same seed. Each thread draws from a stream of its own, named after it, so that
 * what one draws does not depend on how fast another is. Any thread. */
#include "internal.h"

#include <sys/prctl.h>

enum { THREAD_NAME_MAX = 16 };

static struct test_env *test_env_of(struct env *env)
{
    return CONTAINER_OF(env, struct test_env, env);
}

static int64_t now_ms(struct env *env)
{
    return atomic_load(&test_env_of(env)->ms);
}

static int64_t monotonic_ns(struct env *env)
{
    return atomic_load(&test_env_of(env)->ms) * 1000000;
}

/* SplitMix64, as base's env_fake has it. */
static uint64_t next_of(uint64_t *state)
{
    uint64_t mixed = *state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

static uint64_t mix_name(uint64_t seed, const char *name)
{
    for (; *name != '\0'; name++) {
        seed = (seed ^ (unsigned char)*name) * 0x100000001B3u;
        (void)next_of(&seed);
    }
    return seed;
}

/* Under the lock. Threads past the last place share it. */
static uint64_t *stream_of_thread(struct test_env *test)
{
    char name[THREAD_NAME_MAX + 1] = "";
    (void)prctl(PR_GET_NAME, name);
    for (size_t i = 0; i < COUNT_OF(test->streams); i++) {
        struct test_stream *stream = &test->streams[i];
        bool last = i + 1 == COUNT_OF(test->streams);
        if (stream->name[0] == '\0') {
            (void)snprintf(stream->name, sizeof(stream->name), "%s", name);
            stream->state = mix_name(test->seed, name);
            return &stream->state;
        }
        if (last || strcmp(stream->name, name) == 0) {
            return &stream->state;
        }
    }
    return &test->streams[0].state;
}

static void draw(struct env *env, void *bytes, size_t len)
{
    struct test_env *test = test_env_of(env);
    unsigned char *out = bytes;
    (void)pthread_mutex_lock(&test->lock);
    uint64_t *state = stream_of_thread(test);
    while (len > 0) {
        uint64_t drawn = next_of(state);
        size_t part = MIN(len, sizeof(drawn));
        memcpy(out, &drawn, part);
        out += part;
        len -= part;
    }
    (void)pthread_mutex_unlock(&test->lock);
}

void test_env_init(struct test_env *test, uint64_t seed)
{
    *test = (struct test_env){
        .env = {.now_ms = now_ms, .monotonic_ns = monotonic_ns, .random = draw, .stepped = true}};
    (void)pthread_mutex_init(&test->lock, NULL);
    test_env_reset(test, seed);
}

void test_env_deinit(struct test_env *test)
{
    (void)pthread_mutex_destroy(&test->lock);
}

void test_env_reset(struct test_env *test, uint64_t seed)
{
    (void)pthread_mutex_lock(&test->lock);
    test->seed = seed;
    memset(test->streams, 0, sizeof(test->streams));
    (void)pthread_mutex_unlock(&test->lock);
    atomic_store(&test->ms, TEST_START_MS);
}

int64_t test_env_ms(const struct test_env *test)
{
    return atomic_load(&((struct test_env *)test)->ms);
}

void test_env_set(struct test_env *test, int64_t ms)
{
    ASSERT(ms >= test_env_ms(test));
    atomic_store(&test->ms, ms);
}
