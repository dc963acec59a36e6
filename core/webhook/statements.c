/* The tables of webhooks and all the SQL of this module: what no record may hold (keys, headers'
 * values) and what changes too often for the log (attempts, how it went). */
#include "internal.h"
#include "proxenos/store_erasure.h"

static const char *const migrations[] = {
    "create table webhook_key (id integer primary key, webhook integer not null, sealed blob not "
    "null, made_at integer not null, ends_at integer not null);"
    "create index webhook_key_webhook on webhook_key (webhook);"
    "create table webhook_headers (webhook integer primary key, sealed blob not null);"
    "create table webhook_state (webhook integer primary key, failing_since integer not null,"
    " failures integer not null, delivered_at integer not null, status integer not null);"
    "create table webhook_attempt (id integer primary key, webhook integer not null, seq integer "
    "not null, type text not null, object text not null, record integer not null, attempt integer "
    "not null, at integer not null, status integer not null, ms integer not null, code text not "
    "null, error text not null, answer text not null);"
    "create index webhook_attempt_webhook on webhook_attempt (webhook, id);",
};

static const struct table_statement statements[] = {
    [WEBHOOK_KEY_ALL] = {"key_all", "select id, webhook, sealed, made_at, ends_at from webhook_key"
                                    " order by webhook, id desc"},
    [WEBHOOK_KEY_ADD] = {"key_add",
                         "insert into webhook_key (id, webhook, sealed, made_at, ends_at) values "
                         "(?1, ?2, ?3, ?4, 0)"},
    [WEBHOOK_KEY_FIRST] = {"key_first",
                           "insert into webhook_key (id, webhook, sealed, made_at, ends_at) select "
                           "?1, ?2, ?3, ?4, 0 where not exists (select 1 from webhook_key where "
                           "webhook = ?2)"},
    [WEBHOOK_KEY_END] = {"key_end", "update webhook_key set ends_at = ?2 where webhook = ?1 and "
                                    "(ends_at = 0 or ends_at > ?2)"},
    [WEBHOOK_KEY_SWEEP] = {"key_sweep", "delete from webhook_key where webhook = ?1 and ends_at > "
                                        "0 and ends_at <= ?2"},
    [WEBHOOK_HEADERS_ALL] = {"headers_all", "select webhook, sealed from webhook_headers"},
    [WEBHOOK_HEADERS_SET] = {"headers_set",
                             "insert into webhook_headers (webhook, sealed) values (?1, ?2)"
                             " on conflict (webhook) do update set sealed = ?2"},
    [WEBHOOK_STATE_ALL] = {"state_all", "select webhook, failing_since, failures, delivered_at, "
                                        "status from webhook_state"},
    [WEBHOOK_STATE_SET] =
        {"state_set",
         "insert into webhook_state (webhook, failing_since, failures, delivered_at, status) values"
         " (?1, ?2, ?3, ?4, ?5) on conflict (webhook) do update set failing_since = ?2, failures ="
         " ?3, delivered_at = ?4, status = ?5"},
    [WEBHOOK_ATTEMPT_ADD] =
        {"attempt_add",
         "insert into webhook_attempt (webhook, seq, type, object, record, attempt, at, status, ms,"
         " code, error, answer) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"},
    [WEBHOOK_ATTEMPT_LIST] =
        {"attempt_list",
         "select id, seq, type, object, record, attempt, at, status, ms, code, error, answer from "
         "webhook_attempt where webhook = ?1 and (?2 = 0 or id < ?2) and (?3 = 0 or code <> '')"
         " order by id desc limit ?4"},
    [WEBHOOK_ATTEMPT_TRIM] =
        {"attempt_trim",
         "delete from webhook_attempt where webhook = ?1 and id <= (select id from webhook_attempt"
         " where webhook = ?1 order by id desc limit 1 offset ?2)"},
    [WEBHOOK_ATTEMPT_SEARCH] = {"attempt_search",
                                "select id, error, answer from webhook_attempt where (?1 is null "
                                "or id > ?1) order by id limit 500"},
    [WEBHOOK_ATTEMPT_ERASE] = {"attempt_erase",
                               "update webhook_attempt set error = '', answer = '' where id = ?1"},
    [WEBHOOK_DROP_KEYS] = {"drop_keys", "delete from webhook_key where webhook = ?1"},
    [WEBHOOK_DROP_HEADERS] = {"drop_headers", "delete from webhook_headers where webhook = ?1"},
    [WEBHOOK_DROP_STATE] = {"drop_state", "delete from webhook_state where webhook = ?1"},
    [WEBHOOK_DROP_ATTEMPTS] = {"drop_attempts", "delete from webhook_attempt where webhook = ?1"},
};
_Static_assert(COUNT_OF(statements) == WEBHOOK_STATEMENT_COUNT, "every statement has its SQL");

const struct table_module webhook_tables = {
    .prefix = "webhook_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = COUNT_OF(statements),
};

static const struct erasure_part attempts = {.name = "webhook_answers",
                                             .tables = &webhook_tables,
                                             .find = WEBHOOK_ATTEMPT_SEARCH,
                                             .purge = WEBHOOK_ATTEMPT_ERASE,
                                             .key_count = 1};

void webhook_erasure_part(struct store *store)
{
    store_erasure_part(store, &attempts);
}
