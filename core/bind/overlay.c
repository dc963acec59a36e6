/* The overlay: one pinned snapshot with the drafts of a turn on top. Executor; the writer reads the
 * works, and notes in `failed` and `written_version` what became of them. */
#include "usage.h"

void overlay_init(struct overlay *overlay, struct bind_host *host, const struct scope *scope,
                  int64_t at_least_seq)
{
    *overlay = (struct overlay){.host = host, .scope = scope, .at_least_seq = at_least_seq};
    scope_ref(scope);
    arena_init(&overlay->arena);
    map_init(&overlay->by_id);
    overlay->touched_by =
        ARENA_ARRAY(&overlay->arena, uint64_t, (size_t)scope->schema->object_count + 1);
}

void overlay_deinit(struct overlay *overlay)
{
    ASSERT(overlay->reader == NULL);
    if (overlay->scope != NULL) {
        scope_unref(overlay->scope);
    }
    map_deinit(&overlay->by_id);
    arena_deinit(&overlay->arena);
    *overlay = (struct overlay){0};
}

enum err overlay_reader(struct overlay *overlay, struct reader **out_reader, struct error *error)
{
    if (overlay->reader == NULL) {
        struct executor *executor = host_executor(overlay->host);
        struct reader *reader = NULL;
        enum err err = executor_reader_take(executor, &reader, error);
        if (err != OK) {
            return err;
        }
        err = reader_pin(reader, overlay->at_least_seq, error);
        if (err != OK) {
            executor_reader_give(executor, reader);
            return err;
        }
        overlay->reader = reader;
    }
    *out_reader = overlay->reader;
    return OK;
}

void overlay_release(struct overlay *overlay)
{
    if (overlay->reader != NULL) {
        reader_unpin(overlay->reader);
        executor_reader_give(host_executor(overlay->host), overlay->reader);
        overlay->reader = NULL;
    }
}

/* ---- works ---- */

void work_init(struct work_unit *work, struct overlay *overlay, int index)
{
    *work = (struct work_unit){.overlay = overlay, .index = index};
    work->end = &work->first;
}

static void undo_touched(struct overlay *overlay, const struct work_unit *work,
                         const struct touched *until)
{
    while (overlay->newest != NULL && overlay->newest != until && overlay->newest->work == work) {
        struct touched *touched = overlay->newest;
        overlay->newest = touched->older;
        if (touched->below != NULL) {
            (void)map_set_int(&overlay->by_id, touched->id, touched->below);
        } else {
            (void)map_remove_int(&overlay->by_id, touched->id);
        }
    }
}

struct work_mark work_mark(const struct work_unit *work)
{
    return (struct work_mark){.newest = work->overlay->newest,
                              .newest_kv = work->overlay->newest_kv,
                              .end = work->end,
                              .count = work->count,
                              .seen = work->seen};
}

void work_undo_to(struct work_unit *work, const struct work_mark *mark)
{
    undo_touched(work->overlay, work, mark->newest);
    work->overlay->newest_kv = mark->newest_kv;
    *mark->end = NULL;
    work->end = mark->end;
    work->count = mark->count;
    work->seen = mark->seen;
}

void work_undo(struct work_unit *work)
{
    struct overlay *overlay = work->overlay;
    undo_touched(overlay, work, NULL);
    while (overlay->newest_kv != NULL && overlay->newest_kv->work == work) {
        overlay->newest_kv = overlay->newest_kv->older;
    }
    work->first = NULL;
    work->end = &work->first;
    work->delays = false;
    work->changeset = NULL;
    work->seen = NULL;
    work->count = work->sends = 0;
}

/* ---- the writer's side ---- */

static enum err apply_draft(const struct change *change, struct tx *tx, struct error *error)
{
    struct draft draft = *change->draft;
    if (change->expects != NULL) {
        draft.base_version = change->expects->written_version;
    }
    struct tx_result result = {0};
    enum err err = tx_write(tx, &draft, &result, error);
    if (err == OK) {
        change->touched->written_version = result.version;
    }
    return err;
}

static enum err apply_change(const struct work_unit *work, const struct change *change,
                             struct tx *tx, struct error *error)
{
    switch (change->kind) {
    case CHANGE_DRAFT:
        return apply_draft(change, tx, error);
    case CHANGE_EMIT:
        return bus_tx_emit(tx, &change->emit, error);
    case CHANGE_MERGE:
        return tx_merge(tx, change->merge, error);
    case CHANGE_KV:
        return kv_apply(work, change, tx, error);
    case CHANGE_FLOW:
        return flow_change_apply(change->flow, work->overlay->host->bind->options.flows, tx, error);
    case CHANGE_SEND:
        return outbox_tx_add(tx, change->row, error);
    }
    return OK;
}

/* A work that saw drafts of one that failed must not be written: both run again. */
static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct work_unit *work = CONTAINER_OF(unit, struct work_unit, unit);
    struct overlay *overlay = work->overlay;
    uint64_t bit = (uint64_t)1 << work->index;
    overlay->failed |= bit;
    work->behind = (overlay->failed & work->depends) != 0;
    if (work->behind) {
        return error_set(error, ERR_CONFLICT, "an earlier event of the same batch failed");
    }
    enum err err = work->delivery != NULL ? bus_tx_settle(tx, work->delivery, error) : OK;
    if (err == OK && work->turn != NULL) {
        err = flow_turn_apply(work->turn, tx, error);
    }
    for (const struct change *change = work->first; err == OK && change != NULL;
         change = change->next) {
        err = apply_change(work, change, tx, error);
    }
    if (err == OK && work->turn != NULL) {
        err = flow_turn_ask(work->turn, tx, error);
    }
    if (err == OK) {
        overlay->failed &= ~bit;
    }
    return err;
}

static size_t records_of(const struct work_unit *work)
{
    size_t count = 0;
    for (const struct change *change = work->first; change != NULL; change = change->next) {
        count += change->kind == CHANGE_DRAFT ? 1 : 0;
        count += change->kind == CHANGE_MERGE ? 1 + change->merge->other_count : 0;
    }
    return count;
}

void work_committed(const struct work_unit *work)
{
    usage_wrote(work->overlay->host, records_of(work));
    if (work->delays) {
        bus_wake(work->overlay->host->bind->options.bus);
    }
    if (work->sends > 0) {
        outbox_wake(work->overlay->host->bind->options.outbox);
    }
}

enum err work_submit(struct work_unit *work, struct mailbox *reply, void (*done)(struct unit *unit),
                     struct str request, int64_t cause)
{
    work->depends &= ~((uint64_t)1 << work->index);
    work->unit = (struct unit){.reply = reply,
                               .apply = apply,
                               .done = done,
                               .scope = work->overlay->scope,
                               .request = request,
                               .cause = cause,
                               .changeset = work->changeset};
    return store_submit(host_store(work->overlay->host), &work->unit);
}
