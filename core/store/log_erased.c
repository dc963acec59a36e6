/* Entries that lost their payload to an erasure: the chain covers the payload's hash, not the
 * payload, so it goes on to verify; that nothing else was taken or put there is proved by the
 * entry that took it (contract 3). Pure; any thread. */
#include "log.h"
#include "proxenos/base_json.h"

#include <string.h>

struct erased_group {
    struct hasher hasher;
    int64_t count;
};

void log_erased_init(struct log_erased *erased)
{
    map_init(&erased->open);
}

void log_erased_deinit(struct log_erased *erased)
{
    struct str key;
    void *group = NULL;
    for (size_t at = 0; map_next(&erased->open, &at, &key, &group);) {
        mem_free(group);
    }
    map_deinit(&erased->open);
}

void log_erased_add(struct hasher *hasher, int64_t seq, struct str payload)
{
    unsigned char bytes[8 + HASH_BYTES];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)((uint64_t)seq >> (56 - 8 * i));
    }
    hash_of(payload.at, payload.len, bytes + 8);
    hash_add(hasher, bytes, sizeof(bytes));
}

/* {"erased":123,…: the seq, 0 when it is another payload. */
static int64_t taken_by(struct str payload)
{
    static const struct str start = {"{\"erased\":", sizeof "{\"erased\":" - 1};
    int64_t seq = 0;
    if (!str_starts(payload, start)) {
        return 0;
    }
    size_t end = start.len;
    while (end < payload.len && payload.at[end] >= '0' && payload.at[end] <= '9') {
        end++;
    }
    return str_to_int64(str_sub(payload, start.len, end - start.len), &seq) == OK ? seq : 0;
}

/* Payloads of plugins may begin so by themselves: then their hash fits. */
static bool was_taken(const struct log_entry *entry)
{
    unsigned char hash[HASH_BYTES];
    hash_of(entry->payload.at, entry->payload.len, hash);
    return memcmp(hash, entry->payload_hash, sizeof hash) != 0;
}

static enum err check_group(const struct log_entry *entry, struct erased_group *group,
                            struct error *error)
{
    struct arena arena;
    struct value payload = value_null();
    unsigned char digest[HASH_BYTES];
    unsigned char said[HASH_BYTES] = {0};
    arena_init(&arena);
    (void)!json_decode(&arena, entry->payload, &payload, NULL);
    const struct value *redacted =
        payload.kind == VALUE_MAP ? value_get_c(&payload, "redacted") : NULL;
    hash_end(&group->hasher, digest);
    bool good = redacted != NULL && redacted->kind == VALUE_MAP &&
                value_get_int(redacted, "entries", -1) == group->count &&
                hex_decode(value_get_text(redacted, "digest", STR("")), said, sizeof said) == OK &&
                memcmp(said, digest, sizeof said) == 0;
    arena_deinit(&arena);
    return good ? OK
                : error_set(error, ERR_CORRUPT,
                            "the payloads that were erased are not those that entry %lld says it "
                            "erased",
                            (long long)entry->seq);
}

static struct erased_group *group_of(struct log_erased *erased, int64_t seq)
{
    struct erased_group *group = map_get_int(&erased->open, seq);
    if (group == NULL) {
        group = mem_zalloc(sizeof(*group));
        hash_start(&group->hasher);
        (void)map_set_int(&erased->open, seq, group);
    }
    return group;
}

enum err log_erased_seen(struct log_erased *erased, const struct log_entry *entry, bool *out_taken,
                         struct error *error)
{
    struct erased_group *group = map_get_int(&erased->open, entry->seq);
    int64_t by = taken_by(entry->payload);
    *out_taken = false;
    if (group != NULL) {
        enum err err = check_group(entry, group, error);
        mem_free(map_remove_int(&erased->open, entry->seq));
        return err;
    }
    if (by == 0 || !was_taken(entry)) {
        return OK;
    }
    if (by <= entry->seq) {
        return error_set(error, ERR_CORRUPT,
                         "the payload of entry %lld was changed: what it names came before it",
                         (long long)entry->seq);
    }
    group = group_of(erased, by);
    log_erased_add(&group->hasher, entry->seq, entry->payload);
    group->count++;
    *out_taken = true;
    return OK;
}

enum err log_erased_end(struct log_erased *erased, struct error *error)
{
    struct str key;
    void *group = NULL;
    size_t at = 0;
    return !map_next(&erased->open, &at, &key, &group)
               ? OK
               : error_set(error, ERR_CORRUPT,
                           "payloads of the log were changed and no entry says that they were "
                           "erased");
}
