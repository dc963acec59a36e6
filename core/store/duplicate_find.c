/* Candidates of one record: those in its blocks that give points enough, best first. On the writer
 * for a create, on readers for who asks. */
#include "duplicate.h"

#include "proxenos/base_text.h"
#include "query.h"
#include "sqlite/duplicate_sql.h"

#include <math.h>
#include <string.h>

/* The writer has others to serve: a block is looked at less far. */
enum { WRITER_ENTRIES_MAX = 1000 };

/* ---- where records come from ---- */

static enum err load_reader(struct duplicate_source *source, int64_t id, struct arena *arena,
                            struct record **out_record, struct error *error)
{
    (void)error; /* what may not be read is simply not there */
    const struct duplicate_lens *lens = source->lens;
    enum err err =
        reader_get(source->reader, lens->scope, lens->type, id, arena, out_record, error);
    if (err == OK && (*out_record)->values[SYS_ARCHIVED_AT].kind != VALUE_NULL) {
        return ERR_NOT_FOUND;
    }
    return err;
}

void duplicate_from_reader(struct duplicate_source *source, struct reader *reader,
                           const struct duplicate_lens *lens)
{
    *source = (struct duplicate_source){.db = reader_db(reader),
                                        .entries_max = DUPLICATE_BLOCK_ENTRIES_MAX,
                                        .load = load_reader,
                                        .lens = lens,
                                        .reader = reader};
}

static enum err load_tx(struct duplicate_source *source, int64_t id, struct arena *arena,
                        struct record **out_record, struct error *error)
{
    const struct duplicate_lens *lens = source->lens;
    struct unit scratch = {.scope = lens->scope};
    struct tx tx = *source->tx;
    struct record *record = NULL;
    scratch.arena = *arena; /* the unit's own would hold all that was looked at until its end */
    tx.unit = &scratch;
    enum err err = record_row_get(&tx, lens->type, id, &record, error);
    if (err == OK) {
        struct record_head head = record_head_of(record);
        bool seen = !head.archived && record_readable(lens->scope, lens->type, &head);
        err = seen ? OK : ERR_NOT_FOUND;
    }
    *arena = scratch.arena;
    if (err == OK) {
        *out_record = record_for_scope(arena, lens->scope, record);
    }
    return err;
}

void duplicate_from_tx(struct duplicate_source *source, struct tx *tx,
                       const struct duplicate_lens *lens)
{
    *source = (struct duplicate_source){
        .db = tx->db, .entries_max = WRITER_ENTRIES_MAX, .load = load_tx, .lens = lens, .tx = tx};
}

/* ---- looking ---- */

struct candidate {
    int64_t id;
    double points;
};
struct finding {
    struct duplicate_source *source;
    const struct record *of;
    struct duplicate_view view;
    struct arena scratch; /* of one record at a time */
    struct map seen;      /* ids that were compared */
    struct candidate best[DUPLICATE_CANDIDATES_MAX];
    size_t count;
    bool cut;
};

static void keep(struct finding *finding, int64_t id, double points)
{
    size_t at = finding->count;
    while (at > 0 && finding->best[at - 1].points < points) {
        at--;
    }
    if (at == DUPLICATE_CANDIDATES_MAX) {
        return;
    }
    finding->count = MIN(finding->count + 1, (size_t)DUPLICATE_CANDIDATES_MAX);
    memmove(&finding->best[at + 1], &finding->best[at],
            (finding->count - at - 1) * sizeof(finding->best[0]));
    finding->best[at] = (struct candidate){.id = id, .points = points};
}

/* *out_seen: it may be read. compared: how many of its block were so before. */
static enum err weigh(struct finding *finding, int64_t id, size_t compared, bool *out_seen,
                      struct error *error)
{
    struct duplicate_source *source = finding->source;
    struct record *record = NULL;
    struct duplicate_view other;
    bool dismissed = false;
    arena_reset(&finding->scratch);
    enum err err = source->load(source, id, &finding->scratch, &record, error);
    *out_seen = err == OK;
    if (err == OK && compared == DUPLICATE_BLOCK_RECORDS_MAX) {
        finding->cut = true; /* said only when it may be read: hidden ones are not there */
        return OK;
    }
    if (err != OK) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    duplicate_view_make(source->lens, record, &finding->scratch, &other);
    double points = duplicate_points(source->lens, &finding->view, &other, NULL, NULL);
    if (points < source->lens->rules->threshold) {
        return OK;
    }
    if (finding->of->id != 0) {
        err = duplicate_dismissed_is(source->db, finding->of->id, id, &dismissed, error);
    }
    if (err == OK && !dismissed) {
        keep(finding, id, points);
    }
    return err;
}

static enum err look_in_block(struct finding *finding, int64_t key, struct error *error)
{
    struct duplicate_source *source = finding->source;
    size_t most = (size_t)source->entries_max;
    struct duplicate_entry *entries = mem_alloc(most * sizeof(*entries));
    size_t count = 0;
    size_t compared = 0;
    enum err err =
        duplicate_row_block(source->db, source->lens->number, key, most, entries, &count, error);
    for (size_t i = 0; i < count && err == OK && compared <= DUPLICATE_BLOCK_RECORDS_MAX; i++) {
        int64_t id = entries[i].record;
        bool seen = false;
        if (id == finding->of->id || map_get_int(&finding->seen, id) != NULL) {
            continue;
        }
        (void)map_set_int(&finding->seen, id, finding);
        err = weigh(finding, id, compared, &seen, error);
        compared += seen ? 1 : 0;
    }
    mem_free(entries);
    return err;
}

static enum err tell(struct finding *finding, const struct candidate *candidate,
                     struct arena *arena, struct value *list, struct error *error)
{
    struct duplicate_source *source = finding->source;
    const struct duplicate_lens *lens = source->lens;
    struct record *record = NULL;
    struct duplicate_view other;
    struct value fields;
    struct value row = value_map_new();
    enum err err = source->load(source, candidate->id, arena, &record, error);
    if (err != OK) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    duplicate_view_make(lens, record, arena, &other);
    double points = duplicate_points(lens, &finding->view, &other, arena, &fields);
    value_put_c(arena, &row, "id", value_id(candidate->id));
    value_put_c(arena, &row, "title", duplicate_title(record));
    value_put_c(arena, &row, "points", duplicate_number(points));
    value_put_c(arena, &row, "sure", value_bool(points >= lens->rules->sure));
    value_put_c(arena, &row, "fields", fields);
    value_put_c(arena, &row, "record", record_to_value(arena, record));
    value_push(arena, list, row);
    return OK;
}

enum err duplicate_find(struct duplicate_source *source, const struct record *of,
                        struct arena *arena, struct value *out_list, bool *out_cut,
                        struct error *error)
{
    struct finding finding = {.source = source, .of = of};
    int64_t keys[DUPLICATE_BLOCKS_MAX];
    enum err err = OK;
    arena_init(&finding.scratch);
    map_init(&finding.seen);
    duplicate_view_make(source->lens, of, arena, &finding.view);
    duplicate_keys_of(source->lens, of, keys);
    for (int i = 0; i < DUPLICATE_BLOCKS_MAX && err == OK; i++) {
        err = keys[i] != 0 ? look_in_block(&finding, keys[i], error) : OK;
    }
    *out_list = value_list_new();
    for (size_t i = 0; i < finding.count && err == OK; i++) {
        err = tell(&finding, &finding.best[i], arena, out_list, error);
    }
    *out_cut = finding.cut;
    map_deinit(&finding.seen);
    arena_deinit(&finding.scratch);
    return err;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are the public call's
enum err reader_duplicates(struct reader *reader, const struct scope *scope,
                           const struct record *of, struct arena *arena, struct value *out_list,
                           bool *out_cut, struct error *error)
{
    struct duplicate_lens lens;
    struct duplicate_source source;
    const struct object_type *type = of->type;
    bool entered = false;
    *out_list = value_list_new();
    *out_cut = false;
    enum err err = query_root(scope, &type, error);
    if (err != OK || !duplicate_lens_make(&lens, reader_store(reader), scope, type)) {
        return err;
    }
    duplicate_from_reader(&source, reader, &lens);
    err = reader_enter(reader, &entered, error);
    if (err == OK) {
        err = duplicate_find(&source, of, arena, out_list, out_cut, error);
        reader_leave(reader, entered);
    }
    return err;
}

/* ---- on a create ---- */

static enum err refuse(const struct writing *writing, const struct value *list, struct error *error)
{
    const struct value *best = &list->list.items[0];
    struct str title = value_get_text(best, "title", STR(""));
    char id[ID_TEXT_LEN + 1];
    id_format(value_get_c(best, "id")->integer, id);
    return error_set(error, ERR_DUPLICATE,
                     "%zu " STR_FORMAT " record%s may be the same, first %s%s" STR_FORMAT
                     "%s: use it, or say that duplicates are allowed",
                     list->list.count, STR_ARGS(writing->type->name),
                     list->list.count == 1 ? "" : "s", id, title.len > 0 ? " (" : "",
                     STR_ARGS(utf8_cut(title, 80)), title.len > 0 ? ")" : "");
}

enum err duplicate_judge(struct writing *writing, struct value *out_told, struct error *error)
{
    struct tx *tx = writing->tx;
    const struct duplicate_rules *rules = writing->type->duplicates;
    struct duplicate_lens lens;
    struct duplicate_source source;
    struct value list;
    bool cut = false;
    *out_told = value_null();
    if (rules == NULL || rules->on_create == DUPLICATE_OFF || writing->trusted || writing->revert ||
        writing->revival != NULL || writing->draft->allow_duplicates ||
        str_is(tx->scope->via, "system") || !scope_reads(tx->scope, writing->type)) {
        return OK;
    }
    (void)duplicate_lens_make(&lens, tx->store, tx->scope, writing->type);
    duplicate_from_tx(&source, tx, &lens);
    enum err err = duplicate_find(&source, writing->whole, tx_arena(tx), &list, &cut, error);
    if (err != OK || list.list.count == 0) {
        return err;
    }
    if (rules->on_create == DUPLICATE_WARN) {
        *out_told = list;
        return OK;
    }
    tx->unit->candidates = list;
    return refuse(writing, &list, error);
}
