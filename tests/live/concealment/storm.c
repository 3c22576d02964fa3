/* Short-lived processes at an even rate, and threads that sleep: what an honest busy machine looks like.
   storm RATE THREADS MICROSECONDS {wait|ignore} [PROGRAM]: each child works so long, then becomes PROGRAM if given. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *rest(void *unused)
{
    struct timespec moment = {0, 20000000};

    for (;;)
        nanosleep(&moment, NULL);
    return unused;
}

static void work(long microseconds)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < microseconds);
}

int main(int count, char **words)
{
    if (count < 5)
        return 2;
    long period = 1000000000L / atol(words[1]), microseconds = atol(words[3]);
    int waits = strcmp(words[4], "wait") == 0;
    pthread_attr_t small;
    pthread_t thread;
    struct timespec next;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (long made = atol(words[2]); made > 0; made--)
        if (pthread_create(&thread, &small, rest, NULL) != 0)
            return 1;
    if (!waits)
        signal(SIGCHLD, SIG_IGN);
    puts("ready");
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            work(microseconds);
            if (count > 5)
                execl(words[5], words[5], (char *)NULL);
            _exit(0);
        }
        while (waits && waitpid(-1, NULL, WNOHANG) > 0)
            ;
        next.tv_nsec += period;
        if (next.tv_nsec >= 1000000000L) {
            next.tv_nsec -= 1000000000L;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
}
