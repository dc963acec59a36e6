/* The world of the tests of questions; see query_fixture.h. */
#include "query_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine_fixture.h"

static const char schema_json[] =
    "{'objects':{"
    "'company':{'path':'companies','title':'name','compartment':'optional','fields':["
    "{'1':'name','2':'text','required':true},"
    "{'1':'industry','2':'enum','of':['energy','retail','finance'],'index':true},"
    "{'1':'country','2':'country'},"
    "{'1':'parent','2':'ref','to':'company'},"
    "{'1':'secret_note','2':'text'},"
    "{'1':'roles','2':'enum','many':true,'of':['client','supplier','partner']}]},"
    "'deal':{'title':'name','fields':["
    "{'1':'name','2':'text','required':true},"
    "{'1':'stage','2':'enum','of':['new','won','lost'],'index':true},"
    "{'1':'company','2':'ref','to':'company'},"
    "{'1':'watchers','2':'refs','to':'user'},"
    "{'1':'value','2':'money'},"
    "{'1':'price','2':'decimal','scale':2},"
    "{'1':'size','2':'integer','index':true},"
    "{'1':'hot','2':'boolean'},"
    "{'1':'closed_on','2':'date','index':true},"
    "{'1':'met_at','2':'datetime'},"
    "{'1':'term','2':'duration'},"
    "{'1':'note','2':'long_text'},"
    "{'1':'email','2':'email'},"
    "{'1':'code','2':'text','unique':true},"
    "{'1':'extra','2':'json'},"
    "{'1':'pin','2':'secret'},"
    "{'1':'industry_was','2':'text','computed':'company.industry'},"
    "{'1':'double_size','2':'integer','computed':'size * 2'}],"
    "'indexes':[['stage','-closed_on']]}}}";

/* ---- text ---- */

struct str quoted(struct world *world, const char *text)
{
    struct buf out;
    buf_init(&out);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '#') {
            char id[ID_TEXT_LEN + 1];
            size_t len = strcspn(at + 1, "'\",]})");
            struct str name = {at + 1, len};
            char *plain = arena_cstr(&world->arena, name);
            int64_t found = id_of(world, "company", plain);
            found = found != 0 ? found : id_of(world, "user", plain);
            found = found != 0 ? found : id_of(world, "deal", plain);
            assert_true(found != 0);
            id_format(found, id);
            buf_append_str(&out, str_from(id));
            at += len;
        } else {
            buf_append_str(&out, *at == '\'' ? STR("\"") : (struct str){at, 1});
        }
    }
    struct str made = arena_str(&world->arena, buf_str(&out));
    buf_deinit(&out);
    return made;
}

static struct value parsed(struct world *world, const char *json)
{
    struct value value;
    struct error error = {0};
    if (json_decode(&world->arena, quoted(world, json), &value, &error) != OK) {
        fail_msg("%s: %s", json, error.detail);
    }
    return value;
}

/* ---- opening ---- */

void world_open_store(struct world *world)
{
    struct error error = {0};
    struct store_options options = {.env = &world->env.env, .folder = world->folder, .node = 1};
    if (store_open(&options, &world->store, &error) != OK) {
        fail_msg("store_open: %s", error.detail);
    }
    struct schema_source source = {.plugin = STR("test"), .tree = parsed(world, schema_json)};
    world->system = store_system_scope(world->store, SYSTEM_MIGRATION);
    if (store_schema_apply(world->store, &source, 1, world->system, &world->arena, &error) != OK) {
        fail_msg("schema: %s %s", error.pointer, error.detail);
    }
    scope_unref(world->system);
    world->system = store_system_scope(world->store, SYSTEM_MIGRATION);
    world->schema = store_schema(world->store);
    world->company = schema_object(world->schema, STR("company"));
    world->deal = schema_object(world->schema, STR("deal"));
    world->user = schema_object(world->schema, STR("user"));
    assert_int_equal(reader_open(world->store, 0, &world->reader, &error), OK);
}

void world_close_store(struct world *world)
{
    reader_close(world->reader);
    scope_unref(world->system);
    schema_unref(world->schema);
    store_close(world->store);
}

int world_setup(void **state)
{
    enum { START_MS = 1711965600 }; /* seconds: 2024-04-01T10:00:00Z */
    crypto_init();
    struct world *world = mem_zalloc(sizeof(*world));
    const char *place = getenv("TMPDIR");
    (void)snprintf(world->folder, sizeof(world->folder), "%s/px-query-XXXXXX",
                   place != NULL ? place : "/tmp");
    if (mkdtemp(world->folder) == NULL) {
        return -1;
    }
    arena_init(&world->arena);
    env_fake_init(&world->env, (int64_t)START_MS * 1000, 7);
    world_open_store(world);
    *state = world;
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    world_close_store(world);
    remove_folder(world->folder);
    arena_deinit(&world->arena);
    mem_free(world);
    return 0;
}

/* ---- records ---- */

struct write_unit {
    struct unit unit;
    struct draft *draft;
};

static enum err write_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    return tx_write(tx, CONTAINER_OF(unit, struct write_unit, unit)->draft, NULL, error);
}

static void write_done(struct unit *unit)
{
    (void)unit;
}

static int64_t write_record(struct world *world, enum draft_kind kind, const char *object,
                            int64_t id, const char *json)
{
    struct error error = {0};
    struct value map = parsed(world, json);
    const struct object_type *type = schema_object(world->schema, str_from(object));
    struct write_unit write = {
        .unit = {.apply = write_apply, .done = write_done, .scope = world->system}};
    world->env.ms += 1000;
    if (draft_make(world->store, world->system, kind, type, id, &map, &world->arena, &write.draft,
                   &error) != OK) {
        fail_msg("%s: %s %s", json, error.pointer, error.detail);
    }
    if (store_run(world->store, &write.unit) != OK) {
        fail_msg("%s: %s %s", json, write.unit.error.pointer, write.unit.error.detail);
    }
    unit_deinit(&write.unit);
    return write.draft->id;
}

int64_t put(struct world *world, const char *object, const char *json)
{
    return write_record(world, DRAFT_CREATE, object, 0, json);
}

void change(struct world *world, const char *object, int64_t id, const char *json)
{
    (void)write_record(world, DRAFT_UPDATE, object, id, json);
}

/* As a delete leaves a record to which only hidden ones refer. */
void archive(struct world *world, const char *object, int64_t id)
{
    struct db *db = NULL;
    char path[200], sql[200];
    world_close_store(world);
    (void)snprintf(path, sizeof(path), "%s/proxenos.db", world->folder);
    (void)snprintf(sql, sizeof(sql), "update o_%s set archived_at = %lld where id = %lld", object,
                   (long long)world->env.ms, (long long)id);
    struct db_options options = {.path = path, .mode = DB_WRITER};
    assert_int_equal(db_open(&options, &db, NULL), OK);
    assert_int_equal(db_exec(db, sql, NULL), OK);
    db_close(db);
    world_open_store(world);
}

struct found {
    struct buf names, json;
    int64_t id;
};

static enum err keep_row(void *context, const struct record *record, struct error *error)
{
    struct found *found = context;
    const struct value *name = record_value(record, STR("name"));
    (void)error;
    buf_append_str(&found->names, found->names.len > 0 ? STR(" ") : STR(""));
    buf_append_str(&found->names, name != NULL && name->kind == VALUE_TEXT ? name->text : STR("-"));
    record_write_json(&found->json, record);
    buf_append_char(&found->json, '\n');
    found->id = record->id;
    return OK;
}

int64_t id_of(struct world *world, const char *object, const char *name)
{
    struct value map = value_map_new();
    struct query query;
    struct page page;
    struct found found = {.id = 0};
    struct error error = {0};
    const struct object_type *type = schema_object(world->schema, str_from(object));
    value_put_c(&world->arena, &map, "name", value_text(str_from(name)));
    struct value tree = value_map_new();
    value_put_c(&world->arena, &tree, "filter", map);
    assert_int_equal(query_from_value(&world->arena, type, &tree, &query, &error), OK);
    query.archived = true;
    assert_int_equal(query_bind(&query, world->system, &world->arena, &error), OK);
    assert_int_equal(
        reader_query(world->reader, &query, &world->arena, keep_row, &found, &page, &error), OK);
    buf_deinit(&found.names);
    buf_deinit(&found.json);
    return found.id;
}

/* ---- scopes ---- */

static void scope_drop(struct scope *scope)
{
    (void)scope; /* in the world's arena, with the schema that the world holds */
}

struct scope *scope_make(struct world *world, int64_t user, enum row_rule rows)
{
    size_t count = (size_t)world->schema->object_count;
    struct scope *scope = ARENA_NEW(&world->arena, struct scope);
    struct scope_grant *grants = ARENA_ARRAY(&world->arena, struct scope_grant, count);
    for (size_t i = 0; i < count; i++) {
        size_t fields = (size_t)world->schema->objects[i].field_count;
        uint8_t *access = ARENA_ARRAY(&world->arena, uint8_t, fields);
        for (size_t j = 0; j < fields; j++) {
            access[j] = FIELD_WRITABLE;
        }
        grants[i] = (struct scope_grant){.verbs = VERB_ALL,
                                         .read_rows = (uint8_t)rows,
                                         .write_rows = (uint8_t)rows,
                                         .fields = access};
    }
    *scope = (struct scope){.references = 1,
                            .schema = world->schema,
                            .user = user,
                            .actor = arena_printf(&world->arena, "user:%lld", (long long)user),
                            .via = STR("test"),
                            .grants = grants,
                            .free = scope_drop};
    return scope;
}

static struct scope_grant *grant_of(struct scope *scope, const struct object_type *type)
{
    return (struct scope_grant *)(uintptr_t)&scope->grants[type->index];
}

void scope_rows(struct scope *scope, const struct object_type *type, enum row_rule rows)
{
    grant_of(scope, type)->read_rows = (uint8_t)rows;
}

void scope_access(struct scope *scope, const struct object_type *type, const char *field,
                  enum field_access access)
{
    const struct field *found = object_field(type, str_from(field));
    assert_non_null(found);
    ((uint8_t *)(uintptr_t)grant_of(scope, type)->fields)[found->index] = (uint8_t)access;
}

void scope_team(struct scope *scope, const int64_t *ids, size_t count)
{
    scope->team = ids;
    scope->team_count = count;
}

/* ---- questions ---- */

enum err bind_ask(struct world *world, const struct ask *question, struct query *out_query,
                  struct error *error)
{
    struct arena *arena = &world->arena;
    *out_query = (struct query){.type = question->type != NULL ? question->type : world->deal,
                                .limit = question->limit > 0 ? question->limit : 50,
                                .after = question->after,
                                .count = question->count,
                                .filter = question->tree,
                                .archived = question->archived};
    enum err err = OK;
    if (question->filter != NULL) {
        err = filter_parse(arena, quoted(world, question->filter), &out_query->filter, error);
    }
    if (err == OK && question->order != NULL) {
        err = query_order(out_query, str_from(question->order), error);
    }
    if (err == OK && question->fields != NULL) {
        err = query_fields(out_query, arena, str_from(question->fields), error);
    }
    if (err == OK && question->include != NULL) {
        err = query_include(out_query, str_from(question->include), error);
    }
    const struct scope *scope = question->scope != NULL ? question->scope : world->system;
    return err == OK ? query_bind(out_query, scope, arena, error) : err;
}

struct answer ask(struct world *world, struct ask question)
{
    struct answer answer = {.err = OK};
    struct query query;
    struct found found = {.id = 0};
    answer.err = bind_ask(world, &question, &query, &answer.error);
    if (answer.err == OK) {
        answer.err = reader_query(world->reader, &query, &world->arena, keep_row, &found,
                                  &answer.page, &answer.error);
    }
    answer.names = arena_str(&world->arena, buf_str(&found.names));
    answer.json = arena_str(&world->arena, buf_str(&found.json));
    buf_deinit(&found.names);
    buf_deinit(&found.json);
    return answer;
}

const char *names_of(struct world *world, struct ask question)
{
    struct answer answer = ask(world, question);
    if (answer.err != OK) {
        fail_msg("%s: %s %s", question.filter != NULL ? question.filter : "", err_code(answer.err),
                 answer.error.detail);
    }
    return answer.names.at;
}
