/* OpenAPI 3.1 from the live schema, as the asking user sees it: what code generators and people
 * read. Built as one value, so that it is well formed by construction. Loop thread. */
#include "internal.h"

struct document {
    struct arena *arena;
    const struct scope *scope;
    struct value paths, schemas;
};

/* ---- small builders ---- */

static struct value text(const char *string)
{
    return value_text(str_from(string));
}

static void put(struct document *document, struct value *map, const char *key, struct value value)
{
    value_put_c(document->arena, map, key, value);
}

static struct value pair(struct document *document, const char *key, struct value value)
{
    struct value map = value_map_new();
    put(document, &map, key, value);
    return map;
}

static struct value reference(struct document *document, struct str name)
{
    return pair(document, "$ref",
                value_text(arena_printf(document->arena, "#/components/schemas/" STR_FORMAT,
                                        STR_ARGS(name))));
}

static struct value typed(struct document *document, const char *type)
{
    return pair(document, "type", text(type));
}

static struct value nullable(struct document *document, const char *type)
{
    struct value types = value_list_new();
    value_push(document->arena, &types, text(type));
    value_push(document->arena, &types, text("null"));
    return pair(document, "type", types);
}

static struct value list_of(struct document *document, struct value items)
{
    struct value list = typed(document, "array");
    put(document, &list, "items", items);
    return list;
}

/* "sales_order" → "SalesOrder". */
static struct str type_name(struct document *document, struct str name, const char *behind)
{
    char *out = arena_alloc(document->arena, name.len + 1);
    size_t len = 0;
    bool upper = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c == '_') {
            upper = true;
            continue;
        }
        out[len++] = upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        upper = false;
    }
    return arena_printf(document->arena, "%.*s%s", (int)len, out, behind);
}

/* ---- fields ---- */

static struct value enum_values(struct document *document, const struct field *field, bool or_null)
{
    struct value names = value_list_new();
    for (size_t i = 0; i < field->value_count; i++) {
        value_push(document->arena, &names, value_text(field->values[i]));
    }
    if (or_null) {
        value_push(document->arena, &names, value_null());
    }
    return names;
}

static struct value formatted(struct document *document, const char *format)
{
    struct value schema = nullable(document, "string");
    put(document, &schema, "format", text(format));
    return schema;
}

static struct value field_schema(struct document *document, const struct field *field)
{
    struct value schema = nullable(document, "string");
    switch (field->type) {
    case FIELD_INTEGER:
        schema = nullable(document, "integer");
        put(document, &schema, "format", text("int64"));
        break;
    case FIELD_DECIMAL:
        put(document, &schema, "pattern", text("^-?[0-9]+(\\.[0-9]+)?$"));
        break;
    case FIELD_MONEY: {
        struct value options = value_list_new();
        value_push(document->arena, &options, reference(document, STR("Money")));
        value_push(document->arena, &options, typed(document, "null"));
        schema = pair(document, "anyOf", options);
        break;
    }
    case FIELD_BOOLEAN:
        schema = nullable(document, "boolean");
        break;
    case FIELD_DATE:
        schema = formatted(document, "date");
        break;
    case FIELD_DATETIME:
        schema = formatted(document, "date-time");
        break;
    case FIELD_DURATION:
        schema = formatted(document, "duration");
        break;
    case FIELD_EMAIL:
        schema = formatted(document, "email");
        break;
    case FIELD_URL:
        schema = formatted(document, "uri");
        break;
    case FIELD_ENUM:
        put(document, &schema, "enum", enum_values(document, field, !field->many));
        break;
    case FIELD_REFS:
        schema = typed(document, "string");
        break;
    case FIELD_JSON:
        schema = value_map_new();
        break;
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_REF:
    case FIELD_PHONE:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_FILE:
    case FIELD_SECRET:
    case FIELD_ID:
    case FIELD_TYPE_COUNT:
        break;
    }
    if (field->many || field->type == FIELD_REFS) {
        if (field->type == FIELD_ENUM) {
            schema = typed(document, "string");
            put(document, &schema, "enum", enum_values(document, field, false));
        }
        schema = list_of(document, schema);
    }
    if (field->label.en.len > 0) {
        put(document, &schema, "description", value_text(field->label.en));
    }
    return schema;
}

static bool is_written(const struct document *document, const struct object_type *type,
                       const struct field *field)
{
    bool settable = !field->system || field->index == SYS_OWNER || field->index == SYS_EXTERNAL_ID;
    return settable && !field->readonly && field->computed == NULL &&
           document->scope->grants[type->index].fields[field->index] == FIELD_WRITABLE;
}

static struct value read_schema(struct document *document, const struct object_type *type)
{
    struct value properties = value_map_new();
    struct value required = value_list_new();
    const uint8_t *access = document->scope->grants[type->index].fields;
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (access[i] == FIELD_HIDDEN || field->type == FIELD_SECRET) {
            continue;
        }
        struct value schema = field_schema(document, field);
        if (i == SYS_ID || i == SYS_VERSION) {
            schema = typed(document, i == SYS_ID ? "string" : "integer");
            value_push(document->arena, &required, value_text(field->name));
        }
        value_put(document->arena, &properties, field->name, schema);
    }
    struct value schema = typed(document, "object");
    put(document, &schema, "properties", properties);
    put(document, &schema, "required", required);
    return schema;
}

static struct value write_schema(struct document *document, const struct object_type *type,
                                 bool create)
{
    struct value properties = value_map_new();
    struct value required = value_list_new();
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (!is_written(document, type, field)) {
            continue;
        }
        value_put(document->arena, &properties, field->name, field_schema(document, field));
        if (create && field->required && field->otherwise.kind == VALUE_NULL) {
            value_push(document->arena, &required, value_text(field->name));
        }
    }
    struct value schema = typed(document, "object");
    put(document, &schema, "properties", properties);
    if (required.list.count > 0) {
        put(document, &schema, "required", required);
    }
    put(document, &schema, "additionalProperties", value_bool(false));
    return schema;
}

/* ---- operations ---- */

struct operation {
    const char *method, *path; /* path with {id} */
    const char *id, *summary, *tag;
    const char *parameters; /* names, space between */
    const char *status;     /* of success */
    const char *media;      /* of the answer; NULL: none */
    struct value answer;    /* its schema; null: any */
    const char *body_media; /* NULL: no body */
    struct value body;
    bool open; /* no login needed */
};

static struct value content(struct document *document, const char *media, struct value schema)
{
    struct value entry = value_map_new();
    put(document, &entry, "schema", schema.kind == VALUE_NULL ? value_map_new() : schema);
    return pair(document, media, entry);
}

static struct value parameter(struct document *document, struct str name, bool in_path)
{
    struct value entry = value_map_new();
    bool number = str_is(name, "limit");
    put(document, &entry, "name", value_text(name));
    put(document, &entry, "in", text(in_path ? "path" : "query"));
    if (in_path) {
        put(document, &entry, "required", value_bool(true));
    }
    put(document, &entry, "schema", typed(document, number ? "integer" : "string"));
    return entry;
}

static struct value parameters_of(struct document *document, const struct operation *operation)
{
    struct value list = value_list_new();
    struct str rest = str_from(operation->path);
    struct str part;
    while (str_split(&rest, '/', &part)) {
        if (str_starts(part, STR("{"))) {
            value_push(document->arena, &list,
                       parameter(document, str_sub(part, 1, part.len - 2), true));
        }
    }
    rest = str_from(operation->parameters != NULL ? operation->parameters : "");
    while (str_split(&rest, ' ', &part)) {
        if (part.len > 0) {
            value_push(document->arena, &list, parameter(document, part, false));
        }
    }
    return list;
}

static struct value responses_of(struct document *document, const struct operation *operation)
{
    struct value success = pair(document, "description", text("Done."));
    if (operation->media != NULL) {
        put(document, &success, "content", content(document, operation->media, operation->answer));
    }
    struct value problem =
        pair(document, "description", text("A problem (RFC 9457); its code says which."));
    put(document, &problem, "content",
        content(document, "application/problem+json", reference(document, STR("Problem"))));
    struct value responses = pair(document, operation->status, success);
    put(document, &responses, "4XX", problem);
    return responses;
}

static void add(struct document *document, const struct operation *operation)
{
    struct value entry = value_map_new();
    struct value tags = value_list_new();
    value_push(document->arena, &tags, text(operation->tag));
    put(document, &entry, "operationId", text(operation->id));
    put(document, &entry, "summary", text(operation->summary));
    put(document, &entry, "tags", tags);
    struct value parameters = parameters_of(document, operation);
    if (parameters.list.count > 0) {
        put(document, &entry, "parameters", parameters);
    }
    if (operation->body_media != NULL) {
        struct value body = pair(document, "required", value_bool(true));
        put(document, &body, "content", content(document, operation->body_media, operation->body));
        put(document, &entry, "requestBody", body);
    }
    put(document, &entry, "responses", responses_of(document, operation));
    if (operation->open) {
        put(document, &entry, "security", value_list_new());
    }
    const struct value *known = value_get_c(&document->paths, operation->path);
    struct value path = known != NULL ? *known : value_map_new();
    put(document, &path, operation->method, entry);
    put(document, &document->paths, operation->path, path);
}

/* ---- one object type ---- */

static struct value page_of(struct document *document, struct str name)
{
    struct value properties = value_map_new();
    struct value required = value_list_new();
    put(document, &properties, "data", list_of(document, reference(document, name)));
    put(document, &properties, "next", nullable(document, "string"));
    put(document, &properties, "count", typed(document, "integer"));
    put(document, &properties, "count_capped", typed(document, "boolean"));
    value_push(document->arena, &required, text("data"));
    value_push(document->arena, &required, text("next"));
    struct value schema = typed(document, "object");
    put(document, &schema, "properties", properties);
    put(document, &schema, "required", required);
    return schema;
}

static const char *printed(struct document *document, const char *format, struct str name)
{
    return arena_printf(document->arena, format, STR_ARGS(name)).at;
}

static void add_reading(struct document *document, const struct object_type *type, struct str name)
{
    const char *tag = arena_cstr(document->arena, type->name);
    const char *path = printed(document, "/api/v1/" STR_FORMAT, type->path);
    const char *one = printed(document, "/api/v1/" STR_FORMAT "/{id}", type->path);
    struct value page = page_of(document, name);
    struct value any = typed(document, "object");
    const struct operation operations[] = {
        {.method = "get",
         .path = path,
         .id = printed(document, "list" STR_FORMAT, name),
         .summary = "A page of records",
         .tag = tag,
         .parameters = "filter order fields include limit after count archived",
         .status = "200",
         .media = "application/json",
         .answer = page},
        {.method = "get",
         .path = one,
         .id = printed(document, "get" STR_FORMAT, name),
         .summary = "One record",
         .tag = tag,
         .parameters = "fields include",
         .status = "200",
         .media = "application/json",
         .answer = reference(document, name)},
        {.method = "post",
         .path = printed(document, "/api/v1/" STR_FORMAT "/search", type->path),
         .id = printed(document, "search" STR_FORMAT, name),
         .summary = "A page of records by a query in the body",
         .tag = tag,
         .status = "200",
         .media = "application/json",
         .answer = page,
         .body_media = "application/json",
         .body = any},
        {.method = "get",
         .path = printed(document, "/api/v1/" STR_FORMAT "/aggregate", type->path),
         .id = printed(document, "aggregate" STR_FORMAT, name),
         .summary = "Groups and measures",
         .tag = tag,
         .parameters = "group measure filter archived",
         .status = "200",
         .media = "application/json",
         .answer = any},
        {.method = "get",
         .path = printed(document, "/api/v1/" STR_FORMAT "/export", type->path),
         .id = printed(document, "export" STR_FORMAT, name),
         .summary = "All records as CSV or NDJSON",
         .tag = tag,
         .parameters = "format filter order fields archived",
         .status = "200",
         .media = "text/csv",
         .answer = typed(document, "string")},
    };
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        add(document, &operations[i]);
    }
}

static void add_writing(struct document *document, const struct object_type *type, struct str name)
{
    uint32_t verbs = document->scope->grants[type->index].verbs;
    const char *tag = arena_cstr(document->arena, type->name);
    const char *path = printed(document, "/api/v1/" STR_FORMAT, type->path);
    const char *one = printed(document, "/api/v1/" STR_FORMAT "/{id}", type->path);
    struct str create = type_name(document, type->name, "Create");
    struct str update = type_name(document, type->name, "Update");
    struct value record = reference(document, name);
    value_put(document->arena, &document->schemas, create, write_schema(document, type, true));
    value_put(document->arena, &document->schemas, update, write_schema(document, type, false));
    const struct {
        uint32_t verb;
        struct operation operation;
    } operations[] = {
        {VERB_CREATE,
         {.method = "post",
          .path = path,
          .id = printed(document, "create" STR_FORMAT, name),
          .summary = "Make a record",
          .tag = tag,
          .status = "201",
          .media = "application/json",
          .answer = record,
          .body_media = "application/json",
          .body = reference(document, create)}},
        {VERB_CREATE,
         {.method = "post",
          .path = printed(document, "/api/v1/" STR_FORMAT "/bulk", type->path),
          .id = printed(document, "bulk" STR_FORMAT, name),
          .summary = "Many rows, an answer per row",
          .tag = tag,
          .parameters = "atomic dry_run on_conflict key",
          .status = "200",
          .media = "application/x-ndjson",
          .answer = typed(document, "string"),
          .body_media = "application/x-ndjson",
          .body = typed(document, "string")}},
        {VERB_UPDATE,
         {.method = "patch",
          .path = one,
          .id = printed(document, "update" STR_FORMAT, name),
          .summary = "Change fields",
          .tag = tag,
          .status = "200",
          .media = "application/json",
          .answer = record,
          .body_media = "application/json",
          .body = reference(document, update)}},
        {VERB_UPDATE,
         {.method = "post",
          .path = printed(document, "/api/v1/" STR_FORMAT "/{id}/restore", type->path),
          .id = printed(document, "restore" STR_FORMAT, name),
          .summary = "Bring an archived record back",
          .tag = tag,
          .status = "200",
          .media = "application/json",
          .answer = record}},
        {VERB_DELETE,
         {.method = "delete",
          .path = one,
          .id = printed(document, "delete" STR_FORMAT, name),
          .summary = "Delete a record",
          .tag = tag,
          .parameters = "archive",
          .status = "204"}},
    };
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        if ((verbs & operations[i].verb) != 0) {
            add(document, &operations[i].operation);
        }
    }
}

/* ---- what is always there ---- */

static void add_common_schemas(struct document *document)
{
    struct value money = typed(document, "object");
    struct value amount = typed(document, "integer");
    struct value members = value_map_new();
    struct value required = value_list_new();
    put(document, &amount, "description", text("In minor units: cents."));
    put(document, &members, "amount", amount);
    put(document, &members, "currency", typed(document, "string"));
    value_push(document->arena, &required, text("amount"));
    value_push(document->arena, &required, text("currency"));
    put(document, &money, "properties", members);
    put(document, &money, "required", required);
    put(document, &document->schemas, "Money", money);

    static const char *const texts[] = {"type", "title", "detail", "code", "advice", "request_id"};
    struct value problem = typed(document, "object");
    struct value named = value_list_new();
    members = value_map_new();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        put(document, &members, texts[i], typed(document, "string"));
    }
    put(document, &members, "status", typed(document, "integer"));
    put(document, &members, "errors", list_of(document, typed(document, "object")));
    value_push(document->arena, &named, text("code"));
    value_push(document->arena, &named, text("status"));
    put(document, &problem, "properties", members);
    put(document, &problem, "required", named);
    put(document, &document->schemas, "Problem", problem);
}

static void add_common_paths(struct document *document)
{
    struct value any = typed(document, "object");
    static const char json[] = "application/json";
    const struct operation operations[] = {
        {.method = "get",
         .path = "/healthz",
         .id = "health",
         .summary = "Alive",
         .tag = "service",
         .status = "200",
         .media = json,
         .answer = any,
         .open = true},
        {.method = "get",
         .path = "/readyz",
         .id = "ready",
         .summary = "Ready to serve",
         .tag = "service",
         .status = "200",
         .media = json,
         .answer = any,
         .open = true},
        {.method = "post",
         .path = "/api/v1/login",
         .id = "login",
         .summary = "Begin a session",
         .tag = "session",
         .status = "200",
         .media = json,
         .answer = any,
         .body_media = json,
         .body = any,
         .open = true},
        {.method = "post",
         .path = "/api/v1/logout",
         .id = "logout",
         .summary = "End the session",
         .tag = "session",
         .status = "204"},
        {.method = "get",
         .path = "/api/v1/me",
         .id = "me",
         .summary = "Who this is, with which rights",
         .tag = "session",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "get",
         .path = "/api/v1/schema",
         .id = "schemas",
         .summary = "The object types",
         .tag = "service",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "get",
         .path = "/api/v1/events",
         .id = "events",
         .summary = "Events of the log; a stream with Accept: text/event-stream",
         .tag = "service",
         .parameters = "after limit pattern object",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "post",
         .path = "/api/v1/uploads",
         .id = "upload",
         .summary = "Spool a file for a job",
         .tag = "jobs",
         .status = "201",
         .media = json,
         .answer = any,
         .body_media = "application/octet-stream",
         .body = typed(document, "string")},
        {.method = "get",
         .path = "/api/v1/jobs",
         .id = "jobs",
         .summary = "Jobs, newest first",
         .tag = "jobs",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "post",
         .path = "/api/v1/jobs",
         .id = "startJob",
         .summary = "Start a job",
         .tag = "jobs",
         .status = "202",
         .media = json,
         .answer = any,
         .body_media = json,
         .body = any},
        {.method = "get",
         .path = "/api/v1/jobs/{id}",
         .id = "job",
         .summary = "State, progress and counts",
         .tag = "jobs",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "post",
         .path = "/api/v1/jobs/{id}/cancel",
         .id = "cancelJob",
         .summary = "Cancel at the next batch",
         .tag = "jobs",
         .status = "202",
         .media = json,
         .answer = any},
        {.method = "get",
         .path = "/api/v1/jobs/{id}/errors",
         .id = "jobErrors",
         .summary = "The rows that failed",
         .tag = "jobs",
         .status = "200",
         .media = "text/csv",
         .answer = typed(document, "string")},
        {.method = "post",
         .path = "/api/v1/approvals/{id}/approve",
         .id = "approve",
         .summary = "Approve",
         .tag = "approval",
         .status = "200",
         .media = json,
         .answer = any,
         .body_media = json,
         .body = any},
        {.method = "post",
         .path = "/api/v1/approvals/{id}/reject",
         .id = "reject",
         .summary = "Reject",
         .tag = "approval",
         .status = "200",
         .media = json,
         .answer = any,
         .body_media = json,
         .body = any},
        {.method = "get",
         .path = "/api/v1/plugins",
         .id = "plugins",
         .summary = "Plugins and how they are",
         .tag = "service",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "get",
         .path = "/api/v1/subscriptions",
         .id = "subscriptions",
         .summary = "The bus",
         .tag = "service",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "get",
         .path = "/api/v1/dead-letters",
         .id = "deadLetters",
         .summary = "What was given up",
         .tag = "service",
         .parameters = "after limit",
         .status = "200",
         .media = json,
         .answer = any},
        {.method = "get",
         .path = "/api/v1/audit/checkpoint",
         .id = "checkpoint",
         .summary = "The log's head",
         .tag = "service",
         .status = "200",
         .media = json,
         .answer = any},
    };
    for (size_t i = 0; i < COUNT_OF(operations); i++) {
        add(document, &operations[i]);
    }
}

static struct value make_info(struct document *document)
{
    struct value license = pair(document, "name", text("Apache-2.0"));
    put(document, &license, "identifier", text("Apache-2.0"));
    struct value info = pair(document, "title", text("Proxenos"));
    put(document, &info, "version", text(PX_VERSION));
    put(document, &info, "description",
        text(
            "A platform for relationship managers. Made from the live schema, as you may see it."));
    put(document, &info, "license", license);
    return info;
}

static struct value make_security(struct document *document)
{
    struct value bearer = typed(document, "http");
    put(document, &bearer, "scheme", text("bearer"));
    struct value cookie = typed(document, "apiKey");
    put(document, &cookie, "in", text("cookie"));
    put(document, &cookie, "name", text("px_session"));
    struct value schemes = pair(document, "token", bearer);
    put(document, &schemes, "session", cookie);
    return schemes;
}

void get_openapi(struct call *call)
{
    struct document document = {.arena = call_arena(call),
                                .scope = call_scope(call),
                                .paths = value_map_new(),
                                .schemas = value_map_new()};
    add_common_schemas(&document);
    add_common_paths(&document);
    for (int i = 0; i < document.scope->schema->object_count; i++) {
        const struct object_type *type = &document.scope->schema->objects[i];
        if (document.scope->grants[i].verbs == 0) {
            continue;
        }
        struct str name = type_name(&document, type->name, "");
        value_put(document.arena, &document.schemas, name, read_schema(&document, type));
        add_reading(&document, type, name);
        add_writing(&document, type, name);
    }
    struct value server = pair(&document, "url", text("/"));
    struct value servers = value_list_new();
    value_push(document.arena, &servers, server);
    struct value components = pair(&document, "schemas", document.schemas);
    put(&document, &components, "securitySchemes", make_security(&document));
    struct value security = value_list_new();
    value_push(document.arena, &security, pair(&document, "token", value_list_new()));
    value_push(document.arena, &security, pair(&document, "session", value_list_new()));
    struct value whole = pair(&document, "openapi", text("3.1.0"));
    put(&document, &whole, "info", make_info(&document));
    put(&document, &whole, "servers", servers);
    put(&document, &whole, "security", security);
    put(&document, &whole, "paths", document.paths);
    put(&document, &whole, "components", components);
    json_encode(&call->out, &whole);
    call_respond(call, 200);
}
