/* An app's event: the body of a POST to Altinn's /app, and the CloudEvent that becomes of it. Pure.
 * Within api/ only. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

#define BUD_ALTINN_ID_BYTES 37 /* a GUID and a NUL */

/* Texts are its own. */
struct bud_altinn_app_event {
	char id[BUD_ALTINN_ID_BYTES]; /* a new one, whatever the body says */
	char *source;
	char *type;
	char *subject;
	char *alternative_subject; /* or NULL */
};

/* Names in any case; unknown members, an id, a time and data are passed over. Starts as {0} and is
 * to be finished in each case. -EINVAL: `error` is Altinn's message. */
BUD_MUST_CHECK int bud_altinn_app_event_parse(
	struct bud_altinn_app_event *app, struct bud_span json, struct bud_error *error);
void bud_altinn_app_event_finish(struct bud_altinn_app_event *app);
/* Appends the event; its resource is that of the app its source is of. */
void bud_altinn_app_event_write(
	const struct bud_altinn_app_event *app, int64_t now_ms, struct bud_buffer *out);

/* The path of an absolute URL; empty when it is none, and when it has dots (event/uri.h): who
 * resolves them would read another app's. */
struct bud_span bud_altinn_app_path(struct bud_span source);
/* Appends "urn:altinn:resource:app_{org}_{app}"; false when the source has no such path. */
bool bud_altinn_app_resource(struct bud_span source, struct bud_buffer *out);
