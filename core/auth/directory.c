/* The directory: users, roles and teams by id and name. What is compiled of them (grants by set of
 * roles, scopes by user, token and via) is in compile.c: dropped as a whole when roles, teams or
 * the schema change, outdated by a stamp when one user does. */
#include "directory_parts.h"

#include "insiders.h"
#include "scope.h"

static void lock(struct directory *directory)
{
    (void)pthread_mutex_lock(&directory->lock);
}

static void unlock(struct directory *directory)
{
    (void)pthread_mutex_unlock(&directory->lock);
}

struct directory *directory_new(struct env *env)
{
    struct directory *directory = mem_zalloc(sizeof(*directory));
    (void)pthread_mutex_init(&directory->lock, NULL);
    map_init(&directory->users);
    map_init(&directory->users_by_name);
    map_init(&directory->roles);
    map_init(&directory->roles_by_name);
    map_init(&directory->teams);
    map_init(&directory->territories);
    map_init(&directory->compartments);
    map_init(&directory->insides);
    directory->env = env;
    map_init(&directory->grants);
    map_init(&directory->scopes);
    directory->generation = 1;
    return directory;
}

static int64_t next_stamp(struct directory *directory)
{
    return __atomic_add_fetch(&directory->generation, 1, __ATOMIC_RELEASE);
}

int64_t directory_generation(struct directory *directory)
{
    lock(directory);
    insiders_lapse(directory);
    unlock(directory);
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

struct territory *territory_new(int64_t id)
{
    struct territory *territory = mem_zalloc(sizeof(*territory));
    arena_init(&territory->arena);
    territory->id = id;
    territory->rules = value_map_new();
    return territory;
}

static void territory_free(struct territory *territory)
{
    arena_deinit(&territory->arena);
    mem_free(territory);
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

/* His deputy's scopes hold his rows while he is away. */
static void absence_changed(struct directory *directory, const struct user *user)
{
    if (user != NULL && user->deputy != 0) {
        directory->edge_ms = 0;
        scopes_drop(directory);
    }
}

void directory_put_user(struct directory *directory, struct user *user)
{
    lock(directory);
    absence_changed(directory, map_get_int(&directory->users, user->id));
    absence_changed(directory, user);
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
    absence_changed(directory, map_get_int(&directory->users, id));
    user_drop(directory, id);
    (void)next_stamp(directory);
    unlock(directory);
}

static void territory_drop(struct directory *directory, int64_t id)
{
    struct territory *territory = map_remove_int(&directory->territories, id);
    if (territory != NULL) {
        territory_free(territory);
    }
}

void directory_put_territory(struct directory *directory, struct territory *territory)
{
    lock(directory);
    territory_drop(directory, territory->id);
    (void)map_set_int(&directory->territories, territory->id, territory);
    territory->stamp = next_stamp(directory);
    directory->edge_ms = 0;
    scopes_drop(directory);
    unlock(directory);
}

void directory_drop_territory(struct directory *directory, int64_t id)
{
    lock(directory);
    territory_drop(directory, id);
    (void)next_stamp(directory);
    scopes_drop(directory);
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
    for (size_t i = 0; map_next(&directory->territories, &i, &key, &item);) {
        territory_free(item);
    }
    map_empty(&directory->territories);
    map_empty(&directory->users);
    map_empty(&directory->users_by_name);
    map_empty(&directory->roles);
    map_empty(&directory->roles_by_name);
    map_empty(&directory->teams);
    insiders_clear(directory);
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
    map_deinit(&directory->territories);
    map_deinit(&directory->compartments);
    map_deinit(&directory->insides);
    map_deinit(&directory->grants);
    map_deinit(&directory->scopes);
    (void)pthread_mutex_destroy(&directory->lock);
    mem_free(directory);
}

/* ---- the clock ---- */

static void edge_at(int64_t moment_ms, int64_t now_ms, int64_t *edge_ms)
{
    if (moment_ms > now_ms && moment_ms < *edge_ms) {
        *edge_ms = moment_ms;
    }
}

static int64_t next_edge(struct directory *directory, int64_t now_ms)
{
    int64_t edge_ms = INT64_MAX;
    struct str key;
    void *item = NULL;
    for (size_t i = 0; map_next(&directory->users, &i, &key, &item);) {
        const struct user *user = item;
        if (user->deputy != 0) {
            edge_at(user->away_from_ms, now_ms, &edge_ms);
            edge_at(user->away_until_ms, now_ms, &edge_ms);
        }
    }
    for (size_t i = 0; map_next(&directory->territories, &i, &key, &item);) {
        const struct territory *territory = item;
        edge_at(territory->from_ms, now_ms, &edge_ms);
        edge_at(territory->until_ms, now_ms, &edge_ms);
    }
    return edge_ms;
}

void edge_pass(struct directory *directory, int64_t now_ms)
{
    if (now_ms < directory->edge_ms) {
        return;
    }
    if (directory->edge_ms != 0) {
        (void)next_stamp(directory);
        scopes_drop(directory);
    }
    directory->edge_ms = next_edge(directory, now_ms);
}

int64_t directory_tick(struct directory *directory, int64_t now_ms)
{
    lock(directory);
    edge_pass(directory, now_ms);
    int64_t edge_ms = directory->edge_ms;
    unlock(directory);
    return edge_ms;
}

size_t directory_territory_users(struct directory *directory, int64_t id, int64_t now_ms,
                                 int64_t *out_ids, size_t most)
{
    struct str key;
    void *item = NULL;
    size_t count = 0;
    lock(directory);
    const struct territory *territory = map_get_int(&directory->territories, id);
    for (size_t i = 0;
         territory != NULL && count < most && map_next(&directory->users, &i, &key, &item);) {
        const struct user *user = item;
        if (user->there && territory_reaches(directory, territory, user->id, now_ms)) {
            out_ids[count++] = user->id;
        }
    }
    unlock(directory);
    return count;
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
