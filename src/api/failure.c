/* Failures of the store, as problems. */
#include "api/failure.h"

#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "http/reply.h"

#define RETRY_AFTER_S "1"

static const struct {
	int err;
	struct bud_failure failure;
} failures[] = {
	{-ENOTCONN, {503, "unavailable", "Not available", "Redis does not answer"}},
	{-EAGAIN, {503, "unavailable", "Not available", "Redis is busy or starting"}},
	{-ENOBUFS, {503, "unavailable", "Not available", "Too much waits for Redis"}},
	{-ENOSPC, {503, "storage-full", "Storage is full", "Redis has no memory or disk left"}},
	{-ENOKEY, {503, "sealed", "Sealed",
			  "What is asked for is sealed with a key that "
			  "this node does not have: secrets.key"}},
	{-ENOENT, {503, "registry-missing", "The subscriptions are gone",
			  "Redis has lost the registry of subscriptions; an operator must look"}},
};

static const struct bud_failure unknown = {500, "internal-error", "Internal error",
	"The store has something that this version cannot read"};

const struct bud_failure *bud_failure_of(int err)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (failures[i].err == err)
			return &failures[i].failure;
	return &unknown;
}

static void reply(struct bud_request *request, const struct bud_failure *failure)
{
	struct bud_error error;

	(void)bud_error_set(&error, NULL, "%s", failure->detail);
	if (failure->status == 503)
		bud_reply_header(request, "Retry-After", RETRY_AFTER_S);
	bud_reply_problem(request, failure->status, failure->slug, failure->title, &error);
}

void bud_failure_reply(struct bud_request *request, int err)
{
	const struct bud_failure *failure = bud_failure_of(err);

	if (failure->status == 500)
		bud_log_error(
			"an API call found what it cannot read in Redis", "error", strerror(-err));
	reply(request, failure);
}

void bud_failure_reply_unavailable(struct bud_request *request, const char *detail)
{
	struct bud_failure failure = {503, "unavailable", "Not available", detail};

	reply(request, &failure);
}

void bud_failure_reply_unknown(struct bud_request *request)
{
	bud_reply_problem(request, 404, "not-found", "No such subscription", NULL);
}
