/* Shared by the files that answer questions: operators, rights on fields, dotted paths, cursors.
 * SQL is made in core/store/sqlite/select.h. Pure but for what takes a reader; any thread. */
#ifndef PROXENOS_STORE_QUERY_INTERNAL_H
#define PROXENOS_STORE_QUERY_INTERNAL_H

#include "proxenos/store_query.h"

enum {
    PATH_BYTES_MAX = 200,
    FILTER_TEXT_BYTES_MAX = 16 * 1024,
    PATTERN_BYTES_MAX = 256, /* of like, contains, prefix: bounds what one row may cost */
    CURSOR_TEXT_MAX = 4096
};

/* As error_at with texts that need no NUL, and the nearest valid name (may be empty), which the
 * sentence ends with. */
enum err query_error(struct error *error, enum err err, struct str pointer, struct str value,
                     struct str nearest, const char *format, ...) PRINTF_LIKE(6, 7);

/* ---- operators (filter_op.c) ---- */

const char *filter_op_name(enum filter_op op);
/* ERR_UNKNOWN_OPERATOR with the nearest one. */
enum err filter_op_find(struct str word, struct str pointer, enum filter_op *out_op,
                        struct error *error) MUST_CHECK;
/* What an operator takes. */
enum op_arity { ARITY_ONE, ARITY_LIST, ARITY_NULLNESS, ARITY_DAYS, ARITY_PAIR, ARITY_PATTERN };
enum op_arity filter_op_arity(enum filter_op op);
/* ERR_FILTER when a field of this kind has no such operator; names those that it has. */
enum err filter_op_fits(const struct filter *test, struct error *error) MUST_CHECK;

/* ---- rights (query_path.c) ---- */

/* The same object type in the scope's own snapshot, which its grants index; NULL when it is not
 * there. */
const struct object_type *scope_type(const struct scope *scope, const struct object_type *type);
enum field_access scope_field(const struct scope *scope, const struct object_type *type,
                              const struct field *field);
/* May read some record of this type at all. */
bool scope_reads(const struct scope *scope, const struct object_type *type);
/* ERR_FORBIDDEN when it may not. The root of a question. */
enum err query_root(const struct scope *scope, const struct object_type **type,
                    struct error *error) MUST_CHECK;

/* ---- paths (query_path.c) ---- */

/* "organisation.industry" from `type`, rights applied at every hop: what may not be asked is an
 * unknown field, and is never suggested. */
enum err path_bind(const struct scope *scope, const struct object_type *type, struct str path,
                   struct str pointer, struct field_path *out_path, struct error *error) MUST_CHECK;
/* What lies behind a ref: NULL when the scope may not read it. */
const struct object_type *path_target(const struct scope *scope, const struct field *field);
/* Has an order: can stand in order=, in < and >. */
bool path_ordered(const struct field_path *path);
/* Text that is ordered and compared by its collation key (column_sort_key). */
bool path_collated(const struct field_path *path);
/* Never NULL in any row. */
bool path_never_null(const struct field_path *path);

/* ---- orders (query_bind.c) ---- */

/* The direction of the id, the last part of every order: that of the part before it; newest first
 * when there is none. */
bool query_id_descending(const struct query *query);
/* The parts before the id. */
int query_part_count(const struct query *query);

/* ---- binding (filter_bind.c) ---- */

enum err filter_bind(struct filter *filter, const struct scope *scope,
                     const struct object_type *type, struct arena *arena,
                     struct error *error) MUST_CHECK;

/* ---- matching (filter_match.c) ---- */

/* On folded text: % any run, _ one character, backslash takes the next one literally. Linear in
 * text × pattern. */
bool like_match(struct str folded_text, struct str folded_pattern);
/* [from, to] in ms or days for last_days and next_days on this field. */
void days_window(const struct filter *test, int64_t now_ms, int64_t *out_from, int64_t *out_to);

/* ---- cursors (cursor.c) ---- */

enum { CURSOR_VALUES_MAX = ORDER_PARTS_MAX + 1 };
/* Where a page ended: one value per order part as the database compares it (null, integer, text or
 * bytes), the id last. */
struct cursor {
    struct value values[CURSOR_VALUES_MAX];
    int value_count;
};
struct str cursor_seal(const unsigned char key[32], const struct query *query,
                       const struct cursor *cursor, struct arena *arena);
/* ERR_CURSOR. */
enum err cursor_open(const unsigned char key[32], const struct query *query, struct arena *arena,
                     struct cursor *out_cursor, struct error *error) MUST_CHECK;

#endif
