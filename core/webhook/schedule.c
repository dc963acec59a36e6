/* When a delivery that failed is tried again. Pure; any thread. */
#include "internal.h"

#include "proxenos/base_time.h"

/* The schedule that Standard Webhooks proposes: ten attempts over 75.6 hours. */
static const int64_t usual_waits_ms[] = {
    5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS,  5 * HOUR_MS,
    10 * HOUR_MS,  14 * HOUR_MS,  20 * HOUR_MS,   24 * HOUR_MS,
};

void schedule_usual(struct schedule *schedule)
{
    _Static_assert(COUNT_OF(usual_waits_ms) <= SCHEDULE_WAITS_MAX, "the usual schedule fits");
    *schedule = (struct schedule){.count = COUNT_OF(usual_waits_ms)};
    memcpy(schedule->waits_ms, usual_waits_ms, sizeof(usual_waits_ms));
}

enum err webhook_schedule_parse(const struct str *words, size_t count, struct schedule *schedule,
                                struct error *error)
{
    struct schedule read = {0};
    if (count == 0) {
        schedule_usual(schedule);
        return OK;
    }
    if (count > SCHEDULE_WAITS_MAX) {
        return error_set(error, ERR_CONFIG, "webhook_schedule has at most %d waits",
                         SCHEDULE_WAITS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct duration wait = {0};
        enum err err = duration_parse(words[i], &wait);
        int64_t ms = wait.days * DAY_MS + wait.ms;
        if (err != OK || wait.months != 0 || wait.days > 7 || ms < 1 || ms > 7 * DAY_MS) {
            return error_set(error, ERR_CONFIG,
                             "webhook_schedule: \"" STR_FORMAT
                             "\" is no wait; write 1ms to 7d, such as 5s or 30m",
                             STR_ARGS(str_sub(words[i], 0, 60)));
        }
        read.waits_ms[read.count++] = ms;
    }
    *schedule = read;
    return OK;
}

/* Up to a tenth later, never sooner, as event and attempt decide: those that failed together do not
 * come back together. */
static int64_t with_jitter(int64_t wait_ms, int64_t seq, int attempt)
{
    uint64_t mixed =
        ((uint64_t)seq * 0x9e3779b97f4a7c15u) ^ ((uint64_t)attempt * 0xbf58476d1ce4e5b9u);
    return wait_ms + wait_ms / 100 * (int64_t)((mixed >> 32) % 11);
}

int64_t schedule_wait_ms(const struct schedule *schedule, int attempt, int64_t seq,
                         int64_t retry_after_ms)
{
    ASSERT(attempt >= 1);
    if (attempt > schedule->count) {
        return -1;
    }
    int64_t wait = with_jitter(schedule->waits_ms[attempt - 1], seq, attempt);
    return MAX(wait, MIN(retry_after_ms, DAY_MS));
}

int64_t schedule_pace_ms(const struct schedule *schedule)
{
    int64_t longest = 0;
    for (int i = 0; i < schedule->count; i++) {
        longest = MAX(longest, schedule->waits_ms[i]);
    }
    return MIN(longest, MINUTE_MS);
}
