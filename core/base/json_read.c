/* Reading JSON without recursion: open lists and maps stand on a stack of frames, their finished
 * items on a scratch stack, and a container's items move to the arena in one piece when it closes.
 * Any thread. */
#include "proxenos/base_json.h"

#include "json_scan.h"

enum {
    SCRATCH_BYTES = 4096, /* on the thread's stack: enough for most requests */
    LINEAR_KEYS_MAX = 8,  /* up to here comparing each key with each is fastest */
    KEY_SLOTS = 4 * 1024, /* a power of two above twice JSON_KEYS_MAX */
};
_Static_assert(KEY_SLOTS > 2 * JSON_KEYS_MAX, "the set of keys must keep empty slots");

struct frame {
    const char *opened_at;
    size_t scratch_from; /* where its items begin */
    size_t count;
    bool map;
};

struct reader {
    const char *at, *end, *start;
    struct arena *arena;
    struct error *error;
    enum err err; /* set once something is wrong */
    size_t depth;
    struct value outermost;
    char *scratch;
    size_t scratch_len, scratch_cap;
    char *scratch_first; /* the one on the stack */
    struct frame frames[JSON_DEPTH_MAX];
};

/* Always false, so that `return fail(…)` reads as one act. The value shown is one character, no
 * more: what follows may be part of a secret. */
static bool fail(struct reader *reader, const char *at, enum err err, const char *what)
{
    char place[40];
    char value[5] = "";
    snprintf(place, sizeof(place), "byte %zu", (size_t)(at - reader->start));
    if (at < reader->end && (unsigned char)*at >= 0x20) {
        memcpy(value, at, utf8_step(at, reader->end));
    }
    reader->err = error_at(reader->error, err, place, value, "%s", what);
    return false;
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && is_space(*reader->at)) {
        reader->at++;
    }
}

/* ---- the scratch stack ---- */

static void scratch_grow(struct reader *reader)
{
    size_t cap = reader->scratch_cap * 2;
    if (reader->scratch == reader->scratch_first) {
        reader->scratch = mem_alloc(cap);
        memcpy(reader->scratch, reader->scratch_first, reader->scratch_len);
    } else {
        reader->scratch = mem_realloc(reader->scratch, cap);
    }
    reader->scratch_cap = cap;
}

static inline void *scratch_push(struct reader *reader, size_t bytes)
{
    if (reader->scratch_cap - reader->scratch_len < bytes) {
        scratch_grow(reader);
    }
    void *memory = reader->scratch + reader->scratch_len;
    reader->scratch_len += bytes;
    return memory;
}

/* ---- unique keys ---- */

enum keys { KEYS_UNIQUE, KEYS_DOUBLE, KEYS_UNKNOWN };

static inline bool same_key(struct str a, struct str b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static bool stands_before(const struct value_entry *entries, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (same_key(entries[i].key, entries[index].key)) {
            return true;
        }
    }
    return false;
}

static enum keys compare_each(const struct value_entry *entries, size_t count, size_t *out_double)
{
    for (size_t i = 1; i < count; i++) {
        if (stands_before(entries, i)) {
            *out_double = i;
            return KEYS_DOUBLE;
        }
    }
    return KEYS_UNIQUE;
}

/* Made of a key's ends, so that colliding keys are easy to make: there is a limit on trying with
 * it, behind which str_hash is asked. */
static uint64_t quick_hash(struct str key)
{
    uint64_t first = 0, last = 0;
    if (key.len >= sizeof(first)) {
        memcpy(&first, key.at, sizeof(first));
        memcpy(&last, key.at + key.len - sizeof(last), sizeof(last));
    } else if (key.len >= sizeof(uint32_t)) {
        memcpy(&first, key.at, sizeof(uint32_t));
        memcpy(&last, key.at + key.len - sizeof(uint32_t), sizeof(uint32_t));
    } else if (key.len > 0) {
        first = (uint64_t)(unsigned char)key.at[0] << 8 | (unsigned char)key.at[key.len / 2];
        last = (unsigned char)key.at[key.len - 1];
    }
    uint64_t mixed = (first ^ (last << 23 | last >> 41) ^ key.len) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 32;
}

/* A set of the keys before one of them, by their index. */
struct key_set {
    const struct value_entry *entries;
    size_t mask, tries_left;
    uint16_t slots[KEY_SLOTS]; /* index + 1 of an entry; 0 is empty */
};

static enum keys add_key(struct key_set *set, size_t index, uint64_t hash)
{
    size_t slot = hash & set->mask;
    for (; set->slots[slot] != 0; slot = (slot + 1) & set->mask) {
        if (same_key(set->entries[set->slots[slot] - 1].key, set->entries[index].key)) {
            return KEYS_DOUBLE;
        }
        if (set->tries_left-- == 0) {
            return KEYS_UNKNOWN;
        }
    }
    set->slots[slot] = (uint16_t)(index + 1);
    return KEYS_UNIQUE;
}

static enum keys compare_hashed(const struct value_entry *entries, size_t count,
                                uint64_t (*hash)(struct str key), size_t tries_max,
                                size_t *out_double)
{
    struct key_set set;
    set.entries = entries;
    set.tries_left = tries_max;
    set.mask = 63;
    while (set.mask < count * 2) {
        set.mask = set.mask * 2 + 1;
    }
    memset(set.slots, 0, (set.mask + 1) * sizeof(set.slots[0]));
    enum keys keys = KEYS_UNIQUE;
    for (size_t i = 0; i < count && keys == KEYS_UNIQUE; i++) {
        keys = add_key(&set, i, hash(entries[i].key));
        *out_double = i;
    }
    return keys;
}

static bool check_keys(struct reader *reader, const struct frame *frame,
                       const struct value_entry *entries)
{
    size_t count = frame->count, twice = 0;
    enum keys keys = count <= LINEAR_KEYS_MAX
                         ? compare_each(entries, count, &twice)
                         : compare_hashed(entries, count, quick_hash, count * 4, &twice);
    if (keys == KEYS_UNKNOWN) {
        keys = compare_hashed(entries, count, str_hash, SIZE_MAX, &twice);
    }
    if (keys == KEYS_UNIQUE) {
        return true;
    }
    struct str key = entries[twice].key;
    /* A key with escapes is not in the source as it stands here; its object must do. */
    bool in_source = key.at >= reader->start && key.at < reader->end;
    char what[120];
    snprintf(what, sizeof(what), "the key \"%.*s\" stands twice in one object",
             (int)MIN(key.len, (size_t)64), key.at);
    return fail(reader, in_source ? key.at - 1 : frame->opened_at, ERR_JSON, what);
}

/* ---- strings ---- */

/* On the opening quote. Most strings are short and plain and end here. */
static inline bool read_string(struct reader *reader, struct str *out_text)
{
    const char *from = reader->at + 1;
    const char *at = scan_plain(from, reader->end);
    if (at < reader->end && *at == '"') {
        *out_text = (struct str){from, (size_t)(at - from)};
        reader->at = at + 1;
        return true;
    }
    struct scan scan = scan_string(from, reader->end, reader->arena, out_text);
    if (scan.fault != NULL) {
        return fail(reader, scan.at, scan.err, scan.fault);
    }
    reader->at = scan.at;
    return true;
}

/* ---- containers ---- */

_Static_assert(offsetof(struct value_entry, value) + sizeof(struct value) ==
                   sizeof(struct value_entry),
               "the last item's value is on top of the scratch stack in lists and maps alike");

/* Where the value that is being read goes: straight to its place, for moving it there later costs
 * more than reading it. Valid until the next push. */
static inline struct value *place_of(struct reader *reader)
{
    if (reader->depth == 0) {
        return &reader->outermost;
    }
    return (struct value *)(void *)(reader->scratch + reader->scratch_len) - 1;
}

static bool open_container(struct reader *reader, bool map)
{
    if (reader->depth == JSON_DEPTH_MAX) {
        return fail(reader, reader->at, ERR_LIMIT, "lists and objects are nested deeper than 64");
    }
    reader->frames[reader->depth++] =
        (struct frame){.opened_at = reader->at, .scratch_from = reader->scratch_len, .map = map};
    reader->at++;
    return true;
}

/* Takes the items of the innermost container off the scratch stack. */
static bool close_container(struct reader *reader)
{
    const struct frame *frame = &reader->frames[reader->depth - 1];
    const char *items = reader->scratch + frame->scratch_from;
    size_t bytes = reader->scratch_len - frame->scratch_from;
    if (frame->map && !check_keys(reader, frame, (const void *)items)) {
        return false;
    }
    void *kept = bytes == 0 ? NULL : arena_dup(reader->arena, items, bytes);
    reader->scratch_len = frame->scratch_from;
    reader->depth--;
    reader->at++;
    struct value *place = place_of(reader);
    if (frame->map) {
        *place = (struct value){.kind = VALUE_MAP, .map = {kept, frame->count}};
    } else {
        *place = (struct value){.kind = VALUE_LIST, .list = {kept, frame->count}};
    }
    return true;
}

/* The key and colon of the next entry. */
static bool begin_entry(struct reader *reader, struct frame *frame)
{
    skip_space(reader);
    if (frame->count == JSON_KEYS_MAX) {
        return fail(reader, reader->at, ERR_LIMIT, "an object has more than 1024 keys");
    }
    if (reader->at == reader->end || *reader->at != '"') {
        return fail(reader, reader->at, ERR_JSON, "a key in double quotes was expected");
    }
    struct value_entry *entry = scratch_push(reader, sizeof(*entry));
    if (!read_string(reader, &entry->key)) {
        return false;
    }
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != ':') {
        return fail(reader, reader->at, ERR_JSON, "a colon was expected after the key");
    }
    reader->at++;
    frame->count++;
    return true;
}

/* Makes the place for the next item of the innermost container. */
static inline bool begin_item(struct reader *reader)
{
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (frame->map) {
        return begin_entry(reader, frame);
    }
    scratch_push(reader, sizeof(struct value));
    frame->count++;
    return true;
}

/* ---- values ---- */

static bool read_word(struct reader *reader, struct str word, struct value value)
{
    struct str rest = {reader->at, (size_t)(reader->end - reader->at)};
    if (!str_starts(rest, word)) {
        return fail(reader, reader->at, ERR_JSON, "a value was expected");
    }
    reader->at += word.len;
    *place_of(reader) = value;
    return true;
}

static bool read_number(struct reader *reader)
{
    struct scan scan = scan_number(reader->at, reader->end, place_of(reader));
    if (scan.fault != NULL) {
        return fail(reader, scan.at, scan.err, scan.fault);
    }
    reader->at = scan.at;
    return true;
}

static bool read_scalar(struct reader *reader)
{
    char c = *reader->at;
    if (c == '"') {
        struct value *place = place_of(reader);
        *place = (struct value){.kind = VALUE_TEXT};
        return read_string(reader, &place->text);
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        return read_number(reader);
    }
    switch (c) {
    case 't':
        return read_word(reader, STR("true"), value_bool(true));
    case 'f':
        return read_word(reader, STR("false"), value_bool(false));
    case 'n':
        return read_word(reader, STR("null"), value_null());
    default:
        return fail(reader, reader->at, ERR_JSON, "a value was expected");
    }
}

/* Reads up to the next whole value: a scalar or an empty container. *out_whole is false when a
 * container was opened whose first item comes next. */
static bool read_value(struct reader *reader, bool *out_whole)
{
    skip_space(reader);
    if (reader->at == reader->end) {
        return fail(reader, reader->at, ERR_JSON, "the text ends where a value was expected");
    }
    char c = *reader->at;
    *out_whole = true;
    if (c != '{' && c != '[') {
        return read_scalar(reader);
    }
    if (!open_container(reader, c == '{')) {
        return false;
    }
    skip_space(reader);
    if (reader->at < reader->end && *reader->at == (c == '{' ? '}' : ']')) {
        return close_container(reader);
    }
    *out_whole = false;
    return begin_item(reader);
}

/* Closes all containers that end behind a whole value. *out_done when the outermost value is whole;
 * otherwise another item comes. */
static bool end_value(struct reader *reader, bool *out_done)
{
    while (reader->depth > 0) {
        skip_space(reader);
        bool map = reader->frames[reader->depth - 1].map;
        bool at_end = reader->at == reader->end;
        if (!at_end && *reader->at == ',') {
            reader->at++;
            return begin_item(reader);
        }
        if (at_end || *reader->at != (map ? '}' : ']')) {
            return fail(reader, reader->at, ERR_JSON,
                        map ? "a comma or } was expected" : "a comma or ] was expected");
        }
        if (!close_container(reader)) {
            return false;
        }
    }
    *out_done = true;
    return true;
}

static bool read_text(struct reader *reader)
{
    if (str_starts((struct str){reader->at, (size_t)(reader->end - reader->at)},
                   STR("\xEF\xBB\xBF"))) {
        return fail(reader, reader->at, ERR_JSON, "a byte order mark is not part of JSON");
    }
    for (bool done = false; !done;) {
        bool whole = false; /* set by read_value when it succeeds; gcc under TSan cannot see it */
        if (!read_value(reader, &whole) || (whole && !end_value(reader, &done))) {
            return false;
        }
    }
    skip_space(reader);
    return reader->at == reader->end ||
           fail(reader, reader->at, ERR_JSON, "there is something behind the end of the value");
}

enum err json_decode(struct arena *arena, struct str text, struct value *out_value,
                     struct error *error)
{
    _Alignas(struct value_entry) char scratch[SCRATCH_BYTES];
    struct reader reader; /* not zeroed as a whole: the frames are many and written before use */
    reader.at = reader.start = text.len == 0 ? "" : text.at;
    reader.end = reader.start + text.len;
    reader.arena = arena;
    reader.error = error;
    reader.err = OK;
    reader.depth = 0;
    reader.scratch = reader.scratch_first = scratch;
    reader.scratch_len = 0;
    reader.scratch_cap = sizeof(scratch);
    if (read_text(&reader)) {
        *out_value = reader.outermost;
    }
    if (reader.scratch != scratch) {
        mem_free(reader.scratch);
    }
    return reader.err;
}
