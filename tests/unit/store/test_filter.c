/* Filters: one table whose every row runs through the text parser, SQL and the C evaluator; the
 * data form; what is wrong, where, and what is nearest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query_fixture.h"

int test_filter(void);

static int setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    put(world, "user", "{'name':'anna'}");
    put(world, "user", "{'name':'ben'}");
    put(world, "company",
        "{'name':'Alpha','industry':'energy','country':'GR','roles':['client','partner']}");
    put(world, "company",
        "{'name':'Beta','industry':'retail','parent':'#Alpha','roles':['supplier']}");
    put(world, "company", "{'name':'Gamma','parent':'#Beta'}");
    put(world, "deal",
        "{'name':'a','stage':'new','company':'#Alpha','value':{'amount':100000,'currency':'EUR'},"
        "'price':'12.50','size':5,'hot':true,'closed_on':'2024-03-31',"
        "'met_at':'2024-04-01T09:00:00Z','term':'P1M','note':'Παπαδόπουλος & Υιοί 100%',"
        "'email':'anna@example.com','code':'A-1','watchers':['#anna','#ben'],'extra':{'x':1}}");
    put(world, "deal",
        "{'name':'b','stage':'won','company':'#Beta','value':{'amount':50000,'currency':'USD'},"
        "'price':'3','size':-2,'hot':false,'closed_on':'2024-01-05',"
        "'met_at':'2024-03-01T00:00:00Z','note':'ΠΑΠΑΣ a_b','watchers':['#ben']}");
    put(world, "deal", "{'name':'c'}");
    put(world, "deal",
        "{'name':'d','stage':'lost','company':'#Gamma','value':{'amount':100000,'currency':'USD'},"
        "'price':'12.5','size':5,'closed_on':'2024-04-03','note':''}");
    return 0;
}

/* ---- the truth table ---- */

static const struct truth {
    const char *filter, *names;
    bool crosses; /* the C evaluator says so instead of answering */
} truths[] = {
    {"", "a b c d", false},
    {"name[eq]:'a'", "a", false},
    {"name[eq]:'A'", "", false},
    {"name[ne]:'a'", "b c d", false},
    {"name[in]:['a','c','zz']", "a c", false},
    {"name[in]:[]", "", false},
    {"name[nin]:[]", "a b c d", false},
    {"name[gt]:'b'", "c d", false},
    {"name[ge]:'B'", "c d", false}, /* collation: b before B */
    {"name[between]:['b','c']", "b c", false},
    {"stage[eq]:'won'", "b", false},
    {"stage[ne]:'won'", "a c d", false}, /* null is not won */
    {"stage[in]:['won','lost']", "b d", false},
    {"stage[nin]:['won','lost']", "a c", false},
    {"stage[is]:null", "c", false},
    {"stage[is]:not_null", "a b d", false},
    {"stage[eq]:null", "c", false},
    {"stage[ne]:NULL", "a b d", false},
    {"not(stage[eq]:'won')", "a c d", false},
    {"not(not(stage[eq]:'won'))", "b", false},
    {"not(size[gt]:0)", "b c", false}, /* unknown is not greater */
    {"size[eq]:5", "a d", false},
    {"size[lt]:5", "b", false},
    {"size[le]:5", "a b d", false},
    {"size[between]:[-2,4]", "b", false},
    {"price[eq]:12.5", "a d", false},
    {"price[gt]:'3.00'", "a d", false},
    {"price[in]:[3,'12.50']", "a b d", false},
    {"hot[eq]:true", "a", false},
    {"hot[ne]:true", "b c d", false},
    {"closed_on[lt]:'2024-03-31'", "b", false},
    {"closed_on[before]:'2024-03-31'", "b", false},
    {"closed_on[after]:'2024-03-31'", "d", false},
    {"closed_on[last_days]:2", "a", false},
    {"closed_on[last_days]:0", "", false},
    {"closed_on[next_days]:2", "d", false},
    {"closed_on[between]:['2024-01-05','2024-03-31']", "a b", false},
    {"met_at[last_days]:1", "a", false},
    {"met_at[ge]:'2024-04-01T11:00:00+02:00'", "a", false},
    {"met_at[lt]:'2024-03-01'", "", false},
    {"term[eq]:'P1M'", "a", false},
    {"term[ne]:'30d'", "a b c d", false},
    {"value[eq]:{'amount':100000,'currency':'EUR'}", "a", false},
    {"value[ne]:{'amount':100000,'currency':'EUR'}", "b c d", false},
    {"value[ge]:{'amount':50000,'currency':'USD'}", "b d", false},
    {"value[in]:[{'amount':50000,'currency':'USD'},{'amount':100000,'currency':'EUR'}]", "a b",
     false},
    {"value[nin]:[{'amount':50000,'currency':'USD'}]", "a c d", false},
    {"value[between]:[{'amount':1,'currency':'USD'},{'amount':60000,'currency':'USD'}]", "b",
     false},
    {"value[is]:null", "c", false},
    {"value.currency[eq]:'USD'", "b d", false},
    {"value.currency[nin]:['USD']", "a c", false},
    {"value.amount[eq]:100000", "a d", false},
    {"note[contains]:'παπαδοπ'", "a", false},
    {"note[contains]:'ΠΑΠΑ'", "a b", false},
    {"note[prefix]:'παπάς'", "b", false},
    {"note[prefix]:''", "a b d", false},
    {"note[like]:'παπα%υιοι%'", "a", false},
    {"note[like]:'%100\\\\%'", "a", false},
    {"note[like]:'%a\\\\_b'", "b", false},
    {"note[like]:'%a_b'", "b", false},
    {"note[like]:'_απα%'", "a b", false},
    {"note[like]:''", "d", false},
    {"note[is]:null", "c", false},
    {"email[eq]:'anna@example.com'", "a", false},
    {"email[contains]:'EXAMPLE'", "a", false},
    {"code[eq]:'A-1'", "a", false},
    {"extra[is]:null", "b c d", false},
    {"company[eq]:'#Beta'", "b", false},
    {"company[ne]:'#Beta'", "a c d", false},
    {"company[in]:['#Alpha','#Gamma']", "a d", false},
    {"company[nin]:['#Alpha','#Gamma']", "b c", false},
    {"company[is]:null", "c", false},
    {"watchers[has]:'#anna'", "a", false},
    {"watchers[any]:['#ben']", "a b", false},
    {"watchers[any]:[]", "", false},
    {"watchers[is]:null", "c d", false},
    {"not(watchers[has]:'#anna')", "b c d", false},
    {"id[in]:['#a','#d']", "a d", false},
    {"version[eq]:1", "a b c d", false},
    {"and(stage[is]:not_null,size[eq]:5)", "a d", false},
    {"or(stage[eq]:'won',size[eq]:5)", "a b d", false},
    {"or()", "", false},
    {"and()", "a b c d", false},
    {"and(or(size[eq]:5,hot[eq]:false),not(stage[eq]:'lost'))", "a b", false},
    {"company.industry[eq]:'energy'", "a", true},
    {"company.industry[ne]:'energy'", "b c d", true},
    {"company.industry[is]:null", "c d", true},
    {"not(company.industry[eq]:'energy')", "b c d", true},
    {"company.parent.industry[eq]:'energy'", "b", true},
    {"company.parent.parent.name[eq]:'Alpha'", "d", true},
    {"company.parent.parent[is]:not_null", "d", true},
    {"company.roles[has]:'client'", "a", true},
    {"company.roles[any]:['supplier','client']", "a b", true},
    {"company.roles[is]:null", "c d", true},
    {"company.country[eq]:'GR'", "a", true},
    {"or(company.name[prefix]:'al',stage[eq]:'lost')", "a d", true},
    {"and(company.name[like]:'%a',company.industry[is]:not_null)", "a b", true},
    {"company.name[gt]:'beta'", "b d", true}, /* collation: beta before Beta */
};

static struct record *record_of(struct world *world, int64_t id)
{
    struct record *record = NULL;
    struct error error = {0};
    assert_int_equal(
        reader_get(world->reader, world->system, world->deal, id, &world->arena, &record, &error),
        OK);
    return record;
}

/* The same question asked of each record in C; "~" when it needs another record. */
static const char *names_in_c(struct world *world, const struct query *query)
{
    static char names[32];
    size_t len = 0;
    for (const char *name = "abcd"; *name != '\0'; name++) {
        const char text[2] = {*name, '\0'};
        struct record *record = record_of(world, id_of(world, "deal", text));
        bool cross = false;
        bool matches = filter_match(query->filter, record, world->env.ms, &cross);
        if (cross) {
            return "~";
        }
        if (matches) {
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%c", len > 0 ? " " : "",
                                    *name);
        }
    }
    names[len] = '\0';
    return names;
}

static void sql_and_c_say_the_same(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(truths); i++) {
        const struct ask question = {.filter = truths[i].filter, .order = "name"};
        struct query query;
        struct error error = {0};
        enum err err = bind_ask(world, &question, &query, &error);
        if (err != OK) {
            fail_msg("%s: %s", truths[i].filter, error.detail);
        }
        const char *in_sql = names_of(world, question);
        const char *in_c = names_in_c(world, &query);
        if (strcmp(in_sql, truths[i].names) != 0) {
            fail_msg("%s: SQL says \"%s\", not \"%s\"", truths[i].filter, in_sql, truths[i].names);
        }
        if (strcmp(in_c, truths[i].crosses ? "~" : truths[i].names) != 0) {
            fail_msg("%s: C says \"%s\", not \"%s\"", truths[i].filter, in_c, truths[i].names);
        }
    }
}

/* ---- the data form ---- */

static const struct tree_row {
    const char *json, *names;
} trees[] = {
    {"{}", "a b c d"},
    {"{'stage':'won'}", "b"},
    {"{'stage':null}", "c"},
    {"{'stage':['in',['won','lost']]}", "b d"},
    {"{'stage':{'in':['won','lost']}}", "b d"},
    {"{'size':{'gt':-5,'lt':5}}", "b"},
    {"{'size':5,'stage':'new'}", "a"},
    {"{'or':[{'stage':'won'},{'stage':'lost'}]}", "b d"},
    {"{'or':{'stage':'won','size':5}}", "a b d"},
    {"{'or':[]}", ""},
    {"{'and':[]}", "a b c d"},
    {"{'not':{'stage':'won'}}", "a c d"},
    {"{'not':{'stage':'new','size':5}}", "b c d"},
    {"{'company.industry':'energy'}", "a"},
    {"{'value':{'amount':100000,'currency':'EUR'}}", "a"},
    {"{'value':['ge',{'amount':50000,'currency':'USD'}]}", "b d"},
    {"{'and':[{'or':[{'size':5},{'size':-2}]},{'not':{'stage':'lost'}}]}", "a b"},
    {"{'watchers':['has','#anna']}", "a"},
    {"'stage[eq]:\\'won\\''", "b"},
};

static void filters_as_data(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(trees); i++) {
        struct value filter;
        struct error error = {0};
        struct query query = {.type = world->deal, .limit = 50};
        struct answer answer;
        assert_int_equal(json_decode(&world->arena, quoted(world, trees[i].json), &filter, &error),
                         OK);
        enum err err = filter_from_value(&world->arena, &filter, &query.filter, &error);
        if (err != OK) {
            fail_msg("%s: %s", trees[i].json, error.detail);
        }
        answer = ask(world, (struct ask){.order = "name", .tree = query.filter});
        if (answer.err != OK || !str_is(answer.names, trees[i].names)) {
            fail_msg("%s: \"%s\", not \"%s\" (%s)", trees[i].json, answer.names.at, trees[i].names,
                     answer.error.detail);
        }
    }
}

/* ---- what is wrong ---- */

static const struct fault {
    const char *filter;
    enum err err;
    const char *pointer, *nearest;
} faults[] = {
    {"stage", ERR_FILTER, "filter, position 6", ""},
    {"stage[eq]", ERR_FILTER, "filter, position 10", ""},
    {"stage[eq]:", ERR_FILTER, "filter, position 11", ""},
    {"stage[eq]:won", ERR_FILTER, "filter, position 11", ""},
    {"stage[eq]:'won", ERR_FILTER, "filter, position 11", ""},
    {"stage[eq]:'won' x", ERR_FILTER, "filter, position 17", ""},
    {"and(stage[eq]:'won'", ERR_FILTER, "filter, position 20", ""},
    {"and(stage[eq]:'won',)", ERR_FILTER, "filter, position 21", ""},
    {"xor(stage[eq]:'won')", ERR_FILTER, "filter, position 1", ""},
    {"not(stage[eq]:'won',stage[eq]:'new')", ERR_FILTER, "filter, position 5", ""},
    {"not()", ERR_FILTER, "filter, position 5", ""},
    {"stage[eq]:01", ERR_FILTER, "filter, position 11", ""},
    {"stage[in]:['won'", ERR_FILTER, "filter, position 17", ""},
    {"stage[in]:[['won']]", ERR_FILTER, "filter, position 12", ""},
    {"value[eq]:{'amount':1", ERR_FILTER, "filter, position 11", ""},
    {")", ERR_FILTER, "filter, position 1", ""},
    {"stage[gte]:1", ERR_UNKNOWN_OPERATOR, "filter, position 7", "ge"},
    {"stage[contians]:'x'", ERR_UNKNOWN_OPERATOR, "filter, position 7", "contains"},
    {"stage[zzzzzz]:'x'", ERR_UNKNOWN_OPERATOR, "filter, position 7", ""},
    {"and(size[eq]:5,stagee[eq]:'won')", ERR_UNKNOWN_FIELD, "filter, position 16", "stage"},
    {"company.industri[eq]:'energy'", ERR_UNKNOWN_FIELD, "filter, position 1", "company.industry"},
    {"name.x[eq]:'a'", ERR_UNKNOWN_FIELD, "filter, position 1", ""},
    {"company.[eq]:'a'", ERR_UNKNOWN_FIELD, "filter, position 1", ""},
    {"value.cents[eq]:1", ERR_UNKNOWN_FIELD, "filter, position 1", ""},
    {"pin[eq]:'1'", ERR_UNKNOWN_FIELD, "filter, position 1", "id"},
    {"company.parent.parent.parent.name[eq]:'x'", ERR_INVALID, "filter, position 1", ""},
    {"stage[eq]:'wonn'", ERR_ENUM, "filter, position 1", "won"},
    {"stage[gt]:'won'", ERR_FILTER, "filter, position 1", ""},
    {"stage[in]:'won'", ERR_FILTER, "filter, position 1", ""},
    {"stage[eq]:['won']", ERR_FILTER, "filter, position 1", ""},
    {"stage[in]:['won',null]", ERR_FILTER, "filter, position 1", ""},
    {"size[eq]:'5'", ERR_TYPE, "filter, position 1", ""},
    {"size[eq]:99999999999999999999", ERR_TYPE, "filter, position 1", ""},
    {"size[contains]:'5'", ERR_FILTER, "filter, position 1", ""},
    {"name[eq]:5", ERR_FILTER, "filter, position 1", ""},
    {"hot[eq]:'true'", ERR_TYPE, "filter, position 1", ""},
    {"closed_on[eq]:'31/03/2024'", ERR_TYPE, "filter, position 1", ""},
    {"closed_on[last_days]:-1", ERR_FILTER, "filter, position 1", ""},
    {"closed_on[last_days]:'7'", ERR_FILTER, "filter, position 1", ""},
    {"closed_on[between]:['2024-01-01']", ERR_FILTER, "filter, position 1", ""},
    {"company[eq]:'Alpha'", ERR_TYPE, "filter, position 1", ""},
    {"watchers[eq]:'x'", ERR_FILTER, "filter, position 1", ""},
    {"value[gt]:1000", ERR_TYPE, "filter, position 1", ""},
    {"value[between]:[{'amount':1,'currency':'EUR'},{'amount':2,'currency':'USD'}]", ERR_FILTER,
     "filter, position 1", ""},
    {"industry_was[eq]:'energy'", ERR_FILTER, "filter, position 1", ""},
    {"extra[eq]:1", ERR_FILTER, "filter, position 1", ""},
    {"name[is]:'maybe'", ERR_FILTER, "filter, position 1", ""},
};

static void what_is_wrong_and_where(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct answer answer = ask(world, (struct ask){.filter = faults[i].filter});
        if (answer.err != faults[i].err || strcmp(answer.error.pointer, faults[i].pointer) != 0 ||
            strcmp(answer.error.nearest, faults[i].nearest) != 0 ||
            answer.error.detail[0] == '\0') {
            fail_msg("%s: %s at \"%s\", nearest \"%s\": %s", faults[i].filter, err_code(answer.err),
                     answer.error.pointer, answer.error.nearest, answer.error.detail);
        }
    }
}

static const struct fault tree_faults[] = {
    {"5", ERR_FILTER, "/filter", ""},
    {"{'stage':['won']}", ERR_FILTER, "/filter/stage", ""},
    {"{'stage':['inn',['won']]}", ERR_UNKNOWN_OPERATOR, "/filter/stage", "in"},
    {"{'stage':{'equals':'won'}}", ERR_UNKNOWN_OPERATOR, "/filter/stage", "eq"},
    {"{'stage':{}}", ERR_FILTER, "/filter/stage", ""},
    {"{'or':'won'}", ERR_FILTER, "/filter/or", ""},
    {"{'or':[5]}", ERR_FILTER, "/filter/or/0", ""},
    {"{'or':[{'x':1}]}", ERR_UNKNOWN_FIELD, "/filter/or/0/x", ""},
    {"{'not':['a']}", ERR_FILTER, "/filter/not", ""},
};

static void what_is_wrong_in_data(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT_OF(tree_faults); i++) {
        struct value filter;
        struct error error = {0};
        struct filter *tree = NULL;
        assert_int_equal(
            json_decode(&world->arena, quoted(world, tree_faults[i].filter), &filter, &error), OK);
        enum err err = filter_from_value(&world->arena, &filter, &tree, &error);
        if (err == OK) {
            err = filter_bind(tree, world->system, world->deal, &world->arena, &error);
        }
        if (err != tree_faults[i].err || strcmp(error.pointer, tree_faults[i].pointer) != 0 ||
            strcmp(error.nearest, tree_faults[i].nearest) != 0) {
            fail_msg("%s: %s at \"%s\", nearest \"%s\": %s", tree_faults[i].filter, err_code(err),
                     error.pointer, error.nearest, error.detail);
        }
    }
}

/* ---- limits ---- */

static struct str repeated(struct world *world, const char *before, const char *part, int count,
                           const char *after)
{
    struct buf text;
    buf_init(&text);
    buf_append_str(&text, str_from(before));
    for (int i = 0; i < count; i++) {
        buf_append_str(&text, str_from(part));
    }
    buf_append_str(&text, str_from(after));
    struct str out = arena_str(&world->arena, buf_str(&text));
    buf_deinit(&text);
    return out;
}

static enum err parse(struct world *world, struct str text, struct error *error)
{
    struct filter *filter = NULL;
    return filter_parse(&world->arena, text, &filter, error);
}

static void filters_are_bounded(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    struct str deep = repeated(world, "", "not(", FILTER_DEPTH_MAX - 1, "a[is]:null");
    deep = repeated(world, deep.at, ")", FILTER_DEPTH_MAX - 1, "");
    assert_int_equal(parse(world, deep, &error), OK);
    assert_int_equal(parse(world, repeated(world, "", "not(", 2000, ""), &error), ERR_LIMIT);
    assert_int_equal(
        parse(world, repeated(world, "and(a[is]:null", ",a[is]:null", FILTER_NODES_MAX - 2, ")"),
              &error),
        OK);
    assert_int_equal(
        parse(world, repeated(world, "and(a[is]:null", ",a[is]:null", FILTER_NODES_MAX - 1, ")"),
              &error),
        ERR_LIMIT);
    assert_int_equal(
        parse(world, repeated(world, "a[in]:[1", ",1", FILTER_LIST_MAX - 1, "]"), &error), OK);
    assert_int_equal(parse(world, repeated(world, "a[in]:[1", ",1", FILTER_LIST_MAX, "]"), &error),
                     ERR_LIMIT);
    assert_int_equal(parse(world, repeated(world, "a[eq]:\"", "x", 20000, "\""), &error),
                     ERR_LIMIT);
    assert_int_equal(parse(world, STR("a[eq]:\"\xff\""), &error), ERR_UTF8);
}

static void like_is_linear(void **state)
{
    struct world *world = *state;
    /* The classic that takes 2^n with backtracking over every %. */
    struct str text = repeated(world, "", "a", 4000, "");
    struct str pattern = repeated(world, "", "a%", 100, "b");
    int64_t start = env_real()->monotonic_ns(env_real());
    assert_false(like_match(text, pattern));
    int64_t took = env_real()->monotonic_ns(env_real()) - start;
    assert_true(took < 1000000000);
}

int test_filter(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_and_c_say_the_same),  cmocka_unit_test(filters_as_data),
        cmocka_unit_test(what_is_wrong_and_where), cmocka_unit_test(what_is_wrong_in_data),
        cmocka_unit_test(filters_are_bounded),     cmocka_unit_test(like_is_linear),
    };
    return cmocka_run_group_tests_name("filter", tests, setup, world_teardown);
}
