/* px.store.kv: the plugin's own keys, in units of work as records are. A key that a unit has read
 * is written only while the store still says what was read. Nothing here raises. */
#include "secret.h"

#include "proxenos/base_json.h"

/* ---- reading: executor ---- */

struct kv_row {
    struct arena *arena;
    struct str text;
};

static enum err on_kv(void *context, const struct value *columns, int column_count,
                      struct error *error)
{
    (void)column_count;
    (void)error;
    struct kv_row *row = context;
    row->text = arena_str(row->arena, columns[0].text);
    return OK;
}

static void note_seen(struct call *call, struct str key, struct str text)
{
    if (call->work == NULL) {
        return;
    }
    struct arena *arena = &call->work->overlay->arena;
    struct kv_seen *seen = ARENA_NEW(arena, struct kv_seen);
    *seen = (struct kv_seen){
        .older = call->work->seen, .key = arena_str(arena, key), .text = arena_str(arena, text)};
    call->work->seen = seen;
}

static enum err kv_value(struct call *call, struct str text, struct value *out_value,
                         struct error *error)
{
    *out_value = value_null();
    return text.len == 0
               ? OK
               : json_decode(&call->scratch, arena_str(&call->scratch, text), out_value, error);
}

static const struct kv_entry *find_entry(const struct overlay *overlay, struct str key)
{
    const struct kv_entry *entry = overlay == NULL ? NULL : overlay->newest_kv;
    while (entry != NULL && !str_eq(entry->key, key)) {
        entry = entry->older;
    }
    return entry;
}

static enum err kv_of_entry(struct call *call, const struct kv_entry *entry,
                            struct value *out_value, struct error *error)
{
    call->work->depends |= (uint64_t)1 << entry->work->index;
    if (entry->work != call->work) {
        note_seen(call, entry->key, entry->text);
    }
    return kv_value(call, entry->text, out_value, error);
}

enum err read_kv(struct call *call, struct str key, struct value *out_value, struct error *error)
{
    struct kv_row row = {.arena = &call->scratch};
    struct read_turn turn;
    const struct kv_entry *entry = find_entry(overlay_of(call), key);
    if (entry != NULL) {
        return kv_of_entry(call, entry, out_value, error);
    }
    enum err err = read_begin(call, &turn, error);
    if (err != OK) {
        return err;
    }
    struct value binds[] = {value_text(call->host->rights.name), value_text(key)};
    err = reader_table(turn.reader, &bind_tables, KV_GET, binds, 2, on_kv, &row, error);
    read_end(call, &turn);
    if (err == OK) {
        note_seen(call, key, row.text);
        err = kv_value(call, row.text, out_value, error);
    }
    return err;
}

/* ---- writing: executor ---- */

/* What the work knew of the key when it first wrote it. */
static const struct kv_seen *seen_before(const struct work_unit *work, struct str key)
{
    for (const struct kv_entry *entry = work->overlay->newest_kv; entry != NULL;
         entry = entry->older) {
        if (entry->work == work && str_eq(entry->key, key)) {
            return NULL;
        }
    }
    const struct kv_seen *seen = work->seen;
    while (seen != NULL && !str_eq(seen->key, key)) {
        seen = seen->older;
    }
    return seen;
}

enum err work_kv_set(struct work_unit *work, struct str key, const struct value *value,
                     struct error *error)
{
    enum err err = room_for_change(work, error);
    if (err != OK) {
        return err;
    }
    struct overlay *overlay = work->overlay;
    struct change *change = add_change(work, CHANGE_KV);
    change->name = arena_str(&overlay->arena, key);
    change->data = value_null();
    change->seen = seen_before(work, key);
    struct kv_entry *entry = ARENA_NEW(&overlay->arena, struct kv_entry);
    *entry = (struct kv_entry){.older = overlay->newest_kv, .work = work, .key = change->name};
    if (value->kind != VALUE_NULL) {
        struct buf text;
        buf_init(&text);
        json_encode(&text, value);
        entry->text = arena_str(&overlay->arena, buf_str(&text));
        buf_deinit(&text);
        change->data = value_text(entry->text);
    }
    overlay->newest_kv = entry;
    return OK;
}

/* ---- writing: the writer ---- */

struct kv_now {
    struct str seen;
    bool same, there;
};

static enum err on_kv_now(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    struct kv_now *now = context;
    now->there = true;
    now->same = str_eq(now->seen, columns[0].text);
    return OK;
}

enum err kv_apply(const struct work_unit *work, const struct change *change, struct tx *tx,
                  struct error *error)
{
    struct value binds[] = {value_text(work->overlay->host->rights.name), value_text(change->name),
                            change->data};
    enum err err = OK;
    if (change->seen != NULL) {
        struct kv_now now = {.seen = change->seen->text};
        err = tx_table(tx, &bind_tables, KV_GET, binds, 2, on_kv_now, &now, error);
        if (err == OK && !(now.there ? now.same : change->seen->text.len == 0)) {
            err = error_set(error, ERR_STALE, "px.store.kv: \"" STR_FORMAT "\" has changed",
                            STR_ARGS(change->name));
        }
    }
    bool drop = change->data.kind == VALUE_NULL;
    return err != OK ? err
                     : tx_table(tx, &bind_tables, drop ? KV_DROP : KV_SET, binds, drop ? 2 : 3,
                                NULL, NULL, error);
}

enum err bind_tx_forget(struct tx *tx, struct str plugin, struct error *error)
{
    struct value binds[] = {value_text(plugin)};
    enum err err = tx_table(tx, &bind_tables, KV_FORGET, binds, 1, NULL, NULL, error);
    return err == OK ? secrets_tx_forget(tx, plugin, error) : err;
}
