/* Dead letters as they are read: the list, and one with its event. Any thread with a reader. */
#include "internal.h"

#include "proxenos/base_json.h"

static const struct table_column letter_columns[] = {
    {"id", TABLE_AS_ID},    {"subscription", TABLE_AS_IS}, {"seq", TABLE_AS_IS},
    {"type", TABLE_AS_IS},  {"attempts", TABLE_AS_IS},     {"code", TABLE_AS_IS},
    {"error", TABLE_AS_IS}, {"traceback", TABLE_AS_IS},    {"key", TABLE_AS_IS},
    {"at", TABLE_AS_TIME}};

static struct table_list letter_list(struct arena *arena)
{
    return (struct table_list){.arena = arena,
                               .columns = letter_columns,
                               .column_count = COUNT_OF(letter_columns),
                               .rows = value_list_new()};
}

/* Dead letters of events in a compartment are for those inside. */
struct str bus_seen_compartments(struct arena *arena, const struct scope *scope)
{
    if (scope != NULL && scope->every_compartment) {
        return STR("*");
    }
    struct str keys = STR(",");
    for (size_t i = 0; scope != NULL && i < scope->compartment_count; i++) {
        keys = arena_printf(arena, STR_FORMAT STR_FORMAT ",", STR_ARGS(keys),
                            STR_ARGS(scope->compartments[i].key));
    }
    return keys;
}

enum err bus_dead_letters(struct reader *reader, const struct bus_dead_query *query,
                          struct arena *arena, struct value *out_list, struct error *error)
{
    struct table_list letters = letter_list(arena);
    struct str own = query->plugin.len > 0
                         ? arena_printf(arena, STR_FORMAT "/", STR_ARGS(query->plugin))
                         : STR("");
    struct value binds[] = {value_int(query->after), value_int(query->limit),
                            value_text(query->subscription), value_text(own),
                            value_text(bus_seen_compartments(arena, query->scope))};
    enum err err = reader_table(reader, &bus_tables, BUS_DEAD_LIST, binds, COUNT_OF(binds),
                                table_list_row, &letters, error);
    if (err == OK) {
        *out_list = letters.rows;
    }
    return err;
}

/* ---- one ---- */

struct event {
    struct arena *arena;
    int64_t seq;
    struct value *letter;
};

static enum err on_event(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct event *event = context;
    struct arena *arena = event->arena;
    if (entry->seq != event->seq) {
        return OK;
    }
    struct value shown = value_map_new();
    struct value payload = value_null();
    (void)!json_decode(arena, arena_str(arena, entry->payload), &payload, NULL);
    value_put_c(arena, &shown, "type", value_text(arena_str(arena, entry->type)));
    value_put_c(arena, &shown, "at", value_time(entry->at_ms));
    value_put_c(arena, &shown, "actor", value_text(arena_str(arena, entry->actor)));
    value_put_c(arena, &shown, "via", value_text(arena_str(arena, entry->via)));
    if (entry->object.len > 0) {
        value_put_c(arena, &shown, "object", value_text(arena_str(arena, entry->object)));
        value_put_c(arena, &shown, "record", value_id(entry->record));
        value_put_c(arena, &shown, "version", value_int(entry->version));
    }
    value_put_c(arena, &shown, "data", payload);
    value_put_c(arena, event->letter, "event", shown);
    return OK;
}

static enum err on_held(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    *(bool *)context = str_is(columns[1].text, "held");
    return OK;
}

enum err bus_dead_letter(struct reader *reader, const struct scope *scope, int64_t id,
                         struct arena *arena, struct value *out_letter, struct error *error)
{
    struct table_list letters = letter_list(arena);
    struct value binds[] = {value_int(id), value_text(bus_seen_compartments(arena, scope))};
    enum err err =
        reader_table(reader, &bus_tables, BUS_DEAD_GET, binds, 2, table_list_row, &letters, error);
    if (err == OK && letters.rows.list.count == 0) {
        char text[ID_TEXT_LEN + 1];
        id_format(id, text);
        return error_set(error, ERR_NOT_FOUND, "there is no dead letter %s", text);
    }
    if (err != OK) {
        return err;
    }
    struct value letter = letters.rows.list.items[0];
    struct event event = {
        .arena = arena, .seq = value_get_int(&letter, "seq", 0), .letter = &letter};
    bool held = false;
    struct value parked[] = {value_text(value_get_text(&letter, "subscription", STR(""))),
                             value_int(event.seq)};
    err = reader_table(reader, &bus_tables, BUS_PARKED_GET, parked, 2, on_held, &held, error);
    if (err == OK) {
        struct log_query query = {.after = event.seq - 1, .limit = 1, .look_max = 1};
        int64_t last = 0;
        err = reader_log(reader, scope, &query, on_event, &event, &last, error);
    }
    if (err == OK) {
        value_put_c(arena, &letter, "held", value_bool(held));
        *out_letter = letter;
    }
    return err;
}
