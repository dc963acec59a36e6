/* The event loop and the threads beside it: one loop per thread, mailboxes between threads, lanes
 * of workers, timers, signals. libuv has its home behind this header. Only caller-owned, intrusive
 * structs cross threads. */
#ifndef PROXENOS_LOOP_H
#define PROXENOS_LOOP_H

#include "proxenos/base.h"
#include "proxenos/base_env.h"

/* ---- mailboxes: many senders, one receiving thread, one wake-up for many messages ---- */

/* Embedded in the request it brings. `deliver` runs on the receiver's thread, once per post; the
 * message may be posted again or freed inside it. */
struct message {
    struct message *next; /* while queued */
    void (*deliver)(struct message *message);
};

struct mailbox;
/* Any thread; never fails, never blocks. Messages of one sender arrive in their order. */
void mailbox_post(struct mailbox *mailbox, struct message *message);

/* A mailbox for a thread without a loop (writer, executors, tests). */
struct mailbox *mailbox_new(void);
void mailbox_free(struct mailbox *mailbox); /* must be empty; NULL is fine */
/* Receiver only. Delivers what is there, waiting up to timeout_ms (-1: for ever, 0: not) for the
 * first; the number. */
size_t mailbox_receive(struct mailbox *mailbox, int timeout_ms);
/* Any thread: makes a waiting mailbox_receive return even without a message. */
void mailbox_wake(struct mailbox *mailbox);

/* ---- the loop ---- */

struct loop;
struct uv_loop_s;

/* Ignores SIGPIPE in the whole process: a peer that went away is an error code. ERR_IO. */
enum err loop_new(struct env *env, struct loop **out_loop, struct error *error) MUST_CHECK;
void loop_free(
    struct loop *loop); /* after loop_run returned and all handles were closed; NULL is fine */
void loop_run(struct loop *loop);  /* on this thread, until loop_stop; afterwards that thread's
                                      handles may be closed */
void loop_stop(struct loop *loop); /* any thread; loop_run returns after the current turn */
/* Runs turns until there is nothing left to do, at most timeout_ms: for closing handles after
 * loop_stop. */
void loop_drain(struct loop *loop, int timeout_ms);
struct mailbox *loop_mailbox(struct loop *loop);
struct env *loop_env(const struct loop *loop);
int64_t loop_now_ms(const struct loop *loop);       /* wall clock of env, as of now */
int64_t loop_monotonic_ms(const struct loop *loop); /* as of the start of this turn */
/* The machine's own, whatever env says: for the time-outs of sockets and waits of this process. */
int64_t loop_real_ms(const struct loop *loop);
bool loop_is_current(const struct loop *loop); /* is this the loop's thread? */
struct uv_loop_s *loop_uv(struct loop *loop);  /* for core/http alone */
/* Runs `run` at the end of each turn, before the loop waits: where what a turn shares is given
 * back. Caller-owned, zeroed, then `run` set; loop thread. Stopping is fine when not started. */
struct turn_end {
    struct list_node in_loop; /* loop's own */
    void (*run)(struct turn_end *end);
};
void loop_on_turn_end(struct loop *loop, struct turn_end *end);
void loop_off_turn_end(struct turn_end *end);
/* Largest time one turn took since the last call, ns: the stall figure of /metrics. */
int64_t loop_stall_ns(struct loop *loop);

/* ---- timers (loop thread) ---- */

struct timer {
    void (*fired)(struct timer *timer);
    struct loop *loop;
    void *handle; /* loop's own */
};
void timer_init(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer));
/* Runs by the machine's clock also where env's is moved by hand: for sockets and housekeeping,
 * which are of this process and not of the world that it serves. */
void timer_init_real(struct timer *timer, struct loop *loop, void (*fired)(struct timer *timer));
void timer_start(struct timer *timer, int64_t after_ms); /* once; starting again moves it */
void timer_stop(struct timer *timer);                    /* fine when not running */
void timer_deinit(struct timer *timer);                  /* the struct is reusable at once */

/* ---- a clock that is moved by hand (env->stepped; loop thread) ---- */

/* Monotonic milliseconds at which the next timer is due; INT64_MAX: none. */
int64_t loop_next_due_ms(const struct loop *loop);
void loop_clock_moved(struct loop *loop); /* fires what is due by now, the earliest first */
/* Grows with each message delivered and each timer fired: standing still between two looks means
 * that the loop did nothing. */
int64_t loop_activity(const struct loop *loop);

/* ---- folders that are watched (loop thread) ---- */

/* Caller-owned, zeroed, then `changed` set: it runs when something in the folder (not in folders
 * below) has changed and all has been quiet for 100 ms. ERR_IO. */
struct folder_watch {
    void (*changed)(struct folder_watch *watch);
    /* loop's own */
    struct timer quiet;
    void *handle;
};
enum err folder_watch_start(struct folder_watch *watch, struct loop *loop, const char *folder,
                            struct error *error) MUST_CHECK;
void folder_watch_stop(struct folder_watch *watch); /* fine when not started; reusable at once */

/* ---- signals (loop thread) ---- */

/* At most one function per signal number and loop. fired runs on the loop thread. */
enum err loop_on_signal(struct loop *loop, int signal_number, void (*fired)(void *context),
                        void *context, struct error *error) MUST_CHECK;

/* ---- lanes: named threads with a bounded queue; blocking work goes here ---- */

struct work {
    struct message message;                               /* lane's own; brings it back */
    struct list_node queued;                              /* lane's own */
    struct mailbox *reply;                                /* where `done` runs */
    void (*run)(struct work *work, void *thread_context); /* on a thread of the lane */
    void (*done)(
        struct work *work); /* on the reply mailbox's thread, exactly once if submit returned OK */
    bool cancelled;         /* set by lane when it closes before `run`; `done` still comes */
};

struct lane;
struct lane_options {
    const char *name; /* shown by top and in logs; ≤ 15 characters */
    int threads;
    int queue_max; /* ERR_BUSY past it */
    void *(*open)(
        void *context); /* on each thread at its start; its result is thread_context; may be NULL */
    void (*close)(void *thread_context); /* on each thread at its end; may be NULL */
    void *context;
};
enum err lane_new(const struct lane_options *options, struct lane **out_lane,
                  struct error *error) MUST_CHECK;
enum err lane_submit(struct lane *lane,
                     struct work *work) MUST_CHECK; /* any thread; OK, ERR_BUSY or ERR_STOPPING */
int lane_waiting(struct lane *lane);                /* queue length now */
void lane_free(
    struct lane *lane); /* finishes what is running, cancels what waits, joins; NULL is fine */

/* ---- plain threads ---- */

struct thread;
enum err thread_start(const char *name, void (*run)(void *context), void *context,
                      struct thread **out_thread, struct error *error) MUST_CHECK;
void thread_join(struct thread *thread); /* and frees it; NULL is fine */

#endif
