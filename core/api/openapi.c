/* OpenAPI 3.1 from the live schema, as the asking user sees it: what code generators and people
 * read. Operations are rows of two tables; the document is built as one value, so that it is well
 * formed by construction. Loop thread. */
#include "openapi.h"

/* What an operation takes and answers. */
enum shape { NOTHING, ANY, RECORD, PAGE, CREATE, UPDATE, CSV, NDJSON, BYTES };

/* In the order in which the tables are read; it is made once. */
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct operation {
    uint32_t verb; /* needed of the scope; 0: none */
    const char *method;
    const char *path; /* whole, or what stands behind the type's path */
    const char *id;   /* whole, or what stands before the type's name */
    const char *summary;
    const char *tag;        /* NULL: the type's name */
    const char *parameters; /* of the query, space between */
    const char *status;     /* of success */
    enum shape answer, body;
    bool open; /* no login needed */
};

/* Of every object type. */
static const struct operation type_operations[] = {
    {0, "get", "", "list", "A page of records", NULL,
     "filter order fields include limit after count archived as_of ids view", "200", PAGE, NOTHING,
     false},
    {0, "get", "/{id}", "get", "One record", NULL, "fields include as_of", "200", RECORD, NOTHING,
     false},
    {0, "get", "/{id}/history", "history", "The changes of one record", NULL, "after limit newest",
     "200", ANY, NOTHING, false},
    {0, "get", "/{id}/why/{field}", "why", "What gave a field its value, and what caused that",
     NULL, "", "200", ANY, NOTHING, false},
    {0, "post", "/search", "search", "A page of records by a query in the body", NULL, "", "200",
     PAGE, ANY, false},
    {0, "get", "/aggregate", "aggregate", "Groups and measures", NULL,
     "group measure filter archived view", "200", ANY, NOTHING, false},
    {VERB_EXPORT, "get", "/export", "export", "All records as CSV or NDJSON", NULL,
     "format filter order fields archived view", "200", CSV, NOTHING, false},
    {VERB_CREATE, "post", "", "create", "Make a record", NULL, "duplicates", "201", RECORD, CREATE,
     false},
    {VERB_CREATE, "post", "/bulk", "bulk", "Many rows, an answer per row", NULL,
     "atomic dry_run on_conflict key duplicates", "200", NDJSON, NDJSON, false},
    {0, "get", "/{id}/duplicates", "recordDuplicates", "Records that may be the same", NULL, "",
     "200", ANY, NOTHING, false},
    {0, "get", "/duplicates", "duplicates", "Groups that a scan for duplicates found", NULL,
     "scan after limit", "200", ANY, NOTHING, false},
    {VERB_CREATE, "post", "/duplicates", "checkDuplicates",
     "What may be the same as a record that is not made yet", NULL, "", "200", ANY, CREATE, false},
    {0, "post", "/duplicates/scan", "scanDuplicates", "Look for duplicates, as a job", NULL, "",
     "202", ANY, ANY, false},
    {0, "get", "/duplicates/dismissed", "dismissedDuplicates", "Pairs that are no duplicates", NULL,
     "", "200", ANY, NOTHING, false},
    {VERB_UPDATE, "post", "/duplicates/dismiss", "dismissDuplicates", "These are not the same",
     NULL, "", "200", ANY, ANY, false},
    {VERB_UPDATE, "post", "/duplicates/undismiss", "undismissDuplicates",
     "These may be the same after all", NULL, "", "200", ANY, ANY, false},
    {VERB_UPDATE, "post", "/bulk/edit", "bulkEdit",
     "Change all records that a filter finds: without a token a preview, with it for good", NULL,
     "", "200", ANY, ANY, false},
    {VERB_DELETE, "post", "/bulk/delete", "bulkDelete",
     "Delete all records that a filter finds: without a token a preview, with it for good", NULL,
     "", "200", ANY, ANY, false},
    {0, "get", "/{id}/files", "files", "The files of a record", NULL, "after limit", "200", ANY,
     NOTHING, false},
    {VERB_UPDATE, "post", "/{id}/files", "addFile",
     "Attach a file: its bytes are the body, its name stands in Content-Disposition", NULL, "",
     "201", ANY, BYTES, false},
    {0, "get", "/{id}/files/{file}", "file", "A file, or a range of it", NULL, "", "200", BYTES,
     NOTHING, false},
    {VERB_UPDATE, "delete", "/{id}/files/{file}", "removeFile", "Remove a file", NULL, "", "204",
     NOTHING, NOTHING, false},
    {VERB_UPDATE, "patch", "/{id}", "update", "Change fields", NULL, "", "200", RECORD, UPDATE,
     false},
    {VERB_UPDATE, "post", "/{id}/restore", "restore", "Bring an archived record back", NULL, "",
     "200", RECORD, NOTHING, false},
    {VERB_DELETE | VERB_UPDATE, "post", "/{id}/merge", "merge", "Merge others into this one", NULL,
     "dry_run", "200", ANY, ANY, false},
    {VERB_ERASE, "post", "/{id}/erase", "erase",
     "Erase a person: without a token a preview (200), with it a job (202)", NULL, "", "200", ANY,
     ANY, false},
    {VERB_ACCESS_EXPORT, "post", "/{id}/access-export", "accessExport",
     "All that is held on a person, by a job", NULL, "", "202", ANY, NOTHING, false},
    {VERB_DELETE, "delete", "/{id}", "delete", "Delete a record", NULL, "archive", "204", NOTHING,
     NOTHING, false},
};

/* What is always there. */
static const struct operation common_operations[] = {
    {0, "get", "/healthz", "health", "Alive", "service", "", "200", ANY, NOTHING, true},
    {0, "get", "/readyz", "ready", "Ready to serve", "service", "", "200", ANY, NOTHING, true},
    {0, "post", "/api/v1/login", "login", "Begin a session", "session", "", "200", ANY, ANY, true},
    {0, "post", "/api/v1/logout", "logout", "End the session", "session", "", "204", NOTHING,
     NOTHING, false},
    {0, "get", "/api/v1/me", "me", "Who this is, with which rights", "session", "", "200", ANY,
     NOTHING, false},
    {0, "get", "/api/v1/schema", "schemas", "The object types", "service", "", "200", ANY, NOTHING,
     false},
    {0, "get", "/api/v1/schema/objects", "customSchema",
     "Object types and fields declared at run time, archived ones included", "schema", "", "200",
     ANY, NOTHING, false},
    {0, "post", "/api/v1/schema/objects", "addObject", "Declare an object type", "schema",
     "dry_run", "201", ANY, ANY, false},
    {0, "patch", "/api/v1/schema/objects/{name}", "changeObject", "Change its declaration",
     "schema", "dry_run", "200", ANY, ANY, false},
    {0, "delete", "/api/v1/schema/objects/{name}", "deleteObject",
     "Archive a custom object type; with drop=true and a token take an archived one away for good",
     "schema", "dry_run drop confirm", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/schema/objects/{name}/restore", "restoreObject",
     "Declare an archived object type again", "schema", "dry_run", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/schema/objects/{name}/fields", "addField",
     "Declare a field; a job when its index takes long", "schema", "dry_run", "201", ANY, ANY,
     false},
    {0, "patch", "/api/v1/schema/objects/{name}/fields/{field}", "changeField",
     "Change a custom field's declaration", "schema", "dry_run", "200", ANY, ANY, false},
    {0, "delete", "/api/v1/schema/objects/{name}/fields/{field}", "deleteField",
     "Archive a custom field; with drop=true and a token take an archived one away for good",
     "schema", "dry_run drop confirm", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/schema/objects/{name}/fields/{field}/restore", "restoreField",
     "Declare an archived field again, with its values", "schema", "dry_run", "200", ANY, NOTHING,
     false},
    {0, "get", "/api/v1/search", "searchAll", "Records of all types by words", "service",
     "q objects limit after order wait", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/changesets", "changesets", "Change-sets, newest first", "changesets",
     "after limit", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/changesets/{id}", "changeset", "One, with a sample of its changes",
     "changesets", "", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/changesets/{id}/revert", "revertChangeset", "Take it back", "changesets",
     "dry_run", "200", ANY, ANY, false},
    {0, "get", "/api/v1/events", "events",
     "Events of the log; a stream with Accept: text/event-stream", "service",
     "after limit pattern object", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/uploads", "upload", "Spool a file for a job", "jobs", "", "201", ANY,
     BYTES, false},
    {0, "get", "/api/v1/jobs", "jobs", "Jobs, newest first", "jobs", "", "200", ANY, NOTHING,
     false},
    {0, "post", "/api/v1/jobs", "startJob", "Start a job", "jobs", "", "202", ANY, ANY, false},
    {0, "get", "/api/v1/jobs/{id}", "job", "State, progress and counts", "jobs", "", "200", ANY,
     NOTHING, false},
    {0, "post", "/api/v1/jobs/{id}/cancel", "cancelJob", "Cancel at the next batch", "jobs", "",
     "202", ANY, NOTHING, false},
    {0, "get", "/api/v1/jobs/{id}/file", "jobFile", "The document of an access export", "jobs", "",
     "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/jobs/{id}/errors", "jobErrors", "The rows that failed", "jobs", "", "200",
     CSV, NOTHING, false},
    {0, "post", "/api/v1/approvals/{id}/approve", "approve", "Approve", "approval", "", "200", ANY,
     ANY, false},
    {0, "post", "/api/v1/approvals/{id}/reject", "reject", "Reject", "approval", "", "200", ANY,
     ANY, false},
    {0, "post", "/api/v1/approvals/{id}/withdraw", "withdrawApproval",
     "Take back what one asked for", "approval", "", "200", ANY, ANY, false},
    {0, "get", "/api/v1/me/approvals", "myApprovals", "What waits for one's own vote", "approval",
     "filter limit after", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/me/views", "myViews", "Saved views that one may use, and whether they fit",
     "view", "object view limit after", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/territories/{id}/coverage", "territoryCoverage",
     "How many records it covers, and for whom", "territory", "", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/territories/{id}/preview", "territoryPreview",
     "What other rules would gain and lose", "territory", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/compartments", "makeCompartment", "Make one, with its first members",
     "compartment", "", "201", ANY, ANY, false},
    {0, "post", "/api/v1/compartments/{id}/accesses", "proposeAccess", "Propose who comes in",
     "compartment", "", "201", ANY, ANY, false},
    {0, "post", "/api/v1/compartment_accesses/{id}/confirm", "confirmAccess", "Let in",
     "compartment", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/compartment_accesses/{id}/refuse", "refuseAccess", "Do not let in",
     "compartment", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/compartment_accesses/{id}/end", "endAccess", "Put out, or leave",
     "compartment", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/compartment_accesses/{id}/review", "reviewAccess",
     "A keeper's word on a broken glass", "compartment", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/crossings", "cross", "Ask the keepers to be let in for some hours",
     "compartment", "", "202", ANY, ANY, false},
    {0, "post", "/api/v1/break-glass", "breakGlass", "Open at once in an emergency, reviewed later",
     "compartment", "", "201", ANY, ANY, false},
    {0, "put", "/api/v1/users/{id}/absence", "setAbsence", "Away for a time, with a deputy",
     "session", "", "200", ANY, ANY, false},
    {0, "delete", "/api/v1/users/{id}/absence", "endAbsence", "Back again", "session", "", "204",
     NOTHING, NOTHING, false},
    {0, "get", "/api/v1/plugins", "plugins", "Plugins and how they are", "service", "", "200", ANY,
     NOTHING, false},
    {0, "get", "/api/v1/plugins/{name}/config", "pluginConfig", "A plugin's settings", "service",
     "", "200", ANY, NOTHING, false},
    {0, "patch", "/api/v1/plugins/{name}/config", "configurePlugin", "Change a plugin's settings",
     "service", "", "200", ANY, ANY, false},
    {0, "get", "/api/v1/pages", "pages", "Console pages of plugins", "service", "", "200", ANY,
     NOTHING, false},
    {0, "get", "/api/v1/doctor", "doctor", "What plugins find wrong", "service", "", "200", ANY,
     NOTHING, false},
    {0, "get", "/api/v1/plugins/{name}/secrets", "secrets", "A plugin's secrets, never a value",
     "service", "", "200", ANY, NOTHING, false},
    {0, "put", "/api/v1/plugins/{name}/secrets/{secret}", "setSecret", "Set a secret", "service",
     "", "204", NOTHING, ANY, false},
    {0, "delete", "/api/v1/plugins/{name}/secrets/{secret}", "deleteSecret", "Forget a secret",
     "service", "", "204", NOTHING, NOTHING, false},
    {0, "post", "/api/v1/plugins/{name}/secrets/{secret}/rotate", "rotateSecret",
     "Replace a secret by a random one", "service", "", "204", NOTHING, NOTHING, false},
    {0, "post", "/api/v1/plugins/{name}/enable", "enablePlugin",
     "Run a plugin; 409 shows capabilities to approve", "service", "approve", "200", ANY, NOTHING,
     false},
    {0, "post", "/api/v1/plugins/{name}/disable", "disablePlugin", "Stop a plugin", "service", "",
     "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/plugins/{name}/reload", "reloadPlugin",
     "Read a plugin's files again and put the new state in the place of the old", "service",
     "approve", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/plugins", "installPlugin",
     "Install a bundle, or upgrade to it; 409 shows capabilities to approve", "service",
     "approve rollback dry_run", "201", ANY, BYTES, false},
    {0, "post", "/api/v1/plugins/{name}/grant", "grantPlugin",
     "Approve the capabilities that a plugin asks for", "service", "approve", "200", ANY, NOTHING,
     false},
    {0, "post", "/api/v1/plugins/{name}/rollback", "rollBackPlugin",
     "Go back to the version before this one", "service", "approve", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/plugins/{name}/uninstall", "uninstallPlugin",
     "Uninstall a plugin; records that are erased are erased by a job (202)", "service", "", "204",
     NOTHING, ANY, false},
    {0, "post", "/api/v1/run", "runLua", "Run a Lua text once", "service", "", "200", ANY, ANY,
     false},
    {0, "post", "/api/v1/shell", "shell", "Run a line in a shell that keeps its variables",
     "service", "", "200", ANY, ANY, false},
    {0, "get", "/api/v1/automations", "automations", "Automations and how they are", "service", "",
     "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/automations/{name}", "automation", "One automation, with its last error",
     "service", "", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/subscriptions", "subscriptions", "The bus", "service", "", "200", ANY,
     NOTHING, false},
    {0, "get", "/api/v1/subscriptions/{name}", "subscription", "One subscription", "service", "",
     "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/subscriptions/{name}/pause", "pauseSubscription",
     "Pause it; events wait in its position", "service", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/subscriptions/{name}/resume", "resumeSubscription", "Go on", "service", "",
     "200", ANY, ANY, false},
    {0, "post", "/api/v1/subscriptions/{name}/replay", "replaySubscription",
     "Deliver again from a position or a time on", "service", "", "200", ANY, ANY, false},
    {0, "get", "/api/v1/schedules", "schedules", "Schedules: next and last runs", "service", "",
     "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/schedules/{name}", "schedule", "One schedule", "service", "", "200", ANY,
     NOTHING, false},
    {0, "post", "/api/v1/schedules/{name}/run", "runSchedule", "One run now", "service", "", "200",
     ANY, ANY, false},
    {0, "post", "/api/v1/schedules/{name}/pause", "pauseSchedule", "No runs until it is resumed",
     "service", "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/schedules/{name}/resume", "resumeSchedule",
     "Go on, with what was missed dealt with by its policy", "service", "", "200", ANY, ANY, false},
    {0, "get", "/api/v1/dead-letters", "deadLetters", "What was given up", "service",
     "after limit subscription", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/dead-letters/{id}", "deadLetter", "One, with its event and traceback",
     "service", "", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/dead-letters/{id}/replay", "replayDeadLetter", "Deliver it again",
     "service", "", "200", ANY, ANY, false},
    {0, "delete", "/api/v1/dead-letters/{id}", "dropDeadLetter", "Give it up for good", "service",
     "why", "204", NOTHING, NOTHING, false},
    {0, "get", "/api/v1/mails", "mails", "Mails of the outbox, newest first", "service",
     "state before limit", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/mails/{id}", "mail", "One, with its text", "service", "", "200", ANY,
     NOTHING, false},
    {0, "post", "/api/v1/mails/{id}/retry", "retryMail", "Send it again", "service", "", "204",
     NOTHING, NOTHING, false},
    {0, "get", "/api/v1/mail-refusals", "mailRefusals", "Addresses that refused for good",
     "service", "after limit", "200", ANY, NOTHING, false},
    {0, "delete", "/api/v1/mail-refusals/{address}", "clearMailRefusal",
     "It may be written to again", "service", "", "204", NOTHING, NOTHING, false},
    {0, "get", "/api/v1/fetches", "fetches", "Requests of the outbox, newest first", "service",
     "state before limit", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/fetches/{id}", "fetch", "One, with its URL", "service", "", "200", ANY,
     NOTHING, false},
    {0, "post", "/api/v1/fetches/{id}/retry", "retryFetch", "Send it again", "service", "", "204",
     NOTHING, NOTHING, false},
    {0, "get", "/api/v1/flows", "flows", "Runs of flows, newest first", "flow",
     "plugin flow key state attributes before limit", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/flows", "startFlow", "Start a run", "flow", "", "201", ANY, ANY, false},
    {0, "post", "/api/v1/flows/replay", "replayFlow", "Go through a history with a plugin's code",
     "flow", "plugin", "200", ANY, ANY, false},
    {0, "get", "/api/v1/flows/{id}", "flow", "A run with its timeline, or as a picture", "flow",
     "format after limit", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/flows/{id}/history", "flowHistory", "All of a run, to be replayed", "flow",
     "", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/flows/{id}/cancel", "cancelFlow", "End what it waits for", "flow", "",
     "204", NOTHING, ANY, false},
    {0, "post", "/api/v1/flows/{id}/retry", "retryFlow", "Start a failed run anew", "flow", "",
     "201", ANY, ANY, false},
    {0, "post", "/api/v1/flows/{id}/unblock", "unblockFlow", "A blocked run goes on", "flow", "",
     "204", NOTHING, ANY, false},
    {0, "post", "/api/v1/flows/{id}/signal", "signalFlow", "Tell a run something", "flow", "",
     "204", NOTHING, ANY, false},
    {0, "post", "/api/v1/flows/{id}/query", "queryFlow", "Ask a run what its flow answers", "flow",
     "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/flows/{id}/migrate", "migrateFlow", "Move a run to the newest code",
     "flow", "", "200", ANY, ANY, false},
    {0, "get", "/api/v1/egress", "egress", "Requests that left the service", "service",
     "before limit", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/webhooks/{id}/status", "webhookStatus", "How it does, and its public keys",
     "webhook", "", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/webhooks/{id}/deliveries", "webhookDeliveries", "Attempts, newest first",
     "webhook", "after limit failed", "200", ANY, NOTHING, false},
    {0, "get", "/api/v1/webhooks/{id}/dead-letters", "webhookDeadLetters", "What was given up",
     "webhook", "after limit", "200", ANY, NOTHING, false},
    {0, "post", "/api/v1/webhooks/{id}/test", "testWebhook", "Send a ping now", "webhook", "",
     "200", ANY, ANY, false},
    {0, "post", "/api/v1/webhooks/{id}/rotate", "rotateWebhook", "New keys, shown once", "webhook",
     "", "200", ANY, ANY, false},
    {0, "post", "/api/v1/webhooks/{id}/replay", "replayWebhook", "Send again", "webhook", "", "200",
     ANY, ANY, false},
    {0, "get", "/api/v1/audit/checkpoint", "checkpoint", "The log's head", "service", "", "200",
     ANY, NOTHING, false},
};

/* ---- shapes ---- */

static struct value page_of(struct document *document, struct str name)
{
    struct value properties = value_map_new();
    struct value required = value_list_new();
    openapi_put(document, &properties, "data",
                openapi_list_of(document, openapi_reference(document, name)));
    openapi_put(document, &properties, "next", openapi_nullable(document, "string"));
    openapi_put(document, &properties, "count", openapi_typed(document, "integer"));
    openapi_put(document, &properties, "count_capped", openapi_typed(document, "boolean"));
    value_push(document->arena, &required, openapi_text("data"));
    value_push(document->arena, &required, openapi_text("next"));
    struct value schema = openapi_typed(document, "object");
    openapi_put(document, &schema, "properties", properties);
    openapi_put(document, &schema, "required", required);
    return schema;
}

/* The schema of a shape; `type` may be NULL where the shape is of no type. */
static struct value shape_schema(struct document *document, enum shape shape,
                                 const struct object_type *type)
{
    ASSERT(type != NULL ||
           (shape != RECORD && shape != PAGE && shape != CREATE && shape != UPDATE));
    switch (shape) {
    case RECORD:
        return openapi_reference(document, openapi_type_name(document, type->name, ""));
    case PAGE:
        return page_of(document, openapi_type_name(document, type->name, ""));
    case CREATE:
        return openapi_reference(document, openapi_type_name(document, type->name, "Create"));
    case UPDATE:
        return openapi_reference(document, openapi_type_name(document, type->name, "Update"));
    case CSV:
    case NDJSON:
    case BYTES:
        return openapi_typed(document, "string");
    case NOTHING:
    case ANY:
        break;
    }
    return openapi_typed(document, "object");
}

static const char *shape_media(enum shape shape)
{
    switch (shape) {
    case CSV:
        return "text/csv";
    case NDJSON:
        return "application/x-ndjson";
    case BYTES:
        return "application/octet-stream";
    case NOTHING:
    case ANY:
    case RECORD:
    case PAGE:
    case CREATE:
    case UPDATE:
        break;
    }
    return "application/json";
}

static struct value content(struct document *document, const char *media, struct value schema)
{
    return openapi_pair(document, media, openapi_pair(document, "schema", schema));
}

/* ---- one operation ---- */

static struct value parameter(struct document *document, struct str name, bool in_path)
{
    struct value entry = openapi_pair(document, "name", value_text(name));
    openapi_put(document, &entry, "in", openapi_text(in_path ? "path" : "query"));
    if (in_path) {
        openapi_put(document, &entry, "required", value_bool(true));
    }
    openapi_put(document, &entry, "schema",
                openapi_typed(document, str_is(name, "limit") ? "integer" : "string"));
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
    rest = str_from(operation->parameters);
    while (str_split(&rest, ' ', &part)) {
        if (part.len > 0) {
            value_push(document->arena, &list, parameter(document, part, false));
        }
    }
    return list;
}

static struct value responses_of(struct document *document, const struct operation *operation,
                                 const struct object_type *type)
{
    struct value success = openapi_pair(document, "description", openapi_text("Done."));
    if (operation->answer != NOTHING) {
        struct value schema = shape_schema(document, operation->answer, type);
        openapi_put(document, &success, "content",
                    content(document, shape_media(operation->answer), schema));
    }
    struct value problem = openapi_pair(document, "description",
                                        openapi_text("A problem (RFC 9457); its code says which."));
    openapi_put(
        document, &problem, "content",
        content(document, "application/problem+json", openapi_reference(document, STR("Problem"))));
    struct value responses = openapi_pair(document, operation->status, success);
    openapi_put(document, &responses, "4XX", problem);
    return responses;
}

/* `type` NULL: an operation that is always there. */
static void add(struct document *document, const struct operation *operation,
                const struct object_type *type)
{
    struct arena *arena = document->arena;
    struct str path = str_from(operation->path);
    struct str id = str_from(operation->id);
    struct str tag = type != NULL ? type->name : str_from(operation->tag);
    if (type != NULL) {
        struct str name = openapi_type_name(document, type->name, "");
        path =
            arena_printf(arena, "/api/v1/" STR_FORMAT "%s", STR_ARGS(type->path), operation->path);
        id = arena_printf(arena, "%s" STR_FORMAT, operation->id, STR_ARGS(name));
    }
    struct value tags = value_list_new();
    value_push(arena, &tags, value_text(tag));
    struct value entry = openapi_pair(document, "operationId", value_text(id));
    openapi_put(document, &entry, "summary", openapi_text(operation->summary));
    openapi_put(document, &entry, "tags", tags);
    struct value parameters = parameters_of(document, operation);
    if (parameters.list.count > 0) {
        openapi_put(document, &entry, "parameters", parameters);
    }
    if (operation->body != NOTHING) {
        struct value body = openapi_pair(document, "required", value_bool(true));
        struct value schema = shape_schema(document, operation->body, type);
        openapi_put(document, &body, "content",
                    content(document, shape_media(operation->body), schema));
        openapi_put(document, &entry, "requestBody", body);
    }
    openapi_put(document, &entry, "responses", responses_of(document, operation, type));
    if (operation->open) {
        openapi_put(document, &entry, "security", value_list_new());
    }
    const struct value *known = value_get(&document->paths, path);
    struct value operations = known != NULL ? *known : value_map_new();
    openapi_put(document, &operations, operation->method, entry);
    value_put(arena, &document->paths, path, operations);
}

static void add_type(struct document *document, const struct object_type *type)
{
    uint32_t verbs = document->scope->grants[type->index].verbs;
    struct value *schemas = &document->schemas;
    value_put(document->arena, schemas, openapi_type_name(document, type->name, ""),
              openapi_read_schema(document, type));
    value_put(document->arena, schemas, openapi_type_name(document, type->name, "Create"),
              openapi_write_schema(document, type, true));
    value_put(document->arena, schemas, openapi_type_name(document, type->name, "Update"),
              openapi_write_schema(document, type, false));
    for (size_t i = 0; i < COUNT_OF(type_operations); i++) {
        if ((verbs & type_operations[i].verb) == type_operations[i].verb) {
            add(document, &type_operations[i], type);
        }
    }
}

/* ---- the whole ---- */

static void add_money(struct document *document)
{
    struct value amount = openapi_typed(document, "integer");
    openapi_put(document, &amount, "description", openapi_text("In minor units: cents."));
    struct value members = openapi_pair(document, "amount", amount);
    openapi_put(document, &members, "currency", openapi_typed(document, "string"));
    struct value required = value_list_new();
    value_push(document->arena, &required, openapi_text("amount"));
    value_push(document->arena, &required, openapi_text("currency"));
    struct value money = openapi_typed(document, "object");
    openapi_put(document, &money, "properties", members);
    openapi_put(document, &money, "required", required);
    openapi_put(document, &document->schemas, "Money", money);
}

static void add_problem(struct document *document)
{
    static const char *const texts[] = {"type", "title", "detail", "code", "advice", "request_id"};
    struct value members = openapi_pair(document, "status", openapi_typed(document, "integer"));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        openapi_put(document, &members, texts[i], openapi_typed(document, "string"));
    }
    openapi_put(document, &members, "errors",
                openapi_list_of(document, openapi_typed(document, "object")));
    struct value required = value_list_new();
    value_push(document->arena, &required, openapi_text("code"));
    value_push(document->arena, &required, openapi_text("status"));
    struct value problem = openapi_typed(document, "object");
    openapi_put(document, &problem, "properties", members);
    openapi_put(document, &problem, "required", required);
    openapi_put(document, &document->schemas, "Problem", problem);
}

static struct value make_info(struct document *document)
{
    struct value license = openapi_pair(document, "name", openapi_text("Apache-2.0"));
    openapi_put(document, &license, "identifier", openapi_text("Apache-2.0"));
    struct value info = openapi_pair(document, "title", openapi_text("Proxenos"));
    openapi_put(document, &info, "version", openapi_text(PX_VERSION));
    openapi_put(
        document, &info, "description",
        openapi_text(
            "A platform for relationship managers. Made from the live schema, as you may see it."));
    openapi_put(document, &info, "license", license);
    return info;
}

static struct value make_security(struct document *document)
{
    struct value bearer = openapi_typed(document, "http");
    openapi_put(document, &bearer, "scheme", openapi_text("bearer"));
    struct value cookie = openapi_typed(document, "apiKey");
    openapi_put(document, &cookie, "in", openapi_text("cookie"));
    openapi_put(document, &cookie, "name", openapi_text("px_session"));
    struct value schemes = openapi_pair(document, "token", bearer);
    openapi_put(document, &schemes, "session", cookie);
    return schemes;
}

static struct value assemble(struct document *document)
{
    struct value servers = value_list_new();
    value_push(document->arena, &servers, openapi_pair(document, "url", openapi_text("/")));
    struct value components = openapi_pair(document, "schemas", document->schemas);
    openapi_put(document, &components, "securitySchemes", make_security(document));
    struct value security = value_list_new();
    value_push(document->arena, &security, openapi_pair(document, "token", value_list_new()));
    value_push(document->arena, &security, openapi_pair(document, "session", value_list_new()));
    struct value whole = openapi_pair(document, "openapi", openapi_text("3.1.0"));
    openapi_put(document, &whole, "info", make_info(document));
    openapi_put(document, &whole, "servers", servers);
    openapi_put(document, &whole, "security", security);
    openapi_put(document, &whole, "paths", document->paths);
    openapi_put(document, &whole, "components", components);
    return whole;
}

void get_openapi(struct call *call)
{
    struct document document = {.arena = call_arena(call),
                                .scope = call_scope(call),
                                .paths = value_map_new(),
                                .schemas = value_map_new()};
    add_money(&document);
    add_problem(&document);
    for (size_t i = 0; i < COUNT_OF(common_operations); i++) {
        add(&document, &common_operations[i], NULL);
    }
    for (int i = 0; i < document.scope->schema->object_count; i++) {
        if (document.scope->grants[i].verbs != 0) {
            add_type(&document, &document.scope->schema->objects[i]);
        }
    }
    struct value whole = assemble(&document);
    json_encode(&call->out, &whole);
    call_respond(call, 200);
}
