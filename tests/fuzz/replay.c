/* Runs stored inputs through a fuzz harness without libFuzzer: arguments are files or folders. */
#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

#include "proxenos/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "replay: cannot open %s\n", path);
        return -1;
    }
    struct buf content;
    buf_init(&content);
    size_t count = 0;
    do {
        count = fread(buf_reserve(&content, 65536), 1, 65536, file);
        content.len += count;
    } while (count > 0);
    fclose(file);
    /* Its own allocation, so that the sanitizer sees a read past the end. */
    uint8_t *exact = mem_dup(content.at, content.len > 0 ? content.len : 1);
    LLVMFuzzerTestOneInput(exact, content.len);
    mem_free(exact);
    buf_deinit(&content);
    return 1;
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        fprintf(stderr, "replay: cannot open %s\n", path);
        return -1;
    }
    int total = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        int count = replay_file(name);
        if (count < 0) {
            total = -1;
            break;
        }
        total += count;
    }
    closedir(folder);
    return total;
}

int main(int count, char **arguments)
{
    int total = 0;
    for (int i = 1; i < count; i++) {
        struct stat status;
        bool folder = stat(arguments[i], &status) == 0 && S_ISDIR(status.st_mode);
        int replayed = folder ? replay_folder(arguments[i]) : replay_file(arguments[i]);
        if (replayed < 0) {
            return 1;
        }
        total += replayed;
    }
    printf("%d inputs\n", total);
    return total > 0 ? 0 : 1; /* a corpus that is not there must not pass */
}
