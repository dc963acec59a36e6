/* What the settings say of files; see files.h. */
#include "files.h"

#include "proxenos/base_text.h"

enum { MEGABYTE = 1 << 20 };

/* A name of file_types: "svg" or "image/svg+xml". */
static enum err add_kind(const struct config *config, struct str name, struct file_limits *limits,
                         struct error *error)
{
    struct str known[FILE_KINDS_MAX];
    size_t count = 0;
    const struct media_kind *kind = media_find(name);
    for (size_t i = 0; media_kind_at(i) != NULL; i++) {
        struct str rest = media_kind_at(i)->endings;
        (void)str_split(&rest, ' ', &known[count]);
        if (kind == NULL && str_eq(name, known[count])) {
            kind = media_kind_at(i);
        }
        count++;
    }
    if (kind == NULL) {
        struct str nearest = text_nearest(name, known, count);
        error_at(error, ERR_CONFIG, config->from[SET_FILE_TYPES], NULL,
                 "there is no kind of files \"" STR_FORMAT "\"", STR_ARGS(str_sub(name, 0, 60)));
        if (error != NULL) {
            snprintf(error->nearest, sizeof(error->nearest), STR_FORMAT, STR_ARGS(nearest));
        }
        return ERR_CONFIG;
    }
    if (!file_kind_taken(limits, kind) && limits->kind_count < FILE_KINDS_MAX) {
        limits->kinds[limits->kind_count++] = kind;
    }
    return OK;
}

enum err service_file_limits(const struct config *config, struct file_limits *limits,
                             struct error *error)
{
    const struct value *names = &config->values[SET_FILE_TYPES];
    file_limits_default(limits);
    limits->bytes_max = config_int(config, SET_FILE_MAX_MB) * MEGABYTE;
    limits->total_bytes_max = config_int(config, SET_FILE_QUOTA_MB) * MEGABYTE;
    limits->per_record_max = config_int(config, SET_FILES_PER_RECORD);
    bool named = names->kind == VALUE_LIST && names->list.count > 0;
    limits->kind_count = named ? 0 : limits->kind_count;
    enum err err = OK;
    for (size_t i = 0; named && i < names->list.count && err == OK; i++) {
        err = add_kind(config, names->list.items[i].text, limits, error);
    }
    return err;
}
