/* Versions and the ranges that `requires` names. Pure. */
#include "internal.h"

static enum err read_parts(struct str text, struct version *out_version, int *out_count)
{
    struct str rest = text, part;
    int count = 0;
    *out_version = (struct version){0};
    while (str_split(&rest, '.', &part)) {
        int64_t number = 0;
        bool digits = part.len > 0 && part.len <= 6;
        for (size_t i = 0; i < part.len; i++) {
            digits = digits && part.at[i] >= '0' && part.at[i] <= '9';
        }
        if (count == 3 || !digits || str_to_int64(part, &number) != OK) {
            return ERR_INVALID;
        }
        out_version->part[count++] = (int)number;
    }
    *out_count = count;
    return count == 0 ? ERR_INVALID : OK;
}

enum err version_parse(struct str text, struct version *out_version)
{
    int count = 0;
    enum err err = read_parts(text, out_version, &count);
    return err == OK && count != 3 ? ERR_INVALID : err;
}

enum range_kind { RANGE_SAME_MAJOR, RANGE_AT_LEAST, RANGE_EXACT };

static enum err range_parse(struct str range, enum range_kind *out_kind,
                            struct version *out_version)
{
    int count = 0;
    *out_kind = RANGE_EXACT;
    if (str_starts(range, STR("^"))) {
        *out_kind = RANGE_SAME_MAJOR;
        range = str_sub(range, 1, range.len);
    } else if (str_starts(range, STR(">="))) {
        *out_kind = RANGE_AT_LEAST;
        range = str_trim(str_sub(range, 2, range.len));
    }
    enum err err = read_parts(range, out_version, &count);
    return err == OK && *out_kind == RANGE_EXACT && count != 3 ? ERR_INVALID : err;
}

enum err version_range_check(struct str range)
{
    enum range_kind kind;
    struct version version;
    return range_parse(range, &kind, &version);
}

int version_compare(struct version a, struct version b)
{
    for (int i = 0; i < 3; i++) {
        if (a.part[i] != b.part[i]) {
            return a.part[i] < b.part[i] ? -1 : 1;
        }
    }
    return 0;
}

bool version_fits(struct version version, struct str range)
{
    enum range_kind kind;
    struct version wanted;
    if (range_parse(range, &kind, &wanted) != OK) {
        return false;
    }
    int order = version_compare(version, wanted);
    switch (kind) {
    case RANGE_EXACT:
        return order == 0;
    case RANGE_AT_LEAST:
        return order >= 0;
    case RANGE_SAME_MAJOR:
        break;
    }
    bool same = version.part[0] == wanted.part[0] &&
                (wanted.part[0] > 0 || version.part[1] == wanted.part[1]);
    return same && order >= 0;
}
