/* Approvals in a world without faults: each ballot ends as it must; and each rule, once it is
 * broken on purpose, is found by the checkers that the worlds with faults rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "people.h"
#include "program.h"

int test_approvals(void);

static const int64_t start_ms = INT64_C(1800000000000);
static const int64_t long_ms = INT64_C(90) * 86400000;

struct meeting {
    struct sim_machine *machine;
    const char *main;
    int started;
    int approved, rejected, expired, voided;
};

/* ---- a life: one run asks for everything, one after the other ---- */

static int64_t run_id(void)
{
    static const int64_t epoch_ms = INT64_C(1577836800000), day_ms = 86400000;
    return (start_ms - epoch_ms - day_ms) << 22 | 1;
}

static void count(struct world *world, struct meeting *meeting)
{
    struct arena arena;
    arena_init(&arena);
    const struct approvals_seen *seen = approvals_check(world, &arena);
    meeting->approved = approvals_ended(seen, "approved");
    meeting->rejected = approvals_ended(seen, "rejected");
    meeting->expired = approvals_ended(seen, "expired");
    meeting->voided = approvals_ended(seen, "void");
    arena_deinit(&arena);
}

static void live(void *context)
{
    struct meeting *meeting = context;
    struct sim_machine *machine = meeting->machine;
    struct world *world = world_open(machine, meeting->main);
    struct act start = {.kind = ACT_START,
                        .run = run_id(),
                        .flow = "all",
                        .name = "all",
                        .state = &meeting->started};
    world_act(world, &start);
    world_settle(world);
    while (world_living(world) > 0 && machine->wall_ms < start_ms + long_ms) {
        int64_t next_ms = people_act(world);
        world_settle(world);
        next_ms = MIN(MAX(next_ms, machine->wall_ms + 1), start_ms + long_ms);
        (void)world_advance(world, next_ms);
    }
    world_check(world);
    if (world_living(world) > 0) {
        life_broken("a run had not ended after %lld days", (long long)(long_ms / 86400000));
    }
    count(world, meeting);
    life_end();
}

static struct buf main_text(void)
{
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, str_from(program_head));
    buf_append_str(&text, STR("px.flow('all', function(flow, input)\n  local out = {}\n"));
    for (size_t i = 0; i < ballot_count; i++) {
        program_ask(&text, &ballots[i], (int)i, 1);
    }
    buf_append_str(&text, STR("  return out\nend)\n"));
    (void)buf_cstr(&text);
    return text;
}

/* How it ended; why it is broken. */
static enum sim_end meet(enum sim_mutation mutation, struct meeting *out_meeting, char why[600])
{
    struct meeting *meeting = sim_shared(sizeof(*meeting));
    struct buf main = main_text();
    meeting->machine = machine_new(11, start_ms);
    meeting->machine->mutation = mutation;
    meeting->main = main.at;
    enum sim_end end = machine_live(meeting->machine, live, meeting);
    (void)snprintf(why, 600, "%s", meeting->machine->broken);
    machine_free(meeting->machine);
    *out_meeting = *meeting;
    sim_unshare(meeting, sizeof(*meeting));
    buf_deinit(&main);
    return end;
}

/* ---- tests ---- */

static void each_ends_as_it_must(void **state)
{
    struct meeting meeting;
    char why[600];
    (void)state;
    enum sim_end end = meet(MUTATION_NONE, &meeting, why);
    if (end != SIM_ENDED) {
        print_error("%s\n", why);
    }
    assert_int_equal(end, SIM_ENDED);
    assert_int_equal(meeting.approved, 6);
    assert_int_equal(meeting.rejected, 1);
    assert_int_equal(meeting.expired, 1);
    assert_int_equal(meeting.voided, 1);
}

static void a_broken_rule_is_found(void **state)
{
    static const char *const found[MUTATION_COUNT] = {
        [MUTATION_MAKER] = "its maker has voted",
        [MUTATION_ROLE] = "a vote counts without the role",
        [MUTATION_EXCLUDED] = "who is excluded has voted",
        [MUTATION_TWICE] = "somebody has voted twice",
        [MUTATION_AGAIN] = "came when it had ended",
        [MUTATION_HASH] = "a vote is on another content",
        [MUTATION_CONTENT] = "its record changed between the question and the answer",
        [MUTATION_QUORUM] = "which its quorum does not say",
        [MUTATION_SILENT] = "votes are noted and 0 told",
        [MUTATION_ANSWER] = "it was told another end than its approval had",
        [MUTATION_EARLY] = "it expired early",
        [MUTATION_LOST] = "a run had not ended",
    };
    (void)state;
    for (int i = MUTATION_NONE + 1; i < MUTATION_COUNT; i++) {
        struct meeting meeting;
        char why[600];
        enum sim_end end = meet((enum sim_mutation)i, &meeting, why);
        bool seen = end == SIM_BROKEN && strstr(why, found[i]) != NULL;
        if (!seen) {
            print_error("broken rule %d: end %d, \"%s\", not \"%s\"\n", i, (int)end, why, found[i]);
        }
        assert_true(seen);
    }
}

int test_approvals(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ends_as_it_must),
        cmocka_unit_test(a_broken_rule_is_found),
    };
    return cmocka_run_group_tests_name("approvals", tests, NULL, NULL);
}
