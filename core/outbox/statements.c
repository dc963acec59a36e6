/* The outbox's own tables and all its SQL. */
#include "internal.h"

static const char *const migrations[] = {
    "create table outbox_egress (id integer primary key, at integer not null, who "
    "text "
    "not null, method text not null, host text not null, address text not null, status integer not "
    "null, code text not null, sent integer not null, received integer not null, took integer not "
    "null);",
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
};

const struct table_module outbox_tables = {
    .prefix = "outbox_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OUTBOX_STATEMENT_COUNT,
};
