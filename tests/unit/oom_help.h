/* SPDX-License-Identifier: Apache-2.0
 *
 * An allocator for a test that wants one to fail: glibc's with a counter in front. Under a sanitizer, which has its
 * own, FAILING is 0 and nothing fails.
 */
#ifndef RR_TEST_OOM_HELP_H
#define RR_TEST_OOM_HELP_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static _Atomic long until_failure = -1; /* so many succeed before the one that fails; -1: none fails */
static _Atomic bool for_ever;           /* and all behind it */
__attribute__((unused)) static _Atomic long allocations, failures, living; /* of a sanitizer's nobody counts them */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
#define FAILING 1
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void free(void *p);

static bool oom_fails(void)
{
	long left = atomic_load(&until_failure);
	atomic_fetch_add(&allocations, 1);
	while (left > 0)
		if (atomic_compare_exchange_weak(&until_failure, &left, left - 1))
			return false;
	if (left < 0 || (!atomic_load(&for_ever) && !atomic_compare_exchange_strong(&until_failure, &left, -1)))
		return false;
	atomic_fetch_add(&failures, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	void *p = oom_fails() ? NULL : __libc_malloc(n);
	atomic_fetch_add(&living, p != NULL);
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = oom_fails() ? NULL : __libc_calloc(n, size);
	atomic_fetch_add(&living, p != NULL);
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p = oom_fails() ? NULL : __libc_realloc(old, n);
	atomic_fetch_add(&living, p && !old);
	return p;
}

void free(void *p)
{
	atomic_fetch_sub(&living, p != NULL);
	__libc_free(p);
}
#else
#define FAILING 0
#endif

#endif
