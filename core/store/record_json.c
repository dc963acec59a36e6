/* Records as values and as JSON. The JSON writer is on the path of every list: names need no
 * escapes (schema names are [a-z0-9_]), text goes straight from the row into the buffer. Any
 * thread.
 */
#include "query.h"

#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

#define MASK "•••"

const struct value *record_value(const struct record *record, struct str field)
{
    const struct field *found = object_field(record->type, field);
    if (found == NULL || record->has[found->index] == RECORD_ABSENT) {
        return NULL;
    }
    return &record->values[found->index];
}

/* ---- values ---- */

static void write_id(struct buf *out, int64_t id)
{
    char text[ID_TEXT_LEN + 1];
    id_format(id, text);
    char *at = buf_reserve(out, ID_TEXT_LEN + 2);
    at[0] = '"';
    memcpy(at + 1, text, ID_TEXT_LEN);
    at[ID_TEXT_LEN + 1] = '"';
    out->len += ID_TEXT_LEN + 2;
}

void value_write_api(struct buf *out, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        buf_append(out, "null", 4);
        break;
    case VALUE_TEXT:
        json_write_text(out, value->text);
        break;
    case VALUE_INT:
        json_write_int(out, value->integer);
        break;
    case VALUE_ID:
        write_id(out, value->integer);
        break;
    case VALUE_BOOL:
    case VALUE_REAL:
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        json_encode(out, value);
        break;
    }
}

/* The mask stands where people would read a text; anything else masked is null. */
static bool masked_as_text(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
        return true;
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
    case FIELD_MONEY:
    case FIELD_BOOLEAN:
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_DURATION:
    case FIELD_ENUM:
    case FIELD_REF:
    case FIELD_REFS:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    return false;
}

/* ---- JSON ---- */

static void write_name(struct buf *out, struct str name)
{
    char *at = buf_reserve(out, name.len + 4);
    size_t len = 0;
    at[len++] = ',';
    at[len++] = '"';
    memcpy(at + len, name.at, name.len);
    len += name.len;
    at[len++] = '"';
    at[len++] = ':';
    out->len += len;
}

static const struct record_include *include_of(const struct record *record,
                                               const struct field *field)
{
    for (int i = 0; i < record->include_count; i++) {
        if (record->includes[i].field == field) {
            return &record->includes[i];
        }
    }
    return NULL;
}

/* Included records include none themselves. */
static void write_plain(struct buf *out, const struct record *record, bool nest);

static void write_field(struct buf *out, const struct record *record, int index, bool nest)
{
    const struct field *field = &record->type->fields[index];
    const struct record_include *include =
        nest && record->include_count > 0 ? include_of(record, field) : NULL;
    if (record->has[index] == RECORD_ABSENT && include == NULL) {
        return;
    }
    write_name(out, field->name);
    if (include != NULL && include->record != NULL) {
        write_plain(out, include->record, false);
    } else if (include != NULL) {
        buf_append(out, "null", 4);
    } else if (record->has[index] == RECORD_MASKED && masked_as_text(field)) {
        buf_append_str(out, STR("\"" MASK "\""));
    } else {
        value_write_api(out, &record->values[index]);
    }
}

static void write_plain(struct buf *out, const struct record *record, bool nest)
{
    buf_append(out, "{\"id\":", 6);
    write_id(out, record->id);
    buf_append(out, ",\"version\":", 11);
    json_write_int(out, record->version);
    for (int i = SYS_VERSION + 1; i < record->type->field_count; i++) {
        write_field(out, record, i, nest);
    }
    buf_append_char(out, '}');
}

void record_write_json(struct buf *out, const struct record *record)
{
    write_plain(out, record, true);
}

/* ---- as a value ---- */

static struct value plain_value(struct arena *arena, const struct record *record, bool nest)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "id", value_id(record->id));
    value_put_c(arena, &map, "version", value_int(record->version));
    for (int i = SYS_VERSION + 1; i < record->type->field_count; i++) {
        const struct field *field = &record->type->fields[i];
        const struct record_include *include = nest ? include_of(record, field) : NULL;
        if (record->has[i] == RECORD_ABSENT && include == NULL) {
            continue;
        }
        struct value value;
        if (include != NULL) {
            value =
                include->record != NULL ? plain_value(arena, include->record, false) : value_null();
        } else if (record->has[i] == RECORD_MASKED) {
            value = masked_as_text(field) ? value_text(STR(MASK)) : value_null();
        } else {
            value = value_copy(arena, &record->values[i]);
        }
        value_put(arena, &map, field->name, value);
    }
    return map;
}

struct value record_to_value(struct arena *arena, const struct record *record)
{
    return plain_value(arena, record, true);
}
