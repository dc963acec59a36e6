/* The guard in front of SQLite's recovery: damage inside the WAL is refused with a copy set aside,
 * what a crash leaves is taken; and the head outside the database finds a database that has lost
 * its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_fixture.h"

int test_wal(void);

enum { UNITS = 6, WAL_HEADER = 32, FRAME = 4096 + 24, BIG_BODY = 12000 };

struct image {
    struct fixture fixture; /* the crashed copy, closed */
    int64_t wal_bytes;
    int frames;
    int last_commit_before_end; /* frame number of the last commit but one */
};

/* A store with UNITS commits in its WAL, the last one several frames long, copied as it runs. */
static void make_image(struct image *image)
{
    void *state = NULL;
    *image = (struct image){.frames = 0};
    assert_int_equal(fixture_setup(&state), 0);
    struct fixture *fixture = state;
    struct reader *reader = NULL; /* its snapshot keeps the WAL as it is */
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_pin(reader, 0, NULL), OK);
    struct stat facts;
    for (int64_t id = 1; id <= UNITS; id++) {
        struct item_unit item;
        item_unit_init(&item, fixture, id);
        item.body_bytes = id == UNITS ? BIG_BODY : 0;
        if (id == UNITS) {
            assert_int_equal(stat(fixture_path(fixture, "proxenos.db-wal"), &facts), 0);
            image->last_commit_before_end = (int)((facts.st_size - WAL_HEADER) / FRAME) - 1;
        }
        assert_int_equal(store_run(fixture->store, &item.unit), OK);
        unit_deinit(&item.unit);
    }
    (void)snprintf(image->fixture.folder, sizeof image->fixture.folder, "%s-crashed",
                   fixture->folder);
    copy_folder(fixture->folder, image->fixture.folder);
    reader_close(reader);
    (void)fixture_teardown(&state);
    assert_int_equal(stat(fixture_path(&image->fixture, "proxenos.db-wal"), &facts), 0);
    image->wal_bytes = facts.st_size;
    image->frames = (int)((facts.st_size - WAL_HEADER) / FRAME);
    assert_true(image->frames - image->last_commit_before_end > 3);
}

static int open_wal(struct image *image)
{
    int fd = open(fixture_path(&image->fixture, "proxenos.db-wal"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void flip(struct image *image, int64_t byte, unsigned bit)
{
    int fd = open_wal(image);
    unsigned char value = 0;
    assert_int_equal(pread(fd, &value, 1, byte), 1);
    value = (unsigned char)(value ^ (1U << bit));
    assert_int_equal(pwrite(fd, &value, 1, byte), 1);
    (void)close(fd);
}

static int64_t frame_at(int frame)
{
    return WAL_HEADER + (int64_t)frame * FRAME;
}

static void expect_refused(struct image *image)
{
    struct error error = {0};
    assert_int_equal(fixture_try_open(&image->fixture, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.detail, "damaged"));
    struct stat facts;
    assert_int_equal(stat(fixture_path(&image->fixture, "proxenos.db-wal.damaged-1"), &facts), 0);
    assert_int_equal(facts.st_size, image->wal_bytes);
    /* Nothing was changed: it is refused again, and the evidence is kept twice. */
    assert_int_equal(fixture_try_open(&image->fixture, &error), ERR_CORRUPT);
    assert_int_equal(stat(fixture_path(&image->fixture, "proxenos.db-wal.damaged-2"), &facts), 0);
    remove_folder(image->fixture.folder);
}

static void expect_items(struct image *image, int64_t count)
{
    fixture_open(&image->fixture);
    assert_int_equal(item_count(&image->fixture), count);
    assert_int_equal(item_run(&image->fixture, 100), OK);
    fixture_close(&image->fixture);
    remove_folder(image->fixture.folder);
}

static void a_clean_crash_is_recovered(void **state)
{
    (void)state;
    struct image image;
    make_image(&image);
    expect_items(&image, UNITS);
}

static void a_flipped_bit_is_refused(void **state)
{
    (void)state;
    /* In a page, a page number, a salt, a checksum; early and in the last transaction. */
    static const struct {
        int from_end;
        int64_t byte;
    } places[] = {{-1, 24 + 1000}, {-1, 3},        {-1, 9}, {-1, 18},
                  {2, 24 + 17},    {3, 24 + 4000}, {1, 700}};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct image image;
        make_image(&image);
        int frame = places[i].from_end < 0 ? 1 : image.frames - places[i].from_end;
        flip(&image, frame_at(frame) + places[i].byte, (unsigned)i % 8);
        expect_refused(&image);
    }
}

static void a_flipped_bit_in_the_header_is_refused(void **state)
{
    (void)state;
    struct image image;
    make_image(&image);
    flip(&image, 17, 3);
    expect_refused(&image);
}

static void a_cut_end_is_a_crash(void **state)
{
    (void)state;
    for (int64_t cut = 1; cut <= (int64_t)3 * FRAME; cut += FRAME / 2) {
        struct image image;
        make_image(&image);
        assert_int_equal(
            truncate(fixture_path(&image.fixture, "proxenos.db-wal"), image.wal_bytes - cut), 0);
        expect_items(&image, UNITS - 1);
    }
}

static void an_unsynced_transaction_with_holes_is_a_crash(void **state)
{
    (void)state;
    /* A frame of the last transaction never reached the disk, those behind it did. */
    for (int frame = 1; frame <= 2; frame++) {
        struct image image;
        make_image(&image);
        static const char zeros[FRAME];
        int fd = open_wal(&image);
        assert_int_equal(pwrite(fd, zeros, FRAME, frame_at(image.last_commit_before_end + frame)),
                         FRAME);
        (void)close(fd);
        expect_items(&image, UNITS - 1);
    }
}

static void half_a_frame_is_a_crash(void **state)
{
    (void)state;
    struct image image;
    make_image(&image);
    static const char zeros[2048];
    int fd = open_wal(&image);
    assert_int_equal(
        pwrite(fd, zeros, sizeof zeros, frame_at(image.last_commit_before_end + 1) + 24 + 2048),
        (ssize_t)sizeof zeros);
    (void)close(fd);
    expect_items(&image, UNITS - 1);
}

static void noise_behind_the_end_is_taken(void **state)
{
    (void)state;
    struct image image;
    make_image(&image);
    int fd = open_wal(&image);
    char noise[3 * FRAME];
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)(i * 31 + 7);
    }
    assert_int_equal(pwrite(fd, noise, sizeof noise, image.wal_bytes), (ssize_t)sizeof noise);
    (void)close(fd);
    expect_items(&image, UNITS);
}

static void every_wal_byte_flipped_is_found_or_harmless(void **state)
{
    (void)state;
    enum { TRIES = 60 };
    struct env_fake chance;
    env_fake_init(&chance, 0, 7);
    for (int i = 0; i < TRIES; i++) {
        struct image image;
        make_image(&image);
        uint64_t random = 0;
        chance.env.random(&chance.env, &random, sizeof random);
        int64_t byte = (int64_t)(random % (uint64_t)image.wal_bytes);
        flip(&image, byte, (unsigned)(random >> 60) % 8);
        struct error error = {0};
        enum err err = fixture_try_open(&image.fixture, &error);
        if (err == OK) {
            assert_int_equal(item_count(&image.fixture), UNITS);
            fixture_close(&image.fixture);
        } else {
            assert_int_equal(err, ERR_CORRUPT);
        }
        remove_folder(image.fixture.folder);
    }
}

/* ---- the head outside ---- */

static void a_database_without_its_end_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct fixture older = {.store = NULL};
    assert_int_equal(item_run(fixture, 1), OK);
    fixture_close(fixture);
    (void)snprintf(older.folder, sizeof older.folder, "%s-older", fixture->folder);
    copy_folder(fixture->folder, older.folder);
    fixture_open(fixture);
    assert_int_equal(item_run(fixture, 2), OK);
    fixture_close(fixture);

    /* The older database beside the newer head. */
    char from[256];
    (void)snprintf(from, sizeof from, "%s", fixture_path(fixture, "audit/head"));
    assert_int_equal(rename(from, fixture_path(&older, "audit/head")), 0);
    struct error error = {0};
    assert_int_equal(fixture_try_open(&older, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.detail, "lost the end of its log"));
    assert_non_null(strstr(error.detail, "restore"));

    /* Without any head it opens, and makes a new one. */
    assert_int_equal(unlink(fixture_path(&older, "audit/head")), 0);
    fixture_open(&older);
    assert_int_equal(item_count(&older), 1);
    fixture_close(&older);
    remove_folder(older.folder);
}

static void another_history_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(item_run(fixture, 1), OK);
    fixture_close(fixture);
    void *other_state = NULL;
    assert_int_equal(fixture_setup(&other_state), 0);
    struct fixture *other = other_state;
    assert_int_equal(item_run(other, 5), OK);
    assert_int_equal(item_run(other, 6), OK);
    fixture_close(other);
    char from[256];
    (void)snprintf(from, sizeof from, "%s", fixture_path(fixture, "audit/head"));
    assert_int_equal(rename(from, fixture_path(other, "audit/head")), 0);
    struct error error = {0};
    assert_int_equal(fixture_try_open(other, &error), ERR_CORRUPT);
    (void)fixture_teardown(&other_state);
}

static void a_torn_head_leaves_the_other_place(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(item_run(fixture, 1), OK);
    fixture_close(fixture);
    fixture_open(fixture);
    assert_int_equal(item_run(fixture, 2), OK);
    fixture_close(fixture);
    int fd = open(fixture_path(fixture, "audit/head"), O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "torn", 4, 40), 4);
    (void)close(fd);
    fixture_open(fixture);
    assert_int_equal(item_count(fixture), 2);
    assert_int_equal(item_run(fixture, 3), OK);
}

int test_wal(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_crash_is_recovered),
        cmocka_unit_test(a_flipped_bit_is_refused),
        cmocka_unit_test(a_flipped_bit_in_the_header_is_refused),
        cmocka_unit_test(a_cut_end_is_a_crash),
        cmocka_unit_test(an_unsynced_transaction_with_holes_is_a_crash),
        cmocka_unit_test(half_a_frame_is_a_crash),
        cmocka_unit_test(noise_behind_the_end_is_taken),
        cmocka_unit_test(every_wal_byte_flipped_is_found_or_harmless),
        cmocka_unit_test_setup_teardown(a_database_without_its_end_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(another_history_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_torn_head_leaves_the_other_place, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("wal", tests, NULL, NULL);
}
