/* Before-hooks (contract 19): each plugin that asked sees the drafts as tables, one after the other
 * in dependency order, may amend them or refuse. Loop thread.
 *
 * The executor works on copies, so that a hook which comes too late touches nothing of the
 * caller's.
 */
#include "internal.h"

#include "proxenos/base_env.h"

static struct str verb_of(enum draft_kind kind)
{
    switch (kind) {
    case DRAFT_CREATE:
        return STR("create");
    case DRAFT_UPDATE:
        return STR("update");
    case DRAFT_DELETE:
        break;
    }
    return STR("delete");
}

static bool is_for(const struct bind_registration *hook, const struct object_type *type,
                   struct str verb)
{
    return hook->name.len == type->name.len + 1 + verb.len && str_starts(hook->name, type->name) &&
           str_ends(hook->name, verb) && hook->name.at[type->name.len] == '.';
}

static const struct bind_registration *hook_of(const struct plugin *plugin,
                                               const struct object_type *type, struct str verb,
                                               size_t *position)
{
    const struct bind_registration *one = NULL;
    while (plugin->edition->started &&
           (one = edition_next(plugin->edition, BIND_BEFORE, position)) != NULL) {
        if (is_for(one, type, verb)) {
            return one;
        }
    }
    return NULL;
}

/* The next hook for these drafts; *plugin_index and *position walk. */
static const struct bind_registration *next_hook(const struct plugins *plugins,
                                                 const struct object_type *type, struct str verb,
                                                 size_t *plugin_index, size_t *position)
{
    for (; *plugin_index < plugins->count; (*plugin_index)++, *position = 0) {
        const struct bind_registration *one =
            hook_of(plugins->list[*plugin_index], type, verb, position);
        if (one != NULL) {
            return one;
        }
    }
    return NULL;
}

/* Its records are being erased: what came meanwhile would stay behind, where nobody sees it. */
static bool is_going(const struct plugins *plugins, const struct object_type *type)
{
    const struct plugin *plugin = plugins_find(plugins, type->plugin);
    return plugin != NULL && plugin->status == PLUGIN_REMOVING;
}

static bool has_before(struct plugins *plugins, const struct object_type *type, struct str verb)
{
    size_t plugin_index = 0, position = 0;
    return is_going(plugins, type) ||
           next_hook(plugins, type, verb, &plugin_index, &position) != NULL;
}

bool plugins_has_before(struct plugins *plugins, const struct object_type *type,
                        enum draft_kind kind)
{
    return has_before(plugins, type, verb_of(kind));
}

bool plugins_has_before_merge(struct plugins *plugins, const struct object_type *type)
{
    return has_before(plugins, type, STR("merge"));
}

/* ---- one hook of one call ---- */

struct hooking {
    struct bind_call call;
    struct plugins *plugins;
    struct hook_call *hook; /* NULL: given up, the answer is not wanted any more */
    struct timer timer;
    struct arena arena;
    const struct scope *scope;
    struct str verb;
    size_t plugin_index, position;
    uint64_t swaps; /* while it is the same, the two above mean the same */
    bool away, settled;
};

static void run_next(struct hooking *hooking);

static void free_hooking(struct hooking *hooking)
{
    timer_deinit(&hooking->timer);
    scope_unref(hooking->scope);
    arena_deinit(&hooking->arena);
    mem_free(hooking);
}

/* Tells the caller; frees when the executor has nothing of it any more. */
static void settle(struct hooking *hooking, enum err err)
{
    struct hook_call *hook = hooking->hook;
    hooking->hook = NULL;
    hook->err = err;
    if (!hooking->away) {
        free_hooking(hooking);
    } else {
        timer_stop(&hooking->timer);
    }
    hook->done(hook);
}

static void on_late(struct timer *timer)
{
    struct hooking *hooking = CONTAINER_OF(timer, struct hooking, timer);
    (void)error_set(&hooking->hook->error, ERR_HOOK_UNAVAILABLE,
                    "plugin " STR_FORMAT " must see this change first and did not answer within "
                    "%d ms",
                    STR_ARGS(bind_host_name(hooking->call.host)), HOOK_QUEUE_MS);
    settle(hooking, ERR_HOOK_UNAVAILABLE);
}

static struct value draft_table(struct arena *arena, const struct draft *draft)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "id", value_id(draft->id));
    for (int i = 0; i < draft->type->field_count; i++) {
        const struct field *field = &draft->type->fields[i];
        if (draft->set[i] == 0 || field->type == FIELD_SECRET) {
            continue;
        }
        struct value value = value_copy(arena, &draft->values[i]);
        if (draft->set[i] != 1) {
            struct value change = value_map_new();
            value_put_c(arena, &change, draft->set[i] == 2 ? "add" : "remove", value);
            value = change;
        }
        value_put(arena, &map, field->name, value);
    }
    return map;
}

/* ---- amendments ---- */

/* The draft's table as the hook left it: other values are set, those taken out are unset (a field
 * that the draft empties is absent from the table, so it stays emptied). Checked as any input is,
 * under the rights of who wrote the draft. */
static enum err amend(struct hooking *hooking, struct draft *draft, const struct value *before,
                      const struct value *after, struct error *error)
{
    struct hook_call *hook = hooking->hook;
    struct value changes = value_map_new();
    for (size_t i = 0; i < after->map.count; i++) {
        const struct value_entry *entry = &after->map.entries[i];
        const struct value *old = value_get(before, entry->key);
        if (str_is(entry->key, "id")) {
            continue;
        }
        if (old == NULL || !value_equal(old, &entry->value)) {
            value_put(hook->arena, &changes, arena_str(hook->arena, entry->key),
                      value_copy(hook->arena, &entry->value));
        }
    }
    for (size_t i = 0; i < before->map.count; i++) {
        const struct field *field = object_field(draft->type, before->map.entries[i].key);
        bool emptied = before->map.entries[i].value.kind == VALUE_NULL;
        if (field != NULL && field->index != SYS_ID && !emptied &&
            value_get(after, field->name) == NULL) {
            draft->set[field->index] = 0;
        }
    }
    if (changes.map.count == 0) {
        return OK;
    }
    struct draft *made = NULL;
    enum err err = draft_make(hooking->plugins->options.store, hook->scope, DRAFT_UPDATE,
                              draft->type, draft->id, &changes, hook->arena, &made, error);
    for (int i = 0; err == OK && i < draft->type->field_count; i++) {
        if (made->set[i] != 0) {
            draft->values[i] = made->values[i];
            draft->set[i] = made->set[i];
            draft->keys[i] = made->keys[i];
        }
    }
    return err;
}

static enum err amend_all(struct hooking *hooking, struct error *error)
{
    struct hook_call *hook = hooking->hook;
    const struct value *after = &hooking->call.output;
    const struct value *before = &hooking->call.input;
    if (after->kind != VALUE_LIST || after->list.count != (size_t)hook->draft_count) {
        return error_set(error, ERR_HOOK_UNAVAILABLE, "the hook changed the number of drafts");
    }
    enum err err = OK;
    for (int i = 0; err == OK && i < hook->draft_count; i++) {
        const struct value *table = &after->list.items[i];
        if (table->kind != VALUE_MAP) {
            return error_set(error, ERR_HOOK_UNAVAILABLE, "a draft is no table any more");
        }
        err = amend(hooking, hook->drafts[i], &before->list.items[i], table, error);
    }
    return err;
}

/* What a hook raises on purpose reaches the user; all else is the plugin's fault. */
static enum err judge(struct hooking *hooking)
{
    struct hook_call *hook = hooking->hook;
    const struct bind_call *call = &hooking->call;
    if (call->err == OK && hook->merge.kind == VALUE_MAP) {
        return OK; /* a merge is refused or not: there is nothing of it to amend */
    }
    if (call->err == OK) {
        return amend_all(hooking, &hook->error);
    }
    hook->error = call->error;
    if (call->err == ERR_REFUSED) {
        return ERR_REFUSED;
    }
    struct str name = bind_host_name(call->host);
    return error_set(&hook->error, ERR_HOOK_UNAVAILABLE,
                     "plugin " STR_FORMAT " must see this change first and failed: %.300s",
                     STR_ARGS(name), call->error.detail);
}

static void on_called(struct bind_call *call)
{
    struct hooking *hooking = CONTAINER_OF(call, struct hooking, call);
    hooking->away = false;
    if (hooking->hook == NULL) {
        free_hooking(hooking);
        return;
    }
    timer_stop(&hooking->timer);
    enum err err = judge(hooking);
    if (err != OK) {
        settle(hooking, err);
        return;
    }
    run_next(hooking);
}

static void run_next(struct hooking *hooking)
{
    struct hook_call *hook = hooking->hook;
    if (hooking->swaps != hooking->plugins->swaps) {
        /* A plugin was changed meanwhile: all are asked once more, as after a moved version. */
        hooking->swaps = hooking->plugins->swaps;
        hooking->plugin_index = hooking->position = 0;
    }
    const struct bind_registration *next = next_hook(hooking->plugins, hook->type, hooking->verb,
                                                     &hooking->plugin_index, &hooking->position);
    if (next == NULL) {
        settle(hooking, OK);
        return;
    }
    struct value drafts = value_list_new();
    if (hook->merge.kind == VALUE_MAP) {
        value_push(&hooking->arena, &drafts, value_copy(&hooking->arena, &hook->merge));
    }
    for (int i = 0; i < hook->draft_count; i++) {
        value_push(&hooking->arena, &drafts, draft_table(&hooking->arena, hook->drafts[i]));
    }
    hooking->call = (struct bind_call){.host = next->host,
                                       .registration = next,
                                       .scope = hooking->scope,
                                       .request = arena_str(&hooking->arena, hook->request),
                                       .input = drafts,
                                       .run_ms = HOOK_RUN_MS,
                                       .arena = &hooking->arena,
                                       .done = on_called};
    hooking->away = true;
    timer_start(&hooking->timer, HOOK_QUEUE_MS);
    bind_call(&hooking->call);
}

/* `done` must not come before plugins_before returns. */
static void on_begin(struct timer *timer)
{
    struct hooking *hooking = CONTAINER_OF(timer, struct hooking, timer);
    timer_deinit(timer);
    timer_init(timer, hooking->plugins->options.loop, on_late);
    if (is_going(hooking->plugins, hooking->hook->type)) {
        struct str plugin = hooking->hook->type->plugin;
        settle(hooking, error_set(&hooking->hook->error, ERR_CONFLICT,
                                  "plugin " STR_FORMAT " is being uninstalled, its records with it",
                                  STR_ARGS(plugin)));
        return;
    }
    run_next(hooking);
}

void plugins_before(struct plugins *plugins, struct hook_call *hook)
{
    struct hooking *hooking = mem_zalloc(sizeof(*hooking));
    hooking->plugins = plugins;
    hooking->hook = hook;
    hooking->swaps = plugins->swaps;
    hooking->scope = hook->scope;
    scope_ref(hook->scope);
    arena_init(&hooking->arena);
    hook->error = (struct error){.err = OK};
    hooking->verb = hook->merge.kind == VALUE_MAP
                        ? STR("merge")
                        : verb_of(hook->draft_count > 0 ? hook->drafts[0]->kind : DRAFT_CREATE);
    timer_init(&hooking->timer, plugins->options.loop, on_begin);
    timer_start(&hooking->timer, 0);
}
