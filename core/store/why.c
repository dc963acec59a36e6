/* Why a field holds what it holds: the newest log entry that set it, and what caused that. The
 * reader's thread. */
#include "proxenos/store_history.h"

#include "log.h"
#include "proxenos/base_json.h"
#include "query.h"

struct search {
    const struct why *why;
    struct arena arena; /* of one payload */
    bool found, erased;
};

static bool is_creation(const struct search *search, const struct log_entry *entry)
{
    return str_eq(entry->object, search->why->type->name) && str_ends(entry->type, STR(".created"));
}

/* Newest first: the first entry whose `after` names the field is the one. Below it all, the entry
 * that made the record answers for fields that were never set. */
static enum err look(void *context, const struct log_entry *entry, struct error *error)
{
    struct search *search = context;
    struct value payload = value_null();
    arena_reset(&search->arena);
    if (json_decode(&search->arena, entry->payload, &payload, NULL) != OK) {
        return error_set(error, ERR_CORRUPT, "the payload of entry %lld is not JSON",
                         (long long)entry->seq);
    }
    const struct value *after = value_get_c(&payload, "after");
    bool sets = after != NULL && value_get(after, search->why->field->name) != NULL;
    if (entry->erased && !sets && field_personal(search->why->type, search->why->field)) {
        search->erased = true; /* it may have been here: nobody can tell any more */
        return ERR_CANCELLED;
    }
    if (!sets && !is_creation(search, entry)) {
        return OK;
    }
    search->found = true;
    enum err err = search->why->entry(search->why->context, entry, error);
    return err == OK ? ERR_CANCELLED : err; /* this file's own sign for "enough" */
}

static enum err find(struct search *search, struct reader *reader, const struct scope *scope,
                     struct error *error)
{
    struct log_query query = {
        .object = search->why->type->name, .record = search->why->id, .newest_first = true};
    int64_t last = 0;
    struct error stopped = {0};
    enum err err = reader_log(reader, scope, &query, look, search, &last, &stopped);
    if (err != OK && err != ERR_CANCELLED) {
        if (error != NULL) {
            *error = stopped;
        }
        return err;
    }
    if (search->erased) {
        return error_set(error, ERR_ERASED, "what set " STR_FORMAT " has been erased",
                         STR_ARGS(search->why->field->name));
    }
    if (!search->found) {
        char text[ID_TEXT_LEN + 1];
        id_format(search->why->id, text);
        return error_at(error, ERR_NOT_FOUND, NULL, text, "there is no " STR_FORMAT " %s",
                        STR_ARGS(search->why->type->name), text);
    }
    return OK;
}

/* ---- causes ---- */

struct chain {
    const struct why *why;
    int64_t seq, cause;
    bool seen;
};

static enum err raw_cause(void *context, const struct log_entry *entry, struct error *error)
{
    struct chain *chain = context;
    (void)error;
    chain->cause = entry->seq == chain->seq ? entry->cause : 0;
    return OK;
}

static enum err show_cause(void *context, const struct log_entry *entry, struct error *error)
{
    struct chain *chain = context;
    chain->seen = true;
    return chain->why->entry(chain->why->context, entry, error);
}

/* Causes are hidden from those without the audit grant as numbers; what they lead to is shown where
 * it may be read. An entry that may not be read ends the chain. */
static enum err tell_causes(const struct why *why, struct reader *reader, const struct scope *scope,
                            int64_t seq, struct error *error)
{
    struct chain chain = {.why = why, .seq = seq, .seen = true};
    for (int depth = 0; depth < CAUSE_DEPTH_MAX && chain.seen; depth++) {
        int64_t last = 0;
        enum err err = reader_log_raw(reader, chain.seq - 1, 1, raw_cause, &chain, error);
        if (err != OK || chain.cause == 0) {
            return err;
        }
        chain.seq = chain.cause;
        chain.seen = false;
        struct log_query query = {.after = chain.seq - 1, .limit = 1, .look_max = 1};
        err = reader_log(reader, scope, &query, show_cause, &chain, &last, error);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

struct telling {
    const struct why *why;
    int64_t seq;
};

static enum err first_told(void *context, const struct log_entry *entry, struct error *error)
{
    struct telling *telling = context;
    telling->seq = entry->seq;
    return telling->why->entry(telling->why->context, entry, error);
}

enum err reader_why(struct reader *reader, const struct scope *scope, const struct why *why,
                    struct error *error)
{
    bool entered = false;
    struct why own = *why;
    enum err err = query_root(scope, &own.type, error);
    if (err == OK) {
        err = reader_enter(reader, &entered, error);
    }
    if (err != OK) {
        return err;
    }
    struct telling telling = {.why = why};
    struct why through = own;
    through.entry = first_told;
    through.context = &telling;
    struct search search = {.why = &through};
    arena_init(&search.arena);
    err = find(&search, reader, scope, error);
    arena_deinit(&search.arena);
    if (err == OK) {
        err = tell_causes(&own, reader, scope, telling.seq, error);
    }
    reader_leave(reader, entered);
    return err;
}
