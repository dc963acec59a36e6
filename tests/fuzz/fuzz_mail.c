/* module: outbox: mails of any bytes: what is taken has exactly the headers that every mail has. */
#include "../../core/outbox/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_message(const struct outbox_row *row, const struct outbox_mail *mail)
{
    static const char *const names[] = {
        "Date: ",          "From: ",         "To: ",           "Subject: ",
        "Message-ID: ",    "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: ",
        "Auto-Submitted: "};
    const struct message_parts parts = {.from = STR("shop@example.com"),
                                        .to_name = mail->name,
                                        .to = row->target,
                                        .subject = mail->subject,
                                        .text = mail->text,
                                        .id = 1};
    struct buf out;
    struct str line;
    size_t header = 0;
    buf_init(&out);
    message_write(&out, &parts);
    struct str rest = buf_str(&out);
    while (str_split(&rest, '\n', &line) && !str_is(line, "\r")) {
        ASSERT(str_ends(line, STR("\r")));
        if (line.at[0] != ' ') {
            ASSERT(header < COUNT_OF(names) && str_starts(line, str_from(names[header])));
            header++;
        }
    }
    ASSERT(header == COUNT_OF(names));
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str rest = {(const char *)bytes, len};
    struct outbox_mail mail = {0};
    struct outbox_row row;
    struct arena arena;
    struct str name, address;
    if (mailbox_parse(rest, &name, &address, NULL) == OK) {
        ASSERT(address.len > 2 && memchr(name.len > 0 ? name.at : "", '\n', name.len) == NULL);
    }
    (void)str_split(&rest, '\n', &mail.to);
    (void)str_split(&rest, '\0', &mail.name);
    (void)str_split(&rest, '\0', &mail.subject);
    mail.text = rest;
    arena_init(&arena);
    if (outbox_mail_row(&arena, &mail, &row, NULL) == OK) {
        check_message(&row, &mail);
    }
    arena_deinit(&arena);
    return 0;
}
