/* Records as CSV or NDJSON. CSV is for spreadsheets: text is made safe, numbers and dates are
 * plain, money is two columns. NDJSON is the record as the API shows it. Any one thread. */
#include "proxenos/transfer.h"

#include "proxenos/base_json.h"
#include "proxenos/base_number.h"
#include "proxenos/format.h"

struct exporter {
    const struct query *query;
    enum export_format format;
    struct buf scratch;
};

struct exporter *exporter_new(const struct query *bound, enum export_format format)
{
    ASSERT(bound->bound);
    struct exporter *exporter = mem_zalloc(sizeof(*exporter));
    exporter->query = bound;
    exporter->format = format;
    buf_init(&exporter->scratch);
    return exporter;
}

void exporter_free(struct exporter *exporter)
{
    if (exporter != NULL) {
        buf_deinit(&exporter->scratch);
        mem_free(exporter);
    }
}

static bool shown(const struct exporter *exporter, const struct field *field)
{
    return exporter->query->selected[field->index] != 0;
}

void exporter_header(struct exporter *exporter, struct buf *out)
{
    const struct object_type *type = exporter->query->type;
    bool first = true;
    if (exporter->format == EXPORT_NDJSON) {
        return;
    }
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!shown(exporter, field)) {
            continue;
        }
        csv_write_text(out, first, field->name);
        first = false;
        if (field->type == FIELD_MONEY) {
            buf_reset(&exporter->scratch);
            buf_printf(&exporter->scratch, STR_FORMAT "_currency", STR_ARGS(field->name));
            csv_write_text(out, false, buf_str(&exporter->scratch));
        }
    }
    csv_write_end(out);
}

static void write_money(struct exporter *exporter, const struct value *value, struct buf *out,
                        bool first)
{
    struct str currency = str_from(value->currency);
    int digits = currency_digits(currency);
    buf_reset(&exporter->scratch);
    decimal_format(&exporter->scratch, value->integer, digits < 0 ? 0 : digits);
    csv_write_raw(out, first, buf_str(&exporter->scratch));
    csv_write_text(out, false, currency);
}

/* "client; supplier", as the import reads it. */
static void write_list(struct exporter *exporter, const struct value *list, struct buf *out,
                       bool first)
{
    struct buf *scratch = &exporter->scratch;
    char id[ID_TEXT_LEN + 1];
    buf_reset(scratch);
    for (size_t i = 0; i < list->list.count; i++) {
        const struct value *item = &list->list.items[i];
        buf_append_str(scratch, i > 0 ? STR("; ") : STR(""));
        if (item->kind == VALUE_TEXT) {
            buf_append_str(scratch, item->text);
        } else if (item->kind == VALUE_ID) {
            id_format(item->integer, id);
            buf_append_str(scratch, str_from(id));
        } else {
            json_encode(scratch, item);
        }
    }
    csv_write_text(out, first, buf_str(scratch));
}

/* JSON writes these as bare numbers or as quoted text without anything to escape. */
static void write_plain(struct exporter *exporter, const struct value *value, struct buf *out,
                        bool first)
{
    buf_reset(&exporter->scratch);
    json_encode(&exporter->scratch, value);
    struct str text = buf_str(&exporter->scratch);
    if (text.len >= 2 && text.at[0] == '"') {
        text = str_sub(text, 1, text.len - 2);
    }
    csv_write_raw(out, first, text);
}

static void write_cell(struct exporter *exporter, const struct value *value, struct buf *out,
                       bool first)
{
    char id[ID_TEXT_LEN + 1];
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        csv_write_raw(out, first, STR(""));
        break;
    case VALUE_TEXT:
        csv_write_text(out, first, value->text);
        break;
    case VALUE_ID:
        id_format(value->integer, id);
        csv_write_raw(out, first, str_from(id));
        break;
    case VALUE_MONEY:
        write_money(exporter, value, out, first);
        break;
    case VALUE_LIST:
        write_list(exporter, value, out, first);
        break;
    case VALUE_MAP:
        buf_reset(&exporter->scratch);
        json_encode(&exporter->scratch, value);
        csv_write_text(out, first, buf_str(&exporter->scratch));
        break;
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_BYTES:
        write_plain(exporter, value, out, first);
        break;
    }
}

static void write_csv(struct exporter *exporter, const struct record *record, struct buf *out)
{
    const struct object_type *type = exporter->query->type;
    const struct value null = value_null();
    bool first = true;
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!shown(exporter, field)) {
            continue;
        }
        const struct value id = value_id(record->id);
        const struct value version = value_int(record->version);
        const struct value *value = i == SYS_ID                    ? &id
                                    : i == SYS_VERSION             ? &version
                                    : record->has[i] == RECORD_HAS ? &record->values[i]
                                                                   : &null;
        write_cell(exporter, value, out, first);
        first = false;
        if (field->type == FIELD_MONEY && value->kind != VALUE_MONEY) {
            csv_write_raw(out, false, STR(""));
        }
    }
    csv_write_end(out);
}

void exporter_row(struct exporter *exporter, const struct record *record, struct buf *out)
{
    if (exporter->format == EXPORT_CSV) {
        write_csv(exporter, record, out);
        return;
    }
    record_write_json(out, record);
    buf_append_char(out, '\n');
}
