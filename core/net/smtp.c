/* The part of a transfer that is mail's: one message to one recipient over SMTP (RFC 5321), with
 * STARTTLS unless told otherwise. Which reply belongs to which command is read from curl's own
 * trace of what it sent. Net thread. */
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

static int on_trace(CURL *easy, curl_infotype type, char *bytes, size_t len, void *context)
{
    (void)easy;
    struct transfer *transfer = context;
    struct str line = str_trim((struct str){bytes, len});
    int64_t code = 0;
    if (type == CURLINFO_HEADER_OUT) {
        transfer->quitting = str_starts(line, STR("QUIT"));
        transfer->recipient_asked =
            transfer->quitting ? transfer->recipient_asked : str_starts(line, STR("RCPT TO:"));
    } else if (type == CURLINFO_HEADER_IN && !transfer->quitting && line.len >= 3 &&
               str_to_int64(str_sub(line, 0, 3), &code) == OK) {
        transfer->reply = (int)code;
        buf_reset(&transfer->request->answer);
        buf_append_str(&transfer->request->answer, line);
    }
    return 0;
}

void smtp_set_up(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    struct net_request *request = transfer->request;
    const struct net_mail *mail = request->mail;
    struct arena *arena = &request->arena;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_URL, arena_cstr(arena, request->url));
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     mail->plain ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
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
