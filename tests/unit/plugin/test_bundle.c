/* Bundles: what is packed comes back; what GNU tar makes is read; whatever is not plain files under
 * plain names is refused with its place. */
#include "world.h"

#include "proxenos/plugin_bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512 };

struct pack {
    struct arena arena;
    struct buf tar;
    char folder[64];
};

static int pack_setup(void **state)
{
    struct pack *pack = mem_zalloc(sizeof(*pack));
    (void)snprintf(pack->folder, sizeof(pack->folder), "/tmp/proxenos-bundle-XXXXXX");
    assert_non_null(mkdtemp(pack->folder));
    arena_init(&pack->arena);
    buf_init(&pack->tar);
    *state = pack;
    return 0;
}

static int pack_teardown(void **state)
{
    struct pack *pack = *state;
    assert_int_equal(bundle_remove_folder(pack->folder, NULL), OK);
    assert_int_equal(access(pack->folder, F_OK), -1);
    arena_deinit(&pack->arena);
    buf_deinit(&pack->tar);
    mem_free(pack);
    return 0;
}

static const char *path_in(struct pack *pack, const char *name)
{
    return arena_printf(&pack->arena, "%s/%s", pack->folder, name).at;
}

static void put_file(struct pack *pack, const char *name, const char *text)
{
    FILE *file = fopen(path_in(pack, name), "wbe");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void shell(struct pack *pack, const char *words)
{
    struct str command = arena_printf(&pack->arena, "cd %s && %s", pack->folder, words);
    assert_int_equal(system(command.at), 0); // NOLINT: words of this file
}

static void read_tar(struct pack *pack, const char *name)
{
    FILE *file = fopen(path_in(pack, name), "rbe");
    assert_non_null(file);
    char block[BLOCK];
    buf_reset(&pack->tar);
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;) {
        buf_append(&pack->tar, block, got);
    }
    assert_int_equal(fclose(file), 0);
}

static void expect(struct pack *pack, enum err err, const char *sentence)
{
    struct bundle bundle;
    struct error error = {0};
    enum err found = bundle_read(&pack->arena, buf_str(&pack->tar), &bundle, &error);
    if (found != err || strstr(error.detail, sentence) == NULL) {
        print_error("%s: %s at %s\n", err_code(found), error.detail, error.pointer);
        fail();
    }
}

/* Makes the checksum of the header at `at` right again. */
static void sum(struct buf *tar, size_t at)
{
    unsigned total = 0;
    memset(tar->at + at + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++) {
        total += (unsigned char)tar->at[at + i];
    }
    (void)snprintf(tar->at + at + 148, 8, "%06o", total);
    tar->at[at + 155] = ' ';
}

static void write_some(struct pack *pack)
{
    struct error error = {0};
    struct bundle_file files[] = {{STR("locale/el.lua"), STR("return {}")},
                                  {STR("main.lua"), STR("")},
                                  {STR("plugin.lua"), STR("return { name = 'a' }")}};
    struct bundle bundle = {.files = files, .count = COUNT_OF(files)};
    buf_reset(&pack->tar);
    assert_int_equal(bundle_write(&bundle, &pack->tar, &error), OK);
}

static void test_round(void **state)
{
    struct pack *pack = *state;
    struct bundle bundle, again;
    struct error error = {0};
    shell(pack, "mkdir -p a/locale a/.git && touch a/.git/x a/.hidden");
    put_file(pack, "a/plugin.lua", "return { name = 'a' }");
    put_file(pack, "a/main.lua", "");
    put_file(pack, "a/locale/el.lua", "return {}");
    assert_int_equal(bundle_gather(&pack->arena, path_in(pack, "a"), &bundle, &error), OK);
    assert_int_equal(bundle_write(&bundle, &pack->tar, &error), OK);
    struct buf other;
    buf_init(&other);
    buf_append_str(&other, buf_str(&pack->tar));
    write_some(pack);
    assert_true(str_eq(buf_str(&other), buf_str(&pack->tar))); /* the same bytes */
    buf_deinit(&other);
    assert_int_equal(bundle_read(&pack->arena, buf_str(&pack->tar), &again, &error), OK);
    assert_int_equal(again.count, 3);
    assert_true(str_is(again.files[0].name, "locale/el.lua"));
    assert_true(str_is(bundle_find(&again, STR("plugin.lua")), "return { name = 'a' }"));
    assert_null(bundle_find(&again, STR("nothing")).at);
    assert_int_equal(bundle_unpack(&again, path_in(pack, "deep/er/b"), &error), OK);
    shell(pack, "diff -r -x .git -x .hidden a deep/er/b && test ! -e deep/er/b.part");
    assert_int_equal(bundle_unpack(&again, path_in(pack, "deep/er/b"), &error), ERR_CONFLICT);
    /* tar reads what we write. */
    FILE *file = fopen(path_in(pack, "ours.tar"), "wbe");
    assert_non_null(file);
    assert_int_equal(fwrite(pack->tar.at, 1, pack->tar.len, file), pack->tar.len);
    assert_int_equal(fclose(file), 0);
    shell(pack, "mkdir c && tar -C c -xf ours.tar && diff -r -x .git -x .hidden a c");
}

static void test_made_by_tar(void **state)
{
    struct pack *pack = *state;
    struct bundle bundle;
    struct error error = {0};
    const char *deep = "a/01234567890123456789012345678901234567890123456789/"
                       "01234567890123456789012345678901234567890123456789";
    shell(pack, arena_printf(&pack->arena, "mkdir -p %s && echo hello > %s/x.lua", deep, deep).at);
    put_file(pack, "a/plugin.lua", "return 1");
    shell(pack, "tar -C a --format=ustar -cf t.tar .");
    read_tar(pack, "t.tar");
    assert_int_equal(bundle_read(&pack->arena, buf_str(&pack->tar), &bundle, &error), OK);
    assert_int_equal(bundle.count, 2);
    assert_true(str_is(bundle.files[0].text, "hello\n"));
    shell(pack, "tar -C a -cf t.tar plugin.lua");
    read_tar(pack, "t.tar");
    expect(pack, OK, "");
    shell(pack, "tar -C a --format=pax -cf t.tar plugin.lua");
    read_tar(pack, "t.tar");
    expect(pack, ERR_INVALID, "--format=ustar");
    shell(pack, "ln -s /etc/passwd a/link && tar -C a --format=ustar -cf t.tar link");
    read_tar(pack, "t.tar");
    expect(pack, ERR_INVALID, "a link");
    assert_int_equal(bundle_gather(&pack->arena, path_in(pack, "a"), &bundle, &error), ERR_INVALID);
    shell(pack, "tar --format=ustar -P -cf t.tar /etc/hostname 2>/dev/null");
    read_tar(pack, "t.tar");
    expect(pack, ERR_INVALID, "none beginning with a dot or a slash");
}

static void test_refused(void **state)
{
    struct pack *pack = *state;
    static const char *const names[] = {"../evil.lua", "a/../../b", "/etc/x", "a//b", ".hidden",
                                        "a/.b",        "a b",       "a/",     "a\\b"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        write_some(pack);
        memset(pack->tar.at, 0, 100);
        memcpy(pack->tar.at, names[i], strlen(names[i]));
        sum(&pack->tar, 0);
        expect(pack, ERR_INVALID, "a bundle holds files called by");
    }
    write_some(pack);
    pack->tar.at[0] = 'z';
    expect(pack, ERR_INVALID, "checksum");
    write_some(pack);
    memcpy(pack->tar.at + 124, "77777777777", 11);
    sum(&pack->tar, 0);
    expect(pack, ERR_INVALID, "cut off");
    write_some(pack);
    pack->tar.len -= BLOCK;
    expect(pack, ERR_INVALID, "end of the tar");
    write_some(pack);
    buf_append(&pack->tar, "x", 1);
    expect(pack, ERR_INVALID, "more follows");
    write_some(pack);
    memset(pack->tar.at, 0, 100);
    memcpy(pack->tar.at, "main.lua", 8);
    sum(&pack->tar, 0);
    expect(pack, ERR_INVALID, "twice");
    memset(pack->tar.at, 0, 100);
    memcpy(pack->tar.at, "main.lua/x", 10);
    sum(&pack->tar, 0);
    expect(pack, ERR_INVALID, "twice");
    buf_reset(&pack->tar);
    expect(pack, ERR_INVALID, "end of the tar");
    buf_append_str(&pack->tar, STR("PK\3\4 this is a zip file"));
    expect(pack, ERR_INVALID, "");
}

static void test_limits(void **state)
{
    struct pack *pack = *state;
    struct error error = {0};
    struct bundle_file *files = ARENA_ARRAY(&pack->arena, struct bundle_file, BUNDLE_FILES_MAX + 1);
    for (int i = 0; i <= BUNDLE_FILES_MAX; i++) {
        files[i] = (struct bundle_file){arena_printf(&pack->arena, "f%04d.lua", i), STR("")};
    }
    struct bundle bundle = {.files = files, .count = BUNDLE_FILES_MAX + 1};
    assert_int_equal(bundle_write(&bundle, &pack->tar, &error), OK);
    expect(pack, ERR_LIMIT, "at most 500 files");
    char *large = arena_zalloc(&pack->arena, BUNDLE_BYTES_MAX);
    files[0].text = (struct str){large, BUNDLE_BYTES_MAX};
    buf_reset(&pack->tar);
    assert_int_equal(bundle_write(&bundle, &pack->tar, &error), ERR_LIMIT);
    expect(pack, ERR_LIMIT, "16 MiB");
}

int test_bundle(void);
int test_bundle(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round, pack_setup, pack_teardown),
        cmocka_unit_test_setup_teardown(test_made_by_tar, pack_setup, pack_teardown),
        cmocka_unit_test_setup_teardown(test_refused, pack_setup, pack_teardown),
        cmocka_unit_test_setup_teardown(test_limits, pack_setup, pack_teardown),
    };
    return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
