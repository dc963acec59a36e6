/* Drafts: a change as names and plain values becomes one of typed values by field index, under the
 * scope's rights, on the caller's thread, so that the writer has little left to do. */
#include "draft.h"

#include "columns.h"
#include "field_value.h"
#include "findings.h"
#include "proxenos/base_text.h"
#include "query.h"
#include "seal.h"

#include <stdio.h>

enum field_access draft_access(const struct scope *scope, const struct object_type *type,
                               const struct field *field)
{
    const struct object_type *own = scope_type(scope, type);
    if (own == NULL) {
        return FIELD_HIDDEN;
    }
    const struct field *same = own == type ? field : object_field(own, field->name);
    return same == NULL ? FIELD_HIDDEN : scope_field(scope, own, same);
}

struct draft *draft_new(struct arena *arena, enum draft_kind kind, const struct object_type *type,
                        int64_t id)
{
    size_t count = (size_t)type->field_count;
    struct draft *draft = ARENA_NEW(arena, struct draft);
    draft->kind = kind;
    draft->type = type;
    draft->id = id;
    draft->values = ARENA_ARRAY(arena, struct value, count);
    draft->set = ARENA_ARRAY(arena, uint8_t, count);
    draft->keys = ARENA_ARRAY(arena, struct str, count);
    return draft;
}

void draft_put(const struct draft *draft, const struct field *field, struct value value,
               struct arena *arena)
{
    draft->values[field->index] = value;
    draft->set[field->index] = 1;
    draft->keys[field->index] = (struct str){NULL, 0};
    if (field->sorted_text && value.kind == VALUE_TEXT) {
        struct buf key;
        buf_init(&key);
        column_sort_key(&key, value.text);
        draft->keys[field->index] = arena_str(arena, buf_str(&key));
        buf_deinit(&key);
    }
}

/* ---- one entry of the map ---- */

struct making {
    struct store *store;
    const struct scope *scope;
    struct draft *draft;
    struct arena *arena;
    struct findings findings;
};

/* Hidden fields are neither found nor suggested. */
static void unknown_field(struct making *making, struct str name)
{
    const struct object_type *type = making->draft->type;
    struct str *names = ARENA_ARRAY(making->arena, struct str, (size_t)type->field_count);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (draft_access(making->scope, type, &type->fields[i]) != FIELD_HIDDEN) {
            names[count++] = type->fields[i].name;
        }
    }
    char pointer[100];
    struct str cut = utf8_cut(name, 80);
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(cut));
    struct str nearest = text_nearest(cut, names, count);
    findings_add(&making->findings, ERR_UNKNOWN_FIELD, pointer, cut, nearest,
                 STR_FORMAT " has no field " STR_FORMAT "%s" STR_FORMAT "%s", STR_ARGS(type->name),
                 STR_ARGS(cut), nearest.len > 0 ? "; did you mean " : "", STR_ARGS(nearest),
                 nearest.len > 0 ? "?" : "");
}

static void refuse(struct making *making, const struct field *field, enum err err,
                   const char *sentence)
{
    struct error *slot = findings_slot(&making->findings);
    (void)field_wrong(field, err, STR(""), slot, sentence);
    findings_take(&making->findings, slot, err);
}

static bool may_write(struct making *making, const struct field *field, enum field_access access)
{
    if (field->readonly || field->computed_source.len > 0) {
        refuse(making, field, ERR_READONLY, "is set by the system, not by requests");
        return false;
    }
    if (access != FIELD_WRITABLE) {
        refuse(making, field, ERR_READONLY, "cannot be written with your roles");
        return false;
    }
    if (field->index == SYS_COMPARTMENT && making->draft->type->compartment == COMPARTMENT_NONE) {
        refuse(making, field, ERR_READONLY, "is not used by this object type");
        return false;
    }
    return true;
}

/* {"add": v} and {"remove": v} of a many-valued field; v may be one value or a list. */
static uint8_t list_change(const struct field *field, const struct value **plain)
{
    if (!field_many(field) || (*plain)->kind != VALUE_MAP || (*plain)->map.count != 1) {
        return 1;
    }
    const struct value_entry *entry = &(*plain)->map.entries[0];
    if (str_is(entry->key, "add") || str_is(entry->key, "remove")) {
        *plain = &entry->value;
        return str_is(entry->key, "add") ? 2 : 3;
    }
    return 1;
}

static void set_secret(struct making *making, const struct field *field, struct value *value)
{
    if (field->type == FIELD_SECRET && value->kind == VALUE_TEXT) {
        *value = seal_secret(making->store, making->arena, making->draft->type, field,
                             making->draft->id, value->text);
    }
}

/* People and plugins say its name, records carry its id. One that they are not inside of stays as
 * it was said, and is refused as one that is not there. */
static struct value compartment_key(const struct scope *scope, struct value said)
{
    const struct scope_compartment *named = scope_compartment(scope, said.text) != NULL
                                                ? NULL
                                                : scope_compartment_named(scope, said.text);
    return named != NULL ? value_text(named->key) : said;
}

static void put_entry(struct making *making, struct str name, const struct value *plain)
{
    const struct object_type *type = making->draft->type;
    const struct field *field = object_field(type, name);
    enum field_access access =
        field == NULL ? FIELD_HIDDEN : draft_access(making->scope, type, field);
    if (access == FIELD_HIDDEN) {
        unknown_field(making, name);
        return;
    }
    if (!may_write(making, field, access)) {
        return;
    }
    uint8_t set = list_change(field, &plain);
    struct value one = *plain;
    if (set != 1 && plain->kind != VALUE_LIST) {
        one = value_list_new();
        value_push(making->arena, &one, *plain);
    }
    struct value value;
    struct error *slot = findings_slot(&making->findings);
    enum err err = field_value(field, &one, making->arena, &value, slot);
    if (err != OK) {
        findings_take(&making->findings, slot, err);
        return;
    }
    set_secret(making, field, &value);
    if (field->index == SYS_COMPARTMENT && value.kind == VALUE_TEXT) {
        value = compartment_key(making->scope, value);
    }
    draft_put(making->draft, field, value, making->arena);
    making->draft->set[field->index] = set;
}

/* ---- the whole ---- */

static void put_defaults(struct making *making)
{
    struct draft *draft = making->draft;
    for (int i = 0; i < draft->type->field_count; i++) {
        const struct field *field = &draft->type->fields[i];
        if (draft->set[i] == 0 && field->otherwise.kind != VALUE_NULL) {
            draft_put(draft, field, field->otherwise, making->arena);
        }
    }
    if (draft->set[SYS_OWNER] == 0 && making->scope->user != 0) {
        draft_put(draft, &draft->type->fields[SYS_OWNER], value_id(making->scope->user),
                  making->arena);
    }
}

static enum err may_kind(const struct scope *scope, enum draft_kind kind,
                         const struct object_type *type, struct error *error)
{
    static const struct {
        uint32_t verb;
        const char *word;
    } needs[] = {[DRAFT_CREATE] = {VERB_CREATE, "creating"},
                 [DRAFT_UPDATE] = {VERB_UPDATE, "changing"},
                 [DRAFT_DELETE] = {VERB_DELETE, "deleting"}};
    const struct object_type *own = scope_type(scope, type);
    if (own == NULL || !scope_may(scope, own, needs[kind].verb)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow %s " STR_FORMAT,
                         needs[kind].word, STR_ARGS(type->name));
    }
    return OK;
}

/* Nine parameters are the contract: each is what another caller knows and this cannot find. */
// NOLINTNEXTLINE(readability-function-size)
enum err draft_make(struct store *store, const struct scope *scope, enum draft_kind kind,
                    const struct object_type *type, int64_t id, const struct value *map,
                    struct arena *arena, struct draft **out_draft, struct error *error)
{
    enum err err = may_kind(scope, kind, type, error);
    if (err != OK) {
        return err;
    }
    if (kind == DRAFT_CREATE && id == 0) {
        id = ids_next(store_ids(store));
    }
    struct making making = {.store = store, .scope = scope, .arena = arena};
    making.draft = draft_new(arena, kind, type, id);
    making.draft->base = NULL;
    findings_init(&making.findings, arena, error);
    bool empty_table = map == NULL || (map->kind == VALUE_LIST && map->list.count == 0);
    if (!empty_table && map->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "a record is an object of names and values, not %s",
                         value_kind_name(map));
    }
    size_t count = empty_table ? 0 : map->map.count;
    for (size_t i = 0; i < count; i++) {
        put_entry(&making, map->map.entries[i].key, &map->map.entries[i].value);
    }
    if (kind == DRAFT_CREATE) {
        put_defaults(&making);
    }
    if (making.findings.count > 0) {
        return making.findings.err;
    }
    *out_draft = making.draft;
    return OK;
}
