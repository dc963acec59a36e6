/* module: format. vCard: any bytes end in cards or located errors; what is read of a card of 3.0 or
 * 4.0 is written and read back as it was. */
#include <stdint.h>

#include "proxenos/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct arena *arena, const struct value *card)
{
    struct buf out;
    struct vcard_reader reader;
    struct value again;
    struct error error;
    buf_init(&out);
    /* Refused is what this program would not write: a card without FN, names with "_". */
    if (vcard_write(&out, card, NULL) == OK) {
        vcard_reader_init(&reader, buf_str(&out));
        ASSERT(vcard_next(&reader, arena, &again, &error));
        ASSERT(error.err == OK);
        ASSERT(value_equal(value_get_c(card, "properties"), value_get_c(&again, "properties")));
    }
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct vcard_reader reader;
    struct value card;
    struct error error;
    size_t last = 0;
    arena_init(&arena);
    vcard_reader_init(&reader, (struct str){(const char *)data, size});
    while (vcard_next(&reader, &arena, &card, &error)) {
        ASSERT(reader.at > last);
        last = reader.at;
        if (error.err == OK) {
            round_trip(&arena, &card);
        } else {
            ASSERT(error.pointer[0] != '\0');
        }
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    return 0;
}
