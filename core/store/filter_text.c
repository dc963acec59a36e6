/* Reading a filter's text: and(stage[in]:["won","lost"],organisation.industry[eq]:"energy").
 *
 *   filter := group | test
 *   group  := ("and" | "or" | "not") "(" [filter {"," filter}] ")"      not takes exactly one
 *   test   := path "[" operator "]" ":" value
 *   value  := item | "[" [item {"," item}] "]"
 *   item   := scalar | "{" … "}"        as in JSON; an object is money; NULL and not_null may stand
 *             bare
 *
 * Spaces may stand between any two of these. Pure: no schema is looked at; any thread. Recursion is
 * bounded by FILTER_DEPTH_MAX. */
#include "query.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

struct filter_reader {
    struct arena *arena;
    struct str text;
    size_t at;
    int nodes;
    struct error *error;
};

static struct str place(const struct filter_reader *reader, size_t at)
{
    return arena_printf(reader->arena, "filter, position %zu", at + 1);
}

static enum err wrong(const struct filter_reader *reader, size_t at, const char *sentence)
{
    struct str rest = at < reader->text.len ? str_sub(reader->text, at, 40) : STR("");
    return query_error(reader->error, ERR_FILTER, place(reader, at), utf8_cut(rest, 24), STR(""),
                       "%s", sentence);
}

static char peek(struct filter_reader *reader)
{
    while (reader->at < reader->text.len &&
           (reader->text.at[reader->at] == ' ' || reader->text.at[reader->at] == '\t' ||
            reader->text.at[reader->at] == '\n' || reader->text.at[reader->at] == '\r')) {
        reader->at++;
    }
    if (reader->at == reader->text.len) {
        return '\0';
    }
    return reader->text.at[reader->at];
}

static bool take(struct filter_reader *reader, char c)
{
    if (peek(reader) != c) {
        return false;
    }
    reader->at++;
    return true;
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct str take_word(struct filter_reader *reader, bool dots)
{
    (void)peek(reader);
    size_t from = reader->at;
    while (reader->at < reader->text.len && (word_char(reader->text.at[reader->at]) ||
                                             (dots && reader->text.at[reader->at] == '.'))) {
        reader->at++;
    }
    return str_sub(reader->text, from, reader->at - from);
}

/* ---- values ---- */

/* Past the closing quote, or text.len when there is none. */
static size_t string_end(struct str text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.at[at] == '\\') {
            at++;
        } else if (text.at[at] == '"') {
            return at + 1;
        }
    }
    return text.len;
}

static enum err decode(struct filter_reader *reader, size_t from, struct value *out_value)
{
    struct error inner = {0};
    struct str span = str_sub(reader->text, from, reader->at - from);
    if (json_decode(reader->arena, span, out_value, &inner) != OK) {
        char sentence[200];
        (void)snprintf(sentence, sizeof(sentence), "this value is not valid JSON: %.150s",
                       inner.detail);
        return wrong(reader, from, sentence);
    }
    return OK;
}

static enum err read_scalar(struct filter_reader *reader, struct value *out_value)
{
    char c = peek(reader);
    size_t from = reader->at;
    if (c == '"') {
        reader->at = string_end(reader->text, from);
        return decode(reader, from, out_value);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        while (reader->at < reader->text.len &&
               (word_char(reader->text.at[reader->at]) || reader->text.at[reader->at] == '.' ||
                reader->text.at[reader->at] == '-' || reader->text.at[reader->at] == '+')) {
            reader->at++;
        }
        return decode(reader, from, out_value);
    }
    struct str word = take_word(reader, false);
    if (word.len == 0) {
        return wrong(reader, from,
                     "a value is expected here: \"text\", a number, true, false, "
                     "null or [a list]");
    }
    if (str_is(word, "true") || str_is(word, "false") || str_is(word, "null")) {
        return decode(reader, from, out_value);
    }
    if (str_is(word, "NULL")) {
        *out_value = value_null();
        return OK;
    }
    if (str_eq_nocase(word, STR("not_null"))) {
        *out_value = value_text(STR("not_null"));
        return OK;
    }
    return wrong(reader, from, "text stands in double quotes");
}

/* An object is money; what it holds is judged when it is bound. */
static enum err read_object(struct filter_reader *reader, struct value *out_value)
{
    size_t from = reader->at;
    while (reader->at < reader->text.len && reader->text.at[reader->at] != '}') {
        reader->at = reader->text.at[reader->at] == '"' ? string_end(reader->text, reader->at)
                                                        : reader->at + 1;
    }
    if (reader->at >= reader->text.len) {
        return wrong(reader, from, "this object has no end");
    }
    reader->at++;
    return decode(reader, from, out_value);
}

static enum err read_list(struct filter_reader *reader, struct value *out_value)
{
    size_t from = reader->at;
    *out_value = value_list_new();
    reader->at++;
    bool more = peek(reader) != ']';
    while (more) {
        if (out_value->list.count >= FILTER_LIST_MAX) {
            return query_error(reader->error, ERR_LIMIT, place(reader, from), STR(""), STR(""),
                               "a list in a filter has at most %d values", FILTER_LIST_MAX);
        }
        struct value item;
        enum err err =
            peek(reader) == '{' ? read_object(reader, &item) : read_scalar(reader, &item);
        if (err != OK) {
            return err;
        }
        value_push(reader->arena, out_value, item);
        more = take(reader, ',');
    }
    if (!take(reader, ']')) {
        return wrong(reader, reader->at, "\",\" or \"]\" is expected here");
    }
    return OK;
}

static enum err read_value(struct filter_reader *reader, struct value *out_value)
{
    switch (peek(reader)) {
    case '[':
        return read_list(reader, out_value);
    case '{':
        return read_object(reader, out_value);
    default:
        return read_scalar(reader, out_value);
    }
}

/* ---- nodes ---- */

static enum err read_filter(struct filter_reader *reader, int depth, struct filter **out_filter);

static enum err new_node(struct filter_reader *reader, size_t at, struct filter **out_filter)
{
    if (++reader->nodes > FILTER_NODES_MAX) {
        (void)query_error(reader->error, ERR_LIMIT, place(reader, at), STR(""), STR(""),
                          "a filter has at most %d tests and groups", FILTER_NODES_MAX);
        return ERR_LIMIT;
    }
    *out_filter = ARENA_NEW(reader->arena, struct filter);
    (*out_filter)->pointer = place(reader, at);
    return OK;
}

static enum err read_group(struct filter_reader *reader, int depth, struct filter *group)
{
    struct filter *children[FILTER_NODES_MAX];
    int count = 0;
    size_t from = reader->at;
    bool more = peek(reader) != ')';
    while (more) {
        /* The node count stops it before the array is full. */
        enum err err = read_filter(reader, depth + 1, &children[count]);
        if (err != OK) {
            return err;
        }
        count++;
        more = take(reader, ',');
    }
    if (!take(reader, ')')) {
        return wrong(reader, reader->at, "\",\" or \")\" is expected here");
    }
    if (group->kind == FILTER_NOT && count != 1) {
        return wrong(reader, from, "not(…) takes one test or group");
    }
    group->children = ARENA_ARRAY(reader->arena, struct filter *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        group->children[i] = children[i];
    }
    group->child_count = count;
    return OK;
}

static enum err read_test(struct filter_reader *reader, struct filter *test)
{
    if (!take(reader, '[')) {
        return wrong(reader, reader->at, "\"[operator]:\" is expected here");
    }
    (void)peek(reader);
    size_t from = reader->at;
    struct str word = take_word(reader, false);
    if (word.len == 0 || !take(reader, ']')) {
        return wrong(reader, from, "an operator and \"]\" are expected here");
    }
    enum err err = filter_op_find(word, place(reader, from), &test->op, reader->error);
    if (err != OK) {
        return err;
    }
    if (!take(reader, ':')) {
        return wrong(reader, reader->at, "\":\" is expected here");
    }
    return read_value(reader, &test->value);
}

static enum err read_filter(struct filter_reader *reader, int depth, struct filter **out_filter)
{
    if (depth > FILTER_DEPTH_MAX) {
        return query_error(reader->error, ERR_LIMIT, place(reader, reader->at), STR(""), STR(""),
                           "a filter is at most %d groups deep", FILTER_DEPTH_MAX);
    }
    (void)peek(reader);
    size_t from = reader->at;
    struct str word = take_word(reader, true);
    if (word.len == 0) {
        return wrong(reader, from, "a field or and(…), or(…), not(…) is expected here");
    }
    enum err err = new_node(reader, from, out_filter);
    if (err != OK) {
        return err;
    }
    struct filter *filter = *out_filter;
    if (take(reader, '(')) {
        if (!str_is(word, "and") && !str_is(word, "or") && !str_is(word, "not")) {
            return wrong(reader, from, "only and, or and not take \"(\"");
        }
        filter->kind = word.at[0] == 'a' ? FILTER_AND : word.at[0] == 'o' ? FILTER_OR : FILTER_NOT;
        return read_group(reader, depth, filter);
    }
    filter->kind = FILTER_TEST;
    filter->path = word;
    return read_test(reader, filter);
}

enum err filter_parse(struct arena *arena, struct str text, struct filter **out_filter,
                      struct error *error)
{
    struct filter_reader reader = {.arena = arena, .text = text, .error = error};
    if (text.len > FILTER_TEXT_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "a filter has at most %d bytes", FILTER_TEXT_BYTES_MAX);
    }
    size_t bad = utf8_check(text);
    if (bad < text.len) {
        return query_error(error, ERR_UTF8, place(&reader, bad), STR(""), STR(""),
                           "the filter is not valid UTF-8");
    }
    struct filter *filter = NULL;
    if (peek(&reader) != '\0' || reader.at < text.len) {
        enum err err = read_filter(&reader, 1, &filter);
        if (err != OK) {
            return err;
        }
        (void)peek(&reader);
        if (reader.at < text.len) {
            return wrong(&reader, reader.at, "the filter ended before this");
        }
    }
    *out_filter = filter;
    return OK;
}
