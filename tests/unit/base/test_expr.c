/* Expressions: meaning, null, exactness, errors with their column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/base_env.h"
#include "proxenos/base_expr.h"
#include "proxenos/base_number.h"
#include "proxenos/base_time.h"

static struct value money(int64_t minor_units, const char *currency)
{
    struct value value = {.kind = VALUE_MONEY, .integer = minor_units};
    memcpy(value.currency, currency, 4);
    return value;
}

static struct value decimal(int64_t unscaled, uint8_t scale)
{
    return (struct value){.kind = VALUE_DECIMAL, .scale = scale, .integer = unscaled};
}

static struct value day(const char *text)
{
    int64_t days = 0;
    assert_int_equal(date_parse(str_from(text), &days), OK);
    return value_date(days);
}

static struct value at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(time_parse(str_from(text), &ms), OK);
    return value_time(ms);
}

static struct value look_up(void *context, struct str path)
{
    static struct value tags[3];
    (void)context;
    tags[0] = value_text(STR("gold"));
    tags[1] = value_text(STR("new"));
    tags[2] = value_null();
    const struct {
        const char *path;
        struct value value;
    } known[] = {
        {"a", value_int(7)},
        {"b", value_int(-2)},
        {"big", value_int(INT64_MAX)},
        {"small", value_int(INT64_MIN)},
        {"price", decimal(1250, 2)},
        {"rate", decimal(24, 2)},
        {"real", value_real(0.5)},
        {"parsed", {.kind = VALUE_REAL, .real = 12.1, .raw = STR("12.10")}},
        {"large", {.kind = VALUE_REAL, .real = 1e300, .raw = STR("1e300")}},
        {"name", value_text(STR("Νίκος"))},
        {"stage", value_text(STR("won"))},
        {"organisation.industry", value_text(STR("energy"))},
        {"yes", value_bool(true)},
        {"no", value_bool(false)},
        {"eur", money(10050, "EUR")},
        {"usd", money(500, "USD")},
        {"yen", money(500, "JPY")},
        {"starts_on", day("2026-01-31")},
        {"ends_on", day("2027-03-31")},
        {"made_at", at("2026-06-01T10:30:00Z")},
        {"iso_day", value_text(STR("2027-03-31"))},
        {"tags", {.kind = VALUE_LIST, .list = {tags, 2}}},
        {"holed", {.kind = VALUE_LIST, .list = {tags, 3}}},
        {"id", value_id(1)},
        {"id_text", value_text(STR("0000000000001"))},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_is(path, known[i].path)) {
            return known[i].value;
        }
    }
    return value_null();
}

/* A result as text, with its kind where it could be mistaken. */
static void describe(struct buf *out, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        buf_append_str(out, STR("null"));
        return;
    case VALUE_BOOL:
        buf_append_str(out, value->boolean ? STR("true") : STR("false"));
        return;
    case VALUE_INT:
        buf_printf(out, "%lld", (long long)value->integer);
        return;
    case VALUE_DECIMAL:
        buf_append_char(out, 'd');
        decimal_format(out, value->integer, value->scale);
        return;
    case VALUE_REAL:
        buf_printf(out, "r%g", value->real);
        return;
    case VALUE_TEXT:
        buf_printf(out, "'" STR_FORMAT "'", STR_ARGS(value->text));
        return;
    case VALUE_MONEY:
        buf_printf(out, "%lld %s", (long long)value->integer, value->currency);
        return;
    case VALUE_DATE:
        date_format(out, value->integer);
        return;
    case VALUE_TIME:
        time_format(out, value->integer);
        return;
    case VALUE_LIST:
        buf_printf(out, "list %zu", value->list.count);
        return;
    case VALUE_MAP:
    case VALUE_ID:
    case VALUE_BYTES:
        buf_append_str(out, str_from(value_kind_name(value)));
        return;
    }
}

static enum err evaluate(struct arena *arena, const char *source, struct value *out_value,
                         struct error *error)
{
    struct expr *expr = NULL;
    struct expr_env env = {.lookup = look_up, .now_ms = at("2026-11-23T14:00:00Z").integer};
    enum err err = expr_compile(arena, str_from(source), &expr, error);
    return err == OK ? expr_eval(expr, &env, arena, out_value, error) : err;
}

static void assert_results(const char *const (*cases)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        struct buf shown;
        struct value value = value_null();
        struct error error = {0};
        arena_init(&arena);
        buf_init(&shown);
        if (evaluate(&arena, cases[i][0], &value, &error) != OK) {
            fail_msg("%s: %s: %s", cases[i][0], error.pointer, error.detail);
        }
        describe(&shown, &value);
        if (strcmp(buf_cstr(&shown), cases[i][1]) != 0) {
            fail_msg("%s gives %s, not %s", cases[i][0], buf_cstr(&shown), cases[i][1]);
        }
        buf_deinit(&shown);
        arena_deinit(&arena);
    }
}

static void computes_numbers(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"10 - 2 - 3", "5"},
        {"-a + 1", "-6"},
        {"- 3", "-3"},
        {"2 - -3", "5"},
        {"7 % 3", "1"},
        {"-1 % 12", "11"},
        {"7 % -3", "-2"},
        {"small % -1", "0"},
        {"6 / 3", "2"},
        {"7 / 2", "d3.5"},
        {"1 / 3", "d0.333333333333"},
        {"2 / 3", "d0.666666666667"},
        {"big / 3", "d3074457345618258602"},
        {"big / 2", "d4611686018427387904"},
        {"0.1 + 0.2", "d0.3"},
        {"0.1 + 0.2 == 0.3", "true"},
        {"price * rate", "d3.0000"},
        {"price * 2", "d25.00"},
        {"price + 1", "d13.50"},
        {"price % 5", "d2.50"},
        {"price / 2.5", "d5"},
        {"1.50 + 1.50", "d3.00"},
        {"0.000001 * 0.0000001", "d0.000000000000"},
        {"9223372036854775807", "9223372036854775807"},
        {"big * 1.0", "d9223372036854775807"},
        {"real + 1", "r1.5"},
        {"real * real", "r0.25"},
        {"parsed + 1", "d13.10"},
        {"parsed == 12.1", "true"},
        {"large > big", "true"},
        {"abs(b)", "2"},
        {"abs(-1.5)", "d1.5"},
        {"min(3, 1, 2)", "1"},
        {"max(3, 12.5, 2)", "d12.5"},
        {"max(iso_day, starts_on)", "'2027-03-31'"},
        {"round(2.5)", "3"},
        {"round(-2.5)", "-3"},
        {"round(2.345, 2)", "d2.35"},
        {"round(2, 2)", "2"},
        {"round(real)", "r1"},
    };
    assert_results(cases, COUNT_OF(cases));
}

static void knows_null(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"null + 1", "null"},          {"missing * 2", "null"},
        {"-missing", "null"},          {"'a' .. missing", "null"},
        {"missing == null", "null"},   {"missing ~= 1", "null"},
        {"missing < 1", "null"},       {"missing in [1]", "null"},
        {"1 in missing", "null"},      {"1 in [2, null]", "null"},
        {"1 in [null, 1]", "true"},    {"1 in []", "false"},
        {"null and true", "null"},     {"null and false", "false"},
        {"false and null", "false"},   {"true and null", "null"},
        {"null or true", "true"},      {"true or null", "true"},
        {"null or false", "null"},     {"null or null", "null"},
        {"not null", "null"},          {"is_null(missing)", "true"},
        {"is_null(a)", "false"},       {"coalesce(missing, null, a, 1/0)", "7"},
        {"coalesce(missing)", "null"}, {"if(missing, 1, 2)", "2"},
        {"lower(missing)", "null"},    {"date_add(missing, 1)", "null"},
        {"max(1, missing)", "null"},   {"contains(tags, missing)", "null"},
    };
    assert_results(cases, COUNT_OF(cases));
}

static void decides(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"yes and not no", "true"},
        {"no or yes and no", "false"},
        {"not a == 7", "false"},
        {"a = 7", "true"},
        {"a != 7", "false"},
        {"a >= 7 and a <= 7", "true"},
        {"a == '7'", "false"},
        {"yes == 1", "false"},
        {"stage in ['won', \"lost\"]", "true"},
        {"not stage in ['open']", "true"},
        {"'gold' in tags", "true"},
        {"'x' in holed", "null"},
        {"no and 1/0 > 1", "false"},
        {"yes or 1/0 > 1", "true"},
        {"if(a > 5, 'big', 1/0)", "'big'"},
        {"if(no, 1/0, if(yes, 2, 3))", "2"},
        {"coalesce(if(no, 1, null), 4) + 1", "5"},
        {"tags == ['gold', 'new']", "true"},
        {"organisation.industry == 'energy'", "true"},
        {"id == '0000000000001'", "true"},
        {"id in [id_text]", "true"},
        {"id == 'nonsense'", "false"},
        {"1 < 2 or 2 < 1 and 1 < 0", "true"},
    };
    assert_results(cases, COUNT_OF(cases));
}

static void works_with_text(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"'a' .. 1 .. 2.50 .. yes", "'a12.50true'"},
        {"'it''s ' .. \"\"\"so\"\"\"", "'it's \"so\"'"},
        {"''", "''"},
        {"name .. ', ' .. ends_on .. ', ' .. eur .. ', ' .. yen",
         "'Νίκος, 2027-03-31, 100.50 EUR, 500 JPY'"},
        {"'' .. made_at .. parsed .. real .. id",
         "'2026-06-01T10:30:00.000Z12.100.50000000000001'"},
        {"length(name)", "5"},
        {"length(tags)", "2"},
        {"upper(name)", "'ΝΙΚΟΣ'"},
        {"lower('ABC')", "'abc'"},
        {"trim('  x ') .. '.'", "'x.'"},
        {"contains(name, 'ίκ')", "true"},
        {"contains('abc', 'x')", "false"},
        {"contains(tags, 'new')", "true"},
        {"starts(stage, 'wo')", "true"},
        {"starts(stage, 'won!')", "false"},
        {"'a' < 'b'", "true"},
        {"a..b", "'7-2'"},
    };
    assert_results(cases, COUNT_OF(cases));
}

static void works_with_dates(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"date_add(ends_on, -90)", "2026-12-31"},
        {"date_add(starts_on, 1, 'months')", "2026-02-28"},
        {"date_add(ends_on, -1, 'years')", "2026-03-31"},
        {"date_add(made_at, 2, 'hours')", "2026-06-01T12:30:00.000Z"},
        {"date_add('2027-01-01', 2, 'weeks')", "2027-01-15"},
        {"date_add(starts_on, 2.0)", "2026-02-02"},
        {"ends_on - starts_on", "424"},
        {"ends_on - '2027-03-01'", "30"},
        {"ends_on + 1", "2027-04-01"},
        {"1 + ends_on", "2027-04-01"},
        {"ends_on - 31", "2027-02-28"},
        {"ends_on > starts_on", "true"},
        {"ends_on == '2027-03-31'", "true"},
        {"'2027-03-30' < ends_on", "true"},
        {"ends_on == 'soon'", "false"},
        {"made_at > '2026-06-01'", "true"},
        {"made_at > starts_on", "true"},
        {"date_diff(ends_on, starts_on)", "424"},
        {"date_diff(starts_on, ends_on, 'months')", "-14"},
        {"date_diff(ends_on, starts_on, 'years')", "1"},
        {"date_diff('2026-03-31', '2026-01-31', 'months')", "2"},
        {"date_diff('2026-03-30', '2026-01-31', 'months')", "1"},
        {"date_diff(made_at, '2026-06-01', 'hours')", "10"},
        {"today()", "2026-11-23"},
        {"now()", "2026-11-23T14:00:00.000Z"},
        {"year(ends_on) * 10000 + month(ends_on) * 100 + day(ends_on)", "20270331"},
        {"day(made_at)", "1"},
    };
    assert_results(cases, COUNT_OF(cases));
}

static void works_with_money(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"eur + eur", "20100 EUR"},
        {"eur - eur * 2", "-10050 EUR"},
        {"3 * eur", "30150 EUR"},
        {"eur * 0.24", "2412 EUR"},
        {"eur / 3", "3350 EUR"},
        {"eur / eur", "1"},
        {"-eur", "-10050 EUR"},
        {"abs(-eur)", "10050 EUR"},
        {"eur > 0", "true"},
        {"0 <= eur", "true"},
        {"eur == usd", "false"},
        {"max(eur, eur * 2)", "20100 EUR"},
        {"amount(eur)", "d100.50"},
        {"amount(yen)", "d500"},
        {"amount(eur) > 100", "true"},
        {"currency(usd)", "'USD'"},
        {"money(12.5, 'EUR')", "1250 EUR"},
        {"money(12.500, 'EUR')", "1250 EUR"},
        {"money(7, 'JPY')", "7 JPY"},
        {"money(7, currency(eur)) + eur", "10750 EUR"},
    };
    assert_results(cases, COUNT_OF(cases));
}

struct failure {
    const char *source;
    enum err err;
    const char *pointer;
};

static void assert_failures(const struct failure *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        struct value value = value_null();
        struct error error = {0};
        arena_init(&arena);
        enum err err = evaluate(&arena, cases[i].source, &value, &error);
        if (err != cases[i].err || strcmp(error.pointer, cases[i].pointer) != 0) {
            fail_msg("%s: %s at %s: %s", cases[i].source, err_code(err), error.pointer,
                     error.detail);
        }
        assert_true(error.detail[0] != '\0');
        assert_int_equal(evaluate(&arena, cases[i].source, &value, NULL), err);
        arena_deinit(&arena);
    }
}

static void refuses_bad_sources(void **state)
{
    (void)state;
    static const struct failure cases[] = {
        {"", ERR_INVALID, "column 1"},
        {"  ", ERR_INVALID, "column 3"},
        {"1 +", ERR_INVALID, "column 4"},
        {"1 2", ERR_INVALID, "column 3"},
        {"(1", ERR_INVALID, "column 3"},
        {"1)", ERR_INVALID, "column 2"},
        {"[1, ]", ERR_INVALID, "column 5"},
        {"'open", ERR_INVALID, "column 1"},
        {"'α' + 'x", ERR_INVALID, "column 7"},
        {"a < b < 3", ERR_INVALID, "column 7"},
        {"1e5", ERR_INVALID, "column 1"},
        {"12abc", ERR_INVALID, "column 1"},
        {"9223372036854775808", ERR_INVALID, "column 1"},
        {"0.1234567890123", ERR_INVALID, "column 1"},
        {"a ? b", ERR_INVALID, "column 3"},
        {"a & b", ERR_INVALID, "column 3"},
        {"αβγ", ERR_INVALID, "column 1"},
        {"a.", ERR_INVALID, "column 2"},
        {"date_ad(a, 1)", ERR_INVALID, "column 1"},
        {"1 + os.execute('x')", ERR_INVALID, "column 5"},
        {"date_add(a)", ERR_INVALID, "column 1"},
        {"today(1)", ERR_INVALID, "column 1"},
        {"if(a, 1)", ERR_INVALID, "column 1"},
        {"if(a, 1, 2, 3)", ERR_INVALID, "column 1"},
        {"coalesce()", ERR_INVALID, "column 1"},
        {"a and", ERR_INVALID, "column 6"},
        {"not", ERR_INVALID, "column 4"},
        {"a == not b", ERR_INVALID, "column 6"},
        {"\xFF", ERR_INVALID, "column 1"},
    };
    assert_failures(cases, COUNT_OF(cases));
}

static void refuses_what_does_not_belong_together(void **state)
{
    (void)state;
    static const struct failure cases[] = {
        {"1 + big", ERR_OVERFLOW, "column 3"},
        {"small - 1", ERR_OVERFLOW, "column 7"},
        {"-small", ERR_OVERFLOW, "column 1"},
        {"abs(small)", ERR_OVERFLOW, "column 1"},
        {"big * 2", ERR_OVERFLOW, "column 5"},
        {"small / -1", ERR_OVERFLOW, "column 7"},
        {"large * large", ERR_OVERFLOW, "column 7"},
        {"1 / 0", ERR_RANGE, "column 3"},
        {"1 % 0.0", ERR_RANGE, "column 3"},
        {"1 / (real - real)", ERR_RANGE, "column 3"},
        {"a + 'x'", ERR_TYPE, "column 3"},
        {"yes + 1", ERR_TYPE, "column 5"},
        {"-name", ERR_TYPE, "column 1"},
        {"a < 'x'", ERR_TYPE, "column 3"},
        {"yes < no", ERR_TYPE, "column 5"},
        {"tags .. 'x'", ERR_TYPE, "column 6"},
        {"1 in a", ERR_TYPE, "column 3"},
        {"a and yes", ERR_TYPE, "column 3"},
        {"yes and a", ERR_TYPE, "column 5"},
        {"not a", ERR_TYPE, "column 1"},
        {"if(a, 1, 2)", ERR_TYPE, "column 1"},
        {"eur + usd", ERR_CURRENCY_MIX, "column 5"},
        {"eur < usd", ERR_CURRENCY_MIX, "column 5"},
        {"max(eur, usd)", ERR_CURRENCY_MIX, "column 1"},
        {"eur > 5", ERR_TYPE, "column 5"},
        {"eur + 5", ERR_TYPE, "column 5"},
        {"eur * eur", ERR_TYPE, "column 5"},
        {"5 / eur", ERR_TYPE, "column 3"},
        {"eur * real", ERR_TYPE, "column 5"},
        {"eur / 0", ERR_RANGE, "column 5"},
        {"money(1.005, 'EUR')", ERR_RANGE, "column 1"},
        {"money(1, 'EURO')", ERR_ENUM, "column 1"},
        {"money(big, 'EUR')", ERR_OVERFLOW, "column 1"},
        {"amount(a)", ERR_TYPE, "column 1"},
        {"ends_on + starts_on", ERR_TYPE, "column 9"},
        {"ends_on * 2", ERR_TYPE, "column 9"},
        {"ends_on + 0.5", ERR_TYPE, "column 9"},
        {"made_at - ends_on", ERR_TYPE, "column 9"},
        {"ends_on < 'soon'", ERR_TYPE, "column 9"},
        {"ends_on + big", ERR_RANGE, "column 9"},
        {"date_add(ends_on, big)", ERR_RANGE, "column 1"},
        {"date_add(ends_on, 1, 'hours')", ERR_TYPE, "column 1"},
        {"date_add(ends_on, 1, 'month')", ERR_ENUM, "column 1"},
        {"date_add(ends_on, 1.5)", ERR_TYPE, "column 1"},
        {"date_add('soon', 1)", ERR_TYPE, "column 1"},
        {"year(a)", ERR_TYPE, "column 1"},
        {"length(a)", ERR_TYPE, "column 1"},
        {"round('x')", ERR_TYPE, "column 1"},
        {"round(1.5, 13)", ERR_RANGE, "column 1"},
        {"1 + (2 * lower(a))", ERR_TYPE, "column 10"},
    };
    assert_failures(cases, COUNT_OF(cases));
}

static void names_the_nearest_function(void **state)
{
    (void)state;
    struct arena arena;
    struct value value;
    struct error error = {0};
    arena_init(&arena);
    assert_int_equal(evaluate(&arena, "dateadd(a, 1)", &value, &error), ERR_INVALID);
    assert_string_equal(error.nearest, "date_add");
    assert_string_equal(error.value, "dateadd");
    assert_int_equal(evaluate(&arena, "date_add(ends_on, 1, 'month')", &value, &error), ERR_ENUM);
    assert_string_equal(error.nearest, "months");
    arena_deinit(&arena);
}

static void tells_its_paths(void **state)
{
    (void)state;
    struct arena arena;
    struct expr *expr = NULL;
    const struct str *paths = NULL;
    arena_init(&arena);
    char source[] = "a.b + c * a.b - d_1 and today() > c";
    assert_int_equal(expr_compile(&arena, str_from(source), &expr, NULL), OK);
    memset(source, 'x', sizeof(source)); /* the expression has its own copy */
    assert_int_equal(expr_paths(expr, &paths), 3);
    assert_true(str_is(paths[0], "a.b"));
    assert_true(str_is(paths[1], "c"));
    assert_true(str_is(paths[2], "d_1"));
    assert_true(expr_uses_clock(expr));
    assert_int_equal(expr_compile(&arena, STR("1 + 1"), &expr, NULL), OK);
    assert_int_equal(expr_paths(expr, &paths), 0);
    assert_false(expr_uses_clock(expr));
    arena_deinit(&arena);
}

static enum err evaluate_repeated(const char *before, const char *middle, const char *after,
                                  int times, struct error *error)
{
    struct arena arena;
    struct buf source;
    struct value value;
    arena_init(&arena);
    buf_init(&source);
    for (int i = 0; i < times; i++) {
        buf_append_str(&source, str_from(before));
    }
    buf_append_str(&source, str_from(middle));
    for (int i = 0; i < times; i++) {
        buf_append_str(&source, str_from(after));
    }
    enum err err = evaluate(&arena, buf_cstr(&source), &value, error);
    buf_deinit(&source);
    arena_deinit(&arena);
    return err;
}

static struct value look_up_long(void *context, struct str path)
{
    (void)path;
    return value_text(*(struct str *)context);
}

static void keeps_its_limits(void **state)
{
    (void)state;
    struct error error = {0};
    assert_int_equal(evaluate_repeated("(", "1", ")", 32, &error), OK);
    assert_int_equal(evaluate_repeated("(", "1", ")", 33, &error), ERR_INVALID);
    assert_string_equal(error.pointer, "column 33");
    assert_int_equal(evaluate_repeated("abs(", "1", ")", 33, &error), ERR_INVALID);
    assert_int_equal(evaluate_repeated("[", "1", "]", 33, &error), ERR_INVALID);
    assert_int_equal(evaluate_repeated("1+", "1", "", 2047, &error), OK);
    assert_int_equal(evaluate_repeated("1+", "1", "", 2048, &error), ERR_INVALID);

    size_t len = 100000;
    char *text = mem_alloc(len);
    memset(text, 'x', len);
    struct str long_text = {text, len};
    struct expr_env env = {.lookup = look_up_long, .context = &long_text};
    struct arena arena;
    struct expr *expr = NULL;
    struct value value;
    arena_init(&arena);
    assert_int_equal(expr_compile(&arena, STR("a..a..a"), &expr, NULL), OK);
    assert_int_equal(expr_eval(expr, &env, &arena, &value, &error), OK);
    assert_int_equal(value.text.len, 3 * len);
    assert_int_equal(expr_compile(&arena, STR("a..a..a..a..a..a"), &expr, NULL), OK);
    assert_int_equal(expr_eval(expr, &env, &arena, &value, &error), ERR_LIMIT);
    arena_deinit(&arena);
    mem_free(text);
}

int test_expr(void);
int test_expr(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_numbers),
        cmocka_unit_test(knows_null),
        cmocka_unit_test(decides),
        cmocka_unit_test(works_with_text),
        cmocka_unit_test(works_with_dates),
        cmocka_unit_test(works_with_money),
        cmocka_unit_test(refuses_bad_sources),
        cmocka_unit_test(refuses_what_does_not_belong_together),
        cmocka_unit_test(names_the_nearest_function),
        cmocka_unit_test(tells_its_paths),
        cmocka_unit_test(keeps_its_limits),
    };
    return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
