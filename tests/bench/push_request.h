/* The request that a push is: the same headers for the limit loop and the raw client. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PUSH_CONSTANT_HEADERS 4
#define PUSH_ATTEMPT_HEADERS  4

extern const char *const push_constant_headers[PUSH_CONSTANT_HEADERS];

/* The headers that differ with each attempt, as long as the real ones. They are not computed:
 * signing is budstikke's share, not the limit's. */
struct push_headers {
	char lines[PUSH_ATTEMPT_HEADERS][128];
};
void push_headers_init(struct push_headers *headers);
/* Cheap: changes some digits of each. */
void push_headers_next(struct push_headers *headers, uint64_t number);
