/* The key that signs checkpoints, and signatures in the form of signed notes (C2SP signed-note):
 * a key id that binds name and key, so that texts of several signers can be told apart. */
#include "proxenos/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char signer[] = "proxenos";

enum { ALGORITHM_ED25519 = 1, KEY_ID_BYTES = 4, KEY_TEXT_MAX = 200 };

/* ---- the file ---- */

static enum err file_failed(struct error *error, const char *what, const char *path)
{
    return error_set(error, ERR_IO, "%s %s: %s", what, path, strerror(errno));
}

static enum err key_decode(struct str text, struct audit_key *out_key)
{
    struct buf bytes;
    buf_init(&bytes);
    enum err err = base64_decode(&bytes, str_trim(text));
    if (err == OK && bytes.len == sizeof(out_key->secret)) {
        memcpy(out_key->secret, bytes.at, bytes.len);
    } else {
        err = ERR_CORRUPT;
    }
    if (bytes.len > 0) {
        crypto_wipe(bytes.at, bytes.len);
    }
    buf_deinit(&bytes);
    return err;
}

static enum err key_read(const char *path, struct audit_key *out_key, struct error *error)
{
    char text[KEY_TEXT_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : file_failed(error, "opening", path);
    }
    ssize_t len = read(fd, text, sizeof(text));
    (void)close(fd);
    if (len < 0) {
        return file_failed(error, "reading", path);
    }
    enum err err = key_decode((struct str){text, (size_t)len}, out_key);
    crypto_wipe(text, sizeof(text));
    return err == OK ? OK : error_set(error, err, "%s holds no signing key", path);
}

static bool write_synced(int fd, struct str text)
{
    return write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
}

/* Under another name first: a key that is there is whole. Whoever comes second takes the first's.
 */
static enum err key_write(const char *folder, const char *path, const struct audit_key *key,
                          struct error *error)
{
    struct buf text;
    struct buf temporary;
    buf_init(&text);
    buf_init(&temporary);
    base64_encode(&text, key->secret, sizeof(key->secret));
    buf_append_char(&text, '\n');
    buf_printf(&temporary, "%s/audit", folder);
    (void)mkdir(buf_cstr(&temporary), 0700);
    buf_printf(&temporary, "/key.%ld", (long)getpid());
    enum err err = OK;
    int fd = open(buf_cstr(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !write_synced(fd, buf_str(&text))) {
        err = file_failed(error, "writing", buf_cstr(&temporary));
    } else if (link(buf_cstr(&temporary), path) != 0 && errno != EEXIST) {
        err = file_failed(error, "making", path);
    }
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(buf_cstr(&temporary));
    }
    crypto_wipe(text.at, text.len);
    buf_deinit(&text);
    buf_deinit(&temporary);
    return err;
}

enum err audit_key_open(const char *folder, struct audit_key *out_key, struct error *error)
{
    struct buf path;
    buf_init(&path);
    buf_printf(&path, "%s/audit/key", folder);
    enum err err = key_read(buf_cstr(&path), out_key, error);
    if (err == ERR_NOT_FOUND) {
        struct audit_key key;
        sign_make_key(key.secret);
        err = key_write(folder, buf_cstr(&path), &key, error);
        crypto_wipe(&key, sizeof(key));
        if (err == OK) {
            err = key_read(buf_cstr(&path), out_key, error);
        }
    }
    buf_deinit(&path);
    return err;
}

/* ---- notes ---- */

/* Algorithm and public key, as key ids and the public text have it. */
struct public_key {
    unsigned char bytes[1 + SIGN_PUBLIC_BYTES];
    unsigned char id[KEY_ID_BYTES];
};

static void key_id(struct public_key *key)
{
    unsigned char hash[HASH_BYTES];
    struct hasher hasher;
    hash_start(&hasher);
    hash_add(&hasher, signer, strlen(signer));
    hash_add(&hasher, "\n", 1);
    hash_add(&hasher, key->bytes, sizeof(key->bytes));
    hash_end(&hasher, hash);
    memcpy(key->id, hash, sizeof(key->id));
}

static struct public_key public_of(const struct audit_key *key)
{
    struct public_key public_key = {.bytes = {ALGORITHM_ED25519}};
    sign_public_of(key->secret, public_key.bytes + 1);
    key_id(&public_key);
    return public_key;
}

void audit_key_public(const struct audit_key *key, struct buf *out)
{
    struct public_key public_key = public_of(key);
    buf_printf(out, "%s+", signer);
    hex_encode(out, public_key.id, sizeof(public_key.id));
    buf_append_char(out, '+');
    base64_encode(out, public_key.bytes, sizeof(public_key.bytes));
}

void audit_checkpoint_sign(const struct audit_key *key, const struct audit_checkpoint *checkpoint,
                           struct buf *out)
{
    struct public_key public_key = public_of(key);
    unsigned char line[KEY_ID_BYTES + SIGN_BYTES];
    size_t start = out->len;
    audit_checkpoint_format(checkpoint, out);
    memcpy(line, public_key.id, KEY_ID_BYTES);
    sign_text(key->secret, str_sub(buf_str(out), start, out->len - start), line + KEY_ID_BYTES);
    buf_printf(out, "\n— %s ", signer);
    base64_encode(out, line, sizeof(line));
    buf_append_char(out, '\n');
}

static bool public_read(struct str text, struct public_key *out_key)
{
    struct str name = {0};
    struct str id = {0};
    struct buf bytes;
    if (!str_split(&text, '+', &name) || !str_is(name, signer) || !str_split(&text, '+', &id)) {
        return false;
    }
    buf_init(&bytes);
    bool good = base64_decode(&bytes, text) == OK && bytes.len == sizeof(out_key->bytes) &&
                bytes.at[0] == ALGORITHM_ED25519;
    if (good) {
        unsigned char said[KEY_ID_BYTES];
        memcpy(out_key->bytes, bytes.at, bytes.len);
        key_id(out_key);
        good = hex_decode(id, said, sizeof(said)) == OK &&
               memcmp(said, out_key->id, sizeof(said)) == 0;
    }
    buf_deinit(&bytes);
    return good;
}

/* "— proxenos base64" */
static bool line_fits(struct str line, const struct public_key *key, struct str signed_text)
{
    struct buf start;
    struct buf bytes;
    buf_init(&start);
    buf_init(&bytes);
    buf_printf(&start, "— %s ", signer);
    bool good =
        str_starts(line, buf_str(&start)) &&
        base64_decode(&bytes, str_sub(line, start.len, line.len)) == OK &&
        bytes.len == KEY_ID_BYTES + SIGN_BYTES && memcmp(bytes.at, key->id, KEY_ID_BYTES) == 0 &&
        sign_verify(key->bytes + 1, signed_text, (const unsigned char *)bytes.at + KEY_ID_BYTES);
    buf_deinit(&start);
    buf_deinit(&bytes);
    return good;
}

enum err audit_checkpoint_check(struct str text, struct str public_key,
                                struct audit_checkpoint *out_checkpoint, struct error *error)
{
    struct public_key key;
    struct audit_checkpoint checkpoint;
    size_t end = 0;
    if (!public_read(str_trim(public_key), &key)) {
        return error_set(error, ERR_INVALID,
                         "this is no public key of ours: proxenos+<key id>+<base64>");
    }
    enum err err = audit_checkpoint_parse(text, &checkpoint, error);
    if (err != OK) {
        return err;
    }
    if (!str_find(text, STR("\n\n"), &end)) {
        return error_set(error, ERR_CORRUPT, "the checkpoint is not signed");
    }
    struct str rest = str_sub(text, end + 2, text.len);
    struct str line = {0};
    while (str_split(&rest, '\n', &line)) {
        if (line_fits(line, &key, str_sub(text, 0, end + 1))) {
            *out_checkpoint = checkpoint;
            return OK;
        }
    }
    return error_set(error, ERR_CORRUPT, "no signature of this key fits the checkpoint");
}
