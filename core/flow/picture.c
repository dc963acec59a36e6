/* A timeline as a picture: a column of boxes from the start to the end, each with when it was; what
 * waits is dashed, what failed is red. Values are not in it, so that a picture may be shown around.
 * Pure; any thread. */
#include <string.h>

#include "proxenos/base_text.h"
#include "proxenos/base_time.h"
#include "proxenos/flow_operate.h"

enum { LABEL_MAX = 60 };

static const char *const colours[] = {[FLOW_MOMENT_WAITS] = "#b7791f",
                                      [FLOW_MOMENT_DONE] = "#2f7d4f",
                                      [FLOW_MOMENT_FAILED] = "#b83232",
                                      [FLOW_MOMENT_DROPPED] = "#8a8f98"};

/* "step screen", "sleep", "wait document.received" */
static void write_label(struct buf *out, const struct flow_moment *moment)
{
    buf_append_str(out, str_from(moment->kind));
    if (moment->name.len > 0) {
        struct str name = utf8_cut(moment->name, LABEL_MAX);
        buf_printf(out, " " STR_FORMAT "%s", STR_ARGS(name),
                   name.len < moment->name.len ? "…" : "");
    }
}

/* How it ended, or until when it waits. */
static void write_fate(struct buf *out, const struct flow_moment *moment)
{
    buf_append_str(out, str_from(flow_moment_word(moment->state)));
    if (moment->state == FLOW_MOMENT_WAITS && moment->due_ms != 0) {
        buf_append_str(out, STR(" until "));
        time_format(out, moment->due_ms);
    } else if (moment->ended_ms > moment->at_ms) {
        buf_append_str(out, STR(" at "));
        time_format(out, moment->ended_ms);
    }
}

/* No control characters in pictures. */
static void write_char(struct buf *out, char c)
{
    if ((unsigned char)c < ' ') {
        c = ' ';
    }
    buf_append_char(out, c);
}

/* ---- dot ---- */

static void dot_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\') {
            buf_append_char(out, '\\');
        }
        write_char(out, text.at[i]);
    }
}

static void dot_moment(struct buf *out, size_t number, const struct flow_moment *moment)
{
    struct buf label;
    buf_init(&label);
    write_label(&label, moment);
    buf_printf(out, "  m%zu [label=\"", number);
    dot_text(out, buf_str(&label));
    buf_reset(&label);
    buf_append_str(out, STR("\\n"));
    time_format(out, moment->at_ms);
    buf_append_str(out, STR("\\n"));
    write_fate(&label, moment);
    dot_text(out, buf_str(&label));
    buf_printf(out, "\", color=\"%s\"%s%s];\n  m%zu -> m%zu;\n", colours[moment->state],
               moment->state == FLOW_MOMENT_WAITS ? ", style=dashed" : "",
               moment->seq == 0 ? ", shape=ellipse" : "", number - 1, number);
    buf_deinit(&label);
}

void flow_draw_dot(struct buf *out, const struct flow_run *run, const struct flow_moment *moments,
                   size_t count)
{
    size_t shown = MIN(count, (size_t)FLOW_PICTURE_MAX);
    buf_append_str(out, STR("digraph run {\n  node [shape=box, fontname=\"sans-serif\"];\n"
                            "  m0 [shape=ellipse, label=\""));
    dot_text(out, run->name);
    buf_append_str(out, STR("\\n"));
    time_format(out, run->started_ms);
    buf_append_str(out, STR("\"];\n"));
    for (size_t i = 0; i < shown; i++) {
        dot_moment(out, i + 1, &moments[i]);
    }
    if (shown < count) {
        buf_printf(out, "  m%zu [shape=plaintext, label=\"%zu more\"];\n  m%zu -> m%zu;\n",
                   shown + 1, count - shown, shown, shown + 1);
        shown++;
    }
    buf_printf(out, "  end [shape=ellipse, label=\"%s\"];\n  m%zu -> end;\n}\n",
               flow_state_word(run->state), shown);
}

/* ---- SVG ---- */

enum {
    BOX_X = 200,
    BOX_WIDTH = 420,
    BOX_HEIGHT = 44,
    ROW_HEIGHT = 64,
    TOP = 20,
    PICTURE_WIDTH = 640
};

static void svg_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '<') {
            buf_append_str(out, STR("&lt;"));
        } else if (c == '>') {
            buf_append_str(out, STR("&gt;"));
        } else if (c == '&') {
            buf_append_str(out, STR("&amp;"));
        } else if (c == '"') {
            buf_append_str(out, STR("&quot;"));
        } else {
            write_char(out, c);
        }
    }
}

static void svg_line(struct buf *out, int x, int y, const char *anchor, struct str text)
{
    buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
    svg_text(out, text);
    buf_append_str(out, STR("</text>\n"));
}

static void svg_time(struct buf *out, int y, int64_t at_ms)
{
    struct buf text;
    buf_init(&text);
    time_format(&text, at_ms);
    svg_line(out, BOX_X - 12, y, "end", buf_str(&text));
    buf_deinit(&text);
}

static void svg_moment(struct buf *out, int y, const struct flow_moment *moment)
{
    struct buf text;
    buf_init(&text);
    buf_printf(out,
               "<g><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" fill=\"#ffffff\" "
               "stroke=\"%s\" stroke-width=\"2\"%s/>\n",
               BOX_X, y, BOX_WIDTH, BOX_HEIGHT, moment->seq == 0 ? BOX_HEIGHT / 2 : 4,
               colours[moment->state],
               moment->state == FLOW_MOMENT_WAITS ? " stroke-dasharray=\"6 4\"" : "");
    svg_time(out, y + 18, moment->at_ms);
    write_label(&text, moment);
    svg_line(out, BOX_X + 14, y + 18, "start", buf_str(&text));
    buf_reset(&text);
    write_fate(&text, moment);
    if (moment->place.len > 0) {
        buf_printf(&text, " · " STR_FORMAT, STR_ARGS(moment->place));
    }
    svg_line(out, BOX_X + 14, y + 36, "start", buf_str(&text));
    buf_append_str(out, STR("</g>\n"));
    buf_deinit(&text);
}

static void svg_end(struct buf *out, int y, const char *text)
{
    svg_line(out, BOX_X + BOX_WIDTH / 2, y + 26, "middle", str_from(text));
}

static void svg_arrow(struct buf *out, int y)
{
    int x = BOX_X + BOX_WIDTH / 2;
    buf_printf(out, "<path d=\"M%d %d V%d m-4 -6 l4 6 l4 -6\" fill=\"none\" stroke=\"#8a8f98\"/>\n",
               x, y - (ROW_HEIGHT - BOX_HEIGHT), y);
}

void flow_draw_svg(struct buf *out, const struct flow_run *run, const struct flow_moment *moments,
                   size_t count)
{
    size_t shown = MIN(count, (size_t)FLOW_PICTURE_MAX);
    int rows = (int)shown + (shown < count ? 3 : 2);
    int height = 2 * TOP + rows * ROW_HEIGHT;
    int y = TOP;
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 "
               "%d %d\" font-family=\"sans-serif\" font-size=\"12\">\n<title>",
               PICTURE_WIDTH, height, PICTURE_WIDTH, height);
    svg_text(out, run->name);
    buf_append_str(out, STR("</title>\n"));
    svg_time(out, y + 26, run->started_ms);
    svg_line(out, BOX_X + BOX_WIDTH / 2, y + 26, "middle", run->name);
    for (size_t i = 0; i < shown; i++) {
        y += ROW_HEIGHT;
        svg_arrow(out, y);
        svg_moment(out, y, &moments[i]);
    }
    if (shown < count) {
        char more[40];
        (void)snprintf(more, sizeof(more), "%zu more", count - shown);
        y += ROW_HEIGHT;
        svg_end(out, y, more);
    }
    y += ROW_HEIGHT;
    svg_arrow(out, y);
    svg_end(out, y, flow_state_word(run->state));
    buf_append_str(out, STR("</svg>\n"));
}
