/* auth's own tables and every statement on them, by number. They hold what no record may hold:
 * hashes of secrets, and times that change too often for the log. */
#ifndef PROXENOS_AUTH_STATEMENTS_H
#define PROXENOS_AUTH_STATEMENTS_H

#include "proxenos/store.h"

/* In the order of the list in statements.c. Binds and columns stand beside each. */
enum auth_statement {
    AUTH_PASSWORD_ALL,    /* → user, hash, changed_at */
    AUTH_PASSWORD_SET,    /* user, hash, changed_at */
    AUTH_PASSWORD_REHASH, /* user, new hash, old hash */
    AUTH_PASSWORD_DROP,   /* user */
    AUTH_TOKEN_ALL,       /* → token, hash, last_used_at */
    AUTH_TOKEN_ADD,       /* token, hash */
    AUTH_TOKEN_USED,      /* token, last_used_at */
    AUTH_TOKEN_DROP,      /* token */
    AUTH_SESSION_ALL,  /* → session, hash, user, created_at, last_seen_at, expires_at, address */
    AUTH_SESSION_ADD,  /* session, hash, user, created_at, expires_at, address */
    AUTH_SESSION_SEEN, /* session, last_seen_at */
    AUTH_SESSION_DROP, /* session */
    AUTH_SESSION_DROP_USER, /* user, session to keep (0: none) */
    AUTH_SESSION_DROP_OLD,  /* expired before, last seen before */
    AUTH_STATEMENT_COUNT
};

extern const struct table_module auth_tables;

#endif
