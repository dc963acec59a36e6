/* A small shop to write records into: a store with a clock that moves when told, a schema from JSON
 * text, scopes by a few words, and changes as JSON. For the tests of schema, drafts and writes. */
#ifndef TESTS_STORE_RECORD_FIXTURE_H
#define TESTS_STORE_RECORD_FIXTURE_H

#include "../../../core/store/internal.h"
#include "proxenos/store.h"
#include "proxenos/store_log.h"

struct shop {
    char folder[128];
    struct env_fake env;
    struct store *store;
    struct arena arena;
    const struct schema *schema; /* held; NULL until shop_declare */
    const struct scope *system;  /* held; of that schema */
};

/* The schema that most tests use: client (name, vat, email, born pii, tags many, secret), deal
 * (stage machine with a four-eyes move, ref to client, money, computed), note (cascade), link. */
extern const char shop_schema[];

void shop_open(struct shop *shop); /* a new folder, no schema yet */
void shop_open_with(struct shop *shop, const char *schema_json);
void shop_reopen(struct shop *shop); /* closes and opens the same folder */
void shop_close(struct shop *shop);  /* and removes the folder */
/* One plugin "shop" with this tree. The findings are in shop->arena. */
enum err shop_declare(struct shop *shop, const char *schema_json, struct error *error);
const struct object_type *shop_type(struct shop *shop, const char *name);

/* A scope for a person: verbs and rows for all types, all fields writable. scope_unref it. The
 * grants may be changed before its first use. */
struct scope *shop_person(struct shop *shop, const char *actor, int64_t user, uint32_t verbs,
                          enum row_rule rows);
void shop_set_role(struct scope *scope, const char *role);
void shop_set_field(struct scope *scope, const char *type, const char *field,
                    enum field_access access);

/* One change as its own unit. `json` may be NULL for a delete. result and error may be NULL;
 * result->record is not kept. */
struct change {
    const struct scope *scope; /* NULL: the system's */
    enum draft_kind kind;
    const char *type;
    int64_t id, base_version;
    const char *json;
    bool import, archive, restore;
};
enum err shop_write(struct shop *shop, const struct change *change, struct tx_result *result,
                    struct error *error);
/* Creates under the system's scope, which must work; the id. */
int64_t shop_create(struct shop *shop, const char *type, const char *json);
enum err shop_update(struct shop *shop, const struct scope *scope, const char *type, int64_t id,
                     const char *json, struct error *error);
enum err shop_delete(struct shop *shop, const struct scope *scope, const char *type, int64_t id,
                     struct error *error);
/* The record as JSON for this scope (NULL: the system's), in shop->arena; "" when there is none. */
const char *shop_json(struct shop *shop, const struct scope *scope, const char *type, int64_t id);
/* One field of it as text as JSON shows it; "" when absent. */
const char *shop_field(struct shop *shop, const char *type, int64_t id, const char *field);
/* The newest log entry as "type state payload"; in shop->arena. */
const char *shop_last_entry(struct shop *shop);
/* The value of this JSON text, in shop->arena. */
struct value shop_value(struct shop *shop, const char *json);

#endif
