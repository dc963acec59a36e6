/* Functions on texts and lists, and values as text. Any thread. */
#include "proxenos/base_env.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

#include "../real.h"

#include "internal.h"

enum err expr_make_text(struct expr_run *run, struct str text, struct value *out_value)
{
    if (text.len > EXPR_TEXT_MAX - run->text_bytes) {
        return expr_fail(run, ERR_LIMIT, "the texts made here are longer than %d bytes",
                         EXPR_TEXT_MAX);
    }
    run->text_bytes += text.len;
    *out_value = value_text(arena_str(run->arena, text));
    return OK;
}

static void append_money(struct buf *out, const struct value *money)
{
    int digits = currency_digits(str_from(money->currency));
    decimal_format(out, money->integer, MAX(digits, 0));
    buf_printf(out, " %s", money->currency);
}

static void append_real(struct buf *out, const struct value *real)
{
    char text[REAL_TEXT_MAX];
    if (real->raw.len > 0) {
        buf_append_str(out, real->raw);
    } else {
        buf_append(out, text, real_to_text(real->real, text));
    }
}

static bool append_moment(struct buf *out, const struct value *moment)
{
    if (!expr_in_calendar(moment)) {
        return false;
    }
    if (moment->kind == VALUE_DATE) {
        date_format(out, moment->integer);
    } else {
        time_format(out, moment->integer);
    }
    return true;
}

bool expr_append_text(struct buf *out, const struct value *value)
{
    char id[ID_TEXT_LEN + 1];
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        buf_append_str(out, value->boolean ? STR("true") : STR("false"));
        return true;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)value->integer);
        return true;
    case VALUE_REAL:
        append_real(out, value);
        return true;
    case VALUE_TEXT:
        buf_append_str(out, value->text);
        return true;
    case VALUE_ID:
        id_format(value->integer, id);
        buf_append(out, id, ID_TEXT_LEN);
        return true;
    case VALUE_DECIMAL:
        decimal_format(out, value->integer, MIN(value->scale, DECIMAL_SCALE_MAX));
        return true;
    case VALUE_MONEY:
        append_money(out, value);
        return true;
    case VALUE_DATE:
    case VALUE_TIME:
        return append_moment(out, value);
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_BYTES:
        return false;
    }
    return false;
}

static enum err need_text(const struct expr_run *run, const struct value *value)
{
    return value->kind == VALUE_TEXT
               ? OK
               : expr_fail(run, ERR_TYPE, "expected a text, found %s", value_kind_name(value));
}

enum err expr_call_length(struct expr_run *run, const struct value *arguments, size_t count,
                          struct value *out_value)
{
    (void)count;
    if (arguments[0].kind == VALUE_LIST) {
        *out_value = value_int((int64_t)arguments[0].list.count);
        return OK;
    }
    if (arguments[0].kind != VALUE_TEXT) {
        return expr_fail(run, ERR_TYPE, "expected a text or a list, found %s",
                         value_kind_name(&arguments[0]));
    }
    *out_value = value_int((int64_t)utf8_count(arguments[0].text));
    return OK;
}

static enum err change(struct expr_run *run, const struct value *value,
                       void (*fn)(struct buf *out, struct str text), struct value *out_value)
{
    enum err err = need_text(run, value);
    if (err != OK) {
        return err;
    }
    struct buf text;
    buf_init(&text);
    fn(&text, value->text);
    err = expr_make_text(run, buf_str(&text), out_value);
    buf_deinit(&text);
    return err;
}

enum err expr_call_lower(struct expr_run *run, const struct value *arguments, size_t count,
                         struct value *out_value)
{
    (void)count;
    return change(run, &arguments[0], text_lower, out_value);
}

enum err expr_call_upper(struct expr_run *run, const struct value *arguments, size_t count,
                         struct value *out_value)
{
    (void)count;
    return change(run, &arguments[0], text_upper, out_value);
}

enum err expr_call_trim(struct expr_run *run, const struct value *arguments, size_t count,
                        struct value *out_value)
{
    (void)count;
    enum err err = need_text(run, &arguments[0]);
    *out_value = err == OK ? value_text(str_trim(arguments[0].text)) : value_null();
    return err;
}

/* A part of a text, or an item of a list. */
enum err expr_call_contains(struct expr_run *run, const struct value *arguments, size_t count,
                            struct value *out_value)
{
    (void)count;
    size_t at = 0;
    if (arguments[0].kind == VALUE_LIST) {
        return expr_comparison(run, TOKEN_IN, &arguments[1], &arguments[0], out_value);
    }
    enum err err = need_text(run, &arguments[0]);
    err = err == OK ? need_text(run, &arguments[1]) : err;
    if (err == OK) {
        *out_value = value_bool(str_find(arguments[0].text, arguments[1].text, &at));
    }
    return err;
}

enum err expr_call_starts(struct expr_run *run, const struct value *arguments, size_t count,
                          struct value *out_value)
{
    (void)count;
    enum err err = need_text(run, &arguments[0]);
    err = err == OK ? need_text(run, &arguments[1]) : err;
    if (err == OK) {
        *out_value = value_bool(str_starts(arguments[0].text, arguments[1].text));
    }
    return err;
}

enum err expr_call_is_null(struct expr_run *run, const struct value *arguments, size_t count,
                           struct value *out_value)
{
    (void)run;
    (void)count;
    *out_value = value_bool(arguments[0].kind == VALUE_NULL);
    return OK;
}
