/* px.csv, px.xml, px.vcard, px.ical and px.pdf: the formats of core/format for scripts. What C
 * takes from the heap is given back before anything is pushed, since a push may raise. Executor,
 * protected. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/format.h"

enum {
    FORMAT_TEXT_MAX = 4 << 20, /* bytes that a decode takes */
    CSV_ROWS_MAX = 100000,
    CARDS_MAX = 10000,
};

static struct str text_arg(lua_State *L, const char *binding)
{
    struct str text = arg_text(L, 1);
    if (text.len > FORMAT_TEXT_MAX) {
        lua_raise_set(L, ERR_LIMIT, "%s takes at most %d MiB", binding, FORMAT_TEXT_MAX >> 20);
    }
    return text;
}

/* Copies *out into the call's scratch and frees it, then pushes. */
static int push_text(lua_State *L, struct call *call, struct buf *out)
{
    struct str copy = arena_str(&call->scratch, buf_str(out));
    buf_deinit(out);
    lua_pushlstring(L, copy.at, copy.len);
    return 1;
}

static int push_or_raise(lua_State *L, struct call *call, struct buf *out, enum err err,
                         struct error *error)
{
    if (err != OK) {
        buf_deinit(out);
        lua_raise(L, error);
    }
    return push_text(L, call, out);
}

/* What is a whole tree on one side and a text on the other. */
typedef enum err (*tree_reader)(struct arena *arena, struct str text, struct value *out_tree,
                                struct error *error);
typedef enum err (*tree_writer)(struct buf *out, const struct value *tree, struct error *error);

static int decode_tree(lua_State *L, const char *binding, tree_reader read)
{
    struct call *call = call_enter(L);
    struct str text = text_arg(L, binding);
    struct value tree = value_null();
    struct error error = {0};
    if (read(&call->scratch, text, &tree, &error) != OK) {
        lua_raise(L, &error);
    }
    lua_push_value(L, &tree, false);
    return 1;
}

static int encode_tree(lua_State *L, tree_writer write)
{
    struct call *call = call_enter(L);
    struct error error = {0};
    struct buf out;
    luaL_checktype(L, 1, LUA_TTABLE);
    struct value tree = arg_value(L, 1, &call->scratch);
    buf_init(&out);
    enum err err = write(&out, &tree, &error);
    return push_or_raise(L, call, &out, err, &error);
}

/* ---- px.csv ---- */

struct csv_options {
    bool header;
    char separator;
    struct value columns; /* VALUE_NULL: not given */
};

static struct csv_options csv_options(lua_State *L, struct call *call, int index)
{
    struct csv_options options = {.header = true};
    if (lua_isnoneornil(L, index)) {
        return options;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    struct value map = arg_value(L, index, &call->scratch);
    struct str separator = value_get_text(&map, "separator", STR(""));
    const struct value *columns = value_get_c(&map, "columns");
    options.header = value_get_bool(&map, "header", true);
    if (separator.len > 1 || (separator.len == 1 && strchr(",;\t", separator.at[0]) == NULL)) {
        lua_raise_set(L, ERR_INVALID, "the separator is \",\", \";\" or a tab");
    }
    if (separator.len == 1) {
        options.separator = separator.at[0];
    }
    options.columns = columns != NULL ? *columns : value_null();
    return options;
}

static struct value csv_row_value(struct arena *arena, const struct csv_row *row,
                                  const struct value *names)
{
    struct value value = names == NULL ? value_list_new() : value_map_new();
    for (int i = 0; i < row->field_count; i++) {
        struct value field = value_text(arena_str(arena, row->fields[i]));
        if (names == NULL) {
            value_push(arena, &value, field);
        } else {
            value_put(arena, &value, names->list.items[i].text, field);
        }
    }
    return value;
}

static enum err csv_take(struct csv_reader *reader, struct arena *arena, bool header,
                         struct value *rows, struct error *error)
{
    struct csv_row row;
    struct value names = value_null();
    while (csv_reader_next(reader, &row)) {
        char pointer[32];
        (void)snprintf(pointer, sizeof(pointer), "line %lld", (long long)row.line);
        if (row.err != OK) {
            *error = row.error;
            return row.err;
        }
        if (header && names.kind == VALUE_NULL) {
            names = csv_row_value(arena, &row, NULL);
            continue;
        }
        if (header && (size_t)row.field_count != names.list.count) {
            return error_at(error, ERR_INVALID, pointer, NULL,
                            "the row has %d fields and the header %zu", row.field_count,
                            names.list.count);
        }
        if (rows->list.count == CSV_ROWS_MAX) {
            return error_at(error, ERR_LIMIT, pointer, NULL, "px.csv.decode reads at most %d rows",
                            CSV_ROWS_MAX);
        }
        value_push(arena, rows, csv_row_value(arena, &row, header ? &names : NULL));
    }
    return OK;
}

static int csv_decode(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str text = text_arg(L, "px.csv.decode");
    struct csv_options options = csv_options(L, call, 2);
    struct value rows = value_list_new();
    struct error error = {0};
    struct csv_reader *reader = csv_reader_new(options.separator, 0, 1);
    csv_reader_feed(reader, text.at, text.len);
    csv_reader_end(reader);
    enum err err = csv_take(reader, &call->scratch, options.header, &rows, &error);
    csv_reader_free(reader);
    if (err != OK) {
        lua_raise(L, &error);
    }
    lua_push_value(L, &rows, false);
    return 1;
}

static enum err csv_write_value(struct buf *out, bool first, const struct value *value)
{
    struct buf raw;
    if (value == NULL || value->kind == VALUE_NULL) {
        csv_write_raw(out, first, STR(""));
        return OK;
    }
    if (value->kind == VALUE_TEXT) {
        csv_write_text(out, first, value->text);
        return OK;
    }
    if (value->kind == VALUE_LIST || value->kind == VALUE_MAP || value->kind == VALUE_BYTES ||
        value->kind == VALUE_MONEY) {
        return ERR_TYPE;
    }
    buf_init(&raw);
    json_encode(&raw, value);
    struct str text = buf_str(&raw);
    bool quoted = text.len >= 2 && text.at[0] == '"'; /* dates are texts in JSON */
    csv_write_raw(out, first, quoted ? str_sub(text, 1, text.len - 2) : text);
    buf_deinit(&raw);
    return OK;
}

/* The names of the columns: given, or those of the first row. */
static struct value csv_columns(struct arena *arena, const struct csv_options *options,
                                const struct value *rows)
{
    struct value names = value_list_new();
    if (options->columns.kind == VALUE_LIST) {
        return options->columns;
    }
    const struct value *first = rows->list.count > 0 ? &rows->list.items[0] : NULL;
    for (size_t i = 0; first != NULL && first->kind == VALUE_MAP && i < first->map.count; i++) {
        value_push(arena, &names, value_text(first->map.entries[i].key));
    }
    return names;
}

static enum err csv_write_row(struct buf *out, const struct value *row, const struct value *names)
{
    bool list = row->kind == VALUE_LIST;
    size_t count = list ? row->list.count : names->list.count;
    enum err err = list || row->kind == VALUE_MAP ? OK : ERR_TYPE;
    for (size_t i = 0; err == OK && i < count; i++) {
        const struct value *value = list ? &row->list.items[i]
                                         : value_get(row, names->list.items[i].kind == VALUE_TEXT
                                                              ? names->list.items[i].text
                                                              : STR(""));
        err = csv_write_value(out, i == 0, value);
    }
    if (err == OK) {
        csv_write_end(out);
    }
    return err;
}

static int csv_encode(lua_State *L)
{
    struct call *call = call_enter(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    struct csv_options options = csv_options(L, call, 2);
    struct value rows = arg_value(L, 1, &call->scratch);
    struct error error = {0};
    struct buf out;
    if (rows.kind != VALUE_LIST && rows.map.count > 0) {
        lua_raise_set(L, ERR_TYPE, "px.csv.encode takes a list of rows");
    }
    rows = rows.kind == VALUE_LIST ? rows : value_list_new();
    struct value names = csv_columns(&call->scratch, &options, &rows);
    buf_init(&out);
    enum err err = OK;
    if (options.header && names.list.count > 0) {
        err = csv_write_row(&out, &names, &names);
    }
    for (size_t i = 0; err == OK && i < rows.list.count; i++) {
        err = csv_write_row(&out, &rows.list.items[i], &names);
        if (err != OK) {
            (void)error_set(&error, err,
                            "row %zu: a row is a list or a table of texts, numbers, dates and "
                            "truth values",
                            i + 1);
        }
    }
    return push_or_raise(L, call, &out, err, &error);
}

static const struct lua_binding csv_bindings[] = {
    {.name = "decode",
     .call = csv_decode,
     .type = "fun(text: string, options?: { header?: boolean, separator?: string }): table[]",
     .doc = "rows by the names of the header, or as lists with header = false",
     .example = "for _, row in ipairs(px.csv.decode(\"name;city\\nAnna;Athens\\n\")) do\n"
                "  px.log.info(row.name, { city = row.city })\nend"},
    {.name = "encode",
     .call = csv_encode,
     .type = "fun(rows: table[], options?: { header?: boolean, columns?: string[] }): string",
     .doc = "CSV of rows; a text that a spreadsheet would run gets an apostrophe in front"},
};

const struct lua_module module_csv = {
    .name = "px.csv",
    .doc = "CSV (RFC 4180), bounded.",
    .bindings = csv_bindings,
    .count = COUNT_OF(csv_bindings),
};

/* ---- px.xml ---- */

static int xml_decode(lua_State *L)
{
    return decode_tree(L, "px.xml.decode", xml_read);
}

static int xml_encode(lua_State *L)
{
    return encode_tree(L, xml_write);
}

static const struct lua_binding xml_bindings[] = {
    {.name = "decode",
     .call = xml_decode,
     .type = "fun(text: string): px.xml.element",
     .doc = "a document as a tree; no document type, no entities but XML's own five",
     .example = "local root = px.xml.decode(\"<list><name id='7'>Anna</name></list>\")\n"
                "local name = root.children[1]\n"
                "assert(name.attributes.id == \"7\" and name.children[1] == \"Anna\")"},
    {.name = "encode",
     .call = xml_encode,
     .type = "fun(root: px.xml.element): string",
     .doc = "the document of such a tree"},
};

const struct lua_module module_xml = {
    .name = "px.xml",
    .doc = "XML, bounded; names are as written, prefix and all.",
    .bindings = xml_bindings,
    .count = COUNT_OF(xml_bindings),
    .types = "---@class px.xml.element\n"
             "---@field name string\n"
             "---@field attributes? table<string, string>\n"
             "---@field children? (string|px.xml.element)[]\n",
};

/* ---- px.vcard ---- */

static int vcard_decode(lua_State *L)
{
    struct call *call = call_enter(L);
    struct str text = text_arg(L, "px.vcard.decode");
    struct vcard_reader reader;
    struct value card, cards = value_list_new();
    struct error error = {0};
    vcard_reader_init(&reader, text);
    while (vcard_next(&reader, &call->scratch, &card, &error)) {
        if (error.err != OK) {
            lua_raise(L, &error);
        }
        if (cards.list.count == CARDS_MAX) {
            lua_raise_set(L, ERR_LIMIT, "px.vcard.decode reads at most %d cards", CARDS_MAX);
        }
        value_push(&call->scratch, &cards, card);
    }
    lua_push_value(L, &cards, false);
    return 1;
}

static int vcard_encode(lua_State *L)
{
    struct call *call = call_enter(L);
    struct error error = {0};
    struct buf out;
    luaL_checktype(L, 1, LUA_TTABLE);
    struct value cards = arg_value(L, 1, &call->scratch);
    bool list = cards.kind == VALUE_LIST;
    buf_init(&out);
    enum err err = OK;
    for (size_t i = 0; err == OK && i < (list ? cards.list.count : 1); i++) {
        err = vcard_write(&out, list ? &cards.list.items[i] : &cards, &error);
    }
    return push_or_raise(L, call, &out, err, &error);
}

static const struct lua_binding vcard_bindings[] = {
    {.name = "decode",
     .call = vcard_decode,
     .type = "fun(text: string): px.card[]",
     .doc = "the cards of a file, of vCard 4.0, 3.0 or 2.1"},
    {.name = "encode",
     .call = vcard_encode,
     .type = "fun(cards: px.card|px.card[]): string",
     .doc = "the file of these cards",
     .example = "local text = px.vcard.encode {\n  properties = {\n"
                "    { name = \"FN\", value = \"Anna Papadopoulou\" },\n"
                "    { name = \"TEL\", parameters = { TYPE = \"work\" }, value = \"+30 210\" },\n"
                "  },\n}"},
};

const struct lua_module module_vcard = {
    .name = "px.vcard",
    .doc = "vCard, bounded.",
    .bindings = vcard_bindings,
    .count = COUNT_OF(vcard_bindings),
    .types = "---@class px.card.property\n"
             "---@field name string # \"TEL\"\n"
             "---@field group? string\n"
             "---@field parameters? table<string, string[]>\n"
             "---@field value any # text; parts of N, ADR, ORG, GENDER, NICKNAME and CATEGORIES as "
             "a list\n"
             "\n"
             "---@class px.card\n"
             "---@field version? string # \"4.0\"\n"
             "---@field properties px.card.property[]\n",
};

/* ---- px.ical ---- */

static int ical_decode(lua_State *L)
{
    return decode_tree(L, "px.ical.decode", ical_read);
}

static int ical_encode(lua_State *L)
{
    return encode_tree(L, ical_write);
}

static const struct lua_binding ical_bindings[] = {
    {.name = "decode",
     .call = ical_decode,
     .type = "fun(text: string): px.ical.component[]",
     .doc = "the components of a calendar file; days and times as ISO 8601"},
    {.name = "encode",
     .call = ical_encode,
     .type = "fun(components: px.ical.component|px.ical.component[]): string",
     .doc = "the file of these components"},
    {.name = "occurrences",
     .call = ical_occurrences,
     .type = "fun(spec: px.ical.recurrence): px.date.value[], boolean",
     .doc = "when a recurring thing happens, from <= x < to; true behind it where the limit, or a "
            "rule that hardly ever matches, cut the list",
     .example = "local days = px.ical.occurrences {\n"
                "  rrule = \"FREQ=WEEKLY;COUNT=3\", start = \"2027-03-24T10:00:00\", "
                "zone = \"Europe/Athens\",\n}\n"
                "assert(tostring(days[1]) == \"2027-03-24T08:00:00.000Z\")\n"
                "assert(tostring(days[2]) == \"2027-03-31T07:00:00.000Z\")"},
    {.name = "zone",
     .call = ical_zone_component,
     .type = "fun(name: string): px.ical.component?",
     .doc = "the VTIMEZONE of an IANA zone, to stand beside a TZID; nil for UTC"},
};

const struct lua_module module_ical = {
    .name = "px.ical",
    .doc = "iCalendar, bounded.",
    .bindings = ical_bindings,
    .count = COUNT_OF(ical_bindings),
    .types = "---@class px.ical.component\n"
             "---@field name string # \"VEVENT\"\n"
             "---@field properties px.card.property[]\n"
             "---@field components? px.ical.component[]\n"
             "\n"
             "---@class px.ical.recurrence\n"
             "---@field start px.date.value|string # a day, an instant, or a time on the zone's "
             "clocks\n"
             "---@field rrule? string # \"FREQ=WEEKLY;BYDAY=TU\"\n"
             "---@field zone? string # \"UTC\"\n"
             "---@field exdates? (px.date.value|string)[] # a day leaves out all of it\n"
             "---@field rdates? (px.date.value|string)[]\n"
             "---@field from? px.date.value|string # the start\n"
             "---@field to? px.date.value|string # ten years on\n"
             "---@field limit? integer # 1000, at most 10000\n",
};

/* ---- px.pdf ---- */

static int pdf_render(lua_State *L)
{
    return encode_tree(L, pdf_write);
}

static const struct lua_binding pdf_bindings[] = {
    {.name = "render",
     .call = pdf_render,
     .type = "fun(document: px.pdf.document): string",
     .doc = "the bytes of a PDF, the same for the same document; any script that a font has",
     .example = "local bytes = px.pdf.render {\n"
                "  title = \"Σύμβαση\", language = \"el\", created_on = \"2027-03-31\",\n"
                "  blocks = {\n"
                "    { kind = \"heading\", text = \"1. Αντικείμενο\" },\n"
                "    { kind = \"paragraph\", text = \"Ο προμηθευτής καθαρίζει.\" },\n"
                "    { kind = \"list\", ordered = true, items = { \"γραφεία\", \"κήπο\" } },\n"
                "    { kind = \"table\", columns = { \"Τι\", \"Αξία\" }, "
                "rows = { { \"Γραφεία\", \"12,50\" } } },\n"
                "    { kind = \"signatures\", parties = { { name = \"Άννα\", "
                "capacity = \"διευθύντρια\" } } },\n"
                "  },\n"
                "}\n"
                "assert(bytes:sub(1, 5) == \"%PDF-\")"},
};

const struct lua_module module_pdf = {
    .name = "px.pdf",
    .doc = "Documents as data, drawn as PDF; bounded.",
    .types =
        "---@class px.pdf.block\n"
        "---@field kind? \"heading\"|\"paragraph\"|\"list\"|\"table\"|\"signatures\"|\"break\" "
        "# paragraph\n"
        "---@field text? string # of headings and paragraphs\n"
        "---@field level? 1|2|3 # of headings\n"
        "---@field align? \"left\"|\"center\"|\"right\" # of paragraphs\n"
        "---@field ordered? boolean # of lists\n"
        "---@field items? any[] # of lists\n"
        "---@field columns? any[] # of tables: their heads, on each page again\n"
        "---@field rows? any[][] # of tables\n"
        "---@field parties? { name: string, capacity?: string }[] # of signatures\n\n"
        "---@class px.pdf.document\n"
        "---@field title? string\n"
        "---@field language? string\n"
        "---@field header? string\n"
        "---@field footer? string\n"
        "---@field page_numbers? boolean # true\n"
        "---@field created_on? px.date.value|string # the only day in the file\n"
        "---@field blocks? px.pdf.block[]\n",
    .bindings = pdf_bindings,
    .count = COUNT_OF(pdf_bindings),
};
