/* Are the bytes what the kind says? Looked at while they stream by: the head for signatures, all of
 * a text for UTF-8 and control characters. */
#include <string.h>

#include "internal.h"

enum { ASCII_MAX = 0x7f, SPACE = 0x20 };

static enum err wrong(const struct media_check *check, struct error *error, const char *why)
{
    return error_at(error, ERR_FILE_TYPE, "body", NULL, "this is not " STR_FORMAT ": %s",
                    STR_ARGS(check->kind->type), why);
}

/* ---- programs ---- */

/* System V gABI (ELF), PE/COFF 2 ("MZ"), mach-o/loader.h, JVMS 4.1 (class files share a fat
 * binary's first bytes), WebAssembly 5.5.16, execve(2). */
static const struct str programs[] = {
    STR_INIT("\x7f"
             "ELF"),
    STR_INIT("MZ"),
    STR_INIT("\xfe\xed\xfa\xce"),
    STR_INIT("\xfe\xed\xfa\xcf"),
    STR_INIT("\xce\xfa\xed\xfe"),
    STR_INIT("\xcf\xfa\xed\xfe"),
    STR_INIT("\xca\xfe\xba\xbe"),
    STR_INIT("\0asm"),
    STR_INIT("#!"),
};

static bool is_program(struct str head)
{
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        if (str_starts(head, programs[i])) {
            return true;
        }
    }
    return false;
}

/* ---- signatures ---- */

/* '?' is any byte, '|' parts what may stand there. */
static bool has_signature(struct str head, struct str signature)
{
    struct str one;
    while (str_split(&signature, '|', &one)) {
        bool same = head.len >= one.len;
        for (size_t i = 0; i < one.len && same; i++) {
            same = one.at[i] == '?' || one.at[i] == head.at[i];
        }
        if (same) {
            return true;
        }
    }
    return false;
}

/* ---- texts ---- */

static struct str after_mark(struct str head)
{
    struct str text = str_starts(head, STR("\xef\xbb\xbf")) ? str_sub(head, 3, head.len) : head;
    while (text.len > 0 && (text.at[0] == ' ' || (text.at[0] >= '\t' && text.at[0] <= '\r'))) {
        text = str_sub(text, 1, text.len);
    }
    return text;
}

static bool starts_nocase(struct str text, struct str word)
{
    return text.len >= word.len && str_eq_nocase(str_sub(text, 0, word.len), word);
}

/* "<x:svg a=…" → "svg". */
static struct str element_name(struct str text)
{
    size_t end = 1;
    while (end < text.len && (unsigned char)text.at[end] > SPACE && text.at[end] != '>' &&
           text.at[end] != '/') {
        end++;
    }
    struct str name = str_sub(text, 1, end - 1);
    struct str rest = name;
    struct str prefix;
    return str_split(&rest, ':', &prefix) && rest.at != NULL ? rest : name;
}

/* The name of the first element, behind declaration, comments and document type; empty: none in the
 * head. A prefix is dropped. */
static struct str first_element(struct str text)
{
    while (text.len > 1 && text.at[0] == '<') {
        size_t end = 0;
        bool comment = str_starts(text, STR("<!--"));
        if (text.at[1] != '?' && text.at[1] != '!') {
            return element_name(text);
        }
        if (!str_find(text, comment ? STR("-->") : STR(">"), &end)) {
            break;
        }
        text = after_mark(str_sub(text, end + (comment ? 3 : 1), text.len));
    }
    return STR("");
}

/* WHATWG MIME Sniffing 7.1: by these a browser that guesses would take a text for a page. */
static bool is_page(struct str text)
{
    static const struct str marks[] = {
        STR_INIT("<!doctype html"), STR_INIT("<html"),   STR_INIT("<head"),  STR_INIT("<script"),
        STR_INIT("<iframe"),        STR_INIT("<style"),  STR_INIT("<title"), STR_INIT("<body"),
        STR_INIT("<svg"),           STR_INIT("<object"), STR_INIT("<embed"),
    };
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        if (starts_nocase(text, marks[i])) {
            return true;
        }
    }
    struct str element = first_element(text);
    return str_eq_nocase(element, STR("html")) || str_eq_nocase(element, STR("svg"));
}

static enum err check_text(const struct media_check *check, struct str head, struct error *error)
{
    struct str text = after_mark(head);
    bool page = is_page(text);
    bool wanted = str_is(check->kind->detail, "html");
    if (page && !wanted) {
        return wrong(check, error, "it begins as a web page or a drawing that can carry scripts");
    }
    return OK;
}

static enum err check_json(const struct media_check *check, struct str head, struct error *error)
{
    struct str text = after_mark(head);
    bool begins = text.len > 0 && strchr("{[\"-0123456789tfn", text.at[0]) != NULL;
    return begins ? OK : wrong(check, error, "it does not begin as JSON does");
}

static enum err check_xml(const struct media_check *check, struct str head, struct error *error)
{
    struct str text = after_mark(head);
    if (text.len < 2 || text.at[0] != '<') {
        return wrong(check, error, "it does not begin as XML does");
    }
    bool drawing = str_eq_nocase(first_element(text), STR("svg"));
    if (str_is(check->kind->detail, "svg")) {
        return drawing ? OK : wrong(check, error, "its first element is another");
    }
    return is_page(text) ? wrong(check, error, "it is a web page or a drawing with scripts") : OK;
}

/* A field name of printable ASCII and a colon, in the first line. */
static enum err check_mail(const struct media_check *check, struct str head, struct error *error)
{
    size_t at = 0;
    while (at < head.len && head.at[at] > SPACE && (unsigned char)head.at[at] < ASCII_MAX &&
           head.at[at] != ':') {
        at++;
    }
    bool field = at > 0 && at < head.len && head.at[at] == ':';
    bool envelope = str_starts(head, STR("From ")); /* as mail folders part their mails */
    return field || envelope ? OK : wrong(check, error, "it does not begin with header lines");
}

static enum err check_head(struct media_check *check, struct error *error)
{
    struct str head = {check->head, check->head_len};
    const struct media_kind *kind = check->kind;
    check->judged = true;
    if (is_program(head)) {
        return error_at(error, ERR_FILE_TYPE, "body", NULL,
                        "this is a program, and programs are never taken");
    }
    switch (kind->shape) {
    case MEDIA_BYTES:
        return has_signature(head, kind->detail) ? OK
                                                 : wrong(check, error, "it begins as another file");
    case MEDIA_OOXML:
    case MEDIA_ODF:
        return str_starts(head, STR("PK\x03\x04"))
                   ? OK
                   : wrong(check, error, "it begins as another file");
    case MEDIA_TEXT:
        return check_text(check, head, error);
    case MEDIA_JSON:
        return check_json(check, head, error);
    case MEDIA_XML:
        return check_xml(check, head, error);
    case MEDIA_MARKED:
        return starts_nocase(after_mark(head), kind->detail)
                   ? OK
                   : wrong(check, error, "it does not begin as such a file does");
    case MEDIA_MAIL:
        break;
    }
    return check_mail(check, head, error);
}

/* ---- UTF-8 as it comes: a character may be cut by the end of a piece ---- */

/* Sets what must follow a first byte (Unicode 3-7); false: no character begins so. */
static bool begin_character(struct media_check *check, unsigned char byte)
{
    check->utf8_low = 0x80;
    check->utf8_high = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
        check->utf8_left = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        check->utf8_left = 2;
        check->utf8_low = byte == 0xe0 ? 0xa0 : 0x80;
        check->utf8_high = byte == 0xed ? 0x9f : 0xbf;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        check->utf8_left = 3;
        check->utf8_low = byte == 0xf0 ? 0x90 : 0x80;
        check->utf8_high = byte == 0xf4 ? 0x8f : 0xbf;
    } else {
        return false;
    }
    return true;
}

static bool is_control(unsigned char byte)
{
    return (byte < SPACE && byte != '\t' && byte != '\n' && byte != '\r' && byte != '\f') ||
           byte == ASCII_MAX;
}

static bool take_byte(struct media_check *check, unsigned char byte)
{
    if (check->utf8_left == 0) {
        return byte <= ASCII_MAX || begin_character(check, byte);
    }
    bool fits = byte >= check->utf8_low && byte <= check->utf8_high;
    check->utf8_left--;
    check->utf8_low = 0x80;
    check->utf8_high = 0xbf;
    return fits;
}

static enum err check_characters(struct media_check *check, struct str bytes, struct error *error)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (!take_byte(check, (unsigned char)bytes.at[i])) {
            return wrong(check, error, "it is not UTF-8; save it as UTF-8 and send it again");
        }
        if (is_control((unsigned char)bytes.at[i])) {
            return wrong(check, error, "there are control characters in it");
        }
    }
    return OK;
}

static enum err check_piece(struct media_check *check, struct str bytes, struct error *error)
{
    switch (check->kind->shape) {
    case MEDIA_BYTES:
    case MEDIA_OOXML:
    case MEDIA_ODF:
        return OK;
    case MEDIA_TEXT:
    case MEDIA_JSON:
    case MEDIA_XML:
    case MEDIA_MARKED:
        return check_characters(check, bytes, error);
    case MEDIA_MAIL:
        break;
    }
    return memchr(bytes.at, '\0', bytes.len) == NULL
               ? OK
               : wrong(check, error, "there are NUL bytes in it");
}

/* ---- the whole ---- */

void media_check_start(struct media_check *check, const struct media_kind *kind)
{
    *check = (struct media_check){.kind = kind};
}

enum err media_check_add(struct media_check *check, struct str bytes, struct error *error)
{
    if (bytes.len == 0) {
        return OK;
    }
    size_t room = MEDIA_HEAD_BYTES - check->head_len;
    size_t taken = MIN(room, bytes.len);
    memcpy(check->head + check->head_len, bytes.at, taken);
    check->head_len += taken;
    check->bytes += (int64_t)bytes.len;
    enum err err = OK;
    if (!check->judged && check->head_len == MEDIA_HEAD_BYTES) {
        err = check_head(check, error);
    }
    return err == OK ? check_piece(check, bytes, error) : err;
}

enum err media_check_end(struct media_check *check, const struct media_source *source,
                         struct error *error)
{
    if (check->bytes == 0) {
        return error_at(error, ERR_FILE_TYPE, "body", NULL, "the file is empty");
    }
    enum err err = check->judged ? OK : check_head(check, error);
    if (err == OK && check->utf8_left > 0) {
        err = wrong(check, error, "its last character is cut off");
    }
    bool packed = check->kind->shape == MEDIA_OOXML || check->kind->shape == MEDIA_ODF;
    return err == OK && packed ? zip_check(check->kind, source, error) : err;
}
