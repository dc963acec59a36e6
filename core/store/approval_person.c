/* Who votes, and for whom: distinct people, never the maker, never who is excluded, with the role
 * that decides; a deputy for one who is away. Writer thread, but for what is pure. */
#include "approval.h"

#include "query.h"

#include <string.h>

/* ---- pure: one person and the record ---- */

struct str approval_role(const struct record *approval, int64_t now_ms)
{
    struct str escalate = approval_text(approval, "escalate");
    /* By the clock, not by when the timer came to it: a late vote never counts for the old role. */
    bool over = escalate.len > 0 && approval_number(approval, "due", INT64_MAX) <= now_ms;
    return over ? escalate : approval_text(approval, "role");
}

static bool is_user(const struct value *id, int64_t user)
{
    int64_t parsed = 0;
    return user != 0 && id != NULL && id->kind == VALUE_TEXT && id_parse(id->text, &parsed) == OK &&
           parsed == user;
}

static bool is_excluded(const struct record *approval, int64_t user)
{
    const struct value *list = approval_get(approval, "exclude");
    for (size_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (is_user(&list->list.items[i], user)) {
            return true;
        }
    }
    return false;
}

/* Himself or by a deputy, and a deputy himself: one vote takes up both. */
static bool has_voted(const struct record *approval, const struct approval_person *person)
{
    const struct value *votes = approval_get(approval, "votes");
    for (size_t i = 0; votes != NULL && votes->kind == VALUE_LIST && i < votes->list.count; i++) {
        const struct value *vote = &votes->list.items[i];
        if (is_user(value_get_c(vote, "user"), person->user) ||
            is_user(value_get_c(vote, "for"), person->user) ||
            str_eq(value_get_text(vote, "by", STR("")), person->actor)) {
            return true;
        }
    }
    return false;
}

static enum err check_open(const struct record *approval, int64_t now_ms, struct error *error)
{
    struct str state = approval_text(approval, "state");
    if (str_is(state, "void")) {
        return error_set(error, ERR_VOID, "the record has changed since it was asked for");
    }
    if (!str_is(state, "pending")) {
        return error_set(error, ERR_CONFLICT, "it is " STR_FORMAT " already", STR_ARGS(state));
    }
    if (approval_number(approval, "expires", INT64_MAX) <= now_ms) {
        return error_set(error, ERR_GONE, "its time to decide is over");
    }
    return OK;
}

/* All but the role. */
static enum err check_person(const struct record *approval, const struct approval_person *person,
                             struct error *error)
{
    bool maker = person->user != 0 && approval_number(approval, "owner", 0) == person->user;
    if (maker || str_eq(approval_text(approval, "requested_by"), person->actor)) {
        return error_set(error, ERR_SAME_PERSON, "who asked for it cannot decide on it");
    }
    if (is_excluded(approval, person->user)) {
        return error_set(error, ERR_FORBIDDEN, "who is excluded from it cannot decide on it");
    }
    if (has_voted(approval, person)) {
        return error_set(error, ERR_CONFLICT, "this person's vote was given already");
    }
    return OK;
}

static enum err check_role(const struct record *approval, const struct approval_person *person,
                           int64_t now_ms, struct error *error)
{
    struct str role = approval_role(approval, now_ms);
    for (size_t i = 0; i < person->role_count; i++) {
        if (str_eq(person->roles[i], role)) {
            return OK;
        }
    }
    return role.len == 0
               ? OK
               : error_set(error, ERR_FORBIDDEN, "only the role " STR_FORMAT " decides on this",
                           STR_ARGS(role));
}

enum err approval_may_count(const struct record *approval, const struct approval_person *person,
                            int64_t now_ms, struct error *error)
{
    enum err err = check_open(approval, now_ms, error);
    if (err == OK) {
        err = check_person(approval, person, error);
    }
    return err == OK ? check_role(approval, person, now_ms, error) : err;
}

/* ---- those who are away ---- */

static enum err role_names(struct tx *tx, const struct record *user, struct approval_person *person,
                           struct error *error)
{
    const struct value *ids = record_value(user, STR("roles"));
    const struct object_type *type = schema_object(tx->schema, STR("role"));
    size_t count = ids != NULL && ids->kind == VALUE_LIST && type != NULL ? ids->list.count : 0;
    struct str *names = ARENA_ARRAY(tx_arena(tx), struct str, count + 1);
    person->roles = names;
    person->role_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct record *role = NULL;
        enum err err = record_row_get(tx, type, ids->list.items[i].integer, &role, error);
        if (err == OK && role->values[SYS_ARCHIVED_AT].kind == VALUE_NULL) {
            names[person->role_count++] = approval_text(role, "name");
        } else if (err != OK && err != ERR_NOT_FOUND) {
            return err;
        }
    }
    return OK;
}

/* ERR_NOT_FOUND: he is not away, or has another deputy. */
static enum err load_absent(struct tx *tx, int64_t id, int64_t deputy,
                            struct approval_person *out_person, struct error *error)
{
    const struct object_type *type = schema_object(tx->schema, STR("user"));
    struct record *user = NULL;
    enum err err = type == NULL ? ERR_NOT_FOUND : record_row_get(tx, type, id, &user, error);
    if (err != OK) {
        return err;
    }
    bool away = approval_number(user, "away_until", 0) > tx->now_ms &&
                approval_number(user, "away_from", 0) <= tx->now_ms;
    bool active = str_is(approval_text(user, "state"), "active") &&
                  user->values[SYS_ARCHIVED_AT].kind == VALUE_NULL;
    if (!away || !active || approval_number(user, "deputy", 0) != deputy) {
        return ERR_NOT_FOUND;
    }
    *out_person =
        (struct approval_person){.user = id,
                                 .actor = arena_printf(tx_arena(tx), "user:" STR_FORMAT,
                                                       STR_ARGS(approval_text(user, "name")))};
    return role_names(tx, user, out_person, error);
}

static enum err deputy_of(struct tx *tx, int64_t deputy, int64_t **out_ids, size_t *out_count,
                          struct error *error)
{
    struct referrers found = {.type = schema_object(tx->schema, STR("user"))};
    found.field = found.type != NULL ? object_field(found.type, STR("deputy")) : NULL;
    *out_count = 0;
    if (found.field == NULL || deputy == 0) {
        return OK;
    }
    enum err err = record_row_referrers(tx, &found, deputy, APPROVAL_ABSENT_MAX, error);
    *out_ids = found.ids;
    *out_count = found.count;
    return err;
}

/* The first one who is away and whose vote counts. */
static enum err any_absent(struct tx *tx, const struct record *approval, int64_t *out_principal,
                           struct error *error)
{
    int64_t *ids = NULL;
    size_t count = 0;
    enum err err = deputy_of(tx, tx->scope->user, &ids, &count, error);
    for (size_t i = 0; i < count && err == OK && *out_principal == 0; i++) {
        struct approval_person absent;
        err = load_absent(tx, ids[i], tx->scope->user, &absent, error);
        if (err == OK && approval_may_count(approval, &absent, tx->now_ms, NULL) == OK) {
            *out_principal = ids[i];
        }
        err = err == ERR_NOT_FOUND ? OK : err;
    }
    return err;
}

static enum err named_absent(struct tx *tx, const struct record *approval, int64_t wanted,
                             struct error *error)
{
    struct approval_person absent;
    enum err err = load_absent(tx, wanted, tx->scope->user, &absent, error);
    if (err == ERR_NOT_FOUND) {
        return error_at(error, ERR_FORBIDDEN, "/for", NULL,
                        "this user is not away now, or you are not his deputy");
    }
    return err == OK ? approval_may_count(approval, &absent, tx->now_ms, error) : err;
}

enum err approval_principal(struct tx *tx, const struct record *approval, int64_t wanted,
                            int64_t *out_principal, struct error *error)
{
    const struct scope *scope = tx->scope;
    struct approval_person self = {.user = scope->user,
                                   .actor = scope->actor,
                                   .roles = scope->roles,
                                   .role_count = scope->role_count};
    struct error role = {0};
    *out_principal = 0;
    enum err err = check_open(approval, tx->now_ms, error);
    if (err == OK) {
        err = check_person(approval, &self, error); /* a deputy, too, is bound by all of this */
    }
    if (err != OK) {
        return err;
    }
    if (wanted != 0 && wanted != scope->user) {
        *out_principal = wanted;
        return named_absent(tx, approval, wanted, error);
    }
    if (check_role(approval, &self, tx->now_ms, &role) == OK) {
        return OK;
    }
    err = wanted != 0 ? OK : any_absent(tx, approval, out_principal, error);
    if (err == OK && *out_principal == 0) {
        return error_set(error, role.err, "%s", role.detail);
    }
    return err;
}

/* ---- absence ---- */

static enum err check_deputy(struct tx *tx, const struct object_type *type, int64_t user,
                             int64_t deputy, struct error *error)
{
    struct record *record = NULL;
    if (deputy == user) {
        return error_at(error, ERR_INVALID, "/deputy", NULL, "nobody is his own deputy");
    }
    enum err err = record_row_get(tx, type, deputy, &record, error);
    bool there = err == OK && record->values[SYS_ARCHIVED_AT].kind == VALUE_NULL &&
                 str_is(approval_text(record, "state"), "active");
    return err != OK && err != ERR_NOT_FOUND ? err
           : there                           ? OK
                                             : error_at(error, ERR_REFERENCE, "/deputy", NULL,
                                                        "there is no active user of this id");
}

static struct str user_name(struct tx *tx, const struct record *user)
{
    return user->type->title_field >= 0 &&
                   draft_access(tx->scope, user->type, object_field(user->type, STR("name"))) >=
                       FIELD_READABLE
               ? approval_text(user, "name")
               : STR("•••");
}

/* Two who stand in for each other while both are away would leave nobody: the chain of deputies of
 * those who are away in the same time must not lead back. One after the other is fine. */
static enum err check_circle(struct tx *tx, const struct object_type *type, int64_t user,
                             const struct absence *absence, struct error *error)
{
    struct buf path;
    int64_t at = absence->deputy;
    enum err err = OK;
    buf_init(&path);
    for (int hop = 0; hop < ACYCLIC_DEPTH_MAX && err == OK && at != 0; hop++) {
        struct record *record = NULL;
        err = record_row_get(tx, type, at, &record, error);
        bool away = err == OK && approval_number(record, "away_until", 0) > absence->from_ms &&
                    approval_number(record, "away_from", 0) < absence->until_ms;
        if (err == OK) {
            buf_printf(&path, STR_FORMAT " → ", STR_ARGS(user_name(tx, record)));
        }
        at = away ? approval_number(record, "deputy", 0) : 0;
        if (at == user) {
            err = error_at(
                error, ERR_CYCLE, "/deputy", NULL,
                "they would be away at the same time and stand in for each other: " STR_FORMAT
                "the one who is away",
                STR_ARGS(buf_str(&path)));
        }
    }
    buf_deinit(&path);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err tx_absence(struct tx *tx, int64_t user, const struct absence *absence,
                    struct record **out_record, struct error *error)
{
    const struct object_type *type = NULL;
    bool away = absence->until_ms != 0;
    enum err err = schema_find_object(tx->schema, STR("user"), &type, error);
    if (err == OK && away) {
        err = check_deputy(tx, type, user, absence->deputy, error);
    }
    if (err == OK && away) {
        err = check_circle(tx, type, user, absence, error);
    }
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, type, user);
    approval_put(tx, draft, "away_from", away ? value_time(absence->from_ms) : value_null());
    approval_put(tx, draft, "away_until", away ? value_time(absence->until_ms) : value_null());
    approval_put(tx, draft, "deputy", away ? value_id(absence->deputy) : value_null());
    struct writing change = {.tx = tx, .draft = draft, .trusted = true};
    err = record_apply(&change, NULL, error);
    if (err == OK) {
        *out_record = record_for_scope(tx_arena(tx), tx->scope, change.whole);
    }
    return err;
}
