/* What reading and writing iCalendar share: which kind of value a property has, and how libical's
 * grammar of values is asked. libical's home. Pure. */
#ifndef PROXENOS_FORMAT_ICAL_H
#define PROXENOS_FORMAT_ICAL_H

#include "proxenos/format.h"

void ical_start(void); /* before libical is asked anything; any thread, any number of times */

enum ical_kind {
    ICAL_AS_TEXT,    /* with backslashes */
    ICAL_AS_DATE,    /* days and times: ISO 8601 outside */
    ICAL_AS_CHECKED, /* as written, when libical finds it right */
    ICAL_AS_NUMBER,  /* INTEGER, FLOAT */
    ICAL_AS_BOOLEAN,
    ICAL_AS_WRITTEN, /* addresses, URIs, positions, what nobody knows */
};
/* By the property's VALUE parameter (empty: none), else by its name. */
enum ical_kind ical_kind_of(struct str name, struct str value_parameter);
/* Does the property hold a list with commas? */
bool ical_is_list(struct str name);
/* RECUR, DURATION, UTC-OFFSET and PERIOD by libical. */
bool ical_value_valid(struct str name, struct str value_parameter, struct str text);
/* "20270331T100000Z" → "2027-03-31T10:00:00Z", "20270331" → "2027-03-31"; ERR_TYPE. */
enum err ical_date_read(struct arena *arena, struct str text, struct str *out_iso) MUST_CHECK;
/* The other way; also for text that is written so already. */
enum err ical_date_write(struct arena *arena, struct str iso, struct str *out_text) MUST_CHECK;

#endif
