/* Rows by what they hold: the filters behind ROW_RULE (territories, shared views), bound once when
 * a scope is made, then judged alike by SQL and by the C filter. They are the administrator's
 * words, not the reader's: bound with the system's rights, so that a field that the reader may not
 * see can still decide. Own, stored fields alone: a rule must be judged from the row. */
#ifndef PROXENOS_STORE_RULES_H
#define PROXENOS_STORE_RULES_H

#include "proxenos/store_query.h"

enum {
    RULE_NODES_MAX = 60,       /* of one filter */
    RULES_OF_TYPE_MAX = 64,    /* of one object type in one scope */
    RULE_VALUES_MAX = 5000,    /* constants of one object type in one scope */
    TERRITORY_OBJECTS_MAX = 20 /* object types that one territory speaks of */
};

/* Is this filter fit to be a rule? ERR_FILTER, ERR_UNKNOWN_FIELD, ERR_LIMIT with the pointer. Binds
 * it. Pure; any thread. */
enum err rule_check(const struct schema *schema, const struct object_type *type,
                    const struct value *tree, struct arena *arena, struct filter **out_filter,
                    struct error *error) MUST_CHECK;

/* No rule yet. Holds the schema. One reference. */
struct scope_rules *scope_rules_new(const struct schema *schema);
void scope_rules_ref(const struct scope_rules *rules);
void scope_rules_unref(const struct scope_rules *rules); /* NULL is fine */
/* One more filter for rows of this type: whoever meets any of them is in. tree is copied. As
 * rule_check; ERR_LIMIT past the limits above: then nothing is added. */
enum err scope_rules_add(struct scope_rules *rules, const struct object_type *type,
                         const struct value *tree, struct error *error) MUST_CHECK;

#endif
