/* Verification of what is well, and checkpoints as texts. */
#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

int test_verify(void);

static enum err verify(struct fixture *fixture, const struct audit_checkpoint *known,
                       struct audit_report *report)
{
    struct error error = {0};
    enum err err = audit_verify_folder(fixture->folder, known, NULL, NULL, report, &error);
    if (err != OK) {
        print_message("%s\n", error.detail);
        assert_true(strlen(error.detail) > 0);
    }
    return err;
}

static void an_honest_log_is_well(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;
    struct audit_checkpoint checkpoint;
    fixture_write(fixture, 1200);
    audit_checkpoint_now(fixture->store, &checkpoint);
    fixture_write(fixture, 10);
    fixture_close(fixture);
    assert_int_equal(verify(fixture, &checkpoint, &report), OK);
    assert_int_equal(report.bad_seq, 0);
    assert_string_equal(report.finding, "");
    assert_int_equal(report.first_seq, 1);
    assert_int_equal(report.entries, report.last_seq);
    assert_true(report.entries > 2 * 1210);
    assert_true(report.access_entries >= 1210);
    assert_true(report.kept_compared);
    assert_true(checkpoint.seq < report.last_seq);
    /* Nothing was changed by looking. */
    struct audit_report again;
    assert_int_equal(verify(fixture, &checkpoint, &again), OK);
    assert_memory_equal(again.chain, report.chain, sizeof(report.chain));
    fixture_open(fixture);
}

static void an_empty_log_is_well(void **state)
{
    (void)state;
    struct fixture fixture = {.folder = "/tmp/px-audit-XXXXXX"};
    struct audit_report report;
    assert_non_null(mkdtemp(fixture.folder));
    const struct store_options options = {.env = env_real(), .folder = fixture.folder, .node = 1};
    struct error error = {0};
    assert_int_equal(store_open(&options, &fixture.store, &error), OK);
    fixture_close(&fixture);
    assert_int_equal(verify(&fixture, NULL, &report), OK);
    assert_int_equal(report.entries, 0);
    shell("rm -rf %s", fixture.folder);
}

static void looks_at_a_running_store(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;
    struct audit_checkpoint checkpoint;
    struct reader *reader = NULL;
    struct error error = {0};
    fixture_write(fixture, 20);
    audit_checkpoint_now(fixture->store, &checkpoint);
    assert_int_equal(reader_open(fixture->store, 0, &reader, &error), OK);
    fixture_write(fixture, 20);
    assert_int_equal(audit_verify(reader, &checkpoint, NULL, NULL, &report, &error), OK);
    assert_int_equal(report.last_seq, store_seq(fixture->store));
    reader_close(reader);
    /* From beside it, the folder is locked. */
    assert_int_equal(verify(fixture, NULL, &report), ERR_LOCKED);
}

static bool count_and_stop(void *context, int64_t done, int64_t total)
{
    int64_t *asked = context;
    (*asked)++;
    assert_true(done <= total);
    return *asked < 2;
}

static void can_be_cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;
    struct error error = {0};
    int64_t asked = 0;
    fixture_write(fixture, 1600);
    fixture_close(fixture);
    assert_int_equal(
        audit_verify_folder(fixture->folder, NULL, count_and_stop, &asked, &report, &error),
        ERR_CANCELLED);
    assert_int_equal(asked, 2);
    fixture_open(fixture);
}

static void a_folder_without_a_database(void **state)
{
    (void)state;
    struct audit_report report;
    struct error error = {0};
    assert_int_equal(
        audit_verify_folder("/tmp/px-audit-nowhere", NULL, NULL, NULL, &report, &error),
        ERR_NOT_FOUND);
}

static void checks_a_backup(void **state)
{
    struct fixture *fixture = *state;
    struct audit_report report;
    struct error error = {0};
    char backup[80];
    fixture_write(fixture, 30);
    (void)snprintf(backup, sizeof(backup), "%s-backup", fixture->folder);
    shell("mkdir %s", backup);
    assert_int_equal(store_backup(fixture->store, backup, NULL, NULL, &error), OK);
    assert_int_equal(audit_verify_folder(backup, NULL, NULL, NULL, &report, &error), OK);
    assert_int_equal(report.last_seq, store_seq(fixture->store));
    assert_true(report.kept_compared);
    /* Nothing of ours is left in it. */
    shell("test ! -e %s/LOCK", backup);
}

/* ---- texts ---- */

static void checkpoints_go_round(void **state)
{
    struct fixture *fixture = *state;
    struct audit_checkpoint checkpoint;
    struct audit_checkpoint read = {0};
    struct buf text;
    struct error error = {0};
    buf_init(&text);
    fixture_write(fixture, 3);
    audit_checkpoint_now(fixture->store, &checkpoint);
    assert_int_equal(checkpoint.seq, store_seq(fixture->store));
    audit_checkpoint_format(&checkpoint, &text);
    assert_true(str_starts(buf_str(&text), STR("proxenos/log\n")));
    assert_int_equal(audit_checkpoint_parse(buf_str(&text), &read, &error), OK);
    assert_int_equal(read.seq, checkpoint.seq);
    assert_int_equal(read.at_ms, checkpoint.at_ms);
    assert_memory_equal(read.chain, checkpoint.chain, sizeof(read.chain));
    buf_deinit(&text);
}

static void refuses_texts_by_table(void **state)
{
    (void)state;
#define CHAIN "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    static const struct {
        const char *text, *pointer;
    } lines[] = {
        {"", "line 1"},
        {"proxenos/lag\n1\n" CHAIN "\n", "line 1"},
        {"proxenos/log\n", "line 2"},
        {"proxenos/log\n\n" CHAIN "\n", "line 2"},
        {"proxenos/log\n01\n" CHAIN "\n", "line 2"},
        {"proxenos/log\n+1\n" CHAIN "\n", "line 2"},
        {"proxenos/log\n-1\n" CHAIN "\n", "line 2"},
        {"proxenos/log\n99999999999999999999\n" CHAIN "\n", "line 2"},
        {"proxenos/log\n1\n", "line 3"},
        {"proxenos/log\n1\nAAEC\n", "line 3"},
        {"proxenos/log\n1\n" CHAIN "AA\n", "line 3"},
        {"proxenos/log\r\n1\r\n" CHAIN "\r\n", "line 1"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct audit_checkpoint read;
        struct error error = {0};
        assert_int_equal(audit_checkpoint_parse(str_from(lines[i].text), &read, &error),
                         ERR_INVALID);
        assert_string_equal(error.pointer, lines[i].pointer);
    }
    struct audit_checkpoint read;
    assert_int_equal(audit_checkpoint_parse(STR("proxenos/log\n1\n" CHAIN "\n"), &read, NULL), OK);
    assert_int_equal(read.at_ms, 0);
    assert_int_equal(read.chain[31], 31);
}

static void signs_checkpoints(void **state)
{
    struct fixture *fixture = *state;
    struct audit_key key;
    struct audit_key same;
    struct audit_checkpoint checkpoint;
    struct audit_checkpoint read;
    struct buf text;
    struct buf public_key;
    struct error error = {0};
    char path[100];
    struct stat facts;
    buf_init(&text);
    buf_init(&public_key);
    assert_int_equal(audit_key_open(fixture->folder, &key, &error), OK);
    assert_int_equal(audit_key_open(fixture->folder, &same, &error), OK);
    assert_memory_equal(&key, &same, sizeof(key));
    (void)snprintf(path, sizeof(path), "%s/audit/key", fixture->folder);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    audit_checkpoint_now(fixture->store, &checkpoint);
    audit_checkpoint_sign(&key, &checkpoint, &text);
    audit_key_public(&key, &public_key);
    assert_true(str_starts(buf_str(&public_key), STR("proxenos+")));
    assert_int_equal(audit_checkpoint_check(buf_str(&text), buf_str(&public_key), &read, &error),
                     OK);
    assert_int_equal(read.seq, checkpoint.seq);
    assert_int_equal(audit_checkpoint_parse(buf_str(&text), &read, &error), OK);
    /* Any other byte anywhere: not signed, or not to be read. */
    int refused = 0;
    for (size_t i = 0; i < text.len; i++) {
        text.at[i] ^= 1;
        enum err err = audit_checkpoint_check(buf_str(&text), buf_str(&public_key), &read, &error);
        refused += err == ERR_CORRUPT || err == ERR_INVALID ? 1 : 0;
        text.at[i] ^= 1;
    }
    /* The line's own end may be another byte only where base64 then ends the same. */
    assert_int_equal(refused, text.len);
    /* Another signer's key. */
    struct audit_key other;
    struct buf other_public;
    buf_init(&other_public);
    sign_make_key(other.secret);
    audit_key_public(&other, &other_public);
    assert_int_equal(audit_checkpoint_check(buf_str(&text), buf_str(&other_public), &read, &error),
                     ERR_CORRUPT);
    assert_int_equal(
        audit_checkpoint_check(buf_str(&text), STR("proxenos+00000000+AAAA"), &read, &error),
        ERR_INVALID);
    buf_reset(&text);
    audit_checkpoint_format(&checkpoint, &text);
    assert_int_equal(audit_checkpoint_check(buf_str(&text), buf_str(&public_key), &read, &error),
                     ERR_CORRUPT);
    buf_deinit(&text);
    buf_deinit(&public_key);
    buf_deinit(&other_public);
}

static void refuses_a_broken_key(void **state)
{
    struct fixture *fixture = *state;
    struct audit_key key;
    struct error error = {0};
    shell("mkdir -p %s/audit && echo nonsense > %s/audit/key", fixture->folder, fixture->folder);
    assert_int_equal(audit_key_open(fixture->folder, &key, &error), ERR_CORRUPT);
    shell("rm %s/audit/key && mkdir %s/audit/key", fixture->folder, fixture->folder);
    assert_int_equal(audit_key_open(fixture->folder, &key, &error), ERR_IO);
    assert_int_equal(audit_key_open("/tmp/px-audit-nowhere", &key, &error), ERR_IO);
}

int test_verify(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_STORE(an_honest_log_is_well),
        cmocka_unit_test(an_empty_log_is_well),
        WITH_STORE(looks_at_a_running_store),
        WITH_STORE(can_be_cancelled),
        cmocka_unit_test(a_folder_without_a_database),
        WITH_STORE(checks_a_backup),
        WITH_STORE(checkpoints_go_round),
        cmocka_unit_test(refuses_texts_by_table),
        WITH_STORE(signs_checkpoints),
        WITH_STORE(refuses_a_broken_key),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
