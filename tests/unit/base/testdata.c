/* Reading the test data folder; see testdata.h. */
#include "testdata.h"

static FILE *open_file(const char *path)
{
    const char *folder = getenv("PROXENOS_TEST_DATA");
    char name[4096];
    if (folder != NULL) {
        (void)snprintf(name, sizeof(name), "%s/%s", folder, path);
    } else {
        (void)snprintf(name, sizeof(name), "%s/../shared/data/%s", TEST_SOURCE_DIR, path);
    }
    return fopen(name, "rb");
}

bool testdata_read(struct buf *out, const char *path)
{
    FILE *file = open_file(path);
    if (file == NULL) {
        return false;
    }
    buf_init(out);
    char block[4096];
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;) {
        buf_append(out, block, got);
    }
    (void)fclose(file);
    return true;
}
