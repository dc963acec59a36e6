/* Clocks and ids: the fake world repeats itself; ids are unique over threads, rising, readable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "proxenos/base_env.h"

int test_env(void);

static const int64_t epoch_ms = 1577836800000;

static void the_real_world_moves(void **state)
{
    (void)state;
    struct env *env = env_real();
    assert_true(env->now_ms(env) > epoch_ms);
    int64_t before = env->monotonic_ns(env);
    assert_true(env->monotonic_ns(env) >= before);
    unsigned char a[32], b[32];
    env->random(env, a, sizeof(a));
    env->random(env, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void the_fake_world_repeats_itself(void **state)
{
    (void)state;
    struct env_fake one, two, other;
    env_fake_init(&one, 1000, 7);
    env_fake_init(&two, 1000, 7);
    env_fake_init(&other, 1000, 8);
    unsigned char a[37], b[37], c[37];
    one.env.random(&one.env, a, sizeof(a));
    two.env.random(&two.env, b, sizeof(b));
    other.env.random(&other.env, c, sizeof(c));
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, c, sizeof(a));
    one.env.random(&one.env, b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(one.env.now_ms(&one.env), 1000);
    assert_int_equal(one.env.monotonic_ns(&one.env), 1000000000);
    one.ms += 5;
    assert_int_equal(one.env.now_ms(&one.env), 1005);
}

/* ---- ids ---- */

static void ids_carry_time_node_and_counter(void **state)
{
    (void)state;
    struct env_fake fake;
    env_fake_init(&fake, epoch_ms + 123456, 1);
    struct ids *ids = ids_new(&fake.env, 1023);
    int64_t id = ids_next(ids);
    assert_int_equal(id_time_ms(id), epoch_ms + 123456);
    assert_int_equal(id >> 12 & 1023, 1023);
    assert_int_equal(id & 4095, 0);
    assert_int_equal(ids_next(ids), id + 1);
    fake.ms++;
    assert_int_equal(ids_next(ids), id + (1 << 22));
    ids_free(ids);
    ids_free(NULL);
}

/* The clock stands still or goes back: ids go on rising and stay with their node. */
static void ids_rise_when_the_clock_does_not(void **state)
{
    (void)state;
    struct env_fake fake;
    env_fake_init(&fake, epoch_ms + 1000, 1);
    struct ids *ids = ids_new(&fake.env, 5);
    int64_t last = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t id = ids_next(ids);
        assert_true(id > last);
        assert_int_equal(id >> 12 & 1023, 5);
        last = id;
        fake.ms -= i == 10000 ? 500 : 0;
    }
    assert_true(id_time_ms(last) <= epoch_ms + 1000 + 20000 / 4096);
    fake.ms = 0;
    assert_true(ids_next(ids) > last);
    ids_free(ids);
}

static void ids_begin_above_what_was_seen(void **state)
{
    (void)state;
    struct env_fake fake;
    env_fake_init(&fake, epoch_ms + 1000, 1);
    const int64_t of_lower_node = (int64_t)1000 << 22 | 2 << 12 | 4095;
    const int64_t of_higher_node = (int64_t)1000 << 22 | 9 << 12 | 17;
    const int64_t of_the_future = (int64_t)5000 << 22 | 5 << 12 | 4095;
    const int64_t seen[] = {of_lower_node, of_higher_node, of_the_future};
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        struct ids *ids = ids_new(&fake.env, 5);
        ids_seen(ids, seen[i]);
        ids_seen(ids, 3);
        int64_t id = ids_next(ids);
        assert_true(id > seen[i]);
        assert_int_equal(id >> 12 & 1023, 5);
        assert_true(ids_next(ids) > id);
        ids_free(ids);
    }
}

enum { THREADS = 4, PER_THREAD = 50000 };

struct minter {
    struct ids *ids;
    int64_t *minted;
};

static void *mint(void *argument)
{
    struct minter *minter = argument;
    for (size_t i = 0; i < PER_THREAD; i++) {
        minter->minted[i] = ids_next(minter->ids);
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static void ids_are_unique_over_threads(void **state)
{
    (void)state;
    int64_t *minted = mem_alloc(sizeof(int64_t) * THREADS * PER_THREAD);
    struct ids *ids = ids_new(env_real(), 1);
    pthread_t threads[THREADS];
    struct minter minters[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        minters[i] = (struct minter){ids, minted + i * PER_THREAD};
        assert_int_equal(pthread_create(&threads[i], NULL, mint, &minters[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        for (size_t j = 1; j < PER_THREAD; j++) {
            assert_true(minters[i].minted[j] > minters[i].minted[j - 1]);
        }
    }
    qsort(minted, (size_t)THREADS * PER_THREAD, sizeof(minted[0]), by_number);
    for (size_t i = 1; i < (size_t)THREADS * PER_THREAD; i++) {
        assert_true(minted[i] != minted[i - 1]);
    }
    ids_free(ids);
    mem_free(minted);
}

static void ids_read_back_from_their_text(void **state)
{
    (void)state;
    const int64_t ids[] = {0, 1, 31, 32, INT64_MAX, INT64_MIN, -1, 0x0123456789ABCDEF};
    char text[ID_TEXT_LEN + 1];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        id_format(ids[i], text);
        assert_int_equal(strlen(text), ID_TEXT_LEN);
        int64_t id = 5;
        assert_int_equal(id_parse(str_from(text), &id), OK);
        assert_true(id == ids[i]);
    }
    id_format(INT64_MAX, text);
    assert_string_equal(text, "7zzzzzzzzzzzz");
    id_format(1, text);
    assert_string_equal(text, "0000000000001");
}

static void texts_sort_as_ids_do(void **state)
{
    (void)state;
    char smaller[ID_TEXT_LEN + 1], larger[ID_TEXT_LEN + 1];
    for (int64_t id = 1; id < INT64_MAX / 3; id = id * 3 + 1) {
        id_format(id, smaller);
        id_format(id + 1, larger);
        assert_true(strcmp(smaller, larger) < 0);
    }
}

static void other_texts_are_no_ids(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "000000000000",
        "00000000000001",
        "000000000000i",
        "000000000000l",
        "000000000000o",
        "000000000000u",
        "000000000000A",
        "000000000000-",
        " 000000000001",
        "g000000000000",
        "zzzzzzzzzzzzz",
        "00000000000α",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t id = 5;
        assert_int_equal(id_parse(str_from(texts[i]), &id), ERR_TYPE);
        assert_int_equal(id, 5);
    }
    int64_t id = 5;
    assert_int_equal(id_parse(STR("000000\0"
                                  "000000"),
                              &id),
                     ERR_TYPE);
    assert_int_equal(id_parse((struct str){0}, &id), ERR_TYPE);
}

int test_env(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_world_moves),
        cmocka_unit_test(the_fake_world_repeats_itself),
        cmocka_unit_test(ids_carry_time_node_and_counter),
        cmocka_unit_test(ids_rise_when_the_clock_does_not),
        cmocka_unit_test(ids_begin_above_what_was_seen),
        cmocka_unit_test(ids_are_unique_over_threads),
        cmocka_unit_test(ids_read_back_from_their_text),
        cmocka_unit_test(texts_sort_as_ids_do),
        cmocka_unit_test(other_texts_are_no_ids),
    };
    return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
