/* The key that seals cursors: one per data folder, in a file of its own, made at the first start.
 * Opening thread alone; constant afterwards. */
#include "internal.h"

#include "file.h"

static enum err key_make(struct store *store, const char *path, struct error *error)
{
    crypto_random(store->cursor_key, KEY_BYTES);
    enum err err =
        file_create(path, (struct str){(const char *)store->cursor_key, KEY_BYTES}, error);
    return err == OK ? folder_sync(store->folder, error) : err;
}

enum err cursor_key_open(struct store *store, struct error *error)
{
    struct buf path, content;
    buf_init(&path);
    buf_init(&content);
    buf_printf(&path, "%s/cursor.key", store->folder);
    enum err err = file_read(buf_cstr(&path), KEY_BYTES, &content, error);
    if (err == OK && content.len == KEY_BYTES) {
        memcpy(store->cursor_key, content.at, KEY_BYTES);
    } else if (err == ERR_NOT_FOUND) {
        err = key_make(store, buf_cstr(&path), error);
    } else if (err == OK) {
        err = error_set(error, ERR_CORRUPT,
                        "%s does not hold a key: remove it; clients start again from the first "
                        "page",
                        buf_cstr(&path));
    }
    crypto_wipe(content.at, content.len);
    buf_deinit(&content);
    buf_deinit(&path);
    return err;
}
