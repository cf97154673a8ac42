/* An event that is being dispatched: its bytes and its attributes in one piece of memory. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/text.h"
#include "event/attribute.h"
#include "event/data.h"

/* Counted, because one event has many deliveries; not atomic, because it stays in its thread.
 * Read-only for all; an absent attribute has at == NULL. */
struct bud_event {
	unsigned refs;
	struct bud_span owner;
	struct bud_span bytes; /* the structured JSON, exactly as stored */
	struct bud_span id;
	struct bud_span source;
	struct bud_span type;
	struct bud_span subject;
	struct bud_span expirytime;
	struct bud_span datacontenttype;
	struct bud_span data;
	enum bud_data_kind data_kind;
	int64_t expires_wall_ms; /* INT64_MAX: never */
	unsigned hops;           /* before it came to us; see event/hops.h */
	char *main_subject;      /* of what its subject is a part, by the register; or NULL */
	bool is_main_unknown;    /* the register could not say: it may be a part of anything */
	size_t attributes_n;
	struct bud_attribute attributes[];
};

/* Copies both and holds the first reference. NULL when `bytes` is not an event that
 * bud_envelope_scan() accepted before. */
struct bud_event *bud_event_create(struct bud_span owner, struct bud_span bytes);
struct bud_event *bud_event_ref(struct bud_event *event);
/* The last one frees it. NULL is fine. */
void bud_event_unref(struct bud_event *event);
/* Copies what the register says; before the event is matched. */
void bud_event_set_main_subject(struct bud_event *event, struct bud_span main_subject);
/* NULL when the event has no such attribute. */
const struct bud_attribute *bud_event_find(const struct bud_event *event, struct bud_span name);
