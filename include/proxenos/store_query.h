/* Questions to the store: one abstract tree (filter, order, page, fields, include, aggregate), the
 * same from HTTP, Lua and search bodies. Parsing is pure; binding resolves names against schema and
 * scope; a field that the scope may not read is an unknown field. */
#ifndef PROXENOS_STORE_QUERY_H
#define PROXENOS_STORE_QUERY_H

#include "proxenos/store.h"

enum {
    QUERY_LIMIT_DEFAULT = 50,
    QUERY_LIMIT_MAX = 1000,
    FILTER_DEPTH_MAX = 16,
    FILTER_NODES_MAX = 200,
    FILTER_LIST_MAX = 1000,
    PATH_HOPS_MAX = 3,
    ORDER_PARTS_MAX = 4,
    INCLUDE_MAX = 8,
    COUNT_CAP = 10000
};

/* A dotted path after binding: over `hops` (ref fields, each of the type before) to `field` of
 * `type`. Money may be named whole or by part: "value.amount", "value.currency". */
enum path_part { PART_WHOLE, PART_AMOUNT, PART_CURRENCY };
struct field_path {
    const struct field *hops[PATH_HOPS_MAX];
    int hop_count;
    const struct object_type *type;
    const struct field *field; /* NULL: not bound yet */
    enum path_part part;
};

enum filter_kind { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_TEST };
enum filter_op {
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NIN,
    OP_IS,
    OP_LIKE,
    OP_PREFIX,
    OP_CONTAINS,
    OP_HAS,
    OP_ANY,
    OP_BETWEEN,
    OP_LAST_DAYS,
    OP_NEXT_DAYS,
    OP_BEFORE,
    OP_AFTER,
    OP_COUNT
};
/* Meaning, shared by SQL and C through one test table: a test on null is false but for `is null`;
 * ne and nin are true for null (what people expect of "not"); like: folded, % and _ ; contains,
 * prefix: folded substring; has / any: a many-valued field holds this / one of these; in over an
 * empty list is false. */
struct filter {
    enum filter_kind kind;
    struct filter **children;
    int child_count;
    struct str path;
    enum filter_op op;
    struct value value; /* TEST, as written */
    struct str pointer; /* where in the source, for errors: "filter, position 5", "/filter/stage" */
    /* set by query_bind: */
    struct field_path target;
    struct value *typed;
    int typed_count;
};
/* and(stage[in]:["won","lost"],organisation.industry[eq]:"energy"). ERR_FILTER with pointer
 * "filter, position N". */
enum err filter_parse(struct arena *arena, struct str text, struct filter **out_filter,
                      struct error *error) MUST_CHECK;
/* { stage = { "in", {…} }, ["organisation.industry"] = "energy", or = { … }, not = { … }, and = { …
 * } }: a map is an AND of its entries; a list of maps under or/and; the value is plain (eq; null:
 * is null), { op, value } or { "op": value }. */
enum err filter_from_value(struct arena *arena, const struct value *tree,
                           struct filter **out_filter, struct error *error) MUST_CHECK;

struct query {
    const struct object_type *type;
    struct filter *filter; /* NULL: all */
    struct order_part {
        struct str path;
        bool descending;
        struct field_path target;
    } order[ORDER_PARTS_MAX];
    int order_count; /* 0: -id (newest first); id is always the last part */
    struct str *fields;
    int field_count; /* 0: all readable */
    struct str include[INCLUDE_MAX];
    int include_count;
    int limit;
    struct str after; /* cursor; empty: first page */
    enum count_mode { COUNT_NONE, COUNT_CAPPED, COUNT_EXACT } count;
    bool archived; /* archived records too: ERR_FORBIDDEN without the audit role */
    bool bound;
    const struct scope *scope; /* set by query_bind */
    uint8_t *selected;         /* per field */
};
/* order=-updated_at,name · fields=name,stage · include=organisation,owner: into the query (still
 * names). */
enum err query_order(struct query *query, struct str text, struct error *error) MUST_CHECK;
enum err query_fields(struct query *query, struct arena *arena, struct str text,
                      struct error *error) MUST_CHECK;
enum err query_include(struct query *query, struct str text, struct error *error) MUST_CHECK;
/* A whole query as data: { filter, order, limit, after, fields, include, count } (POST …/search and
 * Lua). */
enum err query_from_value(struct arena *arena, const struct object_type *type,
                          const struct value *tree, struct query *out_query,
                          struct error *error) MUST_CHECK;
enum err query_bind(struct query *query, const struct scope *scope, struct arena *arena,
                    struct error *error) MUST_CHECK;

/* Rows one by one; the record lives until the callback returns. */
typedef enum err (*record_cb)(void *context, const struct record *record, struct error *error);
struct page {
    int row_count;
    struct str next; /* sealed cursor (arena), empty at the end */
    int64_t count;   /* -1 when not asked */
    bool count_capped;
};
/* Bound queries only. ERR_LIMIT when the reader's step budget ran out, ERR_TIMEOUT past its
 * deadline: then the rows given so far are to be forgotten (hand the query to another reader).
 * ERR_CURSOR. With a budget no statement takes more steps than it; a page takes two or three. */
enum err reader_query(struct reader *reader, const struct query *query, struct arena *arena,
                      record_cb row, void *context, struct page *out_page,
                      struct error *error) MUST_CHECK;
/* Every row in order, in one snapshot, without paging (exports, jobs). */
enum err reader_each(struct reader *reader, const struct query *query, record_cb row, void *context,
                     struct error *error) MUST_CHECK;
/* True if the plan is short enough for the loop (a page ≤ 100 rows on an index); false: go to a
 * reader lane. */
bool query_is_short(const struct query *query);

/* { group = { "stage", { "closed_on", "month" } }, measures = { count = true, total = { "sum",
 * "value" }, late = { measure = "count", filter = … } … }, filter = … } HTTP:
 * group=stage,closed_on:month &
 * measure=count,sum:value,avg:value,min:…,max:… → rows
 * [{"stage":"won","count":4238,"sum_value":{…}}]. At most 1,000 groups (ERR_LIMIT); money sums need
 * one currency (ERR_CURRENCY_MIX) or currency in the groups ("value.currency"). */
struct aggregate {
    const struct object_type *type;
    struct filter *filter;
    struct group_part {
        struct str path, bucket;
        struct field_path target;
    } groups[4];
    int group_count;
    struct measure {
        struct str name, function, path;
        struct filter *filter; /* NULL: all rows of the group */
        struct field_path target;
    } measures[12];
    int measure_count;
    bool archived;
    bool bound;
    const struct scope *scope;
};
/* group: "stage,closed_on:month,value.currency"; buckets day, week (ISO), month, quarter, year for
 * dates. measures: "count,sum:value". A row's keys are the groups' paths (a second bucket of one
 * field: "closed_on:month") and the measures' names ("count", "sum_value"; in data, those given).
 * Buckets are text: "2024-03-05", "2024-W10", "2024-03", "2024-Q1", "2024"; datetimes in UTC.
 * A many-valued field may be one of the groups: a row counts in the group of each of its elements,
 * and where the filter asks for some of them (has, any), of those alone. `distinct` counts
 * different values; of a many-valued field it stands alone. Nothing asked: count. */
enum err aggregate_parse(struct arena *arena, const struct object_type *type, struct str group,
                         struct str measures, struct aggregate *out,
                         struct error *error) MUST_CHECK;
enum err aggregate_from_value(struct arena *arena, const struct object_type *type,
                              const struct value *tree, struct aggregate *out,
                              struct error *error) MUST_CHECK;
enum err aggregate_bind(struct aggregate *aggregate, const struct scope *scope, struct arena *arena,
                        struct error *error) MUST_CHECK;
/* A list of maps in arena, typed kinds; groups ordered by their keys. */
enum err reader_aggregate(struct reader *reader, const struct aggregate *aggregate,
                          struct arena *arena, struct value *out_rows,
                          struct error *error) MUST_CHECK;

/* The C filter: does this record (own fields only) pass? *out_cross is set when the filter needs
 * another record's field. now_ms for last_days/next_days. Same truth table as SQL. */
bool filter_match(const struct filter *bound, const struct record *record, int64_t now_ms,
                  bool *out_cross);
/* Compares two records by a bound query's order; *out_cross as above. */
int query_compare(const struct query *bound, const struct record *a, const struct record *b,
                  bool *out_cross);

#endif
