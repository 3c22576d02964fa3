/* Talks to a stand-in pool as a miner does, and burns CPU without mining anything: it adds up numbers.
 *
 * client PORT DIALECT WALLET [MEGABYTES], dialect x (JSON-RPC login) or b (mining.subscribe), all on standard input so
 * that the command line tells nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char received[65536], sent[4096], job[128], session[128], stamp[16];

static void say(int link, const char *text)
{
    size_t length = strlen(text);
    if (write(link, text, length) != (ssize_t)length)
        exit(3);
}

static void field(const char *line, const char *name, char *into, size_t size)
{
    const char *at = strstr(line, name);
    if (!at)
        return;
    at += strlen(name);
    size_t length = strcspn(at, "\"");
    if (length < size) {
        memcpy(into, at, length);
        into[length] = 0;
    }
}

int main(void)
{
    int port, megabytes;
    char dialect, wallet[256];
    if (scanf("%d %c %255s %d", &port, &dialect, wallet, &megabytes) != 4)
        return 2;
    char *ballast = malloc((size_t)megabytes << 20);
    for (size_t at = 0; at < (size_t)megabytes << 20; at += 64)
        snprintf(ballast + at, 64, "row %zu of a table of readings, kept for later", at);
    struct sockaddr_in pool = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    pool.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int link = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(link, (struct sockaddr *)&pool, sizeof pool))
        return 3;
    if (dialect == 'x')
        snprintf(sent, sizeof sent,
                 "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"%s\",\"pass\":\"x\","
                 "\"agent\":\"reader/1.0\"}}\n", wallet);
    else
        snprintf(sent, sizeof sent,
                 "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"reader/1.0\"]}\n"
                 "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"%s\",\"x\"]}\n", wallet);
    say(link, sent);
    fcntl(link, F_SETFL, O_NONBLOCK);
    volatile uint64_t sum = 1;
    unsigned shares = 0;
    size_t held = 0;
    struct timespec then, now;
    clock_gettime(CLOCK_MONOTONIC, &then);
    for (;;) {
        for (int turn = 0; turn < 200000; turn++)
            sum = sum * 6364136223846793005u + 1442695040888963407u;
        ssize_t got = read(link, received + held, sizeof received - 1 - held);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return 0;
        if (got > 0) {
            held += (size_t)got;
            received[held] = 0;
            field(received, "\"job_id\":\"", job, sizeof job);
            field(received, "\"id\":\"", session, sizeof session);
            field(received, "mining.notify\",\"params\":[\"", job, sizeof job);
            if (strchr(received, '\n') || held > sizeof received / 2)
                held = 0;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (job[0] && now.tv_sec - then.tv_sec >= 1) {
            then = now;
            shares++;
            if (dialect == 'x')
                snprintf(sent, sizeof sent,
                         "{\"id\":%u,\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"%s\",\"job_id\":\"%s\","
                         "\"nonce\":\"%08x\",\"result\":\"%016llx%016llx%016llx%016llx\"}}\n", shares + 1, session, job, shares,
                         (unsigned long long)sum, (unsigned long long)sum * 3, (unsigned long long)sum * 5,
                         (unsigned long long)sum * 7);
            else
                snprintf(sent, sizeof sent,
                         "{\"id\":%u,\"method\":\"mining.submit\",\"params\":[\"%s\",\"%s\",\"%08x\",\"%08x\",\"%08x\"]}\n",
                         shares + 3, wallet, job, shares, (unsigned)time(NULL), (unsigned)sum);
            say(link, sent);
        }
    }
}
