/* What flow:approve is given, read and checked: who decides, how many, until when. Pure; any
 * thread. */
#include "internal.h"

#include "proxenos/base_calendar.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

enum { ROLE_MAX = 80 };

static enum err wrong(const char *name, struct error *error, const char *detail)
{
    return error_at(error, ERR_INVALID, name, NULL, "%s %s", name, detail);
}

/* ---- words and numbers ---- */

static enum err read_role(const struct value *options, const char *name, struct str *out_role,
                          struct error *error)
{
    const struct value *value = value_get_c(options, name);
    *out_role = STR("");
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    if (value->kind != VALUE_TEXT || value->text.len == 0 || value->text.len > ROLE_MAX) {
        return wrong(name, error, "is the name of a role");
    }
    *out_role = value->text;
    return OK;
}

static enum err read_count(const struct value *options, const char *name, int64_t *out_count,
                           struct error *error)
{
    const struct value *value = value_get_c(options, name);
    *out_count = 1;
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    if (value->kind != VALUE_INT || value->integer < 1 || value->integer > APPROVAL_QUORUM_MAX) {
        return error_at(error, ERR_RANGE, name, NULL, "%s is a whole number from 1 to %d", name,
                        APPROVAL_QUORUM_MAX);
    }
    *out_count = value->integer;
    return OK;
}

static enum err read_exclude(const struct value *options, const struct value **out_list,
                             struct error *error)
{
    const struct value *list = value_get_c(options, "exclude");
    int64_t id = 0;
    *out_list = list;
    if (list == NULL) {
        return OK;
    }
    if (list->kind != VALUE_LIST || list->list.count > APPROVAL_EXCLUDE_MAX) {
        return error_at(error, ERR_LIMIT, "exclude", NULL, "exclude is a list of at most %d users",
                        APPROVAL_EXCLUDE_MAX);
    }
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *one = &list->list.items[i];
        if (one->kind != VALUE_TEXT || id_parse(one->text, &id) != OK) {
            return wrong("exclude", error, "is a list of users' ids");
        }
    }
    return OK;
}

/* ---- times ---- */

static enum err read_calendar(const struct value *options, struct arena *arena,
                              const struct calendar **out_calendar, struct error *error)
{
    const struct value *value = value_get_c(options, "calendar");
    struct calendar *own = NULL;
    *out_calendar = NULL;
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    if (value->kind == VALUE_TEXT) {
        *out_calendar = calendar_builtin(value->text);
        return *out_calendar != NULL
                   ? OK
                   : wrong("calendar", error, "is \"GR\", \"TARGET\", \"WEEKDAYS\" or a table");
    }
    enum err err = calendar_read(arena, STR("own"), value, &own, error);
    *out_calendar = own;
    return err;
}

/* A span of time from here on, or back. With a calendar its days are business days. */
static enum err add_span(struct str text, const struct calendar *calendar, int64_t from_ms,
                         bool before, int64_t *out_ms)
{
    struct duration span;
    if (duration_parse(text, &span) != OK || span.months < 0 || span.days < 0 || span.ms < 0) {
        return ERR_INVALID;
    }
    if (calendar == NULL) {
        return time_add(from_ms, &span, before ? -1 : 1, out_ms);
    }
    struct deadline_rule rule = {.count = span.days,
                                 .unit = DEADLINE_BUSINESS_DAYS,
                                 .before = before,
                                 .calendar = calendar,
                                 .zone = calendar->zone.at};
    bool days_alone = span.months == 0 && span.ms == 0;
    return days_alone ? deadline_due(&rule, from_ms, out_ms) : ERR_INVALID;
}

/* "5d", a day, an instant; 0: not given. */
static enum err read_time(const struct value *options, const char *name,
                          const struct calendar *calendar, int64_t now_ms, int64_t *out_ms,
                          struct error *error)
{
    enum { DAY_MS = 86400000 };
    const struct value *value = value_get_c(options, name);
    int64_t days = 0;
    *out_ms = 0;
    if (value == NULL || value->kind == VALUE_NULL) {
        return OK;
    }
    bool read = value->kind == VALUE_TIME || value->kind == VALUE_DATE;
    if (read) {
        *out_ms = value->kind == VALUE_TIME ? value->integer : value->integer * DAY_MS;
    } else if (value->kind == VALUE_TEXT && date_parse(value->text, &days) == OK) {
        *out_ms = days * DAY_MS;
        read = true;
    } else if (value->kind == VALUE_TEXT) {
        read = time_parse(value->text, out_ms) == OK ||
               add_span(value->text, calendar, now_ms, false, out_ms) == OK;
    }
    *out_ms = MAX(*out_ms, 1);
    return read ? OK
                : wrong(name, error,
                        calendar != NULL ? "is a number of business days such as \"5d\", or a day"
                                         : "is a duration such as \"5d\", a day or an instant");
}

static enum err read_times(const struct value *options, struct arena *arena, int64_t now_ms,
                           struct flow_approval *approval, struct error *error)
{
    const struct calendar *calendar = NULL;
    const struct value *remind = value_get_c(options, "remind");
    enum err err = read_calendar(options, arena, &calendar, error);
    if (err == OK) {
        err = read_time(options, "due", calendar, now_ms, &approval->due_ms, error);
    }
    if (err == OK) {
        err = read_time(options, "expire", calendar, now_ms, &approval->expires_ms, error);
    }
    if (err != OK || remind == NULL || remind->kind == VALUE_NULL) {
        return err;
    }
    int64_t end_ms = approval->due_ms != 0 ? approval->due_ms : approval->expires_ms;
    if (end_ms == 0) {
        return wrong("remind", error, "counts back from due or expire: give one of them");
    }
    if (remind->kind != VALUE_TEXT ||
        add_span(remind->text, calendar, end_ms, true, &approval->remind_ms) != OK) {
        return wrong("remind", error, "is how long before the time is over: \"1d\"");
    }
    return OK;
}

/* ---- the whole ---- */

static enum err check_title(const struct value *title, struct error *error)
{
    if (title == NULL || title->kind == VALUE_NULL || title->kind == VALUE_TEXT) {
        return OK;
    }
    bool labels = title->kind == VALUE_MAP;
    for (size_t i = 0; labels && i < title->map.count; i++) {
        labels = title->map.entries[i].value.kind == VALUE_TEXT;
    }
    return labels ? OK : wrong("title", error, "is a text, or { en = \"…\", el = \"…\" }");
}

/* What is decided on: a record, or what the title says. */
static enum err read_subject(const struct value *options, struct flow_approval *approval,
                             struct error *error)
{
    const struct value *subject = value_get_c(options, "subject");
    if (subject != NULL && subject->kind != VALUE_NULL) {
        bool read = subject->kind == VALUE_TEXT && id_parse(subject->text, &approval->record) == OK;
        return read ? OK : wrong("subject", error, "is the record that is decided on, or its id");
    }
    if (approval->object.len > 0) {
        return error_at(error, ERR_REQUIRED, "subject", NULL,
                        "object is the type of the subject: give it, too");
    }
    const struct value *title = approval->title;
    bool missing = title == NULL || title->kind == VALUE_NULL ||
                   (title->kind == VALUE_TEXT && title->text.len == 0) ||
                   (title->kind == VALUE_MAP && title->map.count == 0);
    return missing ? error_at(error, ERR_REQUIRED, "title", NULL,
                              "without a subject, title says what is decided on")
                   : OK;
}

enum err flow_approval_read(const struct value *options, struct arena *arena, int64_t now_ms,
                            struct flow_approval *out_approval, struct error *error)
{
    struct flow_approval approval = {.object = value_get_text(options, "object", STR("")),
                                     .title = value_get_c(options, "title"),
                                     .data = value_get_c(options, "data")};
    enum err err = read_role(options, "role", &approval.role, error);
    if (err == OK && approval.role.len == 0) {
        err = error_at(error, ERR_REQUIRED, "role", NULL, "role names who decides");
    }
    if (err == OK) {
        err = read_subject(options, &approval, error);
    }
    if (err == OK) {
        err = read_role(options, "escalate", &approval.escalate, error);
    }
    if (err == OK) {
        err = read_count(options, "quorum", &approval.quorum, error);
    }
    if (err == OK) {
        err = read_count(options, "rejections", &approval.rejections, error);
    }
    if (err == OK) {
        err = read_exclude(options, &approval.exclude, error);
    }
    if (err == OK) {
        err = check_title(approval.title, error);
    }
    if (err == OK) {
        err = read_times(options, arena, now_ms, &approval, error);
    }
    if (err == OK && approval.escalate.len > 0 && approval.due_ms == 0) {
        err = wrong("escalate", error, "is who decides when due has passed: give due, too");
    }
    if (err == OK) {
        *out_approval = approval;
    }
    return err;
}
