/* Patterns over the types of entries: "" and "*" all, "organisation.*", "opportunity.stage.won",
 * "*.created". A star is one part; the last one stands for one or more. Pure. */
#include "proxenos/store_log.h"

enum { PATTERN_LEN_MAX = 200 };

static bool part_valid(struct str part)
{
    if (str_is(part, "*")) {
        return true;
    }
    if (part.len == 0 || part.at[0] < 'a' || part.at[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return true;
}

bool log_pattern_valid(struct str pattern)
{
    if (pattern.len == 0 || str_is(pattern, "*")) {
        return true;
    }
    if (pattern.len > PATTERN_LEN_MAX || pattern.at[pattern.len - 1] == '.') {
        return false;
    }
    struct str part;
    int parts = 0;
    while (str_split(&pattern, '.', &part)) {
        if (!part_valid(part)) {
            return false;
        }
        parts++;
    }
    return parts >= 2;
}

/* The next part of a name made of two pieces with a point between them, without joining them. */
struct parts {
    struct str rest, then;
};

static bool next_part(struct parts *parts, struct str *out_part)
{
    if (str_split(&parts->rest, '.', out_part)) {
        return true;
    }
    if (parts->then.at == NULL) {
        return false;
    }
    parts->rest = parts->then;
    parts->then = (struct str){NULL, 0};
    return str_split(&parts->rest, '.', out_part);
}

static bool parts_match(struct str pattern, struct parts name)
{
    struct str wanted, part;
    while (str_split(&pattern, '.', &wanted)) {
        if (!next_part(&name, &part)) {
            return false;
        }
        bool star = str_is(wanted, "*");
        if (star && pattern.at == NULL) {
            return true; /* the last star takes the rest */
        }
        if (!star && !str_eq(wanted, part)) {
            return false;
        }
    }
    return !next_part(&name, &part);
}

bool log_pattern_match(struct str pattern, const struct log_entry *entry)
{
    if (pattern.len == 0 || str_is(pattern, "*")) {
        return true;
    }
    if (parts_match(pattern, (struct parts){entry->type, {NULL, 0}})) {
        return true;
    }
    return entry->state.len > 0 &&
           parts_match(pattern, (struct parts){entry->object, entry->state});
}
