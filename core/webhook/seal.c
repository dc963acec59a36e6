/* What a webhook keeps secret, sealed for its rows: keys, and the values of headers. Each is bound
 * to its webhook, so that rows cannot be exchanged. Any thread. */
#include "internal.h"

#include "proxenos/base_json.h"

static struct str bound_to(char *out, size_t size, const char *what, int64_t webhook, int64_t id)
{
    int len = snprintf(out, size, "webhook.%s:%lld:%lld", what, (long long)webhook, (long long)id);
    return (struct str){out, (size_t)len};
}

static struct value sealed_value(struct webhooks *webhooks, struct arena *arena, struct str with,
                                 struct str plain)
{
    struct buf sealed;
    buf_init(&sealed);
    store_seal(webhooks->options.store, with, plain, &sealed);
    struct str kept = {arena_dup(arena, sealed.at, sealed.len), sealed.len};
    buf_deinit(&sealed);
    return (struct value){.kind = VALUE_BYTES, .text = kept};
}

struct value webhook_seal_key(struct webhooks *webhooks, struct arena *arena, int64_t webhook,
                              const struct webhook_key *key)
{
    char with[80];
    char plain[sizeof(key->secret) + sizeof(key->sign)];
    memcpy(plain, key->secret, sizeof(key->secret));
    memcpy(plain + sizeof(key->secret), key->sign, sizeof(key->sign));
    struct value sealed =
        sealed_value(webhooks, arena, bound_to(with, sizeof(with), "key", webhook, key->id),
                     (struct str){plain, sizeof(plain)});
    crypto_wipe(plain, sizeof(plain));
    return sealed;
}

enum err webhook_open_key(struct webhooks *webhooks, int64_t webhook, struct str sealed,
                          struct webhook_key *key, struct error *error)
{
    char with[80];
    struct buf plain;
    buf_init(&plain);
    enum err err =
        store_unseal(webhooks->options.store, bound_to(with, sizeof(with), "key", webhook, key->id),
                     sealed, &plain, error);
    if (err == OK && plain.len != sizeof(key->secret) + sizeof(key->sign)) {
        err = error_set(error, ERR_CORRUPT, "a webhook's key has another length");
    }
    if (err == OK) {
        memcpy(key->secret, plain.at, sizeof(key->secret));
        memcpy(key->sign, plain.at + sizeof(key->secret), sizeof(key->sign));
    }
    crypto_wipe(plain.at, plain.cap);
    buf_deinit(&plain);
    return err;
}

struct value webhook_seal_headers(struct webhooks *webhooks, struct arena *arena, int64_t webhook,
                                  const struct value *headers)
{
    char with[80];
    struct buf plain;
    buf_init(&plain);
    json_encode(&plain, headers);
    struct value sealed = sealed_value(
        webhooks, arena, bound_to(with, sizeof(with), "headers", webhook, 0), buf_str(&plain));
    crypto_wipe(plain.at, plain.cap);
    buf_deinit(&plain);
    return sealed;
}

enum err webhook_open_headers(struct webhooks *webhooks, int64_t webhook, struct str sealed,
                              struct definition *definition, struct error *error)
{
    char with[80];
    struct buf plain;
    struct value headers = value_null();
    buf_init(&plain);
    enum err err =
        store_unseal(webhooks->options.store, bound_to(with, sizeof(with), "headers", webhook, 0),
                     sealed, &plain, error);
    if (err == OK) {
        struct str text = arena_str(&definition->arena, buf_str(&plain));
        err = json_decode(&definition->arena, text, &headers, error);
    }
    for (size_t i = 0; err == OK && headers.kind == VALUE_MAP && i < headers.map.count &&
                       definition->header_count < WEBHOOK_HEADERS_MAX;
         i++) {
        const struct value_entry *entry = &headers.map.entries[i];
        if (entry->value.kind == VALUE_TEXT) {
            definition->headers[definition->header_count++] =
                (struct net_header){.name = entry->key, .value = entry->value.text};
        }
    }
    crypto_wipe(plain.at, plain.cap);
    buf_deinit(&plain);
    return err;
}
