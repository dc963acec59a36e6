/* Asking the index: words become FTS5 expressions over the fields that the scope may read, hits are
 * joined with their records under the scope before the limit counts, types are merged by id. The
 * reader's thread. */
#include "search.h"
#include "columns.h"
#include "query.h"

struct str search_signature(struct arena *arena, const struct object_type *type)
{
    const struct field *fields[SEARCH_FIELDS_MAX];
    int count = search_fields(type, fields);
    struct buf text;
    buf_init(&text);
    for (int i = 0; i < count; i++) {
        buf_append_str(&text, i > 0 ? STR(",") : STR(""));
        buf_append_str(&text, fields[i]->name);
    }
    struct str signature = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return signature;
}

/* ---- one page ---- */

struct found {
    int64_t id;
    int type; /* in searching->types */
};

struct searching {
    struct reader *reader;
    const struct scope *scope;
    const struct search_query *query;
    struct arena *arena;
    struct asked asked;
    struct searched *types;
    int type_count;
    struct search_few *few; /* by type */
    struct found *found;    /* of one rank, newest first; room for one more than the page */
    int found_count, room;
    struct found *shown; /* of the ranks above, when the page began with the first */
    int shown_count;
};

static void add_found(struct searching *searching, int room, int64_t id, int type)
{
    int at = MIN(searching->found_count, room - 1);
    if (searching->found_count == room && searching->found[room - 1].id > id) {
        return;
    }
    while (at > 0 && searching->found[at - 1].id < id) {
        searching->found[at] = searching->found[at - 1];
        at--;
    }
    searching->found[at] = (struct found){id, type};
    searching->found_count = MIN(searching->found_count + 1, room);
}

/* A hit of a rank above on this page: those of the title are known then, and need not be left out
 * by the expression, which would find them once more. */
static bool was_shown(const struct searching *searching, int64_t id, int type)
{
    for (int i = 0; i < searching->shown_count; i++) {
        if (searching->shown[i].id == id && searching->shown[i].type == type) {
            return true;
        }
    }
    return false;
}

static void on_found(void *context, int64_t id, int type)
{
    struct searching *searching = context;
    if (!was_shown(searching, id, type)) {
        add_found(searching, searching->room, id, type);
    }
}

static enum err find_in_type(struct searching *searching, int type, enum search_rank rank,
                             int64_t before, struct error *error)
{
    const struct searched *searched = &searching->types[type];
    struct str match = search_expression(searching->arena, &searching->asked, searched, rank);
    if (match.len == 0) {
        return OK;
    }
    struct search_walk walk = {.reader = searching->reader,
                               .scope = searching->scope,
                               .arena = searching->arena,
                               .asked = &searching->asked,
                               .searched = searched,
                               .rank = rank,
                               .select = {.type = searched->type,
                                          .match = match,
                                          .before = before,
                                          .limit = searching->room + searching->shown_count},
                               .few = &searching->few[type],
                               .found = on_found,
                               .context = searching,
                               .type_index = type};
    return search_walk(&walk, error);
}

static enum err tell(struct searching *searching, const struct found *found, enum search_rank rank,
                     search_cb hit, void *context, struct error *error)
{
    const struct searched *searched = &searching->types[found->type];
    const struct field *matched[SEARCH_FIELDS_MAX];
    struct search_hit one = {.rank = rank, .matched = matched};
    struct record *record = NULL;
    enum err err = reader_get(searching->reader, searching->scope, searched->type, found->id,
                              searching->arena, &record, error);
    if (err != OK) {
        return err;
    }
    for (int i = 0; i < searched->count; i++) {
        if (searched->readable[i] &&
            search_matches(&searching->asked, &record->values[searched->fields[i]->index])) {
            matched[one.matched_count++] = searched->fields[i];
        }
    }
    one.record = record;
    return hit(context, &one, error);
}

/* ---- cursors: the rank and the id of the last hit, both of which its reader was shown ---- */

static struct str cursor_text(struct arena *arena, enum search_rank rank, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return arena_printf(arena, "%d%s", (int)rank, text);
}

static enum err cursor_read(struct str text, enum search_order order, enum search_rank *out_rank,
                            int64_t *out_before, struct error *error)
{
    *out_rank = order == SEARCH_BEST ? SEARCH_EXACT : SEARCH_ANYWHERE;
    *out_before = INT64_MAX;
    if (text.len == 0) {
        return OK;
    }
    bool ranked = text.at[0] >= '0' + (char)*out_rank && text.at[0] <= '0' + SEARCH_ANYWHERE;
    if (!ranked || id_parse(str_sub(text, 1, text.len), out_before) != OK) {
        return error_at(error, ERR_CURSOR, "after", NULL, "this is no cursor of a search");
    }
    *out_rank = (enum search_rank)(text.at[0] - '0');
    return OK;
}

/* ---- the whole ---- */

static void add_type(struct searching *searching, const struct object_type *type)
{
    struct searched *searched = &searching->types[searching->type_count];
    search_look_at(searching->scope, type, searched);
    searching->type_count += searched->readable_count > 0 ? 1 : 0;
}

static enum err choose_types(struct searching *searching, struct error *error)
{
    const struct search_query *query = searching->query;
    const struct schema *schema = searching->scope->schema;
    size_t count = MAX(query->type_count, (size_t)schema->object_count);
    searching->types = ARENA_ARRAY(searching->arena, struct searched, count + 1);
    searching->few = ARENA_ARRAY(searching->arena, struct search_few, count + 1);
    for (size_t i = 0; i < query->type_count; i++) {
        const struct object_type *type = query->types[i];
        enum err err = query_root(searching->scope, &type, error);
        if (err != OK) {
            return err;
        }
        add_type(searching, type);
    }
    for (int i = 0; query->type_count == 0 && i < schema->object_count; i++) {
        if (scope_reads(searching->scope, &schema->objects[i])) {
            add_type(searching, &schema->objects[i]);
        }
    }
    return OK;
}

static enum err attach(struct reader *reader, struct error *error)
{
    struct buf path;
    if (reader->search_attached) {
        return OK;
    }
    const char *file = search_path(&path, reader->store);
    enum err err = store_search_seq(reader->store) < 0 && search_filling(reader->store)
                       ? error_set(error, ERR_BUSY, "the search index is being made")
                       : search_sql_attach(reader_db(reader), file, error);
    buf_deinit(&path);
    reader->search_attached = err == OK;
    return err;
}

/* A schema that changed a moment ago has types and fields that the index does not know yet, and
 * columns that stand for others by now: those types wait until it has followed. */
static enum err leave_out_others(struct searching *searching, bool *out_any, struct error *error)
{
    int kept = 0;
    enum err err = OK;
    for (int i = 0; i < searching->type_count && err == OK; i++) {
        const struct object_type *type = searching->types[i].type;
        struct str known = STR("");
        err = search_sql_known(reader_db(searching->reader), type->name, searching->arena, &known,
                               error);
        if (err == OK && str_eq(known, search_signature(searching->arena, type))) {
            searching->types[kept++] = searching->types[i];
        }
    }
    *out_any = kept < searching->type_count;
    searching->type_count = kept;
    return err;
}

static enum err find_page(struct searching *searching, search_cb hit, void *context,
                          struct search_page *page, struct error *error)
{
    const struct search_query *query = searching->query;
    enum search_rank rank = SEARCH_EXACT;
    int64_t before = 0;
    enum err err = cursor_read(query->after, query->order, &rank, &before, error);
    for (; err == OK && rank <= SEARCH_ANYWHERE; rank++, before = INT64_MAX) {
        int left = query->limit - page->hit_count;
        searching->found_count = 0;
        searching->room = left + 1;
        for (int i = 0; i < searching->type_count && err == OK; i++) {
            err = find_in_type(searching, i, rank, before, error);
        }
        int shown = MIN(left, searching->found_count);
        for (int i = 0; i < shown && err == OK; i++) {
            err = tell(searching, &searching->found[i], rank, hit, context, error);
            page->hit_count++;
            searching->shown[searching->shown_count] = searching->found[i];
            searching->shown_count += searching->asked.from_start ? 1 : 0;
        }
        if (err == OK && searching->found_count > left) {
            int64_t last = left > 0 ? searching->found[left - 1].id : INT64_MAX;
            page->next = left > 0 ? cursor_text(searching->arena, rank, last) : page->next;
            return OK;
        }
        if (err == OK && shown > 0) {
            page->next = cursor_text(searching->arena, rank, searching->found[shown - 1].id);
        }
    }
    page->next = STR("");
    return err;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_search(struct reader *reader, const struct scope *scope,
                       const struct search_query *query, struct arena *arena, search_cb hit,
                       void *context, struct search_page *out_page, struct error *error)
{
    struct searching searching = {.reader = reader, .scope = scope, .query = query, .arena = arena};
    bool entered = false;
    ASSERT(query->limit > 0 && query->limit <= SEARCH_LIMIT_MAX);
    searching.found = ARENA_ARRAY(arena, struct found, (size_t)query->limit + 1);
    searching.shown = ARENA_ARRAY(arena, struct found, (size_t)query->limit + 1);
    searching.asked = (struct asked){.order = query->order, .from_start = query->after.len == 0};
    *out_page = (struct search_page){.next = STR("")};
    enum err err = search_read_words(query->text, arena, &searching.asked, error);
    if (err == OK) {
        err = choose_types(&searching, error);
    }
    if (err == OK) {
        err = attach(reader, error);
    }
    if (err == OK) {
        err = reader_enter(reader, &entered, error);
    }
    if (err != OK) {
        return err;
    }
    bool behind = false;
    err = leave_out_others(&searching, &behind, error);
    err = err == OK ? find_page(&searching, hit, context, out_page, error) : err;
    reader_leave(reader, entered);
    out_page->filling = behind || search_filling(reader->store);
    return err;
}
