/* A folder with a log in it: records, events and audited reads. */
#ifndef TEST_AUDIT_FIXTURE_H
#define TEST_AUDIT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/audit.h"
#include "proxenos/base_json.h"

struct fixture {
    char folder[64];
    struct store *store; /* NULL while closed */
};

int fixture_setup(void **state); /* an open store with a schema and no more */
int fixture_teardown(void **state);
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
/* Users made, events told, reads noted: `count` of each. */
void fixture_write(struct fixture *fixture, int count);
void shell(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
