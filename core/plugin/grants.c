/* What a plugin asks for, beside what was granted; a plugin whose `can` grew waits until it is
 * granted anew. Loop thread. */
#include "internal.h"

#include "proxenos/base_json.h"
#include "proxenos/base_log.h"

/* ---- what is asked for ---- */

void hash_text(const unsigned char hash[HASH_BYTES], char out[2 * HASH_BYTES + 1])
{
    for (size_t i = 0; i < HASH_BYTES; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
}

void can_hash(const struct edition *edition, char out[2 * HASH_BYTES + 1])
{
    unsigned char hash[HASH_BYTES];
    struct buf text;
    buf_init(&text);
    json_encode(&text, &edition->manifest.can);
    hash_of(text.at, text.len, hash);
    buf_deinit(&text);
    hash_text(hash, out);
}

static bool asks_for_nothing(const struct edition *edition)
{
    const struct value *can = &edition->manifest.can;
    return can->kind != VALUE_MAP || can->map.count == 0;
}

bool edition_is_granted(const struct edition *edition)
{
    char hash[2 * HASH_BYTES + 1];
    const struct plugin *plugin = edition->plugin;
    can_hash(edition, hash);
    /* The data folder is the operator's: who writes there grants it. */
    return plugin->bundled || plugin->automation || asks_for_nothing(edition) ||
           strcmp(plugin->remembered.granted, hash) == 0;
}

static bool holds(const struct value *list, const struct value *item)
{
    for (size_t i = 0; list != NULL && list->kind == VALUE_LIST && i < list->list.count; i++) {
        if (value_equal(&list->list.items[i], item)) {
            return true;
        }
    }
    return false;
}

/* The words of a list that are not in the other; what is no list stays whole. */
static struct value words_only_in(struct arena *arena, const struct value *list,
                                  const struct value *other)
{
    struct value left = value_list_new();
    if (list->kind != VALUE_LIST) {
        return value_copy(arena, list);
    }
    for (size_t i = 0; i < list->list.count; i++) {
        if (!holds(other, &list->list.items[i])) {
            value_push(arena, &left, value_copy(arena, &list->list.items[i]));
        }
    }
    return left;
}

/* What `there` has and `here` has not, word by word. */
static struct value only_in(struct arena *arena, const struct value *there,
                            const struct value *here)
{
    struct value map = value_map_new();
    for (size_t i = 0; there->kind == VALUE_MAP && i < there->map.count; i++) {
        const struct value_entry *entry = &there->map.entries[i];
        const struct value *other = value_get(here, entry->key);
        struct value left = words_only_in(arena, &entry->value, other);
        bool same = other != NULL && value_equal(other, &entry->value);
        bool empty = left.kind == VALUE_LIST && left.list.count == 0;
        bool no = left.kind == VALUE_BOOL && !left.boolean;
        if (!same && !empty && !no) {
            value_put(arena, &map, arena_str(arena, entry->key), left);
        }
    }
    return map;
}

struct value edition_difference(const struct edition *edition, struct arena *arena)
{
    char hash[2 * HASH_BYTES + 1];
    const char *text = edition->plugin->remembered.can;
    struct value before = value_map_new();
    struct value answer = value_map_new();
    struct str json = arena_str(arena, str_from(text != NULL ? text : "{}"));
    if (json_decode(arena, json, &before, NULL) != OK) {
        before = value_map_new();
    }
    can_hash(edition, hash);
    value_put_c(arena, &answer, "plugin", value_text(str_from(edition->plugin->name)));
    value_put_c(arena, &answer, "version",
                value_text(arena_str(arena, edition->manifest.version_text)));
    value_put_c(arena, &answer, "added", only_in(arena, &edition->manifest.can, &before));
    value_put_c(arena, &answer, "removed", only_in(arena, &before, &edition->manifest.can));
    value_put_c(arena, &answer, "approve", value_text(arena_str(arena, str_from(hash))));
    return answer;
}

/* ---- at start-up ---- */

static void keep_grant(struct plugin *plugin)
{
    struct buf text;
    buf_init(&text);
    json_encode(&text, &plugin->edition->manifest.can);
    can_hash(plugin->edition, plugin->remembered.granted);
    mem_free(plugin->remembered.can);
    plugin->remembered.can = buf_steal(&text);
}

/* Decides on one; true when its capabilities are given now. */
static bool grant_one(struct plugin *plugin)
{
    char hash[2 * HASH_BYTES + 1];
    const struct edition *edition = plugin->edition;
    can_hash(edition, hash);
    if (strcmp(plugin->remembered.granted, hash) == 0) {
        return false;
    }
    const char *why = plugin->bundled             ? "it came with the program"
                      : plugin->asked             ? "the operator enabled it by name"
                      : asks_for_nothing(edition) ? "it asks for none"
                                                  : NULL;
    if (why != NULL) {
        keep_grant(plugin);
        log_info("plugin", "capabilities granted plugin=%s version=" STR_FORMAT " why=\"%s\"",
                 plugin->name, STR_ARGS(edition->manifest.version_text), why);
        return true;
    }
    plugin->status = PLUGIN_WAITING;
    (void)error_set(&plugin->error, ERR_CAPABILITY,
                    "its capabilities are not granted%s; look at them with `proxenos plugin show` "
                    "and grant them with `proxenos plugin enable %s`",
                    plugin->remembered.known ? " as they are now" : "", plugin->name);
    log_warn("plugin", "a plugin waits plugin=%s code=%s error=\"%s\"", plugin->name,
             err_code(ERR_CAPABILITY), plugin->error.detail);
    return false;
}

enum err plugins_grant(struct plugins *plugins, struct error *error)
{
    bool *given = mem_zalloc(sizeof(*given) * (plugins->count + 1));
    for (size_t i = 0; i < plugins->count; i++) {
        struct plugin *plugin = plugins->list[i];
        given[i] = plugin->status == PLUGIN_RUNNING && grant_one(plugin);
    }
    enum err err = plugins_put_all(plugins, given, error);
    mem_free(given);
    return err;
}
