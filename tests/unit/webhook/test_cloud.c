/* CloudEvents 1.0, structured JSON: what stands in an event, byte for byte, and that every
 * attribute keeps to the specification's naming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/webhook/internal.h"
#include "proxenos/base_json.h"

int test_cloud(void);

static void check(const struct cloud_event *event, const char *expected)
{
    struct buf text;
    struct arena arena;
    struct value read;
    buf_init(&text);
    arena_init(&arena);
    cloud_write(event, &text);
    assert_string_equal(buf_cstr(&text), expected);
    assert_int_equal(json_decode(&arena, buf_str(&text), &read, NULL), OK);
    for (size_t i = 0; i < read.map.count; i++) {
        struct str name = read.map.entries[i].key;
        assert_in_range(name.len, 1, 20);
        for (size_t c = 0; c < name.len; c++) {
            assert_true((name.at[c] >= 'a' && name.at[c] <= 'z') ||
                        (name.at[c] >= '0' && name.at[c] <= '9'));
        }
    }
    arena_deinit(&arena);
    buf_deinit(&text);
}

static struct log_entry moved(void)
{
    return (struct log_entry){.seq = 17,
                              .at_ms = 1790000000123,
                              .type = STR("opportunity.updated"),
                              .object = STR("opportunity"),
                              .state = STR("stage.won"),
                              .record = 1,
                              .version = 3,
                              .actor = STR("user:\"anna\""),
                              .via = STR("http"),
                              .payload = STR("{\"before\":{\"stage\":\"open\"},\"after\":{"
                                             "\"stage\":\"won\"}}")};
}

static void changes_bring_the_values(void **state)
{
    (void)state;
    struct log_entry entry = moved();
    struct cloud_event event = {.entry = &entry,
                                .id = STR("evt_x"),
                                .path = STR("opportunities"),
                                .payload = PAYLOAD_CHANGES};
    check(&event,
          "{\"specversion\":\"1.0\",\"id\":\"evt_x\",\"source\":\"/api/v1/opportunities\","
          "\"type\":\"opportunity.updated\",\"subject\":\"0000000000001\","
          "\"time\":\"2026-09-21T14:13:20.123Z\",\"datacontenttype\":\"application/json\","
          "\"dataschema\":\"urn:proxenos:payload:changes:1\",\"state\":\"stage.won\","
          "\"actor\":\"user:\\\"anna\\\"\",\"via\":\"http\",\"data\":{\"object\":\"opportunity\","
          "\"record\":\"0000000000001\",\"version\":3,\"before\":{\"stage\":\"open\"},"
          "\"after\":{\"stage\":\"won\"}}}");
}

static void a_notice_names_what_changed(void **state)
{
    (void)state;
    struct log_entry entry = moved();
    struct cloud_event event = {.entry = &entry, .id = STR("evt_x"), .path = STR("opportunities")};
    check(&event,
          "{\"specversion\":\"1.0\",\"id\":\"evt_x\",\"source\":\"/api/v1/opportunities\","
          "\"type\":\"opportunity.updated\",\"subject\":\"0000000000001\","
          "\"time\":\"2026-09-21T14:13:20.123Z\",\"datacontenttype\":\"application/json\","
          "\"dataschema\":\"urn:proxenos:payload:notice:1\",\"state\":\"stage.won\","
          "\"actor\":\"user:\\\"anna\\\"\",\"via\":\"http\",\"data\":{\"object\":\"opportunity\","
          "\"record\":\"0000000000001\",\"version\":3}}");
}

static void events_of_plugins_are_of_no_record(void **state)
{
    (void)state;
    struct log_entry entry = {.at_ms = 0,
                              .type = STR("relations.review_done"),
                              .actor = STR("plugin:relations"),
                              .payload = STR("{\"count\":2}")};
    struct cloud_event event = {.entry = &entry, .id = STR("evt_y"), .payload = PAYLOAD_CHANGES};
    check(&event, "{\"specversion\":\"1.0\",\"id\":\"evt_y\",\"source\":\"/api/v1/events\","
                  "\"type\":\"relations.review_done\",\"time\":\"1970-01-01T00:00:00.000Z\","
                  "\"datacontenttype\":\"application/json\","
                  "\"dataschema\":\"urn:proxenos:payload:changes:1\","
                  "\"actor\":\"plugin:relations\",\"data\":{\"count\":2}}");
    event.payload = PAYLOAD_NOTICE;
    check(&event, "{\"specversion\":\"1.0\",\"id\":\"evt_y\",\"source\":\"/api/v1/events\","
                  "\"type\":\"relations.review_done\",\"time\":\"1970-01-01T00:00:00.000Z\","
                  "\"datacontenttype\":\"application/json\","
                  "\"dataschema\":\"urn:proxenos:payload:notice:1\","
                  "\"actor\":\"plugin:relations\",\"data\":{}}");
}

static void an_empty_payload_leaves_the_names(void **state)
{
    (void)state;
    struct log_entry entry = moved();
    struct buf text;
    size_t at = 0;
    buf_init(&text);
    entry.payload = STR("{}");
    struct cloud_event event = {.entry = &entry,
                                .id = STR("evt_x"),
                                .path = STR("opportunities"),
                                .payload = PAYLOAD_CHANGES};
    cloud_write(&event, &text);
    assert_true(str_find(buf_str(&text),
                         STR("\"data\":{\"object\":\"opportunity\",\"record\":\"0000000000001\","
                             "\"version\":3}}"),
                         &at));
    buf_deinit(&text);
}

int test_cloud(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_bring_the_values),
        cmocka_unit_test(a_notice_names_what_changed),
        cmocka_unit_test(events_of_plugins_are_of_no_record),
        cmocka_unit_test(an_empty_payload_leaves_the_names),
    };
    return cmocka_run_group_tests_name("cloud", tests, NULL, NULL);
}
