/* Shared between the two halves of bundles: the tar and the folders. */
#ifndef PROXENOS_PLUGIN_BUNDLE_INTERNAL_H
#define PROXENOS_PLUGIN_BUNDLE_INTERNAL_H

#include "proxenos/plugin_bundle.h"

#include <string.h>

enum err bundle_name_check(struct str name, struct error *error) MUST_CHECK;
/* By name; ERR_INVALID when one comes twice, or is a file and a folder. */
enum err bundle_sort(struct bundle *bundle, struct error *error) MUST_CHECK;

#endif
