/* Lines over a record between two others: who reports to whom, said by affiliations. An acyclic
 * line leads from one of its records to another, within a third, while it is open; no one is found
 * above himself. Writer thread. */
#include "query.h"
#include "record_write.h"

#include <stdio.h>

enum {
    LINE_NODES_MAX = 256, /* that one walk looks at */
    LINE_ROWS_MAX = 64    /* lines that begin at one of them */
};

struct node {
    int64_t id;
    int below; /* index of the one that led here */
};

struct walk {
    struct writing *writing;
    const struct field *to, *from, *within, *unless; /* the last two may be NULL */
    struct node nodes[LINE_NODES_MAX];
    int count;
};

static const struct field *named(const struct writing *writing, struct str name)
{
    return name.len > 0 ? object_field(writing->type, name) : NULL;
}

/* Says something now, in the same whole. */
static bool counts(const struct walk *walk, const struct record *row)
{
    const struct record *whole = walk->writing->whole;
    if (row->values[SYS_ARCHIVED_AT].kind != VALUE_NULL) {
        return false;
    }
    if (walk->unless != NULL && row->values[walk->unless->index].kind != VALUE_NULL) {
        return false;
    }
    return walk->within == NULL ||
           value_equal(&row->values[walk->within->index], &whole->values[walk->within->index]);
}

static enum err add_name(struct walk *walk, int64_t id, struct buf *out, struct error *error)
{
    struct tx *tx = walk->writing->tx;
    const struct object_type *type = schema_object(tx->schema, walk->to->to);
    struct record *record = NULL;
    enum err err = record_row_get(tx, type, id, &record, error);
    buf_append_str(out, out->len > 0 ? STR(" → ") : STR(""));
    if (err == OK) {
        record_name(tx->scope, record, out);
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* From the line's beginning over the last node back to it. */
static enum err refuse(struct walk *walk, int last, struct error *error)
{
    int way[LINE_NODES_MAX];
    int count = 0;
    char pointer[64];
    struct buf path;
    enum err err = OK;
    for (int at = last; at != 0; at = walk->nodes[at].below) {
        way[count++] = at;
    }
    buf_init(&path);
    err = add_name(walk, walk->nodes[0].id, &path, error);
    for (int i = count - 1; i >= 0 && err == OK && path.len < 300; i--) {
        err = add_name(walk, walk->nodes[way[i]].id, &path, error);
    }
    if (err == OK) {
        err = add_name(walk, walk->nodes[0].id, &path, error);
    }
    (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(walk->to->name));
    if (err == OK) {
        err = error_at(error, ERR_CYCLE, pointer, NULL,
                       STR_FORMAT " would lead back to where it begins: " STR_FORMAT,
                       STR_ARGS(walk->to->name), STR_ARGS(buf_str(&path)));
    }
    buf_deinit(&path);
    return err;
}

static enum err add_node(struct walk *walk, int64_t id, int below, struct error *error)
{
    for (int i = 0; i < walk->count; i++) {
        if (walk->nodes[i].id == id) {
            return OK;
        }
    }
    if (walk->count == LINE_NODES_MAX) {
        return error_set(error, ERR_LIMIT, "more than %d stand above this one by " STR_FORMAT,
                         LINE_NODES_MAX, STR_ARGS(walk->to->name));
    }
    walk->nodes[walk->count++] = (struct node){.id = id, .below = below};
    return OK;
}

static enum err follow(struct walk *walk, int at, struct error *error)
{
    struct writing *writing = walk->writing;
    struct referrers lines = {.type = writing->type, .field = walk->from};
    enum err err =
        record_row_referrers(writing->tx, &lines, walk->nodes[at].id, LINE_ROWS_MAX, error);
    for (size_t i = 0; i < lines.count && err == OK; i++) {
        struct record *row = NULL;
        if (lines.ids[i] == writing->draft->id) {
            continue; /* as it was before */
        }
        err = record_row_get(writing->tx, writing->type, lines.ids[i], &row, error);
        if (err != OK || !counts(walk, row) || row->values[walk->to->index].kind != VALUE_ID) {
            err = err == ERR_NOT_FOUND ? OK : err;
            continue;
        }
        int64_t next = row->values[walk->to->index].integer;
        err = next == walk->nodes[0].id ? refuse(walk, at, error) : add_node(walk, next, at, error);
    }
    return err;
}

enum err record_check_line(struct writing *writing, const struct field *field, struct error *error)
{
    struct walk walk = {.writing = writing,
                        .to = field,
                        .from = named(writing, field->line_from),
                        .within = named(writing, field->line_within),
                        .unless = named(writing, field->line_unless)};
    const struct field *parts[] = {walk.to, walk.from, walk.within, walk.unless};
    bool changed = writing->changed[SYS_ARCHIVED_AT];
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        changed = changed || (parts[i] != NULL && writing->changed[parts[i]->index]);
    }
    const struct value *to = &writing->whole->values[field->index];
    const struct value *from = &writing->whole->values[walk.from->index];
    if (!changed || to->kind != VALUE_ID || from->kind != VALUE_ID ||
        !counts(&walk, writing->whole)) {
        return OK;
    }
    walk.nodes[walk.count++] = (struct node){.id = from->integer};
    if (from->integer == to->integer) {
        return refuse(&walk, 0, error);
    }
    walk.nodes[walk.count++] = (struct node){.id = to->integer};
    enum err err = OK;
    for (int at = 1; at < walk.count && err == OK; at++) {
        err = follow(&walk, at, error);
    }
    return err;
}
