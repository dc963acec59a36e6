/* Webhooks lie below auth: what they may see is asked from here. Loop thread. */
#include "webhooks.h"

static enum err view(void *context, const struct webhook_view *view, const struct scope **out_scope,
                     struct error *error)
{
    struct auth *auth = context;
    if (view->role == 0) {
        return auth_user_scope_outside(auth, view->user, STR("webhook"), out_scope, error);
    }
    struct buf actor;
    buf_init(&actor);
    buf_printf(&actor, "webhook:" STR_FORMAT, STR_ARGS(view->name));
    const struct role_holder holder = {
        .id = view->webhook, .role = view->role, .actor = buf_str(&actor), .via = STR("webhook")};
    enum err err = auth_role_scope(auth, &holder, out_scope, error);
    buf_deinit(&actor);
    return err;
}

static enum err find_role(void *context, struct str name, int64_t *out_role, struct error *error)
{
    return auth_find_role(context, name, out_role, error);
}

static int64_t generation(void *context)
{
    return auth_generation(context);
}

enum err service_webhooks(const struct service_options *options, struct webhooks_options *webhooks,
                          struct auth *auth, struct webhooks **out_webhooks, struct error *error)
{
    webhooks->view = view;
    webhooks->find_role = find_role;
    webhooks->generation = generation;
    webhooks->context = auth;
    webhooks->timeout_ms = (int)options->webhook_timeout_ms;
    webhooks->disable_after_ms = options->webhook_disable_after_ms;
    enum err err =
        webhook_schedule_parse(options->webhook_schedule, (size_t)options->webhook_schedule_count,
                               &webhooks->schedule, error);
    return err == OK ? webhooks_open(webhooks, out_webhooks, error) : err;
}
