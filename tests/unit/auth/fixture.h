/* A store with auth over it in a folder of its own, a clock that moves when told, and the slow
 * calls as plain ones. One thread: the loop is run until each answer has come. */
#ifndef TEST_AUTH_FIXTURE_H
#define TEST_AUTH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/auth.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/store_log.h"

struct fixture {
    struct env env;
    int64_t ms; /* atomic */
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct reader *reader;
};

enum { FIXTURE_PASSWORDS = 2 };

/* cmocka's setup and teardown: *state is the fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* As after a restart. */
void fixture_close(struct fixture *fixture);
void fixture_open(struct fixture *fixture);
void fixture_later(struct fixture *fixture, int64_t ms);

/* Records, as the system. The map is JSON; refs by id. */
int64_t fixture_create(struct fixture *fixture, const char *object, const char *json);
void fixture_update(struct fixture *fixture, const char *object, int64_t id, const char *json);
void fixture_archive(struct fixture *fixture, const char *object, int64_t id);
/* As a scope: what the store says. */
enum err fixture_write_as(struct fixture *fixture, const struct scope *scope, enum draft_kind kind,
                          const char *object, int64_t id, const char *json, int64_t *out_id);
/* A user with these roles ("user,auditor") and this password (NULL: none). */
int64_t fixture_user(struct fixture *fixture, const char *name, const char *roles,
                     const char *password);
const struct scope *fixture_scope(struct fixture *fixture, int64_t user);
int64_t fixture_role(struct fixture *fixture, const char *name);
const char *fixture_id(int64_t id); /* as text; until the next call but three */

/* The slow calls, waited for; the caller reads `login` and `change`. */
enum err fixture_login(struct fixture *fixture, const char *name, const char *password,
                       const char *address, struct auth_login *login);
enum err fixture_password(struct fixture *fixture, const struct scope *as, int64_t user,
                          const char *password, struct auth_change *change);
enum err fixture_token(struct fixture *fixture, const struct scope *as,
                       const struct token_spec *spec, struct auth_change *change);
enum err fixture_revoke(struct fixture *fixture, const struct scope *as, int64_t token,
                        struct auth_change *change);
enum err fixture_logout(struct fixture *fixture, const struct scope *as, int64_t session,
                        struct auth_change *change);
/* One that gives no answer yet: loop_run until *done. */
void fixture_wait(struct fixture *fixture, const bool *done);

/* By token or session: the error, and the principal cleared. */
enum err fixture_try_token(struct fixture *fixture, const char *token, const char *address);
enum err fixture_try_session(struct fixture *fixture, const char *cookie);

const struct object_type *fixture_type(const struct scope *scope, const char *object);
enum field_access fixture_access(const struct scope *scope, const char *object, const char *field);

#endif
