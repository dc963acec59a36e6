/* Figures of plugins: counted by executors, read by whoever writes /metrics. Any thread. */
#ifndef PROXENOS_BIND_METRIC_H
#define PROXENOS_BIND_METRIC_H

#include "internal.h"

enum {
    METRIC_NAMES_MAX = 64,   /* of one plugin */
    METRIC_SERIES_MAX = 200, /* label sets of one name */
    METRIC_LABELS_MAX = 6,
    METRIC_WORD_MAX = 60,  /* bytes of a name, of a label's name */
    METRIC_VALUE_MAX = 80, /* bytes of a label's value */
};

enum metric_kind { METRIC_COUNT, METRIC_GAUGE, METRIC_TIME };

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics); /* NULL is fine */
/* labels: a map of text, numbers and truth values, or null. */
struct metric_fact {
    enum metric_kind kind;
    struct str plugin, name;
    const struct value *labels;
    double number;
};
/* ERR_INVALID for names that Prometheus does not know; ERR_LIMIT past a limit, when nothing was
 * noted. A figure keeps its kind. */
enum err metric_note(struct metrics *metrics, const struct metric_fact *fact,
                     struct error *error) MUST_CHECK;
void metrics_write(struct metrics *metrics, struct buf *out);

#endif
