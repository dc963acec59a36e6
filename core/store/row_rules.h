/* The inside of scope rules, for those who judge rows by them. */
#ifndef PROXENOS_STORE_ROW_RULES_H
#define PROXENOS_STORE_ROW_RULES_H

#include "proxenos/store_rules.h"

struct scope_rules {
    int references;             /* atomic */
    const struct scope *binder; /* the system's, of the scope's schema: every field, every row */
    struct filter *by_type;     /* by object_type.index: an OR; without children: no rule */
    int *value_counts;
    struct arena arena;
};

/* The OR of the type's rules (of the scope's own snapshot); NULL: there is none. */
const struct filter *scope_rule(const struct scope *scope, const struct object_type *type);

/* ---- judging one row by its owner (record_rights.c) ---- */

/* Without ROW_RULE and without those whose deputy the scope is. */
bool rows_reach(const struct scope *scope, unsigned rule, int64_t owner);
/* Whose deputy it is for rows of this owner and this verb; NULL: nobody's. type is of the scope's
 * own snapshot. */
const struct stand_in *rows_stand_in(const struct scope *scope, const struct object_type *type,
                                     uint32_t verb, int64_t owner);
/* ROWS_ALL, ROWS_SUBTEAMS, ROWS_TEAM, ROWS_OWN or ROWS_NONE: what the rule says of owners. */
enum row_rule rows_by_owner(unsigned rule);

#endif
