/* px.config: the plugin's settings, and their change while it runs. */
#include "internal.h"

/* ---- a change: the loop sends it, the executor puts it in ---- */

struct config_change {
    struct lua_job job;
    struct bind_host *host;
    struct arena arena;
    struct value config;
};

static void change_run(struct lua_job *job)
{
    struct config_change *change = CONTAINER_OF(job, struct config_change, job);
    struct bind_host *host = change->host;
    struct arena before = host->config_arena;
    host->config_arena = change->arena;
    host->config = change->config;
    change->arena = before; /* what the old values were in; freed with the job */
    lua_job_finish(job, OK, NULL);
}

static void change_done(struct lua_job *job)
{
    struct config_change *change = CONTAINER_OF(job, struct config_change, job);
    atomic_fetch_sub(&change->host->busy, 1);
    arena_deinit(&change->arena);
    mem_free(change);
}

void bind_host_configure(struct bind_host *host, const struct value *config)
{
    struct config_change *change = mem_zalloc(sizeof(*change));
    change->host = host;
    arena_init(&change->arena);
    change->config = value_copy(&change->arena, config);
    change->job.run = change_run;
    change->job.done = change_done;
    change->job.reply = loop_mailbox(host->bind->options.loop);
    atomic_fetch_add(&host->busy, 1);
    lua_job_post(host->lua, &change->job);
}

/* ---- px.config: executor, protected ---- */

static int config_get(lua_State *L)
{
    const struct call *call = call_enter(L);
    struct str name = arg_text(L, 1);
    const struct value *value = value_get(&call->host->config, name);
    if (value == NULL) {
        lua_raise_set(L, ERR_INVALID, "plugin.lua declares no setting \"" STR_FORMAT "\"",
                      STR_ARGS(str_sub(name, 0, 60)));
    }
    if (value->kind == VALUE_NULL) {
        lua_pushnil(L);
    } else {
        lua_push_value(L, value, true);
    }
    return 1;
}

static int config_on_change(lua_State *L)
{
    host_register(L, BIND_CONFIG, STR("on_change"), STR(""), 0, 1);
    return 0;
}

static const struct lua_binding config_bindings[] = {
    {.name = "get",
     .call = config_get,
     .type = "fun(name: string): any",
     .doc = "a setting that plugin.lua declares, or its default"},
    {.name = "on_change",
     .call = config_on_change,
     .type = "fun(changed: fun(config: table))",
     .doc = "is called with all settings after some were changed while the plugin runs",
     .flags = LUA_BINDING_LOAD_ONLY,
     .example = "px.config.on_change(function(config)\n"
                "  px.log.info(\"settings have changed\", config)\nend)"},
};

const struct lua_module module_config = {
    .name = "px.config",
    .doc = "The plugin's settings.",
    .bindings = config_bindings,
    .count = COUNT_OF(config_bindings),
};
