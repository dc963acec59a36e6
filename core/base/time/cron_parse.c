/* Cron expressions as text: five fields, or a word with an at sign. Any thread. */
#include "proxenos/base_cron.h"
#include "proxenos/base_time.h"

enum { FIELD_COUNT = 5, NAMES_MAX = 12, NUMBER_MAX = 10000 };

static const struct cron_field {
    const char *name;
    int low, high;
    const char *names[NAMES_MAX + 1]; /* of the values from `low` on */
} fields[FIELD_COUNT] = {
    {"minute", 0, 59, {NULL}},
    {"hour", 0, 23, {NULL}},
    {"day of the month", 1, 31, {NULL}},
    {"month",
     1,
     12,
     {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL}},
    {"day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL}},
};

static const char *const words[][2] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                                       {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                                       {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                                       {"@annually", "0 0 1 1 *"}};

struct reading {
    struct str whole, rest; /* of the field under way */
    const struct cron_field *field;
    struct error *error;
};

static enum err refuse(const struct reading *reading, const char *reason)
{
    size_t at = (size_t)(reading->rest.at - reading->whole.at) + 1;
    char place[48];
    snprintf(place, sizeof(place), "character %zu", at);
    return error_at(reading->error, ERR_INVALID, place, NULL,
                    "cron \"" STR_FORMAT "\": %s, at character %zu: %s",
                    STR_ARGS(str_sub(reading->whole, 0, CRON_TEXT_MAX)), reading->field->name, at,
                    reason);
}

static bool take(struct reading *reading, char c)
{
    if (reading->rest.len == 0 || reading->rest.at[0] != c) {
        return false;
    }
    reading->rest = str_sub(reading->rest, 1, reading->rest.len);
    return true;
}

static bool take_number(struct reading *reading, int *out_number)
{
    size_t len = 0;
    int number = 0;
    while (len < reading->rest.len && reading->rest.at[len] >= '0' &&
           reading->rest.at[len] <= '9' && number < NUMBER_MAX) {
        number = number * 10 + (reading->rest.at[len++] - '0');
    }
    reading->rest = str_sub(reading->rest, len, reading->rest.len);
    *out_number = number;
    return len > 0;
}

/* A number or a name, which must lie in the field's range. */
static enum err take_value(struct reading *reading, int *out_value)
{
    const struct cron_field *field = reading->field;
    struct reading before = *reading;
    char reason[96];
    for (int i = 0; field->names[i] != NULL; i++) {
        struct str name = str_from(field->names[i]);
        if (str_eq_nocase(str_sub(reading->rest, 0, name.len), name)) {
            reading->rest = str_sub(reading->rest, name.len, reading->rest.len);
            *out_value = field->low + i;
            return OK;
        }
    }
    if (!take_number(reading, out_value)) {
        return refuse(reading, field->names[0] != NULL ? "a number or a name of three letters is "
                                                         "missing"
                                                       : "a number is missing");
    }
    if (*out_value < field->low || *out_value > field->high) {
        snprintf(reason, sizeof(reason), "%d is not %d to %d", *out_value, field->low, field->high);
        return refuse(&before, reason);
    }
    return OK;
}

static enum err take_step(struct reading *reading, int *out_step)
{
    struct reading before = *reading;
    *out_step = 1;
    if (!take(reading, '/')) {
        return OK;
    }
    if (!take_number(reading, out_step) || *out_step < 1 || *out_step > reading->field->high) {
        return refuse(&before, "a step is 1 or more, and not more than the field has");
    }
    return OK;
}

/* "*", "5", "1-5", each with "/2" behind; "5/2" means from 5 on. */
static enum err take_part(struct reading *reading, uint64_t *bits)
{
    const struct cron_field *field = reading->field;
    struct reading before = *reading;
    int from = field->low;
    int to = field->high;
    int step = 1;
    bool star = take(reading, '*');
    bool range = star;
    enum err err = star ? OK : take_value(reading, &from);
    if (err == OK && !star && take(reading, '-')) {
        range = true;
        err = take_value(reading, &to);
    }
    struct str behind = reading->rest;
    if (err == OK) {
        err = take_step(reading, &step);
    }
    if (err != OK) {
        return err;
    }
    if (!range && reading->rest.at == behind.at) {
        to = from;
    }
    if (from > to) {
        return refuse(&before, "the range ends before it begins");
    }
    for (int value = from; value <= to; value += step) {
        *bits |= (uint64_t)1 << value;
    }
    return OK;
}

static enum err take_field(struct reading *reading, uint64_t *out_bits, bool *out_star)
{
    *out_bits = 0;
    *out_star = reading->rest.len > 0 && reading->rest.at[0] == '*';
    do {
        enum err err = take_part(reading, out_bits);
        if (err != OK) {
            return err;
        }
    } while (take(reading, ','));
    if (reading->rest.len > 0) {
        return refuse(reading, "this does not belong here");
    }
    return OK;
}

static enum err split(struct str text, struct reading readings[FIELD_COUNT], struct error *error)
{
    size_t at = 0;
    int count = 0;
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && text.at[end] != ' ' && text.at[end] != '\t') {
            end++;
        }
        if (end > at && count < FIELD_COUNT) {
            readings[count] = (struct reading){.whole = text,
                                               .rest = str_sub(text, at, end - at),
                                               .field = &fields[count],
                                               .error = error};
        }
        count += end > at ? 1 : 0;
        at = end + 1;
    }
    if (count != FIELD_COUNT) {
        (void)error_set(error, ERR_INVALID,
                        "cron \"" STR_FORMAT "\": five fields are wanted (minute hour day month "
                        "weekday), there %s %d",
                        STR_ARGS(str_sub(text, 0, CRON_TEXT_MAX)), count == 1 ? "is" : "are",
                        count);
        return ERR_INVALID;
    }
    return OK;
}

static enum err expand(struct str text, struct str *out_text, struct error *error)
{
    *out_text = text;
    if (!str_starts(text, STR("@"))) {
        return OK;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq_nocase(text, str_from(words[i][0]))) {
            *out_text = str_from(words[i][1]);
            return OK;
        }
    }
    return error_set(error, ERR_INVALID,
                     "cron \"" STR_FORMAT "\": there are @hourly, @daily, @weekly, @monthly and "
                     "@yearly",
                     STR_ARGS(str_sub(text, 0, CRON_TEXT_MAX)));
}

enum err cron_parse(struct str text, struct cron *out_cron, struct error *error)
{
    struct reading readings[FIELD_COUNT];
    uint64_t bits[FIELD_COUNT];
    bool star[FIELD_COUNT];
    if (text.len > CRON_TEXT_MAX) {
        return error_set(error, ERR_INVALID, "a cron expression has at most %d characters",
                         CRON_TEXT_MAX);
    }
    enum err err = expand(str_trim(text), &text, error);
    if (err == OK) {
        err = split(text, readings, error);
    }
    for (int i = 0; err == OK && i < FIELD_COUNT; i++) {
        err = take_field(&readings[i], &bits[i], &star[i]);
    }
    if (err != OK) {
        return err;
    }
    uint32_t all_hours = (1u << 24) - 1;
    uint32_t weekdays = (uint32_t)bits[4];
    struct cron cron = {.minutes = bits[0],
                        .hours = (uint32_t)bits[1],
                        .days = (uint32_t)bits[2],
                        .months = (uint32_t)bits[3],
                        .weekdays = (weekdays | weekdays >> 7) & 0x7f,
                        .any_day = star[2],
                        .any_weekday = star[4],
                        .every_hour = (uint32_t)bits[1] == all_hours};
    int64_t first = 0;
    if (cron_next(&cron, "UTC", 0, &first) != OK) {
        return error_set(error, ERR_INVALID, "cron \"" STR_FORMAT "\": there is no such day",
                         STR_ARGS(text));
    }
    *out_cron = cron;
    return OK;
}
