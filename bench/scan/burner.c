/* Burns one core until it is ended, or for two minutes at most.  Mines nothing. */
#include <unistd.h>

int main(void)
{
    alarm(120);
    for (volatile unsigned long turns = 0;; turns++)
        ;
}
