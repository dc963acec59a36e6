/* The directory: users, roles and teams by id and name, compiled grants by set of roles, scopes by
 * (user, token, via). Compiled things are dropped as a whole when roles, teams or the schema
 * change; a change of one user outdates his own scopes by their stamp. */
#include "directory.h"

#include "scope.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SCOPES_MAX = 4096, /* cached; all are dropped when there are more */
    ROLES_MAX = 32,    /* of one user */
    TEAM_MAX = 4096    /* colleagues that one scope covers */
};

struct directory {
    pthread_mutex_t lock; /* everything below */
    struct map users, users_by_name;
    struct map roles, roles_by_name;
    struct map teams;
    struct map grants;           /* ids of the roles, sorted → struct grants, a reference each */
    struct map scopes;           /* "user/token/via" → struct scope, a reference each */
    const struct schema *schema; /* that grants and scopes were compiled for; held; or NULL */
    int64_t generation;          /* atomic: read without the lock too */
};

static void lock(struct directory *directory)
{
    (void)pthread_mutex_lock(&directory->lock);
}

static void unlock(struct directory *directory)
{
    (void)pthread_mutex_unlock(&directory->lock);
}

struct directory *directory_new(void)
{
    struct directory *directory = mem_zalloc(sizeof(*directory));
    (void)pthread_mutex_init(&directory->lock, NULL);
    map_init(&directory->users);
    map_init(&directory->users_by_name);
    map_init(&directory->roles);
    map_init(&directory->roles_by_name);
    map_init(&directory->teams);
    map_init(&directory->grants);
    map_init(&directory->scopes);
    directory->generation = 1;
    return directory;
}

static void map_empty(struct map *map)
{
    map_deinit(map);
    map_init(map);
}

/* ---- what is compiled ---- */

static void scopes_drop(struct directory *directory)
{
    struct str key;
    void *scope = NULL;
    for (size_t i = 0; map_next(&directory->scopes, &i, &key, &scope);) {
        scope_unref(scope);
    }
    map_empty(&directory->scopes);
}

static void compiled_drop(struct directory *directory)
{
    scopes_drop(directory);
    struct str key;
    void *grants = NULL;
    for (size_t i = 0; map_next(&directory->grants, &i, &key, &grants);) {
        grants_unref(grants);
    }
    map_empty(&directory->grants);
    schema_unref(directory->schema);
    directory->schema = NULL;
}

static int64_t next_stamp(struct directory *directory)
{
    return __atomic_add_fetch(&directory->generation, 1, __ATOMIC_RELEASE);
}

int64_t directory_generation(struct directory *directory)
{
    return __atomic_load_n(&directory->generation, __ATOMIC_ACQUIRE);
}

/* ---- users, roles, teams ---- */

struct user *user_new(int64_t id, struct str name, const int64_t *roles, size_t role_count)
{
    struct user *user = mem_zalloc(sizeof(*user) + role_count * sizeof(roles[0]) + name.len + 1);
    user->id = id;
    user->roles = (int64_t *)(void *)(user + 1);
    user->role_count = role_count;
    char *text = (char *)(user->roles + role_count);
    if (role_count > 0) {
        memcpy(user->roles, roles, role_count * sizeof(roles[0]));
    }
    if (name.len > 0) {
        memcpy(text, name.at, name.len);
    }
    user->name = (struct str){text, name.len};
    return user;
}

struct role *role_new(int64_t id)
{
    struct role *role = mem_zalloc(sizeof(*role));
    arena_init(&role->arena);
    role->id = id;
    return role;
}

struct team *team_new(int64_t id)
{
    struct team *team = mem_zalloc(sizeof(*team));
    arena_init(&team->arena);
    team->id = id;
    return team;
}

static void role_free(struct role *role)
{
    arena_deinit(&role->arena);
    mem_free(role);
}

static void team_free(struct team *team)
{
    arena_deinit(&team->arena);
    mem_free(team);
}

/* Only the entry that points to this one: another may have taken the name over. */
static void name_forget(struct map *by_name, struct str name, const void *whose)
{
    if (map_get(by_name, name) == whose) {
        (void)map_remove(by_name, name);
    }
}

static void user_drop(struct directory *directory, int64_t id)
{
    struct user *user = map_remove_int(&directory->users, id);
    if (user != NULL) {
        name_forget(&directory->users_by_name, user->name, user);
        mem_free(user);
    }
}

static void role_drop(struct directory *directory, int64_t id)
{
    struct role *role = map_remove_int(&directory->roles, id);
    if (role != NULL) {
        name_forget(&directory->roles_by_name, role->name, role);
        role_free(role);
    }
}

static void team_drop(struct directory *directory, int64_t id)
{
    struct team *team = map_remove_int(&directory->teams, id);
    if (team != NULL) {
        team_free(team);
    }
}

void directory_put_user(struct directory *directory, struct user *user)
{
    lock(directory);
    user_drop(directory, user->id);
    user->stamp = next_stamp(directory);
    (void)map_set_int(&directory->users, user->id, user);
    (void)map_set(&directory->users_by_name, user->name, user);
    unlock(directory);
}

void directory_put_role(struct directory *directory, struct role *role)
{
    lock(directory);
    role_drop(directory, role->id);
    (void)map_set_int(&directory->roles, role->id, role);
    (void)map_set(&directory->roles_by_name, role->name, role);
    (void)next_stamp(directory);
    compiled_drop(directory);
    unlock(directory);
}

void directory_put_team(struct directory *directory, struct team *team)
{
    lock(directory);
    team_drop(directory, team->id);
    (void)map_set_int(&directory->teams, team->id, team);
    (void)next_stamp(directory);
    scopes_drop(directory);
    unlock(directory);
}

void directory_drop_user(struct directory *directory, int64_t id)
{
    lock(directory);
    user_drop(directory, id);
    (void)next_stamp(directory);
    unlock(directory);
}

void directory_outdate(struct directory *directory, int64_t id)
{
    lock(directory);
    struct user *user = map_get_int(&directory->users, id);
    if (user != NULL) {
        user->stamp = next_stamp(directory);
    }
    unlock(directory);
}

void directory_drop_role(struct directory *directory, int64_t id)
{
    lock(directory);
    role_drop(directory, id);
    (void)next_stamp(directory);
    compiled_drop(directory);
    unlock(directory);
}

void directory_drop_team(struct directory *directory, int64_t id)
{
    lock(directory);
    team_drop(directory, id);
    (void)next_stamp(directory);
    scopes_drop(directory);
    unlock(directory);
}

static void clear(struct directory *directory)
{
    struct str key;
    void *item = NULL;
    for (size_t i = 0; map_next(&directory->users, &i, &key, &item);) {
        mem_free(item);
    }
    for (size_t i = 0; map_next(&directory->roles, &i, &key, &item);) {
        role_free(item);
    }
    for (size_t i = 0; map_next(&directory->teams, &i, &key, &item);) {
        team_free(item);
    }
    map_empty(&directory->users);
    map_empty(&directory->users_by_name);
    map_empty(&directory->roles);
    map_empty(&directory->roles_by_name);
    map_empty(&directory->teams);
    compiled_drop(directory);
    (void)next_stamp(directory);
}

void directory_clear(struct directory *directory)
{
    lock(directory);
    clear(directory);
    unlock(directory);
}

void directory_free(struct directory *directory)
{
    if (directory == NULL) {
        return;
    }
    clear(directory);
    map_deinit(&directory->users);
    map_deinit(&directory->users_by_name);
    map_deinit(&directory->roles);
    map_deinit(&directory->roles_by_name);
    map_deinit(&directory->teams);
    map_deinit(&directory->grants);
    map_deinit(&directory->scopes);
    (void)pthread_mutex_destroy(&directory->lock);
    mem_free(directory);
}

/* ---- questions ---- */

bool directory_find(struct directory *directory, struct str name, int64_t *out_id)
{
    lock(directory);
    const struct user *user = map_get(&directory->users_by_name, name);
    if (user != NULL) {
        *out_id = user->id;
    }
    unlock(directory);
    return user != NULL;
}

bool directory_find_role(struct directory *directory, struct str name, int64_t *out_id)
{
    lock(directory);
    const struct role *role = map_get(&directory->roles_by_name, name);
    if (role != NULL) {
        *out_id = role->id;
    }
    unlock(directory);
    return role != NULL;
}

bool directory_name(struct directory *directory, int64_t id, struct buf *out)
{
    lock(directory);
    const struct user *user = map_get_int(&directory->users, id);
    if (user != NULL) {
        buf_append_str(out, user->name);
    }
    unlock(directory);
    return user != NULL;
}

bool directory_active(struct directory *directory, int64_t id)
{
    lock(directory);
    const struct user *user = map_get_int(&directory->users, id);
    bool active = user != NULL && user->active;
    unlock(directory);
    return active;
}

bool directory_anyone_active(struct directory *directory)
{
    lock(directory);
    struct str key;
    void *user = NULL;
    bool found = false;
    for (size_t i = 0; !found && map_next(&directory->users, &i, &key, &user);) {
        found = ((struct user *)user)->active;
    }
    unlock(directory);
    return found;
}

int64_t directory_user_count(struct directory *directory)
{
    lock(directory);
    int64_t count = (int64_t)directory->users.count;
    unlock(directory);
    return count;
}

/* ---- scopes (under the lock) ---- */

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The roles of this user that exist, by id. */
static size_t roles_of(struct directory *directory, const struct user *user,
                       int64_t out_ids[ROLES_MAX], struct str out_names[ROLES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < user->role_count && count < ROLES_MAX; i++) {
        if (map_get_int(&directory->roles, user->roles[i]) != NULL) {
            out_ids[count++] = user->roles[i];
        }
    }
    qsort(out_ids, count, sizeof(out_ids[0]), by_number);
    for (size_t i = 0; i < count; i++) {
        out_names[i] = ((struct role *)map_get_int(&directory->roles, out_ids[i]))->name;
    }
    return count;
}

/* Shared by everybody with the same roles. Borrowed from the directory. */
static struct grants *grants_of(struct directory *directory, const int64_t *role_ids, size_t count)
{
    struct str key = {(const char *)role_ids, count * sizeof(role_ids[0])};
    struct grants *grants = map_get(&directory->grants, key);
    if (grants != NULL) {
        return grants;
    }
    grants = grants_new(directory->schema);
    for (size_t i = 0; i < count; i++) {
        const struct role *role = map_get_int(&directory->roles, role_ids[i]);
        grants->admin = grants->admin || role->admin;
        grants->audit = grants->audit || role->audit;
        grants_add_role(grants, &role->rules);
    }
    if (grants->admin) {
        grants_add_all(grants);
    }
    grants_settle(grants);
    (void)map_set(&directory->grants, key, grants);
    return grants;
}

/* Everyone who is in a team with this user, himself first. */
static size_t team_of(struct directory *directory, int64_t user, int64_t *out_ids)
{
    size_t count = 0;
    struct str key;
    void *item = NULL;
    out_ids[count++] = user;
    for (size_t i = 0; map_next(&directory->teams, &i, &key, &item);) {
        const struct team *team = item;
        bool member = false;
        for (size_t m = 0; m < team->member_count; m++) {
            member = member || team->members[m] == user;
        }
        for (size_t m = 0; member && m < team->member_count && count < TEAM_MAX; m++) {
            out_ids[count++] = team->members[m];
        }
    }
    qsort(out_ids + 1, count - 1, sizeof(out_ids[0]), by_number);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (out_ids[i] != user && out_ids[i] != out_ids[kept - 1]) {
            out_ids[kept++] = out_ids[i];
        }
    }
    return kept;
}

/* What the token leaves of the grants; a copy. */
static struct grants *narrowed(const struct grants *wide, const struct scope_wish *wish)
{
    struct grants *grants = grants_copy(wide->items, wide->schema);
    for (int i = 0; i < wide->schema->object_count; i++) {
        uint32_t verbs = 0;
        for (size_t n = 0; n < wish->narrowing_count; n++) {
            const struct narrowing *narrowing = &wish->narrowings[n];
            if (narrowing->object.len == 0 ||
                str_eq(narrowing->object, wide->schema->objects[i].name)) {
                verbs |= narrowing->verbs;
            }
        }
        grants->items[i].verbs &= verbs;
    }
    grants_settle(grants);
    return grants;
}

static const struct scope *scope_make(struct directory *directory, const struct user *user,
                                      const struct scope_wish *wish)
{
    int64_t role_ids[ROLES_MAX];
    struct str role_names[ROLES_MAX];
    size_t role_count = roles_of(directory, user, role_ids, role_names);
    struct grants *wide = grants_of(directory, role_ids, role_count);
    bool narrow = wish->narrowing_count > 0;
    struct grants *grants = narrow ? narrowed(wide, wish) : wide;
    int64_t *team = mem_alloc(TEAM_MAX * sizeof(*team));
    struct buf actor;
    buf_init(&actor);
    buf_printf(&actor, "user:" STR_FORMAT, STR_ARGS(user->name));
    const struct scope_spec spec = {
        .user = user->id,
        .actor = buf_str(&actor),
        .via = str_sub(wish->via, 0, VIA_MAX),
        .language = str_from(user->language),
        .roles = role_names,
        .role_count = role_count,
        .team = team,
        .team_count = team_of(directory, user->id, team),
        .grants = grants,
        .admin = wide->admin && (!narrow || wish->keep_admin),
        .audit = wide->audit && (!narrow || wish->keep_audit),
        .narrowed = narrow,
        .stamp = user->stamp,
    };
    const struct scope *scope = scope_new(&spec);
    buf_deinit(&actor);
    mem_free(team);
    if (narrow) {
        grants_unref(grants);
    }
    return scope;
}

static struct str cache_key(char *out, size_t size, const struct scope_wish *wish)
{
    int len = snprintf(out, size, "%lld/%lld/" STR_FORMAT, (long long)wish->user,
                       (long long)wish->token, STR_ARGS(str_sub(wish->via, 0, VIA_MAX)));
    return (struct str){out, (size_t)len};
}

static const struct scope *scope_cached(struct directory *directory, const struct user *user,
                                        const struct scope_wish *wish)
{
    char memory[VIA_MAX + 60];
    struct str key = cache_key(memory, sizeof(memory), wish);
    if (directory->schema != wish->schema) {
        compiled_drop(directory);
        directory->schema = wish->schema;
        schema_ref(directory->schema);
    }
    const struct scope *scope = map_get(&directory->scopes, key);
    if (scope == NULL || scope_stamp(scope) != user->stamp) {
        if (directory->scopes.count >= SCOPES_MAX) {
            scopes_drop(directory);
        }
        scope = scope_make(directory, user, wish);
        scope_unref(map_set(&directory->scopes, key, (void *)(uintptr_t)scope));
    }
    scope_ref(scope);
    return scope;
}

enum err directory_scope(struct directory *directory, const struct scope_wish *wish,
                         const struct scope **out_scope, struct error *error)
{
    enum err err = OK;
    lock(directory);
    const struct user *user = map_get_int(&directory->users, wish->user);
    if (user == NULL || !user->active) {
        err = error_set(error, ERR_NOT_FOUND, "there is no such user, or it is disabled");
    } else {
        *out_scope = scope_cached(directory, user, wish);
    }
    unlock(directory);
    return err;
}
