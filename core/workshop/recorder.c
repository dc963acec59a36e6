/* The network of a test: answers that it gave, requests that came. Nothing leaves the machine; a
 * request without an answer fails, and the test with it. The net thread asks, the main thread sets
 * and reads. */
#include "internal.h"

#include "proxenos/base_json.h"

enum { ANSWERS_MAX = 1000, REQUESTS_MAX = 10000 };

struct recorded_answer {
    struct str method; /* empty: any */
    struct str url;    /* a star matches any text */
    enum err fail;     /* OK: an answer */
    int status;
    int64_t times; /* left; -1: without end */
    struct str body;
    struct value headers;
};

struct recorder {
    pthread_mutex_t lock;
    struct arena arena;
    struct recorded_answer answers[ANSWERS_MAX];
    size_t answer_count;
    struct value requests; /* a list of maps */
    struct buf unexpected; /* the first that had no answer */
};

struct recorder *recorder_new(void)
{
    struct recorder *recorder = mem_zalloc(sizeof(*recorder));
    (void)pthread_mutex_init(&recorder->lock, NULL);
    arena_init(&recorder->arena);
    buf_init(&recorder->unexpected);
    recorder->requests = value_list_new();
    return recorder;
}

void recorder_free(struct recorder *recorder)
{
    if (recorder != NULL) {
        buf_deinit(&recorder->unexpected);
        arena_deinit(&recorder->arena);
        (void)pthread_mutex_destroy(&recorder->lock);
        mem_free(recorder);
    }
}

/* ---- the net thread ---- */

/* Each star stands for any text; the stars before the last mismatch are never tried again, as the
 * shortest stretch for each is enough. */
static bool url_fits(struct str pattern, struct str url)
{
    size_t p = 0, u = 0, star = SIZE_MAX, from = 0;
    while (u < url.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            from = u;
        } else if (p < pattern.len && pattern.at[p] == url.at[u]) {
            p++;
            u++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            u = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* The newest that fits and is not used up. */
static struct recorded_answer *find_answer(struct recorder *recorder,
                                           const struct net_request *request)
{
    for (size_t i = recorder->answer_count; i > 0; i--) {
        struct recorded_answer *answer = &recorder->answers[i - 1];
        bool method = answer->method.len == 0 || str_eq(answer->method, request->method);
        if (method && answer->times != 0 && url_fits(answer->url, request->url)) {
            return answer;
        }
    }
    return NULL;
}

static const char *lower(struct arena *arena, struct str text)
{
    char *copy = arena_cstr(arena, text);
    for (char *c = copy; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return copy;
}

static void note_request(struct recorder *recorder, const struct net_request *request)
{
    struct arena *arena = &recorder->arena;
    struct value row = value_map_new();
    struct value headers = value_map_new();
    struct value json;
    struct str body = arena_str(arena, request->body);
    if (recorder->requests.list.count >= REQUESTS_MAX) {
        return;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        value_put_c(arena, &headers, lower(arena, request->headers[i].name),
                    value_text(arena_str(arena, request->headers[i].value)));
    }
    value_put_c(arena, &row, "method", value_text(arena_str(arena, request->method)));
    value_put_c(arena, &row, "url", value_text(arena_str(arena, request->url)));
    value_put_c(arena, &row, "headers", headers);
    value_put_c(arena, &row, "body", value_text(body));
    if (body.len > 0 && json_decode(arena, body, &json, NULL) == OK) {
        value_put_c(arena, &row, "json", json);
    }
    value_push(arena, &recorder->requests, row);
}

static void give_answer(const struct recorded_answer *answer, struct net_request *request)
{
    if (answer->fail != OK) {
        request->err = error_set(&request->error, answer->fail, "the test lets it fail");
        return;
    }
    request->status = answer->status;
    buf_append_str(&request->answer, answer->body);
    for (size_t i = 0; i < answer->headers.map.count; i++) {
        net_answer_header_add(request, answer->headers.map.entries[i].key,
                              answer->headers.map.entries[i].value.text);
    }
}

bool recorder_take(void *context, struct net_request *request)
{
    struct recorder *recorder = context;
    (void)pthread_mutex_lock(&recorder->lock);
    note_request(recorder, request);
    struct recorded_answer *answer = find_answer(recorder, request);
    if (answer == NULL && request->mail != NULL) {
        request->status = 250; /* mails are taken unless the test says otherwise */
    } else if (answer != NULL) {
        answer->times -= answer->times > 0 ? 1 : 0;
        give_answer(answer, request);
    } else {
        request->err = error_set(&request->error, ERR_NETWORK,
                                 "the test has no answer for " STR_FORMAT " " STR_FORMAT,
                                 STR_ARGS(request->method), STR_ARGS(request->url));
        if (recorder->unexpected.len == 0) {
            buf_printf(&recorder->unexpected, STR_FORMAT " " STR_FORMAT, STR_ARGS(request->method),
                       STR_ARGS(request->url));
        }
    }
    (void)pthread_mutex_unlock(&recorder->lock);
    return true;
}

/* ---- the main thread ---- */

enum err recorder_unexpected(struct recorder *recorder, struct error *error)
{
    (void)pthread_mutex_lock(&recorder->lock);
    enum err err = OK;
    if (recorder->unexpected.len > 0) {
        err = error_set(error, ERR_UNMET,
                        "the plugin asked %s, and the test has no answer for it: give one with "
                        "t.net.respond",
                        buf_cstr(&recorder->unexpected));
    }
    (void)pthread_mutex_unlock(&recorder->lock);
    return err;
}

static enum err read_fail(const struct value *given, enum err *out, struct error *error)
{
    struct str word = value_get_text(given, "fail", STR(""));
    *out = str_is(word, "timeout") ? ERR_TIMEOUT : str_is(word, "network") ? ERR_NETWORK : OK;
    return word.len == 0 || *out != OK
               ? OK
               : error_set(error, ERR_INVALID, "fail is \"timeout\" or \"network\"");
}

static enum err check_answer(const struct value *given, struct error *error)
{
    static const char *const known[] = {"status", "json", "body", "headers", "fail", "times"};
    for (size_t i = 0; i < given->map.count; i++) {
        bool found = false;
        for (size_t k = 0; k < COUNT_OF(known); k++) {
            found = found || str_is(given->map.entries[i].key, known[k]);
        }
        if (!found) {
            return error_set(
                error, ERR_INVALID,
                "an answer has status, json, body, headers, fail and times, not " STR_FORMAT,
                STR_ARGS(str_sub(given->map.entries[i].key, 0, 60)));
        }
    }
    const struct value *headers = value_get_c(given, "headers");
    for (size_t i = 0; headers != NULL && headers->kind == VALUE_MAP && i < headers->map.count;
         i++) {
        if (headers->map.entries[i].value.kind != VALUE_TEXT) {
            return error_set(error, ERR_TYPE, "headers are texts by name");
        }
    }
    return OK;
}

/* "GET https://…": the method may stand in front. */
static void split_method(struct str text, struct recorded_answer *answer)
{
    size_t space = 0;
    bool method = str_find(text, STR(" "), &space);
    answer->method = method ? str_sub(text, 0, space) : STR("");
    answer->url = method ? str_sub(text, space + 1, text.len) : text;
}

static void keep_answer(struct recorder *recorder, struct str url, const struct value *given,
                        enum err fail)
{
    struct arena *arena = &recorder->arena;
    const struct value *json = value_get_c(given, "json");
    const struct value *headers = value_get_c(given, "headers");
    struct recorded_answer *answer = &recorder->answers[recorder->answer_count++];
    split_method(arena_str(arena, url), answer);
    answer->fail = fail;
    answer->status = (int)value_get_int(given, "status", 200);
    answer->times = value_get_int(given, "times", -1);
    answer->headers = headers != NULL && headers->kind == VALUE_MAP ? value_copy(arena, headers)
                                                                    : value_map_new();
    answer->body = arena_str(arena, value_get_text(given, "body", STR("")));
    if (json != NULL) {
        struct buf text;
        buf_init(&text);
        value_write_api(&text, json);
        answer->body = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
    }
    if (json != NULL && value_get_c(&answer->headers, "content-type") == NULL) {
        value_put_c(arena, &answer->headers, "content-type", value_text(STR("application/json")));
    }
}

enum err t_net_respond(struct test *test, const struct value *args, struct value *out,
                       struct error *error)
{
    (void)out;
    struct recorder *recorder = test->world->options.recorder;
    struct str url = STR("");
    enum err fail = OK;
    struct value none = value_map_new();
    const struct value *given = t_arg(args, 1) == NULL ? &none : t_arg(args, 1);
    enum err err = t_text(args, 0, "the URL that is answered", &url, error);
    if (err == OK && given->kind != VALUE_MAP) {
        err = error_set(error, ERR_TYPE, "an answer is a table, such as { json = { ok = true } }");
    }
    err = err == OK ? check_answer(given, error) : err;
    err = err == OK ? read_fail(given, &fail, error) : err;
    if (err == OK && recorder->answer_count == ANSWERS_MAX) {
        err = error_set(error, ERR_LIMIT, "a test gives at most %d answers", ANSWERS_MAX);
    }
    if (err == OK) {
        (void)pthread_mutex_lock(&recorder->lock);
        keep_answer(recorder, url, given, fail);
        (void)pthread_mutex_unlock(&recorder->lock);
    }
    return err;
}

enum err t_net_requests(struct test *test, const struct value *args, struct value *out,
                        struct error *error)
{
    (void)args;
    (void)error;
    struct recorder *recorder = test->world->options.recorder;
    (void)pthread_mutex_lock(&recorder->lock);
    *out = value_copy(&test->world->arena, &recorder->requests);
    (void)pthread_mutex_unlock(&recorder->lock);
    return OK;
}
