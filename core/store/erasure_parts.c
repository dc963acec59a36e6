/* What modules keep of a subject beside records and log: rows found by the subject's own values,
 * read on a lane's thread and purged by their keys in small units. */
#include "erasure.h"

enum { PART_ROWS = 500, PART_KEYS_MAX = 3, PURGE_GROUP = 100 };

void store_erasure_part(struct store *store, const struct erasure_part *part)
{
    ASSERT(store->erasure_part_count < ERASURE_PARTS_MAX && part->key_count <= PART_KEYS_MAX);
    for (int i = 0; i < store->erasure_part_count; i++) {
        if (store->erasure_parts[i] == part) {
            return; /* the module was opened before */
        }
    }
    store->erasure_parts[store->erasure_part_count++] = part;
}

void store_erasure_part_end(struct store *store, const struct erasure_part *part)
{
    for (int i = 0; i < store->erasure_part_count; i++) {
        if (store->erasure_parts[i] == part) {
            store->erasure_parts[i] = store->erasure_parts[--store->erasure_part_count];
            return;
        }
    }
}

bool erasing_finds(struct erasure_run *erasing, struct str bytes)
{
    struct erasure *erasure = erasing->private;
    return words_match(&erasure->words, bytes);
}

/* ---- one page of rows ---- */

struct page {
    struct erasure *erasure;
    const struct erasure_part *part;
    struct arena *arena;
    struct value last[PART_KEYS_MAX]; /* the key to go on behind */
    struct value *found;              /* keys, key_count each */
    size_t row_count, found_count;
};

static bool row_holds(const struct page *page, const struct value *columns, int column_count)
{
    for (int i = page->part->key_count; i < column_count; i++) {
        bool bytes = columns[i].kind == VALUE_TEXT || columns[i].kind == VALUE_BYTES;
        if (bytes && words_match(&page->erasure->words, columns[i].text)) {
            return true;
        }
    }
    return false;
}

static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    struct page *page = context;
    int keys = page->part->key_count;
    (void)error;
    for (int i = 0; i < keys; i++) {
        page->last[i] = value_copy(page->arena, &columns[i]);
    }
    if (row_holds(page, columns, column_count)) {
        for (int i = 0; i < keys; i++) {
            page->found[page->found_count * (size_t)keys + (size_t)i] = page->last[i];
        }
        page->found_count++;
    }
    page->row_count++;
    return OK;
}

/* ---- purging ---- */

struct purge {
    struct unit unit;
    const struct erasure_part *part;
    const struct value *keys;
    size_t count;
};

static enum err purge_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct purge *purge = CONTAINER_OF(unit, struct purge, unit);
    const struct erasure_part *part = purge->part;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < purge->count; i++) {
        err = tx_table(tx, part->tables, part->purge, purge->keys + i * (size_t)part->key_count,
                       part->key_count, NULL, NULL, error);
    }
    return err;
}

static enum err purge_page(const struct page *page, struct error *error)
{
    const struct erasure_run *erasing = page->erasure->erasing;
    enum err err = OK;
    for (size_t at = 0; err == OK && at < page->found_count; at += PURGE_GROUP) {
        struct purge purge = {.part = page->part,
                              .keys = page->found + at * (size_t)page->part->key_count,
                              .count = MIN((size_t)PURGE_GROUP, page->found_count - at)};
        purge.unit = (struct unit){
            .apply = purge_apply, .scope = erasing->scope, .request = erasing->request};
        err = store_run(erasing->store, &purge.unit);
        if (err != OK) {
            *error = purge.unit.error;
            error->next = NULL;
        }
        unit_deinit(&purge.unit);
    }
    return err;
}

/* ---- one part ---- */

static enum err run_table(struct erasure *erasure, const struct erasure_part *part,
                          int64_t *out_count, struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    struct arena arenas[2]; /* the key behind which a page begins lives in the one before */
    struct value last[PART_KEYS_MAX] = {{0}};
    enum err err = OK;
    bool more = true;
    arena_init(&arenas[0]);
    arena_init(&arenas[1]);
    for (size_t turn = 0; more && err == OK; turn++) {
        struct page page = {.erasure = erasure, .part = part, .arena = &arenas[turn % 2]};
        arena_reset(page.arena);
        page.found = ARENA_ARRAY(page.arena, struct value, (size_t)PART_ROWS * PART_KEYS_MAX);
        err = reader_table(erasing->reader, part->tables, part->find, last, part->key_count, on_row,
                           &page, error);
        *out_count += (int64_t)page.found_count;
        if (err == OK && !erasing->dry_run) {
            err = purge_page(&page, error);
        }
        memcpy(last, page.last, sizeof(last));
        more = page.row_count == PART_ROWS;
        if (err == OK && !erasing->progress(erasing->context, 0, 0)) {
            err = error_set(error, ERR_CANCELLED, "it was interrupted");
        }
    }
    arena_deinit(&arenas[0]);
    arena_deinit(&arenas[1]);
    return err;
}

enum err erasure_parts_run(struct erasure *erasure, struct error *error)
{
    struct erasure_run *erasing = erasure->erasing;
    struct store *store = erasing->store;
    const struct value *before_all = value_get_c(&erasing->report, "kept");
    struct value kept = before_all != NULL ? *before_all : value_map_new();
    enum err err = OK;
    for (int i = 0; i < store->erasure_part_count && err == OK; i++) {
        const struct erasure_part *part = store->erasure_parts[i];
        int64_t count = 0;
        err = part->run != NULL ? part->run(erasing, part->context, &count, error)
                                : run_table(erasure, part, &count, error);
        if (err != OK) {
            error_prefix(error, "%s: ", part->name);
        } else if (count > 0) {
            int64_t before = value_get_int(&kept, part->name, 0);
            value_put_c(erasing->arena, &kept, part->name, value_int(before + count));
        }
    }
    value_put_c(erasing->arena, &erasing->report, "kept", kept);
    return err;
}
