/* The service's own log: one line per event on standard error. The levels and the sink are global
 * because every module logs; they are set before threads start. Writing: any thread. */
#include "proxenos/base_log.h"

#include <errno.h>
#include <unistd.h>

#include "json_scan.h"
#include "log_redact.h"
#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

enum {
    LOG_MODULES_MAX = 32,
    LOG_MODULE_NAME_MAX = 24,
    LOG_MESSAGE_BYTES_MAX = 3072,
    LOG_FIELDS_MAX = 32,
};

struct module_level {
    char name[LOG_MODULE_NAME_MAX + 1];
    enum log_level level;
};

static struct {
    enum log_level level; /* of modules that are not named */
    bool json;
    struct module_level modules[LOG_MODULES_MAX];
    size_t module_count;
    void (*sink)(void *context, struct str line);
    void *sink_context;
} log_state = {.level = LOG_INFO};

/* ---- levels ---- */

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

static bool level_from(struct str name, enum log_level *out_level)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_is(name, level_names[i])) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static enum err wrong_word(struct str word, struct error *error)
{
    char value[64];
    snprintf(value, sizeof(value), STR_FORMAT, (int)MIN(word.len, sizeof(value) - 1), word.at);
    return error_at(
        error, ERR_CONFIG, "log", value,
        "\"%s\" is not a log level: write one of debug, info, warn, error, off, and for "
        "one module module=level",
        value);
}

static enum err read_levels(struct str levels, struct error *error)
{
    struct str part;
    while (str_split(&levels, ',', &part)) {
        struct str level_name = str_trim(part);
        struct str module = {0};
        size_t equals;
        bool named = str_find(level_name, STR("="), &equals);
        if (named) {
            module = str_trim(str_sub(level_name, 0, equals));
            level_name = str_trim(str_sub(level_name, equals + 1, level_name.len));
        }
        enum log_level level;
        if (!level_from(level_name, &level) || (named && module.len == 0) ||
            module.len > LOG_MODULE_NAME_MAX) {
            return wrong_word(str_trim(part), error);
        }
        if (!named) {
            log_state.level = level;
            continue;
        }
        if (log_state.module_count == LOG_MODULES_MAX) {
            return error_at(error, ERR_CONFIG, "log", NULL, "at most %d modules can be named",
                            LOG_MODULES_MAX);
        }
        struct module_level *entry = &log_state.modules[log_state.module_count++];
        *entry = (struct module_level){.level = level};
        memcpy(entry->name, module.at, module.len);
    }
    return OK;
}

enum err log_configure(struct str levels, bool json, struct error *error)
{
    enum log_level before = log_state.level;
    size_t count_before = log_state.module_count;
    struct module_level modules_before[LOG_MODULES_MAX];
    memcpy(modules_before, log_state.modules, sizeof(modules_before));
    log_state.level = LOG_INFO;
    log_state.module_count = 0;
    enum err err = str_trim(levels).len == 0 ? OK : read_levels(levels, error);
    if (err != OK) {
        log_state.level = before;
        log_state.module_count = count_before;
        memcpy(log_state.modules, modules_before, sizeof(modules_before));
        return err;
    }
    log_state.json = json;
    return OK;
}

bool log_enabled(enum log_level level, const char *module)
{
    enum log_level least = log_state.level;
    for (size_t i = 0; i < log_state.module_count; i++) {
        if (strcmp(log_state.modules[i].name, module) == 0) {
            least = log_state.modules[i].level;
        }
    }
    return level >= least && level < LOG_OFF;
}

/* ---- the parts of a line ---- */

struct field {
    struct str key, value;
};

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Length of the `key` of a key=value that begins here; 0 when none does. */
static size_t key_len(struct str rest)
{
    size_t len = 0;
    while (len < rest.len && is_key_char(rest.at[len])) {
        len++;
    }
    return len > 0 && len < rest.len && rest.at[len] == '=' ? len : 0;
}

static size_t field_value_len(struct str rest)
{
    if (rest.len > 0 && rest.at[0] == '"') {
        size_t quote;
        return str_find(str_sub(rest, 1, rest.len), STR("\""), &quote) ? quote + 2 : rest.len;
    }
    size_t len = 0;
    while (len < rest.len && rest.at[len] != ' ') {
        len++;
    }
    return len;
}

/* The words in front of the first key=value are the message. A word among the pairs that is no pair
 * belongs to the value before it. */
static size_t split_fields(struct str text, struct str *out_message, struct field *fields)
{
    size_t at = 0;
    while (at < text.len &&
           ((at > 0 && text.at[at - 1] != ' ') || key_len(str_sub(text, at, text.len)) == 0)) {
        at++;
    }
    *out_message = str_trim(str_sub(text, 0, at));
    size_t count = 0;
    while (at < text.len) {
        struct str rest = str_sub(text, at, text.len);
        size_t len = key_len(rest);
        if (len > 0 && count < LOG_FIELDS_MAX) {
            size_t value_len = field_value_len(str_sub(rest, len + 1, rest.len));
            fields[count++] = (struct field){
                .key = str_sub(rest, 0, len),
                .value = str_sub(rest, len + 1, value_len),
            };
            at += len + 1 + value_len;
        } else {
            ASSERT(count > 0); /* the message ended where a pair begins */
            size_t word = MAX(field_value_len(rest), (size_t)1);
            struct str *value = &fields[count - 1].value;
            value->len = (size_t)(rest.at + word - value->at);
            at += word;
        }
        while (at < text.len && text.at[at] == ' ') {
            at++;
        }
    }
    return count;
}

static struct str without_quotes(struct str value)
{
    bool quoted = value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"';
    return quoted ? str_sub(value, 1, value.len - 2) : value;
}

/* ---- two ways to write ---- */

/* Controls and ill-formed bytes as \xNN: a value cannot begin a line of its own or move a
 * terminal's cursor. */
static void append_visible(struct buf *line, struct str text)
{
    const char *at = text.at, *end = text.at + text.len;
    while (at < end) {
        size_t len = utf8_step(at, end);
        unsigned char c = (unsigned char)*at;
        bool c1 = len == 2 && c == 0xC2 && (unsigned char)at[1] < 0xA0;
        if (len == 0 || c < 0x20 || c == 0x7F || c1) {
            buf_printf(line, c == '\n' ? "\\n" : "\\x%02x", c);
            at++;
        } else {
            buf_append(line, at, len);
            at += len;
        }
    }
}

static void write_plain(struct buf *line, enum log_level level, const char *module, struct str text)
{
    buf_append_str(line, STR("time="));
    time_format(line, env_real()->now_ms(env_real()));
    buf_printf(line, " level=%s module=%s ", level_names[level], module);
    struct field fields[LOG_FIELDS_MAX];
    struct str message;
    size_t count = split_fields(text, &message, fields);
    buf_append_str(line, STR("message=\""));
    struct str part;
    for (bool first = true; str_split(&message, '"', &part); first = false) {
        buf_append_str(line, first ? STR("") : STR("\\\""));
        append_visible(line, part);
    }
    buf_append_char(line, '"');
    for (size_t i = 0; i < count; i++) {
        buf_append_char(line, ' ');
        append_visible(line, fields[i].key);
        buf_append_char(line, '=');
        append_visible(line, fields[i].value);
    }
}

/* JSON text must be UTF-8: what is not becomes the replacement character. */
static void append_json_text(struct buf *line, struct str text)
{
    struct buf clean = {0};
    const char *at = text.at, *end = text.at + text.len;
    while (at < end) {
        size_t len = utf8_step(at, end);
        buf_append_str(&clean, len == 0 ? STR("\xEF\xBF\xBD") : (struct str){at, len});
        at += MAX(len, (size_t)1);
    }
    json_write_text(line, buf_str(&clean));
    buf_deinit(&clean);
}

static void append_json_value(struct buf *line, struct str value)
{
    int64_t number;
    bool leading_zero = value.len > 1 && (value.at[0] == '0' || str_starts(value, STR("-0")));
    if (!leading_zero && str_to_int64(value, &number) == OK) {
        json_write_int(line, number);
    } else {
        append_json_text(line, without_quotes(value));
    }
}

static bool is_reserved(struct str key)
{
    return str_is(key, "time") || str_is(key, "level") || str_is(key, "module") ||
           str_is(key, "message");
}

static void write_json(struct buf *line, enum log_level level, const char *module, struct str text)
{
    buf_append_str(line, STR("{\"time\":\""));
    time_format(line, env_real()->now_ms(env_real()));
    buf_printf(line, "\",\"level\":\"%s\",\"module\":\"%s\",\"message\":", level_names[level],
               module);
    struct field fields[LOG_FIELDS_MAX];
    struct str message;
    size_t count = split_fields(text, &message, fields);
    append_json_text(line, message);
    for (size_t i = 0; i < count; i++) {
        buf_append_str(line, STR(",\""));
        buf_append_str(line, fields[i].key);
        buf_append_str(line, is_reserved(fields[i].key) ? STR("_\":") : STR("\":"));
        append_json_value(line, fields[i].value);
    }
    buf_append_char(line, '}');
}

/* ---- out ---- */

static void write_out(struct str line)
{
    if (log_state.sink != NULL) {
        log_state.sink(log_state.sink_context, str_sub(line, 0, line.len - 1));
        return;
    }
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.at, line.len);
        if (written < 0 && errno != EINTR) {
            return; /* there is nowhere left to say it */
        }
        line = str_sub(line, (size_t)MAX(written, 0), line.len);
    }
}

void log_write(enum log_level level, const char *module, const char *format, ...)
{
    if (!log_enabled(level, module)) {
        return;
    }
    int errno_before = errno;
    struct buf message = {0}, safe = {0}, line = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&message, format, arguments);
    va_end(arguments);
    log_redact(&safe, buf_str(&message));
    struct str text = str_sub(buf_str(&safe), 0, LOG_MESSAGE_BYTES_MAX);
    if (log_state.json) {
        write_json(&line, level, module, text);
    } else {
        write_plain(&line, level, module, text);
    }
    buf_append_char(&line, '\n');
    write_out(buf_str(&line));
    buf_deinit(&message);
    buf_deinit(&safe);
    buf_deinit(&line);
    errno = errno_before;
}

void log_capture(void (*sink)(void *context, struct str line), void *context)
{
    log_state.sink = sink;
    log_state.sink_context = context;
}
