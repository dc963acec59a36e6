/* Histories: a run with its journal as JSON, to be kept beside the tests of a plugin and gone
 * through again with newer code. Nothing of a value is lost on the way. Part of the flow module.
 *
 *   { "format": "proxenos-flow-history-1", "plugin", "version", "bundle", "flow", "run", "key",
 *     "generation", "state", "started_ms", "input": VALUE, "outcome": RESULT or null,
 *     "pages": [ { "number", "at_ms", "cut",
 *       "arrivals": [ { "kind": "result" | "signal" | "cancel", "seq", "name", RESULT } ],
 *       "commands": [ { "kind", "name", "input": VALUE, "place", "due_ms",
 *                       "result": { RESULT } } ] } ],
 *     "lines": { "main.lua:12": the code there } }
 *   RESULT is "failed": boolean, "data": VALUE.
 *
 * VALUE is JSON as it is: an integer has no point, a real number has a point or an exponent. What
 * JSON has no word for is an object of one member: {"$id": "0abc1def2gh3j"},
 * {"$time": "2027-03-31T10:00:00.000Z"}, {"$date": "2027-03-31"}, {"$decimal": "12.50"},
 * {"$money": [1250, "EUR"]} in minor units, {"$bytes": hex},
 * {"$real": "nan" | "inf" | "-inf"}, {"$packed": hex} the canonical bytes of a value that is too
 * deep or has keys with a dollar, {"$hash": hex} a large input that is known by its hash alone. */
#ifndef PROXENOS_FLOW_HISTORY_H
#define PROXENOS_FLOW_HISTORY_H

#include "proxenos/flow.h"

enum {
    FLOW_HISTORY_BYTES_MAX = 64 << 20, /* of a file that is read */
    FLOW_HISTORY_DEPTH_MAX = 40,       /* deeper values are packed */
    FLOW_HISTORY_KEYS_MAX = 1000,      /* maps with more are packed */
};
#define FLOW_HISTORY_FORMAT "proxenos-flow-history-1"

/* A large value that its hash stands for. */
struct flow_blob {
    struct str hash, bytes;
};
struct flow_history {
    struct flow_run run; /* without bundle, actor, log, since and parent */
    struct str version;  /* of the plugin whose code it started with; may be empty */
    struct flow_page *pages;
    size_t page_count;
    struct flow_blob *blobs;
    size_t blob_count;
    struct value lines; /* of the code, by place; null in what was written without them */
};

/* A value as it stands in a history, and back. Pure; live in arena, or borrow from what is given.
 * ERR_INVALID for a member with a dollar that means nothing. */
struct value flow_plain(struct arena *arena, const struct value *value);
enum err flow_unplain(struct arena *arena, const struct value *plain, struct value *out_value,
                      struct error *error) MUST_CHECK;

/* The run's whole history as a map. Any thread with a reader. */
enum err flow_history_write(struct reader *reader, const struct flow_run *run, struct arena *arena,
                            struct value *out_map, struct error *error) MUST_CHECK;
/* From its text; all in arena. ERR_INVALID with the path of what is wrong, ERR_JSON, ERR_LIMIT. */
enum err flow_history_read(struct arena *arena, struct str text, struct flow_history *out_history,
                           struct error *error) MUST_CHECK;

#endif
