/* Values of iCalendar: kinds by libical's tables, rules, durations, offsets and periods by its
 * grammar, one value at a time, so that places stay ours and nothing of libical's outlives a call.
 * Pure. */
#include "ical.h"

#include <libical/ical.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "proxenos/base_time.h"

enum { VALUE_BYTES_MAX = 4096 }; /* of what libical is given */

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void)
{
    icalerror_set_errors_are_fatal(false);
}

void ical_start(void)
{
    (void)pthread_once(&started, start);
}

static icalvalue_kind find_kind(struct str name, struct str value_parameter)
{
    char word[64];
    ical_start();
    if (value_parameter.len > 0 && value_parameter.len < sizeof(word)) {
        (void)snprintf(word, sizeof(word), STR_FORMAT, STR_ARGS(value_parameter));
        for (char *at = word; *at != '\0'; at++) {
            *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
        }
        icalvalue_kind kind = icalvalue_string_to_kind(word);
        return kind == ICAL_NO_VALUE ? ICAL_X_VALUE : kind;
    }
    if (name.len >= sizeof(word)) {
        return ICAL_X_VALUE;
    }
    (void)snprintf(word, sizeof(word), STR_FORMAT, STR_ARGS(name));
    icalproperty_kind property = icalproperty_string_to_kind(word);
    return property == ICAL_NO_PROPERTY ? ICAL_X_VALUE : icalproperty_kind_to_value_kind(property);
}

enum ical_kind ical_kind_of(struct str name, struct str value_parameter)
{
    icalvalue_kind kind = find_kind(name, value_parameter);
    if (kind == ICAL_DATE_VALUE || kind == ICAL_DATETIME_VALUE || kind == ICAL_DATETIMEDATE_VALUE) {
        return ICAL_AS_DATE;
    }
    if (kind == ICAL_RECUR_VALUE || kind == ICAL_DURATION_VALUE || kind == ICAL_UTCOFFSET_VALUE ||
        kind == ICAL_PERIOD_VALUE || kind == ICAL_DATETIMEPERIOD_VALUE ||
        kind == ICAL_TRIGGER_VALUE) {
        return kind == ICAL_DATETIMEPERIOD_VALUE ? ICAL_AS_DATE : ICAL_AS_CHECKED;
    }
    if (kind == ICAL_INTEGER_VALUE || kind == ICAL_FLOAT_VALUE) {
        return ICAL_AS_NUMBER;
    }
    if (kind == ICAL_BOOLEAN_VALUE) {
        return ICAL_AS_BOOLEAN;
    }
    /* Unknown and X- properties are text in RFC 5545, but programs put anything there. */
    bool text = kind == ICAL_TEXT_VALUE || kind == ICAL_STRING_VALUE;
    return text ? ICAL_AS_TEXT : ICAL_AS_WRITTEN;
}

bool ical_is_list(struct str name)
{
    static const char *const lists[] = {"CATEGORIES", "RESOURCES", "EXDATE", "RDATE", "FREEBUSY"};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        if (str_eq_nocase(name, str_from(lists[i]))) {
            return true;
        }
    }
    return false;
}

bool ical_value_valid(struct str name, struct str value_parameter, struct str text)
{
    char copy[VALUE_BYTES_MAX];
    if (text.len == 0 || text.len >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    icalvalue_kind kind = find_kind(name, value_parameter);
    icalerror_clear_errno();
    icalvalue *value = icalvalue_new_from_string(kind, copy);
    bool valid = value != NULL;
    if (value != NULL) {
        icalvalue_free(value);
    }
    return valid;
}

/* ---- days and times ---- */

static bool digits(struct str text, size_t from, size_t count, int *out_number)
{
    int number = 0;
    for (size_t i = from; i < from + count; i++) {
        if (i >= text.len || text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        number = number * 10 + (text.at[i] - '0');
    }
    *out_number = number;
    return true;
}

static bool time_valid(int hour, int minute, int second)
{
    return hour <= 23 && minute <= 59 && second <= 60;
}

enum err ical_date_read(struct arena *arena, struct str text, struct str *out_iso)
{
    int year, month, day, hour, minute, second;
    if (!digits(text, 0, 4, &year) || !digits(text, 4, 2, &month) || !digits(text, 6, 2, &day) ||
        !civil_valid(year, month, day)) {
        return ERR_TYPE;
    }
    if (text.len == 8) {
        *out_iso = arena_printf(arena, "%04d-%02d-%02d", year, month, day);
        return OK;
    }
    bool utc = text.len == 16 && text.at[15] == 'Z';
    if ((text.len != 15 && !utc) || text.at[8] != 'T' || !digits(text, 9, 2, &hour) ||
        !digits(text, 11, 2, &minute) || !digits(text, 13, 2, &second) ||
        !time_valid(hour, minute, second)) {
        return ERR_TYPE;
    }
    *out_iso = arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d%s", year, month, day, hour,
                            minute, second, utc ? "Z" : "");
    return OK;
}

enum err ical_date_write(struct arena *arena, struct str iso, struct str *out_text)
{
    char *copy = arena_alloc(arena, iso.len + 1);
    size_t len = 0;
    struct str ignored;
    size_t at = 0;
    /* Fractions of a second, as an instant of ours has them, are not in iCalendar. */
    struct str whole = iso;
    if (str_find(iso, STR("."), &at)) {
        whole = str_sub(iso, 0, at);
    }
    for (size_t i = 0; i < whole.len; i++) {
        if (whole.at[i] != '-' && whole.at[i] != ':') {
            copy[len++] = whole.at[i];
        }
    }
    if (whole.len < iso.len && str_ends(iso, STR("Z"))) {
        copy[len++] = 'Z';
    }
    copy[len] = '\0';
    *out_text = (struct str){copy, len};
    return ical_date_read(arena, *out_text, &ignored);
}
