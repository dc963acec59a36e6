/* systemd's notification protocol (sd_notify(3)): readiness, stopping, watchdog. Nothing when there
 * is no systemd. */
#ifndef PROXENOS_SERVICE_NOTIFY_H
#define PROXENOS_SERVICE_NOTIFY_H

#include "proxenos/base.h"

void notify_send(const char *state); /* "READY=1" */
int64_t notify_watchdog_ms(void);    /* how often WATCHDOG=1 is due; 0: not asked for */

#endif
