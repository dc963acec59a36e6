/* SQL of the engine, and the tables that it runs on. Migrations are append-only: a text that has
 * been released never changes, since its hash is stored. */
#include "statements.h"

#include "../columns.h"
#include "../internal.h"

#define LOG_COLUMNS                                                                                \
    "seq, at, type, object, state, record, version, actor, via, request, cause, changeset, "       \
    "depth, "                                                                                      \
    "compartment, payload, payload_hash, chain"

const char sql_migration_table[] =
    "create table if not exists table_migration (module text not null, number integer not null, "
    "hash blob not null, at integer not null, primary key (module, number)) without rowid";

const char *const engine_migrations[] = {
    "create table log (seq integer primary key, at integer not null, type text not null, "
    "object text not null, state text not null, record integer not null, version integer not null, "
    "actor text not null, via text not null, request text not null, cause integer not null, "
    "changeset integer not null, depth integer not null, compartment text not null, "
    "payload text not null, payload_hash blob not null, chain blob not null);"
    "create index log_record on log (record) where record <> 0;"
    "create index log_changeset on log (changeset) where changeset <> 0;"
    "create table access_log (seq integer primary key, at integer not null, action text not null, "
    "object text not null, record integer not null, actor text not null, via text not null, "
    "user integer not null, detail text not null, chain blob not null);",
    "create table changeset (id integer primary key, name text not null, kind text not null, "
    "actor text not null, user integer not null, at integer not null, request text not null, "
    "created integer not null, updated integer not null, deleted integer not null, "
    "first_seq integer not null, last_seq integer not null, reverts integer not null, "
    "reverted_by integer not null default 0);",
    /* Files of records: removed ones stay for the history's sake. */
    "create table file_attachment (id integer primary key, object text not null, record integer "
    "not "
    "null, name text not null, media_type text not null, bytes integer not null, hash blob not "
    "null, added_at integer not null, added_by text not null, removed_at integer);"
    "create index file_attachment_record on file_attachment (record, id);"
    "create index file_attachment_hash on file_attachment (hash);"
    "create table file_content (hash blob primary key, bytes integer not null, loose_at integer) "
    "without rowid;"
    "create index file_content_loose on file_content (loose_at);"
    "create table file_total (id integer primary key, bytes integer not null, files integer not "
    "null);"
    "insert into file_total (id, bytes, files) values (1, 0, 0);",
    "alter table changeset add column hidden_created integer not null default 0;"
    "alter table changeset add column hidden_updated integer not null default 0;"
    "alter table changeset add column hidden_deleted integer not null default 0;"
    "alter table changeset add column compartment text not null default '';",
    /* Data subjects that were erased, or are being: `state` is enum erasure_state. */
    "create table erasure_subject (id integer primary key, object text not null, at integer not "
    "null, actor text not null, via text not null, reason text not null, state integer not null);"
    "create index erasure_subject_open on erasure_subject (state) where state < 3;",
};
const int engine_migration_count = COUNT_OF(engine_migrations);

#define SQL(name, text) const struct str name = {text, sizeof(text) - 1}

SQL(sql_log_insert, "insert into log (" LOG_COLUMNS ") values "
                    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)");
SQL(sql_log_last, "select seq, chain from log order by seq desc limit 1");
SQL(sql_ids_given, "select coalesce((select at from log order by seq desc limit 1), 0), "
                   "coalesce((select max(record) from log where record <> 0), 0), "
                   "coalesce((select max(id) from changeset), 0)");
SQL(sql_log_chain_at, "select chain from log where seq = ?1");
SQL(sql_log_depth, "select depth, compartment from log where seq = ?1");
SQL(sql_log_deleted_outside, "select 1 from log where record = ?1 and compartment = '' "
                             "and type like '%.deleted' limit 1");
SQL(sql_log_max, "select coalesce(max(seq), 0) from log");

#define LOG_WHERE                                                                                  \
    "select " LOG_COLUMNS " from log where seq > ?1 and seq <= ?2 and at >= ?3 and at < ?4 "
SQL(sql_log_up, LOG_WHERE "order by seq limit ?5");
SQL(sql_log_down, LOG_WHERE "order by seq desc limit ?5");
/* "record <> 0" lets the planner use the partial index. */
SQL(sql_log_up_record, LOG_WHERE "and record = ?6 and record <> 0 order by seq limit ?5");
SQL(sql_log_down_record, LOG_WHERE "and record = ?6 and record <> 0 order by seq desc limit ?5");
SQL(sql_log_up_type, LOG_WHERE "and type >= ?6 and type < ?7 order by seq limit ?5");
SQL(sql_log_down_type, LOG_WHERE "and type >= ?6 and type < ?7 order by seq desc limit ?5");

SQL(sql_log_up_changeset, LOG_WHERE "and changeset = ?6 and changeset <> 0 order by seq limit ?5");
SQL(sql_log_down_changeset,
    LOG_WHERE "and changeset = ?6 and changeset <> 0 order by seq desc limit ?5");
SQL(sql_log_causes, "select seq, cause, changeset from log where seq >= ?1 order by seq");

#define CHANGESET_COLUMNS                                                                          \
    "id, name, kind, actor, user, at, request, created, updated, deleted, first_seq, last_seq, "   \
    "reverts, hidden_created, hidden_updated, hidden_deleted, compartment"
/* Entries of two compartments: then the change-set is of "*". */
SQL(sql_changeset_put,
    "insert into changeset (" CHANGESET_COLUMNS ") values "
    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
    "on conflict (id) do update set "
    "created = created + excluded.created, updated = updated + excluded.updated, "
    "deleted = deleted + excluded.deleted, last_seq = excluded.last_seq, "
    "hidden_created = hidden_created + excluded.hidden_created, "
    "hidden_updated = hidden_updated + excluded.hidden_updated, "
    "hidden_deleted = hidden_deleted + excluded.hidden_deleted, "
    "compartment = case when excluded.compartment = '' then compartment when compartment in ('', "
    "excluded.compartment) then excluded.compartment else '*' end");
SQL(sql_changeset_mark, "update changeset set reverted_by = ?2 where id = ?1");
SQL(sql_changeset_get, "select " CHANGESET_COLUMNS ", reverted_by from changeset where id = ?1");
SQL(sql_changeset_down,
    "select " CHANGESET_COLUMNS ", reverted_by from changeset where id < ?1 order by id desc");

SQL(sql_access_insert, "insert into access_log (seq, at, action, object, record, actor, via, user, "
                       "detail, chain) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
SQL(sql_access_last, "select seq, chain from access_log order by seq desc limit 1");
SQL(sql_access_chain_at, "select chain from access_log where seq = ?1");
SQL(sql_access_up, "select seq, at, action, object, record, actor, via, user, detail, chain "
                   "from access_log where seq > ?1 order by seq limit ?2");

SQL(sql_migration_find, "select hash from table_migration where module = ?1 and number = ?2");
SQL(sql_migration_count, "select coalesce(max(number), 0) from table_migration where module = ?1");
SQL(sql_migration_insert,
    "insert into table_migration (module, number, hash, at) values (?1, ?2, ?3, ?4)");

void sql_record_place(struct buf *out, const struct object_type *type)
{
    buf_append_str(out, STR("select owner, compartment, archived_at"));
    buf_append_str(out, approval_is(type) ? STR(", object, subject_owner from ") : STR(" from "));
    table_name(out, type);
    buf_append_str(out, STR(" where id = ?1"));
}
