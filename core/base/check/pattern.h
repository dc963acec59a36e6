/* Patterns as programs for a machine that is in many states at once (Thompson, Pike): time is
 * length of the text × states, whatever the pattern. Shared by compiler and matcher. */
#ifndef BASE_CHECK_PATTERN_H
#define BASE_CHECK_PATTERN_H

#include "proxenos/base_check.h"

enum {
    PATTERN_SOURCE_MAX = 256, /* bytes */
    PATTERN_STATES_MAX = 2048,
    PATTERN_DEPTH_MAX = 16, /* of groups */
    PATTERN_REPEAT_MAX = 1000,
};

enum pattern_op {
    PATTERN_CHAR,  /* this code point */
    PATTERN_ANY,   /* all but a line's end */
    PATTERN_SET,   /* a member of a set */
    PATTERN_SPLIT, /* go on at both places */
    PATTERN_JUMP,
    PATTERN_MATCH,
};

/* Jumps are relative, so that a stretch of program can be copied. */
struct pattern_step {
    uint8_t op; /* enum pattern_op */
    int16_t to, or_to;
    uint32_t code_point;
    const struct pattern_set *set;
};

struct pattern_range {
    uint32_t first, last;
};

struct pattern_set {
    bool negated, digits, word, spaces;
    size_t count;
    struct pattern_range *ranges;
};

struct pattern {
    size_t count;
    struct pattern_step *steps;
};

#endif
