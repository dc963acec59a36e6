/* Looks at a plugin's code without running it: each `px.…` is a name of the API (or of a local that
 * stands for one); nothing waits where nothing can wait; what is called is among the capabilities,
 * and what is among them is called. What only running would tell (names in variables) is left out
 * and never guessed. Main thread. */
#include "check_code.h"

#include "proxenos/base_text.h"

static void check_chain(struct code *code, size_t at, const struct chain *chain)
{
    struct check *check = code->check;
    if (chain->wrong) {
        check_add(check, true, "unknown_call", code->file, &code->tokens[at],
                  chain_nearest(check, chain->name, chain->missing),
                  "there is no " STR_FORMAT "." STR_FORMAT, STR_ARGS(chain->name),
                  STR_ARGS(chain->missing));
        return;
    }
    if (chain->binding == NULL) {
        return;
    }
    regions_check(code, at, chain);
    needs_check(code, at, chain);
}

static void check_require(struct code *code, size_t at)
{
    const struct token *token = first_argument(code, at + 1);
    bool member =
        at > 0 && (token_is(&code->tokens[at - 1], ".") || token_is(&code->tokens[at - 1], ":"));
    if (!token_is(&code->tokens[at], "require") || member || token == NULL) {
        return;
    }
    char path[160];
    (void)snprintf(path, sizeof(path), STR_FORMAT ".lua", STR_ARGS(str_sub(token->text, 0, 120)));
    for (size_t i = 0; i < token->text.len && i < 120; i++) {
        if (path[i] == '.') {
            path[i] = '/';
        }
    }
    if (plugin_source_file(&code->check->source, str_from(path)).at == NULL) {
        check_add(code->check, true, "require", code->file, token, STR(""),
                  "the plugin has no file %s", path);
    }
}

/* t.<name> in a test: a function of t, or an object type. */
static void check_t(struct code *code, size_t at)
{
    const struct token *tokens = code->tokens;
    struct check *check = code->check;
    bool member = at > 0 && (token_is(&tokens[at - 1], ".") || token_is(&tokens[at - 1], ":"));
    if (!code->is_test || member || !token_is(&tokens[at], "t") ||
        !token_is(&tokens[at + 1], ".") || check->schema == NULL) {
        return;
    }
    struct str name = tokens[at + 2].text;
    struct str names[64];
    size_t count = 0;
    bool known = str_is(name, "seed") || schema_object(check->schema, name) != NULL;
    for (size_t m = 0; m < t_module_count; m++) {
        known = known || str_is(name, strrchr(t_modules[m]->name, '.') == NULL
                                          ? t_modules[m]->name
                                          : strrchr(t_modules[m]->name, '.') + 1);
        for (size_t i = 0; m == 0 && i < t_modules[0]->count && count < 64; i++) {
            names[count] = str_from(t_modules[0]->bindings[i].name);
            known = known || str_eq(names[count++], name);
        }
    }
    if (!known) {
        check_add(check, true, "unknown_call", code->file, &tokens[at],
                  text_nearest(name, names, count),
                  "t has no function \"" STR_FORMAT "\", and there is no object type of that name",
                  STR_ARGS(name));
    }
}

static void check_file(struct check *check, const struct bind_file *file, struct uses *uses)
{
    struct code *code = mem_zalloc(sizeof(*code));
    struct chain chain;
    code->check = check;
    code->file = file->name;
    code->is_test = str_starts(file->name, STR("tests/"));
    code->uses = uses;
    code->tokens = lex(&check->arena, file->text, &code->count);
    regions_read_functions(code);
    /* Regions first: a function is looked at with all that it may be called from. */
    for (size_t i = 0; i < code->count; i++) {
        local_read(code, i);
        regions_read_plain(code, i);
        if (chain_read(code, i, &chain) && !chain.wrong) {
            regions_read_px(code, &chain);
        }
    }
    code->alias_count = 0;
    for (size_t i = 0; i < code->count; i++) {
        local_read(code, i);
        check_require(code, i);
        check_t(code, i);
        regions_check_flow(code, i);
        if (chain_read(code, i, &chain)) {
            check_chain(code, i, &chain);
            i = chain.end - 1;
        }
    }
    mem_free(code);
}

void check_code(struct check *check)
{
    struct uses *uses = needs_new();
    const struct plugin_source *source = &check->source;
    for (size_t i = 0; i < source->file_count; i++) {
        struct str name = source->files[i].name;
        bool data = str_is(name, "plugin.lua") || plugin_schema_file(name) ||
                    str_starts(name, STR("locale/")) || !str_ends(name, STR(".lua"));
        if (!data) {
            check_file(check, &source->files[i], uses);
        }
    }
    needs_check_unused(check, uses);
    mem_free(uses);
}
