/* The limit of `search`: one FTS5 table with the same folded texts, in this process, without
 * rights, records or HTTP.
 *
 *   bench_search make DATABASE TEXTS                answers "seconds bytes"; a line of TEXTS is
 * "name TAB employer" bench_search ask DATABASE QUESTIONS SECONDS     answers "questions/s CPU-µs
 * p50-µs p99-µs rows" of one question after another; each line is words, which are found by their
 * beginnings */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bench.h"
#include "proxenos/base_text.h"

enum { LINE_MAX_BYTES = 4096, QUESTIONS_MAX = 10000, TIMES_MAX = 4000000 };

static const double ns_per_s = 1e9, ns_per_us = 1e3;

static FILE *open_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        bench_fail("%s cannot be read", path);
    }
    return file;
}

static bool next_line(FILE *file, char line[LINE_MAX_BYTES], struct str *out_line)
{
    if (fgets(line, LINE_MAX_BYTES, file) == NULL) {
        return false;
    }
    *out_line = str_trim(str_from(line));
    return true;
}

/* ---- making the table ---- */

static void bind_folded(sqlite3_stmt *stmt, int index, struct buf *folded, struct str text)
{
    buf_reset(folded);
    text_latin(folded, text);
    (void)sqlite3_bind_text(stmt, index, folded->at, (int)folded->len, SQLITE_TRANSIENT);
}

static void make(const char *path, const char *texts)
{
    sqlite3 *sqlite = bench_open(
        path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        "pragma journal_mode = wal; pragma synchronous = off; pragma cache_size = -65536; "
        "create virtual table p using fts5(name, employer, tokenize = 'ascii', prefix = '2 3'); "
        "begin");
    sqlite3_stmt *insert = bench_prepare(sqlite, "insert into p (name, employer) values (?1, ?2)");
    FILE *file = open_lines(texts);
    char line[LINE_MAX_BYTES];
    struct str rest, name;
    struct buf folded;
    struct stat stat_of = {0};
    int64_t began = bench_now_ns();
    buf_init(&folded);
    while (next_line(file, line, &rest)) {
        (void)str_split(&rest, '\t', &name);
        bind_folded(insert, 1, &folded, name);
        bind_folded(insert, 2, &folded, rest);
        if (sqlite3_step(insert) != SQLITE_DONE) {
            bench_fail("inserting: %s", sqlite3_errmsg(sqlite));
        }
        (void)sqlite3_reset(insert);
    }
    buf_deinit(&folded);
    (void)fclose(file);
    (void)sqlite3_finalize(insert);
    bench_run(sqlite, "commit");
    double took_s = (double)(bench_now_ns() - began) / ns_per_s;
    bench_run(sqlite, "pragma wal_checkpoint(truncate)");
    (void)sqlite3_close(sqlite);
    (void)stat(path, &stat_of);
    printf("%.2f %lld\n", took_s, (long long)stat_of.st_size);
}

/* ---- asking ---- */

static size_t read_questions(const char *path, char **questions)
{
    FILE *file = open_lines(path);
    char line[LINE_MAX_BYTES];
    struct str rest, word;
    struct buf key;
    struct buf match;
    size_t count = 0;
    buf_init(&key);
    buf_init(&match);
    while (count < QUESTIONS_MAX && next_line(file, line, &rest)) {
        buf_reset(&key);
        buf_reset(&match);
        text_latin(&key, rest);
        rest = buf_str(&key);
        while (str_split(&rest, ' ', &word)) {
            buf_printf(&match, "%s\"" STR_FORMAT "\" *", match.len > 0 ? " AND " : "",
                       STR_ARGS(word));
        }
        questions[count] = mem_alloc(match.len + 1);
        memcpy(questions[count], buf_cstr(&match), match.len + 1);
        count++;
    }
    buf_deinit(&key);
    buf_deinit(&match);
    (void)fclose(file);
    if (count == 0) {
        bench_fail("%s asks nothing", path);
    }
    return count;
}

static int64_t ask_one(sqlite3_stmt *stmt, const char *match)
{
    int64_t rows = 0;
    (void)sqlite3_bind_text(stmt, 1, match, -1, SQLITE_STATIC);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        rows += sqlite3_column_bytes(stmt, 1) > 0 ? 1 : 0;
    }
    (void)sqlite3_reset(stmt);
    return rows;
}

static int by_size(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static void ask(const char *path, const char *file, int64_t seconds)
{
    static char *questions[QUESTIONS_MAX];
    sqlite3 *sqlite = bench_open(path, SQLITE_OPEN_READONLY, "pragma mmap_size = 1073741824");
    sqlite3_stmt *stmt = bench_prepare(
        sqlite, "select rowid, name from p where p match ?1 order by rowid desc limit 21");
    size_t count = read_questions(file, questions);
    int64_t *times = mem_alloc(sizeof(*times) * TIMES_MAX);
    int64_t asked = 0, rows = 0;
    int64_t began = bench_now_ns(), cpu = bench_cpu_ns(), now = began;
    while (now - began < seconds * (int64_t)ns_per_s && asked < TIMES_MAX) {
        int64_t from = now;
        rows += ask_one(stmt, questions[(size_t)asked % count]);
        now = bench_now_ns();
        times[asked++] = now - from;
    }
    double took_s = (double)(now - began) / ns_per_s;
    double cpu_us = (double)(bench_cpu_ns() - cpu) / ns_per_us / (double)asked;
    qsort(times, (size_t)asked, sizeof(*times), by_size);
    printf("%.1f %.2f %.1f %.1f %lld\n", (double)asked / took_s, cpu_us,
           (double)times[asked / 2] / ns_per_us, (double)times[asked * 99 / 100] / ns_per_us,
           (long long)rows);
    mem_free(times);
    for (size_t i = 0; i < count; i++) {
        mem_free(questions[i]);
    }
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(sqlite);
}

int main(int count, char **arguments)
{
    if (count == 4 && str_is(str_from(arguments[1]), "make")) {
        make(arguments[2], arguments[3]);
    } else if (count == 5 && str_is(str_from(arguments[1]), "ask")) {
        ask(arguments[2], arguments[3], bench_argument(arguments[4], 1, 3600));
    } else {
        bench_fail("bench_search make DATABASE TEXTS, or ask DATABASE QUESTIONS SECONDS");
    }
    return 0;
}
