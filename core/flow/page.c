/* Pages of the journal in bytes: what one turn took in and what it did. Any thread. */
#include "codec.h"

enum { PAGE_CUT = 1 };

/* Flags of a result and of a command. */
enum { RESULT_FAILED = 1, RESULT_APART = 2 };
enum { COMMAND_ANSWERED = 1, COMMAND_APART = 2, COMMAND_DUE = 4 };

static const char *const words[FLOW_COMMAND_COUNT] = {
    [FLOW_STEP] = "step",       [FLOW_CALL] = "call",     [FLOW_SLEEP] = "sleep",
    [FLOW_WAIT] = "wait",       [FLOW_SIGNAL] = "signal", [FLOW_APPROVE] = "approve",
    [FLOW_ALL] = "all",         [FLOW_ANY] = "any",       [FLOW_CHILD] = "child",
    [FLOW_VERSION] = "version",
};

const char *flow_command_word(enum flow_command_kind kind)
{
    ASSERT((size_t)kind < FLOW_COMMAND_COUNT);
    return words[kind];
}

const char *flow_arrival_word(enum flow_arrival_kind kind)
{
    static const char *const arrivals[] = {[FLOW_ARRIVAL_RESULT] = "result",
                                           [FLOW_ARRIVAL_SIGNAL] = "signal",
                                           [FLOW_ARRIVAL_CANCEL] = "cancel"};
    ASSERT((size_t)kind < COUNT_OF(arrivals));
    return arrivals[kind];
}

/* ---- encoding ---- */

static void put_byte(struct buf *out, int byte)
{
    buf_append_char(out, (char)byte);
}

static void put_result(struct buf *out, const struct flow_result *result)
{
    put_byte(out, (result->failed ? RESULT_FAILED : 0) | (result->data.apart ? RESULT_APART : 0));
    put_text(out, result->data.bytes);
}

static void put_arrival(struct buf *out, const struct flow_arrival *arrival)
{
    put_byte(out, arrival->kind);
    switch ((enum flow_arrival_kind)arrival->kind) {
    case FLOW_ARRIVAL_RESULT:
        put_unsigned(out, (uint64_t)arrival->seq);
        put_result(out, &arrival->result);
        return;
    case FLOW_ARRIVAL_SIGNAL:
        put_text(out, arrival->name);
        put_result(out, &arrival->result);
        return;
    case FLOW_ARRIVAL_CANCEL:
        put_result(out, &arrival->result);
        return;
    }
}

static void put_command(struct buf *out, const struct flow_command *command)
{
    put_byte(out, command->kind);
    put_byte(out, (command->answered ? COMMAND_ANSWERED : 0) |
                      (command->input.apart ? COMMAND_APART : 0) |
                      (command->due_ms != 0 ? COMMAND_DUE : 0));
    put_text(out, command->name);
    put_text(out, command->input.bytes);
    put_text(out, command->place);
    if (command->due_ms != 0) {
        put_signed(out, command->due_ms);
    }
    if (command->answered) {
        put_result(out, &command->result);
    }
}

void flow_page_encode(struct buf *out, const struct flow_page *page)
{
    put_unsigned(out, (uint64_t)page->number);
    put_signed(out, page->at_ms);
    put_byte(out, page->cut ? PAGE_CUT : 0);
    put_unsigned(out, page->arrival_count);
    for (size_t i = 0; i < page->arrival_count; i++) {
        put_arrival(out, &page->arrivals[i]);
    }
    put_unsigned(out, page->command_count);
    for (size_t i = 0; i < page->command_count; i++) {
        put_command(out, &page->commands[i]);
    }
}

/* ---- decoding ---- */

static bool get_positive(struct str *bytes, int64_t *out_number)
{
    uint64_t number = 0;
    if (!get_unsigned(bytes, &number) || number == 0 || number > INT64_MAX) {
        return false;
    }
    *out_number = (int64_t)number;
    return true;
}

static bool get_data(struct str *bytes, bool apart, struct flow_data *out_data)
{
    out_data->apart = apart;
    return get_text(bytes, FLOW_PAYLOAD_MAX, &out_data->bytes) &&
           (!apart || out_data->bytes.len == FLOW_HASH_BYTES);
}

static bool get_result(struct str *bytes, struct flow_result *out_result)
{
    uint8_t flags = 0;
    if (!get_byte(bytes, &flags) || flags > (RESULT_FAILED | RESULT_APART)) {
        return false;
    }
    out_result->failed = (flags & RESULT_FAILED) != 0;
    return get_data(bytes, (flags & RESULT_APART) != 0, &out_result->data);
}

static bool get_arrival(struct str *bytes, struct flow_arrival *out_arrival)
{
    if (!get_byte(bytes, &out_arrival->kind) || out_arrival->kind > FLOW_ARRIVAL_CANCEL) {
        return false;
    }
    switch ((enum flow_arrival_kind)out_arrival->kind) {
    case FLOW_ARRIVAL_RESULT:
        return get_positive(bytes, &out_arrival->seq) && get_result(bytes, &out_arrival->result);
    case FLOW_ARRIVAL_SIGNAL:
        return get_text(bytes, FLOW_NAME_MAX, &out_arrival->name) &&
               get_result(bytes, &out_arrival->result);
    case FLOW_ARRIVAL_CANCEL:
        return get_result(bytes, &out_arrival->result);
    }
    return false;
}

static bool get_command(struct str *bytes, struct flow_command *out_command)
{
    uint8_t flags = 0;
    if (!get_byte(bytes, &out_command->kind) || out_command->kind >= FLOW_COMMAND_COUNT ||
        !get_byte(bytes, &flags) || flags > (COMMAND_ANSWERED | COMMAND_APART | COMMAND_DUE) ||
        !get_text(bytes, FLOW_NAME_MAX, &out_command->name) ||
        !get_data(bytes, (flags & COMMAND_APART) != 0, &out_command->input) ||
        !get_text(bytes, FLOW_PLACE_MAX, &out_command->place)) {
        return false;
    }
    if ((flags & COMMAND_DUE) != 0 &&
        (!get_signed(bytes, &out_command->due_ms) || out_command->due_ms == 0)) {
        return false;
    }
    out_command->answered = (flags & COMMAND_ANSWERED) != 0;
    return !out_command->answered || get_result(bytes, &out_command->result);
}

static bool get_page(struct arena *arena, struct str *bytes, struct flow_page *page)
{
    uint8_t flags = 0;
    uint64_t count = 0;
    if (!get_positive(bytes, &page->number) || !get_signed(bytes, &page->at_ms) ||
        !get_byte(bytes, &flags) || flags > PAGE_CUT || !get_unsigned(bytes, &count) ||
        count > FLOW_PAGE_ARRIVALS_MAX || count > bytes->len) {
        return false;
    }
    page->cut = flags == PAGE_CUT;
    page->arrival_count = (size_t)count;
    page->arrivals = ARENA_ARRAY(arena, struct flow_arrival, page->arrival_count + 1);
    for (size_t i = 0; i < page->arrival_count; i++) {
        if (!get_arrival(bytes, &page->arrivals[i])) {
            return false;
        }
    }
    if (!get_unsigned(bytes, &count) || count > FLOW_PAGE_COMMANDS_MAX || count > bytes->len) {
        return false;
    }
    page->command_count = (size_t)count;
    page->commands = ARENA_ARRAY(arena, struct flow_command, page->command_count + 1);
    for (size_t i = 0; i < page->command_count; i++) {
        if (!get_command(bytes, &page->commands[i])) {
            return false;
        }
    }
    return true;
}

enum err flow_page_decode(struct arena *arena, struct str *bytes, struct flow_page *out_page,
                          struct error *error)
{
    struct flow_page page = {0};
    struct str rest = *bytes;
    if (!get_page(arena, &rest, &page)) {
        return error_set(error, ERR_CORRUPT, "page %lld of a flow's journal cannot be read",
                         (long long)page.number);
    }
    *out_page = page;
    *bytes = rest;
    return OK;
}
