/* The service: everything below it, built in layer order and stopped in reverse. */
#ifndef PROXENOS_SERVICE_H
#define PROXENOS_SERVICE_H

#include "proxenos/base_value.h"

struct service;
struct lua_host;
struct net_request;

struct file_limits;

struct service_options {
    const char *folder;                    /* data */
    const char *listen_host;               /* NULL: only the Unix socket */
    const char *tls_certificate, *tls_key; /* NULL: none */
    const char *const *plugin_folders;
    const struct str *enable;
    const struct str *disable;
    int listen_port;
    int plugin_folder_count, enable_count, disable_count;
    const struct value *plugin_config; /* { plugin = { name = value } }; may be NULL */
    const struct str *outgoing_allow;  /* net_options.allow */
    const char *outgoing_ca;           /* NULL: the system's */
    struct str outgoing_proxy, outgoing_proxy_user, outgoing_proxy_password; /* may be empty */
    struct str smtp_url, smtp_user, smtp_password, mail_from; /* as outbox_options has them */
    const struct str *webhook_schedule; /* waits between attempts; NULL: the usual */
    int outgoing_allow_count, webhook_schedule_count;
    int64_t webhook_timeout_ms, webhook_disable_after_ms; /* 0: the usual */
    int64_t flow_keep_journal_ms, flow_keep_run_ms;       /* of runs that ended; 0: the usual */
    const struct file_limits *files;                      /* store_file.h; NULL: the usual */
    unsigned node;
    int executors, readers;
    bool smtp_plain; /* as outbox_options has it */
    bool safe;       /* only plugins that came with the program, no automations */
    bool signals;    /* SIGTERM and SIGINT stop it, SIGHUP reloads TLS */
    bool terminal;   /* the first password goes to standard output, else to DATA/initial-password */
    /* ---- for the workshop's tests ---- */
    struct env *env; /* NULL: the real one */
    bool prepare;    /* as plugins_options has it */
    bool flow_cut;   /* as bind_options has it */
    void (*line)(void *context, struct lua_host *host, const char *chunk, int line);
    void (*committed)(void *context, int64_t seq); /* as store_options has it */
    void *context;                                 /* of these two */
    /* As net_options has it; its own context. */
    bool (*recorded)(void *context, struct net_request *request);
    void *recorded_context;
};
/* Builds everything and listens. The calling thread then runs it. */
enum err service_open(const struct service_options *options, struct service **out_service,
                      struct error *error) MUST_CHECK;
void service_run(struct service *service);   /* until service_stop; returns when all is finished and
                                                closed inside the loop */
void service_stop(struct service *service);  /* any thread */
void service_close(struct service *service); /* NULL is fine */
int service_port(const struct service *service); /* the port listened on; 0: none */

/* For whoever drives a service from outside by a clock of its own: it posts messages to the loop,
 * and touches nothing but what these modules allow any thread. */
struct service_parts {
    struct loop *loop;
    struct store *store;
    struct auth *auth;
    struct plugins *plugins;
    struct flows *flows;
    struct net *net;
};
struct service_parts service_parts(const struct service *service);

/* A service on a thread of its own, for the time of a command or a test. It is up, reachable at its
 * socket, when open returns; closing stops it orderly. The owner's thread. */
struct service_thread;
enum err service_thread_open(const struct service_options *options, struct service_thread **out,
                             struct error *error) MUST_CHECK;
void service_thread_close(struct service_thread *thread); /* NULL is fine */
struct service *service_thread_service(const struct service_thread *thread);

#endif
