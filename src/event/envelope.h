/* An envelope: where the attributes and the data of a structured CloudEvent stand in its bytes. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"
#include "event/attribute.h"
#include "event/data.h"

/* Spans point into the scanned bytes or into `side`, so they hold until the next scan. An absent
 * attribute has at == NULL. About 2 KiB: reuse one from event to event. */
struct bud_envelope {
	struct bud_span json; /* the event from { to }, without the blanks around it */
	struct bud_span id, source, type, subject, specversion, datacontenttype, time;
	struct bud_span partitionkey, expirytime, traceparent;
	struct bud_span data;
	enum bud_data_kind data_kind;
	size_t attributes_n;
	struct bud_attribute attributes[BUD_ATTRIBUTES_MAX]; /* in the order they came */
	struct bud_buffer side; /* values that were written with escapes */
};

void bud_envelope_init(struct bud_envelope *envelope);
void bud_envelope_finish(struct bud_envelope *envelope);

/* Checks one event in the JSON format completely, `data` included (CloudEvents 1.0.2 core and JSON
 * format), and notes where everything stands. Borrows `json` as long as the envelope is read.
 * -EINVAL: `error` names the member at fault, "" when the JSON as a whole is; -E2BIG: the event is
 * longer than BUD_EVENT_BYTES_MAX. */
BUD_MUST_CHECK int bud_envelope_scan(
	struct bud_envelope *envelope, struct bud_span json, struct bud_error *error);
/* The same for an event that more text follows: it took the bytes up to the end of
 * `envelope->json`. */
BUD_MUST_CHECK int bud_envelope_scan_first(
	struct bud_envelope *envelope, struct bud_span json, struct bud_error *error);
/* For bytes that passed bud_envelope_scan() and came back from our store: finds the attributes and
 * checks only what keeps us inside the bytes. -EINVAL when they are no such event. */
BUD_MUST_CHECK int bud_envelope_scan_stored(struct bud_envelope *envelope, struct bud_span json);

/* NULL when the event has no such attribute; `data` is none. */
const struct bud_attribute *bud_envelope_find(
	const struct bud_envelope *envelope, struct bud_span name);

/* What the scans are made of. */
/* Forgets the event before. */
void bud_envelope_start(struct bud_envelope *envelope, struct bud_span json);
/* The caller has seen that there is room. */
void bud_envelope_keep(struct bud_envelope *envelope, const struct bud_attribute *attribute);
/* What `raw`, a string of the event, stands for; lives in `side`. */
struct bud_span bud_envelope_unescape(struct bud_envelope *envelope, struct bud_span raw);
