/* module: format. iCalendar: any bytes give components or a located error; what is read can be
 * written and read again. */
#include <stdint.h>

#include "proxenos/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct buf out;
    struct value found, again;
    struct error error = {0};
    arena_init(&arena);
    buf_init(&out);
    if (ical_read(&arena, (struct str){(const char *)data, size}, &found, &error) != OK) {
        ASSERT(error.pointer[0] != '\0' && error.detail[0] != '\0');
    } else if (ical_write(&out, &found, NULL) == OK) {
        ASSERT(ical_read(&arena, buf_str(&out), &again, &error) == OK);
        ASSERT(found.list.count == again.list.count);
    }
    buf_deinit(&out);
    arena_deinit(&arena);
    return 0;
}
