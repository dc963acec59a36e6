/* Aggregates: groups, buckets, measures; exact sums, currencies, overflow, limits, bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_aggregate(void);

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    put(world, "user", "{'name':'anna'}");
    put(world, "user", "{'name':'ben'}");
    put(world, "company", "{'name':'Alpha','industry':'energy'}");
    put(world, "company", "{'name':'Beta','industry':'retail','parent':'#Alpha'}");
    put(world, "deal",
        "{'name':'a','stage':'won','company':'#Alpha','size':4,'price':'1.10',"
        "'value':{'amount':1001,'currency':'EUR'},'closed_on':'2024-12-30',"
        "'met_at':'2024-12-31T23:59:59Z','hot':true,'watchers':['#anna']}");
    put(world, "deal",
        "{'name':'b','stage':'won','company':'#Beta','size':7,'price':'2.25',"
        "'value':{'amount':2000,'currency':'EUR'},'closed_on':'2025-01-01',"
        "'met_at':'2025-01-01T00:00:00Z','watchers':['#ben','#anna']}");
    put(world, "deal",
        "{'name':'c','stage':'lost','company':'#Beta',"
        "'value':{'amount':500,'currency':'USD'},'closed_on':'2025-03-31'}");
    put(world, "deal", "{'name':'d','size':-3,'price':'0.05'}");
    return 0;
}

struct aggregate_ask {
    const char *group, *measures, *filter, *data;
};

static enum err run(struct world *world, struct aggregate_ask question, struct buf *out,
                    struct error *error)
{
    struct aggregate aggregate;
    struct value rows, tree;
    enum err err = OK;
    *error = (struct error){0};
    if (question.data != NULL) {
        assert_int_equal(json_decode(&world->arena, quoted(world, question.data), &tree, error),
                         OK);
        err = aggregate_from_value(&world->arena, world->deal, &tree, &aggregate, error);
    } else {
        err = aggregate_parse(&world->arena, world->deal, str_from(question.group),
                              str_from(question.measures), &aggregate, error);
    }
    if (err == OK && question.filter != NULL) {
        err = filter_parse(&world->arena, quoted(world, question.filter), &aggregate.filter, error);
    }
    if (err == OK) {
        err = aggregate_bind(&aggregate, world->system, &world->arena, error);
    }
    if (err == OK) {
        err = reader_aggregate(world->reader, &aggregate, &world->arena, &rows, error);
    }
    if (err == OK) {
        json_encode(out, &rows);
    }
    return err;
}

static const struct good_row {
    struct aggregate_ask question;
    const char *rows;
} good_rows[] = {
    {{.group = "", .measures = ""}, "[{'count':4}]"},
    {{.group = "stage", .measures = "count"},
     "[{'stage':'lost','count':1},{'stage':'won','count':2},{'stage':null,'count':1}]"},
    {{.group = "stage", .measures = "sum:size,avg:size,min:size,max:size", .filter = "size[gt]:0"},
     "[{'stage':'won','sum_size':11,'avg_size':5.5,'min_size':4,'max_size':7}]"},
    {{.group = "", .measures = "sum:price,avg:price,min:price,max:price"},
     "[{'sum_price':'3.40','avg_price':'1.13','min_price':'0.05','max_price':'2.25'}]"},
    {{.group = "company.industry", .measures = "count"},
     "[{'company.industry':'energy','count':1},{'company.industry':'retail','count':2},"
     "{'company.industry':null,'count':1}]"},
    {{.group = "company.parent.name,hot", .measures = "count"},
     "[{'company.parent.name':'Alpha','hot':null,'count':2},"
     "{'company.parent.name':null,'hot':true,'count':1},"
     "{'company.parent.name':null,'hot':null,'count':1}]"},
    {{.group = "value.currency", .measures = "sum:value,avg:value,max:value"},
     "[{'value.currency':'EUR','sum_value':{'amount':3001,'currency':'EUR'},"
     "'avg_value':{'amount':1500,'currency':'EUR'},'max_value':{'amount':2000,'currency':'EUR'}},"
     "{'value.currency':'USD','sum_value':{'amount':500,'currency':'USD'},"
     "'avg_value':{'amount':500,'currency':'USD'},'max_value':{'amount':500,'currency':'USD'}},"
     "{'value.currency':null,'sum_value':null,'avg_value':null,'max_value':null}]"},
    {{.group = "", .measures = "sum:value", .filter = "value.currency[eq]:'USD'"},
     "[{'sum_value':{'amount':500,'currency':'USD'}}]"},
    {{.group = "", .measures = "sum:value,min:closed_on", .filter = "name[eq]:'d'"},
     "[{'sum_value':null,'min_closed_on':null}]"},
    {{.group = "", .measures = "min:closed_on,max:met_at"},
     "[{'min_closed_on':'2024-12-30','max_met_at':'2025-01-01T00:00:00.000Z'}]"},
    {{.group = "closed_on:year", .measures = "count", .filter = "closed_on[is]:not_null"},
     "[{'closed_on':'2024','count':1},{'closed_on':'2025','count':2}]"},
    {{.group = "closed_on:quarter", .measures = "count", .filter = "closed_on[is]:not_null"},
     "[{'closed_on':'2024-Q4','count':1},{'closed_on':'2025-Q1','count':2}]"},
    {{.group = "closed_on:month", .measures = "count"},
     "[{'closed_on':'2024-12','count':1},{'closed_on':'2025-01','count':1},"
     "{'closed_on':'2025-03','count':1},{'closed_on':null,'count':1}]"},
    /* ISO weeks: Monday 30 December 2024 is in the first week of 2025. */
    {{.group = "closed_on:week", .measures = "count", .filter = "closed_on[is]:not_null"},
     "[{'closed_on':'2025-W01','count':2},{'closed_on':'2025-W14','count':1}]"},
    {{.group = "met_at:day", .measures = "count", .filter = "met_at[is]:not_null"},
     "[{'met_at':'2024-12-31','count':1},{'met_at':'2025-01-01','count':1}]"},
    {{.data = "{'group':'stage','measures':{'n':true,'total':['sum','size'],'best':'max:size'},"
              "'filter':{'stage':'won'}}"},
     "[{'stage':'won','n':2,'total':11,'best':7}]"},
    {{.data = "{'group':[['closed_on','year'],'stage'],'filter':{'stage':'won'}}"},
     "[{'closed_on':'2024','stage':'won','count':1},"
     "{'closed_on':'2025','stage':'won','count':1}]"},
    {{.group = "closed_on:year,closed_on:quarter", .measures = "count", .filter = "hot[eq]:true"},
     "[{'closed_on':'2024','closed_on:quarter':'2024-Q4','count':1}]"},
    {{.data = "{}"}, "[{'count':4}]"},
    /* A row counts with each of its elements, and with none of them once. */
    {{.group = "watchers", .measures = "count,sum:size"},
     "[{'watchers':'#anna','count':2,'sum_size':11},{'watchers':'#ben','count':1,'sum_size':7},"
     "{'watchers':null,'count':2,'sum_size':-3}]"},
    /* Asked for: those elements alone, though the row has others too. */
    {{.group = "watchers", .measures = "count,max:size", .filter = "watchers[any]:['#anna']"},
     "[{'watchers':'#anna','count':2,'max_size':7}]"},
    {{.group = "stage,watchers",
      .measures = "count",
      .filter = "and(watchers[any]:['#anna','#ben'],size[gt]:5)"},
     "[{'stage':'won','watchers':'#anna','count':1},{'stage':'won','watchers':'#ben','count':1}]"},
    {{.group = "stage", .measures = "distinct:watchers"},
     "[{'stage':'lost','distinct_watchers':0},{'stage':'won','distinct_watchers':2},"
     "{'stage':null,'distinct_watchers':0}]"},
    {{.group = "watchers", .measures = "distinct:watchers", .filter = "watchers[has]:'#anna'"},
     "[{'watchers':'#anna','distinct_watchers':2}]"},
    {{.group = "", .measures = "distinct:company,distinct:value.currency,count"},
     "[{'distinct_company':2,'distinct_value_currency':2,'count':4}]"},
    /* Measures with filters of their own. */
    {{.data = "{'measures':{'all':true,'won':{'measure':'count','filter':{'stage':'won'}},"
              "'large':{'measure':['sum','size'],'filter':{'size':['ge',5]}},"
              "'euro':{'measure':'sum:value','filter':{'value.currency':'EUR'}},"
              "'none':{'measure':'max:size','filter':{'stage':'new'}}}}"},
     "[{'all':4,'won':2,'large':7,'euro':{'amount':3001,'currency':'EUR'},'none':null}]"},
    {{.data = "{'measures':{'energy':{'measure':'count','filter':{'company.industry':'energy'}},"
              "'firms':{'measure':'distinct:company','filter':{'stage':'won'}}}}"},
     "[{'energy':1,'firms':2}]"},
};

static void groups_and_measures(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(good_rows); i++) {
        struct buf rows;
        struct error error;
        buf_init(&rows);
        enum err err = run(world, good_rows[i].question, &rows, &error);
        struct str want = quoted(world, good_rows[i].rows);
        if (err != OK || !str_eq(buf_str(&rows), want)) {
            fail_msg("row %zu: %s\nnot %s\n(%s)", i, buf_cstr(&rows), want.at, error.detail);
        }
        buf_deinit(&rows);
    }
}

static const struct bad_row {
    struct aggregate_ask question;
    enum err err;
    const char *nearest;
} bad_rows[] = {
    {{.group = "", .measures = "sum:value"}, ERR_CURRENCY_MIX, ""},
    {{.group = "company.industry", .measures = "max:value.amount"}, ERR_CURRENCY_MIX, ""},
    {{.group = "stagee", .measures = "count"}, ERR_UNKNOWN_FIELD, "stage"},
    {{.group = "stage", .measures = "sum:sizee"}, ERR_UNKNOWN_FIELD, "size"},
    {{.group = "pin", .measures = "count"}, ERR_UNKNOWN_FIELD, "id"},
    {{.group = "closed_on:moth", .measures = "count"}, ERR_INVALID, "month"},
    {{.group = "stage:month", .measures = "count"}, ERR_INVALID, ""},
    {{.group = "value", .measures = "count"}, ERR_INVALID, ""},
    {{.group = "note", .measures = "count"}, ERR_INVALID, ""},
    {{.group = "watchers:month", .measures = "count"}, ERR_INVALID, ""},
    {{.group = "watchers", .measures = "sum:watchers"}, ERR_INVALID, ""},
    {{.group = "watchers,watchers", .measures = "count"}, ERR_INVALID, ""},
    {{.group = "", .measures = "distinct:watchers,count"}, ERR_INVALID, ""},
    {{.group = "", .measures = "distinct:value"}, ERR_INVALID, ""},
    {{.group = "", .measures = "distinct"}, ERR_INVALID, ""},
    {{.data = "{'measures':{'x':{'filter':{'stage':'won'}}}}"}, ERR_INVALID, ""},
    {{.data = "{'measures':{'x':{'measure':'count','filters':{}}}}"}, ERR_INVALID, "filter"},
    {{.data = "{'measures':{'x':{'measure':'count','filter':{'stagee':1}}}}"},
     ERR_UNKNOWN_FIELD,
     "stage"},
    {{.group = "industry_was", .measures = "count"}, ERR_INVALID, ""},
    {{.group = "stage,size,hot,name,price", .measures = "count"}, ERR_LIMIT, ""},
    {{.group = "", .measures = "summ:size"}, ERR_INVALID, "sum"},
    {{.group = "", .measures = "sum"}, ERR_INVALID, ""},
    {{.group = "", .measures = "count:size"}, ERR_INVALID, ""},
    {{.group = "", .measures = "sum:name"}, ERR_INVALID, ""},
    {{.group = "", .measures = "sum:closed_on"}, ERR_INVALID, ""},
    {{.group = "", .measures = "avg:hot"}, ERR_INVALID, ""},
    {{.group = "", .measures = "max:value.currency"}, ERR_INVALID, ""},
    {{.data = "{'groups':'stage'}"}, ERR_INVALID, "group"},
    {{.data = "{'group':5}"}, ERR_INVALID, ""},
    {{.data = "{'measures':{'x':['sum']}}"}, ERR_INVALID, ""},
    {{.data = "{'measures':[1]}"}, ERR_INVALID, ""},
    {{.data = "[5]"}, ERR_INVALID, ""},
};

static void what_is_wrong(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(bad_rows); i++) {
        struct buf rows;
        struct error error;
        buf_init(&rows);
        enum err err = run(world, bad_rows[i].question, &rows, &error);
        if (err != bad_rows[i].err || strcmp(error.nearest, bad_rows[i].nearest) != 0) {
            fail_msg("row %zu: %s, nearest \"%s\": %s", i, err_code(err), error.nearest,
                     error.detail);
        }
        buf_deinit(&rows);
    }
}

static void an_overflowing_sum_is_an_error(void **state)
{
    struct world *world = *state;
    struct buf rows;
    struct error error;
    buf_init(&rows);
    put(world, "deal", "{'name':'w','size':4611686018427387900}");
    put(world, "deal", "{'name':'x','size':4611686018427387900}");
    put(world, "deal", "{'name':'y','size':4611686018427387900}");
    struct aggregate_ask question = {
        .group = "", .measures = "sum:size", .filter = "name[in]:['w','x','y']"};
    assert_int_equal(run(world, question, &rows, &error), ERR_OVERFLOW);
    assert_non_null(strstr(error.detail, "size"));
    /* What goes past 64 bits on the way and comes back is exact. */
    put(world, "deal", "{'name':'z','size':-4611686018427387900}");
    question.filter = "name[in]:['w','x','y','z']";
    assert_int_equal(run(world, question, &rows, &error), OK);
    assert_string_equal(buf_cstr(&rows), "[{\"sum_size\":9223372036854775800}]");
    buf_deinit(&rows);
}

static void groups_are_bounded(void **state)
{
    struct world *world = *state;
    struct buf rows;
    struct error error;
    buf_init(&rows);
    for (int i = 0; i < 1001; i++) {
        char json[80];
        (void)snprintf(json, sizeof(json), "{'name':'g%d','price':'%d','stage':'new'}", i, i);
        put(world, "deal", json);
    }
    struct aggregate_ask question = {
        .group = "price", .measures = "count", .filter = "stage[eq]:'new'"};
    assert_int_equal(run(world, question, &rows, &error), ERR_LIMIT);
    question.filter = "and(stage[eq]:'new',price[gt]:0)";
    assert_int_equal(run(world, question, &rows, &error), OK);
    buf_deinit(&rows);
}

int test_aggregate(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_and_measures),
        cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(an_overflowing_sum_is_an_error),
        cmocka_unit_test(groups_are_bounded),
    };
    return cmocka_run_group_tests_name("aggregate", tests, setup, world_teardown);
}
