/* t.approve: a person of a role votes on an approval, through the API. Main thread. */
#include "internal.h"

static enum err approval_arg(const struct value *args, struct str *out_id, struct error *error)
{
    const struct value *value = t_arg(args, 0);
    const struct value *id =
        value != NULL && value->kind == VALUE_MAP ? value_get_c(value, "id") : NULL;
    if (id != NULL && id->kind == VALUE_TEXT) {
        *out_id = id->text;
        return OK;
    }
    return t_text(args, 0, "an approval or its id", out_id, error);
}

/* One entry of a vote; false: there is no such one. */
static bool read_entry(struct world *world, const struct value_entry *entry, bool *out_reject,
                       struct value *body)
{
    static const char *const known[] = {"comment", "hash", "for"};
    if (str_is(entry->key, "reject") && entry->value.kind == VALUE_BOOL) {
        *out_reject = entry->value.boolean;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (str_is(entry->key, known[i]) && entry->value.kind == VALUE_TEXT) {
            value_put(&world->arena, body, entry->key, entry->value);
            return true;
        }
    }
    return false;
}

/* { reject?, comment?, hash?, for? } as the API takes it. */
static enum err read_vote(struct world *world, const struct value *vote, bool *out_reject,
                          struct value *out_body, struct error *error)
{
    *out_body = value_map_new();
    if (vote != NULL && vote->kind != VALUE_MAP) {
        return error_set(error, ERR_TYPE, "a vote is a table such as { reject = true }");
    }
    for (size_t i = 0; vote != NULL && i < vote->map.count; i++) {
        const struct value_entry *entry = &vote->map.entries[i];
        if (!read_entry(world, entry, out_reject, out_body)) {
            return error_set(error, ERR_INVALID,
                             "a vote has reject (true or false), comment, hash and for, not "
                             "this " STR_FORMAT,
                             STR_ARGS(str_sub(entry->key, 0, 60)));
        }
    }
    return OK;
}

static enum err person_arg(struct test *test, const struct value *args, struct str *out_role,
                           struct error *error)
{
    struct world *world = test->world;
    struct value user = value_null();
    enum err err =
        t_text(args, 1, "a role, such as \"manager\" or \"manager:anna\"", out_role, error);
    if (err != OK) {
        return err;
    }
    world_hold_crash(world); /* a person is made by several commits */
    err = world_role(world, *out_role, &user, error);
    enum err late = world_release_crash(world, err == OK ? error : NULL);
    err = err == OK ? late : err;
    return err == OK ? world_settle(world, error) : err; /* a crash comes before the vote */
}

enum err t_approve(struct test *test, const struct value *args, struct value *out,
                   struct error *error)
{
    struct world *world = test->world;
    struct str id = STR(""), role = STR("");
    struct value body;
    bool reject = false;
    enum err err = approval_arg(args, &id, error);
    if (err == OK) {
        err = read_vote(world, t_arg(args, 2), &reject, &body, error);
    }
    if (err == OK) {
        err = person_arg(test, args, &role, error);
    }
    if (err != OK) {
        return err;
    }
    struct world_call call = {
        .method = "POST",
        .target = arena_printf(&world->arena, "/api/v1/approvals/" STR_FORMAT "/%s",
                               STR_ARGS(world_encode(world, id)), reject ? "reject" : "approve"),
        .body = &body,
        .role = role};
    err = world_call(world, &call, error);
    if (err == OK && call.answer.kind == VALUE_MAP) {
        *out = call.answer;
    }
    return err == OK ? world_settle(world, error) : err;
}
