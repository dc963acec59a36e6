/* Shared inside the API: one `struct call` per request, reading on the loop or a lane, writing
 * through units. Loop thread, but for what a `run` function does on a reader lane. */
#ifndef PROXENOS_API_INTERNAL_H
#define PROXENOS_API_INTERNAL_H

#include "proxenos/api.h"
#include "proxenos/audit.h"
#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"

enum {
    LOOP_STEPS = 20000, /* contract 11 */
    READ_DEADLINE_MS = 10000,
    BODY_MAX = 1 << 20,
    BULK_BODY_MAX = 64 << 20,
    UPLOAD_BYTES_MAX = 1 << 30,
    EVENTS_LIMIT_MAX = 1000,
};

struct api {
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct flows *flows;
    struct flow_care *flow_care;
    struct plugins *plugins;
    struct jobs *jobs;
    struct net *net;
    struct outbox *outbox;
    struct webhooks *webhooks;
    struct loop *loop;
    const struct http_server *server;
    struct http_router *router;
    struct reader *reader;       /* the loop's own: asked for by api_reader */
    struct turn_end turn_end;    /* gives the reader's snapshot back */
    struct lane *lane;           /* of readers; each thread has one of its own as its context */
    struct lane *files;          /* reads and writes contents of files */
    int uploads;                 /* of files, on their way in */
    struct file_care *file_care; /* file.c */
    struct map in_flight;        /* idempotency keys under way → struct call */
    struct list listeners;       /* struct listener.in_api: server-sent events */
    struct store_watch watch;
    struct store_watch keys_watch; /* does the schema change? duplicate_job.c */
    int64_t keyed_epoch;
    struct timer catch_up; /* listeners that could not be sent all at once */
    int64_t watched_to;    /* seq up to which listeners' rights were looked at */
    unsigned char event_key[KEY_BYTES];
    bool ready, stopping;
    int64_t handed_over; /* reads that left the loop for a lane */
    struct timer sweep;  /* drops old idempotency rows */
};

/* The loop's reader, on a snapshot that all reads of this turn share (reader_hold): for reading at
 * once, never kept. */
enum err api_reader(struct api *api, struct reader **out_reader, struct error *error) MUST_CHECK;

struct call;
/* Fills call->out with the answer's body; any thread that owns the reader. */
typedef enum err (*read_run)(struct call *call, struct reader *reader, struct error *error);

struct call {
    struct api *api;
    struct http_request *http;
    struct principal who;
    bool known;                     /* who is filled in */
    const struct object_type *type; /* of the route's :object */
    int64_t id;                     /* of the route's :id */
    struct error error;
    struct buf out;
    int status;
    const char *content_type;
    struct work work; /* reading on a lane */
    read_run run;
    struct query query;
    struct aggregate aggregate;
    void (*then)(struct call *call); /* when the body is there */
    struct value body;               /* decoded */
    void *state;                     /* of a handler's own */
};

/* ---- call.c ---- */
struct call *request_call(struct http_request *request);
const struct scope *call_scope(const struct call *call);
struct arena *call_arena(struct call *call);
struct str call_request_id(const struct call *call);
/* Ends the call: the problem, with further members of `more` (a map, or NULL). */
void call_problem(struct call *call, enum err err, const struct error *error,
                  const struct value *more);
void call_fail(struct call *call, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);
/* Ends the call with call->out as JSON (or call->content_type). */
void call_respond(struct call *call, int status);
void call_respond_value(struct call *call, int status, const struct value *value);
/* The end of a list of rows and where it goes on, without the closing brace; next may be empty. */
void call_end_rows(struct call *call, struct str next);
/* A unit that lives in the request's arena has ended, and is deinited. False: the problem is
 * answered. */
bool call_unit_ended(struct call *call, struct unit *unit);
/* Finds the object type of the route and the record's id (when the route has one); answers 404
 * itself: false. */
/* Answers 404 with the nearest path (or name) among the types that this user may see. */
void call_refuse_type(struct call *call, struct str asked, bool by_path);
bool call_find_type(struct call *call);
bool call_find_id(struct call *call);
/* Decodes the JSON body (must be a map), then goes on; answers 400/415 itself. */
void call_with_body(struct call *call, void (*then)(struct call *call));
/* Runs on the loop when `quick`, or on a lane, and again there when the loop's budget ran out; then
 * answers with call->out. */
void call_read(struct call *call, bool quick, read_run run);
bool call_admin(struct call *call); /* answers 403 itself: false */
/* The administrator's, without query parameters, with a body: as call_with_body. */
void call_admin_body(struct call *call, void (*then)(struct call *call));
/* For administrators and auditors; answers 403 itself: false. */
bool call_operator(struct call *call);
void call_respond_list(struct call *call, struct value rows); /* {"data": rows} */
struct str call_parameter(const struct call *call, const char *name);
bool call_flag(const struct call *call, const char *name);
/* Query parameters must be among these, and switches (archived, dry_run …) true or false; answers
 * 400 itself, with the nearest: false. */
bool call_knows_parameters(struct call *call, const char *const *names, size_t count);
/* The body's members must be among these and of their kind, or null: a member that is passed over
 * because it is spelt or typed otherwise would do more than was asked for. Answers itself: false.
 */
struct call_member {
    const char *name;
    enum value_kind kind; /* VALUE_NULL: any */
};
bool call_knows_members(struct call *call, const struct call_member *members, size_t count);
/* write.c: what a record of the type `role` grants must be well formed; OK for all others. */
enum err call_check_grants(const struct call *call, const struct value *map,
                           struct error *error) MUST_CHECK;
void write_problem(struct buf *out, enum err err, const struct error *error, struct str request_id,
                   const struct value *more);
void write_error_json(struct buf *out, const struct error *error);

/* ---- routes.c ---- */
enum err routes_add(struct api *api, struct error *error) MUST_CHECK;
void handle_fallback(struct call *call);

typedef void (*call_handler)(struct call *call);
void get_root(struct call *call);
void get_health(struct call *call);
void get_ready(struct call *call);
void get_metrics(struct call *call);
void get_openapi(struct call *call);
void list_records(struct call *call);
void search_records(struct call *call);
void search_all(struct call *call);
void get_record(struct call *call);
void create_record(struct call *call);
void update_record(struct call *call);
void delete_record(struct call *call);
void restore_record(struct call *call);
void aggregate_records(struct call *call);
void aggregate_records_body(struct call *call);
void bulk_records(struct call *call);
void bulk_edit(struct call *call);
void bulk_delete(struct call *call);
void export_records(struct call *call);
void merge_records(struct call *call);
void get_record_duplicates(struct call *call);
void check_duplicates(struct call *call);
void list_duplicates(struct call *call);
void list_dismissed(struct call *call);
void dismiss_duplicates(struct call *call);
void undismiss_duplicates(struct call *call);
void scan_duplicates(struct call *call);
void erase_record(struct call *call);
void export_access(struct call *call);
void get_job_file(struct call *call);
void list_changesets(struct call *call);
void get_changeset(struct call *call);
void revert_changeset(struct call *call);
void get_events(struct call *call);
void get_history(struct call *call);
void get_why(struct call *call);
void create_upload(struct call *call);
void create_job(struct call *call);
void list_jobs(struct call *call);
void get_job(struct call *call);
void cancel_job(struct call *call);
void get_job_errors(struct call *call);
void list_my_approvals(struct call *call);
void list_my_views(struct call *call);
void get_coverage(struct call *call);
void preview_territory(struct call *call);
void approve_approval(struct call *call);
void reject_approval(struct call *call);
void withdraw_approval(struct call *call);
void create_compartment(struct call *call);
void propose_access(struct call *call);
void confirm_access(struct call *call);
void refuse_access(struct call *call);
void end_access(struct call *call);
void review_access(struct call *call);
void create_crossing(struct call *call);
void break_glass(struct call *call);
void set_absence(struct call *call);
void delete_absence(struct call *call);
void get_schemas(struct call *call);
void get_schema(struct call *call);
void list_custom(struct call *call);
void add_custom_object(struct call *call);
void change_custom_object(struct call *call);
void delete_custom_object(struct call *call);
void restore_custom_object(struct call *call);
void add_custom_field(struct call *call);
void change_custom_field(struct call *call);
void delete_custom_field(struct call *call);
void restore_custom_field(struct call *call);
void list_plugins(struct call *call);
void get_plugin(struct call *call);
void enable_plugin(struct call *call);
void disable_plugin(struct call *call);
void reload_plugin(struct call *call);
void install_plugin(struct call *call);
void grant_plugin(struct call *call);
void rollback_plugin(struct call *call);
void uninstall_plugin(struct call *call);
void list_automations(struct call *call);
void run_lua(struct call *call);
void shell_lua(struct call *call);
void get_automation(struct call *call);
void list_subscriptions(struct call *call);
void get_subscription(struct call *call);
void pause_subscription(struct call *call);
void resume_subscription(struct call *call);
void replay_subscription(struct call *call);
void list_schedules(struct call *call);
void get_schedule(struct call *call);
void run_schedule(struct call *call);
void pause_schedule(struct call *call);
void resume_schedule(struct call *call);
void list_dead_letters(struct call *call);
/* bus.c: those of this subscription (empty: of all), by the parameters after and limit. */
void call_dead_letters(struct call *call, struct str subscription);
void get_dead_letter(struct call *call);
void replay_dead_letter(struct call *call);
void drop_dead_letter(struct call *call);
void list_flows(struct call *call);
void get_flow(struct call *call);
void get_flow_history(struct call *call);
void start_flow(struct call *call);
void cancel_flow(struct call *call);
void retry_flow(struct call *call);
void unblock_flow(struct call *call);
void signal_flow(struct call *call);
void query_flow(struct call *call);
void migrate_flow(struct call *call);
void replay_flow(struct call *call);
void list_egress(struct call *call);
void list_mails(struct call *call);
void get_mail(struct call *call);
void retry_mail(struct call *call);
void list_fetches(struct call *call);
void get_fetch(struct call *call);
void retry_fetch(struct call *call);
void list_refusals(struct call *call);
void clear_refusal(struct call *call);
void get_checkpoint(struct call *call);
void get_me(struct call *call);
void create_login(struct call *call);
void create_logout(struct call *call);
void set_password(struct call *call);
void create_token(struct call *call);
void delete_token(struct call *call);
void create_webhook(struct call *call);
void update_webhook(struct call *call);
void get_webhook_status(struct call *call);
void list_webhook_deliveries(struct call *call);
void list_webhook_dead_letters(struct call *call);
void test_webhook(struct call *call);
void rotate_webhook(struct call *call);
void replay_webhook(struct call *call);
void list_commands(struct call *call);
void run_command(struct call *call);
void plugin_route(struct call *call);
void get_plugin_config(struct call *call);
void update_plugin_config(struct call *call);
void list_pages(struct call *call);
void get_doctor(struct call *call);
void list_secrets(struct call *call);
void list_files(struct call *call);
void create_file(struct call *call);
void get_file(struct call *call);
void delete_file(struct call *call);
void set_secret(struct call *call);
void delete_secret(struct call *call);
void rotate_secret(struct call *call);

/* ---- file.c ---- */
/* The lane of files, and its sweep at start and from time to time. */
enum err files_open(struct api *api, struct error *error) MUST_CHECK;
void files_stop(struct api *api);
void files_close(struct api *api); /* fine when not open */

/* ---- flow.c ---- */
bool call_find_run(struct call *call); /* the route's id; answers 404 itself: false */

/* ---- job.c ---- */
void register_jobs(struct api *api);
/* 202 with the job's id, or the problem; a job_start's `done`, with the call as its context. */
void job_started(struct job_start *start);

/* ---- uninstall.c ---- */
void register_uninstall(struct api *api);
void register_flow_jobs(struct api *api);     /* flow_job.c */
void register_schema_jobs(struct api *api);   /* schema.c */
void register_access_export(struct api *api); /* access_export.c */
void register_erasure(struct api *api);       /* erasure.c */

/* ---- duplicate_job.c ---- */
void register_duplicates(struct api *api);
void duplicates_ready(struct api *api); /* jobs may be started */

/* ---- history.c ---- */
/* GET of one record, and of a list of ids, as of a moment. */
void get_record_as_of(struct call *call);
void list_records_as_of(struct call *call);

/* ---- events.c ---- */
/* Ids of events as this scope is given them (contract 25), and back: ERR_CURSOR. The text is what
 * was appended. */
struct str event_position_seal(struct api *api, const struct scope *scope, int64_t seq,
                               struct buf *out);
enum err event_position_open(struct api *api, const struct scope *scope, struct str text,
                             int64_t *out_seq, struct error *error) MUST_CHECK;
/* {"id":…,"type":…, …,"data":{"before":…,"after":…}} */
void event_write(struct api *api, const struct scope *scope, const struct log_entry *entry,
                 struct buf *out);
void listeners_stop(struct api *api);
void listeners_watch(struct api *api);

/* ---- idempotency.c ---- */
extern const struct table_module api_tables;
struct idempotency {
    struct str key;                 /* empty: none asked for */
    unsigned char hash[HASH_BYTES]; /* of method, target and body */
    bool secret;                    /* the body holds a secret: it is kept sealed */
    bool replayed;
    /* The answer, a former one or this one's: */
    int status;
    struct str body; /* in the unit's arena */
    int64_t id, version;
};
/* Reads the header; answers 409 or 400 itself: false. */
bool idempotency_begin(struct call *call, struct idempotency *idempotency);
/* First thing in apply: fills in what a former request answered. ERR_IDEMPOTENCY for another body.
 */
enum err idempotency_find(struct idempotency *idempotency, const struct call *call, struct tx *tx,
                          struct error *error) MUST_CHECK;
/* Last thing in apply. */
enum err idempotency_keep(const struct idempotency *idempotency, const struct call *call,
                          struct tx *tx, struct error *error) MUST_CHECK;
void idempotency_end(struct call *call, const struct idempotency *idempotency);
void idempotency_sweep(struct api *api);
void idempotency_erasure_part(struct store *store);

/* ---- write.c ---- */
/* If-Match: "7" → 7; absent or * → 0 (any). ERR_INVALID. */
enum err call_if_match(struct call *call, int64_t *out_version, struct error *error) MUST_CHECK;

/* ?duplicates=allow; anything but that and "check" is ERR_INVALID. */
enum err call_allows_duplicates(const struct call *call, bool *out_allows,
                                struct error *error) MUST_CHECK;
/* JSON list of the ids of a create's candidates, in the call's arena; empty: none. */
struct str call_duplicates(struct call *call, const struct tx_result *result);

/* ---- view.c ---- */
/* The parameter `view` laid under the call's own question, for lists, exports and sums: filters
 * are joined, the rest is the view's where the call says nothing. Nothing without it.
 * ERR_NOT_FOUND, ERR_CONFLICT, ERR_VIEW. */
enum err call_view_query(struct call *call, struct query *query, struct error *error) MUST_CHECK;
enum err call_view_aggregate(struct call *call, struct aggregate *aggregate,
                             struct error *error) MUST_CHECK;

/* ---- read.c ---- */
/* Does the log tell this caller anything of the record, be it deleted by now? */
enum err call_knows_of(struct call *call, struct reader *reader, bool *out_known,
                       struct error *error) MUST_CHECK;
/* The 404 of a record that was looked for by its id: with merged_into when it became part of
 * another. */
void call_not_found(struct call *call, struct reader *reader);
/* An ETag: the version with its quotes, in arena. */
struct str version_tag(struct arena *arena, int64_t version);

#endif
