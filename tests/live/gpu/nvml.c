/* A stand-in for NVIDIA's libnvidia-ml: one card, and on it the process whose pid stands in PID_FILE (-DPID_FILE).
 *
 * With HANG it never answers.  Source: nvml.h of the CUDA toolkit; the structures are those of API 12.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } process_info;
typedef struct { unsigned int pid; unsigned long long when; unsigned int sm, memory, encoder, decoder; } utilization;
typedef struct { unsigned int gpu, memory; } rates;

static unsigned int pid(void)
{
    unsigned int found = 0;
    FILE *file = fopen(PID_FILE, "r");
    if (file) {
        if (fscanf(file, "%u", &found) != 1)
            found = 0;
        fclose(file);
    }
    return found;
}

int nvmlInitWithFlags(unsigned int flags)
{
    (void)flags;
#ifdef HANG
    for (;;)
        pause();
#endif
    return SUCCESS;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 1; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **card) { (void)index; *card = (void *)1; return SUCCESS; }
int nvmlDeviceGetName(void *card, char *name, unsigned int length)
{
    (void)card;
    snprintf(name, length, "Stand-in 4090");
    return SUCCESS;
}
int nvmlDeviceGetUtilizationRates(void *card, rates *found) { (void)card; found->gpu = 99; found->memory = 50; return SUCCESS; }
int nvmlDeviceGetGraphicsRunningProcesses_v3(void *card, unsigned int *count, process_info *found)
{
    (void)card; (void)count; (void)found;
    return NOT_SUPPORTED;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *card, unsigned int *count, process_info *found)
{
    (void)card;
    if (!found || *count < 1) {
        *count = 1;
        return INSUFFICIENT_SIZE;
    }
    memset(found, 0, sizeof *found);
    found->pid = pid();
    found->used = 3ull << 30;
    *count = 1;
    return SUCCESS;
}
int nvmlDeviceGetProcessUtilization(void *card, utilization *found, unsigned int *count, unsigned long long since)
{
    (void)card; (void)since;
#ifdef NO_SHARES
    (void)found; (void)count;
    return NOT_SUPPORTED;
#else
    if (!found || *count < 1) {
        *count = 1;
        return INSUFFICIENT_SIZE;
    }
    memset(found, 0, sizeof *found);
    found->pid = pid();
    found->sm = 97;
    *count = 1;
    return SUCCESS;
#endif
}
