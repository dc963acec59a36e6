/* Binding a filter: names against the schema under the scope's rights, values against their fields.
 * After it every test has its field and its constants in the field's own kind; eq null has become
 * is null. Pure; any thread. Recursion is bounded by FILTER_DEPTH_MAX. */
#include "query.h"

#include "field_value.h"
#include "proxenos/base_text.h"

struct filter_binder {
    const struct scope *scope;
    const struct object_type *type;
    struct arena *arena;
    struct error *error;
};

enum { DAYS_MAX = 36600 }; /* a century */

static enum err wrong(const struct filter_binder *binder, const struct filter *test,
                      const char *sentence)
{
    return query_error(binder->error, ERR_FILTER, test->pointer, test->path, STR(""),
                       STR_FORMAT "[%s] %s", STR_ARGS(test->path), filter_op_name(test->op),
                       sentence);
}

/* ---- constants ---- */

static bool textual(const struct field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
        return true;
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
    case FIELD_MONEY:
    case FIELD_BOOLEAN:
    case FIELD_DATE:
    case FIELD_DATETIME:
    case FIELD_DURATION:
    case FIELD_ENUM:
    case FIELD_REF:
    case FIELD_REFS:
    case FIELD_JSON:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    return false;
}

/* The constant in the form in which the field is stored. A text that has not the field's format is
 * taken as it is: nothing equals it, but less and greater still mean something. */
static enum err constant(const struct filter_binder *binder, const struct filter *test,
                         const struct value *plain, struct value *out_typed)
{
    const struct field_path *target = &test->target;
    if (plain->kind == VALUE_NULL) {
        return wrong(binder, test, "takes no null; say is: null");
    }
    if (target->part == PART_AMOUNT) {
        if (plain->kind != VALUE_INT) {
            return wrong(binder, test, "takes a whole number of minor units");
        }
        *out_typed = *plain;
        return OK;
    }
    if (textual(target->field) || target->part == PART_CURRENCY) {
        if (plain->kind != VALUE_TEXT) {
            return wrong(binder, test, "takes a text in double quotes");
        }
        if (target->part == PART_CURRENCY ||
            field_convert(target->field, plain, binder->arena, out_typed, NULL) != OK) {
            *out_typed = *plain;
        }
        return OK;
    }
    enum err err = field_convert(target->field, plain, binder->arena, out_typed, binder->error);
    if (err != OK && binder->error != NULL) {
        (void)snprintf(binder->error->pointer, sizeof(binder->error->pointer), STR_FORMAT,
                       STR_ARGS(test->pointer));
    }
    return err;
}

static enum err constants(const struct filter_binder *binder, struct filter *test,
                          const struct value *plain, size_t count)
{
    test->typed = ARENA_ARRAY(binder->arena, struct value, MAX(count, (size_t)1));
    for (size_t i = 0; i < count; i++) {
        enum err err = constant(binder, test, &plain[i], &test->typed[i]);
        if (err != OK) {
            return err;
        }
        test->typed_count++;
    }
    return OK;
}

static enum err days(const struct filter_binder *binder, struct filter *test)
{
    const struct value *value = &test->value;
    if (value->kind != VALUE_INT || value->integer < 0 || value->integer > DAYS_MAX) {
        return wrong(binder, test, "takes a number of days from 0 to 36600");
    }
    test->typed = arena_dup(binder->arena, value, sizeof(*value));
    test->typed_count = 1;
    return OK;
}

static enum err pattern(const struct filter_binder *binder, struct filter *test)
{
    if (test->value.kind != VALUE_TEXT) {
        return wrong(binder, test, "takes a text in double quotes");
    }
    if (test->value.text.len > PATTERN_BYTES_MAX) {
        return wrong(binder, test, "takes at most 256 bytes");
    }
    struct buf folded;
    buf_init(&folded);
    text_fold(&folded, test->value.text);
    test->typed = ARENA_NEW(binder->arena, struct value);
    *test->typed = value_text(arena_str(binder->arena, buf_str(&folded)));
    test->typed_count = 1;
    buf_deinit(&folded);
    return OK;
}

/* is: null | not_null becomes typed[0]: true for null. */
static enum err nullness(const struct filter_binder *binder, struct filter *test, bool is_null)
{
    test->op = OP_IS;
    test->typed = ARENA_NEW(binder->arena, struct value);
    *test->typed = value_bool(is_null);
    test->typed_count = 1;
    return OK;
}

static enum err nullness_word(const struct filter_binder *binder, struct filter *test)
{
    if (test->value.kind == VALUE_NULL ||
        (test->value.kind == VALUE_TEXT && str_is(test->value.text, "null"))) {
        return nullness(binder, test, true);
    }
    if (test->value.kind == VALUE_TEXT && str_is(test->value.text, "not_null")) {
        return nullness(binder, test, false);
    }
    return wrong(binder, test, "takes null or not_null");
}

static enum err one(const struct filter_binder *binder, struct filter *test)
{
    if (test->value.kind == VALUE_NULL && (test->op == OP_EQ || test->op == OP_NE)) {
        return nullness(binder, test, test->op == OP_EQ);
    }
    if (test->value.kind == VALUE_LIST) {
        return wrong(binder, test, "takes one value; in, nin and any take lists");
    }
    enum err err = constants(binder, test, &test->value, 1);
    if (err == OK && (test->op == OP_BEFORE || test->op == OP_AFTER)) {
        test->op = test->op == OP_BEFORE ? OP_LT : OP_GT;
    }
    return err;
}

static enum err pair(const struct filter_binder *binder, struct filter *test)
{
    if (test->value.kind != VALUE_LIST || test->value.list.count != 2) {
        return wrong(binder, test, "takes a list of two values, both included");
    }
    enum err err = constants(binder, test, test->value.list.items, 2);
    if (err == OK && test->typed[0].kind == VALUE_MONEY &&
        !str_eq(str_from(test->typed[0].currency), str_from(test->typed[1].currency))) {
        return wrong(binder, test, "takes two amounts of one currency");
    }
    return err;
}

/* ---- nodes ---- */

static enum err bind_test(const struct filter_binder *binder, struct filter *test)
{
    enum err err = path_bind(binder->scope, binder->type, test->path, test->pointer, &test->target,
                             binder->error);
    if (err != OK) {
        return err;
    }
    if (test->target.field->computed_on_read) {
        return wrong(binder, test, "cannot be used: the field is computed when it is read");
    }
    err = filter_op_fits(test, binder->error);
    if (err != OK) {
        return err;
    }
    test->typed_count = 0;
    switch (filter_op_arity(test->op)) {
    case ARITY_ONE:
        return one(binder, test);
    case ARITY_LIST:
        if (test->value.kind != VALUE_LIST) {
            return wrong(binder, test, "takes a list: [\"a\", \"b\"]");
        }
        return constants(binder, test, test->value.list.items, test->value.list.count);
    case ARITY_NULLNESS:
        return nullness_word(binder, test);
    case ARITY_DAYS:
        return days(binder, test);
    case ARITY_PAIR:
        return pair(binder, test);
    case ARITY_PATTERN:
        return pattern(binder, test);
    }
    return OK;
}

static enum err bind_node(const struct filter_binder *binder, struct filter *filter)
{
    if (filter->kind == FILTER_TEST) {
        return bind_test(binder, filter);
    }
    for (int i = 0; i < filter->child_count; i++) {
        enum err err = bind_node(binder, filter->children[i]);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

enum err filter_bind(struct filter *filter, const struct scope *scope,
                     const struct object_type *type, struct arena *arena, struct error *error)
{
    const struct filter_binder binder = {
        .scope = scope, .type = type, .arena = arena, .error = error};
    return filter == NULL ? OK : bind_node(&binder, filter);
}
