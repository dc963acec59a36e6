/* The service's own log: one line per event on standard error, key=value or JSON, level per module,
 * secrets redacted. Any thread. Only edges log (once); libraries return errors. */
#ifndef PROXENOS_BASE_LOG_H
#define PROXENOS_BASE_LOG_H

#include "proxenos/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* format: a message, then key=value pairs: log_info("bus", "delivered event=%s attempts=%d", …).
 * Values with spaces or quotes should be passed through %s inside double quotes by the caller;
 * control characters are escaped here, and the values of keys named password, token, secret,
 * authorization, cookie and text that looks like a px token are replaced by [redacted]. */
#define log_debug(module, ...) log_write(LOG_DEBUG, module, __VA_ARGS__)
#define log_info(module, ...) log_write(LOG_INFO, module, __VA_ARGS__)
#define log_warn(module, ...) log_write(LOG_WARN, module, __VA_ARGS__)
#define log_error(module, ...) log_write(LOG_ERROR, module, __VA_ARGS__)
void log_write(enum log_level level, const char *module, const char *format, ...) PRINTF_LIKE(3, 4);

/* Lines: time=… level=info module=bus message="delivered" event=… attempts=3, or one JSON object
 * with the same members (a pair named like one of the first four gets a "_" behind its name). */

/* Before threads start. levels: "info" or "info,store=debug,http=warn". ERR_CONFIG names the wrong
 * word. */
enum err log_configure(struct str levels, bool json, struct error *error) MUST_CHECK;
bool log_enabled(enum log_level level, const char *module);
/* Tests: lines, without their end, go to this function instead (NULL: back to standard error). */
void log_capture(void (*sink)(void *context, struct str line), void *context);

#endif
