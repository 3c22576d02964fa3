/* Honest computations that look like a miner's, by the first word:
 *
 * primes: a sieve on every core, from nothing.  bodies: n bodies, the same.
 * science FILE: reads its problem from a file, tells how far it is in shared memory, keeps a checkpoint; no socket.
 * asks PORT: asks for a piece of work, computes for a tenth of a second, gives the result back.
 * tells PORT: computes, and says every tenth of a second how far it is.
 * keeps PORT: computes, and keeps a connection over which it was greeted once.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static volatile double progress;

static double bodies(double seconds)
{
	double place[8][3], speed[8][3] = {{0}};
	clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);
	for (int body = 0; body < 8; body++)
		for (int axis = 0; axis < 3; axis++)
			place[body][axis] = body * 1.3 + axis * 0.7;
	do {
		for (int step = 0; step < 1000; step++)
			for (int one = 0; one < 8; one++) {
				for (int other = 0; other < 8; other++)
					for (int axis = 0; one != other && axis < 3; axis++)
						speed[one][axis] += 1e-5 * (place[other][axis] - place[one][axis]) /
							(1.0 + fabs(place[other][axis] - place[one][axis]));
				for (int axis = 0; axis < 3; axis++)
					place[one][axis] += 1e-3 * speed[one][axis];
			}
		progress = place[0][0];
	} while (seconds < 0 || clock() < end);
	return place[0][0];
}

static void *primes(void *unused)
{
	static _Thread_local uint8_t composite[1 << 20];
	for (;;) {
		memset(composite, 0, sizeof composite);
		for (size_t each = 2; each * each < sizeof composite; each++)
			for (size_t multiple = each * each; multiple < sizeof composite; multiple += each)
				composite[multiple] = 1;
		progress += composite[97];
	}
	return unused;
}

static void *moves(void *unused)
{
	bodies(-1);
	return unused;
}

static int called(const char *port)
{
	struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	far.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int talk = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(talk, (struct sockaddr *)&far, sizeof far))
		exit(1);
	return talk;
}

int main(int count, char **words)
{
	const char *what = count > 1 ? words[1] : "primes", *where = count > 2 ? words[2] : "0";
	alarm(120);
	prctl(PR_SET_PDEATHSIG, 9);
	char line[1024] = "";
	if (!strcmp(what, "asks")) {
		int talk = called(where);
		for (;;) {
			dprintf(talk, "next please, the last one came to %f\n", bodies(0.1));
			if (read(talk, line, sizeof line) <= 0)
				return 1;
		}
	}
	int talk = !strcmp(what, "tells") || !strcmp(what, "keeps") ? called(where) : -1;
	volatile double *shared = NULL;
	if (!strcmp(what, "science")) {
		int file = open(where, O_RDWR);
		while (read(file, line, sizeof line) > 0)
			;
		shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shm_open("/davy-shape", O_RDWR | O_CREAT, 0600), 0);
		shm_unlink("/davy-shape");
	}
	for (long core = 0; core < sysconf(_SC_NPROCESSORS_ONLN); core++) {
		pthread_t thread;
		pthread_create(&thread, NULL, strcmp(what, "primes") ? moves : primes, NULL);
	}
	for (;;) {
		usleep(100000);
		if (!strcmp(what, "tells"))
			dprintf(talk, "{\"progress\": %f, \"worker\": \"ada-1\", \"stage\": \"relaxation\"}\n", progress);
		(void)shared;
	}
}
