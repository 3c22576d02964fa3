/* Memory as RandomX has it, and nothing of its work: a data set and a cache, a scratchpad for each thread, and a page of
 * code that is written anew before it is run.
 *
 * dataset fast|light|huge|shared [SECONDS]: one thread a core.  The data set is hardly touched, in huge pages never:
 * none need be kept back.  Shared is a memfd.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MIB (1UL << 20)

static uint8_t *data;
static size_t size;
static int huge;

static uint8_t *memory(size_t bytes, int protection, int flags)
{
	void *found = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
	if (found == MAP_FAILED)
		exit(3);
	return found;
}

static void *works(void *number)
{
	uint8_t *scratchpad = memory(2 * MIB, PROT_READ | PROT_WRITE, 0);
	uint8_t *code = memory(64 << 10, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
	uint32_t state = (uint32_t)(uintptr_t)number;
	for (;;) {
		for (int place = 0; place < 4096; place += 4) {
			state = state * 1664525 + 1013904223;
			memcpy(code + place, &state, 4);
		}
		for (int step = 0; step < 20000; step++) {
			state = state * 1664525 + 1013904223;
			scratchpad[state % (2 * MIB)] += huge ? state : data[(state >> 8) % 64 * 4096 % size];
		}
	}
	return NULL;
}

int main(int count, char **words)
{
	if (count < 2)
		return 2;
	alarm(count > 2 ? atoi(words[2]) : 120);
	prctl(PR_SET_PDEATHSIG, 9);
	huge = !strcmp(words[1], "huge");
	if (!strcmp(words[1], "light")) {
		data = memory(size = 256 * MIB, PROT_READ | PROT_WRITE, 0);
	} else if (!strcmp(words[1], "shared")) {
		int file = memfd_create("pages", 0);
		if (ftruncate(file, size = 2080 * MIB))
			return 3;
		data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	} else {
		data = memory(size = 2080 * MIB, PROT_READ | PROT_WRITE, huge ? MAP_HUGETLB : 0);
		memory(256 * MIB, PROT_READ | PROT_WRITE, huge ? MAP_HUGETLB : 0);
	}
	int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
	for (intptr_t each = 0; each < cores; each++) {
		pthread_t thread;
		pthread_create(&thread, NULL, works, (void *)(each + 1));
	}
	for (;;)
		pause();
}
