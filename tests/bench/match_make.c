/* Writes work for a matcher as NDJSON, for other engines and for checks:
 *
 *   bench_match_make --work w1 --filters 10000 --events 1000 --seed 1 --out FOLDER
 *
 * FOLDER/filters.ndjson and FOLDER/events.ndjson. The first line of each says how it was made; line
 * i behind it is filter or event i, counted from 0. README.md, "Matching", says what is in them. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "match_write.h"

static FILE *create(const char *folder, const char *name)
{
	struct bud_buffer path = {0};
	FILE *file;

	bud_buffer_format(&path, "%s/%s", folder, name);
	file = fopen(path.at, "w");
	if (!file)
		perror(path.at);
	bud_buffer_finish(&path);
	return file;
}

static void write_head(FILE *file, const struct work *work)
{
	fprintf(file,
		"{\"work\":\"%s\",\"seed\":%llu,\"filters\":%zu,\"events\":%zu,"
		"\"generator\":\"xoshiro256**\"}\n",
		work_name(work), (unsigned long long)work->seed, work->filters, work->events);
}

static int end_line(FILE *file, struct bud_buffer *line)
{
	bool is_written;

	bud_buffer_byte(line, '\n');
	is_written = fwrite(line->at, 1, line->len, file) == line->len;
	if (!is_written)
		perror("write");
	bud_buffer_clear(line);
	return is_written ? 0 : -1;
}

static int write_filters(FILE *file, const struct work *work)
{
	struct work_filter filter = {0};
	struct bud_buffer line = {0};
	int r = 0;

	write_head(file, work);
	for (size_t i = 0; r == 0 && i < work->filters; i++) {
		work_make_filter(work, i, &filter);
		work_write_filter(&filter, &line);
		r = end_line(file, &line);
	}
	work_filter_finish(&filter);
	bud_buffer_finish(&line);
	return r;
}

static int write_events(FILE *file, const struct work *work)
{
	struct work_event event = {0};
	struct bud_buffer line = {0};
	int r = 0;

	write_head(file, work);
	for (size_t i = 0; r == 0 && i < work->events; i++) {
		work_make_event(work, i, &event);
		work_write_event(&event, i, &line);
		r = end_line(file, &line);
	}
	work_event_finish(&event);
	bud_buffer_finish(&line);
	return r;
}

static int write_file(const char *folder, const char *name, const struct work *work,
	int (*write)(FILE *, const struct work *))
{
	FILE *file = create(folder, name);
	int r;

	if (!file)
		return -1;
	r = write(file, work);
	if (fclose(file) != 0) {
		perror(name);
		r = -1;
	}
	return r;
}

int main(int argc, char **argv)
{
	const char *name = option_text(argc, argv, "--work", "w1");
	const char *folder = option_text(argc, argv, "--out", ".");
	struct work work;
	int r;

	if (work_init(&work, name, (uint64_t)option_number(argc, argv, "--seed", 1),
		    (size_t)option_number(argc, argv, "--filters", 0),
		    (size_t)option_number(argc, argv, "--events", 0)) < 0) {
		fprintf(stderr, "no such work: %s; there are", name);
		for (size_t i = 0; work_kind_name(i); i++)
			fprintf(stderr, " %s", work_kind_name(i));
		fprintf(stderr, "\n");
		return 2;
	}
	r = write_file(folder, "filters.ndjson", &work, write_filters);
	if (r == 0)
		r = write_file(folder, "events.ndjson", &work, write_events);
	work_finish(&work);
	return r == 0 ? 0 : 1;
}
