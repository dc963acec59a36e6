/* SQL functions of our own (functions.h). They run inside a statement, on its connection's thread.
 */
#include "functions.h"

#include "../columns.h"
#include "../query.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

enum { MS_PER_DAY = 86400000 };

/* Scratch of one connection's functions: folding each row must not allocate. */
struct scratch {
    struct buf text;
};

static void scratch_free(void *context)
{
    struct scratch *scratch = context;
    buf_deinit(&scratch->text);
    mem_free(scratch);
}

static struct str text_of(sqlite3_value *value)
{
    const char *at = (const char *)sqlite3_value_text(value);
    int len = sqlite3_value_bytes(value);
    return (struct str){at != NULL ? at : "", at != NULL ? (size_t)len : 0};
}

/* ---- text ---- */

static bool folded(sqlite3_context *context, sqlite3_value **arguments, struct str *out_text,
                   struct str *out_pattern)
{
    struct scratch *scratch = sqlite3_user_data(context);
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL) {
        return false;
    }
    buf_reset(&scratch->text);
    text_fold(&scratch->text, text_of(arguments[0]));
    *out_text = buf_str(&scratch->text);
    *out_pattern = text_of(arguments[1]);
    return true;
}

static void px_like(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct str text, pattern;
    ASSERT(count == 2);
    if (folded(context, arguments, &text, &pattern)) {
        sqlite3_result_int(context, like_match(text, pattern));
    }
}

static void px_prefix(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct str text, pattern;
    ASSERT(count == 2);
    if (folded(context, arguments, &text, &pattern)) {
        sqlite3_result_int(context, str_starts(text, pattern));
    }
}

static void px_contains(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct str text, pattern;
    size_t at = 0;
    ASSERT(count == 2);
    if (folded(context, arguments, &text, &pattern)) {
        sqlite3_result_int(context, str_find(text, pattern, &at));
    }
}

static void px_key(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct scratch *scratch = sqlite3_user_data(context);
    ASSERT(count == 1);
    if (sqlite3_value_type(arguments[0]) != SQLITE_NULL) {
        buf_reset(&scratch->text);
        column_sort_key(&scratch->text, text_of(arguments[0]));
        /* A NULL pointer would be null; the empty text has the empty key. */
        sqlite3_result_blob64(context, scratch->text.len > 0 ? scratch->text.at : "",
                              scratch->text.len, SQLITE_TRANSIENT);
    }
}

/* ---- sums ---- */

/* SQLite's memory for an aggregate is aligned to 8. */
__extension__ typedef __int128 total128 __attribute__((aligned(8)));

struct sum {
    total128 total;
    int64_t count;
};

static void px_sum_step(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    ASSERT(count == 1);
    struct sum *sum = sqlite3_aggregate_context(context, (int)sizeof(*sum));
    if (sum != NULL && sqlite3_value_type(arguments[0]) == SQLITE_INTEGER) {
        sum->total += sqlite3_value_int64(arguments[0]);
        sum->count++;
    }
}

static void px_sum_end(sqlite3_context *context)
{
    struct sum *sum = sqlite3_aggregate_context(context, 0);
    if (sum == NULL || sum->count == 0) {
        return;
    }
    if (sum->total > INT64_MAX || sum->total < INT64_MIN) {
        sqlite3_result_text(context, "overflow", -1, SQLITE_STATIC);
    } else {
        sqlite3_result_int64(context, (int64_t)sum->total);
    }
}

/* ---- dates ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

static void px_day(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    ASSERT(count == 1);
    if (sqlite3_value_type(arguments[0]) == SQLITE_INTEGER) {
        sqlite3_result_int64(context, floor_div(sqlite3_value_int64(arguments[0]), MS_PER_DAY));
    }
}

/* The ISO week of a day belongs to the year of its Thursday. */
static void put_week(struct buf *out, int64_t days)
{
    int64_t thursday = days - weekday_from_days(days) + 4;
    int year = civil_from_days(thursday).year;
    int64_t week = (thursday - date_from_civil(year, 1, 1)) / 7 + 1;
    buf_printf(out, "%04d-W%02d", year, (int)week);
}

static void put_bucket(struct buf *out, char bucket, int64_t days)
{
    struct civil civil = civil_from_days(days);
    switch (bucket) {
    case 'w':
        put_week(out, days);
        break;
    case 'm':
        buf_printf(out, "%04d-%02d", civil.year, civil.month);
        break;
    case 'q':
        buf_printf(out, "%04d-Q%d", civil.year, (civil.month + 2) / 3);
        break;
    case 'y':
        buf_printf(out, "%04d", civil.year);
        break;
    default:
        date_format(out, days);
        break;
    }
}

static void px_bucket(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct scratch *scratch = sqlite3_user_data(context);
    ASSERT(count == 2);
    struct str bucket = text_of(arguments[0]);
    if (sqlite3_value_type(arguments[1]) != SQLITE_INTEGER || bucket.len != 1) {
        return;
    }
    buf_reset(&scratch->text);
    put_bucket(&scratch->text, bucket.at[0], sqlite3_value_int64(arguments[1]));
    sqlite3_result_text64(context, scratch->text.at, scratch->text.len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

/* ---- registering ---- */

static const struct function {
    const char *name;
    int argument_count;
    void (*call)(sqlite3_context *context, int count, sqlite3_value **arguments);
    void (*step)(sqlite3_context *context, int count, sqlite3_value **arguments);
    void (*end)(sqlite3_context *context);
} functions[] = {
    {"px_like", 2, px_like, NULL, NULL},
    {"px_prefix", 2, px_prefix, NULL, NULL},
    {"px_contains", 2, px_contains, NULL, NULL},
    {"px_key", 1, px_key, NULL, NULL},
    {"px_sum", 1, NULL, px_sum_step, px_sum_end},
    {"px_bucket", 2, px_bucket, NULL, NULL},
    {"px_day", 1, px_day, NULL, NULL},
};

enum err db_functions(struct db *db, struct error *error)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        const struct function *function = &functions[i];
        struct scratch *scratch = mem_zalloc(sizeof(*scratch));
        buf_init(&scratch->text);
        /* On failure SQLite has called scratch_free itself. */
        int code = sqlite3_create_function_v2(db->sqlite, function->name, function->argument_count,
                                              SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                              scratch, function->call, function->step,
                                              function->end, scratch_free);
        if (code != SQLITE_OK) {
            return db_failed(db, code, "registering a function", error);
        }
    }
    return OK;
}
