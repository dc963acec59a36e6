/* The outbox as a whole: open and close. Loop thread. */
#include "internal.h"

enum err outbox_open(const struct outbox_options *options, struct outbox **out_outbox,
                     struct error *error)
{
    enum err err = store_table_module(options->store, &outbox_tables, error);
    if (err != OK) {
        return err;
    }
    struct outbox *outbox = mem_zalloc(sizeof(*outbox));
    outbox->store = options->store;
    outbox->loop = options->loop;
    egress_init(outbox);
    *out_outbox = outbox;
    return OK;
}

void outbox_close(struct outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    egress_deinit(outbox);
    mem_free(outbox);
}
