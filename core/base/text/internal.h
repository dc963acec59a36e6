/* Shared inside base/text. Any thread. */
#ifndef BASE_TEXT_INTERNAL_H
#define BASE_TEXT_INTERNAL_H

#include <unicode/unorm2.h>

#include "proxenos/base_text.h"

#include "../icu.h"

/* The text in a normal form, in the arena. */
struct icu_text icu_normalise(struct arena *arena, const UNormalizer2 *form, struct icu_text text);

#endif
