/* Votes: each is judged against what is stored, noted on the approval and in the log with who gave
 * it, for whom and on what content; the last one needed ends it and makes the move. Writer thread.
 */
#include "approval.h"

#include "proxenos/base_text.h"
#include "proxenos/base_time.h"
#include "query.h"

/* ---- what was looked at ---- */

static enum err check_seen(const struct record *approval, const struct approval_vote *vote,
                           struct error *error)
{
    if (vote->version != 0 && vote->version != approval->version) {
        return error_set(error, ERR_STALE, "version %lld was read, the approval is at version %lld",
                         (long long)vote->version, (long long)approval->version);
    }
    if (vote->hash.len > 0 && !str_eq(vote->hash, approval_text(approval, "content_hash"))) {
        return error_at(error, ERR_STALE, "/hash", NULL,
                        "another content was looked at than the approval is bound to");
    }
    if (utf8_count(vote->comment) > APPROVAL_COMMENT_MAX) {
        return error_at(error, ERR_RANGE, "/comment", NULL, "a comment has at most %d characters",
                        APPROVAL_COMMENT_MAX);
    }
    return OK;
}

static enum err check_verb(const struct tx *tx, const struct object_type *type, struct error *error)
{
    const struct object_type *own = scope_type(tx->scope, type);
    if (own == NULL || !scope_may(tx->scope, own, VERB_APPROVE)) {
        return error_set(error, ERR_FORBIDDEN, "your roles do not allow approving " STR_FORMAT,
                         STR_ARGS(type->name));
    }
    return OK;
}

/* ---- the vote ---- */

static struct value vote_value(struct tx *tx, const struct record *approval,
                               const struct approval_vote *vote, int64_t principal)
{
    struct arena *arena = tx_arena(tx);
    const struct scope *scope = tx->scope;
    struct value map = value_map_new();
    value_put_c(arena, &map, "by", value_text(scope->actor));
    if (scope->user != 0) {
        value_put_c(arena, &map, "user", value_text(approval_id_text(arena, scope->user)));
    }
    if (principal != 0) {
        value_put_c(arena, &map, "for", value_text(approval_id_text(arena, principal)));
    }
    value_put_c(arena, &map, "vote", value_text(vote->approve ? STR("approve") : STR("reject")));
    if (vote->comment.len > 0) {
        value_put_c(arena, &map, "comment", value_text(vote->comment));
    }
    struct buf at;
    buf_init(&at);
    time_format(&at, tx->now_ms);
    value_put_c(arena, &map, "at", value_text(arena_str(arena, buf_str(&at))));
    buf_deinit(&at);
    value_put_c(arena, &map, "hash", value_text(approval_text(approval, "content_hash")));
    return map;
}

static enum err note_vote(struct tx *tx, const struct record *approval,
                          const struct approval_vote *vote, int64_t principal, struct draft *draft,
                          struct error *error)
{
    struct arena *arena = tx_arena(tx);
    const struct value *before = approval_get(approval, "votes");
    struct value votes = value_list_new();
    struct value one = vote_value(tx, approval, vote, principal);
    for (size_t i = 0; before != NULL && before->kind == VALUE_LIST && i < before->list.count;
         i++) {
        value_push(arena, &votes, before->list.items[i]);
    }
    value_push(arena, &votes, one);
    approval_put(tx, draft, "votes", votes);
    const char *count = vote->approve ? "yes" : "no";
    approval_put(tx, draft, count, value_int(approval_number(approval, count, 0) + 1));
    struct value told = value_copy(arena, &one);
    return approval_tell(tx, "approval.voted", approval, &told, error);
}

/* NULL: more votes are needed. */
static const char *state_after(const struct record *approval, bool approve)
{
    if (approve) {
        return approval_number(approval, "yes", 0) + 1 >= approval_number(approval, "quorum", 1)
                   ? "approved"
                   : NULL;
    }
    return approval_number(approval, "no", 0) + 1 >= approval_number(approval, "rejections", 1)
               ? "rejected"
               : NULL;
}

static enum err write_vote(struct tx *tx, const struct record *approval,
                           const struct approval_vote *vote, int64_t principal,
                           struct record **out_after, struct error *error)
{
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), approval->id);
    const char *state = state_after(approval, vote->approve);
    enum err err = note_vote(tx, approval, vote, principal, draft, error);
    if (err != OK || state != NULL) {
        return err != OK ? err : approval_end(tx, draft, state, vote->comment, out_after, error);
    }
    struct writing change = {.tx = tx, .draft = draft, .trusted = true};
    err = record_apply(&change, NULL, error);
    *out_after = change.whole;
    return err;
}

static enum err make_move(struct tx *tx, const struct record *approval,
                          const struct object_type *type, int64_t id, struct tx_result *out_result,
                          struct error *error)
{
    const struct field *field = NULL;
    enum err err = object_find_field(type, approval_text(approval, "field"), &field, error);
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, type, id);
    draft_put(draft, field, value_text(approval_text(approval, "to")), tx_arena(tx));
    struct writing move = {.tx = tx, .draft = draft, .trusted = true};
    return record_apply(&move, out_result, error);
}

static void fill(struct tx *tx, const struct record *before, const struct record *after,
                 struct approval_result *out_result)
{
    *out_result =
        (struct approval_result){.id = after->id,
                                 .state = approval_text(after, "state"),
                                 .move = approval_text(before, "field").len > 0,
                                 .record = record_for_scope(tx_arena(tx), tx->scope, after)};
}

enum err tx_decide(struct tx *tx, int64_t approval, const struct approval_vote *vote,
                   struct approval_result *out_result, struct error *error)
{
    struct record *asked = NULL;
    struct record *after = NULL;
    const struct object_type *type = NULL;
    int64_t id = 0;
    int64_t principal = 0;
    enum err err = approval_load(tx, approval, &asked, error);
    if (err == OK) {
        err = approval_subject(tx, asked, &type, &id, error);
    }
    if (err == OK) {
        err = check_seen(asked, vote, error);
    }
    if (err == OK) {
        err = approval_principal(tx, asked, vote->on_behalf_of, &principal, error);
    }
    if (err == OK) {
        err = check_verb(tx, type, error);
    }
    if (err == OK && vote->approve) {
        err = approval_check_content(tx, asked, type, id, error);
    }
    if (err == OK) {
        err = write_vote(tx, asked, vote, principal, &after, error);
    }
    if (err != OK) {
        return err;
    }
    struct approval_result result;
    fill(tx, asked, after, &result);
    if (result.move && str_is(result.state, "approved")) {
        err = make_move(tx, asked, type, id, &result.moved, error);
    }
    if (err == OK && out_result != NULL) {
        *out_result = result;
    }
    return err;
}

/* ---- taking it back ---- */

enum err tx_approval_withdraw(struct tx *tx, int64_t approval, struct str reason,
                              struct approval_result *out_result, struct error *error)
{
    struct record *asked = NULL;
    struct record *after = NULL;
    const struct scope *scope = tx->scope;
    enum err err = approval_load(tx, approval, &asked, error);
    if (err != OK) {
        return err;
    }
    bool maker = scope->user != 0 && approval_number(asked, "owner", 0) == scope->user;
    if (!maker && !str_eq(approval_text(asked, "requested_by"), scope->actor) && !scope->admin) {
        return error_set(error, ERR_FORBIDDEN, "only who asked for it withdraws it");
    }
    struct str state = approval_text(asked, "state");
    if (!str_is(state, "pending")) {
        return error_set(error, ERR_CONFLICT, "it is " STR_FORMAT " already", STR_ARGS(state));
    }
    if (utf8_count(reason) > APPROVAL_COMMENT_MAX) {
        return error_at(error, ERR_RANGE, "/reason", NULL, "a reason has at most %d characters",
                        APPROVAL_COMMENT_MAX);
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, approval_type(tx), approval);
    err = approval_end(tx, draft, "withdrawn", reason, &after, error);
    if (err == OK && out_result != NULL) {
        fill(tx, asked, after, out_result);
    }
    return err;
}
