/* table.sort: a merge sort over the positions of the values. It is stable, always ends after
 * n log n comparisons whatever the comparator says, and never raises "invalid order function".
 * Its memory is the plugin's own. Executor thread. */
#include "internal.h"

#include <limits.h>

enum { SORT_TABLE = 1, SORT_COMPARATOR, SORT_VALUES, SORT_POSITIONS };

struct sort {
    lua_State *L;
    bool by_function;
    uint32_t *from, *to; /* positions in the copy, 1 … n */
};

/* Must the value at position `b` come before the one at `a`? */
static bool must_swap(struct sort *sort, uint32_t a, uint32_t b)
{
    lua_State *L = sort->L;
    bool less;
    lua_budget_check(L);
    if (sort->by_function) {
        lua_pushvalue(L, SORT_COMPARATOR);
        lua_rawgeti(L, SORT_VALUES, b);
        lua_rawgeti(L, SORT_VALUES, a);
        lua_call(L, 2, 1);
        less = lua_toboolean(L, -1);
        lua_pop(L, 1);
        return less;
    }
    lua_rawgeti(L, SORT_VALUES, b);
    lua_rawgeti(L, SORT_VALUES, a);
    less = lua_compare(L, -2, -1, LUA_OPLT);
    lua_pop(L, 2);
    return less;
}

/* Merges from[low … middle) and from[middle … high) into `to`. */
static void merge(struct sort *sort, size_t low, size_t middle, size_t high)
{
    size_t left = low;
    size_t right = middle;
    if (middle >= high || !must_swap(sort, sort->from[middle - 1], sort->from[middle])) {
        memcpy(sort->to + low, sort->from + low, (high - low) * sizeof(*sort->to));
        return; /* in order already */
    }
    for (size_t i = low; i < high; i++) {
        bool take_right = left >= middle ||
                          (right < high && must_swap(sort, sort->from[left], sort->from[right]));
        sort->to[i] = take_right ? sort->from[right++] : sort->from[left++];
    }
}

/* The result is in `from`. */
static void sort_positions(struct sort *sort, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            merge(sort, low, MIN(low + width, count), MIN(low + 2 * width, count));
        }
        uint32_t *sorted = sort->to;
        sort->to = sort->from;
        sort->from = sorted;
    }
}

int lua_table_sort(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TTABLE && luaL_getmetafield(L, 1, "__index") == LUA_TNIL) {
        luaL_checktype(L, 1, LUA_TTABLE);
    }
    lua_Integer len = luaL_len(L, 1);
    if (len < 2) {
        return 0;
    }
    luaL_argcheck(L, len < INT_MAX, 1, "array too big");
    if (!lua_isnoneornil(L, SORT_COMPARATOR)) {
        luaL_checktype(L, SORT_COMPARATOR, LUA_TFUNCTION);
    }
    lua_settop(L, 2);
    luaL_checkstack(L, 8, "sort");
    struct sort sort = {.L = L, .by_function = !lua_isnil(L, SORT_COMPARATOR)};
    size_t count = (size_t)len;
    /* The positions before the copy: for a length that was made up this is what fails. */
    lua_pushnil(L);
    sort.from = lua_newuserdatauv(L, 2 * count * sizeof(*sort.from), 0);
    sort.to = sort.from + count;
    lua_createtable(L, (int)len, 0);
    lua_replace(L, SORT_VALUES);
    for (lua_Integer i = 1; i <= len; i++) {
        lua_geti(L, 1, i);
        lua_rawseti(L, SORT_VALUES, i);
        sort.from[i - 1] = (uint32_t)i;
        lua_budget_check(L);
    }
    sort_positions(&sort, count);
    for (lua_Integer i = 1; i <= len; i++) {
        lua_rawgeti(L, SORT_VALUES, sort.from[i - 1]);
        lua_seti(L, 1, i);
        lua_budget_check(L);
    }
    return 0;
}
