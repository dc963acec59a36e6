/* px.mail: mails from templates of the plugin's own, kept in the outbox with the unit of work that
 * asks for them. Executor, protected.
 *
 * A template is mail/<name>.<language>.txt: the line "Subject: …", an empty line, the text. In both
 * {name} stands for a value of `data`. */
#include "store_module.h"

static NORETURN void wrong(lua_State *L, const char *field, const char *format, const char *value)
{
    struct error error = {0};
    (void)error_at(&error, ERR_INVALID, field, NULL, format, value);
    lua_raise(L, &error);
}

/* ---- templates ---- */

struct template
{
    struct str subject, text, language;
};

static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!good) {
            return false;
        }
    }
    return text.len > 0 && text.len <= 60;
}

static const struct bind_file *find_template(struct call *call, struct str name,
                                             struct str language)
{
    struct str wanted = arena_printf(&call->scratch, "mail/" STR_FORMAT "." STR_FORMAT ".txt",
                                     STR_ARGS(name), STR_ARGS(language));
    for (size_t i = 0; i < call->host->file_count; i++) {
        if (str_eq(call->host->files[i].name, wanted)) {
            return &call->host->files[i];
        }
    }
    return NULL;
}

/* Taken apart; the languages that may stand in: "el-GR" → "el" → "en". */
static struct template read_template(lua_State *L, struct call *call, struct str name,
                                     struct str language)
{
    size_t dash = 0;
    struct template template = {.language = language};
    struct str parent = str_find(language, STR("-"), &dash) ? str_sub(language, 0, dash) : language;
    const struct str tried[] = {language, parent, STR("en")};
    const struct bind_file *file = NULL;
    if (!is_name(name) || !is_name(language)) {
        wrong(L, "template", "px.mail.send: %s",
              "template is the name of mail/<name>.<language>.txt, language one as \"el\"");
    }
    for (size_t i = 0; file == NULL && i < COUNT_OF(tried); i++) {
        template.language = tried[i];
        file = find_template(call, name, tried[i]);
    }
    if (file == NULL) {
        struct str path = arena_printf(&call->scratch, "mail/" STR_FORMAT "." STR_FORMAT ".txt",
                                       STR_ARGS(name), STR_ARGS(language));
        wrong(L, "template", "px.mail.send: the plugin has no %s, nor one in en", path.at);
    }
    struct str rest = file->text;
    struct str line;
    (void)str_split(&rest, '\n', &line);
    if (!str_starts(line, STR("Subject:"))) {
        struct str path = arena_str(&call->scratch, file->name);
        wrong(L, "template", "px.mail.send: the first line of %s is not \"Subject: …\"", path.at);
    }
    template.subject = str_trim(str_sub(line, 8, line.len));
    (void)str_split(&rest, '\n', &line);
    if (str_trim(line).len > 0) {
        struct str path = arena_str(&call->scratch, file->name);
        wrong(L, "template", "px.mail.send: the second line of %s is not empty", path.at);
    }
    template.text = rest.at != NULL ? rest : STR("");
    return template;
}

/* The text with `data`, which is at the index; left on the stack. */
static struct str render(lua_State *L, struct str text, int data)
{
    struct str made;
    lua_pushcfunction(L, text_template);
    lua_pushlstring(L, text.at, text.len);
    lua_pushvalue(L, data);
    lua_call(L, 2, 1);
    made.at = lua_tolstring(L, -1, &made.len);
    return made;
}

/* ---- px.mail.send ---- */

static struct str text_field(lua_State *L, const char *name)
{
    int type = lua_getfield(L, 1, name);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        wrong(L, name, "px.mail.send: %s is text", name);
    }
    return type == LUA_TNIL ? STR("") : arg_text(L, -1); /* stays in the table */
}

static void check_options(lua_State *L)
{
    static const char *const known[] = {
        "to",          "name",       "template",        "data",
        "language",    "related",    "idempotency_key", "reply_to",
        "in_reply_to", "references", "calendar",
    };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        const char *given = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        bool found = false;
        for (size_t i = 0; i < COUNT_OF(known); i++) {
            found = found || strcmp(known[i], given) == 0;
        }
        if (!found) {
            wrong(L, "", "px.mail.send: there is no option \"%s\"", given);
        }
        lua_pop(L, 1);
    }
}

static void check_address(lua_State *L, struct call *call, struct str address)
{
    struct read_turn turn;
    struct error error = {0};
    enum err err = read_begin(call, &turn, &error);
    if (err == OK) {
        err = outbox_check_address(turn.reader, address, &error);
        read_end(call, &turn);
    }
    raise_if(L, err, &error);
}

/* references = { "<a@b>", … }: the texts stay in the table. */
static void thread_fields(lua_State *L, struct call *call, struct outbox_mail *mail)
{
    mail->reply_to = text_field(L, "reply_to");
    mail->in_reply_to = text_field(L, "in_reply_to");
    int type = lua_getfield(L, 1, "references");
    if (type == LUA_TNIL) {
        return;
    }
    size_t count = type == LUA_TTABLE ? (size_t)lua_rawlen(L, -1) : 0;
    if (type != LUA_TTABLE || count > MAIL_REFERENCES_MAX) {
        wrong(L, "references", "px.mail.send: %s",
              "references is a list of at most 20 Message-IDs, oldest first");
    }
    struct str *ids = arena_alloc(&call->scratch, (count + 1) * sizeof(*ids));
    int list = lua_gettop(L);
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, list, (lua_Integer)i + 1) != LUA_TSTRING) {
            wrong(L, "references", "px.mail.send: %s", "references is a list of Message-IDs");
        }
        ids[i] = arg_text(L, -1);
        lua_pop(L, 1);
    }
    mail->references = ids;
    mail->reference_count = count;
}

/* calendar = { method = "REQUEST", text = … } */
static void calendar_fields(lua_State *L, struct outbox_mail *mail)
{
    int type = lua_getfield(L, 1, "calendar");
    if (type == LUA_TNIL) {
        return;
    }
    if (type != LUA_TTABLE || lua_getfield(L, -1, "method") != LUA_TSTRING ||
        lua_getfield(L, -2, "text") != LUA_TSTRING) {
        wrong(L, "calendar", "px.mail.send: %s",
              "calendar is { method = \"REQUEST\", text = px.ical.encode(…) }");
    }
    mail->calendar_method = arg_text(L, -2);
    mail->calendar = arg_text(L, -1);
}

static int mail_message_id(lua_State *L)
{
    struct call *call = call_enter(L);
    int64_t id = 0;
    if (id_parse(arg_text(L, 1), &id) != OK) {
        wrong(L, "id", "px.mail.message_id: %s", "it takes what px.mail.send has given");
    }
    if (call->host->bind->options.outbox == NULL) {
        lua_raise_set(L, ERR_UNSUPPORTED, "there is no mail here");
    }
    struct str found = outbox_message_id(call->host->bind->options.outbox, &call->scratch, id);
    lua_pushlstring(L, found.at, found.len);
    return 1;
}

static int mail_send(lua_State *L)
{
    struct call *call = call_enter(L);
    struct error error = {0};
    struct outbox_row row = {0};
    check_options(L);
    if (!call->host->mail_send) {
        lua_raise_set(L, ERR_CAPABILITY,
                      "sending mail is not among the plugin's capabilities; add "
                      "mail = { \"send\" } to can");
    }
    if (call->host->bind->options.outbox == NULL) {
        lua_raise_set(L, ERR_UNSUPPORTED, "there is no mail here");
    }
    struct outbox_mail mail = {.to = text_field(L, "to"),
                               .name = text_field(L, "name"),
                               .template = text_field(L, "template"),
                               .related = text_field(L, "related")};
    struct str key = text_field(L, "idempotency_key");
    struct str language = text_field(L, "language");
    struct template template =
        read_template(L, call, mail.template, language.len > 0 ? language : STR("en"));
    if (lua_getfield(L, 1, "data") == LUA_TNIL) {
        lua_newtable(L);
    }
    int data = lua_gettop(L);
    luaL_checktype(L, data, LUA_TTABLE);
    mail.subject = render(L, template.subject, data);
    mail.text = render(L, template.text, data);
    mail.language = template.language;
    thread_fields(L, call, &mail);
    calendar_fields(L, &mail);
    check_address(L, call, mail.to);
    struct work_unit *work = single_begin(L, "px.mail.send");
    work_key(call, work, key, &row);
    mail.message_id =
        outbox_message_id(call->host->bind->options.outbox, &work->overlay->arena, row.id);
    raise_if(L, outbox_mail_row(&work->overlay->arena, &mail, &row, &error), &error);
    raise_if(L, work_send(work, &row, &error), &error);
    char id[ID_TEXT_LEN + 1];
    id_format(row.id, id);
    lua_pushstring(L, id);
    return single_end(L);
}

static const char types[] =
    "---@class px.mail.message\n"
    "---@field to string # an address alone\n"
    "---@field name? string # the recipient's\n"
    "---@field template string # mail/<template>.<language>.txt of the plugin\n"
    "---@field data? table # values for {name}\n"
    "---@field language? string # \"en\"; \"el-GR\" falls back to \"el\", then \"en\"\n"
    "---@field related? string # id of what it is about\n"
    "---@field idempotency_key? string # the same key is the same mail\n"
    "---@field reply_to? string # where answers go, when not to the service's own address\n"
    "---@field in_reply_to? string # the Message-ID of what it answers\n"
    "---@field references? string[] # Message-IDs of the thread, oldest first\n"
    "---@field calendar? { method: string, text: string } # an invitation beside the text\n";

static const struct lua_binding bindings[] = {
    {.name = "send",
     .call = mail_send,
     .type = "fun(mail: px.mail.message): string",
     .doc =
         "puts a mail into the outbox, with the unit of work, and gives its id; it is sent after "
         "the commit",
     .flags = LUA_BINDING_WAITS},
    {.name = "message_id",
     .call = mail_message_id,
     .type = "fun(id: string): string",
     .doc = "the Message-ID of the mail that px.mail.send gave this id; mail.sent has it too"},
};

const struct lua_module module_mail = {
    .name = "px.mail",
    .doc = "Mail from the plugin's templates, with `mail = { \"send\" }` in `can`.",
    .bindings = bindings,
    .count = COUNT_OF(bindings),
    .types = types,
};
