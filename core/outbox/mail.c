/* How a mail is sent: who may refuse it is asked, the message is made, the server's answer is read.
 * Loop thread. */
#include "internal.h"

enum { LOGIN_WANTED = 530 };

/* 5yz is for good (RFC 5321, 4.2.1) when it is about this mail. What is said before, to the log-in
 * for one, is about the settings: an operator puts them right, and no mail is lost meanwhile. */
static bool is_for_good(const struct net_request *request)
{
    return request->err == ERR_NETWORK && request->status >= 500 &&
           request->mail_step != NET_MAIL_HELLO && request->status != LOGIN_WANTED;
}

/* To RCPT TO it is the address that is refused, unless by policy (RFC 3463, 5.7.x), such as that
 * this server does not relay. */
static bool refuses_address(const struct net_request *request)
{
    struct str answer = buf_str(&request->answer);
    return request->mail_step == NET_MAIL_RECIPIENT &&
           !str_starts(str_sub(answer, 4, answer.len), STR("5.7."));
}

static void on_sent(struct net_request *request)
{
    struct flight *flight = CONTAINER_OF(request, struct flight, request);
    char why[400];
    struct str answer = buf_str(&request->answer);
    flight->status = request->status;
    snprintf(why, sizeof(why), STR_FORMAT, STR_ARGS(str_sub(answer, 0, 300)));
    if (request->err == OK) {
        flight_end(flight, "sent", OK, "");
        return;
    }
    if (request->err == ERR_UNSUPPORTED) {
        flight_end(flight, "failed", request->err, request->error.detail);
    } else if (is_for_good(request) && refuses_address(request)) {
        flight->refuse_address = true;
        flight_end(flight, "refused", ERR_RECIPIENT, why);
    } else if (is_for_good(request)) {
        flight_end(flight, "failed", ERR_NETWORK, why);
    } else {
        flight_again(flight, request->err, request->status >= 400 ? why : request->error.detail, 0);
    }
}

static void hand_over(struct flight *flight)
{
    struct outbox *outbox = flight->outbox;
    const struct value *payload = &flight->payload;
    struct message_parts parts = {.from_name = outbox->from_name,
                                  .from = outbox->from,
                                  .to_name = value_get_text(payload, "name", STR("")),
                                  .to = flight->target,
                                  .subject = value_get_text(payload, "subject", STR("")),
                                  .text = value_get_text(payload, "text", STR("")),
                                  .reply_to = value_get_text(payload, "reply_to", STR("")),
                                  .message_id = value_get_text(payload, "message_id", STR("")),
                                  .in_reply_to = value_get_text(payload, "in_reply_to", STR("")),
                                  .references = value_get_text(payload, "references", STR("")),
                                  .calendar_method = value_get_text(payload, "method", STR("")),
                                  .calendar = value_get_text(payload, "calendar", STR("")),
                                  .id = flight->id,
                                  .at_ms = loop_now_ms(outbox->loop)};
    message_write(&flight->message, &parts);
    flight->mail = (struct net_mail){.from = outbox->from,
                                     .to = flight->target,
                                     .user = outbox->options.smtp_user,
                                     .password = outbox->options.smtp_password,
                                     .plain = outbox->options.smtp_plain};
    flight->request = (struct net_request){.url = outbox->options.smtp_url,
                                           .body = buf_str(&flight->message),
                                           .who = flight->plugin,
                                           .mail = &flight->mail,
                                           .reply = loop_mailbox(outbox->loop),
                                           .done = on_sent};
    flight->away = true;
    outbox->mails_away++;
    net_send(outbox->net, &flight->request);
}

void mail_pump(struct outbox *outbox)
{
    struct list_node *node = NULL;
    while ((outbox->stopping || outbox->mails_away < OUTBOX_MAILS_AWAY_MAX) &&
           (node = list_pop(&outbox->mails_ready)) != NULL) {
        struct flight *flight = CONTAINER_OF(node, struct flight, in_ready);
        if (outbox->stopping) {
            flight_again(flight, ERR_STOPPING, "", 0);
        } else {
            hand_over(flight);
        }
    }
}

static void send_soon(struct flight *flight)
{
    list_node_init(&flight->in_ready);
    list_push(&flight->outbox->mails_ready, &flight->in_ready);
    mail_pump(flight->outbox);
}

static void on_hook(struct outbox_hook *hook)
{
    struct flight *flight = CONTAINER_OF(hook, struct flight, hook);
    if (hook->err == OK) {
        send_soon(flight);
    } else if (hook->err == ERR_REFUSED) {
        flight_end(flight, "refused", ERR_REFUSED, hook->error.detail);
    } else {
        flight_again(flight, flight->outbox->stopping ? ERR_STOPPING : hook->err,
                     hook->error.detail, 0);
    }
}

static struct value shown(struct flight *flight)
{
    static const char *const parts[] = {"to", "subject", "template", "language", "related"};
    struct value mail = value_map_new();
    value_put_c(&flight->arena, &mail, "id", value_id(flight->id));
    value_put_c(&flight->arena, &mail, "plugin", value_text(flight->plugin));
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct str text = value_get_text(&flight->payload, parts[i], STR(""));
        if (text.len > 0) {
            value_put_c(&flight->arena, &mail, parts[i], value_text(text));
        }
    }
    return mail;
}

void mail_send(struct flight *flight)
{
    struct outbox *outbox = flight->outbox;
    struct error error = {0};
    enum err err = outbox_check_address(outbox->reader, flight->target, &error);
    if (err == ERR_RECIPIENT) {
        flight_end(flight, "refused", err, error.detail);
        return;
    }
    if (outbox->options.before == NULL) {
        send_soon(flight);
        return;
    }
    flight->hook =
        (struct outbox_hook){.mail = shown(flight), .arena = &flight->arena, .done = on_hook};
    outbox->options.before(outbox->options.context, &flight->hook);
}
