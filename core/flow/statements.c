/* The tables of flows and all their SQL.
 *
 * flow_log is append-only and has no index beside its rowid: each row names the one before it of
 * the same run. So a turn writes at the table's end whatever its run is, and a run is read by
 * walking back; rows are folded into one now and then (turn_store.c), so that the walk stays short.
 */
#include "internal.h"

static const char *const migrations[] = {
    "create table flow_bundle (id integer primary key, hash blob not null, plugin text not null,"
    " version text not null, files blob not null, created_at integer not null);"
    "create unique index flow_bundle_hash on flow_bundle (plugin, hash);"
    "create table flow_run (id integer primary key, plugin text not null, name text not null,"
    " key text, bundle integer not null, state integer not null, generation integer not null,"
    " pages integer not null, commands integer not null, log integer not null,"
    " since integer not null, parent integer, parent_seq integer, actor text not null,"
    " started_at integer not null, updated_at integer not null, input blob not null,"
    " outcome blob);"
    "create unique index flow_run_key on flow_run (plugin, name, key)"
    " where key is not null and state < 3;"
    "create index flow_run_ready on flow_run (plugin, id) where state = 0;"
    "create index flow_run_blocked on flow_run (id) where state = 2;"
    "create index flow_run_name on flow_run (plugin, name, id);"
    "create index flow_run_bundle on flow_run (bundle) where state < 3;"
    "create table flow_log (id integer primary key, previous integer not null, pages integer not "
    "null, data blob not null);"
    "create table flow_inbox (run integer not null, id integer not null, kind integer not null,"
    " seq integer not null, name text not null, result blob not null,"
    " primary key (run, id)) without rowid;"
    "create table flow_source (run integer not null, source text not null,"
    " primary key (run, source)) without rowid;"
    "create table flow_timer (due integer not null, run integer not null, seq integer not null,"
    " primary key (due, run, seq)) without rowid;"
    "create table flow_wait (topic text not null, path text not null, key text not null,"
    " run integer not null, seq integer not null, after integer not null,"
    " primary key (topic, path, key, run, seq)) without rowid;"
    "create table flow_blob (run integer not null, hash blob not null, data blob not null,"
    " primary key (run, hash)) without rowid;"
    "create table flow_position (id integer primary key, seq integer not null);",
    "create index flow_run_parent on flow_run (parent, parent_seq) where parent is not null;",
    "create table flow_call (run integer not null, seq integer not null, generation integer not "
    "null, plugin text not null, due integer not null, until integer not null, attempts integer "
    "not null, alive_at integer, details blob, error blob, primary key (run, seq)) without rowid;"
    "create index flow_call_due on flow_call (plugin, due, run, seq);",
    "alter table flow_run add column gate text;"
    "alter table flow_run add column queued integer not null default 0;"
    "alter table flow_run add column begins integer not null default 0;"
    "create index flow_run_gate on flow_run (plugin, name, gate) where gate is not null and queued "
    "= 0 and state < 3;"
    "create index flow_run_queued on flow_run (plugin, name, gate, begins, id) where queued = 1;"
    "create table flow_limit (plugin text not null, name text not null, most integer not null, "
    "key text not null, rate integer not null, per integer not null, rate_key text not null, "
    "primary key (plugin, name)) without rowid;"
    "create table flow_rate (plugin text not null, name text not null, key text not null, full "
    "integer not null, primary key (plugin, name, key)) without rowid;"
    "create table flow_gate (plugin text not null, name text not null, key text not null, due "
    "integer not null, primary key (plugin, name, key)) without rowid;"
    "create index flow_gate_due on flow_gate (due);",
    /* What operators look for: what waits for what, what went wrong, what carries a mark. */
    "alter table flow_run add column waits integer not null default -1;"
    "alter table flow_run add column due integer not null default 0;"
    "alter table flow_run add column pending blob;"
    "alter table flow_run add column retry integer;"
    "drop index flow_run_blocked;"
    "create index flow_run_odd on flow_run (state, id) where state in (2, 3, 4);"
    "create table flow_attribute (run integer not null, name text not null, value text not null,"
    " primary key (run, name)) without rowid;"
    "create index flow_attribute_value on flow_attribute (name, value, run);",
    "create table flow_alarm (plugin text not null, due integer not null, run integer not null,"
    " seq integer not null, primary key (plugin, due, run, seq)) without rowid;"
    "insert into flow_alarm select r.plugin, t.due, t.run, t.seq from flow_timer t join "
    "flow_run "
    "r on r.id = t.run;"
    "drop table flow_timer;",
};

#define RUN_COLUMNS                                                                                \
    "id, plugin, name, key, actor, bundle, state, generation, pages, commands, log, since, "       \
    "parent, parent_seq, started_at, updated_at, input, outcome, gate, queued, waits, due, "       \
    "pending, retry"

/* What is narrow comes first; the rest is asked of each row. */
#define MARKED(name, value)                                                                        \
    "(" name " = '' or exists (select 1 from flow_attribute a where a.run = flow_run.id and "      \
    "a.name = " name " and a.value = " value ")) and "
#define FIND(narrow)                                                                               \
    "select " RUN_COLUMNS " from flow_run where " narrow " and " MARKED("?7", "?8")                \
        MARKED("?9", "?10") MARKED("?11", "?12") "(?1 = '' or plugin = ?1) and (?2 = '' or name "  \
                                                 "= ?2) and (?3 = '' or key = ?3) and (?4 = 0 or " \
                                                 "(?4 & (1 << state)) <> 0) and (?5 = 0 or "       \
                                                 "id < ?5) order by id desc limit ?6"

static const struct table_statement statements[FLOW_STATEMENT_COUNT] = {
    [FLOW_BUNDLE_ADD] = {"bundle_add", "insert into flow_bundle (id, hash, plugin, version, files, "
                                       "created_at) values (?1, ?2, ?3, ?4, ?5, ?6)"},
    [FLOW_BUNDLE_FIND] = {"bundle_find",
                          "select id from flow_bundle where plugin = ?1 and hash = ?2"},
    [FLOW_BUNDLE_GET] = {"bundle_get", "select files from flow_bundle where id = ?1"},
    [FLOW_BUNDLE_HEAD] = {"bundle_head", "select version, hash from flow_bundle where id = ?1"},
    [FLOW_BUNDLE_TOUCH] = {"bundle_touch", "update flow_bundle set created_at = ?2 where id = ?1"},
    [FLOW_BUNDLE_NEWEST] = {"bundle_newest", "select id from flow_bundle where plugin = ?1 order "
                                             "by created_at desc, id desc limit 1"},
    [FLOW_RUN_ADD] = {"run_add",
                      "insert into flow_run (id, plugin, name, key, bundle, state, generation, "
                      "pages, commands, log, since, parent, parent_seq, actor, started_at, "
                      "updated_at, input) values (?1, ?2, ?3, ?4, ?5, 0, 1, 0, 0, 0, ?6, ?7, ?8, "
                      "?9, ?10, ?10, ?11)"},
    [FLOW_RUN_GET] = {"run_get", "select " RUN_COLUMNS " from flow_run where id = ?1"},
    [FLOW_RUN_BY_KEY] = {"run_by_key", "select id from flow_run where plugin = ?1 and name = ?2 "
                                       "and key = ?3 and state < 3"},
    [FLOW_RUN_HEAD] = {"run_head", "select plugin, state, queued from flow_run where id = ?1"},
    [FLOW_RUN_TURN] = {"run_turn",
                       "update flow_run set state = ?4, pages = ?3 + 1, commands = ?5, log = ?6, "
                       "updated_at = ?7, outcome = ?8, waits = ?9, due = ?10, pending = ?11 "
                       "where id = ?1 and generation = ?2 and pages = ?3 and state < 2"},
    [FLOW_RUN_AGAIN] = {"run_again",
                        "update flow_run set state = 0, generation = ?2 + 1, pages = 0, commands "
                        "= 0, log = 0, updated_at = ?4, input = ?5, bundle = ?6, since = ?7, waits "
                        "= -1, due = 0, pending = null where "
                        "id = ?1 and generation = ?2 and pages = ?3 and state < 2"},
    [FLOW_RUN_STATE] = {"run_state", "update flow_run set state = ?3, updated_at = ?4, outcome = "
                                     "?5, queued = 0 where id = ?1 and state = ?2"},
    [FLOW_RUN_BLOCK] = {"run_block", "update flow_run set state = 2, updated_at = ?2, outcome = ?3 "
                                     "where id = ?1 and state < 2"},
    [FLOW_RUN_READY] = {"run_ready", "select id from flow_run where plugin = ?1 and state = 0 and "
                                     "id > ?2 order by id limit ?3"},
    [FLOW_RUN_CHILD] = {"run_child", "select id from flow_run where parent = ?1 and parent_seq = "
                                     "?2 and parent is not null and state < 3"},
    [FLOW_RUN_FIND] = {"run_find", FIND("(?13 < 0 or state = ?13)")},
    [FLOW_RUN_FIND_NAMED] = {"run_find_named",
                             FIND("plugin = ?1 and name = ?2 and (?13 < 0 or state = ?13)")},
    [FLOW_RUN_FIND_ODD] = {"run_find_odd", FIND("state = ?13 and state in (2, 3, 4)")},
    [FLOW_RUN_FIND_MARKED] = {"run_find_marked",
                              FIND("id in (select run from flow_attribute where name = ?7 and "
                                   "value = ?8) and (?13 < 0 or state = ?13)")},
    [FLOW_RUN_NEEDING] = {"run_needing",
                          "select state, count(*) from (select r.state from flow_bundle b join "
                          "flow_run r on r.bundle = b.id and r.state < 3 where b.plugin = ?1 limit "
                          "?2) group by state"},
    [FLOW_RUN_RETRY] = {"run_retry", "update flow_run set retry = ?2 where id = ?1"},
    [FLOW_RUN_MIGRATE] = {"run_migrate",
                          "update flow_run set bundle = ?4, updated_at = ?5 where id = ?1 and "
                          "generation = ?2 and pages = ?3 and state < 3"},
    [FLOW_ATTRIBUTE_SET] = {"attribute_set",
                            "insert into flow_attribute (run, name, value) values (?1, ?2, ?3) on "
                            "conflict (run, name) do update set value = ?3"},
    [FLOW_ATTRIBUTE_DROP] = {"attribute_drop", "delete from flow_attribute where run = ?1"},
    [FLOW_ATTRIBUTE_COPY] = {"attribute_copy",
                             "insert into flow_attribute (run, name, value) select ?2, name, value "
                             "from flow_attribute where run = ?1"},
    [FLOW_ATTRIBUTE_LIST] = {"attribute_list", "select name, value from flow_attribute where run = "
                                               "?1 order by name"},
    [FLOW_LOG_ADD] = {"log_add",
                      "insert into flow_log (id, previous, pages, data) values (?1, ?2, ?3, ?4)"},
    [FLOW_LOG_GET] = {"log_get", "select previous, pages, data from flow_log where id = ?1"},
    [FLOW_LOG_DROP] = {"log_drop", "delete from flow_log where id = ?1"},
    [FLOW_LOG_PREVIOUS] = {"log_previous", "select previous from flow_log where id = ?1"},
    /* A run waits for nothing: no event, signal or approval (2, 4, 32), and what it says of timers,
     * children and calls is not there. */
    [FLOW_CARE_RUNS] =
        {"care_runs",
         "select id, plugin, name, state, updated_at, queued, log, state = 1 and waits >= 0 and "
         "waits & 38 = 0 and not exists (select 1 from flow_alarm t where t.plugin = "
         "flow_run.plugin and t.due = flow_run.due and t.run = flow_run.id) and not exists (select "
         "1 from flow_run c where c.parent = "
         "flow_run.id and c.state < 3) and not exists (select 1 from flow_call a where a.run = "
         "flow_run.id) and not exists (select 1 from flow_inbox i where i.run = flow_run.id) from "
         "flow_run where id > ?1 order by id limit ?2"},
    [FLOW_RUN_FORGET] = {"run_forget",
                         "update flow_run set log = -1, pending = null where id = ?1"},
    [FLOW_RUN_DROP] = {"run_drop", "delete from flow_run where id = ?1"},
    [FLOW_BLOB_DROP_ALL] = {"blob_drop_all", "delete from flow_blob where run = ?1"},
    [FLOW_INBOX_DROP_ALL] = {"inbox_drop_all", "delete from flow_inbox where run = ?1"},
    [FLOW_INBOX_ADD] = {"inbox_add", "insert into flow_inbox (run, id, kind, seq, name, result) "
                                     "values (?1, ?2, ?3, ?4, ?5, ?6)"},
    [FLOW_SOURCE_ADD] = {"source_add", "insert into flow_source (run, source) values (?1, ?2) on "
                                       "conflict do nothing"},
    [FLOW_SOURCE_DROP] = {"source_drop", "delete from flow_source where run = ?1"},
    [FLOW_INBOX_LIST] = {"inbox_list", "select id, kind, seq, name, result from flow_inbox where "
                                       "run = ?1 order by id limit ?2"},
    [FLOW_INBOX_DROP] = {"inbox_drop", "delete from flow_inbox where run = ?1 and id <= ?2"},
    [FLOW_INBOX_LEFT] = {"inbox_left", "select exists (select 1 from flow_inbox where run = ?1)"},
    [FLOW_INBOX_RUNS] = {"inbox_runs",
                         "select distinct i.run from flow_inbox i join flow_run r on r.id = i.run "
                         "where r.plugin = ?1 and i.run > ?2 order by i.run limit ?3"},
    [FLOW_TIMER_ADD] = {"timer_add", "insert into flow_alarm (plugin, due, run, seq) values (?1, "
                                     "?2, ?3, ?4) on conflict do nothing"},
    [FLOW_TIMER_DROP] = {"timer_drop", "delete from flow_alarm where plugin = ?1 and due = ?2 and "
                                       "run = ?3 and seq = ?4"},
    [FLOW_TIMER_DUE] = {"timer_due",
                        "select due, run, seq from flow_alarm where plugin = ?1 and (due, run, "
                        "seq) > (?2, ?3, ?4) and due <= ?5 order by due, run, seq limit ?6"},
    [FLOW_TIMER_NEXT] = {"timer_next",
                         "select due from flow_alarm where plugin = ?1 and (due, run, seq) > (?2, "
                         "?3, ?4) order by due, run, seq limit 1"},
    [FLOW_WAIT_ADD] = {"wait_add", "insert into flow_wait (topic, path, key, run, seq, after) "
                                   "values (?1, ?2, ?3, ?4, ?5, ?6)"},
    [FLOW_WAIT_DROP] = {"wait_drop", "delete from flow_wait where topic = ?1 and path = ?2 and key "
                                     "= ?3 and run = ?4 and seq = ?5"},
    [FLOW_WAIT_FIND] = {"wait_find",
                        "select w.run, w.seq, w.after, r.plugin from flow_wait w join flow_run r "
                        "on r.id = w.run where w.topic = ?1 and w.path = ?2 and w.key = ?3 and "
                        "(w.run, w.seq) > (?4, ?5) order by w.run, w.seq limit ?6"},
    [FLOW_WAIT_TOPIC] = {"wait_topic",
                         "select topic, path from flow_wait where (topic, path) > (?1, ?2) order "
                         "by topic, path limit 1"},
    [FLOW_BLOB_ADD] = {"blob_add", "insert into flow_blob (run, hash, data) values (?1, ?2, ?3) on "
                                   "conflict do nothing"},
    [FLOW_BLOB_GET] = {"blob_get", "select data from flow_blob where run = ?1 and hash = ?2"},
    [FLOW_IDS_SEEN] = {"ids_seen",
                       "select max(coalesce((select max(id) from flow_log), 0), coalesce((select "
                       "max(id) from flow_inbox), 0), coalesce((select max(id) from flow_run), 0), "
                       "coalesce((select max(id) from flow_bundle), 0))"},
    [FLOW_POSITION_GET] = {"position_get", "select seq from flow_position where id = 1"},
    [FLOW_POSITION_SET] = {"position_set",
                           "insert into flow_position (id, seq) values (1, ?1) on conflict (id) "
                           "do update set seq = ?1 where seq < ?1"},
    [FLOW_CALL_ADD] = {"call_add", "insert into flow_call (run, seq, generation, plugin, due, "
                                   "until, attempts) values (?1, ?2, ?3, ?4, ?5, ?6, 0)"},
    [FLOW_CALL_GET] = {"call_get", "select c.generation, coalesce(r.state, 5) from flow_call c "
                                   "left join flow_run r on r.id = c.run where c.run = ?1 and "
                                   "c.seq = ?2"},
    [FLOW_CALL_DUE] = {"call_due", "select run, seq, generation, until, attempts, details from "
                                   "flow_call where plugin = ?1 and due <= ?2 order by due, run, "
                                   "seq limit ?3"},
    [FLOW_CALL_NEXT] = {"call_next", "select due from flow_call where plugin = ?1 and due > ?2 "
                                     "order by due limit 1"},
    [FLOW_CALL_LATER] = {"call_later",
                         "update flow_call set attempts = ?3, due = ?4, error = ?5, details = "
                         "coalesce(?6, details) where run = ?1 and seq = ?2"},
    [FLOW_CALL_BEAT] = {"call_beat", "update flow_call set alive_at = ?3, details = coalesce(?4, "
                                     "details) where run = ?1 and seq = ?2"},
    [FLOW_CALL_HOLD] = {"call_hold", "update flow_call set due = ?2 where run = ?1"},
    [FLOW_CALL_RELEASE] = {"call_release",
                           "update flow_call set due = ?3 where run = ?1 and due = ?2"},
    [FLOW_CALL_DROP] = {"call_drop", "delete from flow_call where run = ?1 and seq = ?2"},
    [FLOW_CALL_DROP_ALL] = {"call_drop_all", "delete from flow_call where run = ?1"},
    [FLOW_LIMIT_GET] = {"limit_get", "select most, key, rate, per, rate_key from flow_limit where "
                                     "plugin = ?1 and name = ?2"},
    [FLOW_LIMIT_ADD] = {"limit_add", "insert into flow_limit (plugin, name, most, key, rate, per, "
                                     "rate_key) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    [FLOW_LIMIT_DROP] = {"limit_drop", "delete from flow_limit where plugin = ?1"},
    [FLOW_GATE_INSIDE] = {"gate_inside",
                          "select count(*) from (select 1 from flow_run where plugin = ?1 and name "
                          "= ?2 and gate = ?3 and gate is not null and queued = 0 and state < 3 "
                          "limit ?4)"},
    [FLOW_GATE_QUEUED] = {"gate_queued", "select id, begins from flow_run where plugin = ?1 and "
                                         "name = ?2 and gate = ?3 and queued = 1 order by begins, "
                                         "id limit ?4"},
    [FLOW_GATE_QUEUE] = {"gate_queue", "update flow_run set gate = ?2, begins = ?3, queued = 1, "
                                       "state = 1 where id = ?1"},
    [FLOW_GATE_ADMIT] = {"gate_admit", "update flow_run set queued = 0, state = 0, updated_at = "
                                       "?2 where id = ?1 and queued = 1"},
    [FLOW_GATE_SET] = {"gate_set", "insert into flow_gate (plugin, name, key, due) values (?1, ?2, "
                                   "?3, ?4) on conflict (plugin, name, key) do update set due = "
                                   "?4"},
    [FLOW_GATE_DROP] = {"gate_drop", "delete from flow_gate where plugin = ?1 and name = ?2 and "
                                     "key = ?3"},
    [FLOW_GATE_ALL] = {"gate_all",
                       "insert into flow_gate (plugin, name, key, due) select distinct plugin, "
                       "name, gate, 0 from flow_run where plugin = ?1 and queued = 1 on conflict "
                       "(plugin, name, key) do update set due = 0"},
    [FLOW_GATE_DUE] = {"gate_due", "select plugin, name, key from flow_gate where due <= ?1 order "
                                   "by due limit ?2"},
    [FLOW_GATE_NEXT] = {"gate_next", "select due from flow_gate order by due limit 1"},
    [FLOW_RATE_GET] = {"rate_get", "select full from flow_rate where plugin = ?1 and name = ?2 and "
                                   "key = ?3"},
    [FLOW_RATE_SET] = {"rate_set", "insert into flow_rate (plugin, name, key, full) values (?1, "
                                   "?2, ?3, ?4) on conflict (plugin, name, key) do update set full "
                                   "= ?4"},
    /* For erasures: the run (or the row), the rest of the key, what is searched. */
    [FLOW_RUN_SEARCH] = {"run_search", "select id, id, key, input, outcome, pending, gate from "
                                       "flow_run where (?1 is null or id > ?1) order by id limit "
                                       "500"},
    [FLOW_RUN_BRIEF] = {"run_brief", "select id, plugin, name, state, log from flow_run where (?1 "
                                     "is null or id > ?1) order by id limit 500"},
    [FLOW_LOG_SEARCH] = {"log_search", "select id, id, data from flow_log where (?1 is null or id "
                                       "> ?1) order by id limit 500"},
    [FLOW_BLOB_SEARCH] = {"blob_search", "select run, hash, data from flow_blob where (?1 is null "
                                         "or (run, hash) > (?1, ?2)) order by run, hash limit "
                                         "500"},
    [FLOW_INBOX_SEARCH] = {"inbox_search",
                           "select run, id, name, result from flow_inbox where (?1 is null or "
                           "(run, id) > (?1, ?2)) order by run, id limit 500"},
    [FLOW_ATTRIBUTE_SEARCH] = {"attribute_search",
                               "select run, name, value from flow_attribute where (?1 is null or "
                               "(run, name) > (?1, ?2)) order by run, name limit 500"},
    [FLOW_CALL_SEARCH] = {"call_search",
                          "select run, seq, details, error from flow_call where (?1 is null or "
                          "(run, seq) > (?1, ?2)) order by run, seq limit 500"},
    [FLOW_SOURCE_SEARCH] = {"source_search",
                            "select run, source, source from flow_source where (?1 is null or "
                            "(run, source) > (?1, ?2)) order by run, source limit 500"},
    [FLOW_CALL_LIST] = {"call_list", "select seq, attempts, due, until, alive_at, error from "
                                     "flow_call where run = ?1 order by seq"},
};

const struct table_module flow_tables = {
    .prefix = "flow_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = FLOW_STATEMENT_COUNT,
};
