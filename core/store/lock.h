/* One opener per data folder (contract 10). */
#ifndef PROXENOS_STORE_LOCK_H
#define PROXENOS_STORE_LOCK_H

#include "proxenos/base.h"

/* Takes folder/LOCK until folder_unlock or the end of the process. ERR_LOCKED names the holder's
 * process id; ERR_IO. */
enum err folder_lock(const char *folder, int *out_fd, struct error *error) MUST_CHECK;
void folder_unlock(int fd); /* -1 is fine */

#endif
