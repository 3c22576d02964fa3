/* Has what RandomX cannot do without: the rounding mode changed all the time, a scratchpad of 2 MiB a thread, and, where
 * asked for, the data set, the cache and a page of machine code that is written anew for every program.  Hashes nothing. */
#include "miner.h"
#include <fenv.h>
#include <math.h>

#ifndef ROUNDING
#define ROUNDING 1 /* 0: never changed, 1: all four modes, 2: up and down as interval arithmetic has it */
#endif
#ifndef DATASET
#define DATASET 0
#endif
#ifndef CACHE
#define CACHE 0
#endif
#ifndef REWRITES
#define REWRITES 0
#endif
#define MIB (1UL << 20)

static volatile double *dataset;
static pthread_once_t once = PTHREAD_ONCE_INIT;
volatile double sink;

static void *pages(size_t size, int protection) {
  void *made = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return made == MAP_FAILED ? NULL : made;
}

static void fill(void) {
  if (CACHE || DATASET) pages(256 * MIB, PROT_READ | PROT_WRITE);
  if (DATASET) dataset = pages(2080 * MIB, PROT_READ | PROT_WRITE);
}

static void *work(void *number) {
  static const int all[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO}, two[] = {FE_UPWARD, FE_DOWNWARD};
  uint64_t state = 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)number;
  pthread_once(&once, fill);
  double *scratchpad = pages(2 * MIB, PROT_READ | PROT_WRITE);
  unsigned char *code = REWRITES ? pages(16 << 10, PROT_READ | PROT_WRITE | PROT_EXEC) : NULL;
  size_t cells = 2 * MIB / sizeof(double);
  if (scratchpad == NULL) return NULL;
  for (size_t cell = 0; cell < cells; cell++) scratchpad[cell] = 1.0 + (double)cell;
  for (;;) {
    if (code != NULL) {
      for (size_t at = 0; at < 4096; at++) code[at] = (unsigned char)(state >> (at & 31)) | 1;
      code[0] = 0xc3; /* ret */
      ((void (*)(void))code)();
    }
    for (int step = 0; step < 4096; step++) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      if (ROUNDING == 1 && step % 16 == 0) fesetround(all[state >> 60 & 3]);
      if (ROUNDING == 2 && step % 16 == 0) fesetround(two[state >> 60 & 1]);
      volatile double *cell = &scratchpad[state % cells];
      double other = scratchpad[(state >> 20) % cells];
      if (dataset != NULL) other += dataset[state % (2080 * MIB / sizeof(double))];
      *cell = sqrt(fabs(*cell * 1.0000001 + other)) / 3.0 + 1.0;
      sink = *cell;
    }
  }
}
