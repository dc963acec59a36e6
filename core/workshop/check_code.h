/* What the parts of `plugin check` that look at code share: one file as tokens, with its locals
 * that stand for names of the API and with the regions in which something cannot be done. Main
 * thread. */
#ifndef PROXENOS_WORKSHOP_CHECK_CODE_H
#define PROXENOS_WORKSHOP_CHECK_CODE_H

#include "check.h"
#include "internal.h"

enum { ALIASES_MAX = 200, REGIONS_MAX = 1000, FUNCTIONS_MAX = 500, USES_MAX = 500 };

/* What was seen of one kind: names, and whether there were calls whose name only running tells. */
struct uses {
    struct str names[USES_MAX];
    size_t count;
    bool unknown;
};

struct alias {
    struct str name, chain;
};

enum region_kind {
    REGION_PINNED, /* a comparator, a callback: nothing may wait */
    REGION_UNIT,   /* one unit of work */
    REGION_LATER,  /* runs after loading */
    REGION_FLOW,   /* a flow's function */
};
struct region {
    size_t from, to;
    enum region_kind kind;
    const char *what;
};

struct function {
    struct str name;
    size_t at; /* of the word `function` */
};

struct code {
    struct check *check;
    struct str file;
    bool is_test;
    const struct token *tokens;
    size_t count;
    struct alias aliases[ALIASES_MAX];
    size_t alias_count;
    struct function functions[FUNCTIONS_MAX];
    size_t function_count;
    struct region regions[REGIONS_MAX];
    size_t region_count;
    struct uses *uses; /* by need; shared by all files */
};

/* A chain of names: px.store.kv.get. */
struct chain {
    struct str name;                   /* as far as it is known to the API */
    const struct lua_binding *binding; /* NULL: a module */
    size_t end;                        /* index behind it */
    bool wrong;
    struct str missing; /* wrong: the part that is not there */
};

/* check_names.c: which name of the API stands at a token. */
/* The chain that begins at the token; false when it is none of the API's. */
bool chain_read(struct code *code, size_t at, struct chain *out);
/* local store <const> = px.store: from here on `store` stands for it; any other `local store` ends
 * that. */
void local_read(struct code *code, size_t at);
/* Of all names below `module`: the one nearest to `name`, in full. */
struct str chain_nearest(struct check *check, struct str module, struct str name);
/* The first argument of the call whose arguments begin at `at`, when it is a text by itself; NULL:
 * only running would tell. */
const struct token *first_argument(const struct code *code, size_t at);

/* check_regions.c: what runs inside what. */
void regions_read_functions(struct code *code);
void regions_read_plain(struct code *code, size_t at); /* table.sort, gsub */
void regions_read_px(struct code *code, const struct chain *chain);
/* Complains when the call that begins at `at` stands where it cannot be made. */
void regions_check(struct code *code, size_t at, const struct chain *chain);
/* flow:step: a method that flows have, when the name is what a flow's function is given first. */
void regions_check_flow(struct code *code, size_t at);

/* check_needs.c: what calls need of `can`. */
struct uses *needs_new(void); /* by need */
void needs_check(struct code *code, size_t at, const struct chain *chain);
/* What is granted and was never used. */
void needs_check_unused(struct check *check, struct uses *uses);

#endif
