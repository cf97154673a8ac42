/* Table and evaluator against a second opinion: for random subscriptions of all dialects that come,
 * change and go, and random events, the table finds exactly those that naive.c finds, in order of
 * serial, chunk by chunk; the linear evaluator agrees on each. A fifth of the comparisons match,
 * and every operator held and failed a thousand times: both are checked, and printed.
 *
 *   test_subscription_differential [SEED [COMPARISONS]]
 *
 * The seed is printed; 200 000 comparisons, or 10 million with BUD_TEST_NIGHTLY. */
#include "subscription/make.h"

#include <inttypes.h>
#include <jansson.h>

#include "core/random.h"
#include "subscription/compact.h"
#include "subscription/differential/naive.h"
#include "subscription/differential/naive_sql.h"
#include "subscription/differential/random_work.h"
#include "subscription/pool.h"
#include "subscription/table.h"

#define SUBSCRIPTIONS 250
#define CHANGES       120 /* per round */
#define EVENTS        40
#define HELD_MIN      1000
#define EXPIRED_MS    1893456000000
#define SQL_OPERATORS 39 /* of naive_sql.h, functions by their names */

static uint64_t seed;
static uint64_t comparisons_wanted = 200000;

struct trial {
	struct random_work work;
	struct bud_table *table;
	struct bud_pool *pool;
	json_t *posted[SUBSCRIPTIONS + 1]; /* by serial; NULL: not there */
	struct naive_counts counts;
	uint64_t comparisons, matches;
	uint64_t rounds, events, events_matched, puts, refused, removals, reloads;
};

/* Changes. */

/* NULL when the index would have to file it in too many places, which is refused. */
static struct bud_subscription *parse(const json_t *posted, uint64_t serial)
{
	struct bud_subscription_defaults defaults = make_defaults;
	struct bud_subscription *made = NULL;
	struct bud_error error = {0};
	char *text = json_dumps(posted, JSON_COMPACT);
	char id[24];

	snprintf(id, sizeof(id), "s%u", (unsigned)serial);
	defaults.id = id;
	if (bud_subscription_parse(bud_span(text), &defaults, &made, &error) == 0)
		made->serial = serial;
	else if (!strstr(error.text, "alternatives"))
		fail_msg("seed %" PRIu64 ": %s: %s", seed, text, error.text);
	free(text);
	return made;
}

static struct bud_table_change change_one(struct trial *trial, char id[24])
{
	uint64_t serial = 1 + draw_below(&trial->work.draw, SUBSCRIPTIONS);
	struct bud_table_change change = {.id = id, .serial = serial};

	snprintf(id, 24, "s%u", (unsigned)serial);
	json_decref(bud_move(trial->posted[serial]));
	if (draw_percent(&trial->work.draw, 30)) {
		trial->removals++;
		return change;
	}
	do {
		json_decref(trial->posted[serial]);
		trial->posted[serial] = random_subscription(&trial->work);
		change.put = parse(trial->posted[serial], serial);
		trial->refused += !change.put;
	} while (!change.put);
	trial->puts++;
	return change;
}

static void change_some(struct trial *trial)
{
	struct bud_table_change changes[CHANGES];
	char ids[CHANGES][24];

	for (size_t i = 0; i < CHANGES; i++)
		changes[i] = change_one(trial, ids[i]);
	bud_table_apply(
		trial->table, changes, CHANGES, (struct bud_table_version){1, trial->rounds});
	for (size_t i = 0; i < CHANGES; i += 7)
		bud_table_forget(trial->table, ids[i]);
}

/* From its stored form, as at a start. */
static struct bud_subscription *load(const struct trial *trial, uint64_t serial)
{
	struct bud_subscription_beside beside = {.serial = serial, .etag = bud_span("e")};
	struct bud_subscription *given = parse(trial->posted[serial], serial);
	struct bud_subscription *made = NULL;
	struct bud_buffer record = {0};
	struct bud_error error = {0};

	bud_subscription_write_record(given, &record);
	if (bud_subscription_load_compact(bud_buffer_as_span(&record), &beside, &make_defaults,
		    trial->pool, &made, &error) < 0)
		fail_msg("seed %" PRIu64 ": %s: %s", seed, record.at, error.text);
	bud_subscription_destroy(given);
	bud_buffer_finish(&record);
	return made;
}

/* All of it once more into an empty table, the later ones first. */
static void reload(struct trial *trial)
{
	struct bud_table *next = bud_table_create_next(trial->table);

	for (uint64_t serial = SUBSCRIPTIONS; serial > 0; serial--)
		if (trial->posted[serial])
			bud_table_put(next, load(trial, serial));
	bud_table_replace(trial->table, next);
	trial->reloads++;
}

/* Comparisons. */

struct asked {
	struct bud_event *event;
	struct naive_event naive;
	int64_t now_ms;
	bool is_found[SUBSCRIPTIONS + 1]; /* by the table */
};

static void disagree(
	const struct trial *trial, const struct asked *asked, uint64_t serial, const char *what)
{
	char *posted = json_dumps(trial->posted[serial], 0);
	char *event = json_dumps(asked->naive.attributes, 0);

	fail_msg("seed %" PRIu64 ", round %" PRIu64 ", serial %" PRIu64
		 ": %s\n  %s\n  %s\n  main subject: %s, unknown: %d, expired: %d",
		seed, trial->rounds, serial, what, posted ? posted : "not there", event,
		asked->naive.main_subject ? asked->naive.main_subject : "none",
		asked->naive.is_main_unknown, asked->now_ms >= EXPIRED_MS);
}

/* Asks the table chunk by chunk; fills is_found. */
static void ask_table(struct trial *trial, struct asked *asked)
{
	const struct bud_subscription *found[SUBSCRIPTIONS];
	struct bud_match match = {.event = asked->event,
		.now_ms = asked->now_ms,
		.found = found,
		.max = 1 + draw_below(&trial->work.draw,
				   draw_percent(&trial->work.draw, 50) ? SUBSCRIPTIONS : 20)};

	memset(asked->is_found, 0, sizeof(asked->is_found));
	do {
		size_t n = bud_table_match(trial->table, &match);
		if (n > match.max || (match.more && n < match.max))
			disagree(trial, asked, 0, "a chunk that is not full says there is more");
		for (size_t i = 0; i < n; i++) {
			if (found[i]->serial <= match.after_serial)
				disagree(trial, asked, found[i]->serial, "out of order");
			match.after_serial = found[i]->serial;
			asked->is_found[found[i]->serial] = true;
		}
		if (n == 0 && match.more)
			disagree(trial, asked, 0, "says there is more and gives none");
	} while (match.more);
}

static bool by_evaluator(const struct trial *trial, const struct asked *asked, uint64_t serial)
{
	const struct bud_subscription *one = bud_table_next(trial->table, serial - 1);

	if (!one || one->serial != serial)
		disagree(trial, asked, serial, "is not in the table");
	return bud_subscription_match(one, asked->event, asked->now_ms);
}

static void compare(struct trial *trial, struct asked *asked)
{
	uint64_t matches = 0;

	ask_table(trial, asked);
	for (uint64_t serial = 1; serial <= SUBSCRIPTIONS; serial++) {
		bool wanted;
		if (!trial->posted[serial]) {
			if (asked->is_found[serial])
				disagree(trial, asked, serial, "is found and not there");
			continue;
		}
		wanted = naive_matches(
			trial->posted[serial], &asked->naive, asked->now_ms, &trial->counts);
		if (by_evaluator(trial, asked, serial) != wanted)
			disagree(trial, asked, serial,
				wanted ? "matches, not by the evaluator"
				       : "does not match, but by the evaluator");
		if (asked->is_found[serial] != wanted)
			disagree(trial, asked, serial,
				wanted ? "matches, and is not found"
				       : "is found, and does not match");
		trial->comparisons++;
		matches += wanted;
	}
	trial->matches += matches;
	trial->events_matched += matches > 0;
}

static void try_event(struct trial *trial)
{
	struct draw *draw = &trial->work.draw;
	const json_t *like = trial->posted[1 + draw_below(draw, SUBSCRIPTIONS)];
	json_t *attributes = random_event(&trial->work, draw_percent(draw, 70) ? like : NULL);
	char *text = random_event_text(&trial->work, attributes);
	struct asked asked = {
		.naive.attributes = attributes,
		.now_ms = draw_percent(draw, 70) ? NOW_MS : EXPIRED_MS,
		.event = bud_event_create(bud_span("local"), bud_span(text)),
	};

	if (!asked.event)
		fail_msg("seed %" PRIu64 ": no event: %s", seed, text);
	if (draw_percent(draw, 45))
		asked.naive.main_subject = random_value(&trial->work, "subject");
	else
		asked.naive.is_main_unknown = draw_percent(draw, 20);
	if (asked.naive.main_subject)
		bud_event_set_main_subject(asked.event, bud_span(asked.naive.main_subject));
	asked.event->is_main_unknown = asked.naive.is_main_unknown;
	compare(trial, &asked);
	trial->events++;
	bud_event_unref(asked.event);
	json_decref(attributes);
	free(text);
}

static void print(const struct trial *trial)
{
	print_message("seed %" PRIu64 ": %" PRIu64 " comparisons, %.1f %% match; %" PRIu64
		      " events, %.1f %% with matches; %" PRIu64 " puts, %" PRIu64
		      " refused, %" PRIu64 " removals, %" PRIu64 " reloads\n",
		seed, trial->comparisons,
		100.0 * (double)trial->matches / (double)trial->comparisons, trial->events,
		100.0 * (double)trial->events_matched / (double)trial->events, trial->puts,
		trial->refused, trial->removals, trial->reloads);
	for (size_t i = 0; i < NAIVE_OPERATORS; i++)
		print_message("  %-34s held %9" PRIu64 "  failed %9" PRIu64 "\n", naive_names[i],
			trial->counts.held[i], trial->counts.failed[i]);
}

static void print_sql(const struct trial *trial)
{
	const char *name;
	json_t *n;

	for (size_t i = 0; i < NAIVE_SQL_ERRORS; i++)
		print_message("  sql: %-29s %14" PRIu64 "\n", naive_sql_error_names[i],
			trial->counts.sql_errors[i]);
	json_object_foreach(trial->counts.sql_operators, name, n)
	{
		print_message(
			"  sql: %-29s %14" JSON_INTEGER_FORMAT "\n", name, json_integer_value(n));
	}
}

/* What was asked too seldom, or NULL. A unit always holds when nobody knows the main subject; what
 * is missing never does. */
static const char *find_seldom(const struct trial *trial)
{
	const char *name;
	json_t *n;

	for (size_t i = 0; i < NAIVE_OPERATORS; i++) {
		if (i != NAIVE_MISSING && trial->counts.held[i] < HELD_MIN)
			return naive_names[i];
		if (i != NAIVE_UNIT_UNKNOWN && trial->counts.failed[i] < HELD_MIN)
			return naive_names[i];
	}
	for (size_t i = 0; i < NAIVE_SQL_ERRORS; i++)
		if (trial->counts.sql_errors[i] < HELD_MIN)
			return naive_sql_error_names[i];
	if (json_object_size(trial->counts.sql_operators) < SQL_OPERATORS)
		return "some operator of sql";
	json_object_foreach(trial->counts.sql_operators, name, n)
	{
		if (json_integer_value(n) < HELD_MIN)
			return name;
	}
	return trial->matches * 5 < trial->comparisons ? "a match" : NULL;
}

/* More than was wanted only for what comes seldom with this seed. */
static bool is_enough(const struct trial *trial)
{
	if (trial->comparisons < comparisons_wanted)
		return false;
	return !find_seldom(trial) || trial->comparisons >= 10 * comparisons_wanted;
}

static void all_opinions_agree(void **state)
{
	struct trial *trial = bud_new(struct trial);

	(void)state;
	print_message("seed %" PRIu64 "\n", seed);
	draw_init(&trial->work.draw, seed, 0);
	trial->counts.sql_operators = json_object();
	trial->table = bud_table_create(1);
	trial->pool = bud_pool_create();
	while (!is_enough(trial)) {
		trial->work.is_wide = trial->rounds / 4 % 8 == 6;
		change_some(trial);
		if (trial->rounds % 10 == 9)
			reload(trial);
		for (size_t i = 0; i < EVENTS; i++)
			try_event(trial);
		trial->rounds++;
	}
	print(trial);
	print_sql(trial);
	if (find_seldom(trial))
		fail_msg("seed %" PRIu64 ": too seldom: %s", seed, find_seldom(trial));
	for (size_t i = 1; i <= SUBSCRIPTIONS; i++)
		json_decref(trial->posted[i]);
	random_work_finish(&trial->work);
	naive_sql_forget_all();
	json_decref(trial->counts.sql_operators);
	bud_table_destroy(trial->table);
	bud_pool_unref(trial->pool);
	free(trial);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_opinions_agree)};

	bud_random_bytes(&seed, sizeof(seed));
	if (getenv("BUD_TEST_NIGHTLY"))
		comparisons_wanted = 10000000;
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		comparisons_wanted = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
