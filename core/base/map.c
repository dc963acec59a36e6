/* Hash tables: entries stand in one array in the order in which they were set, beside an index with
 * open addressing that finds them. So walking is in order of insertion and the same in every run,
 * although the hash has a key of its own in every process (against floods of colliding keys).
 * One thread at a time; str_hash on any. */
#include "proxenos/base.h"

#include <pthread.h>
#include <sodium.h>

#include "sodium_start.h"

enum {
    MAP_CAP_MIN = 8,
    MAP_INLINE_KEY_MAX = 8, /* keys up to this length, so all integers, stand in the entry */
    MAP_SLOTS_PER_ENTRY = 2,
};

static const uint32_t slot_empty = UINT32_MAX;
static const uint32_t slot_tomb = UINT32_MAX - 1;

struct map_entry {
    uint64_t hash;
    void *value;
    uint32_t key_len;
    bool live;
    union {
        char *heap;
        char in[MAP_INLINE_KEY_MAX];
    } key;
};

/* ---- hash ---- */

static unsigned char hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
    sodium_start();
    randombytes_buf(hash_key, sizeof(hash_key));
}

uint64_t str_hash(struct str s)
{
    _Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "SipHash gives 64 bits");
    pthread_once(&hash_key_once, hash_key_make);
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)s.at, s.len, hash_key);
    return hash;
}

/* ---- the table ---- */

static struct str entry_key(const struct map_entry *entry)
{
    const char *at = entry->key_len <= MAP_INLINE_KEY_MAX ? entry->key.in : entry->key.heap;
    return (struct str){at, entry->key_len};
}

static void entry_free_key(struct map_entry *entry)
{
    if (entry->key_len > MAP_INLINE_KEY_MAX) {
        mem_free(entry->key.heap);
    }
}

/* The index stands behind the entries in the same allocation. */
static uint32_t *slots_of(const struct map *map)
{
    return (uint32_t *)(void *)(map->entries + map->cap);
}

static size_t slot_mask(const struct map *map)
{
    return map->cap * MAP_SLOTS_PER_ENTRY - 1;
}

/* The slot that holds this key; false when none does. There are always empty slots, for there are
 * twice as many as entries, dead ones counted. */
static bool find_slot(const struct map *map, struct str key, uint64_t hash, size_t *out_slot)
{
    if (map->count == 0) {
        return false;
    }
    const uint32_t *slots = slots_of(map);
    size_t mask = slot_mask(map);
    for (size_t slot = hash & mask; slots[slot] != slot_empty; slot = (slot + 1) & mask) {
        if (slots[slot] == slot_tomb) {
            continue;
        }
        const struct map_entry *entry = &map->entries[slots[slot]];
        if (entry->hash == hash && str_eq(entry_key(entry), key)) {
            *out_slot = slot;
            return true;
        }
    }
    return false;
}

static void index_entry(struct map *map, size_t entry_index)
{
    uint32_t *slots = slots_of(map);
    size_t mask = slot_mask(map);
    size_t slot = map->entries[entry_index].hash & mask;
    while (slots[slot] != slot_empty) {
        slot = (slot + 1) & mask;
    }
    slots[slot] = (uint32_t)entry_index;
}

/* Into new memory without the dead entries; twice as large when more than half are live. */
static void rebuild(struct map *map)
{
    size_t cap = MAX(map->cap, (size_t)MAP_CAP_MIN);
    if (map->count > cap / 2) {
        cap *= 2;
    }
    ASSERT(cap < slot_tomb);
    size_t bytes = cap * (sizeof(struct map_entry) + MAP_SLOTS_PER_ENTRY * sizeof(uint32_t));
    struct map rebuilt = {.entries = mem_alloc(bytes), .cap = cap};
    memset(slots_of(&rebuilt), 0xFF, cap * MAP_SLOTS_PER_ENTRY * sizeof(uint32_t));
    for (size_t i = 0; i < map->count + map->tombs; i++) {
        if (map->entries[i].live) {
            rebuilt.entries[rebuilt.count] = map->entries[i];
            index_entry(&rebuilt, rebuilt.count);
            rebuilt.count++;
        }
    }
    mem_free(map->entries);
    *map = rebuilt;
}

void map_init(struct map *map)
{
    *map = (struct map){0};
}

void map_deinit(struct map *map)
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->count + map->tombs; i++) {
        if (map->entries[i].live) {
            entry_free_key(&map->entries[i]);
        }
    }
    mem_free(map->entries);
    *map = (struct map){0};
}

void *map_get(const struct map *map, struct str key)
{
    size_t slot;
    if (map->count == 0 || !find_slot(map, key, str_hash(key), &slot)) {
        return NULL;
    }
    return map->entries[slots_of(map)[slot]].value;
}

void *map_set(struct map *map, struct str key, void *value)
{
    ASSERT(key.len < UINT32_MAX);
    uint64_t hash = str_hash(key);
    size_t slot;
    if (find_slot(map, key, hash, &slot)) {
        struct map_entry *entry = &map->entries[slots_of(map)[slot]];
        void *replaced = entry->value;
        entry->value = value;
        return replaced;
    }
    if (map->count + map->tombs == map->cap) {
        rebuild(map);
    }
    size_t index = map->count + map->tombs;
    struct map_entry *entry = &map->entries[index];
    *entry = (struct map_entry){
        .hash = hash, .value = value, .key_len = (uint32_t)key.len, .live = true};
    if (key.len > MAP_INLINE_KEY_MAX) {
        entry->key.heap = mem_dup(key.at, key.len);
    } else if (key.len > 0) {
        memcpy(entry->key.in, key.at, key.len);
    }
    index_entry(map, index);
    map->count++;
    return NULL;
}

void *map_remove(struct map *map, struct str key)
{
    size_t slot;
    if (map->count == 0 || !find_slot(map, key, str_hash(key), &slot)) {
        return NULL;
    }
    uint32_t *slots = slots_of(map);
    struct map_entry *entry = &map->entries[slots[slot]];
    void *value = entry->value;
    entry_free_key(entry);
    entry->live = false;
    slots[slot] = slot_tomb;
    map->count--;
    map->tombs++;
    return value;
}

static struct str int_key(const int64_t *key)
{
    return (struct str){(const char *)key, sizeof(*key)};
}

void *map_get_int(const struct map *map, int64_t key)
{
    return map_get(map, int_key(&key));
}

void *map_set_int(struct map *map, int64_t key, void *value)
{
    return map_set(map, int_key(&key), value);
}

void *map_remove_int(struct map *map, int64_t key)
{
    return map_remove(map, int_key(&key));
}

bool map_next(const struct map *map, size_t *position, struct str *out_key, void **out_value)
{
    size_t used = map->count + map->tombs;
    for (; *position < used; (*position)++) {
        const struct map_entry *entry = &map->entries[*position];
        if (entry->live) {
            *out_key = entry_key(entry);
            *out_value = entry->value;
            (*position)++;
            return true;
        }
    }
    return false;
}
