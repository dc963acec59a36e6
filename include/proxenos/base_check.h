/* Identifiers with check digits and other value formats. Any thread. */
#ifndef PROXENOS_BASE_CHECK_H
#define PROXENOS_BASE_CHECK_H

#include "proxenos/base.h"

/* Formats: vat (EU and GB numbers with country prefix), afm (Greek tax number), amka (Greek social
 * security), lei (ISO 17442), iban (ISO 13616), bic (ISO 9362), isin (ISO 6166), gln and gtin
 * (GS1), imo (ship), luhn, email, phone (E.164), url (http, https), country, language, currency …
 * `check_known` tells, `check_names` lists. */
bool check_known(struct str format);
size_t check_names(const struct str **out_names);
/* Writes the canonical form (no spaces, upper case …) to `out`. ERR_PATTERN: not of this shape;
 * ERR_CHECK_DIGIT: the shape is right, the digits are not. The error's detail says which and what
 * the right shape is. */
enum err check_format(struct str format, struct str text, struct buf *out,
                      struct error *error) MUST_CHECK;

/* Patterns of schema fields: a small safe dialect, linear time: literals, ., [sets], \d \w \s, ? *
 * +, {m,n}, |, (…), anchored at both ends. ERR_PATTERN with the position when the pattern itself is
 * wrong (pattern_compile). */
struct pattern;
enum err pattern_compile(struct arena *arena, struct str source, struct pattern **out_pattern,
                         struct error *error) MUST_CHECK;
bool pattern_match(const struct pattern *pattern, struct str text);

#endif
