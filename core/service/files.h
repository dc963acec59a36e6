/* What the settings say of files. Start-up; main thread. */
#ifndef PROXENOS_SERVICE_FILES_H
#define PROXENOS_SERVICE_FILES_H

#include "config.h"
#include "proxenos/store_file.h"

/* All but the grace. ERR_CONFIG names a kind of files that there is not. */
enum err service_file_limits(const struct config *config, struct file_limits *limits,
                             struct error *error) MUST_CHECK;

#endif
