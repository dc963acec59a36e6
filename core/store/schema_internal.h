/* Shared by the files that build a schema snapshot: the builder, where it stands, its findings, and
 * the readers of options. Pure; one thread. */
#ifndef PROXENOS_STORE_SCHEMA_INTERNAL_H
#define PROXENOS_STORE_SCHEMA_INTERNAL_H

#include "findings.h"

#include "proxenos/store_schema.h"

enum {
    SCHEMA_OBJECTS_MAX = 400,
    SCHEMA_FIELDS_MAX = 300, /* per object type; each is a column or two */
    SCHEMA_MOVES_MAX = 400,
    SCHEMA_RULES_MAX = 100,
    SCHEMA_INDEXES_MAX = 16,
    SCHEMA_WORDS_MAX = 2000, /* of an enum */
    NAME_BYTES_MAX = 40,
    WORD_BYTES_MAX = 120,
    TEXT_LENGTH_MAX = 1000,
    LONG_TEXT_LENGTH_MAX = 200000
};

/* One object type while it is read: its declaration and what others extend it with. */
struct object_parts {
    struct object_type *type;
    const struct schema_source *source;
    const struct value *tree;
};

struct builder {
    struct schema *schema;
    struct arena *arena; /* the snapshot's */
    struct findings findings;
    const struct schema_source *sources; /* copies, trees in the arena */
    size_t source_count;
    struct object_parts *parts; /* one per object, in the order of schema->objects */
    char place[160];            /* "suppliers: objects.contract.fields[2]" */
};

/* ---- findings (schema_option.c) ---- */

void place_set(struct builder *builder, const char *format, ...) PRINTF_LIKE(2, 3);
/* ERR_SCHEMA at the builder's place, `.key` appended unless NULL. */
void finding(struct builder *builder, const char *key, const struct value *value,
             const char *format, ...) PRINTF_LIKE(4, 5);
/* The same with the nearest of `count` valid words, which the sentence names too. */
void finding_near(struct builder *builder, const char *key, struct str word,
                  const struct str *valid, size_t count, const char *what);

/* ---- options ---- */

/* Item `position` of a mixed table, or its long name: {"name", …}, {"1": "name"}, {"name": …}. */
const struct value *option_at(const struct value *item, int position, const char *name);
/* Any key that is neither one of `known` (space-separated words) nor a position up to `positions`
 * is a finding. */
void option_known(struct builder *builder, const struct value *map, const char *known,
                  int positions);
bool option_bool(struct builder *builder, const struct value *map, const char *key);
/* The empty string when absent or wrong (then with a finding). */
struct str option_text(struct builder *builder, const struct value *map, const char *key);
struct label option_label(struct builder *builder, const struct value *map, const char *key);
struct label label_of(struct builder *builder, const struct value *value, const char *key);
/* A list as `items`/`count`: a sequence, an empty table, or a map with the keys 1…n. False with a
 * finding for anything else; absent (NULL) is an empty list. */
bool option_list(struct builder *builder, const struct value *value, const char *key,
                 const struct value **out_items, size_t *out_count);
/* [a-z][a-z0-9_]{0,39}, no "__". */
bool name_valid(struct str name);

/* ---- parts ---- */

void build_fields(struct builder *builder, struct object_parts *parts); /* schema_fields.c */
/* One declared field into *field; place is set. False when its name cannot be used. */
bool build_field(struct builder *builder, const struct value *item, struct field *field);
void build_system_fields(struct object_type *type); /* schema_system.c */
/* Second pass, when all objects and fields are known. */
void build_head(struct builder *builder, struct object_parts *parts);    /* schema_object.c */
void build_machine(struct builder *builder, struct object_parts *parts); /* schema_machine.c */
void build_rules(struct builder *builder, struct object_parts *parts);   /* schema_rules.c */
void build_indexes(struct builder *builder, struct object_parts *parts);
void build_computed(struct builder *builder, struct object_parts *parts);
void build_refs(struct builder *builder, struct object_parts *parts);
void build_duplicates(struct builder *builder, struct object_parts *parts); /* schema_duplicate.c */

/* Calls `each` for every list `key` of the object's own declaration and of the extensions. */
typedef void (*part_cb)(struct builder *builder, struct object_parts *parts,
                        const struct schema_source *source, const struct value *item);
void each_part(struct builder *builder, struct object_parts *parts, const char *key, part_cb each);

/* What tells two snapshots apart: SHA-256 of all descriptions, so that the order in which a Lua
 * table was walked makes no difference. */
void schema_hash(struct schema *schema);
void schema_free(struct schema *schema);
/* The rules as they were declared, defaults filled in (schema_duplicate.c). */
struct value describe_duplicates(struct arena *arena, const struct object_type *type);

#endif
