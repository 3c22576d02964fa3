/* Members of gangs that the tests evict.  They mine nothing and contact nobody: each only burns CPU, niced, and ends
 * with GANG_UNTIL (seconds since the epoch, at most three minutes away), after as much CPU time, or at GANG_STOP.
 *
 * Compiled once per member, with -DROLE=name and the paths it knows. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_SECONDS 180
#define MINER_SLOT 2

static void over(int number)
{
    (void)number;
    _exit(0);
}

static void limit(void)
{
    const char *until = getenv("GANG_UNTIL"), *stop = getenv("GANG_STOP");
    long left = until ? atol(until) - (long)time(NULL) : 0;
    if (left <= 0 || left > MOST_SECONDS || !stop || access(stop, F_OK) == 0)
        _exit(0);
    struct rlimit cpu = {left + 1, left + 1};
    setrlimit(RLIMIT_CPU, &cpu);
    setpriority(PRIO_PROCESS, 0, 5);
    signal(SIGALRM, over); /* the first process of a container ends of no signal that it does not ask for */
    alarm(left);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void burn(double seconds)
{
    volatile double sum = 0;
    for (double until = now() + seconds; now() < until;)
        for (int i = 1; i < 20000; i++)
            sum += 1.0 / i;
}

/* What a container is for that a gang broke into. */

void idle(char **argv)
{
    (void)argv;
    for (;;)
        pause();
}

/* The miners. */

void miner(char **argv)
{
    (void)argv;
    for (;;)
        burn(1);
}

void deleted(char **argv)
{
    unlink(argv[0]);
    miner(argv);
}

void renewing(char **argv)
{
    (void)argv;
    for (;;) {
        burn(0.02);
        pid_t child = fork();
        if (child > 0)
            _exit(0);
        if (child == 0)
            limit();
    }
}

void workers(char **argv)
{
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            limit();
            miner(argv);
        }
    while (wait(NULL) > 0)
        ;
}

/* The guardians.  MINER and OTHER are paths; ARGUMENTS is what the miner is given.  With -DVEILED the paths are written
 * backwards, so that the program's file does not name them, and the programs are kept open, so that they can be started
 * when their files are gone. */
#ifdef MINER

static char *known(const char *path)
{
    char *found = strdup(path);
#ifdef VEILED
    for (size_t i = 0, length = strlen(path); i < length; i++)
        found[i] = path[length - 1 - i];
#endif
    return found;
}

/* The program in a slot, open; handed on to whatever is started. */
static int held(int slot, const char *path)
{
    int number = 100 + slot;
    if (fcntl(number, F_GETFD) < 0) {
        int file = open(path, O_PATH);
        dup2(file, number);
        close(file);
    }
    return number;
}

static void become(int slot, const char *path)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    char *mining[] = {(char *)path, ARGUMENTS NULL}, *guarding[] = {(char *)path, NULL};
    char **arguments = slot == MINER_SLOT ? mining : guarding;
#ifdef VEILED
    execveat(held(slot, path), "", arguments, environ, AT_EMPTY_PATH);
#else
    execv(path, arguments);
#endif
    _exit(1);
}

/* Starts it again the moment the kernel tells that it has ended. */
void waiting(char **argv)
{
    (void)argv;
    const char *path = known(MINER);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    for (;;) {
        limit();
        pid_t pid = fork();
        if (pid == 0)
            become(MINER_SLOT, path);
        while (waitpid(pid, NULL, WNOHANG) == 0)
            sigwaitinfo(&child, NULL);
    }
}

#ifdef OTHER
/* Two of these watch each other and the miner: the three pids are in the file STATE, each slot locked by who fills it. */
static int gone(int pid)
{
    if (pid <= 0 || kill(pid, 0))
        return 1;
    /* Killed, and its first process has not waited for it yet. */
    char path[32], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    close(file);
    char *name = length > 0 ? strrchr(text, ')') : NULL;
    return !name || name[2] == 'Z';
}

static void keep(int state, volatile int *pids, int slot, const char *path)
{
    if (!gone(pids[slot]))
        return;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1};
    if (fcntl(state, F_SETLK, &lock))
        return;
    if (gone(pids[slot])) {
        /* Nobody's child: what is started is adopted by the first process. */
        pid_t between = vfork();
        if (between == 0) {
            pid_t pid = vfork();
            if (pid == 0)
                become(slot, path);
            pids[slot] = pid;
            _exit(0);
        }
        waitpid(between, NULL, 0);
    }
    lock.l_type = F_UNLCK;
    fcntl(state, F_SETLK, &lock);
}

void watching(char **argv)
{
    (void)argv;
    int state = open(known(STATE), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state < 0 || ftruncate(state, 3 * sizeof(int)))
        _exit(1);
    volatile int *pids = mmap(NULL, 3 * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, state, 0);
    const char *miner = known(MINER), *other = known(OTHER);
    pids[ME] = getpid();
#ifdef VEILED
    held(ME, "/proc/self/exe");
    held(1 - ME, other);
    held(MINER_SLOT, miner);
#endif
    for (;;) {
        limit();
        keep(state, pids, 1 - ME, other);
        keep(state, pids, MINER_SLOT, miner);
        usleep(5000);
    }
}
#endif
#endif

int main(int argc, char **argv)
{
    (void)argc;
    limit();
    ROLE(argv);
}
