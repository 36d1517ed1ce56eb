/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunk queue against a plain array that does the same slowly, over random operations; its limits by hand.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "t.h"

enum { MODEL_BYTES = 300 * 1000, STEPS = 20000 };

struct model {
	char p[MODEL_BYTES];
	size_t n;
};

static bool agrees(struct buf *b, const struct model *m)
{
	struct iovec iov[64];
	unsigned count = buf_iov(b, iov, 64);
	size_t at = 0;
	for (unsigned i = 0; i < count; i++) {
		if (iov[i].iov_len == 0 || at + iov[i].iov_len > m->n ||
		    memcmp(iov[i].iov_base, m->p + at, iov[i].iov_len))
			return false;
		at += iov[i].iov_len;
	}
	return b->n == m->n && at == m->n && buf_front(b).n == (count ? iov[0].iov_len : 0) &&
	       (b->n > 0 || b->head == NULL);
}

static void add_model(struct model *m, const char *p, size_t n)
{
	memcpy(m->p + m->n, p, n);
	m->n += n;
}

static void drop_model(struct model *m, size_t n)
{
	memmove(m->p, m->p + n, m->n - n);
	m->n -= n;
}

TEST(random_operations_match_an_array)
{
	static struct model m[2];
	static char noise[70000];
	struct buf b[2];
	struct rng r;
	rng_seed(&r, 30);
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (char)rng_u64(&r);
	for (unsigned k = 0; k < 2; k++) {
		buf_init(&b[k], MODEL_BYTES / 2);
		m[k].n = 0;
	}
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned k = (unsigned)rng_below(&r, 2);
		size_t n = rng_below(&r, rng_below(&r, 4) ? 3000 : sizeof noise);
		const char *from = noise + rng_below(&r, sizeof noise - n);
		size_t room = buf_room(&b[k]);
		struct str span;
		char *writable;
		int rc;
		switch (rng_below(&r, 8)) {
		case 0:
		case 1:
		case 2:
			rc = buf_add(&b[k], from, n);
			T_EQ_I(rc, n <= room ? 0 : -RR_LIMIT);
			if (rc == 0)
				add_model(&m[k], from, n);
			break;
		case 3:
		case 4:
			n = n < m[k].n ? n : m[k].n;
			buf_drop(&b[k], n);
			drop_model(&m[k], n);
			break;
		case 5:
			span = buf_tail(&b[k], &writable);
			T_TRUE((span.n == 0) == (room == 0) && span.n <= room && span.p == writable);
			if (span.n) {
				n = rng_below(&r, 3) ? (n < span.n ? n : span.n) : 0;
				memcpy(writable, from, n);
				add_model(&m[k], from, n);
				buf_commit(&b[k], n);
			}
			break;
		case 6:
			span = buf_flat(&b[k]);
			T_TRUE(span.n == m[k].n && (span.n == 0 || memcmp(span.p, m[k].p, span.n) == 0));
			break;
		default:
			rc = buf_move(&b[k], &b[1 - k]);
			T_EQ_I(rc, m[1 - k].n <= room ? 0 : -RR_LIMIT);
			if (rc == 0) {
				add_model(&m[k], m[1 - k].p, m[1 - k].n);
				m[1 - k].n = 0;
			}
		}
		T_TRUE(agrees(&b[0], &m[0]) && agrees(&b[1], &m[1]));
	}
	buf_fini(&b[0]);
	buf_fini(&b[1]);
	buf_thread_free();
}

TEST(full_means_full_and_nothing_is_lost)
{
	struct buf b;
	char *writable;
	buf_init(&b, 10);
	T_EQ_I(buf_add(&b, "1234567890", 10), 0);
	T_EQ_I(buf_add(&b, "x", 1), -RR_LIMIT);
	T_EQ_I(buf_tail(&b, &writable).n, 0);
	T_TRUE(writable == NULL && buf_room(&b) == 0);
	T_TRUE(str_eqc(buf_flat(&b), "1234567890"));
	buf_drop(&b, 3);
	T_EQ_I(buf_tail(&b, &writable).n, 3);
	buf_commit(&b, 0);
	T_TRUE(str_eqc(buf_front(&b), "4567890"));
	buf_drop(&b, 7);
	T_TRUE(b.head == NULL && buf_front(&b).n == 0 && buf_flat(&b).n == 0);
	T_EQ_I(buf_add(&b, "", 0), 0);
	T_TRUE(b.head == NULL);
	buf_tail(&b, &writable);
	buf_commit(&b, 0); /* a read that gave nothing holds no chunk */
	T_TRUE(b.head == NULL && b.tail == NULL);
	buf_fini(&b);
	buf_thread_free();
}

/* A peer that writes single bytes must not make a chunk of each. */
TEST(moved_crumbs_are_packed)
{
	struct buf from, to;
	unsigned chunks = 0;
	struct iovec iov[64];
	buf_init(&from, 1000);
	buf_init(&to, 100 * 1000);
	for (unsigned i = 0; i < 50000; i++) {
		buf_add(&from, "z", 1);
		T_EQ_I(buf_move(&to, &from), 0);
	}
	chunks = buf_iov(&to, iov, 64);
	T_EQ_I(chunks, (50000 + BUF_CHUNK_BYTES - 1) / BUF_CHUNK_BYTES);
	buf_fini(&from);
	buf_fini(&to);
	buf_thread_free();
}

T_MAIN
