/* An event that is being dispatched: one allocation holds the struct, its attributes and all
 * their text, so that giving up the last reference is cheap. */
#include "event/event.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "event/envelope.h"
#include "event/hops.h"
#include "event/timestamp.h"

static bool is_inside(struct bud_span span, const char *at, size_t len)
{
	return (uintptr_t)span.at >= (uintptr_t)at && (uintptr_t)span.at <= (uintptr_t)at + len;
}

/* Where the envelope's bytes and its side buffer stand in the event. */
struct moved {
	const struct bud_envelope *envelope;
	const char *json;
	const char *side;
};

/* The same span in the event's own copy. */
static struct bud_span moved(const struct moved *to, struct bud_span span)
{
	const struct bud_envelope *envelope = to->envelope;

	if (!span.at)
		return span;
	if (is_inside(span, envelope->json.at, envelope->json.len))
		return (struct bud_span){to->json + (span.at - envelope->json.at), span.len};
	assert(is_inside(span, envelope->side.at, envelope->side.len));
	return (struct bud_span){to->side + (span.at - envelope->side.at), span.len};
}

static char *copy(char *to, const char *from, size_t len)
{
	if (len > 0)
		memcpy(to, from, len);
	return to + len;
}

static struct bud_event *create(struct bud_span owner, const struct bud_envelope *envelope)
{
	size_t n = envelope->attributes_n;
	size_t fixed = sizeof(struct bud_event) + n * sizeof(struct bud_attribute);
	struct bud_event *event =
		bud_alloc(fixed + owner.len + envelope->json.len + envelope->side.len);
	char *text = (char *)event + fixed;
	struct moved to = {envelope, text + owner.len, text + owner.len + envelope->json.len};

	text = copy(text, owner.at, owner.len);
	text = copy(text, envelope->json.at, envelope->json.len);
	copy(text, envelope->side.at, envelope->side.len);
	*event = (struct bud_event){
		.refs = 1,
		.owner = {(char *)event + fixed, owner.len},
		.bytes = {to.json, envelope->json.len},
		.id = moved(&to, envelope->id),
		.source = moved(&to, envelope->source),
		.type = moved(&to, envelope->type),
		.subject = moved(&to, envelope->subject),
		.expirytime = moved(&to, envelope->expirytime),
		.datacontenttype = moved(&to, envelope->datacontenttype),
		.data = moved(&to, envelope->data),
		.data_kind = envelope->data_kind,
		.expires_wall_ms = INT64_MAX,
		.attributes_n = n,
	};
	for (size_t i = 0; i < n; i++)
		event->attributes[i] = (struct bud_attribute){
			moved(&to, envelope->attributes[i].name),
			moved(&to, envelope->attributes[i].value), envelope->attributes[i].type};
	const struct bud_attribute *hops = bud_event_find(event, bud_span(BUD_HOPS_ATTRIBUTE));
	event->hops = hops ? bud_hops_of(hops->value) : 0;
	/* The full scan has checked it; an event that cannot be read never expires. */
	if (event->expirytime.at)
		(void)!bud_time_parse(event->expirytime, &event->expires_wall_ms);
	return event;
}

struct bud_event *bud_event_create(struct bud_span owner, struct bud_span bytes)
{
	struct bud_envelope envelope;
	struct bud_event *event = NULL;

	bud_envelope_init(&envelope);
	if (bud_envelope_scan_stored(&envelope, bytes) == 0)
		event = create(owner, &envelope);
	bud_envelope_finish(&envelope);
	return event;
}

struct bud_event *bud_event_ref(struct bud_event *event)
{
	assert(event->refs > 0);
	event->refs++;
	return event;
}

void bud_event_unref(struct bud_event *event)
{
	if (!event)
		return;
	assert(event->refs > 0);
	if (--event->refs > 0)
		return;
	free(event->main_subject);
	free(event);
}

void bud_event_set_main_subject(struct bud_event *event, struct bud_span main_subject)
{
	free(event->main_subject);
	event->main_subject = bud_strndup(main_subject.at, main_subject.len);
}

const struct bud_attribute *bud_event_find(const struct bud_event *event, struct bud_span name)
{
	for (size_t i = 0; i < event->attributes_n; i++)
		if (bud_span_equals(event->attributes[i].name, name))
			return &event->attributes[i];
	return NULL;
}
