/* Compartments inside the store: their records as the parts of it read and write them. Writer
 * thread. */
#ifndef PROXENOS_STORE_COMPARTMENT_INTERNAL_H
#define PROXENOS_STORE_COMPARTMENT_INTERNAL_H

#include "approval.h"
#include "proxenos/store_compartment.h"

struct compartment_found {
    int64_t *ids;
    size_t count;
};

/* Those of this id, else of this name; none is no error. */
enum err compartment_find(struct tx *tx, struct str name_or_id, struct compartment_found *out_found,
                          struct error *error) MUST_CHECK;
enum err compartment_get(struct tx *tx, int64_t id, struct record **out_record,
                         struct error *error) MUST_CHECK;
/* All that was ever asked for here. */
enum err access_all(struct tx *tx, int64_t compartment, struct referrers *out_found,
                    struct error *error) MUST_CHECK;
/* Is this one inside now? */
bool access_in_force(const struct record *access, int64_t now_ms);
/* One that the unit's scope may read; *out_inside: as what it is inside. */
enum err access_load(struct tx *tx, int64_t id, struct record **out_access,
                     const struct scope_compartment **out_inside, struct error *error) MUST_CHECK;

/* A draft of a new access, with what all kinds have. */
struct access_kind {
    const char *kind, *state;
    int64_t compartment;
};
enum err access_draft(struct tx *tx, const struct access_kind *kind,
                      const struct compartment_who *who, struct draft **out_draft,
                      struct error *error) MUST_CHECK;
enum err access_write(struct tx *tx, const struct draft *draft, struct record **out_access,
                      struct error *error) MUST_CHECK;
enum err compartment_text(struct str text, const char *pointer, bool needed,
                          struct error *error) MUST_CHECK;

#endif
