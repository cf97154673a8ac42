/* The content mode of an HTTP message. */
#include "event/mode.h"

#include "event/media_type.h"

/* True for exactly `essence`, in UTF-8. */
static bool is_format(struct bud_span content_type, const char *essence)
{
	struct bud_media_type type;

	return bud_media_type_parse(content_type, &type) &&
	       bud_span_is_nocase(type.essence, essence) &&
	       (!type.charset.at || bud_span_is_nocase(type.charset, "utf-8"));
}

enum bud_mode bud_mode_of(struct bud_span content_type)
{
	struct bud_span text = bud_span_trim(content_type);

	/* The batch prefix first: it begins with the structured one. */
	if (bud_span_starts_nocase(text, "application/cloudevents-batch"))
		return is_format(text, "application/cloudevents-batch+json") ? BUD_MODE_BATCH
									     : BUD_MODE_UNSUPPORTED;
	if (bud_span_starts_nocase(text, "application/cloudevents"))
		return is_format(text, "application/cloudevents+json") ? BUD_MODE_STRUCTURED
								       : BUD_MODE_UNSUPPORTED;
	return BUD_MODE_BINARY;
}
