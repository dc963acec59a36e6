/* Pieces of statements: joins over refs, row rules, bound values (select.h). */
#include "select.h"

#include <stdio.h>

#include "../internal.h"
#include "../row_rules.h"
#include "proxenos/base_json.h"

void sql_init(struct sql *sql, struct arena *arena, const struct scope *scope,
              const struct object_type *root, int64_t now_ms)
{
    *sql = (struct sql){.arena = arena, .scope = scope, .now_ms = now_ms, .join_count = 1};
    sql->joins[0] = (struct sql_join){.parent = -1, .type = root, .alias = "r"};
}

/* ---- values ---- */

void sql_bind(struct sql *sql, struct buf *out, const struct value *value)
{
    if (sql->bind_count == SQL_BINDS_MAX) {
        sql->err = ERR_LIMIT;
        buf_append_str(out, STR("null"));
        return;
    }
    if (sql->bind_count == sql->bind_cap) {
        int cap = MAX(16, sql->bind_cap * 2);
        struct value *binds = arena_alloc(sql->arena, sizeof(*binds) * (size_t)cap);
        for (int i = 0; i < sql->bind_count; i++) {
            binds[i] = sql->binds[i];
        }
        sql->binds = binds;
        sql->bind_cap = cap;
    }
    sql->binds[sql->bind_count++] = *value;
    buf_append_char(out, '?');
    json_write_int(out, sql->bind_count);
}

void sql_bind_int(struct sql *sql, struct buf *out, int64_t number)
{
    struct value value = value_int(number);
    sql_bind(sql, out, &value);
}

static void bind_one(struct db_stmt *stmt, int index, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_NULL:
        db_bind_null(stmt, index);
        break;
    case VALUE_BOOL:
        db_bind_int(stmt, index, value->boolean ? 1 : 0);
        break;
    case VALUE_INT:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
        db_bind_int(stmt, index, value->integer);
        break;
    case VALUE_TEXT:
        db_bind_text(stmt, index, value->text);
        break;
    case VALUE_BYTES:
        db_bind_blob(stmt, index, value->text.at, value->text.len);
        break;
    case VALUE_REAL:
    case VALUE_LIST:
    case VALUE_MAP:
        ASSERT(false); /* a typed scalar */
        break;
    }
}

void sql_bind_all(const struct sql *sql, struct db_stmt *stmt)
{
    for (int i = 0; i < sql->bind_count; i++) {
        bind_one(stmt, i + 1, &sql->binds[i]);
    }
}

enum err sql_start(struct sql *sql, struct db *db, const struct buf *text,
                   struct db_stmt **out_stmt, struct error *error)
{
    if (sql->err != OK) {
        return error_set(error, sql->err,
                         "the query crosses too many refs or holds too many values");
    }
    enum err err = db_cached(db, buf_str(text), out_stmt, error);
    if (err == OK) {
        sql_bind_all(sql, *out_stmt);
    }
    return err;
}

/* ---- joins ---- */

const char *sql_alias(const struct sql *sql, int join)
{
    ASSERT(join >= 0 && join < sql->join_count);
    return sql->joins[join].alias;
}

static int find_join(const struct sql *sql, int parent, const struct field *ref)
{
    for (int i = 1; i < sql->join_count; i++) {
        if (sql->joins[i].parent == parent && sql->joins[i].ref == ref) {
            return i;
        }
    }
    return -1;
}

int sql_join(struct sql *sql, int parent, const struct field *ref)
{
    int found = find_join(sql, parent, ref);
    if (found > 0) {
        return found;
    }
    if (sql->join_count == SQL_JOINS_MAX) {
        sql->err = ERR_LIMIT;
        return parent; /* the statement will not run */
    }
    struct sql_join *join = &sql->joins[sql->join_count];
    join->parent = parent;
    join->ref = ref;
    join->type = schema_object(sql->scope->schema, ref->to);
    ASSERT(join->type != NULL);
    (void)snprintf(join->alias, sizeof(join->alias), "j%d", sql->join_count);
    return sql->join_count++;
}

int sql_path(struct sql *sql, int from, const struct field_path *path)
{
    int join = from;
    for (int i = 0; i < path->hop_count; i++) {
        join = sql_join(sql, join, path->hops[i]);
    }
    return join;
}

/* ---- row rules ---- */

/* Users own themselves: their row rules look at the id. */
static bool is_user(const struct object_type *type)
{
    return str_is(type->name, "user");
}

bool sql_open(const struct scope *scope, const struct object_type *type)
{
    return scope_reads(scope, type) && scope->grants[type->index].read_rows == ROWS_ALL &&
           (scope->every_compartment || type->compartment == COMPARTMENT_NONE) &&
           (!approval_is(type) || (scope->every_compartment && scope->user == 0));
}

static void ids_in(struct sql *sql, struct buf *out, const int64_t *ids, size_t count)
{
    buf_append_str(out, STR(" in ("));
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        sql_bind_int(sql, out, ids[i]);
    }
    buf_append_char(out, ')');
}

/* `alias.owner in (…)`, the users that the rule reaches; false: none, and nothing was written. */
static bool owners_in(struct sql *sql, struct buf *out, const char *alias, const char *owner,
                      unsigned rule)
{
    const struct scope *scope = sql->scope;
    switch (rows_by_owner(rule)) {
    case ROWS_SUBTEAMS:
        buf_printf(out, "%s.\"%s\"", alias, owner);
        ids_in(sql, out, scope->team, MAX(scope->team_count, scope->below_count));
        return true;
    case ROWS_TEAM:
        buf_printf(out, "%s.\"%s\"", alias, owner);
        ids_in(sql, out, scope->team, scope->team_count);
        return true;
    case ROWS_OWN:
        buf_printf(out, "%s.\"%s\" = ", alias, owner);
        sql_bind_int(sql, out, scope->user);
        return true;
    case ROWS_NONE:
    case ROWS_ALL:
    case ROWS_TERRITORY:
        break;
    }
    return false;
}

/* The rows of those whose deputy this is: ` or alias.owner in (…)` for each. */
static void absent_rows(struct sql *sql, struct buf *out, const char *alias, const char *owner,
                        const struct object_type *type)
{
    const struct scope *scope = sql->scope;
    for (size_t i = 0; i < scope->stand_in_count; i++) {
        const struct stand_in *absent = &scope->stand_ins[i];
        const struct scope_grant *grant = &absent->grants[type->index];
        enum row_rule rule = rows_by_owner(grant->read_rows);
        if ((grant->verbs & VERB_READ) == 0 || rule == ROWS_NONE) {
            continue;
        }
        size_t count = rule == ROWS_SUBTEAMS ? absent->below_count : absent->team_count;
        buf_printf(out, " or %s.\"%s\"", alias, owner);
        if (rule == ROWS_OWN) {
            ids_in(sql, out, &absent->user, 1);
        } else {
            ids_in(sql, out, absent->team, count);
        }
    }
}

/* ` or (…)`: rows by what they hold. The rule is written for the row under this alias, with the
 * rights that it was bound with; it crosses no ref and so makes no join. */
static void ruled_rows(struct sql *sql, struct buf *out, const char *alias,
                       const struct object_type *type)
{
    const struct filter *rule = scope_rule(sql->scope, type);
    if (rule == NULL) {
        return;
    }
    const struct scope *scope = sql->scope;
    struct sql_join root = sql->joins[0];
    sql->joins[0] = (struct sql_join){.parent = -1, .type = type};
    (void)snprintf(sql->joins[0].alias, sizeof(sql->joins[0].alias), "%s", alias);
    sql->scope = scope->rules->binder;
    buf_append_str(out, STR(" or "));
    where_filter(sql, out, rule);
    sql->scope = scope;
    sql->joins[0] = root;
}

/* Whether the owner alone decides: then the condition is one that an index of owners serves. */
static bool owner_decides(const struct scope *scope, const struct object_type *type, unsigned rule)
{
    return scope->stand_in_count == 0 &&
           ((rule & ROW_RULE) == 0 || scope_rule(scope, type) == NULL);
}

static void row_rule(struct sql *sql, struct buf *out, const char *alias,
                     const struct object_type *type)
{
    const struct scope *scope = sql->scope;
    const char *owner = is_user(type) ? "id" : "owner";
    unsigned rule = scope_reads(scope, type) ? scope->grants[type->index].read_rows : ROWS_NONE;
    if (rule == ROWS_ALL) {
        return;
    }
    if (rule == ROWS_NONE && is_user(type)) {
        rule = ROWS_OWN; /* everyone knows who they are themselves */
    }
    bool alone = rule == ROWS_NONE || owner_decides(scope, type, rule);
    buf_append_str(out, alone ? STR(" and ") : STR(" and ("));
    if (!owners_in(sql, out, alias, owner, rule)) {
        buf_append_char(out, '0');
    }
    if (!alone) {
        absent_rows(sql, out, alias, owner, type);
        if ((rule & ROW_RULE) != 0) {
            ruled_rows(sql, out, alias, type);
        }
        buf_append_char(out, ')');
    }
}

enum err sql_meets_rule(struct db *db, const struct scope *scope, const struct object_type *type,
                        int64_t id, bool *out_meets, struct error *error)
{
    struct sql sql;
    struct buf text;
    struct arena arena;
    struct db_stmt *stmt = NULL;
    arena_init(&arena);
    buf_init(&text);
    sql_init(&sql, &arena, scope, type, 0);
    buf_append_str(&text, STR("select 1"));
    sql_from(&sql, &text, STR(""));
    buf_append_str(&text, STR(" where r.\"id\" = "));
    sql_bind_int(&sql, &text, id);
    buf_append_str(&text, STR(" and (0"));
    ruled_rows(&sql, &text, "r", type);
    buf_append_char(&text, ')');
    enum err err = sql_start(&sql, db, &text, &stmt, error);
    if (err == OK) {
        err = db_step(stmt, out_meets, error);
    }
    db_done(stmt);
    buf_deinit(&text);
    arena_deinit(&arena);
    return err;
}

/* " or (object in (…) and owner …)" for the types whose rows this rule shows; false: there is none.
 */
static bool subjects_of(struct sql *sql, struct buf *out, const char *alias, enum row_rule rule)
{
    const struct scope *scope = sql->scope;
    size_t count = 0;
    for (int i = 0; i < scope->schema->object_count; i++) {
        const struct object_type *type = &scope->schema->objects[i];
        if (!scope_reads(scope, type) || rows_by_owner(scope->grants[i].read_rows) != rule) {
            continue;
        }
        if (count++ == 0) {
            buf_printf(out, " or (%s.\"object\" in (", alias);
        } else {
            buf_append_char(out, ',');
        }
        struct value name = value_text(type->name);
        sql_bind(sql, out, &name);
    }
    buf_append_str(out, count > 0 ? STR(")") : STR(""));
    return count > 0;
}

/* ` or (object in (…) and subject_owner in (…))` for each of those whose deputy this is. */
static void absent_subjects(struct sql *sql, struct buf *out, const char *alias)
{
    const struct scope *scope = sql->scope;
    for (int i = 0; scope->stand_in_count > 0 && i < scope->schema->object_count; i++) {
        struct value name = value_text(scope->schema->objects[i].name);
        buf_printf(out, " or (%s.\"object\" = ", alias);
        sql_bind(sql, out, &name);
        buf_append_str(out, STR(" and (0"));
        absent_rows(sql, out, alias, "subject_owner", &scope->schema->objects[i]);
        buf_append_str(out, STR("))"));
    }
}

/* Who sees an approval sees the record that it is about, by its owner: what that record holds does
 * not stand in the approval's row, so territories do not count here. */
static void subject_rule(struct sql *sql, struct buf *out, const char *alias)
{
    static const enum row_rule by_owner[] = {ROWS_SUBTEAMS, ROWS_TEAM, ROWS_OWN};
    buf_append_str(out, STR(" and (0"));
    if (subjects_of(sql, out, alias, ROWS_ALL)) {
        buf_append_char(out, ')');
    }
    for (size_t i = 0; i < COUNT_OF(by_owner); i++) {
        if (subjects_of(sql, out, alias, by_owner[i])) {
            buf_append_str(out, STR(" and "));
            (void)owners_in(sql, out, alias, "subject_owner", by_owner[i]);
            buf_append_char(out, ')');
        }
    }
    absent_subjects(sql, out, alias);
    buf_append_char(out, ')');
}

/* What lies in no compartment, and in those that the scope is inside of. */
static void compartment_rule(struct sql *sql, struct buf *out, const char *alias)
{
    const struct scope *scope = sql->scope;
    if (scope->compartment_count == 0) {
        buf_printf(out, " and %s.\"compartment\" is null", alias);
        return;
    }
    buf_printf(out, " and (%s.\"compartment\" is null or %s.\"compartment\" in (", alias, alias);
    for (size_t i = 0; i < scope->compartment_count; i++) {
        struct value key = value_text(scope->compartments[i].key);
        buf_append_str(out, i > 0 ? STR(",") : STR(""));
        sql_bind(sql, out, &key);
    }
    buf_append_str(out, STR("))"));
}

void sql_visible(struct sql *sql, struct buf *out, const char *alias,
                 const struct object_type *type)
{
    row_rule(sql, out, alias, type);
    if (approval_is(type) && !(sql->scope->every_compartment && sql->scope->user == 0)) {
        subject_rule(sql, out, alias);
    }
    if (!sql->scope->every_compartment && type->compartment != COMPARTMENT_NONE) {
        compartment_rule(sql, out, alias);
    }
}

/* ---- fields ---- */

static void plain_column(const struct sql *sql, struct buf *out, int join,
                         const struct field *field)
{
    buf_append_str(out, str_from(sql_alias(sql, join)));
    buf_append_char(out, '.');
    column_name(out, field);
}

static void probed_ref(struct sql *sql, struct buf *out, int join, const struct field *ref,
                       const struct object_type *to)
{
    buf_append_str(out, STR("(select v.\"id\" from "));
    table_name(out, to);
    buf_append_str(out, STR(" v where v.\"id\" = "));
    plain_column(sql, out, join, ref);
    sql_visible(sql, out, "v", to);
    buf_append_char(out, ')');
}

void sql_ref(struct sql *sql, struct buf *out, int join, const struct field *ref)
{
    const struct object_type *to = schema_object(sql->scope->schema, ref->to);
    if (to == NULL || (!scope_reads(sql->scope, to) && !is_user(to))) {
        buf_append_str(out, STR("null"));
    } else if (sql_open(sql->scope, to)) {
        plain_column(sql, out, join, ref);
    } else if (find_join(sql, join, ref) > 0 || sql->join_count < SQL_REF_JOINS_MAX) {
        buf_printf(out, "%s.\"id\"", sql_alias(sql, sql_join(sql, join, ref)));
    } else {
        probed_ref(sql, out, join, ref, to);
    }
}

void sql_value(struct sql *sql, struct buf *out, int join, const struct field_path *path)
{
    if (path->field->type == FIELD_REF) {
        sql_ref(sql, out, join, path->field);
    } else if (path->part == PART_CURRENCY) {
        buf_append_str(out, str_from(sql_alias(sql, join)));
        buf_append_char(out, '.');
        column_currency_name(out, path->field);
    } else {
        plain_column(sql, out, join, path->field);
    }
}

void sql_key(struct sql *sql, struct buf *out, int join, const struct field_path *path)
{
    if (!path_collated(path)) {
        sql_value(sql, out, join, path);
    } else if (path->field->sorted_text) {
        buf_append_str(out, str_from(sql_alias(sql, join)));
        buf_append_char(out, '.');
        column_key_name(out, path->field);
    } else {
        buf_append_str(out, STR("px_key("));
        plain_column(sql, out, join, path->field);
        buf_append_char(out, ')');
    }
}

/* Left joins stay left joins: SQLite turns one into an inner join, and may then start from its
 * side, when a condition could not hold for nulls; where.c keeps such conditions out of its sight.
 */
void sql_from(struct sql *sql, struct buf *out, struct str forced)
{
    buf_append_str(out, STR(" from "));
    buf_append_str(out, sql->ahead);
    table_name(out, sql->joins[0].type);
    buf_append_str(out, STR(" r"));
    if (str_is(forced, "-")) {
        buf_append_str(out, STR(" not indexed"));
    } else if (forced.len > 0) {
        buf_append_str(out, STR(" indexed by "));
        buf_append_str(out, forced);
    }
    for (int i = 1; i < sql->join_count; i++) {
        const struct sql_join *join = &sql->joins[i];
        buf_append_str(out, STR(" left join "));
        table_name(out, join->type);
        buf_printf(out, " %s on %s.\"id\" = ", join->alias, join->alias);
        plain_column(sql, out, join->parent, join->ref);
        sql_visible(sql, out, join->alias, join->type);
    }
}
