/* plugin install|uninstall: a bundle goes to the service, which judges it; what is erased is asked
 * for, and shown as the job that it is. */
#include "internal.h"

#include "proxenos/plugin_bundle.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- install ---- */

static int refuse(const struct error *error)
{
    cli_print_error(error);
    return CLI_FAILED;
}

static int pack_folder(const char *folder, struct buf *out)
{
    struct arena arena;
    struct bundle bundle = {0};
    struct error error = {0};
    arena_init(&arena);
    enum err err = bundle_gather(&arena, folder, &bundle, &error);
    if (err == OK) {
        err = bundle_write(&bundle, out, &error);
    }
    arena_deinit(&arena);
    return err == OK ? CLI_OK : refuse(&error);
}

/* One byte more than a bundle may have is enough for the service to say so. */
static int read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    size_t got = file == NULL ? 0 : 1;
    while (got > 0 && out->len <= BUNDLE_BYTES_MAX) {
        got = fread(buf_reserve(out, 65536), 1, 65536, file);
        out->len += got;
    }
    bool broken = file == NULL || ferror(file) != 0;
    if (broken) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
    }
    if (file != NULL) {
        fclose(file);
    }
    return broken ? CLI_FAILED : CLI_OK;
}

static void print_installed(struct cli *cli, const struct value *plugin)
{
    static const struct cli_column columns[] = {
        {"file", "migration", false}, {"step", "step", false}, {"object", "object", false},
        {"field", "field", false},    {"to", "to", false},     {"rows", "records", true}};
    const struct value *steps = value_get_c(plugin, "migrations");
    struct str backup = value_get_text(plugin, "backup", STR(""));
    bool dry = value_get_bool(plugin, "dry_run", false);
    if (!dry || cli->format == CLI_JSON) {
        cli_plugin_print(cli, plugin);
    }
    if (cli->format == CLI_JSON || cli->quiet) {
        return;
    }
    if (steps != NULL && steps->kind == VALUE_LIST && steps->list.count > 0) {
        cli_print_rows(cli, steps, columns, COUNT_OF(columns));
    } else if (dry) {
        printf("it would be installed, without migrations\n");
    }
    if (backup.len > 0) {
        printf("a backup was made before: " STR_FORMAT "\n", STR_ARGS(backup));
    }
}

int cmd_plugin_install(struct cli *cli)
{
    struct stat facts;
    struct buf bundle, target;
    struct value plugin;
    const char *path = cli->positional[0];
    if (stat(path, &facts) != 0) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    buf_init(&bundle);
    buf_init(&target);
    int code = S_ISDIR(facts.st_mode) ? pack_folder(path, &bundle) : read_file(path, &bundle);
    if (code == CLI_OK) {
        buf_append_str(&target, STR("/api/v1/plugins"));
        if (cli_switch(cli, "rollback")) {
            cli_query(&target, "rollback", STR("true"));
        }
        if (cli_switch(cli, "dry-run")) {
            cli_query(&target, "dry_run", STR("true"));
        }
        code = cli_plugin_change(cli, buf_str(&target), buf_str(&bundle), "application/x-tar",
                                 &plugin);
    }
    if (code == CLI_OK) {
        print_installed(cli, &plugin);
    }
    buf_deinit(&bundle);
    buf_deinit(&target);
    return code;
}

/* ---- uninstall ---- */

/* What becomes of the records; empty: the plugin decides. CLI_USAGE after saying why. */
static int read_records(struct cli *cli, struct str *out_records)
{
    static const char *const words[] = {"keep", "export", "erase"};
    int given = 0;
    *out_records = STR("");
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (cli_option(cli, words[i]) != NULL) {
            *out_records = str_from(words[i]);
            given++;
        }
    }
    if (given > 1) {
        fprintf(stderr, "proxenos: say one of --keep, --export FILE and --erase\n");
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* The service writes the file, so it must not depend on where this process stands. */
static int add_file(struct cli *cli, struct value *body)
{
    char here[PATH_MAX] = "";
    const char *file = cli_option(cli, "export");
    if (file == NULL) {
        return CLI_OK;
    }
    if (file[0] != '/' && realpath(".", here) == NULL) {
        fprintf(stderr, "proxenos: the current folder is not there: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    struct str whole = arena_printf(&cli->arena, "%s%s%s", here, here[0] != '\0' ? "/" : "", file);
    value_put_c(&cli->arena, body, "file", value_text(whole));
    return CLI_OK;
}

static struct str plugin_target(struct cli *cli, const char *word)
{
    struct buf target;
    buf_init(&target);
    buf_append_str(&target, STR("/api/v1/plugins"));
    cli_path(&target, str_from(cli->positional[0]));
    if (word[0] != '\0') {
        cli_path(&target, str_from(word));
    }
    struct str kept = arena_str(&cli->arena, buf_str(&target));
    buf_deinit(&target);
    return kept;
}

/* Erasing cannot be taken back. */
static int confirm(struct cli *cli, const struct value *plugin)
{
    struct buf question;
    const struct value *objects = value_get_c(plugin, "objects");
    bool any = objects != NULL && objects->kind == VALUE_LIST && objects->list.count > 0;
    if (!any || cli_switch(cli, "yes")) {
        return CLI_OK;
    }
    buf_init(&question);
    buf_append_str(&question, STR("All records of"));
    for (size_t i = 0; i < objects->list.count; i++) {
        buf_printf(&question, "%s " STR_FORMAT, i > 0 ? "," : "",
                   STR_ARGS(objects->list.items[i].text));
    }
    buf_append_str(&question, STR(" are erased for good. Go on?"));
    bool yes = cli_says_yes(buf_cstr(&question));
    buf_deinit(&question);
    if (!yes) {
        fprintf(stderr, "proxenos: nothing was done; --yes erases without asking\n");
    }
    return yes ? CLI_OK : CLI_FAILED;
}

static int end_job(struct cli *cli, struct str id)
{
    struct value job;
    int code = cli_wait_job(cli, id, &job);
    if (code != CLI_OK) {
        return code;
    }
    const struct value *result = value_get_c(&job, "result");
    if (str_is(value_get_text(&job, "state", STR("")), "done")) {
        if (result != NULL && result->kind == VALUE_MAP && !cli->quiet) {
            cli_print_map(cli, result);
        }
        return CLI_OK;
    }
    const struct value *error = value_get_c(&job, "error");
    if (error != NULL && error->kind == VALUE_MAP) {
        cli_print_problem(error, 0);
    }
    fprintf(stderr, "proxenos: when that is settled, uninstall it again: it goes on from there\n");
    return CLI_FAILED;
}

int cmd_plugin_uninstall(struct cli *cli)
{
    struct str records;
    struct value plugin, answer;
    struct value body = value_map_new();
    int code = read_records(cli, &records);
    if (code == CLI_OK) {
        code = add_file(cli, &body);
    }
    if (code == CLI_OK) {
        code = cli_call(cli, "GET", plugin_target(cli, ""), NULL, &plugin);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct str decided = records.len > 0 ? records : value_get_text(&plugin, "uninstall", STR(""));
    bool goes_on = value_get_c(&plugin, "removal") != NULL;
    if (str_is(decided, "erase") && !goes_on) {
        code = confirm(cli, &plugin);
    }
    if (code != CLI_OK) {
        return code;
    }
    if (records.len > 0) {
        value_put_c(&cli->arena, &body, "records", value_text(records));
    }
    value_put_c(&cli->arena, &body, "cancel_runs", value_bool(cli_switch(cli, "cancel-runs")));
    code = cli_call(cli, "POST", plugin_target(cli, "uninstall"), &body, &answer);
    if (code == CLI_OK && answer.kind == VALUE_MAP) {
        code = end_job(cli, value_get_text(&answer, "id", STR("")));
    }
    if (code == CLI_OK && !cli->quiet && cli->format != CLI_JSON) {
        printf("%s is uninstalled\n", cli->positional[0]);
    }
    return code;
}
