/* Reads a role's grants: JSON that people write, so every wrong word is named with its place and
 * the word that was probably meant. Pure; any thread. */
#include "roles.h"

#include "proxenos/base_text.h"

#include <stdio.h>

struct reading {
    struct arena *arena;
    struct error *error;
    char place[100]; /* JSON pointer to the entry being read */
};

static const struct word {
    struct str word;
    uint32_t value;
} verb_words[] =
    {
        {{"read", 4}, VERB_READ},
        {{"create", 6}, VERB_CREATE},
        {{"update", 6}, VERB_UPDATE},
        {{"delete", 6}, VERB_DELETE},
        {{"import", 6}, VERB_IMPORT},
        {{"export", 6}, VERB_EXPORT},
        {{"approve", 7}, VERB_APPROVE},
        {{"erase", 5}, VERB_ERASE},
        {{"access_export", 13}, VERB_ACCESS_EXPORT},
        {{"write", 5}, VERBS_WRITE},
        {{"*", 1}, VERB_ALL},
},
  row_words[] =
      {
          {{"none", 4}, ROWS_NONE},           {{"own", 3}, ROWS_OWN},
          {{"team", 4}, ROWS_TEAM},           {{"subteams", 8}, ROWS_SUBTEAMS},
          {{"territory", 9}, ROWS_TERRITORY}, {{"all", 3}, ROWS_ALL},
},
  access_words[] =
      {
          {{"hidden", 6}, FIELD_HIDDEN},
          {{"masked", 6}, FIELD_MASKED},
          {{"readable", 8}, FIELD_READABLE},
          {{"writable", 8}, FIELD_WRITABLE},
},
  class_words[] = {
      {{"plain", 5}, CLASS_PLAIN},
      {{"pii", 3}, CLASS_PII},
      {{"phi", 3}, CLASS_PHI},
      {{"pan", 3}, CLASS_PAN},
};

static const struct str set_keys[] = {
    {"verbs", 5}, {"rows", 4}, {"write_rows", 10}, {"classes", 7}, {"fields", 6}};

/* ---- words ---- */

static const struct word *word_find(const struct word *words, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(words[i].word, text)) {
            return &words[i];
        }
    }
    return NULL;
}

uint32_t verb_of(struct str text)
{
    const struct word *word = word_find(verb_words, COUNT_OF(verb_words), text);
    return word == NULL ? 0 : word->value;
}

bool object_is_guarded(struct str object)
{
    return str_is(object, "user") || str_is(object, "team") || str_is(object, "role") ||
           str_is(object, "token") || str_is(object, "webhook") || str_is(object, "territory") ||
           str_is(object, "view") || str_is(object, "legal_hold");
}

static enum err wrong(const struct reading *reading, const char *key, struct str text,
                      struct str nearest, const char *what)
{
    char pointer[sizeof(reading->error->pointer)];
    char value[100];
    (void)snprintf(pointer, sizeof(pointer), "%s%s%s", reading->place, key[0] == '\0' ? "" : "/",
                   key);
    (void)snprintf(value, sizeof(value), STR_FORMAT, STR_ARGS(utf8_cut(text, sizeof(value) - 1)));
    enum err err = error_at(reading->error, ERR_INVALID, pointer, value, "%s", what);
    if (reading->error != NULL) {
        (void)snprintf(reading->error->nearest, sizeof(reading->error->nearest), STR_FORMAT,
                       STR_ARGS(str_sub(nearest, 0, sizeof(reading->error->nearest) - 1)));
    }
    return err;
}

static enum err word_read(const struct reading *reading, const char *key, const struct value *value,
                          const struct word *words, size_t count, uint32_t *out_value)
{
    if (value->kind != VALUE_TEXT) {
        return wrong(reading, key, str_from(value_kind_name(value)), STR(""),
                     "a word must stand here");
    }
    const struct word *word = word_find(words, count, value->text);
    if (word == NULL) {
        struct str candidates[COUNT_OF(verb_words)];
        char what[200] = "this is not one of";
        size_t len = strlen(what);
        for (size_t i = 0; i < count; i++) {
            candidates[i] = words[i].word;
            int more = snprintf(what + len, sizeof(what) - len, "%s " STR_FORMAT,
                                i == 0 ? ":" : ",", STR_ARGS(words[i].word));
            len += more > 0 ? (size_t)more : 0;
        }
        return wrong(reading, key, value->text, text_nearest(value->text, candidates, count), what);
    }
    *out_value = word->value;
    return OK;
}

/* ---- the parts of one entry ---- */

static enum err verbs_read(const struct reading *reading, const struct value *list,
                           uint32_t *out_verbs)
{
    if (list == NULL || list->kind != VALUE_LIST) {
        return wrong(reading, "verbs", STR(""), STR(""),
                     "verbs must be a list such as [\"read\", \"create\"]");
    }
    uint32_t verbs = 0;
    for (size_t i = 0; i < list->list.count; i++) {
        char key[40];
        uint32_t verb = 0;
        (void)snprintf(key, sizeof(key), "verbs/%zu", i);
        enum err err =
            word_read(reading, key, &list->list.items[i], verb_words, COUNT_OF(verb_words), &verb);
        if (err != OK) {
            return err;
        }
        verbs |= verb;
    }
    /* Whoever changes or takes out a record must be able to name it. A drop box, where one may only
     * put things in, is fine. */
    if ((verbs & ~(uint32_t)VERB_CREATE) != 0 && (verbs & VERB_READ) == 0) {
        return wrong(reading, "verbs", STR(""), STR("read"),
                     "all verbs but create need \"read\" beside them");
    }
    *out_verbs = verbs;
    return OK;
}

/* One word, or a list of them: all rows that any of them shows. */
static enum err rows_read(const struct reading *reading, const struct value *entry, const char *key,
                          uint8_t otherwise, uint8_t *out_rows)
{
    const struct value *said = value_get_c(entry, key);
    bool several = said != NULL && said->kind == VALUE_LIST;
    size_t count = said == NULL ? 0 : several ? said->list.count : 1;
    uint8_t rows = said == NULL ? otherwise : ROWS_NONE;
    for (size_t i = 0; i < count; i++) {
        uint32_t word = 0;
        char place[40];
        (void)snprintf(place, sizeof(place), several ? "%s/%zu" : "%s", key, i);
        enum err err = word_read(reading, place, several ? &said->list.items[i] : said, row_words,
                                 COUNT_OF(row_words), &word);
        if (err != OK) {
            return err;
        }
        rows |= (uint8_t)word;
    }
    *out_rows = rows;
    return OK;
}

static enum err classes_read(const struct reading *reading, const struct value *map,
                             struct rule_set *set)
{
    memset(set->classes, FIELD_UNSAID, sizeof(set->classes));
    if (map == NULL) {
        return OK;
    }
    if (map->kind != VALUE_MAP) {
        return wrong(reading, "classes", STR(""), STR(""),
                     "classes must be an object such as {\"pii\": \"readable\"}");
    }
    for (size_t i = 0; i < map->map.count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        struct value name = value_text(entry->key);
        uint32_t class = 0;
        uint32_t access = 0;
        enum err err =
            word_read(reading, "classes", &name, class_words, COUNT_OF(class_words), &class);
        if (err == OK) {
            err = word_read(reading, "classes", &entry->value, access_words, COUNT_OF(access_words),
                            &access);
        }
        if (err != OK) {
            return err;
        }
        set->classes[class] = (uint8_t)access;
    }
    return OK;
}

static enum err fields_read(const struct reading *reading, const struct value *map,
                            struct rule_set *set)
{
    if (map == NULL) {
        return OK;
    }
    if (map->kind != VALUE_MAP || map->map.count > FIELD_RULES_MAX) {
        return wrong(reading, "fields", STR(""), STR(""),
                     "fields must be an object such as {\"value\": \"hidden\"}, of at most 300");
    }
    set->fields = ARENA_ARRAY(reading->arena, struct field_rule, map->map.count);
    set->field_count = map->map.count;
    for (size_t i = 0; i < map->map.count; i++) {
        const struct value_entry *entry = &map->map.entries[i];
        uint32_t access = 0;
        char key[60];
        (void)snprintf(key, sizeof(key), "fields/" STR_FORMAT,
                       STR_ARGS(str_sub(entry->key, 0, 40)));
        enum err err =
            word_read(reading, key, &entry->value, access_words, COUNT_OF(access_words), &access);
        if (err != OK) {
            return err;
        }
        set->fields[i] = (struct field_rule){.name = arena_str(reading->arena, entry->key),
                                             .access = (uint8_t)access};
    }
    return OK;
}

static enum err keys_check(const struct reading *reading, const struct value *entry)
{
    for (size_t i = 0; i < entry->map.count; i++) {
        struct str key = entry->map.entries[i].key;
        bool known = false;
        for (size_t k = 0; k < COUNT_OF(set_keys); k++) {
            known = known || str_eq(set_keys[k], key);
        }
        if (!known) {
            return wrong(reading, "", key, text_nearest(key, set_keys, COUNT_OF(set_keys)),
                         "an entry may have verbs, rows, write_rows, classes and fields");
        }
    }
    return OK;
}

static enum err set_read(const struct reading *reading, const struct value *entry,
                         struct rule_set *set)
{
    if (entry->kind != VALUE_MAP) {
        return wrong(reading, "", STR(""), STR(""),
                     "an entry must be an object such as {\"verbs\": [\"read\"]}");
    }
    enum err err = keys_check(reading, entry);
    if (err == OK) {
        err = verbs_read(reading, value_get_c(entry, "verbs"), &set->verbs);
    }
    if (err == OK) {
        err = rows_read(reading, entry, "rows", ROWS_ALL, &set->read_rows);
    }
    if (err == OK) {
        err = rows_read(reading, entry, "write_rows", set->read_rows, &set->write_rows);
    }
    if (err == OK) {
        err = classes_read(reading, value_get_c(entry, "classes"), set);
    }
    if (err == OK) {
        err = fields_read(reading, value_get_c(entry, "fields"), set);
    }
    if (err == OK && (set->write_rows & ~(unsigned)set->read_rows) != 0) {
        err =
            wrong(reading, "write_rows", STR(""), STR(""), "write_rows may not be wider than rows");
    }
    return err;
}

enum err role_rules_read(struct arena *arena, const struct value *grants,
                         struct role_rules *out_rules, struct error *error)
{
    struct reading reading = {.arena = arena, .error = error};
    if (grants == NULL || grants->kind == VALUE_NULL) {
        *out_rules = (struct role_rules){0};
        return OK;
    }
    if (grants->kind != VALUE_MAP) {
        return wrong(&reading, "", STR(""), STR(""),
                     "grants must be an object with object types as its keys");
    }
    if (grants->map.count > RULES_MAX) {
        return error_set(error, ERR_LIMIT, "a role may name at most %d object types", RULES_MAX);
    }
    struct role_rules rules = {.sets = ARENA_ARRAY(arena, struct rule_set, grants->map.count),
                               .count = grants->map.count};
    for (size_t i = 0; i < rules.count; i++) {
        const struct value_entry *entry = &grants->map.entries[i];
        (void)snprintf(reading.place, sizeof(reading.place), "/" STR_FORMAT,
                       STR_ARGS(str_sub(entry->key, 0, 60)));
        rules.sets[i].object = arena_str(arena, entry->key);
        enum err err = set_read(&reading, &entry->value, &rules.sets[i]);
        if (err != OK) {
            return err;
        }
    }
    *out_rules = rules;
    return OK;
}

const struct rule_set *role_rules_for(const struct role_rules *rules, struct str object)
{
    const struct rule_set *all = NULL;
    for (size_t i = 0; i < rules->count; i++) {
        if (str_eq(rules->sets[i].object, object)) {
            return &rules->sets[i];
        }
        if (str_is(rules->sets[i].object, "*")) {
            all = &rules->sets[i];
        }
    }
    return object_is_guarded(object) ? NULL : all;
}

/* ---- against a schema ---- */

static enum err names_check(const struct schema *schema, const struct rule_set *set,
                            struct error *error)
{
    if (str_is(set->object, "*")) {
        return OK;
    }
    const struct object_type *type = NULL;
    enum err err = schema_find_object(schema, set->object, &type, error);
    for (size_t i = 0; err == OK && i < set->field_count; i++) {
        const struct field *field = NULL;
        err = object_find_field(type, set->fields[i].name, &field, error);
    }
    return err;
}

enum err auth_grants_check(const struct schema *schema, const struct value *grants,
                           struct error *error)
{
    struct arena arena;
    struct role_rules rules = {0};
    arena_init(&arena);
    enum err err = role_rules_read(&arena, grants, &rules, error);
    for (size_t i = 0; err == OK && i < rules.count; i++) {
        err = names_check(schema, &rules.sets[i], error);
    }
    arena_deinit(&arena);
    return err;
}
