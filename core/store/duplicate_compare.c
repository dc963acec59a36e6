/* Points of a pair: each compared field made ready once per record, then weighed (Fellegi–Sunter,
 * see store_duplicate.h). Pure; any thread. */
#include "duplicate.h"

#include "draft.h"
#include "proxenos/base_similar.h"
#include "proxenos/base_text.h"

#include <math.h>
#include <string.h>

/* ---- rules under a scope ---- */

static bool readable(const struct duplicate_lens *lens, int field)
{
    return lens->scope == NULL ||
           draft_access(lens->scope, lens->type, &lens->type->fields[field]) >= FIELD_READABLE;
}

static bool block_readable(const struct duplicate_lens *lens, const struct duplicate_block *block)
{
    for (int i = 0; i < block->part_count; i++) {
        if (!readable(lens, block->parts[i].field)) {
            return false;
        }
    }
    return true;
}

/* The key's own hash stands in it: with another key file the stored keys are none of ours. */
static int64_t number_of(const struct duplicate_lens *lens)
{
    unsigned char hash[HASH_BYTES];
    int64_t number = 0;
    hmac_of(lens->secret, lens->rules->hash, sizeof(lens->rules->hash), hash);
    memcpy(&number, hash, 6);
    return number;
}

bool duplicate_lens_make(struct duplicate_lens *lens, struct store *store,
                         const struct scope *scope, const struct object_type *type)
{
    const struct duplicate_rules *rules = type->duplicates;
    if (rules == NULL) {
        return false;
    }
    *lens = (struct duplicate_lens){.store = store, .scope = scope, .type = type, .rules = rules};
    for (int i = 0; i < rules->compare_count; i++) {
        lens->compares[i] = readable(lens, rules->compares[i].field);
    }
    for (int i = 0; i < rules->block_count; i++) {
        lens->blocks[i] = block_readable(lens, &rules->blocks[i]);
    }
    store_derive_key(store, STR("duplicate"), lens->secret);
    lens->number = number_of(lens);
    return true;
}

/* ---- one record ---- */

static struct str folded(struct arena *arena, struct str text,
                         void (*fold)(struct buf *, struct str))
{
    struct buf out;
    buf_init(&out);
    fold(&out, text);
    struct str made = arena_str(arena, buf_str(&out));
    buf_deinit(&out);
    return made;
}

static struct str digits_of(struct arena *arena, struct str text, size_t most)
{
    char *digits = arena_alloc(arena, text.len + 1);
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] >= '0' && text.at[i] <= '9') {
            digits[count++] = text.at[i];
        }
    }
    size_t skip = count > most ? count - most : 0;
    return (struct str){digits + skip, count - skip};
}

/* What stands between + and @ is a label of the owner's. */
static struct str address_of(struct arena *arena, struct str text)
{
    struct str whole = folded(arena, text, text_fold);
    size_t at = 0;
    size_t plus = 0;
    if (!str_find(whole, STR("@"), &at) || !str_find(whole, STR("+"), &plus) || plus > at) {
        return whole;
    }
    return arena_printf(arena, STR_FORMAT STR_FORMAT, STR_ARGS(str_sub(whole, 0, plus)),
                        STR_ARGS(str_sub(whole, at, whole.len)));
}

static struct str text_of(enum similar_how how, struct str text, struct arena *arena)
{
    switch (how) {
    case SIMILAR_NAME:
    case SIMILAR_WORDS:
        return folded(arena, text, text_latin);
    case SIMILAR_EXACT:
    case SIMILAR_TEXT:
        return folded(arena, text, text_fold);
    case SIMILAR_DIGITS:
        return digits_of(arena, text, text.len);
    case SIMILAR_PHONE:
        return digits_of(arena, text, DUPLICATE_PHONE_DIGITS);
    case SIMILAR_EMAIL:
        return address_of(arena, text);
    case SIMILAR_DATE:
    case SIMILAR_NUMBER:
    case SIMILAR_HOW_COUNT:
        break;
    }
    return STR("");
}

enum { DAY_MS = 86400000 };

static int64_t days_of(const struct value *value)
{
    int64_t ms = value->integer;
    return value->kind == VALUE_DATE ? ms : (ms - (ms % DAY_MS + DAY_MS) % DAY_MS) / DAY_MS;
}

static struct duplicate_value ready(const struct value *value, enum similar_how how,
                                    struct arena *arena)
{
    struct duplicate_value made = {.known = value->kind != VALUE_NULL, .text = STR("")};
    if (value->kind == VALUE_TEXT) {
        made.text = text_of(how, value->text, arena);
        made.known = made.text.len > 0;
    } else if (value->kind == VALUE_BOOL) {
        made.number = value->boolean ? 1 : 0;
    } else if (value->kind == VALUE_LIST || value->kind == VALUE_MAP) {
        made.known = false;
    } else if (made.known) {
        made.number = how == SIMILAR_DATE ? days_of(value) : value->integer;
        made.text = value->kind == VALUE_MONEY ? arena_str(arena, (struct str){value->currency, 3})
                                               : STR("");
    }
    return made;
}

void duplicate_view_make(const struct duplicate_lens *lens, const struct record *record,
                         struct arena *arena, struct duplicate_view *out_view)
{
    out_view->record = record;
    for (int i = 0; i < lens->rules->compare_count; i++) {
        const struct duplicate_compare *compare = &lens->rules->compares[i];
        bool seen = lens->compares[i] && record->has[compare->field] == RECORD_HAS;
        out_view->values[i] = seen ? ready(&record->values[compare->field], compare->how, arena)
                                   : (struct duplicate_value){.known = false};
    }
}

/* ---- two records ---- */

static double likeness(enum similar_how how, const struct duplicate_value *a,
                       const struct duplicate_value *b)
{
    switch (how) {
    case SIMILAR_NAME:
        return similar_name(a->text, b->text);
    case SIMILAR_WORDS:
        return similar_words(a->text, b->text);
    case SIMILAR_TEXT:
    case SIMILAR_DIGITS:
    case SIMILAR_PHONE:
    case SIMILAR_EMAIL:
        return similar_edit(a->text, b->text);
    case SIMILAR_DATE:
        return similar_date(a->number, b->number);
    case SIMILAR_NUMBER:
        return str_eq(a->text, b->text) ? similar_number(a->number, b->number) : 0;
    case SIMILAR_EXACT:
    case SIMILAR_HOW_COUNT:
        break;
    }
    return a->number == b->number && str_eq(a->text, b->text) ? 1 : 0;
}

/* From `least` to 1 the points rise from what disagreement takes to what agreement gives. */
static double points_of(const struct duplicate_compare *compare, double like)
{
    if (like <= compare->least) {
        return -compare->against;
    }
    double share = (like - compare->least) / (1 - compare->least);
    return share * (compare->weight + compare->against) - compare->against;
}

struct value duplicate_number(double points)
{
    return value_real(round(points * 100) / 100);
}

double duplicate_points(const struct duplicate_lens *lens, const struct duplicate_view *a,
                        const struct duplicate_view *b, struct arena *arena,
                        struct value *out_fields)
{
    const struct duplicate_rules *rules = lens->rules;
    double sum = 0;
    if (out_fields != NULL) {
        *out_fields = value_list_new();
    }
    for (int i = 0; i < rules->compare_count; i++) {
        const struct duplicate_compare *compare = &rules->compares[i];
        if (!a->values[i].known || !b->values[i].known) {
            continue; /* unknown speaks neither for nor against */
        }
        double like = likeness(compare->how, &a->values[i], &b->values[i]);
        double points = points_of(compare, like);
        sum += points;
        if (out_fields != NULL) {
            struct value row = value_map_new();
            value_put_c(arena, &row, "field", value_text(lens->type->fields[compare->field].name));
            value_put_c(arena, &row, "how", value_text(str_from(similar_how_name(compare->how))));
            value_put_c(arena, &row, "likeness", duplicate_number(like));
            value_put_c(arena, &row, "points", duplicate_number(points));
            value_push(arena, out_fields, row);
        }
    }
    return sum;
}

struct value duplicate_title(const struct record *record)
{
    int field = record->type->title_field;
    return field >= 0 && record->has[field] == RECORD_HAS ? record->values[field] : value_null();
}
