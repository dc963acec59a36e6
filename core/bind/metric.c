/* The register of plugins' figures. It outlives the plugins' states, so that a counter does not
 * start anew with each reload; a name keeps its kind. One lock, held for a look-up. */
#include "metric.h"

#include <pthread.h>

struct series {
    double number;
    uint64_t count;
};

struct family {
    enum metric_kind kind;
    struct map series; /* label text → struct series */
};

struct metrics {
    pthread_mutex_t lock;
    struct map families;   /* "plugin\nname" → struct family */
    struct map per_plugin; /* plugin → how many names, as a pointer */
    uint64_t dropped;
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = mem_zalloc(sizeof(*metrics));
    (void)pthread_mutex_init(&metrics->lock, NULL);
    map_init(&metrics->families);
    map_init(&metrics->per_plugin);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    struct str key;
    void *value = NULL;
    for (size_t at = 0; map_next(&metrics->families, &at, &key, &value);) {
        struct family *family = value;
        for (size_t i = 0; map_next(&family->series, &i, &key, &value);) {
            mem_free(value);
        }
        map_deinit(&family->series);
        mem_free(family);
    }
    map_deinit(&metrics->families);
    map_deinit(&metrics->per_plugin);
    (void)pthread_mutex_destroy(&metrics->lock);
    mem_free(metrics);
}

/* ---- names and labels ---- */

static bool word_valid(struct str word)
{
    bool valid =
        word.len > 0 && word.len <= METRIC_WORD_MAX && word.at[0] >= 'a' && word.at[0] <= 'z';
    for (size_t i = 1; valid && i < word.len; i++) {
        char c = word.at[i];
        valid = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return valid;
}

static void write_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\\' || c == '"') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, (char)((unsigned char)c < 0x20 ? ' ' : c));
    }
}

static enum err write_label(struct buf *out, const struct value_entry *entry, struct error *error)
{
    const struct value *value = &entry->value;
    if (!word_valid(entry->key) || str_is(entry->key, "plugin")) {
        return error_set(error, ERR_INVALID,
                         "a label's name is small letters, digits and _, and not \"plugin\"");
    }
    buf_printf(out, "," STR_FORMAT "=\"", STR_ARGS(entry->key));
    if (value->kind == VALUE_TEXT && value->text.len <= METRIC_VALUE_MAX) {
        write_escaped(out, value->text);
    } else if (value->kind == VALUE_INT) {
        buf_printf(out, "%lld", (long long)value->integer);
    } else if (value->kind == VALUE_BOOL) {
        buf_append_str(out, value->boolean ? STR("true") : STR("false"));
    } else {
        return error_set(error, ERR_INVALID,
                         "the label " STR_FORMAT
                         " is a text of at most %d bytes, a whole number or "
                         "a truth value",
                         STR_ARGS(entry->key), METRIC_VALUE_MAX);
    }
    buf_append_char(out, '"');
    return OK;
}

static enum err write_labels(struct buf *out, const struct value *labels, struct error *error)
{
    size_t count = labels->kind == VALUE_MAP ? labels->map.count : 0;
    if (labels->kind != VALUE_MAP && labels->kind != VALUE_NULL) {
        return error_set(error, ERR_INVALID, "labels are a table of name and value");
    }
    if (count > METRIC_LABELS_MAX) {
        return error_set(error, ERR_LIMIT, "a figure has at most %d labels", METRIC_LABELS_MAX);
    }
    enum err err = OK;
    for (size_t i = 0; err == OK && i < count; i++) {
        err = write_label(out, &labels->map.entries[i], error);
    }
    return err;
}

/* ---- noting, under the lock ---- */

/* NULL with *error when there is none and may be none. */
static struct family *find_family(struct metrics *metrics, const struct metric_fact *fact,
                                  struct error *error)
{
    char text[200];
    (void)snprintf(text, sizeof(text), STR_FORMAT "\n" STR_FORMAT, STR_ARGS(fact->plugin),
                   STR_ARGS(fact->name));
    struct str key = str_from(text);
    struct family *family = map_get(&metrics->families, key);
    if (family != NULL && family->kind != fact->kind) {
        (void)error_set(error, ERR_INVALID,
                        "the figure " STR_FORMAT " is of another kind: count, gauge and time "
                        "need names of their own",
                        STR_ARGS(fact->name));
        return NULL;
    }
    if (family != NULL) {
        return family;
    }
    uintptr_t names = (uintptr_t)map_get(&metrics->per_plugin, fact->plugin);
    if (names >= METRIC_NAMES_MAX) {
        (void)error_set(error, ERR_LIMIT, "a plugin has at most %d figures; use labels",
                        METRIC_NAMES_MAX);
        return NULL;
    }
    family = mem_zalloc(sizeof(*family));
    family->kind = fact->kind;
    map_init(&family->series);
    (void)map_set(&metrics->families, key, family);
    (void)map_set(&metrics->per_plugin, fact->plugin,
                  (void *)(names + 1)); // NOLINT(performance-no-int-to-ptr)
    return family;
}

static enum err note(struct metrics *metrics, const struct metric_fact *fact, struct str labels,
                     struct error *error)
{
    struct family *family = find_family(metrics, fact, error);
    if (family == NULL) {
        return error->err;
    }
    struct series *series = map_get(&family->series, labels);
    if (series == NULL) {
        if (family->series.count >= METRIC_SERIES_MAX) {
            return error_set(error, ERR_LIMIT,
                             "the figure " STR_FORMAT " has %d sets of labels already; a label is "
                             "for what has few values",
                             STR_ARGS(fact->name), METRIC_SERIES_MAX);
        }
        series = mem_zalloc(sizeof(*series));
        (void)map_set(&family->series, labels, series);
    }
    series->number = fact->kind == METRIC_GAUGE ? fact->number : series->number + fact->number;
    series->count++;
    return OK;
}

enum err metric_note(struct metrics *metrics, const struct metric_fact *fact, struct error *error)
{
    struct buf text;
    if (!word_valid(fact->name)) {
        return error_set(error, ERR_INVALID,
                         "the name of a figure is at most %d small letters, digits and _",
                         METRIC_WORD_MAX);
    }
    buf_init(&text);
    enum err err = write_labels(&text, fact->labels, error);
    if (err == OK) {
        (void)pthread_mutex_lock(&metrics->lock);
        err = note(metrics, fact, buf_str(&text), error);
        metrics->dropped += err == ERR_LIMIT ? 1 : 0;
        (void)pthread_mutex_unlock(&metrics->lock);
    }
    buf_deinit(&text);
    return err;
}

/* ---- writing ---- */

static void write_series(struct buf *out, const char *base, const char *ending, struct str plugin,
                         struct str labels, double number)
{
    buf_printf(out, "%s%s{plugin=\"" STR_FORMAT "\"" STR_FORMAT "} %.17g\n", base, ending,
               STR_ARGS(plugin), STR_ARGS(labels), number);
}

static void write_family(struct buf *out, struct str key, const struct family *family)
{
    static const char *const kinds[] = {
        [METRIC_COUNT] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_TIME] = "summary"};
    static const char *const endings[] = {
        [METRIC_COUNT] = "_total", [METRIC_GAUGE] = "", [METRIC_TIME] = "_seconds"};
    char base[240];
    struct str labels, rest = key, plugin = STR("");
    void *value = NULL;
    (void)str_split(&rest, '\n', &plugin);
    (void)snprintf(base, sizeof(base), "proxenos_plugin_" STR_FORMAT "_" STR_FORMAT "%s",
                   STR_ARGS(plugin), STR_ARGS(rest), endings[family->kind]);
    buf_printf(out, "# HELP %s A figure of the plugin " STR_FORMAT ".\n# TYPE %s %s\n", base,
               STR_ARGS(plugin), base, kinds[family->kind]);
    for (size_t at = 0; map_next(&family->series, &at, &labels, &value);) {
        const struct series *series = value;
        if (family->kind == METRIC_TIME) {
            write_series(out, base, "_sum", plugin, labels, series->number);
            write_series(out, base, "_count", plugin, labels, (double)series->count);
        } else {
            write_series(out, base, "", plugin, labels, series->number);
        }
    }
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
    struct str key;
    void *value = NULL;
    (void)pthread_mutex_lock(&metrics->lock);
    for (size_t at = 0; map_next(&metrics->families, &at, &key, &value);) {
        write_family(out, key, value);
    }
    buf_printf(out,
               "# HELP proxenos_plugin_figures_dropped_total Figures of plugins past a limit.\n"
               "# TYPE proxenos_plugin_figures_dropped_total counter\n"
               "proxenos_plugin_figures_dropped_total %llu\n",
               (unsigned long long)metrics->dropped);
    (void)pthread_mutex_unlock(&metrics->lock);
}
