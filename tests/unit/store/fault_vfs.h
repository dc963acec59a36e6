/* A VFS under SQLite that fails on demand: the n-th call that changes a file (write, truncate) or
 * syncs one, once or from then on. Registered as the default; harmless while not armed. Armed and
 * read by the test's thread while the store's threads run. */
#ifndef TESTS_STORE_FAULT_VFS_H
#define TESTS_STORE_FAULT_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_calls { FAULT_CHANGES = 1, FAULT_SYNCS = 2 };
enum fault_kind { FAULT_NO_SPACE, FAULT_IO, FAULT_SHORT_WRITE };

struct fault {
    int calls; /* enum fault_calls, or-ed */
    enum fault_kind kind;
    int64_t nth; /* from 1 */
    bool for_ever;
};

/* A call that went through, told on the thread that made it. */
struct disk_call {
    enum disk_kind { DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_DELETE } kind;
    const char *path;
    int64_t at; /* of a write; the length after a truncate */
    const void *bytes;
    size_t len;
};
typedef void (*disk_cb)(void *context, const struct disk_call *call);

void fault_vfs_install(void);
/* Tells each call from now on; NULL ends it. While no store is open. */
void fault_record(disk_cb told, void *context);
void fault_arm(const struct fault *fault);
/* Disarms; true if it had fired. */
bool fault_disarm(void);

#endif
