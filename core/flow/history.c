/* A run with its journal as a history (flow_history.h): written from the store. Any thread with a
 * reader. */
#include "internal.h"

#include "proxenos/base_crypto.h"
#include "proxenos/flow_history.h"

struct writing {
    struct reader *reader;
    const struct flow_run *run;
    struct arena *arena;
    struct flow_file *files; /* of its code */
    size_t file_count;
};

static struct value hex_text(struct arena *arena, struct str bytes)
{
    struct buf hex;
    buf_init(&hex);
    hex_encode(&hex, bytes.at, bytes.len);
    struct value text = value_text(arena_str(arena, buf_str(&hex)));
    buf_deinit(&hex);
    return text;
}

static enum err write_data(const struct writing *writing, const struct flow_data *data,
                           struct value *out_plain, struct error *error)
{
    struct value value = value_null();
    enum err err =
        flow_value_read(writing->reader, writing->run->id, data, writing->arena, &value, error);
    if (err == OK) {
        *out_plain = flow_plain(writing->arena, &value);
    }
    return err;
}

/* A large input is there for comparing alone: its hash does. */
static enum err write_input(const struct writing *writing, const struct flow_data *data,
                            struct value *out_plain, struct error *error)
{
    if (!data->apart) {
        return write_data(writing, data, out_plain, error);
    }
    *out_plain = value_map_new();
    value_put_c(writing->arena, out_plain, "$hash", hex_text(writing->arena, data->bytes));
    return OK;
}

static enum err write_result(const struct writing *writing, const struct flow_result *result,
                             struct value *map, struct error *error)
{
    struct value data = value_null();
    enum err err = write_data(writing, &result->data, &data, error);
    value_put_c(writing->arena, map, "failed", value_bool(result->failed));
    value_put_c(writing->arena, map, "data", data);
    return err;
}

static enum err write_arrival(const struct writing *writing, const struct flow_arrival *arrival,
                              struct value *out_map, struct error *error)
{
    struct arena *arena = writing->arena;
    *out_map = value_map_new();
    value_put_c(arena, out_map, "kind",
                value_text(str_from(flow_arrival_word((enum flow_arrival_kind)arrival->kind))));
    if (arrival->kind == FLOW_ARRIVAL_RESULT) {
        value_put_c(arena, out_map, "seq", value_int(arrival->seq));
    }
    if (arrival->kind == FLOW_ARRIVAL_SIGNAL) {
        value_put_c(arena, out_map, "name", value_text(arrival->name));
    }
    return write_result(writing, &arrival->result, out_map, error);
}

static enum err write_command(const struct writing *writing, const struct flow_command *command,
                              struct value *out_map, struct error *error)
{
    struct arena *arena = writing->arena;
    struct value input = value_null();
    struct value result = value_map_new();
    enum err err = write_input(writing, &command->input, &input, error);
    *out_map = value_map_new();
    value_put_c(arena, out_map, "kind",
                value_text(str_from(flow_command_word((enum flow_command_kind)command->kind))));
    value_put_c(arena, out_map, "name", value_text(command->name));
    value_put_c(arena, out_map, "input", input);
    value_put_c(arena, out_map, "place", value_text(command->place));
    if (command->due_ms != 0) {
        value_put_c(arena, out_map, "due_ms", value_int(command->due_ms));
    }
    if (err == OK && command->answered) {
        err = write_result(writing, &command->result, &result, error);
        value_put_c(arena, out_map, "result", result);
    }
    return err;
}

static enum err write_page(const struct writing *writing, const struct flow_page *page,
                           struct value *out_map, struct error *error)
{
    struct arena *arena = writing->arena;
    struct value arrivals = value_list_new();
    struct value commands = value_list_new();
    struct value item = value_null();
    enum err err = OK;
    for (size_t i = 0; i < page->arrival_count && err == OK; i++) {
        err = write_arrival(writing, &page->arrivals[i], &item, error);
        value_push(arena, &arrivals, item);
    }
    for (size_t i = 0; i < page->command_count && err == OK; i++) {
        err = write_command(writing, &page->commands[i], &item, error);
        value_push(arena, &commands, item);
    }
    *out_map = value_map_new();
    value_put_c(arena, out_map, "number", value_int(page->number));
    value_put_c(arena, out_map, "at_ms", value_int(page->at_ms));
    value_put_c(arena, out_map, "cut", value_bool(page->cut));
    value_put_c(arena, out_map, "arrivals", arrivals);
    value_put_c(arena, out_map, "commands", commands);
    return err;
}

/* The code of each place, so that a mismatch can be shown where that code is no more. */
static void write_lines(const struct writing *writing, const struct flow_page *page,
                        struct value *lines)
{
    for (size_t i = 0; i < page->command_count; i++) {
        struct str place = page->commands[i].place;
        if (value_get(lines, place) == NULL) {
            struct str line = flow_source_line(writing->files, writing->file_count, place);
            value_put(writing->arena, lines, place, value_text(line));
        }
    }
}

static enum err write_pages(const struct writing *writing, struct value *out_list,
                            struct value *out_lines, struct error *error)
{
    struct flow_page *pages = NULL;
    size_t count = 0;
    struct value item = value_null();
    enum err err =
        flow_journal_read(writing->reader, writing->run, writing->arena, &pages, &count, error);
    *out_list = value_list_new();
    *out_lines = value_map_new();
    for (size_t i = 0; i < count && err == OK; i++) {
        err = write_page(writing, &pages[i], &item, error);
        value_push(writing->arena, out_list, item);
        write_lines(writing, &pages[i], out_lines);
    }
    return err;
}

static enum err write_outcome(const struct writing *writing, struct value *out_value,
                              struct error *error)
{
    *out_value = value_null();
    if (!writing->run->has_outcome) {
        return OK;
    }
    *out_value = value_map_new();
    return write_result(writing, &writing->run->outcome, out_value, error);
}

static void write_head(const struct writing *writing, struct value *map,
                       const struct flow_bundle *bundle)
{
    struct arena *arena = writing->arena;
    const struct flow_run *run = writing->run;
    value_put_c(arena, map, "format", value_text(STR(FLOW_HISTORY_FORMAT)));
    value_put_c(arena, map, "plugin", value_text(run->plugin));
    value_put_c(arena, map, "version", value_text(bundle->version));
    value_put_c(arena, map, "bundle", hex_text(arena, bundle->hash));
    value_put_c(arena, map, "flow", value_text(run->name));
    value_put_c(arena, map, "run", value_id(run->id));
    value_put_c(arena, map, "key", run->key.len > 0 ? value_text(run->key) : value_null());
    value_put_c(arena, map, "generation", value_int(run->generation));
    value_put_c(arena, map, "state", value_text(str_from(flow_state_word(run->state))));
    value_put_c(arena, map, "started_ms", value_int(run->started_ms));
}

enum err flow_history_write(struct reader *reader, const struct flow_run *run, struct arena *arena,
                            struct value *out_map, struct error *error)
{
    struct writing writing = {.reader = reader, .run = run, .arena = arena};
    struct flow_bundle bundle = {.version = STR(""), .hash = STR("")};
    struct value map = value_map_new();
    struct value input = value_null(), pages = value_null(), outcome = value_null();
    struct value lines = value_null();
    enum err err = flow_bundle_get(reader, run->bundle, arena, &bundle, error);
    if (err == OK) {
        err = flow_bundle_read(reader, run->bundle, arena, &writing.files, &writing.file_count,
                               error);
    }
    if (err == OK) {
        err = write_data(&writing, &run->input, &input, error);
    }
    if (err == OK) {
        err = write_outcome(&writing, &outcome, error);
    }
    if (err == OK) {
        err = write_pages(&writing, &pages, &lines, error);
    }
    write_head(&writing, &map, &bundle);
    value_put_c(arena, &map, "input", input);
    value_put_c(arena, &map, "outcome", outcome);
    value_put_c(arena, &map, "pages", pages);
    value_put_c(arena, &map, "lines", lines);
    *out_map = map;
    return err;
}
