/* Work for a matcher: the kinds of it. README.md, "Matching", says what each is for. */
#include "match_work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"

#define PARTIES      1000000u
#define TYPES        20u
#define PATH_BYTES   1000u /* of the nested prefixes */
#define SQL_TYPES    1000u
#define FIXED        7u /* filters per resource without a subject */
#define EVENT_STREAM ((uint64_t)1 << 40)
#define PATH_STREAM  ((uint64_t)1 << 41)

struct work_kind {
	const char *name;
	size_t filters, events; /* by default */
	void (*make_filter)(const struct work *, size_t, struct work_filter *);
	void (*make_event)(const struct work *, size_t, struct work_event *);
};

/* Building. */

static struct work_node *add_node(struct work_filter *filter, enum work_op op)
{
	struct work_node *node = &filter->nodes[filter->n++];

	*node = (struct work_node){.op = op, .at = filter->text.len};
	return node;
}

/* What was appended to the text since the node was added is its value. */
static void end_value(struct work_filter *filter)
{
	struct work_node *node = &filter->nodes[filter->n - 1];

	node->len = filter->text.len - node->at;
}

static void add_exact(struct work_filter *filter, const char *attribute, const char *value)
{
	add_node(filter, WORK_EXACT)->attribute = attribute;
	bud_buffer_text(&filter->text, value);
	end_value(filter);
}

static void add_attribute(struct work_event *event, const char *name)
{
	event->attributes[event->n++] =
		(struct work_attribute){.name = name, .at = event->text.len};
}

static void end_attribute(struct work_event *event)
{
	struct work_attribute *attribute = &event->attributes[event->n - 1];

	attribute->len = event->text.len - attribute->at;
}

static void add_text(struct work_event *event, const char *name, const char *value)
{
	add_attribute(event, name);
	bud_buffer_text(&event->text, value);
	end_attribute(event);
}

/* W1: as in Altinn. Resources are apps, subjects are parties; two filters per resource ask for
 * nothing else, five for a type, all others for a party. */

struct wish {
	size_t resource;
	size_t party; /* SIZE_MAX: none */
};

static void write_resource(struct bud_buffer *out, size_t resource)
{
	bud_buffer_format(out, "urn:altinn:resource:app_o%02zu_app-%04zu", resource % 50, resource);
}

static void write_base(struct bud_buffer *out, size_t resource)
{
	bud_buffer_format(out, "https://o%02zu.apps.example.no/o%02zu/app-%04zu/", resource % 50,
		resource % 50, resource);
}

static void write_party(struct bud_buffer *out, size_t party)
{
	size_t number = party * 7919 % 100000000;

	if (party % 2 == 0)
		bud_buffer_format(out, "/party/%08zu", number);
	else
		bud_buffer_format(out, "urn:altinn:organization:identifier-no:9%08zu", number);
}

static void write_type(struct bud_buffer *out, size_t type)
{
	bud_buffer_format(out, "no.example.instance.step-%02zu.completed", type);
}

static void exact_resource(struct work_filter *out, size_t resource)
{
	add_node(out, WORK_EXACT)->attribute = "resource";
	write_resource(&out->text, resource);
	end_value(out);
}

static void exact_type(struct work_filter *out, size_t type)
{
	add_node(out, WORK_EXACT)->attribute = "type";
	write_type(&out->text, type);
	end_value(out);
}

/* What filter `number` asks for, in a draw that goes on behind it. */
static struct wish wish_of(const struct work *work, size_t number, struct draw *draw)
{
	draw_init(draw, work->seed, number);
	if (number < FIXED * work->resources)
		return (struct wish){number % work->resources, SIZE_MAX};
	return (struct wish){zipf_draw(&work->by_resource, draw), zipf_draw(&work->by_party, draw)};
}

static void altinn_filter(const struct work *work, size_t number, struct work_filter *out)
{
	struct draw draw;
	struct wish wish = wish_of(work, number, &draw);
	struct work_node *all = add_node(out, WORK_ALL);
	uint64_t kind = draw_below(&draw, 10);

	exact_resource(out, wish.resource);
	if (wish.party == SIZE_MAX) {
		if (number >= 2 * work->resources)
			exact_type(out, zipf_draw(&work->by_type, &draw));
	} else {
		add_node(out, WORK_EXACT)->attribute = "subject";
		write_party(&out->text, wish.party);
		end_value(out);
		if (kind >= 6 && kind < 9)
			exact_type(out, zipf_draw(&work->by_type, &draw));
		if (kind == 9) {
			add_node(out, WORK_PREFIX)->attribute = "source";
			write_base(&out->text, wish.resource);
			bud_buffer_text(&out->text, draw_percent(&draw, 50) ? "instances/" : "");
			end_value(out);
		}
	}
	all->children = (unsigned)out->n - 1;
}

static void altinn_event(const struct work *work, size_t number, struct work_event *out)
{
	struct draw draw, of_filter;
	struct wish wish;

	draw_init(&draw, work->seed, EVENT_STREAM + number);
	wish.resource = zipf_draw(&work->by_resource, &draw);
	wish.party = zipf_draw(&work->by_party, &draw);
	if (draw_percent(&draw, 50)) {
		struct wish other = wish_of(work, draw_below(&draw, work->filters), &of_filter);
		wish.resource = other.resource;
		wish.party = other.party != SIZE_MAX ? other.party : wish.party;
	}
	add_attribute(out, "source");
	write_base(&out->text, wish.resource);
	bud_buffer_format(&out->text, "instances/%zu/%016llx", wish.party,
		(unsigned long long)draw_number(&draw));
	end_attribute(out);
	add_attribute(out, "type");
	write_type(&out->text, zipf_draw(&work->by_type, &draw));
	end_attribute(out);
	add_attribute(out, "subject");
	write_party(&out->text, wish.party);
	end_attribute(out);
	add_attribute(out, "resource");
	write_resource(&out->text, wish.resource);
	end_attribute(out);
	add_attribute(out, "resourceinstance");
	bud_buffer_format(
		&out->text, "%zu/%016llx", wish.party, (unsigned long long)draw_number(&draw));
	end_attribute(out);
}

/* W4a, W4b: each prefix of some long values; with b, and a subject that never comes. */

static void add_path(struct bud_buffer *out, const struct work *work, size_t value, size_t len)
{
	struct draw draw;

	draw_init(&draw, work->seed, PATH_STREAM + value);
	for (size_t i = 0; i < len; i++)
		bud_buffer_byte(out, draw_letter(&draw));
}

static void add_nested(const struct work *work, size_t number, struct work_filter *out)
{
	add_node(out, WORK_PREFIX)->attribute = "path";
	add_path(&out->text, work, number / PATH_BYTES, number % PATH_BYTES + 1);
	end_value(out);
}

static void nested_filter(const struct work *work, size_t number, struct work_filter *out)
{
	add_node(out, WORK_ALL)->children = 1;
	add_nested(work, number, out);
}

static void nested_none_filter(const struct work *work, size_t number, struct work_filter *out)
{
	add_node(out, WORK_ALL)->children = 2;
	add_nested(work, number, out);
	add_exact(out, "subject", "never");
}

static void nested_event(const struct work *work, size_t number, struct work_event *out)
{
	size_t values = work->filters / PATH_BYTES;

	add_text(out, "source", "/nested");
	add_text(out, "type", "nested");
	add_text(out, "subject", "always");
	add_attribute(out, "path");
	add_path(&out->text, work, number % (values ? values : 1), PATH_BYTES);
	end_attribute(out);
}

/* W4c: all share resource and source, the type tells them apart. */

static void shared_filter(const struct work *work, size_t number, struct work_filter *out)
{
	(void)work;
	add_node(out, WORK_ALL)->children = 3;
	add_exact(out, "resource", "urn:example:shared");
	add_exact(out, "source", "https://shared.example.no/");
	add_node(out, WORK_EXACT)->attribute = "type";
	bud_buffer_format(&out->text, "type-%zu", number);
	end_value(out);
}

static void shared_event(const struct work *work, size_t number, struct work_event *out)
{
	struct draw draw;

	draw_init(&draw, work->seed, EVENT_STREAM + number);
	add_text(out, "source", "https://shared.example.no/");
	add_text(out, "resource", "urn:example:shared");
	add_attribute(out, "type");
	bud_buffer_format(
		&out->text, "type-%llu", (unsigned long long)draw_below(&draw, work->filters));
	end_attribute(out);
}

/* W5: every filter matches every event. */

static void empty_filter(const struct work *work, size_t number, struct work_filter *out)
{
	(void)work;
	(void)number;
	add_node(out, WORK_ALL);
}

static void same_type_filter(const struct work *work, size_t number, struct work_filter *out)
{
	(void)work;
	(void)number;
	add_node(out, WORK_ALL)->children = 1;
	add_exact(out, "type", "everyone");
}

static void not_type_filter(const struct work *work, size_t number, struct work_filter *out)
{
	(void)work;
	(void)number;
	add_node(out, WORK_ALL)->children = 1;
	add_node(out, WORK_NOT)->children = 1;
	add_exact(out, "type", "nobody");
}

static void same_event(const struct work *work, size_t number, struct work_event *out)
{
	(void)work;
	add_text(out, "type", "everyone");
	add_attribute(out, "source");
	bud_buffer_format(&out->text, "/source/%zu", number);
	end_attribute(out);
}

/* W7: CloudEvents SQL; one in a hundred asks for what no index can find. */

static void sql_filter(const struct work *work, size_t number, struct work_filter *out)
{
	struct draw draw;
	size_t resource;
	unsigned type;
	uint64_t kind;

	draw_init(&draw, work->seed, number);
	resource = zipf_draw(&work->by_resource, &draw);
	type = (unsigned)draw_below(&draw, SQL_TYPES);
	kind = draw_below(&draw, 100);
	add_node(out, WORK_ALL)->children = 1;
	add_node(out, WORK_SQL);
	if (kind < 90) {
		bud_buffer_format(&out->text, "type = 'type-%u' AND source LIKE '", type);
		write_base(&out->text, resource);
		bud_buffer_text(&out->text, "%'");
		if (kind >= 70)
			bud_buffer_format(&out->text, " AND INT(seq) %% %u = %u",
				2 + (unsigned)(kind % 5), (unsigned)(number % 2));
	} else if (kind < 99) {
		bud_buffer_format(&out->text,
			"EXISTS resource AND type IN ('type-%u', 'type-%u') AND subject = '", type,
			(type + 1) % SQL_TYPES);
		write_party(&out->text, draw_below(&draw, 1000));
		bud_buffer_text(&out->text, "'");
	} else {
		bud_buffer_format(&out->text, "NOT (type != 'type-%u' OR source != '", type);
		write_base(&out->text, resource);
		bud_buffer_text(&out->text, "')");
	}
	end_value(out);
}

static void sql_event(const struct work *work, size_t number, struct work_event *out)
{
	struct draw draw;
	size_t resource;

	draw_init(&draw, work->seed, EVENT_STREAM + number);
	resource = zipf_draw(&work->by_resource, &draw);
	add_attribute(out, "source");
	write_base(&out->text, resource);
	bud_buffer_text(&out->text, draw_percent(&draw, 70) ? "instances/1" : "");
	end_attribute(out);
	add_attribute(out, "type");
	bud_buffer_format(&out->text, "type-%u", (unsigned)draw_below(&draw, SQL_TYPES));
	end_attribute(out);
	add_attribute(out, "subject");
	write_party(&out->text, draw_below(&draw, 1000));
	end_attribute(out);
	add_attribute(out, "resource");
	write_resource(&out->text, resource);
	end_attribute(out);
	add_attribute(out, "seq");
	bud_buffer_format(&out->text, "%u", (unsigned)draw_below(&draw, 1000));
	end_attribute(out);
	out->attributes[out->n - 1].is_number = true;
}

/* The table of kinds. */

static const struct work_kind kinds[] = {
	{"w1", 10000, 200000, altinn_filter, altinn_event},
	{"w4a", 100000, 200, nested_filter, nested_event},
	{"w4b", 100000, 200, nested_none_filter, nested_event},
	{"w4c", 100000, 200000, shared_filter, shared_event},
	{"w5-empty", 1000, 20, empty_filter, same_event},
	{"w5-type", 1000, 20, same_type_filter, same_event},
	{"w5-not", 1000, 20, not_type_filter, same_event},
	{"w7", 100000, 20000, sql_filter, sql_event},
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

const char *work_kind_name(size_t number)
{
	return number < KINDS ? kinds[number].name : NULL;
}

const char *work_name(const struct work *work)
{
	return work->kind->name;
}

int work_init(struct work *work, const char *name, uint64_t seed, size_t filters, size_t events)
{
	size_t number = 0;

	while (number < KINDS && strcmp(kinds[number].name, name) != 0)
		number++;
	if (number == KINDS)
		return -EINVAL;
	*work = (struct work){.kind = &kinds[number],
		.seed = seed,
		.filters = filters ? filters : kinds[number].filters,
		.events = events ? events : kinds[number].events};
	work->resources = work->filters / 20 < 2000 ? work->filters / 20 + 1 : 2000;
	zipf_init(&work->by_resource, work->resources, 1.0);
	zipf_init(&work->by_party, PARTIES, 0.6);
	zipf_init(&work->by_type, TYPES, 1.2);
	return 0;
}

void work_finish(struct work *work)
{
	zipf_finish(&work->by_resource);
	zipf_finish(&work->by_party);
	zipf_finish(&work->by_type);
}

void work_make_filter(const struct work *work, size_t number, struct work_filter *out)
{
	out->n = 0;
	bud_buffer_clear(&out->text);
	work->kind->make_filter(work, number, out);
}

void work_make_event(const struct work *work, size_t number, struct work_event *out)
{
	out->n = 0;
	bud_buffer_clear(&out->text);
	work->kind->make_event(work, number, out);
}

void work_filter_finish(struct work_filter *filter)
{
	bud_buffer_finish(&filter->text);
}

void work_event_finish(struct work_event *event)
{
	bud_buffer_finish(&event->text);
}

uint64_t work_match_hash(uint64_t event, uint64_t filter)
{
	return draw_mix((event + 1) << 32 | filter);
}
