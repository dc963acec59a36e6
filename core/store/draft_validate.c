/* Validation of a whole record: computed fields first, then what is required, then the rules. Pure;
 * any thread; the writer does it with the stored record. */
#include "columns.h"
#include "draft.h"
#include "field_value.h"
#include "findings.h"
#include "proxenos/base_number.h"
#include "proxenos/base_text.h"

#include <stdio.h>

struct judging {
    const struct draft *draft;
    struct record *whole;
    struct arena *arena;
    struct expr_env env;
    struct findings findings;
};

static struct value look_up(void *context, struct str path)
{
    const struct judging *judging = context;
    const struct field *field = object_field(judging->whole->type, path);
    if (field == NULL || judging->whole->has[field->index] != RECORD_HAS) {
        return value_null();
    }
    return judging->whole->values[field->index];
}

/* Everything the expression reads is there: an overlay may lack fields that the scope cannot see,
 * and then only the writer can tell. */
static bool all_there(const struct judging *judging, const struct expr *expr)
{
    const struct str *paths = NULL;
    size_t count = expr_paths(expr, &paths);
    for (size_t i = 0; i < count; i++) {
        const struct field *field = object_field(judging->whole->type, paths[i]);
        if (field == NULL || judging->whole->has[field->index] != RECORD_HAS) {
            return false;
        }
    }
    return true;
}

/* ---- computed ---- */

/* Results of expressions that a field's type takes although their kind differs. */
static enum err fit_result(const struct field *field, struct value *result, struct arena *arena,
                           struct error *error)
{
    struct value plain = *result;
    if (field->type == FIELD_DATE && plain.kind == VALUE_TIME) {
        const int64_t day = 86400000;
        int64_t days = plain.integer / day - (plain.integer % day < 0 ? 1 : 0);
        plain = value_date(days);
    }
    if (field->type == FIELD_INTEGER && plain.kind == VALUE_DECIMAL) {
        int64_t whole = 0;
        if (decimal_rescale(plain.integer, plain.scale, 0, ROUND_HALF_EVEN, &whole) == OK) {
            plain = value_int(whole);
        }
    }
    if (field->type == FIELD_DECIMAL && plain.kind == VALUE_DECIMAL) {
        int64_t unscaled = 0;
        enum err err =
            decimal_rescale(plain.integer, plain.scale, field->scale, ROUND_HALF_EVEN, &unscaled);
        if (err != OK) {
            return field_wrong(field, err, STR(""), error,
                               "computes to a number that is too large");
        }
        plain.integer = unscaled;
        plain.scale = (uint8_t)field->scale;
    }
    return field_value(field, &plain, arena, result, error);
}

static void compute(struct judging *judging, const struct field *field)
{
    struct error reason = {0};
    struct value result = value_null();
    enum err err = expr_eval(field->computed, &judging->env, judging->arena, &result, &reason);
    if (err == OK) {
        err = fit_result(field, &result, judging->arena, &reason);
    }
    if (err != OK) {
        char pointer[64];
        field_pointer(field, pointer);
        findings_add(&judging->findings, err, pointer, STR(""), STR(""),
                     STR_FORMAT " cannot be computed: %s", STR_ARGS(field->name), reason.detail);
        return;
    }
    judging->whole->values[field->index] = result;
    judging->whole->has[field->index] = RECORD_HAS;
    draft_put(judging->draft, field, result, judging->arena);
}

static void compute_all(struct judging *judging)
{
    const struct object_type *type = judging->whole->type;
    for (int i = SYS_COUNT; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field->computed != NULL && !field->computed_on_read &&
            all_there(judging, field->computed)) {
            compute(judging, field);
        }
    }
}

/* ---- required, rules ---- */

static bool lacks(const struct judging *judging, const struct field *field)
{
    const struct draft *draft = judging->draft;
    if (field->type == FIELD_SECRET) {
        /* Never loaded: what is stored counts as given. */
        return draft->kind == DRAFT_CREATE || draft->set[field->index] != 0
                   ? draft->values[field->index].kind == VALUE_NULL
                   : false;
    }
    return judging->whole->has[field->index] == RECORD_HAS &&
           value_missing(&judging->whole->values[field->index]);
}

static void check_required(struct judging *judging)
{
    const struct object_type *type = judging->whole->type;
    for (int i = 0; i < type->field_count; i++) {
        const struct field *field = &type->fields[i];
        if (field->required && lacks(judging, field)) {
            char pointer[64];
            field_pointer(field, pointer);
            findings_add(&judging->findings, ERR_REQUIRED, pointer, STR(""), STR(""),
                         STR_FORMAT " is required", STR_ARGS(field->name));
        }
    }
}

static void rule_broken(struct judging *judging, const struct rule *rule, const char *why)
{
    const struct str *paths = NULL;
    size_t count = expr_paths(rule->expr, &paths);
    char pointer[64] = "";
    if (count > 0) {
        (void)snprintf(pointer, sizeof(pointer), "/" STR_FORMAT, STR_ARGS(paths[0]));
    }
    struct str message = rule->message.en;
    findings_add(&judging->findings, ERR_RULE, pointer, STR(""), STR(""),
                 STR_FORMAT "%s" STR_FORMAT ": " STR_FORMAT "%s%s", STR_ARGS(message),
                 message.len > 0 ? "; rule " : "rule ", STR_ARGS(rule->name),
                 STR_ARGS(utf8_cut(rule->source, 200)), why[0] != '\0' ? ": " : "", why);
}

static void check_rules(struct judging *judging)
{
    const struct object_type *type = judging->whole->type;
    for (int i = 0; i < type->rule_count; i++) {
        const struct rule *rule = &type->rules[i];
        if (!all_there(judging, rule->expr)) {
            continue;
        }
        struct error reason = {0};
        struct value verdict = value_null();
        enum err err = expr_eval(rule->expr, &judging->env, judging->arena, &verdict, &reason);
        if (err != OK) {
            rule_broken(judging, rule, reason.detail);
        } else if (verdict.kind == VALUE_BOOL && !verdict.boolean) {
            rule_broken(judging, rule, "");
        }
    }
}

enum err draft_compute(const struct draft *draft, struct record *whole, int64_t now_ms,
                       struct arena *arena, struct error *error)
{
    struct judging judging = {.draft = draft, .whole = whole, .arena = arena};
    judging.env = (struct expr_env){.lookup = look_up, .context = &judging, .now_ms = now_ms};
    findings_init(&judging.findings, arena, error);
    compute_all(&judging);
    return judging.findings.count > 0 ? judging.findings.err : OK;
}

enum err draft_validate(const struct draft *draft, struct record *whole, int64_t now_ms,
                        struct arena *arena, struct error *error)
{
    if (draft->kind == DRAFT_DELETE) {
        return OK;
    }
    struct judging judging = {.draft = draft, .whole = whole, .arena = arena};
    judging.env = (struct expr_env){.lookup = look_up, .context = &judging, .now_ms = now_ms};
    findings_init(&judging.findings, arena, error);
    compute_all(&judging);
    check_required(&judging);
    check_rules(&judging);
    return judging.findings.count > 0 ? judging.findings.err : OK;
}
