/* Arenas: a chain of blocks from which memory is cut in order and given back all at once. Under
 * AddressSanitizer the part of a block that is not given out is poisoned, so that a write past an
 * allocation is found as it would be with malloc. One thread at a time. */
#include "proxenos/base.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif
#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(at, bytes) ASAN_POISON_MEMORY_REGION(at, bytes)
#define UNPOISON(at, bytes) ASAN_UNPOISON_MEMORY_REGION(at, bytes)
#else
#define POISON(at, bytes) ((void)0)
#define UNPOISON(at, bytes) ((void)0)
#endif

enum {
    ARENA_ALIGN = 16,
    ARENA_BLOCK_BYTES_MIN = 4096,
    ARENA_BLOCK_BYTES_MAX = 256 * 1024,
    /* What a reset arena may keep: an idle connection must not hold the memory of its largest
     * request. */
    ARENA_KEPT_BYTES_MAX = 64 * 1024,
};

/* The header of a block; its memory follows. */
struct arena_block {
    struct arena_block *next;
    size_t bytes; /* with this header */
} __attribute__((aligned(ARENA_ALIGN)));

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static void block_use(struct arena *arena, struct arena_block *block)
{
    arena->at = (char *)(block + 1);
    arena->end = (char *)block + block->bytes;
    POISON(arena->at, block->bytes - sizeof(*block));
}

static void block_free(struct arena_block *block)
{
    UNPOISON(block, block->bytes);
    mem_free(block);
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        block_free(block);
        block = next;
    }
    *arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = NULL;
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        if (block->bytes <= ARENA_KEPT_BYTES_MAX && (kept == NULL || block->bytes > kept->bytes)) {
            struct arena_block *smaller = kept;
            kept = block;
            block = smaller;
        }
        if (block != NULL) {
            block_free(block);
        }
        block = next;
    }
    *arena = (struct arena){0};
    if (kept != NULL) {
        kept->next = NULL;
        arena->blocks = kept;
        arena->used_bytes = kept->bytes;
        block_use(arena, kept);
    }
}

/* A large allocation gets a block of its own behind the current one, whose rest stays in use. */
static void *alloc_large(struct arena *arena, size_t bytes)
{
    struct arena_block *block = mem_alloc(sizeof(*block) + bytes);
    block->bytes = sizeof(*block) + bytes;
    arena->used_bytes += block->bytes;
    if (arena->blocks == NULL) {
        block->next = NULL;
        arena->blocks = block;
        arena->at = arena->end = (char *)block + block->bytes;
    } else {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    }
    return block + 1;
}

static void *alloc_slow(struct arena *arena, size_t bytes)
{
    size_t wanted = ARENA_BLOCK_BYTES_MIN;
    while (wanted < ARENA_BLOCK_BYTES_MAX && wanted < arena->used_bytes) {
        wanted *= 2;
    }
    if (bytes > wanted / 4) {
        return alloc_large(arena, bytes);
    }
    struct arena_block *block = mem_alloc(wanted);
    block->bytes = wanted;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used_bytes += wanted;
    block_use(arena, block);
    char *memory = arena->at;
    arena->at += bytes;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    ASSERT(bytes <= SIZE_MAX / 2);
    size_t rounded = (MAX(bytes, 1) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    void *memory;
    if (rounded <= (size_t)(arena->end - arena->at)) {
        memory = arena->at;
        arena->at += rounded;
    } else {
        memory = alloc_slow(arena, rounded);
    }
    UNPOISON(memory, bytes);
    return memory;
}

void *arena_zalloc(struct arena *arena, size_t bytes)
{
    void *memory = arena_alloc(arena, bytes);
    memset(memory, 0, bytes);
    return memory;
}

void *arena_dup(struct arena *arena, const void *memory, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes);
    if (bytes > 0) {
        memcpy(copy, memory, bytes);
    }
    return copy;
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.at, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return (struct str){arena_cstr(arena, s), s.len};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    ASSERT(len >= 0);
    if ((size_t)len < sizeof(small)) {
        return arena_str(arena, (struct str){small, (size_t)len});
    }
    char *text = arena_alloc(arena, (size_t)len + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    return (struct str){text, (size_t)len};
}
