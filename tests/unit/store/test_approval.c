/* Approvals of flows in the store: who may vote, once and for whom, on what content, until when. */
#include "record_fixture.h"

#include "../../../core/store/approval.h"
#include "proxenos/base_json.h"
#include "proxenos/store_approval.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

int test_approval(void);

static const char schema_text[] =
    "{\"objects\":{\"case\":{\"fields\":[{\"1\":\"name\",\"2\":\"text\",\"required\":true}]}},"
    "\"extend\":{\"user\":{\"fields\":["
    "{\"1\":\"roles\",\"2\":\"refs\",\"to\":\"role\",\"on_delete\":\"clear\"}]}}}";

enum { ANNA, BEN, CARL, DORA, PEOPLE };
static const char *const names[PEOPLE] = {"anna", "ben", "carl", "dora"};
static const char *const actors[PEOPLE] = {"user:anna", "user:ben", "user:carl", "user:dora"};

/* What the flow was told last. */
struct told {
    int count;
    int64_t seq;
    bool is_void, cancelled;
    char state[20];
    size_t votes;
};

struct office {
    struct shop shop;
    struct scope *people[PEOPLE]; /* may do all; with the role "legal", but for dora */
    int64_t users[PEOPLE];
    int64_t subject;
    struct told told;
};

static enum err on_settled(void *context, struct tx *tx, const struct approval_outcome *outcome,
                           struct error *error)
{
    (void)tx;
    (void)error;
    struct told *told = context;
    const struct value *votes = value_get_c(&outcome->result, "votes");
    told->count++;
    told->seq = outcome->seq;
    told->is_void = outcome->is_void;
    told->cancelled = outcome->cancelled;
    told->votes = votes->list.count;
    (void)snprintf(told->state, sizeof(told->state), STR_FORMAT,
                   STR_ARGS(value_get_text(&outcome->result, "state", STR(""))));
    return OK;
}

static int open_office(void **state)
{
    struct office *office = mem_zalloc(sizeof(*office));
    struct shop *shop = &office->shop;
    char role[ID_TEXT_LEN + 1];
    shop_open_with(shop, schema_text);
    id_format(shop_create(shop, "role", "{\"name\":\"legal\"}"), role);
    for (int i = 0; i < PEOPLE; i++) {
        const char *json =
            arena_printf(&shop->arena, "{\"name\":\"%s\",\"roles\":[%s%s%s]}", names[i],
                         i == DORA ? "" : "\"", i == DORA ? "" : role, i == DORA ? "" : "\"")
                .at;
        office->users[i] = shop_create(shop, "user", json);
        office->people[i] = shop_person(shop, actors[i], office->users[i], VERB_ALL, ROWS_ALL);
        shop_set_role(office->people[i], i == DORA ? "staff" : "legal");
    }
    office->subject = shop_create(shop, "case", "{\"name\":\"A\"}");
    store_on_approval(shop->store, on_settled, &office->told);
    *state = office;
    return 0;
}

static int close_office(void **state)
{
    struct office *office = *state;
    for (int i = 0; i < PEOPLE; i++) {
        scope_unref(office->people[i]);
    }
    shop_close(&office->shop);
    mem_free(office);
    return 0;
}

/* ---- one unit for each thing that is done ---- */

enum act { ASK, VOTE, CANCEL, TIME, AWAY, WITHDRAW, TAMPER };
struct acting {
    struct unit unit;
    enum act act;
    int64_t id; /* of the approval, the run, the user */
    struct approval_ask ask;
    struct approval_vote vote;
    enum approval_time time;
    struct absence absence;
};

/* What nobody can do from outside. */
static enum err change_title(struct tx *tx, int64_t approval, struct error *error)
{
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), approval);
    approval_put(tx, draft, "title", value_text(STR("May we stop?")));
    struct writing change = {.tx = tx, .draft = draft, .trusted = true};
    return record_apply(&change, NULL, error);
}

static enum err apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct acting *acting = CONTAINER_OF(unit, struct acting, unit);
    struct record *record = NULL;
    switch (acting->act) {
    case ASK:
        return tx_approval_ask(tx, &acting->ask, error);
    case VOTE:
        return tx_decide(tx, acting->id, &acting->vote, NULL, error);
    case CANCEL:
        return tx_approval_cancel(tx, acting->id, 0, error);
    case TIME:
        return tx_approval_time(tx, acting->id, acting->time, error);
    case AWAY:
        return tx_absence(tx, acting->id, &acting->absence, &record, error);
    case WITHDRAW:
        return tx_approval_withdraw(tx, acting->id, STR("not needed"), NULL, error);
    case TAMPER:
        return change_title(tx, acting->id, error);
    }
    return OK;
}

static void done(struct unit *unit)
{
    (void)unit;
}

static enum err run(struct office *office, const struct scope *scope, struct acting *acting)
{
    acting->unit.scope = scope != NULL ? scope : office->shop.system;
    acting->unit.apply = apply;
    acting->unit.done = done;
    enum err err = store_run(office->shop.store, &acting->unit);
    unit_deinit(&acting->unit);
    return err;
}

/* By anna's run 77; `change` may be NULL. */
static int64_t ask(struct office *office, void (*change)(struct office *, struct approval_ask *))
{
    struct acting acting = {.act = ASK,
                            .ask = {.id = ids_next(store_ids(office->shop.store)),
                                    .run = 77,
                                    .seq = 3,
                                    .plugin = STR("one"),
                                    .flow = STR("f"),
                                    .record = office->subject,
                                    .role = STR("legal"),
                                    .quorum = 1,
                                    .rejections = 1,
                                    .requested_by = STR("user:anna")}};
    if (change != NULL) {
        change(office, &acting.ask);
    }
    assert_int_equal(run(office, NULL, &acting), OK);
    return acting.ask.id;
}

static enum err vote_for(struct office *office, int who, int64_t approval, bool approve,
                         int64_t principal)
{
    struct acting acting = {
        .act = VOTE, .id = approval, .vote = {.approve = approve, .on_behalf_of = principal}};
    return run(office, office->people[who], &acting);
}

static enum err vote(struct office *office, int who, int64_t approval, bool approve)
{
    return vote_for(office, who, approval, approve, 0);
}

static enum err go_away(struct office *office, int who, int deputy, int64_t for_ms)
{
    struct acting acting = {.act = AWAY, .id = office->users[who]};
    acting.absence = (struct absence){.from_ms = office->shop.env.ms,
                                      .until_ms = office->shop.env.ms + for_ms,
                                      .deputy = office->users[deputy]};
    return run(office, NULL, &acting);
}

#define assert_state(office, approval, word)                                                       \
    assert_string_equal(shop_field(&(office)->shop, "approval", (approval), "state"),              \
                        "\"" word "\"")

/* ---- votes ---- */

static void two_needed(struct office *office, struct approval_ask *ask)
{
    (void)office;
    ask->quorum = 2;
    ask->rejections = 2;
}

static void test_a_quorum_of_distinct_people(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, two_needed);
    assert_int_equal(vote(office, ANNA, approval, true), ERR_SAME_PERSON);
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    assert_int_equal(vote(office, BEN, approval, true), OK);
    assert_state(office, approval, "pending");
    assert_int_equal(vote(office, BEN, approval, true), ERR_CONFLICT);
    assert_int_equal(vote(office, BEN, approval, false), ERR_CONFLICT);
    assert_int_equal(office->told.count, 0);
    assert_int_equal(vote(office, CARL, approval, true), OK);
    assert_state(office, approval, "approved");
    assert_int_equal(office->told.count, 1);
    assert_int_equal(office->told.seq, 3);
    assert_string_equal(office->told.state, "approved");
    assert_int_equal(office->told.votes, 2);
    assert_int_equal(vote(office, CARL, approval, true), ERR_CONFLICT);
    assert_int_equal(office->told.count, 1);
}

static void test_rejections_as_many_as_asked(void **state)
{
    struct office *office = *state;
    int64_t one = ask(office, NULL);
    assert_int_equal(vote(office, BEN, one, false), OK);
    assert_state(office, one, "rejected");
    int64_t two = ask(office, two_needed);
    assert_int_equal(vote(office, BEN, two, false), OK);
    assert_state(office, two, "pending");
    assert_int_equal(vote(office, CARL, two, false), OK);
    assert_state(office, two, "rejected");
    assert_int_equal(office->told.count, 2);
}

struct entries {
    int voted;
    char payload[600];
};

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct entries *entries = context;
    entries->voted++;
    assert_true(str_is(entry->actor, "user:ben"));
    (void)snprintf(entries->payload, sizeof(entries->payload), STR_FORMAT,
                   STR_ARGS(entry->payload));
    return OK;
}

static void test_each_vote_is_an_entry_with_the_content(void **state)
{
    struct office *office = *state;
    struct reader *reader = NULL;
    struct error error = {0};
    struct entries entries = {0};
    int64_t last = 0;
    int64_t approval = ask(office, two_needed);
    assert_int_equal(vote(office, BEN, approval, true), OK);
    assert_int_equal(reader_open(office->shop.store, 0, &reader, &error), OK);
    struct log_query query = {.pattern = STR("approval.voted")};
    assert_int_equal(
        reader_log(reader, office->shop.system, &query, on_entry, &entries, &last, &error), OK);
    reader_close(reader);
    assert_int_equal(entries.voted, 1);
    const char *hash = shop_field(&office->shop, "approval", approval, "content_hash");
    assert_int_equal(strlen(hash), 66);
    assert_non_null(strstr(entries.payload, hash));
    assert_non_null(strstr(entries.payload, "\"vote\":\"approve\""));
}

static void exclude_ben(struct office *office, struct approval_ask *ask)
{
    char id[ID_TEXT_LEN + 1];
    struct value *list = ARENA_NEW(&office->shop.arena, struct value);
    id_format(office->users[BEN], id);
    *list = value_list_new();
    value_push(&office->shop.arena, list, value_text(arena_str(&office->shop.arena, str_from(id))));
    ask->exclude = list;
}

static void test_who_is_excluded_never_votes(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, exclude_ben);
    assert_int_equal(vote(office, BEN, approval, true), ERR_FORBIDDEN);
    assert_int_equal(vote(office, BEN, approval, false), ERR_FORBIDDEN);
    assert_int_equal(go_away(office, BEN, DORA, 1000), OK);
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    assert_int_equal(go_away(office, CARL, BEN, 1000), OK);
    assert_int_equal(vote_for(office, BEN, approval, true, office->users[CARL]), ERR_FORBIDDEN);
    assert_int_equal(vote(office, CARL, approval, true), OK);
}

static void test_the_same_user_by_another_name(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, two_needed);
    struct scope *token =
        shop_person(&office->shop, "token:ben-2", office->users[BEN], VERB_ALL, ROWS_ALL);
    shop_set_role(token, "legal");
    assert_int_equal(vote(office, BEN, approval, true), OK);
    struct acting again = {.act = VOTE, .id = approval, .vote = {.approve = true}};
    assert_int_equal(run(office, token, &again), ERR_CONFLICT);
    scope_unref(token);
}

static void test_what_was_looked_at(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, NULL);
    struct acting other = {
        .act = VOTE, .id = approval, .vote = {.approve = true, .hash = STR("abc")}};
    assert_int_equal(run(office, office->people[BEN], &other), ERR_STALE);
    struct acting old = {.act = VOTE, .id = approval, .vote = {.approve = true, .version = 9}};
    assert_int_equal(run(office, office->people[BEN], &old), ERR_STALE);
    struct acting good = {.act = VOTE, .id = approval, .vote = {.approve = true, .version = 1}};
    assert_int_equal(run(office, office->people[BEN], &good), OK);
}

/* ---- the record ---- */

static void test_any_change_voids(void **state)
{
    struct office *office = *state;
    struct error error = {0};
    int64_t approval = ask(office, two_needed);
    assert_int_equal(vote(office, BEN, approval, true), OK);
    assert_int_equal(
        shop_update(&office->shop, NULL, "case", office->subject, "{\"name\":\"A\"}", &error), OK);
    assert_state(office, approval, "pending"); /* nothing changed */
    assert_int_equal(
        shop_update(&office->shop, NULL, "case", office->subject, "{\"name\":\"B\"}", &error), OK);
    assert_state(office, approval, "void");
    assert_true(office->told.is_void);
    assert_int_equal(vote(office, CARL, approval, true), ERR_VOID);
    int64_t next = ask(office, NULL);
    assert_int_equal(shop_delete(&office->shop, NULL, "case", office->subject, &error), OK);
    assert_state(office, next, "void");
    assert_int_equal(office->told.count, 2);
}

static void test_found_again_after_a_restart(void **state)
{
    struct office *office = *state;
    struct error error = {0};
    int64_t approval = ask(office, NULL);
    shop_reopen(&office->shop);
    assert_int_equal(
        shop_update(&office->shop, NULL, "case", office->subject, "{\"name\":\"B\"}", &error), OK);
    assert_state(office, approval, "void");
}

static void test_only_records_that_may_be_read(void **state)
{
    struct office *office = *state;
    struct acting acting = {.act = ASK,
                            .ask = {.id = ids_next(store_ids(office->shop.store)),
                                    .run = 77,
                                    .record = office->subject,
                                    .role = STR("legal"),
                                    .requested_by = STR("plugin:one")}};
    struct scope *blind = shop_person(&office->shop, "plugin:one", 0, VERB_READ, ROWS_ALL);
    ((struct scope_grant *)(uintptr_t)blind->grants)[shop_type(&office->shop, "case")->index]
        .verbs = 0;
    assert_int_equal(run(office, blind, &acting), ERR_NOT_FOUND);
    scope_unref(blind);
    acting.ask.record = 12345;
    assert_int_equal(run(office, NULL, &acting), ERR_NOT_FOUND);
    acting.ask.record = office->subject;
    acting.ask.object = STR("user");
    assert_int_equal(run(office, NULL, &acting), ERR_NOT_FOUND);
}

static void test_who_sees_the_record_sees_the_approval(void **state)
{
    struct office *office = *state;
    struct scope *own =
        shop_person(&office->shop, "user:ben", office->users[BEN], VERB_ALL, ROWS_ALL);
    struct scope_grant *grants = (struct scope_grant *)(uintptr_t)own->grants;
    int index = shop_type(&office->shop, "case")->index;
    shop_set_role(own, "legal");
    int64_t approval = ask(office, NULL);
    assert_string_not_equal(shop_json(&office->shop, own, "approval", approval), "");
    grants[index].read_rows = ROWS_OWN;
    assert_string_equal(shop_json(&office->shop, own, "approval", approval), "");
    struct acting acting = {.act = VOTE, .id = approval, .vote = {.approve = true}};
    assert_int_equal(run(office, own, &acting), ERR_NOT_FOUND);
    char id[ID_TEXT_LEN + 1];
    id_format(office->users[BEN], id);
    struct error error = {0};
    const char *json = arena_printf(&office->shop.arena, "{\"owner\":\"%s\"}", id).at;
    assert_int_equal(shop_update(&office->shop, NULL, "case", office->subject, json, &error), OK);
    int64_t mine = ask(office, NULL);
    assert_string_not_equal(shop_json(&office->shop, own, "approval", mine), "");
    grants[index].verbs = 0;
    assert_string_equal(shop_json(&office->shop, own, "approval", mine), "");
    scope_unref(own);
}

static void about_nothing(struct office *office, struct approval_ask *ask)
{
    static struct value title, data;
    (void)office;
    title = value_text(STR("May we go on?"));
    data = value_int(5);
    ask->record = 0;
    ask->title = &title;
    ask->data = &data;
}

static void test_about_no_record(void **state)
{
    struct office *office = *state;
    struct shop *shop = &office->shop;
    struct error error = {0};
    char id[ID_TEXT_LEN + 3];
    int64_t approval = ask(office, about_nothing);
    id_format(approval, id);
    assert_string_equal(shop_field(shop, "approval", approval, "object"), "\"approval\"");
    assert_non_null(strstr(shop_field(shop, "approval", approval, "record"), id));
    /* Its own rights are asked: to see it, and to decide on it. */
    struct scope *ben = shop_person(shop, "user:ben", office->users[BEN], VERB_ALL, ROWS_ALL);
    struct scope_grant *grants = (struct scope_grant *)(uintptr_t)ben->grants;
    int index = shop_type(shop, "approval")->index;
    struct acting acting = {.act = VOTE, .id = approval, .vote = {.approve = true}};
    shop_set_role(ben, "legal");
    grants[index].verbs = VERB_READ;
    assert_int_equal(run(office, ben, &acting), ERR_FORBIDDEN);
    grants[index].read_rows = ROWS_OWN;
    assert_int_equal(run(office, ben, &acting), ERR_NOT_FOUND);
    assert_string_equal(shop_json(shop, ben, "approval", approval), "");
    scope_unref(ben);
    /* No record's change voids it, and the maker does not decide. */
    assert_int_equal(shop_update(shop, NULL, "case", office->subject, "{\"name\":\"B\"}", &error),
                     OK);
    assert_int_equal(vote(office, ANNA, approval, true), ERR_SAME_PERSON);
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    assert_int_equal(vote(office, BEN, approval, true), OK);
    assert_state(office, approval, "approved");
    assert_string_equal(office->told.state, "approved");
}

/* The hash is of title and data: another question has another one. */
static void test_hash_of_what_is_asked(void **state)
{
    struct office *office = *state;
    struct shop *shop = &office->shop;
    struct acting acting = {.act = VOTE, .vote = {.approve = true}};
    int64_t one = ask(office, about_nothing);
    int64_t other = ask(office, about_nothing);
    const char *hash = shop_field(shop, "approval", one, "content_hash");
    assert_string_equal(hash, shop_field(shop, "approval", other, "content_hash"));
    acting.id = other;
    acting.vote.hash = str_sub(str_from(hash), 1, strlen(hash) - 2);
    assert_int_equal(run(office, office->people[BEN], &acting), OK);
    int64_t about_a_case = ask(office, NULL);
    assert_string_not_equal(hash, shop_field(shop, "approval", about_a_case, "content_hash"));
    acting.id = about_a_case;
    assert_int_equal(run(office, office->people[BEN], &acting), ERR_STALE);
    /* What lies there is held against the hash once more when a vote is given. */
    acting = (struct acting){.act = TAMPER, .id = one};
    assert_int_equal(run(office, NULL, &acting), OK);
    assert_int_equal(vote(office, BEN, one, true), ERR_VOID);
    assert_state(office, one, "pending");
}

static void test_nobody_writes_them_by_hand(void **state)
{
    struct office *office = *state;
    struct error error = {0};
    int64_t approval = ask(office, NULL);
    struct scope *ben = office->people[BEN];
    assert_int_not_equal(
        shop_update(&office->shop, ben, "approval", approval, "{\"state\":\"approved\"}", &error),
        OK);
    assert_int_not_equal(
        shop_update(&office->shop, NULL, "approval", approval, "{\"external_id\":\"x\"}", &error),
        OK);
    assert_int_equal(shop_delete(&office->shop, NULL, "approval", approval, &error), ERR_READONLY);
    struct change archive = {
        .kind = DRAFT_UPDATE, .type = "approval", .id = approval, .archive = true};
    assert_int_equal(shop_write(&office->shop, &archive, NULL, &error), ERR_READONLY);
    assert_state(office, approval, "pending");
}

/* ---- deputies ---- */

static void test_a_deputy_counts_as_one_person(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, two_needed);
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    assert_int_equal(go_away(office, BEN, DORA, 1000), OK);
    assert_int_equal(vote_for(office, DORA, approval, true, office->users[CARL]), ERR_FORBIDDEN);
    assert_int_equal(vote(office, DORA, approval, true), OK);
    assert_int_equal(vote(office, BEN, approval, true), ERR_CONFLICT);
    assert_int_equal(go_away(office, CARL, DORA, 1000), OK);
    assert_int_equal(vote_for(office, DORA, approval, true, office->users[CARL]), ERR_CONFLICT);
    assert_int_equal(vote(office, CARL, approval, true), OK);
    assert_state(office, approval, "approved");
}

static void test_no_deputy_for_who_cannot_vote(void **state)
{
    struct office *office = *state;
    /* anna asked: neither she, nor another for her. */
    assert_int_equal(go_away(office, ANNA, DORA, 1000), OK);
    assert_int_equal(vote(office, DORA, ask(office, NULL), true), ERR_FORBIDDEN);
    /* As a deputy she is still who asked. */
    assert_int_equal(go_away(office, BEN, ANNA, 1000), OK);
    assert_int_equal(vote_for(office, ANNA, ask(office, NULL), true, office->users[BEN]),
                     ERR_SAME_PERSON);
    /* One who has voted himself is not a second person as a deputy. */
    int64_t two = ask(office, two_needed);
    assert_int_equal(go_away(office, BEN, CARL, 1000), OK);
    assert_int_equal(vote(office, CARL, two, true), OK);
    assert_int_equal(vote_for(office, CARL, two, true, office->users[BEN]), ERR_CONFLICT);
    assert_state(office, two, "pending");
}

static void test_only_while_he_is_away(void **state)
{
    struct office *office = *state;
    struct error error = {0};
    int64_t approval = ask(office, NULL);
    assert_int_equal(go_away(office, BEN, BEN, 1000), ERR_INVALID);
    assert_int_equal(go_away(office, BEN, DORA, 1000), OK);
    office->shop.env.ms += 1000;
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    assert_int_equal(go_away(office, BEN, DORA, 1000), OK);
    assert_int_equal(shop_update(&office->shop, NULL, "user", office->users[BEN],
                                 "{\"state\":\"disabled\"}", &error),
                     OK);
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    assert_int_equal(go_away(office, CARL, BEN, 1000), ERR_REFERENCE);
    assert_int_equal(go_away(office, CARL, DORA, 1000), OK);
    assert_int_equal(vote(office, DORA, approval, true), OK);
}

/* ---- time, and who takes it back ---- */

static void with_times(struct office *office, struct approval_ask *ask)
{
    ask->due_ms = office->shop.env.ms + 1000;
    ask->expires_ms = office->shop.env.ms + 5000;
    ask->escalate = STR("staff");
}

static void test_another_role_after_due(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, with_times);
    assert_int_equal(vote(office, DORA, approval, true), ERR_FORBIDDEN);
    office->shop.env.ms += 1000; /* no timer has come yet: the clock alone counts */
    assert_int_equal(vote(office, BEN, approval, true), ERR_FORBIDDEN);
    struct acting due = {.act = TIME, .id = approval, .time = APPROVAL_DUE};
    assert_int_equal(run(office, NULL, &due), OK);
    assert_string_not_equal(shop_field(&office->shop, "approval", approval, "escalated_at"),
                            "null");
    assert_int_equal(vote(office, DORA, approval, true), OK);
    assert_state(office, approval, "approved");
    assert_int_equal(run(office, NULL, &due), OK); /* late: it is decided */
}

static void test_too_late(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, with_times);
    office->shop.env.ms += 5000;
    assert_int_equal(vote(office, DORA, approval, true), ERR_GONE);
    struct acting end = {.act = TIME, .id = approval, .time = APPROVAL_EXPIRE};
    assert_int_equal(run(office, NULL, &end), OK);
    assert_state(office, approval, "expired");
    assert_string_equal(office->told.state, "expired");
    assert_int_equal(run(office, NULL, &end), OK);
    assert_int_equal(office->told.count, 1);
}

static void test_withdrawn_and_cancelled(void **state)
{
    struct office *office = *state;
    int64_t approval = ask(office, NULL);
    struct acting back = {.act = WITHDRAW, .id = approval};
    assert_int_equal(run(office, office->people[BEN], &back), ERR_FORBIDDEN);
    assert_int_equal(run(office, office->people[ANNA], &back), OK);
    assert_state(office, approval, "withdrawn");
    assert_int_equal(run(office, office->people[ANNA], &back), ERR_CONFLICT);
    int64_t other = ask(office, NULL);
    struct acting cancel = {.act = CANCEL, .id = 77};
    assert_int_equal(run(office, NULL, &cancel), OK);
    assert_state(office, other, "cancelled");
    assert_true(office->told.cancelled);
    assert_int_equal(vote(office, BEN, other, true), ERR_CONFLICT);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_office, close_office)

int test_approval(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_quorum_of_distinct_people),
        CASE(test_rejections_as_many_as_asked),
        CASE(test_each_vote_is_an_entry_with_the_content),
        CASE(test_who_is_excluded_never_votes),
        CASE(test_the_same_user_by_another_name),
        CASE(test_what_was_looked_at),
        CASE(test_any_change_voids),
        CASE(test_found_again_after_a_restart),
        CASE(test_only_records_that_may_be_read),
        CASE(test_who_sees_the_record_sees_the_approval),
        CASE(test_about_no_record),
        CASE(test_hash_of_what_is_asked),
        CASE(test_nobody_writes_them_by_hand),
        CASE(test_a_deputy_counts_as_one_person),
        CASE(test_no_deputy_for_who_cannot_vote),
        CASE(test_only_while_he_is_away),
        CASE(test_another_role_after_due),
        CASE(test_too_late),
        CASE(test_withdrawn_and_cancelled),
    };
    return cmocka_run_group_tests_name("approval", tests, NULL, NULL);
}
