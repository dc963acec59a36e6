/* t.advance, t.advance_to, t.restart. Main thread. */
#include "internal.h"

#include "proxenos/base_time.h"

static const int64_t day_ms = 86400000;

static enum err advance(struct test *test, int64_t to_ms, struct value *out, struct error *error)
{
    struct world *world = test->world;
    int64_t now_ms = test_env_ms(world->options.env);
    if (to_ms < now_ms) {
        struct buf now;
        buf_init(&now);
        time_format(&now, now_ms);
        enum err err = error_set(error, ERR_INVALID,
                                 "the clock goes forward only: it is %s already", buf_cstr(&now));
        buf_deinit(&now);
        return err;
    }
    enum err err = world_advance(world, to_ms, error);
    *out = value_time(test_env_ms(world->options.env));
    return err;
}

/* "12 months", "1 day": as people say it. */
static bool spoken(struct str text, struct duration *out_duration)
{
    static const struct {
        const char *word;
        int64_t months, days, ms;
    } units[] = {{"second", 0, 0, 1000}, {"minute", 0, 0, 60000}, {"hour", 0, 0, 3600000},
                 {"day", 0, 1, 0},       {"week", 0, 7, 0},       {"month", 1, 0, 0},
                 {"year", 12, 0, 0}};
    struct str number;
    int64_t count = 0;
    if (!str_split(&text, ' ', &number) || str_to_int64(number, &count) != OK || count < 0 ||
        count > 1000000) {
        return false;
    }
    text = str_trim(text);
    if (str_ends(text, STR("s"))) {
        text = str_sub(text, 0, text.len - 1);
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (str_is(text, units[i].word)) {
            *out_duration = (struct duration){.months = count * units[i].months,
                                              .days = count * units[i].days,
                                              .ms = count * units[i].ms};
            return true;
        }
    }
    return false;
}

enum err t_advance(struct test *test, const struct value *args, struct value *out,
                   struct error *error)
{
    struct str text;
    struct duration duration;
    int64_t to_ms = 0;
    enum err err = t_text(args, 0, "a duration, such as \"3d\"", &text, error);
    if (err == OK && !spoken(text, &duration) && duration_parse(text, &duration) != OK) {
        err = error_set(error, ERR_TYPE,
                        "\"" STR_FORMAT "\" is no duration: write \"15m\", \"3d\" or \"12 months\"",
                        STR_ARGS(str_sub(text, 0, 60)));
    }
    if (err == OK) {
        err = time_add(test_env_ms(test->world->options.env), &duration, 1, &to_ms);
    }
    return err == OK ? advance(test, to_ms, out, error) : err;
}

enum err t_advance_to(struct test *test, const struct value *args, struct value *out,
                      struct error *error)
{
    const struct value *at = t_arg(args, 0);
    int64_t number = 0;
    struct str text = at != NULL && at->kind == VALUE_TEXT ? at->text : STR("");
    if (at != NULL && at->kind == VALUE_TIME) {
        return advance(test, at->integer, out, error);
    }
    if (at != NULL && at->kind == VALUE_DATE) {
        return advance(test, at->integer * day_ms, out, error);
    }
    if (date_parse(text, &number) == OK) {
        return advance(test, number * day_ms, out, error);
    }
    if (time_parse(text, &number) == OK) {
        return advance(test, number, out, error);
    }
    return error_set(error, ERR_TYPE,
                     "a day (\"2026-12-01\") or a time (\"2026-12-01T10:00:00Z\") is needed here");
}

enum err t_restart(struct test *test, const struct value *args, struct value *out,
                   struct error *error)
{
    (void)args;
    (void)out;
    enum err err = world_restart(test->world, error);
    return err == OK ? world_settle(test->world, error) : err;
}
