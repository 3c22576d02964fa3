/* The floor under the survey: the files it reads of every process, read as cheaply as C can.
 *
 * usage: floor FD < paths
 *
 * FD is a procfs that was inherited.  A line is what is read and a path relative to that procfs: "r 12/stat" for a
 * file, "l 12/exe" for a link.  Prints the CPU seconds that all of it took, and how many could not be read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 16384, MOST = 1 << 24 };

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static int readable(int procfs, const char *path)
{
    static char buffer[CHUNK];
    int file = openat(procfs, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return 0;
    ssize_t length = read(file, buffer, sizeof buffer);
    close(file);
    return length >= 0;
}

static int linked(int procfs, const char *path)
{
    static char buffer[CHUNK];
    return readlinkat(procfs, path, buffer, sizeof buffer) >= 0;
}

int main(int count, char **arguments)
{
    static char paths[MOST];
    if (count != 2)
        return 2;
    int procfs = atoi(arguments[1]);
    size_t length = fread(paths, 1, MOST - 1, stdin);
    for (size_t at = 0; at < length; at++)
        if (paths[at] == '\n')
            paths[at] = '\0';
    long unread = 0;
    double before = cpu_seconds();
    for (char *line = paths; line < paths + length; line += strlen(line) + 1)
        unread += !(line[0] == 'l' ? linked(procfs, line + 2) : readable(procfs, line + 2));
    printf("%.9f %ld\n", cpu_seconds() - before, unread);
    return 0;
}
