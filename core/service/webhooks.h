/* Opens webhooks with the rights that auth gives them. */
#ifndef PROXENOS_SERVICE_WEBHOOKS_H
#define PROXENOS_SERVICE_WEBHOOKS_H

#include "proxenos/auth.h"
#include "proxenos/service.h"
#include "proxenos/webhook.h"

/* store, loop, bus and net of `webhooks` are filled in by the caller, the rest here. */
enum err service_webhooks(const struct service_options *options, struct webhooks_options *webhooks,
                          struct auth *auth, struct webhooks **out_webhooks,
                          struct error *error) MUST_CHECK;

#endif
