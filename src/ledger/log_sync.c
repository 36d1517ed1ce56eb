/* SPDX-License-Identifier: Apache-2.0
 *
 * See log_sync.h. The log is a file that SQLite takes no locks of, so another descriptor of it may come and go.
 */
#include "ledger/log_sync.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

struct log_sync {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool asked, end;
	int fd;
};

static void *run(void *arg)
{
	struct log_sync *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->end) {
		if (!s->asked) {
			pthread_cond_wait(&s->more, &s->lock);
			continue;
		}
		s->asked = false;
		pthread_mutex_unlock(&s->lock);
		fdatasync(s->fd);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct log_sync *log_sync_new(const char *ledger_path)
{
	struct log_sync *s = calloc(1, sizeof *s);
	struct sb path;
	if (!s)
		return NULL;
	sb_init(&path, 8192);
	sb_addf(&path, "%s-wal", ledger_path);
	s->fd = path.full ? -1 : open(path.p, O_RDONLY | O_CLOEXEC);
	sb_fini(&path);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->more, NULL);
	if (s->fd >= 0 && pthread_create(&s->thread, NULL, run, s) == 0)
		return s;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return NULL;
}

void log_sync_ask(struct log_sync *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->asked = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}

void log_sync_free(struct log_sync *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->end = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->more);
	close(s->fd);
	free(s);
}
