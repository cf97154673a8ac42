/* Work for a matcher, written: neutrally for any engine, as our subscriptions, as CloudEvents. */
#pragma once
#include "match_work.h"

/* Appends ["all",["exact","type","a"],["not",["prefix","source","/x"]]]. */
void work_write_filter(const struct work_filter *filter, struct bud_buffer *out);
/* Appends the value of the member `filters` of a subscription. The root is an `all`. */
void work_write_dialect(const struct work_filter *filter, struct bud_buffer *out);
/* Appends the event in the JSON format; its number is its id. */
void work_write_event(const struct work_event *event, size_t number, struct bud_buffer *out);
