/* One turn in its task: the branches are resumed first in, first out, each until it waits; then the
 * next thing that arrived is handed over. So a page always leads to the same commands. Executor,
 * protected: whatever raises here was the host's end. */
#include "flow.h"

#include "proxenos/base_log.h"

/* ---- branches ---- */

struct branch *branch_new(struct flow_exec *exec, lua_State *L, struct join *join, size_t index)
{
    struct branch *branch = ARENA_NEW(flow_turn_arena(exec->turn), struct branch);
    branch->thread = lua_branch_new(L);
    branch->join = join;
    branch->index = index;
    list_node_init(&branch->in_ready);
    list_node_init(&branch->in_waiting);
    (void)flow_anchor(exec, L);
    return branch;
}

/* In the first table of the task's own coroutine. */
int flow_anchor(struct flow_exec *exec, lua_State *L)
{
    int place = (int)lua_rawlen(exec->home, 1) + 1;
    lua_xmove(L, exec->home, 1);
    lua_rawseti(exec->home, 1, place);
    return place;
}

void branch_make_ready(struct flow_exec *exec, struct branch *branch)
{
    list_remove(&branch->in_waiting);
    branch->seq = 0;
    list_push(&exec->ready, &branch->in_ready);
}

static void drop_one(struct flow_exec *exec, struct branch *branch)
{
    list_remove(&branch->in_ready);
    list_remove(&branch->in_waiting);
    if (branch->seq != 0) {
        replay_drop(exec->replay, branch->seq);
        branch->seq = 0;
    }
    branch->over = true;
}

/* Without recursion: the inner joins are gone through depth first by their parents. */
void branch_drop(struct flow_exec *exec, struct branch *branch)
{
    struct branch *top = branch;
    while (branch != NULL) {
        struct join *inner = branch->inner;
        if (inner != NULL && inner->dropped < inner->count) {
            branch = inner->branches[inner->dropped++];
            continue;
        }
        branch->inner = NULL;
        if (!branch->over) {
            drop_one(exec, branch);
        }
        branch = branch == top ? NULL : branch->join->parent;
    }
}

void join_end(struct flow_exec *exec, struct join *join, struct branch *decided)
{
    struct branch *parent = join->parent;
    join->decided = decided;
    for (size_t i = 0; i < join->count; i++) {
        if (!join->branches[i]->over) {
            branch_drop(exec, join->branches[i]);
        }
    }
    replay_drop(exec->replay, parent->seq);
    parent->inner = NULL;
    branch_make_ready(exec, parent);
}

void flow_stop_with(struct flow_exec *exec, enum err err, const struct error *error)
{
    exec->stop = FLOW_STOPPED;
    exec->err = err;
    exec->error = *error;
    exec->error.err = err;
}

static void one_over(struct flow_exec *exec, struct branch *branch, bool failed)
{
    struct join *join = branch->join;
    branch->over = true;
    branch->failed = failed;
    if (join == NULL) {
        return;
    }
    join->left--;
    if (failed || join->any || join->left == 0) {
        join_end(exec, join, branch);
    }
}

/* A yield that was not one of ours: coroutine.yield outside of a coroutine. */
static void stray_yield(struct flow_exec *exec, struct branch *branch)
{
    lua_settop(branch->thread, 0);
    lua_pushliteral(branch->thread, "attempt to yield from outside a coroutine");
    one_over(exec, branch, true);
}

static void run_one(struct flow_exec *exec, lua_State *L, struct branch *branch)
{
    int count = 0;
    int arguments = branch->arguments;
    branch->arguments = 0;
    exec->current = branch;
    int status = lua_branch_resume(L, branch->thread, arguments, &count);
    exec->current = NULL;
    bool waits = branch->seq != 0 || branch->cut || exec->stop != FLOW_GOES_ON;
    if (status != LUA_YIELD) {
        one_over(exec, branch, status != LUA_OK);
    } else if (!waits) {
        stray_yield(exec, branch);
    }
}

static void run_ready(struct flow_exec *exec, lua_State *L)
{
    struct list_node *node = NULL;
    while (exec->stop == FLOW_GOES_ON && (node = list_pop(&exec->ready)) != NULL) {
        run_one(exec, L, CONTAINER_OF(node, struct branch, in_ready));
    }
}

/* ---- what arrives ---- */

static void hand_over(struct flow_exec *exec, int64_t seq, const struct flow_result *result)
{
    list_foreach (node, &exec->waiting) {
        struct branch *branch = CONTAINER_OF(node, struct branch, in_waiting);
        if (branch->seq != seq) {
            continue;
        }
        branch->result = result;
        if (branch->inner != NULL) { /* a cancel: all that is in it ends, too */
            join_end(exec, branch->inner, NULL);
        } else {
            branch_make_ready(exec, branch);
        }
        return;
    }
}

/* Branches that a cut had stopped go first, as they did when the page was written. */
static void ready_the_cut(struct flow_exec *exec)
{
    list_foreach (node, &exec->waiting) {
        struct branch *branch = CONTAINER_OF(node, struct branch, in_waiting);
        if (branch->cut) {
            branch->cut = false;
            branch_make_ready(exec, branch);
        }
    }
}

/* The flow failed and has something to undo: that takes its place, one after the other. What fails
 * in it is told in the log alone, and the next goes on. */
static bool undo_next(struct flow_exec *exec, lua_State *L)
{
    struct error error = {0};
    if (exec->main->failed) {
        (void)lua_error_read(exec->main->thread, -1, &error);
    }
    if (!exec->undoing && (!exec->main->failed || list_empty(&exec->undo))) {
        return false;
    }
    if (!exec->undoing) {
        exec->undoing = true;
        exec->why = error;
    } else if (exec->main->failed && replay_is_live(exec->replay)) {
        log_warn("flow", "a compensation failed plugin=%s %s code=%s at=\"%s\" error=\"%s\"",
                 exec->host->name, exec->request, err_code(error.err), error.pointer, error.detail);
    }
    struct list_node *node = list_pop(&exec->undo);
    if (node == NULL) {
        return false;
    }
    exec->main = branch_new(exec, L, NULL, 0);
    (void)lua_rawgeti(exec->home, 1, CONTAINER_OF(node, struct flow_undo, in_order)->anchor);
    lua_xmove(exec->home, exec->main->thread, 1);
    list_push(&exec->ready, &exec->main->in_ready);
    return true;
}

static enum err take_all(struct flow_exec *exec, lua_State *L, struct error *error)
{
    for (;;) {
        const struct flow_result *result = NULL;
        int64_t seq = 0;
        run_ready(exec, L);
        if (exec->stop == FLOW_GOES_ON && exec->main->over && undo_next(exec, L)) {
            continue;
        }
        if (exec->stop != FLOW_GOES_ON || exec->main->over) {
            return OK;
        }
        enum err err = replay_arrive(exec->replay, &seq, &result, error);
        if (err != OK || seq == 0) {
            return err;
        }
        hand_over(exec, seq, result);
    }
}

/* ---- the flow's end ---- */

static void end_failed(struct flow_exec *exec)
{
    struct error error = {0};
    struct flow_result outcome = {.failed = true};
    struct arena *arena = flow_turn_arena(exec->turn);
    struct value map = value_map_new();
    if (exec->undoing) {
        error = exec->why;
    } else {
        (void)lua_error_read(exec->main->thread, -1, &error);
    }
    value_put_c(arena, &map, "code", value_text(str_from(err_code(error.err))));
    value_put_c(arena, &map, "detail", value_text(arena_str(arena, str_from(error.detail))));
    value_put_c(arena, &map, "at", value_text(arena_str(arena, str_from(error.pointer))));
    enum err err = flow_turn_data(exec->turn, &map, &outcome.data, &error);
    ASSERT(err == OK); /* an error is small */
    flow_turn_finish(exec->turn, &outcome);
}

static void end_done(struct flow_exec *exec)
{
    struct error error = {0};
    struct flow_result outcome = {0};
    struct value value = value_null();
    lua_State *thread = exec->main->thread;
    enum err err = OK;
    if (lua_gettop(thread) > 0) {
        err = lua_to_value(thread, 1, flow_turn_arena(exec->turn), &value, &error);
    }
    if (err == OK) {
        err = flow_turn_data(exec->turn, &value, &outcome.data, &error);
    }
    if (err != OK) {
        error_prefix(&error, "what the flow returned: ");
        lua_settop(thread, 0);
        lua_push_error(thread, &error);
        end_failed(exec);
        return;
    }
    flow_turn_finish(exec->turn, &outcome);
}

static enum err ended_early(const struct flow_exec *exec, struct error *error)
{
    return error_set(error, ERR_DIVERGED,
                     "in turn %lld the code ends, where it went on before; the run waits for its "
                     "own code or a migration",
                     (long long)replay_page(exec->replay)->number);
}

/* ---- the whole ---- */

static enum err begin(struct flow_exec *exec, lua_State *L, struct error *error)
{
    struct value input = value_null();
    const struct flow_run *run = flow_turn_run(exec->turn);
    enum err err = flow_turn_value(exec->turn, exec->reader, &run->input, &input, error);
    if (err == OK && !flow_env_push(L, exec, error)) {
        err = error->err;
    }
    if (err != OK) {
        return err;
    }
    exec->main = branch_new(exec, L, NULL, 0);
    flow_push_object(L);
    lua_push_value(L, &input, true);
    lua_xmove(L, exec->main->thread, 3);
    exec->main->arguments = 2;
    list_push(&exec->ready, &exec->main->in_ready);
    return OK;
}

void flow_exec_look(struct flow_exec *exec, struct bind_host *host, struct flow_turn *turn,
                    int64_t now_ns)
{
    char id[ID_TEXT_LEN + 1];
    id_format(flow_turn_run(turn)->id, id);
    (void)snprintf(exec->request, sizeof(exec->request), "flow:%s", id);
    exec->host = host;
    exec->turn = turn;
    exec->replay = flow_turn_replay(turn);
    exec->started_ns = now_ns;
    list_init(&exec->ready);
    list_init(&exec->waiting);
    list_init(&exec->undo);
}

/* A look at a run that has ended: in its last page the code ends, as it did. */
static bool may_end(const struct flow_exec *exec)
{
    const struct flow_replay *replay = exec->replay;
    return exec->look != NULL && exec->main->over && replay->page + 1 == replay->page_count &&
           flow_state_is_end(flow_turn_run(exec->turn)->state);
}

enum err flow_go_back(struct flow_exec *exec, lua_State *L, struct error *error)
{
    enum err err = begin(exec, L, error);
    while (err == OK && replay_page(exec->replay) != NULL && !replay_is_live(exec->replay)) {
        ready_the_cut(exec);
        err = take_all(exec, L, error);
        if (err == OK && !may_end(exec) && (exec->main->over || exec->stop == FLOW_AGAIN)) {
            return ended_early(exec, error);
        }
        if (err != OK || exec->stop != FLOW_GOES_ON) {
            return err;
        }
        err = replay_turn_over(exec->replay, error);
    }
    return err;
}

static enum err go_on(struct flow_exec *exec, lua_State *L, struct error *error)
{
    if (!flow_turn_live(exec->turn)) {
        exec->idle = true;
        return OK;
    }
    ready_the_cut(exec);
    enum err err = take_all(exec, L, error);
    if (err != OK || exec->stop != FLOW_GOES_ON) {
        return err;
    }
    err = replay_turn_over(exec->replay, error);
    if (err == OK && exec->main->over && (exec->main->failed || exec->undoing)) {
        end_failed(exec);
    } else if (err == OK && exec->main->over) {
        end_done(exec);
    }
    return err;
}

int flow_drive_then(lua_State *L,
                    enum err (*then)(struct flow_exec *exec, lua_State *L, struct error *error))
{
    struct flow_exec *exec = flow_exec_of(L);
    struct error error = {0};
    lua_settop(L, 0);
    lua_newtable(L); /* anchors the branches */
    exec->home = L;
    enum err err = flow_go_back(exec, L, &error);
    if (err == OK && exec->stop == FLOW_GOES_ON) {
        err = then(exec, L, &error);
    }
    if (err != OK) {
        flow_stop_with(exec, err, &error);
    }
    return 0;
}

int flow_drive(lua_State *L)
{
    return flow_drive_then(L, go_on);
}
