/* When an outside call is tried again: options, codes, delays, keys. Pure; any thread. */
#include "options.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_time.h"
#include "proxenos/flow_call.h"

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    TIMEOUT_MS_MAX = 24 * HOUR_MS,
    KEY_BYTES_SHOWN = FLOW_CALL_KEY_LEN / 2,
};
static const int64_t day_ms = 24LL * HOUR_MS;
static const int64_t within_ms_max = 366LL * 24 * HOUR_MS;

/* ---- options ---- */

static enum err wrong(struct error *error, const char *field, const char *what)
{
    return flow_option_wrong("flow:call", field, what, error);
}

static enum err read_duration(const struct value *map, const char *name, const char *field,
                              int64_t most_ms, int64_t *out_ms, struct error *error)
{
    const struct value *value = value_get_c(map, name);
    struct duration duration = {0};
    char what[160];
    if (value == NULL) {
        return OK;
    }
    bool good = value->kind == VALUE_TEXT && duration_parse(value->text, &duration) == OK &&
                duration.months == 0 && duration.days >= 0 && duration.days <= 366 &&
                duration.ms >= 0 && duration.ms <= within_ms_max;
    int64_t ms = duration.days * day_ms + duration.ms;
    if (!good || ms < 1 || ms > most_ms) {
        (void)snprintf(what, sizeof(what), "%s is a duration (\"30s\", \"15m\") of at most %lld s",
                       field, (long long)(most_ms / SECOND_MS));
        return wrong(error, field, what);
    }
    *out_ms = ms;
    return OK;
}

static enum err add_never(struct flow_call_policy *policy, const struct value *code,
                          struct error *error)
{
    char text[40] = "";
    if (code->kind == VALUE_TEXT) {
        (void)snprintf(text, sizeof(text), STR_FORMAT, STR_ARGS(code->text));
    }
    enum err err = err_from_code(text);
    if (err == ERR_COUNT || err == OK) {
        return wrong(error, "retry.never",
                     "never is a list of error codes, as { \"forbidden\", \"gone\" }");
    }
    if (policy->never_count == FLOW_CALL_NEVER_MAX) {
        return wrong(error, "retry.never", "there are too many codes");
    }
    policy->never[policy->never_count++] = err;
    return OK;
}

static enum err read_never(const struct value *retry, struct flow_call_policy *policy,
                           struct error *error)
{
    const struct value *never = value_get_c(retry, "never");
    enum err err = OK;
    if (never == NULL || (never->kind == VALUE_MAP && never->map.count == 0)) {
        return OK;
    }
    if (never->kind != VALUE_LIST) {
        return add_never(policy, never, error);
    }
    for (size_t i = 0; i < never->list.count && err == OK; i++) {
        err = add_never(policy, &never->list.items[i], error);
    }
    return err;
}

static enum err read_retry(const struct value *options, struct flow_call_policy *policy,
                           struct error *error)
{
    static const char *const names[] = {"times", "first", "max", "never"};
    const struct value *retry = value_get_c(options, "retry");
    if (retry == NULL) {
        return OK;
    }
    if (retry->kind != VALUE_MAP) {
        return wrong(error, "retry", "retry is { times = 20, first = \"1s\", max = \"10m\" }");
    }
    const struct value *times = value_get_c(retry, "times");
    enum err err = flow_options_known("flow:call", retry, names, COUNT_OF(names), "retry", error);
    if (err == OK && times != NULL &&
        (times->kind != VALUE_INT || times->integer < 0 ||
         times->integer > FLOW_CALL_RETRIES_MAX)) {
        err = wrong(error, "retry.times", "times is a whole number up to 1000; 0: tried once");
    }
    policy->retries = times != NULL && err == OK ? (int)times->integer : policy->retries;
    if (err == OK) {
        err = read_duration(retry, "first", "retry.first", day_ms, &policy->first_ms, error);
    }
    if (err == OK) {
        err = read_duration(retry, "max", "retry.max", 7 * day_ms, &policy->max_ms, error);
    }
    return err == OK ? read_never(retry, policy, error) : err;
}

enum err flow_call_policy_read(const struct value *options, struct flow_call_policy *out_policy,
                               struct error *error)
{
    static const char *const names[] = {"retry", "timeout", "heartbeat", "within"};
    struct flow_call_policy policy = {.retries = FLOW_CALL_RETRIES,
                                      .first_ms = SECOND_MS,
                                      .max_ms = 10LL * MINUTE_MS,
                                      .timeout_ms = MINUTE_MS};
    enum err err = OK;
    if (options->kind == VALUE_MAP) {
        err = flow_options_known("flow:call", options, names, COUNT_OF(names), "", error);
    } else if (options->kind != VALUE_NULL) {
        err = wrong(error, "", "options are one table, before the function");
    }
    if (err == OK) {
        err = read_retry(options, &policy, error);
    }
    if (err == OK) {
        err =
            read_duration(options, "timeout", "timeout", TIMEOUT_MS_MAX, &policy.timeout_ms, error);
    }
    if (err == OK) {
        err = read_duration(options, "heartbeat", "heartbeat", TIMEOUT_MS_MAX, &policy.heartbeat_ms,
                            error);
    }
    if (err == OK) {
        err = read_duration(options, "within", "within", within_ms_max, &policy.within_ms, error);
    }
    if (err == OK) {
        *out_policy = policy;
    }
    return err;
}

/* ---- deciding ---- */

bool flow_call_may_pass(const struct flow_call_policy *policy, enum err err)
{
    bool never = false;
    for (size_t i = 0; i < policy->never_count; i++) {
        never = never || policy->never[i] == err;
    }
    return !never && err_retry(err);
}

/* Half of it by chance, so that many that failed together do not come back together. */
int64_t flow_call_delay_ms(const struct flow_call_policy *policy, int attempt, uint64_t salt)
{
    int64_t delay_ms = policy->first_ms;
    unsigned char hash[HASH_BYTES];
    uint64_t parts[] = {salt, (uint64_t)attempt};
    uint64_t drawn = 0;
    for (int i = 1; i < attempt && delay_ms < policy->max_ms; i++) {
        delay_ms *= 2;
    }
    delay_ms = MIN(delay_ms, policy->max_ms);
    hash_of(parts, sizeof(parts), hash);
    memcpy(&drawn, hash, sizeof(drawn));
    return MAX(1, delay_ms / 2 + (int64_t)(drawn % (uint64_t)(delay_ms / 2 + 1)));
}

void flow_call_key(int64_t run, int64_t generation, int64_t seq, char out[FLOW_CALL_KEY_LEN + 1])
{
    unsigned char hash[HASH_BYTES];
    int64_t parts[] = {run, generation, seq};
    struct buf text;
    hash_of(parts, sizeof(parts), hash);
    buf_init(&text);
    hex_encode(&text, hash, KEY_BYTES_SHOWN);
    memcpy(out, text.at, FLOW_CALL_KEY_LEN);
    out[FLOW_CALL_KEY_LEN] = '\0';
    buf_deinit(&text);
}
