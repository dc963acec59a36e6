/* "Did you mean …": edit distance and the nearest of some candidates. Any thread. */
#include "proxenos/base_text.h"

enum { DISTANCE_MAX = 64 };

struct points {
    uint32_t *at;
    size_t count;
};

static struct points points_of(struct str text)
{
    struct points points = {mem_alloc((text.len + 1) * sizeof(uint32_t)), 0};
    uint32_t c;
    for (size_t position = 0; utf8_next(text, &position, &c);) {
        points.at[points.count++] = c;
    }
    return points;
}

/* Three rows of the table are enough; a cell counts edits, DISTANCE_MAX standing for "many". */
struct rows {
    uint8_t *before, *previous, *current;
};

static uint8_t cell(const struct points *a, const struct points *b, const struct rows *rows,
                    size_t i, size_t j)
{
    bool same = a->at[i - 1] == b->at[j - 1];
    int best = rows->previous[j - 1] + (same ? 0 : 1);
    best = MIN(best, rows->previous[j] + 1);
    best = MIN(best, rows->current[j - 1] + 1);
    if (i > 1 && j > 1 && a->at[i - 1] == b->at[j - 2] && a->at[i - 2] == b->at[j - 1]) {
        best = MIN(best, rows->before[j - 2] + 1);
    }
    return (uint8_t)MIN(best, DISTANCE_MAX);
}

/* Cells further than DISTANCE_MAX from the diagonal cannot matter and stay "many". */
static uint8_t fill_row(const struct points *a, const struct points *b, const struct rows *rows,
                        size_t i)
{
    size_t from = i > DISTANCE_MAX ? i - DISTANCE_MAX : 1;
    size_t to = MIN(b->count, i + DISTANCE_MAX);
    uint8_t least = DISTANCE_MAX;
    memset(rows->current, DISTANCE_MAX, b->count + 1);
    if (i < DISTANCE_MAX) {
        rows->current[0] = (uint8_t)i;
        least = (uint8_t)i;
    }
    for (size_t j = from; j <= to; j++) {
        rows->current[j] = cell(a, b, rows, i, j);
        least = MIN(least, rows->current[j]);
    }
    return least;
}

static size_t points_distance(const struct points *a, const struct points *b)
{
    size_t longer = MAX(a->count, b->count);
    if (longer - MIN(a->count, b->count) >= DISTANCE_MAX) {
        return DISTANCE_MAX;
    }
    size_t width = b->count + 1;
    uint8_t *memory = mem_alloc(3 * width);
    struct rows rows = {memory, memory + width, memory + 2 * width};
    memset(memory, DISTANCE_MAX, 3 * width);
    for (size_t j = 0; j < width && j < DISTANCE_MAX; j++) {
        rows.previous[j] = (uint8_t)j;
    }
    uint8_t least = 0;
    for (size_t i = 1; i <= a->count && least < DISTANCE_MAX; i++) {
        least = fill_row(a, b, &rows, i);
        uint8_t *reused = rows.before;
        rows.before = rows.previous;
        rows.previous = rows.current;
        rows.current = reused;
    }
    size_t distance = least < DISTANCE_MAX ? rows.previous[b->count] : DISTANCE_MAX;
    mem_free(memory);
    return distance;
}

size_t text_distance(struct str a, struct str b)
{
    struct points left = points_of(a);
    struct points right = points_of(b);
    size_t distance = points_distance(&left, &right);
    mem_free(left.at);
    mem_free(right.at);
    return distance;
}

struct str text_nearest(struct str text, const struct str *candidates, size_t count)
{
    struct buf folded;
    struct buf other;
    buf_init(&folded);
    buf_init(&other);
    text_fold(&folded, text);
    size_t len = utf8_count(buf_str(&folded));
    size_t near = MAX((size_t)2, len / 3);
    struct str nearest = STR("");
    /* As many edits as the text has characters would make anything of it. */
    size_t best = MIN(near + 1, len);
    for (size_t i = 0; i < count; i++) {
        buf_reset(&other);
        text_fold(&other, candidates[i]);
        size_t distance = text_distance(buf_str(&folded), buf_str(&other));
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    buf_deinit(&folded);
    buf_deinit(&other);
    return nearest;
}
