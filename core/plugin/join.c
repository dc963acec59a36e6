/* An edition's place in the bus: its subscriptions, found by their names, so that the edition which
 * follows goes on from the same cursors. Loop thread. */
#include "internal.h"

#include "proxenos/base_time.h"

enum {
    /* The disk works while the next batch's handlers run; their order is kept (bind/batch.c). */
    BATCHES_UNDER_WAY = 4,
};

static int64_t duration_ms(const struct value *map, const char *key)
{
    struct duration duration;
    struct str text = value_get_text(map, key, STR(""));
    if (text.len == 0 || duration_parse(text, &duration) != OK) {
        return 0;
    }
    return duration.days * 86400000 + duration.ms;
}

/* "relations/opportunity.stage.won", the second of a pattern with "#2" behind; or as named. */
static struct str subscription_name(struct edition *edition,
                                    const struct bind_registration *registration)
{
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(edition->host, &count);
    struct str given = value_get_text(&registration->options, "name", STR(""));
    const char *plugin = edition->plugin->name;
    int same = 1;
    for (size_t i = 0; i < registration->index; i++) {
        same +=
            all[i].kind == registration->kind && str_eq(all[i].name, registration->name) ? 1 : 0;
    }
    if (given.len > 0) {
        return arena_printf(&edition->arena, "%s/" STR_FORMAT, plugin, STR_ARGS(given));
    }
    struct str name =
        arena_printf(&edition->arena, "%s/" STR_FORMAT, plugin, STR_ARGS(registration->name));
    return same == 1 ? name : arena_printf(&edition->arena, STR_FORMAT "#%d", STR_ARGS(name), same);
}

/* What has a place in the bus: handlers of events, and schedules. */
static const struct bind_registration *next_subscriber(const struct edition *edition,
                                                       size_t *position)
{
    size_t count = 0;
    const struct bind_registration *all = bind_host_registrations(edition->host, &count);
    while (*position < count) {
        const struct bind_registration *one = &all[(*position)++];
        if (one->kind == BIND_ON || one->kind == BIND_SCHEDULE) {
            return one;
        }
    }
    return NULL;
}

static void take_times(struct subscription_spec *spec, const struct bind_registration *registration)
{
    struct str missed = value_get_text(&registration->options, "missed", STR("skip"));
    spec->cron = registration->method;
    spec->zone = value_get_text(&registration->options, "zone", STR(""));
    spec->missed = str_is(missed, "once")  ? BUS_MISSED_ONCE
                   : str_is(missed, "all") ? BUS_MISSED_ALL
                                           : BUS_MISSED_SKIP;
}

static struct subscription_spec spec_of(struct edition *edition,
                                        const struct bind_registration *registration,
                                        const struct scope *scope)
{
    const struct value *options = &registration->options;
    const struct value *retry = value_get_c(options, "retry");
    struct subscription_spec spec = {
        .name = subscription_name(edition, registration),
        .plugin = str_from(edition->plugin->name),
        .pattern = registration->name,
        .key = value_get_text(options, "key", STR("")),
        .filter = value_get_text(options, "filter", STR("")),
        .hold_when_dead = str_is(value_get_text(options, "on_dead", STR("")), "hold"),
        .concurrency = (int)value_get_int(options, "concurrency", BATCHES_UNDER_WAY),
        .from_start = value_get_bool(options, "from_start", false),
        .deliver = bind_deliver,
        .rescope = bind_rescope,
        .outdated = bind_outdated,
        .context = (void *)(uintptr_t)registration,
        .scope = scope};
    if (retry != NULL) {
        spec.retry = (struct bus_retry){.times = (int)value_get_int(retry, "times", 0),
                                        .first_ms = duration_ms(retry, "first"),
                                        .max_ms = duration_ms(retry, "max")};
    }
    if (registration->kind == BIND_SCHEDULE) {
        take_times(&spec, registration);
    }
    return spec;
}

static bool name_is_used(const struct edition *edition, const struct str *names, size_t count,
                         struct str name, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], name)) {
            (void)error_set(error, ERR_CONFLICT,
                            "plugin %s registers two handlers under the name \"" STR_FORMAT "\"",
                            edition->plugin->name, STR_ARGS(str_sub(name, 0, 100)));
            return true;
        }
    }
    return false;
}

enum err edition_check_specs(struct edition *edition, struct error *error)
{
    size_t position = 0, count = 0;
    const struct bind_registration *one = NULL;
    (void)bind_host_registrations(edition->host, &count);
    struct str *names = ARENA_ARRAY(&edition->arena, struct str, count + 1);
    enum err err = OK;
    for (count = 0; err == OK && (one = next_subscriber(edition, &position)) != NULL;) {
        struct subscription_spec spec = spec_of(edition, one, NULL);
        err = bus_spec_check(&spec, error);
        if (err == OK && name_is_used(edition, names, count, spec.name, error)) {
            err = error->err;
        }
        names[count++] = spec.name;
    }
    return err;
}

/* ---- pause and rest ---- */

void edition_pause(struct edition *edition)
{
    for (size_t i = 0; i < edition->joined_count; i++) {
        bus_pause(edition->joined[i].subscription);
    }
}

void edition_resume(struct edition *edition)
{
    for (size_t i = 0; i < edition->joined_count; i++) {
        bus_resume(edition->joined[i].subscription);
    }
}

bool edition_idle(const struct edition *edition)
{
    bool idle = true;
    for (size_t i = 0; i < edition->joined_count; i++) {
        idle = idle && bus_idle(edition->joined[i].subscription);
    }
    return idle;
}

void edition_leave(struct edition *edition)
{
    for (size_t i = 0; i < edition->joined_count; i++) {
        if (edition->joined[i].subscription != NULL) {
            bus_unsubscribe(edition->joined[i].subscription);
        }
    }
    edition->joined_count = 0;
}

/* ---- joining ---- */

static struct joined *find_joined(const struct edition *edition, struct str name)
{
    for (size_t i = 0; edition != NULL && i < edition->joined_count; i++) {
        struct subscription *subscription = edition->joined[i].subscription;
        if (subscription != NULL && str_eq(bus_name(subscription), name)) {
            return &edition->joined[i];
        }
    }
    return NULL;
}

/* True when `place` of the old edition has its subscription again. */
static bool goes_back(struct joining *joining, struct joined *place,
                      struct subscription *subscription)
{
    struct subscription_spec spec = spec_of(joining->old, place->registration, joining->scope);
    if (!str_eq(spec.name, bus_name(subscription)) ||
        bus_renew(subscription, &spec, &joining->error) != OK) {
        return false;
    }
    place->subscription = subscription;
    return true;
}

/* What was taken over goes back to the old edition; what is new leaves. All are paused and idle. */
static void give_back(struct joining *joining)
{
    struct edition *edition = joining->edition;
    size_t old_count = joining->old == NULL ? 0 : joining->old->joined_count;
    for (size_t i = 0; i < edition->joined_count; i++) {
        struct subscription *subscription = edition->joined[i].subscription;
        bool back = false;
        for (size_t j = 0; j < old_count && !back; j++) {
            back = goes_back(joining, &joining->old->joined[j], subscription);
        }
        if (!back) {
            bus_unsubscribe(subscription);
        }
    }
    edition->joined_count = 0;
}

/* A handler whose cursor could not be read has no place any more. */
static void drop_empty(struct edition *edition)
{
    size_t kept = 0;
    for (size_t i = 0; i < edition->joined_count; i++) {
        if (edition->joined[i].subscription != NULL) {
            edition->joined[kept++] = edition->joined[i];
        }
    }
    edition->joined_count = kept;
}

static void finish(struct joining *joining, enum err err)
{
    joining->err = err;
    if (err != OK) {
        give_back(joining);
    }
    if (joining->old != NULL) {
        drop_empty(joining->old);
        if (err == OK) {
            edition_leave(joining->old);
        }
    }
    scope_unref(joining->scope);
    joining->done(joining);
}

static void keep(struct joining *joining, const struct bind_registration *registration,
                 struct subscription *subscription)
{
    struct edition *edition = joining->edition;
    edition->joined[edition->joined_count++] = (struct joined){registration, subscription};
}

static void join_next(struct joining *joining);

static void on_joined(struct bus_joining *bus)
{
    struct joining *joining = CONTAINER_OF(bus, struct joining, bus);
    if (bus->err != OK) {
        joining->error = bus->error;
        finish(joining, bus->err);
        return;
    }
    keep(joining, joining->spec.context, bus->subscription);
    join_next(joining);
}

static void join_next(struct joining *joining)
{
    struct edition *edition = joining->edition;
    const struct bind_registration *one = NULL;
    while ((one = next_subscriber(edition, &joining->position)) != NULL) {
        joining->spec = spec_of(edition, one, joining->scope);
        struct joined *old = find_joined(joining->old, joining->spec.name);
        if (old == NULL) {
            joining->bus.done = on_joined;
            bus_join(edition->plugin->plugins->options.bus, &joining->spec, &joining->bus);
            return;
        }
        enum err err = bus_renew(old->subscription, &joining->spec, &joining->error);
        if (err != OK) {
            finish(joining, err);
            return;
        }
        keep(joining, one, old->subscription);
        old->subscription = NULL;
    }
    finish(joining, OK);
}

void edition_join(struct joining *joining)
{
    struct edition *edition = joining->edition;
    struct plugin_rights rights = edition_rights(edition);
    size_t count = 0;
    (void)bind_host_registrations(edition->host, &count);
    edition->joined = ARENA_ARRAY(&edition->arena, struct joined, count + 1);
    edition->joined_count = 0;
    joining->position = 0;
    joining->error = (struct error){.err = OK};
    joining->scope =
        auth_plugin_scope(edition->plugin->plugins->options.auth, &rights, &joining->error);
    if (joining->scope == NULL) {
        joining->err = joining->error.err;
        joining->done(joining);
        return;
    }
    join_next(joining);
}
