/* The allocator of one state: a hard cap and exact accounting. A refusal is an error that the
 * plugin sees (Lua collects garbage and tries once more first), never the service's. Executor
 * thread, and any thread for data files. */
#include "internal.h"

void *lua_memory_alloc(void *memory, void *block, size_t old_size, size_t new_size)
{
    struct lua_memory *account = memory;
    if (block == NULL) {
        old_size = 0; /* Lua passes the kind of object there */
    }
    if (new_size == 0) {
        free(block);
        account->used -= old_size;
        return NULL;
    }
    if (new_size > old_size && new_size - old_size > account->cap - account->used) {
        return NULL;
    }
    account->churn += new_size;
    if (account->churn_max > 0 && account->churn > account->churn_max && new_size > old_size) {
        return NULL;
    }
    void *moved = realloc(block, new_size);
    if (moved == NULL) {
        return NULL;
    }
    account->used += new_size - old_size;
    account->peak = MAX(account->peak, account->used);
    return moved;
}
