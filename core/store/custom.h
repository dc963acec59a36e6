/* The tree of what is declared at run time:
 *   { objects = { x_vessel = {…} }, extend = { organisation = { fields = {…} } },
 *     archived = { objects = { x_old = {…} }, fields = { organisation = {…} } } }
 * Pure but for load and save. */
#ifndef PROXENOS_STORE_CUSTOM_INTERNAL_H
#define PROXENOS_STORE_CUSTOM_INTERNAL_H

#include "driver.h"
#include "proxenos/store_custom.h"

/* The plugin's name of its source, which no plugin may have. */
#define CUSTOM_SOURCE "custom"
#define CUSTOM_NAMES                                                                               \
    "names that begin with x_ are those of custom object types and fields, which are declared "    \
    "while the service runs: take another name in a plugin, one with x_ there"
bool custom_name(struct str name); /* begins with x_ */

/* custom_edit.c: one change of the tree. */
struct custom_edit {
    enum custom_action action;
    struct str object, field;
    const struct value *given;
    const struct schema *schema; /* as it is declared now */
    struct arena *arena;
};
/* *tree is replaced. A field's or an object's place in the findings of schema_build goes to
 * `out_place`: "custom: extend.organisation.fields[2]". */
enum err custom_edit(const struct custom_edit *edit, struct value *tree, char out_place[160],
                     struct error *error) MUST_CHECK;
/* What of the tree can be declared beside these sources: types of plugins that are not there, and
 * references to them, wait until they are there again. */
struct value custom_effective(struct arena *arena, const struct value *tree,
                              const struct schema_source *sources, size_t count);
/* The declared fields of an object type in the tree: a list, or NULL; likewise the archived ones.
 */
const struct value *custom_fields(const struct value *tree, struct str object);
const struct value *custom_archived_fields(const struct value *tree, struct str object);
const struct value *custom_field_named(const struct value *fields, struct str name, size_t *out_at);

/* sqlite/ddl_custom.c. The empty tree when there is none. */
enum err custom_load(struct db *db, struct arena *arena, struct value *out_tree,
                     struct error *error) MUST_CHECK;
enum err custom_save(struct db *db, const struct value *tree, struct error *error) MUST_CHECK;

#endif
