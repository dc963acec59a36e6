/* The matcher of Lua's patterns: the same language and results as string.find of Lua 5.4, with two
 * bounds that liblua lacks: a budget of steps, so that a pattern that backtracks for ever raises a
 * clear error, and a look at the kill inside long searches. Executor thread. */
#include "pattern.h"

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
static bool in_class(int c, int class)
{
    int letter = (tolower)(class); /* not the macro */
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (classes[i].letter == letter) {
            return (classes[i].is(c) != 0) != (isupper(class) != 0);
        }
    }
    return class == c;
}

/* One element of a set: an escape, a range or a character; *at moves behind it. */
static bool in_element(int c, const char **at, const char *last)
{
    const char *element = *at;
    if (*element == ESCAPE) {
        *at += 2;
        return in_class(c, (unsigned char)element[1]);
    }
    if (element[1] == '-' && element + 2 < last) {
        *at += 3;
        return (unsigned char)element[0] <= c && c <= (unsigned char)element[2];
    }
    *at += 1;
    return (unsigned char)*element == c;
}

/* `set` is at the '[', `last` at its ']'. */
static bool in_set(int c, const char *set, const char *last)
{
    bool negated = set[1] == '^';
    const char *at = set + 1 + negated;
    while (at < last) {
        if (in_element(c, &at, last)) {
            return !negated;
        }
    }
    return negated;
}

/* Does the character at `s` match the single-character part p … end? */
static bool single_match(struct matcher *matcher, const char *s, const char *p, const char *end)
{
    step(matcher);
    if (s >= matcher->subject_end) {
        return false;
    }
    int c = (unsigned char)*s;
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return in_class(c, (unsigned char)p[1]);
    case '[':
        return in_set(c, p, end - 1);
    default:
        return (unsigned char)*p == c;
    }
}

/* ---- parts ---- */

static const char *match_balance(struct matcher *matcher, const char *s, const char *p)
{
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
    ptrdiff_t count = 0;
    while (single_match(matcher, s + count, p, end)) {
        count++;
    }
    for (; count >= 0; count--) {
        const char *found = matcher_match(matcher, s + count, end + 1);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static const char *match_shortest(struct matcher *matcher, const char *s, const char *p,
                                  const char *end)
{
    for (;;) {
        const char *found = matcher_match(matcher, s, end + 1);
        if (found != NULL) {
            return found;
        }
        if (!single_match(matcher, s, p, end)) {
            return NULL;
        }
        s++;
    }
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
    int before = s == matcher->subject ? '\0' : (unsigned char)s[-1];
    int here = s == matcher->subject_end ? '\0' : (unsigned char)*s;
    *out_end = end;
    return !in_set(before, p, end - 1) && in_set(here, p, end - 1);
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
    bool fits = single_match(matcher, *s, *p, end);
    if (!fits && (suffix == '*' || suffix == '?' || suffix == '-')) {
        *p = end + 1; /* none of it */
        return PART_NEXT;
    }
    if (!fits) {
        *s = NULL;
        return PART_DONE;
    }
    const char *found;
    switch (suffix) {
    case '*':
        *s = match_longest(matcher, *s, *p, end);
        return PART_DONE;
    case '+':
        *s = match_longest(matcher, *s + 1, *p, end);
        return PART_DONE;
    case '-':
        *s = match_shortest(matcher, *s, *p, end);
        return PART_DONE;
    case '?':
        found = matcher_match(matcher, *s + 1, end + 1);
        *s = found != NULL ? found : *s;
        *p = end + 1;
        return found != NULL ? PART_DONE : PART_NEXT;
    default:
        *s += 1;
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
        lua_pushinteger(L, capture->at - matcher->subject + 1);
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
