/* Values: reading, building, copying, comparing. Recursion is bounded by the depth that the makers
 * of values keep (64). Any thread. */
#include "proxenos/base_value.h"

#include <math.h>

#include "real.h"

const char *value_kind_name(const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        return "null";
    case VALUE_BOOL:
        return "boolean";
    case VALUE_INT:
        return "integer";
    case VALUE_REAL:
        return "number";
    case VALUE_TEXT:
        return "text";
    case VALUE_LIST:
        return "list";
    case VALUE_MAP:
        return "map";
    case VALUE_ID:
        return "id";
    case VALUE_DECIMAL:
        return "decimal";
    case VALUE_MONEY:
        return "money";
    case VALUE_DATE:
        return "date";
    case VALUE_TIME:
        return "time";
    case VALUE_BYTES:
        return "bytes";
    }
    return "unknown";
}

/* ---- copying ---- */

static struct value copy_list(struct arena *arena, const struct value *list)
{
    size_t count = list->list.count;
    struct value copy = {.kind = VALUE_LIST, .list.count = count};
    if (count > 0) {
        copy.list.items = arena_alloc(arena, count * sizeof(struct value));
    }
    for (size_t i = 0; i < count; i++) {
        copy.list.items[i] = value_copy(arena, &list->list.items[i]);
    }
    return copy;
}

static struct value copy_map(struct arena *arena, const struct value *map)
{
    size_t count = map->map.count;
    struct value copy = {.kind = VALUE_MAP, .map.count = count};
    if (count > 0) {
        copy.map.entries = arena_alloc(arena, count * sizeof(struct value_entry));
    }
    for (size_t i = 0; i < count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        copy.map.entries[i] = (struct value_entry){.key = arena_str(arena, entry->key),
                                                   .value = value_copy(arena, &entry->value)};
    }
    return copy;
}

struct value value_copy(struct arena *arena, const struct value *value)
{
    struct value copy = *value;
    switch ((enum value_kind)value->kind) {
    case VALUE_LIST:
        return copy_list(arena, value);
    case VALUE_MAP:
        return copy_map(arena, value);
    case VALUE_TEXT:
    case VALUE_BYTES:
        copy.text = arena_str(arena, value->text);
        break;
    case VALUE_REAL:
        if (value->raw.len > 0) {
            copy.raw = arena_str(arena, value->raw);
        }
        break;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
        break;
    }
    return copy;
}

/* ---- comparing ---- */

__extension__ typedef __int128 int128;

enum { SCALE_MAX = 18 }; /* 10^18 is the largest power of ten in 64 bits */

static int128 times_ten(int64_t number, unsigned times)
{
    int128 product = number;
    for (; times > 0; times--) {
        product *= 10;
    }
    return product;
}

/* Integers and decimals: unscaled, at the larger scale of the two. */
static bool equal_exact(const struct value *a, const struct value *b)
{
    unsigned scale_a = a->kind == VALUE_DECIMAL ? a->scale : 0;
    unsigned scale_b = b->kind == VALUE_DECIMAL ? b->scale : 0;
    ASSERT(scale_a <= SCALE_MAX && scale_b <= SCALE_MAX);
    unsigned scale = MAX(scale_a, scale_b);
    return times_ten(a->integer, scale - scale_a) == times_ten(b->integer, scale - scale_b);
}

/* A real equals an exact number when it is the double nearest to it; an integer only when nothing
 * is lost. */
static bool equal_real_exact(double real, const struct value *exact)
{
    if (exact->kind == VALUE_DECIMAL) {
        char text[48];
        int len = snprintf(text, sizeof(text), "%llde-%u", (long long)exact->integer, exact->scale);
        double number;
        return real_from_text((struct str){text, (size_t)len}, &number) && number == real;
    }
    /* 2^63 is a double, INT64_MAX is not. */
    return real >= -0x1p63 && real < 0x1p63 && real == trunc(real) &&
           (int64_t)real == exact->integer;
}

static bool equal_numbers(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_REAL && b->kind == VALUE_REAL) {
        return a->real == b->real || (isnan(a->real) && isnan(b->real));
    }
    if (a->kind == VALUE_REAL) {
        return equal_real_exact(a->real, b);
    }
    return b->kind == VALUE_REAL ? equal_real_exact(b->real, a) : equal_exact(a, b);
}

static bool equal_lists(const struct value *a, const struct value *b)
{
    if (a->list.count != b->list.count) {
        return false;
    }
    for (size_t i = 0; i < a->list.count; i++) {
        if (!value_equal(&a->list.items[i], &b->list.items[i])) {
            return false;
        }
    }
    return true;
}

/* Looks first where the key would stand if both maps had the same order, as they mostly have. */
static bool equal_maps(const struct value *a, const struct value *b)
{
    size_t count = a->map.count;
    if (count != b->map.count) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t tried = 0;
        while (tried < count && !str_eq(a->map.entries[i].key, b->map.entries[at].key)) {
            at = at + 1 < count ? at + 1 : 0;
            tried++;
        }
        if (tried == count || !value_equal(&a->map.entries[i].value, &b->map.entries[at].value)) {
            return false;
        }
        at = at + 1 < count ? at + 1 : 0;
    }
    return true;
}

static bool is_number(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_REAL || value->kind == VALUE_DECIMAL;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (is_number(a) && is_number(b)) {
        return equal_numbers(a, b);
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch ((enum value_kind)a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_TEXT:
    case VALUE_BYTES:
        return str_eq(a->text, b->text);
    case VALUE_LIST:
        return equal_lists(a, b);
    case VALUE_MAP:
        return equal_maps(a, b);
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_DECIMAL:
        return equal_numbers(a, b);
    case VALUE_ID:
    case VALUE_DATE:
    case VALUE_TIME:
        return a->integer == b->integer;
    case VALUE_MONEY:
        return a->integer == b->integer &&
               memcmp(a->currency, b->currency, sizeof(a->currency)) == 0;
    }
    return false;
}

/* ---- reading ---- */

static struct value_entry *find_entry(const struct value *map, struct str key)
{
    if (map == NULL || map->kind != VALUE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->map.count; i++) {
        if (str_eq(map->map.entries[i].key, key)) {
            return &map->map.entries[i];
        }
    }
    return NULL;
}

const struct value *value_get(const struct value *map, struct str key)
{
    const struct value_entry *entry = find_entry(map, key);
    return entry == NULL ? NULL : &entry->value;
}

const struct value *value_get_c(const struct value *map, const char *key)
{
    return value_get(map, str_from(key));
}

static const struct value *item_at(const struct value *list, struct str position)
{
    int64_t index;
    if (str_to_int64(position, &index) != OK || index < 0 || (uint64_t)index >= list->list.count) {
        return NULL;
    }
    return &list->list.items[index];
}

const struct value *value_path(const struct value *value, const char *path)
{
    struct str rest = str_from(path);
    struct str part;
    while (value != NULL && str_split(&rest, '.', &part)) {
        value = value->kind == VALUE_LIST ? item_at(value, part) : value_get(value, part);
    }
    return value;
}

struct str value_get_text(const struct value *map, const char *key, struct str otherwise)
{
    const struct value *value = value_get_c(map, key);
    return value != NULL && value->kind == VALUE_TEXT ? value->text : otherwise;
}

int64_t value_get_int(const struct value *map, const char *key, int64_t otherwise)
{
    const struct value *value = value_get_c(map, key);
    return value != NULL && value->kind == VALUE_INT ? value->integer : otherwise;
}

bool value_get_bool(const struct value *map, const char *key, bool otherwise)
{
    const struct value *value = value_get_c(map, key);
    return value != NULL && value->kind == VALUE_BOOL ? value->boolean : otherwise;
}

/* ---- building ---- */

/* In front of items that were allocated here. `used` tells whether the place behind a value's last
 * item is still free, or was taken by another value that shares the items. */
struct value_room {
    size_t cap, used;
} __attribute__((aligned(16)));

enum { VALUE_ROOM_MIN = 8 };

struct value value_map_new(void)
{
    return (struct value){.kind = VALUE_MAP};
}

struct value value_list_new(void)
{
    return (struct value){.kind = VALUE_LIST};
}

/* Makes room for one more item of `item_bytes` behind the `count` of them; returns where the items
 * now are. */
static void *make_room(struct arena *arena, struct value *value, void *items, size_t count,
                       size_t item_bytes)
{
    struct value_room *room = value->room;
    if (room != NULL && room->used == count && room->cap > count) {
        room->used++;
        return items;
    }
    size_t cap = MAX(count * 2, (size_t)VALUE_ROOM_MIN);
    room = arena_alloc(arena, sizeof(*room) + cap * item_bytes);
    *room = (struct value_room){.cap = cap, .used = count + 1};
    if (count > 0) {
        memcpy(room + 1, items, count * item_bytes);
    }
    value->room = room;
    return room + 1;
}

void value_put(struct arena *arena, struct value *map, struct str key, struct value value)
{
    ASSERT(map->kind == VALUE_MAP);
    struct value_entry *entry = find_entry(map, key);
    if (entry != NULL) {
        entry->value = value;
        return;
    }
    map->map.entries =
        make_room(arena, map, map->map.entries, map->map.count, sizeof(struct value_entry));
    map->map.entries[map->map.count++] = (struct value_entry){.key = key, .value = value};
}

void value_put_c(struct arena *arena, struct value *map, const char *key, struct value value)
{
    value_put(arena, map, str_from(key), value);
}

void value_push(struct arena *arena, struct value *list, struct value value)
{
    ASSERT(list->kind == VALUE_LIST);
    list->list.items =
        make_room(arena, list, list->list.items, list->list.count, sizeof(struct value));
    list->list.items[list->list.count++] = value;
}
