/* Where a field lives in the database: names of tables and columns, and the way one value goes into
 * a statement and comes out of a row. The one place that knows; DDL, writes, queries and the
 * authorizer all ask here. Pure; any thread.
 *
 * Tables
 *   o_<type>            one row per record, `id` is the rowid
 *   l_<type>__<field>   refs:  (source, position, target), primary key (source, position)
 *   m_<type>__<field>   enum with many: (source, value), primary key (source, value)
 * Columns of o_<type> (names hold no double underscore, so the suffixes cannot collide)
 *   <field>             text, enum, duration (ISO 8601), json, file: TEXT; integer, boolean,
 *                       date (days), datetime (ms), ref (id), decimal (unscaled), money (minor
 *                       units): INTEGER; secret: BLOB (sealed; never read by any query)
 *   <field>__currency   money: TEXT
 *   <field>__key        sorted_text: BLOB of column_sort_key, what order, keyset cursors and < >
 * use Null is NULL everywhere; an empty list has no rows. */
#ifndef PROXENOS_STORE_COLUMNS_H
#define PROXENOS_STORE_COLUMNS_H

#include "driver.h"

/* Collation keys are cut here: an order needs no more, and rows stay small. */
enum { COLUMN_KEY_BYTES_MAX = 96 };

/* Has a column of its own in o_<type>: not many-valued, not computed on read. */
bool field_stored(const struct field *field);
/* Lives in a link table: refs, and enum with many. */
bool field_many(const struct field *field);

/* Quoted names, appended: "o_contract", "l_contract__parties", "stage", "value__currency",
 * "name__key". */
void table_name(struct buf *out, const struct object_type *type);
void link_table_name(struct buf *out, const struct object_type *type, const struct field *field);
/* The link table's value column: "target" for refs, "value" for enums. */
const char *link_column(const struct field *field);
void column_name(struct buf *out, const struct field *field);
void column_currency_name(struct buf *out, const struct field *field);
void column_key_name(struct buf *out, const struct field *field);
/* The column that order and comparison use: "name__key" for sorted_text, else "name". */
void column_order_name(struct buf *out, const struct field *field);

/* Names of the indexes that query plans force (INDEXED BY); sqlite/ddl_index.c makes them:
 *   "x_<type>__<field>"         indexed, not unique: on the field's columns
 *   "x_<type>__<field>__key"    sorted_text that is indexed or the title: on the collation key
 *   "xd_<type>__<f>__d_<g>"     declared over several fields, "d_" before descending ones
 * Quoted, appended. */
void index_name(struct buf *out, const struct object_type *type, const struct field *field,
                bool key);
void index_declared_name(struct buf *out, const struct object_type *type,
                         const struct index *index);
/* Part i of a declared index holds the collation key: the last text of several is for order. */
bool index_part_is_key(const struct object_type *type, const struct index *index, int part);

/* What a stored text field's __key holds: text_sort_key, cut. Appended. */
void column_sort_key(struct buf *out, struct str text);

/* How many columns column_list names and column_read takes: 1, money 2 (amount, currency). The
 * key column is never read. */
int column_span(const struct field *field);
/* `alias."f"` or `alias."f", alias."f__currency"`; alias may be empty. For stored fields only. */
void column_list(struct buf *out, const char *alias, const struct field *field);
/* Takes column_span columns from *column on. Text borrows from the row when arena is NULL, else is
 * copied; json is decoded into the arena (which must then be given). ERR_CORRUPT when the row holds
 * something else than the schema says. */
enum err column_read(struct db_stmt *stmt, int *column, const struct field *field,
                     struct arena *arena, struct value *out_value, struct error *error) MUST_CHECK;
/* Binds column_span columns from *index on. The value is of the field's own kind, or null. JSON is
 * encoded into the arena; text borrows. */
void column_bind(struct db_stmt *stmt, int *index, const struct field *field,
                 const struct value *value, struct arena *arena);
/* One element of a many-valued field: VALUE_ID or VALUE_TEXT. */
struct value link_read(struct db_stmt *stmt, int column, const struct field *field,
                       struct arena *arena);
void link_bind(struct db_stmt *stmt, int index, const struct value *element);

#endif
