/* Shared between the files of bulk writes: reading the rows of a body (bulk_read.c), finding them
 * by a filter (bulk_filter.c), writing them (bulk.c). Used on the lane's thread. */
#ifndef PROXENOS_API_BULK_H
#define PROXENOS_API_BULK_H

#include "internal.h"

#include "proxenos/store_changeset.h"

enum { ROWS_MAX = 100000, WINDOW = 256 };

struct bulk;

struct row {
    struct unit unit;
    struct bulk *bulk;
    struct draft *draft;
    int64_t number;
    struct tx_result result;
    enum err err; /* of making the draft, or of the unit */
    struct error error;
    bool ended;
    struct str duplicates; /* JSON: ids of candidates, where the type only warns */
};

struct bulk {
    struct work work;
    struct call *call;
    struct mailbox *mailbox; /* the lane thread's own, for units' answers */
    struct reader *reader;
    struct row *rows;
    size_t row_count, ended_count, under_way;
    bool atomic, dry_run, allow_duplicates;
    enum bulk_conflict { BULK_ERROR, BULK_SKIP, BULK_UPDATE } conflict;
    const struct field *key;
    struct changeset changeset; /* of all rows */
    struct unit whole;          /* atomic */
    struct hook_call hook;
    bool hook_done;
    struct message hook_message;
    size_t failed;
    bool changed; /* some row was written */
    /* After a whole unit went well, while the rows' new records are there; may be NULL. */
    void (*written)(struct bulk *bulk);
};

/* bulk.c: makes the row's draft; what is wrong with it is kept in the row. */
void bulk_row_take(struct bulk *bulk, struct row *row, const struct value *map);
void bulk_row_failed(struct row *row, enum err err);
/* bulk.c: the before-hooks of all drafts of this kind. */
enum err bulk_ask_hooks(struct bulk *bulk, enum draft_kind kind) MUST_CHECK;
/* bulk.c: all rows in one unit; a dry run that went well is OK. The row that failed has its error,
 * and `failed` says which (from 1). */
enum err bulk_send_whole(struct bulk *bulk);

/* bulk_read.c: every row of the body, each taken or failed. An error is the whole request's. */
enum err bulk_read(struct bulk *bulk, struct error *error) MUST_CHECK;

#endif
