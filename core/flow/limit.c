/* How many runs of a flow may go on at once, and how many may begin in a time: as px.flow is told.
 * Pure; any thread. */
#include "options.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"
#include "proxenos/flow_limit.h"

static const int64_t day_ms = 86400000;

static enum err wrong(struct error *error, const char *field, const char *what)
{
    return flow_option_wrong("px.flow", field, what, error);
}

static enum err read_max(const struct value *map, const char *field, int64_t *out_max,
                         struct error *error)
{
    const struct value *most = value_get_c(map, "max");
    if (most == NULL || most->kind != VALUE_INT || most->integer < 1 ||
        most->integer > FLOW_LIMIT_MAX) {
        return wrong(error, field, "max is a whole number from 1 to 10000");
    }
    *out_max = most->integer;
    return OK;
}

static enum err read_key(const struct value *map, const char *field, struct str *out_key,
                         struct error *error)
{
    const struct value *key = value_get_c(map, "key");
    if (key == NULL) {
        return OK;
    }
    if (key->kind != VALUE_TEXT || key->text.len == 0 || key->text.len > FLOW_LIMIT_PATH_MAX) {
        return wrong(error, field, "key is a path into the flow's input, as \"client\"");
    }
    *out_key = key->text;
    return OK;
}

static enum err read_concurrency(const struct value *given, struct flow_limit *limit,
                                 struct error *error)
{
    static const char *const names[] = {"key", "max"};
    if (given->kind != VALUE_MAP) {
        return wrong(error, "concurrency", "concurrency is { max = 1, key = \"client\" }");
    }
    enum err err =
        flow_options_known("px.flow", given, names, COUNT_OF(names), "concurrency", error);
    if (err == OK) {
        err = read_max(given, "concurrency.max", &limit->most, error);
    }
    return err == OK ? read_key(given, "concurrency.key", &limit->key, error) : err;
}

static enum err read_rate(const struct value *given, struct flow_limit *limit, struct error *error)
{
    static const char *const names[] = {"key", "max", "per"};
    struct duration per = {0};
    if (given->kind != VALUE_MAP) {
        return wrong(error, "rate", "rate is { max = 100, per = \"1m\" }");
    }
    enum err err = flow_options_known("px.flow", given, names, COUNT_OF(names), "rate", error);
    if (err == OK) {
        err = read_max(given, "rate.max", &limit->rate, error);
    }
    if (err != OK) {
        return err;
    }
    bool good = duration_parse(value_get_text(given, "per", STR("")), &per) == OK &&
                per.months == 0 && per.days >= 0 && per.days <= 366 && per.ms >= 0;
    limit->per_ms = per.days * day_ms + per.ms;
    if (!good || limit->per_ms < limit->rate || limit->per_ms > 366 * day_ms) {
        return wrong(error, "rate.per",
                     "per is a duration, \"1m\", of a year at most and of a millisecond for each "
                     "run at least");
    }
    return read_key(given, "rate.key", &limit->rate_key, error);
}

enum err flow_limit_read(const struct value *options, struct flow_limit *out_limit,
                         struct error *error)
{
    static const char *const names[] = {"concurrency", "rate"};
    struct flow_limit limit = {.key = STR(""), .rate_key = STR("")};
    enum err err = OK;
    if (options->kind == VALUE_MAP) {
        err = flow_options_known("px.flow", options, names, COUNT_OF(names), "", error);
    } else if (options->kind != VALUE_NULL) {
        err = wrong(error, "", "options are one table, before the function");
    }
    const struct value *concurrency = value_get_c(options, "concurrency");
    const struct value *rate = value_get_c(options, "rate");
    if (err == OK && concurrency != NULL) {
        err = read_concurrency(concurrency, &limit, error);
    }
    if (err == OK && rate != NULL) {
        err = read_rate(rate, &limit, error);
    }
    if (err == OK) {
        *out_limit = limit;
    }
    return err;
}

bool flow_limit_is_any(const struct flow_limit *limit)
{
    return limit->most > 0 || limit->rate > 0;
}

struct str flow_limit_key(const struct value *input, struct str path, struct arena *arena)
{
    struct buf text;
    const struct value *found = path.len == 0 ? NULL : value_path(input, arena_cstr(arena, path));
    if (found == NULL || found->kind == VALUE_NULL) {
        return STR("");
    }
    buf_init(&text);
    if (found->kind == VALUE_TEXT) {
        buf_append_str(&text, found->text);
    } else {
        json_encode(&text, found);
    }
    struct str key = arena_str(arena, str_sub(buf_str(&text), 0, FLOW_KEY_MAX));
    buf_deinit(&text);
    return key;
}

/* As many as may at once, then evenly: the moment at which the burst before it is made good. */
int64_t flow_limit_begin_ms(const struct flow_limit *limit, int64_t now_ms, int64_t *inout_full_ms)
{
    int64_t each_ms = MAX(1, limit->per_ms / limit->rate);
    int64_t full_ms = MAX(*inout_full_ms, now_ms) + each_ms;
    *inout_full_ms = full_ms;
    return MAX(now_ms, full_ms - limit->rate * each_ms);
}
