/* Events for tests: t.emit, t.expect_event, t.expect_no_event, t.dead_letters. Main thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/store_log.h"

enum { EVENTS_PAGE = 1000 };

/* ---- emit ---- */

struct emitting {
    struct unit unit;
    struct str type;
    struct value data;
};

static enum err emit_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    const struct emitting *emitting = CONTAINER_OF(unit, struct emitting, unit);
    return tx_emit(tx, emitting->type, &emitting->data, error);
}

static enum err refuse_record_event(const struct test *test, struct str type, struct error *error)
{
    const struct schema *schema = store_schema(test->world->parts.store);
    size_t dot = 0;
    bool record =
        str_find(type, STR("."), &dot) && schema_object(schema, str_sub(type, 0, dot)) != NULL;
    schema_unref(schema);
    if (!record) {
        return OK;
    }
    return error_set(error, ERR_INVALID,
                     STR_FORMAT
                     " is told by a change of a record: make one with t.create, t.update "
                     "or t.delete",
                     STR_ARGS(str_sub(type, 0, 80)));
}

enum err t_emit(struct test *test, const struct value *args, struct value *out, struct error *error)
{
    (void)out;
    struct world *world = test->world;
    const struct value *data = t_arg(args, 1);
    struct emitting emitting = {.data = data == NULL ? value_map_new() : *data};
    emitting.unit =
        (struct unit){.apply = emit_apply, .scope = world->admin.scope, .request = STR("test")};
    enum err err = t_text(args, 0, "the type of an event", &emitting.type, error);
    if (err == OK) {
        err = refuse_record_event(test, emitting.type, error);
    }
    if (err != OK) {
        return err;
    }
    err = store_run(world->parts.store, &emitting.unit);
    if (err != OK) {
        *error = emitting.unit.error;
        error->next = NULL;
    }
    unit_deinit(&emitting.unit);
    return err == OK ? world_settle(world, error) : err;
}

/* ---- expectations ---- */

/* As JSON would show it: a date is its text, a record its id. */
static struct value as_json(struct arena *arena, const struct value *value)
{
    struct buf text;
    struct value plain = value_null();
    buf_init(&text);
    value_write_api(&text, value);
    if (json_decode(arena, arena_str(arena, buf_str(&text)), &plain, NULL) != OK) {
        plain = *value;
    }
    buf_deinit(&text);
    const struct value *id = value_get_c(&plain, "id");
    return id != NULL && id->kind == VALUE_TEXT ? *id : plain;
}

static bool has_all(struct arena *arena, const struct value *wanted, const struct value *data)
{
    for (size_t i = 0; i < wanted->map.count; i++) {
        const struct value_entry *entry = &wanted->map.entries[i];
        const struct value *found = value_get(data, entry->key);
        struct value plain = as_json(arena, &entry->value);
        if (found == NULL || !value_equal(&plain, found)) {
            return false;
        }
    }
    return true;
}

/* Of a record: what the change set; of a plugin's own event: its data. */
static bool fits(struct arena *arena, const struct value *wanted, const struct value *event)
{
    const struct value *data = value_get_c(event, "data");
    const struct value *after = data == NULL ? NULL : value_get_c(data, "after");
    bool record = value_get_c(event, "object") != NULL;
    struct value none = value_map_new();
    if (wanted == NULL) {
        return true;
    }
    return has_all(arena, wanted, record && after != NULL ? after : data != NULL ? data : &none);
}

struct search {
    struct str pattern;
    const struct value *wanted; /* NULL: any */
    struct value found;         /* null: none */
    size_t count;               /* of this pattern */
};

static enum err read_page(struct test *test, struct search *search, int64_t *after, bool *out_more,
                          struct error *error)
{
    struct world *world = test->world;
    struct value answer;
    enum err err = world_get(world,
                             arena_printf(&world->arena,
                                          "/api/v1/events?limit=%d&after=%lld&pattern=" STR_FORMAT,
                                          EVENTS_PAGE, (long long)*after,
                                          STR_ARGS(world_encode(world, search->pattern))),
                             &answer, error);
    const struct value *rows = err == OK ? value_get_c(&answer, "data") : NULL;
    *out_more = rows != NULL && rows->list.count == EVENTS_PAGE;
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        const struct value *event = &rows->list.items[i];
        *after = value_get_int(event, "seq", *after);
        search->count++;
        if (search->found.kind == VALUE_NULL && fits(&world->arena, search->wanted, event)) {
            search->found = *event;
        }
    }
    return err;
}

static enum err search(struct test *test, const struct value *args, struct search *out,
                       struct error *error)
{
    *out = (struct search){.found = value_null(), .wanted = t_arg(args, 1)};
    enum err err = t_text(args, 0, "the pattern of an event", &out->pattern, error);
    if (err == OK && !log_pattern_valid(out->pattern)) {
        err =
            error_set(error, ERR_INVALID,
                      "\"" STR_FORMAT "\" is not an event pattern; write object.verb, object.*, or "
                      "object.field.state",
                      STR_ARGS(str_sub(out->pattern, 0, 80)));
    }
    if (err == OK && out->wanted != NULL && out->wanted->kind != VALUE_MAP) {
        err = error_set(error, ERR_TYPE, "a table of values is needed here, not %s",
                        value_kind_name(out->wanted));
    }
    int64_t after = test->world->first_seq;
    bool more = true;
    while (err == OK && more) {
        err = read_page(test, out, &after, &more, error);
    }
    return err;
}

enum err t_expect_event(struct test *test, const struct value *args, struct value *out,
                        struct error *error)
{
    struct search found;
    enum err err = search(test, args, &found, error);
    if (err == OK && found.found.kind == VALUE_NULL) {
        return error_set(
            error, ERR_UNMET, "expected an event " STR_FORMAT "%s; %zu of that pattern came",
            STR_ARGS(found.pattern), found.wanted != NULL ? " with these values" : "", found.count);
    }
    *out = found.found;
    return err;
}

enum err t_expect_no_event(struct test *test, const struct value *args, struct value *out,
                           struct error *error)
{
    (void)out;
    struct search found;
    enum err err = search(test, args, &found, error);
    if (err == OK && found.found.kind != VALUE_NULL) {
        return error_set(error, ERR_UNMET, "expected no event " STR_FORMAT "%s, and one came",
                         STR_ARGS(found.pattern), found.wanted != NULL ? " with these values" : "");
    }
    return err;
}

enum err t_dead_letters(struct test *test, const struct value *args, struct value *out,
                        struct error *error)
{
    (void)args;
    struct value answer;
    enum err err = world_get(test->world, STR("/api/v1/dead-letters?limit=1000"), &answer, error);
    const struct value *rows = err == OK ? value_get_c(&answer, "data") : NULL;
    *out = rows == NULL ? value_list_new() : *rows;
    return err;
}
