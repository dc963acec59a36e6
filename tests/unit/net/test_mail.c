/* Mails to a scripted server: which step an answer was to, addresses beyond ASCII, and no log-in
 * without TLS. What a real server says is in tests/api/smtp.test.mjs. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

int test_mail(void);

struct reply {
    const char *command; /* how it begins */
    const char *text;
};

struct server {
    int fd, port;
    const char *hello;  /* the reply to EHLO */
    struct reply other; /* instead of what is usual */
    struct thread *thread;
    char seen[4096]; /* all that was sent, body included */
};

static void put(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static const char *usual(const struct server *server, const char *line, bool *out_text)
{
    *out_text = false;
    if (server->other.command != NULL &&
        strncmp(line, server->other.command, strlen(server->other.command)) == 0) {
        return server->other.text;
    }
    if (strncmp(line, "EHLO", 4) == 0) {
        return server->hello;
    }
    *out_text = strncmp(line, "DATA", 4) == 0;
    return *out_text                       ? "354 go on\r\n"
           : strncmp(line, "QUIT", 4) == 0 ? "221 bye\r\n"
                                           : "250 fine\r\n";
}

static void talk(struct server *server, FILE *in, int fd)
{
    char line[1024];
    bool text = false;
    put(fd, "220 mail.example ESMTP\r\n");
    while (fgets(line, sizeof(line), in) != NULL) {
        size_t used = strlen(server->seen);
        snprintf(server->seen + used, sizeof(server->seen) - used, "%s", line);
        if (!text) {
            put(fd, usual(server, line, &text));
        } else if (strcmp(line, ".\r\n") == 0) {
            text = false;
            put(fd, "250 taken\r\n");
        }
    }
}

static void serve(void *context)
{
    struct server *server = context;
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        FILE *in = fdopen(fd, "r");
        talk(server, in, fd);
        (void)fclose(in);
    }
}

static void server_open(struct server *server)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t len = sizeof(here);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &here.sin_addr), 1);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(listen(server->fd, 4), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&here, &len), 0);
    server->port = ntohs(here.sin_port);
    assert_int_equal(thread_start("smtp", serve, server, &server->thread, NULL), OK);
}

/* One mail, to the end; the server is closed. */
static void send_mail(struct server *server, const struct net_mail *mail,
                      struct net_request *request)
{
    struct client client;
    char url[64];
    server_open(server);
    client_open(&client, NULL, 0);
    snprintf(url, sizeof(url), "smtp://127.0.0.1:%d", server->port);
    *request = (struct net_request){.url = str_from(url),
                                    .body = STR("Subject: one\r\n\r\ntext\r\n"),
                                    .who = STR("shop"),
                                    .mail = mail,
                                    .timeout_ms = 5000};
    client_ask(&client, request);
    client_close(&client);
    (void)shutdown(server->fd, SHUT_RDWR);
    thread_join(server->thread);
    (void)close(server->fd);
}

static const char plain_hello[] = "250-mail.example\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n";
static const char utf8_hello[] = "250-mail.example\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n";

static void an_answer_is_known_by_its_step(void **state)
{
    (void)state;
    static const struct {
        struct reply reply;
        int status;
        enum net_mail_step step;
    } cases[] = {{{"", "554 not you\r\n"}, 554, NET_MAIL_HELLO},
                 {{"MAIL", "530 log in\r\n"}, 530, NET_MAIL_SENDER},
                 {{"RCPT", "550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n"}, 550, NET_MAIL_RECIPIENT},
                 {{"DATA", "451 later\r\n"}, 451, NET_MAIL_TEXT}};
    const struct net_mail mail = {
        .from = STR("shop@example.com"), .to = STR("anna@example.com"), .plain = true};
    struct net_request request;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct server server = {.hello = plain_hello, .other = cases[i].reply};
        send_mail(&server, &mail, &request);
        assert_int_equal(request.err, ERR_NETWORK);
        assert_int_equal(request.status, cases[i].status);
        assert_int_equal(request.mail_step, cases[i].step);
        net_request_deinit(&request);
    }
    struct server server = {.hello = plain_hello};
    send_mail(&server, &mail, &request);
    assert_int_equal(request.err, OK);
    assert_int_equal(request.status, 250);
    assert_int_equal(request.mail_step, NET_MAIL_TEXT);
    assert_non_null(strstr(server.seen, "RCPT TO:<anna@example.com>\r\n"));
    assert_non_null(strstr(server.seen, "\r\n\r\ntext\r\n.\r\n"));
    net_request_deinit(&request);
}

static void an_address_beyond_ascii_wants_smtputf8(void **state)
{
    (void)state;
    static const struct net_mail mails[] = {
        {.from = STR_INIT("shop@example.com"), .to = STR_INIT("άννα@example.com"), .plain = true},
        {.from = STR_INIT("μαγαζί@example.com"), .to = STR_INIT("a@example.com"), .plain = true}};
    struct net_request request;
    for (size_t i = 0; i < COUNT_OF(mails); i++) {
        struct server refuses = {.hello = plain_hello};
        send_mail(&refuses, &mails[i], &request);
        assert_int_equal(request.err, ERR_UNSUPPORTED);
        assert_non_null(strstr(request.error.detail, "SMTPUTF8"));
        assert_null(strstr(refuses.seen, "MAIL"));
        net_request_deinit(&request);
        struct server takes = {.hello = utf8_hello};
        send_mail(&takes, &mails[i], &request);
        assert_int_equal(request.err, OK);
        assert_non_null(strstr(takes.seen, "> SMTPUTF8\r\n"));
        net_request_deinit(&request);
    }
    static const struct net_mail ascii = {
        .from = STR_INIT("shop@example.com"), .to = STR_INIT("a@example.com"), .plain = true};
    struct server server = {.hello = utf8_hello};
    send_mail(&server, &ascii, &request);
    assert_int_equal(request.err, OK);
    assert_null(strstr(server.seen, "SMTPUTF8"));
    net_request_deinit(&request);
}

static void no_log_in_goes_out_without_tls(void **state)
{
    (void)state;
    static const char offers[] = "250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n";
    const struct net_mail mail = {.from = STR("shop@example.com"),
                                  .to = STR("anna@example.com"),
                                  .user = STR("clerk"),
                                  .password = STR("secret"),
                                  .plain = true};
    struct net_request request;
    struct server server = {.hello = offers, .other = {"STARTTLS", "454 not now\r\n"}};
    send_mail(&server, &mail, &request);
    assert_int_equal(request.err, ERR_NETWORK);
    assert_int_equal(request.mail_step, NET_MAIL_HELLO);
    assert_null(strstr(server.seen, "AUTH"));
    assert_null(strstr(server.seen, "MAIL"));
    net_request_deinit(&request);
}

int test_mail(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_known_by_its_step),
        cmocka_unit_test(an_address_beyond_ascii_wants_smtputf8),
        cmocka_unit_test(no_log_in_goes_out_without_tls),
    };
    return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
