/* The limit of P3 and P6: bare SQLite commits the same rows in groups: a deal with all its
 * columns and indexes, its log entry, the payload's hash and the chain. Rows are repeated from
 * those that the service wrote into this very file (a copy of its database), under new ids.
 *
 *   bench_insert DATABASE SECONDS ROWS-PER-GROUP   answers "rows/s CPU-µs commit-µs (median)" */
#include <stdio.h>

#include "bench.h"
#include "proxenos/base_crypto.h"

enum { SAMPLES_MAX = 1000, COLUMNS_MAX = 64, COMMITS_MAX = 1 << 20, HEADER_BYTES = 256 };
enum { LOG_PAYLOAD = 14, LOG_PAYLOAD_HASH = 15, LOG_CHAIN = 16, LOG_RECORD = 5 };

static const int64_t wal_pages_most = 4096; /* then a checkpoint: every 16 MiB */

/* Rows of one table, kept as SQLite's own values. */
struct samples {
    sqlite3_stmt *insert;
    int column_count, row_count;
    sqlite3_value *cells[SAMPLES_MAX][COLUMNS_MAX];
};

struct bench {
    sqlite3 *sqlite;
    struct samples deals, entries;
    sqlite3_stmt *begin, *commit;
    int64_t next_id, next_seq, rows, wal_pages;
    int64_t commit_ns[COMMITS_MAX];
    int commit_count;
    unsigned char chain[2 * HASH_BYTES];
};

static void load(struct bench *bench, struct samples *samples, const char *table, const char *where)
{
    char sql[512];
    (void)snprintf(sql, sizeof(sql), "select * from %s %s limit %d", table, where, SAMPLES_MAX);
    sqlite3_stmt *stmt = bench_prepare(bench->sqlite, sql);
    samples->column_count = sqlite3_column_count(stmt);
    ASSERT(samples->column_count <= COLUMNS_MAX);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < samples->column_count; i++) {
            samples->cells[samples->row_count][i] =
                sqlite3_value_dup(sqlite3_column_value(stmt, i));
        }
        samples->row_count++;
    }
    (void)sqlite3_finalize(stmt);
    if (samples->row_count == 0) {
        bench_fail("%s has no rows to repeat", table);
    }
    struct buf insert;
    buf_init(&insert);
    buf_printf(&insert, "insert into %s values (?1", table);
    for (int i = 1; i < samples->column_count; i++) {
        buf_printf(&insert, ", ?%d", i + 1);
    }
    buf_append_char(&insert, ')');
    samples->insert = bench_prepare(bench->sqlite, buf_cstr(&insert));
    buf_deinit(&insert);
}

static void bind_row(struct samples *samples, int64_t row)
{
    sqlite3_value **cells = samples->cells[row % samples->row_count];
    for (int i = 1; i < samples->column_count; i++) {
        (void)sqlite3_bind_value(samples->insert, i + 1, cells[i]);
    }
}

static void step(struct bench *bench, sqlite3_stmt *stmt)
{
    int code = sqlite3_step(stmt);
    if (code != SQLITE_DONE) {
        bench_fail("%s: %s", sqlite3_sql(stmt), sqlite3_errmsg(bench->sqlite));
    }
    (void)sqlite3_reset(stmt);
}

/* What the log's chain costs: the payload, the entry's header, the link. */
static void hash_entry(struct bench *bench, int64_t row)
{
    sqlite3_stmt *insert = bench->entries.insert;
    sqlite3_value *payload = bench->entries.cells[row % bench->entries.row_count][LOG_PAYLOAD];
    unsigned char header[HEADER_BYTES] = {0};
    hash_of(sqlite3_value_text(payload), (size_t)sqlite3_value_bytes(payload), header);
    (void)sqlite3_bind_blob(insert, LOG_PAYLOAD_HASH + 1, header, HASH_BYTES, SQLITE_TRANSIENT);
    hash_of(header, sizeof(header), bench->chain + HASH_BYTES);
    hash_of(bench->chain, sizeof(bench->chain), bench->chain);
    (void)sqlite3_bind_blob(insert, LOG_CHAIN + 1, bench->chain, HASH_BYTES, SQLITE_TRANSIENT);
}

static void insert_row(struct bench *bench)
{
    int64_t id = bench->next_id++;
    bind_row(&bench->deals, bench->rows);
    (void)sqlite3_bind_int64(bench->deals.insert, 1, id);
    step(bench, bench->deals.insert);
    bind_row(&bench->entries, bench->rows);
    (void)sqlite3_bind_int64(bench->entries.insert, 1, bench->next_seq++);
    (void)sqlite3_bind_int64(bench->entries.insert, LOG_RECORD + 1, id);
    hash_entry(bench, bench->rows);
    step(bench, bench->entries.insert);
    bench->rows++;
}

static int on_wal(void *context, sqlite3 *sqlite, const char *database, int pages)
{
    (void)sqlite;
    (void)database;
    ((struct bench *)context)->wal_pages = pages;
    return SQLITE_OK;
}

static void group(struct bench *bench, int64_t rows)
{
    step(bench, bench->begin);
    for (int64_t i = 0; i < rows; i++) {
        insert_row(bench);
    }
    int64_t before = bench_now_ns();
    step(bench, bench->commit);
    if (bench->commit_count < COMMITS_MAX) {
        bench->commit_ns[bench->commit_count++] = bench_now_ns() - before;
    }
    if (bench->wal_pages >= wal_pages_most) {
        (void)sqlite3_wal_checkpoint_v2(bench->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        bench->wal_pages = 0;
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments)
{
    static const double ns_per_s = 1e9, ns_per_us = 1e3;
    if (count != 4) {
        bench_fail("bench_insert DATABASE SECONDS ROWS-PER-GROUP");
    }
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int64_t seconds = bench_argument(arguments[2], 1, 3600);
    int64_t rows = bench_argument(arguments[3], 1, 100000);
    struct bench *bench = mem_zalloc(sizeof(*bench));
    bench->sqlite = bench_open(arguments[1], SQLITE_OPEN_READWRITE,
                               "pragma journal_mode = wal; pragma synchronous = full; "
                               "pragma wal_autocheckpoint = 0; pragma cache_size = -65536");
    (void)sqlite3_wal_hook(bench->sqlite, on_wal, bench);
    load(bench, &bench->deals, "o_deal", "where external_id is null order by id desc");
    load(bench, &bench->entries, "log", "where object = 'deal' and via = 'http' order by seq desc");
    bench->begin = bench_prepare(bench->sqlite, "begin immediate");
    bench->commit = bench_prepare(bench->sqlite, "commit");
    bench->next_id = bench_number(bench->sqlite, "select max(id) + 1 from o_deal");
    bench->next_seq = bench_number(bench->sqlite, "select max(seq) + 1 from log");
    int64_t started = bench_now_ns();
    int64_t cpu = bench_cpu_ns();
    while (bench_now_ns() < started + seconds * 1000000000) {
        group(bench, rows);
    }
    double took_s = (double)(bench_now_ns() - started) / ns_per_s;
    double cpu_us = (double)(bench_cpu_ns() - cpu) / ns_per_us / (double)bench->rows;
    qsort(bench->commit_ns, (size_t)bench->commit_count, sizeof(bench->commit_ns[0]), by_size);
    printf("%.1f %.2f %.1f\n", (double)bench->rows / took_s, cpu_us,
           (double)bench->commit_ns[bench->commit_count / 2] / ns_per_us);
    return 0;
}
