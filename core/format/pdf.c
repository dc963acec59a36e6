/* Documents as data, drawn into PDF by Pango and Cairo: Greek and any other script that a font has,
 * right-to-left too. The same data gives the same bytes: no clock, no chance. Any thread (each has
 * its own font map); bounded by texts, blocks, pages and bytes before anything is drawn at length.
 */
#include "pdf.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

#include <cairo-pdf.h>

enum {
    PDF_TEXT_MAX = 128 << 10,
    PDF_LAYOUT_MAX = 32 << 10, /* one paragraph: Pango breaks it as a whole */
    WORD_MAX = 200,            /* code points */
    PDF_BLOCKS_MAX = 2000,
    PDF_PAGES_MAX = 200,
    PDF_BYTES_MAX = 8 << 20,
};

/* fontconfig keeps what it has read for as long as the process lives; LeakSanitizer minds. */
#if defined(__SANITIZE_ADDRESS__)
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}
#endif

/* A4 in points, and where its body lies. */
static const double page_width = 595.28, page_height = 841.89;
static const double body_top = 72.0, body_bottom = 769.0;
static const double head_y = 36.0, foot_y = 796.0;
const double pdf_left = 62.0, pdf_width = 471.28;

static const struct pdf_style title_style = {18.0, true, PANGO_ALIGN_LEFT};
static const struct pdf_style margin_left = {8.0, false, PANGO_ALIGN_LEFT};
static const struct pdf_style margin_right = {8.0, false, PANGO_ALIGN_RIGHT};

double pdf_room(void)
{
    return body_bottom - body_top;
}

enum err pdf_fail(struct pdf *pdf, enum err err, const char *what)
{
    return error_at(pdf->error, err, pdf->path, NULL, "%s", what);
}

/* ---- texts ---- */

/* Control characters are no text: a blank each, but for line feeds. A word without an end is given
 * places to break at (zero width spaces): without any, Pango takes the square of its length. */
static void put_clean(struct buf *out, struct str text)
{
    size_t at = 0;
    size_t start = 0;
    size_t run = 0;
    uint32_t code = 0;
    while (start = at, utf8_next(text, &at, &code)) {
        bool control = (code < 0x20 && code != '\n') || code == 0x7f;
        bool blank = control || code == ' ' || code == '\n';
        run = blank ? 0 : run + 1;
        if (run == WORD_MAX) {
            buf_append_str(out, STR("\xe2\x80\x8b"));
            run = 1;
        }
        buf_append_str(out, control ? STR(" ") : str_sub(text, start, at - start));
    }
}

/* As in JSON, but for the quotes around days and times. */
static void put_scalar(struct buf *out, const struct value *value)
{
    struct buf json;
    buf_init(&json);
    json_encode(&json, value);
    struct str text = buf_str(&json);
    bool quoted = text.len >= 2 && text.at[0] == '"';
    buf_append_str(out, quoted ? str_sub(text, 1, text.len - 2) : text);
    buf_deinit(&json);
}

enum err pdf_take_text(struct pdf *pdf, const struct value *value, struct buf *out)
{
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    if (value->kind == VALUE_LIST || value->kind == VALUE_MAP || value->kind == VALUE_BYTES ||
        value->kind == VALUE_MONEY) {
        return pdf_fail(pdf, ERR_TYPE, "a text is needed here");
    }
    if (value->kind != VALUE_TEXT) {
        put_scalar(out, value);
    } else if (!utf8_valid(value->text)) {
        return pdf_fail(pdf, ERR_INVALID, "the text is not UTF-8");
    } else {
        put_clean(out, value->text);
    }
    if (out->len > PDF_LAYOUT_MAX) {
        return pdf_fail(pdf, ERR_LIMIT, "a paragraph has at most 32 KiB");
    }
    if (out->len > pdf->text_left) {
        return pdf_fail(pdf, ERR_LIMIT, "a document has at most 128 KiB of text");
    }
    pdf->text_left -= out->len;
    return OK;
}

PangoLayout *pdf_layout(struct pdf *pdf, struct str text, const struct pdf_style *style,
                        double width)
{
    PangoLayout *layout = pango_cairo_create_layout(pdf->cairo);
    PangoFontDescription *font = pango_font_description_new();
    pango_context_set_language(pango_layout_get_context(layout), pdf->language);
    pango_font_description_set_family(font, "DejaVu Sans");
    pango_font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_font_description_set_absolute_size(font, style->size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(layout, pango_units_from_double(width));
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(layout, style->align);
    pango_layout_set_line_spacing(layout, 1.2F);
    pango_layout_set_text(layout, text.at, (int)text.len);
    return layout;
}

double pdf_layout_height(PangoLayout *layout)
{
    int height = 0;
    pango_layout_get_size(layout, NULL, &height);
    return pango_units_to_double(height);
}

enum err pdf_flow(struct pdf *pdf, PangoLayout *layout, double x)
{
    PangoLayoutIter *lines = pango_layout_get_iter(layout);
    enum err err = OK;
    do {
        PangoRectangle line = {0};
        pango_layout_iter_get_line_extents(lines, NULL, &line);
        double height = pango_units_to_double(line.height);
        err = pdf_need(pdf, height);
        if (err == OK) {
            int baseline = pango_layout_iter_get_baseline(lines);
            cairo_move_to(pdf->cairo, x + pango_units_to_double(line.x),
                          pdf->y + pango_units_to_double(baseline - line.y));
            pango_cairo_show_layout_line(pdf->cairo, pango_layout_iter_get_line_readonly(lines));
            pdf->y += height;
        }
    } while (err == OK && pango_layout_iter_next_line(lines));
    pango_layout_iter_free(lines);
    return err;
}

enum err pdf_text(struct pdf *pdf, struct str text, const struct pdf_style *style, double x,
                  double width)
{
    PangoLayout *layout = pdf_layout(pdf, text, style, width);
    enum err err = pdf_flow(pdf, layout, x);
    g_object_unref(layout);
    return err;
}

void pdf_rule(struct pdf *pdf, double x, double width)
{
    cairo_set_line_width(pdf->cairo, 0.5);
    cairo_move_to(pdf->cairo, x, pdf->y);
    cairo_line_to(pdf->cairo, x + width, pdf->y);
    cairo_stroke(pdf->cairo);
}

/* ---- pages ---- */

/* The document's own text under this key; errors name it. */
static enum err take_named(struct pdf *pdf, const char *key, struct buf *out)
{
    (void)snprintf(pdf->path, sizeof(pdf->path), "/%s", key);
    return pdf_take_text(pdf, value_get_c(pdf->document, key), out);
}

static enum err draw_margin(struct pdf *pdf, const char *key, double y)
{
    struct buf text;
    buf_init(&text);
    pdf->text_left += PDF_LAYOUT_MAX; /* each page's again: not of the document's own text */
    enum err err = take_named(pdf, key, &text);
    if (err == OK) {
        PangoLayout *layout = pdf_layout(pdf, buf_str(&text), &margin_left, pdf_width * 0.8);
        pango_layout_set_height(layout, 0); /* one line, cut where it does not fit */
        pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
        cairo_move_to(pdf->cairo, pdf_left, y);
        pango_cairo_show_layout(pdf->cairo, layout);
        g_object_unref(layout);
        pdf->text_left -= PDF_LAYOUT_MAX - text.len;
    }
    buf_deinit(&text);
    return err;
}

static void draw_number(struct pdf *pdf)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%d / %d", pdf->page, pdf->page_count);
    PangoLayout *layout = pdf_layout(pdf, str_from(text), &margin_right, pdf_width);
    cairo_move_to(pdf->cairo, pdf_left, foot_y);
    pango_cairo_show_layout(pdf->cairo, layout);
    g_object_unref(layout);
}

static enum err begin_page(struct pdf *pdf)
{
    if (pdf->page == PDF_PAGES_MAX) {
        return pdf_fail(pdf, ERR_LIMIT, "a document has at most 200 pages");
    }
    char path[PDF_PATH_MAX];
    memcpy(path, pdf->path, sizeof(path));
    pdf->page++;
    pdf->y = body_top;
    enum err err = draw_margin(pdf, "header", head_y);
    err = err == OK ? draw_margin(pdf, "footer", foot_y) : err;
    if (err == OK) {
        memcpy(pdf->path, path, sizeof(path));
        if (value_get_bool(pdf->document, "page_numbers", true)) {
            draw_number(pdf);
        }
    }
    return err;
}

enum err pdf_new_page(struct pdf *pdf)
{
    cairo_show_page(pdf->cairo);
    return begin_page(pdf);
}

enum err pdf_need(struct pdf *pdf, double height)
{
    return pdf->y > body_top && pdf->y + height > body_bottom ? pdf_new_page(pdf) : OK;
}

/* ---- the whole ---- */

static cairo_status_t on_bytes(void *context, const unsigned char *bytes, unsigned len)
{
    struct pdf *pdf = context;
    if (pdf->out == NULL) {
        return CAIRO_STATUS_SUCCESS;
    }
    if (len > PDF_BYTES_MAX - pdf->out->len) {
        return CAIRO_STATUS_WRITE_ERROR;
    }
    buf_append(pdf->out, bytes, len);
    return CAIRO_STATUS_SUCCESS;
}

static enum err set_about(struct pdf *pdf)
{
    struct buf text;
    buf_init(&text);
    enum err err = take_named(pdf, "title", &text);
    if (err == OK) {
        cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_TITLE, buf_cstr(&text));
    }
    buf_reset(&text);
    err = err == OK ? take_named(pdf, "created_on", &text) : err;
    int64_t day = 0;
    if (err == OK && text.len > 0 && date_parse(buf_str(&text), &day) != OK) {
        err = pdf_fail(pdf, ERR_INVALID, "the day of creation is a day, as 2027-03-31");
    } else if (err == OK && text.len > 0) {
        buf_append_str(&text, STR("T00:00:00Z"));
        cairo_pdf_surface_set_metadata(pdf->surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                       buf_cstr(&text));
    }
    buf_deinit(&text);
    return err;
}

static enum err draw_title(struct pdf *pdf)
{
    struct buf text;
    buf_init(&text);
    enum err err = take_named(pdf, "title", &text);
    if (err == OK && text.len > 0) {
        err = pdf_text(pdf, buf_str(&text), &title_style, pdf_left, pdf_width);
        pdf->y += 10.0;
    }
    buf_deinit(&text);
    return err;
}

static enum err draw_all(struct pdf *pdf)
{
    const struct value *blocks = value_get_c(pdf->document, "blocks");
    enum err err = begin_page(pdf);
    err = err == OK ? draw_title(pdf) : err;
    for (size_t i = 0; err == OK && blocks != NULL && i < blocks->list.count; i++) {
        (void)snprintf(pdf->path, sizeof(pdf->path), "/blocks/%zu", i);
        err = pdf_block(pdf, &blocks->list.items[i]);
    }
    return err;
}

/* Draws into out, or only counts the pages when there is none. */
static enum err draw(struct pdf *pdf, struct buf *out)
{
    pdf->out = out;
    pdf->page = 0;
    pdf->text_left = PDF_TEXT_MAX;
    pdf->surface = cairo_pdf_surface_create_for_stream(on_bytes, pdf, page_width, page_height);
    pdf->cairo = cairo_create(pdf->surface);
    enum err err = set_about(pdf);
    err = err == OK ? draw_all(pdf) : err;
    cairo_destroy(pdf->cairo);
    cairo_surface_finish(pdf->surface);
    cairo_status_t status = cairo_surface_status(pdf->surface);
    cairo_surface_destroy(pdf->surface);
    if (err == OK && status != CAIRO_STATUS_SUCCESS) {
        pdf->path[0] = '\0';
        err = pdf_fail(pdf, status == CAIRO_STATUS_WRITE_ERROR ? ERR_LIMIT : ERR_INVALID,
                       cairo_status_to_string(status));
    }
    return err;
}

static enum err check_blocks(struct pdf *pdf)
{
    const struct value *blocks = value_get_c(pdf->document, "blocks");
    (void)snprintf(pdf->path, sizeof(pdf->path), "/blocks");
    if (blocks != NULL && blocks->kind != VALUE_LIST && blocks->kind != VALUE_NULL &&
        !(blocks->kind == VALUE_MAP && blocks->map.count == 0)) {
        return pdf_fail(pdf, ERR_TYPE, "the blocks are a list");
    }
    if (blocks != NULL && blocks->kind == VALUE_LIST && blocks->list.count > PDF_BLOCKS_MAX) {
        return pdf_fail(pdf, ERR_LIMIT, "a document has at most 2000 blocks");
    }
    return OK;
}

enum err pdf_write(struct buf *out, const struct value *document, struct error *error)
{
    struct pdf pdf = {.document = document, .error = error};
    if (document->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "a document is a table with a title and blocks");
    }
    char language[16];
    struct str tag = str_sub(value_get_text(document, "language", STR("en")), 0, 15);
    (void)snprintf(language, sizeof(language), STR_FORMAT, STR_ARGS(tag));
    pdf.language = pango_language_from_string(language);
    enum err err = check_blocks(&pdf);
    err = err == OK ? draw(&pdf, NULL) : err;
    if (err != OK) {
        return err;
    }
    pdf.page_count = pdf.page;
    return draw(&pdf, out);
}
