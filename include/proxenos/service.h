/* The service: everything below it, built in layer order and stopped in reverse. */
#ifndef PROXENOS_SERVICE_H
#define PROXENOS_SERVICE_H

#include "proxenos/base_value.h"

struct service;

struct service_options {
    const char *folder;      /* data */
    const char *listen_host; /* NULL: only the Unix socket */
    int listen_port;
    const char *tls_certificate, *tls_key; /* NULL: none */
    const char *const *plugin_folders;
    int plugin_folder_count;
    const struct str *enable;
    int enable_count;
    const struct str *disable;
    int disable_count;
    const struct value *plugin_config; /* { plugin = { name = value } }; may be NULL */
    unsigned node;
    int executors, readers;
    bool signals;  /* SIGTERM and SIGINT stop it, SIGHUP reloads TLS */
    bool terminal; /* the first password goes to standard output, else to DATA/initial-password */
};
/* Builds everything and listens. The calling thread then runs it. */
enum err service_open(const struct service_options *options, struct service **out_service,
                      struct error *error) MUST_CHECK;
void service_run(struct service *service);   /* until service_stop; returns when all is finished and
                                                closed inside the loop */
void service_stop(struct service *service);  /* any thread */
void service_close(struct service *service); /* NULL is fine */
int service_port(const struct service *service); /* the port listened on; 0: none */

#endif
