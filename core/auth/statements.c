/* The SQL of auth: its migrations and its statements, in the portable subset. */
#include "statements.h"

static const char *const migrations[] = {
    "CREATE TABLE auth_password ("
    " user_id INTEGER PRIMARY KEY,"
    " hash TEXT NOT NULL,"
    " changed_at INTEGER NOT NULL);"
    "CREATE TABLE auth_token ("
    " token_id INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL,"
    " last_used_at INTEGER);"
    "CREATE TABLE auth_session ("
    " session_id INTEGER PRIMARY KEY,"
    " hash BLOB NOT NULL,"
    " user_id INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " last_seen_at INTEGER NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " address TEXT NOT NULL);"
    "CREATE INDEX auth_session_user ON auth_session (user_id);",
};

static const struct table_statement statements[] = {
    [AUTH_PASSWORD_ALL] = {"password_all", "SELECT user_id, hash, changed_at FROM auth_password"},
    [AUTH_PASSWORD_SET] = {"password_set", "INSERT INTO auth_password (user_id, hash, changed_at)"
                                           " VALUES (?1, ?2, ?3) ON CONFLICT (user_id)"
                                           " DO UPDATE SET hash = excluded.hash,"
                                           " changed_at = excluded.changed_at"},
    [AUTH_PASSWORD_REHASH] = {"password_rehash", "UPDATE auth_password SET hash = ?2"
                                                 " WHERE user_id = ?1 AND hash = ?3"},
    [AUTH_PASSWORD_DROP] = {"password_drop", "DELETE FROM auth_password WHERE user_id = ?1"},
    [AUTH_TOKEN_ALL] = {"token_all", "SELECT token_id, hash, last_used_at FROM auth_token"},
    [AUTH_TOKEN_ADD] = {"token_add", "INSERT INTO auth_token (token_id, hash) VALUES (?1, ?2)"},
    [AUTH_TOKEN_USED] = {"token_used",
                         "UPDATE auth_token SET last_used_at = ?2 WHERE token_id = ?1"},
    [AUTH_TOKEN_DROP] = {"token_drop", "DELETE FROM auth_token WHERE token_id = ?1"},
    [AUTH_SESSION_ALL] = {"session_all", "SELECT session_id, hash, user_id, created_at,"
                                         " last_seen_at, expires_at, address FROM auth_session"},
    [AUTH_SESSION_ADD] = {"session_add",
                          "INSERT INTO auth_session (session_id, hash, user_id, created_at,"
                          " last_seen_at, expires_at, address)"
                          " VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)"},
    [AUTH_SESSION_SEEN] = {"session_seen",
                           "UPDATE auth_session SET last_seen_at = ?2 WHERE session_id = ?1"},
    [AUTH_SESSION_DROP] = {"session_drop", "DELETE FROM auth_session WHERE session_id = ?1"},
    [AUTH_SESSION_DROP_USER] = {"session_drop_user", "DELETE FROM auth_session WHERE user_id = ?1"
                                                     " AND session_id <> ?2"},
    [AUTH_SESSION_DROP_OLD] = {"session_drop_old", "DELETE FROM auth_session WHERE expires_at <= ?1"
                                                   " OR last_seen_at <= ?2"},
};
_Static_assert(COUNT_OF(statements) == AUTH_STATEMENT_COUNT, "every statement has its SQL");

const struct table_module auth_tables = {
    .prefix = "auth_",
    .migrations = migrations,
    .migration_count = COUNT_OF(migrations),
    .statements = statements,
    .statement_count = COUNT_OF(statements),
};
