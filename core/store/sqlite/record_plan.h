/* The SQL of one object type's rows, made once per schema epoch. Writer thread. */
#ifndef PROXENOS_STORE_SQLITE_RECORD_PLAN_H
#define PROXENOS_STORE_SQLITE_RECORD_PLAN_H

#include "../internal.h"

struct record_plan {
    struct str insert; /* all columns, in record_plan_columns' order */
    struct str select; /* ?1 id → the columns of fields that record_plan_reads */
    struct str head;   /* ?1 id → owner, compartment, archived_at */
    struct str remove; /* ?1 id */
    struct str *link_select, *link_insert, *link_remove; /* by field index; empty: no link table */
    bool has_links;
};

/* Lives until the schema changes or the store closes. */
const struct record_plan *record_plan_of(struct tx *tx, const struct object_type *type);
/* Forgets all: before and after tables change. */
void record_plans_reset(struct store *store);
/* Read back on the writer: stored and no secret. */
bool record_plan_reads(const struct field *field);

#endif
