/* Secrets as administrators see them: which a plugin declares, and the doors to where they are
 * kept. Threads: as said in plugin.h. */
#include "internal.h"

const struct str *plugins_secrets(const struct plugins *plugins, struct str name, size_t *out_count)
{
    static const struct str none;
    const struct plugin *plugin = plugins_find(plugins, name);
    if (plugin == NULL || !plugin->edition->has_manifest) {
        return NULL;
    }
    const struct manifest *manifest = &plugin->edition->manifest;
    *out_count = manifest->secret_count;
    return manifest->secret_count > 0 ? manifest->secrets : &none;
}

enum err plugins_secret_put(struct tx *tx, struct str plugin, struct str name, struct str value,
                            struct error *error)
{
    return bind_secret_put(tx, plugin, name, value, error);
}

enum err plugins_secret_drop(struct tx *tx, struct str plugin, struct str name, struct error *error)
{
    return bind_secret_drop(tx, plugin, name, error);
}

enum err plugins_secrets_set(struct reader *reader, struct str plugin, struct arena *arena,
                             struct value *out_rows, struct error *error)
{
    return bind_secrets_list(reader, plugin, arena, out_rows, error);
}
