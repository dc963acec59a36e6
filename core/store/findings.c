/* Chains the findings of one validation. One thread. */
#include "findings.h"

#include "proxenos/base_json.h"
#include "proxenos/base_text.h"

#include <stdio.h>

void findings_init(struct findings *findings, struct arena *arena, struct error *error)
{
    *findings = (struct findings){.arena = arena, .first = error};
}

struct error *findings_slot(struct findings *findings)
{
    if (findings->first == NULL || findings->count >= FINDINGS_MAX) {
        return NULL;
    }
    if (findings->last == NULL) {
        return findings->first;
    }
    return findings->arena == NULL ? NULL : ARENA_NEW(findings->arena, struct error);
}

/* Only now is the slot chained: a slot that was asked for and not needed leaves no trace. */
static void chain(struct findings *findings, struct error *slot)
{
    if (slot == NULL) {
        return;
    }
    slot->next = NULL;
    if (findings->last != NULL) {
        findings->last->next = slot;
    }
    findings->last = slot;
}

static void count_one(struct findings *findings, enum err err)
{
    if (findings->count == 0) {
        findings->err = err;
    }
    findings->count++;
}

void findings_take(struct findings *findings, struct error *slot, enum err err)
{
    ASSERT(err != OK);
    chain(findings, slot);
    count_one(findings, err);
}

void findings_add(struct findings *findings, enum err err, const char *pointer, struct str value,
                  struct str nearest, const char *format, ...)
{
    struct error *slot = findings_slot(findings);
    if (slot != NULL) {
        char detail[sizeof(slot->detail)];
        char shown[sizeof(slot->value)];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(detail, sizeof(detail), format, arguments);
        va_end(arguments);
        struct str cut = utf8_cut(value, sizeof(shown) - 1);
        (void)snprintf(shown, sizeof(shown), STR_FORMAT, STR_ARGS(cut));
        (void)error_at(slot, err, pointer, shown, "%s", detail);
        cut = utf8_cut(nearest, sizeof(slot->nearest) - 1);
        (void)snprintf(slot->nearest, sizeof(slot->nearest), STR_FORMAT, STR_ARGS(cut));
    }
    findings_take(findings, slot, err);
}

struct str findings_show(struct arena *arena, const struct value *value)
{
    switch ((enum value_kind)value->kind) {
    case VALUE_TEXT:
        return value->text;
    case VALUE_LIST:
        return STR("a list");
    case VALUE_MAP:
        return STR("a map");
    case VALUE_BYTES:
        return STR("bytes");
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_REAL:
    case VALUE_ID:
    case VALUE_DECIMAL:
    case VALUE_MONEY:
    case VALUE_DATE:
    case VALUE_TIME:
        break;
    }
    struct buf shown;
    buf_init(&shown);
    json_encode(&shown, value);
    struct str text = arena_str(arena, buf_str(&shown));
    buf_deinit(&shown);
    return text;
}
