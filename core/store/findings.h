/* Collects the findings of one validation: the first goes into the caller's error, the others are
 * chained behind it. Used by schema building and drafts. One thread. */
#ifndef PROXENOS_STORE_FINDINGS_H
#define PROXENOS_STORE_FINDINGS_H

#include "proxenos/base_value.h"

enum { FINDINGS_MAX = 100 };

struct findings {
    struct arena *arena; /* of the chained ones; NULL: only the first is kept */
    struct error *first; /* the caller's; may be NULL */
    struct error *last;
    int count;
    enum err err; /* of the first finding */
};
void findings_init(struct findings *findings, struct arena *arena, struct error *error);
/* A place for the next finding, to be filled by a callee; NULL when it is not wanted any more. If
 * the callee failed, findings_take keeps it; otherwise the slot is simply left. */
struct error *findings_slot(struct findings *findings);
void findings_take(struct findings *findings, struct error *slot, enum err err);
/* As error_at, into the next place; `nearest` may be empty. */
void findings_add(struct findings *findings, enum err err, const char *pointer, struct str value,
                  struct str nearest, const char *format, ...) PRINTF_LIKE(6, 7);
/* A value as findings show it: scalars as text, others by their kind. Cut; in arena. */
struct str findings_show(struct arena *arena, const struct value *value);

#endif
