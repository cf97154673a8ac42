/* Authentication as the server knows it: the step between a whole request and its handler that
 * finds out who asks, and a look at the head before a body is read. */
#pragma once

struct bud_identity; /* auth/identity.h */
struct bud_request;  /* http/request.h */

/* What the head of a request says of who sent it. */
enum bud_head_look {
	BUD_HEAD_UNDECIDED, /* nothing is set: `ask` is called when the request is whole */
	BUD_HEAD_KNOWN,     /* set as by `ask`, which is not called */
	BUD_HEAD_ANSWERED,  /* it is refused, and its body not read */
};

/* Starts as {0}; what it points to is borrowed until the listener is closed. */
struct bud_authentication {
	/* Sets `identity` (and `platform`) of the request and calls bud_request_admit(), or
	 * answers: at once or later on the same loop, exactly once. NULL: everybody is `everybody`.
	 */
	void (*ask)(void *owner, struct bud_request *request);
	/* The request is over: what `ask` has put into it may go. Not NULL when `ask` is not. */
	void (*leave)(void *owner, struct bud_request *request);
	void *owner;
	/* NULL where no handler asks (the admin listener). */
	const struct bud_identity *everybody;
	/* When the head is there and its body is to come, so that nobody unknown makes us read and
	 * keep one; at once. `body` is not set yet. NULL: all wait for `ask`. */
	enum bud_head_look (*look)(void *owner, struct bud_request *request);
};

/* By `ask`: the handler gets the request. */
void bud_request_admit(struct bud_request *request);
