/* Lua's patterns with a step budget; see pattern.c. Inside core/lua only. */
#ifndef LUA_PATTERN_H
#define LUA_PATTERN_H

#include "internal.h"

enum {
    PATTERN_CAPTURES_MAX = 32,
    PATTERN_DEPTH_MAX = 200,      /* nested calls of the matcher */
    PATTERN_STEPS_MAX = 10000000, /* of one call of find, match, gsub or one turn of gmatch … */
    PATTERN_STEPS_PER_BYTE = 32,  /* … and so many more per byte of the subject */
};

struct pattern_capture {
    const char *at;
    ptrdiff_t len; /* or CAPTURE_OPEN, CAPTURE_POSITION */
};
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

/* One search: subject, pattern, budget. Lives on the C stack of its caller. */
struct matcher {
    lua_State *L;
    const char *subject, *subject_end;
    const char *pattern_end;
    int depth;
    int level; /* captures, finished or not */
    bool utf8; /* characters are code points; subject and pattern are valid UTF-8 */
    size_t steps, steps_max;
    struct pattern_capture capture[PATTERN_CAPTURES_MAX];
};

void matcher_init(struct matcher *matcher, lua_State *L, struct str subject, struct str pattern);
/* The end of the match of `pattern` that starts exactly at `at`, NULL when there is none. Captures
 * are those of this match. Raises for malformed patterns and past the budget. */
const char *matcher_match(struct matcher *matcher, const char *at, const char *pattern);
/* Pushes the captures of the last match; the whole match (`at` … `end`) when there are none and
 * `at` is not NULL. Their number. */
int matcher_push_captures(struct matcher *matcher, const char *at, const char *end);
/* Pushes capture `index` (from 0), or the whole match for 0 when the pattern has none. */
void matcher_push_capture(struct matcher *matcher, int index, const char *at, const char *end);

#endif
