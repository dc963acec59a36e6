/* Calls that this code does not make, refused by the compiler. Included before every file of ours
 * by the build. */
#ifndef PROXENOS_BASE_BANNED_H
#define PROXENOS_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fortified libcs make macros of some of them. */
#undef strncpy
#undef strncat
#undef strcat
#undef strtok
#undef sprintf
#undef vsprintf
#undef strcpy
#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atoll strtol strtoul
#pragma GCC poison strtoll strtoull gmtime localtime asctime ctime srand alloca strncat

#endif
