/* Who they are, and how they vote. See people.h. */
#include "people.h"

#include "proxenos/base_json.h"
#include "proxenos/base_time.h"
#include "proxenos/store_approval.h"

enum { HOUR_MS = 3600000, LOOK_LIMIT = 1000 };

/* Anna, Ben, Carl and Dora decide; Dora is away and Finn is her deputy; Gina is whom it escalates
 * to; Hugo has no say. */
static const struct {
    const char *name, *role;
} persons[PERSON_COUNT] = {
    [EVA] = {"eva", "staff"},   [ANNA] = {"anna", "legal"}, [BEN] = {"ben", "legal"},
    [CARL] = {"carl", "legal"}, [DORA] = {"dora", "legal"}, [FINN] = {"finn", "staff"},
    [GINA] = {"gina", "head"},  [HUGO] = {"hugo", "staff"},
};
static const char *const roles[] = {"staff", "legal", "head"};

const struct ballot ballots[] = {
    {.word = "one", .options = "", .votes = {{ANNA, true}}, .vote_count = 1},
    {.word = "two",
     .options = "quorum = 2",
     .votes = {{ANNA, true}, {BEN, true}},
     .vote_count = 2,
     .subject = true},
    {.word = "split",
     .options = "quorum = 2, rejections = 2",
     .votes = {{ANNA, true}, {BEN, false}, {CARL, true}},
     .vote_count = 3},
    {.word = "no", .options = "quorum = 2", .votes = {{BEN, false}}, .vote_count = 1},
    {.word = "deputy",
     .options = "quorum = 2",
     .votes = {{FINN, true}, {CARL, true}},
     .vote_count = 2,
     .subject = true},
    {.word = "excluded", .options = "", .votes = {{CARL, true}}, .vote_count = 1, .excludes = true},
    {.word = "late",
     .options = "due = '1d', escalate = 'head'",
     .votes = {{GINA, true}},
     .vote_count = 1,
     .late = true},
    {.word = "expires", .options = "expire = '2d', remind = '1d'"},
    {.word = "changed",
     .options = "quorum = 2",
     .votes = {{ANNA, true}, {BEN, true}},
     .vote_count = 2,
     .subject = true,
     .changes = true},
};
const size_t ballot_count = COUNT_OF(ballots);

/* ---- who they are ---- */

/* Of two days before, so that no id that is minted meanwhile is one of these. */
static int64_t fixed_id(int index)
{
    static const int64_t epoch_ms = INT64_C(1577836800000), start_ms = INT64_C(1800000000000);
    return (start_ms - epoch_ms - INT64_C(48) * HOUR_MS) << 22 | (index + 1);
}

const char *person_name(enum person person)
{
    return persons[person].name;
}

int64_t person_id(enum person person)
{
    return fixed_id((int)person);
}

enum person person_of(int64_t id)
{
    int64_t index = id - fixed_id(0);
    return index >= 0 && index < PERSON_COUNT ? (enum person)index : PERSON_COUNT;
}

bool person_has_role(enum person person, struct str role)
{
    return str_is(role, persons[person].role);
}

static int64_t role_id(const char *role)
{
    int index = 0;
    while (strcmp(roles[index], role) != 0) {
        index++;
    }
    return fixed_id(PERSON_COUNT + index);
}

/* ---- their records: one unit ---- */

struct making {
    struct unit unit;
    struct world *world;
};

static enum err make(struct making *making, struct tx *tx, const char *object, int64_t id,
                     struct str json, struct error *error)
{
    struct value map;
    struct draft *draft = NULL;
    struct tx_result result;
    struct arena *arena = tx_arena(tx);
    const struct scope *scope = making->unit.scope;
    enum err err = json_decode(arena, json, &map, error);
    if (err == OK) {
        err = draft_make(making->world->store, scope, DRAFT_CREATE,
                         schema_object(scope->schema, str_from(object)), id, &map, arena, &draft,
                         error);
    }
    return err == OK ? tx_import(tx, draft, &result, error) : err;
}

static enum err make_all(struct unit *unit, struct tx *tx, struct error *error)
{
    struct making *making = CONTAINER_OF(unit, struct making, unit);
    const struct absence away = {.from_ms = INT64_C(1577836800000),  /* 2020 */
                                 .until_ms = INT64_C(3786912000000), /* 2090 */
                                 .deputy = person_id(FINN)};
    struct record *dora = NULL;
    char role[ID_TEXT_LEN + 1];
    enum err err = OK;
    for (size_t i = 0; i < COUNT_OF(roles) && err == OK; i++) {
        err = make(making, tx, "role", role_id(roles[i]),
                   arena_printf(tx_arena(tx),
                                "{\"name\":\"%s\",\"grants\":{\"note\":{\"verbs\":[\"read\","
                                "\"approve\"]},\"approval\":{\"verbs\":[\"read\",\"approve\"]}}}",
                                roles[i]),
                   error);
    }
    for (int i = 0; i < PERSON_COUNT && err == OK; i++) {
        id_format(role_id(persons[i].role), role);
        err = make(making, tx, "user", person_id((enum person)i),
                   arena_printf(tx_arena(tx), "{\"name\":\"%s\",\"roles\":[\"%s\"]}",
                                persons[i].name, role),
                   error);
    }
    return err == OK ? tx_absence(tx, person_id(DORA), &away, &dora, error) : err;
}

enum err people_open(struct world *world, struct error *error)
{
    struct making making = {.world = world, .unit = {.apply = make_all, .request = STR("people")}};
    making.unit.scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    enum err err = store_run(world->store, &making.unit);
    *error = making.unit.error;
    error->next = NULL;
    scope_unref(making.unit.scope);
    unit_deinit(&making.unit);
    return err == ERR_UNIQUE || err == ERR_CONFLICT ? OK : err; /* they were made before */
}

/* ---- what one of them does: a unit ---- */

struct doing {
    struct unit unit;
    struct world *world;
    int64_t approval, note; /* note: it is changed */
    int64_t number;
    bool never; /* whatever else happened: it must be refused */
    enum person person;
    struct approval_vote vote;
    char hash[2 * 32 + 1];
};

static enum err change_note(struct doing *doing, struct tx *tx, struct error *error)
{
    struct value map = value_map_new();
    struct draft *draft = NULL;
    struct tx_result result;
    const struct scope *scope = doing->unit.scope;
    value_put_c(tx_arena(tx), &map, "number", value_int(doing->number));
    enum err err = draft_make(doing->world->store, scope, DRAFT_UPDATE,
                              schema_object(scope->schema, STR("note")), doing->note, &map,
                              tx_arena(tx), &draft, error);
    return err == OK ? tx_write(tx, draft, &result, error) : err;
}

static enum err do_it(struct unit *unit, struct tx *tx, struct error *error)
{
    struct doing *doing = CONTAINER_OF(unit, struct doing, unit);
    return doing->note != 0 ? change_note(doing, tx, error)
                            : tx_decide(tx, doing->approval, &doing->vote, NULL, error);
}

static void done(struct unit *unit)
{
    struct doing *doing = CONTAINER_OF(unit, struct doing, unit);
    if (unit->err == OK && doing->never && doing->world->machine->mutation == MUTATION_NONE) {
        life_broken("a vote of %s was taken that must be refused", person_name(doing->person));
    }
    doing->world->acts_away--;
    scope_unref(unit->scope);
    unit_deinit(unit);
    mem_free(doing);
}

static void submit(struct world *world, struct doing *doing)
{
    doing->world = world;
    doing->unit.reply = loop_mailbox(world->loop);
    doing->unit.apply = do_it;
    doing->unit.done = done;
    doing->unit.request = STR("people");
    if (doing->vote.hash.len > 0) {
        doing->vote.hash = str_from(doing->hash);
    }
    if (store_submit(world->store, &doing->unit) == OK) {
        world->acts_away++;
        return;
    }
    scope_unref(doing->unit.scope); /* full: the next look does it */
    mem_free(doing);
}

static struct doing *as_person(struct world *world, enum person person, int64_t approval)
{
    struct doing *doing = mem_zalloc(sizeof(*doing));
    struct error error = {0};
    doing->approval = approval;
    doing->person = person;
    if (auth_user_scope(world->auth, person_id(person), STR("sim"), &doing->unit.scope, &error) !=
        OK) {
        life_broken("%s: %s", person_name(person), error.detail);
    }
    return doing;
}

static void vote(struct world *world, enum person person, int64_t approval, bool approve)
{
    struct doing *doing = as_person(world, person, approval);
    doing->vote = (struct approval_vote){.approve = approve, .comment = STR("")};
    submit(world, doing);
}

static void try_in_vain(struct world *world, enum person person, int64_t approval, const char *hash)
{
    struct doing *doing = as_person(world, person, approval);
    doing->never = true;
    doing->vote = (struct approval_vote){.approve = true, .comment = STR("")};
    if (hash != NULL) {
        (void)snprintf(doing->hash, sizeof(doing->hash), "%s", hash);
        doing->vote.hash = str_from(hash);
    }
    submit(world, doing);
}

static void change(struct world *world, int64_t note, int64_t number)
{
    struct doing *doing = mem_zalloc(sizeof(*doing));
    doing->note = note;
    doing->number = number;
    doing->unit.scope = store_system_scope(world->store, SYSTEM_MIGRATION);
    submit(world, doing);
}

/* ---- one approval that waits ---- */

struct looking {
    struct world *world;
    int64_t next_ms;
    bool acted;
};

static int64_t number_of(const struct record *approval, const char *field)
{
    const struct value *value = record_value(approval, str_from(field));
    return value != NULL && (value->kind == VALUE_TIME || value->kind == VALUE_INT) ? value->integer
                                                                                    : 0;
}

static const struct ballot *ballot_of(const struct record *approval)
{
    const struct value *title = record_value(approval, STR("title"));
    for (size_t i = 0; title != NULL && i < ballot_count; i++) {
        if (title->kind == VALUE_TEXT && str_is(title->text, ballots[i].word)) {
            return &ballots[i];
        }
    }
    return NULL;
}

/* Each takes its own time. */
static int64_t pause_of(const struct record *approval)
{
    const struct value *data = record_value(approval, STR("data"));
    uint64_t hash = 5381;
    for (size_t i = 0; data != NULL && data->kind == VALUE_TEXT && i < data->text.len; i++) {
        hash = hash * 33 + (unsigned char)data->text.at[i];
    }
    return HOUR_MS / 4 + (int64_t)(hash % (4 * HOUR_MS));
}

/* Before each vote all of these try; all but those who have voted must never be let in. */
static void try_all(struct world *world, const struct record *approval, const struct ballot *ballot,
                    int taken)
{
    try_in_vain(world, PERSON_MAKER, approval->id, NULL);
    try_in_vain(world, HUGO, approval->id, NULL);
    try_in_vain(world, ballot->votes[taken].person, approval->id,
                "0000000000000000000000000000000000000000000000000000000000000000");
    if (ballot->excludes) {
        try_in_vain(world, BEN, approval->id, NULL);
    }
    if (ballot->late) {
        try_in_vain(world, ANNA, approval->id, NULL);
    }
    for (int i = 0; i < taken; i++) {
        try_in_vain(world, ballot->votes[i].person, approval->id, NULL);
        if (ballot->votes[i].person == FINN) {
            try_in_vain(world, DORA, approval->id, NULL);
        }
    }
}

static void act_on(struct looking *looking, const struct record *approval)
{
    struct world *world = looking->world;
    const struct ballot *ballot = ballot_of(approval);
    const struct value *votes = record_value(approval, STR("votes"));
    int taken = votes != NULL && votes->kind == VALUE_LIST ? (int)votes->list.count : 0;
    if (ballot == NULL || taken >= ballot->vote_count) {
        return;
    }
    int64_t at_ms = approval->values[SYS_CREATED_AT].integer + (taken + 1) * pause_of(approval);
    if (ballot->late) {
        at_ms = number_of(approval, "due") + pause_of(approval);
    }
    if (world->machine->wall_ms < at_ms) {
        looking->next_ms = MIN(looking->next_ms, at_ms);
        return;
    }
    looking->acted = true;
    try_all(world, approval, ballot, taken);
    if (ballot->changes && taken > 0) {
        int64_t note = 0;
        const struct value *record = record_value(approval, STR("record"));
        if (record == NULL || id_parse(record->text, &note) != OK) {
            life_broken("an approval is about no note");
        }
        change(world, note, approval->values[SYS_CREATED_AT].integer % 1000);
        if (world->machine->mutation == MUTATION_NONE) {
            return; /* should the disk be full just now, nobody may decide on it unchanged */
        }
    }
    for (int times = 0; times < 2; times++) { /* the second one finds that it was given already */
        vote(world, ballot->votes[taken].person, approval->id, ballot->votes[taken].approve);
    }
}

static enum err on_pending(void *context, const struct record *record, struct error *error)
{
    (void)error;
    act_on(context, record);
    return OK;
}

int64_t people_act(struct world *world)
{
    struct looking looking = {.world = world, .next_ms = INT64_MAX};
    struct arena arena;
    struct page page = {0};
    struct error error = {0};
    int64_t now_ms = world->machine->wall_ms;
    if (world->acts_away > 0) {
        return INT64_MAX;
    }
    if (store_seq(world->store) == world->people_seq && now_ms < world->people_next_ms) {
        return world->people_next_ms;
    }
    world->people_seq = store_seq(world->store);
    arena_init(&arena);
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    struct query query = {.type = schema_object(scope->schema, STR("approval")),
                          .limit = LOOK_LIMIT};
    enum err err = filter_parse(&arena, STR("state[eq]:\"pending\""), &query.filter, &error);
    err = err == OK ? query_bind(&query, scope, &arena, &error) : err;
    err = err == OK
              ? reader_query(world->reader, &query, &arena, on_pending, &looking, &page, &error)
              : err;
    if (err != OK) {
        life_broken("approvals cannot be read: %s", error.detail);
    }
    scope_unref(scope);
    arena_deinit(&arena);
    world->people_next_ms = looking.acted ? now_ms : looking.next_ms;
    return world->people_next_ms;
}
