/* The decision point's client: gathers what the authority cannot answer, asks for it in one call at
 * a time, and tells the authority. Whoever waits asks the authority again then. One per worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"

struct bud_authority;      /* auth/authorize.h */
struct bud_decision_point; /* opaque; belongs to the loop's thread */
struct bud_fetch;          /* fetch/fetch.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_question;       /* auth/question.h */
struct bud_register;       /* access/register.h */
struct uv_loop_s;

/* Borrowed until it is closed, but `url` and `header`, which are read when it is opened. */
struct bud_decision_point_options {
	struct uv_loop_s *loop;
	struct bud_fetch *fetch;
	struct bud_authority *authority;
	struct bud_metrics *metrics;
	/* The point knows persons by their party's UUID, and the register tells it; NULL: they are
	 * sent as they are. */
	struct bud_register *reg;
	const char *url;
	const char *header; /* "Name: value" sent along; "" or NULL: none */
	int64_t kept_ms;    /* how long a decision is good */
	unsigned timeout_ms;
	/* `text`: a call failed, and this is why; NULL: one was answered again. Told once each. */
	void (*on_trouble)(void *owner, const char *text);
	void *owner;
};

/* NULL with `error` filled: URL or header cannot be used. */
BUD_MUST_CHECK struct bud_decision_point *bud_decision_point_open(
	const struct bud_decision_point_options *options, struct bud_error *error);

/* Files a question that was answered with LATER: it is copied, and asked once however often it is
 * filed. Its number, which grows; 0: it cannot be asked now (the point is cut off, too much waits,
 * or the register cannot say who its person is). */
uint64_t bud_decision_point_want(
	struct bud_decision_point *point, const struct bud_question *question);
/* All numbers up to this one are answered, or have failed. */
uint64_t bud_decision_point_done(const struct bud_decision_point *point);
/* Called at the end of each call, when there may be something new; NULL: nobody. */
void bud_decision_point_tell(
	struct bud_decision_point *point, void (*on_done)(void *owner), void *owner);

/* Files it and calls `fn` once when it is done, never before this returns. -EAGAIN: it cannot be
 * asked now, and fn is not called. */
BUD_MUST_CHECK int bud_decision_point_ask(struct bud_decision_point *point,
	const struct bud_question *question, void (*fn)(void *owner), void *owner);

/* Takes no more; what is filed is over, and its fn's are called. Before the fetch is closed, which
 * ends the call under way. */
void bud_decision_point_stop(struct bud_decision_point *point);
/* After the fetch is closed. Asynchronous; NULL is fine. */
void bud_decision_point_close(struct bud_decision_point *point);
