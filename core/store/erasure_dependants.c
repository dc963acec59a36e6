/* The records whose subject is erased: found, looked at for holds, emptied in units of some
 * hundreds. A lane's thread; the units on the writer's. */
#include "columns.h"
#include "erasure.h"
#include "record_write.h"
#include "sqlite/erasure_sql.h"

struct dependants_unit {
    struct unit unit;
    struct str type;
    const struct ddl_ids *ids;
};

static enum err dependants_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct dependants_unit *dependants = CONTAINER_OF(unit, struct dependants_unit, unit);
    const struct object_type *type = schema_object(tx->schema, dependants->type);
    enum err err = OK;
    for (size_t i = 0; type != NULL && err == OK && i < dependants->ids->count; i++) {
        err = hold_check(tx, type, dependants->ids->ids[i], error);
        if (err == OK) {
            err = erasure_empty_row(tx, type, dependants->ids->ids[i], false, STR(""), error);
        }
    }
    return err;
}

static enum err run_dependants(struct erasure *erasure, const struct object_type *type,
                               const struct ddl_ids *ids, struct error *error)
{
    struct dependants_unit dependants = {.type = type->name, .ids = ids};
    dependants.unit = (struct unit){.apply = dependants_apply,
                                    .scope = erasure->erasing->scope,
                                    .request = erasure->erasing->request};
    enum err err = store_run(erasure->erasing->store, &dependants.unit);
    if (err != OK) {
        *error = dependants.unit.error;
        error->next = NULL;
    }
    unit_deinit(&dependants.unit);
    return err;
}

/* Of what lies in a compartment the report is silent to those outside; it goes all the same. */
static enum err check_shown(struct erasure *erasure, const struct object_type *type, int64_t id,
                            bool *out_shown, struct error *error)
{
    struct arena arena;
    struct record *record = NULL;
    arena_init(&arena);
    enum err err =
        reader_get(erasure->erasing->reader, erasure->system, type, id, &arena, &record, error);
    *out_shown = err == OK && scope_sees_compartment(erasure->erasing->scope,
                                                     record_head_of(record).compartment);
    arena_deinit(&arena);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err say_hidden_hold(struct error *error)
{
    return error_set(error, ERR_HELD,
                     "a legal hold that you may not see is in the way: ask who places holds");
}

static void tell_hold(struct erasure *erasure, const struct object_type *type, int64_t id,
                      const struct error *why)
{
    struct arena *arena = erasure->erasing->arena;
    struct value *report = &erasure->erasing->report;
    struct value row = value_map_new();
    const struct value *there = value_get_c(report, "holds");
    struct value holds = there != NULL ? *there : value_list_new();
    bool shown = why->value[0] != '\0';
    value_put_c(arena, &row, "object",
                shown ? value_text(arena_str(arena, type->name)) : value_null());
    value_put_c(arena, &row, "id", shown ? value_id(id) : value_null());
    value_put_c(arena, &row, "hold",
                shown ? value_text(arena_str(arena, str_from(why->value))) : value_null());
    value_put_c(arena, &row, "reason", value_text(arena_str(arena, str_from(why->detail))));
    if (holds.list.count < ERASURE_MENTIONS_MAX) {
        value_push(arena, &holds, row);
    }
    value_put_c(arena, report, "holds", holds);
}

/* Told in a preview, in the way of the rest. */
static enum err check_hold(struct erasure *erasure, const struct object_type *type, int64_t id,
                           struct error *error)
{
    struct error why = {0};
    bool shown = true;
    enum err err =
        reader_hold_check(erasure->erasing->reader, erasure->system->schema, type->name, id, &why);
    if (err == ERR_HELD && check_shown(erasure, type, id, &shown, &why) == OK && !shown) {
        err = say_hidden_hold(&why);
    }
    if (err == ERR_HELD && erasure->erasing->dry_run) {
        tell_hold(erasure, type, id, &why);
        return OK;
    }
    if (err != OK) {
        *error = why;
    }
    return err;
}

/* Holds are looked for before anything is done. */
static enum err look_or_empty(struct erasure *erasure, const struct object_type *type,
                              const struct ddl_ids *ids, bool only_look, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; only_look && err == OK && i < ids->count; i++) {
        err = check_hold(erasure, type, ids->ids[i], error);
    }
    return only_look || ids->count == 0 ? err : run_dependants(erasure, type, ids, error);
}

struct looking {
    const struct object_type *type;
    bool only_look;
    int64_t count;
};

static enum err each_of(struct erasure *erasure, struct looking *looking, int64_t subject,
                        struct error *error)
{
    const struct object_type *type = looking->type;
    const struct field *field = object_field(type, type->subject);
    struct reader *reader = erasure->erasing->reader;
    struct ddl_ids ids = {.after = INT64_MIN};
    enum err err = OK;
    do {
        err = erasure_sql_referring(reader_db(reader), type, field, subject, &ids, error);
        if (err == OK) {
            err = look_or_empty(erasure, type, &ids, looking->only_look, error);
        }
        for (size_t i = 0; looking->only_look && err == OK && i < ids.count; i++) {
            bool shown = false;
            err = check_shown(erasure, type, ids.ids[i], &shown, error);
            looking->count += shown ? 1 : 0;
        }
    } while (err == OK && ids.count == COUNT_OF(ids.ids));
    return err;
}

static void tell_count(struct erasure *erasure, const struct looking *looking)
{
    struct arena *arena = erasure->erasing->arena;
    struct value *report = &erasure->erasing->report;
    const struct value *there = value_get_c(report, "records");
    struct value records = there != NULL ? *there : value_map_new();
    value_put(arena, &records, arena_str(arena, looking->type->name), value_int(looking->count));
    value_put_c(arena, report, "records", records);
}

static enum err each_type(struct erasure *erasure, const struct object_type *type, bool only_look,
                          struct error *error)
{
    struct looking looking = {.type = type, .only_look = only_look};
    enum err err = OK;
    for (size_t s = 0; s < erasure->id_count && err == OK; s++) {
        err = each_of(erasure, &looking, erasure->ids[s], error);
    }
    if (err == OK && only_look && looking.count > 0) {
        tell_count(erasure, &looking);
    }
    return err;
}

static bool tells_of(const struct erasure *erasure, const struct object_type *type)
{
    const struct field *field = object_field(type, type->subject);
    bool personal = false;
    for (int i = 0; i < type->field_count; i++) {
        personal = personal || field_personal(type, &type->fields[i]);
    }
    return personal && field != NULL && field->type == FIELD_REF && field_stored(field) &&
           str_eq(field->to, erasure->type->name);
}

static enum err all_types(struct erasure *erasure, bool only_look, struct error *error)
{
    const struct schema *schema = erasure->system->schema;
    enum err err = OK;
    for (int i = 0; i < schema->object_count && err == OK; i++) {
        if (tells_of(erasure, &schema->objects[i])) {
            err = each_type(erasure, &schema->objects[i], only_look, error);
        }
    }
    return err;
}

enum err erasure_look(struct erasure *erasure, struct error *error)
{
    enum err err = OK;
    value_put_c(erasure->erasing->arena, &erasure->erasing->report, "records", value_map_new());
    for (size_t i = 0; i < erasure->id_count && err == OK; i++) {
        err = check_hold(erasure, erasure->type, erasure->ids[i], error);
    }
    return err == OK ? all_types(erasure, true, error) : err;
}

enum err erasure_dependants(struct erasure *erasure, struct error *error)
{
    return all_types(erasure, false, error);
}
