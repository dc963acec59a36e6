/* Cursors: where a page ended, sealed under the store's key and bound to the question that made it:
 * object type, order, filter, actor. So nothing of a record leaks through it, and a cursor of
 * another question is refused. Pure; any thread. */
#include "query.h"

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"

enum cell { CELL_NULL, CELL_INT, CELL_TEXT, CELL_BYTES };

/* ---- what a cursor belongs to ---- */

static void add_text(struct hasher *hasher, struct str text)
{
    uint64_t len = text.len;
    hash_add(hasher, &len, sizeof(len));
    hash_add(hasher, text.at, text.len);
}

static void add_number(struct hasher *hasher, int64_t number)
{
    hash_add(hasher, &number, sizeof(number));
}

static void add_filter(struct hasher *hasher, const struct filter *filter)
{
    add_number(hasher, (int64_t)filter->kind);
    add_number(hasher, filter->child_count);
    for (int i = 0; i < filter->child_count; i++) {
        add_filter(hasher, filter->children[i]);
    }
    if (filter->kind == FILTER_TEST) {
        struct buf text;
        buf_init(&text);
        add_text(hasher, filter->path);
        add_number(hasher, (int64_t)filter->op);
        for (int i = 0; i < filter->typed_count; i++) {
            json_encode(&text, &filter->typed[i]);
            buf_append_char(&text, '\n');
        }
        add_text(hasher, buf_str(&text));
        buf_deinit(&text);
    }
}

static void question_hash(const struct query *query, unsigned char out[HASH_BYTES])
{
    struct hasher hasher;
    hash_start(&hasher);
    add_text(&hasher, query->type->name);
    add_text(&hasher, query->scope->actor);
    add_number(&hasher, query->archived);
    add_number(&hasher, query->order_count);
    for (int i = 0; i < query->order_count; i++) {
        add_text(&hasher, query->order[i].path);
        add_number(&hasher, query->order[i].descending);
    }
    if (query->filter != NULL) {
        add_filter(&hasher, query->filter);
    }
    hash_end(&hasher, out);
}

/* ---- packing ---- */

static void pack_bytes(struct buf *out, char cell, struct str bytes)
{
    uint16_t len = (uint16_t)bytes.len;
    ASSERT(bytes.len <= UINT16_MAX);
    buf_append_char(out, cell);
    buf_append(out, &len, sizeof(len));
    buf_append_str(out, bytes);
}

static void pack(struct buf *out, const struct value *value)
{
    if (value->kind == VALUE_NULL) {
        buf_append_char(out, CELL_NULL);
    } else if (value->kind == VALUE_TEXT) {
        pack_bytes(out, CELL_TEXT, value->text);
    } else if (value->kind == VALUE_BYTES) {
        pack_bytes(out, CELL_BYTES, value->text);
    } else {
        ASSERT(value->kind == VALUE_INT);
        buf_append_char(out, CELL_INT);
        buf_append(out, &value->integer, sizeof(value->integer));
    }
}

static bool unpack(struct str *rest, struct value *out_value)
{
    if (rest->len == 0) {
        return false;
    }
    char cell = rest->at[0];
    *rest = str_sub(*rest, 1, rest->len);
    uint16_t len = 0;
    switch (cell) {
    case CELL_NULL:
        *out_value = value_null();
        return true;
    case CELL_INT:
        *out_value = value_int(0);
        if (rest->len < sizeof(int64_t)) {
            return false;
        }
        memcpy(&out_value->integer, rest->at, sizeof(int64_t));
        *rest = str_sub(*rest, sizeof(int64_t), rest->len);
        return true;
    case CELL_TEXT:
    case CELL_BYTES:
        if (rest->len < sizeof(len)) {
            return false;
        }
        memcpy(&len, rest->at, sizeof(len));
        if (rest->len < sizeof(len) + len) {
            return false;
        }
        *out_value = value_text(str_sub(*rest, sizeof(len), len));
        out_value->kind = cell == CELL_TEXT ? VALUE_TEXT : VALUE_BYTES;
        *rest = str_sub(*rest, sizeof(len) + len, rest->len);
        return true;
    default:
        return false;
    }
}

struct str cursor_seal(const unsigned char key[KEY_BYTES], const struct query *query,
                       const struct cursor *cursor, struct arena *arena)
{
    unsigned char with[HASH_BYTES];
    struct buf plain, text;
    buf_init(&plain);
    buf_init(&text);
    for (int i = 0; i < cursor->value_count; i++) {
        pack(&plain, &cursor->values[i]);
    }
    question_hash(query, with);
    size_t sealed_len = plain.len + SEAL_OVERHEAD_BYTES;
    unsigned char *sealed = arena_alloc(arena, sealed_len);
    crypto_seal(key, plain.at, plain.len, (struct str){(const char *)with, sizeof(with)}, sealed);
    base64url_encode(&text, sealed, sealed_len);
    struct str out = arena_str(arena, buf_str(&text));
    buf_deinit(&plain);
    buf_deinit(&text);
    return out;
}

/* What the seal let through is ours; still, a store restored under a newer program is read with
 * care. */
static bool cursor_unpack(struct str plain, int count, struct cursor *out_cursor)
{
    out_cursor->value_count = 0;
    for (int i = 0; i < count; i++) {
        if (!unpack(&plain, &out_cursor->values[i])) {
            return false;
        }
        out_cursor->value_count++;
    }
    return plain.len == 0 && out_cursor->values[count - 1].kind == VALUE_INT;
}

enum err cursor_open(const unsigned char key[KEY_BYTES], const struct query *query,
                     struct arena *arena, struct cursor *out_cursor, struct error *error)
{
    unsigned char with[HASH_BYTES];
    struct buf sealed;
    enum err err = ERR_CURSOR;
    buf_init(&sealed);
    question_hash(query, with);
    if (query->after.len <= CURSOR_TEXT_MAX && base64url_decode(&sealed, query->after) == OK &&
        sealed.len > SEAL_OVERHEAD_BYTES) {
        size_t len = sealed.len - SEAL_OVERHEAD_BYTES;
        char *plain = arena_alloc(arena, len);
        struct str bound = {(const char *)with, sizeof(with)};
        if (crypto_open(key, sealed.at, sealed.len, bound, (unsigned char *)plain) == OK &&
            cursor_unpack((struct str){plain, len}, query_part_count(query) + 1, out_cursor)) {
            err = OK;
        }
    }
    buf_deinit(&sealed);
    if (err != OK) {
        return query_error(error, err, STR("after"), STR(""), STR(""),
                           "this cursor is not one of ours, or it belongs to another query, order "
                           "or user");
    }
    return OK;
}
