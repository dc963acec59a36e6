/* Shared inside core/base/media. */
#ifndef PROXENOS_BASE_MEDIA_INTERNAL_H
#define PROXENOS_BASE_MEDIA_INTERNAL_H

#include "proxenos/base_media.h"

/* Does a ZIP have what the kind wants in it, and no macros? ERR_FILE_TYPE. */
enum err zip_check(const struct media_kind *kind, const struct media_source *source,
                   struct error *error) MUST_CHECK;

#endif
