/* What came of a change-set: the entries that one of its own caused, those that these caused, and
 * so on. Writer thread, inside a unit's apply. */
#include "changeset.h"
#include "sqlite/statements.h"

struct looking {
    struct effects *effects;
    struct arena *arena;
    struct map seqs; /* of those found: is this one's cause among them? */
    size_t room;
};

static void add(struct looking *looking, int64_t seq)
{
    struct effects *effects = looking->effects;
    if (effects->count == looking->room) {
        size_t room = looking->room == 0 ? 1024 : looking->room * 2;
        int64_t *wider = ARENA_ARRAY(looking->arena, int64_t, room);
        if (effects->count > 0) {
            memcpy(wider, effects->seqs, effects->count * sizeof(*wider));
        }
        effects->seqs = wider;
        looking->room = room;
    }
    effects->seqs[effects->count++] = seq;
    (void)map_set_int(&looking->seqs, seq, looking);
}

static enum err look(struct looking *looking, struct db_stmt *stmt, int64_t changeset,
                     struct error *error)
{
    int64_t looked = 0;
    bool row = false;
    enum err err = OK;
    while ((err = db_step(stmt, &row, error)) == OK && row) {
        int64_t cause = db_column_int(stmt, 1);
        bool own = db_column_int(stmt, 2) == changeset;
        if (own || (cause != 0 && map_get_int(&looking->seqs, cause) != NULL)) {
            add(looking, db_column_int(stmt, 0));
        }
        if (++looked > EFFECTS_LOOK_MAX || looking->effects->count > CHANGESET_REVERT_MAX) {
            return error_set(error, ERR_LIMIT,
                             looked > EFFECTS_LOOK_MAX
                                 ? "more than %d changes came since: what it led to is looked for "
                                   "among no more; take it back without effects"
                                 : "it led to more than %d changes: take it back without effects",
                             looked > EFFECTS_LOOK_MAX ? EFFECTS_LOOK_MAX : CHANGESET_REVERT_MAX);
        }
    }
    return err;
}

enum err effects_find(struct tx *tx, int64_t changeset, int64_t first_seq, struct effects *out,
                      struct error *error)
{
    struct looking looking = {.effects = out, .arena = tx_arena(tx)};
    struct db_stmt *stmt = NULL;
    *out = (struct effects){0};
    enum err err = db_cached(tx->db, sql_log_causes, &stmt, error);
    if (err != OK) {
        return err;
    }
    map_init(&looking.seqs);
    db_bind_int(stmt, 1, first_seq);
    err = look(&looking, stmt, changeset, error);
    db_done(stmt);
    map_deinit(&looking.seqs);
    return err;
}
