/* The end of a run's remains: first the journal and the large values of one that ended long ago,
 * then its row. Inside a unit; writer thread. */
#include "care.h"

static enum err drop_journal(struct tx *tx, const struct flow_run *run, struct error *error)
{
    enum err err = OK;
    int64_t row = MAX(run->log, 0);
    while (row != 0 && err == OK) {
        int64_t previous = 0;
        struct value binds[] = {value_int(row)};
        err = FLOW_TX(tx, FLOW_LOG_PREVIOUS, binds, row_integer, &previous, error);
        if (err == OK) {
            err = FLOW_TX(tx, FLOW_LOG_DROP, binds, NULL, NULL, error);
        }
        row = previous;
    }
    return err;
}

static const enum flow_statement whole_run[] = {FLOW_BLOB_DROP_ALL,  FLOW_SOURCE_DROP,
                                                FLOW_ATTRIBUTE_DROP, FLOW_INBOX_DROP_ALL,
                                                FLOW_CALL_DROP_ALL,  FLOW_RUN_DROP};

enum err flow_tx_erase(struct tx *tx, int64_t id, struct error *error)
{
    struct flow_run run;
    struct value binds[] = {value_int(id)};
    enum err err = run_read(tx, id, &run, error);
    if (err != OK || !flow_state_is_end(run.state)) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    err = drop_journal(tx, &run, error);
    for (size_t i = 0; i < COUNT_OF(whole_run) && err == OK; i++) {
        err = FLOW_TX(tx, whole_run[i], binds, NULL, NULL, error);
    }
    return err;
}

enum err care_drop(struct tx *tx, const struct care_drop *drop, int64_t journal_before_ms,
                   int64_t run_before_ms, struct error *error)
{
    static const enum flow_statement journal[] = {FLOW_BLOB_DROP_ALL, FLOW_RUN_FORGET};
    struct flow_run run;
    struct value binds[] = {value_int(drop->run)};
    enum err err = run_read(tx, drop->run, &run, error);
    if (err != OK) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    int64_t before_ms = drop->whole ? run_before_ms : journal_before_ms;
    if (!flow_state_is_end(run.state) || run.updated_ms >= before_ms) {
        return OK;
    }
    err = drop_journal(tx, &run, error);
    const enum flow_statement *statements = drop->whole ? whole_run : journal;
    size_t count = drop->whole ? COUNT_OF(whole_run) : COUNT_OF(journal);
    for (size_t i = 0; i < count && err == OK; i++) {
        err = FLOW_TX(tx, statements[i], binds, NULL, NULL, error);
    }
    return err;
}
