/* A decision point on the test's loop, which answers XACML's multi-decision requests, or lies. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include "core/list.h"
#include "core/text.h"

struct bud_listener; /* http/listener.h */

enum pdp_mode {
	PDP_ANSWERS,
	PDP_ONE_SHORT, /* a decision too few */
	PDP_NO_JSON,
	PDP_HUGE,
	PDP_STATUS_500,
	PDP_SILENT, /* until pdp_close() */
};

struct pdp {
	struct bud_listener *listener;
	int port;
	enum pdp_mode mode;
	const char *permitted; /* who is, by the value alone: "a b", "*"; the rest is denied */
	size_t calls;
	size_t questions;
	struct bud_buffer body; /* of the last call */
	struct bud_buffer field;
	struct bud_list waiting;
};

void pdp_open(struct pdp *pdp, uv_loop_t *loop);
/* Asynchronous; the memory goes with pdp_finish(). */
void pdp_close(struct pdp *pdp);
void pdp_finish(struct pdp *pdp);
