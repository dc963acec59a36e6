/* file put|get|list|delete: files of records. */
#include "internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_media.h"

/* "/api/v1/<objects>/<id>/files" and, when there is one, "/<file>"; target is inited. */
static int files_target(struct cli *cli, const char *file, struct buf *target)
{
    int code = cli_record_target(cli, target, cli->positional[0], str_from(cli->positional[1]));
    if (code == CLI_OK) {
        cli_path(target, STR("files"));
    }
    if (code == CLI_OK && file != NULL) {
        cli_path(target, str_from(file));
    }
    return code;
}

/* ---- put ---- */

struct sending {
    FILE *file;
    int64_t done, total;
    struct cli_progress progress;
};

static long read_piece(void *context, char *into, size_t cap)
{
    struct sending *sending = context;
    size_t got = fread(into, 1, cap, sending->file);
    sending->done += (int64_t)got;
    cli_progress_show(&sending->progress, sending->done, sending->total);
    return got == 0 && ferror(sending->file) != 0 ? -1 : (long)got;
}

static struct str name_of(struct cli *cli, const char *path)
{
    const char *given = cli_option(cli, "name");
    const char *slash = strrchr(path, '/');
    return str_from(given != NULL ? given : slash != NULL ? slash + 1 : path);
}

static int send_file(struct cli *cli, struct sending *sending, struct str target,
                     struct value *out_answer)
{
    struct buf header;
    const char *type = cli_option(cli, "type");
    buf_init(&header);
    buf_append_str(&header, STR("Content-Disposition: "));
    media_disposition_write(&header, name_of(cli, cli->positional[2]));
    struct net_call call = {.method = "POST",
                            .target = target,
                            .content_type = type != NULL ? type : "application/octet-stream",
                            .header = buf_cstr(&header),
                            .read = read_piece,
                            .upload_bytes = sending->total,
                            .context = sending};
    cli_progress_start(&sending->progress, "put", cli->quiet);
    int code = cli_try(cli, &call, out_answer);
    cli_progress_end(&sending->progress);
    if (code == CLI_FAILED) {
        cli_print_problem(out_answer, call.status);
    }
    buf_deinit(&header);
    return code;
}

int cmd_file_put(struct cli *cli)
{
    const char *path = cli->positional[2];
    struct sending sending = {.file = fopen(path, "rb")};
    struct stat status;
    bool read = sending.file != NULL && fstat(fileno(sending.file), &status) == 0;
    if (!read || !S_ISREG(status.st_mode)) {
        fprintf(stderr, "proxenos: %s cannot be read: %s\n", path,
                read ? "it is not a file" : strerror(errno));
        if (sending.file != NULL) {
            fclose(sending.file);
        }
        return CLI_FAILED;
    }
    sending.total = status.st_size;
    struct buf target;
    struct value made;
    buf_init(&target);
    int code = files_target(cli, NULL, &target);
    if (code == CLI_OK) {
        code = send_file(cli, &sending, buf_str(&target), &made);
    }
    if (code == CLI_OK) {
        cli_print_map(cli, &made);
    }
    buf_deinit(&target);
    fclose(sending.file);
    return code;
}

/* ---- get ---- */

struct taking {
    FILE *file;
    struct hasher hasher;
};

static bool write_piece(void *context, struct str bytes)
{
    struct taking *taking = context;
    hash_add(&taking->hasher, bytes.at, bytes.len);
    return fwrite(bytes.at, 1, bytes.len, taking->file) == bytes.len;
}

/* The tag is the content's hash: what came must have it. */
static bool is_whole(struct taking *taking, const char *tag)
{
    unsigned char hash[HASH_BYTES];
    struct buf hex;
    buf_init(&hex);
    hash_end(&taking->hasher, hash);
    buf_append_char(&hex, '"');
    hex_encode(&hex, hash, sizeof(hash));
    buf_append_char(&hex, '"');
    bool same = str_eq(buf_str(&hex), str_from(tag));
    buf_deinit(&hex);
    return same;
}

static int take_file(struct cli *cli, struct taking *taking, struct str target, const char *output)
{
    struct net_call call = {.method = "GET",
                            .target = target,
                            .accept = "*/*",
                            .write = write_piece,
                            .context = taking};
    struct value answer;
    int code = cli_perform(cli, &call, &answer);
    if (code == CLI_OK && (fflush(taking->file) != 0 || ferror(taking->file) != 0)) {
        fprintf(stderr, "proxenos: %s cannot be written\n", output);
        return CLI_FAILED;
    }
    if (code == CLI_OK && !is_whole(taking, call.etag)) {
        fprintf(stderr, "proxenos: %s is not what the service has: its hash is another\n", output);
        return CLI_FAILED;
    }
    return code;
}

int cmd_file_get(struct cli *cli)
{
    const char *output = cli_option(cli, "output");
    struct taking taking = {.file = output != NULL ? fopen(output, "wb") : stdout};
    if (taking.file == NULL) {
        fprintf(stderr, "proxenos: %s cannot be written: %s\n", output, strerror(errno));
        return CLI_FAILED;
    }
    struct buf target;
    buf_init(&target);
    hash_start(&taking.hasher);
    int code = files_target(cli, cli->positional[2], &target);
    if (code == CLI_OK) {
        code = take_file(cli, &taking, buf_str(&target), output != NULL ? output : "the output");
    }
    buf_deinit(&target);
    if (output != NULL) {
        fclose(taking.file);
    }
    if (output != NULL && code != CLI_OK) {
        (void)unlink(output); /* half a file must not pass for the whole */
    }
    return code;
}

/* ---- list, delete ---- */

int cmd_file_list(struct cli *cli)
{
    static const struct cli_column columns[] = {
        {"id", "id", false},      {"name", "name", false},   {"media_type", "kind", false},
        {"bytes", "bytes", true}, {"added_at", "at", false}, {"added_by", "by", false},
    };
    static const char *const options[] = {"limit", "after"};
    struct buf target;
    struct value answer;
    buf_init(&target);
    int code = files_target(cli, NULL, &target);
    if (code == CLI_OK) {
        cli_query_options(cli, &target, options, COUNT_OF(options));
        code = cli_call(cli, "GET", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    if (code == CLI_OK && cli->format == CLI_JSON) {
        cli_print_map(cli, &answer);
    } else if (code == CLI_OK) {
        cli_print_rows(cli, value_get_c(&answer, "data"), columns, COUNT_OF(columns));
    }
    return code;
}

int cmd_file_delete(struct cli *cli)
{
    struct buf target;
    struct value answer;
    buf_init(&target);
    int code = files_target(cli, cli->positional[2], &target);
    if (code == CLI_OK) {
        code = cli_call(cli, "DELETE", buf_str(&target), NULL, &answer);
    }
    buf_deinit(&target);
    return code;
}
