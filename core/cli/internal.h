/* Shared inside the CLI: commands as one table, arguments, the client, output. */
#ifndef PROXENOS_CLI_INTERNAL_H
#define PROXENOS_CLI_INTERNAL_H

#include "proxenos/base_json.h"
#include "proxenos/cli.h"
#include "proxenos/net.h"

enum { CLI_OPTIONS_MAX = 48, CLI_WORDS_MAX = 64 };
enum cli_format { CLI_TABLE, CLI_JSON, CLI_CSV, CLI_PICTURE }; /* the last: dot or svg */

struct cli_option {
    const char *name;  /* "role"; NULL ends the list */
    const char *value; /* how its value is called in help: "ROLE"; NULL: a switch */
    const char *help;
};

struct cli;
struct cli_command {
    const char *words;     /* "user add" */
    const char *arguments; /* "NAME" as shown in help; "" for none */
    int arguments_min, arguments_max;
    const char *help;
    struct cli_option options[CLI_OPTIONS_MAX];
    int (*run)(struct cli *cli);
    bool local; /* needs no service */
};
extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

struct cli {
    const struct cli_hooks *hooks;
    const struct cli_command *command;
    const char *program;
    /* arguments */
    const char *positional[CLI_WORDS_MAX];
    int positional_count;
    struct {
        const char *name, *value;
    } given[CLI_WORDS_MAX];
    int given_count;
    const char *folder; /* --data */
    const char *plugins_folder;
    enum cli_format format;
    bool quiet, embedded;
    char token[200]; /* whose rights are used; empty: those of the socket's peer */
    /* the service */
    struct net_client *client;
    struct arena arena;
};

/* ---- arguments (args.c) ---- */
/* NULL when the option was not given; a switch gives "". The last one wins. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_switch(const struct cli *cli, const char *name);
/* Takes the command's words and options apart. CLI_OK, or CLI_USAGE after saying why. */
int cli_parse(struct cli *cli, int count, char **arguments);
const struct cli_command *cli_find_command(int count, char **words, int *out_used);
void cli_help(const struct cli *cli, FILE *out);
void cli_help_command(const struct cli_command *command, FILE *out);

/* ---- the client (client.c) ---- */
/* Connects, or embeds a service; CLI_OK or CLI_UNREACHABLE after saying why. */
int cli_connect(struct cli *cli);
/* To this socket alone. */
int cli_connect_to(struct cli *cli, const char *socket);
void cli_disconnect(struct cli *cli);
struct str cli_socket_path(const struct cli *cli, struct arena *arena); /* NUL behind */
/* One JSON call; the answer's body decoded into the arena (null when empty). Says problems itself.
 */
int cli_call(struct cli *cli, const char *method, struct str target, const struct value *body,
             struct value *out_answer);
/* The same with a call of one's own (uploads, streams). */
int cli_perform(struct cli *cli, struct net_call *call, struct value *out_answer);
/* The same, but a refusal (CLI_FAILED) is the caller's to print. */
int cli_try(struct cli *cli, struct net_call *call, struct value *out_answer);
void cli_print_problem(const struct value *problem, int status);
void cli_print_error(const struct error *error);
/* target + "?" or "&" + name=value, percent-encoded. */
void cli_query(struct buf *target, const char *name, struct str value);
void cli_path(struct buf *target, struct str segment); /* "/" + encoded segment */
/* The path of an object type ("opportunity" or "opportunities" → "opportunities"). */
int cli_object_path(struct cli *cli, const char *object, struct str *out_path);
/* "/api/v1/opportunities" into target, which the caller frees in any case. */
int cli_list_target(struct cli *cli, struct buf *target, const char *object);

/* ---- output (output.c) ---- */
struct cli_column {
    const char *key, *title;
    bool right;
};
/* A list of maps in the chosen format; no columns: the keys of the first row. */
void cli_print_rows(struct cli *cli, const struct value *rows, const struct cli_column *columns,
                    size_t count);
/* One map: two columns as a table, an object as JSON. */
void cli_print_map(struct cli *cli, const struct value *map);
void cli_value_text(struct buf *out, const struct value *value);

/* ---- progress (progress.c): a bar on a terminal, nothing otherwise ---- */
struct cli_progress {
    const char *what;
    bool shown;
    int64_t started_ns;
};
void cli_progress_start(struct cli_progress *progress, const char *what, bool quiet);
void cli_progress_show(struct cli_progress *progress, int64_t done, int64_t total);
void cli_progress_end(struct cli_progress *progress);

/* ---- shared by commands ---- */
/* Shows a job until it ends; its last state. Ctrl-C leaves the job running and says how to come
 * back. */
int cli_wait_job(struct cli *cli, struct str id, struct value *out_job);
/* "/api/v1/<objects>/<id>" into target, which is inited. */
int cli_record_target(struct cli *cli, struct buf *target, const char *object, struct str id);
/* The options that were given, as query parameters of the same names. */
void cli_query_options(struct cli *cli, struct buf *target, const char *const *names, size_t count);
/* "/api/v1/<things>/<name>" and what comes behind; the name's slashes are encoded. In the arena. */
struct str cli_target(struct cli *cli, const char *things, const char *name, const char *behind);
/* A list that the API gives, as a table: GET of the path, with the options that were given. */
struct cli_list {
    const char *path;
    const char *options[4]; /* NULL behind the last */
    const struct cli_column *columns;
    size_t column_count;
};
int cli_print_list(struct cli *cli, const struct cli_list *list);
/* A file of at most 16 MiB; says itself what is wrong. */
int cli_read_file(struct cli *cli, const char *path, struct str *out_text);
/* The id of a user by name. */
/* The id of the one record of /api/v1/<collection> with this name; says so when there is none. */
int cli_find_by_name(struct cli *cli, const char *collection, const char *what, const char *name,
                     struct str *out_id);
int cli_user_id(struct cli *cli, const char *name, struct str *out_id);
/* "name=value" into body: JSON where it is JSON, plain text otherwise. CLI_USAGE after saying why.
 */
int cli_add_pair(struct cli *cli, const char *word, struct value *body);
/* Says that there is no such command, and the nearest; CLI_USAGE. */
int cli_unknown_command(int count, const char *const *words);
/* A change of a plugin, which may want capabilities approved: they are shown, and it is sent again
 * with --yes (--grant) or after a yes on the terminal. content_type: of the body; NULL: JSON. */
int cli_plugin_change(struct cli *cli, struct str target, struct str body, const char *content_type,
                      struct value *out_answer);
/* POST /plugins/NAME/word, by cli_plugin_change; says how the plugin is then. */
int cli_plugin_do(struct cli *cli, const char *word);
void cli_plugin_print(struct cli *cli, const struct value *plugin);
/* Asks on the terminal; false without one. */
bool cli_says_yes(const char *question);
/* What is in no table of ours: the words of a plugin's command and NAME=VALUE… */
extern const struct cli_command cli_plugin_command;

int cmd_user_add(struct cli *cli);
int cmd_user_list(struct cli *cli);
int cmd_user_password(struct cli *cli);
int cmd_user_role(struct cli *cli);
int cmd_user_away(struct cli *cli);
int cmd_user_back(struct cli *cli);
int cmd_compartment_make(struct cli *cli);
int cmd_compartment_list(struct cli *cli);
int cmd_compartment_members(struct cli *cli);
int cmd_compartment_propose(struct cli *cli);
int cmd_compartment_confirm(struct cli *cli);
int cmd_compartment_refuse(struct cli *cli);
int cmd_compartment_end(struct cli *cli);
int cmd_compartment_review(struct cli *cli);
int cmd_crossing_ask(struct cli *cli);
int cmd_break_glass(struct cli *cli);
int cmd_approval_list(struct cli *cli);
int cmd_approval_show(struct cli *cli);
int cmd_approval_approve(struct cli *cli);
int cmd_approval_reject(struct cli *cli);
int cmd_approval_withdraw(struct cli *cli);
int cmd_token_create(struct cli *cli);
int cmd_token_list(struct cli *cli);
int cmd_token_revoke(struct cli *cli);
int cmd_import(struct cli *cli);
int cmd_export(struct cli *cli);
int cmd_job_list(struct cli *cli);
int cmd_job_show(struct cli *cli);
int cmd_job_wait(struct cli *cli);
int cmd_job_cancel(struct cli *cli);
int cmd_record_get(struct cli *cli);
int cmd_record_list(struct cli *cli);
int cmd_record_set(struct cli *cli);
int cmd_record_delete(struct cli *cli);
int cmd_record_erase(struct cli *cli);
int cmd_record_access_export(struct cli *cli);
int cmd_hold_place(struct cli *cli);
int cmd_hold_lift(struct cli *cli);
int cmd_hold_list(struct cli *cli);
int cmd_record_history(struct cli *cli);
int cmd_record_link(struct cli *cli);
int cmd_record_unlink(struct cli *cli);
int cmd_why(struct cli *cli);
int cmd_record_merge(struct cli *cli);
int cmd_record_duplicates(struct cli *cli);
int cmd_record_dismiss(struct cli *cli);
int cmd_record_edit_all(struct cli *cli);
int cmd_record_delete_all(struct cli *cli);
int cmd_file_put(struct cli *cli);
int cmd_file_get(struct cli *cli);
int cmd_file_list(struct cli *cli);
int cmd_file_delete(struct cli *cli);
int cmd_changeset_list(struct cli *cli);
int cmd_changeset_show(struct cli *cli);
int cmd_changeset_revert(struct cli *cli);
int cmd_schema_list(struct cli *cli);
int cmd_schema_show(struct cli *cli);
int cmd_schema_add_object(struct cli *cli);
int cmd_schema_change_object(struct cli *cli);
int cmd_schema_archive_object(struct cli *cli);
int cmd_schema_restore_object(struct cli *cli);
int cmd_schema_drop_object(struct cli *cli);
int cmd_schema_add_field(struct cli *cli);
int cmd_schema_change_field(struct cli *cli);
int cmd_schema_archive_field(struct cli *cli);
int cmd_schema_restore_field(struct cli *cli);
int cmd_schema_drop_field(struct cli *cli);
int cmd_search(struct cli *cli);
int cmd_view_list(struct cli *cli);
int cmd_view_show(struct cli *cli);
int cmd_view_save(struct cli *cli);
int cmd_view_delete(struct cli *cli);
int cmd_territory_show(struct cli *cli);
int cmd_territory_preview(struct cli *cli);
int cmd_reindex(struct cli *cli);
int cmd_event_tail(struct cli *cli);
int cmd_event_list(struct cli *cli);
int cmd_subscription_list(struct cli *cli);
int cmd_subscription_show(struct cli *cli);
int cmd_subscription_pause(struct cli *cli);
int cmd_subscription_resume(struct cli *cli);
int cmd_subscription_replay(struct cli *cli);
int cmd_schedule_list(struct cli *cli);
int cmd_schedule_run(struct cli *cli);
int cmd_schedule_pause(struct cli *cli);
int cmd_schedule_resume(struct cli *cli);
int cmd_dead_letter_list(struct cli *cli);
int cmd_dead_letter_show(struct cli *cli);
int cmd_dead_letter_replay(struct cli *cli);
int cmd_dead_letter_drop(struct cli *cli);
int cmd_flow_list(struct cli *cli);
int cmd_flow_show(struct cli *cli);
int cmd_flow_export(struct cli *cli);
int cmd_flow_start(struct cli *cli);
int cmd_flow_cancel(struct cli *cli);
int cmd_flow_retry(struct cli *cli);
int cmd_flow_unblock(struct cli *cli);
int cmd_flow_signal(struct cli *cli);
int cmd_flow_query(struct cli *cli);
int cmd_flow_migrate(struct cli *cli);
int cmd_flow_replay(struct cli *cli);
int cmd_egress_list(struct cli *cli);
int cmd_mail_list(struct cli *cli);
int cmd_mail_show(struct cli *cli);
int cmd_mail_retry(struct cli *cli);
int cmd_mail_refused(struct cli *cli);
int cmd_mail_clear(struct cli *cli);
int cmd_fetch_list(struct cli *cli);
int cmd_fetch_show(struct cli *cli);
int cmd_fetch_retry(struct cli *cli);
int cmd_plugin_list(struct cli *cli);
int cmd_plugin_show(struct cli *cli);
int cmd_plugin_config(struct cli *cli);
int cmd_secret_set(struct cli *cli);
int cmd_secret_list(struct cli *cli);
int cmd_secret_rotate(struct cli *cli);
int cmd_secret_delete(struct cli *cli);
int cmd_plugin_enable(struct cli *cli);
int cmd_plugin_disable(struct cli *cli);
int cmd_plugin_reload(struct cli *cli);
int cmd_plugin_install(struct cli *cli);
int cmd_plugin_grant(struct cli *cli);
int cmd_plugin_rollback(struct cli *cli);
int cmd_plugin_uninstall(struct cli *cli);
int cmd_plugin_test(struct cli *cli);
int cmd_plugin_new(struct cli *cli);
int cmd_plugin_dev(struct cli *cli);
int cmd_plugin_check(struct cli *cli);
int cmd_plugin_pack(struct cli *cli);
int cmd_automation_list(struct cli *cli);
int cmd_plugin_top(struct cli *cli);
int cmd_run(struct cli *cli);
int cmd_shell(struct cli *cli);
int cmd_automation_show(struct cli *cli);
int cmd_webhook_list(struct cli *cli);
int cmd_webhook_create(struct cli *cli);
int cmd_webhook_show(struct cli *cli);
int cmd_webhook_delete(struct cli *cli);
int cmd_webhook_test(struct cli *cli);
int cmd_webhook_rotate(struct cli *cli);
int cmd_webhook_deliveries(struct cli *cli);
int cmd_webhook_replay(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
int cmd_audit_checkpoint(struct cli *cli);
int cmd_backup(struct cli *cli);
int cmd_restore(struct cli *cli);
int cmd_config_check(struct cli *cli);
int cmd_config_show(struct cli *cli);
int cmd_doctor(struct cli *cli);
int cmd_completion(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);
int cmd_serve(struct cli *cli);

#endif
