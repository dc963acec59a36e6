/* Options as Lua gives them to `call` ("px.flow", "flow:call"), checked. Pure; any thread. */
#ifndef PROXENOS_FLOW_OPTIONS_H
#define PROXENOS_FLOW_OPTIONS_H

#include "proxenos/base.h"
#include "proxenos/base_value.h"

/* ERR_INVALID at the field: "px.flow: …". */
enum err flow_option_wrong(const char *call, const char *field, const char *what,
                           struct error *error);
/* ERR_INVALID naming the first option that is not among these. */
enum err flow_options_known(const char *call, const struct value *map, const char *const *names,
                            size_t count, const char *field, struct error *error) MUST_CHECK;

#endif
