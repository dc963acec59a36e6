/* px.store.search: words over all that who acts may read. Outside a unit of work it may wait for
 * the index to have what was written before. Executor, protected. */
#include "store_module.h"
#include "usage.h"

#include "proxenos/store_search.h"

enum { SEARCH_LIMIT_DEFAULT = 20, SEARCH_TEXT_MAX = 1000 };

/* ---- what is asked ---- */

static void add_type(lua_State *L, struct call *call, struct str name,
                     const struct object_type **types, struct search_query *query)
{
    struct error error = {0};
    const struct object_type *type = NULL;
    if (query->type_count == SEARCH_TYPES_MAX) {
        lua_raise_set(L, ERR_LIMIT, "up to %d object types at once", SEARCH_TYPES_MAX);
    }
    raise_if(L, capable(call, name, VERB_READ, &type, &error), &error);
    types[query->type_count++] = type;
}

static void read_types(lua_State *L, struct call *call, const struct value *options,
                       struct search_query *query)
{
    const struct value *objects = value_get_c(options, "objects");
    const struct object_type **types =
        ARENA_ARRAY(&call->scratch, const struct object_type *, SEARCH_TYPES_MAX);
    query->types = types;
    if (objects != NULL && objects->kind == VALUE_TEXT) {
        add_type(L, call, objects->text, types, query);
    }
    for (size_t i = 0; objects != NULL && objects->kind == VALUE_LIST && i < objects->list.count;
         i++) {
        if (objects->list.items[i].kind == VALUE_TEXT) {
            add_type(L, call, objects->list.items[i].text, types, query);
        }
    }
}

static void check_options(lua_State *L, const struct value *options)
{
    static const char *const known[] = {"objects", "limit", "after", "order", "wait"};
    for (size_t i = 0; options->kind == VALUE_MAP && i < options->map.count; i++) {
        struct str name = options->map.entries[i].key;
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(known); k++) {
            found = found || str_is(name, known[k]);
        }
        if (!found) {
            lua_raise_set(L, ERR_UNKNOWN_FIELD,
                          "px.store.search has no option \"" STR_FORMAT
                          "\": objects, limit, after, order, wait",
                          STR_ARGS(str_sub(name, 0, 60)));
        }
    }
}

static void read_query(lua_State *L, struct call *call, const struct value *options,
                       struct search_query *query)
{
    struct str order = value_get_text(options, "order", STR("best"));
    int64_t limit = value_get_int(options, "limit", SEARCH_LIMIT_DEFAULT);
    query->text = arg_text(L, 1);
    query->after = value_get_text(options, "after", STR(""));
    query->order = str_is(order, "newest") ? SEARCH_NEWEST : SEARCH_BEST;
    if (query->text.len > SEARCH_TEXT_MAX) {
        lua_raise_set(L, ERR_LIMIT, "a search has at most %d bytes", SEARCH_TEXT_MAX);
    }
    if (limit < 1 || limit > SEARCH_LIMIT_MAX) {
        lua_raise_set(L, ERR_INVALID, "limit is 1 to %d", SEARCH_LIMIT_MAX);
    }
    if (!str_is(order, "best") && !str_is(order, "newest")) {
        lua_raise_set(L, ERR_INVALID, "order is best or newest");
    }
    query->limit = (int)limit;
    read_types(L, call, options, query);
}

/* The index knows nothing of the unit's own drafts (contract 16). */
static void check_drafts(lua_State *L, const struct call *call, const struct search_query *query)
{
    const struct schema *schema = call->scope->schema;
    for (int i = 0; call->work != NULL && i < schema->object_count; i++) {
        bool asked = query->type_count == 0;
        for (size_t t = 0; t < query->type_count; t++) {
            asked = asked || query->types[t] == &schema->objects[i];
        }
        if (asked && call->work->overlay->touched_by[i] != 0) {
            lua_raise_set(L, ERR_UNIT_DIRTY,
                          "search does not see this unit's own changes of " STR_FORMAT
                          "; search before writing, or in the next unit of work",
                          STR_ARGS(schema->objects[i].name));
        }
    }
}

/* ---- the answer ---- */

struct answer {
    struct arena *arena;
    struct value rows;
};

static enum err on_hit(void *context, const struct search_hit *hit, struct error *error)
{
    static const char *const ranks[] = {
        [SEARCH_EXACT] = "exact", [SEARCH_BEGINNING] = "beginning", [SEARCH_ANYWHERE] = "anywhere"};
    struct answer *answer = context;
    struct arena *arena = answer->arena;
    const struct record *record = hit->record;
    int title = record->type->title_field;
    struct value row = value_map_new();
    struct value matched = value_list_new();
    (void)error;
    for (int i = 0; i < hit->matched_count; i++) {
        value_push(arena, &matched, value_text(hit->matched[i]->name));
    }
    value_put_c(arena, &row, "object", value_text(record->type->name));
    value_put_c(arena, &row, "id", value_id(record->id));
    if (title >= 0 && record->has[title] == RECORD_HAS) {
        value_put_c(arena, &row, "title", value_copy(arena, &record->values[title]));
    }
    value_put_c(arena, &row, "rank", value_text(str_from(ranks[hit->rank])));
    value_put_c(arena, &row, "matched", matched);
    value_put_c(arena, &row, "record", record_to_value(arena, record));
    value_push(arena, &answer->rows, row);
    return OK;
}

/* 1: the text; 2: the options. */
static int search_now(lua_State *L)
{
    struct call *call = call_enter(L);
    struct value options = table_arg(L, 2, &call->scratch);
    struct search_query query = {0};
    struct answer answer = {.arena = &call->scratch, .rows = value_list_new()};
    struct search_page page = {0};
    struct read_turn turn;
    struct error error = {0};
    read_query(L, call, &options, &query);
    check_drafts(L, call, &query);
    raise_if(L, read_begin(call, &turn, &error), &error);
    enum err err = reader_search(turn.reader, call->scope, &query, &call->scratch, on_hit, &answer,
                                 &page, &error);
    read_end(call, &turn);
    raise_if(L, err, &error);
    usage_read(call, answer.rows.list.count);
    lua_push_value(L, &answer.rows, true);
    if (page.next.len == 0) {
        return 1;
    }
    lua_pushlstring(L, page.next.at, page.next.len);
    return 2;
}

/* ---- waiting for the index ---- */

/* On the heap: the index may answer when the script is gone. */
struct pause {
    struct search_wait index;
    struct lua_wait wait;
    bool abandoned;
};

static void on_index(struct search_wait *index)
{
    struct pause *pause = CONTAINER_OF(index, struct pause, index);
    if (pause->abandoned) {
        mem_free(pause);
        return;
    }
    lua_wait_done(&pause->wait);
}

static void on_cancelled(struct lua_wait *wait)
{
    struct pause *pause = CONTAINER_OF(wait, struct pause, wait);
    if (wait->answered) {
        mem_free(pause);
    } else {
        pause->abandoned = true;
    }
}

static int after_pause(lua_State *L, int status, intptr_t context)
{
    (void)status;
    struct pause *pause = (struct pause *)context;
    enum err err = pause->index.err;
    mem_free(pause);
    if (err != OK) {
        lua_raise_set(L, err, "the search index does not follow the log at present");
    }
    return search_now(L);
}

int store_search(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    lua_settop(L, 2);
    struct call *call = call_enter(L);
    struct value options = table_arg(L, 2, &call->scratch);
    if (call->scope == NULL) {
        lua_raise_set(L, ERR_UNAUTHENTICATED, "nobody is logged in");
    }
    check_options(L, &options);
    if (!value_get_bool(&options, "wait", false)) {
        return search_now(L);
    }
    lua_wait_check(L, "px.store.search with wait");
    struct store *store = host_store(call->host);
    struct pause *pause = mem_zalloc(sizeof(*pause));
    pause->index = (struct search_wait){
        .reply = lua_host_mailbox(call->host->lua), .seq = store_seq(store), .done = on_index};
    pause->wait = (struct lua_wait){.cancelled = on_cancelled};
    store_search_wait(store, &pause->index);
    return lua_wait_start(L, &pause->wait, (intptr_t)pause, after_pause);
}
