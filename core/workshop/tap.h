/* TAP 14 on standard output (tap.c). Main thread. */
#ifndef PROXENOS_WORKSHOP_TAP_H
#define PROXENOS_WORKSHOP_TAP_H

#include "proxenos/base.h"

struct tap {
    int count, failed;
};
void tap_begin(struct tap *tap);
void tap_note(const char *format, ...) PRINTF_LIKE(1, 2); /* "# …", one line per line */
void tap_ok(struct tap *tap, struct str name);
/* Where it failed first, what, and the way there; the texts may be empty. */
void tap_not_ok(struct tap *tap, struct str name, const struct error *error, struct str traceback);
void tap_end(const struct tap *tap);
void tap_bail_out(const struct error *error);

#endif
