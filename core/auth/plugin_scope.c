/* A plugin's rights, from its `can` (contract 23): alone, or as the most that a user may do through
 * it. Any thread: only the store's schema is asked. */
#include "insiders.h"
#include "internal.h"

#include <stdio.h>

/* What plugins decide for themselves stops short of what is people's: states named freely, four
 * eyes. Writing a type includes reading it. */
enum {
    PLUGIN_READS = VERB_READ | VERB_EXPORT,
    PLUGIN_WRITES = PLUGIN_READS | VERB_CREATE | VERB_UPDATE | VERB_DELETE
};

struct capability {
    struct str object; /* "*": every business object */
    enum field_class class;
};

static enum err capability_wrong(struct str word, const char *why, struct error *error)
{
    return error_set(error, ERR_CAPABILITY, "\"" STR_FORMAT "\": %s",
                     STR_ARGS(str_sub(word, 0, 100)), why);
}

/* CLASS_PLAIN when it is none of those that are named. */
static enum field_class class_of(struct str word)
{
    for (int i = CLASS_PII; i < CLASS_COUNT; i++) {
        if (str_is(word, field_class_name((enum field_class)i))) {
            return (enum field_class)i;
        }
    }
    return CLASS_PLAIN;
}

/* "organisation", "person#pii" */
static enum err capability_read(struct str word, struct capability *out_capability,
                                struct error *error)
{
    size_t hash = word.len;
    enum field_class class = CLASS_PLAIN;
    if (str_find(word, STR("#"), &hash)) {
        class = class_of(str_sub(word, hash + 1, word.len));
        if (class == CLASS_PLAIN) {
            return capability_wrong(word, "behind # stands pii, phi or pan", error);
        }
    }
    *out_capability = (struct capability){.object = str_sub(word, 0, hash), .class = class};
    return OK;
}

static void allow(struct grants *grants, const struct object_type *type, enum field_class class,
                  bool write)
{
    grants_raise(grants, type, write ? PLUGIN_WRITES : PLUGIN_READS, ROWS_ALL,
                 write ? ROWS_ALL : ROWS_NONE);
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field->class == CLASS_PLAIN || field->class == class) {
            grants_raise_field(grants, type, field, write ? FIELD_WRITABLE : FIELD_READABLE);
        }
    }
}

/* Users, roles, tokens, approvals, webhooks: what decides who may do what is people's to write, not
 * a plugin's, whichever of these types the core has yet to get. */
static bool is_core(const struct object_type *type)
{
    return str_is(type->plugin, "core") || str_is(type->plugin, "auth");
}

static void allow_business(struct grants *grants, enum field_class class, bool write)
{
    for (int i = 0; i < grants->schema->object_count; i++) {
        const struct object_type *type = &grants->schema->objects[i];
        /* Saved views are questions, and give nothing beyond what the star gives already. */
        bool read_view = !write && str_is(type->name, "view");
        if (read_view || (!object_is_guarded(type->name) && !(write && is_core(type)))) {
            allow(grants, type, class, write);
        }
    }
}

static enum err allow_word(struct grants *grants, struct str word, bool write, struct error *error)
{
    struct capability capability = {.class = CLASS_PLAIN};
    enum err err = capability_read(word, &capability, error);
    if (err != OK) {
        return err;
    }
    if (str_is(capability.object, "*")) {
        allow_business(grants, capability.class, write);
        return OK;
    }
    const struct object_type *type = NULL;
    err = schema_find_object(grants->schema, capability.object, &type, error);
    if (err != OK) {
        return err;
    }
    if (write && is_core(type)) {
        return capability_wrong(word,
                                "a plugin cannot write users, teams, roles, tokens, territories, "
                                "views, approvals or webhooks",
                                error);
    }
    allow(grants, type, capability.class, write);
    return OK;
}

/* strict: a word that means nothing is an error; else it gives nothing (its plugin is away). */
static enum err rights_compile(const struct schema *schema, const struct plugin_rights *rights,
                               bool strict, struct grants **out_grants, struct error *error)
{
    struct grants *grants = grants_new(schema);
    enum err err = OK;
    for (size_t i = 0; err == OK && i < rights->read_count; i++) {
        err = allow_word(grants, rights->read[i], false, strict ? error : NULL);
        err = strict ? err : OK;
    }
    for (size_t i = 0; err == OK && i < rights->write_count; i++) {
        err = allow_word(grants, rights->write[i], true, strict ? error : NULL);
        err = strict ? err : OK;
    }
    if (err != OK) {
        grants_unref(grants);
        return err;
    }
    *out_grants = grants;
    return OK;
}

enum { VERSION_MAX = 40, VIA_BYTES = VIA_MAX + VERSION_MAX + 16 };

/* "plugin:relations@1.0.0": the log says which version's code made a change. */
static void via_of(const struct plugin_rights *rights, char out[VIA_BYTES])
{
    (void)snprintf(out, VIA_BYTES, "plugin:" STR_FORMAT "%s" STR_FORMAT,
                   STR_ARGS(str_sub(rights->name, 0, VIA_MAX)), rights->version.len > 0 ? "@" : "",
                   STR_ARGS(str_sub(rights->version, 0, VERSION_MAX)));
}

const struct scope *auth_plugin_scope(struct auth *auth, const struct plugin_rights *rights,
                                      struct error *error)
{
    const struct schema *schema = store_schema(auth->store);
    struct grants *grants = NULL;
    enum err err = rights_compile(schema, rights, true, &grants, error);
    schema_unref(schema);
    if (err != OK) {
        return NULL;
    }
    char actor[VIA_MAX + 8];
    char via[VIA_BYTES];
    (void)snprintf(actor, sizeof(actor), "plugin:" STR_FORMAT,
                   STR_ARGS(str_sub(rights->name, 0, VIA_MAX)));
    via_of(rights, via);
    struct scope_spec spec = {
        .actor = str_from(actor), .via = str_from(via), .grants = grants, .narrowed = true};
    const struct insider insider = {.plugin = rights->name, .names = rights->compartments};
    const struct scope *scope = directory_plugin_scope(auth->directory, &spec, &insider);
    grants_unref(grants);
    return scope;
}

const struct scope *auth_intersect(struct auth *auth, const struct scope *user,
                                   const struct plugin_rights *rights, struct error *error)
{
    struct grants *grants = NULL;
    /* Against the user's own snapshot: the two are compared place by place. */
    if (rights_compile(user->schema, rights, false, &grants, error) != OK) {
        return NULL;
    }
    grants_intersect(grants, user->grants);
    char via[VIA_BYTES];
    via_of(rights, via);
    struct scope_spec spec = {.user = user->user,
                              .actor = user->actor,
                              .via = str_from(via),
                              .roles = user->roles,
                              .role_count = user->role_count,
                              .reach = scope_reach(user),
                              .grants = grants,
                              .compartments = user->compartments,
                              .compartment_count = user->compartment_count,
                              .narrowed = true};
    const struct insider insider = {.plugin = rights->name, .names = rights->compartments};
    const struct scope *scope = directory_plugin_scope(auth->directory, &spec, &insider);
    grants_unref(grants);
    return scope;
}
