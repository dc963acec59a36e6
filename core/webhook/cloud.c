/* An event as CloudEvents 1.0, structured JSON: what a receiver is sent. Attributes of our own keep
 * to the specification's naming (lower-case letters and digits, at most 20). Pure; any thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

static void member(struct buf *out, const char *name, struct str text, bool *first)
{
    if (text.len > 0) {
        json_write_key(out, str_from(name), first);
        json_write_text(out, text);
    }
}

/* Where the record can be read, or the list of events for those that are of no record. */
static void write_source(struct buf *out, const struct cloud_event *event, bool *first)
{
    struct buf source;
    buf_init(&source);
    buf_append_str(&source, STR("/api/v1/"));
    buf_append_str(&source, event->path.len > 0 ? event->path : STR("events"));
    member(out, "source", buf_str(&source), first);
    buf_deinit(&source);
}

static void write_time(struct buf *out, int64_t at_ms, bool *first)
{
    struct buf at;
    buf_init(&at);
    time_format(&at, at_ms);
    member(out, "time", buf_str(&at), first);
    buf_deinit(&at);
}

/* A notice names what changed; changes also bring the values, as the view may see them. */
static void write_data(struct buf *out, const struct cloud_event *event, struct str record)
{
    const struct log_entry *entry = event->entry;
    bool whole = event->payload == PAYLOAD_CHANGES && entry->payload.len > 2;
    bool first = true;
    if (record.len == 0 && whole) {
        buf_append_str(out, entry->payload); /* a plugin's own event: JSON of our own writing */
        return;
    }
    buf_append_char(out, '{');
    if (record.len > 0) {
        member(out, "object", entry->object, &first);
        member(out, "record", record, &first);
        json_write_key(out, STR("version"), &first);
        json_write_int(out, entry->version);
    }
    if (whole) {
        buf_append_char(out, ',');
        buf_append_str(out, str_sub(entry->payload, 1, entry->payload.len)); /* with its brace */
        return;
    }
    buf_append_char(out, '}');
}

void cloud_write(const struct cloud_event *event, struct buf *out)
{
    const struct log_entry *entry = event->entry;
    char record[ID_TEXT_LEN + 1] = "";
    bool first = true;
    if (entry->record != 0) {
        id_format(entry->record, record);
    }
    buf_append_char(out, '{');
    member(out, "specversion", STR("1.0"), &first);
    member(out, "id", event->id, &first);
    write_source(out, event, &first);
    member(out, "type", entry->type, &first);
    member(out, "subject", str_from(record), &first);
    write_time(out, entry->at_ms, &first);
    member(out, "datacontenttype", STR("application/json"), &first);
    member(out, "dataschema",
           event->payload == PAYLOAD_CHANGES ? STR("urn:proxenos:payload:changes:1")
                                             : STR("urn:proxenos:payload:notice:1"),
           &first);
    member(out, "state", entry->state, &first);
    member(out, "actor", entry->actor, &first);
    member(out, "via", entry->via, &first);
    json_write_key(out, STR("data"), &first);
    write_data(out, event, str_from(record));
    buf_append_char(out, '}');
}
