/* Jobs as such: stopped in the middle and gone on with, cancelled, found again, seen by whom, of
 * other kinds, with hooks, and what is left in the spool. */
#include "fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int test_job(void);

static void many_products(struct buf *out, int count)
{
    buf_append_str(out, STR("name,series\n"));
    for (int i = 0; i < count; i++) {
        /* Every tenth is a bad row: a name that was there already. */
        buf_printf(out, "P%d,S\n", i % 10 == 9 ? i - 1 : i);
    }
}

static int64_t start_products(struct fixture *fixture, struct str file, bool *out_reattached)
{
    struct job_start start;
    struct import_spec spec = {.object = STR("product"), .format = STR("csv")};
    fixture_spool(fixture, file, spec.file);
    int64_t job = fixture_start(fixture, NULL, &spec, &start);
    assert_int_equal(start.err, OK);
    if (out_reattached != NULL) {
        *out_reattached = start.reattached;
    }
    return job;
}

static void reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

/* However often and wherever it is stopped, every row counts once. */
static void stopped_and_resumed(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 8000, ROWS_GOOD = ROWS / 10 * 9 };
    struct buf file;
    buf_init(&file);
    many_products(&file, ROWS);
    int64_t job = start_products(fixture, buf_str(&file), NULL);
    int stops = 0;
    int64_t before = -1;
    for (int i = 0; i < 8; i++) {
        loop_drain(fixture->loop, 20);
        reopen(fixture);
        struct value shown = fixture_show(fixture, job);
        assert_true(fixture_int(&shown, "counts.read") >= before);
        before = fixture_int(&shown, "counts.read");
        stops += strcmp(fixture_state(&shown), "waiting") == 0 ? 1 : 0;
        jobs_resume(fixture->jobs);
    }
    struct value done = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&done), "done");
    fixture_counts(&done, (const int64_t[]){ROWS, ROWS_GOOD, 0, 0, ROWS - ROWS_GOOD, 0});
    assert_int_equal(fixture_count(fixture, "product", NULL), ROWS_GOOD);
    assert_int_equal(fixture_int(&done, "progress.done_bytes"), file.len);
    struct str errors = fixture_errors(fixture, job);
    int64_t lines = 0;
    for (size_t i = 0; i < errors.len; i++) {
        lines += errors.at[i] == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 1 + ROWS / 10);
    assert_true(stops > 0);
    buf_deinit(&file);
}

/* Forward references that were read before the stop are set after it. */
static void resumed_self_references(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 2000 };
    struct buf file;
    buf_init(&file);
    buf_append_str(&file, STR("name,parent\n"));
    for (int i = 0; i < ROWS; i++) {
        buf_printf(&file, "O%d,O%d\n", i, ROWS - 1 - i);
    }
    struct job_start start;
    struct import_spec spec = {.object = STR("organisation"),
                               .format = STR("csv"),
                               .map = STR("{\"columns\":{\"parent\":\"parent.name\"}}")};
    fixture_spool(fixture, buf_str(&file), spec.file);
    int64_t job = fixture_start(fixture, NULL, &spec, &start);
    for (int i = 0; i < 4; i++) {
        loop_drain(fixture->loop, 15);
        reopen(fixture);
        jobs_resume(fixture->jobs);
    }
    struct value done = fixture_wait(fixture, job);
    fixture_counts(&done, (const int64_t[]){ROWS, ROWS, 0, 0, 0, 0});
    assert_int_equal(fixture_count(fixture, "organisation", "parent[is]:null"), 0);
    assert_int_equal(fixture_count(fixture, "organisation", "parent.name[eq]:\"O0\""), 1);
    buf_deinit(&file);
}

/* A dry run keeps nothing, so it begins anew; its report is that of one run. */
static void dry_run_resumed(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 4000, ROWS_GOOD = ROWS / 10 * 9 };
    struct buf file;
    struct job_start start;
    struct import_spec spec = {.object = STR("organisation"),
                               .format = STR("csv"),
                               .map = STR("{\"columns\":{\"parent\":\"parent.name\"}}"),
                               .dry_run = true};
    buf_init(&file);
    buf_append_str(&file, STR("name,external_id,parent\n"));
    for (int i = 0; i < ROWS; i++) {
        buf_printf(&file, "O%d,E%d,%s\n", i, i % 10 == 9 ? i - 1 : i, i % 2 == 0 ? "" : "O0");
    }
    fixture_spool(fixture, buf_str(&file), spec.file);
    int64_t job = fixture_start(fixture, NULL, &spec, &start);
    for (int i = 0; i < 2; i++) {
        loop_drain(fixture->loop, 200);
        reopen(fixture);
        jobs_resume(fixture->jobs);
    }
    struct value done = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&done), "done");
    fixture_counts(&done, (const int64_t[]){ROWS, ROWS_GOOD, 0, 0, ROWS - ROWS_GOOD, 0});
    assert_int_equal(fixture_int(&done, "counts.null_refs.parent"), ROWS / 2);
    assert_int_equal(fixture_count(fixture, "organisation", NULL), 0);
    buf_deinit(&file);
}

/* The store may be open without the plugin that declares the type: the job waits for it. */
static void waits_for_its_type(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 20000 };
    struct buf file;
    struct error error = {0};
    buf_init(&file);
    many_products(&file, ROWS);
    int64_t job = start_products(fixture, buf_str(&file), NULL);
    int64_t other = start_products(fixture, STR("name\nZ\n"), NULL);
    fixture->core_alone = true;
    reopen(fixture);
    jobs_resume(fixture->jobs);
    struct value shown = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&shown), "waiting");
    assert_int_equal(jobs_cancel(fixture->jobs, fixture->scope, other, &error), OK);
    fixture->core_alone = false;
    reopen(fixture);
    jobs_resume(fixture->jobs);
    shown = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&shown), "done");
    assert_int_equal(fixture_int(&shown, "counts.read"), ROWS);
    shown = fixture_show(fixture, other);
    assert_string_equal(fixture_state(&shown), "cancelled");
    assert_int_equal(fixture_count(fixture, "product", "name[eq]:\"Z\""), 0);
    buf_deinit(&file);
}

static void cancelled(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 20000 };
    struct buf file;
    struct error error = {0};
    buf_init(&file);
    many_products(&file, ROWS);
    int64_t job = start_products(fixture, buf_str(&file), NULL);
    loop_drain(fixture->loop, 20);
    assert_int_equal(jobs_cancel(fixture->jobs, fixture->scope, job, &error), OK);
    struct value shown = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&shown), "cancelled");
    int64_t created = fixture_int(&shown, "counts.created");
    assert_true(fixture_int(&shown, "counts.read") < ROWS);
    assert_int_equal(fixture_count(fixture, "product", NULL), created);
    assert_int_equal(jobs_cancel(fixture->jobs, fixture->scope, job, &error), ERR_CONFLICT);
    assert_int_equal(jobs_cancel(fixture->jobs, fixture->scope, job + 1, &error), ERR_NOT_FOUND);
    /* It stays so after a restart. */
    reopen(fixture);
    jobs_resume(fixture->jobs);
    shown = fixture_wait(fixture, job);
    assert_string_equal(fixture_state(&shown), "cancelled");
    buf_deinit(&file);
}

static void found_again(void **state)
{
    struct fixture *fixture = *state;
    struct buf file;
    bool reattached = true;
    buf_init(&file);
    many_products(&file, 20000);
    int64_t job = start_products(fixture, buf_str(&file), &reattached);
    assert_false(reattached);
    assert_int_equal(start_products(fixture, buf_str(&file), &reattached), job);
    assert_true(reattached);
    assert_int_not_equal(start_products(fixture, STR("name\nother\n"), &reattached), job);
    assert_false(reattached);
    reopen(fixture);
    jobs_resume(fixture->jobs);
    assert_int_equal(start_products(fixture, buf_str(&file), &reattached), job);
    assert_true(reattached);
    (void)fixture_wait(fixture, job);
    /* What has ended is begun anew. */
    assert_int_not_equal(start_products(fixture, buf_str(&file), &reattached), job);
    assert_false(reattached);
    (void)fixture_wait(fixture, job);
    buf_deinit(&file);
}

/* ---- rights ---- */

static int64_t make_user(struct fixture *fixture, const char *name, const char *role)
{
    char file[200];
    (void)snprintf(file, sizeof(file), "name,roles\n%s,%s\n", name, role);
    struct value job = fixture_import(fixture, "user", str_from(file), STR(""), NULL);
    assert_string_equal(fixture_state(&job), "done");
    assert_int_equal(fixture_int(&job, "counts.created"), 1);
    auth_refresh(fixture->auth);
    int64_t user = 0;
    struct error error = {0};
    assert_int_equal(auth_find_user(fixture->auth, str_from(name), &user, &error), OK);
    return user;
}

static const char *role_id(struct fixture *fixture, const char *name)
{
    static char text[ID_TEXT_LEN + 1];
    struct error error = {0};
    struct value value = value_text(str_from(name));
    const struct object_type *type = schema_object(fixture->scope->schema, STR("role"));
    int64_t id = 0;
    assert_int_equal(reader_find_unique(fixture->reader, fixture->scope,
                                        object_field(type, STR("name")), type, &value,
                                        &fixture->arena, &id, &error),
                     OK);
    id_format(id, text);
    return text;
}

static const struct scope *scope_of(struct fixture *fixture, int64_t user)
{
    const struct scope *scope = NULL;
    struct error error = {0};
    assert_int_equal(auth_user_scope(fixture->auth, user, STR("test"), &scope, &error), OK);
    return scope;
}

static void seen_by_whom(void **state)
{
    struct fixture *fixture = *state;
    int64_t anna = make_user(fixture, "anna", role_id(fixture, "manager"));
    int64_t nikos = make_user(fixture, "nikos", role_id(fixture, "reader"));
    const struct scope *manager = scope_of(fixture, anna);
    const struct scope *reader = scope_of(fixture, nikos);
    struct job_start start;
    struct value shown;
    struct error error = {0};
    struct buf out;
    struct import_spec spec = {.object = STR("product"), .format = STR("csv")};
    buf_init(&out);
    fixture_spool(fixture, STR("name\nA\nA\n"), spec.file);
    assert_int_equal(fixture_start(fixture, reader, &spec, &start), 0);
    assert_int_equal(start.err, ERR_FORBIDDEN);
    int64_t job = fixture_start(fixture, manager, &spec, &start);
    shown = fixture_wait(fixture, job);
    fixture_counts(&shown, (const int64_t[]){2, 1, 0, 0, 1, 0});
    assert_int_equal(jobs_show(fixture->jobs, manager, job, &fixture->arena, &shown, &error), OK);
    assert_true(value_get_bool(&shown, "errors", false));
    assert_int_equal(jobs_show(fixture->jobs, reader, job, &fixture->arena, &shown, &error),
                     ERR_NOT_FOUND);
    assert_int_equal(jobs_errors(fixture->reader, reader, job, &out, &error), ERR_NOT_FOUND);
    assert_int_equal(out.len, 0);
    assert_int_equal(jobs_cancel(fixture->jobs, reader, job, &error), ERR_NOT_FOUND);
    assert_int_equal(jobs_list(fixture->jobs, reader, &fixture->arena).list.count, 0);
    assert_int_equal(jobs_list(fixture->jobs, manager, &fixture->arena).list.count, 1);
    assert_int_equal(jobs_list(fixture->jobs, fixture->scope, &fixture->arena).list.count, 3);
    /* A manager may not make users: said before anything is read. */
    spec.object = STR("opportunity");
    spec.map =
        STR("{\"columns\":{\"name\":{\"field\":\"owner\",\"ref\":\"name\",\"create\":true}}}");
    assert_int_equal(fixture_start(fixture, manager, &spec, &start), 0);
    assert_int_equal(start.err, ERR_FORBIDDEN);
    buf_deinit(&out);
    scope_unref(manager);
    scope_unref(reader);
}

/* Who was disabled while the service was down has no job that goes on. */
static void resumed_without_rights(void **state)
{
    struct fixture *fixture = *state;
    struct buf file;
    struct job_start start;
    struct import_spec spec = {.object = STR("product"), .format = STR("csv")};
    int64_t anna = make_user(fixture, "anna", role_id(fixture, "manager"));
    const struct scope *manager = scope_of(fixture, anna);
    buf_init(&file);
    many_products(&file, 20000);
    fixture_spool(fixture, buf_str(&file), spec.file);
    int64_t job = fixture_start(fixture, manager, &spec, &start);
    scope_unref(manager);
    reopen(fixture);
    struct import_spec update = {.on_conflict = CONFLICT_UPDATE, .key = STR("name")};
    struct value disabled =
        fixture_import(fixture, "user", STR("name,state\nanna,disabled\n"), STR(""), &update);
    assert_int_equal(fixture_int(&disabled, "counts.updated"), 1);
    auth_refresh(fixture->auth);
    jobs_resume(fixture->jobs);
    (void)fixture_wait(fixture, job);
    reopen(fixture); /* closing waits for what was given up */
    struct value shown = fixture_show(fixture, job);
    assert_string_equal(fixture_state(&shown), "failed");
    assert_true(fixture_int(&shown, "counts.read") < 20000);
    buf_deinit(&file);
}

/* ---- other kinds ---- */

struct kind_state {
    int runs;
    bool hold; /* until progress says no */
};

static enum err run_kind(struct job_run *run, void *context, struct error *error)
{
    struct kind_state *kind = context;
    (void)__atomic_add_fetch(&kind->runs, 1, __ATOMIC_SEQ_CST);
    assert_non_null(run->thread_context);
    while (__atomic_load_n(&kind->hold, __ATOMIC_SEQ_CST)) {
        if (!run->progress(run, 7, 9)) {
            return error_set(error, ERR_CANCELLED, "stopped");
        }
        (void)usleep(1000);
    }
    run->result = value_map_new();
    value_put_c(run->arena, &run->result, "wish", *value_get_c(run->params, "wish"));
    return OK;
}

static void on_started(struct job_start *start)
{
    *(bool *)start->context = true;
}

static int64_t start_kind(struct fixture *fixture, const char *kind)
{
    bool done = false;
    struct job_start start = {
        .scope = fixture->scope, .request = STR("request-2"), .done = on_started, .context = &done};
    struct value params = value_map_new();
    value_put_c(&fixture->arena, &params, "wish", value_text(STR("all")));
    if (jobs_start_kind(fixture->jobs, &start, str_from(kind), &params) != OK) {
        assert_int_equal(start.err, ERR_INVALID);
        assert_string_equal(start.error.nearest, "verify");
        return 0;
    }
    while (!done) {
        loop_drain(fixture->loop, 1);
    }
    assert_int_equal(start.err, OK);
    return start.job;
}

static void other_kinds(void **state)
{
    struct fixture *fixture = *state;
    struct kind_state verify = {.hold = true};
    struct kind_state backup = {.hold = true};
    struct error error = {0};
    fixture->kinds[0] = (struct job_kind){"verify", true, run_kind, &verify};
    fixture->kinds[1] = (struct job_kind){"backup", false, run_kind, &backup};
    fixture->kind_count = 2;
    reopen(fixture);
    assert_int_equal(start_kind(fixture, "verfy"), 0);
    int64_t first = start_kind(fixture, "verify");
    while (__atomic_load_n(&verify.runs, __ATOMIC_SEQ_CST) == 0) {
        loop_drain(fixture->loop, 1);
    }
    reopen(fixture); /* in the middle of it */
    __atomic_store_n(&verify.hold, false, __ATOMIC_SEQ_CST);
    jobs_resume(fixture->jobs);
    struct value shown = fixture_wait(fixture, first);
    assert_string_equal(fixture_state(&shown), "done");
    assert_int_equal(verify.runs, 2);
    assert_true(str_is(value_path(&shown, "result.wish")->text, "all"));

    int64_t second = start_kind(fixture, "backup");
    while (__atomic_load_n(&backup.runs, __ATOMIC_SEQ_CST) == 0) {
        loop_drain(fixture->loop, 1);
    }
    assert_int_equal(jobs_cancel(fixture->jobs, fixture->scope, second, &error), OK);
    shown = fixture_wait(fixture, second);
    assert_string_equal(fixture_state(&shown), "cancelled");

    int64_t third = start_kind(fixture, "backup");
    while (__atomic_load_n(&backup.runs, __ATOMIC_SEQ_CST) == 1) {
        loop_drain(fixture->loop, 1);
    }
    reopen(fixture);
    jobs_resume(fixture->jobs);
    shown = fixture_wait(fixture, third);
    assert_string_equal(fixture_state(&shown), "failed");
    assert_int_equal(backup.runs, 2);
}

/* ---- hooks ---- */

static bool has_before(void *context, const struct object_type *type, enum draft_kind kind)
{
    (void)context;
    return kind == DRAFT_CREATE && str_is(type->name, "product");
}

/* Refuses P3, gives all others a series. */
static void before(void *context, const struct object_type *type, struct draft **drafts, int count,
                   struct arena *arena, const struct scope *scope,
                   void (*done)(void *, enum err, const struct error *), void *done_context)
{
    struct error error = {0};
    enum err err = OK;
    (void)arena;
    (void)scope;
    *(int *)context += 1;
    assert_int_equal(count, 1);
    const struct value *name = &drafts[0]->values[object_field(type, STR("name"))->index];
    const struct field *series = object_field(type, STR("series"));
    if (str_is(name->text, "P3")) {
        err = error_at(&error, ERR_REFUSED, "/name", NULL, "not this one");
    }
    drafts[0]->values[series->index] = value_text(STR("hooked"));
    drafts[0]->set[series->index] = 1;
    done(done_context, err, &error);
}

static void hooks_see_rows(void **state)
{
    struct fixture *fixture = *state;
    struct buf file;
    int asked = 0;
    fixture_close(fixture);
    fixture->options.has_before = has_before;
    fixture->options.before = before;
    fixture->options.context = &asked;
    fixture_open(fixture);
    buf_init(&file);
    buf_append_str(&file, STR("name\n"));
    for (int i = 0; i < 600; i++) {
        buf_printf(&file, "P%d\n", i);
    }
    struct value job = fixture_import(fixture, "product", buf_str(&file), STR(""), NULL);
    fixture_counts(&job, (const int64_t[]){600, 599, 0, 0, 1, 0});
    assert_int_equal(asked, 600);
    assert_int_equal(fixture_count(fixture, "product", "series[eq]:\"hooked\""), 599);
    size_t at = 0;
    assert_true(str_find(fixture_errors(fixture, fixture_job_id(&job)),
                         STR("5,name,,not this one,,refused"), &at));
    buf_deinit(&file);
}

/* ---- the spool ---- */

static bool spooled(struct fixture *fixture, const char *name)
{
    char path[300];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/spool/%s", fixture->folder, name);
    return stat(path, &status) == 0;
}

static void spool_keeps_and_sweeps(void **state)
{
    struct fixture *fixture = *state;
    struct spool *spool = NULL;
    struct error error = {0};
    unsigned char hash[32];
    struct buf name;
    buf_init(&name);
    fixture_spool(fixture, STR("abc"), hash);
    hex_encode(&name, hash, sizeof(hash));
    assert_string_equal(buf_cstr(&name),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(spooled(fixture, buf_cstr(&name)));
    assert_int_equal(spool_open(fixture->jobs, 4, &spool, &error), OK);
    assert_int_equal(spool_write(spool, "abc", 3, &error), OK);
    assert_int_equal(spool_write(spool, "de", 2, &error), ERR_LIMIT);
    spool_abort(spool);
    spool_abort(NULL);
    /* One that no job named goes after a week; a broken upload at once. */
    char command[300];
    (void)snprintf(command, sizeof(command),
                   "touch -d '8 days ago' %s/spool/%s && touch %s/spool/%s", fixture->folder,
                   buf_cstr(&name), fixture->folder, ".upload-x");
    assert_int_equal(system(command), 0);
    fixture_spool(fixture, STR("new"), hash);
    reopen(fixture);
    assert_false(spooled(fixture, buf_cstr(&name)));
    assert_false(spooled(fixture, ".upload-x"));
    buf_reset(&name);
    hex_encode(&name, hash, sizeof(hash));
    assert_true(spooled(fixture, buf_cstr(&name)));
    buf_deinit(&name);
    /* A hash that nobody spooled. */
    struct job_start start;
    struct import_spec spec = {.object = STR("product"), .format = STR("csv")};
    assert_int_equal(fixture_start(fixture, NULL, &spec, &start), 0);
    assert_int_equal(start.err, ERR_NOT_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_job(void)
{
    const struct CMUnitTest tests[] = {
        CASE(stopped_and_resumed), CASE(resumed_self_references), CASE(cancelled),
        CASE(dry_run_resumed),     CASE(waits_for_its_type),      CASE(found_again),
        CASE(seen_by_whom),        CASE(resumed_without_rights),  CASE(other_kinds),
        CASE(hooks_see_rows),      CASE(spool_keeps_and_sweeps),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
