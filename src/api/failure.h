/* What a failure of the store means to a client: one table from negative errno to problem. */
#pragma once

struct bud_request; /* http/request.h */

struct bud_failure {
	int status; /* 503 goes out with Retry-After */
	const char *slug;
	const char *title;
	const char *detail;
};

/* Never NULL; `err` as in store/store.h, anything unknown is a 500. */
const struct bud_failure *bud_failure_of(int err);
/* Answers with it. Logs what a person must look at. */
void bud_failure_reply(struct bud_request *request, int err);
/* Answers 503 "unavailable" with Retry-After: 1. */
void bud_failure_reply_unavailable(struct bud_request *request, const char *detail);
/* Answers 404 for a subscription: there is none, or it is somebody else's. */
void bud_failure_reply_unknown(struct bud_request *request);
