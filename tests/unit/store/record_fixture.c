#include "record_fixture.h"

#include "engine_fixture.h"
#include "proxenos/base_json.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char shop_schema[] =
    "{\"objects\":{"
    "\"client\":{\"track\":true,\"compartment\":\"optional\",\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true,\"max\":60,\"search\":true},"
    "{\"1\":\"code\",\"2\":\"text\",\"unique\":true,\"pattern\":\"[A-Z]{2}\\\\d+\"},"
    "{\"1\":\"email\",\"2\":\"email\",\"index\":true},"
    "{\"1\":\"born\",\"2\":\"date\",\"class\":\"pii\"},"
    "{\"1\":\"tags\",\"2\":\"enum\",\"many\":true,\"of\":[\"client\",\"prospect\",\"supplier\"]},"
    "{\"1\":\"rating\",\"2\":\"integer\",\"min\":1,\"max\":5,\"default\":3},"
    "{\"1\":\"facts\",\"2\":\"json\"},"
    "{\"1\":\"partners\",\"2\":\"refs\",\"to\":\"client\"},"
    "{\"1\":\"password\",\"2\":\"secret\"}]},"
    "\"deal\":{\"fields\":["
    "{\"1\":\"name\",\"2\":\"text\",\"required\":true},"
    "{\"1\":\"client\",\"2\":\"ref\",\"to\":\"client\",\"required\":true},"
    "{\"1\":\"stage\",\"2\":\"enum\",\"of\":[\"open\",\"offer\",\"won\",\"lost\"]},"
    "{\"1\":\"value\",\"2\":\"money\",\"min\":0},"
    "{\"1\":\"share\",\"2\":\"decimal\",\"scale\":3},"
    "{\"1\":\"starts_on\",\"2\":\"date\"},{\"1\":\"ends_on\",\"2\":\"date\"},"
    "{\"1\":\"notice_days\",\"2\":\"integer\",\"default\":90,\"min\":0},"
    "{\"1\":\"last_notice_on\",\"2\":\"date\",\"index\":true,"
    "\"computed\":\"date_add(ends_on, -notice_days)\"},"
    "{\"1\":\"client_name\",\"2\":\"text\",\"computed\":\"client.name\"}],"
    "\"states\":{\"field\":\"stage\",\"initial\":\"open\",\"moves\":{"
    "\"open\":[\"offer\",\"lost\"],"
    "\"offer\":[{\"1\":\"won\",\"four_eyes\":true,\"role\":\"legal\"},"
    "{\"1\":\"lost\",\"role\":\"sales\"}]}},"
    "\"indexes\":[[\"client\",\"-ends_on\"]],"
    "\"rules\":[{\"1\":\"ends_after_start\",\"2\":\"ends_on > starts_on\","
    "\"message\":{\"en\":\"It ends after it starts\",\"el\":\"…\"}}]},"
    "\"note\":{\"fields\":["
    "{\"1\":\"text\",\"2\":\"long_text\"},"
    "{\"1\":\"deal\",\"2\":\"ref\",\"to\":\"deal\",\"on_delete\":\"cascade\"},"
    "{\"1\":\"author\",\"2\":\"ref\",\"to\":\"client\",\"on_delete\":\"clear\"}]}}}";

struct value shop_value(struct shop *shop, const char *json)
{
    struct value value;
    struct error error = {0};
    struct str text = arena_str(&shop->arena, str_from(json));
    if (json_decode(&shop->arena, text, &value, &error) != OK) {
        fail_msg("test JSON: %s %s: %s", error.pointer, error.detail, json);
    }
    return value;
}

static void take_schema(struct shop *shop)
{
    schema_unref(shop->schema);
    scope_unref(shop->system);
    shop->schema = store_schema(shop->store);
    shop->system = store_system_scope(shop->store, SYSTEM_MIGRATION);
}

static void start(struct shop *shop)
{
    struct error error = {0};
    struct store_options options = {.env = &shop->env.env, .folder = shop->folder};
    enum err err = store_open(&options, &shop->store, &error);
    if (err != OK) {
        fail_msg("store_open: %s", error.detail);
    }
    take_schema(shop);
}

static void stop(struct shop *shop)
{
    scope_unref(shop->system);
    schema_unref(shop->schema);
    shop->system = NULL;
    shop->schema = NULL;
    store_close(shop->store);
    shop->store = NULL;
}

void shop_open(struct shop *shop)
{
    *shop = (struct shop){.schema = NULL};
    arena_init(&shop->arena);
    env_fake_init(&shop->env, 1800000000000, 7);
    (void)snprintf(shop->folder, sizeof(shop->folder), "/tmp/proxenos-test-XXXXXX");
    assert_non_null(mkdtemp(shop->folder));
    start(shop);
}

void shop_open_with(struct shop *shop, const char *schema_json)
{
    struct error error = {0};
    shop_open(shop);
    if (shop_declare(shop, schema_json, &error) != OK) {
        fail_msg("schema: %s: %s", error.pointer, error.detail);
    }
}

void shop_reopen(struct shop *shop)
{
    stop(shop);
    start(shop);
}

void shop_close(struct shop *shop)
{
    stop(shop);
    remove_folder(shop->folder);
    arena_deinit(&shop->arena);
}

enum err shop_declare(struct shop *shop, const char *schema_json, struct error *error)
{
    struct schema_source source = {.plugin = STR("shop"), .tree = shop_value(shop, schema_json)};
    enum err err = store_schema_apply(shop->store, &source, 1, shop->system, &shop->arena, error);
    if (err == OK) {
        take_schema(shop);
    }
    return err;
}

const struct object_type *shop_type(struct shop *shop, const char *name)
{
    const struct object_type *type = schema_object(shop->schema, str_from(name));
    assert_non_null(type);
    return type;
}

/* ---- scopes ---- */

static void person_free(struct scope *scope)
{
    for (int i = 0; i < scope->schema->object_count; i++) {
        mem_free((void *)(uintptr_t)scope->grants[i].fields);
    }
    mem_free((void *)(uintptr_t)scope->grants);
    mem_free((void *)(uintptr_t)scope->roles);
    schema_unref(scope->schema);
    mem_free(scope);
}

struct scope *shop_person(struct shop *shop, const char *actor, int64_t user, uint32_t verbs,
                          enum row_rule rows)
{
    struct scope *scope = mem_zalloc(sizeof(*scope));
    size_t count = (size_t)shop->schema->object_count;
    struct scope_grant *grants = mem_zalloc(sizeof(*grants) * count);
    for (size_t i = 0; i < count; i++) {
        size_t fields = (size_t)shop->schema->objects[i].field_count;
        uint8_t *access = mem_alloc(fields);
        memset(access, FIELD_WRITABLE, fields);
        grants[i] = (struct scope_grant){.verbs = verbs,
                                         .read_rows = (uint8_t)rows,
                                         .write_rows = (uint8_t)rows,
                                         .fields = access};
    }
    schema_ref(shop->schema);
    *scope = (struct scope){.references = 1,
                            .schema = shop->schema,
                            .user = user,
                            .actor = str_from(actor),
                            .via = STR("test"),
                            .grants = grants,
                            .free = person_free};
    return scope;
}

void shop_set_role(struct scope *scope, const char *role)
{
    struct str *roles = mem_alloc(sizeof(*roles));
    roles[0] = str_from(role);
    mem_free((void *)(uintptr_t)scope->roles);
    scope->roles = roles;
    scope->role_count = 1;
}

void shop_set_field(struct scope *scope, const char *type, const char *field,
                    enum field_access access)
{
    const struct object_type *found = schema_object(scope->schema, str_from(type));
    assert_non_null(found);
    const struct field *at = object_field(found, str_from(field));
    assert_non_null(at);
    ((uint8_t *)(uintptr_t)scope->grants[found->index].fields)[at->index] = (uint8_t)access;
}

/* ---- changes ---- */

struct one_change {
    struct unit unit;
    const struct change *change;
    const struct draft *draft;
    struct tx_result result;
};

static enum err one_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct one_change *one = CONTAINER_OF(unit, struct one_change, unit);
    one->result = (struct tx_result){0};
    return one->change->import ? tx_import(tx, one->draft, &one->result, error)
                               : tx_write(tx, one->draft, &one->result, error);
}

static void one_done(struct unit *unit)
{
    (void)unit;
}

enum err shop_write(struct shop *shop, const struct change *change, struct tx_result *result,
                    struct error *error)
{
    const struct scope *scope = change->scope == NULL ? shop->system : change->scope;
    struct value map = change->json == NULL ? value_map_new() : shop_value(shop, change->json);
    struct draft *draft = NULL;
    enum err err = draft_make(shop->store, scope, change->kind, shop_type(shop, change->type),
                              change->id, &map, &shop->arena, &draft, error);
    if (err != OK) {
        return err;
    }
    draft->base_version = change->base_version;
    draft->base = change->base_version == 0 ? NULL : &map;
    draft->archive = change->archive;
    draft->restore = change->restore;
    struct one_change one = {.change = change, .draft = draft};
    one.unit.scope = scope;
    one.unit.apply = one_apply;
    one.unit.done = one_done;
    err = store_run(shop->store, &one.unit);
    if (error != NULL) {
        *error = one.unit.error;
        error->next = NULL;
    }
    if (result != NULL) {
        *result = one.result;
        result->record = NULL;
    }
    unit_deinit(&one.unit);
    return err;
}

int64_t shop_create(struct shop *shop, const char *type, const char *json)
{
    struct change change = {.kind = DRAFT_CREATE, .type = type, .json = json};
    struct tx_result result = {0};
    struct error error = {0};
    if (shop_write(shop, &change, &result, &error) != OK) {
        fail_msg("create %s %s: %s %s", type, json, error.pointer, error.detail);
    }
    return result.id;
}

enum err shop_update(struct shop *shop, const struct scope *scope, const char *type, int64_t id,
                     const char *json, struct error *error)
{
    struct change change = {
        .scope = scope, .kind = DRAFT_UPDATE, .type = type, .id = id, .json = json};
    return shop_write(shop, &change, NULL, error);
}

enum err shop_delete(struct shop *shop, const struct scope *scope, const char *type, int64_t id,
                     struct error *error)
{
    struct change change = {.scope = scope, .kind = DRAFT_DELETE, .type = type, .id = id};
    return shop_write(shop, &change, NULL, error);
}

/* ---- reading ---- */

struct one_read {
    struct unit unit;
    const struct object_type *type;
    int64_t id;
    struct buf json;
};

static enum err read_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct one_read *one = CONTAINER_OF(unit, struct one_read, unit);
    struct record *record = NULL;
    buf_reset(&one->json);
    enum err err = tx_get(tx, one->type, one->id, &record, error);
    if (err == OK) {
        record_write_json(&one->json, record);
    }
    return err;
}

const char *shop_json(struct shop *shop, const struct scope *scope, const char *type, int64_t id)
{
    struct one_read one = {.type = shop_type(shop, type), .id = id};
    one.unit.scope = scope == NULL ? shop->system : scope;
    one.unit.apply = read_apply;
    one.unit.done = one_done;
    buf_init(&one.json);
    enum err err = store_run(shop->store, &one.unit);
    struct str text = arena_str(&shop->arena, err == OK ? buf_str(&one.json) : STR(""));
    buf_deinit(&one.json);
    unit_deinit(&one.unit);
    return text.at;
}

const char *shop_field(struct shop *shop, const char *type, int64_t id, const char *field)
{
    const char *json = shop_json(shop, NULL, type, id);
    if (json[0] == '\0') {
        return "";
    }
    struct value record = shop_value(shop, json);
    const struct value *value = value_get_c(&record, field);
    if (value == NULL) {
        return "";
    }
    struct buf text;
    buf_init(&text);
    json_encode(&text, value);
    const char *copy = arena_str(&shop->arena, buf_str(&text)).at;
    buf_deinit(&text);
    return copy;
}

struct last_entry {
    struct shop *shop;
    struct str text;
};

static enum err take_entry(void *context, const struct log_entry *entry, struct error *error)
{
    struct last_entry *last = context;
    (void)error;
    last->text =
        arena_printf(&last->shop->arena, STR_FORMAT " " STR_FORMAT " " STR_FORMAT,
                     STR_ARGS(entry->type), STR_ARGS(entry->state), STR_ARGS(entry->payload));
    return OK;
}

const char *shop_last_entry(struct shop *shop)
{
    struct reader *reader = NULL;
    struct last_entry last = {.shop = shop, .text = STR("")};
    struct log_query query = {.limit = 1, .newest_first = true};
    int64_t seen = 0;
    assert_int_equal(reader_open(shop->store, 0, &reader, NULL), OK);
    enum err err = reader_log(reader, shop->system, &query, take_entry, &last, &seen, NULL);
    reader_close(reader);
    assert_int_equal(err, OK);
    return last.text.at;
}
