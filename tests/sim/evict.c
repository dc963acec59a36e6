/* Eviction at every yield: linked in the place of the replay's own question whether the turn is to
 * end here. In a machine that evicts it ends before each command but its first, so that the run is
 * gone through from its beginning for each. */
#include "proxenos/flow_journal.h"
#include "sim.h"

bool __real_replay_is_cut(struct flow_replay *replay);
bool __wrap_replay_is_cut(struct flow_replay *replay);

bool __wrap_replay_is_cut(struct flow_replay *replay)
{
    const struct sim_machine *machine = sim_machine();
    if (machine != NULL && machine->evict && replay_is_live(replay) &&
        replay_page(replay)->command_count > 0) {
        replay_cut(replay);
    }
    return __real_replay_is_cut(replay);
}
