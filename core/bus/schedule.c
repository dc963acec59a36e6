/* Schedules: at each time the bus appends an entry to the log and moves the row's next time, in one
 * unit; the subscription of the schedule's name takes the entry as it would any event, so that
 * retry, parking, dead letters and "once" are those of deliveries. Loop thread, but for the `tx`
 * functions (writer). */
#include "internal.h"

#include "proxenos/base_log.h"
#include "proxenos/base_time.h"

enum { RUNS_AT_ONCE_MAX = 64, AGAIN_MS = 500 };

static const char *const missed_words[] = {
    [BUS_MISSED_SKIP] = "skip", [BUS_MISSED_ONCE] = "once", [BUS_MISSED_ALL] = "all"};

/* ---- its row ---- */

enum err schedule_check(const struct subscription_spec *spec, struct error *error)
{
    struct cron cron;
    struct arena arena;
    int64_t offset = 0;
    enum err err = cron_parse(spec->cron, &cron, error);
    if (err != OK) {
        return err;
    }
    arena_init(&arena);
    const char *zone = spec->zone.len > 0 ? arena_cstr(&arena, spec->zone) : "UTC";
    if (zone_offset(zone, 0, &offset) != OK) {
        err = error_set(error, ERR_INVALID,
                        "\"%s\" is not a time zone; write one such as Europe/Athens", zone);
    }
    arena_deinit(&arena);
    return err;
}

enum err schedule_new(struct subscription *subscription, struct error *error)
{
    struct subscription_spec *spec = &subscription->spec;
    struct arena *arena = &subscription->arena;
    struct schedule *schedule = ARENA_NEW(arena, struct schedule);
    *schedule = (struct schedule){0};
    enum err err = schedule_check(spec, error);
    if (err == OK) {
        err = cron_parse(spec->cron, &schedule->cron, error);
    }
    if (err != OK) {
        return err;
    }
    spec->zone = spec->zone.len > 0 ? spec->zone : STR("UTC");
    schedule->zone = arena_cstr(arena, spec->zone);
    schedule->scan_to = store_seq(subscription->bus->store);
    subscription->schedule = schedule;
    return OK;
}

static int64_t time_or_0(const struct value *column)
{
    return column->kind == VALUE_INT ? column->integer : 0;
}

/* next, last, ran, failed, error */
static enum err on_row(void *context, const struct value *columns, int column_count,
                       struct error *error)
{
    (void)column_count;
    (void)error;
    struct schedule *schedule = context;
    schedule->next_ms = columns[0].integer;
    schedule->last_ms = time_or_0(&columns[1]);
    schedule->ran_ms = time_or_0(&columns[2]);
    schedule->failed_ms = time_or_0(&columns[3]);
    if (columns[4].kind == VALUE_TEXT) {
        snprintf(schedule->error, sizeof(schedule->error), STR_FORMAT, STR_ARGS(columns[4].text));
    }
    return OK;
}

/* Its row: as it was, or begun anew from now on where expression or zone are others. */
static enum err make_row(const struct subscription *subscription, struct tx *tx,
                         struct error *error)
{
    const struct subscription_spec *spec = &subscription->spec;
    const struct schedule *schedule = subscription->schedule;
    int64_t next_ms = 0;
    enum err err = cron_next(&schedule->cron, schedule->zone, tx_now_ms(tx), &next_ms);
    if (err != OK) {
        return error_set(error, err, "the schedule never comes");
    }
    struct value binds[] = {value_text(spec->name),
                            value_text(spec->plugin),
                            value_text(spec->cron),
                            value_text(spec->zone),
                            value_text(str_from(missed_words[spec->missed])),
                            value_int(next_ms)};
    return tx_table(tx, &bus_tables, BUS_SCHEDULE_MAKE, binds, COUNT_OF(binds), NULL, NULL, error);
}

/* While the loop's thread waits: the row goes straight into memory. */
enum err schedule_tx_make(struct subscription *subscription, struct tx *tx, struct error *error)
{
    struct value bind = value_text(subscription->spec.name);
    enum err err = make_row(subscription, tx, error);
    return err == OK ? tx_table(tx, &bus_tables, BUS_SCHEDULE_GET, &bind, 1, on_row,
                                subscription->schedule, error)
                     : err;
}

/* With the same times it goes on; other ones are written by the first pump. */
enum err schedule_renew(struct subscription *subscription, const struct schedule *old,
                        bool same_times, struct error *error)
{
    enum err err = schedule_new(subscription, error);
    if (err != OK) {
        return err;
    }
    struct schedule *schedule = subscription->schedule;
    struct cron cron = schedule->cron;
    const char *zone = schedule->zone;
    if (old != NULL) {
        *schedule = *old;
        schedule->cron = cron;
        schedule->zone = zone;
    }
    schedule->scan_to = store_seq(subscription->bus->store);
    schedule->unwritten = old == NULL || old->unwritten || !same_times;
    return OK;
}

enum err schedule_tx_ran(struct tx *tx, struct str name, struct error *error)
{
    struct value binds[] = {value_text(name), value_int(tx_now_ms(tx))};
    return tx_table(tx, &bus_tables, BUS_SCHEDULE_RAN, binds, 2, NULL, NULL, error);
}

enum err schedule_tx_failed(struct tx *tx, struct str name, const struct error *failure,
                            struct error *error)
{
    struct value binds[] = {value_text(name), value_int(tx_now_ms(tx)),
                            value_text(str_from(failure->detail))};
    return tx_table(tx, &bus_tables, BUS_SCHEDULE_FAILED, binds, 3, NULL, NULL, error);
}

/* ---- runs ---- */

enum err schedule_tx_due(struct tx *tx, struct str name, int64_t at_ms, struct str why,
                         struct error *error)
{
    struct value data = value_map_new();
    value_put_c(tx_arena(tx), &data, "schedule", value_text(name));
    value_put_c(tx_arena(tx), &data, "at", value_time(at_ms));
    if (why.len > 0) {
        value_put_c(tx_arena(tx), &data, "why", value_text(why));
    }
    return tx_emit(tx, STR(BUS_SCHEDULE_DUE), &data, error);
}

bool schedule_owns(const struct subscription *subscription, const struct value *payload)
{
    return str_eq(value_get_text(payload, "schedule", STR("")), subscription->spec.name);
}

struct due {
    struct unit unit;
    struct subscription *subscription;
    int64_t times[RUNS_AT_ONCE_MAX];
    size_t count;
    int64_t next_ms;
    bool make; /* writes its times, nothing else */
};

static enum err on_next(void *context, const struct value *columns, int column_count,
                        struct error *error)
{
    (void)column_count;
    (void)error;
    *(int64_t *)context = columns[0].integer;
    return OK;
}

static enum err make_apply(struct due *due, struct tx *tx, struct error *error)
{
    struct value bind = value_text(due->subscription->spec.name);
    enum err err = make_row(due->subscription, tx, error);
    return err == OK ? tx_table(tx, &bus_tables, BUS_SCHEDULE_GET, &bind, 1, on_next, &due->next_ms,
                                error)
                     : err;
}

static enum err due_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct due *due = CONTAINER_OF(unit, struct due, unit);
    struct str name = due->subscription->spec.name;
    if (due->make) {
        return make_apply(due, tx, error);
    }
    struct value binds[] = {value_text(name), value_int(due->next_ms),
                            due->count > 0 ? value_int(due->times[due->count - 1]) : value_null()};
    enum err err = tx_table(tx, &bus_tables, BUS_SCHEDULE_NEXT, binds, 3, NULL, NULL, error);
    for (size_t i = 0; err == OK && i < due->count; i++) {
        err = schedule_tx_due(tx, name, due->times[i], STR(""), error);
    }
    return err;
}

static void due_done(struct unit *unit)
{
    struct due *due = CONTAINER_OF(unit, struct due, unit);
    struct subscription *subscription = due->subscription;
    struct schedule *schedule = subscription->schedule;
    struct bus *bus = subscription->bus;
    bus->units_away--;
    schedule->away--;
    if (unit->err == OK) {
        schedule->unwritten = schedule->unwritten && !due->make;
        schedule->next_ms = due->next_ms;
        schedule->last_ms = due->count > 0 ? due->times[due->count - 1] : schedule->last_ms;
        schedule->scan_to = MAX(schedule->scan_to, unit->last_seq);
        bus->runs_made += (int64_t)due->count;
    } else {
        schedule->again_ms = loop_now_ms(bus->loop) + AGAIN_MS; /* a full disk, say */
    }
    unit_deinit(unit);
    mem_free(due);
    bus_pump_soon(bus);
}

/* All that were missed, a few at a time; of too many the last one alone. */
static enum err choose_all(struct schedule *schedule, struct due *due, int64_t now_ms)
{
    enum err err = OK;
    for (int64_t at = schedule->next_ms;
         err == OK && at <= now_ms && due->count < RUNS_AT_ONCE_MAX;) {
        due->times[due->count++] = at;
        err = cron_next(&schedule->cron, schedule->zone, at, &at);
        due->next_ms = at;
    }
    schedule->made_up += (int64_t)due->count;
    return err;
}

/* The last one that has come, and what comes behind it. */
static enum err choose_last(const struct schedule *schedule, struct due *due, int64_t now_ms)
{
    int64_t last = schedule->next_ms;
    enum err err = cron_last(&schedule->cron, schedule->zone, schedule->next_ms - 1, now_ms, &last);
    due->times[0] = last;
    due->count = 1;
    return err == OK ? cron_next(&schedule->cron, schedule->zone, last, &due->next_ms) : err;
}

static enum err choose(struct subscription *subscription, struct due *due, int64_t now_ms)
{
    struct schedule *schedule = subscription->schedule;
    bool late = now_ms - schedule->next_ms > BUS_LATE_MS;
    if (!late) {
        schedule->made_up = 0;
        due->times[0] = schedule->next_ms;
        due->count = 1;
        return cron_next(&schedule->cron, schedule->zone, schedule->next_ms, &due->next_ms);
    }
    if (subscription->spec.missed == BUS_MISSED_ALL && schedule->made_up < BUS_MISSED_RUNS_MAX) {
        return choose_all(schedule, due, now_ms);
    }
    enum err err = choose_last(schedule, due, now_ms);
    if (err == OK && subscription->spec.missed == BUS_MISSED_SKIP &&
        now_ms - due->times[0] > BUS_LATE_MS) {
        due->count = 0;
    }
    log_info("bus", "runs were missed schedule=%s policy=%s made_up=%zu",
             subscription->spec.name.at, missed_words[subscription->spec.missed], due->count);
    return err;
}

void schedule_pump(struct subscription *subscription, int64_t now_ms)
{
    struct schedule *schedule = subscription->schedule;
    struct bus *bus = subscription->bus;
    if (schedule->away > 0 || schedule_next_due(subscription) > now_ms) {
        return;
    }
    struct due *due = mem_zalloc(sizeof(*due));
    due->subscription = subscription;
    due->unit = (struct unit){.reply = loop_mailbox(bus->loop),
                              .apply = due_apply,
                              .done = due_done,
                              .scope = bus->scope,
                              .request = STR("schedule")};
    due->make = schedule->unwritten;
    enum err err = due->make ? OK : choose(subscription, due, now_ms);
    if (err == OK) {
        err = store_submit(bus->store, &due->unit);
    }
    if (err != OK) {
        schedule->again_ms = now_ms + AGAIN_MS;
        mem_free(due);
        return;
    }
    bus->units_away++;
    schedule->away++;
}

int64_t schedule_next_due(const struct subscription *subscription)
{
    const struct schedule *schedule = subscription->schedule;
    if (subscription->paused != 0 || schedule->away > 0) {
        return INT64_MAX; /* whatever ends that pumps anew */
    }
    return MAX(schedule->unwritten ? 0 : schedule->next_ms, schedule->again_ms);
}

/* ---- looking at them ---- */

struct listing {
    struct bus *bus;
    struct arena *arena;
    struct value rows;
};

static void put_time(struct arena *arena, struct value *row, const char *name, int64_t ms)
{
    value_put_c(arena, row, name, ms > 0 ? value_time(ms) : value_null());
}

/* name, plugin, cron, zone, missed, last, ran, failed, error, paused by, why, at */
static enum err on_listed(void *context, const struct value *columns, int column_count,
                          struct error *error)
{
    (void)column_count;
    (void)error;
    static const char *const names[] = {"name", "plugin", "cron", "zone", "missed"};
    struct listing *listing = context;
    struct arena *arena = listing->arena;
    const struct subscription *live = bus_find(listing->bus, columns[0].text);
    live = live != NULL && live->schedule != NULL ? live : NULL;
    struct value row = value_map_new();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        value_put_c(arena, &row, names[i], value_copy(arena, &columns[i]));
    }
    bool paused = columns[11].kind == VALUE_INT;
    put_time(arena, &row, "next_at", live != NULL && !paused ? live->schedule->next_ms : 0);
    put_time(arena, &row, "last_at", time_or_0(&columns[5]));
    put_time(arena, &row, "ran_at", time_or_0(&columns[6]));
    put_time(arena, &row, "failed_at", time_or_0(&columns[7]));
    value_put_c(arena, &row, "error", value_copy(arena, &columns[8]));
    value_put_c(arena, &row, "waiting",
                value_int(live == NULL ? 0 : (int64_t)(live->window_count + live->parked_count)));
    value_put_c(arena, &row, "paused", value_bool(paused || (live != NULL && live->paused != 0)));
    if (paused) {
        value_put_c(arena, &row, "paused_by", value_copy(arena, &columns[9]));
        value_put_c(arena, &row, "paused_why", value_copy(arena, &columns[10]));
        value_put_c(arena, &row, "paused_at", value_time(columns[11].integer));
    }
    value_put_c(arena, &row, "live", value_bool(live != NULL));
    value_push(arena, &listing->rows, row);
    return OK;
}

struct value bus_schedules(struct bus *bus, struct arena *arena)
{
    struct listing listing = {.bus = bus, .arena = arena, .rows = value_list_new()};
    struct error error = {0};
    if (reader_table(bus->reader, &bus_tables, BUS_SCHEDULE_LIST, NULL, 0, on_listed, &listing,
                     &error) != OK) {
        log_error("bus", "schedules cannot be read error=\"%s\"", error.detail);
    }
    return listing.rows;
}

void bus_figures(struct bus *bus, struct bus_figures *out_figures)
{
    int64_t now_ms = loop_now_ms(bus->loop);
    *out_figures =
        (struct bus_figures){.runs = bus->runs_made, .delayed_emitted = bus->delayed_made};
    list_foreach (node, &bus->subscriptions) {
        const struct subscription *subscription = CONTAINER_OF(node, struct subscription, in_bus);
        if (subscription->schedule != NULL) {
            out_figures->schedules++;
            out_figures->schedules_due += subscription->schedule->next_ms <= now_ms ? 1 : 0;
        }
    }
}
