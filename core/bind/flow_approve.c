/* flow:approve: people decide, and the run waits for them. Executor, protected. */
#include "flow_give.h"

#include "proxenos/store_approval.h"

/* An id, or something that has one: a record, a user. */
static struct value id_of(lua_State *L, struct arena *arena, const struct value *value,
                          const char *name)
{
    const struct value *id = value->kind == VALUE_MAP ? value_get_c(value, "id") : value;
    int64_t number = 0;
    if (id != NULL && id->kind == VALUE_ID) {
        char text[ID_TEXT_LEN + 1];
        id_format(id->integer, text);
        return value_text(arena_str(arena, str_from(text)));
    }
    if (id == NULL || id->kind != VALUE_TEXT || id_parse(id->text, &number) != OK) {
        lua_raise_set(L, ERR_TYPE, "%s: a record or its id is wanted here", name);
    }
    return *id;
}

/* { case.owner } with nobody in it is an empty table. */
static void put_exclude(lua_State *L, struct arena *arena, struct value *options)
{
    const struct value *given = value_get_c(options, "exclude");
    struct value list = value_list_new();
    if (given == NULL) {
        return;
    }
    bool empty = given->kind == VALUE_MAP && given->map.count == 0;
    if (given->kind != VALUE_LIST && !empty) {
        lua_raise_set(L, ERR_TYPE, "exclude is a list of users or their ids");
    }
    for (size_t i = 0; !empty && i < given->list.count; i++) {
        if (given->list.items[i].kind != VALUE_NULL) {
            value_push(arena, &list, id_of(L, arena, &given->list.items[i], "exclude"));
        }
    }
    value_put_c(arena, options, "exclude", list);
}

static int approve_again(lua_State *L, int status, lua_KContext context);

int flow_approve(lua_State *L)
{
    static const char *const names[] = {"role",     "quorum", "rejections", "exclude", "subject",
                                        "object",   "due",    "escalate",   "remind",  "expire",
                                        "calendar", "title",  "data"};
    struct flow_exec *exec = flow_enter(L, "approve");
    struct arena *arena = flow_turn_arena(exec->turn);
    struct flow_given given = {.kind = FLOW_APPROVE};
    struct flow_answer waits;
    struct flow_approval read;
    struct error error = {0};
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    given.input = flow_options_arg(L, 2, arena, names, COUNT_OF(names));
    const struct value *subject = value_get_c(&given.input, "subject");
    if (subject != NULL) {
        value_put_c(arena, &given.input, "subject", id_of(L, arena, subject, "subject"));
    }
    put_exclude(L, arena, &given.input);
    if (flow_approval_read(&given.input, arena, flow_now_ms(exec), &read, &error) != OK) {
        error_prefix(&error, "flow:approve: ");
        lua_raise(L, &error);
    }
    given.name = read.role;
    if (flow_is_cut(exec)) {
        return lua_yieldk(L, 0, 0, approve_again);
    }
    if (!flow_give(L, exec, &given, &waits)) {
        return lua_yield(L, 0);
    }
    if (waits.live && waits.command->input.apart) {
        (void)error_set(&error, ERR_LIMIT, "what an approval shows takes at most %d KiB",
                        APPROVAL_DATA_MAX >> 10);
        return flow_answer_with(L, exec, &waits, NULL, &error);
    }
    return waits.result != NULL ? flow_push_result(L, exec, waits.command, waits.result)
                                : flow_wait_for(L, exec, &waits);
}

static int approve_again(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return flow_approve(L);
}
