/* What the stand-ins for miners share: threads, and a conversation with the stand-in pool.  Nothing is mined: what they
 * work on is thrown away, and the shares they submit are made up.  Words that content
 * rules look for are written in two pieces: this file is no miner's. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef THREADS
#define THREADS 1
#endif
#ifndef PINNED
#define PINNED 0
#endif
#ifndef PROTOCOL
#define PROTOCOL 0 /* 1: JSON-RPC as Monero's pools speak it, 2: stratum v1 */
#endif
#ifndef POOL_HOST
#define POOL_HOST ""
#define POOL_PORT 0
#endif
#ifndef WALLET
#define WALLET ""
#endif
#ifndef WORKER
#define WORKER "x"
#endif
#ifndef SHARES_MS
#define SHARES_MS 1000
#endif
#ifndef TEXT
#define TEXT ""
#endif

const char image_text[] __attribute__((used)) = TEXT;

static void *work(void *number);

static char job_id[128] = "0";

static void say(int pool, const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t sent = send(pool, text, length, MSG_NOSIGNAL);
    if (sent <= 0) return;
    text += sent;
    length -= (size_t)sent;
  }
}

static void remember_job(const char *line) {
  const char *at = strstr(line, PROTOCOL == 1 ? "\"job_id\"" : "mining.notify");
  if (at == NULL || (at = strchr(at, PROTOCOL == 1 ? ':' : '[')) == NULL || (at = strchr(at, '"')) == NULL) return;
  size_t length = strcspn(at + 1, "\"");
  if (length >= sizeof job_id) return;
  memcpy(job_id, at + 1, length);
  job_id[length] = 0;
}

static void converse(void) {
  static char heard[1 << 16], text[4096];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(POOL_PORT)};
  inet_pton(AF_INET, POOL_HOST, &address.sin_addr);
  int pool = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), number = 3;
  if (pool < 0 || connect(pool, (struct sockaddr *)&address, sizeof address) != 0) {
    if (pool >= 0) close(pool);
    return;
  }
  if (PROTOCOL == 1) {
    snprintf(text, sizeof text,
             "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"%s\",\"pass\":\"%s\","
             "\"agent\":\"standin/1.0\",\"algo\":[\"rx/0\"]}}\n", WALLET, WORKER);
    say(pool, text);
  } else {
    say(pool, "{\"id\":1,\"method\":\"mining." "subscribe\",\"params\":[\"standin/1.0\"]}\n");
    snprintf(text, sizeof text, "{\"id\":2,\"method\":\"mining." "authorize\",\"params\":[\"%s.%s\",\"x\"]}\n", WALLET, WORKER);
    say(pool, text);
  }
  for (;;) {
    struct pollfd ready = {.fd = pool, .events = POLLIN};
    if (poll(&ready, 1, SHARES_MS) < 0) break;
    if (ready.revents) {
      ssize_t length = recv(pool, heard, sizeof heard - 1, 0);
      if (length <= 0) break;
      heard[length] = 0;
      remember_job(heard);
      continue;
    }
    if (PROTOCOL == 1)
      snprintf(text, sizeof text,
               "{\"id\":%d,\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"standin\",\"job_id\":\"%s\","
               "\"nonce\":\"%08x\",\"result\":\"%064x\"}}\n", number, job_id, number * 2654435761u, number);
    else
      snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"mining." "submit\",\"params\":[\"%s.%s\",\"%s\",\"00000000\",\"%08lx\",\"%08x\"]}\n",
               number, WALLET, WORKER, job_id, (long)time(NULL), number * 2654435761u);
    say(pool, text);
    number++;
  }
  close(pool);
}

int main(void) {
  long threads = THREADS > 0 ? THREADS : sysconf(_SC_NPROCESSORS_ONLN);
  for (long number = 0; number < threads; number++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, (void *)number) != 0) return 1;
    if (PINNED) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET((size_t)(number % sysconf(_SC_NPROCESSORS_ONLN)), &one);
      pthread_setaffinity_np(thread, sizeof one, &one);
    }
  }
  for (;;) {
    if (PROTOCOL) converse();
    sleep(PROTOCOL ? 1 : 3600);
  }
}
