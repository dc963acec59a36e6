/* Words of the expression language. Any thread. */
#include "proxenos/base_text.h"

#include "internal.h"

enum err expr_syntax(const struct expr_lexer *lexer, struct str at, const char *format, ...)
{
    char pointer[32];
    char value[64];
    char detail[240];
    size_t offset = (size_t)(at.at - lexer->source.at);
    struct str before = str_sub(lexer->source, 0, offset);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    struct str shown = utf8_cut(at, sizeof(value) - 1);
    (void)snprintf(pointer, sizeof(pointer), "column %zu", utf8_count(before) + 1);
    (void)snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(shown));
    return error_at(lexer->error, ERR_INVALID, pointer, value, "%s", detail);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* The character `ahead` places on; NUL behind the end. */
static char peek(const struct expr_lexer *lexer, size_t ahead)
{
    size_t at = lexer->position + ahead;
    return (char)(at < lexer->source.len ? lexer->source.at[at] : '\0');
}

static struct str rest(const struct expr_lexer *lexer, size_t len)
{
    return str_sub(lexer->source, lexer->position, len);
}

static enum err take_number(struct expr_lexer *lexer, struct expr_token *token)
{
    size_t len = 0;
    while (is_digit(peek(lexer, len))) {
        len++;
    }
    if (peek(lexer, len) == '.' && is_digit(peek(lexer, len + 1))) {
        len++;
        while (is_digit(peek(lexer, len))) {
            len++;
        }
    }
    token->text = rest(lexer, len);
    struct expr_number number;
    if (!expr_number_parse(token->text, &number)) {
        return expr_syntax(lexer, token->text, "the number has too many digits");
    }
    if (is_name(peek(lexer, len))) {
        return expr_syntax(lexer, rest(lexer, len + 1), "a letter follows the number");
    }
    token->kind = TOKEN_CONSTANT;
    token->constant = expr_from_number(&number);
    lexer->position += len;
    return OK;
}

/* A quote inside a text is written twice. */
static enum err take_text(struct expr_lexer *lexer, struct expr_token *token)
{
    char quote = peek(lexer, 0);
    size_t start = lexer->position;
    size_t doubled = 0;
    size_t at = start + 1;
    const struct str source = lexer->source;
    while (at < source.len && (source.at[at] != quote || at + 1 < source.len)) {
        if (source.at[at] == quote && source.at[at + 1] != quote) {
            break;
        }
        doubled += source.at[at] == quote ? 1 : 0;
        at += source.at[at] == quote ? 2 : 1;
    }
    if (at >= source.len) {
        return expr_syntax(lexer, rest(lexer, 1), "the text is not closed by %c", quote);
    }
    struct str text = str_sub(source, start + 1, at - start - 1);
    if (doubled > 0) {
        char *copy = arena_alloc(lexer->arena, text.len);
        size_t len = 0;
        for (size_t i = 0; i < text.len; i++) {
            copy[len++] = text.at[i];
            i += text.at[i] == quote ? 1 : 0;
        }
        text = (struct str){copy, len};
    }
    token->kind = TOKEN_CONSTANT;
    token->text = str_sub(source, start, at + 1 - start);
    token->constant = value_text(text);
    lexer->position = at + 1;
    return OK;
}

static void keyword(struct expr_token *token)
{
    static const struct {
        const char *word;
        enum expr_token_kind kind;
        struct value constant;
    } words[] = {
        {"and", TOKEN_AND, {0}},
        {"or", TOKEN_OR, {0}},
        {"not", TOKEN_NOT, {0}},
        {"in", TOKEN_IN, {0}},
        {"true", TOKEN_CONSTANT, {.kind = VALUE_BOOL, .boolean = true}},
        {"false", TOKEN_CONSTANT, {.kind = VALUE_BOOL, .boolean = false}},
        {"null", TOKEN_CONSTANT, {.kind = VALUE_NULL}},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_is(token->text, words[i].word)) {
            token->kind = words[i].kind;
            token->constant = words[i].constant;
        }
    }
}

static void take_path(struct expr_lexer *lexer, struct expr_token *token)
{
    size_t len = 0;
    while (is_name(peek(lexer, len)) || is_digit(peek(lexer, len)) ||
           (peek(lexer, len) == '.' && is_name(peek(lexer, len + 1)))) {
        len++;
    }
    token->kind = TOKEN_PATH;
    token->text = rest(lexer, len);
    lexer->position += len;
    keyword(token);
}

/* Longer signs stand before their own beginnings. */
static enum err take_sign(struct expr_lexer *lexer, struct expr_token *token)
{
    static const struct {
        const char *sign;
        enum expr_token_kind kind;
    } signs[] = {
        {"..", TOKEN_JOIN},    {"==", TOKEN_EQUAL},      {"~=", TOKEN_UNEQUAL},
        {"!=", TOKEN_UNEQUAL}, {"<=", TOKEN_LESS_EQUAL}, {">=", TOKEN_GREATER_EQUAL},
        {"=", TOKEN_EQUAL},    {"<", TOKEN_LESS},        {">", TOKEN_GREATER},
        {"+", TOKEN_ADD},      {"-", TOKEN_SUBTRACT},    {"*", TOKEN_MULTIPLY},
        {"/", TOKEN_DIVIDE},   {"%", TOKEN_REMAINDER},   {"(", TOKEN_OPEN},
        {")", TOKEN_CLOSE},    {"[", TOKEN_OPEN_LIST},   {"]", TOKEN_CLOSE_LIST},
        {",", TOKEN_COMMA},
    };
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (str_starts(rest(lexer, 2), str_from(signs[i].sign))) {
            token->kind = signs[i].kind;
            token->text = rest(lexer, strlen(signs[i].sign));
            lexer->position += token->text.len;
            return OK;
        }
    }
    /* A whole character is shown, not its first byte. */
    size_t end = lexer->position;
    uint32_t c = 0;
    (void)utf8_next(lexer->source, &end, &c);
    struct str sign = rest(lexer, end - lexer->position);
    return expr_syntax(lexer, sign, STR_FORMAT " means nothing here", STR_ARGS(sign));
}

enum err expr_next_token(struct expr_lexer *lexer, struct expr_token *out_token)
{
    while (peek(lexer, 0) == ' ' || peek(lexer, 0) == '\t' || peek(lexer, 0) == '\n' ||
           peek(lexer, 0) == '\r') {
        lexer->position++;
    }
    char c = peek(lexer, 0);
    *out_token = (struct expr_token){.kind = TOKEN_END, .text = rest(lexer, 0)};
    if (lexer->position == lexer->source.len) {
        return OK;
    }
    if (is_digit(c)) {
        return take_number(lexer, out_token);
    }
    if (c == '\'' || c == '"') {
        return take_text(lexer, out_token);
    }
    if (is_name(c)) {
        take_path(lexer, out_token);
        return OK;
    }
    return take_sign(lexer, out_token);
}
