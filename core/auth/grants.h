/* Rights of roles worked out against one schema snapshot: what a scope points to. Made by one
 * thread, then immutable and shared under an atomic count. */
#ifndef PROXENOS_AUTH_GRANTS_H
#define PROXENOS_AUTH_GRANTS_H

#include "roles.h"

struct grants {
    int references;              /* atomic */
    const struct schema *schema; /* held */
    bool admin, audit, opens, breaks_glass;
    struct scope_grant *items; /* by object_type.index; their fields point into this block */
};

/* Nothing is allowed yet. Holds the schema. */
struct grants *grants_new(const struct schema *schema);
void grants_ref(struct grants *grants);
void grants_unref(struct grants *grants); /* NULL is fine; any thread */
/* Every verb, row and field: administrators. */
void grants_add_all(struct grants *grants);
/* Saved views: everybody has his own, and sees those that are shared with him. */
void grants_add_views(struct grants *grants);
/* The widest of what is there and what the role says. */
void grants_add_role(struct grants *grants, const struct role_rules *rules);

/* What a token or a plugin may do at most, in the order of the schema. */
struct grants *grants_copy(const struct scope_grant *items, const struct schema *schema);
/* The narrower of the two for every object type and field; both of one schema. admin and audit are
 * left alone. */
void grants_intersect(struct grants *grants, const struct scope_grant *other);

/* For makers of grants: raises one object type. Access to readonly fields stops at readable. */
void grants_raise(struct grants *grants, const struct object_type *type, uint32_t verbs,
                  enum row_rule read_rows, enum row_rule write_rows);
void grants_raise_field(struct grants *grants, const struct object_type *type,
                        const struct field *field, enum field_access access);
/* After the last change of an object type: a field that no verb can write is at most readable. */
void grants_settle(struct grants *grants);

#endif
