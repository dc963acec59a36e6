/* Values of fields: conversion and limits, shared by drafts, imports, filters and the schema's own
 * defaults. Pure; any thread. The public calls are in store.h. */
#ifndef PROXENOS_STORE_FIELD_VALUE_H
#define PROXENOS_STORE_FIELD_VALUE_H

#include "proxenos/store.h"

enum { FIELD_JSON_BYTES_MAX = 65536, FIELD_MANY_MAX = 1000 };

/* "/stage" */
void field_pointer(const struct field *field, char out[64]);
/* Sets "<field> <sentence>" with pointer and value; values of classed fields are left out. */
enum err field_wrong(const struct field *field, enum err err, struct str text, struct error *error,
                     const char *sentence);
/* The named format that the field's text must have: its type's own (email …) or `format`; empty:
 * none. */
struct str field_format(const struct field *field);
/* Kind and canonical form of one value (one element of a many-valued field), not null; no limits
 * looked at. Text borrows from `plain` where it needs no change. Secrets come out as text. */
enum err field_convert(const struct field *field, const struct value *plain, struct arena *arena,
                       struct value *out_value, struct error *error) MUST_CHECK;
/* Length, min, max, pattern of a converted value. */
enum err field_limits(const struct field *field, const struct value *value,
                      struct error *error) MUST_CHECK;
enum err field_money(const struct field *field, int64_t amount, struct str currency,
                     struct value *out_value, struct error *error) MUST_CHECK;
/* ERR_ENUM with the nearest word. */
enum err field_word(const struct field *field, struct str word, struct value *out_value,
                    struct error *error) MUST_CHECK;

#endif
