/* Before-hooks (contract 19) for rows of an import: plugins are above this module, so the question
 * goes to the loop, row by row, while the lane's thread waits at its mailbox. */
#include "import.h"

struct hooking {
    struct message message; /* to the loop, then back */
    struct batch *batch;
    int row;
    struct draft *draft; /* the one at the hook now */
    bool on_update;      /* its turn is the update of the row */
    bool inside;         /* before() is on the stack: it may answer at once */
    bool answered;
    bool back; /* lane */
};

static void on_back(struct message *message)
{
    CONTAINER_OF(message, struct hooking, message)->back = true;
}

static void send_back(struct hooking *hooking)
{
    hooking->message.deliver = on_back;
    mailbox_post(hooking->batch->import->job->mailbox, &hooking->message);
}

/* The next draft that a hook wants to see; NULL: no more. */
static struct draft *next_draft(struct hooking *hooking)
{
    struct batch *batch = hooking->batch;
    const struct jobs_options *options = &batch->import->job->jobs->options;
    while (hooking->row < batch->count) {
        struct row *row = &batch->rows[hooking->row];
        struct draft *draft = hooking->on_update ? row->update : row->create;
        if (hooking->on_update) {
            hooking->row++;
        }
        hooking->on_update = !hooking->on_update;
        if (draft != NULL && row->errors == NULL &&
            options->has_before(options->context, draft->type, draft->kind)) {
            return draft;
        }
    }
    return NULL;
}

static void ask(struct hooking *hooking);

static void on_answer(void *context, enum err err, const struct error *error)
{
    struct hooking *hooking = context;
    struct batch *batch = hooking->batch;
    if (err != OK) {
        int index = hooking->on_update ? hooking->row : hooking->row - 1;
        struct error why = *error;
        why.err = err;
        row_error_add(&batch->rows[index].errors, &batch->arena, batch->import, &why);
    }
    hooking->answered = true;
    if (!hooking->inside) {
        ask(hooking);
    }
}

/* Loop. A loop of its own, so that hooks that answer at once do not nest. */
static void ask(struct hooking *hooking)
{
    struct batch *batch = hooking->batch;
    struct import *import = batch->import;
    const struct jobs_options *options = &import->job->jobs->options;
    while (!jobs_stopping(import->job->jobs) && (hooking->draft = next_draft(hooking)) != NULL) {
        hooking->answered = false;
        hooking->inside = true;
        options->before(options->context, hooking->draft->type, &hooking->draft, 1, &batch->arena,
                        import->scope, on_answer, hooking);
        hooking->inside = false;
        if (!hooking->answered) {
            return; /* on_answer goes on */
        }
    }
    send_back(hooking);
}

static void on_loop(struct message *message)
{
    ask(CONTAINER_OF(message, struct hooking, message));
}

enum err batch_hooks(struct batch *batch)
{
    struct job *job = batch->import->job;
    struct hooking hooking = {.message.deliver = on_loop, .batch = batch};
    if (job->jobs->options.has_before == NULL || job->jobs->options.before == NULL) {
        return OK;
    }
    mailbox_post(loop_mailbox(job->jobs->loop), &hooking.message);
    while (!hooking.back) {
        (void)mailbox_receive(job->mailbox, -1);
    }
    return jobs_stopping(job->jobs) ? ERR_STOPPING : OK;
}
