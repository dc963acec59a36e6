/* Rows by what they hold (store_rules.h). Made by one thread, then immutable and shared. */
#include "row_rules.h"

#include "internal.h"
#include "query.h"

/* ---- what a rule may say ---- */

static enum err refuse(const struct filter *test, const char *why, struct error *error)
{
    return query_error(error, ERR_FILTER, test->pointer, test->path, STR(""),
                       "a rule for rows cannot use " STR_FORMAT ": %s", STR_ARGS(test->path), why);
}

static enum err check_test(const struct filter *test, struct error *error)
{
    const struct field *field = test->target.field;
    if (test->target.hop_count > 0) {
        return refuse(test, "it belongs to another record", error);
    }
    if (field->computed_on_read) {
        return refuse(test, "it is computed when it is read", error);
    }
    if (field->type == FIELD_SECRET || field->type == FIELD_JSON || field->type == FIELD_FILE) {
        return refuse(test, "it is not compared", error);
    }
    if (test->op == OP_LAST_DAYS || test->op == OP_NEXT_DAYS) {
        return refuse(test, "rows would come and go with the clock, without a change", error);
    }
    return OK;
}

static enum err check_node(const struct filter *filter, int *nodes, struct error *error)
{
    if (++*nodes > RULE_NODES_MAX) {
        return error_set(error, ERR_LIMIT, "a rule for rows has at most %d parts", RULE_NODES_MAX);
    }
    enum err err = filter->kind == FILTER_TEST ? check_test(filter, error) : OK;
    for (int i = 0; i < filter->child_count && err == OK; i++) {
        err = check_node(filter->children[i], nodes, error);
    }
    return err;
}

static enum err bind(const struct scope *binder, const struct object_type *type,
                     const struct value *tree, struct arena *arena, struct filter **out_filter,
                     struct error *error)
{
    struct filter *filter = NULL;
    int nodes = 0;
    enum err err = filter_from_value(arena, tree, &filter, error);
    if (err == OK) {
        err = filter_bind(filter, binder, type, arena, error);
    }
    if (err == OK && filter != NULL) {
        err = check_node(filter, &nodes, error);
    }
    if (err == OK) {
        *out_filter = filter;
    }
    return err;
}

enum err rule_check(const struct schema *schema, const struct object_type *type,
                    const struct value *tree, struct arena *arena, struct filter **out_filter,
                    struct error *error)
{
    const struct scope *binder = system_scope_new(schema, SYSTEM_AUTH);
    enum err err = bind(binder, type, tree, arena, out_filter, error);
    scope_unref(binder);
    return err;
}

/* ---- those of one scope ---- */

struct scope_rules *scope_rules_new(const struct schema *schema)
{
    struct scope_rules *rules = mem_zalloc(sizeof(*rules));
    arena_init(&rules->arena);
    rules->references = 1;
    rules->binder = system_scope_new(schema, SYSTEM_AUTH);
    rules->by_type = ARENA_ARRAY(&rules->arena, struct filter, (size_t)schema->object_count + 1);
    rules->value_counts = ARENA_ARRAY(&rules->arena, int, (size_t)schema->object_count + 1);
    return rules;
}

static struct scope_rules *counted(const struct scope_rules *rules)
{
    return (struct scope_rules *)(uintptr_t)rules; /* immutable but for the count */
}

void scope_rules_ref(const struct scope_rules *rules)
{
    int before = __atomic_fetch_add(&counted(rules)->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0);
}

void scope_rules_unref(const struct scope_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    int before = __atomic_fetch_sub(&counted(rules)->references, 1, __ATOMIC_ACQ_REL);
    ASSERT(before > 0);
    if (before == 1) {
        scope_unref(rules->binder);
        arena_deinit(&counted(rules)->arena);
        mem_free(counted(rules));
    }
}

static int count_values(const struct filter *filter)
{
    int count = filter->kind == FILTER_TEST ? filter->typed_count : 0;
    for (int i = 0; i < filter->child_count; i++) {
        count += count_values(filter->children[i]);
    }
    return count;
}

enum err scope_rules_add(struct scope_rules *rules, const struct object_type *type,
                         const struct value *tree, struct error *error)
{
    ASSERT(type->index < rules->binder->schema->object_count);
    struct filter *any = &rules->by_type[type->index];
    struct filter *filter = NULL;
    struct value *copy = ARENA_NEW(&rules->arena, struct value);
    *copy = value_copy(&rules->arena, tree);
    enum err err = bind(rules->binder, type, copy, &rules->arena, &filter, error);
    if (err != OK) {
        return err;
    }
    if (filter == NULL) { /* {}: every row */
        filter = ARENA_NEW(&rules->arena, struct filter);
        *filter = (struct filter){.kind = FILTER_AND};
    }
    int values = count_values(filter);
    if (any->child_count == RULES_OF_TYPE_MAX ||
        rules->value_counts[type->index] + values > RULE_VALUES_MAX) {
        return error_set(error, ERR_LIMIT,
                         "one user has at most %d rules with %d values for " STR_FORMAT,
                         RULES_OF_TYPE_MAX, RULE_VALUES_MAX, STR_ARGS(type->name));
    }
    if (any->children == NULL) {
        *any = (struct filter){.kind = FILTER_OR,
                               .children =
                                   ARENA_ARRAY(&rules->arena, struct filter *, RULES_OF_TYPE_MAX)};
    }
    any->children[any->child_count++] = filter;
    rules->value_counts[type->index] += values;
    return OK;
}

const struct filter *scope_rule(const struct scope *scope, const struct object_type *type)
{
    if (scope->rules == NULL || type->index >= scope->rules->binder->schema->object_count) {
        return NULL;
    }
    const struct filter *any = &scope->rules->by_type[type->index];
    return any->child_count > 0 ? any : NULL;
}
