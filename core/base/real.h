/* Doubles from and to decimal text, independent of the locale. Inside base only. */
#ifndef PROXENOS_BASE_REAL_H
#define PROXENOS_BASE_REAL_H

#include "proxenos/base.h"

/* `text` is known to be [+-] digits [. digits] [e [+-] digits] with at least one digit in front of
 * the exponent. False when it is too large for a double; too small a number becomes zero. */
bool real_from_text(struct str text, double *out_number) MUST_CHECK;

enum { REAL_TEXT_MAX = 32 };
/* The shortest text of this shape that reads back as the same double, NUL behind. Not for infinity
 * and NaN. Returns the length. */
size_t real_to_text(double number, char out[REAL_TEXT_MAX]);

#endif
