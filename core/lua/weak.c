/* No weak tables for scripts. A table with weak keys is an "ephemeron" to the collector of Lua 5.4;
 * in one step that no hook interrupts it goes over all of them again and again until nothing
 * changes, which a chain in a bad order makes quadratic (40,000 entries, 6 MB: 8 s).
 *
 * setmetatable refuses __mode, but a script could write it into a metatable later. Therefore the
 * collector is made to look for another word: its own copy of the string "__mode" (one object per
 * state, found by every use of that word) gets random contents before anybody has used it, and
 * scripts that say "__mode" make a new, meaningless string. Strings of the same bytes are one
 * object in Lua, and no script can guess the bytes. Executor thread, protected. */
#include "internal.h"

static const char word_key;

enum { WORD_LEN = 6 };

void lua_weak_open(lua_State *L)
{
    struct env *env = env_real(); /* not simulated: it keeps a secret */
    static const char mode[] = "__mode";
    _Static_assert(sizeof(mode) == WORD_LEN + 1, "as long as __mode");
    lua_pushstring(L, mode);
    char *word = (char *)lua_tostring(L, -1); /* the collector's own: made with the state */
    env->random(env, word, WORD_LEN);
    lua_pushstring(L, mode);
    ASSERT(lua_tostring(L, -1) != word);
    lua_pop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &word_key);
}

void lua_make_weak(struct lua_State *L, int index, const char *mode)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, "weak table");
    if (!lua_getmetatable(L, index)) {
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setmetatable(L, index);
    }
    (void)lua_rawgetp(L, LUA_REGISTRYINDEX, &word_key);
    lua_pushstring(L, mode);
    lua_rawset(L, -3);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable"); /* nobody reads the word there */
    lua_pop(L, 1);
}
