/* A turn that comes back: it was committed, or is tried again, or blocks its run. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

/* ---- turns that come back ---- */

static void try_later(struct slot *slot)
{
    int64_t wait_ms = AGAIN_FIRST_MS;
    for (int i = 0; i < slot->tries && wait_ms < AGAIN_MAX_MS; i++) {
        wait_ms *= 2;
    }
    slot->tries++;
    slot->conflicts = 0;
    slot_ready_in(slot, MIN(wait_ms, AGAIN_MAX_MS));
}

static void waits_added(struct flow_turn *turn)
{
    const struct flow_replay *replay = &turn->replay;
    int64_t first = replay->seq - (int64_t)turn->live.command_count + 1;
    for (size_t i = 0; i < turn->live.command_count && !turn->finished; i++) {
        const struct flow_command *command = &turn->live.commands[i];
        if (command->kind == FLOW_WAIT && replay_pending(replay, first + (int64_t)i) != NULL) {
            events_wait_added(turn->flows, turn->slot->plugin, turn->run.id, first + (int64_t)i,
                              command, turn_after(turn, command));
        }
    }
}

static void turn_committed(struct flow_turn *turn)
{
    struct slot *slot = turn->slot;
    bool again = slot->again || turn->more;
    if (turn->due_ms != 0) {
        timers_added(turn->slot->plugin, turn->due_ms);
    }
    turn->flows->counters.turns++;
    slot->conflicts = slot->tries = 0;
    waits_added(turn);
    slot_back(slot);
    if (again && slot->plugin->runner != NULL) {
        slot_ready(slot);
    } else {
        slot_free(slot);
    }
}

/* ---- blocking ---- */

struct blocking {
    struct unit unit;
    struct flows *flows;
    struct slot *slot;
    struct error error;
};

static enum err block_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct blocking *blocking = CONTAINER_OF(unit, struct blocking, unit);
    return run_block(tx, blocking->slot->run, str_from(blocking->slot->plugin->name),
                     &blocking->error, error);
}

static void block_done(struct unit *unit)
{
    struct blocking *blocking = CONTAINER_OF(unit, struct blocking, unit);
    struct slot *slot = blocking->slot;
    enum err err = unit->err;
    blocking->flows->units_away--;
    unit_deinit(unit);
    mem_free(blocking);
    slot_back(slot);
    if (err == OK) {
        slot_free(slot);
    } else {
        try_later(slot);
    }
}

static void block(struct slot *slot, const struct error *error)
{
    struct flows *flows = slot->plugin->flows;
    struct blocking *blocking = mem_zalloc(sizeof(*blocking));
    char id[ID_TEXT_LEN + 1];
    id_format(slot->run, id);
    log_warn("flow", "a run is blocked run=%s plugin=%s code=%s at=\"%s\" error=\"%s\"", id,
             slot->plugin->name, err_code(error->err), error->pointer, error->detail);
    blocking->flows = flows;
    blocking->slot = slot;
    blocking->error = *error;
    blocking->error.next = NULL;
    blocking->unit = (struct unit){.reply = loop_mailbox(flows->loop),
                                   .apply = block_apply,
                                   .done = block_done,
                                   .scope = flows->scope,
                                   .request = STR("flows")};
    if (store_submit(flows->store, &blocking->unit) == OK) {
        flows->units_away++;
        return;
    }
    mem_free(blocking);
    slot_back(slot);
    try_later(slot);
}

/* ---- the end of a turn ---- */

enum fate { TURN_OVER, TURN_AGAIN, TURN_LATER, TURN_GIVEN_BACK, TURN_BLOCKS };

static enum fate fate_of(const struct slot *slot, enum err err)
{
    switch (err) { // NOLINT(clang-diagnostic-switch-enum): the catalogue is long, this is a choice
    case OK:
        return TURN_OVER;
    case ERR_CONFLICT:
    case ERR_STALE:
    case ERR_UNIQUE:
        return slot->conflicts < FLOW_CONFLICTS_MAX ? TURN_AGAIN : TURN_LATER;
    case ERR_BUSY:
    case ERR_DISK_FULL:
    case ERR_IO:
    case ERR_TIMEOUT:
    case ERR_CANCELLED: /* another task of the plugin was the cause */
        return TURN_LATER;
    case ERR_SUSPENDED:
    case ERR_STOPPING:
        return TURN_GIVEN_BACK;
    default:
        return TURN_BLOCKS;
    }
}

void flow_turn_done(struct flow_turn *turn, enum err err, const struct error *error)
{
    struct slot *slot = turn->slot;
    struct flow_plugin *plugin = slot->plugin;
    struct flows *flows = plugin->flows;
    enum fate fate = fate_of(slot, err);
    struct flow_runner *runner = turn->runner;
    runner->under_way--;
    if (flows->stopping || plugin->runner == NULL) {
        fate = fate == TURN_OVER ? TURN_OVER : TURN_GIVEN_BACK;
    }
    switch (fate) {
    case TURN_OVER:
        turn_committed(turn);
        break;
    case TURN_AGAIN:
        slot_back(slot);
        flows->counters.again++;
        slot->conflicts++;
        slot_ready(slot);
        break;
    case TURN_LATER:
        slot_back(slot);
        try_later(slot);
        break;
    case TURN_GIVEN_BACK:
        slot_back(slot);
        slot_free(slot);
        break;
    case TURN_BLOCKS:
        flows->counters.blocked++;
        block(slot, error);
        break;
    }
    turn_free(turn);
    runner_try_end(runner);
    flows_pump_soon(flows);
}
