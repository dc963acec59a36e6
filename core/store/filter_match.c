/* The filter and the order in C: for drafts that no table holds yet (contract 16). Says exactly
 * what the SQL of core/store/sqlite/where.c says; one table of tests runs each row through both.
 * Pure; any thread. Recursion is bounded by FILTER_DEPTH_MAX. */
#include "query.h"

#include "columns.h"
#include "proxenos/base_text.h"

enum { MS_PER_DAY = 86400000 };

/* ---- text ---- */

static size_t character(struct str text, size_t at)
{
    size_t position = at;
    uint32_t code_point = 0;
    return utf8_next(text, &position, &code_point) ? position - at : 1;
}

/* One step of the pattern at *at_pattern against the character at `at`; moves the pattern on. */
static bool like_one(struct str text, size_t at, struct str pattern, size_t *at_pattern,
                     size_t *out_length)
{
    size_t in_pattern = *at_pattern;
    if (in_pattern >= pattern.len || pattern.at[in_pattern] == '%') {
        return false;
    }
    *out_length = character(text, at);
    if (pattern.at[in_pattern] == '_') {
        *at_pattern = in_pattern + 1;
        return true;
    }
    if (pattern.at[in_pattern] == '\\' && in_pattern + 1 < pattern.len) {
        in_pattern++;
    }
    size_t length = character(pattern, in_pattern);
    *at_pattern = in_pattern + length;
    return length == *out_length &&
           str_eq(str_sub(text, at, length), str_sub(pattern, in_pattern, length));
}

bool like_match(struct str folded_text, struct str folded_pattern)
{
    size_t at = 0, in_pattern = 0;
    size_t retry_at = 0, retry_pattern = SIZE_MAX; /* behind the last % */
    while (at < folded_text.len) {
        size_t next_pattern = in_pattern, length = 1;
        if (in_pattern < folded_pattern.len && folded_pattern.at[in_pattern] == '%') {
            retry_pattern = ++in_pattern;
            retry_at = at;
        } else if (like_one(folded_text, at, folded_pattern, &next_pattern, &length)) {
            in_pattern = next_pattern;
            at += length;
        } else if (retry_pattern != SIZE_MAX) {
            retry_at += character(folded_text, retry_at);
            at = retry_at;
            in_pattern = retry_pattern;
        } else {
            return false;
        }
    }
    while (in_pattern < folded_pattern.len && folded_pattern.at[in_pattern] == '%') {
        in_pattern++;
    }
    return in_pattern == folded_pattern.len;
}

static bool match_pattern(const struct filter *test, struct str text)
{
    struct buf folded;
    size_t found = 0;
    buf_init(&folded);
    text_fold(&folded, text);
    struct str pattern = test->typed[0].text;
    bool matches = test->op == OP_LIKE     ? like_match(buf_str(&folded), pattern)
                   : test->op == OP_PREFIX ? str_starts(buf_str(&folded), pattern)
                                           : str_find(buf_str(&folded), pattern, &found);
    buf_deinit(&folded);
    return matches;
}

/* ---- comparing ---- */

static int compare_numbers(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b ? 1 : 0;
}

static int compare_keys(struct str a, struct str b)
{
    struct buf key_a, key_b;
    buf_init(&key_a);
    buf_init(&key_b);
    column_sort_key(&key_a, a);
    column_sort_key(&key_b, b);
    int order = str_cmp(buf_str(&key_a), buf_str(&key_b));
    buf_deinit(&key_a);
    buf_deinit(&key_b);
    return order;
}

/* As the database orders: collated text by its key, words by their bytes, all else by number. */
static int compare(const struct field_path *path, const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT) {
        return path_collated(path) ? compare_keys(a->text, b->text) : str_cmp(a->text, b->text);
    }
    if (a->kind == VALUE_BOOL && b->kind == VALUE_BOOL) {
        return (int)a->boolean - (int)b->boolean;
    }
    return compare_numbers(a->integer, b->integer);
}

static bool same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch ((enum value_kind)a->kind) {
    case VALUE_TEXT:
    case VALUE_BYTES:
        return str_eq(a->text, b->text);
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_MONEY:
        return a->integer == b->integer && str_eq(str_from(a->currency), str_from(b->currency));
    case VALUE_INT:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_TIME:
        return a->integer == b->integer;
    case VALUE_NULL:
    case VALUE_REAL:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return false;
}

static bool comparable(const struct value *a, const struct value *b)
{
    return a->kind == b->kind &&
           (a->kind != VALUE_MONEY || str_eq(str_from(a->currency), str_from(b->currency)));
}

static bool among(const struct filter *test, const struct value *value)
{
    for (int i = 0; i < test->typed_count; i++) {
        if (same(value, &test->typed[i])) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct filter *test, const struct value *list)
{
    for (size_t i = 0; list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (among(test, &list->list.items[i])) {
            return true;
        }
    }
    return false;
}

/* ---- tests ---- */

void days_window(const struct filter *test, int64_t now_ms, int64_t *out_from, int64_t *out_to)
{
    int64_t count = test->typed[0].integer;
    bool date = test->target.field->type == FIELD_DATE;
    int64_t today = (now_ms - (now_ms % MS_PER_DAY + MS_PER_DAY) % MS_PER_DAY) / MS_PER_DAY;
    int64_t now = date ? today : now_ms;
    int64_t span = date ? count : count * MS_PER_DAY;
    *out_from = test->op == OP_LAST_DAYS ? now - span : now;
    *out_to = test->op == OP_LAST_DAYS ? now : now + span;
}

/* The part that the path names; false when it is null. */
static bool part_of(const struct field_path *path, const struct value *whole,
                    struct value *out_value)
{
    *out_value = *whole;
    if (whole->kind == VALUE_MONEY && path->part == PART_AMOUNT) {
        *out_value = value_int(whole->integer);
    } else if (whole->kind == VALUE_MONEY && path->part == PART_CURRENCY) {
        *out_value = value_text(str_from(whole->currency));
    } else if (whole->kind == VALUE_LIST) {
        return whole->list.count > 0;
    }
    return whole->kind != VALUE_NULL;
}

static bool match_between(const struct filter *test, const struct value *value)
{
    return comparable(value, &test->typed[0]) &&
           compare(&test->target, value, &test->typed[0]) >= 0 &&
           compare(&test->target, value, &test->typed[1]) <= 0;
}

static bool match_window(const struct filter *test, const struct value *value, int64_t now_ms)
{
    int64_t from = 0, to = 0;
    days_window(test, now_ms, &from, &to);
    return value->integer >= from && value->integer <= to;
}

static bool match_order(const struct filter *test, const struct value *value)
{
    if (!comparable(value, &test->typed[0])) {
        return false;
    }
    int order = compare(&test->target, value, &test->typed[0]);
    return test->op == OP_LT   ? order < 0
           : test->op == OP_LE ? order <= 0
           : test->op == OP_GT ? order > 0
                               : order >= 0;
}

static bool match_value(const struct filter *test, const struct value *value, bool there,
                        int64_t now_ms)
{
    switch (test->op) {
    case OP_IS:
        return test->typed[0].boolean != there;
    case OP_EQ:
    case OP_IN:
        return there && among(test, value);
    case OP_NE:
    case OP_NIN:
        return !there || !among(test, value);
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE:
        return there && match_order(test, value);
    case OP_LIKE:
    case OP_PREFIX:
    case OP_CONTAINS:
        return there && match_pattern(test, value->text);
    case OP_HAS:
    case OP_ANY:
        return there && holds(test, value);
    case OP_BETWEEN:
        return there && match_between(test, value);
    case OP_LAST_DAYS:
    case OP_NEXT_DAYS:
        return there && match_window(test, value, now_ms);
    case OP_BEFORE:
    case OP_AFTER:
    case OP_COUNT:
        break;
    }
    ASSERT(false); /* bound filters have no such operator */
    return false;
}

static struct value own_value(const struct record *record, const struct field_path *path)
{
    if (path->field->type == FIELD_ID) {
        return value_id(record->id);
    }
    int index = path->field->index;
    if (index == SYS_VERSION) {
        return value_int(record->version);
    }
    return record->has[index] == RECORD_HAS ? record->values[index] : value_null();
}

static bool match_test(const struct filter *test, const struct record *record, int64_t now_ms,
                       bool *out_cross)
{
    if (test->target.hop_count > 0) {
        *out_cross = true;
        return false;
    }
    struct value value;
    struct value whole = own_value(record, &test->target);
    bool there = part_of(&test->target, &whole, &value);
    return match_value(test, &value, there, now_ms);
}

static bool match_node(const struct filter *filter, const struct record *record, int64_t now_ms,
                       bool *out_cross)
{
    if (filter->kind == FILTER_TEST) {
        return match_test(filter, record, now_ms, out_cross);
    }
    if (filter->kind == FILTER_NOT) {
        return !match_node(filter->children[0], record, now_ms, out_cross);
    }
    /* All children are looked at, so that a crossing one is always told. */
    bool all = true, any = false;
    for (int i = 0; i < filter->child_count; i++) {
        bool matches = match_node(filter->children[i], record, now_ms, out_cross);
        all = all && matches;
        any = any || matches;
    }
    return filter->kind == FILTER_AND ? all : any;
}

bool filter_match(const struct filter *bound, const struct record *record, int64_t now_ms,
                  bool *out_cross)
{
    *out_cross = false;
    return bound == NULL || match_node(bound, record, now_ms, out_cross);
}

/* ---- order ---- */

static int compare_part(const struct order_part *part, const struct record *a,
                        const struct record *b)
{
    struct value whole_a = own_value(a, &part->target), whole_b = own_value(b, &part->target);
    struct value value_a, value_b;
    bool there_a = part_of(&part->target, &whole_a, &value_a);
    bool there_b = part_of(&part->target, &whole_b, &value_b);
    if (!there_a || !there_b) {
        return (int)there_b - (int)there_a; /* null is last in both directions */
    }
    int order = compare(&part->target, &value_a, &value_b);
    return part->descending ? -order : order;
}

int query_compare(const struct query *bound, const struct record *a, const struct record *b,
                  bool *out_cross)
{
    ASSERT(bound->bound);
    *out_cross = false;
    for (int i = 0; i < bound->order_count; i++) {
        if (bound->order[i].target.hop_count > 0) {
            *out_cross = true;
        }
    }
    for (int i = 0; i < query_part_count(bound) && !*out_cross; i++) {
        int order = compare_part(&bound->order[i], a, b);
        if (order != 0) {
            return order;
        }
    }
    int order = compare_numbers(a->id, b->id);
    return query_id_descending(bound) ? -order : order;
}
