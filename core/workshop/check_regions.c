/* What runs inside what: a comparator or a callback, where nothing may wait; one unit of work; what
 * runs after loading, where nothing is registered any more. */
#include "check_code.h"

#include "proxenos/base_text.h"

void regions_read_functions(struct code *code)
{
    const struct token *tokens = code->tokens;
    for (size_t i = 0; i + 3 < code->count && code->function_count < FUNCTIONS_MAX; i++) {
        if (!token_is(&tokens[i], "local")) {
            continue;
        }
        struct function *function = &code->functions[code->function_count];
        if (token_is(&tokens[i + 1], "function")) {
            *function = (struct function){tokens[i + 2].text, i + 1};
            code->function_count++;
        } else if (token_is(&tokens[i + 2], "=") && token_is(&tokens[i + 3], "function")) {
            *function = (struct function){tokens[i + 1].text, i + 3};
            code->function_count++;
        }
    }
}

static void add_region(struct code *code, size_t function, enum region_kind kind, const char *what)
{
    if (code->region_count < REGIONS_MAX) {
        code->regions[code->region_count++] =
            (struct region){function, token_behind(code->tokens, function), kind, what};
    }
}

/* A local function given by its name. */
static void add_named(struct code *code, size_t at, enum region_kind kind, const char *what)
{
    const struct token *tokens = code->tokens;
    bool alone = tokens[at].kind == TOKEN_NAME &&
                 (token_is(&tokens[at - 1], ",") || token_is(&tokens[at - 1], "(")) &&
                 (token_is(&tokens[at + 1], ",") || token_is(&tokens[at + 1], ")"));
    for (size_t i = 0; alone && i < code->function_count; i++) {
        if (str_eq(code->functions[i].name, tokens[at].text)) {
            add_region(code, code->functions[i].at, kind, what);
        }
    }
}

/* All functions among the arguments of the call whose "(" is at `open`: written there, or named. */
static void add_arguments(struct code *code, size_t open, enum region_kind kind, const char *what)
{
    const struct token *tokens = code->tokens;
    size_t end = token_behind(tokens, open);
    for (size_t i = open + 1; i < end;) {
        bool function = token_is(&tokens[i], "function");
        bool opens = token_is(&tokens[i], "(") || token_is(&tokens[i], "{");
        if (function) {
            add_region(code, i, kind, what);
        } else {
            add_named(code, i, kind, what);
        }
        i = function || opens ? token_behind(tokens, i) : i + 1;
    }
}

static bool is_call(const struct code *code, size_t at, const char *first, const char *second)
{
    const struct token *tokens = code->tokens;
    return token_is(&tokens[at], first) && token_is(&tokens[at + 1], ".") &&
           token_is(&tokens[at + 2], second) && token_is(&tokens[at + 3], "(");
}

void regions_read_plain(struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    if (at + 3 >= code->count) {
        return;
    }
    if (is_call(code, at, "table", "sort")) {
        add_arguments(code, at + 3, REGION_PINNED, "a sort comparator");
    } else if (is_call(code, at, "string", "gsub")) {
        add_arguments(code, at + 3, REGION_PINNED, "a gsub callback");
    } else if (token_is(&tokens[at], ":") && token_is(&tokens[at + 1], "gsub") &&
               token_is(&tokens[at + 2], "(")) {
        add_arguments(code, at + 2, REGION_PINNED, "a gsub callback");
    }
}

void regions_read_px(struct code *code, const struct chain *chain)
{
    if (chain->binding == NULL || !token_is(&code->tokens[chain->end], "(")) {
        return;
    }
    if (str_is(chain->name, "px.store.tx")) {
        add_arguments(code, chain->end, REGION_UNIT, "px.store.tx");
    } else if (str_is(chain->name, "px.text.gsub")) {
        add_arguments(code, chain->end, REGION_PINNED, "a gsub callback");
    }
    if ((chain->binding->flags & LUA_BINDING_LOAD_ONLY) == 0) {
        return;
    }
    add_arguments(code, chain->end, REGION_LATER, "a handler");
    if (str_is(chain->name, "px.on")) {
        add_arguments(code, chain->end, REGION_UNIT, "an event's handler");
    } else if (str_is(chain->name, "px.flow")) {
        add_arguments(code, chain->end, REGION_FLOW, "a flow");
    }
}

/* ---- methods of flows ---- */

/* The first parameter of the function whose word stands at `function`. */
static struct str first_parameter(const struct code *code, size_t function)
{
    const struct token *tokens = code->tokens;
    size_t open = function + 1 < code->count && tokens[function + 1].kind == TOKEN_NAME
                      ? function + 2
                      : function + 1;
    bool named = open + 1 < code->count && token_is(&tokens[open], "(") &&
                 tokens[open + 1].kind == TOKEN_NAME;
    return named ? tokens[open + 1].text : STR("");
}

static bool is_flow(const struct code *code, size_t at)
{
    for (size_t i = 0; i < code->region_count; i++) {
        const struct region *region = &code->regions[i];
        if (region->kind == REGION_FLOW && at >= region->from && at < region->to &&
            str_eq(first_parameter(code, region->from), code->tokens[at].text)) {
            return true;
        }
    }
    return false;
}

void regions_check_flow(struct code *code, size_t at)
{
    enum { METHODS_MAX = 64 };
    const struct token *tokens = code->tokens;
    struct str names[METHODS_MAX];
    size_t count = 0;
    bool member = at > 0 && (token_is(&tokens[at - 1], ".") || token_is(&tokens[at - 1], ":"));
    if (member || tokens[at].kind != TOKEN_NAME || at + 2 >= code->count ||
        !token_is(&tokens[at + 1], ":") || tokens[at + 2].kind != TOKEN_NAME ||
        !is_flow(code, at)) {
        return;
    }
    struct str method = tokens[at + 2].text;
    for (; count < METHODS_MAX && bind_flow_method(count) != NULL; count++) {
        names[count] = str_from(bind_flow_method(count));
        if (str_eq(names[count], method)) {
            return;
        }
    }
    check_add(code->check, true, "unknown_call", code->file, &tokens[at],
              text_nearest(method, names, count), "a flow has no method \"" STR_FORMAT "\"",
              STR_ARGS(method));
}

void regions_check(struct code *code, size_t at, const struct chain *chain)
{
    unsigned flags = chain->binding->flags;
    struct check *check = code->check;
    const struct token *token = &code->tokens[at];
    if (!token_is(&code->tokens[chain->end], "(") && !token_is(&code->tokens[chain->end], "{") &&
        code->tokens[chain->end].kind != TOKEN_STRING) {
        return; /* named, not called */
    }
    for (size_t i = 0; i < code->region_count; i++) {
        const struct region *region = &code->regions[i];
        if (at < region->from || at >= region->to) {
            continue;
        }
        bool waits = (flags & (LUA_BINDING_WAITS | LUA_BINDING_NOT_IN_UNIT)) != 0;
        if (region->kind == REGION_PINNED && waits) {
            check_add(check, true, "yield", code->file, token, STR(""),
                      STR_FORMAT " waits, and %s cannot: call it before and pass the result in",
                      STR_ARGS(chain->name), region->what);
        } else if (region->kind == REGION_UNIT && (flags & LUA_BINDING_NOT_IN_UNIT) != 0) {
            check_add(check, true, "yield", code->file, token, STR(""),
                      STR_FORMAT " cannot be used inside %s, which is one unit of work: do it "
                                 "before or behind it",
                      STR_ARGS(chain->name), region->what);
        } else if (region->kind == REGION_LATER && (flags & LUA_BINDING_LOAD_ONLY) != 0) {
            check_add(check, true, "load", code->file, token, STR(""),
                      STR_FORMAT " registers while the file loads, not from inside %s",
                      STR_ARGS(chain->name), region->what);
        } else {
            continue;
        }
        return;
    }
}
