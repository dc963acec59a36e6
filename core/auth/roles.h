/* What one role says, read from its grants. Pure; any thread may read the result. */
#ifndef PROXENOS_AUTH_ROLES_H
#define PROXENOS_AUTH_ROLES_H

#include "proxenos/auth.h"

enum {
    RULES_MAX = 400,       /* object types named by one role */
    FIELD_RULES_MAX = 300, /* fields named for one object type */
    VERBS_WRITE = VERB_CREATE | VERB_UPDATE | VERB_DELETE | VERB_IMPORT,
    FIELD_UNSAID = 0xff
};

struct field_rule {
    struct str name;
    uint8_t access; /* enum field_access */
};

/* One entry of a role's grants. */
struct rule_set {
    struct str object; /* "*": every business object that has no entry of its own */
    uint32_t verbs;
    uint8_t read_rows, write_rows; /* of enum row_rule; writing is never wider than reading */
    uint8_t classes[CLASS_COUNT];  /* enum field_access, or FIELD_UNSAID */
    struct field_rule *fields;
    size_t field_count;
};

struct role_rules {
    struct rule_set *sets;
    size_t count;
};

/* Strict: one wrong word and the role gives nothing. Texts are copied to arena. ERR_INVALID with
 * pointer "/organisation/verbs/0", the nearest valid word; ERR_LIMIT. Names of object types and
 * fields are not looked up: a plugin may be away for a while. */
enum err role_rules_read(struct arena *arena, const struct value *grants,
                         struct role_rules *out_rules, struct error *error) MUST_CHECK;
/* The entry that counts for this type: its own, else "*" for business objects; NULL: none. */
const struct rule_set *role_rules_for(const struct role_rules *rules, struct str object);

/* "read", "approve", also "write" (all four writing verbs) and "*"; 0 when there is no such verb.
 */
uint32_t verb_of(struct str word);
/* user, team, role, token, webhook, legal_hold: "*" does not reach them. */
bool object_is_guarded(struct str object);

#endif
