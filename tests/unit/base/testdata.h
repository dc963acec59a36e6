/* Real test data for the units of base: the folder named by PROXENOS_TEST_DATA, else ../shared/data
 * beside the source tree. A test that finds nothing there skips itself and so is counted. */
#ifndef TESTDATA_H
#define TESTDATA_H

#include "proxenos/base.h"

/* Reads a file of the data folder into `out` (initialised here, deinit by the caller when true);
 * false when there is no such file. */
bool testdata_read(struct buf *out, const char *path);

#endif
