/* Who comes in: a keeper proposes and another confirms, one outside asks to cross, one whose role
 * may breaks the glass; who goes out; what is said of it afterwards. Writer thread. */
#include "compartment.h"

#include "log.h"
#include "proxenos/base_json.h"
#include "query.h"

static const int64_t hour_ms = (int64_t)60 * 60 * 1000;
static const int64_t minute_ms = (int64_t)60 * 1000;
static const int64_t day_ms = (int64_t)24 * 60 * 60 * 1000;

static enum err only_keepers(const struct scope_compartment *inside, struct error *error)
{
    return inside->keeper
               ? OK
               : error_set(error, ERR_FORBIDDEN, "only a keeper of this compartment does this");
}

/* ---- members ---- */

enum err tx_access_propose(struct tx *tx, int64_t compartment, const struct compartment_who *who,
                           struct record **out_access, struct error *error)
{
    struct record *found = NULL;
    struct draft *draft = NULL;
    const struct access_kind kind = {"member", "asked", compartment};
    struct str key = approval_id_text(tx_arena(tx), compartment);
    const struct scope_compartment *inside = scope_compartment(tx->scope, key);
    if (inside == NULL) {
        return record_missing(schema_object(tx->schema, STR("compartment")), compartment, error);
    }
    enum err err = compartment_get(tx, compartment, &found, error);
    if (err == OK) {
        err = only_keepers(inside, error);
    }
    if (err == OK) {
        err = compartment_text(who->reason, "/reason", true, error);
    }
    if (err == OK && who->until_ms != 0 && who->until_ms <= tx->now_ms) {
        err = error_at(error, ERR_RANGE, "/until", NULL, "until is a time to come");
    }
    if (err == OK) {
        err = access_draft(tx, &kind, who, &draft, error);
    }
    return err == OK ? access_write(tx, draft, out_access, error) : err;
}

static void put_decision(struct tx *tx, struct draft *draft, const char *state, struct str comment)
{
    approval_put(tx, draft, "state", value_text(str_from(state)));
    if (comment.len > 0) {
        approval_put(tx, draft, "comment", value_text(comment));
    }
}

static enum err check_decision(struct tx *tx, const struct record *access,
                               const struct scope_compartment *inside, struct error *error)
{
    struct str state = approval_text(access, "state");
    enum err err = only_keepers(inside, error);
    if (err != OK) {
        return err;
    }
    if (!str_is(state, "asked")) {
        return error_set(error, ERR_CONFLICT, "it is " STR_FORMAT " already", STR_ARGS(state));
    }
    /* Neither who asked nor who it is for. */
    if (str_eq(approval_text(access, "asked_by"), tx->scope->actor) ||
        (tx->scope->user != 0 && approval_number(access, "user", 0) == tx->scope->user)) {
        return error_set(error, ERR_SAME_PERSON, "another keeper confirms it");
    }
    int64_t asked_ms = access->values[SYS_UPDATED_AT].integer;
    if (asked_ms + CROSSING_ASKED_DAYS_MAX * day_ms <= tx->now_ms) {
        return error_set(error, ERR_GONE, "it was asked for more than %d days ago; ask anew",
                         CROSSING_ASKED_DAYS_MAX);
    }
    return OK;
}

enum err tx_access_decide(struct tx *tx, int64_t id, bool confirm, struct str comment,
                          struct record **out_access, struct error *error)
{
    struct record *access = NULL;
    const struct scope_compartment *inside = NULL;
    enum err err = access_load(tx, id, &access, &inside, error);
    if (err == OK) {
        err = check_decision(tx, access, inside, error);
    }
    if (err == OK) {
        err = compartment_text(comment, "/comment", false, error);
    }
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, access->type, id);
    put_decision(tx, draft, confirm ? "active" : "refused", comment);
    approval_put(tx, draft, "decided_by", value_text(tx->scope->actor));
    approval_put(tx, draft, "decided_at", value_time(tx->now_ms));
    if (confirm) {
        int64_t hours = approval_number(access, "hours", 0);
        approval_put(tx, draft, "from", value_time(tx->now_ms));
        if (hours > 0) {
            approval_put(tx, draft, "until", value_time(tx->now_ms + hours * hour_ms));
        }
    }
    return access_write(tx, draft, out_access, error);
}

/* ---- the end ---- */

/* The keepers that there are without this one. */
static enum err count_keepers(struct tx *tx, const struct record *without, int *out_count,
                              struct error *error)
{
    struct referrers all;
    enum err err = access_all(tx, approval_number(without, "of", 0), &all, error);
    *out_count = 0;
    for (size_t i = 0; i < all.count && err == OK; i++) {
        struct record *access = NULL;
        err = record_row_get(tx, all.type, all.ids[i], &access, error);
        const struct value *keeper = err == OK ? approval_get(access, "keeper") : NULL;
        bool keeps = keeper != NULL && keeper->kind == VALUE_BOOL && keeper->boolean;
        if (keeps && access->id != without->id && access_in_force(access, tx->now_ms)) {
            (*out_count)++;
        }
    }
    return err;
}

static enum err check_end(struct tx *tx, const struct record *access,
                          const struct scope_compartment *inside, struct error *error)
{
    const struct value *keeper = approval_get(access, "keeper");
    bool own = tx->scope->user != 0 && approval_number(access, "user", 0) == tx->scope->user;
    int left = 0;
    enum err err = own ? OK : only_keepers(inside, error);
    if (err == OK && !access_in_force(access, tx->now_ms)) {
        err = error_set(error, ERR_CONFLICT, "it is not in force");
    }
    if (err != OK || keeper == NULL || keeper->kind != VALUE_BOOL || !keeper->boolean) {
        return err;
    }
    err = count_keepers(tx, access, &left, error);
    if (err == OK && left < COMPARTMENT_KEEPERS_MIN) {
        err = error_set(error, ERR_CONFLICT,
                        "a compartment has at least %d keepers: let another "
                        "one in first",
                        COMPARTMENT_KEEPERS_MIN);
    }
    return err;
}

enum err tx_access_end(struct tx *tx, int64_t id, struct str comment, struct record **out_access,
                       struct error *error)
{
    struct record *access = NULL;
    const struct scope_compartment *inside = NULL;
    enum err err = access_load(tx, id, &access, &inside, error);
    if (err == OK) {
        err = check_end(tx, access, inside, error);
    }
    if (err == OK) {
        err = compartment_text(comment, "/comment", false, error);
    }
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, access->type, id);
    put_decision(tx, draft, "ended", comment);
    approval_put(tx, draft, "ended_by", value_text(tx->scope->actor));
    approval_put(tx, draft, "until", value_time(tx->now_ms));
    return access_write(tx, draft, out_access, error);
}

enum err tx_accesses_suspend(struct tx *tx, int64_t user, struct error *error)
{
    const struct object_type *type = schema_object(tx->schema, STR("compartment_access"));
    struct referrers his = {.type = type, .field = object_field(type, STR("user"))};
    enum err err = record_row_referrers(tx, &his, user, COMPARTMENT_ACCESSES_MAX, error);
    for (size_t i = 0; err == OK && i < his.count; i++) {
        struct record *access = NULL;
        err = record_row_get(tx, type, his.ids[i], &access, error);
        if (err != OK || !access_in_force(access, tx->now_ms)) {
            continue;
        }
        struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, type, access->id);
        put_decision(tx, draft, "asked", STR("his password was set by another person"));
        approval_put(tx, draft, "asked_by", value_text(tx->scope->actor));
        err = access_write(tx, draft, NULL, error);
    }
    return err;
}

/* ---- crossing ---- */

/* One request at a time, none from who is inside; past the limit none more. Silently: the asker
 * learns nothing. */
static enum err may_ask(struct tx *tx, int64_t compartment, bool *out_may, struct error *error)
{
    struct referrers all;
    enum err err = access_all(tx, compartment, &all, error);
    *out_may = err == OK && all.count < COMPARTMENT_ACCESSES_MAX;
    for (size_t i = 0; i < all.count && err == OK && *out_may; i++) {
        struct record *access = NULL;
        err = record_row_get(tx, all.type, all.ids[i], &access, error);
        if (err == OK && approval_number(access, "user", 0) == tx->scope->user) {
            bool open = str_is(approval_text(access, "state"), "asked") &&
                        access->values[SYS_UPDATED_AT].integer + CROSSING_ASKED_DAYS_MAX * day_ms >
                            tx->now_ms;
            *out_may = !open && !access_in_force(access, tx->now_ms);
        }
    }
    return err == ERR_LIMIT ? OK : err;
}

static enum err ask_one(struct tx *tx, int64_t compartment, const struct crossing_ask *ask,
                        struct error *error)
{
    const struct access_kind kind = {"crossing", "asked", compartment};
    const struct compartment_who who = {
        .user = tx->scope->user, .write = ask->write, .reason = ask->reason};
    struct draft *draft = NULL;
    bool may = false;
    enum err err = may_ask(tx, compartment, &may, error);
    if (err != OK || !may) {
        return err;
    }
    err = access_draft(tx, &kind, &who, &draft, error);
    if (err == OK) {
        approval_put(tx, draft, "hours", value_int(ask->hours));
        err = access_write(tx, draft, NULL, error);
    }
    return err;
}

enum err tx_crossing_ask(struct tx *tx, const struct crossing_ask *ask, struct error *error)
{
    struct compartment_found found;
    if (tx->scope->user == 0) {
        return error_set(error, ERR_FORBIDDEN, "only a person crosses");
    }
    if (ask->hours < 1 || ask->hours > CROSSING_HOURS_MAX) {
        return error_at(error, ERR_RANGE, "/hours", NULL, "hours is 1 to %d", CROSSING_HOURS_MAX);
    }
    enum err err = compartment_text(ask->reason, "/reason", true, error);
    if (err == OK) {
        err = compartment_find(tx, ask->compartment, &found, error);
    }
    for (size_t i = 0; err == OK && i < found.count; i++) {
        err = ask_one(tx, found.ids[i], ask, error);
    }
    return err;
}

/* ---- break-glass ---- */

/* The compartment that a record lies in, if there are both. */
static enum err around_record(struct tx *tx, const struct glass *glass,
                              struct compartment_found *out_found, struct error *error)
{
    const struct object_type *type = schema_object(tx->schema, glass->object);
    struct record_head head;
    *out_found = (struct compartment_found){0};
    enum err err =
        type == NULL ? ERR_NOT_FOUND : record_row_head(tx, type, glass->record, &head, error);
    if (err == OK && head.compartment.len > 0) {
        return compartment_find(tx, head.compartment, out_found, error);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err nothing_to_open(struct error *error)
{
    return error_set(error, ERR_NOT_FOUND,
                     "there is nothing of this name or id that may be opened this way");
}

/* Exactly one that allows it; of two with one name the id says which. */
static enum err choose(struct tx *tx, const struct compartment_found *found, int64_t *out_id,
                       struct error *error)
{
    *out_id = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct record *compartment = NULL;
        enum err err = compartment_get(tx, found->ids[i], &compartment, error);
        if (err != OK) {
            return err;
        }
        const struct value *allows = approval_get(compartment, "break_glass");
        if (allows == NULL || allows->kind != VALUE_BOOL || !allows->boolean) {
            continue;
        }
        if (*out_id != 0) {
            return nothing_to_open(error);
        }
        *out_id = compartment->id;
    }
    return *out_id != 0 ? OK : nothing_to_open(error);
}

/* The log's own line for it (contract 2), which the keepers' subscriptions wait for. */
static enum err tell_keepers(struct tx *tx, const struct record *access, struct error *error)
{
    struct arena *arena = tx_arena(tx);
    struct value more = value_map_new();
    struct buf payload;
    value_put_c(arena, &more, "after", value_map_new());
    struct value *after = &more.map.entries[0].value;
    value_put_c(arena, after, "who", *approval_get(access, "who"));
    value_put_c(arena, after, "reason", *approval_get(access, "reason"));
    buf_init(&payload);
    json_encode(&payload, &more);
    struct log_entry entry = {.type = STR("compartment_access.glass_broken"),
                              .object = STR("compartment_access"),
                              .record = access->id,
                              .version = access->version,
                              .compartment = access->values[SYS_COMPARTMENT].text,
                              .payload = arena_str(arena, buf_str(&payload))};
    buf_deinit(&payload);
    return log_append(tx, &entry, NULL, error);
}

static enum err break_one(struct tx *tx, int64_t compartment, struct str reason,
                          struct record **out_access, struct error *error)
{
    const struct access_kind kind = {"break_glass", "active", compartment};
    const struct compartment_who who = {.user = tx->scope->user,
                                        .until_ms = tx->now_ms + BREAK_GLASS_MINUTES * minute_ms,
                                        .reason = reason};
    struct draft *draft = NULL;
    enum err err = access_draft(tx, &kind, &who, &draft, error);
    if (err == OK) {
        approval_put(tx, draft, "review", value_text(STR("open")));
        approval_put(tx, draft, "review_due",
                     value_time(tx->now_ms + BREAK_GLASS_REVIEW_DAYS * day_ms));
        err = access_write(tx, draft, out_access, error);
    }
    return err == OK ? tell_keepers(tx, *out_access, error) : err;
}

enum err tx_break_glass(struct tx *tx, const struct glass *glass, struct record **out_access,
                        struct error *error)
{
    struct compartment_found found;
    int64_t id = 0;
    if (!tx->scope->breaks_glass || tx->scope->user == 0) {
        return error_set(error, ERR_FORBIDDEN, "only people whose role has \"break_glass\" may");
    }
    enum err err = compartment_text(glass->reason, "/reason", true, error);
    if (err == OK) {
        err = glass->object.len > 0 ? around_record(tx, glass, &found, error)
                                    : compartment_find(tx, glass->compartment, &found, error);
    }
    if (err == OK) {
        err = choose(tx, &found, &id, error);
    }
    return err == OK ? break_one(tx, id, glass->reason, out_access, error) : err;
}

/* ---- review ---- */

enum err tx_access_review(struct tx *tx, int64_t id, bool in_order, struct str comment,
                          struct record **out_access, struct error *error)
{
    struct record *access = NULL;
    const struct scope_compartment *inside = NULL;
    enum err err = access_load(tx, id, &access, &inside, error);
    if (err == OK) {
        err = only_keepers(inside, error);
    }
    if (err == OK && tx->scope->user != 0 &&
        approval_number(access, "user", 0) == tx->scope->user) {
        err = error_set(error, ERR_SAME_PERSON, "who broke the glass cannot review it");
    }
    if (err == OK && !str_is(approval_text(access, "review"), "open")) {
        err = error_set(error, ERR_CONFLICT, "there is nothing to review, or it is done");
    }
    if (err == OK) {
        err = compartment_text(comment, "/comment", !in_order, error);
    }
    if (err != OK) {
        return err;
    }
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_UPDATE, access->type, id);
    approval_put(tx, draft, "review", value_text(in_order ? STR("in_order") : STR("objected")));
    approval_put(tx, draft, "reviewed_by", value_text(tx->scope->actor));
    approval_put(tx, draft, "reviewed_at", value_time(tx->now_ms));
    if (comment.len > 0) {
        approval_put(tx, draft, "comment", value_text(comment));
    }
    return access_write(tx, draft, out_access, error);
}
