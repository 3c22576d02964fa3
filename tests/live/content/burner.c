/* Burns at the lowest priority for a minute at most, and has the texts in it that the test compiles in. */
#include <unistd.h>

static const char *const texts[] = {TEXTS};

int main(void)
{
    volatile unsigned long sum = 0;
    alarm(60);
    if (nice(19) == -1)
        return 1;
    for (;;)
        sum += (unsigned long)texts[sum % (sizeof texts / sizeof *texts)];
}
