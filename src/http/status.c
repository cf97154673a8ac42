/* Status codes: one line each. */
#include "http/status.h"

#include <stddef.h>

static const struct status {
	int code;
	const char *reason;
	const char *slug;
} table[] = {
	{202, "Accepted", NULL},
	{200, "OK", NULL},
	{201, "Created", NULL},
	{204, "No Content", NULL},
	{304, "Not Modified", NULL},
	{400, "Bad Request", "bad-request"},
	{401, "Unauthorized", "unauthorized"},
	{403, "Forbidden", "forbidden"},
	{404, "Not Found", "not-found"},
	{405, "Method Not Allowed", "method-not-allowed"},
	{406, "Not Acceptable", "not-acceptable"},
	{408, "Request Timeout", "request-timeout"},
	{409, "Conflict", "conflict"},
	{410, "Gone", "gone"},
	{412, "Precondition Failed", "precondition-failed"},
	{413, "Content Too Large", "content-too-large"},
	{414, "URI Too Long", "uri-too-long"},
	{415, "Unsupported Media Type", "unsupported-media-type"},
	{417, "Expectation Failed", "expectation-failed"},
	{422, "Unprocessable Content", "unprocessable-content"},
	{428, "Precondition Required", "precondition-required"},
	{429, "Too Many Requests", "too-many-requests"},
	{431, "Request Header Fields Too Large", "head-too-large"},
	{500, "Internal Server Error", "internal-error"},
	{501, "Not Implemented", "not-implemented"},
	{502, "Bad Gateway", "bad-gateway"},
	{503, "Service Unavailable", "unavailable"},
	{504, "Gateway Timeout", "gateway-timeout"},
};

static const struct status *find(int code)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].code == code)
			return &table[i];
	}
	return NULL;
}

const char *bud_status_reason(int status)
{
	const struct status *found = find(status);

	return found ? found->reason : "";
}

const char *bud_status_slug(int status)
{
	const struct status *found = find(status);

	return found && found->slug ? found->slug : "error";
}
