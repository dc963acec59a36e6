/* module: base. Expressions: any source compiles or is refused with a column; what compiles runs on
 * values of every kind, the extreme ones too, and either gives a value or an error with a column.
 */
#include <stdint.h>

#include "proxenos/base_expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct value list_of(struct value *items, size_t count)
{
    return (struct value){.kind = VALUE_LIST, .list = {items, count}};
}

/* The path's text chooses the value, so that a corpus entry always sees the same. */
static struct value look_up(void *context, struct str path)
{
    static struct value items[] = {
        {.kind = VALUE_INT, .integer = 1},
        {.kind = VALUE_NULL},
        {.kind = VALUE_TEXT, .text = {"won", 3}},
    };
    const struct value assorted[] = {
        value_null(),
        value_bool(true),
        value_bool(false),
        value_int(0),
        value_int(-7),
        value_int(INT64_MAX),
        value_int(INT64_MIN),
        value_real(0.1),
        value_real(-1.7e308),
        {.kind = VALUE_REAL, .real = 12.5, .raw = STR("12.50")},
        {.kind = VALUE_REAL, .real = 1e300, .raw = STR("1e300")},
        {.kind = VALUE_DECIMAL, .scale = 2, .integer = 1250},
        {.kind = VALUE_DECIMAL, .scale = 12, .integer = INT64_MIN},
        {.kind = VALUE_MONEY, .integer = 1999, .currency = "EUR"},
        {.kind = VALUE_MONEY, .integer = INT64_MIN, .currency = "EUR"},
        {.kind = VALUE_MONEY, .integer = 5, .currency = "JPY"},
        {.kind = VALUE_MONEY, .integer = 5, .currency = ""},
        value_date(20000),
        value_date(INT64_MAX),
        value_date(INT64_MIN),
        value_time(1700000000000),
        value_time(INT64_MIN),
        value_id(123456789),
        value_text(STR("")),
        value_text(STR("2027-03-31")),
        value_text(STR("Παπαδόπουλος")),
        list_of(items, COUNT_OF(items)),
        list_of(NULL, 0),
        {.kind = VALUE_MAP},
        {.kind = VALUE_BYTES, .text = STR("\xFF")},
    };
    size_t chosen = path.len;
    (void)context;
    for (size_t i = 0; i < path.len; i++) {
        chosen = chosen * 31 + (unsigned char)path.at[i];
    }
    return assorted[chosen % COUNT_OF(assorted)];
}

static void check_error(enum err err, const struct error *error)
{
    ASSERT(error->err == err);
    ASSERT(strncmp(error->pointer, "column ", 7) == 0);
    ASSERT(error->detail[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct error error = {0};
    struct expr *expr = NULL;
    struct value value = value_null();
    struct expr_env env = {.lookup = look_up, .now_ms = INT64_C(1795442400000)};
    arena_init(&arena);
    struct str source = {(const char *)data, size};
    enum err err = expr_compile(&arena, source, &expr, &error);
    if (err == OK) {
        const struct str *paths = NULL;
        size_t count = expr_paths(expr, &paths);
        for (size_t i = 0; i < count; i++) {
            ASSERT(paths[i].len > 0);
        }
        err = expr_eval(expr, &env, &arena, &value, &error);
    }
    if (err != OK) {
        check_error(err, &error);
    } else {
        ASSERT(value_kind_name(&value) != NULL);
        (void)value_copy(&arena, &value);
    }
    arena_deinit(&arena);
    return 0;
}
