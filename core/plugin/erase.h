/* Shared between the two halves of a removal: the file (erase_file.c) and the deletions (erase.c).
 */
#ifndef PROXENOS_PLUGIN_ERASE_H
#define PROXENOS_PLUGIN_ERASE_H

#include "internal.h"

#include "proxenos/store_query.h"

/* The system's rights under the actor who asked; made anew for each group, as types may change. */
struct acting {
    struct scope scope;
    const struct scope *system;
};
void acting_init(struct acting *acting, const struct erasing *erasing);
void acting_deinit(struct acting *acting);
/* A type of the plugin's own. */
bool erasing_is_own(const struct erasing *erasing, const struct object_type *type);

/* erase_file.c: whole or not at all; when the file is there it was written by an earlier try. */
enum err erase_export(struct erasing *erasing, struct error *error) MUST_CHECK;

#endif
