/* module: format. CSV: any bytes, fed whole and in pieces, give the same rows, and offsets only
 * rise. */
#include <stdint.h>

#include "proxenos/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void digest(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
    struct csv_reader *reader = csv_reader_new(0, 0, 1);
    struct csv_row row;
    int64_t last = 0;
    for (size_t from = 0; from < size || size == 0; from += piece) {
        size_t len = MIN(piece, size - from);
        csv_reader_feed(reader, data + from, len);
        if (from + len >= size) {
            csv_reader_end(reader);
        }
        while (csv_reader_next(reader, &row)) {
            ASSERT(row.end_offset > last);
            last = row.end_offset;
            buf_printf(out, "%d %lld %lld:", (int)row.err, (long long)row.line, (long long)last);
            for (int i = 0; i < row.field_count; i++) {
                buf_append_str(out, row.fields[i]);
                buf_append_char(out, '|');
            }
        }
        if (from + len >= size) {
            break;
        }
    }
    ASSERT(last == (int64_t)size || size == 0 || (last == 0 && size <= 3));
    csv_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, pieces;
    buf_init(&whole);
    buf_init(&pieces);
    digest(data, size, size > 0 ? size : 1, &whole);
    digest(data, size, size > 0 ? 1 + data[0] % 7 : 1, &pieces);
    ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_deinit(&whole);
    buf_deinit(&pieces);
    return 0;
}
