/* What an answer tells of the unit that an event's subject is a part of. Within api/ only. */
#pragma once

struct bud_buffer; /* core/text.h */
struct bud_event;  /* event/event.h */

/* Appends `,"main_unit":…` when it is a part of one, `,"main_unit_is_unknown":true` when the
 * register could not say, else nothing. */
void bud_unit_write(const struct bud_event *event, struct bud_buffer *out);
