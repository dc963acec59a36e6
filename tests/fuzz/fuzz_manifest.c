/* module: lua. Files of pure data (manifests, schemas, settings): any text is read or refused with
 * the caller's code and a place that begins with the file's name, within the budget; what is read
 * is plain data that JSON can write. */
#include <stdint.h>

#include "proxenos/base_json.h"
#include "proxenos/lua_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct buf json = {0};
    struct value value;
    struct error error = {0};
    struct str text = {(const char *)data, size};
    enum err err = lua_read_data(&arena, "plugin.lua", text, ERR_MANIFEST, &value, &error);
    if (err == OK) {
        ASSERT(value.kind == VALUE_MAP || value.kind == VALUE_LIST);
        json_encode(&json, &value);
        ASSERT(json.len > 0);
    } else {
        ASSERT(err == ERR_MANIFEST && error.err == ERR_MANIFEST);
        ASSERT(str_starts(str_from(error.pointer), STR("plugin.lua")));
        ASSERT(error.detail[0] != '\0');
    }
    buf_deinit(&json);
    arena_deinit(&arena);
    return 0;
}
