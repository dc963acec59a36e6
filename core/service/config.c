/* Settings from flags, environment and proxenos.lua, by one table. Start-up; main thread. */
#include "config.h"

#include <errno.h>

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"
#include "proxenos/lua_value.h"

enum kind { KIND_TEXT, KIND_BOOL, KIND_INT, KIND_LIST };
enum { CONFIG_BYTES_MAX = 256 * 1024 };

static const struct {
    const char
        *name; /* in proxenos.lua; the flag has '-' for '_', the variable PROXENOS_ and capitals */
    enum kind kind;
    const char *otherwise;
    int64_t min, max;
} settings[SET_COUNT] = {
    [SET_LISTEN] = {"listen", KIND_TEXT, "127.0.0.1:7600", 0, 0},
    [SET_PLUGINS] = {"plugins", KIND_TEXT, "", 0, 0},
    [SET_ENABLE] = {"enable", KIND_LIST, "", 0, 0},
    [SET_DISABLE] = {"disable", KIND_LIST, "", 0, 0},
    [SET_TLS_CERTIFICATE] = {"tls_certificate", KIND_TEXT, "", 0, 0},
    [SET_TLS_KEY] = {"tls_key", KIND_TEXT, "", 0, 0},
    [SET_INSECURE] = {"insecure", KIND_BOOL, "false", 0, 0},
    [SET_SAFE] = {"safe", KIND_BOOL, "false", 0, 0},
    [SET_LOG] = {"log", KIND_TEXT, "info", 0, 0},
    [SET_LOG_JSON] = {"log_json", KIND_BOOL, "false", 0, 0},
    [SET_NODE] = {"node", KIND_INT, "0", 0, 1023},
    [SET_EXECUTORS] = {"executors", KIND_INT, "0", 0, 8},
    [SET_READERS] = {"readers", KIND_INT, "2", 1, 8},
    [SET_OUTGOING_ALLOW] = {"outgoing_allow", KIND_LIST, "", 0, 0},
    [SET_OUTGOING_CA] = {"outgoing_ca", KIND_TEXT, "", 0, 0},
    [SET_OUTGOING_PROXY] = {"outgoing_proxy", KIND_TEXT, "", 0, 0},
    [SET_OUTGOING_PROXY_USER] = {"outgoing_proxy_user", KIND_TEXT, "", 0, 0},
    [SET_OUTGOING_PROXY_PASSWORD_FILE] = {"outgoing_proxy_password_file", KIND_TEXT, "", 0, 0},
    [SET_SMTP_URL] = {"smtp_url", KIND_TEXT, "", 0, 0},
    [SET_SMTP_USER] = {"smtp_user", KIND_TEXT, "", 0, 0},
    [SET_SMTP_PASSWORD_FILE] = {"smtp_password_file", KIND_TEXT, "", 0, 0},
    [SET_SMTP_PLAIN] = {"smtp_plain", KIND_BOOL, "false", 0, 0},
    [SET_MAIL_FROM] = {"mail_from", KIND_TEXT, "", 0, 0},
    [SET_WEBHOOK_SCHEDULE] = {"webhook_schedule", KIND_LIST, "", 0, 0},
    [SET_WEBHOOK_TIMEOUT] = {"webhook_timeout", KIND_TEXT, "15s", 0, 0},
    [SET_WEBHOOK_DISABLE_AFTER] = {"webhook_disable_after", KIND_TEXT, "5d", 0, 0},
    [SET_FLOW_KEEP_JOURNAL] = {"flow_keep_journal", KIND_TEXT, "90d", 0, 0},
    [SET_FLOW_KEEP_RUN] = {"flow_keep_run", KIND_TEXT, "365d", 0, 0},
    [SET_FILE_MAX_MB] = {"file_max_mb", KIND_INT, "64", 1, 4096},
    [SET_FILE_QUOTA_MB] = {"file_quota_mb", KIND_INT, "102400", 1, 1 << 30},
    [SET_FILE_TYPES] = {"file_types", KIND_LIST, "", 0, 0},
    [SET_FILE_KEEP] = {"file_keep", KIND_TEXT, "30d", 0, 0},
    [SET_FILES_PER_RECORD] = {"files_per_record", KIND_INT, "1000", 1, 100000},
};

struct str config_text(const struct config *config, enum setting setting)
{
    const struct value *value = &config->values[setting];
    return value->kind == VALUE_TEXT ? value->text : STR("");
}

bool config_bool(const struct config *config, enum setting setting)
{
    return config->values[setting].kind == VALUE_BOOL && config->values[setting].boolean;
}

int64_t config_int(const struct config *config, enum setting setting)
{
    return config->values[setting].kind == VALUE_INT ? config->values[setting].integer : 0;
}

static enum err wrong(enum setting setting, const char *from, struct str found, const char *wanted,
                      struct error *error)
{
    char value[120];
    snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(found));
    return error_at(error, ERR_CONFIG, from, value, "%s must be %s", settings[setting].name,
                    wanted);
}

static enum err set_int(struct config *config, enum setting setting, const char *from,
                        int64_t number, struct error *error)
{
    if (number < settings[setting].min || number > settings[setting].max) {
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "%lld to %lld", (long long)settings[setting].min,
                 (long long)settings[setting].max);
        return wrong(setting, from, arena_printf(&config->arena, "%lld", (long long)number), wanted,
                     error);
    }
    config->values[setting] = value_int(number);
    return OK;
}

/* Text as flags and the environment give it; a list has commas. */
static enum err set_text(struct config *config, enum setting setting, const char *from,
                         struct str text, struct error *error)
{
    struct value *value = &config->values[setting];
    int64_t number = 0;
    config->from[setting] = from;
    switch (settings[setting].kind) {
    case KIND_TEXT:
        *value = value_text(arena_str(&config->arena, text));
        return OK;
    case KIND_BOOL:
        if (!str_is(text, "true") && !str_is(text, "false") && !str_is(text, "1") &&
            !str_is(text, "0") && text.len > 0) {
            return wrong(setting, from, text, "true or false", error);
        }
        *value = value_bool(text.len == 0 || str_is(text, "true") || str_is(text, "1"));
        return OK;
    case KIND_INT:
        if (str_to_int64(text, &number) != OK) {
            return wrong(setting, from, text, "a whole number", error);
        }
        return set_int(config, setting, from, number, error);
    case KIND_LIST:
        break;
    }
    struct str rest = text;
    struct str part;
    if (value->kind != VALUE_LIST) {
        *value = value_list_new();
    }
    while (str_split(&rest, ',', &part)) {
        if (str_trim(part).len > 0) {
            value_push(&config->arena, value,
                       value_text(arena_str(&config->arena, str_trim(part))));
        }
    }
    return OK;
}

static const char settings_file[] = "proxenos.lua";

static enum err set_list(struct config *config, enum setting setting, const struct value *given,
                         struct error *error)
{
    config->values[setting] = value_list_new();
    config->from[setting] = settings_file;
    for (size_t i = 0; given->kind == VALUE_LIST && i < given->list.count; i++) {
        if (given->list.items[i].kind != VALUE_TEXT) {
            return wrong(setting, settings_file, STR(""), "a list of names", error);
        }
        value_push(&config->arena, &config->values[setting],
                   value_copy(&config->arena, &given->list.items[i]));
    }
    return OK;
}

static enum err set_value(struct config *config, enum setting setting, const struct value *given,
                          struct error *error)
{
    const char *from = settings_file;
    bool list = given->kind == VALUE_LIST || (given->kind == VALUE_MAP && given->map.count == 0);
    if (settings[setting].kind == KIND_LIST && list) {
        return set_list(config, setting, given, error);
    }
    if (settings[setting].kind == KIND_INT && given->kind == VALUE_INT) {
        config->from[setting] = from;
        return set_int(config, setting, from, given->integer, error);
    }
    if (settings[setting].kind == KIND_BOOL && given->kind == VALUE_BOOL) {
        config->from[setting] = from;
        config->values[setting] = *given;
        return OK;
    }
    if (settings[setting].kind == KIND_TEXT && given->kind == VALUE_TEXT) {
        return set_text(config, setting, from, given->text, error);
    }
    static const char *const wanted[] = {"text", "true or false", "a whole number",
                                         "a list of names"};
    return wrong(setting, from, str_from(value_kind_name(given)), wanted[settings[setting].kind],
                 error);
}

static enum err find_setting(struct str name, char separator, const char *from, enum setting *out,
                             struct error *error)
{
    struct str names[SET_COUNT];
    char flags[SET_COUNT][32];
    for (size_t i = 0; i < SET_COUNT; i++) {
        snprintf(flags[i], sizeof(flags[i]), "%s", settings[i].name);
        for (char *c = strchr(flags[i], '_'); c != NULL; c = strchr(c + 1, '_')) {
            *c = separator;
        }
        names[i] = str_from(flags[i]);
        if (str_eq(name, names[i])) {
            *out = (enum setting)i;
            return OK;
        }
    }
    struct str nearest = text_nearest(name, names, SET_COUNT);
    error_at(error, ERR_CONFIG, from, NULL, "there is no setting \"" STR_FORMAT "\"",
             STR_ARGS(name));
    if (error != NULL) {
        snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
    }
    return ERR_CONFIG;
}

static enum err load_file(struct config *config, const char *folder, struct error *error)
{
    struct str path = arena_printf(&config->arena, "%s/proxenos.lua", folder);
    FILE *file = fopen(path.at, "rb");
    if (file == NULL) {
        return errno == ENOENT ? OK
                               : error_set(error, ERR_CONFIG, "%s cannot be read: %s", path.at,
                                           strerror(errno));
    }
    char *text = arena_alloc(&config->arena, CONFIG_BYTES_MAX);
    size_t len = fread(text, 1, CONFIG_BYTES_MAX, file);
    fclose(file);
    struct value tree;
    enum err err = lua_read_data(&config->arena, "proxenos.lua", (struct str){text, len},
                                 ERR_CONFIG, &tree, error);
    for (size_t i = 0; err == OK && tree.kind == VALUE_MAP && i < tree.map.count; i++) {
        const struct value_entry *entry = &tree.map.entries[i];
        if (str_is(entry->key, "config")) {
            config->plugins = entry->value;
            continue;
        }
        enum setting setting;
        err = find_setting(entry->key, '_', "proxenos.lua", &setting, error);
        if (err == OK) {
            err = set_value(config, setting, &entry->value, error);
        }
    }
    return err;
}

static enum err load_variable(struct config *config, enum setting setting, struct error *error)
{
    struct str name = arena_printf(&config->arena, "PROXENOS_%s", settings[setting].name);
    char *upper = arena_cstr(&config->arena, name);
    for (char *c = upper; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
    const char *text = getenv(upper);
    if (text == NULL) {
        return OK;
    }
    if (settings[setting].kind == KIND_LIST) {
        config->values[setting] = value_null();
    }
    return set_text(config, setting, upper, str_from(text), error);
}

static enum err load_environment(struct config *config, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < SET_COUNT && err == OK; i++) {
        err = load_variable(config, (enum setting)i, error);
    }
    return err;
}

static enum err load_flags(struct config *config, int count, char **flags, struct error *error)
{
    for (int i = 0; i < count; i++) {
        struct str flag = str_from(flags[i]);
        if (!str_starts(flag, STR("--"))) {
            return error_set(error, ERR_CONFIG, "serve takes options only, not \"%s\"", flags[i]);
        }
        struct str name = str_sub(flag, 2, flag.len);
        struct str text = {NULL, 0};
        size_t equals = 0;
        if (str_find(name, STR("="), &equals)) {
            text = str_sub(name, equals + 1, name.len);
            name = str_sub(name, 0, equals);
        }
        enum setting setting = SET_COUNT;
        bool data = str_is(name, "data");
        enum err err = data ? OK : find_setting(name, '-', flags[i], &setting, error);
        if (err != OK) {
            return err;
        }
        bool boolean = !data && settings[setting].kind == KIND_BOOL;
        if (text.at == NULL && !boolean) {
            text = i + 1 < count ? str_from(flags[i + 1]) : text;
        }
        if (text.at == NULL && !boolean) {
            return error_set(error, ERR_CONFIG, "%s wants a value", flags[i]);
        }
        const char *from = arena_printf(&config->arena, "--" STR_FORMAT, STR_ARGS(name)).at;
        bool again = !data && settings[setting].kind == KIND_LIST &&
                     config->from[setting] != NULL && strcmp(config->from[setting], from) == 0;
        if (!data && settings[setting].kind == KIND_LIST && !again) {
            config->values[setting] = value_null();
        }
        err = data ? OK : set_text(config, setting, from, text, error);
        if (err != OK) {
            return err;
        }
        i += str_find(flag, STR("="), &equals) || boolean ? 0 : 1;
    }
    return OK;
}

void config_init(struct config *config)
{
    *config = (struct config){.plugins = value_map_new()};
    arena_init(&config->arena);
    for (size_t i = 0; i < SET_COUNT; i++) {
        enum err err =
            set_text(config, (enum setting)i, "default", str_from(settings[i].otherwise), NULL);
        ASSERT(err == OK);
    }
}

void config_deinit(struct config *config)
{
    arena_deinit(&config->arena);
}

enum err config_load(struct config *config, const char *folder, int count, char **flags,
                     struct error *error)
{
    enum err err = load_file(config, folder, error);
    if (err == OK) {
        err = load_environment(config, error);
    }
    return err == OK ? load_flags(config, count, flags, error) : err;
}

void config_write(const struct config *config, struct buf *out)
{
    struct arena arena;
    arena_init(&arena);
    struct value rows = value_list_new();
    for (size_t i = 0; i < SET_COUNT; i++) {
        struct value row = value_map_new();
        value_put_c(&arena, &row, "name", value_text(str_from(settings[i].name)));
        value_put_c(&arena, &row, "value", config->values[i]);
        value_put_c(&arena, &row, "from", value_text(str_from(config->from[i])));
        value_push(&arena, &rows, row);
    }
    json_encode(out, &rows);
    arena_deinit(&arena);
}
