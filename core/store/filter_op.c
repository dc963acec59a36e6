/* The filter operators: their names, what they take, and which fields have them. Pure; any thread.
 */
#include "query.h"

#include "proxenos/base_text.h"

static const struct operator_fact {
    const char *name;
    enum op_arity arity;
} operators[OP_COUNT] = {
    [OP_EQ] = {"eq", ARITY_ONE},
    [OP_NE] = {"ne", ARITY_ONE},
    [OP_LT] = {"lt", ARITY_ONE},
    [OP_LE] = {"le", ARITY_ONE},
    [OP_GT] = {"gt", ARITY_ONE},
    [OP_GE] = {"ge", ARITY_ONE},
    [OP_IN] = {"in", ARITY_LIST},
    [OP_NIN] = {"nin", ARITY_LIST},
    [OP_IS] = {"is", ARITY_NULLNESS},
    [OP_LIKE] = {"like", ARITY_PATTERN},
    [OP_PREFIX] = {"prefix", ARITY_PATTERN},
    [OP_CONTAINS] = {"contains", ARITY_PATTERN},
    [OP_HAS] = {"has", ARITY_ONE},
    [OP_ANY] = {"any", ARITY_LIST},
    [OP_BETWEEN] = {"between", ARITY_PAIR},
    [OP_LAST_DAYS] = {"last_days", ARITY_DAYS},
    [OP_NEXT_DAYS] = {"next_days", ARITY_DAYS},
    [OP_BEFORE] = {"before", ARITY_ONE},
    [OP_AFTER] = {"after", ARITY_ONE},
};

const char *filter_op_name(enum filter_op op)
{
    ASSERT(op < OP_COUNT);
    return operators[op].name;
}

enum op_arity filter_op_arity(enum filter_op op)
{
    ASSERT(op < OP_COUNT);
    return operators[op].arity;
}

/* What other interfaces call them: the best suggestions, where spelling alone would mislead. */
static struct str other_name(struct str word)
{
    static const char *const others[][2] = {
        {"gte", "ge"},
        {"lte", "le"},
        {"neq", "ne"},
        {"equals", "eq"},
        {"not_in", "nin"},
        {"starts_with", "prefix"},
        {"startswith", "prefix"},
        {"ilike", "like"},
        {"includes", "has"},
        {"since", "after"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (str_is(word, others[i][0])) {
            return str_from(others[i][1]);
        }
    }
    return STR("");
}

enum err filter_op_find(struct str word, struct str pointer, enum filter_op *out_op,
                        struct error *error)
{
    struct str names[OP_COUNT];
    for (int op = 0; op < OP_COUNT; op++) {
        names[op] = str_from(operators[op].name);
        if (str_eq(names[op], word)) {
            *out_op = (enum filter_op)op;
            return OK;
        }
    }
    word = utf8_cut(word, 40);
    struct str nearest = other_name(word);
    nearest = nearest.len > 0 ? nearest : text_nearest(word, names, OP_COUNT);
    return query_error(error, ERR_UNKNOWN_OPERATOR, pointer, word, nearest,
                       "there is no filter operator \"" STR_FORMAT "\"", STR_ARGS(word));
}

/* ---- which fields have which ---- */

#define BIT(op) (1u << (op))
enum {
    OPS_SAME = BIT(OP_EQ) | BIT(OP_NE) | BIT(OP_IN) | BIT(OP_NIN) | BIT(OP_IS),
    OPS_ORDER = BIT(OP_LT) | BIT(OP_LE) | BIT(OP_GT) | BIT(OP_GE) | BIT(OP_BETWEEN),
    OPS_TEXT = BIT(OP_LIKE) | BIT(OP_PREFIX) | BIT(OP_CONTAINS),
    OPS_TIME = BIT(OP_BEFORE) | BIT(OP_AFTER) | BIT(OP_LAST_DAYS) | BIT(OP_NEXT_DAYS),
    OPS_MANY = BIT(OP_HAS) | BIT(OP_ANY) | BIT(OP_IS)
};

static unsigned ops_of(const struct field_path *path)
{
    const struct field *field = path->field;
    if (path->part == PART_CURRENCY) {
        return OPS_SAME | OPS_TEXT;
    }
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_EMAIL:
    case FIELD_PHONE:
    case FIELD_URL:
        return OPS_SAME | OPS_ORDER | OPS_TEXT;
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
        return OPS_SAME | OPS_TEXT;
    case FIELD_INTEGER:
    case FIELD_DECIMAL:
    case FIELD_MONEY:
    case FIELD_ID:
        return OPS_SAME | OPS_ORDER;
    case FIELD_DATE:
    case FIELD_DATETIME:
        return OPS_SAME | OPS_ORDER | OPS_TIME;
    case FIELD_ENUM:
        return field->many ? OPS_MANY : OPS_SAME;
    case FIELD_BOOLEAN:
    case FIELD_DURATION:
    case FIELD_REF:
        return OPS_SAME;
    case FIELD_REFS:
        return OPS_MANY;
    case FIELD_JSON:
    case FIELD_FILE:
        return BIT(OP_IS);
    case FIELD_SECRET:
    case FIELD_TYPE_COUNT:
        break;
    }
    return 0;
}

enum err filter_op_fits(const struct filter *test, struct error *error)
{
    unsigned ops = ops_of(&test->target);
    if ((ops & BIT(test->op)) != 0) {
        return OK;
    }
    struct buf list;
    buf_init(&list);
    for (int op = 0; op < OP_COUNT; op++) {
        if ((ops & BIT(op)) != 0) {
            buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", operators[op].name);
        }
    }
    enum err err = query_error(
        error, ERR_FILTER, test->pointer, str_from(filter_op_name(test->op)), STR(""),
        "field " STR_FORMAT " (%s%s) has no operator %s; it has: %s", STR_ARGS(test->path),
        test->target.field->many ? "many " : "", field_type_name(test->target.field->type),
        filter_op_name(test->op), buf_cstr(&list));
    buf_deinit(&list);
    return err;
}
