/* Settings: a flag wins over the environment (PROXENOS_…), that over proxenos.lua in the data
 * folder, that over the default. */
#ifndef PROXENOS_SERVICE_CONFIG_H
#define PROXENOS_SERVICE_CONFIG_H

#include "proxenos/base_value.h"

enum setting {
    SET_LISTEN,
    SET_PLUGINS,
    SET_ENABLE,
    SET_DISABLE,
    SET_TLS_CERTIFICATE,
    SET_TLS_KEY,
    SET_INSECURE,
    SET_SAFE,
    SET_LOG,
    SET_LOG_JSON,
    SET_NODE,
    SET_EXECUTORS,
    SET_READERS,
    SET_OUTGOING_ALLOW,
    SET_OUTGOING_CA,
    SET_OUTGOING_PROXY,
    SET_OUTGOING_PROXY_USER,
    SET_OUTGOING_PROXY_PASSWORD_FILE,
    SET_SMTP_URL,
    SET_SMTP_USER,
    SET_SMTP_PASSWORD_FILE,
    SET_SMTP_PLAIN,
    SET_MAIL_FROM,
    SET_WEBHOOK_SCHEDULE,
    SET_WEBHOOK_TIMEOUT,
    SET_WEBHOOK_DISABLE_AFTER,
    SET_FLOW_KEEP_JOURNAL,
    SET_FLOW_KEEP_RUN,
    SET_FILE_MAX_MB,
    SET_FILE_QUOTA_MB,
    SET_FILE_TYPES,
    SET_FILE_KEEP,
    SET_FILES_PER_RECORD,
    SET_COUNT
};

struct config {
    struct arena arena;
    struct value values[SET_COUNT]; /* text, bool, int, or a list of text */
    const char *from[SET_COUNT];    /* "default", "--listen", "PROXENOS_LISTEN", "proxenos.lua" */
    struct value plugins;           /* proxenos.lua's `config`: { plugin = { name = value } } */
};

void config_init(struct config *config);
void config_deinit(struct config *config);
/* Reads proxenos.lua (if there) and the environment, then the flags of `serve`. ERR_CONFIG names
 * the place. */
enum err config_load(struct config *config, const char *folder, int count, char **flags,
                     struct error *error) MUST_CHECK;
struct str config_text(const struct config *config, enum setting setting);
bool config_bool(const struct config *config, enum setting setting);
int64_t config_int(const struct config *config, enum setting setting);
/* [{name, value, from}] as JSON. */
void config_write(const struct config *config, struct buf *out);

#endif
