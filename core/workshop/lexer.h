/* Lua source as tokens with their places, for looking at code without running it (lexer.c). Any
 * thread. */
#ifndef PROXENOS_WORKSHOP_LEXER_H
#define PROXENOS_WORKSHOP_LEXER_H

#include "proxenos/base.h"

enum token_kind {
    TOKEN_NAME,   /* names and keywords */
    TOKEN_STRING, /* text: what is between the quotes, escapes as written */
    TOKEN_NUMBER,
    TOKEN_SIGN, /* one to three characters: "{", "..", "<=" */
    TOKEN_END
};
struct token {
    enum token_kind kind;
    struct str text;
    int line, column; /* from 1; columns are bytes */
};
enum { TOKENS_MAX = 200000 };

/* In arena, a TOKEN_END behind the last. What is no Lua at all becomes signs: whether a file is
 * well formed is for the compiler to say. Past TOKENS_MAX the rest is left out. */
const struct token *lex(struct arena *arena, struct str source, size_t *out_count);

bool token_is(const struct token *token, const char *text); /* a name or a sign */
/* The token behind the one that closes what `open` opens: "(", "{", "[", or a `function`, which its
 * own `end` closes. The index of TOKEN_END when nothing does. */
size_t token_behind(const struct token *tokens, size_t open);

#endif
