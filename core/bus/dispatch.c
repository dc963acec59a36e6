/* Hands batches of deliveries to the consumer, in log order per key, and takes up parked ones when
 * they are due. Loop thread. */
#include "internal.h"

#include "proxenos/base_log.h"

static bool key_is_away(const struct subscription *subscription, struct str key)
{
    list_foreach (node, &subscription->window) {
        struct flight *flight = CONTAINER_OF(node, struct flight, in_window);
        if (flight->away != DELIVERY_READY && str_eq(flight->delivery.key, key)) {
            return true;
        }
    }
    return false;
}

/* Is one of this key parked, so that later ones must wait behind it? Without a key there is no
 * order. */
bool key_is_parked(const struct subscription *subscription, struct str key)
{
    return key.len > 0 && map_get(&subscription->parked_first, key) != NULL;
}

static bool is_first_of_key(const struct subscription *subscription, const struct parked *one)
{
    return one->key[0] == '\0' || map_get(&subscription->parked_first, str_from(one->key)) == one;
}

static bool is_due(const struct subscription *subscription, const struct parked *parked,
                   int64_t now_ms)
{
    return !parked->taken && !parked->held && (parked->behind || parked->due_ms <= now_ms) &&
           is_first_of_key(subscription, parked);
}

/* With one batch allowed: when nothing is away; with more, as soon as there is room for a full one,
 * so that the consumer and the disk work at the same time. */
static bool has_room(const struct subscription *subscription)
{
    size_t allowed = (size_t)MAX(1, subscription->spec.concurrency);
    return subscription->away_count <= (allowed - 1) * BUS_BATCH_MAX;
}

int64_t subscription_next_due(const struct subscription *subscription)
{
    int64_t next = INT64_MAX;
    /* Without room nothing can go, due or not; whatever makes room pumps anew. */
    if (subscription->paused != 0 || !has_room(subscription)) {
        return next;
    }
    list_foreach (node, &subscription->parked) {
        struct parked *parked = CONTAINER_OF(node, struct parked, by_seq);
        if (!parked->taken && !parked->held && !parked->behind) {
            next = MIN(next, parked->due_ms);
        }
    }
    return next;
}

/* Its entry is not to be had now: the log could not be read, which passes, or the subscription does
 * not see it any more, which only a start with other rights mends. */
static void put_off(struct parked *parked, enum err err, int64_t now_ms)
{
    enum { AGAIN_MS = 1000 };
    parked->due_ms = now_ms + AGAIN_MS;
    parked->behind = false;
    parked->held = err == OK;
}

/* Due parked ones go to the front of the window: they are older than all that is in it. */
static void take_due(struct subscription *subscription, int64_t now_ms)
{
    size_t taken = 0;
    list_foreach (node, &subscription->parked) {
        struct parked *parked = CONTAINER_OF(node, struct parked, by_seq);
        struct flight *flight = NULL;
        if (taken >= BUS_BATCH_MAX || !is_due(subscription, parked, now_ms)) {
            continue;
        }
        enum err err = subscription_read_one(subscription, parked->seq, &flight);
        if (flight == NULL) {
            log_error("bus", "a parked event cannot be read subscription=%s seq=%lld",
                      subscription->spec.name.at, (long long)parked->seq);
            put_off(parked, err, now_ms);
            continue;
        }
        flight->parked = true;
        flight->delivery.attempt = parked->attempts + 1;
        parked->taken = true;
        list_push_front(&subscription->window, &flight->in_window);
        subscription->window_count++;
        subscription->window_bytes += flight->delivery.entry.payload.len;
        taken++;
    }
}

/* May it go now? Its key must not be away in another batch, nor parked (unless this is the parked
 * one itself). */
static bool may_go(const struct subscription *subscription, const struct flight *flight, bool alone)
{
    struct str key = flight->delivery.key;
    if (flight->away != DELIVERY_READY) {
        return false;
    }
    if (flight->parked) {
        return alone || key.len == 0 || !key_is_away(subscription, key);
    }
    return !key_is_parked(subscription, key) &&
           (alone || key.len == 0 || !key_is_away(subscription, key));
}

static void send_batch(struct subscription *subscription)
{
    struct delivery *batch[BUS_BATCH_MAX];
    struct flight *flights[BUS_BATCH_MAX];
    size_t count = 0;
    bool alone = subscription->away_count == 0; /* then a key can only be in this very batch */
    list_foreach (node, &subscription->window) {
        struct flight *flight = CONTAINER_OF(node, struct flight, in_window);
        if (count < BUS_BATCH_MAX && may_go(subscription, flight, alone)) {
            flights[count] = flight;
            batch[count++] = &flight->delivery;
        }
    }
    if (count == 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        flights[i]->away = DELIVERY_AWAY;
    }
    subscription->away_count += count;
    subscription->spec.deliver(subscription, batch, count, subscription->spec.context);
}

/* New ones whose key is parked are parked behind it at once, so that the window does not fill with
 * them. */
static void park_behind(struct subscription *subscription)
{
    if (subscription->parked_count == 0) {
        return;
    }
    list_foreach (node, &subscription->window) {
        struct flight *flight = CONTAINER_OF(node, struct flight, in_window);
        if (flight->away == DELIVERY_READY && !flight->parked &&
            key_is_parked(subscription, flight->delivery.key)) {
            flight->away = DELIVERY_AWAY;
            subscription->away_count++;
            bus_behind(&flight->delivery);
        }
    }
}

void subscription_dispatch(struct subscription *subscription)
{
    if (subscription->order != NULL && !subscription->bus->stopping) {
        order_proceed(subscription);
        return;
    }
    if (subscription->paused != 0 || subscription->bus->stopping) {
        return;
    }
    if (subscription->away_count == 0) {
        /* Rows of bus_done lie above an event that is not over: one in the window, or not read. */
        subscription->done_rows = subscription->done_rows &&
                                  (subscription->window_count > 0 || subscription->done.count > 0);
    }
    if (!has_room(subscription)) {
        return;
    }
    take_due(subscription, loop_now_ms(subscription->bus->loop));
    park_behind(subscription);
    size_t before;
    do {
        before = subscription->away_count;
        send_batch(subscription);
    } while (subscription->away_count > before && has_room(subscription));
}
