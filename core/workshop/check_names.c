/* Names of the API in a plugin's code: px.store.get, or a local that stands for a part of it. */
#include "check_code.h"

#include "proxenos/base_text.h"

/* ---- the API's names ---- */

static const struct lua_module *find_module(struct str name)
{
    size_t count = 0;
    const struct lua_module *const *all = bind_modules(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_is(name, all[i]->name)) {
            return all[i];
        }
    }
    return NULL;
}

static const struct lua_binding *find_binding(const struct lua_module *module, struct str name)
{
    for (size_t i = 0; module != NULL && i < module->count; i++) {
        if (str_is(name, module->bindings[i].name)) {
            return &module->bindings[i];
        }
    }
    return NULL;
}

struct str chain_nearest(struct check *check, struct str module, struct str name)
{
    size_t count = 0, known = 0;
    const struct lua_module *const *all = bind_modules(&count);
    struct str names[256];
    for (size_t i = 0; i < count; i++) {
        struct str full = str_from(all[i]->name);
        for (size_t b = 0; str_eq(full, module) && b < all[i]->count && known < 256; b++) {
            names[known++] = str_from(all[i]->bindings[b].name);
        }
        if (str_starts(full, module) && full.len > module.len && full.at[module.len] == '.' &&
            known < 256) {
            names[known++] = str_sub(full, module.len + 1, full.len);
        }
    }
    struct str nearest = text_nearest(name, names, known);
    return nearest.len == 0 ? nearest
                            : arena_printf(&check->arena, STR_FORMAT "." STR_FORMAT,
                                           STR_ARGS(module), STR_ARGS(nearest));
}

/* ---- chains: px.store.kv.get ---- */

static struct str alias_of(const struct code *code, struct str name)
{
    for (size_t i = code->alias_count; i > 0; i--) {
        if (str_eq(code->aliases[i - 1].name, name)) {
            return code->aliases[i - 1].chain;
        }
    }
    return str_is(name, "px") ? name : STR("");
}

/* One part behind the dot. False: the chain is not the API's any more. */
static bool step(struct code *code, struct chain *chain, struct str part)
{
    const struct lua_module *module = find_module(chain->name);
    struct str full = arena_printf(&code->check->arena, STR_FORMAT "." STR_FORMAT,
                                   STR_ARGS(chain->name), STR_ARGS(part));
    const struct lua_binding *binding = find_binding(module, part);
    if (binding == NULL && find_module(full) == NULL) {
        chain->wrong = true;
        chain->missing = part;
        return false;
    }
    chain->name = full;
    chain->binding = binding;
    return binding == NULL;
}

bool chain_read(struct code *code, size_t at, struct chain *out)
{
    const struct token *tokens = code->tokens;
    bool member = at > 0 && (token_is(&tokens[at - 1], ".") || token_is(&tokens[at - 1], ":"));
    if (tokens[at].kind != TOKEN_NAME || member) {
        return false;
    }
    struct str root = alias_of(code, tokens[at].text);
    if (root.len == 0) {
        return false;
    }
    *out = (struct chain){.name = root, .end = at + 1};
    size_t dot = 0;
    struct str name = root;
    while (str_find(name, STR("."), &dot)) {
        name = str_sub(name, dot + 1, name.len);
    }
    struct str parent = str_sub(root, 0, root.len > name.len ? root.len - name.len - 1 : 0);
    out->binding = parent.len > 0 ? find_binding(find_module(parent), name) : NULL;
    while (out->binding == NULL && token_is(&tokens[out->end], ".") &&
           tokens[out->end + 1].kind == TOKEN_NAME) {
        size_t part = out->end + 1;
        out->end += 2;
        if (!step(code, out, tokens[part].text)) {
            break;
        }
    }
    return true;
}

void local_read(struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    struct chain chain;
    size_t value = at + 2;
    if (!token_is(&tokens[at], "local") || tokens[at + 1].kind != TOKEN_NAME ||
        token_is(&tokens[at + 1], "function") || code->alias_count == ALIASES_MAX) {
        return;
    }
    if (token_is(&tokens[value], "<")) {
        value += 3;
    }
    struct alias *alias = &code->aliases[code->alias_count];
    *alias = (struct alias){.name = tokens[at + 1].text, .chain = STR("")};
    bool assigned = value < code->count && token_is(&tokens[value], "=");
    if (assigned && chain_read(code, value + 1, &chain) && !chain.wrong &&
        !token_is(&tokens[chain.end], "(") && !token_is(&tokens[chain.end], "{") &&
        tokens[chain.end].kind != TOKEN_STRING && !token_is(&tokens[chain.end], ".") &&
        !token_is(&tokens[chain.end], ":") && !token_is(&tokens[chain.end], "[")) {
        alias->chain = chain.name;
    } else if (alias_of(code, alias->name).len == 0) {
        return; /* nothing stood under this name, and nothing does now */
    }
    code->alias_count++;
}

const struct token *first_argument(const struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    if (tokens[at].kind == TOKEN_STRING) {
        return &tokens[at];
    }
    bool alone = token_is(&tokens[at], "(") && tokens[at + 1].kind == TOKEN_STRING &&
                 (token_is(&tokens[at + 2], ",") || token_is(&tokens[at + 2], ")"));
    return alone ? &tokens[at + 1] : NULL;
}
