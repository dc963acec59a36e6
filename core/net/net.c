/* The net thread: takes requests from any thread, gives each a connection when its host, its caller
 * and all together have one to spare, runs them by curl's multi handle, and sends the answers back.
 *
 *   net_send ─▶ posted ─▶ waiting ─▶ running ─▶ ended ─▶ done, on the thread of `reply`
 *
 * curl_multi_wakeup is the bell; there is no other way in. */
#include "internal.h"

#include "proxenos/base_crypto.h"

enum { POLL_MS = 1000, DRAIN_POLL_MS = 20, CALLERS_MAX = 1000, NS_PER_MS = 1000000 };

static int64_t now_ms(const struct net *net)
{
    return net->env->monotonic_ns(net->env) / NS_PER_MS;
}

/* ---- callers and their counts; under mutex ---- */

/* Callers past the limit are counted together. */
static struct caller *caller_of(struct net *net, struct str who)
{
    struct caller *caller = map_get(&net->callers, who);
    if (caller == NULL) {
        who = net->callers.count < CALLERS_MAX ? who : STR("");
        caller = map_get(&net->callers, who);
    }
    if (caller == NULL) {
        caller = mem_zalloc(sizeof(*caller));
        (void)map_set(&net->callers, who, caller);
    }
    return caller;
}

static void count(struct net_counts *counts, const struct net_request *request)
{
    counts->requests++;
    counts->failed += request->err != OK ? 1 : 0;
    counts->refused += request->err == ERR_ADDRESS || request->err == ERR_CAPABILITY ? 1 : 0;
    counts->sent_bytes += request->sent_bytes;
    counts->answer_bytes += request->answer_bytes;
}

void net_counts(struct net *net, struct str who, struct net_counts *out_counts)
{
    (void)pthread_mutex_lock(&net->mutex);
    const struct caller *caller = who.len == 0 ? &net->all : map_get(&net->callers, who);
    *out_counts = (struct net_counts){0};
    if (caller != NULL) {
        *out_counts = caller->counts;
        out_counts->under_way = caller->under_way;
        out_counts->waiting = caller->waiting;
    }
    (void)pthread_mutex_unlock(&net->mutex);
}

/* ---- the ends of a request ---- */

static void deliver(struct message *message)
{
    struct net_request *request = CONTAINER_OF(message, struct net_request, message);
    request->done(request);
}

/* Hands the request back. It was taken out of all lists and counts before. */
static void end(struct net *net, struct net_request *request, enum err err,
                const struct error *error)
{
    request->err = err;
    if (err != OK) {
        request->error = *error;
        request->error.next = NULL;
    }
    if (request->transfer != NULL) {
        transfer_free(request->transfer);
        request->transfer = NULL;
    }
    if (net->ended != NULL) {
        net->ended(net->ended_context, request);
    }
    struct mailbox *reply = request->reply;
    (void)pthread_mutex_lock(&net->mutex);
    count(&caller_of(net, request->who)->counts, request);
    count(&net->all.counts, request);
    request->state = REQUEST_ENDED;
    (void)pthread_mutex_unlock(&net->mutex);
    request->message.deliver = deliver;
    mailbox_post(reply, &request->message);
    atomic_fetch_sub(&net->going, 1); /* behind the post: none is on its way unseen */
}

int64_t net_going(struct net *net)
{
    return atomic_load(&net->going);
}

static void end_with(struct net *net, struct net_request *request, enum err err,
                     const char *sentence)
{
    struct error error = {0};
    (void)error_set(&error, err, "%s", sentence);
    end(net, request, err, &error);
}

void net_request_deinit(struct net_request *request)
{
    buf_deinit(&request->answer);
    arena_deinit(&request->arena);
    request->answer_headers = NULL;
    request->answer_header_count = 0;
}

/* ---- any thread ---- */

static void reset_outcome(struct net_request *request)
{
    net_request_deinit(request);
    buf_init(&request->answer);
    arena_init(&request->arena);
    request->err = OK;
    request->error = (struct error){0};
    request->status = 0;
    request->address[0] = request->origin[0] = '\0';
    request->took_ms = 0;
    request->sent_bytes = request->answer_bytes = 0;
    request->mail_step = NET_MAIL_HELLO;
    request->cancelled = false;
    request->transfer = NULL;
}

void net_send(struct net *net, struct net_request *request)
{
    ASSERT(request->done != NULL && request->reply != NULL);
    reset_outcome(request);
    atomic_fetch_add(&net->going, 1);
    (void)pthread_mutex_lock(&net->mutex);
    if (net->closing) {
        (void)pthread_mutex_unlock(&net->mutex);
        end_with(net, request, ERR_STOPPING, "the service is stopping");
        return;
    }
    request->state = REQUEST_POSTED;
    list_node_init(&request->node);
    list_push(&net->posted, &request->node);
    net->posted_count++;
    (void)pthread_mutex_unlock(&net->mutex);
    (void)curl_multi_wakeup(net->multi);
}

void net_cancel(struct net *net, struct net_request *request)
{
    (void)pthread_mutex_lock(&net->mutex);
    if (request->state != REQUEST_ENDED) {
        request->cancelled = true;
        net->cancels = true;
    }
    (void)pthread_mutex_unlock(&net->mutex);
    (void)curl_multi_wakeup(net->multi);
}

/* ---- the queue ---- */

static void move_waiting(struct net *net, struct transfer *transfer, int by)
{
    (void)pthread_mutex_lock(&net->mutex);
    net->waiting_count += by;
    net->all.waiting += by;
    transfer->caller->waiting += by;
    (void)pthread_mutex_unlock(&net->mutex);
}

static void move_running(struct net *net, struct transfer *transfer, int by)
{
    net->running_count += by;
    intptr_t of_host = (intptr_t)map_get(&net->hosts, str_from(transfer->key)) + by;
    if (of_host == 0) {
        (void)map_remove(&net->hosts, str_from(transfer->key));
    } else {
        (void)map_set(&net->hosts, str_from(transfer->key), (void *)of_host);
    }
    (void)pthread_mutex_lock(&net->mutex);
    net->all.under_way += by;
    transfer->caller->under_way += by;
    (void)pthread_mutex_unlock(&net->mutex);
}

/* A new request: checked at once, so that a wrong one does not wait for its turn to be told. */
static void admit(struct net *net, struct net_request *request)
{
    struct error error = {0};
    enum err err = transfer_new(net, request, &error);
    if (err != OK) {
        end(net, request, err, &error);
        return;
    }
    if (net->recorded != NULL && net->recorded(net->recorded_context, request)) {
        error = request->error;
        request->answer_bytes = request->answer.len;
        request->sent_bytes = request->body.len;
        end(net, request, request->err, &error);
        return;
    }
    if (net->waiting_count >= NET_WAITING_MAX) {
        end_with(net, request, ERR_BUSY, "too many outgoing requests wait already");
        return;
    }
    (void)pthread_mutex_lock(&net->mutex);
    request->transfer->caller = caller_of(net, request->who);
    request->state = REQUEST_WAITING;
    (void)pthread_mutex_unlock(&net->mutex);
    move_waiting(net, request->transfer, 1);
    list_push(&net->waiting, &request->node);
}

static void end_early(struct net *net, struct net_request *request)
{
    if (request->cancelled) {
        end_with(net, request, ERR_CANCELLED, "the request was cancelled");
    } else {
        end_with(net, request, ERR_STOPPING, "the service is stopping");
    }
}

static void take_posted(struct net *net)
{
    for (;;) {
        (void)pthread_mutex_lock(&net->mutex);
        struct list_node *node = list_pop(&net->posted);
        net->posted_count -= node != NULL ? 1 : 0;
        bool closing = net->closing;
        (void)pthread_mutex_unlock(&net->mutex);
        if (node == NULL) {
            return;
        }
        struct net_request *request = CONTAINER_OF(node, struct net_request, node);
        if (closing || request->cancelled) {
            end_early(net, request);
        } else {
            admit(net, request);
        }
    }
}

static bool has_room(struct net *net, const struct transfer *transfer)
{
    return net->running_count < NET_UNDER_WAY_MAX &&
           (intptr_t)map_get(&net->hosts, str_from(transfer->key)) < NET_PER_HOST_MAX &&
           transfer->caller->under_way < NET_PER_WHO_MAX;
}

static void leave_running(struct net *net, struct net_request *request)
{
    list_remove(&request->node);
    move_running(net, request->transfer, -1);
    (void)curl_multi_remove_handle(net->multi, request->transfer->easy);
    request->took_ms = now_ms(net) - request->transfer->started_ms;
}

/* Moves it from waiting to running. */
static void start(struct net *net, struct net_request *request)
{
    struct error error = {0};
    struct transfer *transfer = request->transfer;
    enum err err = transfer_start(transfer, now_ms(net), &error);
    if (err != OK) {
        end(net, request, err, &error);
        return;
    }
    move_running(net, transfer, 1);
    list_push(&net->running, &request->node);
    (void)pthread_mutex_lock(&net->mutex);
    request->state = REQUEST_RUNNING;
    (void)pthread_mutex_unlock(&net->mutex);
    CURLMcode code = curl_multi_add_handle(net->multi, transfer->easy);
    if (code != CURLM_OK) {
        leave_running(net, request);
        end_with(net, request, ERR_NETWORK, curl_multi_strerror(code));
    }
}

static void start_waiting(struct net *net)
{
    int64_t now = now_ms(net);
    list_foreach (node, &net->waiting) {
        struct net_request *request = CONTAINER_OF(node, struct net_request, node);
        bool late = now >= request->transfer->deadline_ms;
        if (!late && !has_room(net, request->transfer)) {
            continue;
        }
        list_remove(node);
        move_waiting(net, request->transfer, -1);
        if (late) {
            end_with(net, request, ERR_TIMEOUT,
                     "the request waited for a connection until its time was over");
        } else {
            start(net, request);
        }
    }
}

/* ---- what curl tells ---- */

static void finish(struct net *net, struct net_request *request, CURLcode code)
{
    struct error error = {0};
    bool again = false;
    leave_running(net, request);
    enum err err = transfer_result(request->transfer, code, &again, &error);
    if (err == OK && again) {
        move_waiting(net, request->transfer, 1);
        (void)pthread_mutex_lock(&net->mutex);
        request->state = REQUEST_WAITING;
        (void)pthread_mutex_unlock(&net->mutex);
        list_push_front(&net->waiting, &request->node);
        return;
    }
    end(net, request, err, &error);
}

static void take_results(struct net *net)
{
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(net->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        char *private = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish(net, (struct net_request *)(void *)private, code);
    }
}

/* Ends what is marked as cancelled, or all. */
static void end_waiting(struct net *net, bool all)
{
    list_foreach (node, &net->waiting) {
        struct net_request *request = CONTAINER_OF(node, struct net_request, node);
        if (all || request->cancelled) {
            list_remove(node);
            move_waiting(net, request->transfer, -1);
            end_early(net, request);
        }
    }
}

static void end_running(struct net *net, bool all)
{
    list_foreach (node, &net->running) {
        struct net_request *request = CONTAINER_OF(node, struct net_request, node);
        if (all || request->cancelled) {
            leave_running(net, request);
            end_early(net, request);
        }
    }
}

static void run(void *context)
{
    struct net *net = context;
    for (;;) {
        (void)pthread_mutex_lock(&net->mutex);
        bool closing = net->closing;
        bool cancels = net->cancels;
        int64_t until_ms = net->drain_until_ms;
        net->cancels = false;
        (void)pthread_mutex_unlock(&net->mutex);
        take_posted(net);
        if (closing || cancels) {
            end_waiting(net, closing);
            end_running(net, closing && now_ms(net) >= until_ms);
        }
        if (closing && list_empty(&net->running) && list_empty(&net->waiting)) {
            return;
        }
        int running = 0;
        start_waiting(net);
        (void)curl_multi_perform(net->multi, &running);
        take_results(net);
        start_waiting(net);
        (void)curl_multi_poll(net->multi, NULL, 0, closing ? DRAIN_POLL_MS : POLL_MS, NULL);
    }
}

/* ---- open and close ---- */

static char *copy_text(struct str text)
{
    char *copy = mem_alloc(text.len + 1);
    snprintf(copy, text.len + 1, STR_FORMAT, STR_ARGS(text));
    return copy;
}

enum err net_open(const struct net_options *options, struct net **out_net, struct error *error)
{
    struct guard guard;
    enum err err = guard_init(&guard, options->allow, options->allow_count, error);
    if (err != OK) {
        return err;
    }
    CURLM *multi = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? curl_multi_init() : NULL;
    if (multi == NULL) {
        guard_deinit(&guard);
        return error_set(error, ERR_NETWORK, "libcurl cannot start");
    }
    struct net *net = mem_zalloc(sizeof(*net));
    *net = (struct net){.env = options->env,
                        .guard = guard,
                        .multi = multi,
                        .recorded = options->recorded,
                        .recorded_context = options->recorded_context,
                        .ended = options->ended,
                        .ended_context = options->ended_context};
    if (options->ca_file != NULL) {
        net->ca_file = mem_dup(options->ca_file, strlen(options->ca_file) + 1);
    }
    if (options->proxy.len > 0) {
        net->proxy = copy_text(options->proxy);
        net->proxy_user = copy_text(options->proxy_user);
        net->proxy_password = copy_text(options->proxy_password);
    }
    (void)pthread_mutex_init(&net->mutex, NULL);
    list_init(&net->posted);
    list_init(&net->waiting);
    list_init(&net->running);
    map_init(&net->callers);
    map_init(&net->hosts);
    err = thread_start("net", run, net, &net->thread, error);
    if (err != OK) {
        net_close(net);
        return err;
    }
    *out_net = net;
    return OK;
}

void net_drain(struct net *net, int grace_ms)
{
    (void)pthread_mutex_lock(&net->mutex);
    net->drain_until_ms = now_ms(net) + grace_ms;
    net->closing = true;
    (void)pthread_mutex_unlock(&net->mutex);
    (void)curl_multi_wakeup(net->multi);
}

void net_stop(struct net *net)
{
    if (net == NULL) {
        return;
    }
    net_drain(net, 0);
    thread_join(net->thread);
    net->thread = NULL;
    take_posted(net); /* what came while the thread ended */
}

void net_close(struct net *net)
{
    if (net == NULL) {
        return;
    }
    net_stop(net);
    (void)curl_multi_cleanup(net->multi);
    struct caller *caller = NULL;
    struct str name;
    for (size_t i = 0; map_next(&net->callers, &i, &name, (void **)&caller);) {
        mem_free(caller);
    }
    map_deinit(&net->callers);
    map_deinit(&net->hosts);
    guard_deinit(&net->guard);
    mem_free(net->ca_file);
    mem_free(net->proxy);
    mem_free(net->proxy_user);
    if (net->proxy_password != NULL) {
        crypto_wipe(net->proxy_password, strlen(net->proxy_password));
    }
    mem_free(net->proxy_password);
    (void)pthread_mutex_destroy(&net->mutex);
    mem_free(net);
}

bool net_url_allowed(const struct net *net, struct str text)
{
    struct url url;
    return url_parse(text, &url, NULL) == OK && guard_names(&net->guard, &url);
}
