/* Small helpers of the limit programs. Any thread, a connection in one at a time. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int64_t ns_per_s = 1000000000;

void bench_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}

void bench_run(sqlite3 *sqlite, const char *sql)
{
    if (sqlite3_exec(sqlite, sql, NULL, NULL, NULL) != SQLITE_OK) {
        bench_fail("%s: %s", sql, sqlite3_errmsg(sqlite));
    }
}

sqlite3 *bench_open(const char *path, int flags, const char *pragmas)
{
    sqlite3 *sqlite = NULL;
    if (sqlite3_open_v2(path, &sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        bench_fail("%s: %s", path, sqlite3_errmsg(sqlite));
    }
    bench_run(sqlite, pragmas);
    return sqlite;
}

sqlite3_stmt *bench_prepare(sqlite3 *sqlite, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v3(sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
        bench_fail("%s: %s", sql, sqlite3_errmsg(sqlite));
    }
    return stmt;
}

int64_t bench_number(sqlite3 *sqlite, const char *sql)
{
    sqlite3_stmt *stmt = bench_prepare(sqlite, sql);
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        bench_fail("%s: %s", sql, sqlite3_errmsg(sqlite));
    }
    int64_t number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return number;
}

int64_t bench_argument(const char *text, int64_t min, int64_t max)
{
    int64_t number = 0;
    if (str_to_int64(str_from(text), &number) != OK || number < min || number > max) {
        bench_fail("%s is not a number from %lld to %lld", text, (long long)min, (long long)max);
    }
    return number;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * ns_per_s + time.tv_nsec;
}

int64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t bench_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}
