/* What words a plugin's command takes (the option `args` of px.command), and their values from what
 * was given: by position or as name=value. Pure; any thread. */
#include "internal.h"

#include "proxenos/base_number.h"
#include "proxenos/base_time.h"

#include <stdlib.h>

enum { ARGUMENTS_MAX = 32 };

/* ---- what it takes ---- */

/* { "party", "text", required = true }: a list when it has nothing but its name and type. */
static struct str part(const struct value *argument, size_t position, struct str otherwise)
{
    if (argument->kind == VALUE_LIST) {
        bool there = position <= argument->list.count;
        const struct value *item = there ? &argument->list.items[position - 1] : NULL;
        return there && item->kind == VALUE_TEXT ? item->text : otherwise;
    }
    return value_get_text(argument, position == 1 ? "1" : "2", otherwise);
}

static struct str type_of(const struct value *argument)
{
    return part(argument, 2, STR("text"));
}

static bool flag(const struct value *argument, const char *name)
{
    return argument->kind == VALUE_MAP && value_get_bool(argument, name, false);
}

static bool known_option(struct str key)
{
    static const char *const keys[] = {"1", "2", "required", "default", "named", "rest", "help"};
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        known = known || str_is(key, keys[i]);
    }
    return known;
}

static bool known_type(struct str type)
{
    static const char *const types[] = {"text", "integer", "number", "boolean", "date"};
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        known = known || str_is(type, types[i]);
    }
    return known;
}

static enum err check_argument(const struct value *argument, bool last, struct error *error)
{
    if ((argument->kind != VALUE_LIST && argument->kind != VALUE_MAP) ||
        part(argument, 1, STR("")).len == 0) {
        return error_set(error, ERR_INVALID,
                         "an argument is { \"name\", \"type\", required = true … }");
    }
    for (size_t i = 0; argument->kind == VALUE_MAP && i < argument->map.count; i++) {
        if (!known_option(argument->map.entries[i].key)) {
            return error_set(error, ERR_INVALID,
                             "the argument \"" STR_FORMAT "\" has no \"" STR_FORMAT "\"; there are "
                             "required, default, named, rest, help",
                             STR_ARGS(part(argument, 1, STR(""))),
                             STR_ARGS(argument->map.entries[i].key));
        }
    }
    if (!known_type(type_of(argument))) {
        return error_set(error, ERR_INVALID,
                         "the type of \"" STR_FORMAT "\" is text, integer, number, boolean or date",
                         STR_ARGS(part(argument, 1, STR(""))));
    }
    if (flag(argument, "rest") && !last) {
        return error_set(error, ERR_INVALID,
                         "only the last argument without a name takes the rest");
    }
    return OK;
}

enum err bind_command_check(const struct value *arguments, struct error *error)
{
    if (arguments == NULL || arguments->kind == VALUE_NULL) {
        return OK;
    }
    if (arguments->kind != VALUE_LIST || arguments->list.count > ARGUMENTS_MAX) {
        return error_set(error, ERR_INVALID,
                         "args is a list of at most %d arguments: { { \"party\" }, … }",
                         ARGUMENTS_MAX);
    }
    enum err err = OK;
    for (size_t i = 0; i < arguments->list.count && err == OK; i++) {
        bool last = true;
        for (size_t j = i + 1; j < arguments->list.count; j++) {
            last = last && flag(&arguments->list.items[j], "named");
        }
        err = check_argument(&arguments->list.items[i], last, error);
    }
    return err;
}

/* ---- what it is given ---- */

struct reading {
    struct arena *arena;
    struct str words; /* of the command, for its usage */
    const struct value *arguments;
    struct value *out;
    struct error *error;
};

/* "proxenos brief PARTY [TEXT…] [limit=INTEGER]" */
static struct str usage(const struct reading *reading)
{
    struct str text =
        arena_printf(reading->arena, "proxenos " STR_FORMAT, STR_ARGS(reading->words));
    for (size_t i = 0; i < reading->arguments->list.count; i++) {
        const struct value *one = &reading->arguments->list.items[i];
        struct str name = part(one, 1, STR("")), type = type_of(one);
        bool must = flag(one, "required");
        text = arena_printf(reading->arena, STR_FORMAT " %s" STR_FORMAT "%s" STR_FORMAT "%s%s",
                            STR_ARGS(text), must ? "" : "[", STR_ARGS(name),
                            flag(one, "named") ? "=" : "",
                            STR_ARGS(flag(one, "named") ? type : STR("")),
                            flag(one, "rest") ? "…" : "", must ? "" : "]");
    }
    return text;
}

static enum err refuse(const struct reading *reading, struct str name, const char *sentence)
{
    struct str pointer = arena_printf(reading->arena, "/args/" STR_FORMAT, STR_ARGS(name));
    struct str how = usage(reading);
    return error_at(reading->error, ERR_INVALID, pointer.at, NULL,
                    "\"" STR_FORMAT "\" %s; " STR_FORMAT, STR_ARGS(str_sub(name, 0, 100)), sentence,
                    STR_ARGS(how));
}

static bool to_number(struct arena *arena, struct str text, double *out)
{
    char *end = NULL;
    const char *copy = arena_cstr(arena, text);
    *out = strtod(copy, &end);
    return text.len > 0 && *end == '\0' && *out == *out;
}

/* A word as the argument's type; what came as a value of that type already stays. */
static enum err take_value(const struct reading *reading, const struct value *argument,
                           struct value given)
{
    struct str name = part(argument, 1, STR("")), type = type_of(argument);
    struct value value = given;
    int64_t number = 0;
    double real = 0;
    bool fits = true;
    if (given.kind != VALUE_TEXT) {
        fits = str_is(type, "text") || str_is(type, "date") ? false
               : str_is(type, "boolean")                    ? given.kind == VALUE_BOOL
               : str_is(type, "integer")                    ? given.kind == VALUE_INT
                                         : given.kind == VALUE_INT || given.kind == VALUE_REAL;
    } else if (str_is(type, "integer")) {
        fits = str_to_int64(given.text, &number) == OK;
        value = value_int(number);
    } else if (str_is(type, "number")) {
        fits = to_number(reading->arena, given.text, &real);
        value = value_real(real);
    } else if (str_is(type, "boolean")) {
        bool yes = str_is(given.text, "true") || str_is(given.text, "yes");
        fits = yes || str_is(given.text, "false") || str_is(given.text, "no");
        value = value_bool(yes);
    } else if (str_is(type, "date")) {
        fits = date_parse(given.text, &number) == OK;
        value = value_date(number);
    }
    if (!fits) {
        struct str sentence = arena_printf(reading->arena, "takes %s",
                                           str_is(type, "integer")   ? "a whole number"
                                           : str_is(type, "number")  ? "a number"
                                           : str_is(type, "boolean") ? "yes or no"
                                           : str_is(type, "date")    ? "a date as 2026-12-31"
                                                                     : "a text");
        return refuse(reading, name, sentence.at);
    }
    value_put(reading->arena, reading->out, name, value);
    return OK;
}

static const struct value *argument_of(const struct reading *reading, struct str name)
{
    for (size_t i = 0; i < reading->arguments->list.count; i++) {
        const struct value *one = &reading->arguments->list.items[i];
        if (str_eq(part(one, 1, STR("")), name)) {
            return one;
        }
    }
    return NULL;
}

/* The words from `at` on, as one text. */
static struct value join(struct arena *arena, const struct value *words, size_t at)
{
    struct str text = words->list.items[at].text;
    for (size_t i = at + 1; i < words->list.count; i++) {
        text = arena_printf(arena, STR_FORMAT " " STR_FORMAT, STR_ARGS(text),
                            STR_ARGS(words->list.items[i].text));
    }
    return value_text(text);
}

/* name=value is an argument when there is one of this name that goes by it; else a word like any.
 */
static enum err take_words(const struct reading *reading, const struct value *words)
{
    struct value plain = value_list_new();
    enum err err = OK;
    for (size_t i = 0; i < words->list.count && err == OK; i++) {
        size_t equals = 0;
        if (words->list.items[i].kind != VALUE_TEXT) {
            return error_at(reading->error, ERR_TYPE, "/given", NULL, "words are texts");
        }
        struct str word = words->list.items[i].text;
        const struct value *named = NULL;
        if (str_find(word, STR("="), &equals)) {
            named = argument_of(reading, str_sub(word, 0, equals));
        }
        if (named != NULL) {
            err = take_value(reading, named, value_text(str_sub(word, equals + 1, word.len)));
        } else {
            value_push(reading->arena, &plain, words->list.items[i]);
        }
    }
    size_t at = 0;
    for (size_t i = 0; i < reading->arguments->list.count && err == OK; i++) {
        const struct value *one = &reading->arguments->list.items[i];
        bool taken = value_get(reading->out, part(one, 1, STR(""))) != NULL;
        if (flag(one, "named") || taken || at >= plain.list.count) {
            continue;
        }
        bool rest = flag(one, "rest");
        err = take_value(reading, one,
                         rest ? join(reading->arena, &plain, at) : plain.list.items[at]);
        at = rest ? plain.list.count : at + 1;
    }
    return err == OK && at < plain.list.count
               ? refuse(reading, plain.list.items[at].text, "is a word too many")
               : err;
}

static enum err take_defaults(const struct reading *reading)
{
    for (size_t i = 0; i < reading->arguments->list.count; i++) {
        const struct value *one = &reading->arguments->list.items[i];
        struct str name = part(one, 1, STR(""));
        const struct value *value = value_get(reading->out, name);
        const struct value *otherwise = one->kind == VALUE_MAP ? value_get_c(one, "default") : NULL;
        if (value == NULL && otherwise != NULL) {
            value_put(reading->arena, reading->out, name, *otherwise);
        } else if (value == NULL && flag(one, "required")) {
            return refuse(reading, name, "is missing");
        }
    }
    return OK;
}

enum err bind_command_read(struct arena *arena, const struct bind_registration *command,
                           const struct bind_words *given, struct value *out_args,
                           struct error *error)
{
    static const struct value none = {.kind = VALUE_LIST};
    const struct value *arguments = value_get_c(&command->options, "args");
    struct reading reading = {.arena = arena,
                              .words = command->name,
                              .arguments = arguments != NULL ? arguments : &none,
                              .out = out_args,
                              .error = error};
    *out_args = value_map_new();
    /* A command that declares nothing is given what comes. */
    if (arguments == NULL && given->words.list.count == 0) {
        *out_args = given->named;
        return OK;
    }
    enum err err = OK;
    for (size_t i = 0; given->named.kind == VALUE_MAP && i < given->named.map.count && err == OK;
         i++) {
        const struct value_entry *entry = &given->named.map.entries[i];
        const struct value *one = argument_of(&reading, entry->key);
        if (one == NULL) {
            err = refuse(&reading, entry->key, "is no argument of this command");
        } else if (entry->value.kind != VALUE_NULL) {
            err = take_value(&reading, one, entry->value);
        }
    }
    if (err == OK && given->words.kind == VALUE_LIST) {
        err = take_words(&reading, &given->words);
    }
    return err == OK ? take_defaults(&reading) : err;
}
