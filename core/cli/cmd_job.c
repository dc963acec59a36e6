/* job list|show|wait|cancel, and the waiting that import shares. */
#include "internal.h"

#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static struct str job_target(struct cli *cli, struct str id, const char *behind)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/jobs"));
    cli_path(&target, id);
    buf_append_str(&target, str_from(behind));
    struct str copy = arena_str(&cli->arena, buf_str(&target));
    buf_deinit(&target);
    return copy;
}

static bool job_ended(const struct value *job)
{
    struct str state = value_get_text(job, "state", STR(""));
    return str_is(state, "done") || str_is(state, "failed") || str_is(state, "cancelled");
}

int cli_wait_job(struct cli *cli, struct str id, struct value *out_job)
{
    struct str target = job_target(cli, id, "");
    struct cli_progress progress;
    cli_progress_start(&progress, "job", cli->quiet);
    struct sigaction previous;
    struct sigaction action = {.sa_handler = on_interrupt};
    interrupted = 0;
    sigaction(SIGINT, &action, &previous);
    int code = CLI_OK;
    useconds_t pause_us = 20000;
    for (;;) {
        code = cli_call(cli, "GET", target, NULL, out_job);
        if (code != CLI_OK || job_ended(out_job) || interrupted != 0) {
            break;
        }
        const struct value *share = value_get_c(out_job, "progress");
        cli_progress_show(&progress, value_get_int(share, "done_bytes", 0),
                          value_get_int(share, "total_bytes", 0));
        usleep(pause_us);
        pause_us = MIN(pause_us * 2, 500000);
    }
    sigaction(SIGINT, &previous, NULL);
    cli_progress_end(&progress);
    if (code == CLI_OK && interrupted != 0 && !job_ended(out_job)) {
        fprintf(stderr,
                "proxenos: job " STR_FORMAT
                " goes on in the service; `proxenos job wait " STR_FORMAT "` shows it again, "
                "`proxenos job cancel " STR_FORMAT "` ends it\n",
                STR_ARGS(id), STR_ARGS(id), STR_ARGS(id));
        return CLI_INCOMPLETE;
    }
    return code;
}

int cmd_job_list(struct cli *cli)
{
    struct value answer;
    int code = cli_call(cli, "GET", STR("/api/v1/jobs"), NULL, &answer);
    if (code == CLI_OK) {
        static const struct cli_column columns[] = {
            {"id", "id", false},       {"kind", "kind", false}, {"object", "object", false},
            {"state", "state", false}, {"by", "by", false},     {"created_at", "created", false}};
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_job_show(struct cli *cli)
{
    struct value job;
    int code = cli_call(cli, "GET", job_target(cli, str_from(cli->positional[0]), ""), NULL, &job);
    if (code == CLI_OK) {
        cli_print_map(cli, &job);
    }
    return code;
}

int cmd_job_wait(struct cli *cli)
{
    struct value job;
    int code = cli_wait_job(cli, str_from(cli->positional[0]), &job);
    if (code == CLI_OK) {
        cli_print_map(cli, &job);
        code = str_is(value_get_text(&job, "state", STR("")), "done") ? CLI_OK : CLI_FAILED;
    }
    return code;
}

int cmd_job_cancel(struct cli *cli)
{
    struct value answer;
    return cli_call(cli, "POST", job_target(cli, str_from(cli->positional[0]), "/cancel"), NULL,
                    &answer);
}
