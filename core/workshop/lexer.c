/* Lua 5.4's lexical rules, as far as looking at code needs them. Any thread. */
#include "lexer.h"

struct lexer {
    struct str source;
    size_t at;
    int line;
    size_t line_start;
};

static char peek(const struct lexer *lexer, size_t ahead)
{
    size_t at = lexer->at + ahead;
    if (at >= lexer->source.len) {
        return '\0';
    }
    return lexer->source.at[at];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void advance(struct lexer *lexer, size_t count)
{
    for (size_t i = 0; i < count && lexer->at < lexer->source.len; i++) {
        if (lexer->source.at[lexer->at++] == '\n') {
            lexer->line++;
            lexer->line_start = lexer->at;
        }
    }
}

/* "[[", "[==[": the level; -1: no long bracket begins here. */
static int long_level(const struct lexer *lexer)
{
    int level = 0;
    if (peek(lexer, 0) != '[') {
        return -1;
    }
    while (peek(lexer, (size_t)level + 1) == '=') {
        level++;
    }
    return peek(lexer, (size_t)level + 1) == '[' ? level : -1;
}

static bool closes_long(const struct lexer *lexer, int level)
{
    if (peek(lexer, 0) != ']' || peek(lexer, (size_t)level + 1) != ']') {
        return false;
    }
    for (int i = 1; i <= level; i++) {
        if (peek(lexer, (size_t)i) != '=') {
            return false;
        }
    }
    return true;
}

/* The text between the brackets. */
static struct str take_long(struct lexer *lexer, int level)
{
    advance(lexer, (size_t)level + 2);
    size_t from = lexer->at;
    while (lexer->at < lexer->source.len && !closes_long(lexer, level)) {
        advance(lexer, 1);
    }
    struct str text = str_sub(lexer->source, from, lexer->at - from);
    advance(lexer, (size_t)level + 2);
    return text;
}

static struct str take_quoted(struct lexer *lexer)
{
    char quote = peek(lexer, 0);
    advance(lexer, 1);
    size_t from = lexer->at;
    while (lexer->at < lexer->source.len && peek(lexer, 0) != quote && peek(lexer, 0) != '\n') {
        advance(lexer, peek(lexer, 0) == '\\' ? 2 : 1);
    }
    struct str text = str_sub(lexer->source, from, lexer->at - from);
    advance(lexer, 1);
    return text;
}

static void skip_comment(struct lexer *lexer)
{
    advance(lexer, 2);
    int level = long_level(lexer);
    if (level >= 0) {
        (void)take_long(lexer, level);
        return;
    }
    while (lexer->at < lexer->source.len && peek(lexer, 0) != '\n') {
        advance(lexer, 1);
    }
}

static void skip_blank(struct lexer *lexer)
{
    for (;;) {
        char c = peek(lexer, 0);
        if (lexer->at >= lexer->source.len) {
            return;
        }
        if (c == '-' && peek(lexer, 1) == '-') {
            skip_comment(lexer);
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            advance(lexer, 1);
        } else {
            return;
        }
    }
}

static struct str take_number(struct lexer *lexer)
{
    size_t from = lexer->at;
    while (is_digit(peek(lexer, 0)) || is_letter(peek(lexer, 0)) || peek(lexer, 0) == '.') {
        char c = peek(lexer, 0);
        bool exponent = c == 'e' || c == 'E' || c == 'p' || c == 'P';
        char sign = peek(lexer, 1);
        advance(lexer, exponent && (sign == '+' || sign == '-') ? 2 : 1);
    }
    return str_sub(lexer->source, from, lexer->at - from);
}

static struct str take_sign(struct lexer *lexer)
{
    static const char *const longer[] = {
        "...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
    struct str rest = str_sub(lexer->source, lexer->at, lexer->source.len);
    size_t len = 1;
    for (size_t i = 0; i < COUNT_OF(longer) && len == 1; i++) {
        len = str_starts(rest, str_from(longer[i])) ? strlen(longer[i]) : 1;
    }
    advance(lexer, len);
    return str_sub(rest, 0, len);
}

static struct token take(struct lexer *lexer)
{
    skip_blank(lexer);
    struct token token = {.kind = TOKEN_SIGN,
                          .line = lexer->line,
                          .column = (int)(lexer->at - lexer->line_start) + 1};
    char c = peek(lexer, 0);
    size_t from = lexer->at;
    int level = long_level(lexer);
    if (lexer->at >= lexer->source.len) {
        token.kind = TOKEN_END;
    } else if (is_letter(c)) {
        while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0))) {
            advance(lexer, 1);
        }
        token.kind = TOKEN_NAME;
        token.text = str_sub(lexer->source, from, lexer->at - from);
    } else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) {
        token.kind = TOKEN_NUMBER;
        token.text = take_number(lexer);
    } else if (c == '"' || c == '\'') {
        token.kind = TOKEN_STRING;
        token.text = take_quoted(lexer);
    } else if (level >= 0) {
        token.kind = TOKEN_STRING;
        token.text = take_long(lexer, level);
    } else {
        token.text = take_sign(lexer);
    }
    return token;
}

const struct token *lex(struct arena *arena, struct str source, size_t *out_count)
{
    struct lexer lexer = {.source = source, .line = 1};
    struct buf tokens;
    size_t count = 0;
    buf_init(&tokens);
    if (str_starts(source, STR("#"))) { /* a first line for a shell */
        while (lexer.at < source.len && peek(&lexer, 0) != '\n') {
            advance(&lexer, 1);
        }
    }
    struct token token;
    do {
        token = take(&lexer);
        if (count == TOKENS_MAX) {
            token.kind = TOKEN_END;
        }
        buf_append(&tokens, &token, sizeof(token));
        count++;
    } while (token.kind != TOKEN_END);
    const struct token *copy = arena_dup(arena, tokens.at, tokens.len);
    buf_deinit(&tokens);
    *out_count = count - 1;
    return copy;
}

bool token_is(const struct token *token, const char *text)
{
    return (token->kind == TOKEN_NAME || token->kind == TOKEN_SIGN) && str_is(token->text, text);
}

/* What a word adds to the depth of blocks: `while` and `for` have a `do`, `elseif` no end of its
 * own. */
static int block_step(const struct token *token)
{
    static const char *const openers[] = {"function", "if", "do", "repeat"};
    if (token->kind != TOKEN_NAME) {
        return 0;
    }
    if (token_is(token, "end") || token_is(token, "until")) {
        return -1;
    }
    for (size_t i = 0; i < COUNT_OF(openers); i++) {
        if (token_is(token, openers[i])) {
            return 1;
        }
    }
    return 0;
}

static int bracket_step(const struct token *token)
{
    if (token_is(token, "(") || token_is(token, "{") || token_is(token, "[")) {
        return 1;
    }
    return token_is(token, ")") || token_is(token, "}") || token_is(token, "]") ? -1 : 0;
}

size_t token_behind(const struct token *tokens, size_t open)
{
    bool block = tokens[open].kind == TOKEN_NAME;
    int depth = 0;
    size_t at = open;
    for (; tokens[at].kind != TOKEN_END; at++) {
        depth += block ? block_step(&tokens[at]) : bracket_step(&tokens[at]);
        if (depth <= 0) {
            return at + 1;
        }
    }
    return at;
}
