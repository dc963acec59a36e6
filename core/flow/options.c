/* What limits (limit.c) and calls (policy.c) share in reading their options. */
#include "options.h"

#include <stdio.h>

enum err flow_option_wrong(const char *call, const char *field, const char *what,
                           struct error *error)
{
    return error_at(error, ERR_INVALID, field, NULL, "%s: %s", call, what);
}

enum err flow_options_known(const char *call, const struct value *map, const char *const *names,
                            size_t count, const char *field, struct error *error)
{
    for (size_t i = 0; i < map->map.count; i++) {
        bool known = false;
        for (size_t j = 0; j < count; j++) {
            known = known || str_is(map->map.entries[i].key, names[j]);
        }
        if (!known) {
            char what[120];
            (void)snprintf(what, sizeof(what), "there is no option \"" STR_FORMAT "\"",
                           STR_ARGS(str_sub(map->map.entries[i].key, 0, 60)));
            return flow_option_wrong(call, field, what, error);
        }
    }
    return OK;
}
