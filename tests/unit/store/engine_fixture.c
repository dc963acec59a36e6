/* The engine tests' store; see engine_fixture.h. */
#include "engine_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/store/file.h"

static const char *const item_migrations[] = {
    "create table test_item (id integer primary key, body text not null)",
};
static const struct table_statement item_statements[ITEM_STATEMENTS] = {
    [ITEM_INSERT] = {"insert", "insert into test_item (id, body) values (?1, ?2)"},
    [ITEM_COUNT] = {"count", "select count(*) from test_item"},
    [ITEM_FIND] = {"find", "select body from test_item where id = ?1"},
    [ITEM_DELETE] = {"delete", "delete from test_item where id = ?1"},
};
const struct table_module item_module = {.prefix = "test_",
                                         .migrations = item_migrations,
                                         .migration_count = COUNT_OF(item_migrations),
                                         .statements = item_statements,
                                         .statement_count = COUNT_OF(item_statements)};

const char *fixture_path(const struct fixture *fixture, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    return path;
}

void remove_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return;
    }
    struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        char path[512];
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode)) {
            remove_folder(path);
        } else {
            (void)unlink(path);
        }
    }
    (void)closedir(directory);
    (void)rmdir(folder);
}

void copy_folder(const char *from, const char *to)
{
    assert_int_equal(mkdir(to, 0700), 0);
    DIR *directory = opendir(from);
    assert_non_null(directory);
    struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        char source[512];
        char target[512];
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        (void)snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        assert_int_equal(lstat(source, &facts), 0);
        if (S_ISDIR(facts.st_mode)) {
            copy_folder(source, target);
            continue;
        }
        int fd = open(source, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(file_copy(fd, target, NULL), OK);
        (void)close(fd);
    }
    (void)closedir(directory);
}

int fixture_setup_closed(void **state)
{
    crypto_init();
    struct fixture *fixture = mem_zalloc(sizeof *fixture);
    const char *place = getenv("TMPDIR");
    (void)snprintf(fixture->folder, sizeof fixture->folder, "%s/px-store-XXXXXX",
                   place != NULL ? place : "/tmp");
    *state = fixture;
    return mkdtemp(fixture->folder) != NULL ? 0 : -1;
}

enum err fixture_try_open(struct fixture *fixture, struct error *error)
{
    struct store_options options = {.env = fixture->env != NULL ? fixture->env : env_real(),
                                    .folder = fixture->folder,
                                    .node = 1};
    enum err err = store_open(&options, &fixture->store, error);
    if (err != OK) {
        return err;
    }
    err = store_table_module(fixture->store, &item_module, error);
    if (err != OK) {
        store_close(fixture->store);
        fixture->store = NULL;
        return err;
    }
    fixture->scope = store_system_scope(fixture->store, SYSTEM_BUS);
    fixture->mailbox = mailbox_new();
    return OK;
}

void fixture_open(struct fixture *fixture)
{
    struct error error = {0};
    enum err err = fixture_try_open(fixture, &error);
    if (err != OK) {
        print_error("%s: %s\n", err_code(err), error.detail);
    }
    assert_int_equal(err, OK);
}

void fixture_close(struct fixture *fixture)
{
    if (fixture->store == NULL) {
        return;
    }
    scope_unref(fixture->scope);
    store_close(fixture->store);
    mailbox_free(fixture->mailbox);
    fixture->store = NULL;
}

int fixture_setup(void **state)
{
    if (fixture_setup_closed(state) != 0) {
        return -1;
    }
    fixture_open(*state);
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    remove_folder(fixture->folder);
    mem_free(fixture);
    return 0;
}

/* ---- items ---- */

static enum err item_apply(struct unit *unit, struct tx *tx, struct error *error)
{
    struct item_unit *item = CONTAINER_OF(unit, struct item_unit, unit);
    item->applied++;
    size_t bytes = item->body_bytes > 0 ? item->body_bytes : 8;
    char *body = arena_alloc(tx_arena(tx), bytes);
    memset(body, 'x', bytes);
    struct value binds[] = {value_int(item->id), value_text((struct str){body, bytes})};
    enum err err = tx_table(tx, &item_module, ITEM_INSERT, binds, 2, NULL, NULL, error);
    if (err == OK && !item->silent) {
        struct value data = value_map_new();
        value_put_c(tx_arena(tx), &data, "id", value_int(item->id));
        err = tx_emit(tx, STR("test.added"), &data, error);
    }
    if (err == OK && item->fails != OK) {
        err = error_set(error, item->fails, "this unit fails as told");
    }
    return err;
}

static void item_done(struct unit *unit)
{
    CONTAINER_OF(unit, struct item_unit, unit)->done++;
}

void item_unit_init(struct item_unit *item, struct fixture *fixture, int64_t id)
{
    *item = (struct item_unit){.unit = {.apply = item_apply,
                                        .done = item_done,
                                        .reply = fixture->mailbox,
                                        .scope = fixture->scope,
                                        .request = STR("test")},
                               .id = id};
}

enum err item_run(struct fixture *fixture, int64_t id)
{
    struct item_unit item;
    item_unit_init(&item, fixture, id);
    enum err err = store_run(fixture->store, &item.unit);
    unit_deinit(&item.unit);
    return err;
}

static enum err take_int(void *context, const struct value *columns, int count, struct error *error)
{
    (void)count;
    (void)error;
    *(int64_t *)context = columns[0].kind == VALUE_INT ? columns[0].integer : 1;
    return OK;
}

static int64_t item_question(struct fixture *fixture, int statement, int64_t id)
{
    struct reader *reader = NULL;
    struct error error = {0};
    assert_int_equal(reader_open(fixture->store, 0, &reader, &error), OK);
    int64_t answer = 0;
    struct value bind = value_int(id);
    assert_int_equal(reader_table(reader, &item_module, statement, &bind,
                                  statement == ITEM_FIND ? 1 : 0, take_int, &answer, &error),
                     OK);
    reader_close(reader);
    return answer;
}

int64_t item_count(struct fixture *fixture)
{
    return item_question(fixture, ITEM_COUNT, 0);
}

bool item_exists(struct fixture *fixture, int64_t id)
{
    return item_question(fixture, ITEM_FIND, id) != 0;
}
