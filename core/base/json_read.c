/* Reading JSON without recursion: open lists and maps stand on a stack of frames, their finished
 * items on a scratch stack, and a container's items move to the arena in one piece when it closes.
 * Any thread. */
#include "proxenos/base_json.h"

#include "json_scan.h"

enum {
    SCRATCH_BYTES = 4096, /* on the thread's stack: enough for most requests */
    LINEAR_KEYS_MAX = 16, /* up to here comparing each key with each is fastest */
    KEY_SLOTS = 2 * 1024, /* a power of two, twice JSON_KEYS_MAX */
};
_Static_assert(KEY_SLOTS >= 2 * JSON_KEYS_MAX, "the set of keys must keep empty slots");

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

static bool refuse_double_key(struct reader *reader, const struct frame *frame, struct str key)
{
    /* A key with escapes is not in the source as it stands here; its object must do. */
    bool in_source = key.at >= reader->start && key.at < reader->end;
    char what[120];
    snprintf(what, sizeof(what), "the key \"%.*s\" stands twice in one object",
             (int)MIN(key.len, (size_t)64), key.at);
    return fail(reader, in_source ? key.at - 1 : frame->opened_at, ERR_JSON, what);
}

static bool unique_linear(struct reader *reader, const struct frame *frame,
                          const struct value_entry *entries)
{
    for (size_t i = 1; i < frame->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (str_eq(entries[i].key, entries[j].key)) {
                return refuse_double_key(reader, frame, entries[i].key);
            }
        }
    }
    return true;
}

static bool unique_hashed(struct reader *reader, const struct frame *frame,
                          const struct value_entry *entries)
{
    uint16_t slots[KEY_SLOTS]; /* index + 1 of an entry; 0 is empty */
    size_t slot_count = 64;
    while (slot_count < frame->count * 2) {
        slot_count *= 2;
    }
    memset(slots, 0, slot_count * sizeof(slots[0]));
    for (size_t i = 0; i < frame->count; i++) {
        size_t slot = str_hash(entries[i].key) & (slot_count - 1);
        for (; slots[slot] != 0; slot = (slot + 1) & (slot_count - 1)) {
            if (str_eq(entries[slots[slot] - 1].key, entries[i].key)) {
                return refuse_double_key(reader, frame, entries[i].key);
            }
        }
        slots[slot] = (uint16_t)(i + 1);
    }
    return true;
}

/* ---- containers ---- */

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
static bool close_container(struct reader *reader, struct value *out_value)
{
    const struct frame *frame = &reader->frames[reader->depth - 1];
    const char *items = reader->scratch + frame->scratch_from;
    size_t bytes = reader->scratch_len - frame->scratch_from;
    if (frame->map) {
        const struct value_entry *entries = (const struct value_entry *)(const void *)items;
        bool unique = frame->count <= LINEAR_KEYS_MAX ? unique_linear(reader, frame, entries)
                                                      : unique_hashed(reader, frame, entries);
        if (!unique) {
            return false;
        }
    }
    void *kept = bytes == 0 ? NULL : arena_dup(reader->arena, items, bytes);
    *out_value = (struct value){.kind = frame->map ? VALUE_MAP : VALUE_LIST};
    if (frame->map) {
        out_value->map.entries = kept;
        out_value->map.count = frame->count;
    } else {
        out_value->list.items = kept;
        out_value->list.count = frame->count;
    }
    reader->scratch_len = frame->scratch_from;
    reader->depth--;
    reader->at++;
    return true;
}

/* The key and colon of the next entry, whose value is filled in when it is known. */
static bool read_key(struct reader *reader, struct frame *frame)
{
    if (frame->count == JSON_KEYS_MAX) {
        return fail(reader, reader->at, ERR_LIMIT, "an object has more than 1024 keys");
    }
    if (reader->at == reader->end || *reader->at != '"') {
        return fail(reader, reader->at, ERR_JSON, "a key in double quotes was expected");
    }
    struct value_entry *entry = scratch_push(reader, sizeof(*entry));
    struct scan scan = scan_string(reader->at + 1, reader->end, reader->arena, &entry->key);
    if (scan.fault != NULL) {
        return fail(reader, scan.at, scan.err, scan.fault);
    }
    reader->at = scan.at;
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != ':') {
        return fail(reader, reader->at, ERR_JSON, "a colon was expected after the key");
    }
    reader->at++;
    frame->count++;
    return true;
}

static inline void keep_item(struct reader *reader, struct frame *frame, const struct value *value)
{
    if (frame->map) {
        char *top = reader->scratch + reader->scratch_len - sizeof(struct value_entry);
        ((struct value_entry *)(void *)top)->value = *value;
    } else {
        *(struct value *)scratch_push(reader, sizeof(*value)) = *value;
        frame->count++;
    }
}

/* ---- values ---- */

static bool read_word(struct reader *reader, struct str word, struct value value,
                      struct value *out_value)
{
    struct str rest = {reader->at, (size_t)(reader->end - reader->at)};
    if (!str_starts(rest, word)) {
        return fail(reader, reader->at, ERR_JSON, "a value was expected");
    }
    reader->at += word.len;
    *out_value = value;
    return true;
}

static bool read_scalar(struct reader *reader, struct value *out_value)
{
    struct scan scan;
    switch (*reader->at) {
    case '"': {
        struct str text;
        scan = scan_string(reader->at + 1, reader->end, reader->arena, &text);
        *out_value = value_text(scan.fault == NULL ? text : STR(""));
        break;
    }
    case 't':
        return read_word(reader, STR("true"), value_bool(true), out_value);
    case 'f':
        return read_word(reader, STR("false"), value_bool(false), out_value);
    case 'n':
        return read_word(reader, STR("null"), value_null(), out_value);
    default:
        if (*reader->at != '-' && (*reader->at < '0' || *reader->at > '9')) {
            return fail(reader, reader->at, ERR_JSON, "a value was expected");
        }
        scan = scan_number(reader->at, reader->end, out_value);
        break;
    }
    if (scan.fault != NULL) {
        return fail(reader, scan.at, scan.err, scan.fault);
    }
    reader->at = scan.at;
    return true;
}

/* Reads up to the next whole value: a scalar or an empty container. *out_whole is false when a
 * container was opened whose first item comes next. */
static bool read_value(struct reader *reader, struct value *out_value, bool *out_whole)
{
    skip_space(reader);
    if (reader->at == reader->end) {
        return fail(reader, reader->at, ERR_JSON, "the text ends where a value was expected");
    }
    char c = *reader->at;
    *out_whole = true;
    if (c != '{' && c != '[') {
        return read_scalar(reader, out_value);
    }
    if (!open_container(reader, c == '{')) {
        return false;
    }
    skip_space(reader);
    if (reader->at < reader->end && *reader->at == (c == '{' ? '}' : ']')) {
        return close_container(reader, out_value);
    }
    *out_whole = false;
    return c == '[' || read_key(reader, &reader->frames[reader->depth - 1]);
}

/* Puts a whole value into its container and closes all containers that end behind it. *out_done
 * when the outermost value is whole; otherwise another item comes. */
static bool place_value(struct reader *reader, struct value *value, bool *out_done)
{
    while (reader->depth > 0) {
        struct frame *frame = &reader->frames[reader->depth - 1];
        keep_item(reader, frame, value);
        skip_space(reader);
        char c = reader->at < reader->end ? *reader->at : '\0';
        if (c == ',') {
            reader->at++;
            skip_space(reader);
            *out_done = false;
            return !frame->map || read_key(reader, frame);
        }
        if (c != (frame->map ? '}' : ']')) {
            return fail(reader, reader->at, ERR_JSON,
                        frame->map ? "a comma or } was expected" : "a comma or ] was expected");
        }
        if (!close_container(reader, value)) {
            return false;
        }
    }
    *out_done = true;
    return true;
}

static bool read_text(struct reader *reader, struct value *out_value)
{
    if (str_starts((struct str){reader->at, (size_t)(reader->end - reader->at)},
                   STR("\xEF\xBB\xBF"))) {
        return fail(reader, reader->at, ERR_JSON, "a byte order mark is not part of JSON");
    }
    for (bool done = false; !done;) {
        bool whole;
        if (!read_value(reader, out_value, &whole) ||
            (whole && !place_value(reader, out_value, &done))) {
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
    struct value value;
    if (read_text(&reader, &value)) {
        *out_value = value;
    }
    if (reader.scratch != scratch) {
        mem_free(reader.scratch);
    }
    return reader.err;
}
