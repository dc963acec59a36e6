/* What calls need of a plugin's `can`: what is called is granted, and what is granted is called.
 * What only running would tell (names in variables) is left out and never guessed. */
#include "check_code.h"

#include "proxenos/base_text.h"
#include "proxenos/net.h"

enum need {
    NEED_READ,
    NEED_WRITE,
    NEED_EVENT,
    NEED_HOOK,
    NEED_EMIT,
    NEED_HTTP,
    NEED_SCHEDULE,
    NEED_NET,
    NEED_MAIL,
    NEED_SECRET
};

static const struct {
    const char *call;
    enum need need;
} needs[] = {
    {"px.store.get", NEED_READ},     {"px.store.find", NEED_READ},
    {"px.store.first", NEED_READ},   {"px.store.count", NEED_READ},
    {"px.store.each", NEED_READ},    {"px.store.aggregate", NEED_READ},
    {"px.store.history", NEED_READ}, {"px.store.create", NEED_WRITE},
    {"px.store.update", NEED_WRITE}, {"px.store.upsert", NEED_WRITE},
    {"px.store.delete", NEED_WRITE}, {"px.store.link", NEED_WRITE},
    {"px.store.unlink", NEED_WRITE}, {"px.store.merge", NEED_WRITE},
    {"px.on", NEED_EVENT},           {"px.before", NEED_HOOK},
    {"px.bus.emit", NEED_EMIT},      {"px.route", NEED_HTTP},
    {"px.schedule", NEED_SCHEDULE},  {"px.net.fetch", NEED_NET},
    {"px.secret.get", NEED_SECRET},  {"px.mail.send", NEED_MAIL},
};

static void add_use(struct uses *uses, struct str name)
{
    if (uses->count < USES_MAX) {
        uses->names[uses->count++] = name;
    }
}

static bool covers_type(struct str granted, struct str object)
{
    size_t hash = granted.len;
    (void)str_find(granted, STR("#"), &hash);
    struct str base = str_sub(granted, 0, MIN(hash, granted.len));
    return str_is(base, "*") || str_eq(base, object);
}

static bool may(const struct plugin_rights *rights, bool write, struct str object)
{
    bool found = false;
    for (size_t i = 0; i < rights->write_count; i++) {
        found = found || covers_type(rights->write[i], object);
    }
    for (size_t i = 0; !write && i < rights->read_count; i++) {
        found = found || covers_type(rights->read[i], object);
    }
    return found;
}

static bool known_type(struct code *code, struct str object, const struct token *token)
{
    struct error error = {0};
    const struct object_type *type = NULL;
    if (code->check->schema == NULL ||
        schema_find_object(code->check->schema, object, &type, &error) == OK) {
        return true;
    }
    check_add(code->check, true, "unknown_object", code->file, token,
              arena_str(&code->check->arena, str_from(error.nearest)),
              "there is no object type \"" STR_FORMAT "\"", STR_ARGS(object));
    return false;
}

static void need_type(struct code *code, const struct token *token, struct str object, bool write)
{
    if (!known_type(code, object, token)) {
        return;
    }
    add_use(&code->uses[write ? NEED_WRITE : NEED_READ], object);
    if (!may(&code->check->source.rights, write, object)) {
        check_add(code->check, true, "capability", code->file, token, STR(""),
                  "%s " STR_FORMAT " is not among the capabilities: add \"" STR_FORMAT
                  "\" to can.%s",
                  write ? "writing" : "reading", STR_ARGS(object), STR_ARGS(object),
                  write ? "write" : "read");
    }
}

/* What the core tells of itself, beside changes of records. */
static bool is_core_event(struct str first)
{
    static const char *const names[] = {"mail",   "net", "webhook", "bus", "flow",
                                        "plugin", "run", "schema",  "auth"};
    bool found = false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        found = found || str_is(first, names[i]);
    }
    return found;
}

/* An event's pattern begins with an object type, with the name of a plugin, or is the core's. */
static void need_event(struct code *code, const struct token *token, struct str pattern)
{
    const struct plugin_source *source = &code->check->source;
    size_t dot = 0;
    struct str first = str_find(pattern, STR("."), &dot) ? str_sub(pattern, 0, dot) : pattern;
    bool plugin = str_eq(first, source->name) || str_is(first, "*") || is_core_event(first);
    for (size_t i = 0; i < source->need_count; i++) {
        plugin = plugin || str_eq(first, source->needs[i]);
    }
    if (!plugin ||
        (code->check->schema != NULL && schema_object(code->check->schema, first) != NULL)) {
        need_type(code, token, first, false);
    }
}

static bool covers_event(struct str pattern, struct str type)
{
    if (str_is(pattern, "*") || str_eq(pattern, type)) {
        return true;
    }
    return str_ends(pattern, STR("*")) && str_starts(type, str_sub(pattern, 0, pattern.len - 1));
}

static void need_emit(struct code *code, const struct token *token, struct str type)
{
    const struct plugin_source *source = &code->check->source;
    bool covered = false;
    add_use(&code->uses[NEED_EMIT], type);
    for (size_t i = 0; i < source->emit_count; i++) {
        covered = covered || covers_event(source->emit[i], type);
    }
    if (!covered) {
        check_add(code->check, true, "capability", code->file, token, STR(""),
                  "emitting " STR_FORMAT " is not among the capabilities: add \"" STR_FORMAT
                  "\" to can.emit",
                  STR_ARGS(type), STR_ARGS(type));
    }
}

static void need_secret(struct code *code, const struct token *token, struct str name)
{
    const struct plugin_source *source = &code->check->source;
    bool covered = false;
    add_use(&code->uses[NEED_SECRET], name);
    for (size_t i = 0; i < source->secret_count; i++) {
        covered = covered || str_eq(source->secrets[i], name);
    }
    if (!covered) {
        check_add(code->check, true, "capability", code->file, token,
                  text_nearest(name, source->secrets, source->secret_count),
                  "the secret \"" STR_FORMAT "\" is not among the capabilities: add it to "
                  "can.secrets",
                  STR_ARGS(name));
    }
}

/* url = "https://…" among the options, when it is written there. */
static void need_net(struct code *code, const struct token *token, size_t open)
{
    const struct plugin_source *source = &code->check->source;
    struct error error = {0};
    size_t end = token_is(&code->tokens[open], "(") || token_is(&code->tokens[open], "{")
                     ? token_behind(code->tokens, open)
                     : open;
    struct str url = STR("");
    for (size_t i = open; i + 2 < end; i++) {
        if (token_is(&code->tokens[i], "url") && token_is(&code->tokens[i + 1], "=") &&
            code->tokens[i + 2].kind == TOKEN_STRING && !token_is(&code->tokens[i + 3], "..")) {
            url = code->tokens[i + 2].text;
        }
    }
    code->uses[NEED_NET].unknown = true;
    if (source->net_count == 0) {
        check_add(code->check, true, "capability", code->file, token, STR(""),
                  "no host may be asked: name it in can.net");
    } else if (url.len > 0 && net_grant_covers(source->net, source->net_count, url, &error) != OK) {
        check_add(code->check, true, "capability", code->file, token, STR(""), "%s", error.detail);
    }
}

static void need_mail(struct code *code, const struct token *token, bool send)
{
    const struct plugin_source *source = &code->check->source;
    const char *word = send ? "send" : "refuse";
    add_use(&code->uses[NEED_MAIL], str_from(word));
    if (!(send ? source->mail_send : source->mail_refuse)) {
        check_add(code->check, true, "capability", code->file, token, STR(""),
                  "%s mail is not among the capabilities: add mail = { \"%s\" } to can",
                  send ? "sending" : "refusing", word);
    }
}

static void need_flag(struct code *code, const struct token *token, enum need need, bool granted,
                      const char *what, const char *key)
{
    add_use(&code->uses[need], str_from(key));
    if (!granted) {
        check_add(code->check, true, "capability", code->file, token, STR(""),
                  "%s are not among the capabilities: add %s = true to can", what, key);
    }
}

/* `argument`: the first one when it is a text by itself; NULL: only running would tell. */
static void check_need(struct code *code, enum need need, const struct token *token,
                       const struct token *argument, size_t open)
{
    const struct plugin_source *source = &code->check->source;
    size_t dot = 0;
    switch (need) {
    case NEED_HTTP:
        need_flag(code, token, need, source->http, "routes", "http");
        return;
    case NEED_SCHEDULE:
        need_flag(code, token, need, source->schedule, "schedules", "schedule");
        return;
    case NEED_NET:
        need_net(code, token, open);
        return;
    case NEED_MAIL:
        need_mail(code, token, true);
        return;
    case NEED_READ:
    case NEED_WRITE:
    case NEED_EVENT:
    case NEED_HOOK:
    case NEED_EMIT:
    case NEED_SECRET:
        break;
    }
    if (argument == NULL) {
        bool reads = need == NEED_EVENT || need == NEED_HOOK;
        code->uses[reads ? NEED_READ : need].unknown = true;
    } else if (need == NEED_READ || need == NEED_WRITE) {
        need_type(code, argument, argument->text, need == NEED_WRITE);
    } else if (need == NEED_EVENT) {
        need_event(code, argument, argument->text);
    } else if (need == NEED_HOOK && str_is(argument->text, "mail.send")) {
        need_mail(code, argument, false);
    } else if (need == NEED_HOOK && str_find(argument->text, STR("."), &dot)) {
        need_type(code, argument, str_sub(argument->text, 0, dot), false);
    } else if (need == NEED_EMIT) {
        need_emit(code, argument, argument->text);
    } else if (need == NEED_SECRET) {
        need_secret(code, argument, argument->text);
    }
}

void needs_check(struct code *code, size_t at, const struct chain *chain)
{
    for (size_t i = 0; !code->is_test && i < COUNT_OF(needs); i++) {
        if (str_is(chain->name, needs[i].call)) {
            check_need(code, needs[i].need, &code->tokens[at], first_argument(code, chain->end),
                       chain->end);
        }
    }
}

/* ---- what is granted and never used ---- */

static void use_refs_of(const struct object_type *type, struct uses *reads)
{
    for (int i = 0; type != NULL && i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field->type == FIELD_REF || field->type == FIELD_REFS) {
            add_use(reads, field->to);
        }
    }
}

/* A field that refers to a type shows nothing to who may not read that type: whoever uses the one
 * has a use for the other. */
static void use_refs(const struct check *check, const struct uses *from, struct uses *reads)
{
    size_t count = from->count;
    for (size_t i = 0; check->schema != NULL && i < count; i++) {
        use_refs_of(schema_object(check->schema, from->names[i]), reads);
    }
}

static void unused(struct check *check, const char *path, struct str word, const char *what)
{
    const struct token *at = check_place(check, STR("plugin.lua"), str_from(path));
    check_add(check, false, "unused", STR("plugin.lua"), at, STR(""),
              "\"" STR_FORMAT "\" is granted in %s, and nothing %s it", STR_ARGS(word), path, what);
}

static bool is_used(const struct uses *uses, struct str granted, bool pattern)
{
    for (size_t i = 0; i < uses->count; i++) {
        bool covered =
            pattern ? covers_event(granted, uses->names[i]) : covers_type(granted, uses->names[i]);
        if (covered) {
            return true;
        }
    }
    return uses->unknown;
}

static void check_list(struct check *check, const char *key, const struct str *granted,
                       size_t count, const struct uses *uses, const char *what)
{
    bool pattern = strcmp(key, "emit") == 0;
    for (size_t i = 0; i < count; i++) {
        char path[80];
        (void)snprintf(path, sizeof(path), "can.%s[%zu]", key, i + 1);
        if (!is_used(uses, granted[i], pattern)) {
            unused(check, path, granted[i], what);
        }
    }
}

static void check_flag(struct check *check, const char *key, bool granted, const struct uses *uses)
{
    char path[80];
    (void)snprintf(path, sizeof(path), "can.%s", key);
    if (granted && uses->count == 0) {
        unused(check, path, str_from(key), "uses");
    }
}

struct uses *needs_new(void)
{
    enum { NEED_COUNT = NEED_SECRET + 1 };
    return mem_zalloc(sizeof(struct uses) * NEED_COUNT);
}

void needs_check_unused(struct check *check, struct uses *uses)
{
    const struct plugin_source *source = &check->source;
    use_refs(check, &uses[NEED_READ], &uses[NEED_READ]);
    use_refs(check, &uses[NEED_WRITE], &uses[NEED_READ]);
    check_list(check, "read", source->rights.read, source->rights.read_count, &uses[NEED_READ],
               "reads");
    check_list(check, "write", source->rights.write, source->rights.write_count, &uses[NEED_WRITE],
               "writes");
    check_list(check, "emit", source->emit, source->emit_count, &uses[NEED_EMIT], "emits");
    check_list(check, "secrets", source->secrets, source->secret_count, &uses[NEED_SECRET],
               "asks for");
    check_list(check, "net", source->net, source->net_count, &uses[NEED_NET], "asks");
    const struct str send = STR("send"), refuse = STR("refuse");
    check_list(check, "mail", &send, source->mail_send ? 1 : 0, &uses[NEED_MAIL], "asks");
    check_list(check, "mail", &refuse, source->mail_refuse ? 1 : 0, &uses[NEED_MAIL], "asks");
    check_flag(check, "http", source->http, &uses[NEED_HTTP]);
    check_flag(check, "schedule", source->schedule, &uses[NEED_SCHEDULE]);
}
