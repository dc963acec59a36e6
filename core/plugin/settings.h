/* A plugin's settings (settings.c). Pure; any thread. */
#ifndef PROXENOS_PLUGIN_SETTINGS_H
#define PROXENOS_PLUGIN_SETTINGS_H

#include "internal.h"

/* The manifest's declarations: { { "months", "integer", default = 24, min = 1 } }. ERR_MANIFEST
 * with the place. */
enum err settings_check(const struct value *config, struct error *error) MUST_CHECK;
/* Only names that the manifest declares; ERR_CONFIG with the nearest. given may be NULL. */
enum err settings_names(const struct manifest *manifest, const struct value *given,
                        struct arena *arena, struct error *error) MUST_CHECK;
/* Defaults, and over them what `given` ({ name = value }, may be NULL) says; ERR_CONFIG names the
 * wrong one. The map lives in arena and borrows from both. */
enum err settings_values(struct arena *arena, const struct manifest *manifest,
                         const struct value *given, struct value *out_config,
                         struct error *error) MUST_CHECK;

#endif
