/* libsodium's start, needed before any of its calls on any thread. Inside base only. */
#ifndef PROXENOS_BASE_SODIUM_START_H
#define PROXENOS_BASE_SODIUM_START_H

/* Cheap after the first call; aborts if libsodium cannot start. */
void sodium_start(void);

#endif
