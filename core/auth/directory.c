/* The directory: users, roles and teams by id and name. What is compiled of them (grants by set of
 * roles, scopes by user, token and via) is in compile.c: dropped as a whole when roles, teams or
 * the schema change, outdated by a stamp when one user does. */
#include "directory_parts.h"

#include "scope.h"

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
