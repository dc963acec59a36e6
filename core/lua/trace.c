/* Tracebacks and places in the source, read without calling or allocating anything in Lua, so that
 * a state that is out of memory or about to be killed can still say where. Executor thread. */
#include "internal.h"

enum { TRACE_HEAD = 10, TRACE_TAIL = 11 };

void lua_where(struct lua_State *L, char *out, size_t out_size)
{
    lua_Debug debug;
    for (int level = 0; lua_getstack(L, level, &debug) == 1; level++) {
        if (lua_getinfo(L, "Sl", &debug) != 0 && debug.currentline > 0) {
            (void)snprintf(out, out_size, "%s:%d", debug.short_src, debug.currentline);
            return;
        }
    }
    if (out_size > 0) {
        out[0] = '\0';
    }
}

static int depth_of(lua_State *L)
{
    lua_Debug debug;
    int low = 1;
    int high = 1;
    while (lua_getstack(L, high, &debug) == 1) {
        low = high;
        high *= 2;
    }
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (lua_getstack(L, middle, &debug) == 1) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return high;
}

static void write_level(struct buf *out, lua_State *L, lua_Debug *debug)
{
    (void)lua_getinfo(L, "Slnt", debug);
    buf_printf(out, "\n  %s:", debug->short_src);
    if (debug->currentline > 0) {
        buf_printf(out, "%d:", debug->currentline);
    }
    if (debug->name != NULL) {
        buf_printf(out, " in %s '%.80s'", debug->namewhat, debug->name);
    } else if (*debug->what == 'm') {
        buf_printf(out, " in main chunk");
    } else if (*debug->what != 'C') {
        buf_printf(out, " in function <%s:%d>", debug->short_src, debug->linedefined);
    } else {
        buf_printf(out, " in ?");
    }
    if (debug->istailcall) {
        buf_printf(out, "\n  (...tail calls...)");
    }
}

void lua_trace_write(struct buf *out, lua_State *L)
{
    size_t start = out->len;
    int depth = depth_of(L);
    lua_Debug debug;
    for (int level = 0; level < depth && lua_getstack(L, level, &debug) == 1; level++) {
        if (level == TRACE_HEAD && depth > TRACE_HEAD + TRACE_TAIL) {
            int skipped = depth - TRACE_HEAD - TRACE_TAIL;
            buf_printf(out, "\n  ... (%d levels left out)", skipped);
            level += skipped;
            continue;
        }
        write_level(out, L, &debug);
    }
    if (out->len - start > LUA_TRACEBACK_MAX) {
        out->len = start + LUA_TRACEBACK_MAX;
    }
}
