/* Reading, writing and checking a backup's manifest. */
#include "manifest.h"

#include "erasure.h"

#include "proxenos/base_json.h"

enum { MANIFEST_FORMAT = 1, MANIFEST_BYTES_MAX = 64 * 1024 };
#define MANIFEST_FILE "manifest.json"

const char *path_join(struct buf *out, const char *folder, const char *name)
{
    buf_reset(out);
    buf_printf(out, "%s/%s", folder, name);
    return buf_cstr(out);
}

enum err manifest_add(struct manifest *manifest, const char *folder, const char *name,
                      struct error *error)
{
    ASSERT(manifest->file_count < MANIFEST_FILES_MAX && strlen(name) < MANIFEST_NAME_MAX);
    struct manifest_file *file = &manifest->files[manifest->file_count];
    struct buf path;
    buf_init(&path);
    enum err err = file_facts(path_join(&path, folder, name), &file->facts, error);
    buf_deinit(&path);
    if (err == OK) {
        (void)snprintf(file->name, sizeof file->name, "%s", name);
        manifest->file_count++;
    }
    return err;
}

static struct value hex_value(struct arena *arena, const unsigned char hash[HASH_BYTES])
{
    struct buf text;
    buf_init(&text);
    hex_encode(&text, hash, HASH_BYTES);
    struct str kept = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return value_text(kept);
}

static struct value head_value(struct arena *arena, const struct log_head *head)
{
    struct value map = value_map_new();
    value_put_c(arena, &map, "seq", value_int(head->seq));
    value_put_c(arena, &map, "chain", hex_value(arena, head->chain));
    return map;
}

enum err manifest_write(const struct manifest *manifest, const char *folder, struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    struct value files = value_map_new();
    for (int i = 0; i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        struct value facts = value_map_new();
        value_put_c(&arena, &facts, "bytes", value_int(file->facts.bytes));
        value_put_c(&arena, &facts, "sha256", hex_value(&arena, file->facts.hash));
        value_put_c(&arena, &files, file->name, facts);
    }
    struct value map = value_map_new();
    value_put_c(&arena, &map, "format", value_int(MANIFEST_FORMAT));
    value_put_c(&arena, &map, "made_at_ms", value_int(manifest->made_at_ms));
    value_put_c(&arena, &map, "log", head_value(&arena, &manifest->log));
    value_put_c(&arena, &map, "access_log", head_value(&arena, &manifest->access));
    value_put_c(&arena, &map, "files", files);
    struct buf text;
    buf_init(&text);
    json_encode_pretty(&text, &map);
    buf_append_char(&text, '\n');
    struct buf path;
    buf_init(&path);
    enum err err = file_create(path_join(&path, folder, MANIFEST_FILE), buf_str(&text), error);
    buf_deinit(&path);
    buf_deinit(&text);
    arena_deinit(&arena);
    return err;
}

/* ---- reading ---- */

static bool read_hash(const struct value *map, const char *key, unsigned char out[HASH_BYTES])
{
    struct str text = value_get_text(map, key, STR(""));
    return hex_decode(text, out, HASH_BYTES) == OK;
}

static bool read_head(const struct value *map, const char *key, struct log_head *out_head)
{
    const struct value *head = value_get_c(map, key);
    out_head->seq = value_get_int(head, "seq", -1);
    return out_head->seq >= 0 && read_hash(head, "chain", out_head->chain);
}

/* Only what a backup can hold: a manifest must not lead a restore anywhere else. */
static bool name_known(struct str name)
{
    return str_is(name, DATABASE_FILE) || str_is(name, HEAD_FILE) ||
           str_is(name, seal_file_name()) || str_is(name, erased_file_name());
}

static bool read_files(const struct value *map, struct manifest *manifest)
{
    const struct value *files = value_get_c(map, "files");
    if (files == NULL || files->kind != VALUE_MAP || files->map.count > MANIFEST_FILES_MAX) {
        return false;
    }
    for (size_t i = 0; i < files->map.count; i++) {
        const struct value_entry *entry = &files->map.entries[i];
        struct manifest_file *file = &manifest->files[i];
        file->facts.bytes = value_get_int(&entry->value, "bytes", -1);
        if (!name_known(entry->key) || file->facts.bytes < 0 ||
            !read_hash(&entry->value, "sha256", file->facts.hash)) {
            return false;
        }
        (void)snprintf(file->name, sizeof file->name, STR_FORMAT, STR_ARGS(entry->key));
        manifest->file_count++;
    }
    return true;
}

static bool read_manifest(const struct value *map, struct manifest *manifest)
{
    manifest->made_at_ms = value_get_int(map, "made_at_ms", 0);
    return value_get_int(map, "format", 0) == MANIFEST_FORMAT &&
           read_head(map, "log", &manifest->log) &&
           read_head(map, "access_log", &manifest->access) && read_files(map, manifest) &&
           manifest_has(manifest, DATABASE_FILE) && manifest_has(manifest, HEAD_FILE);
}

enum err backup_manifest_read(const char *folder, struct manifest *out_manifest,
                              struct error *error)
{
    struct arena arena;
    arena_init(&arena);
    struct buf path, text;
    buf_init(&path);
    buf_init(&text);
    struct manifest manifest = {0};
    struct value map = {0};
    enum err err =
        file_read(path_join(&path, folder, MANIFEST_FILE), MANIFEST_BYTES_MAX, &text, error);
    if (err == ERR_NOT_FOUND) {
        err = error_set(error, ERR_NOT_FOUND, "%s is not a finished backup: it has no %s", folder,
                        MANIFEST_FILE);
    }
    if (err == OK && (json_decode(&arena, buf_str(&text), &map, NULL) != OK ||
                      !read_manifest(&map, &manifest))) {
        err = error_set(error, ERR_CORRUPT, "%s is not a manifest of this format", buf_cstr(&path));
    }
    if (err == OK) {
        *out_manifest = manifest;
    }
    buf_deinit(&text);
    buf_deinit(&path);
    arena_deinit(&arena);
    return err;
}

bool manifest_has(const struct manifest *manifest, const char *name)
{
    for (int i = 0; i < manifest->file_count; i++) {
        if (strcmp(manifest->files[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

enum err manifest_check(const struct manifest *manifest, const char *folder, struct error *error)
{
    struct buf path;
    buf_init(&path);
    enum err err = OK;
    for (int i = 0; err == OK && i < manifest->file_count; i++) {
        const struct manifest_file *file = &manifest->files[i];
        struct file_facts facts = {0};
        err = file_facts(path_join(&path, folder, file->name), &facts, error);
        if (err == ERR_NOT_FOUND) {
            err = error_set(error, ERR_CORRUPT, "%s is missing", buf_cstr(&path));
        } else if (err == OK && (facts.bytes != file->facts.bytes ||
                                 memcmp(facts.hash, file->facts.hash, HASH_BYTES) != 0)) {
            err = error_set(error, ERR_CORRUPT, "%s is not the file that the manifest describes",
                            buf_cstr(&path));
        }
    }
    buf_deinit(&path);
    return err;
}
