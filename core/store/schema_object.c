/* The head of an object type: labels, path, title, tracking, compartment, subject. Second pass: all
 * fields are known. Pure; one thread. */
#include "schema_internal.h"

#include "proxenos/base_text.h"

/* Paths that the API keeps for itself (architecture.md, "HTTP"); the types of the core and of auth
 * (tokens) may have them. */
static const char reserved_paths[] = " aggregate audit batch changesets events exports flows "
                                     "imports jobs login logout me metrics openapi plugins schema "
                                     "search sessions tokens webhooks x ";

static bool path_reserved(struct str path)
{
    struct str rest = str_from(reserved_paths);
    struct str word;
    while (str_split(&rest, ' ', &word)) {
        if (word.len > 0 && str_eq(word, path)) {
            return true;
        }
    }
    return false;
}

static void read_path(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    type->path = option_text(builder, parts->tree, "path");
    if (type->path.len == 0) {
        type->path = arena_printf(builder->arena, STR_FORMAT "s", STR_ARGS(type->name));
    } else if (!name_valid(type->path)) {
        finding(builder, "path", value_get_c(parts->tree, "path"),
                "a path is a-z, then a-z 0-9 and single _");
        return;
    }
    bool ours = str_is(type->plugin, "core") || str_is(type->plugin, "auth");
    if (path_reserved(type->path) && !ours) {
        finding(builder, "path", NULL, "the path " STR_FORMAT " is the API's own: give another",
                STR_ARGS(type->path));
        return;
    }
    const struct object_type *other = map_get(&builder->schema->by_path, type->path);
    if (other != NULL) {
        finding(builder, "path", NULL, "the path " STR_FORMAT " is that of " STR_FORMAT,
                STR_ARGS(type->path), STR_ARGS(other->name));
        return;
    }
    (void)map_set(&builder->schema->by_path, type->path, type);
}

/* "work_order" reads "Work order" until somebody says better. */
static struct str words_from(struct arena *arena, struct str name, const char *suffix)
{
    struct str made = arena_printf(arena, STR_FORMAT "%s", STR_ARGS(name), suffix);
    char *at = arena_cstr(arena, made);
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < made.len; i++) {
        if (at[i] == '_') {
            at[i] = ' ';
        }
    }
    if (at[0] >= 'a' && at[0] <= 'z') {
        at[0] = upper[at[0] - 'a'];
    }
    return (struct str){at, made.len};
}

static void fill_labels(struct builder *builder, struct object_type *type)
{
    if (type->label.en.len == 0) {
        type->label.en = words_from(builder->arena, type->name, "");
    }
    if (type->plural.en.len == 0) {
        type->plural.en = words_from(builder->arena, type->name, "s");
    }
    for (int i = SYS_COUNT; i < type->field_count; i++) {
        struct label *label = &type->fields[i].label;
        if (label->en.len == 0) {
            label->en = words_from(builder->arena, type->fields[i].name, "");
        }
    }
}

/* Names of the type's own fields that `may` accepts, for the nearest word. */
static size_t field_names(struct builder *builder, const struct object_type *type,
                          bool (*may)(const struct field *field), struct str **out_names)
{
    struct str *names = ARENA_ARRAY(builder->arena, struct str, (size_t)type->field_count + 1);
    size_t count = 0;
    for (int i = 0; i < type->field_count; i++) {
        if (may(&type->fields[i])) {
            names[count++] = type->fields[i].name;
        }
    }
    *out_names = names;
    return count;
}

static bool may_be_title(const struct field *field)
{
    return !field->system && field->type != FIELD_SECRET && field->type != FIELD_JSON &&
           field->type != FIELD_REFS && !field->many;
}

static void read_title(struct builder *builder, struct object_parts *parts)
{
    static const struct str usual[] = {{"name", 4}, {"title", 5}, {"label", 5}, {"subject", 7}};
    struct object_type *type = parts->type;
    type->title_field = -1;
    type->title = option_text(builder, parts->tree, "title");
    if (type->title.len == 0) {
        for (size_t i = 0; i < COUNT_OF(usual) && type->title.len == 0; i++) {
            const struct field *field = object_field(type, usual[i]);
            type->title = field != NULL && field->type == FIELD_TEXT ? field->name : STR("");
        }
    }
    if (type->title.len == 0) {
        return;
    }
    const struct field *field = object_field(type, type->title);
    if (field == NULL || !may_be_title(field)) {
        struct str *names = NULL;
        size_t count = field_names(builder, type, may_be_title, &names);
        finding_near(builder, "title", type->title, names, count, "field that can be the title");
        type->title = STR("");
        return;
    }
    type->title_field = field->index;
}

static bool may_be_subject(const struct field *field)
{
    return field->type == FIELD_REF || field->type == FIELD_ID;
}

static void read_subject(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    type->subject = option_text(builder, parts->tree, "subject");
    if (type->subject.len == 0) {
        type->subject = STR("id");
        return;
    }
    const struct field *field = object_field(type, type->subject);
    type->person = field != NULL && field->index == SYS_ID;
    if (field == NULL || !may_be_subject(field)) {
        struct str *names = NULL;
        size_t count = field_names(builder, type, may_be_subject, &names);
        finding_near(builder, "subject", type->subject, names, count,
                     "reference whose record is the data subject");
        type->subject = STR("id");
    }
}

static void read_compartment(struct builder *builder, struct object_parts *parts)
{
    static const struct str words[] = {{"none", 4}, {"optional", 8}, {"required", 8}};
    struct object_type *type = parts->type;
    struct str word = option_text(builder, parts->tree, "compartment");
    if (word.len == 0) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(word, words[i])) {
            type->compartment = (enum compartment_use)i;
            type->fields[SYS_COMPARTMENT].required = type->compartment == COMPARTMENT_REQUIRED;
            return;
        }
    }
    finding_near(builder, "compartment", word, words, COUNT_OF(words), "use of compartments");
}

void build_head(struct builder *builder, struct object_parts *parts)
{
    struct object_type *type = parts->type;
    place_set(builder, STR_FORMAT ": objects." STR_FORMAT, STR_ARGS(type->plugin),
              STR_ARGS(type->name));
    option_known(builder, parts->tree,
                 "label plural path title icon track compartment subject fields states indexes "
                 "rules duplicates",
                 0);
    type->label = option_label(builder, parts->tree, "label");
    type->plural = option_label(builder, parts->tree, "plural");
    type->icon = option_text(builder, parts->tree, "icon");
    type->track = option_bool(builder, parts->tree, "track");
    read_path(builder, parts);
    read_title(builder, parts);
    read_subject(builder, parts);
    read_compartment(builder, parts);
    fill_labels(builder, type);
    for (int i = SYS_COUNT; i < type->field_count; i++) {
        struct field *field = &type->fields[i];
        field->sorted_text = field->type == FIELD_TEXT &&
                             (field->search || field->indexed || i == type->title_field);
    }
}
