/* Runs that are gone through without going on: their pages end, and no live one begins. For outside
 * calls, queries and replays of files. Any thread with a reader. */
#include "internal.h"

#include "proxenos/flow_call.h"

static struct flow_turn *look_new(void)
{
    struct flow_turn *turn = mem_zalloc(sizeof(*turn));
    arena_init(&turn->arena);
    return turn;
}

static void look_begin(struct flow_turn *turn, size_t count)
{
    replay_init(&turn->replay, &turn->arena, turn->pages, count, NULL, run_seed(&turn->run));
    turn->loaded = true;
}

enum err flow_look_open(struct reader *reader, int64_t run, struct flow_turn **out_turn,
                        struct error *error)
{
    size_t count = 0;
    struct flow_turn *turn = look_new();
    enum err err = flow_run_get(reader, run, &turn->arena, &turn->run, error);
    if (err == OK) {
        err = flow_journal_read(reader, &turn->run, &turn->arena, &turn->pages, &count, error);
    }
    if (err != OK) {
        flow_look_free(turn);
        return err;
    }
    look_begin(turn, count);
    *out_turn = turn;
    return OK;
}

struct flow_turn *flow_look_at(const struct flow_run *run, struct flow_page *pages, size_t count)
{
    struct flow_turn *turn = look_new();
    turn->run = *run;
    turn->pages = pages;
    look_begin(turn, count);
    return turn;
}

void flow_look_add(struct flow_turn *turn, struct str hash, struct str bytes)
{
    struct blob *blob = ARENA_NEW(&turn->arena, struct blob);
    *blob = (struct blob){.next = turn->blobs, .hash = hash, .data = bytes};
    turn->blobs = blob;
}

void flow_look_by(struct flow_turn *turn, int64_t bundle)
{
    turn->run.bundle = bundle;
}

void flow_look_free(struct flow_turn *turn)
{
    if (turn != NULL) {
        turn_free(turn);
    }
}
