/* Addresses that a mail server has refused for good: nothing more is sent there until somebody
 * clears them. Kept in lower case; what stands before the @ may by the book differ in case and in
 * practice does not. */
#include "internal.h"

static struct str normal(struct arena *arena, struct str address)
{
    char *text = arena_cstr(arena, address);
    for (char *c = text; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return (struct str){text, address.len};
}

enum err refused_add(struct tx *tx, struct str address, int status, struct str reason,
                     struct error *error)
{
    const struct value binds[] = {value_text(normal(tx_arena(tx), address)), value_int(status),
                                  value_text(reason), value_int(tx_now_ms(tx))};
    return tx_table(tx, &outbox_tables, REFUSED_ADD, binds, 4, NULL, NULL, error);
}

static enum err on_found(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

enum err outbox_check_address(struct reader *reader, struct str address, struct error *error)
{
    struct arena arena;
    int64_t status = -1;
    arena_init(&arena);
    const struct value bind = value_text(normal(&arena, address));
    enum err err =
        reader_table(reader, &outbox_tables, REFUSED_GET, &bind, 1, on_found, &status, error);
    arena_deinit(&arena);
    if (err == OK && status >= 0) {
        err =
            error_at(error, ERR_RECIPIENT, "to", NULL,
                     "its mail server has refused this address for good (%lld)", (long long)status);
    }
    return err;
}

enum err outbox_refusals(struct reader *reader, struct str after, int64_t limit,
                         struct arena *arena, struct value *out_rows, struct error *error)
{
    static const struct table_column columns[] = {{"address", TABLE_AS_IS},
                                                  {"status", TABLE_AS_IS},
                                                  {"reason", TABLE_AS_IS},
                                                  {"at", TABLE_AS_TIME}};
    struct table_list list = {.arena = arena,
                              .columns = columns,
                              .column_count = COUNT_OF(columns),
                              .rows = value_list_new()};
    const struct value binds[] = {value_text(after), value_int(limit)};
    enum err err =
        reader_table(reader, &outbox_tables, REFUSED_LIST, binds, 2, table_list_row, &list, error);
    if (err == OK) {
        *out_rows = list.rows;
    }
    return err;
}

enum err outbox_tx_clear(struct tx *tx, struct str address, struct error *error)
{
    const struct value bind = value_text(normal(tx_arena(tx), address));
    enum err err = tx_table(tx, &outbox_tables, REFUSED_DROP, &bind, 1, NULL, NULL, error);
    if (err == OK && tx_changes(tx) == 0) {
        err = error_set(error, ERR_NOT_FOUND, "this address was not refused");
    }
    return err;
}
