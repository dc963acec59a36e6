/* Memory that is never NULL, and the end of the program when a fact about our own code is false.
 * Any thread. */
#include "proxenos/base.h"

NORETURN void base_assert_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "proxenos: %s:%d: not true: %s\n", file, line, fact);
    abort();
}

static void *checked(void *memory, size_t bytes)
{
    if (memory == NULL) {
        fprintf(stderr, "proxenos: out of memory: %zu bytes were asked for\n", bytes);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t bytes)
{
    return checked(malloc(MAX(bytes, 1)), bytes);
}

void *mem_zalloc(size_t bytes)
{
    return checked(calloc(1, MAX(bytes, 1)), bytes);
}

void *mem_realloc(void *memory, size_t bytes)
{
    return checked(realloc(memory, MAX(bytes, 1)), bytes);
}

void *mem_dup(const void *memory, size_t bytes)
{
    void *copy = mem_alloc(bytes);
    if (bytes > 0) {
        memcpy(copy, memory, bytes);
    }
    return copy;
}

void mem_free(void *memory)
{
    free(memory);
}

bool size_add(size_t a, size_t b, size_t *out_total)
{
    size_t total;
    if (__builtin_add_overflow(a, b, &total)) {
        return false;
    }
    *out_total = total;
    return true;
}

bool size_mul(size_t a, size_t b, size_t *out_total)
{
    size_t total;
    if (__builtin_mul_overflow(a, b, &total)) {
        return false;
    }
    *out_total = total;
    return true;
}
