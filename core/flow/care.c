/* Looking after runs: now and then a pass over all of them, on a thread of its own; what it finds
 * is told (figures, the log, the doctor), and what ended long ago is dropped, a few runs in a unit.
 * A pass takes at most a hundredth of the time. Loop thread. */
#include "care.h"

#include "proxenos/base_log.h"

enum { EVERY_MS = 60000, EVERY_MIN_MS = 500, SHARE = 100 };

static void *open_reader(void *context)
{
    struct reader *reader = NULL;
    struct error error = {0};
    if (reader_open(context, 0, &reader, &error) != OK) {
        log_error("flow", "runs cannot be looked after error=\"%s\"", error.detail);
    }
    return reader;
}

static void close_reader(void *context)
{
    reader_close(context);
}

static void found_free(struct care_found *found)
{
    if (found != NULL) {
        map_deinit(&found->by_name);
        arena_deinit(&found->arena);
        mem_free(found);
    }
}

static void start_later(struct flow_care *care)
{
    int64_t every_ms = MIN(EVERY_MS, MAX(EVERY_MIN_MS, care->options.keep_journal_ms / 10));
    int64_t took_ms = care->found != NULL ? care->found->took_ms : 0;
    bool more = care->found != NULL && care->found->drop_count == CARE_DROPS_MAX;
    if (!care->closing) {
        timer_start(&care->timer, MAX(more ? EVERY_MIN_MS : every_ms, took_ms * SHARE));
    }
}

/* ---- what was found is told ---- */

static void add_telling(struct flow_care *care, const char *type, struct value data)
{
    struct value one = value_map_new();
    value_put_c(&care->tell_arena, &one, "type", value_text(str_from(type)));
    value_put_c(&care->tell_arena, &one, "data", data);
    value_push(&care->tell_arena, &care->tell, one);
}

static void tell_stuck(struct flow_care *care)
{
    struct arena *arena = &care->tell_arena;
    if (care->told.count > CARE_TOLD_MAX) {
        map_deinit(&care->told);
        map_init(&care->told);
    }
    for (size_t i = 0; i < care->found->stuck_count; i++) {
        const struct care_stuck *stuck = &care->found->stuck[i];
        char id[ID_TEXT_LEN + 1];
        if (map_set_int(&care->told, stuck->run, care) != NULL) {
            continue;
        }
        struct value data = value_map_new();
        id_format(stuck->run, id);
        value_put_c(arena, &data, "run", value_id(stuck->run));
        value_put_c(arena, &data, "plugin", value_text(stuck->plugin));
        value_put_c(arena, &data, "flow", value_text(stuck->name));
        add_telling(care, "flow.stuck", data);
        log_error("flow", "nothing can wake a run run=%s plugin=" STR_FORMAT " flow=" STR_FORMAT,
                  id, STR_ARGS(stuck->plugin), STR_ARGS(stuck->name));
    }
}

static int64_t living(const struct care_plugin *plugin)
{
    return plugin->counts[FLOW_RUNNING] + plugin->counts[FLOW_WAITING] +
           plugin->counts[FLOW_BLOCKED];
}

/* A plugin that is being made anew has no runner for a moment: it is told when it has none at two
 * passes. */
static void tell_missing(struct flow_care *care)
{
    static char seen, told;
    struct arena *arena = &care->tell_arena;
    for (size_t i = 0; i < care->found->plugin_count; i++) {
        const struct care_plugin *plugin = &care->found->plugins[i];
        if (living(plugin) == 0 || flows_runs(care->options.flows, plugin->name)) {
            (void)map_remove(&care->missing, plugin->name);
            continue;
        }
        const char *before = map_get(&care->missing, plugin->name);
        (void)map_set(&care->missing, plugin->name, before == NULL ? &seen : &told);
        if (before != &seen) {
            continue;
        }
        struct value data = value_map_new();
        value_put_c(arena, &data, "plugin", value_text(plugin->name));
        value_put_c(arena, &data, "runs", value_int(living(plugin)));
        add_telling(care, "flow.plugin_missing", data);
        log_warn("flow", "runs wait for a plugin that does not run plugin=" STR_FORMAT " runs=%lld",
                 STR_ARGS(plugin->name), (long long)living(plugin));
    }
}

/* ---- the unit: tells, and drops ---- */

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct flow_care *care = CONTAINER_OF(unit, struct flow_care, unit);
    enum err err = OK;
    for (size_t i = 0; i < care->found->drop_count && err == OK; i++) {
        err = care_drop(tx, &care->found->drops[i], care->journal_before_ms, care->run_before_ms,
                        error);
    }
    for (size_t i = 0; i < care->tell.list.count && err == OK; i++) {
        const struct value *one = &care->tell.list.items[i];
        err = tx_emit(tx, value_get_text(one, "type", STR("")), value_get_c(one, "data"), error);
    }
    return err;
}

static void on_written(struct unit *unit)
{
    struct flow_care *care = CONTAINER_OF(unit, struct flow_care, unit);
    if (unit->err != OK) {
        log_warn("flow", "old runs cannot be dropped now code=%s error=\"%s\"", err_code(unit->err),
                 unit->error.detail);
    }
    unit_deinit(unit);
    care->writing = false;
    start_later(care);
}

static void write_found(struct flow_care *care)
{
    arena_reset(&care->tell_arena);
    care->tell = value_list_new();
    tell_stuck(care);
    tell_missing(care);
    if (care->tell.list.count == 0 && care->found->drop_count == 0) {
        start_later(care);
        return;
    }
    care->unit = (struct unit){.reply = loop_mailbox(care->options.loop),
                               .apply = apply,
                               .done = on_written,
                               .scope = flows_scope(care->options.flows),
                               .request = STR("flows")};
    care->writing = store_submit(care->options.store, &care->unit) == OK;
    if (!care->writing) {
        start_later(care);
    }
}

/* ---- the pass ---- */

static void run_pass(struct work *work, void *thread_context)
{
    struct flow_care *care = CONTAINER_OF(work, struct flow_care, work);
    struct env *env = env_real(); /* what it costs, not what time it is */
    int64_t from_ns = env->monotonic_ns(env);
    care->error = (struct error){0};
    if (thread_context == NULL) {
        care->err = error_set(&care->error, ERR_IO, "there is no connection");
        return;
    }
    care->err = care_pass(thread_context, care->next, care->journal_before_ms, care->run_before_ms,
                          &care->error);
    care->next->took_ms = (env->monotonic_ns(env) - from_ns) / 1000000;
}

static void on_passed(struct work *work)
{
    struct flow_care *care = CONTAINER_OF(work, struct flow_care, work);
    care->scanning = false;
    if (work->cancelled || care->err != OK) {
        if (!work->cancelled) {
            log_error("flow", "runs cannot be looked through code=%s error=\"%s\"",
                      err_code(care->err), care->error.detail);
        }
        found_free(care->next);
        care->next = NULL;
        start_later(care);
        return;
    }
    found_free(care->found);
    care->found = care->next;
    care->next = NULL;
    care->found->at_ms = loop_now_ms(care->options.loop);
    if (!care->closing) {
        write_found(care);
    }
}

static void on_time(struct timer *timer)
{
    struct flow_care *care = CONTAINER_OF(timer, struct flow_care, timer);
    int64_t now_ms = loop_now_ms(care->options.loop);
    care->journal_before_ms = now_ms - care->options.keep_journal_ms;
    care->run_before_ms = now_ms - care->options.keep_run_ms;
    care->next = mem_zalloc(sizeof(*care->next));
    arena_init(&care->next->arena);
    map_init(&care->next->by_name);
    care->work = (struct work){
        .reply = loop_mailbox(care->options.loop), .run = run_pass, .done = on_passed};
    care->scanning = lane_submit(care->lane, &care->work) == OK;
    if (!care->scanning) {
        found_free(care->next);
        care->next = NULL;
        start_later(care);
    }
}

/* ---- open and close ---- */

enum err flow_care_open(const struct flow_care_options *options, struct flow_care **out_care,
                        struct error *error)
{
    struct flow_care *care = mem_zalloc(sizeof(*care));
    struct lane_options lane = {.name = "flow-care",
                                .threads = 1,
                                .queue_max = 1,
                                .open = open_reader,
                                .close = close_reader,
                                .context = options->store};
    care->options = *options;
    map_init(&care->told);
    map_init(&care->missing);
    arena_init(&care->tell_arena);
    timer_init(&care->timer, options->loop, on_time);
    enum err err = lane_new(&lane, &care->lane, error);
    if (err != OK) {
        flow_care_close(care);
        return err;
    }
    start_later(care);
    *out_care = care;
    return OK;
}

void flow_care_close(struct flow_care *care)
{
    if (care == NULL) {
        return;
    }
    care->closing = true;
    timer_stop(&care->timer);
    lane_free(care->lane);
    while (care->scanning || care->writing) {
        loop_drain(care->options.loop, 10);
    }
    timer_deinit(&care->timer);
    found_free(care->found);
    found_free(care->next);
    map_deinit(&care->told);
    map_deinit(&care->missing);
    arena_deinit(&care->tell_arena);
    mem_free(care);
}
