/* Bundles: the code that runs are pinned to, once per content. The store keeps a bundle for ever
 * while runs need it, so that a run goes on with its own code whatever is installed meanwhile. Loop
 * thread, but for reading. */
#include "internal.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_log.h"
#include "proxenos/base_text.h"

/* ---- writing ---- */

struct adding {
    struct unit unit;
    struct flow_runner *runner;
    struct arena arena;
    struct str plugin, version;
    struct buf files;
    unsigned char hash[HASH_BYTES];
    struct flow_limited *limits;
    size_t limit_count;
    int64_t id;
    struct timer again;
};

/* The newest bundle is the one that was added, or used again, last. */
static enum err add_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct adding *adding = CONTAINER_OF(unit, struct adding, unit);
    struct value find[] = {value_text(adding->plugin),
                           bytes_value((struct str){(const char *)adding->hash, HASH_BYTES})};
    adding->id = 0;
    enum err err = gate_limits(adding->runner->plugin->flows, tx, adding->plugin, adding->limits,
                               adding->limit_count, error);
    if (err == OK) {
        err = FLOW_TX(tx, FLOW_BUNDLE_FIND, find, row_integer, &adding->id, error);
    }
    if (err != OK) {
        return err;
    }
    if (adding->id != 0) {
        struct value touch[] = {value_int(adding->id), value_int(tx_now_ms(tx))};
        return FLOW_TX(tx, FLOW_BUNDLE_TOUCH, touch, NULL, NULL, error);
    }
    adding->id = ids_next(store_ids(tx_store(tx)));
    struct value binds[] = {value_int(adding->id),
                            bytes_value((struct str){(const char *)adding->hash, HASH_BYTES}),
                            value_text(adding->plugin),
                            value_text(adding->version),
                            bytes_value(buf_str(&adding->files)),
                            value_int(tx_now_ms(tx))};
    return FLOW_TX(tx, FLOW_BUNDLE_ADD, binds, NULL, NULL, error);
}

static void submit(struct adding *adding);

static void on_again(struct timer *timer)
{
    struct adding *adding = CONTAINER_OF(timer, struct adding, again);
    timer_deinit(&adding->again);
    submit(adding);
}

static void end(struct adding *adding, bool stored)
{
    struct flow_runner *runner = adding->runner;
    int64_t id = adding->id;
    buf_deinit(&adding->files);
    arena_deinit(&adding->arena);
    mem_free(adding);
    runner_stored(runner, stored ? id : 0);
}

/* A full disk or queue: when there is room again. */
static void later(struct adding *adding, enum err err)
{
    struct flow_runner *runner = adding->runner;
    struct flows *flows = runner->plugin->flows;
    if (flows->stopping || runner->removed != NULL || err == ERR_STOPPING) {
        end(adding, false);
        return;
    }
    log_warn("flow", "the code of flows cannot be stored now plugin=%s code=%s",
             runner->plugin->name, err_code(err));
    timer_init(&adding->again, flows->loop, on_again);
    timer_start(&adding->again, AGAIN_FIRST_MS);
}

static void add_done(struct unit *unit)
{
    struct adding *adding = CONTAINER_OF(unit, struct adding, unit);
    enum err err = unit->err;
    adding->runner->plugin->flows->units_away--;
    unit_deinit(unit);
    if (err == OK) {
        end(adding, true);
    } else {
        later(adding, err);
    }
}

static void submit(struct adding *adding)
{
    struct flows *flows = adding->runner->plugin->flows;
    adding->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                 .apply = add_apply,
                                 .done = add_done,
                                 .scope = flows->scope,
                                 .request = STR("flows")};
    enum err err = store_submit(flows->store, &adding->unit);
    if (err == OK) {
        flows->units_away++;
    } else {
        later(adding, err);
    }
}

void bundle_add(struct flow_runner *runner, const struct flow_runner_spec *spec)
{
    struct adding *adding = mem_zalloc(sizeof(*adding));
    struct value files = value_map_new();
    arena_init(&adding->arena);
    buf_init(&adding->files);
    adding->runner = runner;
    adding->plugin = arena_str(&adding->arena, spec->plugin);
    adding->version = arena_str(&adding->arena, spec->version);
    adding->limits = ARENA_ARRAY(&adding->arena, struct flow_limited, spec->limit_count + 1);
    for (size_t i = 0; i < spec->limit_count; i++) {
        struct flow_limited *limited = &adding->limits[adding->limit_count++];
        *limited = spec->limits[i];
        limited->name = arena_str(&adding->arena, limited->name);
        limited->limit.key = arena_str(&adding->arena, limited->limit.key);
        limited->limit.rate_key = arena_str(&adding->arena, limited->limit.rate_key);
    }
    for (size_t i = 0; i < spec->file_count; i++) {
        value_put(&adding->arena, &files, spec->files[i].name, value_text(spec->files[i].text));
    }
    flow_encode(&adding->files, &files);
    hash_of(adding->files.at, adding->files.len, adding->hash);
    submit(adding);
}

/* ---- reading ---- */

enum err flow_bundle_read(struct reader *reader, int64_t bundle, struct arena *arena,
                          struct flow_file **out_files, size_t *out_count, struct error *error)
{
    struct value files = value_null();
    struct row_bytes fetching = {.arena = arena};
    struct value binds[] = {value_int(bundle)};
    enum err err = FLOW_READ(reader, FLOW_BUNDLE_GET, binds, row_bytes, &fetching, error);
    if (err == OK && fetching.bytes.at == NULL) {
        return error_set(error, ERR_NOT_FOUND, "the code of the run is not in the store");
    }
    if (err == OK) {
        err = flow_decode(arena, fetching.bytes, &files, error);
    }
    if (err != OK || files.kind != VALUE_MAP) {
        return err != OK ? err : error_set(error, ERR_CORRUPT, "the code of the run is damaged");
    }
    struct flow_file *list = ARENA_ARRAY(arena, struct flow_file, files.map.count + 1);
    for (size_t i = 0; i < files.map.count; i++) {
        list[i].name = files.map.entries[i].key;
        list[i].text = files.map.entries[i].value.text;
        if (files.map.entries[i].value.kind != VALUE_TEXT) {
            return error_set(error, ERR_CORRUPT, "the code of the run is damaged");
        }
    }
    *out_files = list;
    *out_count = files.map.count;
    return OK;
}

struct str flow_source_line(const struct flow_file *files, size_t count, struct str place)
{
    size_t colon = 0;
    int64_t number = 0;
    struct str rest = STR(""), line = STR("");
    if (!str_find(place, STR(":"), &colon) ||
        str_to_int64(str_sub(place, colon + 1, place.len), &number) != OK) {
        return STR("");
    }
    for (size_t i = 0; i < count; i++) {
        rest = str_eq(files[i].name, str_sub(place, 0, colon)) ? files[i].text : rest;
    }
    for (int64_t at = 1; at <= number && rest.len > 0 && str_split(&rest, '\n', &line); at++) {
        if (at == number) {
            return utf8_cut(str_trim(line), FLOW_PLACE_MAX);
        }
    }
    return STR("");
}

struct getting {
    struct arena *arena;
    struct flow_bundle *bundle;
    bool found;
};

static enum err on_bundle(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct getting *getting = context;
    getting->found = true;
    getting->bundle->version = arena_str(getting->arena, columns[0].text);
    getting->bundle->hash = arena_str(getting->arena, columns[1].text);
    return OK;
}

enum err flow_bundle_get(struct reader *reader, int64_t bundle, struct arena *arena,
                         struct flow_bundle *out_bundle, struct error *error)
{
    struct getting getting = {.arena = arena, .bundle = out_bundle};
    struct value binds[] = {value_int(bundle)};
    enum err err = FLOW_READ(reader, FLOW_BUNDLE_HEAD, binds, on_bundle, &getting, error);
    if (err == OK && !getting.found) {
        return error_set(error, ERR_NOT_FOUND, "the code of the run is not in the store");
    }
    return err;
}

enum err flow_bundle_newest(struct reader *reader, struct str plugin, int64_t *out_bundle,
                            struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    *out_bundle = 0;
    enum err err = FLOW_READ(reader, FLOW_BUNDLE_NEWEST, binds, row_integer, out_bundle, error);
    if (err == OK && *out_bundle == 0) {
        return error_set(error, ERR_NOT_FOUND, "the plugin " STR_FORMAT " has no flows",
                         STR_ARGS(plugin));
    }
    return err;
}
