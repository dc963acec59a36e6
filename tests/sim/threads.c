/* One thread at a time. Our libraries' threads are real ones, but only the one that has the turn
 * runs; it gives the turn away where it waits, and now and then where it takes a lock. Who is next
 * is drawn from the machine's schedule, so that the same seed makes the same interleaving.
 *
 * The functions named __wrap_… stand in the place of the library's (CMakeLists.txt). Outside of a
 * life, and on threads that are not ours, they do what the library does. */
#include "sim.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { THREADS_MAX = 32, NS_PER_MS = 1000000, NS_PER_S = 1000000000, LOCK_TRIES_MAX = 1000000 };

enum wait { RUNS, WAITS_SIGNAL, WAITS_POLL, WAITS_END, WAITS_IDLE, IS_OVER };

struct sim_thread {
    sem_t turn;
    pthread_t id;
    enum wait wait;
    const void *on; /* the condition; the thread that is joined */
    struct pollfd poll;
    int64_t until_ns; /* INT64_MAX: for ever */
    bool rung;
    void *(*run)(void *argument);
    void *argument;
};

static struct sim_machine *machine;
static struct sim_thread threads[THREADS_MAX];
static int thread_count;
static bool loop_rang;
static _Thread_local struct sim_thread *self;

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __real_pthread_join(pthread_t id, void **result);
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_cond_broadcast(pthread_cond_t *condition);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
uint64_t __real_uv_hrtime(void);
uint64_t __real_uv_now(const uv_loop_t *loop);
int __real_uv_async_send(uv_async_t *async);
void __real_randombytes_buf(void *bytes, size_t len);
uint32_t __real_randombytes_uniform(uint32_t below);

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_join(pthread_t id, void **result);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
uint64_t __wrap_uv_hrtime(void);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __wrap_uv_async_send(uv_async_t *async);
void __wrap_randombytes_buf(void *bytes, size_t len);
uint32_t __wrap_randombytes_uniform(uint32_t below);

static bool simulated(void)
{
    return machine != NULL && self != NULL;
}

/* ---- whose turn it is ---- */

static bool is_due(const struct sim_thread *thread)
{
    return thread->until_ns <= machine->mono_ns;
}

static bool can_run(struct sim_thread *thread)
{
    switch (thread->wait) {
    case RUNS:
        return true;
    case WAITS_SIGNAL:
        return thread->rung || is_due(thread);
    case WAITS_POLL:
        return is_due(thread) || __real_poll(&thread->poll, 1, 0) > 0;
    case WAITS_END:
        return ((const struct sim_thread *)thread->on)->wait == IS_OVER;
    case WAITS_IDLE:
    case IS_OVER:
        break;
    }
    return false;
}

static int64_t earliest_ns(void)
{
    int64_t earliest = INT64_MAX;
    for (int i = 0; i < thread_count; i++) {
        if (threads[i].wait == WAITS_SIGNAL || threads[i].wait == WAITS_POLL) {
            earliest = MIN(earliest, threads[i].until_ns);
        }
    }
    return earliest;
}

/* The loop's thread waits for one that waits for the clock. */
static void pass_time(void)
{
    int64_t earliest = earliest_ns();
    if (earliest == INT64_MAX) {
        for (int i = 0; i < thread_count; i++) {
            (void)fprintf(stderr, "thread %d waits %d\n", i, (int)threads[i].wait);
        }
        life_broken("all threads wait for each other");
    }
    machine->wall_ms += (earliest - machine->mono_ns) / NS_PER_MS;
    machine->mono_ns = earliest;
}

static struct sim_thread *next_thread(void)
{
    for (;;) {
        struct sim_thread *able[THREADS_MAX];
        uint64_t count = 0;
        for (int i = 0; i < thread_count; i++) {
            if (can_run(&threads[i])) {
                able[count++] = &threads[i];
            }
        }
        if (count > 0) {
            uint64_t chosen = count == 1 ? 0 : chance_below(&machine->schedule, count);
            machine_trace(machine, (uint64_t)(able[chosen] - threads));
            return able[chosen];
        }
        if (threads[0].wait == WAITS_IDLE) {
            return &threads[0];
        }
        pass_time();
    }
}

static void give_turn(void)
{
    struct sim_thread *me = self;
    struct sim_thread *next = next_thread();
    if (next != me) {
        (void)sem_post(&next->turn);
        while (sem_wait(&me->turn) != 0) { /* a signal came between */
        }
    }
}

static struct sim_thread *add_thread(void)
{
    ASSERT(thread_count < THREADS_MAX);
    struct sim_thread *thread = &threads[thread_count++];
    *thread = (struct sim_thread){.until_ns = INT64_MAX};
    (void)sem_init(&thread->turn, 0, 0);
    return thread;
}

void threads_start(struct sim_machine *of)
{
    thread_count = 0;
    machine = of;
    self = add_thread();
    self->id = pthread_self();
}

bool threads_turn(void)
{
    bool any = false;
    for (int i = 1; i < thread_count; i++) {
        any = any || can_run(&threads[i]);
    }
    if (any) {
        /* Now and then the loop goes on while others still could. */
        self->wait = chance_one_in(&machine->schedule, 3) ? RUNS : WAITS_IDLE;
        give_turn();
        self->wait = RUNS;
    }
    return any;
}

bool threads_rang(void)
{
    bool rang = loop_rang;
    loop_rang = false;
    return rang;
}

int64_t threads_next_ns(void)
{
    return earliest_ns();
}

/* ---- threads ---- */

static void *thread_main(void *argument)
{
    self = argument;
    while (sem_wait(&self->turn) != 0) {
    }
    void *result = self->run(self->argument);
    self->wait = IS_OVER;
    (void)sem_post(&next_thread()->turn);
    return result;
}

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
    if (!simulated()) {
        return __real_pthread_create(id, attributes, run, argument);
    }
    struct sim_thread *thread = add_thread();
    thread->run = run;
    thread->argument = argument;
    int failed = __real_pthread_create(&thread->id, attributes, thread_main, thread);
    *id = thread->id;
    return failed;
}

int __wrap_pthread_join(pthread_t id, void **result)
{
    for (int i = 0; simulated() && i < thread_count; i++) {
        if (pthread_equal(threads[i].id, id) != 0 && threads[i].wait != IS_OVER) {
            self->wait = WAITS_END;
            self->on = &threads[i];
            give_turn();
            self->wait = RUNS;
        }
    }
    return __real_pthread_join(id, result);
}

/* ---- locks ---- */

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!simulated()) {
        return __real_pthread_mutex_lock(mutex);
    }
    if (chance_one_in(&machine->schedule, 8)) {
        give_turn();
    }
    for (int tries = 0; pthread_mutex_trylock(mutex) == EBUSY; tries++) {
        if (tries > LOCK_TRIES_MAX) {
            life_broken("a lock is never given back");
        }
        give_turn();
    }
    return 0;
}

static int wait_on(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ns)
{
    self->wait = WAITS_SIGNAL;
    self->on = condition;
    self->until_ns = until_ns;
    self->rung = false;
    (void)pthread_mutex_unlock(mutex);
    give_turn();
    bool late = !self->rung;
    self->wait = RUNS;
    self->until_ns = INT64_MAX;
    (void)__wrap_pthread_mutex_lock(mutex);
    return late ? ETIMEDOUT : 0;
}

int __wrap_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return simulated() ? wait_on(condition, mutex, INT64_MAX)
                       : __real_pthread_cond_wait(condition, mutex);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    return simulated()
               ? wait_on(condition, mutex, (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec)
               : __real_pthread_cond_timedwait(condition, mutex, until);
}

static int ring(pthread_cond_t *condition, bool all)
{
    for (int i = 0; i < thread_count; i++) {
        struct sim_thread *thread = &threads[i];
        if (thread->wait == WAITS_SIGNAL && thread->on == condition && !thread->rung) {
            thread->rung = true;
            if (!all) {
                return 0;
            }
        }
    }
    return 0;
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    return simulated() ? ring(condition, false) : __real_pthread_cond_signal(condition);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition)
{
    return simulated() ? ring(condition, true) : __real_pthread_cond_broadcast(condition);
}

/* ---- descriptors ---- */

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (!simulated() || timeout_ms == 0) {
        return __real_poll(fds, count, timeout_ms);
    }
    ASSERT(count == 1); /* a mailbox */
    self->wait = WAITS_POLL;
    self->poll = *fds;
    self->until_ns =
        timeout_ms < 0 ? INT64_MAX : machine->mono_ns + (int64_t)timeout_ms * NS_PER_MS;
    give_turn();
    self->wait = RUNS;
    self->until_ns = INT64_MAX;
    return __real_poll(fds, count, 0);
}

int __wrap_uv_async_send(uv_async_t *async)
{
    loop_rang = true;
    return __real_uv_async_send(async);
}

/* ---- clocks and chance ---- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (machine == NULL) {
        return __real_clock_gettime(clock, time);
    }
    int64_t ns = clock == CLOCK_REALTIME ? machine->wall_ms * NS_PER_MS : machine->mono_ns;
    time->tv_sec = ns / NS_PER_S;
    time->tv_nsec = ns % NS_PER_S;
    return 0;
}

uint64_t __wrap_uv_hrtime(void)
{
    return machine == NULL ? __real_uv_hrtime() : (uint64_t)machine->mono_ns;
}

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return machine == NULL ? __real_uv_now(loop) : (uint64_t)(machine->mono_ns / NS_PER_MS);
}

void __wrap_randombytes_buf(void *bytes, size_t len)
{
    unsigned char *out = bytes;
    if (machine == NULL) {
        __real_randombytes_buf(bytes, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)chance_next(&machine->random);
    }
}

uint32_t __wrap_randombytes_uniform(uint32_t below)
{
    return machine == NULL ? __real_randombytes_uniform(below)
                           : (uint32_t)chance_below(&machine->random, below);
}
