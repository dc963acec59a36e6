/* What a command prints: a table for people, JSON or CSV for programs. Text cells of CSV
 * are made safe for spreadsheets as in exports. */
#include "internal.h"

#include "proxenos/base_text.h"
#include "proxenos/format.h"

enum { COLUMNS_MAX = 64, CELL_WIDTH_MAX = 60 };

void cli_value_text(struct buf *out, const struct value *value)
{
    if (value == NULL || value->kind == VALUE_NULL) {
        return;
    }
    if (value->kind == VALUE_TEXT) {
        buf_append_str(out, value->text);
        return;
    }
    const struct value *amount = value_get_c(value, "amount");
    const struct value *currency = value_get_c(value, "currency");
    if (amount != NULL && currency != NULL && currency->kind == VALUE_TEXT) {
        json_encode(out, amount);
        buf_printf(out, " " STR_FORMAT, STR_ARGS(currency->text));
        return;
    }
    json_encode(out, value);
}

static size_t find_columns(const struct value *rows, struct cli_column *out)
{
    size_t count = 0;
    if (rows->list.count == 0 || rows->list.items[0].kind != VALUE_MAP) {
        return 0;
    }
    const struct value *first = &rows->list.items[0];
    for (size_t i = 0; i < first->map.count && count < COLUMNS_MAX; i++) {
        enum value_kind kind = first->map.entries[i].value.kind;
        out[count++] = (struct cli_column){first->map.entries[i].key.at, NULL,
                                           kind == VALUE_INT || kind == VALUE_REAL};
    }
    return count;
}

/* Keys of decoded JSON are not NUL-terminated; columns made from them carry their length apart. */
struct grid {
    struct str keys[COLUMNS_MAX];
    struct str titles[COLUMNS_MAX];
    bool right[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    size_t count;
};

static void make_grid(struct grid *grid, const struct value *rows, const struct cli_column *columns,
                      size_t count)
{
    *grid = (struct grid){0};
    if (columns == NULL) {
        struct cli_column found[COLUMNS_MAX];
        grid->count = find_columns(rows, found);
        for (size_t i = 0; i < grid->count; i++) {
            grid->keys[i] = grid->titles[i] = rows->list.items[0].map.entries[i].key;
            grid->right[i] = found[i].right;
        }
        return;
    }
    grid->count = MIN(count, (size_t)COLUMNS_MAX);
    for (size_t i = 0; i < grid->count; i++) {
        grid->keys[i] = str_from(columns[i].key);
        grid->titles[i] = str_from(columns[i].title);
        grid->right[i] = columns[i].right;
    }
}

static bool is_empty(const struct value *value)
{
    return value == NULL || value->kind == VALUE_NULL ||
           (value->kind == VALUE_LIST && value->list.count == 0);
}

/* Of columns that nobody asked for, those without a value in any row only push the others off the
 * screen. */
static void drop_empty_columns(struct cli *cli, const struct value *rows, struct grid *grid)
{
    size_t kept = 0, found = grid->count;
    for (size_t c = 0; c < found; c++) {
        bool empty = true;
        for (size_t r = 0; r < rows->list.count && empty; r++) {
            empty = is_empty(value_get(&rows->list.items[r], grid->keys[c]));
        }
        if (!empty) {
            grid->keys[kept] = grid->keys[c];
            grid->titles[kept] = grid->titles[c];
            grid->right[kept++] = grid->right[c];
        }
    }
    grid->count = kept;
    if (kept < found && !cli->quiet) {
        fprintf(stderr, "%zu columns are empty and not shown; --fields names those you want\n",
                found - kept);
    }
}

/* One line without control characters, cut to what a terminal holds. */
static struct str cell_text(struct arena *arena, const struct value *value)
{
    struct buf text;
    buf_init(&text);
    cli_value_text(&text, value);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f) {
            text.at[i] = ' ';
        }
    }
    struct str cut = utf8_cut(buf_str(&text), (size_t)CELL_WIDTH_MAX * 2);
    struct str copy =
        arena_printf(arena, STR_FORMAT "%s", STR_ARGS(cut), cut.len < text.len ? "…" : "");
    buf_deinit(&text);
    return copy;
}

static void print_cell(struct str text, size_t width, bool right, bool last)
{
    size_t len = utf8_count(text);
    int pad = len < width ? (int)(width - len) : 0;
    if (right) {
        printf("%*s" STR_FORMAT "%s", pad, "", STR_ARGS(text), last ? "\n" : "  ");
    } else {
        printf(STR_FORMAT "%*s%s", STR_ARGS(text), last ? 0 : pad, "", last ? "\n" : "  ");
    }
}

static void print_table(struct cli *cli, const struct value *rows, struct grid *grid)
{
    size_t row_count = rows->list.count;
    struct str *cells = ARENA_ARRAY(&cli->arena, struct str, row_count * grid->count + 1);
    for (size_t c = 0; c < grid->count; c++) {
        grid->widths[c] = utf8_count(grid->titles[c]);
        for (size_t r = 0; r < row_count; r++) {
            struct str cell =
                cell_text(&cli->arena, value_get(&rows->list.items[r], grid->keys[c]));
            cells[r * grid->count + c] = cell;
            grid->widths[c] = MAX(grid->widths[c], utf8_count(cell));
        }
    }
    for (size_t c = 0; c < grid->count; c++) {
        print_cell(grid->titles[c], grid->widths[c], grid->right[c], c + 1 == grid->count);
    }
    for (size_t i = 0; i < row_count * grid->count; i++) {
        size_t c = i % grid->count;
        print_cell(cells[i], grid->widths[c], grid->right[c], c + 1 == grid->count);
    }
}

/* `value` may be NULL: an empty cell. Numbers are never made safe, since they are no text. */
static void csv_cell(struct buf *out, bool first, const struct value *value)
{
    bool text = value != NULL && value->kind != VALUE_INT && value->kind != VALUE_REAL;
    struct buf cell;
    buf_init(&cell);
    cli_value_text(&cell, value);
    if (text && cell.len > 0) {
        csv_write_text(out, first, buf_str(&cell));
    } else {
        csv_write_raw(out, first, buf_str(&cell));
    }
    buf_deinit(&cell);
}

static void print_csv(const struct value *rows, const struct grid *grid)
{
    struct buf out;
    buf_init(&out);
    for (size_t c = 0; c < grid->count; c++) {
        csv_write_text(&out, c == 0, grid->titles[c]);
    }
    csv_write_end(&out);
    for (size_t r = 0; r < rows->list.count; r++) {
        for (size_t c = 0; c < grid->count; c++) {
            csv_cell(&out, c == 0, value_get(&rows->list.items[r], grid->keys[c]));
        }
        csv_write_end(&out);
    }
    fwrite(out.at, 1, out.len, stdout);
    buf_deinit(&out);
}

static void print_json(const struct value *value)
{
    struct buf out;
    buf_init(&out);
    json_encode_pretty(&out, value);
    buf_append_char(&out, '\n');
    fwrite(out.at, 1, out.len, stdout);
    buf_deinit(&out);
}

void cli_print_rows(struct cli *cli, const struct value *rows, const struct cli_column *columns,
                    size_t count)
{
    if (cli->format == CLI_JSON) {
        print_json(rows);
        return;
    }
    struct grid grid;
    make_grid(&grid, rows, columns, count);
    if (cli->format == CLI_CSV) {
        print_csv(rows, &grid);
        return;
    }
    if (columns == NULL && cli_option(cli, "fields") == NULL) {
        drop_empty_columns(cli, rows, &grid);
    }
    if (grid.count > 0) {
        print_table(cli, rows, &grid);
    }
}

void cli_print_map(struct cli *cli, const struct value *map)
{
    if (cli->format == CLI_JSON) {
        print_json(map);
        return;
    }
    struct value rows = value_list_new();
    for (size_t i = 0; map->kind == VALUE_MAP && i < map->map.count; i++) {
        struct value row = value_map_new();
        value_put_c(&cli->arena, &row, "field", value_text(map->map.entries[i].key));
        value_put_c(&cli->arena, &row, "value", map->map.entries[i].value);
        value_push(&cli->arena, &rows, row);
    }
    static const struct cli_column columns[] = {{"field", "field", false},
                                                {"value", "value", false}};
    cli_print_rows(cli, &rows, columns, COUNT_OF(columns));
}
