/* A history read back from its text. What stands in it came from a file that anybody may have
 * edited: all of it is checked. Any thread. */
#include "codec.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/flow_history.h"

struct reading {
    struct arena *arena;
    struct flow_history *history;
    size_t blob_room;
    char path[80]; /* of what is being read */
    struct error *error;
};

/* ---- members ---- */

static enum err wrong(const struct reading *reading, const char *member, const char *what)
{
    char pointer[120];
    (void)snprintf(pointer, sizeof(pointer), "%s/%s", reading->path, member);
    return error_at(reading->error, ERR_INVALID, pointer, NULL, "%s must be %s", member, what);
}

static enum err get_text_of(const struct reading *reading, const struct value *map,
                            const char *member, size_t len_max, struct str *out_text)
{
    const struct value *value = value_get_c(map, member);
    *out_text = STR("");
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    if (value->kind != VALUE_TEXT || value->text.len > len_max) {
        return wrong(reading, member, "a text that is not too long");
    }
    *out_text = value->text;
    return OK;
}

static enum err get_int_of(const struct reading *reading, const struct value *map,
                           const char *member, int64_t *out_number)
{
    const struct value *value = value_get_c(map, member);
    *out_number = 0;
    if (value == NULL) {
        return OK;
    }
    if (value->kind != VALUE_INT) {
        return wrong(reading, member, "an integer");
    }
    *out_number = value->integer;
    return OK;
}

/* NULL when it is no list of at most so many. */
static const struct value *get_list_of(const struct reading *reading, const struct value *map,
                                       const char *member, size_t count_max)
{
    const struct value *value = value_get_c(map, member);
    if (value == NULL || value->kind != VALUE_LIST || value->list.count > count_max) {
        (void)wrong(reading, member, "a list that is not too long");
        return NULL;
    }
    return value;
}

/* ---- values ---- */

static void keep_blob(struct reading *reading, struct str hash, struct str bytes)
{
    struct flow_history *history = reading->history;
    if (history->blob_count == reading->blob_room) {
        size_t room = MAX(8, 2 * reading->blob_room);
        struct flow_blob *more = ARENA_ARRAY(reading->arena, struct flow_blob, room);
        if (history->blob_count > 0) {
            memcpy(more, history->blobs, history->blob_count * sizeof(*more));
        }
        history->blobs = more;
        reading->blob_room = room;
    }
    history->blobs[history->blob_count++] = (struct flow_blob){hash, bytes};
}

static struct str hash_text(struct arena *arena, struct str bytes)
{
    unsigned char hash[HASH_BYTES];
    hash_of(bytes.at, bytes.len, hash);
    return arena_str(arena, (struct str){(const char *)hash, sizeof(hash)});
}

/* As a turn keeps it: large ones apart. */
static enum err read_data(struct reading *reading, const struct value *plain,
                          struct flow_data *out_data)
{
    struct value value = value_null();
    struct buf bytes;
    enum err err = plain == NULL ? OK : flow_unplain(reading->arena, plain, &value, reading->error);
    if (err != OK) {
        return err;
    }
    buf_init(&bytes);
    flow_encode(&bytes, &value);
    *out_data = (struct flow_data){.bytes = arena_str(reading->arena, buf_str(&bytes))};
    buf_deinit(&bytes);
    if (out_data->bytes.len > FLOW_PAYLOAD_MAX) {
        return error_set(reading->error, ERR_LIMIT, "a value of the history is too large");
    }
    if (out_data->bytes.len > FLOW_PAYLOAD_INLINE_MAX) {
        struct str hash = hash_text(reading->arena, out_data->bytes);
        keep_blob(reading, hash, out_data->bytes);
        *out_data = (struct flow_data){.apart = true, .bytes = hash};
    }
    return OK;
}

static enum err read_input(struct reading *reading, const struct value *plain,
                           struct flow_data *out_data)
{
    const struct value *hash = plain != NULL ? value_get_c(plain, "$hash") : NULL;
    char *bytes = NULL;
    if (hash == NULL) {
        return read_data(reading, plain, out_data);
    }
    bytes = arena_alloc(reading->arena, FLOW_HASH_BYTES);
    if (hash->kind != VALUE_TEXT || hex_decode(hash->text, bytes, FLOW_HASH_BYTES) != OK) {
        return wrong(reading, "input", "a value, or the hash of one");
    }
    *out_data = (struct flow_data){.apart = true, .bytes = {bytes, FLOW_HASH_BYTES}};
    return OK;
}

static enum err read_result(struct reading *reading, const struct value *map,
                            struct flow_result *out_result)
{
    const struct value *failed = value_get_c(map, "failed");
    if (failed != NULL && failed->kind != VALUE_BOOL) {
        return wrong(reading, "failed", "true or false");
    }
    out_result->failed = failed != NULL && failed->boolean;
    return read_data(reading, value_get_c(map, "data"), &out_result->data);
}

/* ---- pages ---- */

static enum err read_arrival(struct reading *reading, const struct value *map,
                             struct flow_arrival *out_arrival)
{
    struct str kind;
    int found = -1;
    enum err err = get_text_of(reading, map, "kind", FLOW_NAME_MAX, &kind);
    for (int i = 0; i <= FLOW_ARRIVAL_CANCEL; i++) {
        found = str_is(kind, flow_arrival_word((enum flow_arrival_kind)i)) ? i : found;
    }
    if (err != OK || found < 0) {
        return err != OK ? err : wrong(reading, "kind", "result, signal or cancel");
    }
    *out_arrival = (struct flow_arrival){.kind = (uint8_t)found};
    err = get_int_of(reading, map, "seq", &out_arrival->seq);
    if (err == OK) {
        err = get_text_of(reading, map, "name", FLOW_NAME_MAX, &out_arrival->name);
    }
    return err == OK ? read_result(reading, map, &out_arrival->result) : err;
}

static enum err find_kind(const struct reading *reading, const struct value *map, uint8_t *out_kind)
{
    struct str kind;
    int found = -1;
    enum err err = get_text_of(reading, map, "kind", FLOW_NAME_MAX, &kind);
    for (int i = 0; i < FLOW_COMMAND_COUNT; i++) {
        found = str_is(kind, flow_command_word((enum flow_command_kind)i)) ? i : found;
    }
    *out_kind = (uint8_t)MAX(found, 0);
    return err != OK || found >= 0 ? err : wrong(reading, "kind", "a command, such as step");
}

static enum err read_command(struct reading *reading, const struct value *map,
                             struct flow_command *out_command)
{
    const struct value *result = value_get_c(map, "result");
    *out_command = (struct flow_command){.answered = result != NULL};
    enum err err = find_kind(reading, map, &out_command->kind);
    if (err == OK) {
        err = get_text_of(reading, map, "name", FLOW_NAME_MAX, &out_command->name);
    }
    if (err == OK) {
        err = get_text_of(reading, map, "place", FLOW_PLACE_MAX, &out_command->place);
    }
    if (err == OK) {
        err = get_int_of(reading, map, "due_ms", &out_command->due_ms);
    }
    if (err == OK) {
        err = read_input(reading, value_get_c(map, "input"), &out_command->input);
    }
    return err == OK && result != NULL ? read_result(reading, result, &out_command->result) : err;
}

static enum err read_arrivals(struct reading *reading, const struct value *map,
                              struct flow_page *page)
{
    const struct value *list = get_list_of(reading, map, "arrivals", FLOW_PAGE_ARRIVALS_MAX);
    if (list == NULL) {
        return ERR_INVALID;
    }
    enum err err = OK;
    page->arrivals = ARENA_ARRAY(reading->arena, struct flow_arrival, list->list.count + 1);
    for (size_t i = 0; i < list->list.count && err == OK; i++) {
        (void)snprintf(reading->path, sizeof(reading->path), "/pages/%lld/arrivals/%zu",
                       (long long)page->number - 1, i);
        err = read_arrival(reading, &list->list.items[i], &page->arrivals[i]);
    }
    page->arrival_count = list->list.count;
    return err;
}

static enum err read_commands(struct reading *reading, const struct value *map,
                              struct flow_page *page)
{
    const struct value *list = get_list_of(reading, map, "commands", FLOW_PAGE_COMMANDS_MAX);
    if (list == NULL) {
        return ERR_INVALID;
    }
    enum err err = OK;
    page->commands = ARENA_ARRAY(reading->arena, struct flow_command, list->list.count + 1);
    for (size_t i = 0; i < list->list.count && err == OK; i++) {
        (void)snprintf(reading->path, sizeof(reading->path), "/pages/%lld/commands/%zu",
                       (long long)page->number - 1, i);
        err = read_command(reading, &list->list.items[i], &page->commands[i]);
    }
    page->command_count = list->list.count;
    return err;
}

static enum err read_page(struct reading *reading, const struct value *map, int64_t number,
                          struct flow_page *page)
{
    (void)snprintf(reading->path, sizeof(reading->path), "/pages/%lld", (long long)number - 1);
    *page = (struct flow_page){.cut = value_get_bool(map, "cut", false)};
    enum err err = get_int_of(reading, map, "number", &page->number);
    if (err == OK && page->number != number) {
        err = wrong(reading, "number", "the place of the page, from 1");
    }
    if (err == OK) {
        err = get_int_of(reading, map, "at_ms", &page->at_ms);
    }
    if (err == OK) {
        err = read_arrivals(reading, map, page);
    }
    return err == OK ? read_commands(reading, map, page) : err;
}

static enum err read_pages(struct reading *reading, const struct value *map)
{
    struct flow_history *history = reading->history;
    const struct value *list = get_list_of(reading, map, "pages", 4 * (size_t)FLOW_COMMANDS_MAX);
    if (list == NULL) {
        return ERR_INVALID;
    }
    enum err err = OK;
    history->pages = ARENA_ARRAY(reading->arena, struct flow_page, list->list.count + 1);
    history->page_count = list->list.count;
    history->run.pages = (int64_t)list->list.count;
    for (size_t i = 0; i < list->list.count && err == OK; i++) {
        err = read_page(reading, &list->list.items[i], (int64_t)i + 1, &history->pages[i]);
        history->run.commands += (int64_t)history->pages[i].command_count;
    }
    return err;
}

/* ---- the head ---- */

static enum err read_state(const struct reading *reading, const struct value *map)
{
    struct str word;
    enum err err = get_text_of(reading, map, "state", FLOW_NAME_MAX, &word);
    for (int i = 0; i < FLOW_STATE_COUNT && err == OK; i++) {
        if (str_is(word, flow_state_word((enum flow_state)i))) {
            reading->history->run.state = (enum flow_state)i;
            return OK;
        }
    }
    return err != OK ? err : wrong(reading, "state", "the state of a run");
}

static enum err read_head(const struct reading *reading, const struct value *map)
{
    struct flow_history *history = reading->history;
    struct flow_run *run = &history->run;
    const struct value *id = value_get_c(map, "run");
    const struct {
        const char *member;
        size_t len_max;
        struct str *out;
    } texts[] = {{"plugin", FLOW_NAME_MAX, &run->plugin},
                 {"flow", FLOW_NAME_MAX, &run->name},
                 {"key", FLOW_KEY_MAX, &run->key},
                 {"version", FLOW_NAME_MAX, &history->version}};
    enum err err = OK;
    if (!str_is(value_get_text(map, "format", STR("")), FLOW_HISTORY_FORMAT)) {
        return wrong(reading, "format", "\"" FLOW_HISTORY_FORMAT "\"");
    }
    for (size_t i = 0; i < COUNT_OF(texts) && err == OK; i++) {
        err = get_text_of(reading, map, texts[i].member, texts[i].len_max, texts[i].out);
    }
    if (err == OK && (id == NULL || id->kind != VALUE_TEXT || id_parse(id->text, &run->id) != OK)) {
        err = wrong(reading, "run", "the id of the run");
    }
    if (err == OK) {
        err = get_int_of(reading, map, "generation", &run->generation);
    }
    if (err == OK) {
        err = get_int_of(reading, map, "started_ms", &run->started_ms);
    }
    return err == OK ? read_state(reading, map) : err;
}

/* May be missing: histories were written without it. */
static enum err read_lines(const struct reading *reading, const struct value *map)
{
    const struct value *lines = value_get_c(map, "lines");
    bool texts = lines != NULL && lines->kind == VALUE_MAP;
    for (size_t i = 0; texts && i < lines->map.count; i++) {
        texts = lines->map.entries[i].value.kind == VALUE_TEXT;
    }
    reading->history->lines = texts ? *lines : value_null();
    return lines == NULL || texts ? OK : wrong(reading, "lines", "an object of texts");
}

enum err flow_history_read(struct arena *arena, struct str text, struct flow_history *out_history,
                           struct error *error)
{
    struct value map = value_null();
    struct reading reading = {.arena = arena, .history = out_history, .error = error};
    *out_history = (struct flow_history){0};
    if (text.len > FLOW_HISTORY_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "a history has at most %d MiB",
                         FLOW_HISTORY_BYTES_MAX >> 20);
    }
    enum err err = json_decode(arena, text, &map, error);
    if (err == OK) {
        err = read_head(&reading, &map);
    }
    if (err == OK) {
        err = read_data(&reading, value_get_c(&map, "input"), &out_history->run.input);
    }
    if (err == OK) {
        err = read_pages(&reading, &map);
    }
    if (err == OK) {
        err = read_lines(&reading, &map);
    }
    const struct value *outcome = err == OK ? value_get_c(&map, "outcome") : NULL;
    out_history->run.has_outcome = outcome != NULL && outcome->kind == VALUE_MAP;
    if (out_history->run.has_outcome) {
        (void)snprintf(reading.path, sizeof(reading.path), "/outcome");
        err = read_result(&reading, outcome, &out_history->run.outcome);
    }
    return err;
}
