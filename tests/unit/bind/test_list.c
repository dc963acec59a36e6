/* The names that api level 1 promises, walked: each is there in a running state, as what it should
 * be, and in the types that editors read. What a later piece of work brings is excepted by name. */
#include "world.h"

#include <stdio.h>

int test_list(void);

/* A module and its functions; "name*" is not a function ("px.null"). */
static const struct {
    const char *module, *names;
} list[] = {
    {"px", "on before schedule flow route command page check start stop save restore doctor export "
           "add remove null* try refuse plugin"},
    {"px.store", "get find first count each aggregate search create update upsert delete link "
                 "unlink merge history as_of tx changeset"},
    {"px.store.kv", "get set"},
    {"px.bus", "emit lag dead_letters"},
    {"px.flows", "start signal query cancel find"},
    {"px.task", "all any timeout sleep"},
    {"px.http", "json problem stream"},
    {"px.net", "fetch"},
    {"px.mail", "send"},
    {"px.match", "normalise transliterate score index query"},
    {"px.rules", "load at evaluate"},
    {"px.clock", "deadline pause resume extend calendar business_days"},
    {"px.date", "now today parse format add diff zone"},
    {"px.json", "decode encode"},
    {"px.csv", "decode encode"},
    {"px.xml", "decode encode"},
    {"px.text", "len sub upper lower fold match find gsub split template"},
    {"px.crypto", "hash hmac random uuid seal open constant_time_equal"},
    {"px.config", "get on_change"},
    {"px.secret", "get"},
    {"px.i18n", "t"},
    {"px.log", "debug info warn error"},
    {"px.metric", "count gauge time"},
    {"px.actor", "user roles purpose as"},
};

/* Modules that are called themselves: px.money(1250, "EUR"). */
static const char *const callable[] = {"px.money", "px.decimal", "px.date"};

/* What is still to come; one word takes a whole module with it. A name that came is struck out
 * here: the test says so. */
static const char excepted[] = " px.match px.rules ";

static bool is_excepted(const char *module, const char *name)
{
    char word[80];
    (void)snprintf(word, sizeof(word), " %s ", module);
    if (strstr(excepted, word) != NULL) {
        return true;
    }
    (void)snprintf(word, sizeof(word), " %s.%s ", module, name);
    return strstr(excepted, word) != NULL;
}

/* The Lua type of px.a.b in a state where it is reached as a script reaches it. */
static void add_check(struct buf *script, const char *module, struct str name, bool function,
                      bool there)
{
    buf_printf(script, "check('%s', '" STR_FORMAT "', '%s', %s)\n", module, STR_ARGS(name),
               function ? "function" : "userdata", there ? "true" : "false");
}

static void names_are_there(void **state)
{
    struct world *world = *state;
    struct buf script;
    buf_init(&script);
    buf_append_str(&script,
                   STR("local function check(module, name, kind, there)\n"
                       "  local at = px\n"
                       "  for part in string.gmatch(module, '%.([%w_]+)') do\n"
                       "    at = at and at[part]\n"
                       "  end\n"
                       "  local found = at and type(at[name]) or 'nil'\n"
                       "  local wanted = there and kind or 'nil'\n"
                       "  if found ~= wanted then\n"
                       "    error(module .. '.' .. name .. ' is ' .. found .. ', not ' .. wanted)\n"
                       "  end\n"
                       "end\n"));
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        struct str name, rest = str_from(list[i].names);
        while (str_split(&rest, ' ', &name)) {
            bool function = !str_ends(name, STR("*"));
            char word[40];
            name = function ? name : str_sub(name, 0, name.len - 1);
            (void)snprintf(word, sizeof(word), STR_FORMAT, STR_ARGS(name));
            add_check(&script, list[i].module, name, function, !is_excepted(list[i].module, word));
        }
    }
    for (size_t i = 0; i < COUNT_OF(callable); i++) {
        buf_printf(&script, "assert(pcall(%s, %s))\n", callable[i],
                   i == 0   ? "5, 'EUR'"
                   : i == 1 ? "'1.5'"
                            : "'2027-03-31'");
    }
    struct world_plugin plugin = {.name = "one", .main = buf_cstr(&script)};
    if (world_load(world, &plugin) != OK) {
        fail_msg("%s %s", world->error.pointer, world->error.detail);
    }
    buf_deinit(&script);
}

static void read_types(struct buf *out)
{
    FILE *file = fopen(TEST_SOURCE_DIR "/plugins/meta/px.lua", "rbe");
    assert_non_null(file);
    size_t got = 1;
    while (got > 0) {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += got;
    }
    (void)fclose(file);
}

/* The part of the types from "---@class px.csv" to the next class. */
static const char *class_of(const char *types, const char *module, size_t *out_len)
{
    char head[80];
    (void)snprintf(head, sizeof(head), "---@class %s\n", module);
    const char *at = strstr(types, head);
    const char *end = at == NULL ? NULL : strstr(at + 1, "\n---@class ");
    *out_len = at == NULL ? 0 : end == NULL ? strlen(at) : (size_t)(end - at);
    return at;
}

static void names_have_types(void **state)
{
    (void)state;
    struct buf types;
    buf_init(&types);
    read_types(&types);
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        size_t len = 0;
        const char *at = class_of(buf_cstr(&types), list[i].module, &len);
        struct str name, rest = str_from(list[i].names);
        while (str_split(&rest, ' ', &name)) {
            char field[80], word[40];
            size_t found = 0;
            name = str_ends(name, STR("*")) ? str_sub(name, 0, name.len - 1) : name;
            (void)snprintf(field, sizeof(field), "---@field " STR_FORMAT " ", STR_ARGS(name));
            (void)snprintf(word, sizeof(word), STR_FORMAT, STR_ARGS(name));
            bool there = at != NULL && str_find((struct str){at, len}, str_from(field), &found);
            if (!there && !is_excepted(list[i].module, word)) {
                fail_msg("%s.%s is not in plugins/meta/px.lua", list[i].module, word);
            }
        }
    }
    buf_deinit(&types);
}

/* Every example of the reference runs: those of functions that only load in main.lua there, the
 * others in px.start. */
static void examples_run(void **state)
{
    size_t count = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < modules[i]->count; j++) {
            const struct lua_binding *binding = &modules[i]->bindings[j];
            if (binding->example == NULL) {
                continue;
            }
            void *own = NULL;
            struct buf main;
            struct bind_call call;
            bool load = (binding->flags & LUA_BINDING_LOAD_ONLY) != 0;
            assert_int_equal(world_setup(&own), 0);
            buf_init(&main);
            buf_printf(&main, load ? "%s\n" : "px.start(function()\n%s\nend)\n", binding->example);
            struct world_plugin plugin = {.name = "one",
                                          .main = buf_cstr(&main),
                                          .read = "deal,note",
                                          .write = "deal,note",
                                          .emit = "one.*",
                                          .http = true};
            enum err err = world_load(own, &plugin);
            struct error error = ((struct world *)own)->error;
            if (err == OK && !load) {
                err = world_call(own, ((struct world *)own)->hosts[0], BIND_START, 0, NULL, NULL,
                                 &call);
                error = call.error;
            }
            if (err != OK) {
                fail_msg("the example of %s.%s: %s %s", modules[i]->name, binding->name,
                         error.pointer, error.detail);
            }
            buf_deinit(&main);
            assert_int_equal(world_teardown(&own), 0);
        }
    }
    (void)state;
}

int test_list(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_there, world_setup, world_teardown),
        cmocka_unit_test(names_have_types),
        cmocka_unit_test(examples_run),
    };
    return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
