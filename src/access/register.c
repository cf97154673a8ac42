/* The register's client. asked -> in the file, or kept from before -> else a call -> kept -> told.
 * The answers kept are a table of pairs, by the hash of the question; the older one makes room. */
#include "access/register.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/metrics.h"
#include "core/random.h"
#include "fetch/fetch.h"
#include "fetch/target.h"

#define PAIRS      4096u
#define CALLS_MAX  256u
#define BODY_MAX   (64u << 10)
#define WHO_PATH   "/v2/internal/parties/query?fields=identifiers"
#define UNITS_PATH "/v2/internal/parties/main-units"

struct kept {
	struct bud_hash_128 key;
	int64_t until_mono_ms; /* 0: free */
	bool is_none;
	struct bud_party party;
};

struct bud_register {
	struct bud_register_options options;
	struct bud_target *targets[2]; /* by question; NULL: there is only the file */
	struct bud_hash_key key;
	struct kept *kept; /* 2 * PAIRS */
	size_t n_calls;
};

struct call {
	struct bud_register *reg;
	enum bud_party_question question;
	struct bud_hash_128 key;
	bud_register_fn fn;
	void *owner;
	struct bud_buffer body;
};

static int open_target(
	struct bud_register *reg, enum bud_party_question question, struct bud_error *error)
{
	struct bud_target_options options = {.allow_http = true};
	bud_auto(buffer) struct bud_buffer url = {0};
	const char *header = reg->options.header;

	bud_buffer_format(
		&url, "%s%s", reg->options.url, question == BUD_PARTY_WHO ? WHO_PATH : UNITS_PATH);
	reg->targets[question] = bud_target_create(bud_buffer_as_span(&url), &options, error);
	if (!reg->targets[question])
		return -EINVAL;
	if (header && header[0] != '\0' &&
		bud_target_header_add(reg->targets[question], header) < 0)
		return bud_error_set(error, NULL, "the header must be \"Name: value\"");
	return 0;
}

struct bud_register *bud_register_create(
	const struct bud_register_options *options, struct bud_error *error)
{
	struct bud_register *reg = bud_new(struct bud_register);
	char seed[32];
	int r = 0;

	reg->options = *options;
	bud_random_bytes(seed, sizeof(seed));
	bud_hash_key_init(&reg->key, (struct bud_span){seed, sizeof(seed)});
	reg->kept = bud_alloc_zero(2 * PAIRS * sizeof(*reg->kept));
	if (options->url && options->url[0] != '\0') {
		r = open_target(reg, BUD_PARTY_WHO, error);
		if (r == 0)
			r = open_target(reg, BUD_PARTY_MAIN_UNIT, error);
	}
	reg->options.url = NULL;
	reg->options.header = NULL;
	if (r == 0)
		return reg;
	bud_register_destroy(reg);
	return NULL;
}

void bud_register_destroy(struct bud_register *reg)
{
	if (!reg)
		return;
	assert(reg->n_calls == 0);
	bud_target_unref(reg->targets[BUD_PARTY_WHO]);
	bud_target_unref(reg->targets[BUD_PARTY_MAIN_UNIT]);
	free(reg->kept);
	free(reg);
}

/* What is kept */

static struct kept *pair_of(struct bud_register *reg, const struct bud_hash_128 *key)
{
	return &reg->kept[2 * (key->low % PAIRS)];
}

static bool is_key(const struct kept *kept, const struct bud_hash_128 *key)
{
	return kept->key.high == key->high && kept->key.low == key->low;
}

static const struct kept *find_kept(struct bud_register *reg, const struct bud_hash_128 *key)
{
	const struct kept *pair = pair_of(reg, key);
	int64_t mono_ms = bud_clock_mono_ms();

	for (size_t i = 0; i < 2; i++)
		if (is_key(&pair[i], key) && mono_ms < pair[i].until_mono_ms)
			return &pair[i];
	return NULL;
}

static void keep(
	struct bud_register *reg, const struct bud_hash_128 *key, const struct bud_party *party)
{
	struct kept *pair = pair_of(reg, key);
	struct kept *chosen = pair[0].until_mono_ms <= pair[1].until_mono_ms ? &pair[0] : &pair[1];
	int64_t kept_ms = party ? reg->options.kept_ms : reg->options.kept_ms / 10;

	for (size_t i = 0; i < 2; i++)
		if (is_key(&pair[i], key))
			chosen = &pair[i];
	*chosen = (struct kept){.key = *key,
		.until_mono_ms = bud_clock_mono_ms() + kept_ms,
		.is_none = party == NULL};
	if (party)
		chosen->party = *party;
}

/* Calls */

/* {"data":[{"partyId":…,"partyUuid":…,"orgNumber":…}]}; a unit has "organizationIdentifier". */
static enum bud_register_outcome read_answer(
	const struct bud_fetch_result *result, struct bud_party *out_party)
{
	json_auto_t *root = NULL;
	const json_t *data;
	const json_t *first;
	const json_t *id;
	const char *uuid;
	const char *number;

	if (result->kind != BUD_FETCH_RESPONSE || result->body_is_cut)
		return BUD_REGISTER_FAILED;
	if (result->status == 404)
		return BUD_REGISTER_NONE;
	root = json_loadb(result->body.at ? result->body.at : "", result->body.len, 0, NULL);
	data = json_object_get(root, "data");
	if (result->status != 200 || !json_is_array(data))
		return BUD_REGISTER_FAILED;
	first = json_array_get(data, 0);
	if (!first)
		return BUD_REGISTER_NONE;
	id = json_object_get(first, "partyId");
	uuid = json_string_value(json_object_get(first, "partyUuid"));
	number = json_string_value(json_object_get(first, "orgNumber"));
	if (!number)
		number = json_string_value(json_object_get(first, "organizationIdentifier"));
	if (!json_is_integer(id) || json_integer_value(id) <= 0)
		return BUD_REGISTER_FAILED;
	snprintf(out_party->id, sizeof(out_party->id), "%" JSON_INTEGER_FORMAT,
		json_integer_value(id));
	snprintf(out_party->uuid, sizeof(out_party->uuid), "%s", uuid ? uuid : "");
	snprintf(out_party->organization, sizeof(out_party->organization), "%s",
		number ? number : "");
	return BUD_REGISTER_FOUND;
}

static void on_result(void *owner, const struct bud_fetch_result *result)
{
	struct call *call = owner;
	struct bud_party party = {{0}, {0}, {0}};
	enum bud_register_outcome outcome = read_answer(result, &party);
	bool is_found = outcome == BUD_REGISTER_FOUND;

	call->reg->n_calls--;
	if (outcome == BUD_REGISTER_FAILED)
		bud_metrics_add(call->reg->options.metrics, BUD_COUNTER_REGISTER_FAILURES, 1);
	else
		keep(call->reg, &call->key, is_found ? &party : NULL);
	call->fn(call->owner, outcome, is_found ? &party : NULL);
	bud_buffer_finish_secret(&call->body);
	free(call);
}

/* {"data":[urn]} of who, {"data":urn} of a main unit. */
static void write_body(struct call *call, struct bud_span urn)
{
	bud_buffer_reserve(&call->body, urn.len + 32);
	bud_buffer_text(
		&call->body, call->question == BUD_PARTY_WHO ? "{\"data\":[" : "{\"data\":");
	bud_buffer_json(&call->body, urn);
	bud_buffer_text(&call->body, call->question == BUD_PARTY_WHO ? "]}" : "}");
}

static int start(struct call *call)
{
	static const char *const headers[] = {
		"Content-Type: application/json", "Accept: application/json"};
	struct bud_register *reg = call->reg;
	struct bud_fetch_request request = {
		.target = reg->targets[call->question],
		.headers = headers,
		.headers_n = 2,
		.body = bud_buffer_as_span(&call->body),
		.timeout_ms = reg->options.timeout_ms,
		.keep_body_bytes = BODY_MAX,
	};

	return bud_fetch_start(reg->options.fetch, &request, on_result, call, NULL);
}

static enum bud_register_outcome ask_over_http(
	struct bud_register *reg, struct call *call, struct bud_span urn)
{
	write_body(call, urn);
	bud_metrics_add(reg->options.metrics, BUD_COUNTER_REGISTER_CALLS, 1);
	if (reg->n_calls < CALLS_MAX && start(call) == 0) {
		reg->n_calls++;
		return BUD_REGISTER_ASKED;
	}
	bud_metrics_add(reg->options.metrics, BUD_COUNTER_REGISTER_FAILURES, 1);
	bud_buffer_finish_secret(&call->body);
	free(call);
	return BUD_REGISTER_FAILED;
}

static enum bud_register_outcome ask_urn(struct bud_register *reg, const struct call *wanted,
	struct bud_span urn, struct bud_party *out_party)
{
	const struct bud_party *known = NULL;
	const struct kept *kept;
	struct call *call;

	if (reg->options.parties)
		known = bud_parties_find(reg->options.parties, wanted->question, urn);
	if (known) {
		*out_party = *known;
		return BUD_REGISTER_FOUND;
	}
	if (!reg->targets[wanted->question])
		return BUD_REGISTER_NONE;
	call = bud_new(struct call);
	*call = *wanted;
	call->key = bud_party_key(&reg->key, call->question, urn);
	kept = find_kept(reg, &call->key);
	if (!kept)
		return ask_over_http(reg, call, urn);
	free(call);
	if (kept->is_none)
		return BUD_REGISTER_NONE;
	*out_party = kept->party;
	return BUD_REGISTER_FOUND;
}

enum bud_register_outcome bud_register_ask(struct bud_register *reg,
	const struct bud_register_question *question, bud_register_fn fn, void *owner,
	struct bud_party *out_party)
{
	struct call wanted = {.reg = reg, .question = question->what, .fn = fn, .owner = owner};
	struct bud_buffer urn = {0};
	enum bud_register_outcome outcome = BUD_REGISTER_NONE;

	bud_buffer_reserve(&urn, 128);
	if (bud_party_urn(question->identifier, &urn))
		outcome = ask_urn(reg, &wanted, bud_buffer_as_span(&urn), out_party);
	bud_buffer_finish_secret(&urn);
	return outcome;
}
