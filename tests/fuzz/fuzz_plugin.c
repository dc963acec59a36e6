/* module: plugin. Manifests: any text becomes a manifest whose every part is sound, or an error
 * with its place. */
#include <stdint.h>

#include "../../core/plugin/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sound(struct arena *arena, const struct manifest *manifest)
{
    struct value config;
    struct error error = {0};
    ASSERT(str_is(manifest->name, "good"));
    for (size_t i = 0; i < manifest->require_count; i++) {
        ASSERT(version_range_check(manifest->requires[i].range) == OK);
        ASSERT(!str_is(manifest->requires[i].name, "good"));
    }
    for (size_t i = 0; i < manifest->emit_count; i++) {
        ASSERT(str_starts(manifest->emit[i], STR("good.")));
    }
    ASSERT(manifest->limits.memory_bytes <= (size_t)1 << 30);
    enum err err = settings_values(arena, manifest, NULL, &config, &error);
    ASSERT(err == OK || err == ERR_CONFIG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct manifest manifest;
    struct error error = {0};
    struct str text = {(const char *)data, size};
    arena_init(&arena);
    enum err err = manifest_read(&arena, STR("good"), text, &manifest, &error);
    if (err == OK) {
        check_sound(&arena, &manifest);
    } else {
        ASSERT(err == ERR_MANIFEST && error.detail[0] != '\0');
        ASSERT(str_starts(str_from(error.pointer), STR("plugin.lua")));
    }
    arena_deinit(&arena);
    return 0;
}
