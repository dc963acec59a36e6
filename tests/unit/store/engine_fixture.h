/* A store in a folder of its own, with one module's table, for the engine's tests. */
#ifndef TESTS_STORE_ENGINE_FIXTURE_H
#define TESTS_STORE_ENGINE_FIXTURE_H

#include "../../../core/store/internal.h"
#include "proxenos/store.h"
#include "proxenos/store_log.h"

struct fixture {
    char folder[128];
    struct store *store;
    struct mailbox *mailbox;
    const struct scope *scope;
    struct env *env; /* NULL: the real one */
};
/* cmocka set-up and tear-down: *state is a struct fixture with an open store. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Only the folder; the store is opened by the test. */
int fixture_setup_closed(void **state);
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
enum err fixture_try_open(struct fixture *fixture, struct error *error);
/* folder/name in memory of the fixture's thread: valid until the next call. */
const char *fixture_path(const struct fixture *fixture, const char *name);
void remove_folder(const char *folder);
void copy_folder(const char *from, const char *to);

/* test_item (id integer primary key, body text not null). */
enum { ITEM_INSERT, ITEM_COUNT, ITEM_FIND, ITEM_DELETE, ITEM_STATEMENTS };
extern const struct table_module item_module;

/* A unit that inserts one item and logs "test.added"; `fails` makes its apply end with that. */
struct item_unit {
    struct unit unit;
    int64_t id;
    enum err fails;
    int applied, done;
    size_t body_bytes; /* 0: a few */
    bool silent;       /* logs nothing */
};
void item_unit_init(struct item_unit *item, struct fixture *fixture, int64_t id);
/* Submits and waits; returns unit.err. */
enum err item_run(struct fixture *fixture, int64_t id);
int64_t item_count(struct fixture *fixture);
bool item_exists(struct fixture *fixture, int64_t id);

#endif
