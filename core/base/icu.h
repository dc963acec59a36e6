/* The ICU objects of one thread. ICU's collators, transliterators and calendars keep state while
 * they work and are dear to open: each thread opens its own at first use and closes them when it
 * ends. Shared inside base only. */
#ifndef BASE_ICU_H
#define BASE_ICU_H

#include <unicode/ucal.h>
#include <unicode/ucol.h>
#include <unicode/utrans.h>

#include "proxenos/base.h"

/* Root collation, tertiary strength. */
const UCollator *icu_collator(void);
/* Any script to ASCII letters. */
const UTransliterator *icu_latin(void);
/* A Gregorian calendar in this zone, kept until another zone is asked for; NULL when there is no
 * such zone. */
UCalendar *icu_calendar(const char *zone);

/* UTF-8 as UTF-16 in memory of the caller's arena; what is ill-formed becomes U+FFFD. */
struct icu_text {
    UChar *at;
    int32_t len;
};
struct icu_text icu_from_str(struct arena *arena, struct str text);
void icu_append(struct buf *out, struct icu_text text);

#endif
