/* Compiling patterns: one pass over the source writes the program; what follows an atom (a repeat,
 * an alternative) moves or copies the stretch that the atom wrote. Any thread. */
#include "proxenos/base_text.h"

#include "pattern.h"

struct compiler {
    struct arena *arena;
    struct str source;
    size_t position;
    int depth;
    struct pattern_step *steps; /* PATTERN_STATES_MAX of them */
    size_t count;
    struct error *error;
};

/* Repeats: at least `least`; `most` < 0 means without end. */
struct repeat {
    int least, most;
};

static enum err fail(struct compiler *compiler, const char *what)
{
    struct str done = str_sub(compiler->source, 0, compiler->position);
    char pointer[32];
    char value[sizeof(compiler->error->value)];
    struct str shown = utf8_cut(compiler->source, sizeof(value) - 1);
    (void)snprintf(pointer, sizeof(pointer), "column %zu", utf8_count(done) + 1);
    (void)snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(shown));
    return error_at(compiler->error, ERR_PATTERN, pointer, value, "pattern, %s: %s", pointer, what);
}

static bool at_end(const struct compiler *compiler)
{
    return compiler->position == compiler->source.len;
}

static char peek(const struct compiler *compiler)
{
    return (char)(at_end(compiler) ? '\0' : compiler->source.at[compiler->position]);
}

static bool take(struct compiler *compiler, char c)
{
    if (at_end(compiler) || peek(compiler) != c) {
        return false;
    }
    compiler->position++;
    return true;
}

/* Opens room for `count` steps at `at`. */
static enum err make_room(struct compiler *compiler, size_t at, size_t count)
{
    /* One more is kept free for the step that ends the program. */
    if (compiler->count + count >= PATTERN_STATES_MAX) {
        return fail(compiler, "the pattern is too large; repeat less");
    }
    memmove(compiler->steps + at + count, compiler->steps + at,
            (compiler->count - at) * sizeof(*compiler->steps));
    compiler->count += count;
    return OK;
}

static enum err put_step(struct compiler *compiler, size_t at, struct pattern_step step)
{
    enum err err = make_room(compiler, at, 1);
    if (err == OK) {
        compiler->steps[at] = step;
    }
    return err;
}

static struct pattern_step split(size_t to, size_t or_to)
{
    return (struct pattern_step){.op = PATTERN_SPLIT, .to = (int16_t)to, .or_to = (int16_t)or_to};
}

static struct pattern_step jump(ptrdiff_t to)
{
    return (struct pattern_step){.op = PATTERN_JUMP, .to = (int16_t)to};
}

/* ---- sets ---- */

static bool add_class(struct pattern_set *set, char letter)
{
    switch (letter) {
    case 'd':
        set->digits = true;
        return true;
    case 'w':
        set->word = true;
        return true;
    case 's':
        set->spaces = true;
        return true;
    default:
        return false;
    }
}

static bool is_sign(uint32_t c)
{
    return c < 0x80 && c > ' ' && !(c >= '0' && c <= '9') &&
           !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* A member of a set: a character, or a class when `*out_class`. */
static enum err take_member(struct compiler *compiler, struct pattern_set *set, uint32_t *out_char,
                            bool *out_class)
{
    bool escaped = take(compiler, '\\');
    *out_class = escaped && add_class(set, peek(compiler));
    if (*out_class) {
        compiler->position++;
        return OK;
    }
    if (!utf8_next(compiler->source, &compiler->position, out_char)) {
        return fail(compiler, "the set is not closed by ]");
    }
    if (escaped && !is_sign(*out_char)) {
        return fail(compiler, "only \\d, \\w, \\s and escaped signs are known");
    }
    return OK;
}

static enum err take_range(struct compiler *compiler, struct pattern_set *set)
{
    struct pattern_range range = {0, 0};
    bool is_class = false;
    enum err err = take_member(compiler, set, &range.first, &is_class);
    if (err != OK || is_class) {
        return err;
    }
    range.last = range.first;
    struct str rest = str_sub(compiler->source, compiler->position, 2);
    if (rest.len == 2 && rest.at[0] == '-' && rest.at[1] != ']') {
        compiler->position++;
        err = take_member(compiler, set, &range.last, &is_class);
        if (err != OK) {
            return err;
        }
        if (is_class || range.last < range.first) {
            return fail(compiler, "the range in the set runs backwards");
        }
    }
    set->ranges[set->count++] = range;
    return OK;
}

static enum err take_set(struct compiler *compiler)
{
    struct pattern_set *set = ARENA_NEW(compiler->arena, struct pattern_set);
    set->ranges = ARENA_ARRAY(compiler->arena, struct pattern_range, compiler->source.len);
    set->negated = take(compiler, '^');
    if (peek(compiler) == ']') {
        return fail(compiler, "the set is empty");
    }
    while (!take(compiler, ']')) {
        enum err err = take_range(compiler, set);
        if (err != OK) {
            return err;
        }
    }
    struct pattern_step step = {.op = PATTERN_SET, .set = set};
    return put_step(compiler, compiler->count, step);
}

/* ---- atoms ---- */

static enum err take_escape(struct compiler *compiler)
{
    struct pattern_set *set = ARENA_NEW(compiler->arena, struct pattern_set);
    if (add_class(set, peek(compiler))) {
        compiler->position++;
        struct pattern_step step = {.op = PATTERN_SET, .set = set};
        return put_step(compiler, compiler->count, step);
    }
    uint32_t c = 0;
    if (!utf8_next(compiler->source, &compiler->position, &c) || !is_sign(c)) {
        return fail(compiler, "only \\d, \\w, \\s and escaped signs are known");
    }
    struct pattern_step step = {.op = PATTERN_CHAR, .code_point = c};
    return put_step(compiler, compiler->count, step);
}

static enum err take_alternatives(struct compiler *compiler);

static enum err take_group(struct compiler *compiler)
{
    if (compiler->depth == PATTERN_DEPTH_MAX) {
        return fail(compiler, "the groups are nested too deep");
    }
    compiler->depth++;
    enum err err = take_alternatives(compiler);
    compiler->depth--;
    if (err == OK && !take(compiler, ')')) {
        return fail(compiler, "the group is not closed by )");
    }
    return err;
}

static enum err take_atom(struct compiler *compiler)
{
    uint32_t c = 0;
    if (take(compiler, '(')) {
        return take_group(compiler);
    }
    if (take(compiler, '[')) {
        return take_set(compiler);
    }
    if (take(compiler, '\\')) {
        return take_escape(compiler);
    }
    if (take(compiler, '.')) {
        return put_step(compiler, compiler->count, (struct pattern_step){.op = PATTERN_ANY});
    }
    if (strchr("?*+{", peek(compiler)) != NULL) {
        return fail(compiler, "there is nothing to repeat before this sign");
    }
    if (strchr("^$", peek(compiler)) != NULL) {
        return fail(compiler, "^ and $ are not needed: a pattern stands for the whole text");
    }
    if (strchr("]}", peek(compiler)) != NULL) {
        return fail(compiler, "a closing sign stands alone; write \\ before it");
    }
    (void)utf8_next(compiler->source, &compiler->position, &c);
    struct pattern_step step = {.op = PATTERN_CHAR, .code_point = c};
    return put_step(compiler, compiler->count, step);
}

/* ---- repeats ---- */

static bool take_count(struct compiler *compiler, int *out_count)
{
    int count = 0;
    size_t digits = 0;
    while (peek(compiler) >= '0' && peek(compiler) <= '9' && digits < 4) {
        count = count * 10 + (peek(compiler) - '0');
        compiler->position++;
        digits++;
    }
    *out_count = count;
    return digits > 0 && count <= PATTERN_REPEAT_MAX;
}

/* What follows "{". */
static enum err take_counts(struct compiler *compiler, struct repeat *repeat)
{
    bool right = take_count(compiler, &repeat->least);
    repeat->most = repeat->least;
    if (right && take(compiler, ',')) {
        repeat->most = -1;
        right = peek(compiler) == '}' || take_count(compiler, &repeat->most);
    }
    right = right && take(compiler, '}') && (repeat->most < 0 || repeat->most >= repeat->least);
    return right ? OK : fail(compiler, "expected {n}, {n,} or {m,n} up to 1000");
}

static enum err take_repeat(struct compiler *compiler, struct repeat *repeat)
{
    *repeat = (struct repeat){1, 1};
    if (take(compiler, '?')) {
        *repeat = (struct repeat){0, 1};
    } else if (take(compiler, '*')) {
        *repeat = (struct repeat){0, -1};
    } else if (take(compiler, '+')) {
        *repeat = (struct repeat){1, -1};
    } else if (take(compiler, '{')) {
        return take_counts(compiler, repeat);
    }
    return OK;
}

/* Writes the atom once more, as optional: split over it. */
static enum err put_optional(struct compiler *compiler, const struct pattern_step *atom, size_t len)
{
    size_t at = compiler->count;
    enum err err = make_room(compiler, at, len + 1);
    if (err == OK) {
        compiler->steps[at] = split(1, len + 1);
        memcpy(compiler->steps + at + 1, atom, len * sizeof(*atom));
    }
    return err;
}

static enum err put_copy(struct compiler *compiler, const struct pattern_step *atom, size_t len)
{
    size_t at = compiler->count;
    enum err err = make_room(compiler, at, len);
    if (err == OK) {
        memcpy(compiler->steps + at, atom, len * sizeof(*atom));
    }
    return err;
}

/* Replaces the atom from `start` on by as many copies as are asked for. */
static enum err repeat_atom(struct compiler *compiler, size_t start, struct repeat repeat)
{
    size_t len = compiler->count - start;
    if (len == 0 || (repeat.least == 1 && repeat.most == 1)) {
        return OK;
    }
    struct pattern_step *atom =
        arena_dup(compiler->arena, compiler->steps + start, len * sizeof(*atom));
    enum err err = OK;
    compiler->count = start;
    for (int i = 0; i < repeat.least && err == OK; i++) {
        err = put_copy(compiler, atom, len);
    }
    for (int i = repeat.least; i < repeat.most && err == OK; i++) {
        err = put_optional(compiler, atom, len);
    }
    if (repeat.most < 0 && err == OK) {
        err = put_optional(compiler, atom, len);
        if (err == OK) {
            compiler->steps[compiler->count - len - 1].or_to++;
            err = put_step(compiler, compiler->count, jump(-(ptrdiff_t)len - 1));
        }
    }
    return err;
}

static enum err take_branch(struct compiler *compiler)
{
    while (!at_end(compiler) && peek(compiler) != '|' && peek(compiler) != ')') {
        struct repeat repeat;
        size_t start = compiler->count;
        enum err err = take_atom(compiler);
        err = err == OK ? take_repeat(compiler, &repeat) : err;
        err = err == OK ? repeat_atom(compiler, start, repeat) : err;
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* Branch, split, jump: the jumps to the common end are chained through their own targets until the
 * end is known. */
static enum err take_alternatives(struct compiler *compiler)
{
    size_t last_jump = SIZE_MAX;
    size_t start = compiler->count;
    enum err err = take_branch(compiler);
    while (err == OK && take(compiler, '|')) {
        ptrdiff_t chain = last_jump == SIZE_MAX ? -1 : (ptrdiff_t)last_jump;
        err = put_step(compiler, start, split(1, compiler->count - start + 2));
        err = err == OK ? put_step(compiler, compiler->count, jump(chain)) : err;
        last_jump = compiler->count - 1;
        start = compiler->count;
        err = err == OK ? take_branch(compiler) : err;
    }
    if (err != OK) {
        return err;
    }
    while (last_jump != SIZE_MAX) {
        int16_t chain = compiler->steps[last_jump].to;
        compiler->steps[last_jump].to = (int16_t)(compiler->count - last_jump);
        last_jump = chain < 0 ? SIZE_MAX : (size_t)chain;
    }
    return OK;
}

enum err pattern_compile(struct arena *arena, struct str source, struct pattern **out_pattern,
                         struct error *error)
{
    struct compiler compiler = {.arena = arena, .source = source, .error = error};
    if (source.len > PATTERN_SOURCE_MAX) {
        return fail(&compiler, "the pattern is longer than 256 bytes");
    }
    if (!utf8_valid(source)) {
        return fail(&compiler, "the pattern is not UTF-8");
    }
    compiler.steps = mem_alloc(PATTERN_STATES_MAX * sizeof(*compiler.steps));
    enum err err = take_alternatives(&compiler);
    if (err == OK && !at_end(&compiler)) {
        err = fail(&compiler, "a closing ) stands alone");
    }
    if (err == OK) {
        compiler.steps[compiler.count++] = (struct pattern_step){.op = PATTERN_MATCH};
        struct pattern *pattern = ARENA_NEW(arena, struct pattern);
        pattern->count = compiler.count;
        pattern->steps = arena_dup(arena, compiler.steps, compiler.count * sizeof(*compiler.steps));
        *out_pattern = pattern;
    }
    mem_free(compiler.steps);
    return err;
}
