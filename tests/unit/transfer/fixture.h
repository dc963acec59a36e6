/* A store with auth and jobs over it in a folder of its own; imports are run to their end by
 * turning the loop here. The object types are those that the maps in tests/data name. */
#ifndef TEST_TRANSFER_FIXTURE_H
#define TEST_TRANSFER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/transfer.h"

struct fixture {
    char folder[64];
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct jobs *jobs;
    struct reader *reader;
    const struct scope *scope;   /* of the local administrator */
    struct arena arena;          /* what questions answer */
    struct jobs_options options; /* hooks of the test, before fixture_open */
    struct job_kind kinds[2];
    int kind_count;
    bool core_alone; /* before fixture_open: without the types of the test */
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* As after a restart; jobs are not resumed yet. */
void fixture_close(struct fixture *fixture);
void fixture_open(struct fixture *fixture);

/* Spools the bytes. */
void fixture_spool(struct fixture *fixture, struct str bytes, unsigned char out_hash[32]);
/* Text of a file under tests/data, or of the shared data ("crm/…"); at NULL: not there. In arena.
 */
struct str fixture_file(struct fixture *fixture, const char *name);
struct str fixture_shared(struct fixture *fixture, const char *name);

/* Starts it as `scope` (NULL: the local administrator); the job's id, 0 with *out_error set. */
int64_t fixture_start(struct fixture *fixture, const struct scope *scope,
                      const struct import_spec *spec, struct job_start *out_start);
/* Turns the loop until the job has ended; what jobs_show says. */
struct value fixture_wait(struct fixture *fixture, int64_t job);
struct value fixture_show(struct fixture *fixture, int64_t job);
/* Both, with `file` and `map` as text and options from spec. */
struct value fixture_import(struct fixture *fixture, const char *object, struct str file,
                            struct str map, const struct import_spec *options);
/* Organisations and products that deals.csv names. */
void fixture_parties(struct fixture *fixture);

int64_t fixture_count(struct fixture *fixture, const char *object, const char *filter);
struct str fixture_errors(struct fixture *fixture, int64_t job);
int64_t fixture_int(const struct value *job, const char *path);
const char *fixture_state(const struct value *job);
/* read, created, updated, skipped, failed, unresolved */
void fixture_counts(const struct value *job, const int64_t expected[6]);
int64_t fixture_job_id(const struct value *job);

#endif
