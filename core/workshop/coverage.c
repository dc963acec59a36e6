/* Which lines of a plugin ran. What could run is read from the compiled files: each instruction
 * knows its line. The lines come from any thread; making and printing: main thread. */
#include "internal.h"

#include "proxenos/base_json.h"

#include <lauxlib.h>
#include <lua.h>

enum { LINES_MAX = 1 << 16, BITS = 64 };

struct covered {
    struct str name;
    int line_count;
    uint64_t *can; /* bit per line: it has code */
    _Atomic uint64_t *ran;
};

struct coverage {
    struct arena arena;
    struct str plugin;
    struct covered *files;
    size_t count;
};

static void mark(uint64_t *bits, int line, int most)
{
    if (line > 0 && line <= most) {
        bits[line / BITS] |= (uint64_t)1 << line % BITS;
    }
}

static bool is_marked(const uint64_t *bits, int line)
{
    return (bits[line / BITS] >> line % BITS & 1) != 0;
}

/* ---- what can run: the lines of a dumped chunk (lundump.c of Lua 5.4) ---- */

struct dump {
    const unsigned char *at, *end;
    bool broken;
};

static const unsigned char *take(struct dump *dump, size_t bytes)
{
    if ((size_t)(dump->end - dump->at) < bytes) {
        dump->broken = true;
        dump->at = dump->end;
        return NULL;
    }
    const unsigned char *here = dump->at;
    dump->at += bytes;
    return here;
}

static int take_byte(struct dump *dump)
{
    const unsigned char *byte = take(dump, 1);
    return byte == NULL ? 0 : *byte;
}

/* Seven bits a byte, the last one marked. */
static size_t take_size(struct dump *dump)
{
    size_t number = 0;
    int byte = 0;
    do {
        byte = take_byte(dump);
        number = number << 7 | (size_t)(byte & 0x7f);
    } while ((byte & 0x80) == 0 && !dump->broken);
    return number;
}

static void skip_string(struct dump *dump)
{
    size_t size = take_size(dump);
    if (size > 0) {
        (void)take(dump, size - 1);
    }
}

static void skip_constants(struct dump *dump)
{
    enum { KIND_FLOAT = 0x13, KIND_INTEGER = 0x03, KIND_SHORT = 0x04, KIND_LONG = 0x14 };
    for (size_t left = take_size(dump); left > 0 && !dump->broken; left--) {
        int kind = take_byte(dump);
        if (kind == KIND_FLOAT || kind == KIND_INTEGER) {
            (void)take(dump, 8);
        } else if (kind == KIND_SHORT || kind == KIND_LONG) {
            skip_string(dump);
        }
    }
}

/* The steps from one instruction's line to the next; -128: the line stands in the other table. */
static void take_lines(struct dump *dump, struct covered *file, int first_line, bool vararg)
{
    size_t step_count = take_size(dump);
    const unsigned char *steps = take(dump, step_count);
    size_t absolute_count = take_size(dump);
    int line = first_line;
    size_t absolute = 0;
    struct {
        size_t at;
        int line;
    } *places = mem_zalloc(sizeof(*places) * (MIN(absolute_count, (size_t)LINES_MAX) + 1));
    for (size_t i = 0; i < absolute_count && !dump->broken; i++) {
        size_t at = take_size(dump);
        int there = (int)take_size(dump);
        if (i < LINES_MAX) {
            places[i].at = at;
            places[i].line = there;
        }
    }
    for (size_t i = 0; steps != NULL && i < step_count; i++) {
        if (absolute < MIN(absolute_count, (size_t)LINES_MAX) && places[absolute].at == i) {
            line = places[absolute++].line;
        } else if ((signed char)steps[i] != -128) {
            line += (signed char)steps[i];
        }
        if (i > 0 || !vararg) { /* the first of a vararg function only arranges arguments */
            mark(file->can, line, file->line_count);
        }
    }
    mem_free(places);
}

static void take_function(struct dump *dump, struct covered *file, int depth)
{
    enum { INSTRUCTION_BYTES = 4, UPVALUE_BYTES = 3, DEPTH_MAX = 200 };
    skip_string(dump);
    int first_line = (int)take_size(dump);
    (void)take_size(dump);
    (void)take_byte(dump);
    bool vararg = take_byte(dump) != 0;
    (void)take_byte(dump);
    (void)take(dump, take_size(dump) * INSTRUCTION_BYTES);
    skip_constants(dump);
    (void)take(dump, take_size(dump) * UPVALUE_BYTES);
    for (size_t left = take_size(dump); left > 0 && !dump->broken; left--) {
        if (depth == DEPTH_MAX) { /* Lua's own limit on nested functions is lower */
            dump->broken = true;
            return;
        }
        take_function(dump, file, depth + 1); // NOLINT(misc-no-recursion): a bounded depth
    }
    take_lines(dump, file, first_line, vararg);
    for (size_t left = take_size(dump); left > 0 && !dump->broken; left--) {
        skip_string(dump);
        (void)take_size(dump);
        (void)take_size(dump);
    }
    for (size_t left = take_size(dump); left > 0 && !dump->broken; left--) {
        skip_string(dump);
    }
}

static int append(lua_State *L, const void *bytes, size_t len, void *context)
{
    (void)L;
    buf_append(context, bytes, len);
    return 0;
}

static void read_file(struct covered *file, struct str text)
{
    /* Signature, version, format, check data, three sizes, two check numbers, upvalue count. */
    enum { HEADER_BYTES = 4 + 1 + 1 + 6 + 3 + 8 + 8 + 1 };
    struct buf dumped;
    lua_State *L = luaL_newstate();
    buf_init(&dumped);
    if (L != NULL && luaL_loadbufferx(L, text.at, text.len, "=file", "t") == LUA_OK &&
        lua_dump(L, append, &dumped, 0) == 0 && dumped.len > HEADER_BYTES) {
        const unsigned char *start = (const unsigned char *)dumped.at;
        struct dump dump = {.at = start + HEADER_BYTES, .end = start + dumped.len};
        take_function(&dump, file, 0);
    }
    if (L != NULL) {
        lua_close(L);
    }
    buf_deinit(&dumped);
}

/* ---- the files ---- */

static int count_lines(struct str text)
{
    int count = 1;
    for (size_t i = 0; i < text.len && count < LINES_MAX; i++) {
        count += text.at[i] == '\n' ? 1 : 0;
    }
    return count;
}

static bool is_code(struct str name)
{
    return !str_is(name, "plugin.lua") && !plugin_schema_file(name) &&
           !str_starts(name, STR("tests/")) && !str_starts(name, STR("locale/"));
}

struct coverage *coverage_new(const struct plugin_source *source)
{
    struct coverage *coverage = mem_zalloc(sizeof(*coverage));
    arena_init(&coverage->arena);
    coverage->plugin = source->name;
    coverage->files = ARENA_ARRAY(&coverage->arena, struct covered, source->file_count + 1);
    for (size_t i = 0; i < source->file_count; i++) {
        const struct bind_file *from = &source->files[i];
        if (!is_code(from->name)) {
            continue;
        }
        struct covered *file = &coverage->files[coverage->count++];
        file->name = from->name;
        file->line_count = count_lines(from->text);
        size_t words = (size_t)file->line_count / BITS + 1;
        file->can = ARENA_ARRAY(&coverage->arena, uint64_t, words);
        file->ran = ARENA_ARRAY(&coverage->arena, _Atomic uint64_t, words);
        read_file(file, from->text);
    }
    return coverage;
}

void coverage_free(struct coverage *coverage)
{
    if (coverage != NULL) {
        arena_deinit(&coverage->arena);
        mem_free(coverage);
    }
}

void coverage_line(void *context, struct lua_host *host, const char *chunk, int line)
{
    struct coverage *coverage = context;
    if (!str_eq(lua_host_name(host), coverage->plugin)) {
        return; /* another plugin, which this one requires */
    }
    for (size_t i = 0; i < coverage->count; i++) {
        struct covered *file = &coverage->files[i];
        if (str_is(file->name, chunk) && line > 0 && line <= file->line_count) {
            atomic_fetch_or(&file->ran[line / BITS], (uint64_t)1 << line % BITS);
            return;
        }
    }
}

/* ---- telling ---- */

static bool has_run(const struct covered *file, int line)
{
    return (atomic_load(&file->ran[line / BITS]) >> line % BITS & 1) != 0;
}

static void count_file(const struct covered *file, int *out_can, int *out_ran)
{
    *out_can = *out_ran = 0;
    for (int line = 1; line <= file->line_count; line++) {
        *out_can += is_marked(file->can, line) ? 1 : 0;
        *out_ran += is_marked(file->can, line) && has_run(file, line) ? 1 : 0;
    }
}

static bool is_missed(const struct covered *file, int line)
{
    return is_marked(file->can, line) && !has_run(file, line);
}

static void write_stretch(struct buf *out, int from, int to)
{
    buf_printf(out, "%s%d", out->len > 0 ? ", " : "", from);
    if (to > from) {
        buf_printf(out, "-%d", to);
    }
}

/* "3-5, 9": lines with code that did not run. Lines without code do not end a stretch. */
static void write_missed(const struct covered *file, struct buf *out)
{
    int from = 0, to = 0;
    for (int line = 1; line <= file->line_count; line++) {
        if (is_missed(file, line)) {
            from = from == 0 ? line : from;
            to = line;
        } else if (from != 0 && is_marked(file->can, line)) {
            write_stretch(out, from, to);
            from = 0;
        }
    }
    if (from != 0) {
        write_stretch(out, from, to);
    }
}

static struct value describe_file(struct arena *arena, const struct covered *file)
{
    struct value row = value_map_new();
    struct value missed = value_list_new();
    int can = 0, ran = 0;
    count_file(file, &can, &ran);
    for (int line = 1; line <= file->line_count; line++) {
        if (is_missed(file, line)) {
            value_push(arena, &missed, value_int(line));
        }
    }
    value_put_c(arena, &row, "file", value_text(file->name));
    value_put_c(arena, &row, "lines", value_int(can));
    value_put_c(arena, &row, "ran", value_int(ran));
    value_put_c(arena, &row, "missed", missed);
    return row;
}

static void print_json(const struct coverage *coverage)
{
    struct arena arena;
    struct buf out;
    struct value rows = value_list_new();
    arena_init(&arena);
    buf_init(&out);
    for (size_t i = 0; i < coverage->count; i++) {
        value_push(&arena, &rows, describe_file(&arena, &coverage->files[i]));
    }
    json_encode(&out, &rows);
    printf("%s\n", buf_cstr(&out));
    buf_deinit(&out);
    arena_deinit(&arena);
}

void coverage_print(struct coverage *coverage, bool json)
{
    if (json) {
        print_json(coverage);
        return;
    }
    printf("# %-32s %6s %6s %5s  not run\n", "file", "lines", "ran", "%");
    for (size_t i = 0; i < coverage->count; i++) {
        const struct covered *file = &coverage->files[i];
        struct buf missed;
        int can = 0, ran = 0;
        buf_init(&missed);
        count_file(file, &can, &ran);
        write_missed(file, &missed);
        printf("# %-32.*s %6d %6d %5.1f  %s\n", STR_ARGS(file->name), can, ran,
               can == 0 ? 100.0 : 100.0 * ran / can, buf_cstr(&missed));
        buf_deinit(&missed);
    }
}
