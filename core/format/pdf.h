/* A PDF while it is drawn: the page, the pen's height on it, and texts that flow over pages.
 * One thread each; only pdf.c and pdf_blocks.c. */
#ifndef PX_FORMAT_PDF_H
#define PX_FORMAT_PDF_H

#include "proxenos/format.h"

/* GLib's own header of a function that is banned here (core/base/banned.h); nothing uses it. */
#define __G_ALLOCA_H__
#include <pango/pangocairo.h>

enum { PDF_PATH_MAX = 64 };

struct pdf {
    const struct value *document;
    PangoLanguage *language;
    cairo_surface_t *surface;
    cairo_t *cairo;
    struct buf *out; /* NULL while pages are counted */
    struct error *error;
    double y;
    int page, page_count;    /* page_count 0: not known yet */
    size_t text_left;        /* bytes that may still come */
    char path[PDF_PATH_MAX]; /* where in the document we are, for errors */
};

struct pdf_style {
    double size; /* points */
    bool bold;
    PangoAlignment align;
};

extern const double pdf_left, pdf_width;

/* A layout of the text, wrapped within width points; the caller unrefs it. NULL: pdf->error is set.
 */
PangoLayout *pdf_layout(struct pdf *pdf, struct str text, const struct pdf_style *style,
                        double width);
double pdf_layout_height(PangoLayout *layout);
/* Draws the layout's lines at x, going on at the next page where one is full. */
enum err pdf_flow(struct pdf *pdf, PangoLayout *layout, double x) MUST_CHECK;
/* A new page unless so many points are left. ERR_LIMIT when there are too many pages. */
enum err pdf_need(struct pdf *pdf, double height) MUST_CHECK;
enum err pdf_new_page(struct pdf *pdf) MUST_CHECK;
enum err pdf_text(struct pdf *pdf, struct str text, const struct pdf_style *style, double x,
                  double width) MUST_CHECK;
/* A horizontal line from x at the pen's height. */
void pdf_rule(struct pdf *pdf, double x, double width);
/* What the key names as text: numbers and dates too, empty when there is none. */
enum err pdf_take_text(struct pdf *pdf, const struct value *value, struct buf *out) MUST_CHECK;
double pdf_room(void); /* points of a whole page's body */
enum err pdf_fail(struct pdf *pdf, enum err err, const char *what) MUST_CHECK;

enum err pdf_block(struct pdf *pdf, const struct value *block) MUST_CHECK;

#endif
