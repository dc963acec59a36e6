/* module: base. Small parsers of outside text: UTF-8, folding, dates, durations, decimals,
 * identifiers, patterns. What they must keep is asserted: valid output, round trips, the same
 * answer for their own canonical form. */
#include <stdint.h>

#include "proxenos/base_check.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"
#include "proxenos/base_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(struct str text)
{
    struct buf once;
    struct buf twice;
    buf_init(&once);
    buf_init(&twice);
    ASSERT(utf8_check(text) <= text.len);
    ASSERT(utf8_cut(text, text.len / 2).len <= text.len / 2);
    text_fold(&once, text);
    ASSERT(utf8_valid(buf_str(&once)));
    text_latin(&twice, text);
    ASSERT(utf8_valid(buf_str(&twice)));
    buf_reset(&twice);
    text_sort_key(&twice, text);
    ASSERT(text_collate(text, text) == 0);
    ASSERT(text_distance(text, text) == 0);
    buf_deinit(&once);
    buf_deinit(&twice);
}

static void fuzz_times(struct str text)
{
    struct buf shown;
    struct duration duration;
    struct duration duration_back;
    int64_t number = 0;
    int64_t back = 0;
    buf_init(&shown);
    if (time_parse(text, &number) == OK) {
        time_format(&shown, number);
        ASSERT(time_parse(buf_str(&shown), &back) == OK && back == number);
    }
    buf_reset(&shown);
    if (duration_parse(text, &duration) == OK) {
        duration_format(&shown, &duration);
        ASSERT(duration_parse(buf_str(&shown), &duration_back) == OK);
        ASSERT(memcmp(&duration, &duration_back, sizeof(duration)) == 0);
        (void)!time_add(0, &duration, 1, &back);
        (void)!date_add(0, &duration, -1, &back);
    }
    buf_reset(&shown);
    if (decimal_parse(text, 4, &number) == OK) {
        decimal_format(&shown, number, 4);
        ASSERT(decimal_parse(buf_str(&shown), 4, &back) == OK && back == number);
    }
    struct str layout = str_sub(text, 0, text.len / 2);
    (void)!date_parse_layout(str_sub(text, text.len / 2, text.len), layout, &number);
    buf_deinit(&shown);
}

static void fuzz_formats(struct str text)
{
    const struct str *names = NULL;
    size_t count = check_names(&names);
    for (size_t i = 0; i < count; i++) {
        struct buf once;
        struct buf twice;
        struct error error = {0};
        buf_init(&once);
        buf_init(&twice);
        if (check_format(names[i], text, &once, &error) == OK) {
            ASSERT(check_format(names[i], buf_str(&once), &twice, NULL) == OK);
            ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
        } else {
            ASSERT(once.len == 0 && error.detail[0] != '\0');
        }
        buf_deinit(&once);
        buf_deinit(&twice);
    }
}

/* The first line is the pattern, the rest the text. */
static void fuzz_pattern(struct str text)
{
    struct arena arena;
    struct pattern *pattern = NULL;
    struct str source;
    struct str rest = text;
    arena_init(&arena);
    if (str_split(&rest, '\n', &source) && pattern_compile(&arena, source, &pattern, NULL) == OK) {
        (void)pattern_match(pattern, rest.at == NULL ? STR("") : rest);
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (size <= 4096) {
        fuzz_text(text);
        fuzz_times(text);
        fuzz_formats(text);
        fuzz_pattern(text);
    }
    return 0;
}
