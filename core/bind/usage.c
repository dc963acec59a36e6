/* What plugins use. Rows and times are counted as they happen; time, runs, kills and memory are the
 * states' own figures, kept here when a state ends. One lock, held to join, to leave and to read;
 * counting takes none. */
#include "usage.h"

/* Upper ends of the classes of a handler's time, in milliseconds; one more holds what is longer. */
static const int bounds_ms[BIND_USAGE_CLASSES - 1] = {1,   2,   5,    10,   20,   50,   100,
                                                      200, 500, 1000, 2000, 5000, 10000};

struct usage {
    char name[64];
    struct list hosts;       /* struct bind_host.by_usage, under the lock */
    struct lua_metrics past; /* of those that have left, under the lock */
    _Atomic uint64_t starts, rows_read, rows_written, handled, handled_ns;
    _Atomic uint64_t classes[BIND_USAGE_CLASSES];
};

struct usages {
    pthread_mutex_t lock;
    struct map by_name; /* struct usage */
};

struct usages *usages_new(void)
{
    struct usages *usages = mem_zalloc(sizeof(*usages));
    (void)pthread_mutex_init(&usages->lock, NULL);
    map_init(&usages->by_name);
    return usages;
}

void usages_free(struct usages *usages)
{
    struct str name;
    void *value = NULL;
    if (usages == NULL) {
        return;
    }
    for (size_t at = 0; map_next(&usages->by_name, &at, &name, &value);) {
        ASSERT(list_empty(&((struct usage *)value)->hosts));
        mem_free(value);
    }
    map_deinit(&usages->by_name);
    (void)pthread_mutex_destroy(&usages->lock);
    mem_free(usages);
}

/* ---- joining and leaving ---- */

static struct usage *find_or_add(struct usages *usages, struct str name)
{
    struct usage *usage = map_get(&usages->by_name, name);
    if (usage == NULL && usages->by_name.count >= USAGES_MAX) {
        name = STR("(others)");
        usage = map_get(&usages->by_name, name);
    }
    if (usage == NULL) {
        usage = mem_zalloc(sizeof(*usage));
        list_init(&usage->hosts);
        (void)snprintf(usage->name, sizeof(usage->name), STR_FORMAT,
                       STR_ARGS(str_sub(name, 0, sizeof(usage->name) - 1)));
        (void)map_set(&usages->by_name, str_from(usage->name), usage);
    }
    return usage;
}

void usage_join(struct usages *usages, struct bind_host *host)
{
    (void)pthread_mutex_lock(&usages->lock);
    host->usage = find_or_add(usages, str_from(host->name));
    list_push(&host->usage->hosts, &host->by_usage);
    (void)pthread_mutex_unlock(&usages->lock);
}

static void add(struct lua_metrics *sum, const struct lua_metrics *one)
{
    sum->run_ns += one->run_ns;
    sum->runs += one->runs;
    sum->kills += one->kills;
    sum->memory_bytes += one->memory_bytes;
    sum->waiting += one->waiting;
    sum->memory_peak_bytes = MAX(sum->memory_peak_bytes, one->memory_peak_bytes);
}

void usage_leave(struct usages *usages, struct bind_host *host)
{
    struct lua_metrics last;
    lua_host_metrics(host->lua, &last);
    last.memory_bytes = last.waiting = 0;
    (void)pthread_mutex_lock(&usages->lock);
    add(&host->usage->past, &last);
    list_remove(&host->by_usage);
    (void)pthread_mutex_unlock(&usages->lock);
}

/* ---- counting ---- */

static void raise_by(_Atomic uint64_t *figure, uint64_t by)
{
    (void)atomic_fetch_add_explicit(figure, by, memory_order_relaxed);
}

void usage_started(struct bind_host *host)
{
    raise_by(&host->usage->starts, 1);
}

void usage_read(const struct call *call, size_t rows)
{
    raise_by(&call->host->usage->rows_read, rows);
}

void usage_wrote(const struct bind_host *host, size_t rows)
{
    raise_by(&host->usage->rows_written, rows);
}

static int64_t now_ns(const struct call *call)
{
    struct env *env = lua_host_env(call->host->lua);
    return env->monotonic_ns(env);
}

void usage_begin(struct call *call)
{
    call->began_ns = now_ns(call);
}

void usage_end(const struct call *call)
{
    struct usage *usage = call->host->usage;
    int64_t took_ns = MAX(now_ns(call) - call->began_ns, 0);
    int class = 0;
    while (class < BIND_USAGE_CLASSES - 1 && took_ns > (int64_t)bounds_ms[class] * 1000000) {
        class ++;
    }
    raise_by(&usage->handled, 1);
    raise_by(&usage->handled_ns, (uint64_t)took_ns);
    raise_by(&usage->classes[class], 1);
}

/* ---- reading; under the lock ---- */

static void get(struct usage *usage, struct bind_usage *out)
{
    *out = (struct bind_usage){.lua = usage->past,
                               .starts = atomic_load(&usage->starts),
                               .rows_read = atomic_load(&usage->rows_read),
                               .rows_written = atomic_load(&usage->rows_written),
                               .handled = atomic_load(&usage->handled),
                               .handled_ns = atomic_load(&usage->handled_ns)};
    for (int i = 0; i < BIND_USAGE_CLASSES; i++) {
        out->classes[i] = atomic_load(&usage->classes[i]);
    }
    list_foreach (node, &usage->hosts) {
        struct lua_metrics live;
        lua_host_metrics(CONTAINER_OF(node, struct bind_host, by_usage)->lua, &live);
        add(&out->lua, &live);
    }
}

void usages_get(struct usages *usages, struct str name, struct bind_usage *out_usage)
{
    (void)pthread_mutex_lock(&usages->lock);
    struct usage *usage = map_get(&usages->by_name, name);
    if (usage != NULL) {
        get(usage, out_usage);
    } else {
        *out_usage = (struct bind_usage){.starts = 0};
    }
    (void)pthread_mutex_unlock(&usages->lock);
}

double bind_usage_quantile_ms(const struct bind_usage *usage, double part)
{
    uint64_t total = 0, seen = 0;
    for (int i = 0; i < BIND_USAGE_CLASSES; i++) {
        total += usage->classes[i];
    }
    for (int i = 0; i < BIND_USAGE_CLASSES - 1 && total > 0; i++) {
        seen += usage->classes[i];
        if ((double)seen >= part * (double)total) {
            return bounds_ms[i];
        }
    }
    return total > 0 ? bounds_ms[BIND_USAGE_CLASSES - 2] : 0;
}

/* ---- for Prometheus ---- */

enum figure {
    FIGURE_CPU,
    FIGURE_MEMORY,
    FIGURE_PEAK,
    FIGURE_RUNS,
    FIGURE_KILLS,
    FIGURE_STARTS,
    FIGURE_READ,
    FIGURE_WRITTEN,
    FIGURE_COUNT
};

static const char *const figures[FIGURE_COUNT][3] = {
    [FIGURE_CPU] = {"cpu_seconds_total", "counter", "Processor time of its Lua."},
    [FIGURE_MEMORY] = {"memory_bytes", "gauge", "Memory of its states now."},
    [FIGURE_PEAK] = {"memory_peak_bytes", "gauge", "The most that one of its states had."},
    [FIGURE_RUNS] = {"runs_total", "counter", "Times that Lua was begun."},
    [FIGURE_KILLS] = {"kills_total", "counter", "Times that it was ended by force."},
    [FIGURE_STARTS] = {"starts_total", "counter",
                       "States begun: at the start, by reloads and after kills."},
    [FIGURE_READ] = {"rows_read_total", "counter", "Records that it was given."},
    [FIGURE_WRITTEN] = {"rows_written_total", "counter", "Records that it wrote."},
};

static double value_of(enum figure figure, const struct bind_usage *usage)
{
    switch (figure) {
    case FIGURE_CPU:
        return (double)usage->lua.run_ns / 1e9;
    case FIGURE_MEMORY:
        return (double)usage->lua.memory_bytes;
    case FIGURE_PEAK:
        return (double)usage->lua.memory_peak_bytes;
    case FIGURE_RUNS:
        return (double)usage->lua.runs;
    case FIGURE_KILLS:
        return (double)usage->lua.kills;
    case FIGURE_STARTS:
        return (double)usage->starts;
    case FIGURE_READ:
        return (double)usage->rows_read;
    case FIGURE_WRITTEN:
        return (double)usage->rows_written;
    case FIGURE_COUNT:
        break;
    }
    return 0;
}

/* A histogram, each class with those below it. */
static void write_times(struct buf *out, const char *name, const struct bind_usage *usage)
{
    uint64_t below = 0;
    for (int i = 0; i < BIND_USAGE_CLASSES; i++) {
        below += usage->classes[i];
        buf_printf(out, "proxenos_plugins_handler_seconds_bucket{plugin=\"%s\",le=\"", name);
        if (i < BIND_USAGE_CLASSES - 1) {
            buf_printf(out, "%g\"} %llu\n", bounds_ms[i] / 1000.0, (unsigned long long)below);
        } else {
            buf_printf(out, "+Inf\"} %llu\n", (unsigned long long)below);
        }
    }
    buf_printf(out,
               "proxenos_plugins_handler_seconds_sum{plugin=\"%s\"} %.17g\n"
               "proxenos_plugins_handler_seconds_count{plugin=\"%s\"} %llu\n",
               name, (double)usage->handled_ns / 1e9, name, (unsigned long long)below);
}

void usages_write(struct usages *usages, struct buf *out)
{
    struct str name;
    void *value = NULL;
    struct bind_usage usage;
    (void)pthread_mutex_lock(&usages->lock);
    for (int figure = 0; figure < FIGURE_COUNT; figure++) {
        const char *const *about = figures[figure];
        buf_printf(out, "# HELP proxenos_plugins_%s %s\n# TYPE proxenos_plugins_%s %s\n", about[0],
                   about[2], about[0], about[1]);
        for (size_t at = 0; map_next(&usages->by_name, &at, &name, &value);) {
            get(value, &usage);
            buf_printf(out, "proxenos_plugins_%s{plugin=\"%s\"} %.17g\n", about[0],
                       ((struct usage *)value)->name, value_of((enum figure)figure, &usage));
        }
    }
    buf_append_str(out, STR("# HELP proxenos_plugins_handler_seconds Time of its handlers, routes, "
                            "hooks and the rest, from their start to their end.\n"
                            "# TYPE proxenos_plugins_handler_seconds histogram\n"));
    for (size_t at = 0; map_next(&usages->by_name, &at, &name, &value);) {
        get(value, &usage);
        write_times(out, ((struct usage *)value)->name, &usage);
    }
    (void)pthread_mutex_unlock(&usages->lock);
}
