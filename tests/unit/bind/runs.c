/* See runs.h. */
#include "runs.h"

#include "proxenos/flow_operate.h"

struct bind_host *runs_load(struct world *world, const char *main)
{
    struct world_plugin plugin = {.name = "one",
                                  .main = main,
                                  .read = "deal,note,party",
                                  .write = "deal,note",
                                  .emit = "one.*",
                                  .http = true};
    return world_plugin(world, &plugin);
}

void runs_call(struct world *world, struct bind_host *host, int nth, const char *input)
{
    struct bind_call call;
    enum err err = world_call(world, host, BIND_ROUTE, nth, input, NULL, &call);
    if (err != OK) {
        print_error("%s: %s %s\n", err_code(err), call.error.pointer, call.error.detail);
    }
    assert_int_equal(err, OK);
}

static enum err take_first(void *context, const struct flow_run *run, struct error *error)
{
    (void)error;
    *(int64_t *)context = run->id;
    return OK;
}

int64_t runs_newest(struct world *world, const char *flow)
{
    int64_t id = 0;
    struct error error = {0};
    struct flow_query query = {
        .name = str_from(flow), .plugin = STR(""), .key = STR(""), .limit = 1};
    assert_int_equal(flow_run_find(world->reader, &query, take_first, &id, &error), OK);
    assert_true(id != 0);
    return id;
}

struct value runs_describe(struct world *world, int64_t id)
{
    struct flow_run run;
    struct value map = value_null();
    struct error error = {0};
    assert_int_equal(flow_run_get(world->reader, id, &world->arena, &run, &error), OK);
    assert_int_equal(flow_describe(world->reader, &run, &world->arena, &map, &error), OK);
    return map;
}

struct value runs_last(struct world *world, const char *flow)
{
    return runs_describe(world, runs_newest(world, flow));
}

const char *runs_json(struct world *world, const struct value *map, const char *path)
{
    struct buf out = {0};
    const struct value *value = path[0] == '\0' ? map : value_path(map, path);
    if (value == NULL) {
        return "";
    }
    json_encode(&out, value);
    const char *text = arena_cstr(&world->arena, buf_str(&out));
    buf_deinit(&out);
    return text;
}
