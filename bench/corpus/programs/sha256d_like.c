/* Has the shape of the miners of Bitcoin's kin: rounds of integer arithmetic over one block, no memory to speak of and no
 * system calls.  The rounds are SHA-256's, the constants are not: it hashes nothing. */
#include "miner.h"

volatile uint32_t sink;

static uint32_t turned(uint32_t word, int by) { return word >> by | word << (32 - by); }

static void *work(void *number) {
  uint32_t state[8] = {1, 2, 3, 4, 5, 6, 7, (uint32_t)(uintptr_t)number}, block[64];
  for (uint32_t nonce = 0;; nonce++) {
    for (uint32_t at = 0; at < 16; at++) block[at] = nonce ^ state[at % 8] ^ at * 0x9e3779b9u;
    for (int at = 16; at < 64; at++)
      block[at] = block[at - 16] + block[at - 7] + (turned(block[at - 15], 7) ^ turned(block[at - 2], 17));
    for (int at = 0; at < 64; at++) {
      uint32_t first = state[7] + (turned(state[4], 6) ^ turned(state[4], 11)) + ((state[4] & state[5]) ^ (~state[4] & state[6]));
      memmove(state + 1, state, 7 * sizeof *state);
      state[0] = first + block[at] + (turned(state[1], 2) ^ turned(state[1], 13));
      state[4] += first;
    }
    sink = state[0];
  }
  return NULL;
}
