/* The log: patterns, reading in both directions, what a scope sees, what is cut, and that no change
 * of a stored row goes unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../core/store/log.h"
#include "engine_fixture.h"
#include "proxenos/base_json.h"

int test_log(void);

/* ---- patterns ---- */

static void patterns_match_types_and_states(void **state)
{
    (void)state;
    struct log_entry moved = {.type = STR("opportunity.updated"),
                              .object = STR("opportunity"),
                              .state = STR("stage.won")};
    struct log_entry plain = {.type = STR("person.created"), .object = STR("person")};
    struct log_entry own = {.type = STR("relations.review_done")};
    static const struct {
        const char *pattern;
        bool moved, plain, own;
    } cases[] = {
        {"", true, true, true},
        {"*", true, true, true},
        {"opportunity.*", true, false, false},
        {"opportunity.updated", true, false, false},
        {"opportunity.stage.won", true, false, false},
        {"opportunity.stage.*", true, false, false},
        {"opportunity.stage.lost", false, false, false},
        {"opportunity.stage", false, false, false},
        {"*.stage.won", true, false, false},
        {"*.created", false, true, false},
        {"*.updated", true, false, false},
        {"*.*", true, true, true},
        {"*.*.won", true, false, false},
        {"relations.*", false, false, true},
        {"relations.review_done", false, false, true},
        {"person", false, false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str pattern = str_from(cases[i].pattern);
        assert_int_equal(log_pattern_match(pattern, &moved), cases[i].moved);
        assert_int_equal(log_pattern_match(pattern, &plain), cases[i].plain);
        assert_int_equal(log_pattern_match(pattern, &own), cases[i].own);
    }
    static const char *const good[] = {"", "*", "a.b", "a.*", "*.b", "a_1.b2.c", "*.*"};
    static const char *const bad[] = {"a",    ".",    "a.",   ".b",   "a..b", "A.b",
                                      "a.b*", "a.-b", "1a.b", "a. b", "a.b.", "ä.b"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(log_pattern_valid(str_from(good[i])));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(log_pattern_valid(str_from(bad[i])));
    }
}

/* ---- a small world: notes with owners ---- */

/* Two object types in a snapshot, and the rows that row rules look at, written by hand: the engine
 * needs no more of them. */
struct note {
    int64_t id, owner;
    const char *compartment;
};
static const struct note notes[] = {{1, 10, ""}, {2, 20, ""}, {3, 30, ""}, {4, 10, "walls"}};

static enum err log_note(struct tx *tx, int64_t id, const char *type, const char *compartment,
                         const char *payload, struct error *error)
{
    struct log_entry entry = {.type = str_from(type),
                              .object = STR("note"),
                              .state = str_is(str_from(type), "note.updated") ? STR("stage.done")
                                                                              : STR(""),
                              .record = id,
                              .version = 1,
                              .compartment = str_from(compartment),
                              .payload = str_from(payload)};
    return log_append(tx, &entry, NULL, error);
}

static enum err world_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < COUNT_OF(notes); i++) {
        err = log_note(tx, notes[i].id, "note.created", notes[i].compartment,
                       "{\"after\":{\"title\":\"open\",\"secret_word\":\"hush\"}}", error);
    }
    if (err == OK) {
        err = log_note(tx, 1, "note.updated", "",
                       "{\"before\":{\"secret_word\":\"hush\"},"
                       "\"after\":{\"secret_word\":\"psst\"}}",
                       error);
    }
    if (err == OK) {
        err = log_note(tx, 2, "note.updated", "",
                       "{\"before\":{\"phone\":\"1\"},\"after\":{\"phone\":\"2\"}}", error);
    }
    if (err == OK) {
        err = log_note(tx, 9, "note.deleted", "", "{\"before\":{\"title\":\"gone\"}}", error);
    }
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "n", value_int(1));
    return err == OK ? tx_emit(tx, STR("relations.review_done"), &data, error) : err;
}

static enum err tables_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    (void)unit;
    enum err err = db_exec(tx_db(tx),
                           "create table \"o_note\" (id integer primary key, owner integer, "
                           "compartment text, archived_at integer)",
                           error);
    for (size_t i = 0; err == OK && i < COUNT_OF(notes); i++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "insert into \"o_note\" values (%d, %d, nullif('%s', ''), null)",
                       (int)notes[i].id, (int)notes[i].owner, notes[i].compartment);
        err = db_exec(tx_db(tx), sql, error);
    }
    return err;
}

/* The type is made by hand as well: fields title, phone, secret_word. */
struct world {
    struct fixture *fixture;
    struct schema schema;
    struct object_type type;
    struct field fields[3];
};

static int world_setup(void **state)
{
    if (fixture_setup(state) != 0) {
        return -1;
    }
    struct world *world = mem_zalloc(sizeof *world);
    world->fixture = *state;
    static const char *const names[] = {"title", "phone", "secret_word"};
    map_init(&world->type.field_by_name);
    for (int i = 0; i < 3; i++) {
        world->fields[i] =
            (struct field){.name = str_from(names[i]), .type = FIELD_TEXT, .index = i};
        (void)map_set(&world->type.field_by_name, world->fields[i].name, &world->fields[i]);
    }
    world->type.name = STR("note");
    world->type.fields = world->fields;
    world->type.field_count = 3;
    map_init(&world->schema.by_name);
    (void)map_set(&world->schema.by_name, world->type.name, &world->type);
    world->schema.objects = &world->type;
    world->schema.object_count = 1;

    struct unit unit = {.apply = tables_apply, .scope = world->fixture->scope, .alone = true};
    assert_int_equal(store_run(world->fixture->store, &unit), OK);
    unit_deinit(&unit);
    unit = (struct unit){.apply = world_apply, .scope = world->fixture->scope};
    assert_int_equal(store_run(world->fixture->store, &unit), OK);
    unit_deinit(&unit);
    *state = world;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *world = *state;
    map_deinit(&world->type.field_by_name);
    map_deinit(&world->schema.by_name);
    void *fixture = world->fixture;
    mem_free(world);
    return fixture_teardown(&fixture);
}

enum { SEEN_MAX = 64, LINE_MAX = 160 };
struct seen {
    int count;
    int64_t seqs[SEEN_MAX], causes[SEEN_MAX];
    char lines[SEEN_MAX][LINE_MAX]; /* "note.created 1 {…}" */
};

static enum err see(void *context, const struct log_entry *entry, struct error *error)
{
    struct seen *seen = context;
    (void)error;
    assert_true(seen->count < SEEN_MAX);
    seen->seqs[seen->count] = entry->seq;
    seen->causes[seen->count] = entry->cause;
    (void)snprintf(seen->lines[seen->count++], LINE_MAX, STR_FORMAT " %d " STR_FORMAT,
                   STR_ARGS(entry->type), (int)entry->record, STR_ARGS(entry->payload));
    return OK;
}

static struct seen look(struct fixture *fixture, const struct scope *scope,
                        const struct log_query *query, int64_t *out_last)
{
    struct seen seen = {.count = 0};
    struct reader *reader = NULL;
    struct error error = {0};
    int64_t last = -1;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    enum err err = reader_log(reader, scope, query, see, &seen, &last, &error);
    if (err != OK) {
        print_error("%s\n", error.detail);
    }
    assert_int_equal(err, OK);
    if (out_last != NULL) {
        *out_last = last;
    }
    reader_close(reader);
    return seen;
}

static void no_free(struct scope *scope)
{
    (void)scope;
}

/* May read notes by `rule`; phone is masked, secret_word hidden. */
static struct scope user_scope(struct world *world, struct scope_grant *grant, uint8_t fields[3],
                               enum row_rule rule)
{
    fields[0] = FIELD_READABLE;
    fields[1] = FIELD_MASKED;
    fields[2] = FIELD_HIDDEN;
    *grant = (struct scope_grant){.verbs = VERB_READ, .read_rows = (uint8_t)rule, .fields = fields};
    return (struct scope){.references = 1,
                          .schema = &world->schema,
                          .user = 10,
                          .actor = STR("user:anna"),
                          .via = STR("http"),
                          .grants = grant,
                          .free = no_free};
}

static bool has_line(const struct seen *seen, const char *line)
{
    for (int i = 0; i < seen->count; i++) {
        if (strcmp(seen->lines[i], line) == 0) {
            return true;
        }
    }
    return false;
}

static bool any_contains(const struct seen *seen, const char *text)
{
    for (int i = 0; i < seen->count; i++) {
        if (strstr(seen->lines[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

static void a_scope_sees_its_rows_and_fields(void **state)
{
    struct world *world = *state;
    struct scope_grant grant;
    uint8_t fields[3];
    struct log_query all = {.limit = 0};

    struct scope own = user_scope(world, &grant, fields, ROWS_OWN);
    struct seen seen = look(world->fixture, &own, &all, NULL);
    assert_int_equal(seen.count, 1); /* its update touched only a hidden field */
    assert_true(has_line(&seen, "note.created 1 {\"after\":{\"title\":\"open\"}}"));

    static const int64_t team[] = {10, 20};
    struct scope of_team = user_scope(world, &grant, fields, ROWS_TEAM);
    of_team.team = team;
    of_team.team_count = 2;
    seen = look(world->fixture, &of_team, &all, NULL);
    assert_int_equal(seen.count, 3);
    assert_true(has_line(&seen, "note.updated 2 {\"before\":{\"phone\":\"•••\"},"
                                "\"after\":{\"phone\":\"•••\"}}"));

    struct scope every = user_scope(world, &grant, fields, ROWS_ALL);
    seen = look(world->fixture, &every, &all, NULL);
    assert_int_equal(seen.count, 5); /* 1, 2, 3, 2's update, the deleted one */
    assert_false(any_contains(&seen, "hush"));
    assert_false(any_contains(&seen, "note.created 4")); /* behind its wall */
    assert_false(any_contains(&seen, "relations."));

    struct scope none = user_scope(world, &grant, fields, ROWS_NONE);
    assert_int_equal(look(world->fixture, &none, &all, NULL).count, 0);
    every = user_scope(world, &grant, fields, ROWS_ALL);
    grant.verbs = VERB_CREATE;
    assert_int_equal(look(world->fixture, &every, &all, NULL).count, 0);

    /* An auditor sees that there was something, not what. */
    struct scope auditor = user_scope(world, &grant, fields, ROWS_NONE);
    auditor.audit = true;
    seen = look(world->fixture, &auditor, &all, NULL);
    assert_int_equal(seen.count, 7);
    assert_true(has_line(&seen, "note.created 1 {}"));
    assert_true(has_line(&seen, "relations.review_done 0 {\"n\":1}"));
    assert_false(any_contains(&seen, "open"));
}

static void causes_need_the_grant(void **state)
{
    struct world *world = *state;
    struct item_unit item;
    item_unit_init(&item, world->fixture, 1);
    item.unit.cause = 1;
    assert_int_equal(store_run(world->fixture->store, &item.unit), OK);
    struct scope_grant grant;
    uint8_t fields[3];
    struct log_query query = {.pattern = STR("test.added")};
    struct scope user = user_scope(world, &grant, fields, ROWS_ALL);
    user.actor = STR("system:bus"); /* its own event, so it sees it */
    struct seen seen = look(world->fixture, &user, &query, NULL);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.causes[0], 0);
    user.audit = true;
    seen = look(world->fixture, &user, &query, NULL);
    assert_int_equal(seen.causes[0], 1);
    unit_deinit(&item.unit);
}

/* ---- ranges ---- */

static void entries_are_found_by_what_is_asked(void **state)
{
    struct world *world = *state;
    struct fixture *fixture = world->fixture;
    int64_t last = 0;
    int64_t end = store_seq(fixture->store);
    const struct scope *scope = fixture->scope;

    struct seen seen = look(fixture, scope, &(struct log_query){.limit = 3}, &last);
    assert_int_equal(seen.count, 3);
    assert_int_equal(last, 3);
    seen = look(fixture, scope, &(struct log_query){.after = last}, &last);
    assert_int_equal(seen.count, end - 3);
    assert_int_equal(last, end);
    seen = look(fixture, scope, &(struct log_query){.after = end}, &last);
    assert_int_equal(seen.count, 0);
    assert_int_equal(last, end);

    /* Nothing fits, but everything was looked at. */
    seen = look(fixture, scope, &(struct log_query){.pattern = STR("nobody.*"), .limit = 5}, &last);
    assert_int_equal(seen.count, 0);
    assert_int_equal(last, end);

    seen = look(fixture, scope, &(struct log_query){.newest_first = true, .limit = 2}, &last);
    assert_int_equal(seen.seqs[0], end);
    assert_int_equal(seen.seqs[1], end - 1);
    assert_int_equal(last, end - 1);
    seen = look(fixture, scope, &(struct log_query){.newest_first = true, .after = last}, &last);
    assert_int_equal(seen.count, end - 2);
    assert_int_equal(seen.seqs[0], end - 2);
    assert_int_equal(last, 0);

    assert_int_equal(look(fixture, scope, &(struct log_query){.record = 1}, NULL).count, 2);
    assert_int_equal(
        look(fixture, scope, &(struct log_query){.record = 1, .newest_first = true}, NULL).seqs[0],
        5);
    assert_int_equal(look(fixture, scope, &(struct log_query){.object = STR("note")}, NULL).count,
                     7);
    assert_int_equal(
        look(fixture, scope, &(struct log_query){.pattern = STR("note.stage.done")}, NULL).count,
        2);
    assert_int_equal(look(fixture, scope,
                          &(struct log_query){.object = STR("note"), .pattern = STR("*.deleted")},
                          NULL)
                         .count,
                     1);
    int64_t now = env_real()->now_ms(env_real());
    assert_int_equal(look(fixture, scope, &(struct log_query){.from_ms = now + 60000}, NULL).count,
                     0);
    assert_int_equal(look(fixture, scope, &(struct log_query){.to_ms = now - 60000}, NULL).count,
                     0);
    assert_int_equal(look(fixture, scope,
                          &(struct log_query){.from_ms = now - 60000, .to_ms = now + 60000}, NULL)
                         .count,
                     end);
}

static void add_many(struct fixture *fixture, int count)
{
    struct item_unit *items = mem_zalloc(sizeof *items * (size_t)count);
    size_t answered = 0;
    for (int i = 0; i < count; i++) {
        item_unit_init(&items[i], fixture, i + 1);
        assert_int_equal(store_submit(fixture->store, &items[i].unit), OK);
    }
    while (answered < (size_t)count) {
        answered += mailbox_receive(fixture->mailbox, -1);
    }
    for (int i = 0; i < count; i++) {
        assert_int_equal(items[i].unit.err, OK);
        unit_deinit(&items[i].unit);
    }
    mem_free(items);
}

/* Every call comes back within its budget, and all of them together see all that fits. */
static int walk_in_windows(struct fixture *fixture, struct log_query query, int *out_calls)
{
    struct reader *reader = NULL;
    int64_t end = query.newest_first ? 0 : store_seq(fixture->store);
    int found = 0;
    assert_int_equal(reader_open(fixture->store, 20000, &reader, NULL), OK);
    *out_calls = 0;
    do {
        struct seen seen = {.count = 0};
        int64_t last = -1;
        struct error error = {0};
        assert_int_equal(reader_log(reader, fixture->scope, &query, see, &seen, &last, &error), OK);
        assert_true(query.newest_first ? query.after == 0 || last < query.after
                                       : last > query.after);
        query.after = last;
        found += seen.count;
        ++*out_calls;
    } while (query.after != end);
    reader_close(reader);
    return found;
}

static void a_budget_gives_windows_that_move_on(void **state)
{
    struct world *world = *state;
    struct fixture *fixture = world->fixture;
    enum { COUNT = 3000 };
    add_many(fixture, COUNT); /* the notes are the first eight entries */
    struct log_query query = {.limit = 50, .pattern = STR("note.*")};
    int calls = 0;
    assert_int_equal(walk_in_windows(fixture, query, &calls), 7);
    assert_true(calls > 3 && calls < 100);
    query.newest_first = true;
    assert_int_equal(walk_in_windows(fixture, query, &calls), 7);
    assert_true(calls > 3 && calls < 100);
    query = (struct log_query){.limit = 60, .pattern = STR("test.added")};
    assert_int_equal(walk_in_windows(fixture, query, &calls), COUNT);

    int64_t last = 0;
    query = (struct log_query){.after = 10, .limit = 50, .pattern = STR("note.*"), .look_max = 7};
    assert_int_equal(look(fixture, fixture->scope, &query, &last).count, 0);
    assert_int_equal(last, 17);
}

/* ---- tampering ---- */

static enum err tamper_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return db_exec(tx_db(tx), (const char *)unit->request.at, error);
}

static void run_sql(struct fixture *fixture, const char *sql)
{
    struct unit unit = {.apply = tamper_apply, .scope = fixture->scope, .request = str_from(sql)};
    enum err err = store_run(fixture->store, &unit);
    if (err != OK) {
        print_error("%s: %s\n", sql, unit.error.detail);
    }
    assert_int_equal(err, OK);
    unit_deinit(&unit);
}

static enum err verify(struct fixture *fixture, struct error *error)
{
    struct reader *reader = NULL;
    struct log_head log, access;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    enum err err = log_verify(reader_db(reader), &log, &access, error);
    reader_close(reader);
    return err;
}

static void every_change_of_a_row_is_found(void **state)
{
    struct fixture *fixture = *state;
    static const char *const columns[] = {"at = at + 1",
                                          "type = 'test.addee'",
                                          "object = 'x'",
                                          "state = 'x.y'",
                                          "record = record + 1",
                                          "version = version + 1",
                                          "actor = 'user:eve'",
                                          "via = 'x'",
                                          "request = request || 'x'",
                                          "cause = cause + 1",
                                          "changeset = 1",
                                          "depth = depth + 1",
                                          "compartment = 'x'",
                                          "payload = '{\"id\":9}'",
                                          "payload_hash = randomblob(32)",
                                          "chain = randomblob(32)"};
    for (int64_t id = 1; id <= 5; id++) {
        assert_int_equal(item_run(fixture, id), OK);
    }
    run_sql(fixture, "create table test_kept as select * from log");
    struct error error = {0};
    assert_int_equal(verify(fixture, &error), OK);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql, "update log set %s where seq = %d", columns[i],
                       (int)(i % 5) + 1);
        run_sql(fixture, sql);
        assert_int_equal(verify(fixture, &error), ERR_CORRUPT);
        run_sql(fixture, "delete from log; insert into log select * from test_kept");
        assert_int_equal(verify(fixture, &error), OK);
    }
    static const char *const attacks[] = {
        "delete from log where seq = 3", /* leaves a gap */
        "delete from log where seq = 3; update log set seq = seq - 1 where seq > 3",
        "update log set seq = 99 where seq = 2; update log set seq = 2 where seq = 3;"
        "update log set seq = 3 where seq = 99",
        "insert into log select 6, at, type, object, state, record, version, actor, via, request, "
        "cause, changeset, depth, compartment, payload, payload_hash, chain from log where seq = 5",
        "delete from log where seq = 1",
    };
    for (size_t i = 0; i < COUNT_OF(attacks); i++) {
        run_sql(fixture, attacks[i]);
        assert_int_equal(verify(fixture, &error), ERR_CORRUPT);
        run_sql(fixture, "delete from log; insert into log select * from test_kept");
    }
    /* Cutting the end is what the chain alone cannot show: the head outside does. */
    fixture_close(fixture);
    fixture_open(fixture);
    run_sql(fixture, "delete from log where seq > 4");
    assert_int_equal(verify(fixture, &error), OK);
    fixture_close(fixture);
    assert_int_equal(fixture_try_open(fixture, &error), ERR_CORRUPT);
}

/* ---- the access log ---- */

static enum err count_access(void *context, const struct access_entry *entry, struct error *error)
{
    int *count = context;
    (void)error;
    ++*count;
    assert_int_equal(entry->seq, *count);
    assert_true(str_is(entry->action, "read"));
    assert_int_equal(entry->record, *count);
    assert_true(str_is(entry->actor, "system:bus"));
    return OK;
}

static void reads_that_are_audited_are_chained_apart(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 300 };
    int64_t seq = store_seq(fixture->store);
    for (int i = 1; i <= COUNT; i++) {
        store_access(fixture->store, fixture->scope, STR("read"), STR("person"), i, STR("phone"));
    }
    fixture_close(fixture); /* what waits is written before it closes */
    fixture_open(fixture);
    assert_int_equal(store_seq(fixture->store), seq);
    struct reader *reader = NULL;
    int count = 0;
    assert_int_equal(reader_open(fixture->store, 0, &reader, NULL), OK);
    assert_int_equal(reader_access(reader, 0, 1000, count_access, &count, NULL), OK);
    assert_int_equal(count, COUNT);
    reader_close(reader);
    struct error error = {0};
    assert_int_equal(verify(fixture, &error), OK);
    run_sql(fixture, "update access_log set actor = 'user:nobody' where seq = 7");
    assert_int_equal(verify(fixture, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.detail, "access log"));
}

int test_log(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_types_and_states),
        cmocka_unit_test_setup_teardown(a_scope_sees_its_rows_and_fields, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(causes_need_the_grant, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(entries_are_found_by_what_is_asked, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_budget_gives_windows_that_move_on, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(every_change_of_a_row_is_found, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(reads_that_are_audited_are_chained_apart, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
