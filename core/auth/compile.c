/* From people and roles to scopes: compiled when first asked for, then shared. Any thread, under
 * the directory's lock. */
#include "directory_parts.h"

#include "insiders.h"
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SCOPES_MAX = 4096, /* cached; all are dropped when there are more */
    ROLES_MAX = 32     /* of one user */
};

void map_empty(struct map *map)
{
    map_deinit(map);
    map_init(map);
}

void scopes_drop(struct directory *directory)
{
    struct str key;
    void *scope = NULL;
    for (size_t i = 0; map_next(&directory->scopes, &i, &key, &scope);) {
        scope_unref(scope);
    }
    map_empty(&directory->scopes);
}

void compiled_drop(struct directory *directory)
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

/* ---- what a user has ---- */

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
        grants->opens = grants->opens || role->opens;
        grants->breaks_glass = grants->breaks_glass || role->breaks_glass;
        grants_add_role(grants, &role->rules);
    }
    if (grants->admin) {
        grants_add_all(grants);
    }
    if (count > 0) {
        grants_add_views(grants);
    }
    grants_settle(grants);
    (void)map_set(&directory->grants, key, grants);
    return grants;
}

struct grants *directory_grants(struct directory *directory, const struct user *user)
{
    int64_t role_ids[ROLES_MAX];
    struct str role_names[ROLES_MAX];
    size_t role_count = roles_of(directory, user, role_ids, role_names);
    return grants_of(directory, role_ids, role_count);
}

static uint32_t verbs_left(const struct scope_wish *wish, struct str object)
{
    uint32_t verbs = 0;
    for (size_t i = 0; i < wish->narrowing_count; i++) {
        const struct narrowing *narrowing = &wish->narrowings[i];
        if (narrowing->object.len == 0 || str_eq(narrowing->object, object)) {
            verbs |= narrowing->verbs;
        }
    }
    return verbs;
}

/* What the token leaves of the grants; a copy. */
static struct grants *narrowed(const struct grants *wide, const struct scope_wish *wish)
{
    struct grants *grants = grants_copy(wide->items, wide->schema);
    for (int i = 0; i < wide->schema->object_count; i++) {
        grants->items[i].verbs &= verbs_left(wish, wide->schema->objects[i].name);
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
    struct reach *reach = reach_new(directory, user, grants, wish->now_ms);
    const struct insider insider = {.user = user->id};
    struct scope_compartment compartments[SCOPE_COMPARTMENTS_MAX];
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
        .reach = reach,
        .grants = grants,
        .admin = wide->admin && (!narrow || wish->keep_admin),
        .audit = wide->audit && (!narrow || wish->keep_audit),
        .compartments = compartments,
        .compartment_count =
            wish->outside ? 0 : insider_compartments(directory, &insider, compartments),
        .opens = wide->opens && !narrow,
        .breaks_glass = wide->breaks_glass && !narrow && !wish->outside,
        .narrowed = narrow,
        .lent = wish->outside,
        .stamp = user->stamp,
    };
    const struct scope *scope = scope_new(&spec);
    buf_deinit(&actor);
    reach_unref(reach);
    if (narrow) {
        grants_unref(grants);
    }
    return scope;
}

static struct str cache_key(char *out, size_t size, const struct scope_wish *wish)
{
    int len = snprintf(out, size, "%lld/%lld/%s" STR_FORMAT, (long long)wish->user,
                       (long long)wish->token, wish->outside ? "-" : "",
                       STR_ARGS(str_sub(wish->via, 0, VIA_MAX)));
    return (struct str){out, (size_t)len};
}

static void compile_for(struct directory *directory, const struct schema *schema)
{
    if (directory->schema != schema) {
        compiled_drop(directory);
        directory->schema = schema;
        schema_ref(directory->schema);
    }
}

static const struct scope *scope_cached(struct directory *directory, const struct user *user,
                                        const struct scope_wish *wish)
{
    char memory[VIA_MAX + 60];
    struct str key = cache_key(memory, sizeof(memory), wish);
    compile_for(directory, wish->schema);
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
    (void)pthread_mutex_lock(&directory->lock);
    insiders_lapse(directory);
    const struct user *user = map_get_int(&directory->users, wish->user);
    if (user == NULL || !user->active) {
        err = error_set(error, ERR_NOT_FOUND, "there is no such user, or it is disabled");
    } else {
        edge_pass(directory, wish->now_ms);
        *out_scope = scope_cached(directory, user, wish);
    }
    (void)pthread_mutex_unlock(&directory->lock);
    return err;
}

enum err directory_role_scope(struct directory *directory, const struct schema *schema,
                              const struct role_holder *holder, const struct scope **out_scope,
                              struct error *error)
{
    enum err err = OK;
    (void)pthread_mutex_lock(&directory->lock);
    const struct role *role = map_get_int(&directory->roles, holder->role);
    if (role == NULL) {
        err = error_set(error, ERR_NOT_FOUND, "there is no such role, or it is archived");
    } else {
        compile_for(directory, schema);
        struct grants *grants = grants_of(directory, &role->id, 1);
        const struct scope_spec spec = {.user = holder->id,
                                        .actor = holder->actor,
                                        .via = str_sub(holder->via, 0, VIA_MAX),
                                        .roles = &role->name,
                                        .role_count = 1,
                                        .grants = grants,
                                        .audit = grants->audit,
                                        .narrowed = true};
        *out_scope = scope_new(&spec);
    }
    (void)pthread_mutex_unlock(&directory->lock);
    return err;
}

/* A plugin, or a user through it: inside what the keepers let the plugin into, of what its manifest
 * names; the user's own bounds are in spec already. */
const struct scope *directory_plugin_scope(struct directory *directory, struct scope_spec *spec,
                                           const struct insider *insider)
{
    struct scope_compartment compartments[SCOPE_COMPARTMENTS_MAX];
    (void)pthread_mutex_lock(&directory->lock);
    insiders_lapse(directory);
    size_t found =
        insider->names.len > 0 ? insider_compartments(directory, insider, compartments) : 0;
    size_t count = 0;
    for (size_t i = 0; i < found; i++) {
        const struct scope_compartment *own = NULL;
        for (size_t u = 0; spec->user != 0 && u < spec->compartment_count; u++) {
            bool same = str_eq(spec->compartments[u].key, compartments[i].key);
            own = same ? &spec->compartments[u] : own;
        }
        if (spec->user == 0 || own != NULL) {
            compartments[count] = compartments[i];
            compartments[count].write = compartments[i].write && (own == NULL || own->write);
            compartments[count].keeper = false;
            compartments[count++].passing = own != NULL && own->passing;
        }
    }
    spec->compartments = compartments;
    spec->compartment_count = count;
    const struct scope *scope = scope_new(spec);
    (void)pthread_mutex_unlock(&directory->lock);
    return scope;
}

bool directory_outdated(struct directory *directory, const struct scope *scope)
{
    (void)pthread_mutex_lock(&directory->lock);
    insiders_lapse(directory);
    const struct user *user = scope->user != 0 ? map_get_int(&directory->users, scope->user) : NULL;
    bool outdated = scope->user != 0 && (user == NULL || user->stamp != scope_stamp(scope));
    (void)pthread_mutex_unlock(&directory->lock);
    return outdated;
}
