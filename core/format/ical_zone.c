/* A zone's VTIMEZONE, from the system's table through libical: what outlook and phones want to
 * read beside a TZID. Observances that ended long ago are left out, or each invitation would carry
 * the history of its place. */
#include "ical.h"

#include <libical/ical.h>
#include <pthread.h>
#include <string.h>

#include "proxenos/base_time.h"

enum { ZONE_NAME_MAX = 64 };

static const char kept_since[] = "2000"; /* the year */

/* libical reads its table once, into globals. */
static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool name_valid(struct str name)
{
    size_t at = 0;
    bool valid = name.len > 0 && name.len < ZONE_NAME_MAX && !str_find(name, STR(".."), &at);
    for (size_t i = 0; valid && i < name.len; i++) {
        char c = name.at[i];
        valid = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                strchr("_+-/", c) != NULL;
    }
    return valid && name.at[0] != '/';
}

static bool zone_text(struct arena *arena, const char *name, struct str *out_text)
{
    bool found = false;
    ical_start();
    (void)pthread_mutex_lock(&table_mutex);
    icaltimezone *zone = icaltimezone_get_builtin_timezone(name);
    icalcomponent *component = zone != NULL ? icaltimezone_get_component(zone) : NULL;
    if (component != NULL) {
        char *text = icalcomponent_as_ical_string_r(component);
        *out_text = arena_str(arena, str_from(text));
        icalmemory_free_buffer(text);
        found = true;
    }
    (void)pthread_mutex_unlock(&table_mutex);
    return found;
}

static const struct value *property_value(const struct value *component, const char *name)
{
    const struct value *properties = value_get_c(component, "properties");
    for (size_t i = 0; i < properties->list.count; i++) {
        const struct value *property = &properties->list.items[i];
        if (str_eq(value_get_text(property, "name", STR("")), str_from(name))) {
            return value_get_c(property, "value");
        }
    }
    return NULL;
}

static bool is_recent(struct str iso)
{
    return memcmp(iso.at, kept_since, MIN(iso.len, sizeof(kept_since) - 1)) >= 0;
}

static bool still_holds(const struct value *observance)
{
    const struct value *start = property_value(observance, "DTSTART");
    const struct value *rule = property_value(observance, "RRULE");
    const struct value *properties = value_get_c(observance, "properties");
    struct str until = STR("UNTIL=");
    size_t at = 0;
    bool holds = start != NULL && is_recent(start->text);
    if (rule != NULL && str_find(rule->text, until, &at)) {
        holds = holds || is_recent(str_sub(rule->text, at + until.len, rule->text.len));
    } else {
        holds = holds || rule != NULL;
    }
    for (size_t i = 0; !holds && i < properties->list.count; i++) {
        const struct value *property = &properties->list.items[i];
        const struct value *dates = value_get_c(property, "value");
        if (str_is(value_get_text(property, "name", STR("")), "RDATE") && dates->list.count > 0) {
            holds = is_recent(dates->list.items[dates->list.count - 1].text);
        }
    }
    return holds;
}

/* The zone's name in place of libical's own TZID, and of its observances those that hold. The last
 * one stays in any case: a zone that never changes has no other. */
static struct value pruned(struct arena *arena, struct str name, const struct value *whole)
{
    const struct value *observances = value_get_c(whole, "components");
    struct value kept = value_list_new(), properties = value_list_new();
    struct value tzid = value_map_new(), zone = value_map_new();
    const struct value *last = NULL;
    for (size_t i = 0; observances != NULL && i < observances->list.count; i++) {
        const struct value *one = &observances->list.items[i];
        const struct value *start = property_value(one, "DTSTART");
        const struct value *end = last != NULL ? property_value(last, "DTSTART") : NULL;
        if (still_holds(one)) {
            value_push(arena, &kept, *one);
        }
        if (start != NULL && (end == NULL || str_cmp(start->text, end->text) > 0)) {
            last = one;
        }
    }
    if (kept.list.count == 0 && last != NULL) {
        value_push(arena, &kept, *last);
    }
    value_put_c(arena, &tzid, "name", value_text(STR("TZID")));
    value_put_c(arena, &tzid, "value", value_text(arena_str(arena, name)));
    value_push(arena, &properties, tzid);
    value_put_c(arena, &zone, "name", value_text(STR("VTIMEZONE")));
    value_put_c(arena, &zone, "properties", properties);
    value_put_c(arena, &zone, "components", kept);
    return zone;
}

enum err ical_zone(struct arena *arena, struct str name, struct value *out_component,
                   struct error *error)
{
    struct str text;
    struct value found = value_null();
    int64_t offset = 0;
    const char *copy = arena_cstr(arena, name);
    if (!name_valid(name) || zone_offset(copy, 0, &offset) != OK ||
        !zone_text(arena, copy, &text)) {
        return error_at(error, ERR_INVALID, "zone", NULL,
                        "there is no time zone \"%.60s\"; Europe/Athens is one", copy);
    }
    enum err err = ical_read(arena, text, &found, error);
    if (err == OK) {
        *out_component = pruned(arena, name, &found.list.items[0]);
    }
    return err;
}
