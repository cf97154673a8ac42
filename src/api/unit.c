/* Units in answers. */
#include "api/unit.h"

#include "core/text.h"
#include "event/event.h"

void bud_unit_write(const struct bud_event *event, struct bud_buffer *out)
{
	if (event->is_main_unknown)
		bud_buffer_text(out, ",\"main_unit_is_unknown\":true");
	if (!event->main_subject)
		return;
	bud_buffer_text(out, ",\"main_unit\":");
	bud_buffer_json(out, bud_span(event->main_subject));
}
