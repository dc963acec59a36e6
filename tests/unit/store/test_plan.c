/* Plans at 100,000 rows. What a plan costs is counted in SQLite's own steps, which are the same on
 * every machine: a page that must be short has to fit into the loop's budget (contract 11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_plan(void);

enum { LOOP_STEPS = 20000 };

/* 5,000 companies: every third energy, five of finance; 100,000 deals. Of them lost: the 30 that
 * closed last, and 400 that closed first; new: every third. Anna owns 40. */
static const char fill[] =
    "begin;"
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) "
    "insert into o_company (id, version, created_at, updated_at, name, name__key, industry) "
    "select i * 4096, 1, i, i, 'Company ' || i, px_key('Company ' || i), "
    "case when i % 1000 = 0 then 'finance' when i % 3 = 0 then 'energy' else 'retail' end from n;"
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) "
    "insert into o_deal (id, version, created_at, updated_at, name, name__key, stage, company, "
    "size, closed_on, owner, note) "
    "select 100000000 + i * 4096, 1, i, (i * 7919) % 100000, 'D' || i, px_key('D' || i), "
    "case when i > 99970 or i <= 400 then 'lost' when i % 3 = 0 then 'new' else 'won' end, "
    "4096 * (1 + (i * 31) % 5000), i % 1000, i, case when i % 2500 = 0 then 7 end, 'note ' || i "
    "from n; commit;";

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    struct db *db = NULL;
    char path[200];
    world_close_store(world);
    (void)snprintf(path, sizeof(path), "%s/proxenos.db", world->folder);
    struct db_options options = {.path = path, .mode = DB_WRITER};
    assert_int_equal(db_open(&options, &db, NULL), OK);
    assert_int_equal(db_exec(db, fill, NULL), OK);
    db_close(db);
    world_open_store(world);
    return 0;
}

/* The same question to a reader with a budget. */
static struct answer ask_within(struct world *world, int64_t steps, struct ask question)
{
    struct reader *whole = world->reader;
    struct error error = {0};
    assert_int_equal(reader_open(world->store, steps, &world->reader, &error), OK);
    struct answer answer = ask(world, question);
    reader_close(world->reader);
    world->reader = whole;
    return answer;
}

static void pages_fit_the_loop(void **state)
{
    struct world *world = *state;
    struct scope *own = scope_make(world, 7, ROWS_ALL);
    scope_rows(own, world->deal, ROWS_OWN);
    const struct row {
        struct ask question;
        int rows;
    } rows[] = {
        {{.order = "-updated_at"}, 50},
        {{.order = "name"}, 50},
        /* The trap: a filter on a joined field that picks many, newest first. */
        {{.order = "-updated_at", .filter = "company.industry[eq]:'energy'"}, 50},
        {{.order = "closed_on", .filter = "company.name[prefix]:'company 1'"}, 50},
        /* And one that picks few: from its side. */
        {{.order = "-updated_at", .filter = "company.industry[eq]:'finance'"}, 50},
        {{.order = "-updated_at", .filter = "and(company.industry[eq]:'finance',size[lt]:20)"}, 0},
        {{.filter = "company.industry[eq]:'finance'"}, 50},
        /* Few rows behind a field of the record itself. */
        {{.order = "-updated_at", .filter = "and(size[eq]:3,stage[eq]:'won')"}, 50},
        {{.order = "-updated_at", .filter = "closed_on[between]:['1970-06-01','1970-06-20']"}, 20},
        /* A declared index that holds both the test and the order; an index and the id. */
        {{.order = "-closed_on", .filter = "stage[eq]:'lost'"}, 50},
        {{.filter = "stage[eq]:'new'"}, 50},
        /* The row rules as the selective condition. */
        {{.order = "-updated_at", .scope = own}, 40},
        {{.order = "name", .scope = own, .filter = "stage[ne]:'lost'"}, 39},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer answer = ask_within(world, LOOP_STEPS, rows[i].question);
        if (answer.err != OK || answer.page.row_count < rows[i].rows) {
            fail_msg("row %zu: %d rows (%s)", i, answer.page.row_count, answer.error.detail);
        }
        struct answer all = ask(world, rows[i].question);
        assert_string_equal(all.names.at, answer.names.at);
    }
}

static void what_does_not_fit_is_handed_over(void **state)
{
    struct world *world = *state;
    struct ask question = {.order = "-updated_at", .filter = "note[contains]:'note 77777'"};
    struct answer answer = ask_within(world, LOOP_STEPS, question);
    assert_int_equal(answer.err, ERR_LIMIT);
    assert_int_equal(answer.names.len, 0);
    assert_string_equal(names_of(world, question), "D77777");
    /* The reader with the budget is whole afterwards. */
    struct reader *reader = NULL;
    struct error error = {0};
    assert_int_equal(reader_open(world->store, LOOP_STEPS, &reader, &error), OK);
    struct reader *whole = world->reader;
    world->reader = reader;
    assert_int_equal(ask(world, question).err, ERR_LIMIT);
    assert_int_equal(ask(world, (struct ask){.order = "name"}).err, OK);
    world->reader = whole;
    reader_close(reader);
}

/* The walk finds thirty at once and then none for 99,000 rows; the rest comes another way. */
static void a_long_walk_goes_on_from_where_it_was(void **state)
{
    struct world *world = *state;
    struct ask question = {.order = "-closed_on,name", .filter = "stage[in]:['lost']"};
    const char *names = names_of(world, question);
    assert_memory_equal(names, "D100000 D99999 D99998", 21);
    const char *last = strstr(names, "D99971 D400 D399 ");
    assert_non_null(last);
    assert_string_equal(names + strlen(names) - 5, " D381");
    /* The next page goes on behind it. */
    struct answer first = ask(world, question);
    question.after = first.page.next;
    assert_memory_equal(names_of(world, question), "D380 D379", 9);
    /* Nothing at all, by a test that no index serves. */
    question = (struct ask){.order = "-updated_at", .filter = "note[eq]:'none'"};
    assert_string_equal(names_of(world, question), "");
}

/* The newest twenty thousand are not asked for: walking past them costs less than a scan. */
static void a_walk_passes_what_lies_in_front(void **state)
{
    enum { LESS_THAN_A_SCAN = 500000 };
    struct world *world = *state;
    struct ask question = {.order = "-closed_on", .filter = "note[prefix]:'note 7'"};
    struct answer answer = ask_within(world, LESS_THAN_A_SCAN, question);
    assert_int_equal(answer.err, OK);
    assert_memory_equal(answer.names.at, "D79999 D79998", 13);
}

static void which_queries_are_short(void **state)
{
    struct world *world = *state;
    const struct row {
        struct ask question;
        bool is_short;
    } rows[] = {
        {{.limit = 100}, true},
        {{.limit = 101}, false},
        {{.order = "-updated_at"}, true},
        {{.order = "hot"}, false},
        {{.order = "company.name"}, false},
        {{.count = COUNT_EXACT}, false},
        {{.filter = "size[eq]:3"}, true},
        {{.filter = "code[eq]:'x'", .order = "hot"}, true},
        {{.filter = "note[contains]:'x'"}, false},
        {{.filter = "company.industry[eq]:'energy'"}, false},
        {{.filter = "or(size[eq]:3,size[eq]:4)"}, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct query query;
        struct error error = {0};
        assert_int_equal(bind_ask(world, &rows[i].question, &query, &error), OK);
        assert_int_equal(query_is_short(&query), rows[i].is_short);
    }
}

static void counts_are_bounded(void **state)
{
    struct world *world = *state;
    struct answer answer =
        ask(world, (struct ask){.limit = 1, .count = COUNT_CAPPED, .filter = "stage[eq]:'won'"});
    assert_int_equal(answer.page.count, COUNT_CAP);
    assert_true(answer.page.count_capped);
    answer = ask(world, (struct ask){.limit = 1,
                                     .count = COUNT_CAPPED,
                                     .filter = "company.industry[eq]:'finance'"});
    assert_int_equal(answer.page.count, 100);
    assert_false(answer.page.count_capped);
}

int test_plan(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_fit_the_loop),
        cmocka_unit_test(what_does_not_fit_is_handed_over),
        cmocka_unit_test(a_long_walk_goes_on_from_where_it_was),
        cmocka_unit_test(a_walk_passes_what_lies_in_front),
        cmocka_unit_test(which_queries_are_short),
        cmocka_unit_test(counts_are_bounded),
    };
    return cmocka_run_group_tests_name("plan", tests, setup, world_teardown);
}
