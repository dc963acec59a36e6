/* SHA-256's block function by the processor's own instructions (x86 SHA extensions): Debian's
 * libsodium does without, and the log's chain is a fifth of what a durable write costs. Inside base
 * only; any thread. */
#ifndef PROXENOS_BASE_SHA_HARDWARE_H
#define PROXENOS_BASE_SHA_HARDWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cheap after the first call. */
bool sha_hardware(void);
/* Takes `count` blocks of 64 bytes into the state (FIPS 180-4, a…h). Only where sha_hardware(). */
void sha_hardware_blocks(uint32_t state[8], const unsigned char *blocks, size_t count);

#endif
