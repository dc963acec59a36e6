/* The plugin author's workshop: makes, checks, tests and packs plugins. Main thread of a process
 * that does nothing else. */
#ifndef PROXENOS_WORKSHOP_H
#define PROXENOS_WORKSHOP_H

#include "proxenos/base.h"

struct workshop_test {
    const char *folder;         /* of the plugin */
    const char *plugins_folder; /* where those are that it requires; NULL: only beside it */
    const char *filter;         /* part of a test's name; NULL: all */
    uint64_t seed;
    bool chaos;    /* runs each test again with a crash after each commit */
    int points;    /* at most so many crashes per test, spread by the seed; 0: behind each commit */
    int sample;    /* crashes in one test of so many; 0: in each */
    bool coverage; /* tells which lines ran */
    bool json;     /* the coverage as JSON, behind the TAP */
};
/* Runs the tests of a plugin, TAP 14 on standard output. 0: all passed; 1: not; ERR text on
 * standard error when it cannot begin. */
int workshop_test(const struct workshop_test *asked);

struct workshop_new {
    const char *name;
    const char *folder; /* where the plugin's own is made */
};
/* Makes a plugin that works, with one test that fails. 0 or 1. */
int workshop_new(const struct workshop_new *asked);

struct workshop_check {
    const char *folder, *plugins_folder; /* as above */
    bool strict;                         /* warnings count, too */
    bool json;
};
/* Looks for mistakes without running anything. 0: none; 1: some. */
int workshop_check(const struct workshop_check *asked);

struct workshop_dev {
    const char *folder, *plugins_folder; /* as above */
    int port;                            /* 0: any free one */
};
/* Serves the plugin from a throw-away store, reloads it on each save and runs its tests again;
 * until SIGINT. 0; 1: it could not begin. */
int workshop_dev(const struct workshop_dev *asked);

struct workshop_stage {
    const char *folder, *plugins_folder; /* as above; or a packed file */
    /* The plugin runs; its service is reached at the socket. What it returns is the exit code. */
    int (*served)(void *context, const char *name, const char *socket);
    void *context;
};
/* Serves the plugin from a throw-away store as long as `served` runs. Its code; 1: it could not
 * begin, which is said on standard error. */
int workshop_stage(const struct workshop_stage *asked);

struct workshop_pack {
    const char *folder, *plugins_folder;
    const char *output; /* folder for the file; NULL: here */
};
/* Makes NAME-VERSION.pxp of a plugin without errors. 0 or 1. */
int workshop_pack(const struct workshop_pack *asked);

#endif
