/* Questions as SQL: the pieces that statements are put together from. Identifiers come from the
 * schema alone, every value is bound; the scope's row rules stand on the root and on every joined
 * object. A struct sql is one statement in the making, of one thread. */
#ifndef PROXENOS_STORE_SQLITE_SELECT_H
#define PROXENOS_STORE_SQLITE_SELECT_H

#include "../columns.h"
#include "../query.h"

enum {
    SQL_JOINS_MAX = 48,     /* SQLite joins at most 64 tables */
    SQL_REF_JOINS_MAX = 32, /* refs shown beyond these are probed one by one */
    SQL_BINDS_MAX = 30000,  /* of SQLite's 32,766 */
    LIST_SEPARATOR = 0x1f   /* between the elements of a many-valued field */
};

/* Alias of a table in the statement: the root "r", then what refs lead to: "j1" … */
struct sql_join {
    int parent; /* -1: the root */
    const struct field *ref;
    const struct object_type *type;
    char alias[8];
};

struct sql {
    struct arena *arena;
    const struct scope *scope;
    int64_t now_ms;
    struct sql_join joins[SQL_JOINS_MAX];
    int join_count;
    struct str ahead;    /* of the root: `"l_…" g cross join `, borrowed while sql_from writes */
    struct value *binds; /* ?1 … */
    int bind_count, bind_cap;
    enum err err; /* ERR_LIMIT: too many joins or values; the statement must not run */
};

/* ---- pieces (select.c) ---- */

void sql_init(struct sql *sql, struct arena *arena, const struct scope *scope,
              const struct object_type *root, int64_t now_ms);
/* Writes ?N and keeps the value: null, bool, integer kinds, text, bytes. Borrows text. */
void sql_bind(struct sql *sql, struct buf *out, const struct value *value);
void sql_bind_int(struct sql *sql, struct buf *out, int64_t number);
/* The join that the ref of `parent` leads to; made if it is not there. */
int sql_join(struct sql *sql, int parent, const struct field *ref);
/* The join that holds the path's field. */
int sql_path(struct sql *sql, int from, const struct field_path *path);
const char *sql_alias(const struct sql *sql, int join);
/* All records of the type may be read. */
bool sql_open(const struct scope *scope, const struct object_type *type);
/* " and …" for each rule that rows under this alias must meet; nothing when all are open. */
void sql_visible(struct sql *sql, struct buf *out, const char *alias,
                 const struct object_type *type);
/* Does the row meet the rules for what it holds that the scope has for its type? */
enum err sql_meets_rule(struct db *db, const struct scope *scope, const struct object_type *type,
                        int64_t id, bool *out_meets, struct error *error) MUST_CHECK;
/* A ref's id as the scope may see it: null when it leads to a record that may not be read. */
void sql_ref(struct sql *sql, struct buf *out, int join, const struct field *ref);
/* alias."field", or what stands for it: refs as sql_ref, money its amount or currency. */
void sql_value(struct sql *sql, struct buf *out, int join, const struct field_path *path);
/* What the database orders and compares by: the collation key of collated text, else the value. */
void sql_key(struct sql *sql, struct buf *out, int join, const struct field_path *path);
/* `from "o_type" r indexed by … left join …`; forced is an index's quoted name, "-" for the rowid
 * alone, or empty. After everything else was written: it takes the joins made so far. */
void sql_from(struct sql *sql, struct buf *out, struct str forced);
/* Prepares (cached by its text) and binds. */
enum err sql_start(struct sql *sql, struct db *db, const struct buf *text,
                   struct db_stmt **out_stmt, struct error *error) MUST_CHECK;
void sql_bind_all(const struct sql *sql, struct db_stmt *stmt);

/* ---- conditions (where.c) ---- */

/* A condition that is never unknown where it matters: what is null or 0 is not chosen. */
void where_filter(struct sql *sql, struct buf *out, const struct filter *filter);
void where_test(struct sql *sql, struct buf *out, const struct filter *test, int join);
/* "1" and then ` and …`: row rules, archived, filter. */
void where_root(struct sql *sql, struct buf *out, const struct filter *filter, bool archived);

/* ---- order and keyset (order.c) ---- */

enum order_mode {
    ORDER_SORT,   /* one statement that sorts; nulls placed by the order itself */
    ORDER_FILLED, /* walking an index: the rows where the first part has a value */
    ORDER_NULLS   /* … and then those where it has none */
};
void order_by(struct sql *sql, struct buf *out, const struct query *query, enum order_mode mode);
/* ` and …`: the rows of this mode behind the cursor (NULL: all of them). */
void order_after(struct sql *sql, struct buf *out, const struct query *query, enum order_mode mode,
                 const struct cursor *cursor);
/* `, e1, e2`: the values that a cursor keeps. */
void order_columns(struct sql *sql, struct buf *out, const struct query *query);
struct value order_cell(struct db_stmt *stmt, int column, struct arena *arena);

/* ---- what is read of a row (selection.c) ---- */

struct select_slot {
    const struct field *field;
    struct value *out;
};
struct select_input {
    struct str path;
    enum path_part part;
    struct value value;
};
struct select_computed {
    const struct field *field;
    struct value *out;
    struct select_input *inputs;
    size_t input_count;
};
struct selection {
    struct record record; /* scratch: filled anew by each row */
    struct select_slot *slots;
    int slot_count;
    struct select_computed *computed;
    int computed_count;
    struct record
        *included[INCLUDE_MAX]; /* scratch; record.includes has NULL for what is not there */
    int order_column;           /* the first of order_columns */
    int64_t now_ms;
};
/* Writes the columns and lays out the record in sql->arena. `selected` per field (NULL: all that
 * the scope is shown); includes: refs of the root. */
void selection_make(struct sql *sql, struct buf *out, const struct object_type *type,
                    const uint8_t *selected, struct selection *out_selection);
void selection_include(struct sql *sql, struct buf *out, const struct query *query,
                       struct selection *selection);
/* The row into selection->record. Lists, JSON and computed values go into `row`; text borrows from
 * the statement, or is copied there when `copy`. */
enum err selection_read(struct selection *selection, struct db_stmt *stmt, struct arena *row,
                        bool copy, struct error *error) MUST_CHECK;

/* ---- plans (plan.c, probe.c) ---- */

enum plan_kind {
    PLAN_FREE, /* SQLite chooses */
    PLAN_WALK, /* the index that has the order, row by row, until the page is full */
    PLAN_DRIVE /* the index of a selective condition, then sort */
};
/* A condition with an index of its own, which a statement may start from. */
enum driver_kind { DRIVER_TEST, DRIVER_JOINED, DRIVER_MANY, DRIVER_OWNER };
struct driver {
    enum driver_kind kind;
    const struct filter *test; /* TEST, MANY */
    const struct field *field; /* the indexed one; JOINED: the ref */
};
struct plan {
    enum plan_kind kind;
    struct str forced;    /* for sql_from */
    int64_t trial_steps;  /* WALK: may turn out slow, see plan_again; 0: walk for good */
    struct driver driver; /* DRIVE */
};
struct planner {
    struct db *db;
    const struct query *query;
    struct arena *arena;
    int64_t now_ms;
};
/* The second is for those who found nothing in the first: about a tenth of what reading a million
 * rows costs. */
enum { PLAN_TRIAL_STEPS = 100000, PLAN_LONG_TRIAL_STEPS = 2000000 };
/* Looks at the database by short probes: few rows behind some condition → drive from them; else
 * walk the order, if it has an index. */
enum err plan_choose(const struct planner *planner, struct plan *out_plan,
                     struct error *error) MUST_CHECK;
/* After a trial walk used up its steps: longer probes, then the walk for good; when it had found no
 * row yet, a longer trial first, then a scan. */
enum err plan_again(const struct planner *planner, bool found_any, struct plan *plan,
                    struct error *error) MUST_CHECK;
/* For counts and aggregates, which have no page: drive or free. */
enum err plan_narrow(const struct planner *planner, struct plan *out_plan,
                     struct error *error) MUST_CHECK;
/* ` and …`: the driver's condition in the form that its index serves. */
void plan_condition(struct sql *sql, struct buf *out, const struct query *query,
                    const struct plan *plan);
/* Phases of a page: whether the first order part is walked by value and then by null. */
bool plan_phases(const struct query *query, const struct plan *plan);

/* Conditions of the query that an index serves; at most `most`. (driver.c) */
int drivers_of(const struct query *query, struct driver *drivers, int most);
void driver_condition(struct sql *sql, struct buf *out, const struct query *query,
                      const struct driver *driver);
struct str driver_index(struct arena *arena, const struct query *query,
                        const struct driver *driver);
/* How many rows a driver leads to, counted up to `most`; `most` also when that took more than
 * `steps`. */
enum err driver_count(const struct planner *planner, const struct driver *driver, int64_t most,
                      int64_t steps, int64_t *out_count, struct error *error) MUST_CHECK;

#endif
