/* The blocks of a document: headings, paragraphs, lists, tables, lines to sign on, page breaks. */
#include "pdf.h"

#include "proxenos/base_text.h"

enum { COLUMNS_MAX = 12, ITEMS_MAX = 500, ROWS_MAX = 2000, SIGNATORIES_MAX = 20 };

static const double gap = 7.0, indent = 18.0, cell_gap = 6.0;

static const struct pdf_style body_style = {10.0, false, PANGO_ALIGN_LEFT};
static const struct pdf_style bold_style = {10.0, true, PANGO_ALIGN_LEFT};
static const struct pdf_style small_style = {8.0, false, PANGO_ALIGN_LEFT};
static const struct pdf_style cell_styles[] = {{9.0, false, PANGO_ALIGN_LEFT},
                                               {9.0, true, PANGO_ALIGN_LEFT}};

/* The text under the key, drawn. */
static enum err draw_key(struct pdf *pdf, const struct value *map, const char *key,
                         const struct pdf_style *style, double x, double width)
{
    struct buf text;
    buf_init(&text);
    enum err err = pdf_take_text(pdf, value_get_c(map, key), &text);
    err = err == OK ? pdf_text(pdf, buf_str(&text), style, x, width) : err;
    buf_deinit(&text);
    return err;
}

static const struct value *list_of(struct pdf *pdf, const struct value *block, const char *key,
                                   size_t most, enum err *err)
{
    static const struct value none = {.kind = VALUE_LIST};
    const struct value *list = value_get_c(block, key);
    if (list == NULL || list->kind == VALUE_NULL ||
        (list->kind == VALUE_MAP && list->map.count == 0)) {
        return &none;
    }
    if (list->kind != VALUE_LIST) {
        *err = pdf_fail(pdf, ERR_TYPE, "a list is needed here");
    } else if (list->list.count > most) {
        *err = pdf_fail(pdf, ERR_LIMIT, "the list is too long");
    }
    return *err == OK ? list : &none;
}

/* ---- headings, paragraphs, lists ---- */

static enum err draw_heading(struct pdf *pdf, const struct value *block)
{
    int64_t level = value_get_int(block, "level", 1);
    struct pdf_style style = {level <= 1 ? 14.0 : level == 2 ? 12.0 : 10.5, true, PANGO_ALIGN_LEFT};
    pdf->y += gap;
    enum err err = pdf_need(pdf, style.size * 4.0); /* not alone at a page's foot */
    err = err == OK ? draw_key(pdf, block, "text", &style, pdf_left, pdf_width) : err;
    pdf->y += gap / 2.0;
    return err;
}

static enum err draw_paragraph(struct pdf *pdf, const struct value *block)
{
    struct pdf_style style = body_style;
    struct str align = value_get_text(block, "align", STR("left"));
    style.align = str_is(align, "right")    ? PANGO_ALIGN_RIGHT
                  : str_is(align, "center") ? PANGO_ALIGN_CENTER
                                            : PANGO_ALIGN_LEFT;
    enum err err = draw_key(pdf, block, "text", &style, pdf_left, pdf_width);
    pdf->y += gap;
    return err;
}

static enum err draw_item(struct pdf *pdf, const struct value *item, size_t number)
{
    char mark[24];
    struct buf text;
    (void)snprintf(mark, sizeof(mark), number == 0 ? "\xe2\x80\xa2" : "%zu.", number);
    PangoLayout *layout = pdf_layout(pdf, str_from(mark), &body_style, indent);
    enum err err = pdf_need(pdf, pdf_layout_height(layout));
    cairo_move_to(pdf->cairo, pdf_left, pdf->y);
    pango_cairo_show_layout(pdf->cairo, layout);
    g_object_unref(layout);
    buf_init(&text);
    err = err == OK ? pdf_take_text(pdf, item, &text) : err;
    err = err == OK
              ? pdf_text(pdf, buf_str(&text), &body_style, pdf_left + indent, pdf_width - indent)
              : err;
    buf_deinit(&text);
    return err;
}

static enum err draw_list(struct pdf *pdf, const struct value *block)
{
    enum err err = OK;
    bool ordered = value_get_bool(block, "ordered", false);
    const struct value *items = list_of(pdf, block, "items", ITEMS_MAX, &err);
    for (size_t i = 0; err == OK && i < items->list.count; i++) {
        err = draw_item(pdf, &items->list.items[i], ordered ? i + 1 : 0);
    }
    pdf->y += gap;
    return err;
}

/* ---- tables ---- */

struct row {
    PangoLayout *cells[COLUMNS_MAX];
    size_t count;
    double width, height;
};

static void free_row(struct row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        g_object_unref(row->cells[i]);
    }
    row->count = 0;
}

static enum err lay_row(struct pdf *pdf, const struct value *values, size_t columns, bool bold,
                        struct row *row)
{
    *row = (struct row){.width = pdf_width / (double)columns};
    if (values->kind != VALUE_LIST || values->list.count != columns) {
        return pdf_fail(pdf, ERR_INVALID, "a row has as many cells as there are columns");
    }
    enum err err = OK;
    for (size_t i = 0; err == OK && i < columns; i++) {
        struct buf text;
        buf_init(&text);
        err = pdf_take_text(pdf, &values->list.items[i], &text);
        if (err == OK) {
            row->cells[i] =
                pdf_layout(pdf, buf_str(&text), &cell_styles[bold], row->width - cell_gap);
            row->count = i + 1;
            row->height = MAX(row->height, pdf_layout_height(row->cells[i]) + cell_gap);
        }
        buf_deinit(&text);
    }
    if (err == OK && row->height > pdf_room() / 2.0) {
        err = pdf_fail(pdf, ERR_LIMIT, "a row of a table is at most half a page high");
    }
    return err;
}

static void draw_row(struct pdf *pdf, const struct row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        cairo_move_to(pdf->cairo, pdf_left + (double)i * row->width, pdf->y + cell_gap / 2.0);
        pango_cairo_show_layout(pdf->cairo, row->cells[i]);
    }
    pdf->y += row->height;
    pdf_rule(pdf, pdf_left, pdf_width);
}

/* The head is drawn again on each page that the table goes on to. */
static enum err draw_body_row(struct pdf *pdf, const struct row *head, const struct row *row)
{
    int page = pdf->page;
    enum err err = pdf_need(pdf, row->height);
    if (err == OK && pdf->page != page) {
        draw_row(pdf, head);
    }
    if (err == OK) {
        draw_row(pdf, row);
    }
    return err;
}

static enum err draw_table(struct pdf *pdf, const struct value *block)
{
    enum err err = OK;
    const struct value *columns = list_of(pdf, block, "columns", COLUMNS_MAX, &err);
    const struct value *rows = list_of(pdf, block, "rows", ROWS_MAX, &err);
    if (err == OK && columns->list.count == 0) {
        err = pdf_fail(pdf, ERR_INVALID, "a table has columns");
    }
    if (err != OK) {
        return err;
    }
    struct row head;
    err = lay_row(pdf, columns, columns->list.count, true, &head);
    err = err == OK ? pdf_need(pdf, head.height * 2.0) : err;
    if (err == OK) {
        draw_row(pdf, &head);
    }
    for (size_t i = 0; err == OK && i < rows->list.count; i++) {
        struct row row;
        err = lay_row(pdf, &rows->list.items[i], columns->list.count, false, &row);
        err = err == OK ? draw_body_row(pdf, &head, &row) : err;
        free_row(&row);
    }
    free_row(&head);
    pdf->y += gap;
    return err;
}

/* ---- lines to sign on: two beside each other ---- */

static enum err draw_signatory(struct pdf *pdf, const struct value *party, double x, double width)
{
    pdf_rule(pdf, x, width);
    pdf->y += 3.0;
    enum err err = draw_key(pdf, party, "name", &bold_style, x, width);
    return err == OK ? draw_key(pdf, party, "capacity", &small_style, x, width) : err;
}

static enum err draw_signatures(struct pdf *pdf, const struct value *block)
{
    static const double pair_height = 110.0, space_to_sign = 48.0;
    double width = pdf_width / 2.0 - indent;
    enum err err = OK;
    const struct value *parties = list_of(pdf, block, "parties", SIGNATORIES_MAX, &err);
    double top = 0.0;
    for (size_t i = 0; err == OK && i < parties->list.count; i++) {
        bool left = i % 2 == 0;
        if (left) {
            err = pdf_need(pdf, pair_height);
            top = pdf->y + space_to_sign;
        }
        if (err == OK) {
            pdf->y = top;
            err =
                draw_signatory(pdf, &parties->list.items[i],
                               left ? pdf_left : pdf_left + pdf_width / 2.0 + indent / 2.0, width);
        }
    }
    pdf->y += gap;
    return err;
}

static enum err draw_break(struct pdf *pdf, const struct value *block)
{
    (void)block;
    return pdf_new_page(pdf);
}

enum err pdf_block(struct pdf *pdf, const struct value *block)
{
    static const struct {
        const char *kind;
        enum err (*draw)(struct pdf *pdf, const struct value *block);
    } kinds[] = {{"heading", draw_heading}, {"paragraph", draw_paragraph},   {"list", draw_list},
                 {"table", draw_table},     {"signatures", draw_signatures}, {"break", draw_break}};
    struct str kind =
        block->kind == VALUE_MAP ? value_get_text(block, "kind", STR("paragraph")) : STR("");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_is(kind, kinds[i].kind)) {
            return kinds[i].draw(pdf, block);
        }
    }
    return pdf_fail(pdf, ERR_INVALID,
                    "a block's kind is heading, paragraph, list, table, signatures or break");
}
