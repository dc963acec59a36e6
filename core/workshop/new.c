/* `plugin new`: a plugin that works, with one test that fails and wants to be made to pass; and the
 * types of `px` and `t` where editors find them. Main thread. */
#include "internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 30 }; /* the names made from it must fit, too */

/* @NAME@ is the plugin's name, @LABEL@ that name for people. */
static const struct {
    const char *path, *text;
} files[] = {
    {"plugin.lua",
     "-- What this plugin is and what it may do: data alone.\n"
     "return {\n"
     "  name = \"@NAME@\", version = \"0.1.0\", api = 1, license = \"Apache-2.0\", default = "
     "true,\n"
     "  label = { en = \"@LABEL@\", el = \"@LABEL@\" },\n"
     "  can = {\n"
     "    read = { \"@NAME@_note\" },\n"
     "    write = { \"@NAME@_note\" },\n"
     "    emit = { \"@NAME@.*\" },\n"
     "  },\n"
     "  config = {\n"
     "    { \"days\", \"integer\", default = 7, min = 1, max = 365,\n"
     "      label = { en = \"Days until a note is due\", el = \"Ημέρες έως την προθεσμία\" } },\n"
     "  },\n"
     "}\n"},
    {"schema.lua",
     "-- The object types: tables, checks, rights, API, import and export follow from this.\n"
     "return {\n"
     "  objects = {\n"
     "    @NAME@_note = {\n"
     "      label = { en = \"Note\", el = \"Σημείωση\" }, plural = { en = \"Notes\", el = "
     "\"Σημειώσεις\" },\n"
     "      title = \"text\", track = true,\n"
     "      fields = {\n"
     "        { \"text\", \"text\", required = true, max = 300, search = true,\n"
     "          label = { en = \"Text\", el = \"Κείμενο\" } },\n"
     "        { \"urgent\", \"boolean\", default = false, label = { en = \"Urgent\", el = "
     "\"Επείγον\" } },\n"
     "        { \"due\", \"date\", index = true, label = { en = \"Due\", el = \"Προθεσμία\" } },\n"
     "        { \"state\", \"enum\", of = { \"open\", \"done\" }, label = { en = \"State\", el = "
     "\"Κατάσταση\" } },\n"
     "      },\n"
     "      states = { field = \"state\", initial = \"open\", moves = { open = { \"done\" }, done "
     "= { \"open\" } } },\n"
     "    },\n"
     "  },\n"
     "}\n"},
    {"main.lua",
     "-- What happens. Handlers are short; the service runs each one exactly once.\n"
     "\n"
     "-- Before a note is made: it gets a date when it has none.\n"
     "px.before(\"@NAME@_note.create\", function(drafts)\n"
     "  for _, draft in ipairs(drafts) do\n"
     "    local days = px.config.get(\"days\")\n"
     "    draft.due = draft.due or px.date.today() + (days .. \"d\")\n"
     "  end\n"
     "end)\n"
     "\n"
     "-- After a note was done: whoever listens hears of it.\n"
     "px.on(\"@NAME@_note.state.done\", function(event)\n"
     "  px.store.update(\"@NAME@_note\", event.id, { urgent = false })\n"
     "  px.bus.emit(\"@NAME@.note_done\", { note = event.id })\n"
     "end)\n"
     "\n"
     "-- `proxenos @NAME@ open`\n"
     "px.command(\"@NAME@ open\", { help = \"how many notes are open\" }, function(args, out)\n"
     "  local count = px.store.count(\"@NAME@_note\", { filter = { state = \"open\" } })\n"
     "  out.line(px.i18n.t(\"open\", { count = count }))\n"
     "end)\n"},
    {"locale/en.lua", "return {\n"
                      "  open = { one = \"{count} open note\", other = \"{count} open notes\" },\n"
                      "}\n"},
    {"locale/el.lua",
     "return {\n"
     "  open = { one = \"{count} ανοιχτή σημείωση\", other = \"{count} ανοιχτές σημειώσεις\" },\n"
     "}\n"},
    {"tests/notes.lua",
     "-- Run them with `proxenos plugin test DIR`. Each begins with an empty store, on Monday,\n"
     "-- 5 January 2026, 08:00 UTC.\n"
     "\n"
     "test(\"a note is due after the days that the settings say\", function(t)\n"
     "  local note = t.create(\"@NAME@_note\", { text = \"Call back\" })\n"
     "  assert(note.due == px.date.today() + \"7d\")\n"
     "end)\n"
     "\n"
     "test(\"a note that is done is told\", function(t)\n"
     "  local note = t.create(\"@NAME@_note\", { text = \"Call back\" })\n"
     "  t.update(\"@NAME@_note\", note, { state = \"done\" })\n"
     "  t.expect_event(\"@NAME@.note_done\", { note = note })\n"
     "end)\n"
     "\n"
     "-- This one fails. Make it pass: in main.lua, an urgent note gets one day.\n"
     "test(\"an urgent note is due tomorrow\", function(t)\n"
     "  local note = t.create(\"@NAME@_note\", { text = \"Fire in the cellar\", urgent = true })\n"
     "  t.expect_record(\"@NAME@_note\", { id = note.id, due = \"2026-01-06\" })\n"
     "end)\n"},
    {"README.md", "# @LABEL@\n"
                  "\n"
                  "A plugin for Proxenos.\n"
                  "\n"
                  "```sh\n"
                  "proxenos plugin test @NAME@    # runs tests/\n"
                  "proxenos plugin check @NAME@   # looks for mistakes without running anything\n"
                  "proxenos plugin pack @NAME@    # makes one file of it\n"
                  "```\n"},
    {".luarc.json", "{\n"
                    "  \"runtime.version\": \"Lua 5.4\",\n"
                    "  \"workspace.library\": [\".proxenos/types\"],\n"
                    "  \"runtime.builtin\": { \"io\": \"disable\", \"os\": \"disable\", \"debug\": "
                    "\"disable\", \"package\": \"disable\" }\n"
                    "}\n"},
    {".gitignore", ".proxenos/\n"},
};

/* ---- files ---- */

enum err workshop_write_file(const char *folder, const char *name, struct str text,
                             struct error *error)
{
    char path[SCRATCH_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) {
            return error_set(error, ERR_IO, "%s cannot be made: %s", path, strerror(errno));
        }
    }
    FILE *file = fopen(path, "wbe");
    bool written = file != NULL && fwrite(text.at, 1, text.len, file) == text.len;
    written = file != NULL && fclose(file) == 0 && written;
    return written ? OK
                   : error_set(error, ERR_IO, "%s cannot be written: %s", path, strerror(errno));
}

enum err workshop_write_types(const char *folder, struct error *error)
{
    struct buf text;
    size_t count = 0;
    const struct lua_module *const *modules = bind_modules(&count);
    buf_init(&text);
    lua_bindings_write_types(&text, modules, count);
    enum err err = workshop_write_file(folder, ".proxenos/types/px.lua", buf_str(&text), error);
    buf_reset(&text);
    lua_bindings_write_types(&text, t_modules, t_module_count);
    if (err == OK) {
        err = workshop_write_file(folder, ".proxenos/types/t.lua", buf_str(&text), error);
    }
    buf_deinit(&text);
    return err;
}

/* ---- the plugin ---- */

static enum err check_name(struct str name, struct error *error)
{
    bool good =
        name.len > 0 && name.len <= NAME_MAX_BYTES && name.at[0] >= 'a' && name.at[0] <= 'z';
    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.at[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        good = good && !(c == '_' && i > 0 && name.at[i - 1] == '_');
    }
    return good ? OK
                : error_set(error, ERR_INVALID,
                            "\"" STR_FORMAT "\" is no name for a plugin: small letters, digits and "
                            "single _, a letter first, at most %d",
                            STR_ARGS(str_sub(name, 0, 60)), NAME_MAX_BYTES);
}

/* "site_visits" → "Site visits". */
static void write_label(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        if (i == 0 && c >= 'a' && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        } else if (c == '_') {
            c = ' ';
        }
        buf_append_char(out, c);
    }
}

static void fill_in(struct buf *out, struct str text, struct str name)
{
    size_t at = 0;
    while (str_find(text, STR("@"), &at)) {
        struct str rest = str_sub(text, at, text.len);
        buf_append_str(out, str_sub(text, 0, at));
        if (str_starts(rest, STR("@NAME@"))) {
            buf_append_str(out, name);
            text = str_sub(rest, 6, rest.len);
        } else if (str_starts(rest, STR("@LABEL@"))) {
            write_label(out, name);
            text = str_sub(rest, 7, rest.len);
        } else {
            buf_append_char(out, '@');
            text = str_sub(rest, 1, rest.len);
        }
    }
    buf_append_str(out, text);
}

static enum err make_plugin(const struct workshop_new *asked, char *folder, size_t size,
                            struct error *error)
{
    struct str name = str_from(asked->name);
    enum err err = check_name(name, error);
    if (err != OK) {
        return err;
    }
    (void)snprintf(folder, size, "%s/%s", asked->folder, asked->name);
    if (mkdir(asked->folder, 0777) != 0 && errno != EEXIST) {
        return error_set(error, ERR_IO, "%s cannot be made: %s", asked->folder, strerror(errno));
    }
    if (mkdir(folder, 0777) != 0) {
        return errno == EEXIST
                   ? error_set(error, ERR_CONFLICT, "%s is there already: name another", folder)
                   : error_set(error, ERR_IO, "%s cannot be made: %s", folder, strerror(errno));
    }
    struct buf text;
    buf_init(&text);
    for (size_t i = 0; err == OK && i < COUNT_OF(files); i++) {
        buf_reset(&text);
        fill_in(&text, str_from(files[i].text), name);
        err = workshop_write_file(folder, files[i].path, buf_str(&text), error);
    }
    buf_deinit(&text);
    return err == OK ? workshop_write_types(folder, error) : err;
}

static int fail(const struct error *error)
{
    fprintf(stderr, "proxenos: %s%s%s\n  %s: %s\n", error->pointer,
            error->pointer[0] != '\0' ? ": " : "", error->detail, err_code(error->err),
            err_advice(error->err));
    return 1;
}

int workshop_new(const struct workshop_new *asked)
{
    char folder[SCRATCH_PATH_MAX];
    struct error error = {0};
    if (make_plugin(asked, folder, sizeof(folder), &error) != OK) {
        return fail(&error);
    }
    printf("%s is made. Next:\n"
           "  proxenos plugin test %s    one of its tests fails: tests/notes.lua says what to do\n"
           "  proxenos plugin check %s\n",
           folder, folder, folder);
    return 0;
}
