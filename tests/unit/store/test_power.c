/* Power loss: everything that SQLite writes is recorded; images of the disk are made from it at
 * random moments, with what was synced, and of the rest a random part, out of order and torn at
 * sectors; each must open, hold every acknowledged unit, and have a whole log. The number of images
 * is PROXENOS_POWER_IMAGES, else a few; the seed is printed when one fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/store/file.h"
#include "../../../core/store/log.h"
#include "engine_fixture.h"
#include "fault_vfs.h"
#include "proxenos/base_log.h"

int test_power(void);

enum {
    FILES_MAX = 8,
    CALLS_MAX = 20000,
    UNITS = 90,
    BIG_BODY = 120000,
    SECTOR = 512,
    IMAGES_USUAL = 40,
    HEAD_MAX = 2048
};

struct call {
    enum disk_kind kind;
    int file;
    int64_t at;
    char *bytes;
    size_t len;
};

/* After so many calls this unit had been acknowledged, and the head outside read so. */
struct mark {
    int calls;
    int64_t id;
    char head[HEAD_MAX];
    size_t head_len;
};

struct recording {
    pthread_mutex_t lock;
    char names[FILES_MAX][64]; /* relative to the folder */
    int file_count;
    struct call *calls;
    int call_count;
    struct mark marks[UNITS + 1];
    int mark_count;
};

static int file_number(struct recording *recording, const char *path)
{
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    for (int i = 0; i < recording->file_count; i++) {
        if (strcmp(recording->names[i], name) == 0) {
            return i;
        }
    }
    assert_true(recording->file_count < FILES_MAX);
    (void)snprintf(recording->names[recording->file_count], sizeof recording->names[0], "%s", name);
    return recording->file_count++;
}

static void record_call(void *context, const struct disk_call *call)
{
    struct recording *recording = context;
    (void)pthread_mutex_lock(&recording->lock);
    assert_true(recording->call_count < CALLS_MAX);
    recording->calls[recording->call_count++] =
        (struct call){.kind = call->kind,
                      .file = file_number(recording, call->path),
                      .at = call->at,
                      .bytes = call->len > 0 ? mem_dup(call->bytes, call->len) : NULL,
                      .len = call->len};
    (void)pthread_mutex_unlock(&recording->lock);
}

static void mark(struct recording *recording, struct fixture *fixture, int64_t id)
{
    struct buf head;
    buf_init(&head);
    assert_int_equal(file_read(fixture_path(fixture, "audit/head"), HEAD_MAX, &head, NULL), OK);
    (void)pthread_mutex_lock(&recording->lock);
    struct mark *mark = &recording->marks[recording->mark_count++];
    *mark = (struct mark){.calls = recording->call_count, .id = id, .head_len = head.len};
    memcpy(mark->head, head.at, head.len);
    (void)pthread_mutex_unlock(&recording->lock);
    buf_deinit(&head);
}

/* Long enough for checkpoints and for a WAL that starts anew. */
static void record_scenario(struct recording *recording)
{
    void *state = NULL;
    assert_int_equal(fixture_setup_closed(&state), 0);
    struct fixture *fixture = state;
    fault_record(record_call, recording);
    fixture_open(fixture);
    for (int64_t id = 1; id <= UNITS; id++) {
        struct item_unit item;
        item_unit_init(&item, fixture, id);
        item.body_bytes = id % 3 == 0 ? BIG_BODY : 0;
        assert_int_equal(store_run(fixture->store, &item.unit), OK);
        unit_deinit(&item.unit);
        mark(recording, fixture, id);
    }
    fixture_close(fixture);
    fault_record(NULL, NULL);
    (void)fixture_teardown(&state);
}

/* ---- one image ---- */

struct chance {
    struct env_fake fake;
};

static uint64_t pick(struct chance *chance, uint64_t below)
{
    uint64_t random = 0;
    chance->fake.env.random(&chance->fake.env, &random, sizeof random);
    return random % below;
}

static void put(int fd, const char *bytes, size_t len, int64_t at)
{
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
}

static void apply_whole(int fd, const struct call *call)
{
    if (call->kind == DISK_WRITE) {
        put(fd, call->bytes, call->len, call->at);
    } else if (call->kind == DISK_TRUNCATE) {
        assert_int_equal(ftruncate(fd, call->at), 0);
    }
}

/* Not synced: perhaps lost, perhaps there, perhaps only some of its sectors. */
static void apply_perhaps(int fd, const struct call *call, struct chance *chance)
{
    uint64_t fate = pick(chance, 4);
    if (fate == 0) {
        return;
    }
    if (fate < 3 || call->kind != DISK_WRITE) {
        apply_whole(fd, call);
        return;
    }
    for (size_t from = 0; from < call->len;) {
        size_t len = MIN(call->len - from, SECTOR - (size_t)(call->at + (int64_t)from) % SECTOR);
        if (pick(chance, 2) == 0) {
            put(fd, call->bytes + from, len, call->at + (int64_t)from);
        }
        from += len;
    }
}

static int last_sync(const struct recording *recording, int file, int calls)
{
    for (int i = calls - 1; i >= 0; i--) {
        if (recording->calls[i].file == file && recording->calls[i].kind == DISK_SYNC) {
            return i;
        }
    }
    return -1;
}

/* Where the file as it is now begins: SQLite syncs the folder when it deletes a journal. */
static int last_delete(const struct recording *recording, int file, int calls)
{
    for (int i = calls - 1; i >= 0; i--) {
        if (recording->calls[i].file == file && recording->calls[i].kind == DISK_DELETE) {
            return i;
        }
    }
    return -1;
}

/* What was not synced may reach the disk in any order. */
static void make_file(const struct recording *recording, int file, int calls, const char *path,
                      struct chance *chance)
{
    int born = last_delete(recording, file, calls) + 1;
    int fd = -1;
    int synced = last_sync(recording, file, calls);
    int *loose = mem_alloc(sizeof *loose * (size_t)(calls + 1));
    size_t loose_count = 0;
    for (int i = born; i < calls; i++) {
        if (recording->calls[i].file != file) {
            continue;
        }
        if (fd < 0) {
            fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            assert_true(fd >= 0);
        }
        if (i < synced) {
            apply_whole(fd, &recording->calls[i]);
        } else {
            loose[loose_count++] = i;
        }
    }
    for (size_t i = loose_count; i > 1; i--) {
        size_t other = (size_t)pick(chance, i);
        int kept = loose[i - 1];
        loose[i - 1] = loose[other];
        loose[other] = kept;
    }
    for (size_t i = 0; i < loose_count; i++) {
        apply_perhaps(fd, &recording->calls[loose[i]], chance);
    }
    mem_free(loose);
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void make_image(const struct recording *recording, int calls, struct fixture *image,
                       const struct mark *acknowledged, struct chance *chance)
{
    assert_non_null(mkdtemp(image->folder));
    for (int file = 0; file < recording->file_count; file++) {
        make_file(recording, file, calls, fixture_path(image, recording->names[file]), chance);
    }
    assert_int_equal(mkdir(fixture_path(image, "audit"), 0700), 0);
    if (acknowledged != NULL) {
        assert_int_equal(file_create(fixture_path(image, "audit/head"),
                                     (struct str){acknowledged->head, acknowledged->head_len},
                                     NULL),
                         OK);
    }
}

static void check_image(struct fixture *image, const struct mark *acknowledged, int number)
{
    struct error error = {0};
    enum err err = fixture_try_open(image, &error);
    if (err != OK) {
        print_error("image %d: %s: %s\n", number, err_code(err), error.detail);
    }
    assert_int_equal(err, OK);
    for (int64_t id = 1; acknowledged != NULL && id <= acknowledged->id; id++) {
        assert_true(item_exists(image, id));
    }
    struct reader *reader = NULL;
    struct log_head log, access;
    assert_int_equal(reader_open(image->store, 0, &reader, NULL), OK);
    assert_int_equal(log_verify(reader_db(reader), &log, &access, &error), OK);
    assert_int_equal(db_integrity(reader_db(reader), &error), OK);
    reader_close(reader);
    assert_int_equal(log.seq, item_count(image));
    assert_int_equal(item_run(image, UNITS + 1), OK);
    fixture_close(image);
    remove_folder(image->folder);
}

static int images_wanted(void)
{
    const char *text = getenv("PROXENOS_POWER_IMAGES");
    int64_t count = IMAGES_USUAL;
    if (text != NULL) {
        assert_int_equal(str_to_int64(str_from(text), &count), OK);
    }
    return (int)count;
}

static void every_image_opens_with_what_was_promised(void **state)
{
    (void)state;
    struct recording *recording = mem_zalloc(sizeof *recording);
    (void)pthread_mutex_init(&recording->lock, NULL);
    recording->calls = mem_zalloc(sizeof *recording->calls * CALLS_MAX);
    record_scenario(recording);
    int first = recording->marks[0].calls; /* the folder had been made by then */
    int span = recording->marks[recording->mark_count - 1].calls - first;
    int count = images_wanted();
    for (int number = 0; number < count; number++) {
        struct chance chance;
        env_fake_init(&chance.fake, 0, (uint64_t)number + 1);
        int calls = first + (int)pick(&chance, (uint64_t)span);
        const struct mark *acknowledged = NULL;
        for (int i = 0; i < recording->mark_count && recording->marks[i].calls <= calls; i++) {
            acknowledged = &recording->marks[i];
        }
        struct fixture image = {.folder = "/tmp/px-power-XXXXXX"};
        make_image(recording, calls, &image, acknowledged, &chance);
        check_image(&image, acknowledged, number);
    }
    for (int i = 0; i < recording->call_count; i++) {
        mem_free(recording->calls[i].bytes);
    }
    mem_free(recording->calls);
    (void)pthread_mutex_destroy(&recording->lock);
    mem_free(recording);
}

static int install(void **state)
{
    (void)state;
    fault_vfs_install();
    return 0;
}

int test_power(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_opens_with_what_was_promised),
    };
    return cmocka_run_group_tests_name("power", tests, install, NULL);
}
