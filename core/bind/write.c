/* Writing into a unit of work: each change is checked as it is made, under the rights of who acts,
 * and lies in the overlay until the unit ends. Executor; nothing here raises. */
#include "internal.h"

enum err room_for_change(const struct work_unit *work, struct error *error)
{
    if (work->count >= UNIT_CHANGES_MAX) {
        return error_set(error, ERR_LIMIT,
                         "a unit of work holds at most %d changes; do it in several",
                         UNIT_CHANGES_MAX);
    }
    if (work->overlay->arena.used_bytes > UNIT_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "a unit of work holds at most %d MiB; do it in several",
                         UNIT_BYTES_MAX >> 20);
    }
    return OK;
}

struct change *add_change(struct work_unit *work, enum change_kind kind)
{
    struct change *change = ARENA_NEW(&work->overlay->arena, struct change);
    change->kind = kind;
    *work->end = change;
    work->end = &change->next;
    work->count++;
    return change;
}

/* ---- records ---- */

/* The record under the draft: from the overlay, or the store. */
static enum err find_base(struct work_unit *work, const struct write *write,
                          struct touched **out_below, struct record **out_base, struct error *error)
{
    struct overlay *overlay = work->overlay;
    struct touched *below = map_get_int(&overlay->by_id, write->id);
    if (below != NULL) {
        work->depends |= (uint64_t)1 << below->work->index;
        *out_below = below;
        *out_base = below->record;
    } else {
        struct reader *reader = NULL;
        enum err err = overlay_reader(overlay, &reader, error);
        if (err != OK) {
            return err;
        }
        err = reader_get(reader, overlay->scope, write->type, write->id, &overlay->arena, out_base,
                         error);
        if (err != OK) {
            return err;
        }
    }
    if (*out_base == NULL || (*out_base)->type != write->type) {
        char id[ID_TEXT_LEN + 1];
        id_format(write->id, id);
        return error_set(error, ERR_NOT_FOUND, "there is no " STR_FORMAT " %s",
                         STR_ARGS(write->type->name), id);
    }
    if (write->version != 0 && write->version != (*out_base)->version) {
        return error_set(error, ERR_STALE, "the record is at version %lld, not %lld",
                         (long long)(*out_base)->version, (long long)write->version);
    }
    return OK;
}

static struct record *after_draft(const struct work_unit *work, const struct draft *draft,
                                  const struct record *base, int64_t now_ms)
{
    struct arena *arena = &work->overlay->arena;
    struct record *whole = draft_over(arena, draft, base);
    struct str actor = work->overlay->scope->actor;
    whole->version = base == NULL ? 1 : base->version + 1;
    if (base == NULL) {
        whole->values[SYS_CREATED_AT] = value_time(now_ms);
        whole->has[SYS_CREATED_AT] = RECORD_HAS;
        whole->values[SYS_CREATED_BY] = value_text(actor);
        whole->has[SYS_CREATED_BY] = RECORD_HAS;
    }
    whole->values[SYS_UPDATED_AT] = value_time(now_ms);
    whole->has[SYS_UPDATED_AT] = RECORD_HAS;
    whole->values[SYS_UPDATED_BY] = value_text(actor);
    whole->has[SYS_UPDATED_BY] = RECORD_HAS;
    return whole;
}

static void touch(struct work_unit *work, struct change *change, struct touched *below,
                  struct record *whole)
{
    struct overlay *overlay = work->overlay;
    const struct draft *draft = change->draft;
    struct touched *touched = ARENA_NEW(&overlay->arena, struct touched);
    *touched = (struct touched){.below = below,
                                .older = overlay->newest,
                                .work = work,
                                .type = draft->type,
                                .id = draft->id,
                                .record = whole};
    overlay->newest = touched;
    (void)map_set_int(&overlay->by_id, draft->id, touched);
    overlay->touched_by[draft->type->index] |= (uint64_t)1 << work->index;
    change->touched = touched;
    if (below != NULL && below->work != work) {
        change->expects = below;
    }
}

/* The record as it would be; ERR_RULE, ERR_REQUIRED, ERR_MOVE … */
static enum err judge(const struct work_unit *work, const struct draft *draft, struct record *base,
                      struct record **out_whole, struct error *error)
{
    struct env *env = store_env(host_store(work->overlay->host));
    int64_t now_ms = env->now_ms(env);
    struct record *whole = after_draft(work, draft, base, now_ms);
    bool waits = false;
    enum err err = machine_check(base, whole, &waits, error);
    if (err == OK) {
        err = draft_validate(draft, whole, now_ms, &work->overlay->arena, error);
    }
    *out_whole = waits ? base : whole; /* until another person has decided, nothing changes */
    return err;
}

enum err work_write(struct call *call, struct work_unit *work, const struct write *write,
                    struct record **out_record, struct error *error)
{
    struct overlay *overlay = work->overlay;
    struct store *store = host_store(call->host);
    struct touched *below = NULL;
    struct record *base = NULL;
    struct draft *draft = NULL;
    enum err err = room_for_change(work, error);
    if (err == OK && write->kind != DRAFT_CREATE) {
        err = find_base(work, write, &below, &base, error);
    }
    if (err == OK) {
        err = draft_make(store, overlay->scope, write->kind, write->type, write->id, write->map,
                         &overlay->arena, &draft, error);
    }
    if (err != OK) {
        return err;
    }
    /* Versions within one unit need no check: nothing comes between. */
    bool check = base != NULL && below == NULL && !write->any_version;
    draft->base_version = check ? base->version : 0;
    draft->allow_duplicates = write->allow_duplicates;
    struct record *whole = NULL;
    if (write->kind != DRAFT_DELETE) {
        err = judge(work, draft, base, &whole, error);
    }
    if (err != OK) {
        return err;
    }
    struct change *change = add_change(work, CHANGE_DRAFT);
    change->draft = draft;
    touch(work, change, below, whole);
    *out_record = whole;
    return OK;
}

/* ---- events ---- */

static bool may_emit(const struct bind_host *host, struct str type)
{
    for (size_t i = 0; i < host->emit_count; i++) {
        if (pattern_covers(host->emit[i], type)) {
            return true;
        }
    }
    return false;
}

enum err work_emit(struct call *call, struct work_unit *work, const struct bus_emit *emit,
                   struct error *error)
{
    struct bind_host *host = call->host;
    struct str type = emit->type;
    struct arena *arena = &work->overlay->arena;
    size_t dot = 0;
    enum err err = room_for_change(work, error);
    if (err != OK) {
        return err;
    }
    if (!log_pattern_valid(type) || !str_find(type, STR("."), &dot) ||
        !str_eq(str_sub(type, 0, dot), host->rights.name)) {
        return error_set(error, ERR_INVALID,
                         "\"" STR_FORMAT "\": a plugin's own events are called %s.<noun>_<verb in "
                         "past>",
                         STR_ARGS(str_sub(type, 0, 100)), host->name);
    }
    if (!may_emit(host, type)) {
        return error_set(error, ERR_CAPABILITY,
                         "emitting " STR_FORMAT " is not among the plugin's capabilities; add it "
                         "to can.emit",
                         STR_ARGS(type));
    }
    if (str_starts(type, STR("bus."))) {
        return error_set(error, ERR_INVALID, "events of bus.* are the bus's own");
    }
    struct change *change = add_change(work, CHANGE_EMIT);
    change->data = value_copy(arena, emit->data);
    change->emit = (struct bus_emit){.plugin = host->rights.name,
                                     .type = arena_str(arena, type),
                                     .data = &change->data,
                                     .key = arena_str(arena, emit->key),
                                     .delay_ms = emit->delay_ms,
                                     .dedup = arena_str(arena, emit->dedup)};
    work->delays = work->delays || emit->delay_ms > 0;
    return OK;
}
