/* Mails and requests that a unit of work asks for: rows of the outbox, written with the unit and
 * sent after its commit. Their keys come from the event and the place in its handler, so that an
 * event which is delivered again, or replayed, sends nothing twice. Executor; nothing here raises.
 */
#include "flow.h"

#include "proxenos/base_crypto.h"

enum { RANDOM_BYTES = 16 };

static struct str random_key(struct call *call, struct arena *arena)
{
    struct env *env = lua_host_env(call->host->lua);
    unsigned char bytes[RANDOM_BYTES];
    struct buf text;
    buf_init(&text);
    env->random(env, bytes, sizeof(bytes));
    hex_encode(&text, bytes, sizeof(bytes));
    struct str key = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return key;
}

void work_key(struct call *call, struct work_unit *work, struct str given, struct outbox_row *row)
{
    struct arena *arena = &work->overlay->arena;
    row->plugin = call->host->rights.name;
    row->cause = call->cause;
    if (given.len > 0) {
        row->key = arena_printf(arena, "given/" STR_FORMAT, STR_ARGS(given));
    } else if (call->kind == CALL_EVENT) {
        row->key = arena_printf(arena, "event/%lld/" STR_FORMAT "/%d", (long long)call->cause,
                                STR_ARGS(call->handler), work->sends);
    } else if (call->attempt != NULL) {
        row->key = arena_printf(arena, "flow/" STR_FORMAT, STR_ARGS(flow_attempt_key(call, arena)));
    } else {
        row->key = arena_printf(arena, "once/" STR_FORMAT, STR_ARGS(random_key(call, arena)));
    }
    row->key = str_sub(row->key, 0, OUTBOX_KEY_MAX);
    row->id = outbox_id(row->plugin, row->key);
}

enum err work_send(struct work_unit *work, const struct outbox_row *row, struct error *error)
{
    enum err err = room_for_change(work, error);
    if (err != OK) {
        return err;
    }
    struct change *change = add_change(work, CHANGE_SEND);
    change->row = arena_dup(&work->overlay->arena, row, sizeof(*row));
    work->sends++;
    return OK;
}
