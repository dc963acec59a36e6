/* How many runs there are. Whoever owns the reader. */
#include "internal.h"

#include "proxenos/flow_operate.h"

static enum err on_count(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    int64_t *counts = context;
    int64_t state = columns[0].integer;
    if (state < 0 || state >= FLOW_STATE_COUNT) {
        return error_set(error, ERR_CORRUPT, "a run is in a state that there is not");
    }
    counts[state] = columns[1].integer;
    return OK;
}

enum err flow_runs_needing(struct reader *reader, struct str plugin,
                           int64_t out_counts[FLOW_STATE_COUNT], struct error *error)
{
    struct value binds[] = {value_text(plugin), value_int(FLOW_NEEDING_MAX)};
    memset(out_counts, 0, sizeof(*out_counts) * FLOW_STATE_COUNT);
    return FLOW_READ(reader, FLOW_RUN_NEEDING, binds, on_count, out_counts, error);
}
