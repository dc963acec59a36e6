/* Secrets taken out of a line before it is written. Inside base only. */
#ifndef PROXENOS_BASE_LOG_REDACT_H
#define PROXENOS_BASE_LOG_REDACT_H

#include "proxenos/base.h"

/* Appends `message` to `out` with [redacted] in the place of secrets. */
void log_redact(struct buf *out, struct str message);

#endif
