/* POST /api/v1/:object/:id/merge: others become part of this record. One unit; a dry run does it
 * all and keeps nothing. Loop thread; the merging itself is the writer's. */
#include "internal.h"

#include "proxenos/plugin.h"
#include "proxenos/store_merge.h"

struct merging {
    struct unit unit;
    struct call *call;
    struct hook_call hook;
    struct changeset as;
    struct merge merge;
    int64_t others[MERGE_OTHERS_MAX];
    bool dry_run;
    struct str body; /* the answer, in the unit's arena */
};

static void write_answer(struct merging *merging, struct buf *out)
{
    const struct merge *merge = &merging->merge;
    char id[ID_TEXT_LEN + 1];
    id_format(merging->as.id, id);
    buf_append_str(out, STR("{\"record\":"));
    record_write_json(out, merge->kept);
    buf_append_str(out, STR(",\"references\":"));
    value_write_api(out, &merge->references);
    buf_append_str(out, STR(",\"filled\":"));
    value_write_api(out, &merge->filled);
    buf_printf(out, ",\"files\":%lld", (long long)merge->files);
    if (merging->dry_run) {
        buf_append_str(out, STR(",\"changeset\":null}"));
    } else {
        buf_printf(out, ",\"changeset\":\"%s\"}", id);
    }
}

static enum err merge_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct merging *merging = CONTAINER_OF(unit, struct merging, unit);
    enum err err = tx_merge(tx, &merging->merge, error);
    if (err != OK) {
        return err;
    }
    struct buf text;
    buf_init(&text);
    write_answer(merging, &text);
    merging->body = arena_str(tx_arena(tx), buf_str(&text));
    buf_deinit(&text);
    return merging->dry_run ? error_set(error, ERR_CANCELLED, "dry run") : OK;
}

static void merge_done(struct unit *unit)
{
    struct merging *merging = CONTAINER_OF(unit, struct merging, unit);
    struct call *call = merging->call;
    if (unit->err == OK || (merging->dry_run && unit->err == ERR_CANCELLED)) {
        buf_append_str(&call->out, merging->body);
        call_respond(call, 200);
    } else {
        call_problem(call, unit->err, &unit->error, NULL);
    }
    unit_deinit(unit);
    mem_free(merging);
}

static enum err read_others(struct merging *merging, struct error *error)
{
    const struct value *others = value_get_c(&merging->call->body, "others");
    if (others == NULL || others->kind != VALUE_LIST || others->list.count == 0 ||
        others->list.count > MERGE_OTHERS_MAX) {
        return error_at(error, ERR_INVALID, "/others", NULL,
                        "others is a list of 1 to %d ids of records to merge into this one",
                        MERGE_OTHERS_MAX);
    }
    for (size_t i = 0; i < others->list.count; i++) {
        const struct value *one = &others->list.items[i];
        if (one->kind != VALUE_TEXT || id_parse(one->text, &merging->others[i]) != OK) {
            return error_at(error, ERR_INVALID, "/others", NULL, "others holds what is no id");
        }
    }
    merging->merge.others = merging->others;
    merging->merge.other_count = others->list.count;
    return OK;
}

static void submit(struct merging *merging)
{
    struct call *call = merging->call;
    char id[ID_TEXT_LEN + 1];
    id_format(call->id, id);
    merging->as =
        (struct changeset){.id = ids_next(store_ids(call->api->store)),
                           .name = arena_printf(call_arena(call), "merge into " STR_FORMAT " %s",
                                                STR_ARGS(call->type->name), id),
                           .kind = STR("merge")};
    merging->merge.as = &merging->as;
    merging->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                  .apply = merge_apply,
                                  .done = merge_done,
                                  .scope = call_scope(call),
                                  .request = call_request_id(call),
                                  .alone = true};
    enum err err = store_submit(call->api->store, &merging->unit);
    if (err != OK) {
        call_fail(call, err, "the merge could not be queued");
        mem_free(merging);
    }
}

/* ---- before-hooks ---- */

static void on_hooked(struct hook_call *hook)
{
    struct merging *merging = CONTAINER_OF(hook, struct merging, hook);
    if (hook->err == OK) {
        submit(merging);
        return;
    }
    call_problem(merging->call, hook->err, &hook->error, NULL);
    mem_free(merging);
}

/* Asked as themselves: of a merge, the changes of each record are what it means. */
static void ask_hooks(struct merging *merging)
{
    struct call *call = merging->call;
    struct arena *arena = call_arena(call);
    struct value question = value_map_new();
    struct value others = value_list_new();
    if (!plugins_has_before_merge(call->api->plugins, call->type)) {
        submit(merging);
        return;
    }
    for (size_t i = 0; i < merging->merge.other_count; i++) {
        value_push(arena, &others, value_id(merging->others[i]));
    }
    value_put_c(arena, &question, "id", value_id(call->id));
    value_put_c(arena, &question, "others", others);
    value_put_c(arena, &question, "fill", value_bool(merging->merge.fill));
    value_put_c(arena, &question, "delete", value_bool(merging->merge.remove));
    merging->hook = (struct hook_call){.type = call->type,
                                       .merge = question,
                                       .arena = arena,
                                       .scope = call_scope(call),
                                       .request = call_request_id(call),
                                       .done = on_hooked};
    plugins_before(call->api->plugins, &merging->hook);
}

static void merge_body(struct call *call)
{
    static const struct call_member members[] = {
        {"others", VALUE_NULL}, {"fill", VALUE_BOOL}, {"delete", VALUE_BOOL}};
    if (!call_knows_members(call, members, COUNT_OF(members))) {
        return;
    }
    struct merging *merging = mem_zalloc(sizeof(*merging));
    merging->call = call;
    merging->dry_run = call_flag(call, "dry_run");
    merging->merge = (struct merge){.type = call->type,
                                    .keep = call->id,
                                    .fill = value_get_bool(&call->body, "fill", false),
                                    .remove = value_get_bool(&call->body, "delete", false)};
    enum err err = read_others(merging, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        mem_free(merging);
        return;
    }
    ask_hooks(merging);
}

void merge_records(struct call *call)
{
    static const char *const known[] = {"dry_run"};
    if (call_find_type(call) && call_find_id(call) &&
        call_knows_parameters(call, known, COUNT_OF(known))) {
        call_with_body(call, merge_body);
    }
}
