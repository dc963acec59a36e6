/* The command line: a thin client of the API over the Unix socket in the data folder; when no
 * service runs there, one is started inside this process for the time of the command. Main thread.
 */
#ifndef PROXENOS_CLI_H
#define PROXENOS_CLI_H

#include "proxenos/base.h"

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* the service refused, or something failed: the sentence says what */
    CLI_USAGE = 2,       /* the command's words are wrong */
    CLI_INCOMPLETE = 3,  /* done, but not all: rows of an import failed */
    CLI_UNREACHABLE = 4, /* the service does not answer, or the data folder is locked */
};

/* What is asked of the workshop (`plugin test` …). */
enum cli_workshop_word {
    CLI_PLUGIN_TEST,
    CLI_PLUGIN_NEW,
    CLI_PLUGIN_DEV,
    CLI_PLUGIN_CHECK,
    CLI_PLUGIN_PACK,
    CLI_PLUGIN_STAGE, /* serves a plugin from a throw-away store while `served` runs */
};
struct cli_workshop {
    enum cli_workshop_word word;
    const char *name;           /* of a new plugin */
    const char *folder;         /* the plugin's; of a new one: where it is made */
    const char *output;         /* folder for the packed file; NULL: here */
    const char *plugins_folder; /* NULL: the installed ones */
    const char *filter;         /* NULL: none */
    uint64_t seed;
    int port; /* of `plugin dev`; 0: any */
    bool chaos, coverage, json, strict;
    int points, sample; /* of chaos: at most so many crashes in one test of so many; 0: all */
    /* Of CLI_PLUGIN_STAGE: the plugin's name and where its service is reached; the exit code. */
    int (*served)(void *context, const char *name, const char *socket);
    void *context;
};

/* What the CLI needs of the layers above it, given by service/main.c. */
struct cli_hooks {
    /* A service inside this process on `folder`, reachable at its socket when this returns. */
    enum err (*embed)(void *context, const char *folder, const char *plugins_folder,
                      struct error *error);
    void (*release)(void *context); /* stops it orderly */
    /* `proxenos serve …` with the arguments behind the word. */
    int (*serve)(void *context, int count, char **arguments);
    /* The effective configuration with where each value comes from, as JSON; ERR_CONFIG names file
     * and line. */
    enum err (*configuration)(void *context, const char *folder, struct buf *out_json,
                              struct error *error);
    int (*workshop)(void *context, const struct cli_workshop *asked);
    void *context;
};

/* Runs one command; its exit code. */
int cli_main(int count, char **arguments, const struct cli_hooks *hooks);

#endif
