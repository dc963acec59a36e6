/* Content lines (RFC 5545 3.1, RFC 6350 3.2), shared by vCard and iCalendar: unfolded, taken apart,
 * and written. Pure. */
#ifndef PROXENOS_FORMAT_LINES_H
#define PROXENOS_FORMAT_LINES_H

#include "proxenos/format.h"

struct line_source {
    struct str text;
    size_t at;
    int64_t line; /* of `at`, from 1 */
    bool old;     /* vCard 2.1: parameters without a name, quoted-printable values */
};

struct content_line {
    int64_t line;
    struct str group, name;  /* name in capitals */
    struct value parameters; /* { TYPE = { "work" } } */
    struct str value;        /* as written, unfolded */
};

enum line_found { LINE_END, LINE_FOUND, LINE_WRONG };

/* Skips empty lines. LINE_WRONG fills *error with "line 17"; the source is then behind that line.
 */
enum line_found line_next(struct line_source *source, struct arena *arena,
                          struct content_line *out_line, struct error *error);
enum err line_error(int64_t line, enum err err, const char *sentence, struct error *error);
/* Is this word among the parameter's values, whatever the case? */
bool line_has(const struct content_line *line, const char *parameter, const char *word);
/* The parameter's first value; empty when it has none. */
struct str line_parameter(const struct content_line *line, const char *parameter);
/* The property as it is shown: name, group, parameters; the value is put in by the caller. */
struct value line_describe(struct arena *arena, const struct content_line *line);

/* Backslashes undone, also the needless ones before : and " that old programs write; ERR_INVALID
 * for one that means nothing (`lenient`: it stands for itself). */
enum err text_unescape(struct arena *arena, struct str raw, bool lenient,
                       struct str *out_text) MUST_CHECK;
/* The part before the first `separator` that no backslash protects; false at the end. */
bool text_cut(struct str *rest, char separator, struct str *out_part);

/* Writes name and parameters of a property, up to the colon. The line is kept apart until line_end
 * folds it. */
enum err line_begin(struct buf *line, const struct value *property, struct error *error) MUST_CHECK;
/* A text with what is special in it behind backslashes. ERR_INVALID: a control character. */
enum err line_text(struct buf *line, struct str text, struct error *error) MUST_CHECK;
/* As it is; no line end may be in it. */
enum err line_raw(struct buf *line, struct str text, struct error *error) MUST_CHECK;
/* Folds at 75 octets, never inside a character; *line is empty afterwards. */
void line_end(struct buf *out, struct buf *line);

#endif
