/* Is a world that crashed and went on like one that did not? Both are told as a list of lines: the
 * records with their fields and the events by type, without what is new each time (ids, also
 * those inside texts, random texts and times), in the order of the alphabet. Main thread. */
#include "internal.h"

#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "proxenos/store_log.h"

#include <ctype.h>
#include <stdlib.h>

enum { DIGEST_PAGE = 1000 };

struct lines {
    struct arena *arena;
    struct str *at;
    size_t count, cap;
};

static void add_line(struct lines *lines, struct str line)
{
    if (lines->count == lines->cap) {
        size_t cap = MAX(64, lines->cap * 2);
        struct str *more = ARENA_ARRAY(lines->arena, struct str, cap);
        if (lines->count > 0) {
            memcpy(more, lines->at, lines->count * sizeof(*more));
        }
        lines->at = more;
        lines->cap = cap;
    }
    lines->at[lines->count++] = line;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Ids, times and hashes that are texts. */
static bool is_new_each_time(const struct object_type *type, const struct field *field)
{
    static const char *const names[] = {"record", "run", "exclude", "content_hash", "votes"};
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(names) && str_is(type->name, "approval"); i++) {
        found = found || str_is(field->name, names[i]);
    }
    return found || field->type == FIELD_REF || field->type == FIELD_REFS ||
           field->type == FIELD_DATETIME;
}

/* A random text, as px.crypto.random gives it in hex: 128 bits and more come out once only. */
static bool is_random(struct str word)
{
    enum { HEX_MIN = 32 };
    bool hex = word.len >= HEX_MIN;
    for (size_t i = 0; hex && i < word.len; i++) {
        hex = isxdigit((unsigned char)word.at[i]) != 0;
    }
    return hex;
}

/* Ids inside longer texts, such as "promise:0p2xh5404000k": all of them the same. */
static void hide_ids(char *text, size_t len)
{
    for (size_t from = 0, to = 0; from < len; from = to + 1) {
        int64_t id = 0;
        for (to = from; to < len && isalnum((unsigned char)text[to]); to++) {
        }
        struct str word = {text + from, to - from};
        bool is_id = to > from && isdigit((unsigned char)text[from]) && id_parse(word, &id) == OK;
        if (is_id || is_random(word)) {
            memset(text + from, '#', word.len);
        }
    }
}

static void add_record(struct lines *lines, const struct object_type *type,
                       const struct value *record)
{
    struct buf line;
    buf_init(&line);
    buf_printf(&line, STR_FORMAT, STR_ARGS(type->name));
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        const struct value *value = value_get(record, field->name);
        if (field->system || is_new_each_time(type, field) || value == NULL ||
            value->kind == VALUE_NULL) {
            continue;
        }
        buf_printf(&line, " " STR_FORMAT "=", STR_ARGS(field->name));
        value_write_api(&line, value);
    }
    hide_ids(line.at, line.len);
    add_line(lines, arena_str(lines->arena, buf_str(&line)));
    buf_deinit(&line);
}

static enum err add_records(struct world *world, const struct object_type *type,
                            struct lines *lines)
{
    struct str after = STR("");
    enum err err = OK;
    do {
        struct value answer;
        err = world_get(world,
                        arena_printf(&world->arena, "/api/v1/" STR_FORMAT "?limit=%d%s" STR_FORMAT,
                                     STR_ARGS(type->path), DIGEST_PAGE,
                                     after.len > 0 ? "&after=" : "",
                                     STR_ARGS(world_encode(world, after))),
                        &answer, NULL);
        const struct value *rows = err == OK ? value_get_c(&answer, "data") : NULL;
        for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
            add_record(lines, type, &rows->list.items[i]);
        }
        after = err == OK ? value_get_text(&answer, "next", STR("")) : STR("");
    } while (err == OK && after.len > 0);
    return err;
}

static void add_event(struct lines *lines, const struct value *event)
{
    struct str type = value_get_text(event, "type", STR(""));
    /* The service's own are told at each start. */
    if (!str_starts(type, STR("plugin.")) && !str_starts(type, STR("schema."))) {
        add_line(lines, arena_printf(lines->arena, "event " STR_FORMAT, STR_ARGS(type)));
    }
}

static enum err add_events(struct world *world, struct lines *lines)
{
    int64_t after = world->first_seq;
    size_t count = 0;
    enum err err = OK;
    do {
        struct value answer;
        err = world_get(world,
                        arena_printf(&world->arena, "/api/v1/events?limit=%d&after=%lld",
                                     DIGEST_PAGE, (long long)after),
                        &answer, NULL);
        const struct value *rows = err == OK ? value_get_c(&answer, "data") : NULL;
        count = rows == NULL ? 0 : rows->list.count;
        for (size_t i = 0; i < count; i++) {
            add_event(lines, &rows->list.items[i]);
            after = value_get_int(&rows->list.items[i], "seq", after);
        }
    } while (err == OK && count == DIGEST_PAGE);
    return err;
}

void chaos_digest(struct world *world, struct buf *out)
{
    struct lines lines = {.arena = &world->arena};
    const struct schema *schema = store_schema(world->parts.store);
    for (int i = 0; i < schema->object_count; i++) {
        if (add_records(world, &schema->objects[i], &lines) != OK) {
            add_line(&lines, arena_printf(&world->arena, STR_FORMAT " cannot be listed",
                                          STR_ARGS(schema->objects[i].name)));
        }
    }
    if (add_events(world, &lines) != OK) {
        add_line(&lines, STR("the events cannot be listed"));
    }
    schema_unref(schema);
    if (lines.count > 0) {
        qsort(lines.at, lines.count, sizeof(*lines.at), by_text);
    }
    for (size_t i = 0; i < lines.count; i++) {
        buf_append_str(out, lines.at[i]);
        buf_append_char(out, '\n');
    }
}

void chaos_compare(const struct buf *straight, const struct buf *crashed, struct error *error)
{
    struct str left = buf_str(straight);
    struct str right = buf_str(crashed);
    struct str a, b;
    if (str_eq(left, right)) {
        return;
    }
    bool more_left = str_split(&left, '\n', &a);
    bool more_right = str_split(&right, '\n', &b);
    while (more_left && more_right && str_eq(a, b)) {
        more_left = str_split(&left, '\n', &a);
        more_right = str_split(&right, '\n', &b);
    }
    bool missing = more_left && (!more_right || str_cmp(a, b) < 0);
    struct str line = str_sub(missing ? a : b, 0, 200);
    (void)error_set(error, ERR_UNMET,
                    missing ? "what is there without a crash is missing: " STR_FORMAT
                            : "there is more than without a crash: " STR_FORMAT,
                    STR_ARGS(line));
}
