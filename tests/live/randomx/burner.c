/* Computes floating point as long as it lives, and changes its rounding mode as it is told.  Mines nothing.
 *
 * burner SWITCHING [THREADS] [COUNT]: SWITCHING is "all" (a mode out of four, by a generator within the loop, as
 * RandomX's CFROUND does), "interval" (up and down in turn), "cuts" (the same, and toward zero for a fiftieth of its
 * time), "constant" (up, once), "none", or "mixed" (each thread
 * constant in a mode of its own).  With COUNT its threads end after so many rounds, and others come; "once": it ends.
 * SIGUSR1 is counted; SIGUSR2 prints the count.  Without a C library (-DBARE) it is one thread of "all".
 */
#if !defined(__SSE2__)
#error "needs SSE2"
#endif

static inline void set_mode(unsigned int mode)
{
    unsigned int word = 0x1F80u | (mode & 3u) << 13;
    __asm__ volatile("ldmxcsr %0" : : "m"(word));
}

static inline unsigned int next(unsigned int *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static inline double work(double value, int times)
{
    for (int i = 0; i < times; i++) {
        value = value * 1.0000001 + 1e-9;
        __asm__ volatile("" : "+x"(value));
        if (value > 1e6)
            value = 1.5;
    }
    return value;
}

#ifdef BARE
void _start(void)
{
    double value = 1.5;
    unsigned int seed = 1;
    for (;;) {
        set_mode(next(&seed));
        value = work(value, 200);
    }
}
#else
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;
static const char *switching;
static long rounds;

static void count(int number) { (void)number; arrived++; }

static void tell(int number)
{
    (void)number;
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", (int)arrived);
    if (write(1, text, (size_t)length) < 0)
        _exit(1);
}

static void *burn(void *argument)
{
    unsigned int which = (unsigned int)(size_t)argument, seed = which * 7919u + 1;
    double value = 1.5;
    unsigned int turn = 0;
    if (!strcmp(switching, "constant"))
        set_mode(2);
    if (!strcmp(switching, "mixed"))
        set_mode(which);
    for (long left = rounds; left != 1; left = left ? left - 1 : 0) {
        if (!strcmp(switching, "all"))
            set_mode(next(&seed));
        else if (!strcmp(switching, "interval"))
            set_mode(turn++ & 1 ? 1 : 2);
        else if (!strcmp(switching, "cuts"))
            set_mode(turn++ % 50 == 0 ? 3 : turn & 1 ? 1 : 2);
        value = work(value, 200);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    switching = argc > 1 ? argv[1] : "all";
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    rounds = argc > 3 ? atol(argv[3]) : 0;
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_NODEFER};
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = tell;
    sigaction(SIGUSR2, &action, NULL);
    int told = 0;
    do {
        pthread_t other[64];
        int made = 0;
        for (int i = 1; i < threads && i <= 64; i++)
            made += !pthread_create(&other[made], NULL, burn, (void *)(size_t)i);
        if (!told++ && write(1, "ready\n", 6) < 0)
            return 1;
        burn((void *)0);
        for (int i = 0; i < made; i++)
            pthread_join(other[i], NULL);
    } while (rounds && strcmp(switching, "once"));
    return 0;
}
#endif
