/* What is looked for: words and their readings, as an expression for the index, and asked of one
 * record's texts without it. Pure; any thread. */
#include "columns.h"
#include "search.h"

/* ---- what is asked ---- */

static enum err add_word(struct asked *out, const struct str *keys, size_t count,
                         struct error *error)
{
    if (out->count == SEARCH_WORDS_MAX) {
        return error_at(error, ERR_LIMIT, "q", NULL, "a search has at most %d words",
                        SEARCH_WORDS_MAX);
    }
    struct asked_word *word = &out->words[out->count++];
    for (size_t i = 0; i < count; i++) {
        word->keys[i] = utf8_cut(keys[i], SEARCH_WORD_BYTES_MAX);
    }
    word->count = count;
    return OK;
}

/* What was written as one word may be several in Latin letters: then each is one without other
 * readings. */
static enum err read_word(struct str written, struct arena *arena, struct asked *out,
                          struct error *error)
{
    struct str keys[TEXT_READINGS_MAX];
    size_t count = text_readings(arena, written, keys);
    struct str rest = count > 0 ? keys[0] : STR("");
    struct str part;
    enum err err = OK;
    if (search_word(&rest, &part) && part.len == keys[0].len) {
        return add_word(out, keys, count, error);
    }
    rest = count > 0 ? keys[0] : STR("");
    while (err == OK && search_word(&rest, &part)) {
        err = add_word(out, &part, 1, error);
    }
    return err;
}

enum err search_read_words(struct str text, struct arena *arena, struct asked *out,
                           struct error *error)
{
    struct buf folded;
    buf_init(&folded);
    text_fold(&folded, text);
    struct str rest = arena_str(arena, buf_str(&folded));
    struct str word;
    enum err err = OK;
    buf_deinit(&folded);
    while (err == OK && search_word(&rest, &word)) {
        err = read_word(word, arena, out, error);
    }
    if (err == OK && out->count == 0) {
        err = error_at(error, ERR_INVALID, "q", NULL,
                       "say what to look for: at least one letter or digit");
    }
    return err;
}

/* "a" AND ("b" * OR "c" *): a single letter is a word of its own, since half of all words begin
 * with it. */
static void add_words(struct buf *out, const struct asked *asked, bool whole)
{
    for (int i = 0; i < asked->count; i++) {
        const struct asked_word *word = &asked->words[i];
        buf_append_str(out, i > 0 ? STR(" AND (") : STR("("));
        for (size_t k = 0; k < word->count; k++) {
            bool prefix = !whole && word->keys[k].len > 1;
            buf_printf(out, "%s\"" STR_FORMAT "\"%s", k > 0 ? " OR " : "", STR_ARGS(word->keys[k]),
                       prefix ? " *" : "");
        }
        buf_append_char(out, ')');
    }
}

void search_look_at(const struct scope *scope, const struct object_type *type, struct searched *out)
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

/* ---- expressions ---- */

/* {c0 c2} : (…) */
static void add_clause(struct buf *out, const struct searched *searched, bool title_alone,
                       const struct asked *asked, bool whole)
{
    buf_append_char(out, '{');
    for (int i = 0; i < searched->count; i++) {
        if (title_alone ? i == searched->title : searched->readable[i]) {
            buf_printf(out, " c%d", i);
        }
    }
    buf_append_str(out, STR(" } : ("));
    add_words(out, asked, whole);
    buf_append_char(out, ')');
}

struct str search_expression(struct arena *arena, const struct asked *asked,
                             const struct searched *searched, enum search_rank rank)
{
    struct buf text;
    bool title_alone = searched->title >= 0 && searched->readable_count == 1;
    bool nowhere_else = rank == SEARCH_ANYWHERE && asked->order == SEARCH_BEST && title_alone;
    if ((rank != SEARCH_ANYWHERE && searched->title < 0) || nowhere_else) {
        return STR("");
    }
    buf_init(&text);
    switch (rank) {
    case SEARCH_EXACT:
        add_clause(&text, searched, true, asked, true);
        break;
    case SEARCH_BEGINNING:
        buf_append_char(&text, '(');
        add_clause(&text, searched, true, asked, false);
        buf_append_char(&text, ')');
        if (!asked->from_start) {
            buf_append_str(&text, STR(" NOT ("));
            add_clause(&text, searched, true, asked, true);
            buf_append_char(&text, ')');
        }
        break;
    case SEARCH_ANYWHERE:
        buf_append_char(&text, '(');
        add_clause(&text, searched, false, asked, false);
        buf_append_char(&text, ')');
        if (asked->order == SEARCH_BEST && searched->title >= 0 && !asked->from_start) {
            buf_append_str(&text, STR(" NOT ("));
            add_clause(&text, searched, true, asked, false);
            buf_append_char(&text, ')');
        }
        break;
    }
    struct str made = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return made;
}

/* ---- the same without the index ---- */

static bool key_fits(struct str asked, struct str word, bool whole)
{
    return whole || asked.len < 2 ? str_eq(word, asked) : str_starts(word, asked);
}

static bool word_fits(const struct asked_word *asked, struct str word, bool whole)
{
    for (size_t i = 0; i < asked->count; i++) {
        if (key_fits(asked->keys[i], word, whole)) {
            return true;
        }
    }
    return false;
}

/* The rank at which a text with this word has the one asked for, if that is better than so far. */
static int better_rank(const struct asked_word *asked, struct str word, bool title, int so_far)
{
    int begun = title ? SEARCH_BEGINNING : SEARCH_ANYWHERE;
    if (title && so_far > SEARCH_EXACT && word_fits(asked, word, true)) {
        return SEARCH_EXACT;
    }
    return so_far > begun && word_fits(asked, word, false) ? begun : so_far;
}

/* By word asked for: the least rank at which the record's texts have it. */
static void look_at_text(const struct asked *asked, struct str text, bool title,
                         int ranks[SEARCH_WORDS_MAX])
{
    struct buf key;
    struct str rest, word;
    buf_init(&key);
    text_latin(&key, utf8_cut(text, SEARCH_TEXT_BYTES_MAX));
    rest = buf_str(&key);
    while (search_word(&rest, &word)) {
        for (int i = 0; i < asked->count; i++) {
            ranks[i] = better_rank(&asked->words[i], word, title, ranks[i]);
        }
    }
    buf_deinit(&key);
}

int search_judge(const struct asked *asked, const struct searched *searched,
                 const struct str *texts)
{
    int ranks[SEARCH_WORDS_MAX];
    int worst = SEARCH_EXACT;
    for (int i = 0; i < asked->count; i++) {
        ranks[i] = SEARCH_RANKS;
    }
    for (int i = 0; i < searched->count; i++) {
        if (searched->readable[i]) {
            look_at_text(asked, texts[i], i == searched->title, ranks);
        }
    }
    for (int i = 0; i < asked->count; i++) {
        worst = MAX(worst, ranks[i]);
    }
    return worst < SEARCH_RANKS && asked->order == SEARCH_NEWEST ? SEARCH_ANYWHERE : worst;
}

bool search_matches(const struct asked *asked, const struct value *value)
{
    int ranks[SEARCH_WORDS_MAX];
    bool matches = false;
    for (int i = 0; i < asked->count; i++) {
        ranks[i] = SEARCH_RANKS;
    }
    if (value->kind == VALUE_TEXT) {
        look_at_text(asked, value->text, false, ranks);
    }
    for (int i = 0; i < asked->count; i++) {
        matches = matches || ranks[i] < SEARCH_RANKS;
    }
    return matches;
}
