/* The ICU objects of one thread; see icu.h. */
#include <threads.h>

#include <unicode/ustring.h>

#include "proxenos/base_text.h"

#include "icu.h"

enum { ZONE_LEN_MAX = 64, ICU_TEXT_BYTES_MAX = INT32_MAX / 8 };

struct icu_objects {
    UCollator *collator;
    UTransliterator *latin;
    UCalendar *calendar;
    char zone[ZONE_LEN_MAX + 1];
};

static once_flag key_once = ONCE_FLAG_INIT;
static tss_t key;

static void close_objects(void *memory)
{
    struct icu_objects *objects = memory;
    ucol_close(objects->collator);
    utrans_close(objects->latin);
    ucal_close(objects->calendar);
    mem_free(objects);
}

static void make_key(void)
{
    int made = tss_create(&key, close_objects);
    ASSERT(made == thrd_success);
}

static struct icu_objects *thread_objects(void)
{
    call_once(&key_once, make_key);
    struct icu_objects *objects = tss_get(key);
    if (objects == NULL) {
        objects = mem_zalloc(sizeof(*objects));
        int set = tss_set(key, objects);
        ASSERT(set == thrd_success);
    }
    return objects;
}

const UCollator *icu_collator(void)
{
    struct icu_objects *objects = thread_objects();
    if (objects->collator == NULL) {
        UErrorCode status = U_ZERO_ERROR;
        objects->collator = ucol_open("", &status);
        /* The root collation is compiled into ICU's data; without it nothing can be sorted. */
        ASSERT(U_SUCCESS(status));
        ucol_setStrength(objects->collator, UCOL_TERTIARY);
    }
    return objects->collator;
}

const UTransliterator *icu_latin(void)
{
    struct icu_objects *objects = thread_objects();
    if (objects->latin == NULL) {
        static const UChar id[] = u"Any-Latin; Latin-ASCII";
        UErrorCode status = U_ZERO_ERROR;
        objects->latin = utrans_openU(id, -1, UTRANS_FORWARD, NULL, 0, NULL, &status);
        ASSERT(U_SUCCESS(status));
    }
    return objects->latin;
}

static UCalendar *open_calendar(const char *zone)
{
    UChar wide[ZONE_LEN_MAX + 1];
    UChar canonical[ZONE_LEN_MAX + 1];
    int32_t len = 0;
    UBool system = 0;
    UErrorCode status = U_ZERO_ERROR;
    u_strFromUTF8(wide, ZONE_LEN_MAX, &len, zone, -1, &status);
    ucal_getCanonicalTimeZoneID(wide, len, canonical, ZONE_LEN_MAX, &system, &status);
    /* "GMT+3" and the like are not in the IANA table: they hide a sign that people read wrongly. */
    if (U_FAILURE(status) || !system) {
        return NULL;
    }
    UCalendar *calendar = ucal_open(wide, len, "", UCAL_GREGORIAN, &status);
    if (U_FAILURE(status)) {
        ucal_close(calendar);
        return NULL;
    }
    return calendar;
}

UCalendar *icu_calendar(const char *zone)
{
    struct icu_objects *objects = thread_objects();
    size_t len = strlen(zone);
    if (objects->calendar != NULL && strcmp(objects->zone, zone) == 0) {
        return objects->calendar;
    }
    if (len == 0 || len > ZONE_LEN_MAX) {
        return NULL;
    }
    UCalendar *calendar = open_calendar(zone);
    if (calendar == NULL) {
        return NULL;
    }
    ucal_close(objects->calendar);
    objects->calendar = calendar;
    memcpy(objects->zone, zone, len + 1);
    return calendar;
}

struct icu_text icu_from_str(struct arena *arena, struct str text)
{
    /* ICU counts in 32 bits. Callers bound their texts far below; this cut keeps a mistake safe. */
    struct str bounded = utf8_cut(text, ICU_TEXT_BYTES_MAX);
    int32_t cap = (int32_t)bounded.len + 1;
    struct icu_text wide = {arena_alloc(arena, (size_t)cap * sizeof(UChar)), 0};
    UErrorCode status = U_ZERO_ERROR;
    u_strFromUTF8WithSub(wide.at, cap, &wide.len, bounded.at, (int32_t)bounded.len, 0xFFFD, NULL,
                         &status);
    ASSERT(U_SUCCESS(status));
    return wide;
}

void icu_append(struct buf *out, struct icu_text text)
{
    size_t cap = (size_t)text.len * 3 + 1;
    char *to = buf_reserve(out, cap);
    int32_t len = 0;
    UErrorCode status = U_ZERO_ERROR;
    u_strToUTF8WithSub(to, (int32_t)cap, &len, text.at, text.len, 0xFFFD, NULL, &status);
    ASSERT(U_SUCCESS(status));
    out->len += (size_t)len;
}
