/* Numbers and texts of the canonical form, for the pages of the journal too. The readers take from
 * the front of *bytes; false: there is no such thing there, and *bytes is anywhere. */
#ifndef PROXENOS_FLOW_CODEC_H
#define PROXENOS_FLOW_CODEC_H

#include <stdlib.h>
#include <string.h>

#include "proxenos/flow_journal.h"

void put_unsigned(struct buf *out, uint64_t number);
void put_signed(struct buf *out, int64_t number);
void put_text(struct buf *out, struct str text);
bool get_byte(struct str *bytes, uint8_t *out_byte);
bool get_unsigned(struct str *bytes, uint64_t *out_number);
bool get_signed(struct str *bytes, int64_t *out_number);
bool get_text(struct str *bytes, size_t len_max, struct str *out_text);

#endif
