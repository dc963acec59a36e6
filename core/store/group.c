/* One group of units: one transaction, one fsync. Units are applied one after the other; one that
 * fails is undone alone: it had changed nothing yet, or the group is applied again with a savepoint
 * around each. When a failure takes the whole transaction with it (SQLITE_FULL does), the others
 * are run again one by one; on a full disk all are told (contract 1). Writer thread. */
#include "writer.h"

static void restart_heads(struct writer *writer, const struct log_head *head,
                          const struct log_head *access_head)
{
    writer->head = *head;
    writer->access_head = *access_head;
    schema_unref(writer->publish);
    writer->publish = NULL;
}

static void fail_unit(struct unit *unit, const struct error *error)
{
    unit->err = error->err;
    unit->error = *error;
    unit->error.next = NULL; /* a chain lives in the arena of the unit that made it */
    unit->first_seq = unit->last_seq = 0;
}

static void fail_all(struct unit **units, int count, const struct error *error)
{
    for (int i = 0; i < count; i++) {
        fail_unit(units[i], error);
    }
}

/* Keys first: an entry whose key is lost could never be opened again. */
static enum err commit(struct writer *writer, struct error *error)
{
    enum err err = seal_before_commit(writer->store, error);
    if (err == OK) {
        int64_t before = writer_now_ns(writer);
        err = db_commit(writer->db, error);
        int64_t took = writer_now_ns(writer) - before;
        writer->commit_ns = took;
        enum { AVERAGE_OVER = 16 };
        (void)pthread_mutex_lock(&writer->lock);
        writer->stats.commit_ns_last = took;
        writer->stats.fsync_ns_average += (took - writer->stats.fsync_ns_average) / AVERAGE_OVER;
        (void)pthread_mutex_unlock(&writer->lock);
    }
    if (err != OK) {
        db_rollback(writer->db);
    }
    return err;
}

/* As long as a commit takes, work may take too: on a slow disk small groups would only wait longer,
 * each for its own fsync. */
static int64_t group_work_ns(const struct writer *writer)
{
    return MAX(GROUP_WORK_NS, MIN(writer->commit_ns, GROUP_WORK_NS_MAX));
}

/* Applies units from `from` on into the open transaction; returns how many there are now. Takes
 * more from the queue while time and room are left. *out_lost is the unit under which the
 * transaction was lost, or -1. */
static int apply_group(struct writer *writer, const struct schema *schema, int *out_lost)
{
    int64_t started = writer_now_ns(writer);
    int count = 0;
    *out_lost = -1;
    while (count < writer->group_max) {
        if (list_empty(&writer->taken) && !writer_take(writer)) {
            break;
        }
        struct unit *unit = CONTAINER_OF(list_first(&writer->taken), struct unit, queued);
        if (unit->alone && count > 0) {
            break;
        }
        list_remove(&unit->queued);
        writer->group[count++] = unit;
        unit->err = unit_apply(writer, schema, unit);
        if (!db_in_transaction(writer->db)) {
            *out_lost = count - 1;
            break;
        }
        if (writer->spoiled || unit->alone ||
            writer_now_ns(writer) - started >= group_work_ns(writer)) {
            break;
        }
    }
    return count;
}

/* The access entries that have gathered go with a group that is committed anyway. */
static int add_access(struct writer *writer, const struct schema *schema, int count, int *out_lost)
{
    bool whole = *out_lost < 0 && !writer->spoiled;
    struct unit *unit = whole ? access_unit(writer->store->access) : NULL;
    if (unit == NULL) {
        return count;
    }
    writer->group[count] = unit;
    unit->err = unit_apply(writer, schema, unit);
    if (!db_in_transaction(writer->db)) {
        *out_lost = count;
    }
    return count + 1;
}

/* One unit in a transaction of its own, after the group's was lost. */
static void run_single(struct writer *writer, const struct schema *schema, struct unit *unit)
{
    struct log_head head = writer->head;
    struct log_head access_head = writer->access_head;
    struct error error = {0};
    enum err err = db_begin(writer->db, true, &error);
    writer->guarded = true;
    if (err == OK) {
        unit->err = unit_apply(writer, schema, unit);
        if (!db_in_transaction(writer->db)) {
            restart_heads(writer, &head, &access_head);
            return;
        }
        err = commit(writer, &error);
    }
    if (err != OK) {
        restart_heads(writer, &head, &access_head);
        fail_unit(unit, &error);
    }
}

static void run_again(struct writer *writer, const struct schema *schema, int count, int lost)
{
    for (int i = 0; i < count; i++) {
        if (i != lost) {
            run_single(writer, schema, writer->group[i]);
        }
    }
}

/* The group again, each unit under its savepoint, because one failed after it had changed
 * something: the others must not carry that along. *out_lost as apply_group's. */
static enum err apply_guarded(struct writer *writer, const struct schema *schema, int count,
                              int *out_lost, struct error *error)
{
    db_rollback(writer->db);
    writer->guarded = true;
    writer->spoiled = false;
    writer->guarded_groups = GUARDED_GROUPS;
    enum err err = db_begin(writer->db, true, error);
    for (int i = 0; i < count && err == OK && *out_lost < 0; i++) {
        struct unit *unit = writer->group[i];
        unit->err = unit_apply(writer, schema, unit);
        *out_lost = db_in_transaction(writer->db) ? -1 : i;
    }
    return err;
}

/* A savepoint costs a copy of every page that a unit touches, and most units succeed or fail before
 * they change anything. So a group is first applied without; after one that was spoiled the next
 * ones are guarded, so that units which fail halfway cost their group twice but rarely. */
static void choose_guard(struct writer *writer)
{
    writer->spoiled = false;
    writer->guarded = writer->guarded_groups > 0;
    writer->guarded_groups -= writer->guarded ? 1 : 0;
}

int group_run(struct writer *writer, const struct schema *schema)
{
    struct log_head head = writer->head;
    struct log_head access_head = writer->access_head;
    struct error error = {0};
    int lost = -1;
    enum err err = db_begin(writer->db, true, &error);
    if (err != OK) {
        int count = 0;
        while (count < writer->group_max && !list_empty(&writer->taken)) {
            writer->group[count++] = CONTAINER_OF(list_pop(&writer->taken), struct unit, queued);
        }
        fail_all(writer->group, count, &error);
        return count;
    }
    choose_guard(writer);
    int count = apply_group(writer, schema, &lost);
    count = add_access(writer, schema, count, &lost);
    if (lost < 0 && writer->spoiled) {
        restart_heads(writer, &head, &access_head);
        err = apply_guarded(writer, schema, count, &lost, &error);
    }
    if (err == OK && lost >= 0) {
        error = writer->group[lost]->error;
        err = writer->group[lost]->err;
        ASSERT(err != OK);
    } else if (err == OK) {
        err = commit(writer, &error);
    }
    if (err == OK) {
        return count;
    }
    restart_heads(writer, &head, &access_head);
    if (err == ERR_DISK_FULL || (count == 1 && lost < 0)) {
        fail_all(writer->group, count, &error);
    } else {
        run_again(writer, schema, count, lost);
    }
    return count;
}
