/* The part of a transfer that is mail's: one message to one recipient over SMTP (RFC 5321), with
 * STARTTLS unless told otherwise, and never a log-in without TLS. Which reply belongs to which
 * command is read from curl's own trace of what it sent. Net thread. */
#include "internal.h"

enum { ADDRESS_MAX = 254, CREDENTIAL_MAX = 1024 };

static bool is_address(struct str text)
{
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' || c == ',' || c == ';') {
            return false;
        }
    }
    return text.len <= ADDRESS_MAX && str_find(text, STR("@"), &at) && at > 0 && at + 1 < text.len;
}

/* Read as a web URL is, with the mail's scheme put before it. */
enum err net_smtp_check(struct str url, struct error *error)
{
    char text[NET_HOST_MAX + 64];
    size_t at = 0;
    struct url parsed;
    bool known = str_starts(url, STR("smtp://")) || str_starts(url, STR("smtps://"));
    if (str_find(url, STR("@"), &at)) {
        return error_at(error, ERR_CONFIG, "smtp_url", NULL,
                        "smtp_url holds no user and no password: smtp_user and smtp_password_file "
                        "are for them");
    }
    (void)str_find(url, STR("://"), &at);
    snprintf(text, sizeof(text), "https" STR_FORMAT, STR_ARGS(str_sub(url, at, NET_HOST_MAX + 32)));
    if (!known || url.len > NET_HOST_MAX + 32 || url_parse(str_from(text), &parsed, NULL) != OK ||
        parsed.query.len > 0 || parsed.path.len > 1) {
        return error_at(error, ERR_CONFIG, "smtp_url", NULL,
                        "smtp_url is smtp://host:port or smtps://host:port");
    }
    return OK;
}

enum err smtp_check(const struct net_request *request, struct error *error)
{
    const struct net_mail *mail = request->mail;
    enum err err = net_smtp_check(request->url, error);
    if (err != OK) {
        return err;
    }
    if (!is_address(mail->from)) {
        return error_at(error, ERR_CONFIG, "mail_from", NULL, "mail_from is no mail address");
    }
    if (!is_address(mail->to)) {
        return error_at(error, ERR_INVALID, "to", NULL, "the recipient is no mail address");
    }
    if (mail->user.len > CREDENTIAL_MAX || mail->password.len > CREDENTIAL_MAX) {
        return error_at(error, ERR_CONFIG, "smtp_user", NULL, "the log-in is too long");
    }
    return OK;
}

/* By RFC 6531 such an address is a command only after the server has offered SMTPUTF8. A name of a
 * host alone could be written in ASCII (xn--…); so it may be given. */
static bool beyond_ascii(struct str address)
{
    for (size_t i = 0; i < address.len; i++) {
        if ((unsigned char)address.at[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

static bool needs_utf8(const struct net_mail *mail)
{
    return beyond_ascii(mail->from) || beyond_ascii(mail->to);
}

static bool needs_tls(const struct net_mail *mail)
{
    return !mail->plain || mail->user.len > 0;
}

/* What is sent, so that a reply is known by its command. The body is no command and not seen. */
static int on_trace(CURL *easy, curl_infotype type, char *bytes, size_t len, void *context)
{
    static const struct {
        const char *command;
        enum net_mail_step step;
    } steps[] = {
        {"MAIL FROM:", NET_MAIL_SENDER}, {"RCPT TO:", NET_MAIL_RECIPIENT}, {"DATA", NET_MAIL_TEXT}};
    (void)easy;
    struct smtp *smtp = &((struct transfer *)context)->smtp;
    struct str line = {bytes, len};
    if (type != CURLINFO_HEADER_OUT) {
        return 0;
    }
    smtp->quitting = str_starts(line, STR("QUIT"));
    smtp->hello = str_starts(line, STR("EHLO")) || str_starts(line, STR("HELO"));
    smtp->asked_tls = str_starts(line, STR("STARTTLS"));
    if (smtp->hello) {
        smtp->offers_tls = smtp->offers_utf8 = false;
    }
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        smtp->step = str_starts(line, str_from(steps[i].command)) ? steps[i].step : smtp->step;
    }
    return 0;
}

/* Before the first command that would name the address. */
static bool may_name_address(struct transfer *transfer)
{
    if (transfer->smtp.offers_utf8 || !needs_utf8(transfer->request->mail)) {
        return true;
    }
    (void)error_at(
        &transfer->error, ERR_UNSUPPORTED, "to", NULL,
        "the mail server does not offer SMTPUTF8, without which no mail can be sent to or "
        "from an address beyond ASCII; where only the host is, write it as xn--…");
    return false;
}

bool smtp_line(struct transfer *transfer, struct str line)
{
    struct smtp *smtp = &transfer->smtp;
    int64_t code = 0;
    if (smtp->quitting || line.len < 3 || str_to_int64(str_sub(line, 0, 3), &code) != OK) {
        return true;
    }
    smtp->reply = (int)code;
    buf_reset(&transfer->request->answer);
    buf_append_str(&transfer->request->answer, line);
    if (smtp->asked_tls) {
        smtp->secure = code == 220; /* if not, and it need not be, curl goes on without */
        return smtp->secure || may_name_address(transfer);
    }
    if (!smtp->hello || code != 250) {
        return true;
    }
    struct str word = str_sub(line, 4, line.len);
    /* In capitals, as curl wants to see them: what it does not see it does not use. */
    smtp->offers_tls = smtp->offers_tls || str_is(word, "STARTTLS");
    smtp->offers_utf8 = smtp->offers_utf8 || str_is(word, "SMTPUTF8");
    bool more = line.len > 3 && line.at[3] == '-';
    bool again = !smtp->secure && smtp->offers_tls; /* it says hello once more, over TLS */
    return more || again || may_name_address(transfer);
}

void smtp_set_up(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    struct net_request *request = transfer->request;
    const struct net_mail *mail = request->mail;
    struct arena *arena = &request->arena;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_URL, arena_cstr(arena, request->url));
    transfer->smtp.secure = str_starts(request->url, STR("smtps://"));
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     needs_tls(mail) ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
    /* A connection that was used before tells no more what its server offers. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, needs_utf8(mail) ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM,
                     arena_printf(arena, "<" STR_FORMAT ">", STR_ARGS(mail->from)).at);
    transfer->recipients =
        curl_slist_append(NULL, arena_printf(arena, "<" STR_FORMAT ">", STR_ARGS(mail->to)).at);
    ASSERT(transfer->recipients != NULL);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->recipients);
    if (mail->user.len > 0) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, arena_cstr(arena, mail->user));
        curl_easy_setopt(easy, CURLOPT_PASSWORD, arena_cstr(arena, mail->password));
    }
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->body.len);
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_trace);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}
