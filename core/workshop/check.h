/* What the parts of `plugin check` share (check*.c). Main thread. */
#ifndef PROXENOS_WORKSHOP_CHECK_H
#define PROXENOS_WORKSHOP_CHECK_H

#include "lexer.h"
#include "proxenos/plugin_source.h"
#include "proxenos/store_schema.h"

enum { FINDINGS_MAX = 500 };

struct finding {
    bool error; /* else a warning */
    const char *code;
    struct str file;
    int line, column; /* 0: not known */
    struct str message, nearest;
};

struct check {
    struct arena arena;
    const char *folder, *plugins_folder; /* the second may be NULL */
    struct plugin_source source;
    struct schema *schema; /* all types that the plugin can know; NULL: they could not be built */
    struct finding findings[FINDINGS_MAX];
    size_t count, errors;
};

/* All of it; false when there is no manifest to go by. The findings are in check. */
void check_run(struct check *check, const char *folder, const char *plugins_folder);
void check_deinit(struct check *check);
void check_print(const struct check *check, bool json);

/* Formats; at may be NULL. nearest: the text of a name, or empty. */
void check_add(struct check *check, bool error, const char *code, struct str file,
               const struct token *at, struct str nearest, const char *format, ...)
    PRINTF_LIKE(7, 8);

/* check_data.c: labels in both languages, in manifest, schema and locale files. */
void check_labels(struct check *check);
/* The token at which `path` ("can.read[2]", "objects.visit.fields[1]") stands in a file of data;
 * NULL when it is not there. */
const struct token *check_place(struct check *check, struct str file, struct str path);

/* check_code.c: what is called: unknown names, waits where nothing can wait, capabilities; with
 * check_names.c, check_regions.c and check_needs.c. */
void check_code(struct check *check);

#endif
