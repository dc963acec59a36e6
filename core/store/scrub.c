/* Making the files anew when something was erased: SQLite leaves what was deleted in freed pages,
 * in the gaps of pages that were split, in the WAL. The writer's database and the keys are written
 * anew by the writer's thread, the search index by the indexer's; this waits for all of them. */
#include "erasure.h"

#include <time.h>

#include "search_index.h"
#include "writer.h"

enum { LOOK_NS = 20 * 1000 * 1000 };

static bool through(const struct store *store, int64_t turn)
{
    const struct search_index *index = store->search;
    bool written = __atomic_load_n(&store->scrubbed, __ATOMIC_ACQUIRE) >= turn;
    bool indexed = index == NULL || __atomic_load_n(&index->scrubbed, __ATOMIC_ACQUIRE) >= turn;
    return written && indexed;
}

enum err store_scrub(struct store *store, bool (*progress)(void *context, int64_t, int64_t),
                     void *context, struct error *error)
{
    int64_t turn = __atomic_add_fetch(&store->scrub_wanted, 1, __ATOMIC_ACQ_REL);
    writer_nudge(store->writer);
    if (store->search != NULL) {
        mailbox_wake(store->search->mailbox);
    }
    while (!through(store, turn)) {
        struct timespec pause = {.tv_nsec = LOOK_NS};
        if (store->search != NULL && search_broken(store->search)) {
            return error_set(error, ERR_IO,
                             "search is out of order, so its file may still hold what was erased: "
                             "restart the service, the erasure goes on then");
        }
        if (!progress(context, 0, 0)) {
            return error_set(error, ERR_CANCELLED, "it was interrupted");
        }
        (void)nanosleep(&pause, NULL);
    }
    return OK;
}
