/* The fields every object type has, and the core's own object types. Pure; any thread. */
#include "schema_internal.h"

static const struct system_line {
    struct str name;
    enum field_type type;
    bool readonly, indexed, unique;
    struct str to;
    struct label label;
} system_lines[SYS_COUNT] = {
    [SYS_ID] = {.name = {"id", 2},
                .type = FIELD_ID,
                .readonly = true,
                .label = {{"Id", 2}, {"Αναγνωριστικό", 26}}},
    [SYS_VERSION] = {.name = {"version", 7},
                     .type = FIELD_INTEGER,
                     .readonly = true,
                     .label = {{"Version", 7}, {"Έκδοση", 12}}},
    [SYS_CREATED_AT] = {.name = {"created_at", 10},
                        .type = FIELD_DATETIME,
                        .readonly = true,
                        .label = {{"Created at", 10}, {"Δημιουργήθηκε", 26}}},
    [SYS_CREATED_BY] = {.name = {"created_by", 10},
                        .type = FIELD_TEXT,
                        .readonly = true,
                        .label = {{"Created by", 10}, {"Δημιουργός", 20}}},
    [SYS_UPDATED_AT] = {.name = {"updated_at", 10},
                        .type = FIELD_DATETIME,
                        .readonly = true,
                        .indexed = true,
                        .label = {{"Updated at", 10}, {"Ενημερώθηκε", 22}}},
    [SYS_UPDATED_BY] = {.name = {"updated_by", 10},
                        .type = FIELD_TEXT,
                        .readonly = true,
                        .label = {{"Updated by", 10}, {"Ενημέρωσε", 18}}},
    [SYS_OWNER] = {.name = {"owner", 5},
                   .type = FIELD_REF,
                   .indexed = true,
                   .to = {"user", 4},
                   .label = {{"Owner", 5}, {"Υπεύθυνος", 18}}},
    [SYS_COMPARTMENT] = {.name = {"compartment", 11},
                         .type = FIELD_TEXT,
                         .label = {{"Compartment", 11}, {"Διαμέρισμα", 20}}},
    [SYS_ARCHIVED_AT] = {.name = {"archived_at", 11},
                         .type = FIELD_DATETIME,
                         .readonly = true,
                         .label = {{"Archived at", 11}, {"Αρχειοθετήθηκε", 28}}},
    [SYS_EXTERNAL_ID] = {.name = {"external_id", 11},
                         .type = FIELD_TEXT,
                         .unique = true,
                         .label = {{"External id", 11}, {"Εξωτερικός κωδικός", 35}}},
};

void build_system_fields(struct object_type *type)
{
    for (int i = 0; i < SYS_COUNT; i++) {
        const struct system_line *line = &system_lines[i];
        type->fields[i] = (struct field){
            .name = line->name,
            .type = line->type,
            .index = i,
            .system = true,
            .readonly = line->readonly,
            .indexed = line->indexed,
            .unique = line->unique,
            .max_length = line->type == FIELD_TEXT ? 200 : 0,
            .to = line->to,
            .label = line->label,
            .plugin = STR("core"),
        };
    }
    type->field_count = SYS_COUNT;
}
