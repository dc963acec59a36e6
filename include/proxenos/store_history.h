/* The past of one record, read from the log: what it was at a moment, and why a field holds what it
 * holds. The reader's thread. */
#ifndef PROXENOS_STORE_HISTORY_H
#define PROXENOS_STORE_HISTORY_H

#include "proxenos/store_log.h"

/* A moment as people name it: a time (RFC 3339), or a date, which means the end of that day in UTC.
 * Takes a text, a date or a time; ERR_TYPE. */
enum err history_time(const struct value *at, int64_t *out_ms, struct error *error) MUST_CHECK;

/* The record as it was at this moment, put together from the log; fields that the scope is shown.
 * Who may not see the record today does not see its past; fields that are no longer declared and
 * those computed on read are absent. ERR_NOT_FOUND when there was no such record then, ERR_ERASED
 * when a part of it has been erased. Lives in arena. */
enum err reader_as_of(struct reader *reader, const struct scope *scope,
                      const struct object_type *type, int64_t id, int64_t at_ms,
                      struct arena *arena, struct record **out_record,
                      struct error *error) MUST_CHECK;

/* Which change gave the field the value that it holds: `entry` is called with the change's log
 * entry, then with the entries that caused it, nearest first, as far as the scope may see them. An
 * empty field that was never set: the entry that made the record. ERR_NOT_FOUND for no such
 * record, ERR_ERASED when the answer was erased. */
struct why {
    const struct object_type *type;
    const struct field *field; /* readable by the scope, or masked */
    int64_t id;
    log_cb entry;
    void *context;
};
enum err reader_why(struct reader *reader, const struct scope *scope, const struct why *why,
                    struct error *error) MUST_CHECK;

#endif
