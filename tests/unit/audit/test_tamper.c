/* Tampering with a copy of a database, at random and often: edit, delete, insert, reorder,
 * truncate, restamp. All are found given the last checkpoint (quality.md, Q11); the seed is printed
 * and may be given in PROXENOS_TEST_SEED, the number of each in PROXENOS_TEST_TAMPERS. */
#include "fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

int test_tamper(void);

enum { ENTRIES = 60, TAMPERS = 50 };

struct tampering {
    struct fixture *fixture;
    sqlite3 *db;
    uint64_t seed;
    int64_t last; /* newest seq */
    struct audit_checkpoint known;
};

static uint64_t draw(struct tampering *tampering)
{
    uint64_t mixed = tampering->seed += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

static int64_t draw_seq(struct tampering *tampering, int64_t from, int64_t to)
{
    return from + (int64_t)(draw(tampering) % (uint64_t)(to - from + 1));
}

/* Changes something, or the test is wrong. */
static void sql(struct tampering *tampering, const char *format, ...) PRINTF_LIKE(2, 3);
static void sql(struct tampering *tampering, const char *format, ...)
{
    char text[600];
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    int before = sqlite3_total_changes(tampering->db);
    if (sqlite3_exec(tampering->db, text, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", text, message);
    }
    assert_true(sqlite3_total_changes(tampering->db) > before);
}

/* ---- the six ways ---- */

static void edit(struct tampering *tampering)
{
    static const char *const changes[] = {
        "at = at + 1",
        "type = type || 'x'",
        "object = object || 'x'",
        "state = 'stage.won'",
        "record = record + 1",
        "version = version + 1",
        "actor = 'user:mallory'",
        "via = via || 'x'",
        "request = 'another'",
        "cause = cause + 1",
        "changeset = changeset + 1",
        "depth = depth + 1",
        "compartment = 'wall'",
        "payload = substr(payload, 1, length(payload) - 1) || ' }'",
        "payload = '{}'",
        "payload_hash = zeroblob(32)",
        "chain = zeroblob(32)",
        "chain = x'00'",
        "at = 9223372036854775807",
    };
    sql(tampering, "update log set %s where seq = %lld",
        changes[draw(tampering) % COUNT_OF(changes)],
        (long long)draw_seq(tampering, 1, tampering->last));
}

/* Not the last one: that is a truncation, which the chain alone does not show. */
static void delete_one(struct tampering *tampering)
{
    sql(tampering, "delete from log where seq = %lld",
        (long long)draw_seq(tampering, 1, tampering->last - 1));
}

static void copy_row(struct tampering *tampering, int64_t from, int64_t to)
{
    sql(tampering,
        "insert into log select %lld, at, type, object, state, record, version, actor, via, "
        "request, cause, changeset, depth, compartment, payload, payload_hash, chain from log "
        "where seq = %lld",
        (long long)to, (long long)from);
}

static void insert(struct tampering *tampering)
{
    int64_t from = draw_seq(tampering, 1, tampering->last);
    int64_t at = draw_seq(tampering, 1, tampering->last);
    switch (draw(tampering) % 4) {
    case 0: /* behind the end */
        copy_row(tampering, from, tampering->last + 1);
        break;
    case 1: /* behind the end, with a gap */
        copy_row(tampering, from, tampering->last + 1 + at);
        break;
    case 2: /* before the beginning */
        copy_row(tampering, from, 1 - at);
        break;
    default: /* between: what follows makes room */
        sql(tampering, "update log set seq = -seq where seq >= %lld", (long long)at);
        sql(tampering, "update log set seq = 1 - seq where seq < 0");
        copy_row(tampering, from >= at ? from + 1 : from, at);
        break;
    }
}

static void reorder(struct tampering *tampering)
{
    int64_t a = draw_seq(tampering, 1, tampering->last);
    int64_t b = draw_seq(tampering, 1, tampering->last - 1);
    b += b >= a ? 1 : 0;
    sql(tampering, "update log set seq = -1 where seq = %lld", (long long)a);
    sql(tampering, "update log set seq = %lld where seq = %lld", (long long)a, (long long)b);
    sql(tampering, "update log set seq = %lld where seq = -1", (long long)b);
}

static void truncate_end(struct tampering *tampering)
{
    sql(tampering, "delete from log where seq >= %lld",
        (long long)draw_seq(tampering, 1, tampering->last));
}

static struct str text_at(sqlite3_stmt *stmt, int column)
{
    return (struct str){(const char *)sqlite3_column_text(stmt, column),
                        (size_t)sqlite3_column_bytes(stmt, column)};
}

static struct log_entry entry_at(sqlite3_stmt *stmt)
{
    struct log_entry entry = {.seq = sqlite3_column_int64(stmt, 0),
                              .at_ms = sqlite3_column_int64(stmt, 1),
                              .type = text_at(stmt, 2),
                              .object = text_at(stmt, 3),
                              .state = text_at(stmt, 4),
                              .record = sqlite3_column_int64(stmt, 5),
                              .version = sqlite3_column_int64(stmt, 6),
                              .actor = text_at(stmt, 7),
                              .via = text_at(stmt, 8),
                              .request = text_at(stmt, 9),
                              .cause = sqlite3_column_int64(stmt, 10),
                              .changeset = sqlite3_column_int64(stmt, 11),
                              .depth = sqlite3_column_int(stmt, 12),
                              .compartment = text_at(stmt, 13),
                              .payload = text_at(stmt, 14)};
    hash_of(entry.payload.at, entry.payload.len, entry.payload_hash);
    return entry;
}

/* Every hash made anew, from the first entry on: a chain that is well in itself. */
static void stamp_all(struct tampering *tampering)
{
    sqlite3_stmt *read = NULL;
    sqlite3_stmt *write = NULL;
    unsigned char chain[HASH_BYTES] = {0};
    assert_int_equal(sqlite3_prepare_v2(tampering->db,
                                        "select seq, at, type, object, state, record, version, "
                                        "actor, via, request, cause, changeset, depth, "
                                        "compartment, payload from log order by seq",
                                        -1, &read, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(tampering->db,
                                        "update log set payload_hash = ?1, chain = ?2 where "
                                        "seq = ?3",
                                        -1, &write, NULL),
                     SQLITE_OK);
    while (sqlite3_step(read) == SQLITE_ROW) {
        struct log_entry entry = entry_at(read);
        log_chain_next(chain, &entry, chain);
        (void)sqlite3_bind_blob(write, 1, entry.payload_hash, HASH_BYTES, SQLITE_TRANSIENT);
        (void)sqlite3_bind_blob(write, 2, chain, HASH_BYTES, SQLITE_TRANSIENT);
        (void)sqlite3_bind_int64(write, 3, entry.seq);
        assert_int_equal(sqlite3_step(write), SQLITE_DONE);
        (void)sqlite3_reset(write);
    }
    (void)sqlite3_finalize(read);
    (void)sqlite3_finalize(write);
}

static void restamp(struct tampering *tampering)
{
    int64_t seq = draw_seq(tampering, 1, tampering->last);
    if (draw(tampering) % 2 == 0) {
        sql(tampering, "update log set actor = 'user:mallory' where seq = %lld", (long long)seq);
    } else { /* one is taken out and the others move up; a new one fills the end */
        sql(tampering, "delete from log where seq = %lld", (long long)seq);
        sql(tampering, "update log set seq = -seq where seq > %lld or seq = 1", (long long)seq);
        if (seq == 1) {
            sql(tampering, "update log set seq = -1 - seq where seq < 0");
        } else {
            sql(tampering, "update log set seq = 1 where seq = -1");
            if (seq < tampering->last) {
                sql(tampering, "update log set seq = -1 - seq where seq < 0");
            }
        }
        copy_row(tampering, 1, tampering->last);
    }
    stamp_all(tampering);
}

/* ---- tampering and looking ---- */

static const struct way {
    const char *name;
    void (*tamper)(struct tampering *tampering);
    bool needs_checkpoint; /* the chain alone may be well */
} ways[] = {
    {"edit", edit, false},       {"delete", delete_one, false},    {"insert", insert, false},
    {"reorder", reorder, false}, {"truncate", truncate_end, true}, {"restamp", restamp, true},
};

/* A fresh copy of the closed folder in folder-copy, without audit/head when told. */
static void copy_open(struct tampering *tampering, bool with_head)
{
    char path[100];
    const char *folder = tampering->fixture->folder;
    shell("rm -rf %s-copy && cp -r %s %s-copy", folder, folder, folder);
    if (!with_head) {
        shell("rm %s-copy/audit/head", folder);
    }
    (void)snprintf(path, sizeof(path), "%s-copy/proxenos.db", folder);
    assert_int_equal(sqlite3_open(path, &tampering->db), SQLITE_OK);
    /* A copy that is thrown away need not reach the disk. */
    assert_int_equal(
        sqlite3_exec(tampering->db, "pragma synchronous = off; begin", NULL, NULL, NULL),
        SQLITE_OK);
}

static enum err copy_verify(struct tampering *tampering, const struct audit_checkpoint *known,
                            struct audit_report *report)
{
    char path[100];
    struct error error = {0};
    assert_int_equal(sqlite3_exec(tampering->db, "commit", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(tampering->db), SQLITE_OK);
    (void)snprintf(path, sizeof(path), "%s-copy", tampering->fixture->folder);
    return audit_verify_folder(path, known, NULL, NULL, report, &error);
}

static int number_of(const char *name, int otherwise)
{
    int64_t number = otherwise;
    const char *text = getenv(name);
    if (text != NULL) {
        assert_int_equal(str_to_int64(str_from(text), &number), OK);
    }
    return (int)number;
}

static struct tampering tampering_new(struct fixture *fixture)
{
    struct tampering tampering = {.fixture = fixture};
    crypto_random(&tampering.seed, sizeof(tampering.seed));
    tampering.seed %= 1000000000;
    tampering.seed = (uint64_t)number_of("PROXENOS_TEST_SEED", (int)tampering.seed);
    print_message("seed %llu\n", (unsigned long long)tampering.seed);
    fixture_write(fixture, ENTRIES);
    audit_checkpoint_now(fixture->store, &tampering.known);
    tampering.last = store_seq(fixture->store);
    fixture_close(fixture);
    return tampering;
}

static void every_tampering_is_found(void **state)
{
    struct tampering tampering = tampering_new(*state);
    struct audit_report report;
    int count = number_of("PROXENOS_TEST_TAMPERS", TAMPERS);
    copy_open(&tampering, false);
    assert_int_equal(copy_verify(&tampering, &tampering.known, &report), OK);
    for (size_t way = 0; way < COUNT_OF(ways); way++) {
        for (int i = 0; i < count; i++) {
            uint64_t seed = tampering.seed;
            /* audit/head is taken away as well: the checkpoint outside is all there is. */
            copy_open(&tampering, false);
            ways[way].tamper(&tampering);
            if (copy_verify(&tampering, &tampering.known, &report) != ERR_CORRUPT) {
                fail_msg("%s was not found, seed %llu", ways[way].name, (unsigned long long)seed);
            }
            assert_true(report.bad_seq != 0);
            assert_true(strlen(report.finding) > 0);
        }
        print_message("%s: %d of %d found\n", ways[way].name, count, count);
    }
    fixture_open(*state);
}

/* Without anything kept elsewhere truncation and restamping leave no trace: that is why there are
 * checkpoints. The head kept beside the database is such a thing, too. */
static void the_chain_alone_is_not_enough(void **state)
{
    struct tampering tampering = tampering_new(*state);
    struct audit_report report;
    for (size_t way = 0; way < COUNT_OF(ways); way++) {
        for (int i = 0; i < 5; i++) {
            copy_open(&tampering, false);
            ways[way].tamper(&tampering);
            assert_int_equal(copy_verify(&tampering, NULL, &report),
                             ways[way].needs_checkpoint ? OK : ERR_CORRUPT);
            copy_open(&tampering, true);
            ways[way].tamper(&tampering);
            assert_int_equal(copy_verify(&tampering, NULL, &report), ERR_CORRUPT);
            assert_true(report.kept_compared);
        }
    }
    fixture_open(*state);
}

/* The whole folder put back to an earlier state, head and all. */
static void going_back_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct audit_checkpoint known;
    struct audit_report report;
    struct error error = {0};
    fixture_write(fixture, 5);
    fixture_close(fixture);
    shell("cp -r %s %s-old", fixture->folder, fixture->folder);
    fixture_open(fixture);
    fixture_write(fixture, 5);
    audit_checkpoint_now(fixture->store, &known);
    char path[80];
    (void)snprintf(path, sizeof(path), "%s-old", fixture->folder);
    assert_int_equal(audit_verify_folder(path, NULL, NULL, NULL, &report, &error), OK);
    assert_int_equal(audit_verify_folder(path, &known, NULL, NULL, &report, &error), ERR_CORRUPT);
    assert_non_null(strstr(report.finding, "its end is missing"));
    assert_int_equal(report.bad_seq, report.last_seq + 1);
}

/* Emptying the head beside the database does not silence it. */
static void a_damaged_head_is_told(void **state)
{
    struct tampering tampering = tampering_new(*state);
    struct audit_report report;
    copy_open(&tampering, true);
    shell(": > %s-copy/audit/head", tampering.fixture->folder);
    assert_int_equal(copy_verify(&tampering, &tampering.known, &report), ERR_CORRUPT);
    assert_non_null(strstr(report.finding, "audit/head"));
    fixture_open(*state);
}

static void the_access_log_is_proved_too(void **state)
{
    struct tampering tampering = tampering_new(*state);
    static const char *const changes[] = {
        "update access_log set actor = 'user:mallory' where seq = 7",
        "update access_log set detail = 'nothing' where seq = 7",
        "delete from access_log where seq = 7",
        "delete from access_log where seq > 30",
        "update access_log set seq = seq + 1000 where seq > 30",
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct audit_report report;
        copy_open(&tampering, true);
        sql(&tampering, "%s", changes[i]);
        assert_int_equal(copy_verify(&tampering, &tampering.known, &report), ERR_CORRUPT);
        assert_true(str_starts(str_from(report.finding), STR("access log: ")));
    }
    fixture_open(*state);
}

int test_tamper(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(every_tampering_is_found),     WITH_STORE(the_chain_alone_is_not_enough),
        WITH_STORE(going_back_is_found),          WITH_STORE(a_damaged_head_is_told),
        WITH_STORE(the_access_log_is_proved_too),
    };
    return cmocka_run_group_tests_name("tamper", tests, NULL, NULL);
}
