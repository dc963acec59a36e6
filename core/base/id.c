/* Ids: milliseconds since 2020 in front, so that they sort by time; the node, so that two services
 * never mint the same; a counter. One atomic per process keeps them rising when the clock does not.
 * Any thread. */
#include "proxenos/base_env.h"

#include <stdatomic.h>

enum { COUNTER_BITS = 12, NODE_BITS = 10, TIME_SHIFT = COUNTER_BITS + NODE_BITS };

static const int64_t epoch_ms = 1577836800000; /* 2020-01-01T00:00Z */
static const uint64_t counter_mask = ((uint64_t)1 << COUNTER_BITS) - 1;

struct ids {
    struct env *env;
    uint64_t node_bits;
    _Atomic uint64_t last;
};

struct ids *ids_new(struct env *env, unsigned node)
{
    ASSERT(node < 1u << NODE_BITS);
    struct ids *ids = mem_zalloc(sizeof(*ids));
    ids->env = env;
    ids->node_bits = (uint64_t)node << COUNTER_BITS;
    return ids;
}

void ids_free(struct ids *ids)
{
    mem_free(ids);
}

/* The lowest id of this node above `last`: the counter runs over into the next millisecond, never
 * into another node. */
static uint64_t above(uint64_t last, uint64_t node_bits)
{
    uint64_t time = last >> TIME_SHIFT;
    uint64_t first = time << TIME_SHIFT | node_bits;
    if (last < first) {
        return first;
    }
    if (last < (first | counter_mask)) {
        return last + 1;
    }
    return (time + 1) << TIME_SHIFT | node_bits;
}

int64_t ids_next(struct ids *ids)
{
    int64_t now_ms = ids->env->now_ms(ids->env) - epoch_ms;
    uint64_t now = (uint64_t)MAX(now_ms, 0) << TIME_SHIFT | ids->node_bits;
    uint64_t last = atomic_load_explicit(&ids->last, memory_order_relaxed);
    uint64_t next;
    do {
        next = now > last ? now : above(last, ids->node_bits);
    } while (!atomic_compare_exchange_weak_explicit(&ids->last, &last, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return (int64_t)next;
}

void ids_seen(struct ids *ids, int64_t id)
{
    uint64_t seen = (uint64_t)id;
    uint64_t last = atomic_load_explicit(&ids->last, memory_order_relaxed);
    while (last < seen &&
           !atomic_compare_exchange_weak_explicit(&ids->last, &last, seen, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void ids_seen_until(struct ids *ids, int64_t ms)
{
    if (ms >= epoch_ms) {
        ids_seen(ids, (int64_t)(((uint64_t)(ms - epoch_ms + 1) << TIME_SHIFT) - 1));
    }
}

/* ---- text ---- */

/* Crockford's: no i l o u. */
static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

void id_format(int64_t id, char out[ID_TEXT_LEN + 1])
{
    uint64_t bits = (uint64_t)id;
    for (size_t i = ID_TEXT_LEN; i > 0; i--) {
        out[i - 1] = letters[bits & 31];
        bits >>= 5;
    }
    out[ID_TEXT_LEN] = '\0';
}

enum err id_parse(struct str text, int64_t *out_id)
{
    if (text.len != ID_TEXT_LEN) {
        return ERR_TYPE;
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < ID_TEXT_LEN; i++) {
        const char *letter = text.at[i] == '\0' ? NULL : strchr(letters, text.at[i]);
        /* 13 characters carry 65 bits: the first one must leave the 65th alone. */
        if (letter == NULL || (i == 0 && letter - letters > 15)) {
            return ERR_TYPE;
        }
        bits = bits << 5 | (uint64_t)(letter - letters);
    }
    *out_id = (int64_t)bits;
    return OK;
}

int64_t id_time_ms(int64_t id)
{
    return (int64_t)((uint64_t)id >> TIME_SHIFT) + epoch_ms;
}
