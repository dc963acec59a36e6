/* Rows of runs, and values and results as columns. Any thread with a reader. */
#include "internal.h"

#include "proxenos/base_crypto.h"
#include "proxenos/flow_operate.h"

enum { FLAG_FAILED = 1, FLAG_APART = 2 };

struct value bytes_value(struct str bytes)
{
    return (struct value){.kind = VALUE_BYTES, .text = bytes};
}

static struct value pack(struct arena *arena, int flags, struct str bytes)
{
    char *packed = arena_alloc(arena, bytes.len + 1);
    packed[0] = (char)flags;
    memcpy(packed + 1, bytes.len > 0 ? bytes.at : "", bytes.len);
    return bytes_value((struct str){packed, bytes.len + 1});
}

struct value pack_data(struct arena *arena, const struct flow_data *data)
{
    return pack(arena, data->apart ? FLAG_APART : 0, data->bytes);
}

struct value pack_result(struct arena *arena, const struct flow_result *result)
{
    return pack(arena, (result->failed ? FLAG_FAILED : 0) | (result->data.apart ? FLAG_APART : 0),
                result->data.bytes);
}

enum err unpack_result(struct arena *arena, const struct value *column,
                       struct flow_result *out_result, struct error *error)
{
    bool good = (column->kind == VALUE_BYTES || column->kind == VALUE_TEXT) &&
                column->text.len >= 1 && (column->text.at[0] & ~(FLAG_FAILED | FLAG_APART)) == 0;
    if (!good) {
        return error_set(error, ERR_CORRUPT, "a flow's stored value cannot be read");
    }
    out_result->failed = (column->text.at[0] & FLAG_FAILED) != 0;
    out_result->data.apart = (column->text.at[0] & FLAG_APART) != 0;
    out_result->data.bytes = arena_str(arena, str_sub(column->text, 1, column->text.len));
    return OK;
}

enum err unpack_data(struct arena *arena, const struct value *column, struct flow_data *out_data,
                     struct error *error)
{
    struct flow_result result = {0};
    enum err err = unpack_result(arena, column, &result, error);
    if (err == OK) {
        *out_data = result.data;
    }
    return err;
}

struct str error_bytes(struct arena *arena, const struct error *error)
{
    struct value map = value_map_new();
    struct buf out;
    value_put_c(arena, &map, "code", value_text(str_from(err_code(error->err))));
    value_put_c(arena, &map, "detail", value_text(str_from(error->detail)));
    if (error->pointer[0] != '\0') {
        value_put_c(arena, &map, "at", value_text(str_from(error->pointer)));
    }
    buf_init(&out);
    flow_encode(&out, &map);
    struct str bytes = arena_str(arena, buf_str(&out));
    buf_deinit(&out);
    return bytes;
}

/* ---- rows of one column ---- */

enum err row_integer(void *context, const struct value *columns, int column_count,
                     struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

enum err row_bytes(void *context, const struct value *columns, int column_count,
                   struct error *error)
{
    (void)column_count;
    (void)error;
    struct row_bytes *row = context;
    row->bytes = arena_str(row->arena, columns[0].text);
    return OK;
}

/* ---- runs ---- */

struct reading {
    struct arena *arena;
    struct flow_run *run;
    bool found;
    flow_run_cb row;
    void *context;
};

/* As RUN_COLUMNS has them. */
static enum err read_run(struct arena *arena, const struct value *columns, struct flow_run *run,
                         struct error *error)
{
    int64_t state = columns[6].integer;
    *run = (struct flow_run){.id = columns[0].integer,
                             .plugin = arena_str(arena, columns[1].text),
                             .name = arena_str(arena, columns[2].text),
                             .actor = arena_str(arena, columns[4].text),
                             .bundle = columns[5].integer,
                             .generation = columns[7].integer,
                             .pages = columns[8].integer,
                             .commands = columns[9].integer,
                             .log = columns[10].integer,
                             .since = columns[11].integer,
                             .parent_seq = columns[13].integer,
                             .started_ms = columns[14].integer,
                             .updated_ms = columns[15].integer,
                             .waits = columns[20].integer,
                             .due_ms = columns[21].integer};
    if (state < 0 || state >= FLOW_STATE_COUNT) {
        return error_set(error, ERR_CORRUPT, "a run is in a state that there is not");
    }
    run->state = (enum flow_state)state;
    run->key = columns[3].kind == VALUE_TEXT ? arena_str(arena, columns[3].text) : STR("");
    run->parent = columns[12].kind == VALUE_INT ? columns[12].integer : 0;
    run->gated = columns[18].kind == VALUE_TEXT;
    run->gate = run->gated ? arena_str(arena, columns[18].text) : STR("");
    run->queued = columns[19].integer != 0;
    run->pending = columns[22].kind == VALUE_NULL ? STR("") : arena_str(arena, columns[22].text);
    run->retry = columns[23].kind == VALUE_INT ? columns[23].integer : 0;
    enum err err = unpack_data(arena, &columns[16], &run->input, error);
    run->has_outcome = columns[17].kind != VALUE_NULL;
    if (err == OK && run->has_outcome) {
        err = unpack_result(arena, &columns[17], &run->outcome, error);
    }
    return err;
}

static enum err on_run(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    struct reading *reading = context;
    reading->found = true;
    return read_run(reading->arena, columns, reading->run, error);
}

static enum err no_such_run(int64_t id, struct error *error)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    return error_set(error, ERR_NOT_FOUND, "there is no run %s", text);
}

enum err flow_run_get(struct reader *reader, int64_t id, struct arena *arena,
                      struct flow_run *out_run, struct error *error)
{
    struct reading reading = {.arena = arena, .run = out_run};
    struct value binds[] = {value_int(id)};
    enum err err = FLOW_READ(reader, FLOW_RUN_GET, binds, on_run, &reading, error);
    return err == OK && !reading.found ? no_such_run(id, error) : err;
}

enum err run_read(struct tx *tx, int64_t id, struct flow_run *out_run, struct error *error)
{
    struct reading reading = {.arena = tx_arena(tx), .run = out_run};
    struct value binds[] = {value_int(id)};
    enum err err = FLOW_TX(tx, FLOW_RUN_GET, binds, on_run, &reading, error);
    return err == OK && !reading.found ? no_such_run(id, error) : err;
}

enum err flow_run_by_key(struct reader *reader, struct str plugin, struct str name, struct str key,
                         int64_t *out_id, struct error *error)
{
    int64_t id = 0;
    struct value binds[] = {value_text(plugin), value_text(name), value_text(key)};
    enum err err = FLOW_READ(reader, FLOW_RUN_BY_KEY, binds, row_integer, &id, error);
    if (err == OK && id == 0) {
        return error_set(error, ERR_NOT_FOUND,
                         "no run of " STR_FORMAT " with the key \"" STR_FORMAT "\" lives",
                         STR_ARGS(name), STR_ARGS(str_sub(key, 0, 100)));
    }
    *out_id = id;
    return err;
}

static enum err on_found(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    struct reading *reading = context;
    struct flow_run run;
    enum err err = read_run(reading->arena, columns, &run, error);
    return err == OK ? reading->row(reading->context, &run, error) : err;
}

/* The one state that is asked for; -1: several, or any. */
static int only_state(int states)
{
    int only = -1;
    for (int i = 0; i < FLOW_STATE_COUNT; i++) {
        only = states == 1 << i ? i : only;
    }
    return only;
}

/* Each has an index that leads to few rows. */
static enum flow_statement narrowest(const struct flow_query *query)
{
    int state = only_state(query->states);
    if (query->attributes[0].name.len > 0) {
        return FLOW_RUN_FIND_MARKED;
    }
    if (state == FLOW_BLOCKED || state == FLOW_FAILED || state == FLOW_CANCELLED) {
        return FLOW_RUN_FIND_ODD;
    }
    return query->plugin.len > 0 && query->name.len > 0 ? FLOW_RUN_FIND_NAMED : FLOW_RUN_FIND;
}

static struct value text_or_empty(struct str text)
{
    return value_text(text.len > 0 ? text : STR(""));
}

enum err flow_run_find(struct reader *reader, const struct flow_query *query, flow_run_cb row,
                       void *context, struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    struct reading reading = {.arena = &arena, .row = row, .context = context};
    struct value binds[] = {text_or_empty(query->plugin),
                            text_or_empty(query->name),
                            text_or_empty(query->key),
                            value_int(query->states),
                            value_int(query->before),
                            value_int(query->limit),
                            text_or_empty(query->attributes[0].name),
                            text_or_empty(query->attributes[0].value),
                            text_or_empty(query->attributes[1].name),
                            text_or_empty(query->attributes[1].value),
                            text_or_empty(query->attributes[2].name),
                            text_or_empty(query->attributes[2].value),
                            value_int(only_state(query->states))};
    enum err err = FLOW_READ(reader, narrowest(query), binds, on_found, &reading, error);
    arena_deinit(&arena);
    return err;
}

/* ---- values ---- */

enum err flow_value_read(struct reader *reader, int64_t run, const struct flow_data *data,
                         struct arena *arena, struct value *out_value, struct error *error)
{
    if (!data->apart) {
        return flow_decode(arena, data->bytes, out_value, error);
    }
    unsigned char hash[HASH_BYTES];
    struct row_bytes fetching = {.arena = arena};
    struct value binds[] = {value_int(run), bytes_value(data->bytes)};
    enum err err = FLOW_READ(reader, FLOW_BLOB_GET, binds, row_bytes, &fetching, error);
    if (err != OK) {
        return err;
    }
    hash_of(fetching.bytes.at, fetching.bytes.len, hash);
    if (fetching.bytes.at == NULL || data->bytes.len != HASH_BYTES ||
        memcmp(hash, data->bytes.at, HASH_BYTES) != 0) {
        return error_set(error, ERR_CORRUPT, "a large value of a flow is not what was stored");
    }
    return flow_decode(arena, fetching.bytes, out_value, error);
}

/* ---- as people see it ---- */

enum err flow_describe(struct reader *reader, const struct flow_run *run, struct arena *arena,
                       struct value *out_map, struct error *error)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "id", value_id(run->id));
    value_put_c(arena, &map, "plugin", value_text(run->plugin));
    value_put_c(arena, &map, "flow", value_text(run->name));
    value_put_c(arena, &map, "key", run->key.len > 0 ? value_text(run->key) : value_null());
    value_put_c(arena, &map, "state", value_text(str_from(flow_state_word(run->state))));
    value_put_c(arena, &map, "generation", value_int(run->generation));
    value_put_c(arena, &map, "turns", value_int(run->pages));
    value_put_c(arena, &map, "commands", value_int(run->commands));
    value_put_c(arena, &map, "bundle", value_int(run->bundle));
    value_put_c(arena, &map, "started_at", value_time(run->started_ms));
    value_put_c(arena, &map, "updated_at", value_time(run->updated_ms));
    value_put_c(arena, &map, "started_by", value_text(run->actor));
    if (run->queued) {
        value_put_c(arena, &map, "queued", value_bool(true));
    }
    if (run->parent != 0) {
        value_put_c(arena, &map, "parent", value_id(run->parent));
    }
    if (run->log < 0) {
        value_put_c(arena, &map, "journal_dropped", value_bool(true));
    }
    if (run->retry != 0) {
        value_put_c(arena, &map, "retried_as", value_id(run->retry));
    }
    if (run->due_ms != 0) {
        value_put_c(arena, &map, "due_at", value_time(run->due_ms));
    }
    struct value attributes = value_null();
    enum err err = flow_attributes_get(reader, run->id, arena, &attributes, error);
    if (attributes.map.count > 0) {
        value_put_c(arena, &map, "attributes", attributes);
    }
    if (err == OK && run->has_outcome) {
        struct value outcome = value_null();
        err = flow_value_read(reader, run->id, &run->outcome.data, arena, &outcome, error);
        value_put_c(arena, &map, run->outcome.failed ? "error" : "result", outcome);
    }
    *out_map = map;
    return err;
}
