/* Values as they stand in a history: JSON where JSON can say it, an object of one member with a
 * dollar where it cannot. Pure; any thread. */
#include "codec.h"

#include <math.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/base_number.h"
#include "proxenos/base_time.h"
#include "proxenos/flow_history.h"

/* ---- writing ---- */

static struct value tagged(struct arena *arena, const char *tag, struct value inner)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, tag, inner);
    return map;
}

static struct value hex_of(struct arena *arena, const char *tag, struct str bytes)
{
    struct buf hex;
    buf_init(&hex);
    hex_encode(&hex, bytes.at, bytes.len);
    struct value text = value_text(arena_str(arena, buf_str(&hex)));
    buf_deinit(&hex);
    return tagged(arena, tag, text);
}

static struct value packed(struct arena *arena, const struct value *value)
{
    struct buf bytes;
    buf_init(&bytes);
    flow_encode(&bytes, value);
    struct value map = hex_of(arena, "$packed", buf_str(&bytes));
    buf_deinit(&bytes);
    return map;
}

/* With a point or an exponent, so that it comes back as what it was. */
static struct value real_plain(struct arena *arena, double real)
{
    if (isnan(real)) {
        return tagged(arena, "$real", value_text(STR("nan")));
    }
    if (isinf(real)) {
        return tagged(arena, "$real", value_text(real > 0 ? STR("inf") : STR("-inf")));
    }
    struct buf text;
    bool whole = true;
    buf_init(&text);
    json_write_real(&text, real);
    for (size_t i = 0; i < text.len; i++) {
        whole = whole && text.at[i] != '.' && text.at[i] != 'e' && text.at[i] != 'E';
    }
    if (whole) {
        buf_append_str(&text, STR(".0"));
    }
    struct value plain = value_real(real);
    plain.raw = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return plain;
}

static struct value written(struct arena *arena, const char *tag, const struct value *value,
                            void (*format)(struct buf *out, const struct value *value))
{
    struct buf text;
    buf_init(&text);
    format(&text, value);
    struct value map = tagged(arena, tag, value_text(arena_str(arena, buf_str(&text))));
    buf_deinit(&text);
    return map;
}

static void write_id(struct buf *out, const struct value *value)
{
    char id[ID_TEXT_LEN + 1];
    id_format(value->integer, id);
    buf_append_str(out, str_from(id));
}

static void write_decimal(struct buf *out, const struct value *value)
{
    decimal_format(out, value->integer, value->scale);
}

static void write_date(struct buf *out, const struct value *value)
{
    date_format(out, value->integer);
}

static void write_time(struct buf *out, const struct value *value)
{
    time_format(out, value->integer);
}

static struct value money_plain(struct arena *arena, const struct value *value)
{
    struct value pair = value_list_new();
    value_push(arena, &pair, value_int(value->integer));
    value_push(arena, &pair, value_text(arena_str(arena, str_from(value->currency))));
    return tagged(arena, "$money", pair);
}

static struct value plain(struct arena *arena, const struct value *value, int depth);

static struct value list_plain(struct arena *arena, const struct value *value, int depth)
{
    struct value list = value_list_new();
    for (size_t i = 0; i < value->list.count; i++) {
        value_push(arena, &list, plain(arena, &value->list.items[i], depth + 1));
    }
    return list;
}

static bool has_dollar(const struct value *map)
{
    bool has = false;
    for (size_t i = 0; i < map->map.count; i++) {
        has = has || str_starts(map->map.entries[i].key, STR("$"));
    }
    return has;
}

static struct value map_plain(struct arena *arena, const struct value *value, int depth)
{
    struct value map = value_map_new();
    if (value->map.count > FLOW_HISTORY_KEYS_MAX || has_dollar(value)) {
        return packed(arena, value);
    }
    for (size_t i = 0; i < value->map.count; i++) {
        const struct value_entry *entry = &value->map.entries[i];
        value_put(arena, &map, entry->key, plain(arena, &entry->value, depth + 1));
    }
    return map;
}

/* As deep as the value is, at most FLOW_HISTORY_DEPTH_MAX. */
static struct value plain(struct arena *arena, const struct value *value, int depth)
{
    enum value_kind kind = (enum value_kind)value->kind;
    if ((kind == VALUE_LIST || kind == VALUE_MAP) && depth > FLOW_HISTORY_DEPTH_MAX) {
        return packed(arena, value);
    }
    switch (kind) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_TEXT:
        return *value;
    case VALUE_REAL:
        return real_plain(arena, value->real);
    case VALUE_LIST:
        return list_plain(arena, value, depth);
    case VALUE_MAP:
        return map_plain(arena, value, depth);
    case VALUE_ID:
        return written(arena, "$id", value, write_id);
    case VALUE_DECIMAL:
        return written(arena, "$decimal", value, write_decimal);
    case VALUE_MONEY:
        return money_plain(arena, value);
    case VALUE_DATE:
        return written(arena, "$date", value, write_date);
    case VALUE_TIME:
        return written(arena, "$time", value, write_time);
    case VALUE_BYTES:
        return hex_of(arena, "$bytes", value->text);
    }
    return value_null();
}

struct value flow_plain(struct arena *arena, const struct value *value)
{
    return plain(arena, value, 1);
}

/* ---- reading ---- */

static bool read_hex(struct arena *arena, const struct value *inner, struct str *out_bytes)
{
    struct str hex = inner->kind == VALUE_TEXT ? inner->text : STR("x");
    char *bytes = arena_alloc(arena, hex.len / 2 + 1);
    *out_bytes = (struct str){bytes, hex.len / 2};
    return hex.len % 2 == 0 && hex_decode(hex, bytes, hex.len / 2) == OK;
}

static bool read_bytes(struct arena *arena, const struct value *inner, struct value *out_value)
{
    *out_value = (struct value){.kind = VALUE_BYTES};
    return read_hex(arena, inner, &out_value->text);
}

static bool read_packed(struct arena *arena, const struct value *inner, struct value *out_value)
{
    struct str bytes;
    return read_hex(arena, inner, &bytes) && flow_decode(arena, bytes, out_value, NULL) == OK;
}

static bool read_real(struct arena *arena, const struct value *inner, struct value *out_value)
{
    (void)arena;
    struct str text = inner->kind == VALUE_TEXT ? inner->text : STR("");
    *out_value = value_real(str_is(text, "nan") ? (double)NAN : (double)INFINITY);
    if (str_is(text, "-inf")) {
        out_value->real = -out_value->real;
    }
    return str_is(text, "nan") || str_is(text, "inf") || str_is(text, "-inf");
}

static bool read_id(struct arena *arena, const struct value *inner, struct value *out_value)
{
    (void)arena;
    *out_value = value_id(0);
    return inner->kind == VALUE_TEXT && id_parse(inner->text, &out_value->integer) == OK;
}

static bool read_date(struct arena *arena, const struct value *inner, struct value *out_value)
{
    (void)arena;
    *out_value = value_date(0);
    return inner->kind == VALUE_TEXT && date_parse(inner->text, &out_value->integer) == OK;
}

static bool read_time(struct arena *arena, const struct value *inner, struct value *out_value)
{
    (void)arena;
    *out_value = value_time(0);
    return inner->kind == VALUE_TEXT && time_parse(inner->text, &out_value->integer) == OK;
}

/* As many places as it is written with. */
static bool read_decimal(struct arena *arena, const struct value *inner, struct value *out_value)
{
    (void)arena;
    size_t point = 0;
    struct str text = inner->kind == VALUE_TEXT ? inner->text : STR("");
    size_t scale = str_find(text, STR("."), &point) ? text.len - point - 1 : 0;
    *out_value = (struct value){.kind = VALUE_DECIMAL, .scale = (uint8_t)MIN(scale, 18)};
    return scale <= 18 && decimal_parse(text, (int)scale, &out_value->integer) == OK;
}

static bool read_money(struct arena *arena, const struct value *inner, struct value *out_value)
{
    (void)arena;
    if (inner->kind != VALUE_LIST || inner->list.count != 2 ||
        inner->list.items[0].kind != VALUE_INT || inner->list.items[1].kind != VALUE_TEXT ||
        inner->list.items[1].text.len != 3) {
        return false;
    }
    *out_value = (struct value){.kind = VALUE_MONEY, .integer = inner->list.items[0].integer};
    memcpy(out_value->currency, inner->list.items[1].text.at, 3);
    return true;
}

static const struct {
    const char *tag;
    bool (*read)(struct arena *arena, const struct value *inner, struct value *out_value);
} tags[] = {
    {"$id", read_id},         {"$date", read_date},       {"$time", read_time},
    {"$real", read_real},     {"$money", read_money},     {"$bytes", read_bytes},
    {"$packed", read_packed}, {"$decimal", read_decimal},
};

static enum err untag(struct arena *arena, const struct value *map, struct value *out_value,
                      struct error *error)
{
    const struct value_entry *entry = &map->map.entries[0];
    for (size_t i = 0; i < COUNT_OF(tags) && map->map.count == 1; i++) {
        if (str_is(entry->key, tags[i].tag) && tags[i].read(arena, &entry->value, out_value)) {
            return OK;
        }
    }
    return error_set(error, ERR_INVALID,
                     "a value of the history is an object with the member \"" STR_FORMAT
                     "\" that cannot be read",
                     STR_ARGS(str_sub(entry->key, 0, 40)));
}

static enum err unplain_list(struct arena *arena, const struct value *list, struct value *out_value,
                             struct error *error)
{
    enum err err = OK;
    *out_value = value_list_new();
    for (size_t i = 0; i < list->list.count && err == OK; i++) {
        struct value item = value_null();
        err = flow_unplain(arena, &list->list.items[i], &item, error);
        value_push(arena, out_value, item);
    }
    return err;
}

/* As deep as JSON may be. */
enum err flow_unplain(struct arena *arena, const struct value *plain_value, struct value *out_value,
                      struct error *error)
{
    enum err err = OK;
    if (plain_value->kind == VALUE_LIST) {
        return unplain_list(arena, plain_value, out_value, error);
    }
    if (plain_value->kind != VALUE_MAP) {
        *out_value = *plain_value;
        return OK;
    }
    if (has_dollar(plain_value)) {
        return untag(arena, plain_value, out_value, error);
    }
    *out_value = value_map_new();
    for (size_t i = 0; i < plain_value->map.count && err == OK; i++) {
        struct value item = value_null();
        err = flow_unplain(arena, &plain_value->map.entries[i].value, &item, error);
        value_put(arena, out_value, plain_value->map.entries[i].key, item);
    }
    return err;
}
