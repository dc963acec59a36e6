/* Keys that other modules seal their opaque texts with, all from the folder's one cursor key: they
 * outlive a restart, and losing them only ends what clients hold. Any thread. */
#include "internal.h"

void store_derive_key(struct store *store, struct str purpose, unsigned char out_key[KEY_BYTES])
{
    hmac_of(store->cursor_key, purpose.at, purpose.len, out_key);
}
