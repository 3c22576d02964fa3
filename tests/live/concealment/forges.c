/* A library for /etc/ld.so.preload that shows another file, compiled into it, to whoever opens /proc/stat: an idle
   machine.  Harmless: it changes nothing else.

   cc -shared -fPIC -DSHOWN='"/path"' -o libforges.so forges.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

static const char *instead_of(const char *path)
{
    return strcmp(path, "/proc/stat") == 0 ? SHOWN : path;
}

#define STREAMING(function)                                                                            \
    FILE *function(const char *path, const char *mode)                                                 \
    {                                                                                                  \
        FILE *(*real)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(    \
            RTLD_NEXT, #function);                                                                     \
        return real(instead_of(path), mode);                                                           \
    }

#define OPENING(function)                                                                              \
    int function(const char *path, int flags, ...)                                                     \
    {                                                                                                  \
        int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, #function); \
        va_list more;                                                                                  \
        va_start(more, flags);                                                                         \
        int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, int) : 0;                            \
        va_end(more);                                                                                  \
        return real(instead_of(path), flags, mode);                                                    \
    }

STREAMING(fopen)
STREAMING(fopen64)
OPENING(open)
OPENING(open64)
