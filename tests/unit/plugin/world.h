/* A service without HTTP: store, auth, bus and plugins from folders, on a loop that is run until
 * all is quiet. */
#ifndef TEST_PLUGIN_WORLD_H
#define TEST_PLUGIN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxenos/base_crypto.h"
#include "proxenos/base_json.h"
#include "proxenos/plugin.h"
#include "proxenos/store_query.h"

struct world {
    struct value config; /* of plugins, before opening; VALUE_NULL: none */
    char folder[64];     /* data, and made-up plugins in folder/plugins */
    char made[96];
    char installed[96]; /* folder/installed */
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct bus *bus;
    struct plugins *plugins;
    struct reader *reader;
    struct arena arena;
};

int world_setup(void **state);
int world_teardown(void **state);
/* Writes folder/plugins/<name>/<file>. */
void world_file(struct world *world, const char *name, const char *file, const char *text);
/* Starts with the made-up plugins; `trusted` gives their grants. `enable`: NULL or one name. */
void world_open(struct world *world, bool trusted, const char *enable);
/* With the plugins of this repository. */
void world_open_bundled(struct world *world, const char *enable);
void world_close(struct world *world);
/* plugins_describe's row of this name. */
const struct value *world_plugin(struct world *world, const char *name);
struct str world_status(struct world *world, const char *name);
void world_settle(struct world *world);
void world_wait(struct world *world, const bool *done);
int64_t world_create(struct world *world, const char *object, const char *json);
void world_update(struct world *world, const char *object, int64_t id, const char *json);
int64_t world_count(struct world *world, const char *object, const char *filter);
const char *world_record(struct world *world, const char *object, int64_t id);
const char *world_id(int64_t id);
const struct scope *world_admin(struct world *world); /* to be unref'd */

#endif
