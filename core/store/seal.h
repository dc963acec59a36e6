/* Sealing inside the store: secret fields under the store's master key, classed fields of log
 * payloads under a key per data subject (contract 3). */
#ifndef PROXENOS_STORE_SEAL_H
#define PROXENOS_STORE_SEAL_H

#include "internal.h"

/* A secret field's value as it is stored: bytes in arena, bound to this record and field. Any
 * thread. */
struct value seal_secret(struct store *store, struct arena *arena, const struct object_type *type,
                         const struct field *field, int64_t record, struct str plain);

#endif
