/* Before-hooks, routes and commands as the API calls them. */
#include "world.h"

int test_calls(void);

static const char manifest[] = "return { name = 'desk', version = '1.0.0', api = 1,\n"
                               "  default = true, can = { read = { 'thing' },\n"
                               "  write = { 'thing' }, http = true } }\n";
static const char schema[] =
    "return { objects = { thing = { fields = { { 'name', 'text', required = true, max = 20 },\n"
    "  { 'number', 'integer', max = 100 }, { 'tags', 'enum', many = true,\n"
    "    of = { 'red', 'blue' } } } } } }\n";

static void open_desk(struct world *world, const char *main)
{
    world_file(world, "desk", "plugin.lua", manifest);
    world_file(world, "desk", "schema.lua", schema);
    world_file(world, "desk", "main.lua", main);
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "desk").at, "running");
}

/* ---- hooks ---- */

struct hook {
    struct hook_call call;
    struct draft *draft;
    const struct scope *scope;
    bool done;
};

static void on_hook(struct hook_call *call)
{
    CONTAINER_OF(call, struct hook, call)->done = true;
}

static enum err run_hook(struct world *world, const char *json, struct hook *hook)
{
    struct value map;
    struct error error = {0};
    *hook = (struct hook){.scope = world_admin(world)};
    const struct object_type *type = schema_object(hook->scope->schema, STR("thing"));
    assert_int_equal(json_decode(&world->arena, str_from(json), &map, &error), OK);
    assert_int_equal(draft_make(world->store, hook->scope, DRAFT_CREATE, type, 0, &map,
                                &world->arena, &hook->draft, &error),
                     OK);
    hook->call = (struct hook_call){.type = type,
                                    .drafts = &hook->draft,
                                    .draft_count = 1,
                                    .arena = &world->arena,
                                    .scope = hook->scope,
                                    .request = STR("test"),
                                    .done = on_hook};
    assert_true(plugins_has_before(world->plugins, type, DRAFT_CREATE));
    assert_false(plugins_has_before(world->plugins, type, DRAFT_DELETE));
    plugins_before(world->plugins, &hook->call);
    assert_false(hook->done); /* never before it returns */
    world_wait(world, &hook->done);
    scope_unref(hook->scope);
    return hook->call.err;
}

static const struct value *draft_value(const struct hook *hook, const char *name)
{
    const struct field *field = object_field(hook->draft->type, str_from(name));
    return hook->draft->set[field->index] != 0 ? &hook->draft->values[field->index] : NULL;
}

static void test_hook_amends(void **state)
{
    struct world *world = *state;
    struct hook hook;
    open_desk(world, "px.before('thing.create', function(drafts)\n"
                     "  for _, draft in ipairs(drafts) do\n"
                     "    draft.name = px.text.upper(draft.name)\n"
                     "    draft.tags = { 'blue', 'red' }\n"
                     "    draft.number = nil\n"
                     "  end\n"
                     "end)\n"
                     "px.before('thing.create', function(drafts)\n"
                     "  drafts[1].name = drafts[1].name .. '!'\n"
                     "end)\n");
    assert_int_equal(run_hook(world, "{\"name\":\"box\",\"number\":4}", &hook), OK);
    assert_string_equal(draft_value(&hook, "name")->text.at, "BOX!");
    assert_int_equal(draft_value(&hook, "tags")->list.count, 2);
    assert_null(draft_value(&hook, "number"));
}

/* A field that a change empties is not in the draft's table; it is emptied all the same. */
static void test_hook_leaves_null(void **state)
{
    struct world *world = *state;
    struct hook hook;
    open_desk(world, "px.before('thing.create', function(drafts)\n"
                     "  assert(drafts[1].number == nil)\n"
                     "  drafts[1].name = 'lid'\n"
                     "end)\n");
    assert_int_equal(run_hook(world, "{\"name\":\"box\",\"number\":null}", &hook), OK);
    assert_string_equal(draft_value(&hook, "name")->text.at, "lid");
    assert_non_null(draft_value(&hook, "number"));
    assert_int_equal(draft_value(&hook, "number")->kind, VALUE_NULL);
}

static void test_hook_refuses(void **state)
{
    struct world *world = *state;
    struct hook hook;
    open_desk(world, "px.before('thing.create', function(drafts)\n"
                     "  if drafts[1].name == 'bad' then px.refuse('name', 'no such names') end\n"
                     "end)\n");
    assert_int_equal(run_hook(world, "{\"name\":\"bad\"}", &hook), ERR_REFUSED);
    assert_string_equal(hook.call.error.detail, "no such names");
    assert_string_equal(hook.call.error.pointer, "/name");
    assert_int_equal(run_hook(world, "{\"name\":\"fine\"}", &hook), OK);
}

static void test_hook_amends_wrongly(void **state)
{
    struct world *world = *state;
    struct hook hook;
    open_desk(world, "px.before('thing.create', function(drafts)\n"
                     "  drafts[1].number = 500\n"
                     "end)\n");
    assert_int_equal(run_hook(world, "{\"name\":\"x\"}", &hook), ERR_RANGE);
}

static void test_hook_fails(void **state)
{
    struct world *world = *state;
    struct hook hook;
    open_desk(world, "px.before('thing.create', function(drafts)\n"
                     "  if drafts[1].name == 'throw' then error('broken') end\n"
                     "  while drafts[1].name == 'loop' do end\n"
                     "end)\n");
    assert_int_equal(run_hook(world, "{\"name\":\"throw\"}", &hook), ERR_HOOK_UNAVAILABLE);
    assert_non_null(strstr(hook.call.error.detail, "broken"));
    assert_int_equal(run_hook(world, "{\"name\":\"loop\"}", &hook), ERR_HOOK_UNAVAILABLE);
    /* The state was made anew and sees the next one. */
    assert_int_equal(run_hook(world, "{\"name\":\"fine\"}", &hook), OK);
}

static void test_hook_waits_behind_a_handler(void **state)
{
    struct world *world = *state;
    struct hook hook;
    world_file(world, "desk", "plugin.lua",
               "return { name = 'desk', version = '1.0.0', api = 1, default = true,\n"
               "  can = { read = { 'thing' } }, limits = { run_ms = 2500 } }\n");
    world_file(world, "desk", "schema.lua", schema);
    world_file(world, "desk", "main.lua",
               "px.on('thing.created', function() while true do end end)\n"
               "px.before('thing.create', function(drafts) end)\n");
    world_open(world, true, NULL);
    (void)world_create(world, "thing", "{\"name\":\"a\"}");
    bus_start(world->bus);
    for (int i = 0; i < 40; i++) {
        loop_drain(world->loop, 5); /* the handler begins */
    }
    assert_int_equal(run_hook(world, "{\"name\":\"x\"}", &hook), ERR_HOOK_UNAVAILABLE);
    assert_non_null(strstr(hook.call.error.detail, "did not answer"));
}

/* ---- routes ---- */

struct route {
    struct route_call call;
    bool done;
};

static void on_route(struct route_call *call)
{
    CONTAINER_OF(call, struct route, call)->done = true;
}

static enum err run_route(struct world *world, const char *method, const char *path,
                          const struct scope *scope, struct route *route)
{
    struct str *segments = ARENA_ARRAY(&world->arena, struct str, 8);
    struct str rest = str_from(path + 1);
    size_t count = 0;
    while (count < 8 && str_split(&rest, '/', &segments[count])) {
        /* what the parser of requests does to "a%20b" */
        segments[count] = str_eq(segments[count], STR("a%20b")) ? STR("a b") : segments[count];
        count++;
    }
    *route = (struct route){.call = {.plugin = STR("desk"),
                                     .method = str_from(method),
                                     .path = str_from(path),
                                     .segments = segments,
                                     .segment_count = count,
                                     .query = value_map_new(),
                                     .headers = value_map_new(),
                                     .body = STR("{\"name\":\"by route\"}"),
                                     .scope = scope,
                                     .request = STR("test"),
                                     .arena = &world->arena,
                                     .done = on_route}};
    plugins_route(world->plugins, &route->call);
    assert_false(route->done);
    world_wait(world, &route->done);
    return route->call.err;
}

static void test_routes(void **state)
{
    struct world *world = *state;
    struct route route;
    open_desk(world, "px.route('GET', '/things/:id', function(request)\n"
                     "  return { json = { id = request.params.id, who = px.actor.name() } }\n"
                     "end)\n"
                     "px.route('POST', '/things', function(request)\n"
                     "  local made = px.store.create('thing', { name = request.json.name })\n"
                     "  return { status = 201, json = { version = made.version },\n"
                     "    headers = { ['X-Made'] = 'yes' } }\n"
                     "end)\n"
                     "px.route('GET', '/open', { public = true }, function(request)\n"
                     "  if px.try(px.store.find, 'thing') then error('leak') end\n"
                     "  return { text = 'hello' }\n"
                     "end)\n"
                     "px.route('GET', '/secret', { role = 'nobody' }, function() end)\n"
                     "px.route('GET', '/wrong', function() return 7 end)\n"
                     "px.route('GET', '/nothing', function() end)\n");
    const struct scope *admin = world_admin(world);
    assert_int_equal(run_route(world, "GET", "/things/7", admin, &route), OK);
    size_t at = 0;
    assert_true(str_find(route.call.response, STR("\"id\":\"7\""), &at));
    assert_string_equal(route.call.content_type.at, "application/json");
    assert_int_equal(run_route(world, "GET", "/things/a%20b", admin, &route), OK);
    assert_true(str_find(route.call.response, STR("\"id\":\"a b\""), &at));
    assert_int_equal(run_route(world, "POST", "/things", admin, &route), OK);
    assert_int_equal(route.call.status, 201);
    assert_string_equal(value_get_text(&route.call.response_headers, "X-Made", STR("")).at, "yes");
    assert_int_equal(world_count(world, "thing", "name[eq]:\"by route\""), 1);
    assert_int_equal(run_route(world, "GET", "/open", NULL, &route), OK);
    assert_string_equal(route.call.response.at, "hello");
    assert_int_equal(run_route(world, "GET", "/things/7", NULL, &route), ERR_UNAUTHENTICATED);
    assert_int_equal(run_route(world, "DELETE", "/things/7", admin, &route), ERR_METHOD);
    assert_int_equal(run_route(world, "GET", "/things", admin, &route), ERR_METHOD);
    assert_int_equal(run_route(world, "GET", "/things/7/8", admin, &route), ERR_NOT_FOUND);
    assert_int_equal(run_route(world, "GET", "/other", admin, &route), ERR_NOT_FOUND);
    assert_int_equal(run_route(world, "GET", "/wrong", admin, &route), ERR_LUA);
    assert_int_equal(run_route(world, "GET", "/nothing", admin, &route), OK);
    assert_int_equal(route.call.status, 204);
    scope_unref(admin);
}

/* ---- one plugin calls another ---- */

static void test_exports(void **state)
{
    struct world *world = *state;
    struct route route;
    world_file(world, "bank", "plugin.lua",
               "return { name = 'bank', version = '1.0.0', api = 1, default = true,\n"
               "  can = { read = { 'thing' } } }\n");
    world_file(world, "bank", "main.lua",
               "px.export {\n"
               "  screen = function(name, day)\n"
               "    if name == 'bad' then px.refuse('name', 'not him') end\n"
               "    return px.store.count('thing'), { name = name, next = day + '1d' }\n"
               "  end,\n"
               "  write = function() return px.store.create('thing', { name = 'x' }) end,\n"
               "}\n");
    world_file(world, "desk", "plugin.lua",
               "return { name = 'desk', version = '1.0.0', api = 1, default = true,\n"
               "  requires = { bank = '^1.0' }, can = { read = { 'thing' },\n"
               "  write = { 'thing' }, http = true } }\n");
    world_file(world, "desk", "schema.lua", schema);
    world_file(world, "desk", "main.lua",
               "local bank = px.plugin('bank')\n"
               "px.route('GET', '/ask', function(request)\n"
               "  local count, found = bank.screen('a', px.date.parse('2027-01-31'))\n"
               "  assert(count == 0 and tostring(found.next) == '2027-02-01')\n"
               "  local _, err = px.try(bank.screen, 'bad')\n"
               "  assert(err.code == 'refused' and err.detail == 'not him', tostring(err))\n"
               /* The caller may write things, the callee not: together they may not. */
               "  local _, no = px.try(bank.write)\n"
               "  assert(no.code == 'capability', tostring(no))\n"
               "  local _, none = px.try(px.plugin, 'other')\n"
               "  assert(none.code == 'dependency', tostring(none))\n"
               "  local _, unit = px.try(px.store.tx, function() return bank.screen('a') end)\n"
               "  assert(unit.code == 'yield', tostring(unit))\n"
               "  return { text = found.name }\n"
               "end)\n");
    world_open(world, true, NULL);
    assert_string_equal(world_status(world, "desk").at, "running");
    const struct scope *admin = world_admin(world);
    enum err err = run_route(world, "GET", "/ask", admin, &route);
    if (err != OK) {
        print_error("%s %s\n", route.call.error.pointer, route.call.error.detail);
    }
    assert_int_equal(err, OK);
    assert_string_equal(route.call.response.at, "a");
    scope_unref(admin);
}

/* ---- commands ---- */

struct command {
    struct command_call call;
    bool done;
};

static void on_command(struct command_call *call)
{
    CONTAINER_OF(call, struct command, call)->done = true;
}

static const char commands[] =
    "px.command('desk add', { help = 'adds a thing', args = { { 'name', required = true } } },\n"
    "  function(args, out)\n"
    "    px.store.create('thing', { name = args.name })\n"
    "    out.line('added ' .. args.name)\n"
    "    out.write(px.store.count('thing'))\n"
    "    return 3\n"
    "  end)\n"
    "px.command('desk fail', function() error('no') end)\n"
    "px.command('desk list', { args = { { 'name', 'text', required = true },\n"
    "    { 'by', 'date' }, { 'words', rest = true },\n"
    "    { 'limit', 'integer', default = 7, named = true } } },\n"
    "  function(args, out)\n"
    "    out.line(out.format .. ' ' .. out.language)\n"
    "    out.table({ 'name', { 'limit', 'At most' } }, { args })\n"
    "    out.line(tostring(args.by) .. ' ' .. args.words)\n"
    "  end)\n";

static enum err run_given(struct world *world, struct command *command)
{
    const struct scope *admin = world_admin(world);
    command->call.scope = admin;
    command->call.request = STR("test");
    command->call.arena = &world->arena;
    command->call.done = on_command;
    plugins_command(world->plugins, &command->call);
    world_wait(world, &command->done);
    scope_unref(admin);
    return command->call.err;
}

static enum err run_command(struct world *world, const char *words, struct command *command)
{
    struct value args = value_map_new();
    value_put_c(&world->arena, &args, "name", value_text(STR("box")));
    *command = (struct command){.call = {.plugin = STR("desk"),
                                         .words = str_from(words),
                                         .args = args,
                                         .words_given = value_list_new()}};
    return run_given(world, command);
}

static enum err run_words(struct world *world, const char *words, const struct value *given,
                          struct command *command)
{
    *command = (struct command){.call = {.plugin = STR("desk"),
                                         .words = str_from(words),
                                         .args = value_map_new(),
                                         .words_given = *given,
                                         .format = STR("csv"),
                                         .language = STR("el")}};
    return run_given(world, command);
}

static void test_commands(void **state)
{
    struct world *world = *state;
    struct command command;
    open_desk(world, commands);
    assert_int_equal(run_command(world, "desk add", &command), OK);
    assert_string_equal(command.call.output.at, "added box\n1");
    assert_int_equal(command.call.exit_code, 3);
    assert_int_equal(run_command(world, "desk fail", &command), ERR_LUA);
    assert_int_equal(run_command(world, "desk nothing", &command), ERR_NOT_FOUND);
    struct value list = plugins_commands(world->plugins, &world->arena);
    assert_int_equal(list.list.count, 3);
    assert_string_equal(value_get_text(&list.list.items[0], "help", STR("")).at, "adds a thing");
}

/* By position, by name, what is left; what does not fit is named with the usage. */
static void test_command_words(void **state)
{
    static const struct {
        const char *words[6];
        enum err err;
        const char *pointer;
    } cases[] = {
        {{"a box", "2026-02-28", "blue", "and=red", "limit=9"}, OK, ""},
        {{"limit=x", "a box"}, ERR_INVALID, "/args/limit"},
        {{"a box", "tomorrow"}, ERR_INVALID, "/args/by"},
        {{"limit=3"}, ERR_INVALID, "/args/name"},
        {{"name=a", "by=2026-02-30"}, ERR_INVALID, "/args/by"},
    };
    struct world *world = *state;
    struct command command;
    open_desk(world, commands);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct value words = value_list_new();
        for (size_t w = 0; w < COUNT_OF(cases[i].words) && cases[i].words[w] != NULL; w++) {
            value_push(&world->arena, &words, value_text(str_from(cases[i].words[w])));
        }
        assert_int_equal(run_words(world, "desk list", &words, &command), cases[i].err);
        assert_string_equal(command.call.error.pointer, cases[i].pointer);
        if (cases[i].err == OK) {
            const struct value *parts = command.call.parts.list.items;
            assert_int_equal(command.call.parts.list.count, 3);
            assert_true(str_is(value_get_text(&parts[0], "text", STR("")), "csv el\n"));
            assert_int_equal(value_path(&parts[1], "rows.0.limit")->integer, 9);
            assert_true(str_is(value_path(&parts[1], "columns.1.title")->text, "At most"));
            assert_true(
                str_is(value_get_text(&parts[2], "text", STR("")), "2026-02-28 blue and=red\n"));
        } else {
            assert_non_null(strstr(command.call.error.detail, "proxenos desk list name [by]"));
        }
    }
}

int test_calls(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hook_amends, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hook_leaves_null, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hook_refuses, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hook_amends_wrongly, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hook_fails, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hook_waits_behind_a_handler, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_routes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_exports, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_commands, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_command_words, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
