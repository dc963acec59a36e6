/* doctor: looks at the data folder and the service, and says for each trouble what was found and
 * what to do. Needs no service, and never opens the database itself. */
#include "internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct checkup {
    struct cli *cli;
    struct value rows;
    bool trouble;
};

static void finding(struct checkup *checkup, const char *what, bool good, struct str evidence,
                    const char *advice)
{
    struct arena *arena = &checkup->cli->arena;
    struct value row = value_map_new();
    value_put_c(arena, &row, "check", value_text(str_from(what)));
    value_put_c(arena, &row, "verdict", value_text(good ? STR("well") : STR("trouble")));
    value_put_c(arena, &row, "found", value_text(evidence));
    value_put_c(arena, &row, "do", value_text(good ? STR("") : str_from(advice)));
    value_push(arena, &checkup->rows, row);
    checkup->trouble = checkup->trouble || !good;
}

static bool check_folder(struct checkup *checkup)
{
    struct cli *cli = checkup->cli;
    struct stat status;
    if (stat(cli->folder, &status) != 0) {
        finding(checkup, "data folder", false,
                arena_printf(&cli->arena, "%s: %s", cli->folder, strerror(errno)),
                "name it with --data; `proxenos serve --data DIR` makes a new one");
        return false;
    }
    bool closed = (status.st_mode & 077) == 0;
    finding(checkup, "data folder", S_ISDIR(status.st_mode) && closed,
            arena_printf(&cli->arena, "%s, mode %03o", cli->folder, status.st_mode & 0777u),
            "nobody else may read it: chmod 700");
    return S_ISDIR(status.st_mode);
}

static void check_space(struct checkup *checkup)
{
    enum { SPACE_MIN_MB = 512 };
    struct statvfs space;
    if (statvfs(checkup->cli->folder, &space) != 0) {
        return;
    }
    uint64_t free_mb = (uint64_t)space.f_bavail * space.f_frsize / ((uint64_t)1024 * 1024);
    finding(checkup, "free space", free_mb >= SPACE_MIN_MB,
            arena_printf(&checkup->cli->arena, "%llu MB", (unsigned long long)free_mb),
            "free some: writes answer 507 when the disk is full");
}

static void check_password_file(struct checkup *checkup)
{
    struct arena *arena = &checkup->cli->arena;
    struct str path = arena_printf(arena, "%s/initial-password", checkup->cli->folder);
    bool there = access(path.at, F_OK) == 0;
    finding(
        checkup, "first password", !there, there ? path : STR("not lying around"),
        "log in, set a password of your own (`proxenos user password admin`) and delete the file");
}

static void check_settings(struct checkup *checkup)
{
    struct cli *cli = checkup->cli;
    struct buf json;
    struct error error = {0};
    buf_init(&json);
    enum err err = cli->hooks->configuration(cli->hooks->context, cli->folder, &json, &error);
    finding(checkup, "settings", err == OK,
            err == OK ? STR("readable")
                      : arena_printf(&cli->arena, "%s %s", error.pointer, error.detail),
            "correct proxenos.lua; `proxenos config check` looks again");
    buf_deinit(&json);
}

static void check_plugins(struct checkup *checkup)
{
    struct cli *cli = checkup->cli;
    struct value answer;
    if (cli_call(cli, "GET", STR("/api/v1/plugins"), NULL, &answer) != CLI_OK) {
        return;
    }
    const struct value *rows = value_get_c(&answer, "data");
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        struct str name = value_get_text(&rows->list.items[i], "name", STR(""));
        struct str state = value_get_text(&rows->list.items[i], "status", STR(""));
        bool good = !str_is(state, "failed") && !str_is(state, "suspended");
        finding(
            checkup, "plugin", good,
            arena_printf(&cli->arena, STR_FORMAT " " STR_FORMAT, STR_ARGS(name), STR_ARGS(state)),
            "`proxenos plugin show NAME` tells why");
    }
}

/* What plugins themselves find (px.doctor). */
static void check_findings(struct checkup *checkup)
{
    struct cli *cli = checkup->cli;
    struct value answer;
    if (cli_call(cli, "GET", STR("/api/v1/doctor"), NULL, &answer) != CLI_OK) {
        return;
    }
    const struct value *rows = value_get_c(&answer, "data");
    for (size_t i = 0; rows != NULL && i < rows->list.count; i++) {
        const struct value *row = &rows->list.items[i];
        struct str evidence = value_get_text(row, "evidence", STR(""));
        struct str problem = value_get_text(row, "problem", STR(""));
        struct str advice = value_get_text(row, "advice", STR(""));
        struct str plugin = value_get_text(row, "plugin", STR(""));
        finding(checkup, arena_printf(&cli->arena, "plugin " STR_FORMAT, STR_ARGS(plugin)).at,
                false,
                arena_printf(&cli->arena, STR_FORMAT "%s" STR_FORMAT, STR_ARGS(problem),
                             evidence.len > 0 ? ": " : "", STR_ARGS(evidence)),
                arena_cstr(&cli->arena, advice));
    }
}

static void check_service(struct checkup *checkup)
{
    struct cli *cli = checkup->cli;
    if (cli_connect(cli) != CLI_OK) {
        finding(checkup, "service", false, STR("does not start"), "read the sentence above");
        return;
    }
    finding(checkup, "service", true,
            cli->embedded ? STR("not running; it starts") : STR("running"), "");
    check_plugins(checkup);
    check_findings(checkup);
    struct value letters;
    if (cli_call(cli, "GET", STR("/api/v1/dead-letters?limit=1"), NULL, &letters) == CLI_OK) {
        const struct value *first = value_path(&letters, "data.0");
        finding(checkup, "dead letters", first == NULL,
                first == NULL ? STR("none") : STR("there are some"),
                "GET /api/v1/dead-letters shows each with its error");
    }
    cli_disconnect(cli);
}

int cmd_doctor(struct cli *cli)
{
    struct checkup checkup = {.cli = cli, .rows = value_list_new()};
    if (check_folder(&checkup)) {
        check_space(&checkup);
        check_password_file(&checkup);
        check_settings(&checkup);
        check_service(&checkup);
    }
    static const struct cli_column columns[] = {{"check", "check", false},
                                                {"verdict", "verdict", false},
                                                {"found", "found", false},
                                                {"do", "what to do", false}};
    cli_print_rows(cli, &checkup.rows, columns, COUNT_OF(columns));
    return checkup.trouble ? CLI_FAILED : CLI_OK;
}
