/* A bar with share, rate and time left on a terminal's standard error; silence elsewhere. */
#include "internal.h"

#include <unistd.h>

#include "proxenos/base_env.h"

void cli_progress_start(struct cli_progress *progress, const char *what, bool quiet)
{
    struct env *env = env_real();
    *progress = (struct cli_progress){.what = what,
                                      .shown = !quiet && isatty(STDERR_FILENO) == 1,
                                      .started_ns = env->monotonic_ns(env)};
}

void cli_progress_show(struct cli_progress *progress, int64_t done, int64_t total)
{
    enum { WIDTH = 30 };
    if (!progress->shown || total <= 0) {
        return;
    }
    struct env *env = env_real();
    double share = (double)MIN(done, total) / (double)total;
    double seconds = (double)(env->monotonic_ns(env) - progress->started_ns) / 1e9;
    int filled = (int)(share * WIDTH);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++) {
        bar[i] = i < filled ? '#' : '-';
    }
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3d %%", progress->what, bar, (int)(share * 100));
    if (share > 0.01 && share < 1) {
        fprintf(stderr, "  %d s left  ", (int)(seconds / share - seconds + 0.5));
    } else {
        fprintf(stderr, "               ");
    }
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r%78s\r", "");
    }
}
