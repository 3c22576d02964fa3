/* Tasks for the tests of Davy's eyes, all harmless:
 *   tasks spawn RATE SECONDS   that many short processes a second; prints how many there were
 *   tasks burn THREADS MS      so many threads beside the first take so much CPU time each, one line each: tid, nanoseconds
 *   tasks hog                  prints a line, then spins without a system call until it is killed
 *   tasks rest THREADS         prints its pid, then sleeps in every thread until it is killed
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int spawn(long rate, double seconds)
{
	long long begun = nanoseconds(CLOCK_MONOTONIC);
	long total = (long)(rate * seconds), done = 0;

	while (done < total) {
		long due = (long)((nanoseconds(CLOCK_MONOTONIC) - begun) / 1e9 * rate);

		for (; done < due && done < total; done++) {
			pid_t child = vfork();

			if (child == 0)
				_exit(0);
			if (child < 0 || waitpid(child, NULL, 0) != child)
				return 1;
		}
		usleep(500);
	}
	printf("%ld\n", done);
	return 0;
}

static void *burn(void *wanted)
{
	long long spent;

	while ((spent = nanoseconds(CLOCK_THREAD_CPUTIME_ID)) < *(long long *)wanted)
		;
	printf("%ld %lld\n", syscall(SYS_gettid), spent);
	return NULL;
}

static void *rest(void *unused)
{
	while (!unused)
		pause();
	return unused;
}

int main(int count, char **words)
{
	static pthread_t threads[1024];
	long more = count > 2 ? atol(words[2]) : 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (count == 4 && !strcmp(words[1], "spawn"))
		return spawn(more, atof(words[3]));
	if (more < 0 || more > 1024)
		return 2;
	if (count == 4 && !strcmp(words[1], "burn")) {
		long long wanted = atoll(words[3]) * 1000000LL;

		for (long i = 0; i < more; i++)
			if (pthread_create(&threads[i], NULL, burn, &wanted))
				return 1;
		for (long i = 0; i < more; i++)
			pthread_join(threads[i], NULL);
		burn(&wanted);
		return 0;
	}
	if (count == 2 && !strcmp(words[1], "hog")) {
		puts("spinning");
		fflush(stdout);
		for (;;)
			__asm__ volatile("");
	}
	if (count == 3 && !strcmp(words[1], "rest")) {
		for (long i = 0; i < more; i++)
			if (pthread_create(&threads[i], NULL, rest, NULL))
				return 1;
		printf("%d\n", getpid());
		fflush(stdout);
		rest(NULL);
	}
	return 2;
}
