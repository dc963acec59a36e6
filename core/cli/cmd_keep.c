/* Keeping what there is: audit verify|checkpoint, backup, restore. */
#include "internal.h"

#include <errno.h>
#include <limits.h>

#include "proxenos/base_env.h"
#include "proxenos/store_erasure.h"
#include "proxenos/store_log.h"

static int run_job(struct cli *cli, const struct value *body)
{
    struct value started;
    int code = cli_call(cli, "POST", STR("/api/v1/jobs"), body, &started);
    struct value job;
    if (code == CLI_OK) {
        code = cli_wait_job(cli, value_get_text(&started, "id", STR("")), &job);
    }
    if (code != CLI_OK) {
        return code;
    }
    const struct value *result = value_get_c(&job, "result");
    if (result != NULL && result->kind == VALUE_MAP) {
        cli_print_map(cli, result);
    }
    if (str_is(value_get_text(&job, "state", STR("")), "done")) {
        return CLI_OK;
    }
    const struct value *error = value_get_c(&job, "error");
    if (error != NULL && error->kind == VALUE_MAP) {
        cli_print_problem(error, 0);
    }
    return CLI_FAILED;
}

static int read_checkpoint(struct cli *cli, const char *path, struct value *body)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    enum { CHECKPOINT_BYTES_MAX = 4096 };
    char *text = arena_alloc(&cli->arena, CHECKPOINT_BYTES_MAX);
    size_t len = fread(text, 1, CHECKPOINT_BYTES_MAX, file);
    fclose(file);
    value_put_c(&cli->arena, body, "checkpoint", value_text((struct str){text, len}));
    return CLI_OK;
}

int cmd_audit_verify(struct cli *cli)
{
    struct value body = value_map_new();
    value_put_c(&cli->arena, &body, "kind", value_text(STR("verify")));
    const char *path = cli_option(cli, "checkpoint");
    int code = path != NULL ? read_checkpoint(cli, path, &body) : CLI_OK;
    return code == CLI_OK ? run_job(cli, &body) : code;
}

int cmd_audit_checkpoint(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/audit/checkpoint"), NULL, &answer);
    if (code == CLI_OK) {
        struct str text = value_get_text(&answer, "text", STR(""));
        printf(STR_FORMAT, STR_ARGS(text));
    }
    return code;
}

int cmd_backup(struct cli *cli)
{
    /* The service writes the folder itself, so it must not depend on where this process stands. */
    char here[PATH_MAX] = "";
    const char *folder = cli->positional[0];
    if (folder[0] != '/' && realpath(".", here) == NULL) {
        fprintf(stderr, "proxenos: the current folder is not there: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    struct str whole =
        arena_printf(&cli->arena, "%s%s%s", here, here[0] != '\0' ? "/" : "", folder);
    struct value body = value_map_new();
    value_put_c(&cli->arena, &body, "kind", value_text(STR("backup")));
    value_put_c(&cli->arena, &body, "folder", value_text(whole));
    return run_job(cli, &body);
}

static bool show_progress(void *context, int64_t done, int64_t total)
{
    cli_progress_show(context, done, total);
    return true;
}

int cmd_restore(struct cli *cli)
{
    struct error error = {0};
    struct cli_progress progress;
    bool verify = cli_switch(cli, "verify");
    cli_progress_start(&progress, verify ? "verify" : "restore", cli->quiet);
    enum err err = store_restore(env_real(), cli->positional[0], cli->folder, verify, show_progress,
                                 &progress, &error);
    cli_progress_end(&progress);
    if (err != OK) {
        cli_print_error(&error);
        return err == ERR_LOCKED ? CLI_UNREACHABLE : CLI_FAILED;
    }
    const char *erased = cli_option(cli, "erased");
    if (erased != NULL && !verify) {
        err = store_erased_merge(erased, cli->folder, &error);
        if (err != OK) {
            cli_print_error(&error);
            return CLI_FAILED;
        }
    }
    if (!cli->quiet) {
        fprintf(stderr, verify ? "the backup is whole\n" : "restored into %s\n", cli->folder);
    }
    return CLI_OK;
}
