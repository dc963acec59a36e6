/* The list of all modules of px: what a state is given, and what types and reference are made from.
 */
#include "internal.h"

static const struct lua_module *const modules[] = {
    &module_px,    &module_store, &module_kv,   &module_bus,    &module_log,     &module_config,
    &module_actor, &module_json,  &module_date, &module_money,  &module_decimal, &module_text,
    &module_i18n,  &module_clock, &module_csv,  &module_xml,    &module_vcard,   &module_ical,
    &module_pdf,   &module_task,  &module_http, &module_metric, &module_crypto,  &module_secret,
    &module_net,   &module_flows, &module_mail,
};

const struct lua_module *const *bind_modules(size_t *out_count)
{
    *out_count = COUNT_OF(modules);
    return modules;
}
