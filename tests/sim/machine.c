/* The machine between lives: chance, the clock, and processes that live and end. */
#include "sim.h"

#include "proxenos/base_log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_ENDED = 0, EXIT_KILLED = 42, EXIT_BROKEN = 43, EXIT_UNOPENED = 44 };
enum { REGION_BYTES = 96 << 20, NS_PER_MS = 1000000 };

static struct sim_machine *current;

/* ---- chance: SplitMix64 ---- */

uint64_t chance_next(struct chance *chance)
{
    uint64_t mixed = chance->state += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

uint64_t chance_below(struct chance *chance, uint64_t below)
{
    return chance_next(chance) % below;
}

int64_t chance_between(struct chance *chance, int64_t low, int64_t high)
{
    return low + (int64_t)chance_below(chance, (uint64_t)(high - low) + 1);
}

bool chance_one_in(struct chance *chance, uint64_t count)
{
    return chance_below(chance, count) == 0;
}

struct chance chance_fork(struct chance *chance)
{
    return (struct chance){chance_next(chance)};
}

/* ---- the machine ---- */

void *sim_shared(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(memory != MAP_FAILED);
    return memory;
}

void sim_unshare(void *memory, size_t bytes)
{
    (void)munmap(memory, bytes);
}

struct sim_machine *machine_new(uint64_t seed, int64_t start_ms)
{
    struct sim_machine *machine = sim_shared(sizeof(*machine));
    struct chance chance = {seed};
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    machine->schedule = chance_fork(&chance);
    machine->random = chance_fork(&chance);
    machine->wall_ms = start_ms;
    machine->mono_ns = INT64_C(1000) * NS_PER_MS;
    (void)snprintf(machine->folder, sizeof(machine->folder), "%s/px-sim-XXXXXX", place);
    ASSERT(mkdtemp(machine->folder) != NULL);
    for (int i = 0; i < SIM_DISK_FILES; i++) {
        machine->files[i].unsynced = sim_shared(REGION_BYTES);
    }
    return machine;
}

void machine_clean(struct sim_machine *machine)
{
    char command[160];
    (void)snprintf(command, sizeof(command), "rm -rf %s", machine->folder);
    int failed = system(command); // NOLINT: a folder of our own making
    ASSERT(failed == 0);
}

void machine_free(struct sim_machine *machine)
{
    machine_clean(machine);
    for (int i = 0; i < SIM_DISK_FILES; i++) {
        (void)munmap(machine->files[i].unsynced, REGION_BYTES);
    }
    (void)munmap(machine, sizeof(*machine));
}

void machine_trace(struct sim_machine *machine, uint64_t word)
{
    struct chance mix = {machine->trace ^ word};
    machine->trace = chance_next(&mix);
}

struct sim_machine *sim_machine(void)
{
    return current;
}

/* ---- the world outside, as the programs under test see it ---- */

static int64_t env_now_ms(struct env *env)
{
    (void)env;
    return current->wall_ms;
}

static int64_t env_monotonic_ns(struct env *env)
{
    (void)env;
    return current->mono_ns;
}

static void env_random(struct env *env, void *bytes, size_t len)
{
    (void)env;
    unsigned char *out = bytes;
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)chance_next(&current->random);
    }
}

static struct env *env_of(struct env *env, bool stepped)
{
    *env = (struct env){.now_ms = env_now_ms,
                        .monotonic_ns = env_monotonic_ns,
                        .random = env_random,
                        .stepped = stepped};
    return env;
}

struct env *sim_env(void)
{
    static struct env env;
    return env_of(&env, false);
}

struct env *sim_loop_env(void)
{
    static struct env env;
    return env_of(&env, true);
}

/* ---- lives ---- */

void life_end(void)
{
    (void)fflush(NULL);
    _exit(EXIT_ENDED);
}

void life_unopened(void)
{
    _exit(EXIT_UNOPENED);
}

void life_broken(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(current->broken, sizeof(current->broken), format, arguments);
    va_end(arguments);
    (void)fflush(NULL);
    _exit(EXIT_BROKEN);
}

static enum sim_end end_of(struct sim_machine *machine, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && machine->faults_given > 0 &&
        machine->fault == SIM_FAULT_SYNC) {
        return SIM_STOPPED;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ENDED) {
        return SIM_ENDED;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_KILLED) {
        return SIM_KILLED;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_UNOPENED) {
        return SIM_UNOPENED;
    }
    if (machine->broken[0] == '\0') {
        (void)snprintf(machine->broken, sizeof(machine->broken), "the process ended with %s %d",
                       WIFSIGNALED(status) ? "signal" : "code",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    return SIM_BROKEN;
}

enum sim_end machine_live(struct sim_machine *machine, void (*life)(void *context), void *context)
{
    int status = 0;
    machine->disk_calls = machine->commits = machine->faults_given = 0;
    machine->broken[0] = '\0';
    machine->serving = false;
    (void)fflush(NULL);
    pid_t child = fork();
    ASSERT(child >= 0);
    if (child == 0) {
        current = machine;
        (void)!log_configure(STR("off"), false, NULL); /* what flows say, thousands of times */
        life(context);
        _exit(EXIT_BROKEN);
    }
    while (waitpid(child, &status, 0) != child) {
    }
    return end_of(machine, status);
}
