/* Compartments as records: making one with its first members, finding those that a name means, and
 * what all kinds of access have in common. Writer thread. */
#include "compartment.h"

#include "proxenos/base_text.h"
#include "query.h"

#include <stdio.h>
#include <string.h>

/* ---- texts ---- */

enum err compartment_text(struct str text, const char *pointer, bool needed, struct error *error)
{
    if (needed && str_trim(text).len == 0) {
        return error_at(error, ERR_REQUIRED, pointer, NULL, "say why: it is kept in the log");
    }
    if (utf8_count(text) > COMPARTMENT_TEXT_MAX) {
        return error_at(error, ERR_RANGE, pointer, NULL, "at most %d characters",
                        COMPARTMENT_TEXT_MAX);
    }
    return OK;
}

/* ---- finding ---- */

static const struct object_type *type_of(const struct tx *tx, struct str name)
{
    const struct object_type *type = schema_object(tx->schema, name);
    ASSERT(type != NULL); /* store_schema_apply always declares the core's types */
    return type;
}

enum err compartment_get(struct tx *tx, int64_t id, struct record **out_record, struct error *error)
{
    const struct object_type *type = type_of(tx, STR("compartment"));
    enum err err = record_row_get(tx, type, id, out_record, error);
    return err == ERR_NOT_FOUND ? record_missing(type, id, error) : err;
}

enum err compartment_find(struct tx *tx, struct str name_or_id, struct compartment_found *out_found,
                          struct error *error)
{
    const struct object_type *type = type_of(tx, STR("compartment"));
    struct texts_found named = {.type = type, .field = object_field(type, STR("name"))};
    struct record_head head;
    int64_t id = 0;
    *out_found = (struct compartment_found){0};
    if (id_parse(name_or_id, &id) == OK) {
        enum err err = record_row_head(tx, type, id, &head, error);
        if (err == OK) {
            out_found->ids = arena_dup(tx_arena(tx), &id, sizeof(id));
            out_found->count = 1;
        }
        if (err != ERR_NOT_FOUND) {
            return err;
        }
    }
    enum err err = record_row_by_text(tx, &named, name_or_id, COMPARTMENT_SAME_NAME_MAX, error);
    if (err == OK) {
        *out_found = (struct compartment_found){.ids = named.ids, .count = named.count};
    }
    return err;
}

enum err access_all(struct tx *tx, int64_t compartment, struct referrers *out_found,
                    struct error *error)
{
    const struct object_type *type = type_of(tx, STR("compartment_access"));
    *out_found = (struct referrers){.type = type, .field = object_field(type, STR("of"))};
    return record_row_referrers(tx, out_found, compartment, COMPARTMENT_ACCESSES_MAX, error);
}

bool access_in_force(const struct record *access, int64_t now_ms)
{
    return str_is(approval_text(access, "state"), "active") &&
           approval_number(access, "from", 0) <= now_ms &&
           approval_number(access, "until", INT64_MAX) > now_ms;
}

enum err access_load(struct tx *tx, int64_t id, struct record **out_access,
                     const struct scope_compartment **out_inside, struct error *error)
{
    const struct object_type *type = type_of(tx, STR("compartment_access"));
    enum err err = record_row_get(tx, type, id, out_access, error);
    if (err == OK) {
        *out_inside = scope_compartment(tx->scope, record_head_of(*out_access).compartment);
        err = *out_inside == NULL ? ERR_NOT_FOUND : OK;
    }
    return err == ERR_NOT_FOUND ? record_missing(type, id, error) : err;
}

/* ---- writing an access ---- */

static enum err check_user(struct tx *tx, int64_t id, struct str *out_who, struct error *error)
{
    struct record *user = NULL;
    enum err err = record_row_get(tx, type_of(tx, STR("user")), id, &user, error);
    bool there = err == OK && user->values[SYS_ARCHIVED_AT].kind == VALUE_NULL &&
                 str_is(approval_text(user, "state"), "active");
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (!there) {
        return error_at(error, ERR_REFERENCE, "/user", NULL, "there is no active user of this id");
    }
    *out_who =
        arena_printf(tx_arena(tx), "user:" STR_FORMAT, STR_ARGS(approval_text(user, "name")));
    return OK;
}

static enum err who_of(struct tx *tx, const struct compartment_who *who, struct str *out_who,
                       struct error *error)
{
    if (who->user != 0) {
        return check_user(tx, who->user, out_who, error);
    }
    if (who->plugin.len == 0 || who->plugin.len > 80) {
        return error_at(error, ERR_REQUIRED, "/user", NULL,
                        "say who: user (an id) or plugin (a name)");
    }
    if (who->keeper) {
        return error_at(error, ERR_INVALID, "/keeper", NULL, "a keeper is a person");
    }
    *out_who = arena_printf(tx_arena(tx), "plugin:" STR_FORMAT, STR_ARGS(who->plugin));
    return OK;
}

enum err access_draft(struct tx *tx, const struct access_kind *kind,
                      const struct compartment_who *who, struct draft **out_draft,
                      struct error *error)
{
    const struct object_type *type = type_of(tx, STR("compartment_access"));
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_CREATE, type, ids_next(tx->store->ids));
    struct str name = STR("");
    bool active = strcmp(kind->state, "active") == 0; /* else "asked" */
    enum err err = who_of(tx, who, &name, error);
    if (err == OK) {
        err = compartment_text(who->reason, "/reason", false, error);
    }
    if (err != OK) {
        return err;
    }
    struct str key = approval_id_text(tx_arena(tx), kind->compartment);
    approval_put(tx, draft, "of", value_id(kind->compartment));
    approval_put(tx, draft, "compartment", value_text(key));
    approval_put(tx, draft, "kind", value_text(str_from(kind->kind)));
    approval_put(tx, draft, "who", value_text(name));
    approval_put(tx, draft, "keeper", value_bool(who->keeper));
    approval_put(tx, draft, "write", value_bool(who->write));
    approval_put(tx, draft, "asked_by", value_text(tx->scope->actor));
    approval_put(tx, draft, "state", value_text(str_from(kind->state)));
    if (who->user != 0) {
        approval_put(tx, draft, "user", value_id(who->user));
        approval_put(tx, draft, "owner", value_id(who->user));
    } else {
        approval_put(tx, draft, "plugin", value_text(who->plugin));
    }
    if (who->until_ms != 0) {
        approval_put(tx, draft, "until", value_time(who->until_ms));
    }
    if (who->reason.len > 0) {
        approval_put(tx, draft, "reason", value_text(who->reason));
    }
    if (active) {
        approval_put(tx, draft, "from", value_time(tx->now_ms));
        approval_put(tx, draft, "decided_by", value_text(tx->scope->actor));
        approval_put(tx, draft, "decided_at", value_time(tx->now_ms));
    }
    *out_draft = draft;
    return OK;
}

enum err access_write(struct tx *tx, const struct draft *draft, struct record **out_access,
                      struct error *error)
{
    struct writing writing = {.tx = tx, .draft = draft, .trusted = true};
    enum err err = record_apply(&writing, NULL, error);
    if (err == OK && out_access != NULL) {
        *out_access = record_for_scope(tx_arena(tx), tx->scope, writing.whole);
    }
    return err;
}

/* ---- making one ---- */

static bool named_before(const struct compartment_spec *spec, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (spec->members[i].user != 0 && spec->members[i].user == spec->members[at].user) {
            return true;
        }
    }
    return false;
}

static enum err check_spec(const struct compartment_spec *spec, struct error *error)
{
    size_t keepers = 0;
    if (str_trim(spec->name).len == 0 || utf8_count(spec->name) > 120) {
        return error_at(error, ERR_REQUIRED, "/name", NULL, "a name of 1 to 120 characters");
    }
    if (spec->member_count > COMPARTMENT_FIRST_MAX) {
        return error_at(error, ERR_LIMIT, "/members", NULL, "at most %d members at first",
                        COMPARTMENT_FIRST_MAX);
    }
    for (size_t i = 0; i < spec->member_count; i++) {
        if (named_before(spec, i)) {
            return error_at(error, ERR_INVALID, "/members", NULL, "one person is named twice");
        }
        keepers += spec->members[i].keeper ? 1 : 0;
    }
    if (keepers < COMPARTMENT_KEEPERS_MIN) {
        return error_at(error, ERR_INVALID, "/members", NULL,
                        "name at least %d keepers: two people decide who comes in",
                        COMPARTMENT_KEEPERS_MIN);
    }
    return compartment_text(spec->purpose, "/purpose", false, error);
}

static enum err write_compartment(struct tx *tx, const struct compartment_spec *spec, int64_t id,
                                  struct error *error)
{
    const struct object_type *type = type_of(tx, STR("compartment"));
    struct draft *draft = draft_new(tx_arena(tx), DRAFT_CREATE, type, id);
    approval_put(tx, draft, "compartment", value_text(approval_id_text(tx_arena(tx), id)));
    approval_put(tx, draft, "name", value_text(spec->name));
    approval_put(tx, draft, "break_glass", value_bool(spec->break_glass));
    if (spec->label.len > 0) {
        approval_put(tx, draft, "label", value_text(spec->label));
    }
    if (spec->purpose.len > 0) {
        approval_put(tx, draft, "purpose", value_text(spec->purpose));
    }
    return access_write(tx, draft, NULL, error);
}

enum err tx_compartment_make(struct tx *tx, const struct compartment_spec *spec, int64_t *out_id,
                             struct error *error)
{
    if (!tx->scope->admin && !tx->scope->opens) {
        return error_set(error, ERR_FORBIDDEN,
                         "compartments are made by administrators and by roles with "
                         "\"compartments\"");
    }
    int64_t id = ids_next(tx->store->ids);
    const struct access_kind kind = {.kind = "member", .state = "active", .compartment = id};
    enum err err = check_spec(spec, error);
    if (err == OK) {
        err = write_compartment(tx, spec, id, error);
    }
    for (size_t i = 0; i < spec->member_count && err == OK; i++) {
        struct draft *draft = NULL;
        err = access_draft(tx, &kind, &spec->members[i], &draft, error);
        if (err == OK) {
            err = access_write(tx, draft, NULL, error);
        } else if (error != NULL) {
            char pointer[sizeof(error->pointer)];
            (void)snprintf(pointer, sizeof(pointer), "/members/%zu%s", i, error->pointer);
            (void)snprintf(error->pointer, sizeof(error->pointer), "%s", pointer);
        }
    }
    *out_id = id;
    return err;
}
