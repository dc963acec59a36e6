/* Looks at a plugin's code without running it: each `px.…` is a name of the API (or of a local that
 * stands for one); nothing waits where nothing can wait; what is called is among the capabilities,
 * and what is among them is called. What only running would tell (names in variables) is left out
 * and never guessed. Main thread. */
#include "check.h"
#include "internal.h"

#include "proxenos/base_text.h"
#include "proxenos/net.h"

enum {
    CHAIN_MAX = 120,
    ALIASES_MAX = 200,
    REGIONS_MAX = 1000,
    FUNCTIONS_MAX = 500,
    USES_MAX = 500
};

/* ---- what calls need of `can` ---- */

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

/* What was seen of one kind: names, and whether there were calls whose name only running tells. */
struct uses {
    struct str names[USES_MAX];
    size_t count;
    bool unknown;
};

struct alias {
    struct str name, chain;
};

enum region_kind {
    REGION_PINNED, /* a comparator, a callback: nothing may wait */
    REGION_UNIT,   /* one unit of work */
    REGION_LATER,  /* runs after loading */
};
struct region {
    size_t from, to;
    enum region_kind kind;
    const char *what;
};

struct function {
    struct str name;
    size_t at; /* of the word `function` */
};

struct code {
    struct check *check;
    struct str file;
    bool is_test;
    const struct token *tokens;
    size_t count;
    struct alias aliases[ALIASES_MAX];
    size_t alias_count;
    struct function functions[FUNCTIONS_MAX];
    size_t function_count;
    struct region regions[REGIONS_MAX];
    size_t region_count;
    struct uses *uses; /* by need; shared by all files */
};

/* ---- the API's names ---- */

static const struct lua_module *find_module(struct str name)
{
    size_t count = 0;
    const struct lua_module *const *all = bind_modules(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, all[i]->name)) {
            return all[i];
        }
    }
    return NULL;
}

static const struct lua_binding *find_binding(const struct lua_module *module, struct str name)
{
    for (size_t i = 0; module != NULL && i < module->count; i++) {
        if (str_is(name, module->bindings[i].name)) {
            return &module->bindings[i];
        }
    }
    return NULL;
}

/* Of all names below `module`: the one nearest to `name`. */
static struct str nearest_below(struct check *check, struct str module, struct str name)
{
    size_t count = 0, known = 0;
    const struct lua_module *const *all = bind_modules(&count);
    struct str names[256];
    for (size_t i = 0; i < count; i++) {
        struct str full = str_from(all[i]->name);
        for (size_t b = 0; str_eq(full, module) && b < all[i]->count && known < 256; b++) {
            names[known++] = str_from(all[i]->bindings[b].name);
        }
        if (str_starts(full, module) && full.len > module.len && full.at[module.len] == '.' &&
            known < 256) {
            names[known++] = str_sub(full, module.len + 1, full.len);
        }
    }
    struct str nearest = text_nearest(name, names, known);
    return nearest.len == 0 ? nearest
                            : arena_printf(&check->arena, STR_FORMAT "." STR_FORMAT,
                                           STR_ARGS(module), STR_ARGS(nearest));
}

/* ---- chains: px.store.kv.get ---- */

struct chain {
    struct str name;                   /* as far as it is known to the API */
    const struct lua_binding *binding; /* NULL: a module */
    size_t end;                        /* index behind it */
    bool wrong;
    struct str missing; /* wrong: the part that is not there */
};

static struct str alias_of(const struct code *code, struct str name)
{
    for (size_t i = code->alias_count; i > 0; i--) {
        if (str_eq(code->aliases[i - 1].name, name)) {
            return code->aliases[i - 1].chain;
        }
    }
    return str_is(name, "px") ? name : STR("");
}

/* One part behind the dot. False: the chain is not the API's any more. */
static bool step(struct code *code, struct chain *chain, struct str part)
{
    const struct lua_module *module = find_module(chain->name);
    struct str full = arena_printf(&code->check->arena, STR_FORMAT "." STR_FORMAT,
                                   STR_ARGS(chain->name), STR_ARGS(part));
    const struct lua_binding *binding = find_binding(module, part);
    if (binding == NULL && find_module(full) == NULL) {
        chain->wrong = true;
        chain->missing = part;
        return false;
    }
    chain->name = full;
    chain->binding = binding;
    return binding == NULL;
}

static bool read_chain(struct code *code, size_t at, struct chain *out)
{
    const struct token *tokens = code->tokens;
    bool member = at > 0 && (token_is(&tokens[at - 1], ".") || token_is(&tokens[at - 1], ":"));
    if (tokens[at].kind != TOKEN_NAME || member) {
        return false;
    }
    struct str root = alias_of(code, tokens[at].text);
    if (root.len == 0) {
        return false;
    }
    *out = (struct chain){.name = root, .end = at + 1};
    size_t dot = 0;
    struct str parent = root, name = root;
    while (str_find(name, STR("."), &dot)) {
        name = str_sub(name, dot + 1, name.len);
    }
    parent = str_sub(root, 0, root.len > name.len ? root.len - name.len - 1 : 0);
    out->binding = parent.len > 0 ? find_binding(find_module(parent), name) : NULL;
    while (out->binding == NULL && token_is(&tokens[out->end], ".") &&
           tokens[out->end + 1].kind == TOKEN_NAME) {
        size_t part = out->end + 1;
        out->end += 2;
        if (!step(code, out, tokens[part].text)) {
            break;
        }
    }
    return true;
}

/* local store <const> = px.store: from here on `store` stands for it; any other `local store`
 * ends that. */
static void read_local(struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    struct chain chain;
    size_t value = at + 2;
    if (!token_is(&tokens[at], "local") || tokens[at + 1].kind != TOKEN_NAME ||
        token_is(&tokens[at + 1], "function") || code->alias_count == ALIASES_MAX) {
        return;
    }
    if (token_is(&tokens[value], "<")) {
        value += 3;
    }
    struct alias *alias = &code->aliases[code->alias_count];
    *alias = (struct alias){.name = tokens[at + 1].text, .chain = STR("")};
    bool assigned = value < code->count && token_is(&tokens[value], "=");
    if (assigned && read_chain(code, value + 1, &chain) && !chain.wrong &&
        !token_is(&tokens[chain.end], "(") && !token_is(&tokens[chain.end], "{") &&
        tokens[chain.end].kind != TOKEN_STRING && !token_is(&tokens[chain.end], ".") &&
        !token_is(&tokens[chain.end], ":") && !token_is(&tokens[chain.end], "[")) {
        alias->chain = chain.name;
    } else if (alias_of(code, alias->name).len == 0) {
        return; /* nothing stood under this name, and nothing does now */
    }
    code->alias_count++;
}

/* ---- regions: what runs inside what ---- */

static void read_functions(struct code *code)
{
    const struct token *tokens = code->tokens;
    for (size_t i = 0; i + 3 < code->count && code->function_count < FUNCTIONS_MAX; i++) {
        if (!token_is(&tokens[i], "local")) {
            continue;
        }
        struct function *function = &code->functions[code->function_count];
        if (token_is(&tokens[i + 1], "function")) {
            *function = (struct function){tokens[i + 2].text, i + 1};
            code->function_count++;
        } else if (token_is(&tokens[i + 2], "=") && token_is(&tokens[i + 3], "function")) {
            *function = (struct function){tokens[i + 1].text, i + 3};
            code->function_count++;
        }
    }
}

static void add_region(struct code *code, size_t function, enum region_kind kind, const char *what)
{
    if (code->region_count < REGIONS_MAX) {
        code->regions[code->region_count++] =
            (struct region){function, token_behind(code->tokens, function), kind, what};
    }
}

/* A local function given by its name. */
static void add_named(struct code *code, size_t at, enum region_kind kind, const char *what)
{
    const struct token *tokens = code->tokens;
    bool alone = tokens[at].kind == TOKEN_NAME &&
                 (token_is(&tokens[at - 1], ",") || token_is(&tokens[at - 1], "(")) &&
                 (token_is(&tokens[at + 1], ",") || token_is(&tokens[at + 1], ")"));
    for (size_t i = 0; alone && i < code->function_count; i++) {
        if (str_eq(code->functions[i].name, tokens[at].text)) {
            add_region(code, code->functions[i].at, kind, what);
        }
    }
}

/* All functions among the arguments of the call whose "(" is at `open`: written there, or named. */
static void add_arguments(struct code *code, size_t open, enum region_kind kind, const char *what)
{
    const struct token *tokens = code->tokens;
    size_t end = token_behind(tokens, open);
    for (size_t i = open + 1; i < end;) {
        bool function = token_is(&tokens[i], "function");
        bool opens = token_is(&tokens[i], "(") || token_is(&tokens[i], "{");
        if (function) {
            add_region(code, i, kind, what);
        } else {
            add_named(code, i, kind, what);
        }
        i = function || opens ? token_behind(tokens, i) : i + 1;
    }
}

static bool is_call(const struct code *code, size_t at, const char *first, const char *second)
{
    const struct token *tokens = code->tokens;
    return token_is(&tokens[at], first) && token_is(&tokens[at + 1], ".") &&
           token_is(&tokens[at + 2], second) && token_is(&tokens[at + 3], "(");
}

static void read_plain_regions(struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    if (at + 3 >= code->count) {
        return;
    }
    if (is_call(code, at, "table", "sort")) {
        add_arguments(code, at + 3, REGION_PINNED, "a sort comparator");
    } else if (is_call(code, at, "string", "gsub")) {
        add_arguments(code, at + 3, REGION_PINNED, "a gsub callback");
    } else if (token_is(&tokens[at], ":") && token_is(&tokens[at + 1], "gsub") &&
               token_is(&tokens[at + 2], "(")) {
        add_arguments(code, at + 2, REGION_PINNED, "a gsub callback");
    }
}

static void read_px_regions(struct code *code, const struct chain *chain)
{
    if (chain->binding == NULL || !token_is(&code->tokens[chain->end], "(")) {
        return;
    }
    if (str_is(chain->name, "px.store.tx")) {
        add_arguments(code, chain->end, REGION_UNIT, "px.store.tx");
    } else if (str_is(chain->name, "px.text.gsub")) {
        add_arguments(code, chain->end, REGION_PINNED, "a gsub callback");
    }
    if ((chain->binding->flags & LUA_BINDING_LOAD_ONLY) == 0) {
        return;
    }
    add_arguments(code, chain->end, REGION_LATER, "a handler");
    if (str_is(chain->name, "px.on")) {
        add_arguments(code, chain->end, REGION_UNIT, "an event's handler");
    }
}

/* ---- findings ---- */

static void check_waits(struct code *code, size_t at, const struct chain *chain)
{
    unsigned flags = chain->binding->flags;
    struct check *check = code->check;
    const struct token *token = &code->tokens[at];
    if (!token_is(&code->tokens[chain->end], "(") && !token_is(&code->tokens[chain->end], "{") &&
        code->tokens[chain->end].kind != TOKEN_STRING) {
        return; /* named, not called */
    }
    for (size_t i = 0; i < code->region_count; i++) {
        const struct region *region = &code->regions[i];
        if (at < region->from || at >= region->to) {
            continue;
        }
        bool waits = (flags & (LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT)) != 0;
        if (region->kind == REGION_PINNED && waits) {
            check_add(check, true, "yield", code->file, token, STR(""),
                      STR_FORMAT " waits, and %s cannot: call it before and pass the result in",
                      STR_ARGS(chain->name), region->what);
        } else if (region->kind == REGION_UNIT && (flags & LUA_BINDING_NOT_IN_UNIT) != 0) {
            check_add(check, true, "yield", code->file, token, STR(""),
                      STR_FORMAT " cannot be used inside %s, which is one unit of work: do it "
                                 "before or behind it",
                      STR_ARGS(chain->name), region->what);
        } else if (region->kind == REGION_LATER && (flags & LUA_BINDING_LOAD_ONLY) != 0) {
            check_add(check, true, "load", code->file, token, STR(""),
                      STR_FORMAT " registers while the file loads, not from inside %s",
                      STR_ARGS(chain->name), region->what);
        } else {
            continue;
        }
        return;
    }
}

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

/* An event's pattern begins with an object type, or with the name of a plugin. */
static void need_event(struct code *code, const struct token *token, struct str pattern)
{
    const struct plugin_source *source = &code->check->source;
    size_t dot = 0;
    struct str first = str_find(pattern, STR("."), &dot) ? str_sub(pattern, 0, dot) : pattern;
    bool plugin = str_eq(first, source->name) || str_is(first, "*");
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

static const struct token *first_argument(const struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    if (tokens[at].kind == TOKEN_STRING) {
        return &tokens[at];
    }
    bool alone = token_is(&tokens[at], "(") && tokens[at + 1].kind == TOKEN_STRING &&
                 (token_is(&tokens[at + 2], ",") || token_is(&tokens[at + 2], ")"));
    return alone ? &tokens[at + 1] : NULL;
}

static void check_chain(struct code *code, size_t at, const struct chain *chain)
{
    struct check *check = code->check;
    if (chain->wrong) {
        check_add(check, true, "unknown_call", code->file, &code->tokens[at],
                  nearest_below(check, chain->name, chain->missing),
                  "there is no " STR_FORMAT "." STR_FORMAT, STR_ARGS(chain->name),
                  STR_ARGS(chain->missing));
        return;
    }
    if (chain->binding == NULL) {
        return;
    }
    check_waits(code, at, chain);
    for (size_t i = 0; !code->is_test && i < COUNT_OF(needs); i++) {
        if (str_is(chain->name, needs[i].call)) {
            check_need(code, needs[i].need, &code->tokens[at], first_argument(code, chain->end),
                       chain->end);
        }
    }
}

/* ---- files ---- */

static void check_require(struct code *code, size_t at)
{
    const struct token *token = first_argument(code, at + 1);
    bool member =
        at > 0 && (token_is(&code->tokens[at - 1], ".") || token_is(&code->tokens[at - 1], ":"));
    if (!token_is(&code->tokens[at], "require") || member || token == NULL) {
        return;
    }
    char path[160];
    (void)snprintf(path, sizeof(path), STR_FORMAT ".lua", STR_ARGS(str_sub(token->text, 0, 120)));
    for (size_t i = 0; i < token->text.len && i < 120; i++) {
        if (path[i] == '.') {
            path[i] = '/';
        }
    }
    if (plugin_source_file(&code->check->source, str_from(path)).at == NULL) {
        check_add(code->check, true, "require", code->file, token, STR(""),
                  "the plugin has no file %s", path);
    }
}

/* t.<name> in a test: a function of t, or an object type. */
static void check_t(struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    struct check *check = code->check;
    bool member = at > 0 && (token_is(&tokens[at - 1], ".") || token_is(&tokens[at - 1], ":"));
    if (!code->is_test || member || !token_is(&tokens[at], "t") ||
        !token_is(&tokens[at + 1], ".") || check->schema == NULL) {
        return;
    }
    struct str name = tokens[at + 2].text;
    struct str names[64];
    size_t count = 0;
    bool known = str_is(name, "seed") || schema_object(check->schema, name) != NULL;
    for (size_t m = 0; m < t_module_count; m++) {
        known = known || str_is(name, strrchr(t_modules[m]->name, '.') == NULL
                                          ? t_modules[m]->name
                                          : strrchr(t_modules[m]->name, '.') + 1);
        for (size_t i = 0; m == 0 && i < t_modules[0]->count && count < 64; i++) {
            names[count] = str_from(t_modules[0]->bindings[i].name);
            known = known || str_eq(names[count++], name);
        }
    }
    if (!known) {
        check_add(check, true, "unknown_call", code->file, &tokens[at],
                  text_nearest(name, names, count),
                  "t has no function \"" STR_FORMAT "\", and there is no object type of that name",
                  STR_ARGS(name));
    }
}

static void check_file(struct check *check, const struct bind_file *file, struct uses *uses)
{
    struct code *code = mem_zalloc(sizeof(*code));
    struct chain chain;
    code->check = check;
    code->file = file->name;
    code->is_test = str_starts(file->name, STR("tests/"));
    code->uses = uses;
    code->tokens = lex(&check->arena, file->text, &code->count);
    read_functions(code);
    /* Regions first: a function is looked at with all that it may be called from. */
    for (size_t i = 0; i < code->count; i++) {
        read_local(code, i);
        read_plain_regions(code, i);
        if (read_chain(code, i, &chain) && !chain.wrong) {
            read_px_regions(code, &chain);
        }
    }
    code->alias_count = 0;
    for (size_t i = 0; i < code->count; i++) {
        read_local(code, i);
        check_require(code, i);
        check_t(code, i);
        if (read_chain(code, i, &chain)) {
            check_chain(code, i, &chain);
            i = chain.end - 1;
        }
    }
    mem_free(code);
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

void check_code(struct check *check)
{
    enum { NEED_COUNT = NEED_SECRET + 1 };
    struct uses *uses = mem_zalloc(sizeof(*uses) * NEED_COUNT);
    const struct plugin_source *source = &check->source;
    for (size_t i = 0; i < source->file_count; i++) {
        struct str name = source->files[i].name;
        bool data = str_is(name, "plugin.lua") || str_is(name, "schema.lua") ||
                    str_starts(name, STR("locale/")) || !str_ends(name, STR(".lua"));
        if (!data) {
            check_file(check, &source->files[i], uses);
        }
    }
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
    mem_free(uses);
}
