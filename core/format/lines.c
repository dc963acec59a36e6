/* Content lines in: unfolding, groups, parameters. Bytes are joined before they are looked at as
 * UTF-8, since folds may cut a character. Pure. */
#include "lines.h"

#include "proxenos/base_text.h"

#include <stdio.h>
#include <string.h>

enum err line_error(int64_t line, enum err err, const char *sentence, struct error *error)
{
    char pointer[32];
    (void)snprintf(pointer, sizeof(pointer), "line %lld", (long long)line);
    return error_at(error, err, pointer, NULL, "%s", sentence);
}

/* ---- physical lines ---- */

/* The next line without its end. */
static bool physical(struct line_source *source, struct str *out)
{
    if (source->at >= source->text.len) {
        return false;
    }
    struct str rest = str_sub(source->text, source->at, source->text.len);
    const char *newline = memchr(rest.at, '\n', rest.len);
    size_t whole = newline == NULL ? rest.len : (size_t)(newline - rest.at) + 1;
    size_t len = newline == NULL ? whole : whole - 1;
    while (len > 0 && rest.at[len - 1] == '\r') {
        len--; /* CRCRLF is what a file becomes that was sent as text */
    }
    *out = str_sub(rest, 0, len);
    source->at += whole;
    source->line++;
    return true;
}

static bool continues(const struct line_source *source)
{
    bool more = source->at < source->text.len;
    return more && (source->text.at[source->at] == ' ' || source->text.at[source->at] == '\t');
}

static bool soft_break(const struct line_source *source, struct str text)
{
    size_t at = 0;
    return source->old && str_ends(text, STR("=")) && str_find(text, STR(":"), &at) &&
           (str_find(str_sub(text, 0, at), STR("QUOTED-PRINTABLE"), &at) ||
            str_find(str_sub(text, 0, at), STR("quoted-printable"), &at));
}

static enum line_found unfold(struct line_source *source, struct buf *joined, int64_t *out_line,
                              struct error *error)
{
    struct str piece;
    buf_reset(joined);
    do {
        *out_line = source->line;
        if (!physical(source, &piece)) {
            return LINE_END;
        }
    } while (piece.len == 0);
    bool long_line = false;
    buf_append_str(joined, piece);
    while (continues(source) || soft_break(source, buf_str(joined))) {
        bool soft = !continues(source);
        if (!physical(source, &piece)) {
            break;
        }
        joined->len -= soft ? 1 : 0;
        long_line = long_line || joined->len + piece.len > CARD_LINE_BYTES_MAX;
        if (!long_line) {
            buf_append_str(joined, soft ? piece : str_sub(piece, 1, piece.len));
        } else if (soft) {
            break;
        }
    }
    if (long_line || joined->len > CARD_LINE_BYTES_MAX) {
        (void)line_error(*out_line, ERR_LIMIT, "the property is longer than 4 MiB", error);
        return LINE_WRONG;
    }
    return LINE_FOUND;
}

/* ---- one line taken apart ---- */

static bool name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static struct str cut_name(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len && name_letter(rest->at[len])) {
        len++;
    }
    struct str name = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return name;
}

static struct str capitals(struct arena *arena, struct str name)
{
    char *copy = arena_cstr(arena, name);
    for (size_t i = 0; i < name.len; i++) {
        copy[i] = (char)(copy[i] >= 'a' && copy[i] <= 'z' ? copy[i] - 'a' + 'A' : copy[i]);
    }
    return (struct str){copy, name.len};
}

/* RFC 6868: ^n, ^^ and ^' inside values of parameters. */
static struct str undo_carets(struct arena *arena, struct str text)
{
    size_t at = 0;
    if (!str_find(text, STR("^"), &at)) {
        return arena_str(arena, text);
    }
    char *copy = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char next = '\0';
        if (text.at[i] == '^' && i + 1 < text.len) {
            next = text.at[i + 1];
        }
        switch (next) {
        case 'n':
            copy[len++] = '\n';
            i++;
            break;
        case '^':
            copy[len++] = '^';
            i++;
            break;
        case '\'':
            copy[len++] = '"';
            i++;
            break;
        default:
            copy[len++] = text.at[i];
            break;
        }
    }
    copy[len] = '\0';
    return (struct str){copy, len};
}

/* One value of a parameter, quoted or not. */
static const char *cut_parameter_value(struct str *rest, struct str *out)
{
    if (str_starts(*rest, STR("\""))) {
        size_t end = 0;
        struct str inside = str_sub(*rest, 1, rest->len);
        if (!str_find(inside, STR("\""), &end)) {
            return "a quote is opened in a parameter and never closed";
        }
        *out = str_sub(inside, 0, end);
        *rest = str_sub(inside, end + 1, inside.len);
        return NULL;
    }
    size_t len = 0;
    while (len < rest->len && strchr(",;:\"", rest->at[len]) == NULL) {
        len++;
    }
    if (len < rest->len && rest->at[len] == '"') {
        return "a quote stands inside a value of a parameter";
    }
    *out = str_sub(*rest, 0, len);
    *rest = str_sub(*rest, len, rest->len);
    return NULL;
}

static void add_parameter(struct arena *arena, struct value *parameters, struct str name,
                          struct str text)
{
    const struct value *known = value_get(parameters, name);
    struct value list = known != NULL ? *known : value_list_new();
    value_push(arena, &list, value_text(undo_carets(arena, text)));
    value_put(arena, parameters, name, list);
}

/* vCard 2.1: "TEL;WORK;VOICE:", "NOTE;QUOTED-PRINTABLE:". */
static void add_old_parameter(struct arena *arena, struct value *parameters, struct str word)
{
    bool encoding = str_eq_nocase(word, STR("QUOTED-PRINTABLE")) ||
                    str_eq_nocase(word, STR("BASE64")) || str_eq_nocase(word, STR("8BIT")) ||
                    str_eq_nocase(word, STR("7BIT"));
    add_parameter(arena, parameters, encoding ? STR("ENCODING") : STR("TYPE"), word);
}

/* "TYPE=work,home", the name before it taken off already: the rest is at the "=". */
static const char *cut_values(struct arena *arena, struct str *rest, struct str word,
                              struct value *parameters, int *count)
{
    struct str name = capitals(arena, word);
    struct str text;
    do {
        *rest = str_sub(*rest, 1, rest->len); /* "=" or "," */
        const char *why = cut_parameter_value(rest, &text);
        if (why != NULL) {
            return why;
        }
        add_parameter(arena, parameters, name, text);
        ++*count;
    } while (str_starts(*rest, STR(",")) && *count <= CARD_PARAMETERS_MAX);
    return NULL;
}

static const char *cut_parameters(const struct line_source *source, struct arena *arena,
                                  struct str *rest, struct value *parameters)
{
    const char *why = NULL;
    int count = 0;
    while (why == NULL && str_starts(*rest, STR(";"))) {
        *rest = str_sub(*rest, 1, rest->len);
        struct str word = cut_name(rest);
        bool named = word.len > 0 && str_starts(*rest, STR("="));
        if (++count > CARD_PARAMETERS_MAX) {
            why = "the property has too many parameters";
        } else if (named) {
            why = cut_values(arena, rest, word, parameters, &count);
        } else if (word.len > 0 && source->old) {
            add_old_parameter(arena, parameters, word);
        } else {
            why = "a parameter is NAME=value";
        }
    }
    return why;
}

static bool controls(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static enum err take_apart(const struct line_source *source, struct arena *arena,
                           struct content_line *line, struct str text, struct error *error)
{
    if (utf8_check(text) != text.len) {
        return line_error(line->line, ERR_UTF8, "the text is not UTF-8; save the file as UTF-8",
                          error);
    }
    if (controls(text)) {
        return line_error(line->line, ERR_INVALID,
                          "there is a control character; lines end with CRLF or LF", error);
    }
    struct str rest = arena_str(arena, text);
    struct str name = cut_name(&rest);
    if (str_starts(rest, STR("."))) {
        line->group = name;
        rest = str_sub(rest, 1, rest.len);
        name = cut_name(&rest);
    }
    if (name.len == 0) {
        return line_error(line->line, ERR_INVALID, "a line is NAME:value, and here is no name",
                          error);
    }
    line->name = capitals(arena, name);
    const char *why = cut_parameters(source, arena, &rest, &line->parameters);
    if (why == NULL && !str_starts(rest, STR(":"))) {
        why = "a line is NAME:value, and here is no colon behind the name";
    }
    if (why != NULL) {
        return line_error(line->line, ERR_INVALID, why, error);
    }
    line->value = str_sub(rest, 1, rest.len);
    return OK;
}

enum line_found line_next(struct line_source *source, struct arena *arena,
                          struct content_line *out_line, struct error *error)
{
    struct buf joined;
    buf_init(&joined);
    *out_line = (struct content_line){.parameters = value_map_new()};
    if (source->at == 0 && str_starts(source->text, STR("\xef\xbb\xbf"))) {
        source->at = 3;
    }
    enum line_found found = unfold(source, &joined, &out_line->line, error);
    if (found == LINE_FOUND && take_apart(source, arena, out_line, buf_str(&joined), error) != OK) {
        found = LINE_WRONG;
    }
    buf_deinit(&joined);
    return found;
}

/* ---- what callers ask of a line ---- */

bool line_has(const struct content_line *line, const char *parameter, const char *word)
{
    const struct value *list = value_get_c(&line->parameters, parameter);
    for (size_t i = 0; list != NULL && i < list->list.count; i++) {
        if (str_eq_nocase(list->list.items[i].text, str_from(word))) {
            return true;
        }
    }
    return false;
}

struct str line_parameter(const struct content_line *line, const char *parameter)
{
    const struct value *list = value_get_c(&line->parameters, parameter);
    return list != NULL && list->list.count > 0 ? list->list.items[0].text : STR("");
}

struct value line_describe(struct arena *arena, const struct content_line *line)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "name", value_text(line->name));
    if (line->group.len > 0) {
        value_put_c(arena, &map, "group", value_text(line->group));
    }
    if (line->parameters.map.count > 0) {
        value_put_c(arena, &map, "parameters", line->parameters);
    }
    return map;
}

/* ---- texts ---- */

enum err text_unescape(struct arena *arena, struct str raw, bool lenient, struct str *out_text)
{
    char *copy = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char next = '\0';
        if (raw.at[i] == '\\' && i + 1 < raw.len) {
            next = raw.at[i + 1];
        }
        if (raw.at[i] != '\\') {
            copy[len++] = raw.at[i];
        } else if (!lenient && (next == 'n' || next == 'N')) {
            copy[len++] = '\n';
            i++;
        } else if (next != '\0' && strchr("\\;,:\"", next) != NULL) {
            copy[len++] = next;
            i++;
        } else if (lenient) {
            copy[len++] = '\\';
        } else {
            return ERR_INVALID;
        }
    }
    copy[len] = '\0';
    *out_text = (struct str){copy, len};
    return OK;
}

bool text_cut(struct str *rest, char separator, struct str *out_part)
{
    if (rest->at == NULL) {
        return false;
    }
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->at[i] == '\\') {
            i++;
        } else if (rest->at[i] == separator) {
            *out_part = str_sub(*rest, 0, i);
            *rest = str_sub(*rest, i + 1, rest->len);
            return true;
        }
    }
    *out_part = *rest;
    *rest = (struct str){NULL, 0};
    return true;
}
