/* Delays after failed logins, per account, per place, per both together, and for all. */
#include "throttle.h"

enum {
    ENTRIES_MAX = 16384,
    GOOD_PLACES_MAX = 4,
    DOUBLINGS_MAX = 20,
    ALL_BURST = 300,    /* failures in all that pass at once … */
    ALL_REFILL_MS = 50, /* … and one more every so often */
};

enum kind { KIND_ACCOUNT, KIND_PLACE, KIND_PAIR, KIND_TOKEN };

struct rule {
    int free_failures;
    int64_t first_ms, longest_ms, forgotten_after_ms;
};
enum {
    SECOND_MS = 1000,
    HALF_MINUTE_MS = 30000,
    MINUTE_MS = 60000,
    QUARTER_MS = 900000, /* of an hour */
    HOUR_MS = 3600000
};
/* The account's own delay stays short: it also meets its owner at a new place. */
static const struct rule rules[] = {
    [KIND_ACCOUNT] = {20, SECOND_MS, HALF_MINUTE_MS, QUARTER_MS},
    [KIND_PLACE] = {50, SECOND_MS, QUARTER_MS, HOUR_MS},
    [KIND_PAIR] = {5, SECOND_MS, QUARTER_MS, HOUR_MS},
    [KIND_TOKEN] = {100, SECOND_MS, MINUTE_MS, QUARTER_MS},
};

struct entry {
    struct list_node by_age; /* in throttle->oldest_first */
    uint64_t key;
    enum kind kind;
    int failures;
    int64_t last_ms, until_ms;
    uint64_t good[GOOD_PLACES_MAX]; /* accounts only: places that gave the right password */
    int good_next;
};

struct throttle {
    struct map entries; /* key → struct entry */
    struct list oldest_first;
    size_t entries_max;
    int64_t all_left, all_at_ms; /* a bucket of failures for everybody together */
};

struct throttle *throttle_new(size_t entries_max)
{
    struct throttle *throttle = mem_zalloc(sizeof(*throttle));
    map_init(&throttle->entries);
    list_init(&throttle->oldest_first);
    throttle->entries_max = entries_max == 0 ? ENTRIES_MAX : entries_max;
    throttle->all_left = ALL_BURST;
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle == NULL) {
        return;
    }
    struct list_node *node;
    while ((node = list_pop(&throttle->oldest_first)) != NULL) {
        mem_free(CONTAINER_OF(node, struct entry, by_age));
    }
    map_deinit(&throttle->entries);
    mem_free(throttle);
}

size_t throttle_size(const struct throttle *throttle)
{
    return throttle->entries.count;
}

/* The hash is keyed (base.h), so nobody can aim at another's counter. */
static uint64_t key_of(enum kind kind, struct str a, struct str b)
{
    uint64_t parts[3] = {(uint64_t)kind, str_hash(a), str_hash(b)};
    return str_hash((struct str){(const char *)parts, sizeof(parts)});
}

struct attempt attempt_of(struct str name, struct str address)
{
    struct address place = {0};
    struct address parsed;
    if (address_parse(address, &parsed)) {
        place = address_place(&parsed);
    }
    struct str place_text = {(const char *)place.bytes, sizeof(place.bytes)};
    return (struct attempt){.account = key_of(KIND_ACCOUNT, name, STR("")),
                            .place = key_of(KIND_PLACE, place_text, STR("")),
                            .pair = key_of(KIND_PAIR, name, place_text)};
}

static void drop(struct throttle *throttle, struct entry *entry)
{
    list_remove(&entry->by_age);
    (void)map_remove_int(&throttle->entries, (int64_t)entry->key);
    mem_free(entry);
}

/* NULL when there is none that still counts. */
static struct entry *find(struct throttle *throttle, uint64_t key, int64_t now_ms)
{
    struct entry *entry = map_get_int(&throttle->entries, (int64_t)key);
    if (entry != NULL && now_ms - entry->last_ms > rules[entry->kind].forgotten_after_ms) {
        entry->failures = 0;
        entry->until_ms = 0;
    }
    return entry;
}

static struct entry *find_or_make(struct throttle *throttle, enum kind kind, uint64_t key,
                                  int64_t now_ms)
{
    struct entry *entry = find(throttle, key, now_ms);
    if (entry != NULL) {
        list_remove(&entry->by_age);
    } else {
        if (throttle->entries.count >= throttle->entries_max) {
            drop(throttle, CONTAINER_OF(list_first(&throttle->oldest_first), struct entry, by_age));
        }
        entry = mem_zalloc(sizeof(*entry));
        list_node_init(&entry->by_age);
        entry->key = key;
        entry->kind = kind;
        (void)map_set_int(&throttle->entries, (int64_t)key, entry);
    }
    list_push(&throttle->oldest_first, &entry->by_age);
    entry->last_ms = now_ms;
    return entry;
}

static void count_failure(struct throttle *throttle, enum kind kind, uint64_t key, int64_t now_ms)
{
    struct entry *entry = find_or_make(throttle, kind, key, now_ms);
    const struct rule *rule = &rules[kind];
    entry->failures = MIN(entry->failures + 1, rule->free_failures + DOUBLINGS_MAX);
    int over = entry->failures - rule->free_failures;
    if (over >= 0) {
        int64_t delay_ms = MIN(rule->first_ms << over, rule->longest_ms);
        entry->until_ms = MAX(entry->until_ms, now_ms + delay_ms);
    }
}

static int64_t wait_of(struct throttle *throttle, uint64_t key, int64_t now_ms)
{
    struct entry *entry = find(throttle, key, now_ms);
    return entry == NULL ? 0 : MAX(entry->until_ms - now_ms, 0);
}

static bool is_good_place(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms)
{
    struct entry *entry = find(throttle, attempt->account, now_ms);
    for (int i = 0; entry != NULL && i < GOOD_PLACES_MAX; i++) {
        if (entry->good[i] == attempt->place) {
            return true;
        }
    }
    return false;
}

static void refill(struct throttle *throttle, int64_t now_ms)
{
    int64_t more = (now_ms - throttle->all_at_ms) / ALL_REFILL_MS;
    if (more > 0) {
        throttle->all_left = MIN(throttle->all_left + more, ALL_BURST);
        throttle->all_at_ms = now_ms;
    }
}

int64_t throttle_attempt(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms)
{
    refill(throttle, now_ms);
    int64_t wait_ms =
        MAX(wait_of(throttle, attempt->place, now_ms), wait_of(throttle, attempt->pair, now_ms));
    if (!is_good_place(throttle, attempt, now_ms)) {
        wait_ms = MAX(wait_ms, wait_of(throttle, attempt->account, now_ms));
        wait_ms = MAX(wait_ms, throttle->all_left <= 0 ? ALL_REFILL_MS : 0);
    }
    if (wait_ms > 0) {
        return wait_ms;
    }
    throttle->all_left = MAX(throttle->all_left - 1, 0);
    count_failure(throttle, KIND_ACCOUNT, attempt->account, now_ms);
    count_failure(throttle, KIND_PLACE, attempt->place, now_ms);
    count_failure(throttle, KIND_PAIR, attempt->pair, now_ms);
    return 0;
}

/* Takes one failure back, and the delay when it had only just begun. */
static void uncount(struct throttle *throttle, uint64_t key, int64_t now_ms)
{
    struct entry *entry = find(throttle, key, now_ms);
    if (entry != NULL && entry->failures > 0) {
        entry->failures--;
        if (entry->failures < rules[entry->kind].free_failures) {
            entry->until_ms = 0;
        }
    }
}

void throttle_undo(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms)
{
    throttle->all_left = MIN(throttle->all_left + 1, ALL_BURST);
    uncount(throttle, attempt->account, now_ms);
    uncount(throttle, attempt->place, now_ms);
    uncount(throttle, attempt->pair, now_ms);
}

void throttle_succeeded(struct throttle *throttle, const struct attempt *attempt, int64_t now_ms)
{
    throttle_undo(throttle, attempt, now_ms);
    struct entry *pair = find(throttle, attempt->pair, now_ms);
    if (pair != NULL) {
        drop(throttle, pair);
    }
    struct entry *account = find_or_make(throttle, KIND_ACCOUNT, attempt->account, now_ms);
    account->failures = 0;
    account->until_ms = 0;
    if (!is_good_place(throttle, attempt, now_ms)) {
        account->good[account->good_next] = attempt->place;
        account->good_next = (account->good_next + 1) % GOOD_PLACES_MAX;
    }
}

int64_t throttle_bad_token(struct throttle *throttle, struct str address, int64_t now_ms)
{
    struct attempt attempt = attempt_of(STR(""), address);
    uint64_t key = attempt.place ^ (uint64_t)KIND_TOKEN;
    int64_t wait_ms = wait_of(throttle, key, now_ms);
    if (wait_ms == 0) {
        count_failure(throttle, KIND_TOKEN, key, now_ms);
    }
    return wait_ms;
}
