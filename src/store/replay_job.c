/* Replay jobs, written as words between blanks, the filters last: they may have blanks of their
 * own. */
#include "store/replay_job.h"

#include <errno.h>
#include <inttypes.h>

#define FORMAT "1"

static const char *const words[] = {"dead", "events"};

const char *bud_replay_source_word(enum bud_replay_source source)
{
	return words[source];
}

void bud_replay_job_write(const struct bud_replay_job *job, struct bud_buffer *out)
{
	char after[BUD_MEMBER_TEXT_BYTES] = "-";

	if (job->has_after)
		bud_member_write(&job->after, after);
	bud_buffer_format(out, FORMAT " %s %" PRId64 " %" PRId64 " %" PRId64, words[job->source],
		job->from_ms, job->to_ms, job->created_ms);
	bud_buffer_format(out, " %" PRIu64 " %" PRIu64 " %u %s %" PRId64 " %u ", job->looked,
		job->revived, job->partition, after, job->after_ms, job->after_attempt);
	bud_buffer_span(out, job->filters);
}

static bool read_number(struct bud_span *rest, uint64_t max, uint64_t *out_number)
{
	return bud_span_number(bud_span_take_until(rest, ' '), max, out_number);
}

static bool read_after(struct bud_span *rest, struct bud_replay_job *job)
{
	struct bud_span word = bud_span_take_until(rest, ' ');

	job->has_after = !bud_span_is(word, "-");
	return !job->has_after || bud_member_parse(word, &job->after);
}

static bool read_source(struct bud_span *rest, struct bud_replay_job *job)
{
	struct bud_span word = bud_span_take_until(rest, ' ');

	job->source = bud_span_is(word, words[1]) ? BUD_REPLAY_EVENTS : BUD_REPLAY_DEAD;
	return bud_span_is(word, words[job->source]);
}

int bud_replay_job_parse(struct bud_span value, struct bud_replay_job *out_job)
{
	struct bud_replay_job job = {.source = BUD_REPLAY_DEAD};
	struct bud_span rest = value;
	uint64_t from, to, created, partition, after_ms, after_attempt;

	if (!value.at || !bud_span_is(bud_span_take_until(&rest, ' '), FORMAT) ||
		!read_source(&rest, &job) || !read_number(&rest, INT64_MAX, &from) ||
		!read_number(&rest, INT64_MAX, &to) || !read_number(&rest, INT64_MAX, &created) ||
		!read_number(&rest, UINT64_MAX, &job.looked) ||
		!read_number(&rest, UINT64_MAX, &job.revived) ||
		!read_number(&rest, 99, &partition) || !read_after(&rest, &job) ||
		!read_number(&rest, INT64_MAX, &after_ms) ||
		!read_number(&rest, 63, &after_attempt))
		return -EINVAL;
	job.from_ms = (int64_t)from;
	job.to_ms = (int64_t)to;
	job.created_ms = (int64_t)created;
	job.partition = (unsigned)partition;
	job.after_ms = (int64_t)after_ms;
	job.after_attempt = (unsigned)after_attempt;
	job.filters = rest;
	*out_job = job;
	return 0;
}
