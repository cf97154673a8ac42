/* Authentication as the server knows it: the step between a whole request and its handler that
 * finds out who asks. */
#pragma once

struct bud_identity; /* auth/identity.h */
struct bud_request;  /* http/request.h */

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
};

/* By `ask`: the handler gets the request. */
void bud_request_admit(struct bud_request *request);
