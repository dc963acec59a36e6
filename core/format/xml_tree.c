/* A whole XML document as a tree of values. Pure. */
#include "proxenos/format.h"

struct level {
    struct value element, children;
};

struct building {
    struct arena *arena;
    size_t started_bytes;
    size_t nodes;
    int depth; /* open elements */
    struct level levels[XML_DEPTH_MAX];
    struct buf text; /* that came since the last tag */
    struct value root;
};

static enum err within_limits(const struct building *building, struct error *error)
{
    if (building->nodes > XML_NODES_MAX) {
        return error_set(error, ERR_LIMIT, "the document has more than %d elements", XML_NODES_MAX);
    }
    size_t used = building->arena->used_bytes - building->started_bytes + building->text.len;
    if (used > XML_TREE_BYTES_MAX) {
        return error_set(error, ERR_LIMIT, "the document's tree is larger than %d MiB",
                         XML_TREE_BYTES_MAX >> 20);
    }
    return OK;
}

static void take_text(struct building *building)
{
    struct str text = buf_str(&building->text);
    if (building->depth > 0 && str_trim(text).len > 0) {
        value_push(building->arena, &building->levels[building->depth - 1].children,
                   value_text(arena_str(building->arena, text)));
    }
    buf_reset(&building->text);
}

static enum err on_open(void *context, struct str name, const struct xml_attribute *attributes,
                        size_t count, struct error *error)
{
    struct building *building = context;
    struct arena *arena = building->arena;
    take_text(building);
    building->nodes++;
    struct level *level = &building->levels[building->depth++];
    *level = (struct level){.element = value_map_new(), .children = value_list_new()};
    value_put_c(arena, &level->element, "name", value_text(arena_str(arena, name)));
    struct value map = value_map_new();
    for (size_t i = 0; i < count; i++) {
        value_put(arena, &map, arena_str(arena, attributes[i].name),
                  value_text(arena_str(arena, attributes[i].value)));
    }
    if (count > 0) {
        value_put_c(arena, &level->element, "attributes", map);
    }
    return within_limits(building, error);
}

static enum err on_close(void *context, struct str name, struct error *error)
{
    (void)name;
    struct building *building = context;
    take_text(building);
    struct level *level = &building->levels[--building->depth];
    if (level->children.list.count > 0) {
        value_put_c(building->arena, &level->element, "children", level->children);
    }
    if (building->depth == 0) {
        building->root = level->element;
    } else {
        value_push(building->arena, &building->levels[building->depth - 1].children,
                   level->element);
    }
    return within_limits(building, error);
}

static enum err on_text(void *context, struct str text, struct error *error)
{
    struct building *building = context;
    buf_append_str(&building->text, text);
    return within_limits(building, error);
}

enum err xml_read(struct arena *arena, struct str text, struct value *out_root, struct error *error)
{
    struct building *building = mem_zalloc(sizeof(*building));
    building->arena = arena;
    building->started_bytes = arena->used_bytes;
    buf_init(&building->text);
    struct xml_handler handler = {
        .open = on_open, .close = on_close, .text = on_text, .context = building};
    struct xml_reader *reader = xml_reader_new(&handler);
    enum err err = xml_reader_feed(reader, text.at, text.len, true, error);
    if (err == OK) {
        *out_root = building->root;
    }
    xml_reader_free(reader);
    buf_deinit(&building->text);
    mem_free(building);
    return err;
}
