/* A receiver on the test's loop: answers each path as told, checks every signature and notes what
 * came. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "core/list.h"
#include "core/text.h"

#define SINK_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

struct bud_listener; /* http/listener.h */

/* What one path answers: statuses in turn, the last one again and again. */
struct sink_path {
	char path[24];
	int statuses[8];
	size_t n;
	uint64_t delay_ms;
	const char *retry_after; /* borrowed; NULL: none */
	size_t calls;
};

/* One request that came. */
struct sink_seen {
	char path[24];
	char event[32];
	char webhook_id[48];
	int status;
};

struct sink {
	uv_loop_t *loop;
	struct bud_listener *listener;
	int port;
	struct sink_path paths[8];
	size_t n_paths;
	const char *slow_event; /* borrowed; answered after slow_ms whatever its path; or NULL */
	uint64_t slow_ms;
	struct sink_seen *seen;
	size_t n;
	size_t room;
	size_t n_counted; /* by sink_distinct() */
	size_t n_distinct;
	struct bud_list waiting; /* answers to come */
	size_t n_waiting;
	size_t most_at_a_time;
	size_t n_bad;           /* not signed, or not the event that its id says */
	bool takes_anything;    /* any content, any signature */
	struct bud_buffer head; /* of the last request: "name: value\n" each */
	struct bud_buffer body;
};

void sink_open(struct sink *sink, uv_loop_t *loop);
/* Answers what waits, now. */
void sink_release(struct sink *sink);
/* Releases, and closes. Asynchronous; the memory goes with sink_finish(). */
void sink_close(struct sink *sink);
void sink_finish(struct sink *sink);
/* Statuses end with 0. A path that ends with * means all that begin so. Every other path answers
 * 200 at once. */
void sink_tell(struct sink *sink, const char *path, uint64_t delay_ms, const int *statuses);
/* Its answers carry this Retry-After. */
void sink_tell_retry_after(struct sink *sink, const char *path, const char *retry_after);
/* The last request had this line, "name: value" with the name in lower case. */
bool sink_had(const struct sink *sink, const char *line);
/* Requests on a path (NULL: all), for an event (NULL: all). */
size_t sink_count(const struct sink *sink, const char *path, const char *event);
/* Different pairs of path and event that were answered 2xx. */
size_t sink_distinct(struct sink *sink);
