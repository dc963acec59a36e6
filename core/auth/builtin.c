/* What a new data folder begins with: the built-in roles and, at the first start, an administrator.
 * The schema that auth adds to the store's own. Start-up: may block. */
#include "internal.h"

#include "proxenos/base_json.h"

/* ---- schema ---- */

static const char schema_json[] =
    "{\"objects\":{\"token\":{"
    "\"label\":{\"en\":\"API token\",\"el\":\"Κλειδί API\"},"
    "\"plural\":{\"en\":\"API tokens\",\"el\":\"Κλειδιά API\"},"
    "\"title\":\"name\",\"icon\":\"key\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"max\":100,"
    "\"label\":{\"en\":\"Name\",\"el\":\"Όνομα\"}},"
    "{\"1\":\"user\",\"2\":\"ref\",\"to\":\"user\",\"required\":true,\"on_delete\":\"cascade\","
    "\"label\":{\"en\":\"User\",\"el\":\"Χρήστης\"}},"
    "{\"1\":\"made_by\",\"2\":\"ref\",\"to\":\"user\",\"readonly\":true,\"on_delete\":\"clear\","
    "\"label\":{\"en\":\"Made by\",\"el\":\"Δημιουργήθηκε από\"}},"
    "{\"1\":\"expires_at\",\"2\":\"datetime\","
    "\"label\":{\"en\":\"Expires at\",\"el\":\"Λήγει\"}},"
    "{\"1\":\"scopes\",\"2\":\"long_text\",\"max\":4000,"
    "\"label\":{\"en\":\"Scopes\",\"el\":\"Δικαιώματα\"}},"
    "{\"1\":\"networks\",\"2\":\"long_text\",\"max\":2048,"
    "\"label\":{\"en\":\"Networks\",\"el\":\"Δίκτυα\"}}]}},"
    "\"extend\":{\"user\":{\"fields\":["
    "{\"1\":\"roles\",\"2\":\"refs\",\"to\":\"role\",\"on_delete\":\"clear\","
    "\"label\":{\"en\":\"Roles\",\"el\":\"Ρόλοι\"}},"
    "{\"1\":\"language\",\"2\":\"language\","
    "\"label\":{\"en\":\"Language\",\"el\":\"Γλώσσα\"}}]}}}";

struct schema_source auth_schema(struct arena *arena)
{
    struct value tree = value_null();
    enum err err = json_decode(arena, STR(schema_json), &tree, NULL);
    ASSERT(err == OK);
    return (struct schema_source){.plugin = STR("auth"), .tree = tree};
}

/* ---- built-in roles ---- */

/* Colleagues are seen by name, as owners and in lists; one's own tokens are one's own. */
#define COLLEAGUES                                                                                 \
    "\"user\":{\"verbs\":[\"read\"],\"fields\":{\"roles\":\"hidden\",\"login\":\"hidden\"}},"      \
    "\"team\":{\"verbs\":[\"read\"]},"                                                             \
    "\"token\":{\"verbs\":[\"read\"],\"rows\":\"own\"}"

static const struct builtin {
    const char *name, *label;
    bool admin, audit;
    const char *grants;
} builtins[] = {
    {"admin", "Administrator", true, true, "{}"},
    {"manager", "Manager", false, false,
     "{\"*\":{\"verbs\":[\"read\",\"create\",\"update\",\"delete\",\"import\",\"export\","
     "\"approve\"],\"rows\":\"all\",\"classes\":{\"pii\":\"writable\"}}," COLLEAGUES "}"},
    {"user", "User", false, false,
     "{\"*\":{\"verbs\":[\"read\",\"create\",\"update\"],\"rows\":\"all\",\"write_rows\":\"team\","
     "\"classes\":{\"pii\":\"writable\"}}," COLLEAGUES "}"},
    {"reader", "Reader", false, false,
     "{\"*\":{\"verbs\":[\"read\"],\"rows\":\"all\",\"classes\":{\"pii\":\"masked\"}}," COLLEAGUES
     "}"},
    {"auditor", "Auditor", false, true,
     "{\"*\":{\"verbs\":[\"read\",\"export\"],\"rows\":\"all\",\"classes\":{\"pii\":\"masked\"}},"
     "\"user\":{\"verbs\":[\"read\"]},\"team\":{\"verbs\":[\"read\"]},"
     "\"role\":{\"verbs\":[\"read\"]},\"token\":{\"verbs\":[\"read\"]}}"},
};

struct builtin_unit {
    struct unit unit;
    struct arena arena;
    struct draft *draft;
    int64_t id;       /* of what was written */
    const char *hash; /* of the password to set for it; NULL: none */
};

static enum err builtin_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct builtin_unit *builtin = CONTAINER_OF(unit, struct builtin_unit, unit);
    struct tx_result result = {0};
    enum err err = tx_write(tx, builtin->draft, &result, error);
    if (err != OK) {
        return err;
    }
    builtin->id = result.id;
    if (builtin->hash == NULL) {
        return OK;
    }
    const struct value set[] = {value_int(result.id), value_text(str_from(builtin->hash)),
                                value_int(tx_now_ms(tx))};
    return tx_table(tx, &auth_tables, AUTH_PASSWORD_SET, set, COUNT_OF(set), NULL, NULL, error);
}

/* Creates (id 0) or changes a record as the system, with a password if one is given. */
static enum err record_write(struct auth *auth, struct builtin_unit *builtin, const char *object,
                             int64_t id, const struct value *map, struct error *error)
{
    const struct scope *scope = store_system_scope(auth->store, SYSTEM_AUTH);
    const struct object_type *type = NULL;
    builtin->unit.apply = builtin_apply;
    builtin->unit.scope = scope;
    enum err err = schema_find_object(scope->schema, str_from(object), &type, error);
    if (err == OK) {
        err = draft_make(auth->store, scope, id == 0 ? DRAFT_CREATE : DRAFT_UPDATE, type, id, map,
                         &builtin->arena, &builtin->draft, error);
    }
    if (err == OK) {
        err = store_run(auth->store, &builtin->unit);
        if (err != OK && error != NULL) {
            *error = builtin->unit.error;
            error->next = NULL;
        }
        unit_deinit(&builtin->unit);
    }
    scope_unref(scope);
    return err;
}

static enum err role_make(struct auth *auth, const struct builtin *role, struct error *error)
{
    struct builtin_unit builtin = {0};
    struct value map = value_map_new();
    struct value grants = value_null();
    arena_init(&builtin.arena);
    enum err err = json_decode(&builtin.arena, str_from(role->grants), &grants, error);
    ASSERT(err == OK);
    value_put_c(&builtin.arena, &map, "name", value_text(str_from(role->name)));
    value_put_c(&builtin.arena, &map, "label", value_text(str_from(role->label)));
    value_put_c(&builtin.arena, &map, "admin", value_bool(role->admin));
    value_put_c(&builtin.arena, &map, "audit", value_bool(role->audit));
    value_put_c(&builtin.arena, &map, "grants", grants);
    err = record_write(auth, &builtin, "role", 0, &map, error);
    arena_deinit(&builtin.arena);
    /* Somebody archived it: then it shall not be there. */
    return err == ERR_UNIQUE ? OK : err;
}

enum err builtin_roles_make(struct auth *auth, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < COUNT_OF(builtins); i++) {
        int64_t id = 0;
        if (!directory_find_role(auth->directory, str_from(builtins[i].name), &id)) {
            err = role_make(auth, &builtins[i], error);
        }
    }
    return err;
}

/* ---- the first administrator ---- */

bool auth_first_start(const struct auth *auth)
{
    return !directory_anyone_active(auth->directory);
}

enum err auth_make_admin(struct auth *auth, char out_password[21], struct error *error)
{
    char password[21];
    char hash[PASSWORD_HASH_MAX];
    int64_t role = 0;
    int64_t user = 0;
    if (!directory_find_role(auth->directory, STR("admin"), &role)) {
        return error_set(error, ERR_NOT_FOUND, "there is no role admin");
    }
    password_make(password);
    if (password_hash(str_from(password), hash) != OK) {
        return error_set(error, ERR_BUSY, "there is no memory for the password's hash");
    }
    struct builtin_unit builtin = {.hash = hash};
    struct value map = value_map_new();
    struct value roles = value_list_new();
    arena_init(&builtin.arena);
    value_push(&builtin.arena, &roles, value_id(role));
    value_put_c(&builtin.arena, &map, "name", value_text(STR("admin")));
    value_put_c(&builtin.arena, &map, "roles", roles);
    value_put_c(&builtin.arena, &map, "state", value_text(STR("active")));
    value_put_c(&builtin.arena, &map, "login", value_bool(true));
    /* An import may have made a user of this name already. */
    (void)directory_find(auth->directory, STR("admin"), &user);
    enum err err = record_write(auth, &builtin, "user", user, &map, error);
    if (err == OK) {
        load_one(auth, "user", builtin.id, builtin.unit.first_seq);
        password_put(auth, builtin.id, str_from(hash), auth_now_ms(auth));
        memcpy(out_password, password, sizeof(password));
    }
    arena_deinit(&builtin.arena);
    crypto_wipe(password, sizeof(password));
    return err;
}
