/* The rules that hold for every approval, held against what lies in the store and in the log, by
 * code that shares nothing with what enforces them. See people.h. */
#include "people.h"

#include "proxenos/base_json.h"
#include "proxenos/base_time.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, NOTE_CHANGES_MAX = 200000, WRONG_MAX = 300 };

struct seen {
    int64_t id;
    struct value map; /* the record */
    int64_t asked_seq, ended_seq;
    int ends, told; /* entries of the log: it ended; a vote was told */
};
struct note_change {
    int64_t note, seq;
};
struct approvals_seen {
    struct world *world;
    struct arena *arena;
    struct seen *list; /* by id */
    size_t count, room;
    struct note_change *changes; /* by seq */
    size_t change_count;
};

static int64_t id_of(const struct value *value)
{
    int64_t id = 0;
    if (value != NULL && value->kind == VALUE_ID) {
        return value->integer;
    }
    return value != NULL && value->kind == VALUE_TEXT && id_parse(value->text, &id) == OK ? id : 0;
}

static int64_t time_of(const struct value *value, int64_t otherwise)
{
    int64_t ms = 0;
    if (value != NULL && value->kind == VALUE_TIME) {
        return value->integer;
    }
    return value != NULL && value->kind == VALUE_TEXT && time_parse(value->text, &ms) == OK
               ? ms
               : otherwise;
}

/* ---- reading ---- */

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    struct approvals_seen *seen = context;
    (void)error;
    if (seen->count == seen->room) {
        size_t room = MAX(seen->room * 2, PAGE);
        struct seen *list = arena_zalloc(seen->arena, sizeof(*list) * room);
        memcpy(list, seen->list != NULL ? seen->list : list, sizeof(*list) * seen->count);
        seen->list = list;
        seen->room = room;
    }
    seen->list[seen->count++] =
        (struct seen){.id = record->id, .map = record_to_value(seen->arena, record)};
    return OK;
}

static int compare_seen(const void *left, const void *right)
{
    const struct seen *a = left, *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static struct seen *find(const struct approvals_seen *seen, int64_t id)
{
    struct seen wanted = {.id = id};
    return seen->count == 0
               ? NULL
               : bsearch(&wanted, seen->list, seen->count, sizeof(wanted), compare_seen);
}

static enum err read_records(struct approvals_seen *seen, const struct scope *scope,
                             struct error *error)
{
    struct page page = {0};
    enum err err = OK;
    struct query query = {.type = schema_object(scope->schema, STR("approval")), .limit = PAGE};
    do {
        query.after = page.next;
        err = query_bind(&query, scope, seen->arena, error);
        err = err == OK ? reader_query(seen->world->reader, &query, seen->arena, on_record, seen,
                                       &page, error)
                        : err;
    } while (err == OK && page.next.len > 0);
    if (seen->count > 0) {
        qsort(seen->list, seen->count, sizeof(struct seen), compare_seen);
    }
    return err;
}

/* "approval.created", "approval.updated" and "approval.voted", as they came. */
static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    struct approvals_seen *seen = context;
    struct value told = value_null();
    bool voted = str_is(entry->type, "approval.voted");
    enum err err = voted ? json_decode(seen->arena, entry->payload, &told, error) : OK;
    int64_t id = voted && err == OK ? id_of(value_get_c(&told, "approval")) : entry->record;
    struct seen *one = id != 0 && err == OK ? find(seen, id) : NULL;
    if (one == NULL) {
        return err;
    }
    if (str_is(entry->type, "approval.created")) {
        one->asked_seq = entry->seq;
    } else if (voted) {
        one->told++;
        if (one->ended_seq != 0) {
            life_broken("approval: a vote of " STR_FORMAT " came when it had ended",
                        STR_ARGS(entry->actor));
        }
        if (!str_eq(value_get_text(&told, "by", STR("")), entry->actor)) {
            life_broken("approval: a vote is told of " STR_FORMAT ", who did not give it",
                        STR_ARGS(value_get_text(&told, "by", STR(""))));
        }
    } else if (entry->state.len > 0) {
        one->ends++;
        one->ended_seq = entry->seq;
    }
    return OK;
}

static enum err on_note(void *context, const struct log_entry *entry, struct error *error)
{
    struct approvals_seen *seen = context;
    (void)error;
    ASSERT(seen->change_count < NOTE_CHANGES_MAX);
    seen->changes[seen->change_count++] = (struct note_change){entry->record, entry->seq};
    return OK;
}

static enum err read_all(struct approvals_seen *seen, const struct scope *scope,
                         struct error *error)
{
    int64_t last = 0;
    struct log_query approvals = {.pattern = STR("approval.*")};
    struct log_query notes = {.pattern = STR("note.updated")};
    seen->changes = mem_alloc(sizeof(struct note_change) * NOTE_CHANGES_MAX);
    enum err err = read_records(seen, scope, error);
    err = err == OK
              ? reader_log(seen->world->reader, scope, &approvals, on_entry, seen, &last, error)
              : err;
    return err == OK ? reader_log(seen->world->reader, scope, &notes, on_note, seen, &last, error)
                     : err;
}

/* ---- one of them ---- */

static void wrong(const struct seen *one, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(const struct seen *one, const char *format, ...)
{
    char why[WRONG_MAX];
    char id[ID_TEXT_LEN + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    id_format(one->id, id);
    life_broken("approval %s: %s", id, why);
}

static bool is_excluded(const struct seen *one, int64_t user)
{
    const struct value *list = value_get_c(&one->map, "exclude");
    for (size_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (id_of(&list->list.items[i]) == user) {
            return true;
        }
    }
    return false;
}

static bool took_part(const struct value *vote, int64_t user)
{
    return user != 0 &&
           (id_of(value_get_c(vote, "user")) == user || id_of(value_get_c(vote, "for")) == user);
}

/* Distinct people with the role of that time, none the maker or excluded, all on one content. */
static void check_vote(const struct seen *one, const struct value *votes, size_t index)
{
    const struct value *vote = &votes->list.items[index];
    int64_t user = id_of(value_get_c(vote, "user"));
    int64_t principal = id_of(value_get_c(vote, "for"));
    int64_t at_ms = time_of(value_get_c(vote, "at"), 0);
    bool over = time_of(value_get_c(&one->map, "due"), INT64_MAX) <= at_ms &&
                value_get_text(&one->map, "escalate", STR("")).len > 0;
    struct str role = value_get_text(&one->map, over ? "escalate" : "role", STR(""));
    enum person voter = person_of(principal != 0 ? principal : user);
    int64_t maker = id_of(value_get_c(&one->map, "owner"));
    if (maker == 0 || user == maker || principal == maker) {
        wrong(one, "its maker has voted");
    }
    if (is_excluded(one, user) || is_excluded(one, principal)) {
        wrong(one, "who is excluded has voted");
    }
    if (voter == PERSON_COUNT || !person_has_role(voter, role)) {
        wrong(one, "a vote counts without the role " STR_FORMAT, STR_ARGS(role));
    }
    if (!str_eq(value_get_text(vote, "hash", STR("-")),
                value_get_text(&one->map, "content_hash", STR("")))) {
        wrong(one, "a vote is on another content");
    }
    for (size_t i = 0; i < index; i++) {
        if (took_part(&votes->list.items[i], user) || took_part(&votes->list.items[i], principal)) {
            wrong(one, "somebody has voted twice");
        }
    }
}

static int count_votes(const struct value *votes, const char *word)
{
    int count = 0;
    for (size_t i = 0; i < votes->list.count; i++) {
        count += str_is(value_get_text(&votes->list.items[i], "vote", STR("")), word);
    }
    return count;
}

static void check_outcome(const struct seen *one, const struct value *votes)
{
    struct str state = value_get_text(&one->map, "state", STR(""));
    bool enough = count_votes(votes, "approve") >= value_get_int(&one->map, "quorum", 1);
    bool refused = count_votes(votes, "reject") >= value_get_int(&one->map, "rejections", 1);
    if (enough != str_is(state, "approved") || refused != str_is(state, "rejected")) {
        wrong(one, "it is " STR_FORMAT " by %zu votes, which its quorum does not say",
              STR_ARGS(state), votes->list.count);
    }
    if (one->ends != (str_is(state, "pending") ? 0 : 1)) {
        wrong(one, "it is " STR_FORMAT " and has ended %d times", STR_ARGS(state), one->ends);
    }
    if (one->told != (int)votes->list.count) {
        wrong(one, "%zu votes are noted and %d told", votes->list.count, one->told);
    }
    int64_t decided_ms = time_of(value_get_c(&one->map, "decided_at"), INT64_MAX);
    if (str_is(state, "expired") &&
        decided_ms < time_of(value_get_c(&one->map, "expires"), INT64_MAX)) {
        wrong(one, "it expired early");
    }
}

/* Nothing was agreed to that changed under way. */
static void check_content(const struct approvals_seen *seen, const struct seen *one)
{
    int64_t note = id_of(value_get_c(&one->map, "record"));
    if (!str_is(value_get_text(&one->map, "state", STR("")), "approved")) {
        return;
    }
    for (size_t i = 0; i < seen->change_count; i++) {
        const struct note_change *change = &seen->changes[i];
        if (change->note == note && change->seq > one->asked_seq && change->seq < one->ended_seq) {
            wrong(one, "its record changed between the question and the answer");
        }
    }
}

struct approvals_seen *approvals_check(struct world *world, struct arena *arena)
{
    struct approvals_seen *seen = arena_zalloc(arena, sizeof(*seen));
    struct error error = {0};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    const struct value none = value_list_new();
    seen->world = world;
    seen->arena = arena;
    if (read_all(seen, scope, &error) != OK) {
        life_broken("approvals cannot be read: %s", error.detail);
    }
    for (size_t i = 0; i < seen->count; i++) {
        const struct value *given = value_get_c(&seen->list[i].map, "votes");
        const struct value *votes = given != NULL && given->kind == VALUE_LIST ? given : &none;
        for (size_t j = 0; j < votes->list.count; j++) {
            check_vote(&seen->list[i], votes, j);
        }
        check_outcome(&seen->list[i], votes);
        check_content(seen, &seen->list[i]);
    }
    mem_free(seen->changes);
    scope_unref(scope);
    return seen;
}

/* ---- what runs were told ---- */

const char *approvals_check_answer(const struct approvals_seen *seen, int64_t run, int64_t seq,
                                   const struct value *answer)
{
    const struct seen *one = find(seen, id_of(value_get_c(answer, "id")));
    struct str state = value_get_text(answer, "state", STR(""));
    if (one == NULL) {
        return "it has the answer of an approval that is not there";
    }
    if (id_of(value_get_c(&one->map, "run")) != run || value_get_int(&one->map, "seq", 0) != seq) {
        return "it has the answer of another one's approval";
    }
    if (!str_eq(state, value_get_text(&one->map, "state", STR("")))) {
        return "it was told another end than its approval had";
    }
    return value_get_bool(answer, "approved", false) == str_is(state, "approved")
               ? NULL
               : "it went on as if it were approved";
}

int approvals_ended(const struct approvals_seen *seen, const char *state)
{
    int count = 0;
    for (size_t i = 0; i < seen->count; i++) {
        count += str_is(value_get_text(&seen->list[i].map, "state", STR("")), state);
    }
    return count;
}
