/* SQL texts of object types: the writer asks for the same few again and again, and making them
 * costs more than running them. Writer thread. */
#include "record_plan.h"

#include "../columns.h"

struct record_plans {
    int64_t epoch; /* of the schema they were made for */
    struct map by_name;
    struct arena arena;
};

bool record_plan_reads(const struct field *field)
{
    return field_stored(field) && field->type != FIELD_SECRET;
}

static struct str keep(struct arena *arena, struct buf *text)
{
    struct str kept = arena_str(arena, buf_str(text));
    buf_reset(text);
    return kept;
}

static void insert_sql(struct buf *out, const struct object_type *type)
{
    int columns = 0;
    buf_append_str(out, STR("insert into "));
    table_name(out, type);
    buf_append_str(out, STR(" ("));
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!field_stored(field)) {
            continue;
        }
        buf_append_str(out, columns > 0 ? STR(", ") : STR(""));
        column_list(out, "", field);
        columns += column_span(field);
        if (field->sorted_text) {
            buf_append_str(out, STR(", "));
            column_key_name(out, field);
            columns++;
        }
    }
    buf_append_str(out, STR(") values (?"));
    for (int i = 1; i < columns; i++) {
        buf_append_str(out, STR(", ?"));
    }
    buf_append_char(out, ')');
}

static void select_sql(struct buf *out, const struct object_type *type)
{
    bool first = true;
    buf_append_str(out, STR("select "));
    for (int i = 0; i < type->field_count; i++) {
        if (record_plan_reads(&type->fields[i])) {
            buf_append_str(out, first ? STR("") : STR(", "));
            column_list(out, "", &type->fields[i]);
            first = false;
        }
    }
    buf_append_str(out, STR(" from "));
    table_name(out, type);
    buf_append_str(out, STR(" where id = ?1"));
}

static void link_sql(struct arena *arena, struct buf *out, const struct object_type *type,
                     const struct field *field, struct record_plan *plan)
{
    bool ordered = field->type == FIELD_REFS;
    const char *column = link_column(field);
    buf_printf(out, "select %s from ", column);
    link_table_name(out, type, field);
    buf_printf(out, " where source = ?1 order by %s", ordered ? "position" : "value");
    plan->link_select[field->index] = keep(arena, out);
    buf_append_str(out, STR("insert into "));
    link_table_name(out, type, field);
    buf_printf(out,
               ordered ? " (source, %s, position) values (?1, ?2, ?3)"
                       : " (source, %s) values (?1, ?2)",
               column);
    plan->link_insert[field->index] = keep(arena, out);
    buf_append_str(out, STR("delete from "));
    link_table_name(out, type, field);
    buf_append_str(out, STR(" where source = ?1"));
    plan->link_remove[field->index] = keep(arena, out);
    plan->has_links = true;
}

static struct record_plan *plan_new(struct arena *arena, const struct object_type *type)
{
    size_t count = (size_t)type->field_count;
    struct record_plan *plan = ARENA_NEW(arena, struct record_plan);
    plan->link_select = ARENA_ARRAY(arena, struct str, count);
    plan->link_insert = ARENA_ARRAY(arena, struct str, count);
    plan->link_remove = ARENA_ARRAY(arena, struct str, count);
    struct buf text;
    buf_init(&text);
    insert_sql(&text, type);
    plan->insert = keep(arena, &text);
    select_sql(&text, type);
    plan->select = keep(arena, &text);
    buf_append_str(&text, STR("select owner, compartment, archived_at"));
    buf_append_str(&text, approval_is(type) ? STR(", object, subject_owner from ") : STR(" from "));
    table_name(&text, type);
    buf_append_str(&text, STR(" where id = ?1"));
    plan->head = keep(arena, &text);
    buf_append_str(&text, STR("delete from "));
    table_name(&text, type);
    buf_append_str(&text, STR(" where id = ?1"));
    plan->remove = keep(arena, &text);
    for (size_t i = 0; i < count; i++) {
        if (field_many(&type->fields[i])) {
            link_sql(arena, &text, type, &type->fields[i], plan);
        }
    }
    buf_deinit(&text);
    return plan;
}

static void plans_clear(struct record_plans *plans)
{
    map_deinit(&plans->by_name);
    map_init(&plans->by_name);
    arena_reset(&plans->arena);
}

void record_plans_reset(struct store *store)
{
    if (store->plans != NULL) {
        plans_clear(store->plans);
    }
}

const struct record_plan *record_plan_of(struct tx *tx, const struct object_type *type)
{
    struct record_plans *plans = tx->store->plans;
    if (plans == NULL) {
        plans = mem_zalloc(sizeof(*plans));
        map_init(&plans->by_name);
        arena_init(&plans->arena);
        plans->epoch = tx->schema->epoch;
        tx->store->plans = plans;
    }
    if (plans->epoch != tx->schema->epoch) {
        plans_clear(plans);
        plans->epoch = tx->schema->epoch;
    }
    struct record_plan *plan = map_get(&plans->by_name, type->name);
    if (plan == NULL) {
        plan = plan_new(&plans->arena, type);
        (void)map_set(&plans->by_name, type->name, plan);
    }
    return plan;
}

void record_plans_free(struct record_plans *plans)
{
    if (plans != NULL) {
        map_deinit(&plans->by_name);
        arena_deinit(&plans->arena);
        mem_free(plans);
    }
}
