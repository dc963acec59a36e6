/* module: plugin. Bundles: any bytes are refused with a sentence, or are files under good names
 * inside the text, which written again are read as the same. */
#include <stdint.h>

#include "../../core/plugin/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct arena *arena, const struct bundle *bundle)
{
    struct bundle again;
    struct buf tar;
    buf_init(&tar);
    /* A name in two fields may be one that our writer cannot cut. */
    if (bundle_write(bundle, &tar, NULL) == OK) {
        enum err err = bundle_read(arena, buf_str(&tar), &again, NULL);
        ASSERT(err == OK && again.count == bundle->count);
        for (size_t i = 0; i < again.count; i++) {
            ASSERT(str_eq(again.files[i].name, bundle->files[i].name));
            ASSERT(str_eq(again.files[i].text, bundle->files[i].text));
        }
    }
    buf_deinit(&tar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct bundle bundle;
    struct error error = {0};
    struct str text = {(const char *)data, size};
    arena_init(&arena);
    enum err err = bundle_read(&arena, text, &bundle, &error);
    if (err == OK) {
        for (size_t i = 0; i < bundle.count; i++) {
            ASSERT(bundle_name_check(bundle.files[i].name, NULL) == OK);
            ASSERT(bundle.files[i].text.at >= text.at);
            ASSERT(bundle.files[i].text.at + bundle.files[i].text.len <= text.at + text.len);
        }
        check_again(&arena, &bundle);
    } else {
        ASSERT((err == ERR_INVALID || err == ERR_LIMIT) && error.detail[0] != '\0');
    }
    arena_deinit(&arena);
    return 0;
}
