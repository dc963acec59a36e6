/* Legal holds: what they keep, and how they may be written. They keep a record from being erased,
 * deleted, archived or merged away; changing it is allowed, since its history stays. */
#include "erasure.h"
#include "proxenos/base_env.h"
#include "record_write.h"
#include "sqlite/erasure_sql.h"

#include <stdio.h>

static const struct object_type *holds_of(const struct schema *schema)
{
    return schema_object(schema, STR("legal_hold"));
}

bool hold_is(const struct object_type *type)
{
    return str_is(type->name, "legal_hold");
}

struct hold_question {
    const struct schema *schema;
    struct str object;
    int64_t record, now_ms;
};

static enum err check(struct db *db, const struct hold_question *question, struct error *error)
{
    const struct object_type *holds = holds_of(question->schema);
    struct arena arena;
    char record[ID_TEXT_LEN + 1];
    char hold[ID_TEXT_LEN + 1];
    int64_t id = 0;
    struct str reason = STR("");
    if (holds == NULL) {
        return OK;
    }
    arena_init(&arena);
    id_format(question->record, record);
    enum err err = hold_sql_find(db, holds, question->object, str_from(record), question->now_ms,
                                 &arena, &id, &reason, error);
    if (err == OK && id != 0) {
        id_format(id, hold);
        err = error_at(error, ERR_HELD, NULL, hold,
                       STR_FORMAT " %s is under legal hold %s: " STR_FORMAT,
                       STR_ARGS(question->object), record, hold, STR_ARGS(reason));
    }
    arena_deinit(&arena);
    return err;
}

enum err hold_check(struct tx *tx, const struct object_type *type, int64_t id, struct error *error)
{
    struct hold_question question = {
        .schema = tx->schema, .object = type->name, .record = id, .now_ms = tx->now_ms};
    return check(tx->db, &question, error);
}

enum err reader_hold_check(struct reader *reader, const struct schema *schema, struct str object,
                           int64_t record, struct error *error)
{
    struct env *env = reader->store->env;
    struct hold_question question = {
        .schema = schema, .object = object, .record = record, .now_ms = env->now_ms(env)};
    return check(reader_db(reader), &question, error);
}

/* ---- writing one ---- */

static struct str text_of(const struct record *record, const char *name)
{
    const struct value *value = record_value(record, str_from(name));
    return value != NULL && value->kind == VALUE_TEXT ? value->text : STR("");
}

static enum err moved(const struct writing *writing, struct error *error)
{
    static const char *const fixed[] = {"object", "record", "starts_at"};
    for (size_t i = 0; i < COUNT_OF(fixed); i++) {
        const struct field *field = object_field(writing->type, str_from(fixed[i]));
        if (field != NULL && writing->changed[field->index]) {
            char pointer[32];
            (void)snprintf(pointer, sizeof(pointer), "/%s", fixed[i]);
            return error_at(error, ERR_READONLY, pointer, NULL,
                            "what a hold is on stays: lift this one and place another");
        }
    }
    if (text_of(writing->before, "lifted").len > 0) {
        return error_set(error, ERR_READONLY, "this hold was lifted: place another");
    }
    return OK;
}

enum err hold_judge(struct writing *writing, struct error *error)
{
    struct tx *tx = writing->tx;
    struct record_head head;
    int64_t id = 0;
    if (!hold_is(writing->type)) {
        return OK;
    }
    if (writing->before != NULL) {
        return moved(writing, error);
    }
    const struct object_type *type = schema_object(tx->schema, text_of(writing->whole, "object"));
    if (type == NULL || hold_is(type)) {
        return error_at(error, ERR_REFERENCE, "/object", NULL,
                        "object is the name of an object type, such as person");
    }
    enum err err = id_parse(text_of(writing->whole, "record"), &id) == OK
                       ? record_row_head(tx, type, id, &head, error)
                       : ERR_NOT_FOUND;
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (err != OK || !(writing->trusted || record_readable(tx->scope, type, &head))) {
        return error_at(error, ERR_REFERENCE, "/record", NULL, "there is no such " STR_FORMAT,
                        STR_ARGS(type->name));
    }
    const struct value *compartment = &writing->whole->values[SYS_COMPARTMENT];
    struct str place = compartment->kind == VALUE_TEXT ? compartment->text : STR("");
    if (!str_eq(place, head.compartment)) {
        return error_at(error, ERR_INVALID, "/compartment", NULL,
                        "a hold lies where its record does: give it the record's compartment");
    }
    return OK;
}
