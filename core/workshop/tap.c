/* The Test Anything Protocol, version 14: a line per test, and behind a failure what and where as
 * a block of YAML. Main thread. */
#include "tap.h"

#include "proxenos/base_json.h"

#include <stdarg.h>

void tap_begin(struct tap *tap)
{
    *tap = (struct tap){0};
    printf("TAP version 14\n");
}

void tap_note(const char *format, ...)
{
    struct buf text;
    va_list arguments;
    buf_init(&text);
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    struct str rest = buf_str(&text);
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        printf("# " STR_FORMAT "\n", STR_ARGS(line));
    }
    buf_deinit(&text);
    fflush(stdout);
}

/* '#' and '\' have a meaning behind "ok 1 - ". */
static void print_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (c == '#' || c == '\\') {
            putchar('\\');
        }
        putchar((unsigned char)c < ' ' ? ' ' : c);
    }
    putchar('\n');
}

void tap_ok(struct tap *tap, struct str name)
{
    printf("ok %d - ", ++tap->count);
    print_name(name);
    fflush(stdout);
}

/* A JSON string is a YAML string. */
static void print_member(const char *name, struct str text)
{
    struct buf quoted;
    if (text.len == 0) {
        return;
    }
    buf_init(&quoted);
    json_write_text(&quoted, text);
    printf("  %s: " STR_FORMAT "\n", name, STR_ARGS(buf_str(&quoted)));
    buf_deinit(&quoted);
}

/* "\n  tests/a.lua:12: in function …": the first line of a test file, without what follows. */
static struct str place_in(struct str traceback)
{
    struct str rest = traceback;
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        size_t at = 0;
        if (!str_starts(line, STR("tests/")) || !str_find(line, STR(":"), &at)) {
            continue;
        }
        size_t end = at + 1;
        while (end < line.len && line.at[end] >= '0' && line.at[end] <= '9') {
            end++;
        }
        if (end > at + 1) {
            return str_sub(line, 0, end);
        }
    }
    return STR("");
}

static void print_traceback(struct str traceback)
{
    struct str rest = traceback;
    struct str line;
    if (str_trim(traceback).len == 0) {
        return;
    }
    printf("  traceback: |\n");
    while (str_split(&rest, '\n', &line)) {
        if (str_trim(line).len > 0) {
            printf("    " STR_FORMAT "\n", STR_ARGS(str_trim(line)));
        }
    }
}

void tap_not_ok(struct tap *tap, struct str name, const struct error *error, struct str traceback)
{
    struct str at = place_in(traceback);
    struct str pointer = str_from(error->pointer);
    bool place = str_starts(pointer, STR("tests/"));
    tap->failed++;
    printf("not ok %d - ", ++tap->count);
    print_name(name);
    printf("  ---\n");
    print_member("message",
                 str_from(error->detail[0] != '\0' ? error->detail : err_text(error->err)));
    print_member("code", str_from(err_code(error->err)));
    print_member("at", at.len > 0 ? at : place ? pointer : STR(""));
    print_member("field", place ? STR("") : pointer);
    print_member("nearest", str_from(error->nearest));
    print_traceback(traceback);
    printf("  ...\n");
    fflush(stdout);
}

void tap_end(const struct tap *tap)
{
    printf("1..%d\n", tap->count);
    tap_note("%d of %d passed", tap->count - tap->failed, tap->count);
}

void tap_bail_out(const struct error *error)
{
    printf("Bail out! %s%s%s\n", error->pointer, error->pointer[0] != '\0' ? ": " : "",
           error->detail);
    fflush(stdout);
}
