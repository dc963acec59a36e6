/* Secrets behind handles: what px.crypto, px.net and px.mail ask for the bytes. Executor. */
#ifndef PROXENOS_BIND_SECRET_H
#define PROXENOS_BIND_SECRET_H

#include "internal.h"

struct secret {
    unsigned char bytes[SECRET_BYTES_MAX];
    size_t len;
};

/* The metatable of handles; protected, in set-up. */
void secrets_setup(lua_State *L);
bool secret_is_handle(lua_State *L, int index);
/* The value that the handle at `index` stands for; wipe it as soon as it was used, and before
 * anything that may raise. Does not raise. ERR_TYPE: no handle; ERR_NOT_FOUND: not set yet, with
 * how to set it; ERR_CORRUPT. */
enum err secret_open(lua_State *L, struct call *call, int index, struct secret *out_secret,
                     struct error *error) MUST_CHECK;
/* The value before the present one. */
enum err secret_open_previous(lua_State *L, struct call *call, int index, struct secret *out_secret,
                              struct error *error) MUST_CHECK;
/* Writer, inside apply: all of a plugin. */
enum err secrets_tx_forget(struct tx *tx, struct str plugin, struct error *error) MUST_CHECK;
void secret_wipe(struct secret *secret);

#endif
