/* Reads users, teams, roles and tokens from the store into memory, and follows the log so that a
 * change by anybody (API, import, plugin, command line) counts from the next request on. Loop
 * thread. */
#include "insiders.h"
#include "internal.h"

#include "proxenos/base_log.h"

enum {
    FOLLOW_BATCH = 500, /* entries looked at in one go */
};

const char *const auth_objects[AUTH_OBJECT_COUNT] = {
    "user", "team", "role", "token", "territory", "compartment", "compartment_access"};

/* ---- fields ---- */

static struct str text_of(const struct record *record, const char *field)
{
    const struct value *value = record_value(record, str_from(field));
    return value != NULL && value->kind == VALUE_TEXT ? value->text : STR("");
}

static bool flag_of(const struct record *record, const char *field)
{
    const struct value *value = record_value(record, str_from(field));
    return value != NULL && value->kind == VALUE_BOOL && value->boolean;
}

static int64_t number_of(const struct record *record, const char *field)
{
    const struct value *value = record_value(record, str_from(field));
    bool number = value != NULL && (value->kind == VALUE_TIME || value->kind == VALUE_ID);
    return number ? value->integer : 0;
}

static int64_t *ids_of(struct arena *arena, const struct record *record, const char *field,
                       size_t *out_count)
{
    const struct value *value = record_value(record, str_from(field));
    *out_count = 0;
    if (value == NULL || value->kind != VALUE_LIST) {
        return NULL;
    }
    int64_t *ids = ARENA_ARRAY(arena, int64_t, value->list.count);
    for (size_t i = 0; i < value->list.count; i++) {
        if (value->list.items[i].kind == VALUE_ID) {
            ids[(*out_count)++] = value->list.items[i].integer;
        }
    }
    return ids;
}

static bool archived(const struct record *record)
{
    return number_of(record, "archived_at") != 0;
}

/* ---- one record ---- */

static void put_user(struct auth *auth, const struct record *record)
{
    struct arena arena;
    size_t role_count = 0;
    arena_init(&arena);
    const int64_t *roles = ids_of(&arena, record, "roles", &role_count);
    struct user *user = user_new(record->id, text_of(record, "name"), roles, role_count);
    arena_deinit(&arena);
    struct str language = text_of(record, "language");
    if (language.len < sizeof(user->language)) {
        memcpy(user->language, language.at, language.len);
    }
    user->there = str_is(text_of(record, "state"), "active") && !archived(record);
    user->active = user->there && flag_of(record, "login");
    user->deputy = number_of(record, "deputy");
    user->away_from_ms = number_of(record, "away_from");
    user->away_until_ms = number_of(record, "away_until");
    if (!user->active && sessions_forget_user(auth, user->id, 0) > 0) {
        seen_purge_user(auth, user->id);
    }
    directory_put_user(auth->directory, user);
}

static void put_role(struct auth *auth, const struct record *record)
{
    if (archived(record)) {
        directory_drop_role(auth->directory, record->id);
        return;
    }
    struct error error = {0};
    struct role *role = role_new(record->id);
    role->name = arena_str(&role->arena, text_of(record, "name"));
    role->admin = flag_of(record, "admin");
    role->audit = flag_of(record, "audit");
    role->opens = flag_of(record, "compartments");
    role->breaks_glass = flag_of(record, "break_glass");
    const struct value *grants = record_value(record, STR("grants"));
    if (role_rules_read(&role->arena, grants, &role->rules, &error) != OK) {
        /* Deny by default: a role that cannot be read gives nothing, rather than a part. */
        log_warn("auth", "role gives nothing role=" STR_FORMAT " at=%s detail=\"%s\"",
                 STR_ARGS(role->name), error.pointer, error.detail);
        role->rules = (struct role_rules){0};
    }
    directory_put_role(auth->directory, role);
}

static void put_team(struct auth *auth, const struct record *record)
{
    if (archived(record)) {
        directory_drop_team(auth->directory, record->id);
        return;
    }
    struct team *team = team_new(record->id);
    team->members = ids_of(&team->arena, record, "members", &team->member_count);
    team->parent = number_of(record, "parent");
    team->leader = number_of(record, "leader");
    directory_put_team(auth->directory, team);
}

static void put_territory(struct auth *auth, const struct record *record)
{
    if (archived(record)) {
        directory_drop_territory(auth->directory, record->id);
        return;
    }
    struct territory *territory = territory_new(record->id);
    struct arena *arena = &territory->arena;
    const struct value *rules = record_value(record, STR("rules"));
    territory->name = arena_str(arena, text_of(record, "name"));
    territory->parent = number_of(record, "parent");
    territory->from_ms = number_of(record, "active_from");
    territory->until_ms = number_of(record, "active_until");
    territory->members = ids_of(arena, record, "members", &territory->member_count);
    territory->teams = ids_of(arena, record, "teams", &territory->team_count);
    if (rules != NULL && rules->kind == VALUE_MAP) {
        territory->rules = value_copy(arena, rules);
    }
    directory_put_territory(auth->directory, territory);
}

static void put_token(struct auth *auth, const struct record *record)
{
    if (archived(record)) {
        token_forget(auth, record->id);
        return;
    }
    struct error error = {0};
    struct token *token = token_new(record->id);
    token->user = number_of(record, "user");
    token->expires_at_ms = number_of(record, "expires_at");
    token->live = true;
    /* Somebody else's hand: it does not reach into the compartments of its user. */
    token->outside = number_of(record, "made_by") != token->user;
    if (networks_parse(text_of(record, "networks"), &token->arena, &token->networks,
                       &token->network_count, &error) != OK ||
        token_scopes_read(text_of(record, "scopes"), NULL, token, &error) != OK) {
        log_warn("auth", "token gives nothing id=%lld detail=\"%s\"", (long long)token->id,
                 error.detail);
        token->broken = true;
    }
    token_put(auth, token);
}

static void put_inside(struct auth *auth, const struct record *record)
{
    if (archived(record) || !str_is(text_of(record, "state"), "active")) {
        directory_drop_inside(auth->directory, record->id);
        return;
    }
    int64_t until_ms = number_of(record, "until");
    struct inside *inside = inside_new(record->id, text_of(record, "plugin"));
    inside->compartment = number_of(record, "of");
    inside->user = number_of(record, "user");
    inside->keeper = flag_of(record, "keeper");
    inside->write = flag_of(record, "write");
    inside->passing = !str_is(text_of(record, "kind"), "member");
    inside->from_ms = number_of(record, "from");
    inside->until_ms = until_ms == 0 ? INT64_MAX : until_ms;
    directory_put_inside(auth->directory, inside);
}

static void put(struct auth *auth, const struct record *record)
{
    if (str_is(record->type->name, "user")) {
        put_user(auth, record);
    } else if (str_is(record->type->name, "role")) {
        put_role(auth, record);
    } else if (str_is(record->type->name, "team")) {
        put_team(auth, record);
    } else if (str_is(record->type->name, "territory")) {
        put_territory(auth, record);
    } else if (str_is(record->type->name, "token")) {
        put_token(auth, record);
    } else if (str_is(record->type->name, "compartment")) {
        directory_put_compartment(auth->directory, record->id, text_of(record, "name"));
    } else if (str_is(record->type->name, "compartment_access")) {
        put_inside(auth, record);
    }
}

static void drop(struct auth *auth, struct str object, int64_t id)
{
    if (str_is(object, "user")) {
        directory_drop_user(auth->directory, id);
        (void)sessions_forget_user(auth, id, 0);
        seen_purge_user(auth, id);
    } else if (str_is(object, "role")) {
        directory_drop_role(auth->directory, id);
    } else if (str_is(object, "team")) {
        directory_drop_team(auth->directory, id);
    } else if (str_is(object, "territory")) {
        directory_drop_territory(auth->directory, id);
    } else if (str_is(object, "token")) {
        token_forget(auth, id);
    } else if (str_is(object, "compartment")) {
        directory_drop_compartment(auth->directory, id);
    } else if (str_is(object, "compartment_access")) {
        directory_drop_inside(auth->directory, id);
    }
}

/* ---- everything ---- */

static enum err on_record(void *context, const struct record *record, struct error *error)
{
    (void)error;
    put(context, record);
    return OK;
}

static enum err load_records(struct auth *auth, const struct scope *scope, const char *object,
                             struct error *error)
{
    struct query query = {.archived = true};
    struct arena arena;
    arena_init(&arena);
    enum err err = schema_find_object(scope->schema, str_from(object), &query.type, error);
    if (err == OK) {
        err = query_bind(&query, scope, &arena, error);
    }
    if (err == OK) {
        err = reader_each(auth->reader, &query, on_record, auth, error);
    }
    arena_deinit(&arena);
    return err;
}

static enum err on_password(void *context, const struct value *columns, int column_count,
                            struct error *error)
{
    (void)error;
    ASSERT(column_count == 3);
    password_put(context, columns[0].integer, columns[1].text, columns[2].integer);
    return OK;
}

static enum err on_token(void *context, const struct value *columns, int column_count,
                         struct error *error)
{
    ASSERT(column_count == 3);
    if (columns[1].text.len != HASH_BYTES) {
        return error_set(error, ERR_CORRUPT, "the hash of a token has another length");
    }
    token_set_hash(context, columns[0].integer, (const unsigned char *)columns[1].text.at,
                   columns[2].kind == VALUE_NULL ? 0 : columns[2].integer);
    return OK;
}

static enum err on_session(void *context, const struct value *columns, int column_count,
                           struct error *error)
{
    ASSERT(column_count == 7);
    struct session session = {.id = columns[0].integer,
                              .user = columns[2].integer,
                              .created_at_ms = columns[3].integer,
                              .seen_at_ms = columns[4].integer,
                              .written_at_ms = columns[4].integer,
                              .expires_at_ms = columns[5].integer};
    if (columns[1].text.len != HASH_BYTES) {
        return error_set(error, ERR_CORRUPT, "the hash of a session has another length");
    }
    struct auth *auth = context;
    memcpy(session.hash, columns[1].text.at, HASH_BYTES);
    /* The store knows only the ids of records. */
    ids_seen(store_ids(auth->store), session.id);
    if (directory_active(auth->directory, session.user)) {
        session_put(auth, &session);
    } else {
        seen_purge_user(auth, session.user);
    }
    return OK;
}

enum err load_all(struct auth *auth, struct error *error)
{
    const struct scope *scope = store_system_scope(auth->store, SYSTEM_AUTH);
    enum err err = reader_pin(auth->reader, 0, error);
    if (err != OK) {
        scope_unref(scope);
        return err;
    }
    auth->seq = reader_seq(auth->reader);
    for (size_t i = 0; err == OK && i < AUTH_OBJECT_COUNT; i++) {
        err = load_records(auth, scope, auth_objects[i], error);
    }
    static const struct {
        enum auth_statement statement;
        table_row_cb row;
    } tables[] = {{AUTH_PASSWORD_ALL, on_password},
                  {AUTH_TOKEN_ALL, on_token},
                  {AUTH_SESSION_ALL, on_session}};
    for (size_t i = 0; err == OK && i < COUNT_OF(tables); i++) {
        err = reader_table(auth->reader, &auth_tables, (int)tables[i].statement, NULL, 0,
                           tables[i].row, auth, error);
    }
    reader_unpin(auth->reader);
    scope_unref(scope);
    return err;
}

/* ---- what has changed ---- */

static enum err load_record(struct auth *auth, const struct scope *scope, struct str object,
                            int64_t id, struct error *error)
{
    const struct object_type *type = schema_object(scope->schema, object);
    if (type == NULL) {
        return OK;
    }
    struct record *record = NULL;
    struct arena arena;
    arena_init(&arena);
    enum err err = reader_get(auth->reader, scope, type, id, &arena, &record, error);
    if (err == OK) {
        put(auth, record);
    } else if (err == ERR_NOT_FOUND) {
        drop(auth, object, id);
        err = OK;
    }
    arena_deinit(&arena);
    return err;
}

void load_one(struct auth *auth, const char *object, int64_t id, int64_t seq)
{
    const struct scope *scope = store_system_scope(auth->store, SYSTEM_AUTH);
    if (load_record(auth, scope, str_from(object), id, NULL) != OK) {
        auth->behind = true;
        auth->seq = MIN(auth->seq, seq - 1);
    }
    scope_unref(scope);
}

struct following {
    int64_t ids[FOLLOW_BATCH];
    size_t count;
};

static enum err on_entry(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct following *following = context;
    ASSERT(following->count < FOLLOW_BATCH);
    /* A record changed ten times is read once: it is read as it is now. */
    for (size_t i = 0; i < following->count; i++) {
        if (following->ids[i] == entry->record) {
            return OK;
        }
    }
    following->ids[following->count++] = entry->record;
    return OK;
}

/* All changes of one object type up to `until`. */
static enum err follow(struct auth *auth, const struct scope *scope, const char *object,
                       int64_t until, struct error *error)
{
    char pattern[32];
    (void)snprintf(pattern, sizeof(pattern), "%s.*", object);
    struct log_query query = {
        .after = auth->seq, .limit = FOLLOW_BATCH, .pattern = str_from(pattern)};
    struct following following;
    enum err err = OK;
    while (err == OK && query.after < until) {
        int64_t last = query.after;
        following.count = 0;
        err = reader_log(auth->reader, scope, &query, on_entry, &following, &last, error);
        for (size_t i = 0; err == OK && i < following.count; i++) {
            err = load_record(auth, scope, str_from(object), following.ids[i], error);
        }
        if (last <= query.after) {
            break;
        }
        query.after = last;
    }
    return err;
}

enum err load_changes(struct auth *auth, struct error *error)
{
    const struct scope *scope = store_system_scope(auth->store, SYSTEM_AUTH);
    int64_t until = store_seq(auth->store);
    enum err err = OK;
    for (size_t i = 0; err == OK && i < AUTH_OBJECT_COUNT; i++) {
        if (store_object_seq(auth->store, str_from(auth_objects[i])) > auth->seq) {
            err = follow(auth, scope, auth_objects[i], until, error);
        }
    }
    if (err == OK) {
        auth->seq = MAX(auth->seq, until);
    }
    scope_unref(scope);
    return err;
}
