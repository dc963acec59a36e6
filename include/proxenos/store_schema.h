/* The schema: object types, fields, links, state machines, rules, as one immutable,
 * reference-counted snapshot with an epoch. Plugins declare it as data (lua-api.md, "A schema
 * file"). Any thread may read a snapshot that it holds. */
#ifndef PROXENOS_STORE_SCHEMA_H
#define PROXENOS_STORE_SCHEMA_H

#include "proxenos/base_check.h"
#include "proxenos/base_expr.h"
#include "proxenos/base_value.h"

enum field_type {
    FIELD_TEXT,
    FIELD_LONG_TEXT,
    FIELD_INTEGER,
    FIELD_DECIMAL,
    FIELD_MONEY,
    FIELD_BOOLEAN,
    FIELD_DATE,
    FIELD_DATETIME,
    FIELD_DURATION,
    FIELD_ENUM,
    FIELD_REF,
    FIELD_REFS,
    FIELD_EMAIL,
    FIELD_PHONE,
    FIELD_URL,
    FIELD_COUNTRY,
    FIELD_LANGUAGE,
    FIELD_JSON,
    FIELD_FILE,
    FIELD_SECRET,
    FIELD_ID, /* the system field `id` alone */
    FIELD_TYPE_COUNT
};
/* An `enum` with many = true is a set (domain.md: roles); stored and shown as a list. */

enum field_class { CLASS_PLAIN, CLASS_PII, CLASS_PHI, CLASS_PAN, CLASS_COUNT };
enum on_delete { DELETE_RESTRICT, DELETE_CLEAR, DELETE_CASCADE };

struct label {
    struct str en, el;
};

struct field {
    struct str name;
    enum field_type type;
    enum field_class class;
    int index;   /* in object_type.fields */
    bool system; /* one of the fields every type has */
    bool required, unique, many, readonly, search, indexed;
    bool sorted_text;   /* text that keeps a collation key column beside it, for order */
    int scale;          /* decimal */
    int64_t max_length; /* text; code points, as in JSON Schema's maxLength */
    struct value min, max, otherwise; /* VALUE_NULL: none; otherwise = the default. Text: min is an
                                         integer, the shortest length; max is in max_length */
    struct str *values;
    size_t value_count;         /* enum */
    struct label *value_labels; /* beside values; empty strings where not given */
    struct str to;              /* ref, refs: object type */
    enum on_delete on_delete;
    bool acyclic; /* ref to its own object type: no record may be found above itself */
    struct str line_from, line_within, line_unless; /* acyclic over this object: from the record in
                          line_from to this one, within the same line_within, while line_unless is
                          empty; names of fields, empty: none */
    struct str format;                              /* check_format's name or empty */
    struct str pattern_source;
    struct pattern *pattern;
    struct str computed_source;
    struct expr *computed; /* own fields only: stored; dotted: computed on read */
    bool computed_on_read;
    struct label label;
    struct str plugin; /* who declared it */
};

struct move {
    int from, to;
    bool four_eyes;
    struct str role;
}; /* indexes into the state field's values */
struct machine {
    int field;
    int initial;
    struct move *moves;
    size_t move_count;
};
struct rule {
    struct str name, source;
    struct expr *expr;
    struct label message;
};
struct index_part {
    int field;
    bool descending;
};
struct index {
    struct index_part parts[6];
    int part_count;
    bool unique;
};

/* Entries of the log up to and with `seq` call a field by another name than today. */
struct field_past {
    struct str field, became; /* became is empty: it was dropped */
    int64_t seq;
};

/* May records of this type be kept in a compartment, must they be? */
enum compartment_use { COMPARTMENT_NONE, COMPARTMENT_OPTIONAL, COMPARTMENT_REQUIRED };

struct object_type {
    struct str name, path, plugin;
    struct label label, plural;
    struct str title, icon; /* title: the field shown as the record's name */
    int title_field;        /* -1: none */
    int index;              /* in schema.objects */
    struct field *fields;
    int field_count;
    struct machine *machine; /* NULL: none */
    struct rule *rules;
    int rule_count;
    struct index *indexes;
    int index_count;
    const struct duplicate_rules *duplicates; /* store_duplicate.h; NULL: none are looked for */
    bool track;
    enum compartment_use compartment;
    struct str subject; /* name of the ref field (or "id") whose record is the data subject of
                           classed fields */
    bool person;        /* its declaration says subject = "id": each record is a data subject */
    struct map field_by_name;
    const struct field_past *pasts; /* in order of seq */
    int past_count;
};

/* The fields every type has, always the first, in this order. Users are the object type `user`. */
enum system_field {
    SYS_ID,
    SYS_VERSION,
    SYS_CREATED_AT,
    SYS_CREATED_BY,
    SYS_UPDATED_AT,
    SYS_UPDATED_BY,
    SYS_OWNER,
    SYS_COMPARTMENT,
    SYS_ARCHIVED_AT,
    SYS_EXTERNAL_ID,
    SYS_COUNT
}; /* id: FIELD_ID; version: integer; *_at: datetime; *_by: text (actor); owner: ref to user;
      compartment: text; external_id: text, unique */

struct schema {
    int64_t epoch;
    struct object_type *objects;
    int object_count;
    struct map by_name, by_path;
    unsigned char hash[32]; /* of the declarations */
    struct arena arena;
    int references; /* atomic */
};

const struct object_type *schema_object(const struct schema *schema,
                                        struct str name); /* NULL: none */
const struct object_type *schema_object_at(const struct schema *schema, struct str path);
const struct field *object_field(const struct object_type *type, struct str name); /* NULL: none */
/* Does the field tell of the data subject: is it classed, or does the record itself be one and the
 * field hold more than links, choices and switches? Such values are sealed in the log and go when
 * the subject is erased. Who may read them is the class's affair alone. */
bool field_personal(const struct object_type *type, const struct field *field);
/* ERR_UNKNOWN_OBJECT / ERR_UNKNOWN_FIELD with the nearest valid name. */
enum err schema_find_object(const struct schema *schema, struct str name,
                            const struct object_type **out_type, struct error *error) MUST_CHECK;
enum err object_find_field(const struct object_type *type, struct str name,
                           const struct field **out_field, struct error *error) MUST_CHECK;
const char *field_type_name(enum field_type type); /* "long_text" … */
const char *field_class_name(enum field_class class);
void schema_ref(const struct schema *schema);
void schema_unref(const struct schema *schema);

/* One plugin's declaration: { objects = {…}, extend = {…} } as a value; "core" declares user, team,
 * role, approval …. Maps keep their order; a plugin's objects come in the order given here, then by
 * name. */
struct schema_source {
    struct str plugin;
    struct value tree;
};
/* Pure: builds a snapshot with epoch 0 and one reference. All findings are chained in error, the
 * further ones in error_arena (NULL: only the first is kept): ERR_SCHEMA with pointer "suppliers:
 * objects.contract.fields[2].type" (positions from 1, as in Lua), the nearest valid word. Names:
 * [a-z][a-z0-9_]{0,39} without "__". The trees are copied. */
enum err schema_build(const struct schema_source *sources, size_t count, struct schema **out_schema,
                      struct arena *error_arena, struct error *error) MUST_CHECK;
/* The core's own declaration: user, team, role, approval. Its tree lives in arena. Any thread. */
struct schema_source core_schema(struct arena *arena);
/* The schema as data, for /schema, OpenAPI, plugin list, Lua types: one object or all. Lives in
 * arena. */
struct value schema_describe(struct arena *arena, const struct object_type *type);

#endif
