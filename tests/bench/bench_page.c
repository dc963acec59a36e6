/* The limit of P2: bare SQLite reads the page of 50 newest deals of one industry that a team may
 * see, by the best plan there is, and prints the service's JSON.
 *
 *   bench_page DATABASE SECONDS THREADS INDUSTRY OWNER,OWNER…   answers "pages/s CPU-µs"
 *   bench_page DATABASE 0 …                                     prints one page */
#include <pthread.h>
#include <stdio.h>

#include "bench.h"
#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

enum { THREADS_MAX = 16 };

struct job {
    pthread_t thread;
    const char *path, *industry, *owners;
    int64_t until_ns, pages;
};

/* Walks the order's index; the few owners and the client are looked up row by row until the page
 * is full. */
static const char page_sql[] =
    "select d.id, d.version, d.created_at, d.created_by, d.updated_at, d.updated_by, d.owner, "
    "d.compartment, d.archived_at, d.external_id, d.name, d.client, d.stage, d.value, "
    "d.value__currency, d.chance, d.closes_on, d.email, d.source, d.urgent, d.notes "
    "from o_deal d indexed by x_deal__updated_at cross join o_client c on c.id = d.client "
    "where c.industry = ?1 and d.owner in (%s) and d.archived_at is null and d.compartment is null "
    "order by d.updated_at desc, d.id desc limit 50";

static void put(struct buf *out, const char *text)
{
    buf_append_str(out, str_from(text));
}

static void put_id(struct buf *out, sqlite3_stmt *stmt, int column)
{
    char text[ID_TEXT_LEN + 1];
    id_format(sqlite3_column_int64(stmt, column), text);
    buf_append_char(out, '"');
    buf_append(out, text, ID_TEXT_LEN);
    buf_append_char(out, '"');
}

static bool put_null(struct buf *out, sqlite3_stmt *stmt, int column)
{
    bool null = sqlite3_column_type(stmt, column) == SQLITE_NULL;
    put(out, null ? "null" : "");
    return null;
}

static void put_text(struct buf *out, sqlite3_stmt *stmt, int column)
{
    if (!put_null(out, stmt, column)) {
        const char *text = (const char *)sqlite3_column_text(stmt, column);
        json_write_text(out, (struct str){text, (size_t)sqlite3_column_bytes(stmt, column)});
    }
}

static void put_int(struct buf *out, sqlite3_stmt *stmt, int column)
{
    if (!put_null(out, stmt, column)) {
        json_write_int(out, sqlite3_column_int64(stmt, column));
    }
}

static void put_date(struct buf *out, sqlite3_stmt *stmt, int column,
                     void (*format)(struct buf *out, int64_t value))
{
    if (!put_null(out, stmt, column)) {
        buf_append_char(out, '"');
        format(out, sqlite3_column_int64(stmt, column));
        buf_append_char(out, '"');
    }
}

static void put_money(struct buf *out, sqlite3_stmt *stmt, int column)
{
    if (!put_null(out, stmt, column)) {
        put(out, "{\"amount\":");
        put_int(out, stmt, column);
        put(out, ",\"currency\":");
        put_text(out, stmt, column + 1);
        put(out, "}");
    }
}

static void put_row(struct buf *out, sqlite3_stmt *stmt)
{
    put(out, "{\"id\":");
    put_id(out, stmt, 0);
    put(out, ",\"version\":");
    put_int(out, stmt, 1);
    put(out, ",\"created_at\":");
    put_date(out, stmt, 2, time_format);
    put(out, ",\"created_by\":");
    put_text(out, stmt, 3);
    put(out, ",\"updated_at\":");
    put_date(out, stmt, 4, time_format);
    put(out, ",\"updated_by\":");
    put_text(out, stmt, 5);
    put(out, ",\"owner\":");
    put_id(out, stmt, 6);
    put(out, ",\"compartment\":");
    put_text(out, stmt, 7);
    put(out, ",\"archived_at\":");
    put_date(out, stmt, 8, time_format);
    put(out, ",\"external_id\":");
    put_text(out, stmt, 9);
    put(out, ",\"name\":");
    put_text(out, stmt, 10);
    put(out, ",\"client\":");
    put_id(out, stmt, 11);
    put(out, ",\"stage\":");
    put_text(out, stmt, 12);
    put(out, ",\"value\":");
    put_money(out, stmt, 13);
    put(out, ",\"chance\":");
    put_int(out, stmt, 15);
    put(out, ",\"closes_on\":");
    put_date(out, stmt, 16, date_format);
    put(out, ",\"email\":");
    put_text(out, stmt, 17);
    put(out, ",\"source\":");
    put_text(out, stmt, 18);
    put(out, ",\"urgent\":");
    put(out, sqlite3_column_int(stmt, 19) != 0 ? "true" : "false");
    put(out, ",\"notes\":");
    put_text(out, stmt, 20);
    put(out, "}");
}

static void put_page(struct buf *out, sqlite3_stmt *stmt)
{
    bool first = true;
    int code = SQLITE_DONE;
    buf_reset(out);
    put(out, "{\"data\":[");
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        put(out, first ? "" : ",");
        put_row(out, stmt);
        first = false;
    }
    put(out, "]");
    if (code != SQLITE_DONE) {
        bench_fail("reading a page: SQLite answers %d", code);
    }
    (void)sqlite3_reset(stmt);
}

static void *work(void *context)
{
    struct job *job = context;
    sqlite3 *sqlite = bench_open(job->path, SQLITE_OPEN_READONLY,
                                 "pragma mmap_size = 1073741824; pragma cache_size = -8192");
    struct buf text;
    buf_init(&text);
    buf_printf(&text, page_sql, job->owners);
    sqlite3_stmt *stmt = bench_prepare(sqlite, buf_cstr(&text));
    (void)sqlite3_bind_text(stmt, 1, job->industry, -1, SQLITE_STATIC);
    do {
        put_page(&text, stmt);
        job->pages++;
    } while (bench_now_ns() < job->until_ns);
    if (job->until_ns == 0) {
        (void)fwrite(text.at, 1, text.len, stdout);
    }
    buf_deinit(&text);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(sqlite);
    return NULL;
}

int main(int count, char **arguments)
{
    static const double ns_per_s = 1e9, ns_per_us = 1e3;
    if (count != 6) {
        bench_fail("bench_page DATABASE SECONDS THREADS INDUSTRY OWNER,OWNER…");
    }
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int64_t seconds = bench_argument(arguments[2], 0, 3600);
    int64_t threads = seconds == 0 ? 1 : bench_argument(arguments[3], 1, THREADS_MAX);
    struct job jobs[THREADS_MAX] = {0};
    int64_t started = bench_now_ns();
    int64_t pages = 0;
    for (int64_t i = 0; i < threads; i++) {
        jobs[i] = (struct job){.path = arguments[1],
                               .industry = arguments[4],
                               .owners = arguments[5],
                               .until_ns = seconds == 0 ? 0 : started + seconds * 1000000000};
        if (pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) != 0) {
            bench_fail("no thread");
        }
    }
    for (int64_t i = 0; i < threads; i++) {
        (void)pthread_join(jobs[i].thread, NULL);
        pages += jobs[i].pages;
    }
    if (seconds > 0) {
        double took_s = (double)(bench_now_ns() - started) / ns_per_s;
        printf("%.1f %.2f\n", (double)pages / took_s,
               (double)bench_cpu_ns() / ns_per_us / (double)pages);
    }
    return 0;
}
