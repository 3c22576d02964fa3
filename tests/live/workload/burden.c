/* Processes that are costly to ask, and compute: burden maps|giant|threads|resident MIB [SECONDS]. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static void *waits(void *unused)
{
	for (;;)
		pause();
	return unused;
}

int main(int count, char **words)
{
	if (count < 3)
		return 2;
	size_t mib = strtoul(words[2], NULL, 10);
	alarm(120);
	prctl(PR_SET_PDEATHSIG, 9);
	if (!strcmp(words[1], "maps"))
		for (int each = 0; each < 65000; each++)
			if (mmap(NULL, 4096, each & 1 ? PROT_READ : PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			    MAP_FAILED)
				break;
	if (!strcmp(words[1], "threads"))
		for (int each = 0; each < 1000; each++) {
			pthread_t thread;
			pthread_create(&thread, NULL, waits, NULL);
		}
	if (!strcmp(words[1], "giant") || !strcmp(words[1], "resident")) {
		char *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
			return 3;
		if (words[1][0] == 'r')
			memset(memory, 1, mib << 20);
	}
	puts("ready");
	fflush(stdout);
	for (volatile unsigned long sum = 0;; sum++)
		;
}
