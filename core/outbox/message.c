/* Mail messages: headers by RFC 5322, words beyond ASCII by RFC 2047, the body as base64 of UTF-8.
 * Texts hold no control characters when they come here (queue.c looks), so no header can be added
 * by what stands in one. Any thread. */
#include "internal.h"

#include "proxenos/base_check.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

/* 39 bytes are 52 of base64; with "=?UTF-8?B?", "?=" and "Subject: " before it a line stays within
 * the 76 of RFC 2047. */
enum { WORD_BYTES = 39, BODY_LINE_BYTES = 57, PLAIN_MAX = 60 };

static bool is_plain(struct str text)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] > 0x7e || text.at[i] < ' ') {
            return false;
        }
    }
    return text.len <= PLAIN_MAX && !str_find(text, STR("=?"), &at);
}

/* Encoded words, each of whole characters, folded one to a line. */
static void write_words(struct buf *out, struct str text)
{
    while (text.len > 0) {
        struct str part = utf8_cut(text, WORD_BYTES);
        buf_append_str(out, STR("=?UTF-8?B?"));
        base64_encode(out, part.at, part.len);
        buf_append_str(out, STR("?="));
        text = str_sub(text, part.len, text.len);
        if (text.len > 0) {
            buf_append_str(out, STR("\r\n "));
        }
    }
}

static void write_quoted(struct buf *out, struct str text)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, text.at[i]);
    }
    buf_append_str(out, STR("\" "));
}

static void write_mailbox(struct buf *out, const char *header, struct str name, struct str address)
{
    buf_printf(out, "%s: ", header);
    if (name.len > 0 && is_plain(name)) {
        write_quoted(out, name);
    } else if (name.len > 0) {
        write_words(out, name);
        buf_append_str(out, STR("\r\n "));
    }
    buf_printf(out, "<" STR_FORMAT ">\r\n", STR_ARGS(address));
}

static void write_date(struct buf *out, int64_t at_ms)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil at = civil_from_ms(at_ms);
    int weekday = weekday_from_days(date_from_civil(at.year, at.month, at.day));
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[weekday - 1], at.day,
               months[at.month - 1], at.year, at.hour, at.minute, at.second);
}

/* Lines end in CR LF on the wire, whatever the template has. */
static void write_body(struct buf *out, struct str text)
{
    struct buf lines;
    buf_init(&lines);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n' && (i == 0 || text.at[i - 1] != '\r')) {
            buf_append_char(&lines, '\r');
        }
        buf_append_char(&lines, text.at[i]);
    }
    for (size_t at = 0; at < lines.len; at += BODY_LINE_BYTES) {
        base64_encode(out, lines.at + at, MIN((size_t)BODY_LINE_BYTES, lines.len - at));
        buf_append_str(out, STR("\r\n"));
    }
    buf_deinit(&lines);
}

struct str message_id_of(struct arena *arena, struct str from, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    size_t at = 0;
    struct str domain =
        str_find(from, STR("@"), &at) ? str_sub(from, at + 1, from.len) : STR("localhost");
    id_format(id, text);
    return arena_printf(arena, "<%s@" STR_FORMAT ">", text, STR_ARGS(domain));
}

/* Ids one to a line: each is short, all of them together are not. */
static void write_thread(struct buf *out, const char *header, struct str ids)
{
    struct str id;
    if (ids.len == 0) {
        return;
    }
    buf_printf(out, "%s:", header);
    while (str_split(&ids, ' ', &id)) {
        buf_printf(out, " " STR_FORMAT "\r\n", STR_ARGS(id));
    }
}

static void write_part(struct buf *out, struct str type, struct str body)
{
    buf_printf(out, "Content-Type: " STR_FORMAT "\r\nContent-Transfer-Encoding: base64\r\n",
               STR_ARGS(type));
    buf_append_str(out, STR("\r\n"));
    write_body(out, body);
}

/* Text and calendar as two forms of one thing, and the calendar once more as a file for programs
 * that look at files alone. The boundaries hold what base64 does not. */
static void write_invitation(struct buf *out, const struct message_parts *parts)
{
    char id[ID_TEXT_LEN + 1];
    struct arena arena;
    arena_init(&arena);
    id_format(parts->id, id);
    struct str method = parts->calendar_method;
    struct str type = arena_printf(&arena, "text/calendar; charset=utf-8;\r\n method=" STR_FORMAT,
                                   STR_ARGS(method));
    buf_printf(out,
               "Content-Type: multipart/mixed; boundary=\"=_m_%s\"\r\n"
               "Auto-Submitted: auto-generated\r\n\r\n--=_m_%s\r\n"
               "Content-Type: multipart/alternative; boundary=\"=_a_%s\"\r\n\r\n--=_a_%s\r\n",
               id, id, id, id);
    write_part(out, STR("text/plain; charset=utf-8"), parts->text);
    buf_printf(out, "--=_a_%s\r\n", id);
    write_part(out, type, parts->calendar);
    buf_printf(out,
               "--=_a_%s--\r\n--=_m_%s\r\n"
               "Content-Disposition: attachment; filename=\"invite.ics\"\r\n",
               id, id);
    write_part(out, STR("application/ics; name=\"invite.ics\""), parts->calendar);
    buf_printf(out, "--=_m_%s--\r\n", id);
    arena_deinit(&arena);
}

static void write_id(struct buf *out, const struct message_parts *parts)
{
    struct arena arena;
    arena_init(&arena);
    struct str id = parts->message_id.len > 0 ? parts->message_id
                                              : message_id_of(&arena, parts->from, parts->id);
    buf_printf(out, "\r\nMessage-ID: " STR_FORMAT "\r\n", STR_ARGS(id));
    arena_deinit(&arena);
}

void message_write(struct buf *out, const struct message_parts *parts)
{
    write_date(out, parts->at_ms);
    write_mailbox(out, "From", parts->from_name, parts->from);
    write_mailbox(out, "To", parts->to_name, parts->to);
    if (parts->reply_to.len > 0) {
        write_mailbox(out, "Reply-To", STR(""), parts->reply_to);
    }
    buf_append_str(out, STR("Subject: "));
    if (is_plain(parts->subject)) {
        buf_append_str(out, parts->subject);
    } else {
        write_words(out, parts->subject);
    }
    write_id(out, parts);
    write_thread(out, "In-Reply-To", parts->in_reply_to);
    write_thread(out, "References", parts->references);
    buf_append_str(out, STR("MIME-Version: 1.0\r\n"));
    if (parts->calendar.len > 0) {
        write_invitation(out, parts);
        return;
    }
    buf_append_str(out, STR("Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n"
                            "Auto-Submitted: auto-generated\r\n\r\n"));
    write_body(out, parts->text);
}

enum err mailbox_parse(struct str text, struct str *out_name, struct str *out_address,
                       struct error *error)
{
    size_t open = 0;
    struct str name = {NULL, 0};
    struct str address = str_trim(text);
    if (str_ends(address, STR(">")) && str_find(address, STR("<"), &open)) {
        name = str_trim(str_sub(address, 0, open));
        address = str_sub(address, open + 1, address.len - open - 2);
    }
    if (name.len >= 2 && name.at[0] == '"' && name.at[name.len - 1] == '"') {
        name = str_sub(name, 1, name.len - 2);
    }
    struct buf canonical;
    buf_init(&canonical);
    enum err err = check_format(STR("email"), address, &canonical, NULL);
    buf_deinit(&canonical);
    for (size_t i = 0; err == OK && i < name.len; i++) {
        err = (unsigned char)name.at[i] < ' ' || name.at[i] == 0x7f ? ERR_INVALID : OK;
    }
    if (err != OK || name.len > MAIL_NAME_MAX || address.len > MAIL_ADDRESS_MAX) {
        return error_set(error, ERR_INVALID,
                         "it is no mail address: write \"anna@example.com\" or \"Anna "
                         "<anna@example.com>\"");
    }
    *out_name = name;
    *out_address = address;
    return OK;
}
