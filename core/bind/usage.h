/* What each plugin uses, over all its states since the service began: a counter does not start anew
 * with a reload or a kill. Hosts join and leave, executors and the writer's answers count, the loop
 * reads. Any thread. */
#ifndef PROXENOS_BIND_USAGE_H
#define PROXENOS_BIND_USAGE_H

#include "internal.h"

enum {
    USAGES_MAX = 1024, /* names; those past it share one entry */
};

struct usages *usages_new(void);
void usages_free(struct usages *usages); /* NULL is fine */

/* The host is of this name from here to usage_leave; sets host->usage. */
void usage_join(struct usages *usages, struct bind_host *host);
/* Its figures stay, the host may be freed. */
void usage_leave(struct usages *usages, struct bind_host *host);

void usage_started(struct bind_host *host); /* main.lua was loaded */
void usage_read(const struct call *call, size_t rows);
void usage_wrote(const struct bind_host *host, size_t rows);
/* A handler begins; it has ended, however it went. */
void usage_begin(struct call *call);
void usage_end(const struct call *call);

void usages_get(struct usages *usages, struct str name, struct bind_usage *out_usage);
void usages_write(struct usages *usages, struct buf *out); /* as Prometheus reads them */

#endif
