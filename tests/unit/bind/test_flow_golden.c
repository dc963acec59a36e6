/* Golden histories: runs that some earlier day's code wrote down, one for each kind of command, are
 * gone through by today's. PROXENOS_UPDATE=1 writes those that are not there yet; one that is there
 * stays as it was. */
#include "runs.h"

#include "proxenos/base_json.h"
#include "proxenos/flow_history.h"
#include "proxenos/store_approval.h"

#include <stdio.h>

int test_flow_golden(void);

#define FOLDER TEST_SOURCE_DIR "/tests/data/flows/"

static const char *const kinds[] = {"step", "call",  "sleep",   "wait", "signal", "all",
                                    "any",  "child", "version", "done", "approve"};

static const char *read_file(struct world *world, const char *name)
{
    char path[512];
    struct buf text;
    (void)snprintf(path, sizeof(path), FOLDER "%s", name);
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return NULL;
    }
    buf_init(&text);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        buf_append_char(&text, (char)c);
    }
    (void)fclose(file);
    const char *copy = arena_cstr(&world->arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

/* ---- writing ---- */

struct deciding {
    struct unit unit;
    int64_t approval;
};

static enum err take_id(void *context, const struct record *record, struct error *error)
{
    (void)error;
    *(int64_t *)context = record->id;
    return OK;
}

static enum err decide(struct unit *unit, struct tx *tx, struct error *error)
{
    struct approval_vote vote = {.approve = true, .comment = STR("fine")};
    return tx_decide(tx, CONTAINER_OF(unit, struct deciding, unit)->approval, &vote, NULL, error);
}

/* Anna of the role "legal" says yes to what waits. */
static void say_yes(struct world *world)
{
    char json[80], id[ID_TEXT_LEN + 1];
    struct page page = {0};
    struct error error = {0};
    struct deciding deciding = {.unit = {.apply = decide, .request = STR("test")}};
    struct query query = {.limit = 1};
    id_format(world_create(world, "role",
                           "{\"name\":\"legal\",\"grants\":{\"approval\":{\"verbs\":[\"read\","
                           "\"approve\"]}}}"),
              id);
    (void)snprintf(json, sizeof(json), "{\"name\":\"anna\",\"roles\":[\"%s\"]}", id);
    int64_t anna = world_create(world, "user", json);
    world_settle(world);
    assert_int_equal(auth_user_scope(world->auth, anna, STR("test"), &deciding.unit.scope, &error),
                     OK);
    query.type = schema_object(deciding.unit.scope->schema, STR("approval"));
    assert_int_equal(query_bind(&query, deciding.unit.scope, &world->arena, &error), OK);
    assert_int_equal(reader_query(world->reader, &query, &world->arena, take_id, &deciding.approval,
                                  &page, &error),
                     OK);
    assert_int_equal(store_run(world->store, &deciding.unit), OK);
    scope_unref(deciding.unit.scope);
    unit_deinit(&deciding.unit);
    world_settle(world);
}

static void write_history(struct world *world, struct bind_host *host, const char *kind)
{
    char input[64], path[512];
    struct error error = {0};
    struct flow_run run;
    struct value map = value_null();
    struct bind_call call;
    struct buf text;
    (void)snprintf(input, sizeof(input), "{\"flow\":\"%s\"}", kind);
    assert_int_equal(world_call(world, host, BIND_ROUTE, 0, input, NULL, &call), OK);
    world_settle(world);
    if (strcmp(kind, "approve") == 0) {
        say_yes(world);
    }
    assert_int_equal(
        flow_run_get(world->reader, runs_newest(world, kind), &world->arena, &run, &error), OK);
    assert_int_equal(flow_history_write(world->reader, &run, &world->arena, &map, &error), OK);
    (void)snprintf(path, sizeof(path), FOLDER "%s.json", kind);
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    buf_init(&text);
    json_encode(&text, &map);
    buf_append_char(&text, '\n');
    assert_int_equal(fwrite(text.at, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
    buf_deinit(&text);
}

/* ---- going through ---- */

struct looked {
    struct bind_look look;
    bool done;
};

static void on_done(struct bind_look *look)
{
    CONTAINER_OF(look, struct looked, look)->done = true;
}

static enum err replay(struct world *world, struct bind_host *host, const char *text,
                       struct error *error)
{
    struct flow_history history;
    assert_int_equal(flow_history_read(&world->arena, str_from(text), &history, error), OK);
    struct looked looked = {
        .look = {.host = host, .history = &history, .arena = &world->arena, .done = on_done}};
    bind_look(&looked.look);
    world_wait(world, &looked.done);
    *error = looked.look.error;
    return looked.look.err;
}

static void todays_code_does_what_it_did(void **state)
{
    struct world *world = *state;
    struct bind_host *host = runs_load(world, read_file(world, "main.lua"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        char name[40];
        struct error error = {0};
        (void)snprintf(name, sizeof(name), "%s.json", kinds[i]);
        const char *text = read_file(world, name);
        if (text == NULL && getenv("PROXENOS_UPDATE") != NULL) {
            write_history(world, host, kinds[i]);
            text = read_file(world, name);
        }
        assert_non_null(text);
        enum err err = replay(world, host, text, &error);
        if (err != OK) {
            print_error("%s: %s %s %s\n", name, err_code(err), error.pointer, error.detail);
        }
        assert_int_equal(err, OK);
    }
}

static void other_code_is_told_with_both_places(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *name, *main, *says;
        enum err err;
    } others[] = {
        {"step.json", "px.flow('step', function(flow) flow:step('sub', function() end) end)\n",
         "\"add\" at main.lua:8, the code now gives step \"sub\" at main.lua:1", ERR_DIVERGED},
        {"step.json", "px.flow('step', function(flow) flow:wait('add') end)\n", "step \"add\"",
         ERR_DIVERGED},
        {"done.json", "px.flow('done', function(flow) return 1 end)\n", "", ERR_DIVERGED},
        {"done.json", "px.flow('other', function(flow) return 1 end)\n", "no flow \"done\"",
         ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct error error = {0};
        struct bind_host *host = runs_load(world, others[i].main);
        assert_int_equal(replay(world, host, read_file(world, others[i].name), &error),
                         others[i].err);
        assert_non_null(strstr(error.detail, others[i].says));
        world_unload(world);
    }
}

int test_flow_golden(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(todays_code_does_what_it_did),
        TEST(other_code_is_told_with_both_places),
    };
    return cmocka_run_group_tests_name("golden histories", tests, NULL, NULL);
}
