/* Teams, territories, shared views and absences as what a scope reaches. Under the directory's
 * lock, but for the counts. */
#include "reach.h"

#include "directory_parts.h"
#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

#include <stdlib.h>

void reach_ref(struct reach *reach)
{
    int before = __atomic_fetch_add(&reach->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0);
}

void reach_unref(struct reach *reach)
{
    if (reach == NULL) {
        return;
    }
    int before = __atomic_fetch_sub(&reach->references, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    if (before == 1) {
        for (size_t i = 0; i < reach->stand_in_count; i++) {
            grants_unref(reach->narrowed[i]);
        }
        scope_rules_unref(reach->rules);
        arena_deinit(&reach->arena);
        mem_free(reach);
    }
}

/* FNV-1a over the number's bytes: two reaches that differ differ here. */
static void mark_add(struct reach *reach, int64_t number)
{
    for (int i = 0; i < 8; i++) {
        reach->mark = (reach->mark ^ (uint8_t)((uint64_t)number >> (8 * i))) * 1099511628211U;
    }
}

/* ---- teams ---- */

static bool holds(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool in_team(const struct team *team, int64_t user)
{
    return team->leader == user || holds(team->members, team->member_count, user);
}

/* The user is in a team above this one. */
static bool below_mine(struct directory *directory, const struct team *team, int64_t user)
{
    for (int hop = 0; team != NULL && hop < TEAM_DEPTH_MAX; hop++) {
        team = team->parent != 0 ? map_get_int(&directory->teams, team->parent) : NULL;
        if (team != NULL && in_team(team, user)) {
            return true;
        }
    }
    return false;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void add_people(const struct team *team, int64_t *out_ids, size_t *count, size_t most)
{
    if (team->leader != 0 && *count < most) {
        out_ids[(*count)++] = team->leader;
    }
    for (size_t m = 0; m < team->member_count && *count < most; m++) {
        out_ids[(*count)++] = team->members[m];
    }
}

/* Sorts [from, count) and drops what is there twice or stands in front already (the first `from` of
 * which all but the very first are sorted). */
static size_t settle(int64_t *ids, size_t from, size_t count)
{
    qsort(ids + from, count - from, sizeof(ids[0]), by_number);
    size_t kept = from;
    for (size_t i = from; i < count; i++) {
        bool twice = kept > from && ids[i] == ids[kept - 1];
        bool before = ids[i] == ids[0] || (from > 1 && bsearch(&ids[i], ids + 1, from - 1,
                                                               sizeof(ids[0]), by_number) != NULL);
        if (!twice && !before) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

/* Himself, then everyone who is in a team with him; behind them everyone of the teams below. */
static size_t people_of(struct directory *directory, int64_t user, int64_t *out_ids,
                        size_t *out_below)
{
    struct str key;
    void *item = NULL;
    size_t count = 0;
    out_ids[count++] = user;
    for (size_t i = 0; map_next(&directory->teams, &i, &key, &item);) {
        if (in_team(item, user)) {
            add_people(item, out_ids, &count, TEAM_MAX);
        }
    }
    size_t team_count = settle(out_ids, 1, count);
    count = team_count;
    for (size_t i = 0; map_next(&directory->teams, &i, &key, &item);) {
        if (below_mine(directory, item, user)) {
            add_people(item, out_ids, &count, 2 * (size_t)TEAM_MAX);
        }
    }
    *out_below = settle(out_ids, team_count, count);
    return team_count;
}

static int64_t *people_kept(struct directory *directory, struct arena *arena, int64_t user,
                            size_t *out_team, size_t *out_below)
{
    int64_t *room = mem_alloc(2 * (size_t)TEAM_MAX * sizeof(*room));
    *out_team = people_of(directory, user, room, out_below);
    int64_t *kept = arena_dup(arena, room, *out_below * sizeof(*room));
    mem_free(room);
    return kept;
}

/* ---- territories ---- */

static bool active(const struct territory *territory, int64_t now_ms)
{
    return territory->from_ms <= now_ms &&
           (territory->until_ms == 0 || territory->until_ms > now_ms);
}

static bool in_territory(struct directory *directory, const struct territory *territory,
                         int64_t user)
{
    bool in = holds(territory->members, territory->member_count, user);
    for (size_t i = 0; i < territory->team_count && !in; i++) {
        const struct team *team = map_get_int(&directory->teams, territory->teams[i]);
        in = team != NULL && in_team(team, user);
    }
    return in;
}

/* In it or in one above it; each on the way must be active, so that closing a region closes what
 * lies in it for those who have it through the region. */
bool territory_reaches(struct directory *directory, const struct territory *territory, int64_t user,
                       int64_t now_ms)
{
    for (int hop = 0; territory != NULL && hop < TEAM_DEPTH_MAX; hop++) {
        if (!active(territory, now_ms)) {
            return false;
        }
        if (in_territory(directory, territory, user)) {
            return true;
        }
        territory =
            territory->parent != 0 ? map_get_int(&directory->territories, territory->parent) : NULL;
    }
    return false;
}

static void add_rule(struct reach *reach, const struct object_type *type, const struct value *tree,
                     struct str what)
{
    struct error error = {0};
    if (scope_rules_add(reach->rules, type, tree, &error) != OK) {
        /* Deny by default: a rule that cannot be read shows nothing. */
        log_warn("auth", "rule gives no rows of=" STR_FORMAT " object=" STR_FORMAT " detail=\"%s\"",
                 STR_ARGS(what), STR_ARGS(type->name), error.detail);
    }
}

static void add_territory(struct reach *reach, const struct schema *schema,
                          const struct territory *territory)
{
    for (size_t i = 0; i < territory->rules.map.count; i++) {
        const struct value_entry *entry = &territory->rules.map.entries[i];
        const struct object_type *type = schema_object(schema, entry->key);
        if (type != NULL && !object_is_guarded(type->name)) {
            add_rule(reach, type, &entry->value, territory->name);
        }
    }
    mark_add(reach, territory->id);
    mark_add(reach, territory->stamp);
}

static void add_territories(struct directory *directory, struct reach *reach, int64_t user,
                            int64_t now_ms)
{
    struct str key;
    void *item = NULL;
    for (size_t i = 0; map_next(&directory->territories, &i, &key, &item);) {
        const struct territory *territory = item;
        if (territory_reaches(directory, territory, user, now_ms)) {
            add_territory(reach, directory->schema, territory);
        }
    }
}

/* ---- views that others share ---- */

static struct value test_of(struct arena *arena, const char *field, const char *op,
                            struct value value)
{
    struct value test = value_map_new();
    struct value map = value_map_new();
    value_put_c(arena, &test, op, value);
    value_put_c(arena, &map, field, test);
    return map;
}

static void add_shared(struct reach *reach, const struct object_type *type, const char *with,
                       const char *field, struct value list)
{
    struct arena *arena = &reach->arena;
    struct value map = test_of(arena, "shared", "eq", value_text(str_from(with)));
    if (field != NULL) {
        struct value test = value_map_new();
        value_put_c(arena, &test, "in", list);
        value_put_c(arena, &map, field, test);
    }
    add_rule(reach, type, &map, STR("shared views"));
}

/* With everyone, with one of his roles, with one of his teams. */
static void add_views(struct directory *directory, struct reach *reach, const struct user *user)
{
    const struct object_type *type = schema_object(directory->schema, STR("view"));
    struct value roles = value_list_new();
    struct value teams = value_list_new();
    struct str key;
    void *item = NULL;
    if (type == NULL) {
        return;
    }
    for (size_t i = 0; i < user->role_count; i++) {
        const struct role *role = map_get_int(&directory->roles, user->roles[i]);
        if (role != NULL) {
            value_push(&reach->arena, &roles, value_text(arena_str(&reach->arena, role->name)));
            mark_add(reach, role->id);
        }
    }
    for (size_t i = 0; map_next(&directory->teams, &i, &key, &item);) {
        const struct team *team = item;
        if (in_team(team, user->id)) {
            char id[ID_TEXT_LEN + 1];
            id_format(team->id, id);
            value_push(&reach->arena, &teams, value_text(arena_str(&reach->arena, str_from(id))));
            mark_add(reach, team->id);
        }
    }
    add_shared(reach, type, "everyone", NULL, roles);
    add_shared(reach, type, "role", "role", roles);
    add_shared(reach, type, "team", "team", teams);
}

/* ---- those who are away ---- */

/* Would the deputy, in the absent's place, see or do more than he? Then not at all. */
static bool exceeds(const struct object_type *type, const struct scope_grant *deputy,
                    const struct scope_grant *absent)
{
    if ((deputy->verbs & VERB_EXPORT) != 0 && (absent->verbs & VERB_EXPORT) == 0) {
        return true;
    }
    for (int f = 0; f < type->field_count; f++) {
        if (deputy->fields[f] > absent->fields[f]) {
            return true;
        }
    }
    return false;
}

/* What both may; the absent's own and his team's rows. Nothing of users, roles and the like, no
 * approvals (deputies vote by their own rule), and no state named freely. */
static struct grants *stand_in_grants(const struct grants *deputy, const struct grants *absent)
{
    const struct schema *schema = deputy->schema;
    struct grants *grants = grants_new(schema);
    for (int i = 0; i < schema->object_count; i++) {
        const struct object_type *type = &schema->objects[i];
        const struct scope_grant *theirs = &absent->items[i];
        if (object_is_guarded(type->name) || str_is(type->name, "approval") ||
            exceeds(type, &deputy->items[i], theirs)) {
            continue;
        }
        uint32_t verbs = deputy->items[i].verbs & theirs->verbs;
        grants->items[i].verbs = verbs & ~(uint32_t)(VERB_APPROVE | VERB_IMPORT);
        grants->items[i].read_rows = theirs->read_rows & ROWS_SUBTEAMS;
        grants->items[i].write_rows = theirs->write_rows & ROWS_SUBTEAMS;
    }
    return grants;
}

static void add_stand_in(struct directory *directory, struct reach *reach,
                         const struct grants *grants, const struct user *absent)
{
    struct stand_in *stand_in = &reach->stand_ins[reach->stand_in_count];
    struct grants *wide = directory_grants(directory, absent);
    struct grants *both = stand_in_grants(grants, wide);
    reach->narrowed[reach->stand_in_count++] = both;
    *stand_in = (struct stand_in){
        .user = absent->id,
        .until_ms = absent->away_until_ms,
        .actor = arena_printf(&reach->arena, "user:" STR_FORMAT, STR_ARGS(absent->name)),
        .grants = both->items};
    stand_in->team = people_kept(directory, &reach->arena, absent->id, &stand_in->team_count,
                                 &stand_in->below_count);
    mark_add(reach, absent->id);
    mark_add(reach, absent->stamp);
}

static void add_stand_ins(struct directory *directory, struct reach *reach, const struct user *user,
                          const struct grants *grants, int64_t now_ms)
{
    struct str key;
    void *item = NULL;
    reach->stand_ins = ARENA_ARRAY(&reach->arena, struct stand_in, STAND_INS_MAX);
    for (size_t i = 0; map_next(&directory->users, &i, &key, &item);) {
        const struct user *absent = item;
        if (absent->deputy == user->id && absent->there && absent->away_from_ms <= now_ms &&
            absent->away_until_ms > now_ms && reach->stand_in_count < STAND_INS_MAX) {
            add_stand_in(directory, reach, grants, absent);
        }
    }
}

/* ---- the whole ---- */

struct reach *reach_new(struct directory *directory, const struct user *user,
                        const struct grants *grants, int64_t now_ms)
{
    struct reach *reach = mem_zalloc(sizeof(*reach));
    arena_init(&reach->arena);
    reach->references = 1;
    reach->mark = 14695981039346656037U;
    reach->team =
        people_kept(directory, &reach->arena, user->id, &reach->team_count, &reach->below_count);
    for (size_t i = reach->team_count; i < reach->below_count; i++) {
        mark_add(reach, reach->team[i]);
    }
    reach->rules = scope_rules_new(directory->schema);
    add_territories(directory, reach, user->id, now_ms);
    add_views(directory, reach, user);
    add_stand_ins(directory, reach, user, grants, now_ms);
    return reach;
}
