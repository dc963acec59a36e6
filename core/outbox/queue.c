/* Rows of the outbox: made, added in a unit, listed, sent again by hand. Payloads are sealed, since
 * headers may carry secrets and mails are personal. Any thread that owns the reader or is the
 * writer. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

enum { LANGUAGE_MAX = 16, NAME_MAX_BYTES = 100 };

static const char key_purpose[] = "outbox";

const char *kind_name(enum outbox_kind kind)
{
    switch (kind) {
    case OUTBOX_MAIL:
        return "mail";
    case OUTBOX_FETCH:
        break;
    }
    return "fetch";
}

int64_t outbox_id(struct str plugin, struct str key)
{
    struct hasher hasher;
    unsigned char hash[HASH_BYTES];
    uint64_t id = 0;
    hash_start(&hasher);
    hash_add(&hasher, plugin.at, plugin.len);
    hash_add(&hasher, "", 1); /* no name holds a NUL */
    hash_add(&hasher, key.at, key.len);
    hash_end(&hasher, hash);
    memcpy(&id, hash, sizeof(id));
    return (int64_t)(id >> 2) + 1; /* positive, and small enough for an id's text */
}

struct str outbox_message_id(const struct outbox *outbox, struct arena *arena, int64_t id)
{
    return message_id_of(arena, outbox->from, id);
}

/* ---- adding: the writer ---- */

static enum err on_number(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static struct value sealed_payload(struct tx *tx, const struct outbox_row *row)
{
    unsigned char key[KEY_BYTES];
    char with[ID_TEXT_LEN + 1];
    struct buf text;
    buf_init(&text);
    json_encode(&text, &row->payload);
    id_format(row->id, with);
    unsigned char *sealed = arena_alloc(tx_arena(tx), text.len + SEAL_OVERHEAD_BYTES);
    store_derive_key(tx_store(tx), str_from(key_purpose), key);
    crypto_seal(key, text.at, text.len, str_from(with), sealed);
    crypto_wipe(key, sizeof(key));
    crypto_wipe(text.at, text.len);
    struct value value = {.kind = VALUE_BYTES,
                          .text = {(const char *)sealed, text.len + SEAL_OVERHEAD_BYTES}};
    buf_deinit(&text);
    return value;
}

enum err outbox_tx_add(struct tx *tx, const struct outbox_row *row, struct error *error)
{
    int64_t waiting = 0;
    const struct value count[] = {value_text(row->plugin), value_int(OUTBOX_WAITING_MAX)};
    enum err err = tx_table(tx, &outbox_tables, ROW_COUNT, count, 2, on_number, &waiting, error);
    if (err == OK && waiting >= OUTBOX_WAITING_MAX) {
        return error_set(error, ERR_BUSY, "%d mails and requests of this plugin wait already",
                         OUTBOX_WAITING_MAX);
    }
    int64_t now_ms = tx_now_ms(tx);
    int tries = row->tries > 0 ? row->tries : OUTBOX_TRIES;
    const struct value binds[] = {
        value_int(row->id),      value_text(str_from(kind_name(row->kind))),
        value_text(row->plugin), value_text(row->key),
        value_int(row->cause),   value_int(tries),
        value_int(now_ms),       value_text(row->target),
        value_text(row->title),  sealed_payload(tx, row)};
    return err != OK
               ? err
               : tx_table(tx, &outbox_tables, ROW_ADD, binds, COUNT_OF(binds), NULL, NULL, error);
}

/* ---- what a mail may be ---- */

static enum err wrong(struct error *error, const char *field, const char *what)
{
    return error_at(error, ERR_INVALID, field, NULL, "the mail's %s %s", field, what);
}

/* One line of a header: with a line end in it, it could add others. */
static enum err check_line(struct str text, size_t most, const char *field, struct error *error)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f) {
            return wrong(error, field, "holds a line end or another control character");
        }
    }
    if (!utf8_valid(text)) {
        return wrong(error, field, "is not UTF-8");
    }
    return text.len <= most ? OK : wrong(error, field, "is too long");
}

static enum err check_text(struct str text, struct error *error)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            return wrong(error, "text", "holds a control character");
        }
    }
    if (!utf8_valid(text)) {
        return wrong(error, "text", "is not UTF-8");
    }
    return text.len <= MAIL_TEXT_MAX ? OK : wrong(error, "text", "is longer than 256 KiB");
}

static enum err check_mail(const struct outbox_mail *mail, struct str *out_address,
                           struct error *error)
{
    struct str name;
    enum err err = check_line(mail->to, MAIL_ADDRESS_MAX, "to", error);
    if (err == OK && (mailbox_parse(mail->to, &name, out_address, error) != OK || name.len > 0)) {
        err = wrong(error, "to", "is no mail address: \"anna@example.com\" is one");
    }
    const struct {
        struct str text;
        size_t most;
        const char *field;
    } lines[] = {{mail->name, MAIL_NAME_MAX, "name"},
                 {mail->subject, MAIL_SUBJECT_MAX, "subject"},
                 {mail->template, NAME_MAX_BYTES, "template"},
                 {mail->language, LANGUAGE_MAX, "language"},
                 {mail->related, NAME_MAX_BYTES, "related"}};
    for (size_t i = 0; err == OK && i < COUNT_OF(lines); i++) {
        err = check_line(lines[i].text, lines[i].most, lines[i].field, error);
    }
    if (err == OK && mail->subject.len == 0) {
        err = wrong(error, "subject", "is empty");
    }
    return err == OK ? check_text(mail->text, error) : err;
}

/* "<something@somewhere>" in plain ASCII: what an id of RFC 5322 may be, and no header's end. */
static enum err check_id(struct str id, const char *field, struct error *error)
{
    size_t at = 0;
    bool good = id.len >= 5 && id.len <= MAIL_ID_MAX && id.at[0] == '<' &&
                id.at[id.len - 1] == '>' && str_find(id, STR("@"), &at) && at > 1 &&
                at < id.len - 2;
    for (size_t i = 1; good && i < id.len - 1; i++) {
        unsigned char c = (unsigned char)id.at[i];
        good = c > ' ' && c < 0x7f && c != '<' && c != '>';
    }
    return good ? OK : wrong(error, field, "is no Message-ID: \"<word@example.com>\" is one");
}

static enum err check_thread(const struct outbox_mail *mail, struct error *error)
{
    struct str name, address;
    enum err err = OK;
    if (mail->reply_to.len > 0) {
        err = check_line(mail->reply_to, MAIL_ADDRESS_MAX, "reply_to", error);
        if (err == OK &&
            (mailbox_parse(mail->reply_to, &name, &address, error) != OK || name.len > 0)) {
            err = wrong(error, "reply_to", "is no mail address: \"anna@example.com\" is one");
        }
    }
    if (err == OK && mail->in_reply_to.len > 0) {
        err = check_id(mail->in_reply_to, "in_reply_to", error);
    }
    if (err == OK && mail->reference_count > MAIL_REFERENCES_MAX) {
        err = wrong(error, "references", "are too many: give the first and the newest ones");
    }
    for (size_t i = 0; err == OK && i < mail->reference_count; i++) {
        err = check_id(mail->references[i], "references", error);
    }
    return err;
}

static enum err check_calendar(const struct outbox_mail *mail, struct error *error)
{
    struct str method = mail->calendar_method;
    if (method.len == 0 && mail->calendar.len == 0) {
        return OK;
    }
    bool word = method.len > 0 && method.len <= 20;
    for (size_t i = 0; word && i < method.len; i++) {
        word = method.at[i] >= 'A' && method.at[i] <= 'Z';
    }
    if (!word) {
        return wrong(error, "calendar.method", "is a word as REQUEST, CANCEL or REPLY");
    }
    if (!str_starts(mail->calendar, STR("BEGIN:VCALENDAR"))) {
        return wrong(error, "calendar.text", "is no iCalendar: px.ical.encode makes one");
    }
    if (mail->calendar.len > MAIL_CALENDAR_MAX) {
        return wrong(error, "calendar.text", "is longer than 128 KiB");
    }
    return utf8_valid(mail->calendar) ? OK : wrong(error, "calendar.text", "is not UTF-8");
}

static struct str joined(struct arena *arena, const struct str *ids, size_t count)
{
    struct buf all;
    buf_init(&all);
    for (size_t i = 0; i < count; i++) {
        buf_append(&all, " ", i > 0 ? 1 : 0);
        buf_append_str(&all, ids[i]);
    }
    struct str text = arena_str(arena, buf_str(&all));
    buf_deinit(&all);
    return text;
}

enum err outbox_mail_row(struct arena *arena, const struct outbox_mail *mail,
                         struct outbox_row *row, struct error *error)
{
    struct str address;
    enum err err = check_mail(mail, &address, error);
    err = err == OK ? check_thread(mail, error) : err;
    err = err == OK ? check_calendar(mail, error) : err;
    if (err != OK) {
        return err;
    }
    row->kind = OUTBOX_MAIL;
    row->target = arena_str(arena, address);
    row->title = arena_str(arena, mail->subject);
    row->payload = value_map_new();
    const struct {
        const char *key;
        struct str text;
    } parts[] = {{"to", address},
                 {"name", mail->name},
                 {"subject", mail->subject},
                 {"text", mail->text},
                 {"template", mail->template},
                 {"language", mail->language},
                 {"related", mail->related},
                 {"reply_to", mail->reply_to},
                 {"message_id", mail->message_id},
                 {"in_reply_to", mail->in_reply_to},
                 {"references", joined(arena, mail->references, mail->reference_count)},
                 {"method", mail->calendar_method},
                 {"calendar", mail->calendar}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        value_put_c(arena, &row->payload, parts[i].key,
                    value_text(arena_str(arena, parts[i].text)));
    }
    return OK;
}

/* ---- reading ---- */

struct listing {
    struct arena *arena;
    struct value rows;
    const struct outbox *outbox; /* not NULL: with what is in it */
    enum outbox_kind kind;
};

/* The columns that lists show; `target` and `title` by the words of the kind. */
static struct value describe(struct arena *arena, enum outbox_kind kind,
                             const struct value *columns)
{
    static const char *const names[] = {"seq",    "id",   "plugin",     "state",  "attempts",
                                        "due_at", "at",   "updated_at", "target", "title",
                                        "status", "code", "error"};
    struct value row = value_map_new();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *name = names[i];
        struct value value = value_copy(arena, &columns[i]);
        bool time = i == 5 || i == 6 || i == 7;
        if (i == 8) {
            name = kind == OUTBOX_MAIL ? "to" : "host";
        } else if (i == 9) {
            name = kind == OUTBOX_MAIL ? "subject" : "method";
        }
        if (i == 1) {
            value = value_id(columns[i].integer);
        } else if (time) {
            value = columns[i].integer > 0 ? value_time(columns[i].integer) : value_null();
        }
        value_put_c(arena, &row, name, value);
    }
    return row;
}

static enum err on_listed(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct listing *listing = context;
    value_push(listing->arena, &listing->rows, describe(listing->arena, listing->kind, columns));
    return OK;
}

enum err outbox_list(struct reader *reader, const struct outbox_query *query, struct arena *arena,
                     struct value *out_rows, struct error *error)
{
    struct listing listing = {.arena = arena, .rows = value_list_new(), .kind = query->kind};
    const struct value binds[] = {value_text(str_from(kind_name(query->kind))),
                                  value_text(query->state), value_int(query->before),
                                  value_int(query->limit)};
    enum err err =
        reader_table(reader, &outbox_tables, ROW_LIST, binds, 4, on_listed, &listing, error);
    if (err == OK) {
        *out_rows = listing.rows;
    }
    return err;
}

enum err payload_open(const struct outbox *outbox, int64_t id, struct str sealed,
                      struct arena *arena, struct value *out_payload, struct error *error)
{
    char with[ID_TEXT_LEN + 1];
    *out_payload = value_map_new();
    if (sealed.len == 0) {
        return OK; /* it was sent: nothing is kept */
    }
    id_format(id, with);
    if (sealed.len < SEAL_OVERHEAD_BYTES) {
        return error_set(error, ERR_CORRUPT, "the row %s of the outbox is cut", with);
    }
    unsigned char *plain = arena_alloc(arena, sealed.len);
    enum err err = crypto_open(outbox->key, sealed.at, sealed.len, str_from(with), plain);
    if (err != OK) {
        return error_set(error, err, "the row %s of the outbox cannot be opened", with);
    }
    return json_decode(arena, (struct str){(const char *)plain, sealed.len - SEAL_OVERHEAD_BYTES},
                       out_payload, error);
}

static enum err on_shown(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    static const char *const shown[] = {"name", "text", "template", "language", "related", "url"};
    struct listing *listing = context;
    struct arena *arena = listing->arena;
    struct value row = describe(arena, listing->kind, columns);
    struct value payload;
    enum err err =
        payload_open(listing->outbox, columns[1].integer, columns[14].text, arena, &payload, error);
    value_put_c(arena, &row, "key", value_copy(arena, &columns[13]));
    for (size_t i = 0; err == OK && i < COUNT_OF(shown); i++) {
        const struct value *part = value_get_c(&payload, shown[i]);
        if (part != NULL && part->kind == VALUE_TEXT && part->text.len > 0) {
            value_put_c(arena, &row, shown[i], *part);
        }
    }
    if (err == OK) {
        value_push(arena, &listing->rows, row);
    }
    return err;
}

enum err outbox_show(struct outbox *outbox, struct reader *reader, const struct outbox_query *query,
                     struct arena *arena, struct value *out_row, struct error *error)
{
    const char *kind = kind_name(query->kind);
    struct listing listing = {
        .arena = arena, .rows = value_list_new(), .outbox = outbox, .kind = query->kind};
    const struct value binds[] = {value_int(query->id), value_text(str_from(kind))};
    enum err err =
        reader_table(reader, &outbox_tables, ROW_GET, binds, 2, on_shown, &listing, error);
    if (err == OK && listing.rows.list.count == 0) {
        err = error_set(error, ERR_NOT_FOUND, "there is no such %s", kind);
    }
    if (err == OK) {
        *out_row = listing.rows.list.items[0];
    }
    return err;
}

/* ---- by hand ---- */

static enum err on_state(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    (void)column_count;
    (void)error;
    (void)columns;
    *(bool *)context = true;
    return OK;
}

enum err outbox_tx_retry(struct tx *tx, enum outbox_kind kind, int64_t id, struct error *error)
{
    bool there = false;
    const struct value binds[] = {value_int(id), value_text(str_from(kind_name(kind))),
                                  value_int(tx_now_ms(tx))};
    enum err err = tx_table(tx, &outbox_tables, ROW_RETRY, binds, 3, NULL, NULL, error);
    if (err != OK || tx_changes(tx) == 1) {
        return err;
    }
    err = tx_table(tx, &outbox_tables, ROW_STATE, binds, 2, on_state, &there, error);
    if (err != OK) {
        return err;
    }
    return there ? error_set(error, ERR_CONFLICT, "it was sent already")
                 : error_set(error, ERR_NOT_FOUND, "there is no such %s", kind_name(kind));
}
