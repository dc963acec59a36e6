/* Asking the index: words become FTS5 expressions over the fields that the scope may read, hits are
 * joined with their records under the scope before the limit counts, types are merged by id. The
 * reader's thread. */
#include "search.h"
#include "columns.h"
#include "proxenos/base_text.h"
#include "query.h"
#include "sqlite/search_sql.h"

struct words {
    struct str words[SEARCH_WORDS_MAX];
    int count;
};

/* ---- what is asked ---- */

static enum err read_words(struct str text, struct arena *arena, struct words *out,
                           struct error *error)
{
    struct buf key;
    buf_init(&key);
    text_latin(&key, text);
    struct str rest = arena_str(arena, buf_str(&key));
    struct str word;
    buf_deinit(&key);
    while (search_word(&rest, &word)) {
        if (out->count == SEARCH_WORDS_MAX) {
            return error_at(error, ERR_LIMIT, "q", NULL, "a search has at most %d words",
                            SEARCH_WORDS_MAX);
        }
        out->words[out->count++] = utf8_cut(word, SEARCH_WORD_BYTES_MAX);
    }
    if (out->count == 0) {
        return error_at(error, ERR_INVALID, "q", NULL,
                        "say what to look for: at least one letter or digit");
    }
    return OK;
}

/* "a" AND "b" *: a single letter is a word of its own, since half of all words begin with it. */
static void add_words(struct buf *out, const struct words *words, bool whole)
{
    for (int i = 0; i < words->count; i++) {
        bool prefix = !whole && words->words[i].len > 1;
        buf_printf(out, "%s\"" STR_FORMAT "\"%s", i > 0 ? " AND " : "", STR_ARGS(words->words[i]),
                   prefix ? " *" : "");
    }
}

/* The columns of a type that the scope may ask about. */
struct searched {
    const struct object_type *type;
    const struct field *fields[SEARCH_FIELDS_MAX]; /* all, by column */
    bool readable[SEARCH_FIELDS_MAX];
    int count, readable_count;
    int title; /* column; -1: none to be read */
};

static void look_at_type(const struct scope *scope, const struct object_type *type,
                         struct searched *out)
{
    *out = (struct searched){.type = type, .title = -1};
    out->count = search_fields(type, out->fields);
    for (int i = 0; i < out->count; i++) {
        out->readable[i] = scope_field(scope, type, out->fields[i]) >= FIELD_READABLE;
        out->readable_count += out->readable[i] ? 1 : 0;
        if (out->readable[i] && out->fields[i]->index == type->title_field) {
            out->title = i;
        }
    }
}

/* {c0 c2} : (…) */
static void add_clause(struct buf *out, const struct searched *searched, bool title_alone,
                       const struct words *words, bool whole)
{
    buf_append_char(out, '{');
    for (int i = 0; i < searched->count; i++) {
        if (title_alone ? i == searched->title : searched->readable[i]) {
            buf_printf(out, " c%d", i);
        }
    }
    buf_append_str(out, STR(" } : ("));
    add_words(out, words, whole);
    buf_append_char(out, ')');
}

/* Each rank without what the rank above found; empty when this rank cannot be had. */
static struct str expression(struct arena *arena, const struct searched *searched,
                             const struct words *words, enum search_order order,
                             enum search_rank rank)
{
    struct buf text;
    if (rank != SEARCH_ANYWHERE && searched->title < 0) {
        return STR("");
    }
    buf_init(&text);
    switch (rank) {
    case SEARCH_EXACT:
        add_clause(&text, searched, true, words, true);
        break;
    case SEARCH_BEGINNING:
        buf_append_char(&text, '(');
        add_clause(&text, searched, true, words, false);
        buf_append_str(&text, STR(") NOT ("));
        add_clause(&text, searched, true, words, true);
        buf_append_char(&text, ')');
        break;
    case SEARCH_ANYWHERE:
        buf_append_char(&text, '(');
        add_clause(&text, searched, false, words, false);
        buf_append_char(&text, ')');
        if (order == SEARCH_BEST && searched->title >= 0) {
            buf_append_str(&text, STR(" NOT ("));
            add_clause(&text, searched, true, words, false);
            buf_append_char(&text, ')');
        }
        break;
    }
    struct str made = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return made;
}

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
    struct words words;
    struct searched *types;
    int type_count;
    struct found *found; /* of one rank, newest first; room for one more than the page */
    int found_count;
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

static enum err find_in_type(struct searching *searching, int type, enum search_rank rank,
                             int64_t before, int room, struct error *error)
{
    const struct searched *searched = &searching->types[type];
    struct db_stmt *stmt = NULL;
    struct sql sql;
    bool row = false;
    struct search_select select = {.type = searched->type,
                                   .match =
                                       expression(searching->arena, searched, &searching->words,
                                                  searching->query->order, rank),
                                   .before = before,
                                   .limit = room};
    if (select.match.len == 0) {
        return OK;
    }
    sql_init(&sql, searching->arena, searching->scope, searched->type, 0);
    enum err err = search_sql_start(&sql, reader_db(searching->reader), &select, &stmt, error);
    while (err == OK && (err = db_step(stmt, &row, error)) == OK && row) {
        add_found(searching, room, db_column_int(stmt, 0), type);
    }
    db_done(stmt);
    return err;
}

/* Does a word of the text begin with (or equal) one of the words asked for? */
static bool field_matches(const struct searching *searching, const struct value *value)
{
    struct buf key;
    struct str rest, word;
    bool matches = false;
    if (value->kind != VALUE_TEXT) {
        return false;
    }
    buf_init(&key);
    text_latin(&key, utf8_cut(value->text, SEARCH_TEXT_BYTES_MAX));
    rest = buf_str(&key);
    while (!matches && search_word(&rest, &word)) {
        for (int i = 0; i < searching->words.count && !matches; i++) {
            struct str asked = searching->words.words[i];
            matches = asked.len > 1 ? str_starts(word, asked) : str_eq(word, asked);
        }
    }
    buf_deinit(&key);
    return matches;
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
            field_matches(searching, &record->values[searched->fields[i]->index])) {
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
    look_at_type(searching->scope, type, searched);
    searching->type_count += searched->readable_count > 0 ? 1 : 0;
}

static enum err choose_types(struct searching *searching, struct error *error)
{
    const struct search_query *query = searching->query;
    const struct schema *schema = searching->scope->schema;
    size_t count = MAX(query->type_count, (size_t)schema->object_count);
    searching->types = ARENA_ARRAY(searching->arena, struct searched, count + 1);
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
        for (int i = 0; i < searching->type_count && err == OK; i++) {
            err = find_in_type(searching, i, rank, before, left + 1, error);
        }
        int shown = MIN(left, searching->found_count);
        for (int i = 0; i < shown && err == OK; i++) {
            err = tell(searching, &searching->found[i], rank, hit, context, error);
            page->hit_count++;
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
    *out_page = (struct search_page){.next = STR("")};
    enum err err = read_words(query->text, arena, &searching.words, error);
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
