/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults under a real program, by LD_PRELOAD: memory that is not there, and a wall clock that somebody sets.
 *
 * $RR_FAULTS names a file of eight 64-bit numbers that both sides map: the test writes, the program reads and counts.
 *   0 allocations so far   1 the first one that fails (0: none)   2 how many fail from there (0: all)   3 how many did
 *   4 microseconds that the wall clock is off (the monotonic one never is)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static _Atomic int64_t none[8];
static _Atomic int64_t *shared = none;

__attribute__((constructor)) static void faults_begin(void)
{
	const char *name = getenv("RR_FAULTS");
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd >= 0 ? mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		shared = p;
}

static int fails(void)
{
	int64_t n = atomic_fetch_add(&shared[0], 1) + 1, at = atomic_load(&shared[1]), many = atomic_load(&shared[2]);
	if (!at || n < at || (many && n >= at + many))
		return 0;
	atomic_fetch_add(&shared[3], 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return n && fails() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	if (fails())
		return ENOMEM;
	*out = __libc_memalign(align, n);
	return *out ? 0 : ENOMEM;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);
	int64_t off = atomic_load(&shared[4]);
	if (rc == 0 && off && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		t->tv_sec += off / 1000000;
		t->tv_nsec += off % 1000000 * 1000;
		if (t->tv_nsec < 0) {
			t->tv_nsec += 1000000000;
			t->tv_sec--;
		} else if (t->tv_nsec >= 1000000000) {
			t->tv_nsec -= 1000000000;
			t->tv_sec++;
		}
	}
	return rc;
}

time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	(void)zone;
	*out = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
	return 0;
}
