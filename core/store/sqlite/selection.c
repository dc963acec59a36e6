/* What is read of a row: the columns of a statement and the record they fill. The layout is made
 * once per statement; each row then writes the same places, and text borrows from the row. */
#include "select.h"

#include "../field_value.h"

enum { HEAD_COLUMNS = 2 /* id, version */ };

/* ---- making ---- */

static struct record *new_record(struct arena *arena, const struct object_type *type)
{
    struct record *record = ARENA_NEW(arena, struct record);
    size_t count = (size_t)type->field_count;
    record->type = type;
    record->values = ARENA_ARRAY(arena, struct value, count);
    record->has = ARENA_ARRAY(arena, uint8_t, count);
    return record;
}

/* (select group_concat(x, separator) from (select … order by …)) */
static void many_column(struct sql *sql, struct buf *out, int join, const struct field *field)
{
    const struct object_type *to =
        field->type == FIELD_REFS ? schema_object(sql->scope->schema, field->to) : NULL;
    buf_printf(out, ",(select group_concat(x, char(%d)) from (select l.\"%s\" as x from ",
               LIST_SEPARATOR, link_column(field));
    link_table_name(out, sql->joins[join].type, field);
    buf_append_str(out, STR(" l"));
    if (to != NULL && !sql_open(sql->scope, to)) {
        buf_append_str(out, STR(" join "));
        table_name(out, to);
        buf_append_str(out, STR(" v on v.\"id\" = l.\"target\""));
        sql_visible(sql, out, "v", to);
    }
    buf_printf(out, " where l.\"source\" = %s.\"id\" order by l.\"%s\"))", sql_alias(sql, join),
               field->type == FIELD_REFS ? "position" : "value");
}

static void field_column(struct sql *sql, struct buf *out, int join, const struct field *field)
{
    if (field_many(field)) {
        many_column(sql, out, join, field);
        return;
    }
    buf_append_char(out, ',');
    if (field->type == FIELD_REF) {
        sql_ref(sql, out, join, field);
    } else {
        column_list(out, sql_alias(sql, join), field);
    }
}

static void add_slot(struct selection *selection, const struct field *field, struct value *out)
{
    selection->slots[selection->slot_count++] = (struct select_slot){field, out};
}

/* The fields behind a computed one, each under the scope's rights: what may not be read is null to
 * the expression too. */
static void add_computed(struct sql *sql, struct buf *out, int join, const struct field *field,
                         struct selection *selection, struct record *record)
{
    const struct str *paths = NULL;
    size_t count = expr_paths(field->computed, &paths);
    struct select_computed *computed = &selection->computed[selection->computed_count++];
    *computed =
        (struct select_computed){.field = field,
                                 .out = &record->values[field->index],
                                 .inputs = ARENA_ARRAY(sql->arena, struct select_input, count),
                                 .input_count = count};
    for (size_t i = 0; i < count; i++) {
        struct field_path path;
        computed->inputs[i].path = paths[i];
        if (path_bind(sql->scope, record->type, paths[i], STR(""), &path, NULL) != OK ||
            path.field->computed_on_read) {
            continue;
        }
        computed->inputs[i].part = path.part;
        field_column(sql, out, sql_path(sql, join, &path), path.field);
        add_slot(selection, path.field, &computed->inputs[i].value);
    }
}

static size_t input_count(const struct object_type *type)
{
    size_t inputs = 0;
    for (int i = 0; i < type->field_count; i++) {
        const struct str *paths = NULL;
        inputs +=
            type->fields[i].computed_on_read ? expr_paths(type->fields[i].computed, &paths) : 0;
    }
    return inputs;
}

/* Room for the fields of one more object. */
static void grow(struct sql *sql, struct selection *selection, const struct object_type *type)
{
    size_t fields = (size_t)type->field_count;
    size_t slots = (size_t)selection->slot_count;
    size_t computed = (size_t)selection->computed_count;
    struct select_slot *more_slots = ARENA_ARRAY(sql->arena, struct select_slot,
                                                 slots + fields + HEAD_COLUMNS + input_count(type));
    struct select_computed *more_computed =
        ARENA_ARRAY(sql->arena, struct select_computed, computed + fields);
    for (size_t i = 0; i < slots; i++) {
        more_slots[i] = selection->slots[i];
    }
    for (size_t i = 0; i < computed; i++) {
        more_computed[i] = selection->computed[i];
    }
    selection->slots = more_slots;
    selection->computed = more_computed;
}

static void add_fields(struct sql *sql, struct buf *out, int join, const uint8_t *selected,
                       struct selection *selection, struct record *record)
{
    const struct object_type *type = record->type;
    grow(sql, selection, type);
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        enum field_access access = scope_field(sql->scope, type, field);
        bool wanted = selected == NULL || selected[i] != 0;
        if (!wanted || access == FIELD_HIDDEN || field->type == FIELD_SECRET) {
            continue;
        }
        record->has[i] = access == FIELD_MASKED ? RECORD_MASKED : RECORD_HAS;
        if (access == FIELD_MASKED || i == SYS_ID || i == SYS_VERSION) {
            continue; /* the head has id and version */
        }
        if (field->computed_on_read) {
            add_computed(sql, out, join, field, selection, record);
        } else {
            field_column(sql, out, join, field);
            add_slot(selection, field, &record->values[i]);
        }
    }
}

void selection_make(struct sql *sql, struct buf *out, const struct object_type *type,
                    const uint8_t *selected, struct selection *out_selection)
{
    *out_selection = (struct selection){.now_ms = sql->now_ms};
    out_selection->record = *new_record(sql->arena, type);
    buf_append_str(out, STR("r.\"id\",r.\"version\""));
    add_fields(sql, out, 0, selected, out_selection, &out_selection->record);
}

void selection_include(struct sql *sql, struct buf *out, const struct query *query,
                       struct selection *selection)
{
    struct record *root = &selection->record;
    root->includes =
        ARENA_ARRAY(sql->arena, struct record_include, (size_t)query->include_count + 1);
    for (int i = 0; i < query->include_count; i++) {
        const struct field *ref = object_field(query->type, query->include[i]);
        ASSERT(ref != NULL && ref->type == FIELD_REF);
        int join = sql_join(sql, 0, ref);
        struct record *record = new_record(sql->arena, sql->joins[join].type);
        selection->included[root->include_count] = record;
        root->includes[root->include_count++] = (struct record_include){.field = ref};
        buf_printf(out, ",%s.\"id\",%s.\"version\"", sql_alias(sql, join), sql_alias(sql, join));
        grow(sql, selection, record->type);
        add_slot(selection, &record->type->fields[SYS_ID], &record->values[SYS_ID]);
        add_slot(selection, &record->type->fields[SYS_VERSION], &record->values[SYS_VERSION]);
        add_fields(sql, out, join, NULL, selection, record);
    }
}

/* ---- reading ---- */

static size_t list_count_of(struct str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == LIST_SEPARATOR ? 1 : 0;
    }
    return count;
}

static enum err read_list(struct db_stmt *stmt, int column, const struct field *field,
                          struct arena *row, struct value *out_value)
{
    *out_value = value_list_new();
    if (db_column_kind(stmt, column) == DB_NULL) {
        return OK;
    }
    struct str rest = arena_str(row, db_column_text(stmt, column)), part;
    struct value *items = ARENA_ARRAY(row, struct value, list_count_of(rest));
    size_t count = 0;
    while (str_split(&rest, LIST_SEPARATOR, &part)) {
        int64_t id = 0;
        if (field->type != FIELD_REFS) {
            items[count++] = value_text(part);
        } else if (str_to_int64(part, &id) == OK) {
            items[count++] = value_id(id);
        } else {
            return ERR_CORRUPT;
        }
    }
    out_value->list.items = items;
    out_value->list.count = count;
    return OK;
}

static struct value input_value(void *context, struct str path)
{
    const struct select_computed *computed = context;
    for (size_t i = 0; i < computed->input_count; i++) {
        const struct select_input *input = &computed->inputs[i];
        if (!str_eq(input->path, path)) {
            continue;
        }
        if (input->value.kind == VALUE_MONEY && input->part == PART_AMOUNT) {
            return value_int(input->value.integer);
        }
        if (input->value.kind == VALUE_MONEY && input->part == PART_CURRENCY) {
            return value_text(str_from(input->value.currency));
        }
        return input->value;
    }
    return value_null();
}

/* An expression that fails on this row's values gives null: a list must not break on one row. */
static void compute(struct selection *selection, struct select_computed *computed,
                    struct arena *row)
{
    const struct expr_env env = {
        .lookup = input_value, .context = computed, .now_ms = selection->now_ms};
    struct value value;
    *computed->out = value_null();
    if (expr_eval(computed->field->computed, &env, row, &value, NULL) == OK &&
        value.kind != VALUE_NULL &&
        field_convert(computed->field, &value, row, &value, NULL) == OK) {
        *computed->out = value;
    }
}

enum err selection_read(struct selection *selection, struct db_stmt *stmt, struct arena *row,
                        bool copy, struct error *error)
{
    struct record *record = &selection->record;
    int column = HEAD_COLUMNS;
    record->id = db_column_int(stmt, 0);
    record->version = db_column_int(stmt, 1);
    record->values[SYS_ID] = value_id(record->id);
    record->values[SYS_VERSION] = value_int(record->version);
    for (int i = 0; i < selection->slot_count; i++) {
        const struct select_slot *slot = &selection->slots[i];
        enum err err = OK;
        if (field_many(slot->field)) {
            err = read_list(stmt, column++, slot->field, row, slot->out);
        } else {
            bool decode = slot->field->type == FIELD_JSON;
            err = column_read(stmt, &column, slot->field, copy || decode ? row : NULL, slot->out,
                              error);
        }
        if (err != OK) {
            return err;
        }
    }
    for (int i = 0; i < record->include_count; i++) {
        struct record *included = selection->included[i];
        included->id = included->values[SYS_ID].integer;
        included->version = included->values[SYS_VERSION].integer;
        /* Null: nothing is there, or nothing that may be read. */
        bool there = included->values[SYS_ID].kind != VALUE_NULL;
        record->includes[i].record = there ? included : NULL;
    }
    for (int i = 0; i < selection->computed_count; i++) {
        compute(selection, &selection->computed[i], row);
    }
    selection->order_column = column;
    return OK;
}
