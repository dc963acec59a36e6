/* What the limit programs share: SQLite calls that end the program when they fail, and clocks. */
#ifndef BENCH_H
#define BENCH_H

#include <sqlite3.h>

#include "proxenos/base.h"

/* Ends the program with the sentence. */
NORETURN void bench_fail(const char *format, ...) PRINTF_LIKE(1, 2);
/* A connection with these pragmas ("; "-separated SQL); the caller closes it. */
sqlite3 *bench_open(const char *path, int flags, const char *pragmas);
void bench_run(sqlite3 *sqlite, const char *sql);
sqlite3_stmt *bench_prepare(sqlite3 *sqlite, const char *sql);
/* The one integer that a query answers. */
int64_t bench_number(sqlite3 *sqlite, const char *sql);
int64_t bench_argument(const char *text, int64_t min, int64_t max);
int64_t bench_now_ns(void);
int64_t bench_cpu_ns(void); /* of the whole process */

#endif
