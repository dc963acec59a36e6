/* A record as it would be with a draft on top: what the overlay, before-hooks and the writer look
 * at. Pure; any thread. */
#include "columns.h"
#include "draft.h"

#include <stdlib.h>

bool value_missing(const struct value *value)
{
    return value->kind == VALUE_NULL || (value->kind == VALUE_TEXT && value->text.len == 0) ||
           (value->kind == VALUE_LIST && value->list.count == 0);
}

static int by_text(const void *a, const void *b)
{
    const struct value *left = a;
    const struct value *right = b;
    return str_cmp(left->text, right->text);
}

/* A set has no order of its own: sorted, equal ones look equal. The items are this list's alone. */
static void sort_set(const struct field *field, struct value *list)
{
    if (field->type == FIELD_ENUM && list->list.count > 1) {
        qsort(list->list.items, list->list.count, sizeof(struct value), by_text);
    }
}

static bool among(const struct value *list, const struct value *element)
{
    for (size_t i = 0; i < list->list.count; i++) {
        if (value_equal(&list->list.items[i], element)) {
            return true;
        }
    }
    return false;
}

struct value draft_list(struct arena *arena, const struct draft *draft, const struct field *field,
                        const struct value *before)
{
    const struct value *given = &draft->values[field->index];
    struct value list = value_list_new();
    bool is_list = before != NULL && before->kind == VALUE_LIST;
    if (draft->set[field->index] == 1 || (!is_list && draft->set[field->index] == 2)) {
        list = value_copy(arena, given); /* the draft is judged again if the unit is run again */
        sort_set(field, &list);
        return list;
    }
    for (size_t i = 0; is_list && i < before->list.count; i++) {
        bool removed = draft->set[field->index] == 3 && among(given, &before->list.items[i]);
        if (!removed) {
            value_push(arena, &list, before->list.items[i]);
        }
    }
    for (size_t i = 0; draft->set[field->index] == 2 && i < given->list.count; i++) {
        if (!among(&list, &given->list.items[i])) {
            value_push(arena, &list, given->list.items[i]);
        }
    }
    sort_set(field, &list);
    return list;
}

static void start_empty(const struct draft *draft, struct record *whole)
{
    for (int i = 0; i < draft->type->field_count; i++) {
        const struct field *field = &draft->type->fields[i];
        whole->values[i] = field_many(field) ? value_list_new() : value_null();
        /* What the writer or a read makes of it is not known here. */
        bool later = field->computed_source.len > 0 || (field->system && field->readonly);
        whole->has[i] = later ? RECORD_ABSENT : RECORD_HAS;
    }
    whole->values[SYS_ID] = value_id(draft->id);
    whole->has[SYS_ID] = RECORD_HAS;
}

static void start_from(const struct draft *draft, const struct record *base, struct record *whole)
{
    whole->version = base->version;
    whole->includes = base->includes;
    whole->include_count = base->include_count;
    for (int i = 0; i < draft->type->field_count; i++) {
        whole->values[i] = base->values[i];
        whole->has[i] = base->has[i];
    }
}

struct record *draft_over(struct arena *arena, const struct draft *draft, const struct record *base)
{
    size_t count = (size_t)draft->type->field_count;
    struct record *whole = ARENA_NEW(arena, struct record);
    whole->type = draft->type;
    whole->id = draft->id;
    whole->values = ARENA_ARRAY(arena, struct value, count);
    whole->has = ARENA_ARRAY(arena, uint8_t, count);
    if (base == NULL) {
        start_empty(draft, whole);
    } else {
        ASSERT(base->type == draft->type);
        start_from(draft, base, whole);
    }
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &draft->type->fields[i];
        if (draft->set[i] == 0 || field->type == FIELD_SECRET) {
            continue;
        }
        whole->values[i] = field_many(field) ? draft_list(arena, draft, field,
                                                          base == NULL ? NULL : &base->values[i])
                                             : draft->values[i];
        whole->has[i] = RECORD_HAS;
    }
    return whole;
}
