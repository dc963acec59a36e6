/* Slots: where others find a plugin's exports. The host behind a slot changes when the plugin is
 * reloaded; who calls through it meets the one that is there at that moment. The loop sets it, any
 * executor calls through it: both under the slot's lock, so that no call is posted to a host that
 * is already being closed. */
#include "internal.h"

struct bind_slot {
    pthread_mutex_t lock;
    struct bind_host *host; /* NULL: it does not run */
    char name[64];
};

struct bind_slot *bind_slot_new(struct str name)
{
    struct bind_slot *slot = mem_zalloc(sizeof(*slot));
    (void)pthread_mutex_init(&slot->lock, NULL);
    (void)snprintf(slot->name, sizeof(slot->name), STR_FORMAT, STR_ARGS(name));
    return slot;
}

void bind_slot_free(struct bind_slot *slot)
{
    if (slot == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&slot->lock);
    mem_free(slot);
}

void bind_slot_set(struct bind_slot *slot, struct bind_host *host)
{
    (void)pthread_mutex_lock(&slot->lock);
    slot->host = host;
    (void)pthread_mutex_unlock(&slot->lock);
}

struct str slot_name(const struct bind_slot *slot)
{
    return str_from(slot->name);
}

static const struct bind_registration *find_export(const struct bind_host *host, struct str name)
{
    for (size_t i = 0; i < host->registration_count; i++) {
        const struct bind_registration *one = &host->registrations[i];
        if (one->kind == BIND_EXPORT && str_eq(one->name, name)) {
            return one;
        }
    }
    return NULL;
}

enum err slot_call(struct bind_slot *slot, struct str name, struct bind_call *call,
                   struct error *error)
{
    (void)pthread_mutex_lock(&slot->lock);
    const struct bind_registration *found =
        slot->host == NULL ? NULL : find_export(slot->host, name);
    bool runs = slot->host != NULL;
    if (found != NULL) {
        call->host = slot->host;
        call->registration = found;
        bind_call(call);
    }
    (void)pthread_mutex_unlock(&slot->lock);
    if (found != NULL) {
        return OK;
    }
    return runs ? error_set(error, ERR_DEPENDENCY, "plugin %s does not export " STR_FORMAT,
                            slot->name, STR_ARGS(str_sub(name, 0, 100)))
                : error_set(error, ERR_SUSPENDED, "plugin %s does not run", slot->name);
}

size_t slot_exports(struct bind_slot *slot, struct arena *arena, struct str **out_names)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&slot->lock);
    size_t most = slot->host == NULL ? 0 : slot->host->registration_count;
    struct str *names = ARENA_ARRAY(arena, struct str, most + 1);
    for (size_t i = 0; i < most; i++) {
        const struct bind_registration *one = &slot->host->registrations[i];
        if (one->kind == BIND_EXPORT) {
            names[count++] = arena_str(arena, one->name);
        }
    }
    (void)pthread_mutex_unlock(&slot->lock);
    *out_names = names;
    return count;
}
