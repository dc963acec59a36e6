/* px.money and px.decimal: exact, in 64 bits; what does not fit or mixes currencies raises instead
 * of rounding in silence. Executor, protected. */
#include "internal.h"

#include "proxenos/base_number.h"

static void raise_number(lua_State *L, enum err err)
{
    if (err != OK) {
        lua_raise_set(L, err, "%s", err_text(err));
    }
}

static const struct value *kind_arg(lua_State *L, int index, enum value_kind kind)
{
    const struct value *value = kind_at(L, index);
    if (value == NULL || value->kind != kind) {
        lua_raise_set(L, ERR_TYPE, "%s is needed here, not a %s",
                      kind == VALUE_MONEY ? "money" : "a decimal", luaL_typename(L, index));
    }
    return value;
}

static enum rounding rounding_arg(lua_State *L, int index)
{
    static const char *const names[] = {"half_even", "half_up", "down", "up", NULL};
    return (enum rounding)luaL_checkoption(L, index, "half_even", names);
}

static int push_text(lua_State *L, struct buf *text, const char *after)
{
    char copy[64];
    size_t len = MIN(text->len, sizeof(copy));
    memcpy(copy, text->at, len); /* copied, since the push may raise */
    buf_deinit(text);
    lua_pushlstring(L, copy, len);
    lua_pushstring(L, after);
    lua_concat(L, 2);
    return 1;
}

static int any_concat(lua_State *L)
{
    (void)lua_push_text_of(L, 1);
    (void)lua_push_text_of(L, 2);
    lua_concat(L, 2);
    return 1;
}

/* ---- decimals ---- */

static int push_decimal(lua_State *L, int64_t unscaled, int scale)
{
    struct value value = {.kind = VALUE_DECIMAL, .scale = (uint8_t)scale, .integer = unscaled};
    push_kind(L, &value);
    return 1;
}

static struct value decimal_of_text(lua_State *L, struct str text, int scale)
{
    struct value value = {.kind = VALUE_DECIMAL};
    size_t point = 0;
    bool has_point = str_find(text, STR("."), &point);
    int own = has_point ? (int)MIN(text.len - point - 1, (size_t)DECIMAL_SCALE_MAX) : 0;
    int chosen = scale >= 0 ? scale : own;
    enum err err = decimal_parse(text, chosen, &value.integer);
    if (err != OK) {
        lua_raise_set(L, err, "\"" STR_FORMAT "\" is not a decimal of %d digits behind the point",
                      STR_ARGS(str_sub(text, 0, 60)), chosen);
    }
    value.scale = (uint8_t)chosen;
    return value;
}

/* A decimal, a whole number, or text. Floats are refused: they are not exact. */
static struct value decimal_arg(lua_State *L, int index)
{
    if (lua_isinteger(L, index)) {
        return (struct value){.kind = VALUE_DECIMAL, .integer = lua_tointeger(L, index)};
    }
    if (lua_type(L, index) == LUA_TSTRING) {
        return decimal_of_text(L, arg_text(L, index), -1);
    }
    if (lua_type(L, index) == LUA_TNUMBER) {
        lua_raise_set(L, ERR_TYPE, "a float is not exact; write the number as text: \"12.5\"");
    }
    return *kind_arg(L, index, VALUE_DECIMAL);
}

/* Both at the larger scale. */
static void align(lua_State *L, struct value *a, struct value *b)
{
    int scale = MAX(a->scale, b->scale);
    raise_number(L, decimal_rescale(a->integer, a->scale, scale, ROUND_DOWN, &a->integer));
    raise_number(L, decimal_rescale(b->integer, b->scale, scale, ROUND_DOWN, &b->integer));
    a->scale = b->scale = (uint8_t)scale;
}

static int decimal_add(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    struct value b = decimal_arg(L, 2);
    align(L, &a, &b);
    raise_number(L, int_add(a.integer, b.integer, &a.integer));
    return push_decimal(L, a.integer, a.scale);
}

static int decimal_sub(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    struct value b = decimal_arg(L, 2);
    align(L, &a, &b);
    int64_t negative = 0;
    raise_number(L, int_mul(b.integer, -1, &negative));
    raise_number(L, int_add(a.integer, negative, &a.integer));
    return push_decimal(L, a.integer, a.scale);
}

static int decimal_mul(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    struct value b = decimal_arg(L, 2);
    int64_t product = 0;
    raise_number(L, int_mul(a.integer, b.integer, &product));
    int scale = a.scale + b.scale;
    if (scale > DECIMAL_SCALE_MAX) {
        raise_number(L,
                     decimal_rescale(product, scale, DECIMAL_SCALE_MAX, ROUND_HALF_EVEN, &product));
        scale = DECIMAL_SCALE_MAX;
    }
    return push_decimal(L, product, scale);
}

static int decimal_negate(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    raise_number(L, int_mul(a.integer, -1, &a.integer));
    return push_decimal(L, a.integer, a.scale);
}

static int compare_decimals(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    struct value b = decimal_arg(L, 2);
    align(L, &a, &b);
    return (a.integer > b.integer) - (a.integer < b.integer);
}

static int decimal_equal(lua_State *L)
{
    lua_pushboolean(L, compare_decimals(L) == 0);
    return 1;
}

static int decimal_less(lua_State *L)
{
    lua_pushboolean(L, compare_decimals(L) < 0);
    return 1;
}

static int decimal_less_equal(lua_State *L)
{
    lua_pushboolean(L, compare_decimals(L) <= 0);
    return 1;
}

static int decimal_tostring(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    struct buf text;
    buf_init(&text);
    decimal_format(&text, a.integer, a.scale);
    return push_text(L, &text, "");
}

const struct luaL_Reg decimal_methods[] = {
    {"__add", decimal_add},       {"__sub", decimal_sub},
    {"__mul", decimal_mul},       {"__unm", decimal_negate},
    {"__eq", decimal_equal},      {"__lt", decimal_less},
    {"__le", decimal_less_equal}, {"__tostring", decimal_tostring},
    {"__concat", any_concat},     {NULL, NULL},
};

int decimal_index(lua_State *L)
{
    const struct value *value = kind_arg(L, 1, VALUE_DECIMAL);
    if (str_is(arg_text(L, 2), "scale")) {
        lua_pushinteger(L, value->scale);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int scale_arg(lua_State *L, int index)
{
    lua_Integer scale = luaL_checkinteger(L, index);
    luaL_argcheck(L, scale >= 0 && scale <= DECIMAL_SCALE_MAX, index, "a scale is 0 to 12");
    return (int)scale;
}

static int decimal_new(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING) {
        struct value value =
            decimal_of_text(L, arg_text(L, 1), lua_isnoneornil(L, 2) ? -1 : scale_arg(L, 2));
        push_kind(L, &value);
        return 1;
    }
    struct value value = decimal_arg(L, 1);
    push_kind(L, &value);
    return 1;
}

static int decimal_round(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    int scale = scale_arg(L, 2);
    enum rounding rounding = rounding_arg(L, 3);
    raise_number(L, decimal_rescale(a.integer, a.scale, scale, rounding, &a.integer));
    return push_decimal(L, a.integer, scale);
}

static int decimal_div(lua_State *L)
{
    struct value a = decimal_arg(L, 1);
    struct value b = decimal_arg(L, 2);
    int scale = scale_arg(L, 3);
    enum rounding rounding = rounding_arg(L, 4);
    int64_t factor = 1;
    align(L, &a, &b);
    raise_number(L, decimal_rescale(1, 0, scale, ROUND_DOWN, &factor));
    raise_number(L, int_mul_div(a.integer, factor, b.integer, rounding, &a.integer));
    return push_decimal(L, a.integer, scale);
}

static const struct lua_binding decimal_bindings[] = {
    {.name = "round",
     .call = decimal_round,
     .type = "fun(value: any, scale: integer, rounding?: "
             "\"half_even\"|\"half_up\"|\"down\"|\"up\"): px.decimal.value",
     .doc = "to so many digits behind the point"},
    {.name = "div",
     .call = decimal_div,
     .type = "fun(a: any, b: any, scale: integer, rounding?: string): px.decimal.value",
     .doc = "a / b, rounded"},
};

const struct lua_module module_decimal = {
    .name = "px.decimal",
    .doc = "Exact decimals in 64 bits.",
    .bindings = decimal_bindings,
    .count = COUNT_OF(decimal_bindings),
    .types = "---@class px.decimal.value # + - * and comparison are exact\n"
             "---@field scale integer\n",
    .call = decimal_new,
    .call_type = "fun(value: string|integer, scale?: integer): px.decimal.value",
    .call_doc = "a decimal from text or a whole number",
};

/* ---- money ---- */

static int push_money(lua_State *L, int64_t amount, const char *currency)
{
    struct value value = {.kind = VALUE_MONEY, .integer = amount};
    memcpy(value.currency, currency, sizeof(value.currency));
    push_kind(L, &value);
    return 1;
}

static void currency_arg(lua_State *L, int index, char out[4])
{
    struct str code = arg_text(L, index);
    if (code.len != 3 || currency_digits(code) < 0) {
        lua_raise_set(L, ERR_INVALID, "\"" STR_FORMAT "\" is not a currency of ISO 4217",
                      STR_ARGS(str_sub(code, 0, 20)));
    }
    memcpy(out, code.at, 3);
    out[3] = '\0';
}

static void same_currency(lua_State *L, const struct value *a, const struct value *b)
{
    if (strcmp(a->currency, b->currency) != 0) {
        lua_raise_set(L, ERR_CURRENCY_MIX, "%s and %s cannot be put together", a->currency,
                      b->currency);
    }
}

static int money_new(lua_State *L)
{
    char currency[4];
    lua_Integer amount = luaL_checkinteger(L, 1);
    currency_arg(L, 2, currency);
    return push_money(L, amount, currency);
}

static int money_of(lua_State *L)
{
    char currency[4];
    currency_arg(L, 2, currency);
    struct value value = decimal_of_text(L, arg_text(L, 1), currency_digits(str_from(currency)));
    return push_money(L, value.integer, currency);
}

static int money_add(lua_State *L)
{
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    const struct value *b = kind_arg(L, 2, VALUE_MONEY);
    int64_t sum = 0;
    same_currency(L, a, b);
    raise_number(L, int_add(a->integer, b->integer, &sum));
    return push_money(L, sum, a->currency);
}

static int money_sub(lua_State *L)
{
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    const struct value *b = kind_arg(L, 2, VALUE_MONEY);
    int64_t negative = 0;
    int64_t sum = 0;
    same_currency(L, a, b);
    raise_number(L, int_mul(b->integer, -1, &negative));
    raise_number(L, int_add(a->integer, negative, &sum));
    return push_money(L, sum, a->currency);
}

/* By a whole number or a decimal, rounded half to even. */
static int money_mul(lua_State *L)
{
    int money = kind_at(L, 1) != NULL && kind_at(L, 1)->kind == VALUE_MONEY ? 1 : 2;
    const struct value *a = kind_arg(L, money, VALUE_MONEY);
    struct value factor = decimal_arg(L, 3 - money);
    int64_t unit = 1;
    int64_t amount = 0;
    raise_number(L, decimal_rescale(1, 0, factor.scale, ROUND_DOWN, &unit));
    raise_number(L, int_mul_div(a->integer, factor.integer, unit, ROUND_HALF_EVEN, &amount));
    return push_money(L, amount, a->currency);
}

static int money_negate(lua_State *L)
{
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    int64_t amount = 0;
    raise_number(L, int_mul(a->integer, -1, &amount));
    return push_money(L, amount, a->currency);
}

static int money_equal(lua_State *L)
{
    const struct value *a = kind_at(L, 1);
    const struct value *b = kind_at(L, 2);
    lua_pushboolean(L, a != NULL && b != NULL && a->kind == VALUE_MONEY && b->kind == VALUE_MONEY &&
                           a->integer == b->integer && strcmp(a->currency, b->currency) == 0);
    return 1;
}

static int compare_money(lua_State *L)
{
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    const struct value *b = kind_arg(L, 2, VALUE_MONEY);
    same_currency(L, a, b);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static int money_less(lua_State *L)
{
    lua_pushboolean(L, compare_money(L) < 0);
    return 1;
}

static int money_less_equal(lua_State *L)
{
    lua_pushboolean(L, compare_money(L) <= 0);
    return 1;
}

/* "12.50 EUR" */
static int money_tostring(lua_State *L)
{
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    struct buf text;
    char after[8];
    int digits = currency_digits(str_from(a->currency));
    buf_init(&text);
    decimal_format(&text, a->integer, digits < 0 ? 2 : digits);
    (void)snprintf(after, sizeof(after), " %s", a->currency);
    return push_text(L, &text, after);
}

const struct luaL_Reg money_methods[] = {
    {"__add", money_add},       {"__sub", money_sub},
    {"__mul", money_mul},       {"__unm", money_negate},
    {"__eq", money_equal},      {"__lt", money_less},
    {"__le", money_less_equal}, {"__tostring", money_tostring},
    {"__concat", any_concat},   {NULL, NULL},
};

int money_index(lua_State *L)
{
    const struct value *value = kind_arg(L, 1, VALUE_MONEY);
    struct str name = arg_text(L, 2);
    if (str_is(name, "amount")) {
        lua_pushinteger(L, value->integer);
    } else if (str_is(name, "currency")) {
        lua_pushstring(L, value->currency);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int money_div(lua_State *L)
{
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    struct value by = decimal_arg(L, 2);
    enum rounding rounding = rounding_arg(L, 3);
    int64_t unit = 1;
    int64_t amount = 0;
    raise_number(L, decimal_rescale(1, 0, by.scale, ROUND_DOWN, &unit));
    raise_number(L, int_mul_div(a->integer, unit, by.integer, rounding, &amount));
    return push_money(L, amount, a->currency);
}

/* Into equal parts of which none is lost: the first ones get the odd units. */
static int money_split(lua_State *L)
{
    enum { PARTS_MAX = 10000 };
    const struct value *a = kind_arg(L, 1, VALUE_MONEY);
    lua_Integer parts = luaL_checkinteger(L, 2);
    luaL_argcheck(L, parts >= 1 && parts <= PARTS_MAX, 2, "1 to 10000 parts");
    int64_t each = a->integer / parts;
    int64_t rest = a->integer % parts;
    int64_t step = rest < 0 ? -1 : 1;
    struct value whole = *a;
    lua_createtable(L, (int)parts, 0);
    for (lua_Integer i = 1; i <= parts; i++) {
        bool odd = i <= rest * step;
        (void)push_money(L, each + (odd ? step : 0), whole.currency);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static const struct lua_binding money_bindings[] = {
    {.name = "of",
     .call = money_of,
     .type = "fun(text: string, currency: string): px.money.value",
     .doc = "from text in major units: px.money.of(\"12.50\", \"EUR\")"},
    {.name = "div",
     .call = money_div,
     .type = "fun(money: px.money.value, by: any, rounding?: string): px.money.value",
     .doc = "divided by a number, rounded half to even unless said otherwise"},
    {.name = "split",
     .call = money_split,
     .type = "fun(money: px.money.value, parts: integer): px.money.value[]",
     .doc = "into parts that add up to the whole"},
};

const struct lua_module module_money = {
    .name = "px.money",
    .doc = "Amounts in minor units with their currency.",
    .bindings = money_bindings,
    .count = COUNT_OF(money_bindings),
    .types = "---@class px.money.value # + and - with the same currency, * with a number\n"
             "---@field amount integer # minor units\n"
             "---@field currency string\n",
    .call = money_new,
    .call_type = "fun(amount: integer, currency: string): px.money.value",
    .call_doc = "1250, \"EUR\" is 12.50 euro",
};
