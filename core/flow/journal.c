/* The journal of a run, read: rows of flow_log, each naming the one before it, and the pages in
 * them. Any thread with a reader. */
#include "internal.h"

enum { ROWS_MAX = 4 * FLOW_COMMANDS_MAX };

struct walk {
    struct arena *arena;
    struct log_row row;
    bool found;
};

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct walk *walk = context;
    walk->found = true;
    walk->row.previous = columns[0].integer;
    walk->row.pages = columns[1].integer;
    walk->row.data = arena_str(walk->arena, columns[2].text);
    return OK;
}

static enum err journal_broken(const struct flow_run *run, struct error *error)
{
    char id[ID_TEXT_LEN + 1];
    id_format(run->id, id);
    return error_set(error, ERR_CORRUPT, "the journal of run %s is not whole", id);
}

enum err journal_rows(struct reader *reader, const struct flow_run *run, struct arena *arena,
                      struct log_row **out_rows, size_t *out_count, struct error *error)
{
    size_t count = 0;
    size_t room = 8;
    if (run->log < 0) {
        return error_set(error, ERR_NOT_FOUND,
                         "the journal of the run was dropped: it ended long ago");
    }
    struct log_row *rows = ARENA_ARRAY(arena, struct log_row, room);
    for (int64_t id = run->log; id != 0;) {
        struct walk walk = {.arena = arena, .row = {.id = id}};
        struct value binds[] = {value_int(id)};
        enum err err = FLOW_READ(reader, FLOW_LOG_GET, binds, on_row, &walk, error);
        if (err != OK) {
            return err;
        }
        if (!walk.found || count >= (size_t)run->pages) {
            return journal_broken(run, error);
        }
        if (count == room) {
            struct log_row *more = ARENA_ARRAY(arena, struct log_row, 2 * room);
            memcpy(more, rows, room * sizeof(*rows));
            rows = more;
            room *= 2;
        }
        rows[count++] = walk.row;
        id = walk.row.previous;
    }
    *out_rows = rows;
    *out_count = count;
    return OK;
}

/* The pages of one row, from *at on. */
// NOLINTNEXTLINE(readability-function-size)
static enum err read_row(const struct flow_run *run, struct str data, struct arena *arena,
                         struct flow_page *pages, size_t *at, struct error *error)
{
    while (data.len > 0) {
        if (*at == (size_t)run->pages) {
            return journal_broken(run, error);
        }
        enum err err = flow_page_decode(arena, &data, &pages[*at], error);
        if (err != OK) {
            return err;
        }
        if (pages[*at].number != (int64_t)*at + 1) {
            return journal_broken(run, error);
        }
        ++*at;
    }
    return OK;
}

// NOLINTNEXTLINE(readability-function-size)
enum err journal_pages(const struct flow_run *run, const struct log_row *rows, size_t row_count,
                       struct arena *arena, struct flow_page **out_pages, struct error *error)
{
    size_t count = 0;
    enum err err = OK;
    if (run->pages < 0 || run->pages > ROWS_MAX) {
        return journal_broken(run, error);
    }
    struct flow_page *pages = ARENA_ARRAY(arena, struct flow_page, (size_t)run->pages + 1);
    for (size_t i = row_count; i > 0 && err == OK; i--) {
        err = read_row(run, rows[i - 1].data, arena, pages, &count, error);
    }
    *out_pages = pages;
    return err != OK || count == (size_t)run->pages ? err : journal_broken(run, error);
}

enum err flow_journal_read(struct reader *reader, const struct flow_run *run, struct arena *arena,
                           struct flow_page **out_pages, size_t *out_count, struct error *error)
{
    struct log_row *rows = NULL;
    size_t count = 0;
    enum err err = journal_rows(reader, run, arena, &rows, &count, error);
    if (err == OK) {
        err = journal_pages(run, rows, count, arena, out_pages, error);
    }
    *out_count = err == OK ? (size_t)run->pages : 0;
    return err;
}
