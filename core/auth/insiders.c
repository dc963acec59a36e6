/* Who is inside which compartment (insiders.h). */
#include "insiders.h"

#include "directory_parts.h"
#include "proxenos/base_env.h"

#include <stdlib.h>

struct compartment {
    int64_t id;
    char key[ID_TEXT_LEN + 1];
    struct str name; /* behind the struct */
};

/* ---- what there is ---- */

struct inside *inside_new(int64_t id, struct str plugin)
{
    struct inside *inside = mem_zalloc(sizeof(*inside) + plugin.len + 1);
    char *text = (char *)(inside + 1);
    if (plugin.len > 0) {
        memcpy(text, plugin.at, plugin.len);
    }
    inside->id = id;
    inside->plugin = (struct str){text, plugin.len};
    return inside;
}

/* The scopes of this user alone: others shall not notice that somebody came in. */
static void outdate(struct directory *directory, int64_t user)
{
    int64_t stamp = __atomic_add_fetch(&directory->generation, 1, __ATOMIC_RELEASE);
    struct user *found = user != 0 ? map_get_int(&directory->users, user) : NULL;
    if (found != NULL) {
        found->stamp = stamp;
    }
}

static void outdate_all_of(struct directory *directory, int64_t compartment)
{
    struct str key;
    void *item = NULL;
    for (size_t i = 0; map_next(&directory->insides, &i, &key, &item);) {
        const struct inside *inside = item;
        if (inside->compartment == compartment) {
            outdate(directory, inside->user);
        }
    }
}

void directory_put_compartment(struct directory *directory, int64_t id, struct str name)
{
    struct compartment *compartment = mem_zalloc(sizeof(*compartment) + name.len + 1);
    char *text = (char *)(compartment + 1);
    memcpy(text, name.at, name.len);
    compartment->id = id;
    compartment->name = (struct str){text, name.len};
    id_format(id, compartment->key);
    (void)pthread_mutex_lock(&directory->lock);
    mem_free(map_set_int(&directory->compartments, id, compartment));
    outdate_all_of(directory, id);
    (void)pthread_mutex_unlock(&directory->lock);
}

/* Looked at again as soon as anything may begin or end. */
static void inside_put(struct directory *directory, struct inside *inside)
{
    struct inside *before = map_set_int(&directory->insides, inside->id, inside);
    if (before != NULL) {
        outdate(directory, before->user);
        mem_free(before);
    }
    outdate(directory, inside->user);
    directory->lapse_ms = 0;
}

void directory_put_inside(struct directory *directory, struct inside *inside)
{
    (void)pthread_mutex_lock(&directory->lock);
    inside_put(directory, inside);
    (void)pthread_mutex_unlock(&directory->lock);
}

void directory_drop_compartment(struct directory *directory, int64_t id)
{
    (void)pthread_mutex_lock(&directory->lock);
    outdate_all_of(directory, id);
    mem_free(map_remove_int(&directory->compartments, id));
    (void)pthread_mutex_unlock(&directory->lock);
}

void directory_drop_inside(struct directory *directory, int64_t id)
{
    (void)pthread_mutex_lock(&directory->lock);
    struct inside *inside = map_remove_int(&directory->insides, id);
    if (inside != NULL) {
        outdate(directory, inside->user);
        mem_free(inside);
    }
    (void)pthread_mutex_unlock(&directory->lock);
}

void insiders_clear(struct directory *directory)
{
    struct str key;
    void *item = NULL;
    for (size_t i = 0; map_next(&directory->insides, &i, &key, &item);) {
        mem_free(item);
    }
    for (size_t i = 0; map_next(&directory->compartments, &i, &key, &item);) {
        mem_free(item);
    }
    map_empty(&directory->insides);
    map_empty(&directory->compartments);
}

/* ---- time ---- */

void insiders_lapse(struct directory *directory)
{
    int64_t now_ms = directory->env->now_ms(directory->env);
    int64_t next_ms = INT64_MAX;
    int64_t since_ms = directory->lapsed_to_ms;
    struct str key;
    void *item = NULL;
    if (now_ms < directory->lapse_ms && now_ms >= since_ms) {
        return;
    }
    for (size_t i = 0; map_next(&directory->insides, &i, &key, &item);) {
        const struct inside *inside = item;
        bool turned = (inside->from_ms > since_ms && inside->from_ms <= now_ms) ||
                      (inside->until_ms > since_ms && inside->until_ms <= now_ms);
        /* A clock that went back makes everything uncertain. */
        if (turned || now_ms < since_ms) {
            outdate(directory, inside->user);
        }
        next_ms = inside->from_ms > now_ms ? MIN(next_ms, inside->from_ms) : next_ms;
        next_ms = inside->until_ms > now_ms ? MIN(next_ms, inside->until_ms) : next_ms;
    }
    directory->lapse_ms = next_ms;
    directory->lapsed_to_ms = now_ms;
}

/* ---- one person's, one plugin's ---- */

static bool name_listed(struct str names, struct str name)
{
    while (names.len > 0) {
        size_t len = 0;
        while (len < names.len && names.at[len] != ',') {
            len++;
        }
        if (str_eq(str_sub(names, 0, len), name)) {
            return true;
        }
        names = str_sub(names, len + 1, names.len);
    }
    return false;
}

static bool is_of(const struct inside *inside, const struct insider *insider,
                  const struct compartment *compartment)
{
    if (insider->user != 0) {
        return inside->user == insider->user;
    }
    return inside->user == 0 && inside->plugin.len > 0 && str_eq(inside->plugin, insider->plugin) &&
           name_listed(insider->names, compartment->name);
}

static void add(struct scope_compartment *out, size_t *count, const struct compartment *compartment,
                const struct inside *inside)
{
    struct scope_compartment *at = NULL;
    for (size_t i = 0; i < *count; i++) {
        at = str_is(out[i].key, compartment->key) ? &out[i] : at;
    }
    if (at == NULL && *count < SCOPE_COMPARTMENTS_MAX) {
        at = &out[(*count)++];
        *at = (struct scope_compartment){
            .key = str_from(compartment->key), .name = compartment->name, .passing = true};
    }
    if (at != NULL) {
        at->write = at->write || inside->write || inside->keeper;
        at->keeper = at->keeper || inside->keeper;
        at->passing = at->passing && inside->passing;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct scope_compartment *left = a;
    const struct scope_compartment *right = b;
    return memcmp(left->key.at, right->key.at, ID_TEXT_LEN);
}

size_t insider_compartments(struct directory *directory, const struct insider *insider,
                            struct scope_compartment out[SCOPE_COMPARTMENTS_MAX])
{
    int64_t now_ms = directory->env->now_ms(directory->env);
    size_t count = 0;
    struct str key;
    void *item = NULL;
    if (directory->insides.count == 0) {
        return 0;
    }
    for (size_t i = 0; map_next(&directory->insides, &i, &key, &item);) {
        const struct inside *inside = item;
        const struct compartment *compartment =
            map_get_int(&directory->compartments, inside->compartment);
        if (compartment != NULL && is_of(inside, insider, compartment) &&
            inside->from_ms <= now_ms && inside->until_ms > now_ms) {
            add(out, &count, compartment, inside);
        }
    }
    /* The statements made of a scope are kept by their text: always in one order. */
    qsort(out, count, sizeof(out[0]), by_key);
    return count;
}
