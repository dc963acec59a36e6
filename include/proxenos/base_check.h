/* Identifiers with check digits and other value formats. Any thread. */
#ifndef PROXENOS_BASE_CHECK_H
#define PROXENOS_BASE_CHECK_H

#include "proxenos/base.h"

/* Formats: vat (EU, GB and XI numbers with country prefix), afm (Greek tax number), amka (Greek
 * social security), ein and ssn (United States), lei (ISO 17442), iban (ISO 13616), bic (ISO 9362),
 * isin (ISO 6166), gln and gtin (GS1), imo (ship), luhn, email, phone (E.164), url (http, https, no
 * user name), country (ISO 3166-1 alpha-2), language (BCP 47), currency (ISO 4217). `check_known`
 * tells, `check_names` lists them in order of the alphabet. */
bool check_known(struct str format);
size_t check_names(const struct str **out_names);
/* Appends the canonical form (no blanks and separators, upper case …) to `out`; on an error `out`
 * stays as it is. ERR_PATTERN: not of this shape; ERR_CHECK_DIGIT: the shape is right, the digits
 * are not; ERR_INVALID: no such format, error->nearest names one. The error's detail says which and
 * what the right shape is, its value is the text. */
enum err check_format(struct str format, struct str text, struct buf *out,
                      struct error *error) MUST_CHECK;

/* Patterns of schema fields: a small safe dialect, linear time: literals, ., [sets], \d \w \s (\w
 * and \s of all scripts), ? * + {m,n}, |, (…), \ before a sign. A pattern stands for the whole
 * text; ^ and $ are refused. At most 256 bytes and 2,048 states. ERR_PATTERN with "column N" in
 * error->pointer when the pattern itself is wrong (pattern_compile). */
struct pattern;
enum err pattern_compile(struct arena *arena, struct str source, struct pattern **out_pattern,
                         struct error *error) MUST_CHECK;
bool pattern_match(const struct pattern *pattern, struct str text);

#endif
