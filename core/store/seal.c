/* Keys and what is sealed with them. The key file is a database of its own in the folder, written
 * by the writer thread alone: a new key is committed there before the unit that uses it commits, so
 * a sealed payload never outlives its key by accident. Any thread may open payloads: all use of the
 * connection and the cache is under one lock, held for a look-up at most. */
#include "seal.h"

#include "proxenos/base_env.h"
#include "proxenos/base_json.h"
#include "sqlite/erasure_sql.h"
#include "sqlite/seal_sql.h"

#include <stdio.h>
#include <string.h>

enum { KEY_ENTRY_BYTES = 96, SEAL_KEYS_MIN = 1024, MASTER_KEY = 0, WAL_BYTES_MAX = 1 << 20 };

struct seal_key {
    int64_t id, subject;
    unsigned char bytes[KEY_BYTES];
};

struct seal {
    pthread_mutex_t lock;
    struct db *db;         /* lock */
    bool pending;          /* keys inserted and not committed; lock */
    struct map by_id;      /* struct seal_key; lock */
    struct map by_subject; /* the same ones; lock */
    size_t keys_max;
    unsigned char master[KEY_BYTES]; /* of secret fields */
};

const char *seal_file_name(void)
{
    return "keys.db";
}

/* ---- the cache ---- */

static void cache_clear(struct seal *seal)
{
    struct str name;
    void *value = NULL;
    for (size_t at = 0; map_next(&seal->by_id, &at, &name, &value);) {
        crypto_wipe(value, sizeof(struct seal_key));
        mem_free(value);
    }
    map_deinit(&seal->by_id);
    map_deinit(&seal->by_subject);
    map_init(&seal->by_id);
    map_init(&seal->by_subject);
}

static const struct seal_key *cache_put(struct seal *seal, const struct seal_key *key)
{
    if (seal->by_id.count >= seal->keys_max) {
        cache_clear(seal);
    }
    struct seal_key *kept = mem_dup(key, sizeof(*key));
    (void)map_set_int(&seal->by_id, key->id, kept);
    (void)map_set_int(&seal->by_subject, key->subject, kept);
    return kept;
}

/* ---- keys (under the lock) ---- */

static enum err key_by_id(struct seal *seal, int64_t id, unsigned char out[KEY_BYTES],
                          struct error *error)
{
    const struct seal_key *cached = map_get_int(&seal->by_id, id);
    struct seal_key key = {.id = id};
    if (cached == NULL) {
        enum err err = seal_sql_by_id(seal->db, id, &key.subject, key.bytes, error);
        if (err != OK) {
            return err;
        }
        cached = cache_put(seal, &key);
    }
    memcpy(out, cached->bytes, KEY_BYTES);
    crypto_wipe(&key, sizeof(key));
    return OK;
}

static enum err key_make(struct seal *seal, struct ids *ids, int64_t subject,
                         struct seal_key *out_key, struct error *error)
{
    struct seal_key key = {.id = ids_next(ids), .subject = subject};
    crypto_random(key.bytes, KEY_BYTES);
    enum err err = seal->pending ? OK : db_begin(seal->db, true, error);
    if (err == OK) {
        seal->pending = true;
        err = seal_sql_insert(seal->db, key.id, subject, key.bytes, error);
    }
    if (err == OK) {
        (void)cache_put(seal, &key);
        *out_key = key;
    }
    crypto_wipe(&key, sizeof(key));
    return err;
}

static enum err key_by_subject(struct seal *seal, struct ids *ids, int64_t subject,
                               struct seal_key *out_key, struct error *error)
{
    const struct seal_key *cached = map_get_int(&seal->by_subject, subject);
    if (cached != NULL) {
        *out_key = *cached;
        return OK;
    }
    out_key->subject = subject;
    enum err err = seal_sql_by_subject(seal->db, subject, &out_key->id, out_key->bytes, error);
    if (err == ERR_NOT_FOUND) {
        return key_make(seal, ids, subject, out_key, error);
    }
    if (err == OK) {
        (void)cache_put(seal, out_key);
    }
    return err;
}

/* ---- open, close ---- */

static enum err load_master(struct seal *seal, struct ids *ids, struct error *error)
{
    int64_t subject = 0;
    int64_t last = 0;
    enum err err = seal_sql_prepare(seal->db, error);
    if (err == OK) {
        err = seal_sql_max_id(seal->db, &last, error);
    }
    if (err == OK) {
        ids_seen(ids, last); /* keys have ids of their own, which no record shows */
        err = seal_sql_by_id(seal->db, MASTER_KEY, &subject, seal->master, error);
    }
    if (err != ERR_NOT_FOUND) {
        return err;
    }
    crypto_random(seal->master, KEY_BYTES);
    err = db_begin(seal->db, true, error);
    if (err == OK) {
        err = seal_sql_insert(seal->db, MASTER_KEY, MASTER_KEY, seal->master, error);
    }
    return err == OK ? db_commit(seal->db, error) : err;
}

enum err seal_open(struct store *store, struct error *error)
{
    struct seal *seal = mem_zalloc(sizeof(*seal));
    char path[4096];
    (void)pthread_mutex_init(&seal->lock, NULL);
    map_init(&seal->by_id);
    map_init(&seal->by_subject);
    seal->keys_max = MAX((size_t)(store->keys_cache_bytes / KEY_ENTRY_BYTES), SEAL_KEYS_MIN);
    (void)snprintf(path, sizeof(path), "%s/%s", store->folder, seal_file_name());
    struct db_options options = {.path = path, .mode = DB_WRITER};
    store->seal = seal;
    enum err err = db_open(&options, &seal->db, error);
    if (err == OK) {
        err = load_master(seal, store->ids, error);
    }
    if (err != OK) {
        error_prefix(error, "%s: ", seal_file_name());
        seal_close(store);
    }
    return err;
}

void seal_close(struct store *store)
{
    struct seal *seal = store->seal;
    if (seal == NULL) {
        return;
    }
    if (seal->db != NULL) {
        int64_t left = 0;
        /* Keys of units that never committed: nobody needs them. */
        if (seal->pending) {
            db_rollback(seal->db);
        }
        /* What a checkpoint cannot do now, the next one does: the WAL is kept. */
        (void)!db_checkpoint(seal->db, true, &left, NULL);
        db_close(seal->db);
    }
    cache_clear(seal);
    crypto_wipe(seal->master, KEY_BYTES);
    (void)pthread_mutex_destroy(&seal->lock);
    mem_free(seal);
    store->seal = NULL;
}

enum err seal_before_commit(struct store *store, struct error *error)
{
    struct seal *seal = store->seal;
    enum err err = OK;
    (void)pthread_mutex_lock(&seal->lock);
    if (seal->pending) {
        err = db_commit(seal->db, error);
        if (err != OK) {
            /* The keys are gone with their transaction, so nothing may be sealed with them. */
            db_rollback(seal->db);
            cache_clear(seal);
        }
        seal->pending = false;
        if (db_wal_bytes(seal->db) > WAL_BYTES_MAX) {
            /* What a checkpoint cannot do now, the next one does: the WAL is kept. */
            int64_t left = 0;
            (void)!db_checkpoint(seal->db, false, &left, NULL);
        }
    }
    (void)pthread_mutex_unlock(&seal->lock);
    return err;
}

enum err seal_backup(struct store *store, const char *path, bool *out_made, struct error *error)
{
    struct db *db = NULL;
    char from[4096];
    (void)snprintf(from, sizeof(from), "%s/%s", store->folder, seal_file_name());
    struct db_options options = {.path = from, .mode = DB_READER};
    enum err err = db_open(&options, &db, error);
    if (err == OK) {
        err = db_backup(db, path, NULL, NULL, error);
    }
    db_close(db);
    if (err == OK) {
        *out_made = true;
    }
    return err;
}

/* ---- secrets ---- */

/* A sealed secret opens only where it was put: type, field and record are bound to it. */
static struct str bound_to(struct arena *arena, const struct object_type *type,
                           const struct field *field, int64_t record)
{
    char id[ID_TEXT_LEN + 1];
    id_format(record, id);
    return arena_printf(arena, STR_FORMAT "." STR_FORMAT ":%s", STR_ARGS(type->name),
                        STR_ARGS(field->name), id);
}

struct value seal_secret(struct store *store, struct arena *arena, const struct object_type *type,
                         const struct field *field, int64_t record, struct str plain)
{
    size_t len = plain.len + SEAL_OVERHEAD_BYTES;
    unsigned char *sealed = arena_alloc(arena, len);
    crypto_seal(store->seal->master, plain.at, plain.len, bound_to(arena, type, field, record),
                sealed);
    return (struct value){.kind = VALUE_BYTES, .text = {(const char *)sealed, len}};
}

void store_seal(struct store *store, struct str with, struct str plain, struct buf *out)
{
    size_t len = plain.len + SEAL_OVERHEAD_BYTES;
    unsigned char *room = (unsigned char *)buf_reserve(out, len);
    crypto_seal(store->seal->master, plain.at, plain.len, with, room);
    out->len += len;
}

enum err store_unseal(struct store *store, struct str with, struct str sealed, struct buf *out,
                      struct error *error)
{
    if (sealed.len < SEAL_OVERHEAD_BYTES) {
        return error_set(error, ERR_CORRUPT, "a sealed secret is too short to be one");
    }
    size_t len = sealed.len - SEAL_OVERHEAD_BYTES;
    unsigned char *room = (unsigned char *)buf_reserve(out, len + 1);
    enum err err = crypto_open(store->seal->master, sealed.at, sealed.len, with, room);
    if (err != OK) {
        return error_set(error, ERR_CORRUPT,
                         "a sealed secret cannot be opened with this folder's key");
    }
    out->len += len;
    return OK;
}

/* ---- payloads ---- */

enum err seal_write(struct store *store, int64_t subject, struct str plain, struct buf *out,
                    struct error *error)
{
    struct seal *seal = store->seal;
    struct seal_key key = {0};
    (void)pthread_mutex_lock(&seal->lock);
    enum err err = key_by_subject(seal, store->ids, subject, &key, error);
    (void)pthread_mutex_unlock(&seal->lock);
    if (err != OK) {
        return err;
    }
    char id[ID_TEXT_LEN + 1];
    size_t len = plain.len + SEAL_OVERHEAD_BYTES;
    unsigned char *sealed = mem_alloc(len);
    id_format(key.id, id);
    crypto_seal(key.bytes, plain.at, plain.len, str_from(id), sealed);
    buf_printf(out, "{\"key\":\"%s\",\"data\":\"", id);
    base64_encode(out, sealed, len);
    buf_append_str(out, STR("\"}"));
    mem_free(sealed);
    crypto_wipe(&key, sizeof(key));
    return OK;
}

enum err seal_forget(struct store *store, int64_t subject, struct error *error)
{
    struct seal *seal = store->seal;
    (void)pthread_mutex_lock(&seal->lock);
    enum err err = seal->pending ? OK : db_begin(seal->db, true, error);
    if (err == OK) {
        err = seal_sql_delete(seal->db, subject, error);
    }
    if (err == OK) {
        err = db_commit(seal->db, error);
    }
    if (err != OK) {
        db_rollback(seal->db);
    } else {
        int64_t left = 0;
        err = db_checkpoint(seal->db, true, &left, error); /* the key was in the WAL too */
    }
    seal->pending = false;
    cache_clear(seal);
    (void)pthread_mutex_unlock(&seal->lock);
    return err;
}

enum err seal_scrub(struct store *store, struct error *error)
{
    struct seal *seal = store->seal;
    int64_t left = 0;
    (void)pthread_mutex_lock(&seal->lock);
    enum err err = seal->pending ? db_commit(seal->db, error) : OK;
    seal->pending = false;
    if (err == OK) {
        err = scrub_sql_vacuum(seal->db, error);
    }
    if (err == OK) {
        err = db_checkpoint(seal->db, true, &left, error);
    }
    (void)pthread_mutex_unlock(&seal->lock);
    return err;
}

/* Moves the fields of one opened side behind those that were never sealed. */
static void merge_side(struct arena *arena, struct value *payload, const struct value *opened,
                       const char *name)
{
    const struct value *side = value_get_c(opened, name);
    if (side == NULL || side->kind != VALUE_MAP) {
        return;
    }
    const struct value *there = value_get_c(payload, name);
    struct value whole = there == NULL ? value_map_new() : *there;
    for (size_t i = 0; i < side->map.count; i++) {
        value_put(arena, &whole, side->map.entries[i].key, side->map.entries[i].value);
    }
    value_put_c(arena, payload, name, whole);
}

static enum err open_data(struct seal *seal, struct arena *arena, const struct value *sealed,
                          struct value *out_opened)
{
    struct str name = value_get_text(sealed, "key", STR(""));
    unsigned char key[KEY_BYTES];
    struct buf bytes;
    int64_t id = 0;
    buf_init(&bytes);
    enum err err = id_parse(name, &id);
    if (err == OK) {
        err = base64_decode(&bytes, value_get_text(sealed, "data", STR("")));
    }
    if (err == OK && bytes.len < SEAL_OVERHEAD_BYTES) {
        err = ERR_CORRUPT;
    }
    if (err == OK) {
        (void)pthread_mutex_lock(&seal->lock);
        err = key_by_id(seal, id, key, NULL);
        (void)pthread_mutex_unlock(&seal->lock);
    }
    if (err == OK) {
        size_t len = bytes.len - SEAL_OVERHEAD_BYTES;
        unsigned char *plain = arena_alloc(arena, len + 1);
        err = crypto_open(key, bytes.at, bytes.len, name, plain);
        if (err == OK) {
            err = json_decode(arena, (struct str){(const char *)plain, len}, out_opened, NULL);
        }
        crypto_wipe(key, sizeof(key));
    }
    buf_deinit(&bytes);
    return err;
}

enum err seal_open_payload(struct store *store, struct arena *arena, struct value *payload,
                           bool *out_erased, struct error *error)
{
    bool map = payload->kind == VALUE_MAP;
    const struct value *sealed = map ? value_get_c(payload, "sealed") : NULL;
    bool taken = map && value_get_c(payload, "erased") != NULL;
    struct value opened = value_null();
    *out_erased = taken;
    if (sealed == NULL && !taken) {
        return OK;
    }
    enum err err = sealed == NULL ? OK : open_data(store->seal, arena, sealed, &opened);
    if (err != OK && err != ERR_NOT_FOUND) {
        return error_set(error, err == ERR_IO ? ERR_IO : ERR_CORRUPT,
                         "a sealed part of the log cannot be opened");
    }
    struct value whole = value_map_new();
    for (size_t i = 0; i < payload->map.count; i++) {
        const struct value_entry *entry = &payload->map.entries[i];
        if (!str_is(entry->key, "sealed") && !str_is(entry->key, "erased")) {
            value_put(arena, &whole, entry->key, entry->value);
        }
    }
    *out_erased = taken || err == ERR_NOT_FOUND;
    merge_side(arena, &whole, &opened, "before");
    merge_side(arena, &whole, &opened, "after");
    *payload = whole;
    return OK;
}

void store_secret_key(struct store *store, struct str purpose, unsigned char out_key[KEY_BYTES])
{
    hmac_of(store->seal->master, purpose.at, purpose.len, out_key);
}
