/* Memory that is bad to read, while it burns CPU.  stalls KIND; says "ready" once it is.
 *
 * sparse: 60 GB mapped, three pages there.  many: every other page there, so that each is a mapping's hole.
 * denied: not dumpable, one page without permissions.  missing: pages that come and go below a userfaultfd that nobody
 * answers, so that whoever touches one waits.  changing: a buffer that is rewritten all the time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *mapped(size_t size, int flags)
{
    char *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (found == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return found;
}

int main(int count, char **words)
{
    const char *kind = count > 1 ? words[1] : "";
    const size_t page = 4096;
    char *memory = NULL;
    size_t size = 64 << 20;
    if (!strcmp(kind, "sparse")) {
        memory = mapped(60UL << 30, 0);
        memory[0] = memory[30UL << 30] = memory[(60UL << 30) - 1] = 1;
    } else if (!strcmp(kind, "many")) {
        memory = mapped(size, 0);
        madvise(memory, size, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < size; at += 2 * page)
            memory[at] = 1;
    } else if (!strcmp(kind, "denied")) {
        memory = mapped(size, 0);
        memset(memory, 'x', size);
        mprotect(memory, size / 2, PROT_NONE);
        prctl(PR_SET_DUMPABLE, 0);
    } else if (!strcmp(kind, "missing") || !strcmp(kind, "flapping")) {
        memory = mapped(size, 0);
        int fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
        struct uffdio_api api = {.api = UFFD_API};
        if (fault < 0 || ioctl(fault, UFFDIO_API, &api)) {
            perror("userfaultfd");
            return 77;
        }
        struct uffdio_register range = {.range = {(uintptr_t)memory, size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
        if (ioctl(fault, UFFDIO_REGISTER, &range)) {
            perror("register");
            return 77;
        }
        puts("ready");
        fflush(stdout);
        if (!strcmp(kind, "missing"))
            for (volatile uint64_t sum = 0;; sum++)
                ;
        for (;;) {
            struct uffdio_zeropage zero = {.range = {(uintptr_t)memory, size}};
            ioctl(fault, UFFDIO_ZEROPAGE, &zero);
            madvise(memory, size, MADV_DONTNEED);
        }
    } else if (!strcmp(kind, "changing")) {
        memory = mapped(size, 0);
        puts("ready");
        fflush(stdout);
        for (unsigned turn = 0;; turn++)
            memset(memory, (int)(turn & 0xff), size);
    } else {
        return 2;
    }
    puts("ready");
    fflush(stdout);
    for (volatile uint64_t sum = 0;; sum++)
        ;
}
