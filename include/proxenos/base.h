/* The base of everything: memory, strings, buffers, arenas, lists, maps, errors. No I/O, any thread
 * (an object belongs to one thread at a time). Other parts of base have their own header:
 * base_value.h, base_json.h, base_text.h, base_time.h, base_number.h, base_check.h, base_expr.h,
 * base_env.h, base_crypto.h, base_log.h. */
#ifndef PROXENOS_BASE_H
#define PROXENOS_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#define NORETURN __attribute__((noreturn))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#undef MIN /* sys/param.h, which uv.h includes, has them too */
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* States a fact about our own code; stays on in release; no side effects. Never for input from
 * outside. */
#define ASSERT(fact) ((fact) ? (void)0 : base_assert_failed(#fact, __FILE__, __LINE__))
NORETURN void base_assert_failed(const char *fact, const char *file, int line);

/* ---- errors ---- */

enum err {
#define X(name, code, status, retry, text, advice) ERR_##name,
#include "proxenos/errors.def"
#undef X
    ERR_COUNT
};
#define OK ERR_NONE

/* The human side of an error: set once where it fails. Everything is a copy, cut if too long; all
 * of it NUL-terminated. `next` chains further findings of one validation (arena-owned). A caller
 * may pass NULL where it does not care. */
struct error {
    enum err err;
    char detail[480];  /* a sentence: what is wrong and what would be right */
    char pointer[160]; /* JSON pointer, "file:line", "row 17, column stage"; empty when there is
                          none */
    char value[120];   /* the offending value, cut, never a secret */
    char nearest[80];  /* the nearest valid name, when there is one */
    struct error *next;
};

/* Fills *error (if not NULL) and returns err, so that `return error_set(…)` reads as one act. */
enum err error_set(struct error *error, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);
/* As error_set, with the pointer to the place and the value found there (either may be NULL). */
enum err error_at(struct error *error, enum err err, const char *pointer, const char *value,
                  const char *format, ...) PRINTF_LIKE(5, 6);
/* Puts more context before the detail: "import row 3: …". Does nothing for NULL. */
void error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

const char *err_code(enum err err);   /* "unknown_field" */
int err_status(enum err err);         /* HTTP status */
bool err_retry(enum err err);         /* the same request may succeed later */
const char *err_text(enum err err);   /* what happened */
const char *err_advice(enum err err); /* what to do */
/* ERR_COUNT when no error has this code. */
enum err err_from_code(const char *code);

/* ---- memory ---- */

/* Never NULL: aborts when memory is out. Sizes from outside are checked against a limit before. */
void *mem_alloc(size_t bytes) __attribute__((malloc, alloc_size(1)));
void *mem_zalloc(size_t bytes) __attribute__((malloc, alloc_size(1)));
void *mem_realloc(void *memory, size_t bytes);
void *mem_dup(const void *memory, size_t bytes);
void mem_free(void *memory);
bool size_add(size_t a, size_t b, size_t *out_total) MUST_CHECK; /* false on overflow */
bool size_mul(size_t a, size_t b, size_t *out_total) MUST_CHECK;

/* ---- strings: pointer and length, not NUL-terminated unless said ---- */

struct str {
    const char *at;
    size_t len;
};
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    } /* for static tables */
#define STR_FORMAT "%.*s"
#define STR_ARGS(s) (int)(s).len, (s).at /* for STR_FORMAT */

struct str str_from(const char *text); /* borrows; NULL gives the empty string */
struct str str_sub(struct str s, size_t from, size_t len); /* clamps */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *text);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
int str_cmp(struct str a, struct str b);        /* by bytes */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_find(struct str s, struct str needle, size_t *out_at);
struct str str_trim(struct str s); /* spaces, tabs, CR, LF */
/* Takes the part before the first `separator` off *rest; false when *rest is used up (at == NULL).
 */
bool str_split(struct str *rest, char separator, struct str *out_part);
/* Whole text must be a number; no sign for the unsigned. ERR_RANGE or ERR_TYPE. */
enum err str_to_int64(struct str s, int64_t *out_number) MUST_CHECK;
enum err str_to_double(struct str s, double *out_number) MUST_CHECK; /* independent of the locale */
uint64_t str_hash(struct str s); /* SipHash with a key of this process */

/* ---- growing buffers ---- */

struct buf {
    char *at;
    size_t len, cap;
};
void buf_init(struct buf *buf);
void buf_deinit(struct buf *buf);
void buf_reset(struct buf *buf);                       /* keeps the memory */
char *buf_reserve(struct buf *buf, size_t more_bytes); /* room after len; caller raises len */
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments);
struct str buf_str(const struct buf *buf);
const char *buf_cstr(struct buf *buf);         /* NUL put behind len */
char *buf_steal(struct buf *buf);              /* NUL-terminated; caller mem_frees */
void buf_consume(struct buf *buf, size_t len); /* drops from the front */

/* ---- arenas: many allocations, one end ---- */

struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t used_bytes; /* all blocks together, for limits */
    char *at, *end;
};
void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena);
void arena_reset(struct arena *arena); /* keeps one block */
void *arena_alloc(struct arena *arena, size_t bytes)
    __attribute__((alloc_size(2))); /* aligned for anything; not zeroed */
void *arena_zalloc(struct arena *arena, size_t bytes) __attribute__((alloc_size(2)));
void *arena_dup(struct arena *arena, const void *memory, size_t bytes);
struct str arena_str(struct arena *arena,
                     struct str s); /* a copy, NUL-terminated behind its length */
char *arena_cstr(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *format, ...)
    PRINTF_LIKE(2, 3); /* NUL behind */
#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_zalloc((arena), sizeof(type) * (count)))

/* ---- intrusive lists ---- */

struct list_node {
    struct list_node *previous, *next;
};
struct list {
    struct list_node head;
};
void list_init(struct list *list);
bool list_empty(const struct list *list);
void list_push(struct list *list, struct list_node *node); /* at the end */
void list_push_front(struct list *list, struct list_node *node);
void list_remove(struct list_node *node); /* and re-inits it; fine on a node in no list */
void list_node_init(struct list_node *node);
bool list_node_linked(const struct list_node *node);
struct list_node *list_pop(struct list *list);         /* from the front; NULL when empty */
struct list_node *list_first(const struct list *list); /* NULL when empty */
size_t list_count(const struct list *list);
#define list_foreach(node, list)                                                                   \
    for (struct list_node *node = (list)->head.next, *node##_next = (node)->next;                  \
         (node) != &(list)->head;                                                                  \
         (node) = node##_next, node##_next = (node)->next) /* the node itself may be removed */

/* ---- maps: hash tables with string or integer keys; values are the caller's pointers ---- */

struct map_entry;
struct map {
    struct map_entry *entries;
    size_t count, cap, tombs;
};
void map_init(struct map *map);
void map_deinit(struct map *map); /* frees the copied keys, not the values */
void *map_get(const struct map *map, struct str key);
void *map_set(struct map *map, struct str key,
              void *value); /* copies the key; returns the value replaced or NULL */
void *map_remove(struct map *map, struct str key); /* returns the value or NULL */
void *map_get_int(const struct map *map,
                  int64_t key); /* the int calls are the same with 8 bytes as the key */
void *map_set_int(struct map *map, int64_t key, void *value);
void *map_remove_int(struct map *map, int64_t key);
/* In the order in which the keys were first set: the same in every run. `for (size_t i = 0;
 * map_next(&map, &i, &key, &value);)`. No change of the map while walking; the keys are borrowed.
 */
bool map_next(const struct map *map, size_t *position, struct str *out_key, void **out_value);

#endif
