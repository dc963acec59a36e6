/* module: base. JSON: any bytes are taken or refused with a place inside them; what is taken is
 * written, read again and still equal, compact and pretty alike. */
#include <stdint.h>

#include "proxenos/base_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct arena *arena, const struct value *value, struct str text)
{
    struct value again;
    ASSERT(json_decode(arena, text, &again, NULL) == OK);
    ASSERT(value_equal(value, &again));
}

static void check_place(const struct error *error, size_t size)
{
    struct str place = str_from(error->pointer);
    int64_t offset = -1;
    ASSERT(str_starts(place, STR("byte ")));
    ASSERT(str_to_int64(str_sub(place, 5, place.len), &offset) == OK);
    ASSERT(offset >= 0 && (size_t)offset <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct buf compact = {0}, pretty = {0}, second = {0};
    struct value value;
    struct error error = {0};
    enum err err = json_decode(&arena, (struct str){(const char *)data, size}, &value, &error);
    if (err == OK) {
        json_encode(&compact, &value);
        json_encode_pretty(&pretty, &value);
        check_again(&arena, &value, buf_str(&compact));
        check_again(&arena, &value, buf_str(&pretty));
        struct value copy = value_copy(&arena, &value);
        json_encode(&second, &copy);
        ASSERT(str_eq(buf_str(&compact), buf_str(&second)));
    } else {
        ASSERT(err == ERR_JSON || err == ERR_UTF8 || err == ERR_LIMIT);
        check_place(&error, size);
    }
    buf_deinit(&compact);
    buf_deinit(&pretty);
    buf_deinit(&second);
    arena_deinit(&arena);
    return 0;
}
