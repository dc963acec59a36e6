/* The matcher of Lua's patterns: the same language and results as string.find of Lua 5.4, with two
 * bounds that liblua lacks: a budget of steps, so that a pattern that backtracks for ever raises a
 * clear error, and a look at the kill inside long searches. Executor thread. */
#include "pattern.h"

#include "proxenos/base_text.h"

#include <ctype.h>

enum { ESCAPE = '%' };

void matcher_init(struct matcher *matcher, lua_State *L, struct str subject, struct str pattern)
{
    *matcher = (struct matcher){
        .L = L,
        .subject = subject.at,
        .subject_end = subject.at + subject.len,
        .pattern_end = pattern.at + pattern.len,
        .steps_max = PATTERN_STEPS_MAX + subject.len * PATTERN_STEPS_PER_BYTE,
    };
}

static void step(struct matcher *matcher)
{
    if (++matcher->steps % 1024 != 0) {
        return;
    }
    lua_budget_check(matcher->L);
    if (matcher->steps > matcher->steps_max) {
        (void)luaL_error(matcher->L,
                         "the pattern is too complex for this text: stopped after %d "
                         "million steps; use fewer of * + - or anchor it with ^",
                         (int)(matcher->steps / 1000000));
    }
}

/* ---- single characters ---- */

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The character at `at`, which moves behind it: a byte, or a code point. */
static int next_char(const struct matcher *matcher, const char **at, const char *end)
{
    size_t position = 0;
    uint32_t c = 0;
    struct str rest = {*at, (size_t)(end - *at)};
    if (!matcher->utf8 || !utf8_next(rest, &position, &c)) {
        return (unsigned char)*(*at)++;
    }
    *at += position;
    return (int)c;
}

/* The beginning of the character before `at`. */
static const char *back_char(const struct matcher *matcher, const char *at)
{
    at--;
    while (matcher->utf8 && at > matcher->subject && continues(*at)) {
        at--;
    }
    return at;
}

/* Behind the single-character part of the pattern at `p`: a class, a set or a character. */
static const char *class_end(struct matcher *matcher, const char *p)
{
    if (p == matcher->pattern_end) {
        (void)luaL_error(matcher->L, "malformed pattern (ends unexpectedly)");
    }
    char first = *p++;
    if (first == ESCAPE) {
        if (p == matcher->pattern_end) {
            (void)luaL_error(matcher->L, "malformed pattern (ends with '%%')");
        }
        return p + 1;
    }
    if (first != '[') {
        while (matcher->utf8 && p < matcher->pattern_end && continues(*p)) {
            p++;
        }
        return p;
    }
    if (p < matcher->pattern_end && *p == '^') {
        p++;
    }
    do { /* a ']' right at the beginning stands for itself */
        if (p == matcher->pattern_end) {
            (void)luaL_error(matcher->L, "malformed pattern (missing ']')");
        }
        char c = *p++;
        if (c == ESCAPE && p < matcher->pattern_end) {
            p++;
        }
    } while (*p != ']'); /* a NUL stands behind every string of Lua */
    return p + 1;
}

static int is_nul(int c)
{
    return c == 0;
}

static const struct {
    char letter;
    int (*is)(int c);
} classes[] = {
    {'a', isalpha}, {'c', iscntrl}, {'d', isdigit}, {'g', isgraph},  {'l', islower}, {'p', ispunct},
    {'s', isspace}, {'u', isupper}, {'w', isalnum}, {'x', isxdigit}, {'z', is_nul},
};

/* Letters that name no class stand for themselves. */
static bool in_class(const struct matcher *matcher, int c, int class)
{
    if (class > 0x7f) {
        return class == c;
    }
    int letter = (tolower)(class); /* not the macro */
    if (matcher->utf8 && c > 0x7f && strchr("acdglpsuwxz", letter) != NULL) {
        return text_is((uint32_t)c, (char)letter) != (isupper(class) != 0);
    }
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (classes[i].letter == letter) {
            return (classes[i].is(c) != 0) != (isupper(class) != 0);
        }
    }
    return class == c;
}

/* One element of a set: an escape, a range or a character; *at moves behind it. */
static bool in_element(const struct matcher *matcher, int c, const char **at, const char *last)
{
    if (**at == ESCAPE) {
        (*at)++;
        return in_class(matcher, c, next_char(matcher, at, last + 1));
    }
    int from = next_char(matcher, at, last + 1);
    if (**at == '-' && *at + 1 < last) {
        (*at)++;
        return from <= c && c <= next_char(matcher, at, last + 1);
    }
    return from == c;
}

/* `set` is at the '[', `last` at its ']'. */
static bool in_set(const struct matcher *matcher, int c, const char *set, const char *last)
{
    bool negated = set[1] == '^';
    const char *at = set + 1 + negated;
    while (at < last) {
        if (in_element(matcher, c, &at, last)) {
            return !negated;
        }
    }
    return negated;
}

/* Behind the character at `s` when it matches the single-character part p … end; else NULL. */
static const char *single_match(struct matcher *matcher, const char *s, const char *p,
                                const char *end)
{
    step(matcher);
    if (s >= matcher->subject_end) {
        return NULL;
    }
    const char *at = p + 1;
    int c = next_char(matcher, &s, matcher->subject_end);
    bool fits = true;
    switch (*p) {
    case '.':
        break;
    case ESCAPE:
        fits = in_class(matcher, c, next_char(matcher, &at, end));
        break;
    case '[':
        fits = in_set(matcher, c, p, end - 1);
        break;
    default:
        at = p;
        fits = next_char(matcher, &at, end) == c;
        break;
    }
    return fits ? s : NULL;
}

/* ---- parts ---- */

static const char *match_balance(struct matcher *matcher, const char *s, const char *p)
{
    ASSERT(s != NULL);
    if (p >= matcher->pattern_end - 1) {
        (void)luaL_error(matcher->L, "malformed pattern (missing arguments to '%%b')");
    }
    if (s >= matcher->subject_end || *s != *p) {
        return NULL;
    }
    size_t open = 1;
    for (s++; s < matcher->subject_end; s++) {
        step(matcher);
        if (*s == p[1]) {
            open--;
        } else if (*s == *p) {
            open++;
        }
        if (open == 0) {
            return s + 1;
        }
    }
    return NULL;
}

static const char *match_longest(struct matcher *matcher, const char *s, const char *p,
                                 const char *end)
{
    const char *at = s;
    for (const char *next = s; next != NULL; next = single_match(matcher, at, p, end)) {
        at = next;
    }
    for (; at >= s; at = back_char(matcher, at)) {
        const char *found = matcher_match(matcher, at, end + 1);
        if (found != NULL || at == s) {
            return found;
        }
    }
    return NULL;
}

static const char *match_shortest(struct matcher *matcher, const char *s, const char *p,
                                  const char *end)
{
    const char *found = NULL;
    while (s != NULL && found == NULL) {
        found = matcher_match(matcher, s, end + 1);
        s = found == NULL ? single_match(matcher, s, p, end) : s;
    }
    return found;
}

static const char *start_capture(struct matcher *matcher, const char *s, const char *p,
                                 ptrdiff_t kind)
{
    if (matcher->level >= PATTERN_CAPTURES_MAX) {
        (void)luaL_error(matcher->L, "too many captures");
    }
    matcher->capture[matcher->level] = (struct pattern_capture){s, kind};
    matcher->level++;
    const char *found = matcher_match(matcher, s, p);
    if (found == NULL) {
        matcher->level--;
    }
    return found;
}

static const char *end_capture(struct matcher *matcher, const char *s, const char *p)
{
    int open = matcher->level - 1;
    while (open >= 0 && matcher->capture[open].len != CAPTURE_OPEN) {
        open--;
    }
    if (open < 0) {
        (void)luaL_error(matcher->L, "invalid pattern capture");
        return NULL;
    }
    matcher->capture[open].len = s - matcher->capture[open].at;
    const char *found = matcher_match(matcher, s, p);
    if (found == NULL) {
        matcher->capture[open].len = CAPTURE_OPEN;
    }
    return found;
}

/* Lua's "%1" … "%9": the same text again. */
static const char *match_back(struct matcher *matcher, const char *s, int digit)
{
    int index = digit - '1';
    if (index < 0 || index >= matcher->level || matcher->capture[index].len == CAPTURE_OPEN) {
        (void)luaL_error(matcher->L, "invalid capture index %%%d", index + 1);
        return NULL;
    }
    ptrdiff_t len = matcher->capture[index].len;
    ASSERT(s != NULL);
    step(matcher);
    /* A position capture has no text; it never comes again. */
    if (len >= 0 && matcher->subject_end - s >= len &&
        memcmp(matcher->capture[index].at, s, (size_t)len) == 0) {
        return s + len;
    }
    return NULL;
}

/* The "%f[set]" at `p`: true where the character before is outside the set and this one inside. */
static bool at_frontier(struct matcher *matcher, const char *s, const char *p, const char **out_end)
{
    if (p == matcher->pattern_end || *p != '[') {
        (void)luaL_error(matcher->L, "missing '[' after '%%f' in pattern");
    }
    const char *end = class_end(matcher, p);
    const char *back = s == matcher->subject ? s : back_char(matcher, s);
    int before = s == matcher->subject ? '\0' : next_char(matcher, &back, matcher->subject_end);
    int here = s == matcher->subject_end ? '\0' : next_char(matcher, &s, matcher->subject_end);
    *out_end = end;
    return !in_set(matcher, before, p, end - 1) && in_set(matcher, here, p, end - 1);
}

/* ---- the whole ---- */

/* One part of the pattern was matched up to *s; the rest begins at *p. PART_DONE: *s is the answer
 * (or NULL). */
enum part { PART_DONE, PART_NEXT };

/* A single character with what stands behind it: ? * + - or nothing. */
static enum part match_single(struct matcher *matcher, const char **s, const char **p)
{
    const char *end = class_end(matcher, *p);
    int suffix = end < matcher->pattern_end ? *end : '\0';
    const char *next = single_match(matcher, *s, *p, end);
    if (next == NULL && (suffix == '*' || suffix == '?' || suffix == '-')) {
        *p = end + 1; /* none of it */
        return PART_NEXT;
    }
    if (next == NULL) {
        *s = NULL;
        return PART_DONE;
    }
    const char *found;
    switch (suffix) {
    case '*':
        *s = match_longest(matcher, *s, *p, end);
        return PART_DONE;
    case '+':
        *s = match_longest(matcher, next, *p, end);
        return PART_DONE;
    case '-':
        *s = match_shortest(matcher, *s, *p, end);
        return PART_DONE;
    case '?':
        found = matcher_match(matcher, next, end + 1);
        *s = found != NULL ? found : *s;
        *p = end + 1;
        return found != NULL ? PART_DONE : PART_NEXT;
    default:
        *s = next;
        *p = end;
        return PART_NEXT;
    }
}

/* "%b", "%f", "%1" …, or a class. */
static enum part match_escape(struct matcher *matcher, const char **s, const char **p)
{
    int kind = *p + 1 < matcher->pattern_end ? (*p)[1] : '\0';
    if (kind == 'b') {
        *s = match_balance(matcher, *s, *p + 2);
        *p += 4;
        return *s == NULL ? PART_DONE : PART_NEXT;
    }
    if (kind == 'f') {
        const char *end;
        bool there = at_frontier(matcher, *s, *p + 2, &end);
        *p = end;
        *s = there ? *s : NULL;
        return there ? PART_NEXT : PART_DONE;
    }
    if (kind >= '0' && kind <= '9') {
        *s = match_back(matcher, *s, kind);
        *p += 2;
        return *s == NULL ? PART_DONE : PART_NEXT;
    }
    return match_single(matcher, s, p);
}

static enum part match_part(struct matcher *matcher, const char **s, const char **p)
{
    const char *at = *p;
    switch (*at) {
    case '(':
        if (at + 1 < matcher->pattern_end && at[1] == ')') {
            *s = start_capture(matcher, *s, at + 2, CAPTURE_POSITION);
        } else {
            *s = start_capture(matcher, *s, at + 1, CAPTURE_OPEN);
        }
        return PART_DONE;
    case ')':
        *s = end_capture(matcher, *s, at + 1);
        return PART_DONE;
    case '$':
        if (at + 1 != matcher->pattern_end) {
            return match_single(matcher, s, p);
        }
        *s = *s == matcher->subject_end ? *s : NULL;
        return PART_DONE;
    case ESCAPE:
        return match_escape(matcher, s, p);
    default:
        return match_single(matcher, s, p);
    }
}

const char *matcher_match(struct matcher *matcher, const char *at, const char *pattern)
{
    if (matcher->depth >= PATTERN_DEPTH_MAX) {
        (void)luaL_error(matcher->L, "pattern too complex");
    }
    matcher->depth++;
    step(matcher);
    enum part part = PART_NEXT;
    while (pattern < matcher->pattern_end && part == PART_NEXT) {
        part = match_part(matcher, &at, &pattern);
    }
    matcher->depth--;
    return at;
}

/* ---- captures ---- */

void matcher_push_capture(struct matcher *matcher, int index, const char *at, const char *end)
{
    lua_State *L = matcher->L;
    if (index >= matcher->level) {
        if (index != 0) {
            (void)luaL_error(L, "invalid capture index %%%d", index + 1);
        }
        lua_pushlstring(L, at, (size_t)(end - at));
        return;
    }
    const struct pattern_capture *capture = &matcher->capture[index];
    if (capture->len == CAPTURE_OPEN) {
        (void)luaL_error(L, "unfinished capture");
    }
    if (capture->len == CAPTURE_POSITION) {
        struct str before = {matcher->subject, (size_t)(capture->at - matcher->subject)};
        lua_pushinteger(L, (lua_Integer)(matcher->utf8 ? utf8_count(before) : before.len) + 1);
    } else {
        lua_pushlstring(L, capture->at, (size_t)capture->len);
    }
}

int matcher_push_captures(struct matcher *matcher, const char *at, const char *end)
{
    int count = matcher->level == 0 && at != NULL ? 1 : matcher->level;
    luaL_checkstack(matcher->L, count, "too many captures");
    for (int i = 0; i < count; i++) {
        matcher_push_capture(matcher, i, at, end);
    }
    return count;
}
