/* One value of any kind: what JSON, Lua, records, filters and expressions exchange. A value borrows
 * what it points to; value_copy moves it into an arena. Any thread. */
#ifndef PROXENOS_BASE_VALUE_H
#define PROXENOS_BASE_VALUE_H

#include "proxenos/base.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,  /* exact 64 bits */
    VALUE_REAL, /* a JSON number with point or exponent, or too large; `raw` keeps its text when it
                   came from text */
    VALUE_TEXT, /* valid UTF-8 */
    VALUE_LIST,
    VALUE_MAP, /* keeps its order; keys are unique */
    /* only in typed places (records, filters, expressions); JSON writes them as text, money as an
       object */
    VALUE_ID,      /* 64-bit id, shown as 13 characters of base32 */
    VALUE_DECIMAL, /* integer / 10^scale */
    VALUE_MONEY,   /* integer minor units, currency[4] */
    VALUE_DATE,    /* integer: days since 1970-01-01 */
    VALUE_TIME,    /* integer: milliseconds since 1970-01-01T00:00Z */
    VALUE_BYTES,   /* text field, not UTF-8; JSON writes base64 */
};

struct value;
struct value_entry;
struct value_room;

struct value {
    uint8_t kind; /* enum value_kind */
    uint8_t scale;
    char currency[4]; /* ISO 4217 and NUL */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct str text;
        struct {
            struct value *items;
            size_t count;
        } list;
        struct {
            struct value_entry *entries;
            size_t count;
        } map;
    };
    union {
        struct str raw;          /* VALUE_REAL only */
        struct value_room *room; /* lists and maps: set by value_put and value_push, else NULL */
    };
};

struct value_entry {
    struct str key;
    struct value value;
};

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .boolean = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .integer = i};
}
static inline struct value value_real(double r)
{
    return (struct value){.kind = VALUE_REAL, .real = r};
}
static inline struct value value_text(struct str s)
{
    return (struct value){.kind = VALUE_TEXT, .text = s};
}
static inline struct value value_id(int64_t id)
{
    return (struct value){.kind = VALUE_ID, .integer = id};
}
static inline struct value value_date(int64_t days)
{
    return (struct value){.kind = VALUE_DATE, .integer = days};
}
static inline struct value value_time(int64_t ms)
{
    return (struct value){.kind = VALUE_TIME, .integer = ms};
}

const char *value_kind_name(const struct value *value); /* "text", "integer" … for sentences */
struct value value_copy(struct arena *arena,
                        const struct value *value); /* deep; depth is bounded by its makers (64) */
/* Same kind and same content; numbers (integer, real, decimal) compare by value whatever their
 * kind; maps regardless of order. */
bool value_equal(const struct value *a, const struct value *b);

/* Maps. get: NULL when absent or `map` is not a map. put: replaces or appends (grows in the arena);
 * the key and the value are borrowed, not copied. A list or map copied by assignment shares its
 * items until one of the two grows. */
const struct value *value_get(const struct value *map, struct str key);
const struct value *value_get_c(const struct value *map, const char *key);
/* By path "a.b.0.c": names for maps, positions for lists; NULL when a part is absent. */
const struct value *value_path(const struct value *value, const char *path);
struct value value_map_new(void);
void value_put(struct arena *arena, struct value *map, struct str key, struct value value);
void value_put_c(struct arena *arena, struct value *map, const char *key, struct value value);
struct value value_list_new(void);
void value_push(struct arena *arena, struct value *list, struct value value);

/* Typed reading with defaults, for configuration-like maps. */
struct str value_get_text(const struct value *map, const char *key, struct str otherwise);
int64_t value_get_int(const struct value *map, const char *key, int64_t otherwise);
bool value_get_bool(const struct value *map, const char *key, bool otherwise);

#endif
