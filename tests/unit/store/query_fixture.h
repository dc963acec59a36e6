/* A store with a small schema and records, for the tests of questions: companies, and deals that
 * refer to them. */
#ifndef TESTS_STORE_QUERY_FIXTURE_H
#define TESTS_STORE_QUERY_FIXTURE_H

#include "../../../core/store/internal.h"
#include "../../../core/store/query.h"
#include "proxenos/base_json.h"
#include "proxenos/store_query.h"

struct world {
    char folder[128];
    struct env_fake env;
    struct store *store;
    struct reader *reader;
    const struct scope *system;
    const struct schema *schema; /* held */
    const struct object_type *company, *deal, *user;
    struct arena arena;
};

/* cmocka set-up and tear-down for a group: *state is a struct world, empty of records. */
int world_setup(void **state);
int world_teardown(void **state);
void world_close_store(struct world *world);
void world_open_store(struct world *world);

/* Creates a record from JSON; single quotes stand for double ones, #name for the id of the record
 * with this name (made before). Returns the id. */
int64_t put(struct world *world, const char *object, const char *json);
/* The same as an update. */
void change(struct world *world, const char *object, int64_t id, const char *json);
/* Opens the store anew: pointers into the schema change. */
void archive(struct world *world, const char *object, int64_t id);
int64_t id_of(struct world *world, const char *object, const char *name);
/* Text in the world's arena with ' as ", and #name as the id's text. */
struct str quoted(struct world *world, const char *text);

/* A scope over the world's schema. Unnamed types and fields get `rows` and FIELD_WRITABLE. */
struct scope *scope_make(struct world *world, int64_t user, enum row_rule rows);
void scope_rows(struct scope *scope, const struct object_type *type, enum row_rule rows);
void scope_access(struct scope *scope, const struct object_type *type, const char *field,
                  enum field_access access);
void scope_team(struct scope *scope, const int64_t *ids, size_t count);

/* A question in parameters. NULL or 0: not given. */
struct ask {
    const char *filter, *order, *fields, *include;
    struct filter *tree; /* instead of filter */
    int limit;
    struct str after;
    enum count_mode count;
    bool archived;
    const struct object_type *type; /* NULL: deal */
    const struct scope *scope;      /* NULL: the system's */
};
struct answer {
    enum err err;
    struct error error;
    struct page page;
    struct str names; /* "a b c": values of `name`, in order; nulls as "-" */
    struct str json;  /* the records, one per line */
};
struct answer ask(struct world *world, struct ask question);
enum err bind_ask(struct world *world, const struct ask *question, struct query *out_query,
                  struct error *error);
/* names of the answer; fails the test unless it succeeded. */
const char *names_of(struct world *world, struct ask question);

#endif
