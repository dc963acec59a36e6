/* Time zones: the IANA table through ICU. Any thread. */
#include "../icu.h"

#include "internal.h"

static enum err offset_at(UCalendar *calendar, int64_t ms, int64_t *out_offset_ms)
{
    UErrorCode status = U_ZERO_ERROR;
    ucal_setMillis(calendar, (UDate)ms, &status);
    int64_t offset = ucal_get(calendar, UCAL_ZONE_OFFSET, &status) +
                     ucal_get(calendar, UCAL_DST_OFFSET, &status);
    if (U_FAILURE(status)) {
        return ERR_RANGE;
    }
    *out_offset_ms = offset;
    return OK;
}

enum err zone_offset(const char *zone, int64_t ms, int64_t *out_offset_ms)
{
    UCalendar *calendar = icu_calendar(zone);
    return calendar == NULL ? ERR_INVALID : offset_at(calendar, ms, out_offset_ms);
}

/* Takes the offsets a day before and a day after: around a change they are the old and the new one.
 * An hour that happens twice fits both, and the old offset gives the first; a skipped one fits
 * neither, and the old offset moves it forward by what was skipped. */
enum err zone_instant(const char *zone, const struct civil *local, int64_t *out_ms)
{
    UCalendar *calendar = icu_calendar(zone);
    int64_t wall = ms_from_civil(local);
    int64_t before = 0;
    int64_t after = 0;
    int64_t found = 0;
    if (calendar == NULL) {
        return ERR_INVALID;
    }
    enum err err = offset_at(calendar, wall - DAY_MS, &before);
    err = err == OK ? offset_at(calendar, wall + DAY_MS, &after) : err;
    err = err == OK ? offset_at(calendar, wall - before, &found) : err;
    if (err != OK) {
        return err;
    }
    if (found == before) {
        *out_ms = wall - before;
        return OK;
    }
    err = offset_at(calendar, wall - after, &found);
    if (err == OK) {
        *out_ms = wall - (found == after ? after : before);
    }
    return err;
}
