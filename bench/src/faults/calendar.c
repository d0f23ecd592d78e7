/* Adds an offset to the calendar of the process that loads this first (LD_PRELOAD), and leaves every other clock alone.
 * The offset, in nanoseconds, is the first eight bytes of the file LINEWATCH_CALENDAR, which somebody else changes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static int (*kernel_time)(clockid_t, struct timespec *);
static volatile long long *offset_ns;

/* Before main: later the file could not be opened any more. */
__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("LINEWATCH_CALENDAR");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset_ns, PROT_READ, MAP_SHARED, file, 0);
    kernel_time = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (page == MAP_FAILED || !kernel_time)
        abort();
    offset_ns = page;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int answer = kernel_time(clock, time);
    if (answer == 0 && clock == CLOCK_REALTIME && offset_ns) {
        long long sum = time->tv_nsec + *offset_ns % 1000000000;
        time->tv_sec += *offset_ns / 1000000000 + (sum >= 1000000000) - (sum < 0);
        time->tv_nsec = sum - (sum >= 1000000000 ? 1000000000 : sum < 0 ? -1000000000 : 0);
    }
    return answer;
}
