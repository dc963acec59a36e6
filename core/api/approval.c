/* Approvals: what waits for one's own vote, and deciding. Lists of all of them are lists of records
 * (read.c). Loop thread, but for what runs on a reader lane. */
#include "internal.h"

#include "proxenos/store_approval.h"

/* ---- what waits for me ---- */

enum { PAGES_LOOKED_MAX = 20 }; /* without one that is mine; then `next` goes on */

/* Myself, and those whose deputy I am now. */
struct mine {
    struct call *call;
    int64_t now_ms;
    struct approval_person self;
    struct approval_person absent[APPROVAL_ABSENT_MAX];
    size_t absent_count;
    size_t given;
};

static struct approval_person person_of(const struct scope *scope)
{
    return (struct approval_person){.user = scope->user,
                                    .actor = scope->actor,
                                    .roles = scope->roles,
                                    .role_count = scope->role_count};
}

static enum err load_absent(struct mine *mine, struct reader *reader, struct error *error)
{
    struct call *call = mine->call;
    struct arena *arena = call_arena(call);
    int64_t ids[APPROVAL_ABSENT_MAX];
    size_t count = 0;
    enum err err = mine->self.user == 0
                       ? OK
                       : reader_absent(reader, mine->self.user, mine->now_ms, ids, &count, error);
    for (size_t i = 0; i < count && err == OK; i++) {
        const struct scope *scope = NULL;
        err = auth_user_scope(call->api->auth, ids[i], STR("http"), &scope, error);
        if (err == ERR_NOT_FOUND) {
            err = OK; /* he may not act any more */
            continue;
        }
        if (err != OK) {
            return err;
        }
        struct approval_person *person = &mine->absent[mine->absent_count++];
        struct str *roles = ARENA_ARRAY(arena, struct str, scope->role_count + 1);
        for (size_t r = 0; r < scope->role_count; r++) {
            roles[r] = arena_str(arena, scope->roles[r]);
        }
        *person = person_of(scope);
        person->actor = arena_str(arena, scope->actor);
        person->roles = roles;
        scope_unref(scope);
    }
    return err;
}

/* As tx_decide will judge it: a deputy, too, is bound by all but the role. */
static bool is_mine(const struct mine *mine, const struct record *approval, int64_t *out_for)
{
    const struct scope *scope = call_scope(mine->call);
    const struct value *object = record_value(approval, STR("object"));
    const struct object_type *type = object != NULL && object->kind == VALUE_TEXT
                                         ? schema_object(scope->schema, object->text)
                                         : NULL;
    struct str role = approval_role(approval, mine->now_ms);
    struct approval_person deputy = mine->self;
    *out_for = 0;
    if (type == NULL || !scope_may(scope, type, VERB_APPROVE)) {
        return false;
    }
    if (approval_may_count(approval, &mine->self, mine->now_ms, NULL) == OK) {
        return true;
    }
    deputy.roles = &role;
    deputy.role_count = 1;
    bool may = approval_may_count(approval, &deputy, mine->now_ms, NULL) == OK;
    for (size_t i = 0; i < mine->absent_count && may; i++) {
        if (approval_may_count(approval, &mine->absent[i], mine->now_ms, NULL) == OK) {
            *out_for = mine->absent[i].user;
            return true;
        }
    }
    return false;
}

static enum err on_approval(void *context, const struct record *approval, struct error *error)
{
    (void)error;
    struct mine *mine = context;
    struct buf *out = &mine->call->out;
    int64_t principal = 0;
    if (!is_mine(mine, approval, &principal)) {
        return OK;
    }
    buf_append_str(out, mine->given++ > 0 ? STR(",") : STR(""));
    record_write_json(out, approval);
    if (principal != 0) {
        char id[ID_TEXT_LEN + 1];
        id_format(principal, id);
        out->len--; /* its last brace */
        buf_printf(out, ",\"for\":\"%s\"}", id);
    }
    return OK;
}

static enum err run_mine(struct call *call, struct reader *reader, struct error *error)
{
    struct mine *mine = ARENA_NEW(call_arena(call), struct mine);
    struct page page = {0};
    struct env *env = store_env(call->api->store);
    *mine = (struct mine){
        .call = call, .now_ms = env->now_ms(env), .self = person_of(call_scope(call))};
    enum err err = load_absent(mine, reader, error);
    buf_append_str(&call->out, STR("{\"data\":["));
    for (int i = 0; i < PAGES_LOOKED_MAX && err == OK; i++) {
        err = reader_query(reader, &call->query, call_arena(call), on_approval, mine, &page, error);
        call->query.after = page.next;
        if (mine->given > 0 || page.next.len == 0) {
            break;
        }
    }
    if (err != OK) {
        return err;
    }
    call_end_rows(call, page.next);
    buf_append_char(&call->out, '}');
    return OK;
}

static enum err read_mine(struct call *call, struct error *error)
{
    struct arena *arena = call_arena(call);
    struct str given = call_parameter(call, "filter");
    struct str limit = call_parameter(call, "limit");
    int64_t count = QUERY_LIMIT_DEFAULT;
    struct str filter =
        given.len == 0
            ? STR("state[eq]:\"pending\"")
            : arena_printf(arena, "and(state[eq]:\"pending\"," STR_FORMAT ")", STR_ARGS(given));
    call->query = (struct query){.type = call->type, .after = call_parameter(call, "after")};
    if (limit.len > 0 &&
        (str_to_int64(limit, &count) != OK || count < 1 || count > QUERY_LIMIT_MAX)) {
        return error_at(error, ERR_INVALID, "limit", NULL, "limit must be 1 to %d",
                        QUERY_LIMIT_MAX);
    }
    call->query.limit = (int)count;
    enum err err = filter_parse(arena, filter, &call->query.filter, error);
    if (err == OK) {
        err = query_order(&call->query, STR("id"), error);
    }
    return err == OK ? query_bind(&call->query, call_scope(call), arena, error) : err;
}

void list_my_approvals(struct call *call)
{
    static const char *const known[] = {"filter", "limit", "after"};
    if (!call_knows_parameters(call, known, COUNT_OF(known))) {
        return;
    }
    call->type = schema_object(call_scope(call)->schema, STR("approval"));
    enum err err = call->type == NULL ? error_set(&call->error, ERR_NOT_FOUND, "no approvals here")
                                      : read_mine(call, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        return;
    }
    call_read(call, false, run_mine);
}

/* ---- deciding ---- */

enum act { ACT_APPROVE, ACT_REJECT, ACT_WITHDRAW };

struct decision {
    struct unit unit;
    struct call *call;
    enum act act;
    struct approval_vote vote;
    struct approval_result result;
    struct str body;
    int64_t version;
};

static enum err decide_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct decision *decision = CONTAINER_OF(unit, struct decision, unit);
    struct approval_result *result = &decision->result;
    *result = (struct approval_result){0};
    decision->body = STR("");
    enum err err =
        decision->act == ACT_WITHDRAW
            ? tx_approval_withdraw(tx, decision->call->id, decision->vote.comment, result, error)
            : tx_decide(tx, decision->call->id, &decision->vote, result, error);
    /* Of a move the record that it moved; of all else the approval. */
    const struct record *shown = result->move ? result->moved.record : result->record;
    if (err == OK && shown != NULL) {
        struct buf text;
        buf_init(&text);
        record_write_json(&text, shown);
        decision->body = arena_str(tx_arena(tx), buf_str(&text));
        decision->version = shown->version;
        buf_deinit(&text);
    }
    return err;
}

static void decide_done(struct unit *unit)
{
    struct decision *decision = CONTAINER_OF(unit, struct decision, unit);
    struct call *call = decision->call;
    if (unit->err != OK) {
        call_problem(call, unit->err, &unit->error, NULL);
    } else if (decision->body.len > 0) {
        http_header(call->http, "ETag", version_tag(call_arena(call), decision->version));
        buf_append_str(&call->out, decision->body);
        call_respond(call, 200);
    } else {
        http_respond(call->http, 204, NULL);
    }
    unit_deinit(unit);
    mem_free(decision);
}

static enum err read_vote(struct call *call, struct approval_vote *vote, struct error *error)
{
    struct str principal = value_get_text(&call->body, "for", STR(""));
    vote->comment =
        value_get_text(&call->body, "comment", value_get_text(&call->body, "reason", STR("")));
    vote->hash = value_get_text(&call->body, "hash", STR(""));
    if (principal.len > 0 && id_parse(principal, &vote->on_behalf_of) != OK) {
        return error_at(error, ERR_INVALID, "/for", NULL, "for is the id of a user who is away");
    }
    return call_if_match(call, &vote->version, error);
}

static void decide(struct call *call, enum act act)
{
    static const struct call_member known[] = {
        {"comment", VALUE_TEXT}, {"reason", VALUE_TEXT}, {"hash", VALUE_TEXT}, {"for", VALUE_TEXT}};
    /* A withdrawal has a reason alone. */
    if (!call_knows_members(call, known, act == ACT_WITHDRAW ? 2 : COUNT_OF(known))) {
        return;
    }
    struct decision *decision = mem_zalloc(sizeof(*decision));
    decision->call = call;
    decision->act = act;
    decision->vote.approve = act == ACT_APPROVE;
    enum err err = read_vote(call, &decision->vote, &call->error);
    if (err != OK) {
        call_problem(call, err, &call->error, NULL);
        mem_free(decision);
        return;
    }
    decision->unit = (struct unit){.reply = loop_mailbox(call->api->loop),
                                   .apply = decide_apply,
                                   .done = decide_done,
                                   .scope = call_scope(call),
                                   .request = call_request_id(call)};
    err = store_submit(call->api->store, &decision->unit);
    if (err != OK) {
        call_fail(call, err, "the decision could not be queued");
        mem_free(decision);
    }
}

static void approve_body(struct call *call)
{
    decide(call, ACT_APPROVE);
}

static void reject_body(struct call *call)
{
    decide(call, ACT_REJECT);
}

static void withdraw_body(struct call *call)
{
    decide(call, ACT_WITHDRAW);
}

void approve_approval(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, approve_body);
    }
}

void reject_approval(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, reject_body);
    }
}

void withdraw_approval(struct call *call)
{
    if (call_find_id(call)) {
        call_with_body(call, withdraw_body);
    }
}
