/* Names of files from outside. A name is shown to people and becomes a file on their machines: what
 * could lead out of a folder, hide a file, or make it look like another is dropped or refused. */
#include "internal.h"
#include "proxenos/base_text.h"

/* Unicode Bidirectional Algorithm 2.1–2.4: what turns the direction of writing, by which
 * "fdp.exe" is shown as "exe.pdf"; and the marks that have no width. */
static bool is_turning(uint32_t point)
{
    return (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
           point == 0x200e || point == 0x200f || point == 0x061c;
}

/* C0, DEL, C1, the separators of lines and paragraphs, byte order marks. */
static bool is_hidden(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 || point == 0x2029 ||
           point == 0xfeff || point == 0x200b;
}

static enum err refuse(struct error *error, enum err err, const char *why)
{
    return error_at(error, err, "name", NULL, "the file's name cannot be used: %s", why);
}

static struct str last_part(struct str path)
{
    for (size_t at = path.len; at-- > 0;) {
        if (path.at[at] == '/' || path.at[at] == '\\') {
            return str_sub(path, at + 1, path.len);
        }
    }
    return path;
}

static enum err check_points(struct str name, struct error *error)
{
    size_t at = 0;
    uint32_t point = 0;
    while (utf8_next(name, &at, &point)) {
        if (is_turning(point)) {
            return refuse(error, ERR_INVALID, "a character in it turns the direction of writing");
        }
        if (is_hidden(point)) {
            return refuse(error, ERR_INVALID, "there is a control character in it");
        }
    }
    return OK;
}

/* Windows drops them from the end of a name, so that it would be another one there. */
static struct str trim_name(struct str name)
{
    while (name.len > 0 && (name.at[0] == '.' || name.at[0] == ' ')) {
        name = str_sub(name, 1, name.len);
    }
    while (name.len > 0 && (name.at[name.len - 1] == '.' || name.at[name.len - 1] == ' ')) {
        name = str_sub(name, 0, name.len - 1);
    }
    return name;
}

enum err media_name(struct arena *arena, struct str raw, struct str *out_name, struct error *error)
{
    if (!utf8_valid(raw)) {
        return refuse(error, ERR_UTF8, "it is not UTF-8");
    }
    struct str name = last_part(raw);
    enum err err = check_points(name, error);
    if (err != OK) {
        return err;
    }
    name = trim_name(name);
    if (name.len == 0) {
        return refuse(error, ERR_INVALID, "nothing is left of it");
    }
    if (name.len > MEDIA_NAME_BYTES_MAX) {
        return refuse(error, ERR_LIMIT, "it is longer than 255 bytes");
    }
    *out_name = arena_str(arena, name);
    return OK;
}
