/* A notice: an event of ours that tells what became of a subscription or of a delivery, so that
 * anyone who may see it can subscribe to it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/text.h"

/* What the types of all notices begin with; nobody else may publish such a type. */
#define BUD_NOTICE_PREFIX "no.budstikke."

enum bud_notice_kind {
	BUD_NOTICE_DISABLED,  /* by us: gone, or failing for days */
	BUD_NOTICE_RECOVERED, /* active again after it was disabled */
	BUD_NOTICE_PAUSED,    /* by its owner */
	BUD_NOTICE_RESUMED,   /* active again after it was paused */
	BUD_NOTICE_PENDING,   /* its receiver is asked first */
	BUD_NOTICE_ACTIVATED, /* its receiver has agreed */
	BUD_NOTICE_DEAD,      /* a delivery was given up */
};

/* All borrowed. Never the sink: its path and query may hold what lets people in. */
struct bud_notice {
	enum bud_notice_kind kind;
	/* NULL: random. With one that follows from what happened, a notice that is written twice is
	 * published once. */
	const char *id;
	const char *subscription;
	const char *owner;
	const char *name;   /* of the subscription; may be NULL */
	const char *reason; /* a word; may be NULL */
	const char *detail; /* a sentence; may be NULL */
	int64_t since_ms;   /* when what it tells of began; 0: not said */
	int64_t now_ms;
	/* DEAD: the event, and how it ended. */
	struct bud_span event_id;
	struct bud_span event_source;
	struct bud_span event_type;
	unsigned attempts;
	int status; /* of the last response; 0: there was none */
};

/* Appends the notice as a structured CloudEvent; its subject is the subscription. */
void bud_notice_write(const struct bud_notice *notice, struct bud_buffer *out);
/* True for the type of a notice: it is refused from outside, and a delivery of one that dies is
 * told to nobody, or a dead receiver of notices would make notices for ever. */
bool bud_notice_is_ours(struct bud_span type);
