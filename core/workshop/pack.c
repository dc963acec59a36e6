/* `plugin pack`: a plugin as one file that is the same for the same plugin. Main thread. */
#include "check.h"
#include "internal.h"

#include "proxenos/base_crypto.h"
#include "proxenos/plugin_bundle.h"

static int fail(const struct error *error)
{
    fprintf(stderr, "proxenos: %s%s%s\n  %s: %s\n", error->pointer,
            error->pointer[0] != '\0' ? ": " : "", error->detail, err_code(error->err),
            err_advice(error->err));
    return 1;
}

static void print_made(const char *path, const struct buf *tar)
{
    unsigned char hash[HASH_BYTES];
    hash_of(tar->at, tar->len, hash);
    printf("%s  ", path);
    for (size_t i = 0; i < HASH_BYTES; i++) {
        printf("%02x", hash[i]);
    }
    printf("\n");
}

static enum err pack(struct check *check, const struct workshop_pack *asked, struct error *error)
{
    struct bundle bundle = {0};
    struct buf tar;
    buf_init(&tar);
    enum err err = bundle_gather(&check->arena, asked->folder, &bundle, error);
    if (err == OK) {
        err = bundle_write(&bundle, &tar, error);
    }
    struct str name = arena_printf(&check->arena, STR_FORMAT "-" STR_FORMAT ".pxp",
                                   STR_ARGS(check->source.name), STR_ARGS(check->source.version));
    const char *folder = asked->output == NULL ? "." : asked->output;
    if (err == OK) {
        err = workshop_write_file(folder, name.at, buf_str(&tar), error);
    }
    if (err == OK) {
        struct str path =
            arena_printf(&check->arena, "%s%s" STR_FORMAT, asked->output == NULL ? "" : folder,
                         asked->output == NULL ? "" : "/", STR_ARGS(name));
        print_made(path.at, &tar);
    }
    buf_deinit(&tar);
    return err;
}

int workshop_pack(const struct workshop_pack *asked)
{
    struct check *check = mem_zalloc(sizeof(*check));
    struct error error = {0};
    int code = 1;
    check_run(check, asked->folder, asked->plugins_folder);
    if (check->errors > 0) {
        check_print(check, false);
        fprintf(stderr, "proxenos: not packed: correct the errors first\n");
    } else {
        code = pack(check, asked, &error) == OK ? 0 : fail(&error);
    }
    check_deinit(check);
    mem_free(check);
    return code;
}
