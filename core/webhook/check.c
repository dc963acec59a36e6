/* What a webhook may be: judged before it is stored, and again when it is loaded, since records
 * come by other ways too (an import, a restored backup). */
#include "internal.h"

#include "proxenos/base_text.h"

static const struct member {
    const char *name, *wanted;
    enum value_kind kind;
    bool null; /* may be null: left out, or taken away */
} members[] = {
    {"name", "text", VALUE_TEXT, false},
    {"description", "text", VALUE_TEXT, true},
    {"url", "text", VALUE_TEXT, false},
    {"events", "a list of event patterns", VALUE_LIST, false},
    {"filter", "an expression as text", VALUE_TEXT, true},
    {"payload", "notice or changes", VALUE_TEXT, false},
    {"payload_version", "a whole number", VALUE_INT, false},
    {"headers", "an object of names and values", VALUE_MAP, true},
    {"enabled", "true or false", VALUE_BOOL, false},
    {"role", "the name or id of a role", VALUE_TEXT, true},
    {"user", "the id of a user", VALUE_TEXT, true},
};

static const struct member *find_member(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (str_is(name, members[i].name)) {
            return &members[i];
        }
    }
    return NULL;
}

static enum err unknown_member(struct str name, struct arena *arena, struct error *error)
{
    struct str names[COUNT_OF(members)];
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        names[i] = str_from(members[i].name);
    }
    struct str nearest = text_nearest(name, names, COUNT_OF(members));
    const char *pointer = arena_printf(arena, "/" STR_FORMAT, STR_ARGS(str_sub(name, 0, 80))).at;
    (void)error_at(error, ERR_UNKNOWN_FIELD, pointer, NULL,
                   "a webhook has no member \"" STR_FORMAT "\"", STR_ARGS(str_sub(name, 0, 80)));
    if (error != NULL) {
        (void)snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    }
    return ERR_UNKNOWN_FIELD;
}

enum err webhook_check_patterns(const struct value *events, struct error *error)
{
    if (events->kind != VALUE_LIST || events->list.count == 0 ||
        events->list.count > WEBHOOK_PATTERNS_MAX) {
        return error_at(error, ERR_INVALID, "/events", NULL,
                        "events is a list of 1 to %d patterns, such as [\"opportunity.stage.won\", "
                        "\"person.*\"]",
                        WEBHOOK_PATTERNS_MAX);
    }
    for (size_t i = 0; i < events->list.count; i++) {
        const struct value *pattern = &events->list.items[i];
        bool text = pattern->kind == VALUE_TEXT && pattern->text.len > 0;
        if (!text || !log_pattern_valid(pattern->text)) {
            char pointer[32];
            (void)snprintf(pointer, sizeof(pointer), "/events/%zu", i);
            return error_at(error, ERR_INVALID, pointer, NULL,
                            "\"" STR_FORMAT
                            "\" is not an event pattern; write object.verb, object.*, *.verb, "
                            "object.field.state or *",
                            STR_ARGS(str_sub(text ? pattern->text : STR(""), 0, 80)));
        }
    }
    return OK;
}

enum err webhook_check_filter(struct str filter, struct arena *arena, struct error *error)
{
    struct expr *expr = NULL;
    struct error inner = {0};
    if (filter.len == 0) {
        return OK;
    }
    enum err err = expr_compile(arena, filter, &expr, &inner);
    if (err != OK) {
        (void)error_at(error, err, "/filter", NULL, "%s: %s", inner.pointer, inner.detail);
        if (error != NULL) {
            memcpy(error->nearest, inner.nearest, sizeof(error->nearest));
        }
    }
    return err;
}

/* ---- headers ---- */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Set by us or by the protocol, or understood by machines on the way. */
static bool is_ours(struct str name)
{
    static const char *const ours[] = {
        "connection", "content-encoding", "content-length", "content-type",
        "date",       "expect",           "host",           "keep-alive",
        "te",         "trailer",          "upgrade",        "transfer-encoding",
        "user-agent",
    };
    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        if (str_eq_nocase(name, str_from(ours[i]))) {
            return true;
        }
    }
    return (name.len >= 8 && str_eq_nocase(str_sub(name, 0, 8), STR("webhook-"))) ||
           (name.len >= 6 && str_eq_nocase(str_sub(name, 0, 6), STR("proxy-")));
}

enum err webhook_check_header(struct str name, const struct value *value, struct error *error)
{
    char pointer[WEBHOOK_HEADER_NAME_MAX + 16];
    (void)snprintf(pointer, sizeof(pointer), "/headers/" STR_FORMAT,
                   STR_ARGS(str_sub(name, 0, WEBHOOK_HEADER_NAME_MAX)));
    bool valid = name.len > 0 && name.len <= WEBHOOK_HEADER_NAME_MAX;
    for (size_t i = 0; valid && i < name.len; i++) {
        valid = is_token_char(name.at[i]);
    }
    if (!valid) {
        return error_at(error, ERR_INVALID, pointer, NULL,
                        "a header's name has 1 to %d letters, digits, - and _",
                        WEBHOOK_HEADER_NAME_MAX);
    }
    if (is_ours(name)) {
        return error_at(error, ERR_INVALID, pointer, NULL,
                        "the header " STR_FORMAT " is set by the service", STR_ARGS(name));
    }
    if (value->kind == VALUE_NULL) {
        return OK; /* taken away */
    }
    valid = value->kind == VALUE_TEXT && value->text.len <= WEBHOOK_HEADER_VALUE_MAX;
    for (size_t i = 0; valid && i < value->text.len; i++) {
        char c = value->text.at[i];
        valid = c == '\t' || (c >= ' ' && c < 0x7f);
    }
    return valid ? OK
                 : error_at(error, ERR_INVALID, pointer, NULL,
                            "a header's value is text of up to %d characters of ASCII, on one line",
                            WEBHOOK_HEADER_VALUE_MAX);
}

/* ---- the whole ---- */

static enum err check_content(const struct value *map, struct arena *arena, struct error *error)
{
    const struct value *events = value_get_c(map, "events");
    const struct value *headers = value_get_c(map, "headers");
    struct str filter = value_get_text(map, "filter", STR(""));
    enum err err = events != NULL ? webhook_check_patterns(events, error) : OK;
    if (err == OK) {
        err = webhook_check_filter(filter, arena, error);
    }
    bool some = headers != NULL && headers->kind == VALUE_MAP;
    for (size_t i = 0; err == OK && some && i < headers->map.count; i++) {
        err = webhook_check_header(headers->map.entries[i].key, &headers->map.entries[i].value,
                                   error);
    }
    return err;
}

enum err webhook_check_members(const struct value *map, bool create, struct arena *arena,
                               struct error *error)
{
    static const char *const needed[] = {"name", "url", "events"};
    for (size_t i = 0; i < map->map.count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        const struct member *member = find_member(entry->key);
        if (member == NULL) {
            return unknown_member(entry->key, arena, error);
        }
        if (entry->value.kind != member->kind &&
            !(member->null && entry->value.kind == VALUE_NULL)) {
            const char *pointer = arena_printf(arena, "/%s", member->name).at;
            return error_at(error, ERR_INVALID, pointer, NULL, "%s must be %s", member->name,
                            member->wanted);
        }
    }
    for (size_t i = 0; create && i < COUNT_OF(needed); i++) {
        if (value_get_c(map, needed[i]) == NULL) {
            const char *pointer = arena_printf(arena, "/%s", needed[i]).at;
            return error_at(error, ERR_REQUIRED, pointer, NULL, "a webhook needs its %s",
                            needed[i]);
        }
    }
    return check_content(map, arena, error);
}

/* Plain HTTP carries signatures and secrets for all to read: only where the operator said that the
 * place may be called (a receiver on this machine, a test). */
enum err webhook_check_url(struct webhooks *webhooks, struct str url, struct error *error)
{
    enum err err = net_url_check(url, NULL, error);
    bool https = url.len >= 8 && str_eq_nocase(str_sub(url, 0, 8), STR("https://"));
    if (err == OK && !https && !net_url_allowed(webhooks->options.net, url)) {
        err =
            error_set(error, ERR_INVALID,
                      "only https:// is sent to, unless the setting outgoing_allow names the host "
                      "and port (or the range of its address)");
    }
    if (err != OK && error != NULL) {
        (void)snprintf(error->pointer, sizeof(error->pointer), "/url");
    }
    return err;
}
