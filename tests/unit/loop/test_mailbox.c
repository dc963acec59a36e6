/* Mailboxes between threads: order per sender, nothing lost, nothing twice, waking and time-outs,
 * for threads and for loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxenos/loop.h"

int test_mailbox(void);

enum { SENDERS = 4, LETTERS = 20000 };

struct letter {
    struct message message;
    struct post_office *office;
    int sender, number;
};

struct post_office {
    struct mailbox *mailbox;
    struct loop *loop; /* stopped when all have come; NULL for a thread's mailbox */
    int next[SENDERS];
    int delivered;
    bool disorder;
};

struct sender {
    struct post_office *office;
    int index;
};

static void deliver_letter(struct message *message)
{
    struct letter *letter = CONTAINER_OF(message, struct letter, message);
    struct post_office *office = letter->office;
    office->disorder |= office->next[letter->sender] != letter->number;
    office->next[letter->sender]++;
    office->delivered++;
    if (office->loop != NULL && office->delivered == SENDERS * LETTERS) {
        loop_stop(office->loop);
    }
    mem_free(letter);
}

static void send_letters(void *context)
{
    struct sender *sender = context;
    for (int i = 0; i < LETTERS; i++) {
        struct letter *letter = mem_zalloc(sizeof(*letter));
        letter->message.deliver = deliver_letter;
        letter->office = sender->office;
        letter->sender = sender->index;
        letter->number = i;
        mailbox_post(sender->office->mailbox, &letter->message);
    }
}

static void start_senders(struct post_office *office, struct sender *senders,
                          struct thread **threads)
{
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.office = office, .index = i};
        assert_int_equal(thread_start("sender", send_letters, &senders[i], &threads[i], NULL), OK);
    }
}

static void threads_mailbox_keeps_order_and_loses_nothing(void **state)
{
    (void)state;
    struct post_office office = {.mailbox = mailbox_new()};
    struct sender senders[SENDERS];
    struct thread *threads[SENDERS];
    start_senders(&office, senders, threads);
    while (office.delivered < SENDERS * LETTERS) {
        (void)mailbox_receive(office.mailbox, -1);
    }
    for (int i = 0; i < SENDERS; i++) {
        thread_join(threads[i]);
    }
    assert_false(office.disorder);
    assert_int_equal(mailbox_receive(office.mailbox, 0), 0);
    mailbox_free(office.mailbox);
}

static void loops_mailbox_keeps_order_and_loses_nothing(void **state)
{
    (void)state;
    struct loop *loop = NULL;
    assert_int_equal(loop_new(env_real(), &loop, NULL), OK);
    struct post_office office = {.mailbox = loop_mailbox(loop), .loop = loop};
    struct sender senders[SENDERS];
    struct thread *threads[SENDERS];
    start_senders(&office, senders, threads);
    loop_run(loop);
    for (int i = 0; i < SENDERS; i++) {
        thread_join(threads[i]);
    }
    assert_int_equal(office.delivered, SENDERS * LETTERS);
    assert_false(office.disorder);
    loop_drain(loop, 1000);
    loop_free(loop);
}

static void receive_times_out(void **state)
{
    (void)state;
    struct mailbox *mailbox = mailbox_new();
    int64_t before_ns = env_real()->monotonic_ns(env_real());
    assert_int_equal(mailbox_receive(mailbox, 30), 0);
    assert_true(env_real()->monotonic_ns(env_real()) - before_ns >= 29 * 1000000LL);
    mailbox_free(mailbox);
}

static void wake(void *context)
{
    mailbox_wake(context);
}

static void wake_returns_without_a_message(void **state)
{
    (void)state;
    struct mailbox *mailbox = mailbox_new();
    struct thread *thread = NULL;
    assert_int_equal(thread_start("waker", wake, mailbox, &thread, NULL), OK);
    assert_int_equal(mailbox_receive(mailbox, -1), 0);
    thread_join(thread);
    mailbox_wake(mailbox); /* before the receive: kept */
    assert_int_equal(mailbox_receive(mailbox, -1), 0);
    mailbox_free(mailbox);
}

struct bouncer {
    struct message message;
    struct mailbox *mailbox;
    int bounces;
};

static void bounce(struct message *message)
{
    struct bouncer *bouncer = CONTAINER_OF(message, struct bouncer, message);
    if (++bouncer->bounces < 3) {
        mailbox_post(bouncer->mailbox, message);
    }
}

static void message_may_be_posted_again_while_delivered(void **state)
{
    (void)state;
    struct bouncer bouncer = {.message.deliver = bounce, .mailbox = mailbox_new()};
    mailbox_post(bouncer.mailbox, &bouncer.message);
    assert_int_equal(mailbox_receive(bouncer.mailbox, -1), 1);
    assert_int_equal(mailbox_receive(bouncer.mailbox, -1), 1);
    assert_int_equal(mailbox_receive(bouncer.mailbox, -1), 1);
    assert_int_equal(mailbox_receive(bouncer.mailbox, 0), 0);
    assert_int_equal(bouncer.bounces, 3);
    mailbox_free(bouncer.mailbox);
}

int test_mailbox(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_mailbox_keeps_order_and_loses_nothing),
        cmocka_unit_test(loops_mailbox_keeps_order_and_loses_nothing),
        cmocka_unit_test(receive_times_out),
        cmocka_unit_test(wake_returns_without_a_message),
        cmocka_unit_test(message_may_be_posted_again_while_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
