/* Pages of the console that plugins describe, and what they find when asked how they are. Loop
 * thread. */
#include "internal.h"

/* ---- pages ---- */

static bool role_fits(const struct bind_registration *page, const struct scope *scope)
{
    struct str role = value_get_text(&page->options, "role", STR(""));
    return role.len == 0 || scope->admin || scope_has_role(scope, role);
}

/* Pages for others, or of which nothing is left for this user, are not there. */
static void add_page(const struct plugin *plugin, const struct bind_registration *one,
                     const struct scope *scope, struct arena *arena, struct value *list)
{
    if (!role_fits(one, scope)) {
        return;
    }
    struct value page = bind_page_for(&one->options, scope, arena);
    value_put_c(arena, &page, "plugin", value_text(arena_str(arena, str_from(plugin->name))));
    value_put_c(arena, &page, "name", value_text(arena_str(arena, one->name)));
    if (value_get_c(&page, "widgets")->list.count > 0) {
        value_push(arena, list, page);
    }
}

struct value plugins_pages(struct plugins *plugins, const struct scope *scope, struct arena *arena)
{
    struct value list = value_list_new();
    for (size_t i = 0; i < plugins->count; i++) {
        const struct plugin *plugin = plugins->list[i];
        const struct bind_registration *one = NULL;
        size_t position = 0;
        while ((one = plugin_next(plugin, BIND_PAGE, &position)) != NULL) {
            add_page(plugin, one, scope, arena, &list);
        }
    }
    return list;
}

/* ---- doctor: one function after the other ---- */

struct asking {
    struct bind_call call;
    struct message message; /* when there is nobody to ask */
    struct plugins *plugins;
    struct doctor_call *doctor;
    size_t plugin_index, position;
};

static void add_finding(struct asking *asking, const struct value *finding)
{
    static const char *const texts[] = {"problem", "evidence", "advice"};
    struct arena *arena = asking->doctor->arena;
    struct value row = value_map_new();
    value_put_c(
        arena, &row, "plugin",
        value_text(arena_str(arena, str_from(asking->plugins->list[asking->plugin_index]->name))));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        value_put_c(arena, &row, texts[i], value_text(value_get_text(finding, texts[i], STR(""))));
    }
    value_push(arena, &asking->doctor->findings, row);
}

static void add_failure(struct asking *asking, const struct error *error)
{
    struct arena *arena = asking->doctor->arena;
    struct value finding = value_map_new();
    value_put_c(arena, &finding, "problem", value_text(STR("px.doctor itself failed")));
    value_put_c(arena, &finding, "evidence",
                value_text(arena_printf(arena, "%s%s%s", error->pointer,
                                        error->pointer[0] != '\0' ? ": " : "", error->detail)));
    value_put_c(arena, &finding, "advice", value_text(STR("correct the plugin")));
    add_finding(asking, &finding);
}

static void ask_next(struct asking *asking);

static void on_answered(struct bind_call *call)
{
    enum { FINDINGS_MAX = 100 };
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    const struct value *list = &call->output;
    if (call->err != OK) {
        add_failure(asking, &call->error);
    }
    for (size_t i = 0; call->err == OK && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (i < FINDINGS_MAX && list->list.items[i].kind == VALUE_MAP) {
            add_finding(asking, &list->list.items[i]);
        }
    }
    ask_next(asking);
}

static void finish(struct message *message)
{
    struct asking *asking = CONTAINER_OF(message, struct asking, message);
    asking->doctor->done(asking->doctor);
}

static void ask_next(struct asking *asking)
{
    struct plugins *plugins = asking->plugins;
    for (; asking->plugin_index < plugins->count; asking->plugin_index++) {
        const struct bind_registration *one =
            plugin_next(plugins->list[asking->plugin_index], BIND_DOCTOR, &asking->position);
        if (one != NULL) {
            asking->call = (struct bind_call){.host = one->host,
                                              .registration = one,
                                              .request = asking->doctor->request,
                                              .arena = asking->doctor->arena,
                                              .done = on_answered};
            bind_call(&asking->call);
            return;
        }
        asking->position = 0;
    }
    asking->message.deliver = finish;
    mailbox_post(loop_mailbox(plugins->options.loop), &asking->message);
}

void plugins_doctor(struct plugins *plugins, struct doctor_call *doctor)
{
    struct asking *asking = ARENA_NEW(doctor->arena, struct asking);
    asking->plugins = plugins;
    asking->doctor = doctor;
    doctor->findings = value_list_new();
    ask_next(asking);
}
