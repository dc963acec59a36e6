/* import and export. */
#include "internal.h"

#include <errno.h>
#include <sys/stat.h>

static long read_file(void *context, char *into, size_t cap)
{
    FILE *file = context;
    size_t got = fread(into, 1, cap, file);
    return got == 0 && ferror(file) != 0 ? -1 : (long)got;
}

static int upload(struct cli *cli, const char *path, struct str *out_hash)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return CLI_FAILED;
    }
    struct net_call call = {.method = "POST",
                            .target = STR("/api/v1/uploads"),
                            .content_type = "application/octet-stream",
                            .read = read_file,
                            .upload_bytes = status.st_size,
                            .context = file};
    struct value answer;
    int code = cli_perform(cli, &call, &answer);
    fclose(file);
    if (code == CLI_OK) {
        *out_hash = value_get_text(&answer, "file", STR(""));
    }
    return code;
}

/* The map file goes as it is written; the service says what is wrong in it. */
static int read_map(struct cli *cli, const char *path, struct value *body)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    enum { MAP_BYTES_MAX = 1 << 20 };
    char *text = arena_alloc(&cli->arena, MAP_BYTES_MAX);
    size_t len = fread(text, 1, MAP_BYTES_MAX, file);
    fclose(file);
    struct value map;
    struct error error = {0};
    if (json_decode(&cli->arena, (struct str){text, len}, &map, &error) != OK) {
        error_prefix(&error, "%s: ", path);
        cli_print_error(&error);
        return CLI_FAILED;
    }
    value_put_c(&cli->arena, body, "map", map);
    return CLI_OK;
}

static int make_body(struct cli *cli, struct str hash, struct value *body)
{
    const char *path = cli->positional[1];
    struct str name = str_from(strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
    bool ndjson = str_ends(name, STR(".ndjson")) || str_ends(name, STR(".jsonl"));
    *body = value_map_new();
    value_put_c(&cli->arena, body, "kind", value_text(STR("import")));
    value_put_c(&cli->arena, body, "object", value_text(str_from(cli->positional[0])));
    value_put_c(&cli->arena, body, "file", value_text(hash));
    value_put_c(&cli->arena, body, "file_name", value_text(name));
    value_put_c(&cli->arena, body, "format", value_text(ndjson ? STR("ndjson") : STR("csv")));
    value_put_c(&cli->arena, body, "dry_run", value_bool(cli_switch(cli, "dry-run")));
    value_put_c(&cli->arena, body, "atomic", value_bool(cli_switch(cli, "atomic")));
    if (cli_switch(cli, "allow-duplicates")) {
        value_put_c(&cli->arena, body, "duplicates", value_text(STR("allow")));
    }
    static const char *const texts[][2] = {{"key", "key"}, {"on-conflict", "on_conflict"}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *text = cli_option(cli, texts[i][0]);
        if (text != NULL) {
            value_put_c(&cli->arena, body, texts[i][1], value_text(str_from(text)));
        }
    }
    const char *map = cli_option(cli, "map");
    return map != NULL ? read_map(cli, map, body) : CLI_OK;
}

static bool write_file(void *context, struct str bytes)
{
    return fwrite(bytes.at, 1, bytes.len, context) == bytes.len;
}

/* A full disk ends the call early: half a file must not pass for the whole. */
static int end_file(FILE *file, const char *name, int code)
{
    errno = 0;
    bool written = fflush(file) == 0 && ferror(file) == 0;
    int reason = errno;
    if (file != stdout) {
        written = fclose(file) == 0 && written;
    }
    if (!written) {
        fprintf(stderr, "proxenos: %s is not whole: it cannot be written%s%s\n", name,
                reason != 0 ? ": " : "", reason != 0 ? strerror(reason) : "");
        return CLI_FAILED;
    }
    return code;
}

static int fetch_errors(struct cli *cli, struct str job, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be written: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    struct net_call call = {
        .method = "GET",
        .target = arena_printf(&cli->arena, "/api/v1/jobs/" STR_FORMAT "/errors", STR_ARGS(job)),
        .accept = "text/csv",
        .write = write_file,
        .context = file};
    struct value answer;
    return end_file(file, path, cli_perform(cli, &call, &answer));
}

static int report_import(struct cli *cli, struct str id, const struct value *job)
{
    cli_print_map(cli, job);
    const struct value *counts = value_get_c(job, "counts");
    int64_t failed = value_get_int(counts, "failed", 0);
    int64_t unresolved = value_get_int(counts, "unresolved", 0);
    const char *errors = cli_option(cli, "errors");
    if (failed + unresolved > 0 && errors != NULL) {
        int code = fetch_errors(cli, id, errors);
        if (code != CLI_OK) {
            return code;
        }
    }
    if (failed > 0 && !cli->quiet) {
        fprintf(stderr, "proxenos: %lld rows were not imported; %s%s\n", (long long)failed,
                errors != NULL ? "they are in " : "--errors FILE lists them with the reason",
                errors != NULL ? errors : "");
    }
    if (unresolved > 0 && !cli->quiet) {
        fprintf(stderr, "proxenos: %lld references of imported rows name nobody and are empty\n",
                (long long)unresolved);
    }
    const struct value *error = value_get_c(job, "error");
    if (!str_is(value_get_text(job, "state", STR("")), "done")) {
        if (error != NULL && error->kind == VALUE_MAP) {
            cli_print_problem(error, 0);
        }
        return CLI_FAILED;
    }
    return failed + unresolved > 0 ? CLI_INCOMPLETE : CLI_OK;
}

int cmd_import(struct cli *cli)
{
    struct str hash;
    int code = upload(cli, cli->positional[1], &hash);
    struct value body;
    if (code == CLI_OK) {
        code = make_body(cli, hash, &body);
    }
    struct value started;
    if (code == CLI_OK) {
        code = cli_call(cli, "POST", STR("/api/v1/jobs"), &body, &started);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct str id = value_get_text(&started, "id", STR(""));
    if (cli_switch(cli, "no-wait")) {
        printf(STR_FORMAT "\n", STR_ARGS(id));
        return CLI_OK;
    }
    if (value_get_bool(&started, "reattached", false) && !cli->quiet) {
        fprintf(stderr,
                "proxenos: this import is under way already; following job " STR_FORMAT "\n",
                STR_ARGS(id));
    }
    struct value job;
    code = cli_wait_job(cli, id, &job);
    return code == CLI_OK ? report_import(cli, id, &job) : code;
}

int cmd_export(struct cli *cli)
{
    struct str path;
    int code = cli_object_path(cli, cli->positional[0], &path);
    if (code != CLI_OK) {
        return code;
    }
    const char *output = cli_option(cli, "output");
    FILE *file = output != NULL ? fopen(output, "wb") : stdout;
    if (file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be written: %s\n", output, strerror(errno));
        return CLI_FAILED;
    }
    struct buf target;
    buf_init(&target);
    buf_printf(&target, "/api/v1/" STR_FORMAT "/export", STR_ARGS(path));
    cli_query(&target, "format", cli_switch(cli, "ndjson") ? STR("ndjson") : STR("csv"));
    static const char *const texts[] = {"filter", "order", "fields"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (cli_option(cli, texts[i]) != NULL) {
            cli_query(&target, texts[i], str_from(cli_option(cli, texts[i])));
        }
    }
    struct net_call call = {.method = "GET",
                            .target = buf_str(&target),
                            .accept = "*/*",
                            .write = write_file,
                            .context = file};
    struct value answer;
    code = cli_perform(cli, &call, &answer);
    buf_deinit(&target);
    return end_file(file, output != NULL ? output : "standard output", code);
}
