/* The bus's own tables and all its SQL. */
#include "internal.h"
#include "proxenos/store_erasure.h"

static const char *const migrations[] = {
    "create table bus_subscription (name text primary key, plugin text not null, pattern text not "
    "null,"
    " position integer not null, created_at integer not null) without rowid;"
    "create table bus_done (subscription text not null, seq integer not null, previous integer not "
    "null, primary key "
    "(subscription, seq)) without rowid;"
    "create table bus_parked (subscription text not null, seq integer not null, key text not null, "
    "attempts integer not null,"
    " due_at integer not null, state text not null, code text, error text, primary key "
    "(subscription, seq)) without rowid;"
    "create table bus_dead (id integer primary key, subscription text not null, seq integer not "
    "null, type text not null,"
    " attempts integer not null, code text not null, error text not null, traceback text not null, "
    "at integer not null);"
    "create index bus_dead_subscription on bus_dead (subscription, id);",
    "alter table bus_dead add column key text not null default '';"
    "create table bus_pause (subscription text primary key, by text not null, why text not null,"
    " at integer not null) without rowid;",
    "create table bus_schedule (name text primary key, plugin text not null, cron text not null,"
    " zone text not null, missed text not null, next_at integer not null, last_at integer,"
    " ran_at integer, failed_at integer, error text) without rowid;"
    "create table bus_delayed (id integer primary key, due_at integer not null, plugin text not "
    "null, type text not null, data text not null, actor text not null, via text not null);"
    "create index bus_delayed_due on bus_delayed (due_at, id);"
    "create table bus_dedup (plugin text not null, word text not null, at integer not null, "
    "primary key (plugin, word)) without rowid;"
    "create index bus_dedup_at on bus_dedup (at);",
    "alter table bus_dead add column compartment text not null default '';",
    "alter table bus_delayed add column compartment text not null default '';",
};

/* ?: ",key,key," of the compartments that the asker is inside of, "*" for all. */
#define SEEN(keys)                                                                                 \
    "(compartment = '' or " keys " = '*' or instr(" keys ", ',' || compartment || ',') > 0)"

static const struct table_statement statements[BUS_STATEMENT_COUNT] = {
    [BUS_SUBSCRIPTION_MAKE] = {"subscription_make",
                               "insert into bus_subscription (name, plugin, pattern, position, "
                               "created_at) values (?1, ?2, ?3, ?4, ?5)"
                               " on conflict (name) do update set plugin = ?2, pattern = ?3"},
    [BUS_SUBSCRIPTION_GET] = {"subscription_get",
                              "select position from bus_subscription where name = ?1"},
    [BUS_POSITION_GET] = {"position_get", "select position from bus_subscription where name = ?1"},
    [BUS_POSITION_SET] =
        {"position_set",
         "update bus_subscription set position = ?2 where name = ?1 and position < ?2"},
    [BUS_POSITION_MOVE] = {"position_move",
                           "update bus_subscription set position = ?2 where name = ?1 and "
                           "position < ?2 and position >= ?3"},
    [BUS_POSITION_BACK] = {"position_back",
                           "update bus_subscription set position = ?2 where name = ?1"},
    [BUS_DONE_ADD] = {"done_add", "insert into bus_done (subscription, seq, previous) values (?1, "
                                  "?2, ?3) on conflict do nothing"},
    [BUS_DONE_NEXT] = {"done_next", "select seq from bus_done where subscription = ?1 and seq > ?2 "
                                    "and previous <= ?2 order by seq limit 1"},
    [BUS_DONE_LIST] = {"done_list", "select seq from bus_done where subscription = ?1"},
    [BUS_DONE_DROP] = {"done_drop", "delete from bus_done where subscription = ?1 and seq <= ?2"},
    [BUS_DONE_FORGET] = {"done_forget",
                         "delete from bus_done where subscription = ?1 and seq >= ?2"},
    [BUS_PARK] =
        {"park",
         "insert into bus_parked (subscription, seq, key, attempts, due_at, state, code, error)"
         " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict (subscription, seq) do update set"
         " attempts = ?4, due_at = ?5, state = ?6, code = ?7, error = ?8"},
    [BUS_PARKED_LIST] = {"parked_list", "select seq, key, attempts, due_at, state from bus_parked "
                                        "where subscription = ?1 order by seq"},
    [BUS_PARKED_GET] = {"parked_get", "select key, state from bus_parked where subscription = ?1 "
                                      "and seq = ?2"},
    [BUS_PARKED_DROP] = {"parked_drop",
                         "delete from bus_parked where subscription = ?1 and seq = ?2"},
    [BUS_PARKED_FORGET] = {"parked_forget",
                           "delete from bus_parked where subscription = ?1 and seq >= ?2"},
    [BUS_DEAD_ADD] = {"dead_add", "insert into bus_dead (id, subscription, seq, type, attempts, "
                                  "code, error, traceback, at, key, compartment)"
                                  " values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"},
    /* ?3: of this subscription; ?4: of those whose name begins so. */
    [BUS_DEAD_LIST] = {"dead_list",
                       "select id, subscription, seq, type, attempts, code, error, traceback, key, "
                       "at from bus_dead where (?1 = 0 or id < ?1) and (?3 = '' or subscription = "
                       "?3) and substr(subscription, 1, length(?4)) = ?4 and " SEEN(
                           "?5") " order by id desc limit "
                                 "?2"},
    [BUS_DEAD_GET] = {"dead_get", "select id, subscription, seq, type, attempts, code, error, "
                                  "traceback, key, at from bus_dead where id = ?1 and " SEEN("?2")},
    [BUS_DEAD_FIND] = {"dead_find",
                       "select d.subscription, d.seq, d.type, coalesce(p.key, d.key) "
                       "from bus_dead d left join bus_parked p on p.subscription = "
                       "d.subscription and p.seq = d.seq where d.id = ?1 and " SEEN("?2")},
    [BUS_DEAD_COUNT] = {"dead_count", "select count(*) from bus_dead where subscription = ?1"},
    [BUS_SUBSCRIPTION_DROP] = {"subscription_drop", "delete from bus_subscription where name = ?1"},
    [BUS_DONE_DROP_ALL] = {"done_drop_all", "delete from bus_done where subscription = ?1"},
    [BUS_PARKED_DROP_ALL] = {"parked_drop_all", "delete from bus_parked where subscription = ?1"},
    [BUS_DEAD_DROP_ALL] = {"dead_drop_all", "delete from bus_dead where subscription = ?1"},
    [BUS_DEAD_DROP] = {"dead_drop", "delete from bus_dead where id = ?1"},
    [BUS_DEAD_FORGET] = {"dead_forget",
                         "delete from bus_dead where subscription = ?1 and seq >= ?2"},
    [BUS_PAUSE_PUT] = {"pause_put",
                       "insert into bus_pause (subscription, by, why, at) values (?1, ?2, ?3, ?4)"
                       " on conflict (subscription) do update set by = ?2, why = ?3, at = ?4"},
    [BUS_PAUSE_GET] = {"pause_get", "select by, why, at from bus_pause where subscription = ?1"},
    [BUS_PAUSE_DROP] = {"pause_drop", "delete from bus_pause where subscription = ?1"},
    [BUS_STORED_LIST] =
        {"stored_list", "select s.name, s.plugin, s.pattern, s.position, (select count(*) from "
                        "bus_parked k where k.subscription = s.name), (select count(*) from "
                        "bus_dead d where d.subscription = s.name), p.by, p.why, p.at from "
                        "bus_subscription s left join bus_pause p on p.subscription = s.name where "
                        "?1 = '' or s.name = ?1 order by s.name"},
    /* Another expression or zone begins anew. */
    [BUS_SCHEDULE_MAKE] = {"schedule_make",
                           "insert into bus_schedule (name, plugin, cron, zone, missed, next_at) "
                           "values (?1, ?2, ?3, ?4, ?5, ?6) on conflict (name) do update set "
                           "plugin = ?2, missed = ?5, next_at = case when cron = ?3 and zone = ?4 "
                           "then next_at else ?6 end, cron = ?3, zone = ?4"},
    [BUS_SCHEDULE_GET] = {"schedule_get", "select next_at, last_at, ran_at, failed_at, error from "
                                          "bus_schedule where name = ?1"},
    [BUS_SCHEDULE_NEXT] = {"schedule_next", "update bus_schedule set next_at = ?2, last_at = "
                                            "coalesce(?3, last_at) where name = ?1"},
    [BUS_SCHEDULE_RAN] = {"schedule_ran", "update bus_schedule set ran_at = ?2 where name = ?1"},
    [BUS_SCHEDULE_FAILED] = {"schedule_failed",
                             "update bus_schedule set failed_at = ?2, error = ?3 "
                             "where name = ?1"},
    [BUS_SCHEDULE_LIST] = {"schedule_list",
                           "select s.name, s.plugin, s.cron, s.zone, s.missed, s.last_at, s.ran_at,"
                           " s.failed_at, s.error, p.by, p.why, p.at from bus_schedule s left join "
                           "bus_pause p on p.subscription = s.name order by s.name"},
    [BUS_SCHEDULE_DROP] = {"schedule_drop", "delete from bus_schedule where name = ?1"},
    [BUS_DELAYED_ADD] = {"delayed_add",
                         "insert into bus_delayed (id, due_at, plugin, type, data, actor, via, "
                         "compartment) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [BUS_DELAYED_FIRST] = {"delayed_first", "select due_at from bus_delayed order by due_at limit "
                                            "1"},
    [BUS_DELAYED_DUE] =
        {"delayed_due",
         "select id, type, data, actor, via, compartment from bus_delayed where due_at <= ?1 "
         "order by due_at, id limit ?2"},
    [BUS_DELAYED_DROP] = {"delayed_drop", "delete from bus_delayed where id = ?1"},
    [BUS_PLUGIN_NAMES] = {"plugin_names",
                          "select name from bus_subscription where plugin = ?1 union "
                          "select name from bus_schedule where plugin = ?1"},
    [BUS_PLUGIN_DELAYED_DROP] = {"plugin_delayed_drop",
                                 "delete from bus_delayed where plugin = ?1"},
    [BUS_PLUGIN_DEDUP_DROP] = {"plugin_dedup_drop", "delete from bus_dedup where plugin = ?1"},
    [BUS_DEDUP_PUT] = {"dedup_put", "insert into bus_dedup (plugin, word, at) values (?1, ?2, ?3) "
                                    "on conflict (plugin, word) do nothing"},
    [BUS_DEAD_SEARCH] = {"dead_search", "select id, error, traceback, key from bus_dead where (?1 "
                                        "is null or id > ?1) order by id limit 500"},
    [BUS_DEAD_ERASE] = {"dead_erase", "update bus_dead set error = '', traceback = '', key = '' "
                                      "where id = ?1"},
    [BUS_PARKED_SEARCH] = {"parked_search",
                           "select subscription, seq, key, error from bus_parked where (?1 is null "
                           "or (subscription, seq) > (?1, ?2)) order by subscription, seq limit "
                           "500"},
    /* A key of its own: what is left of it need not wait for anything. */
    [BUS_PARKED_ERASE] = {"parked_erase", "update bus_parked set key = 'erased ' || seq, error = "
                                          "null where subscription = ?1 and seq = ?2"},
    [BUS_DELAYED_SEARCH] = {"delayed_search", "select id, data from bus_delayed where (?1 is null "
                                              "or id > ?1) order by id limit 500"},
    [BUS_DEDUP_SEARCH] = {"dedup_search",
                          "select plugin, word, word from bus_dedup where (?1 is null or (plugin, "
                          "word) > (?1, ?2)) order by plugin, word limit 500"},
    [BUS_DEDUP_ERASE] = {"dedup_erase", "delete from bus_dedup where plugin = ?1 and word = ?2"},
    [BUS_SCHEDULE_SEARCH] = {"schedule_search",
                             "select name, error from bus_schedule where (?1 is null or name > ?1) "
                             "order by name limit 500"},
    [BUS_SCHEDULE_ERASE] = {"schedule_erase", "update bus_schedule set error = '' where name = ?1"},
    [BUS_DEDUP_SWEEP] = {"dedup_sweep", "delete from bus_dedup where at <= ?1"},
};

const struct table_module bus_tables = {
    .prefix = "bus_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = BUS_STATEMENT_COUNT,
};

/* What an erasure looks through. */
static const struct erasure_part parts[] = {
    {.name = "dead_letters",
     .tables = &bus_tables,
     .find = BUS_DEAD_SEARCH,
     .purge = BUS_DEAD_ERASE,
     .key_count = 1},
    {.name = "parked_events",
     .tables = &bus_tables,
     .find = BUS_PARKED_SEARCH,
     .purge = BUS_PARKED_ERASE,
     .key_count = 2},
    {.name = "delayed_events",
     .tables = &bus_tables,
     .find = BUS_DELAYED_SEARCH,
     .purge = BUS_DELAYED_DROP,
     .key_count = 1},
    {.name = "deduplication_words",
     .tables = &bus_tables,
     .find = BUS_DEDUP_SEARCH,
     .purge = BUS_DEDUP_ERASE,
     .key_count = 2},
    {.name = "schedule_errors",
     .tables = &bus_tables,
     .find = BUS_SCHEDULE_SEARCH,
     .purge = BUS_SCHEDULE_ERASE,
     .key_count = 1},
};

void bus_erasure_parts(struct store *store)
{
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        store_erasure_part(store, &parts[i]);
    }
}
