/* What the binding tables say, written for people and their editors: LuaCATS types and pages of the
 * reference. Any thread. */
#include "proxenos/lua_module.h"

static const struct {
    unsigned flag;
    const char *text;
} flag_texts[] = {
    {LUA_BINDING_WAITS, "waits"},
    {LUA_BINDING_NOT_IN_UNIT, "not in a unit of work"},
    {LUA_BINDING_LOAD_ONLY, "only while the file loads"},
};

static void write_flags(struct buf *out, unsigned flags)
{
    const char *before = " (";
    for (size_t i = 0; i < COUNT_OF(flag_texts); i++) {
        if ((flags & flag_texts[i].flag) != 0) {
            buf_printf(out, "%s%s", before, flag_texts[i].text);
            before = ", ";
        }
    }
    if (*before == ',') {
        buf_append_char(out, ')');
    }
}

/* The part of `name` behind `parent` and a dot when that is one name; NULL otherwise. */
static const char *child_name(const char *name, const char *parent)
{
    size_t len = strlen(parent);
    if (strncmp(name, parent, len) != 0 || name[len] != '.') {
        return NULL;
    }
    const char *rest = name + len + 1;
    return strchr(rest, '.') == NULL ? rest : NULL;
}

static void write_class(struct buf *out, const struct lua_module *module,
                        const struct lua_module *const *modules, size_t count)
{
    if (module->types != NULL) {
        buf_printf(out, "\n%s", module->types);
    }
    buf_printf(out, "\n---%s\n---@class %s\n", module->doc, module->name);
    if (module->call != NULL) {
        /* LuaCATS writes the call without "fun". */
        buf_printf(out, "---@overload %s\n", module->call_type);
    }
    for (size_t i = 0; i < module->count; i++) {
        const struct lua_binding *binding = &module->bindings[i];
        buf_printf(out, "---@field %s %s # %s", binding->name, binding->type, binding->doc);
        write_flags(out, binding->flags);
        buf_append_char(out, '\n');
    }
    for (size_t i = 0; i < count; i++) {
        const char *child = child_name(modules[i]->name, module->name);
        if (child != NULL) {
            buf_printf(out, "---@field %s %s # %s\n", child, modules[i]->name, modules[i]->doc);
        }
    }
}

void lua_bindings_write_types(struct buf *out, const struct lua_module *const *modules,
                              size_t count)
{
    buf_printf(out, "---@meta\n-- Generated from the binding tables of proxenos; do not edit.\n");
    for (size_t i = 0; i < count; i++) {
        write_class(out, modules[i], modules, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (strchr(modules[i]->name, '.') == NULL) {
            buf_printf(out, "\n---@type %s\n%s = {}\n", modules[i]->name, modules[i]->name);
        }
    }
}

/* A cell of a Markdown table. */
static void write_cell(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, *text);
    }
}

static void write_row(struct buf *out, const char *name, const char *type, const char *doc,
                      unsigned flags)
{
    buf_printf(out, "| `%s` | `", name);
    write_cell(out, type);
    buf_printf(out, "` | ");
    write_cell(out, doc);
    write_flags(out, flags);
    buf_printf(out, " |\n");
}

static void write_examples(struct buf *out, const struct lua_module *module)
{
    for (size_t i = 0; i < module->count; i++) {
        const struct lua_binding *binding = &module->bindings[i];
        if (binding->example != NULL) {
            buf_printf(out, "\n`%s.%s`:\n\n```lua\n%s\n```\n", module->name, binding->name,
                       binding->example);
        }
    }
}

void lua_bindings_write_reference(struct buf *out, const struct lua_module *const *modules,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct lua_module *module = modules[i];
        buf_printf(out, "%s## %s\n\n%s\n\n", i > 0 ? "\n" : "", module->name, module->doc);
        if (module->count == 0 && module->call == NULL) {
            continue;
        }
        buf_printf(out, "| name | type | what |\n|---|---|---|\n");
        if (module->call != NULL) {
            write_row(out, "(call)", module->call_type, module->call_doc, 0);
        }
        for (size_t j = 0; j < module->count; j++) {
            const struct lua_binding *binding = &module->bindings[j];
            write_row(out, binding->name, binding->type, binding->doc, binding->flags);
        }
        write_examples(out, module);
    }
}
