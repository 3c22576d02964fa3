/* The steps of davy.host.sweeps, each one system call after another without the interpreter in between.
 *
 * What each step means is said once, in davy/host/steps.py, whose answers are the same.  Here it is only faster, and
 * out of reach of a preloaded library: on x86_64 and aarch64 the kernel is entered by the instruction itself, not
 * through the C library's open, read, close or syscall, any of which a preload may have replaced.
 *
 * Every step is bounded, releases the GIL while it is in the kernel, and keeps no state.
 *
 * Source: syscall(2), pidfd_open(2), getdents64(2), openat(2); include/linux/dirent.h (struct linux_dirent64).
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
/* The sanitizer does not see what the kernel writes, so it is asked beforehand. */
static void kernel_writes(void *start, size_t size)
{
    if (__asan_region_is_poisoned(start, size))
        abort();
}
#else
#define kernel_writes(start, size) ((void)(start), (void)(size))
#endif

/* The most of everything in one step: what comes between two looks at Ctrl-C and at a deadline. */
enum { MOST_PIDS = 1 << 16, MOST_PATHS = 1 << 12, BLOCK = 1 << 16 };
static const Py_ssize_t MOST_BYTES = 1 << 24;

/* One system call, as the kernel answers it: a result, or an errno below zero. */
#if defined(__x86_64__) && !defined(__ILP32__)

static long enter(long number, long first, long second, long third, long fourth)
{
    long result;
    register long r10 __asm__("r10") = fourth;
    /* The instruction itself overwrites rcx and r11. */
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__) && !defined(__ILP32__)

static long enter(long number, long first, long second, long third, long fourth)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register long x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    register long x3 __asm__("x3") = fourth;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

#else

static long enter(long number, long first, long second, long third, long fourth)
{
    long result = syscall(number, first, second, third, fourth);
    return result == -1 ? -(long)errno : result;
}

#endif

static PyObject *failed(long result)
{
    errno = (int)-result;
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* Whether the list took it; the reference goes over in any case. */
static int put(PyObject *list, PyObject *item)
{
    if (item == NULL)
        return 0;
    int status = PyList_Append(list, item);
    Py_DECREF(item);
    return status == 0;
}

/* pidfd_open of first..last; ids of processes from the front of `found`, of threads from its end.
 * 0, or an errno below zero.
 */
static long ask_pids(int first, int count, int32_t *found, int *processes, int *threads)
{
    *processes = *threads = 0;
    for (int at = 0; at < count; at++) {
        long descriptor = enter(SYS_pidfd_open, first + at, 0, 0, 0);
        if (descriptor >= 0) {
            enter(SYS_close, descriptor, 0, 0, 0);
            found[(*processes)++] = first + at;
        } else if (descriptor == -ENOENT || descriptor == -EINVAL) {
            found[count - ++*threads] = first + at;
        } else if (descriptor != -ESRCH) {
            return descriptor;
        }
    }
    return 0;
}

static PyObject *living(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int first, last, processes, threads;
    if (!PyArg_ParseTuple(arguments, "ii:living", &first, &last))
        return NULL;
    if (first < 1 || last < first || last - first >= MOST_PIDS || last == INT32_MAX)
        return PyErr_Format(PyExc_ValueError, "no range of pids: %d to %d", first, last);
    int count = last - first + 1;
    int32_t *found = malloc((size_t)count * sizeof *found);
    if (found == NULL)
        return PyErr_NoMemory();
    long status;
    Py_BEGIN_ALLOW_THREADS
    status = ask_pids(first, count, found, &processes, &threads);
    Py_END_ALLOW_THREADS
    PyObject *of_processes = NULL, *of_threads = NULL, *answer = NULL;
    if (status < 0) {
        failed(status);
        goto done;
    }
    of_processes = PyList_New(0);
    of_threads = PyList_New(0);
    if (of_processes == NULL || of_threads == NULL)
        goto done;
    for (int at = 0; at < processes; at++)
        if (!put(of_processes, PyLong_FromLong(found[at])))
            goto done;
    for (int at = count - 1; at >= count - threads; at--)
        if (!put(of_threads, PyLong_FromLong(found[at])))
            goto done;
    answer = PyTuple_Pack(2, of_processes, of_threads);
done:
    Py_XDECREF(of_processes);
    Py_XDECREF(of_threads);
    free(found);
    return answer;
}

/* The next block of a folder's listing.  The bytes that are in it, 0 at the end, -1 with an exception set. */
static long next_block(int folder, unsigned char *block)
{
    long length;
    kernel_writes(block, BLOCK);
    do {
        Py_BEGIN_ALLOW_THREADS
        length = enter(SYS_getdents64, folder, (long)block, BLOCK, 0);
        Py_END_ALLOW_THREADS
    } while (length == -EINTR && PyErr_CheckSignals() == 0);
    if (length >= 0 && length <= BLOCK)
        return length;
    if (!PyErr_Occurred())
        failed(length < 0 ? length : -EIO);
    return -1;
}

/* struct linux_dirent64: inode, offset, length of the record, type, name with a NUL. */
enum { LENGTH_AT = 16, TYPE_AT = 18, NAME_AT = 19 };

struct entry {
    uint64_t inode;
    unsigned char type;
    const char *name;
    size_t length;
};

/* The entry at `at` and the place of the one after it; 0 where the record is not whole. */
static long entry_at(const unsigned char *block, long size, long at, struct entry *entry)
{
    uint16_t record;
    if (size - at <= NAME_AT)
        return 0;
    memcpy(&entry->inode, block + at, sizeof entry->inode);
    memcpy(&record, block + at + LENGTH_AT, sizeof record);
    if (record <= NAME_AT || record > size - at)
        return 0;
    entry->type = block[at + TYPE_AT];
    entry->name = (const char *)block + at + NAME_AT;
    entry->length = strnlen(entry->name, record - NAME_AT);
    return at + record;
}

static int put_entry(PyObject *list, const struct entry *entry)
{
    if (entry->name[0] == '.' && (entry->length == 1 || (entry->length == 2 && entry->name[1] == '.')))
        return 1;
    return put(list, Py_BuildValue("(y#Ki)", entry->name, (Py_ssize_t)entry->length,
                                   (unsigned long long)entry->inode, (int)entry->type));
}

enum { MOST_DIGITS = 18 };

static int put_number(PyObject *list, const struct entry *entry)
{
    long long number = 0;
    if (entry->length == 0 || entry->length > MOST_DIGITS)
        return 1;
    for (size_t at = 0; at < entry->length; at++) {
        if (entry->name[at] < '0' || entry->name[at] > '9')
            return 1;
        number = number * 10 + (entry->name[at] - '0');
    }
    return put(list, PyLong_FromLongLong(number));
}

/* One block of a listing as a list, by what `put_one` makes of an entry; None at the end. */
static PyObject *listed(int folder, int (*put_one)(PyObject *, const struct entry *))
{
    unsigned char *block = malloc(BLOCK);
    if (block == NULL)
        return PyErr_NoMemory();
    PyObject *answer = NULL;
    long size = next_block(folder, block);
    if (size == 0) {
        answer = Py_None;
        Py_INCREF(answer);
    } else if (size > 0 && (answer = PyList_New(0)) != NULL) {
        struct entry entry;
        for (long at = 0; (at = entry_at(block, size, at, &entry)) > 0;)
            if (!put_one(answer, &entry)) {
                Py_CLEAR(answer);
                break;
            }
    }
    free(block);
    return answer;
}

static PyObject *entries(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int folder;
    return PyArg_ParseTuple(arguments, "i:entries", &folder) ? listed(folder, put_entry) : NULL;
}

static PyObject *numbers(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int folder;
    return PyArg_ParseTuple(arguments, "i:numbers", &folder) ? listed(folder, put_number) : NULL;
}

/* At most `limit` bytes of one file.  How many were read, or an errno below zero. */
static long read_one(int folder, const char *path, char *text, size_t limit)
{
    long file = enter(SYS_openat, folder, (long)path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (file < 0)
        return file;
    size_t length = 0;
    long status = 0;
    while (length < limit) {
        kernel_writes(text + length, limit - length);
        status = enter(SYS_read, file, (long)(text + length), (long)(limit - length), 0);
        if (status <= 0 || (size_t)status > limit - length)
            break;
        length += (size_t)status;
    }
    enter(SYS_close, file, 0, 0, 0);
    return status < 0 ? status : (long)length;
}

struct reading {
    int folder;
    Py_ssize_t count;
    size_t limit;
    const char **paths;
    long *lengths; /* of each file's text, or an errno below zero */
    char *text;    /* of one file behind the other's; room for the limit of each, of which little is ever touched */
    size_t used;
};

/* The files from `at` on, until a signal interrupted one; which that is, or the count. */
static Py_ssize_t read_from(Py_ssize_t at, struct reading *reading)
{
    for (; at < reading->count; at++) {
        long length = read_one(reading->folder, reading->paths[at], reading->text + reading->used, reading->limit);
        if (length == -EINTR)
            break;
        reading->lengths[at] = length;
        if (length > 0)
            reading->used += (size_t)length;
    }
    return at;
}

static PyObject *texts(const struct reading *reading)
{
    const char *text = reading->text;
    PyObject *answer = PyList_New(0);
    for (Py_ssize_t at = 0; answer != NULL && at < reading->count; at++) {
        long length = reading->lengths[at];
        if (!put(answer, length < 0 ? PyLong_FromLong(-length) : PyBytes_FromStringAndSize(text, length)))
            Py_CLEAR(answer);
        if (length > 0)
            text += length;
    }
    return answer;
}

static PyObject *read_all(struct reading *reading, PyObject *names)
{
    for (Py_ssize_t at = 0; at < reading->count; at++) {
        char *path;
        PyObject *name = PyTuple_GetItem(names, at);
        if (name == NULL || PyBytes_AsStringAndSize(name, &path, NULL) < 0)
            return NULL;
        reading->paths[at] = path;
    }
    for (Py_ssize_t at = 0; at < reading->count;) {
        Py_BEGIN_ALLOW_THREADS
        at = read_from(at, reading);
        Py_END_ALLOW_THREADS
        if (at < reading->count && PyErr_CheckSignals() < 0)
            return NULL;
    }
    return texts(reading);
}

static PyObject *contents(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    int folder;
    PyObject *given;
    Py_ssize_t limit;
    if (!PyArg_ParseTuple(arguments, "iOn:contents", &folder, &given, &limit))
        return NULL;
    /* A tuple of our own: a list could be changed by another thread while the GIL is released. */
    PyObject *names = PySequence_Tuple(given);
    if (names == NULL)
        return NULL;
    PyObject *answer = NULL;
    Py_ssize_t count = PyTuple_Size(names);
    if (count < 1 || count > MOST_PATHS || limit < 1 || limit > MOST_BYTES / count) {
        PyErr_Format(PyExc_ValueError, "%zd files of at most %zd bytes: nothing, or too much", count, limit);
        Py_DECREF(names);
        return NULL;
    }
    struct reading reading = {.folder = folder, .count = count, .limit = (size_t)limit};
    reading.paths = malloc((size_t)count * sizeof *reading.paths);
    reading.lengths = malloc((size_t)count * sizeof *reading.lengths);
    reading.text = malloc((size_t)count * (size_t)limit);
    if (reading.paths == NULL || reading.lengths == NULL || reading.text == NULL)
        PyErr_NoMemory();
    else
        answer = read_all(&reading, names);
    free(reading.text);
    free(reading.lengths);
    free(reading.paths);
    Py_DECREF(names);
    return answer;
}

static PyMethodDef methods[] = {
    {"living", living, METH_VARARGS, NULL},
    {"entries", entries, METH_VARARGS, NULL},
    {"numbers", numbers, METH_VARARGS, NULL},
    {"contents", contents, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "davy.host._steps",
    .m_doc = "The steps of davy.host.sweeps in C; see davy.host.steps.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__steps(void)
{
    return PyModuleDef_Init(&definition);
}
