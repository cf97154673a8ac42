/* What the tests of the API share: one node, its last answer, and short ways to ask. */
#pragma once
#include "api_node.h"

extern struct api_node node;
extern struct api_answer answer; /* until the next is asked for */

/* cmocka's fixtures, of a test or of a group. */
int api_start(void **state);
int api_finish(void **state);

/* The status of one request. */
int api_ask(const char *request_line, const char *body);
/* With header lines, each with CR LF. */
int api_ask_with(const char *request_line, const char *fields, const char *body);
/* Of a subscription: `path` begins behind its id and may be empty. */
int api_ask_at(
	const char *method, const char *id, const char *path, const char *fields, const char *body);
/* Of a request that api_send() sent. */
int api_await(int fd);
/* A subscription, which must be new. */
void api_create(const char *body, char out_id[65]);
