/* References by name: looked up under the job's scope, once per name, together with the names that
 * this file itself brings. A field without an index is read whole once instead of once per name.
 * Lane's thread. */
#include "import.h"

#include "proxenos/base_text.h"

/* What a name stands for. */
struct ref_name {
    int64_t id; /* 0: nobody */
    bool many;
    int batch; /* of the row that makes it */
    struct ref_make *make;
    bool nearest_known;
    struct str nearest;
};

struct ref {
    struct list_node in_import;
    const struct object_type *type;
    const struct field *by;
    struct map names; /* text → struct ref_name, in the import's arena */
    bool loaded;      /* all that are stored are in `names` */
    struct str *candidates;
    size_t candidate_count;
    bool candidates_loaded;
};

void refs_init(struct import *import)
{
    list_init(&import->refs);
}

void refs_deinit(struct import *import)
{
    struct list_node *node;
    while ((node = list_pop(&import->refs)) != NULL) {
        struct ref *ref = CONTAINER_OF(node, struct ref, in_import);
        map_deinit(&ref->names);
        mem_free(ref);
    }
}

enum err ref_bind(struct import *import, struct column_map *column, struct error *error)
{
    (void)error;
    list_foreach (node, &import->refs) {
        struct ref *ref = CONTAINER_OF(node, struct ref, in_import);
        if (ref->type == column->target && ref->by == column->by) {
            column->ref = ref;
            return OK;
        }
    }
    struct ref *ref = mem_zalloc(sizeof(*ref));
    ref->type = column->target;
    ref->by = column->by;
    map_init(&ref->names);
    list_push(&import->refs, &ref->in_import);
    column->ref = ref;
    return OK;
}

/* ---- looking up ---- */

static struct ref_name *name_new(struct import *import, struct ref *ref, struct str text)
{
    struct ref_name *name = ARENA_NEW(&import->arena, struct ref_name);
    (void)map_set(&ref->names, text, name);
    return name;
}

struct reading {
    struct import *import;
    struct ref *ref;
    struct ref_name *name; /* one name's */
    int64_t count;
};

static struct query query_names(const struct ref *ref, struct str *fields)
{
    fields[0] = STR("id");
    fields[1] = ref->by->name;
    return (struct query){.type = ref->type, .fields = fields, .field_count = 2};
}

static enum err on_stored(void *context, const struct record *record, struct error *error)
{
    struct reading *reading = context;
    struct ref *ref = reading->ref;
    const struct value *value = &record->values[ref->by->index];
    if (record->has[ref->by->index] != RECORD_HAS || value->kind != VALUE_TEXT) {
        return OK;
    }
    if (++reading->count > REF_LOADED_MAX) {
        return error_set(error, ERR_LIMIT,
                         "there are too many " STR_FORMAT " to find them by " STR_FORMAT
                         "; give the field an index",
                         STR_ARGS(ref->type->name), STR_ARGS(ref->by->name));
    }
    struct ref_name *name = map_get(&ref->names, value->text);
    if (name != NULL) {
        name->many = true;
        return OK;
    }
    name_new(reading->import, ref, value->text)->id = record->id;
    return OK;
}

static enum err load_all(struct import *import, struct ref *ref, struct error *error)
{
    struct arena arena;
    struct str fields[2];
    struct reading reading = {.import = import, .ref = ref};
    struct query query = query_names(ref, fields);
    arena_init(&arena);
    enum err err = query_bind(&query, import->scope, &arena, error);
    if (err == OK) {
        err = reader_each(import->reader, &query, on_stored, &reading, error);
    }
    arena_deinit(&arena);
    ref->loaded = err == OK;
    return err;
}

static enum err on_match(void *context, const struct record *record, struct error *error)
{
    (void)error;
    struct reading *reading = context;
    reading->name->many = reading->name->id != 0;
    reading->name->id = record->id;
    return OK;
}

static enum err look_up(struct import *import, struct ref *ref, struct str text,
                        struct ref_name *name, struct error *error)
{
    struct arena arena;
    struct page page;
    struct str fields[2];
    struct reading reading = {.name = name};
    struct filter test = {
        .kind = FILTER_TEST, .op = OP_EQ, .path = ref->by->name, .value = value_text(text)};
    struct query query = query_names(ref, fields);
    query.filter = &test;
    query.limit = 2;
    arena_init(&arena);
    enum err err = query_bind(&query, import->scope, &arena, error);
    if (err == OK) {
        err = reader_query(import->reader, &query, &arena, on_match, &reading, &page, error);
    }
    arena_deinit(&arena);
    return err;
}

static bool has_index(const struct field *field)
{
    return field->unique || field->indexed;
}

static enum err name_of(struct import *import, struct ref *ref, struct str text,
                        struct ref_name **out_name, struct error *error)
{
    struct ref_name *name = map_get(&ref->names, text);
    enum err err = OK;
    if (name == NULL && !ref->loaded && !has_index(ref->by)) {
        err = load_all(import, ref, error);
        name = map_get(&ref->names, text);
    }
    if (err == OK && name == NULL) {
        name = name_new(import, ref, text);
        err = ref->loaded ? OK : look_up(import, ref, text, name, error);
    }
    *out_name = name;
    return err;
}

enum err ref_find(struct import *import, const struct column_map *column, struct str text,
                  struct ref_answer *out_answer, struct error *error)
{
    struct ref_name *name = NULL;
    enum err err = name_of(import, column->ref, text, &name, error);
    if (err == OK) {
        *out_answer = (struct ref_answer){name->id, name->many, name->batch, name->make};
    }
    return err;
}

/* ---- names that this file brings ---- */

void ref_made(struct import *import, struct ref *ref, struct str text, struct ref_make *make)
{
    struct ref_name *name = map_get(&ref->names, text);
    if (name == NULL) {
        name = name_new(import, ref, text);
    }
    name->id = make->draft->id;
    name->make = make;
}

enum err refs_own(struct import *import, const struct draft *draft, int batch, struct error *error)
{
    list_foreach (node, &import->refs) {
        struct ref *ref = CONTAINER_OF(node, struct ref, in_import);
        const struct value *own = &draft->values[ref->by->index];
        struct ref_name *name = NULL;
        if (ref->type != import->type || draft->set[ref->by->index] == 0 ||
            own->kind != VALUE_TEXT) {
            continue;
        }
        enum err err = name_of(import, ref, own->text, &name, error);
        if (err != OK) {
            return err;
        }
        if (name->id == 0) {
            name->id = draft->id;
            name->batch = batch;
        } else if (!ref->by->unique && import->spec.on_conflict == CONFLICT_ERROR) {
            name->many = true;
        }
    }
    return OK;
}

/* ---- the nearest name, for the sentence of an error ---- */

static enum err on_candidate(void *context, const struct record *record, struct error *error)
{
    struct reading *reading = context;
    struct ref *ref = reading->ref;
    const struct value *value = &record->values[ref->by->index];
    if (record->has[ref->by->index] == RECORD_HAS && value->kind == VALUE_TEXT) {
        ref->candidates[ref->candidate_count++] = arena_str(&reading->import->arena, value->text);
    }
    return ref->candidate_count < REF_CANDIDATES_MAX
               ? OK
               : error_set(error, ERR_CANCELLED, "there are enough candidates");
}

static enum err load_candidates(struct import *import, struct ref *ref, struct error *error)
{
    struct arena arena;
    struct str fields[2];
    struct reading reading = {.import = import, .ref = ref};
    struct query query = query_names(ref, fields);
    ref->candidates = ARENA_ARRAY(&import->arena, struct str, REF_CANDIDATES_MAX);
    ref->candidates_loaded = true;
    arena_init(&arena);
    enum err err = query_bind(&query, import->scope, &arena, error);
    if (err == OK) {
        err = reader_each(import->reader, &query, on_candidate, &reading, error);
    }
    arena_deinit(&arena);
    return err == ERR_CANCELLED ? OK : err;
}

enum err ref_nearest(struct import *import, const struct column_map *column, struct str text,
                     struct str *out_nearest, struct error *error)
{
    struct ref *ref = column->ref;
    struct ref_name *name = NULL;
    enum err err = name_of(import, ref, text, &name, error);
    if (err == OK && !ref->candidates_loaded) {
        err = load_candidates(import, ref, error);
    }
    if (err != OK) {
        return err;
    }
    if (!name->nearest_known) {
        name->nearest = text_nearest(text, ref->candidates, ref->candidate_count);
        name->nearest_known = true;
    }
    *out_nearest = name->nearest;
    return OK;
}
