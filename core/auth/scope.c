/* Makes scopes. Any thread. */
#include "scope.h"

struct auth_scope {
    struct scope scope;
    struct grants *grants; /* held */
    struct reach *reach;   /* held; or NULL */
    bool narrowed, lent;
    int64_t stamp;
    struct str language;
};

static struct auth_scope *own(const struct scope *scope)
{
    return CONTAINER_OF((struct scope *)(uintptr_t)scope, struct auth_scope, scope);
}

static void scope_free(struct scope *scope)
{
    grants_unref(own(scope)->grants);
    reach_unref(own(scope)->reach);
    mem_free(own(scope));
}

static struct str put_text(char **at, struct str text)
{
    struct str copy = {*at, text.len};
    if (text.len > 0) {
        memcpy(*at, text.at, text.len);
        *at += text.len;
    }
    return copy;
}

static void take_reach(struct auth_scope *made, struct reach *reach)
{
    struct scope *scope = &made->scope;
    reach_ref(reach);
    made->reach = reach;
    scope->team = reach->team;
    scope->team_count = reach->team_count;
    scope->below_count = reach->below_count;
    scope->rules = reach->rules;
    scope->stand_ins = reach->stand_ins;
    scope->stand_in_count = reach->stand_in_count;
    scope->mark = reach->mark;
}

struct reach *scope_reach(const struct scope *scope)
{
    return scope->free == scope_free ? own(scope)->reach : NULL;
}

const struct scope *scope_new(const struct scope_spec *spec)
{
    size_t text_len = spec->actor.len + spec->via.len + spec->language.len;
    for (size_t i = 0; i < spec->role_count; i++) {
        text_len += spec->roles[i].len;
    }
    for (size_t i = 0; i < spec->compartment_count; i++) {
        text_len += spec->compartments[i].key.len + spec->compartments[i].name.len;
    }
    struct auth_scope *made =
        mem_zalloc(sizeof(*made) + spec->role_count * sizeof(spec->roles[0]) +
                   spec->compartment_count * sizeof(spec->compartments[0]) + text_len + 1);
    struct str *roles = (struct str *)(void *)(made + 1);
    struct scope_compartment *compartments =
        (struct scope_compartment *)(void *)(roles + spec->role_count);
    char *text = (char *)(compartments + spec->compartment_count);
    made->scope = (struct scope){
        .references = 1,
        .schema = spec->grants->schema,
        .user = spec->user,
        .actor = put_text(&text, spec->actor),
        .via = put_text(&text, spec->via),
        .roles = roles,
        .role_count = spec->role_count,
        .grants = spec->grants->items,
        .audit = spec->audit,
        .admin = spec->admin,
        .compartments = compartments,
        .compartment_count = spec->compartment_count,
        .opens = spec->opens,
        .breaks_glass = spec->breaks_glass,
        .free = scope_free,
    };
    if (spec->reach != NULL) {
        take_reach(made, spec->reach);
    }
    for (size_t i = 0; i < spec->compartment_count; i++) {
        compartments[i] = spec->compartments[i];
        compartments[i].key = put_text(&text, spec->compartments[i].key);
        compartments[i].name = put_text(&text, spec->compartments[i].name);
    }
    made->language = put_text(&text, spec->language);
    for (size_t i = 0; i < spec->role_count; i++) {
        roles[i] = put_text(&text, spec->roles[i]);
    }
    made->narrowed = spec->narrowed;
    made->lent = spec->lent;
    made->stamp = spec->stamp;
    made->grants = spec->grants;
    grants_ref(spec->grants);
    return &made->scope;
}

int64_t scope_stamp(const struct scope *scope)
{
    ASSERT(scope->free == scope_free);
    return own(scope)->stamp;
}

struct str scope_language(const struct scope *scope)
{
    ASSERT(scope->free == scope_free);
    return own(scope)->language;
}

bool scope_is_whole(const struct scope *scope)
{
    return scope->user != 0 && scope->free == scope_free && !own(scope)->narrowed;
}

bool scope_is_own_hand(const struct scope *scope)
{
    return scope_is_whole(scope) && !own(scope)->lent;
}

const struct scope *scope_elevate(const struct scope *scope, const struct schema *schema)
{
    struct grants *grants = grants_new(schema);
    grants_add_all(grants);
    const struct scope_spec spec = {.user = scope->user,
                                    .actor = scope->actor,
                                    .via = scope->via,
                                    .roles = scope->roles,
                                    .role_count = scope->role_count,
                                    .reach = scope_reach(scope),
                                    .grants = grants};
    const struct scope *elevated = scope_new(&spec);
    grants_unref(grants);
    return elevated;
}
