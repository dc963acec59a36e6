/* The outbox's own tables and all its SQL. */
#include "internal.h"
#include "proxenos/store_erasure.h"

static const char *const migrations[] = {
    "create table outbox_egress (id integer primary key, at integer not null, who text not null, "
    "method text not null, host text not null, address text not null, status integer not null, "
    "code text not null, sent integer not null, received integer not null, took integer not null);",
    "create table outbox_row (seq integer primary key, id integer not null unique, kind text not "
    "null, plugin text not null, key text not null, cause integer not null, state text not null, "
    "tries integer not null, attempts integer not null, due_at integer not null, created_at "
    "integer "
    "not null, updated_at integer not null, target text not null, title text not null, payload "
    "blob "
    "not null, status integer not null, code text not null, error text not null);"
    "create index outbox_row_due on outbox_row (state, kind, due_at);"
    "create index outbox_row_plugin on outbox_row (plugin, state);"
    "create table outbox_refused (address text primary key, status integer not null, reason text "
    "not null, at integer not null) without rowid;",
};

static const struct table_statement statements[OUTBOX_STATEMENT_COUNT] = {
    [EGRESS_ADD] =
        {"egress_add",
         "insert into outbox_egress (at, who, method, host, address, status, code, sent, "
         "received, took) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    [EGRESS_TRIM] = {"egress_trim",
                     "delete from outbox_egress where id <= (select max(id) from outbox_egress) - "
                     "?1"},
    [EGRESS_LIST] =
        {"egress_list",
         "select id, at, who, method, host, address, status, code, sent, received, took "
         "from outbox_egress where ?1 = 0 or id < ?1 order by id desc limit ?2"},
    [ROW_ADD] =
        {"row_add",
         "insert into outbox_row (id, kind, plugin, key, cause, state, tries, attempts, "
         "due_at, created_at, updated_at, target, title, payload, status, code, error) "
         "values (?1, ?2, ?3, ?4, ?5, 'waiting', ?6, 0, ?7, ?7, ?7, ?8, ?9, ?10, 0, '', '') "
         "on conflict (id) do nothing"},
    [ROW_COUNT] = {"row_count",
                   "select count(*) from (select 1 from outbox_row where plugin = ?1 and state = "
                   "'waiting' limit ?2)"},
    [ROW_DUE] = {"row_due",
                 "select id, plugin, key, cause, tries, attempts, target, payload from outbox_row "
                 "where state = 'waiting' and kind = ?1 and due_at <= ?2 order by due_at limit ?3"},
    [ROW_NEXT] =
        {"row_next",
         "select due_at from outbox_row where state = 'waiting' and kind = ?1 and due_at > "
         "?2 order by due_at limit 1"},
    [ROW_SET] =
        {"row_set",
         "update outbox_row set state = ?2, attempts = ?3, due_at = ?4, updated_at = ?5, "
         "status = ?6, code = ?7, error = ?8, payload = case when ?2 = 'sent' then x'' else "
         "payload end where id = ?1 and state = 'waiting'"},
    [ROW_RETRY] = {"row_retry",
                   "update outbox_row set state = 'waiting', attempts = 0, due_at = ?3, updated_at "
                   "= ?3 where id = ?1 and kind = ?2 and state <> 'sent'"},
    [ROW_STATE] = {"row_state", "select state from outbox_row where id = ?1 and kind = ?2"},
    [ROW_LIST] =
        {"row_list",
         "select seq, id, plugin, state, attempts, due_at, created_at, updated_at, target, "
         "title, status, code, error from outbox_row where kind = ?1 and (?2 = '' or state "
         "= ?2) and (?3 = 0 or seq < ?3) order by seq desc limit ?4"},
    [ROW_GET] =
        {"row_get",
         "select seq, id, plugin, state, attempts, due_at, created_at, updated_at, target, "
         "title, status, code, error, key, payload from outbox_row where id = ?1 and kind = "
         "?2"},
    [ROW_SWEEP] = {"row_sweep",
                   "delete from outbox_row where state in ('sent', 'failed', 'refused') and "
                   "updated_at < ?1"},
    [ROW_SEARCH] = {"row_search",
                    "select seq, target, title, payload, error, key from outbox_row where (?1 is "
                    "null or seq > ?1) order by seq limit 500"},
    [ROW_ERASE] = {"row_erase", "delete from outbox_row where seq = ?1"},
    [REFUSED_SEARCH] = {"refused_search",
                        "select address, address, reason from outbox_refused where (?1 is null or "
                        "address > ?1) order by address limit 500"},
    [REFUSED_ADD] = {"refused_add",
                     "insert into outbox_refused (address, status, reason, at) values (?1, ?2, ?3, "
                     "?4) on conflict (address) do update set status = ?2, reason = ?3, at = ?4"},
    [REFUSED_GET] = {"refused_get", "select status, at from outbox_refused where address = ?1"},
    [REFUSED_LIST] = {"refused_list",
                      "select address, status, reason, at from outbox_refused where address > ?1 "
                      "order by address limit ?2"},
    [REFUSED_DROP] = {"refused_drop", "delete from outbox_refused where address = ?1"},
};

const struct table_module outbox_tables = {
    .prefix = "outbox_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OUTBOX_STATEMENT_COUNT,
};

/* What an erasure looks through. A mail that waits is not sent any more. */
static const struct erasure_part parts[] = {
    {.name = "outbox",
     .tables = &outbox_tables,
     .find = ROW_SEARCH,
     .purge = ROW_ERASE,
     .key_count = 1},
    {.name = "refused_addresses",
     .tables = &outbox_tables,
     .find = REFUSED_SEARCH,
     .purge = REFUSED_DROP,
     .key_count = 1},
};

void outbox_erasure_parts(struct store *store)
{
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        store_erasure_part(store, &parts[i]);
    }
}
