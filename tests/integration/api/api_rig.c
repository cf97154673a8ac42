/* The node and the answer. */
#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

struct api_node node;
struct api_answer answer;

int api_start(void **state)
{
	(void)state;
	api_node_start(&node, 0);
	return 0;
}

int api_finish(void **state)
{
	(void)state;
	api_answer_finish(&answer);
	api_node_finish(&node);
	return 0;
}

int api_await(int fd)
{
	api_answer_finish(&answer);
	api_read(fd, &answer);
	return answer.status;
}

int api_ask_with(const char *request_line, const char *fields, const char *body)
{
	return api_await(api_send(&node, request_line, fields, body));
}

int api_ask(const char *request_line, const char *body)
{
	return api_ask_with(request_line, NULL, body);
}

int api_ask_at(
	const char *method, const char *id, const char *path, const char *fields, const char *body)
{
	char line[300];

	snprintf(line, sizeof(line), "%s /subscriptions/%s%s", method, id, path);
	return api_ask_with(line, fields, body);
}

void api_create(const char *body, char out_id[65])
{
	assert_int_equal(201, api_ask("POST /subscriptions", body));
	snprintf(out_id, 65, "%s", api_text(&answer, "id"));
}
