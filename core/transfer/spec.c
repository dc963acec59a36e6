/* An import's options as text in the job's row, and what can be told of them before the file is
 * read. */
#include "import.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

static const char *const conflicts[] = {
    [CONFLICT_ERROR] = "error", [CONFLICT_SKIP] = "skip", [CONFLICT_UPDATE] = "update"};

static void put_text(struct buf *out, const char *key, struct str text, bool *first)
{
    json_write_key(out, str_from(key), first);
    json_write_text(out, text);
}

static void put_bool(struct buf *out, const char *key, bool value, bool *first)
{
    json_write_key(out, str_from(key), first);
    buf_append_str(out, value ? STR("true") : STR("false"));
}

void import_spec_write(struct buf *out, const struct import_spec *spec)
{
    struct buf hex;
    bool first = true;
    buf_init(&hex);
    hex_encode(&hex, spec->file, sizeof(spec->file));
    buf_append_char(out, '{');
    put_text(out, "object", spec->object, &first);
    put_text(out, "file", buf_str(&hex), &first);
    put_text(out, "file_name", spec->file_name, &first);
    put_text(out, "format", spec->format, &first);
    put_text(out, "map", spec->map, &first);
    put_text(out, "key", spec->key, &first);
    put_text(out, "on_conflict", str_from(conflicts[spec->on_conflict]), &first);
    put_bool(out, "dry_run", spec->dry_run, &first);
    put_bool(out, "atomic", spec->atomic, &first);
    if (spec->allow_duplicates) {
        put_text(out, "duplicates", STR("allow"), &first);
    }
    buf_append_char(out, '}');
    buf_deinit(&hex);
}

enum err import_spec_read(struct arena *arena, struct str text, struct import_spec *out_spec,
                          struct error *error)
{
    struct value tree;
    enum err err = json_decode(arena, text, &tree, error);
    if (err != OK) {
        return err;
    }
    struct import_spec spec = {.object = value_get_text(&tree, "object", STR("")),
                               .file_name = value_get_text(&tree, "file_name", STR("")),
                               .format = value_get_text(&tree, "format", STR("csv")),
                               .map = value_get_text(&tree, "map", STR("")),
                               .key = value_get_text(&tree, "key", STR("")),
                               .dry_run = value_get_bool(&tree, "dry_run", false),
                               .atomic = value_get_bool(&tree, "atomic", false),
                               .allow_duplicates =
                                   str_is(value_get_text(&tree, "duplicates", STR("")), "allow")};
    struct str conflict = value_get_text(&tree, "on_conflict", STR("error"));
    for (size_t i = 0; i < COUNT_OF(conflicts); i++) {
        if (str_is(conflict, conflicts[i])) {
            spec.on_conflict = (enum on_conflict)i;
        }
    }
    if (hex_decode(value_get_text(&tree, "file", STR("")), spec.file, sizeof(spec.file)) != OK) {
        return error_set(error, ERR_CORRUPT, "the job's row names no file");
    }
    *out_spec = spec;
    return OK;
}

static enum err check_key(const struct object_type *type, struct str name, struct error *error)
{
    const struct field *key = NULL;
    enum err err = object_find_field(type, name, &key, error);
    if (err == OK && !key->unique) {
        err = error_at(error, ERR_INVALID, "/key", NULL,
                       STR_FORMAT " is not unique, so it cannot be the key", STR_ARGS(key->name));
    }
    return err;
}

static enum err check_map(const struct scope *scope, const struct object_type *type,
                          const struct import_spec *spec, struct error *error)
{
    struct arena arena;
    struct import_map map;
    arena_init(&arena);
    enum err err = map_read(&arena, scope, type, spec->map, &map, error);
    for (size_t i = 0; err == OK && i < map.column_count; i++) {
        const struct field *field = map.columns[i].field;
        if (field != NULL && field->type == FIELD_SECRET && spec->on_conflict == CONFLICT_UPDATE) {
            err = error_at(error, ERR_UNSUPPORTED, "/map", NULL,
                           STR_FORMAT " is a secret; secrets are not updated by an import",
                           STR_ARGS(field->name));
        }
    }
    arena_deinit(&arena);
    return err;
}

enum err import_spec_check(struct jobs *jobs, const struct scope *scope,
                           const struct import_spec *spec, struct error *error)
{
    (void)jobs;
    const struct object_type *type = NULL;
    enum err err = schema_find_object(scope->schema, spec->object, &type, error);
    if (err != OK) {
        return err;
    }
    uint32_t verbs = VERB_IMPORT | VERB_CREATE;
    verbs |= spec->on_conflict == CONFLICT_UPDATE ? VERB_UPDATE : 0;
    if (!scope_may(scope, type, verbs)) {
        return error_set(error, ERR_FORBIDDEN,
                         "your roles do not allow the import of " STR_FORMAT
                         "; it needs the verbs import and create%s",
                         STR_ARGS(type->name),
                         spec->on_conflict == CONFLICT_UPDATE ? " and update" : "");
    }
    if (!str_is(spec->format, "csv") && !str_is(spec->format, "ndjson")) {
        return error_at(error, ERR_INVALID, "/format", NULL, "format is csv or ndjson");
    }
    if (spec->key.len > 0) {
        err = check_key(type, spec->key, error);
    }
    if (err == OK) {
        err = check_map(scope, type, spec, error);
    }
    return err;
}
