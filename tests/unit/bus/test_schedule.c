/* Schedules and delayed events under a clock that is moved by hand: each time once, over restarts,
 * by the policy for missed runs; delays to their second; a word said twice. */
#include "world.h"

#include "proxenos/base_time.h"

int test_schedule(void);

enum { RUNS_MAX = 20000 };
static const int64_t minute = 60000;
static const int64_t hour = 3600000;

struct clockwork {
    char folder[64];
    struct env_fake env;
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct subscription *subscription;
    const char *cron, *zone;
    enum bus_missed missed;
    bool fails;
    int64_t ran[RUNS_MAX]; /* the times that runs were told */
    int64_t count;
    int tries;
};

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(time_parse(str_from(text), &ms), OK);
    return ms;
}

struct run {
    struct unit unit;
    struct delivery *delivery;
};

static enum err run_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return bus_tx_settle(tx, CONTAINER_OF(unit, struct run, unit)->delivery, error);
}

static void run_done(struct unit *unit)
{
    struct run *run = CONTAINER_OF(unit, struct run, unit);
    assert_int_equal(unit->err, OK);
    bus_settled(run->delivery);
    unit_deinit(unit);
    mem_free(run);
}

static void on_run(struct subscription *subscription, struct delivery **deliveries, size_t count,
                   void *context)
{
    (void)subscription;
    struct clockwork *work = context;
    for (size_t i = 0; i < count; i++) {
        struct value payload;
        struct error error = {0};
        work->tries++;
        if (work->fails) {
            error_set(&error, ERR_LUA, "the printer is out of paper");
            bus_failed(deliveries[i], &error, STR(""));
            continue;
        }
        assert_int_equal(
            json_decode(&deliveries[i]->arena, deliveries[i]->entry.payload, &payload, NULL), OK);
        work->ran[work->count++] =
            at(arena_cstr(&deliveries[i]->arena, value_get_text(&payload, "at", STR(""))));
        struct run *run = mem_zalloc(sizeof(*run));
        run->delivery = deliveries[i];
        run->unit = (struct unit){.reply = loop_mailbox(work->loop),
                                  .apply = run_apply,
                                  .done = run_done,
                                  .scope = store_system_scope(work->store, SYSTEM_BUS),
                                  .request = STR("test")};
        assert_int_equal(store_submit(work->store, &run->unit), OK);
        scope_unref(run->unit.scope);
    }
}

/* What is parked waits for the clock, what is paused for a person. */
static bool quiet(struct clockwork *work)
{
    struct arena arena;
    arena_init(&arena);
    struct value shown = bus_describe_one(work->bus, STR("test/tick"), &arena);
    int64_t parked = shown.kind == VALUE_MAP ? value_get_int(&shown, "parked", 0) : 0;
    bool paused = shown.kind == VALUE_MAP && value_get_bool(&shown, "paused", false);
    int64_t waits = paused ? value_get_int(&shown, "backlog", 0) : parked;
    bool away = shown.kind == VALUE_MAP && value_get_int(&shown, "in_memory", 0) > 0;
    arena_deinit(&arena);
    return !away && bus_backlog(work->bus) == waits;
}

/* Until the loop has done nothing for a while. */
static void settle(struct clockwork *work)
{
    int64_t activity = -1;
    for (int still = 0; still < 8; still++) {
        loop_drain(work->loop, 1);
        usleep(300);
        still = activity == loop_activity(work->loop) && quiet(work) ? still : 0;
        activity = loop_activity(work->loop);
    }
}

static void open_bus(struct clockwork *work)
{
    struct error error = {0};
    assert_int_equal(loop_new(&work->env.env, &work->loop, &error), OK);
    struct store_options options = {.env = &work->env.env, .folder = work->folder};
    assert_int_equal(store_open(&options, &work->store, &error), OK);
    assert_int_equal(bus_open(work->store, work->loop, &work->bus, &error), OK);
}

static enum err schedule(struct clockwork *work, struct error *error)
{
    struct subscription_spec spec = {.name = STR("test/tick"),
                                     .plugin = STR("test"),
                                     .cron = str_from(work->cron),
                                     .zone = str_from(work->zone),
                                     .missed = work->missed,
                                     .retry = {.times = 1, .first_ms = 1000, .max_ms = 1000},
                                     .deliver = on_run,
                                     .context = work,
                                     .scope = store_system_scope(work->store, SYSTEM_BUS)};
    enum err err = bus_subscribe(work->bus, &spec, &work->subscription, error);
    scope_unref(spec.scope);
    return err;
}

static void up(struct clockwork *work)
{
    struct error error = {0};
    open_bus(work);
    if (work->cron != NULL) {
        assert_int_equal(schedule(work, &error), OK);
    }
    bus_start(work->bus);
    settle(work);
}

static void down(struct clockwork *work)
{
    bus_close(work->bus);
    store_close(work->store);
    loop_drain(work->loop, 100);
    loop_free(work->loop);
}

static struct clockwork *begin(const char *start, const char *cron, enum bus_missed missed)
{
    struct clockwork *work = mem_zalloc(sizeof(*work));
    snprintf(work->folder, sizeof(work->folder), "/tmp/proxenos-bus-XXXXXX");
    assert_non_null(mkdtemp(work->folder));
    env_fake_init(&work->env, at(start), 1);
    work->env.env.stepped = true;
    work->cron = cron;
    work->zone = "";
    work->missed = missed;
    up(work);
    return work;
}

static void end(struct clockwork *work)
{
    char command[128];
    down(work);
    snprintf(command, sizeof(command), "rm -rf %s", work->folder);
    assert_int_equal(system(command), 0);
    mem_free(work);
}

/* Moves the clock from one due time to the next, as time does. */
static void advance_to(struct clockwork *work, int64_t until_ms)
{
    settle(work);
    int64_t ahead_ms = work->env.env.monotonic_ns(&work->env.env) / 1000000 - work->env.ms;
    while (loop_next_due_ms(work->loop) <= until_ms + ahead_ms) {
        work->env.ms = loop_next_due_ms(work->loop) - ahead_ms;
        loop_clock_moved(work->loop);
        settle(work);
    }
    work->env.ms = until_ms;
    loop_clock_moved(work->loop);
    settle(work);
}

static struct value listed(struct clockwork *work, struct arena *arena)
{
    struct value rows = bus_schedules(work->bus, arena);
    assert_int_equal(rows.list.count, 1);
    return rows.list.items[0];
}

static void runs_at_each_time_once(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:00:30Z", "*/15 * * * *", BUS_MISSED_SKIP);
    struct arena arena;
    arena_init(&arena);
    advance_to(work, at("2027-03-01T02:00:00Z"));
    assert_int_equal(work->count, 8);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(work->ran[i], at("2027-03-01T00:15:00Z") + i * 15 * minute);
    }
    struct value row = listed(work, &arena);
    assert_int_equal(value_get_c(&row, "next_at")->integer, at("2027-03-01T02:15:00Z"));
    assert_int_equal(value_get_c(&row, "last_at")->integer, at("2027-03-01T02:00:00Z"));
    assert_int_equal(value_get_c(&row, "ran_at")->integer, at("2027-03-01T02:00:00Z"));
    arena_deinit(&arena);
    end(work);
}

static void follows_the_clocks_of_its_zone(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-26T00:00:00Z", NULL, BUS_MISSED_SKIP);
    down(work);
    work->cron = "30 3 * * *";
    work->zone = "Europe/Athens";
    up(work);
    advance_to(work, at("2027-03-30T00:00:00Z"));
    assert_int_equal(work->count, 4);
    assert_int_equal(work->ran[1], at("2027-03-27T01:30:00Z"));
    assert_int_equal(work->ran[2], at("2027-03-28T01:00:00Z")); /* 03:30 was skipped */
    assert_int_equal(work->ran[3], at("2027-03-29T00:30:00Z"));
    end(work);
}

/* Six hours away, hourly: what each policy makes of it. */
static void missed_runs_are_dealt_with_as_told(void **state)
{
    (void)state;
    static const struct {
        enum bus_missed missed;
        int64_t made_up;
    } cases[] = {{BUS_MISSED_SKIP, 0}, {BUS_MISSED_ONCE, 1}, {BUS_MISSED_ALL, 6}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct clockwork *work = begin("2027-03-01T00:10:00Z", "0 * * * *", cases[i].missed);
        advance_to(work, at("2027-03-01T02:30:00Z"));
        assert_int_equal(work->count, 2);
        down(work);
        work->env.ms = at("2027-03-01T08:30:00Z");
        up(work);
        assert_int_equal(work->count, 2 + cases[i].made_up);
        if (cases[i].made_up > 0) {
            assert_int_equal(work->ran[work->count - 1], at("2027-03-01T08:00:00Z"));
        }
        int64_t before = work->count;
        advance_to(work, at("2027-03-01T10:00:00Z"));
        assert_int_equal(work->count, before + 2);
        end(work);
    }
}

static void a_little_late_is_not_missed(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:10:00Z", "0 * * * *", BUS_MISSED_SKIP);
    down(work);
    work->env.ms = at("2027-03-01T01:00:40Z");
    up(work);
    assert_int_equal(work->count, 1);
    assert_int_equal(work->ran[0], at("2027-03-01T01:00:00Z"));
    end(work);
}

/* A minute's schedule, three weeks away: some 30,000 runs; 10,000 are made up for, then the last.
 */
static void making_up_has_an_end(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:00:00Z", "* * * * *", BUS_MISSED_ALL);
    down(work);
    work->env.ms = at("2027-03-22T00:00:10Z");
    up(work);
    assert_true(work->count >= BUS_MISSED_RUNS_MAX && work->count < BUS_MISSED_RUNS_MAX + 100);
    assert_int_equal(work->ran[0], at("2027-03-01T00:01:00Z"));
    assert_int_equal(work->ran[work->count - 1], at("2027-03-22T00:00:00Z"));
    end(work);
}

static void a_changed_expression_begins_anew(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:10:00Z", "0 * * * *", BUS_MISSED_ALL);
    down(work);
    work->cron = "30 12 * * *";
    work->env.ms = at("2027-03-01T08:30:00Z");
    up(work);
    assert_int_equal(work->count, 0);
    advance_to(work, at("2027-03-01T13:00:00Z"));
    assert_int_equal(work->count, 1);
    assert_int_equal(work->ran[0], at("2027-03-01T12:30:00Z"));
    end(work);
}

/* As a reload does it: the same times go on, other ones begin anew, also over a restart. */
static void a_renewed_one_goes_on_or_begins_anew(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:10:00Z", "0 * * * *", BUS_MISSED_ALL);
    struct error error = {0};
    struct subscription_spec spec = {.name = STR("test/tick"),
                                     .plugin = STR("test"),
                                     .cron = STR("0 * * * *"),
                                     .missed = BUS_MISSED_SKIP,
                                     .deliver = on_run,
                                     .context = work,
                                     .scope = store_system_scope(work->store, SYSTEM_BUS)};
    assert_int_equal(bus_renew(work->subscription, &spec, &error), OK);
    advance_to(work, at("2027-03-01T02:10:00Z"));
    assert_int_equal(work->count, 2);
    spec.cron = STR("0 25 * * *");
    assert_int_equal(bus_renew(work->subscription, &spec, &error), ERR_INVALID);
    spec.cron = STR("20 * * * *");
    assert_int_equal(bus_renew(work->subscription, &spec, &error), OK);
    scope_unref(spec.scope);
    advance_to(work, at("2027-03-01T03:10:00Z"));
    assert_int_equal(work->count, 3);
    assert_int_equal(work->ran[2], at("2027-03-01T02:20:00Z"));
    down(work);
    work->cron = "20 * * * *";
    up(work);
    advance_to(work, at("2027-03-01T03:30:00Z"));
    assert_int_equal(work->count, 4);
    assert_int_equal(work->ran[3], at("2027-03-01T03:20:00Z"));
    end(work);
}

static void a_failing_run_is_retried_then_dead(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:10:00Z", "0 * * * *", BUS_MISSED_SKIP);
    struct arena arena;
    arena_init(&arena);
    work->fails = true;
    advance_to(work, at("2027-03-01T01:00:10Z"));
    assert_int_equal(work->tries, 2);
    struct value row = listed(work, &arena);
    assert_true(str_is(value_get_text(&row, "error", STR("")), "the printer is out of paper"));
    struct value shown = bus_describe_one(work->bus, STR("test/tick"), &arena);
    assert_int_equal(value_get_int(&shown, "dead", 0), 1);
    work->fails = false;
    advance_to(work, at("2027-03-01T02:00:00Z"));
    assert_int_equal(work->count, 1);
    arena_deinit(&arena);
    end(work);
}

static void on_ordered(struct bus_order *order)
{
    *(bool *)order->context = true;
}

static enum err give(struct clockwork *work, enum bus_order_kind kind)
{
    struct error error = {0};
    bool done = false;
    struct bus_order order = {.kind = kind,
                              .subscription = STR("test/tick"),
                              .scope = store_system_scope(work->store, SYSTEM_VERIFY),
                              .request = STR("test"),
                              .done = on_ordered,
                              .context = &done};
    enum err err = bus_order(work->bus, &order, &error);
    while (err == OK && !done) {
        loop_drain(work->loop, 5);
    }
    scope_unref(order.scope);
    settle(work);
    return err == OK ? order.err : err;
}

static void runs_on_demand_and_not_while_paused(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:10:00Z", "0 * * * *", BUS_MISSED_ONCE);
    assert_int_equal(give(work, BUS_ORDER_RUN), OK);
    assert_int_equal(work->count, 1);
    assert_int_equal(work->ran[0], at("2027-03-01T00:10:00Z"));
    assert_int_equal(give(work, BUS_ORDER_PAUSE), OK);
    assert_int_equal(give(work, BUS_ORDER_RUN), ERR_CONFLICT);
    advance_to(work, at("2027-03-01T05:30:00Z"));
    assert_int_equal(work->count, 1);
    assert_int_equal(give(work, BUS_ORDER_RESUME), OK);
    assert_int_equal(work->count, 2);
    assert_int_equal(work->ran[1], at("2027-03-01T05:00:00Z"));
    end(work);
}

static void refuses_a_wrong_expression_or_zone(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:10:00Z", NULL, BUS_MISSED_SKIP);
    struct error error = {0};
    work->cron = "0 25 * * *";
    assert_int_equal(schedule(work, &error), ERR_INVALID);
    assert_non_null(strstr(error.detail, "hour, at character 3"));
    work->cron = "0 5 * * *";
    work->zone = "Europe/Athen";
    assert_int_equal(schedule(work, &error), ERR_INVALID);
    assert_non_null(strstr(error.detail, "Europe/Athens"));
    end(work);
}

/* ---- delayed events and words ---- */

struct saying {
    struct unit unit;
    struct bus_emit emit;
};

static enum err say_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return bus_tx_emit(tx, &CONTAINER_OF(unit, struct saying, unit)->emit, error);
}

static enum err say(struct clockwork *work, const char *type, int64_t delay_ms, const char *word)
{
    struct value data = value_map_new();
    struct saying saying = {.unit = {.apply = say_apply,
                                     .scope = store_system_scope(work->store, SYSTEM_BUS),
                                     .request = STR("test")},
                            .emit = {.plugin = STR("test"),
                                     .type = str_from(type),
                                     .data = &data,
                                     .delay_ms = delay_ms,
                                     .key = STR("k"),
                                     .dedup = str_from(word)}};
    enum err err = store_run(work->store, &saying.unit);
    scope_unref(saying.unit.scope);
    unit_deinit(&saying.unit);
    bus_wake(work->bus);
    settle(work);
    return err;
}

struct seen {
    int64_t count;
    int64_t last_ms;
};

static enum err on_seen(void *context, const struct log_entry *entry, struct error *error)
{
    (void)error;
    struct seen *seen = context;
    seen->count++;
    seen->last_ms = entry->at_ms;
    return OK;
}

static struct seen entries(struct clockwork *work, const char *type)
{
    struct reader *reader = NULL;
    struct error error = {0};
    struct seen seen = {0};
    int64_t last = 0;
    struct log_query query = {.pattern = str_from(type)};
    const struct scope *scope = store_system_scope(work->store, SYSTEM_VERIFY);
    assert_int_equal(reader_open(work->store, 0, &reader, &error), OK);
    assert_int_equal(reader_log(reader, scope, &query, on_seen, &seen, &last, &error), OK);
    scope_unref(scope);
    reader_close(reader);
    return seen;
}

static void a_delayed_event_comes_at_its_time_once(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:00:00Z", NULL, BUS_MISSED_SKIP);
    assert_int_equal(say(work, "test.later", 3 * hour, ""), OK);
    assert_int_equal(say(work, "test.soon", 5000, ""), OK);
    assert_int_equal(say(work, "test.now", 0, ""), OK);
    assert_int_equal(entries(work, "test.now").count, 1);
    assert_int_equal(entries(work, "test.soon").count, 0);
    advance_to(work, at("2027-03-01T01:00:00Z"));
    assert_int_equal(entries(work, "test.soon").count, 1);
    assert_int_equal(entries(work, "test.soon").last_ms, at("2027-03-01T00:00:05Z"));
    assert_int_equal(entries(work, "test.later").count, 0);
    down(work);
    work->env.ms = at("2027-03-01T04:00:00Z");
    up(work);
    assert_int_equal(entries(work, "test.later").count, 1);
    down(work);
    up(work);
    assert_int_equal(entries(work, "test.later").count, 1);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(say(work, "test.many", 1000 + i % 7, ""), OK);
    }
    advance_to(work, at("2027-03-01T05:00:00Z"));
    assert_int_equal(entries(work, "test.many").count, 200);
    end(work);
}

static void a_word_is_said_once_a_day(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:00:00Z", NULL, BUS_MISSED_SKIP);
    assert_int_equal(say(work, "test.said", 0, "hello"), OK);
    assert_int_equal(say(work, "test.said", 0, "hello"), OK);
    assert_int_equal(say(work, "test.said", 2000, "hello"), OK);
    assert_int_equal(say(work, "test.said", 0, "other"), OK);
    advance_to(work, at("2027-03-01T23:59:59Z"));
    assert_int_equal(say(work, "test.said", 0, "hello"), OK);
    assert_int_equal(entries(work, "test.said").count, 2);
    advance_to(work, at("2027-03-02T00:00:00Z"));
    assert_int_equal(say(work, "test.said", 0, "hello"), OK);
    assert_int_equal(entries(work, "test.said").count, 3);
    end(work);
}

static void refuses_a_delay_that_is_none(void **state)
{
    (void)state;
    struct clockwork *work = begin("2027-03-01T00:00:00Z", NULL, BUS_MISSED_SKIP);
    char word[BUS_EMIT_KEY_MAX + 2];
    memset(word, 'x', sizeof(word));
    word[BUS_EMIT_KEY_MAX + 1] = '\0';
    assert_int_equal(say(work, "test.said", 10, ""), ERR_RANGE);
    assert_int_equal(say(work, "test.said", -hour, ""), ERR_RANGE);
    assert_int_equal(say(work, "test.said", BUS_DELAY_MAX_MS + 1, ""), ERR_RANGE);
    assert_int_equal(say(work, "test.said", 0, word), ERR_LIMIT);
    assert_int_equal(entries(work, "test.said").count, 0);
    end(work);
}

int test_schedule(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_at_each_time_once),
        cmocka_unit_test(follows_the_clocks_of_its_zone),
        cmocka_unit_test(missed_runs_are_dealt_with_as_told),
        cmocka_unit_test(a_little_late_is_not_missed),
        cmocka_unit_test(making_up_has_an_end),
        cmocka_unit_test(a_changed_expression_begins_anew),
        cmocka_unit_test(a_renewed_one_goes_on_or_begins_anew),
        cmocka_unit_test(a_failing_run_is_retried_then_dead),
        cmocka_unit_test(runs_on_demand_and_not_while_paused),
        cmocka_unit_test(refuses_a_wrong_expression_or_zone),
        cmocka_unit_test(a_delayed_event_comes_at_its_time_once),
        cmocka_unit_test(a_word_is_said_once_a_day),
        cmocka_unit_test(refuses_a_delay_that_is_none),
    };
    crypto_init();
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
