#include "push_request.h"
#include <stdio.h>
#include <string.h>

const char *const push_constant_headers[PUSH_CONSTANT_HEADERS] = {
	"content-type: application/cloudevents+json; charset=utf-8",
	"user-agent: budstikke/0.1.0",
	"accept: */*",
	"webhook-hops: 1",
};

void push_headers_init(struct push_headers *headers)
{
	static const char *const lines[PUSH_ATTEMPT_HEADERS] = {
		"webhook-id: msg_5qkT0b3uJ1cYv2rXw8e000000",
		"webhook-timestamp: 1795315500",
		"webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/0000000=",
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0b000000-01",
	};

	for (size_t i = 0; i < PUSH_ATTEMPT_HEADERS; i++)
		snprintf(headers->lines[i], sizeof headers->lines[i], "%s", lines[i]);
}

static void put_digits(char *end, uint64_t number, int n)
{
	while (n-- > 0) {
		*--end = (char)('0' + number % 10);
		number /= 10;
	}
}

void push_headers_next(struct push_headers *headers, uint64_t number)
{
	char *id = headers->lines[0];
	char *timestamp = headers->lines[1];
	char *signature = headers->lines[2];
	char *trace = headers->lines[3];

	put_digits(id + strlen(id), number, 6);
	put_digits(timestamp + strlen(timestamp), number / 100000, 2);
	put_digits(signature + strlen(signature) - 1, number, 6);
	put_digits(trace + strlen(trace) - 3, number, 6);
}
