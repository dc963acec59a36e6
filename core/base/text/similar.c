/* Likeness of texts, dates and numbers (base_similar.h). Everything lies on the stack: a scan for
 * duplicates asks millions of times. Pure; any thread. */
#include "proxenos/base_similar.h"

#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

struct characters {
    uint32_t at[SIMILAR_CHARACTERS_MAX];
    size_t count;
};

static void characters_of(struct str text, struct characters *out)
{
    uint32_t c;
    out->count = 0;
    for (size_t at = 0; out->count < SIMILAR_CHARACTERS_MAX && utf8_next(text, &at, &c);) {
        out->at[out->count++] = c;
    }
}

/* ---- Jaro-Winkler ---- */

enum { PREFIX_MAX = 4 };
static const double PREFIX_WEIGHT = 0.1;

/* Marks the first free character of b like a's i-th, near its place. */
static bool mark_one(const struct characters *a, size_t i, const struct characters *b,
                     size_t window, bool *in_b)
{
    size_t from = i > window ? i - window : 0;
    size_t to = MIN(b->count, i + window + 1);
    for (size_t k = from; k < to; k++) {
        if (!in_b[k] && a->at[i] == b->at[k]) {
            return in_b[k] = true;
        }
    }
    return false;
}

/* Marks the characters that both have near the same place; how many. */
static size_t mark_common(const struct characters *a, const struct characters *b, bool *in_a,
                          bool *in_b)
{
    size_t longer = MAX(a->count, b->count);
    size_t window = longer / 2 > 1 ? longer / 2 - 1 : 0;
    size_t common = 0;
    for (size_t i = 0; i < a->count; i++) {
        in_a[i] = mark_one(a, i, b, window, in_b);
        common += in_a[i] ? 1 : 0;
    }
    return common;
}

static size_t count_exchanged(const struct characters *a, const struct characters *b,
                              const bool *in_a, const bool *in_b)
{
    size_t exchanged = 0;
    size_t k = 0;
    for (size_t i = 0; i < a->count; i++) {
        if (!in_a[i]) {
            continue;
        }
        while (!in_b[k]) {
            k++;
        }
        exchanged += a->at[i] != b->at[k] ? 1 : 0;
        k++;
    }
    return exchanged / 2;
}

double similar_name(struct str a, struct str b)
{
    struct characters left, right;
    bool in_left[SIMILAR_CHARACTERS_MAX] = {false};
    bool in_right[SIMILAR_CHARACTERS_MAX] = {false};
    if (str_eq(a, b)) {
        return 1;
    }
    characters_of(a, &left);
    characters_of(b, &right);
    size_t common = mark_common(&left, &right, in_left, in_right);
    if (common == 0) {
        return 0;
    }
    double m = (double)common;
    double moved = (double)count_exchanged(&left, &right, in_left, in_right);
    double jaro = (m / (double)left.count + m / (double)right.count + (m - moved) / m) / 3;
    size_t prefix = 0;
    size_t prefix_max = MIN((size_t)PREFIX_MAX, MIN(left.count, right.count));
    while (prefix < prefix_max && left.at[prefix] == right.at[prefix]) {
        prefix++;
    }
    return jaro + (double)prefix * PREFIX_WEIGHT * (1 - jaro);
}

/* ---- edits ---- */

/* Three rows of the table are enough. */
struct rows {
    uint8_t *before, *previous, *current;
};

static uint8_t cell(const struct characters *a, const struct characters *b, const struct rows *rows,
                    size_t i, size_t k)
{
    int best = rows->previous[k - 1] + (a->at[i - 1] == b->at[k - 1] ? 0 : 1);
    best = MIN(best, rows->previous[k] + 1);
    best = MIN(best, rows->current[k - 1] + 1);
    if (i > 1 && k > 1 && a->at[i - 1] == b->at[k - 2] && a->at[i - 2] == b->at[k - 1]) {
        best = MIN(best, rows->before[k - 2] + 1);
    }
    return (uint8_t)best;
}

static size_t edits(const struct characters *a, const struct characters *b)
{
    uint8_t memory[3][SIMILAR_CHARACTERS_MAX + 1];
    struct rows rows = {memory[0], memory[1], memory[2]};
    for (size_t k = 0; k <= b->count; k++) {
        rows.before[k] = rows.previous[k] = (uint8_t)k;
    }
    for (size_t i = 1; i <= a->count; i++) {
        rows.current[0] = (uint8_t)i;
        for (size_t k = 1; k <= b->count; k++) {
            rows.current[k] = cell(a, b, &rows, i, k);
        }
        uint8_t *reused = rows.before;
        rows.before = rows.previous;
        rows.previous = rows.current;
        rows.current = reused;
    }
    return rows.previous[b->count];
}

double similar_edit(struct str a, struct str b)
{
    struct characters left, right;
    if (str_eq(a, b)) {
        return 1;
    }
    characters_of(a, &left);
    characters_of(b, &right);
    size_t longer = MAX(left.count, right.count);
    return longer == 0 ? 0 : 1 - (double)edits(&left, &right) / (double)longer;
}

/* ---- words ---- */

enum { WORDS_MAX = 16 };

static size_t words_of(struct str text, struct str words[WORDS_MAX])
{
    size_t count = 0;
    struct str word;
    while (count < WORDS_MAX && str_split(&text, ' ', &word)) {
        if (word.len > 0) {
            words[count++] = word;
        }
    }
    return count;
}

/* The most alike of the pairs that are left; both leave. */
static double take_pair(const double *alike, bool *left_taken, size_t left_count, bool *right_taken,
                        size_t right_count)
{
    double best = -1;
    size_t best_at = 0;
    ASSERT(right_count > 0);
    for (size_t at = 0; at < left_count * right_count; at++) {
        bool free = !left_taken[at / right_count] && !right_taken[at % right_count];
        if (free && alike[at] > best) {
            best = alike[at];
            best_at = at;
        }
    }
    left_taken[best_at / right_count] = right_taken[best_at % right_count] = true;
    return best;
}

double similar_words(struct str a, struct str b)
{
    struct str left[WORDS_MAX], right[WORDS_MAX];
    double alike[WORDS_MAX * WORDS_MAX];
    bool left_taken[WORDS_MAX] = {false};
    bool right_taken[WORDS_MAX] = {false};
    size_t left_count = words_of(a, left);
    size_t right_count = words_of(b, right);
    size_t longer = MAX(left_count, right_count);
    double sum = 0;
    for (size_t i = 0; i < left_count; i++) {
        for (size_t k = 0; k < right_count; k++) {
            alike[i * right_count + k] = similar_name(left[i], right[k]);
        }
    }
    for (size_t n = MIN(left_count, right_count); n > 0; n--) {
        sum += take_pair(alike, left_taken, left_count, right_taken, right_count);
    }
    return longer == 0 ? 0 : sum / (double)longer;
}

/* ---- dates, numbers ---- */

static const double EXCHANGED = 0.9;

static struct str digits_of(struct civil date, char out[9])
{
    int number = date.year * 10000 + date.month * 100 + date.day;
    for (int i = 7; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    out[8] = '\0';
    return (struct str){out, 8};
}

double similar_date(int64_t a, int64_t b)
{
    char left[9], right[9];
    if (a == b) {
        return 1;
    }
    struct civil one = civil_from_days(a);
    struct civil other = civil_from_days(b);
    double likeness = similar_edit(digits_of(one, left), digits_of(other, right));
    bool exchanged = one.year == other.year && one.month == other.day && one.day == other.month;
    return exchanged ? MAX(EXCHANGED, likeness) : likeness;
}

double similar_number(int64_t a, int64_t b)
{
    if (a == b) {
        return 1;
    }
    if ((a < 0) != (b < 0) || a == 0 || b == 0) {
        return 0;
    }
    double left = a < 0 ? -(double)a : (double)a;
    double right = b < 0 ? -(double)b : (double)b;
    double larger = MAX(left, right);
    return 1 - (larger - MIN(left, right)) / larger;
}
