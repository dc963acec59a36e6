/* An edition's way out: px.stop, the calls that are still under way, the end of its state. What
 * takes its place runs already; nothing waits for it but the end of the service. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

enum { STOP_MS = 5000, DRAIN_MS = 5000, LOOK_MS = 5 };

struct retiring {
    struct series stop;
    struct arena arena;
    struct edition *edition;
};

static void on_closed(void *context)
{
    struct edition *edition = context;
    struct plugins *plugins = edition->plugin->plugins;
    edition->host = NULL;
    list_remove(&edition->retiring);
    timer_deinit(&edition->timer);
    plugins->all_retired = list_empty(&plugins->retiring);
    if (edition->plugin->temporary) {
        plugin_free(edition->plugin);
    } else if (edition->plugin->edition != edition) {
        edition_free(edition);
    }
}

static void close_host(struct edition *edition)
{
    if (edition->host == NULL) {
        on_closed(edition);
        return;
    }
    bind_host_close(edition->host, on_closed, edition);
}

/* Routes, commands and hooks that were begun end first; past DRAIN_MS they are cancelled. */
static void on_look(struct timer *timer)
{
    enum { LOOKS_MAX = DRAIN_MS / LOOK_MS };
    struct edition *edition = CONTAINER_OF(timer, struct edition, timer);
    bool busy = edition->host != NULL && bind_host_busy(edition->host) > 0;
    if (busy && edition->looks++ < LOOKS_MAX && !edition->plugin->plugins->stopping) {
        timer_start(timer, LOOK_MS);
        return;
    }
    close_host(edition);
}

static void drain(struct edition *edition)
{
    timer_init_real(&edition->timer, edition->plugin->plugins->options.loop, on_look);
    timer_start(&edition->timer, 0);
}

static void on_stopped(struct series *series)
{
    struct retiring *retiring = CONTAINER_OF(series, struct retiring, stop);
    struct edition *edition = retiring->edition;
    if (series->err != OK) {
        log_warn("plugin", "px.stop failed plugin=%s code=%s error=\"%s\"", edition->plugin->name,
                 err_code(series->err), series->error.detail);
    }
    arena_deinit(&retiring->arena);
    mem_free(retiring);
    drain(edition);
}

void edition_retire(struct edition *edition)
{
    struct plugins *plugins = edition->plugin->plugins;
    ASSERT(!list_node_linked(&edition->retiring));
    list_push(&plugins->retiring, &edition->retiring);
    plugins->all_retired = false;
    if (edition->host != NULL) {
        bind_host_pause_flows(edition->host);
    }
    bool started = edition->started;
    edition->started = false;
    if (!started || edition->host == NULL || bind_host_suspended(edition->host)) {
        drain(edition);
        return;
    }
    struct retiring *retiring = mem_zalloc(sizeof(*retiring));
    retiring->edition = edition;
    arena_init(&retiring->arena);
    retiring->stop = (struct series){.edition = edition,
                                     .kind = BIND_STOP,
                                     .most_ms = STOP_MS,
                                     .arena = &retiring->arena,
                                     .done = on_stopped};
    series_run(&retiring->stop);
}
