/* Binary content: what stands for an event in HTTP's binary mode (HTTP binding, 3.1). */
#pragma once
#include <stdbool.h>

struct bud_content; /* event/content.h */
struct bud_event;   /* event/event.h */

/* Fills `content`, which is all zeros: Content-Type from datacontenttype, a header for each other
 * attribute, the data as the body. False, and `content` as it was, when binary mode cannot carry
 * the event to every receiver:
 * - it has no data, or data of no bytes: a webhook has a body (Webhooks, 2.1);
 * - data_base64 without datacontenttype: nothing says what Content-Type should be;
 * - datacontenttype is application/cloudevents...: it would be read as another mode;
 * - its charset is not UTF-8, or US-ASCII while the data is not, so that we cannot write it;
 * - an attribute is empty, or datacontenttype is not plain ASCII;
 * - the header lines together are longer than BUD_BINARY_HEAD_MAX. */
bool bud_content_binary_write(struct bud_content *content, const struct bud_event *event);
