/* What became of runs and records, and the rules that hold for every journal. */
#include "world.h"

#include "people.h"
#include "proxenos/audit.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 200000, FIND_LIMIT = 1000, CHILD_DEPTH_MAX = 6 };

static void must_read(enum err err, const struct error *error, const char *what)
{
    if (err != OK) {
        life_broken("%s: %s: %s", what, err_code(err), error->detail);
    }
}

/* ---- all runs ---- */

struct run_line {
    int64_t id, parent, parent_seq;
    enum flow_state state;
};
struct run_list {
    struct run_line *lines;
    size_t count;
};

static enum err on_run(void *context, const struct flow_run *run, struct error *error)
{
    struct run_list *list = context;
    (void)error;
    ASSERT(list->count < RUNS_MAX);
    list->lines[list->count++] =
        (struct run_line){run->id, run->parent, run->parent_seq, run->state};
    return OK;
}

static struct run_list all_runs(struct world *world)
{
    struct run_list list = {.lines =
                                arena_alloc(&world->arena, sizeof(struct run_line) * RUNS_MAX)};
    struct flow_query query = {
        .plugin = STR(""), .name = STR(""), .key = STR(""), .limit = FIND_LIMIT};
    struct error error = {0};
    size_t before = 0;
    do {
        before = list.count;
        must_read(flow_run_find(world->reader, &query, on_run, &list, &error), &error, "runs");
        query.before = list.count > 0 ? list.lines[list.count - 1].id : 0;
    } while (list.count - before == FIND_LIMIT);
    return list;
}

static enum err count_run(void *context, const struct flow_run *run, struct error *error)
{
    (void)run;
    (void)error;
    ++*(int64_t *)context;
    return OK;
}

int64_t world_living(struct world *world)
{
    enum { LIVING = 1 << FLOW_RUNNING | 1 << FLOW_WAITING | 1 << FLOW_BLOCKED };
    int64_t count = 0;
    struct flow_query query = {
        .plugin = STR(""), .name = STR(""), .key = STR(""), .states = LIVING, .limit = FIND_LIMIT};
    struct error error = {0};
    must_read(flow_run_find(world->reader, &query, count_run, &count, &error), &error, "runs");
    return count;
}

/* ---- telling one run ---- */

static void tell_data(struct buf *out, const struct flow_data *data)
{
    unsigned char hash[HASH_BYTES];
    if (data->apart) {
        buf_append_str(out, STR("apart:"));
        hex_encode(out, (const unsigned char *)data->bytes.at, data->bytes.len);
        return;
    }
    struct arena arena;
    struct value value;
    arena_init(&arena);
    int64_t id = 0;
    if (flow_decode(&arena, data->bytes, &value, NULL) != OK) {
        hash_of(data->bytes.at, data->bytes.len, hash);
        hex_encode(out, hash, sizeof(hash));
    } else if (value.kind == VALUE_TEXT && id_parse(value.text, &id) == OK) {
        buf_append_str(out, STR("an id"));
    } else {
        json_encode(out, &value);
    }
    arena_deinit(&arena);
}

static void tell_result(struct buf *out, const struct flow_result *result)
{
    buf_append_str(out, result->failed ? STR(" ! ") : STR(" = "));
    tell_data(out, &result->data);
}

/* The answer of each command, wherever it lies. */
static const struct flow_result **answers_of(struct world *world, const struct flow_page *pages,
                                             size_t page_count, int64_t commands)
{
    const struct flow_result **answers = (const struct flow_result **)arena_zalloc(
        &world->arena, sizeof(struct flow_result *) * ((size_t)commands + 1));
    for (size_t i = 0; i < page_count; i++) {
        for (size_t j = 0; j < pages[i].arrival_count; j++) {
            const struct flow_arrival *arrival = &pages[i].arrivals[j];
            if (arrival->kind == FLOW_ARRIVAL_RESULT && arrival->seq <= commands) {
                answers[arrival->seq] = &arrival->result;
            }
        }
    }
    return answers;
}

/* Events carry the position of the log, ids and times: what was sent is told alone; of a decision,
 * how it ended and by whom. */
static void tell_answer(struct buf *out, const struct flow_command *command,
                        const struct flow_result *result)
{
    struct arena arena;
    struct value value;
    if (result == NULL) {
        return;
    }
    arena_init(&arena);
    bool event = command->kind == FLOW_WAIT && !result->failed && !result->data.apart &&
                 flow_decode(&arena, result->data.bytes, &value, NULL) == OK &&
                 value.kind == VALUE_MAP && value_get_c(&value, "seq") != NULL;
    bool decision = command->kind == FLOW_APPROVE && !result->failed && !result->data.apart &&
                    flow_decode(&arena, result->data.bytes, &value, NULL) == OK &&
                    value.kind == VALUE_MAP;
    if (event) {
        buf_append_str(out, STR(" = event "));
        json_encode(out, value_get_c(&value, "data"));
    } else if (decision) {
        buf_printf(out, " = " STR_FORMAT " ", STR_ARGS(value_get_text(&value, "state", STR(""))));
        json_encode(out, value_get_c(&value, "by"));
    } else {
        tell_result(out, result);
    }
    arena_deinit(&arena);
}

static void tell_command(struct buf *out, int64_t seq, const struct flow_command *command,
                         const struct flow_result *answer, bool with_times)
{
    buf_printf(out, "  %lld %s " STR_FORMAT " ", (long long)seq,
               flow_command_word((enum flow_command_kind)command->kind), STR_ARGS(command->name));
    bool names_ids = command->kind == FLOW_SIGNAL || command->kind == FLOW_APPROVE;
    if (!names_ids) { /* the run, the record */
        tell_data(out, &command->input);
    }
    if (with_times && command->due_ms != 0) {
        buf_printf(out, " due %lld", (long long)command->due_ms);
    }
    /* A child's result may come when nobody waits for it any more: its own run tells it. */
    if (command->kind != FLOW_CHILD) {
        tell_answer(out, command, command->answered ? &command->result : answer);
    }
    buf_append_char(out, '\n');
}

static void tell_journal(struct world *world, const struct flow_run *run, bool with_times,
                         struct buf *out)
{
    struct flow_page *pages = NULL;
    size_t count = 0;
    struct error error = {0};
    int64_t seq = 0;
    must_read(flow_journal_read(world->reader, run, &world->arena, &pages, &count, &error), &error,
              "journal");
    const struct flow_result **answers = answers_of(world, pages, count, run->commands);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < pages[i].command_count; j++) {
            seq++;
            tell_command(out, seq, &pages[i].commands[j], answers[seq], with_times);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < pages[i].arrival_count; j++) {
            const struct flow_arrival *arrival = &pages[i].arrivals[j];
            if (arrival->kind == FLOW_ARRIVAL_SIGNAL) {
                buf_printf(out, "  signal " STR_FORMAT, STR_ARGS(arrival->name));
                tell_result(out, &arrival->result);
                buf_append_char(out, '\n');
            }
        }
    }
}

static int compare_children(const void *left, const void *right)
{
    const struct run_line *a = left, *b = right;
    return a->parent_seq < b->parent_seq   ? -1
           : a->parent_seq > b->parent_seq ? 1
           : a->id < b->id                 ? -1
                                           : 1;
}

static void tell_one(struct world *world, const struct run_list *list, int64_t id, int depth,
                     bool with_times, struct buf *out)
{
    struct flow_run run;
    struct error error = {0};
    must_read(flow_run_get(world->reader, id, &world->arena, &run, &error), &error, "run");
    buf_printf(out, "run " STR_FORMAT " %s generation %lld commands %lld", STR_ARGS(run.name),
               flow_state_word(run.state), (long long)run.generation, (long long)run.commands);
    if (run.has_outcome) {
        tell_result(out, &run.outcome);
    }
    buf_append_char(out, '\n');
    tell_journal(world, &run, with_times, out);
    struct run_line *children = arena_alloc(&world->arena, sizeof(*children) * (list->count + 1));
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->lines[i].parent == id) {
            children[count++] = list->lines[i];
        }
    }
    qsort(children, count, sizeof(*children), compare_children);
    for (size_t i = 0; i < count && depth < CHILD_DEPTH_MAX; i++) {
        buf_printf(out, "child of %lld: ", (long long)children[i].parent_seq);
        tell_one(world, list, children[i].id, depth + 1, with_times, out);
    }
}

void world_tell_run(struct world *world, int64_t run, bool with_times, struct buf *out)
{
    struct run_list list = all_runs(world);
    tell_one(world, &list, run, 0, with_times, out);
}

/* ---- notes ---- */

struct notes {
    struct arena *arena;
    struct str *texts;
    size_t count, room;
};

static enum err on_note(void *context, const struct record *record, struct error *error)
{
    struct notes *notes = context;
    struct value map;
    struct buf json;
    buf_init(&json);
    record_write_json(&json, record);
    enum err err = json_decode(notes->arena, arena_str(notes->arena, buf_str(&json)), &map, error);
    buf_deinit(&json);
    if (err == OK && notes->count < notes->room) {
        notes->texts[notes->count++] = value_get_text(&map, "text", STR(""));
    }
    return err;
}

static int compare_texts(const void *left, const void *right)
{
    return str_cmp(*(const struct str *)left, *(const struct str *)right);
}

void world_tell_notes(struct world *world, struct buf *out)
{
    enum { PAGE = 1000, NOTES_MAX = 200000 };
    struct notes notes = {.arena = &world->arena, .room = NOTES_MAX};
    struct error error = {0};
    const struct scope *scope = store_system_scope(world->store, SYSTEM_VERIFY);
    struct page page = {0};
    notes.texts = arena_alloc(&world->arena, sizeof(struct str) * NOTES_MAX);
    struct query query = {.type = schema_object(scope->schema, STR("note")), .limit = PAGE};
    do {
        must_read(query_bind(&query, scope, &world->arena, &error), &error, "notes");
        must_read(
            reader_query(world->reader, &query, &world->arena, on_note, &notes, &page, &error),
            &error, "notes");
        query.after = page.next;
    } while (page.next.len > 0);
    scope_unref(scope);
    qsort(notes.texts, notes.count, sizeof(struct str), compare_texts);
    for (size_t i = 0; i < notes.count; i++) {
        buf_append_str(out, notes.texts[i]);
        buf_append_char(out, '\n');
    }
}

/* ---- rules of every journal ---- */

struct asked {
    bool answered;
    uint8_t kind;
    int64_t due_ms;
};

static bool is_null(const struct flow_result *result)
{
    return !result->failed && result->data.bytes.len == 1 && result->data.bytes.at[0] == 0;
}

/* What it was told of an approval is how that ended. */
static void check_decision(const struct approvals_seen *approvals, const struct flow_run *run,
                           const struct flow_arrival *arrival, struct arena *arena)
{
    struct value answer;
    struct error error = {0};
    if (arrival->result.failed || arrival->result.data.apart) {
        return; /* void, cancelled */
    }
    must_read(flow_decode(arena, arrival->result.data.bytes, &answer, &error), &error, "answer");
    const char *wrong = approvals_check_answer(approvals, run->id, arrival->seq, &answer);
    if (wrong != NULL) {
        life_broken("run %lld, command %lld: %s", (long long)run->id, (long long)arrival->seq,
                    wrong);
    }
}

static void check_arrival(const struct flow_run *run, const struct flow_page *page,
                          const struct flow_arrival *arrival, struct asked *asked, int64_t given)
{
    if (arrival->kind != FLOW_ARRIVAL_RESULT) {
        return;
    }
    if (arrival->seq > given) {
        life_broken("run %lld: command %lld is answered before it is given", (long long)run->id,
                    (long long)arrival->seq);
    }
    struct asked *one = &asked[arrival->seq];
    /* An event and the end of its wait's time may come in one turn: the earlier one is taken. */
    if (one->answered && one->kind != FLOW_WAIT) {
        life_broken("run %lld: command %lld has two results", (long long)run->id,
                    (long long)arrival->seq);
    }
    bool rings = one->kind == FLOW_SLEEP || (one->kind == FLOW_WAIT && is_null(&arrival->result));
    if (rings && page->at_ms < one->due_ms) {
        life_broken("run %lld: timer %lld rang %lld ms early", (long long)run->id,
                    (long long)arrival->seq, (long long)(one->due_ms - page->at_ms));
    }
    one->answered = true;
}

static void check_run(struct world *world, const struct approvals_seen *approvals, int64_t id)
{
    struct flow_run run;
    struct flow_page *pages = NULL;
    size_t count = 0;
    struct error error = {0};
    struct arena arena;
    arena_init(&arena);
    must_read(flow_run_get(world->reader, id, &arena, &run, &error), &error, "run");
    must_read(flow_journal_read(world->reader, &run, &arena, &pages, &count, &error), &error,
              "journal");
    struct asked *asked = arena_zalloc(&arena, sizeof(*asked) * ((size_t)run.commands + 1));
    int64_t seq = 0;
    int64_t clock_ms = 0;
    for (size_t i = 0; i < count; i++) {
        if (pages[i].at_ms < clock_ms) {
            life_broken("run %lld: its clock went back in turn %zu", (long long)id, i + 1);
        }
        clock_ms = pages[i].at_ms;
        for (size_t j = 0; j < pages[i].arrival_count; j++) {
            const struct flow_arrival *arrival = &pages[i].arrivals[j];
            check_arrival(&run, &pages[i], arrival, asked, seq);
            if (arrival->kind == FLOW_ARRIVAL_RESULT && asked[arrival->seq].kind == FLOW_APPROVE) {
                check_decision(approvals, &run, arrival, &arena);
            }
        }
        for (size_t j = 0; j < pages[i].command_count; j++) {
            const struct flow_command *command = &pages[i].commands[j];
            asked[++seq] = (struct asked){
                .answered = command->answered, .kind = command->kind, .due_ms = command->due_ms};
        }
    }
    if (seq != run.commands) {
        life_broken("run %lld: %lld commands counted, %lld in the journal", (long long)id,
                    (long long)run.commands, (long long)seq);
    }
    arena_deinit(&arena);
}

void world_check(struct world *world)
{
    struct audit_report report;
    struct error error = {0};
    struct run_list list = all_runs(world);
    struct arena arena;
    arena_init(&arena);
    const struct approvals_seen *approvals = approvals_check(world, &arena);
    for (size_t i = 0; i < list.count; i++) {
        check_run(world, approvals, list.lines[i].id);
    }
    arena_deinit(&arena);
    enum err err = audit_verify(world->reader, NULL, NULL, NULL, &report, &error);
    must_read(err, &error, "the log does not verify");
}
