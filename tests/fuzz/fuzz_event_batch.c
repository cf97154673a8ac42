/* Any bytes: each event of a batch is one when it stands alone, and they stand in order. */
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/batch.h"
#include "event/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;
	struct bud_envelope envelope, alone;
	struct bud_batch batch;
	struct bud_error error = {0};
	size_t n = 0;
	int r;

	bud_envelope_init(&envelope);
	bud_envelope_init(&alone);
	bud_batch_init(&batch, (struct bud_span){at, size});
	while ((r = bud_batch_next(&batch, &envelope, &error)) == 1) {
		must(envelope.json.at >= at);
		at = envelope.json.at + envelope.json.len;
		must(at <= (const char *)data + size);
		must(bud_envelope_scan(&alone, envelope.json, NULL) == 0);
		must(alone.attributes_n == envelope.attributes_n);
		must(bud_span_equals(alone.json, envelope.json));
		n++;
	}
	must(n <= BUD_BATCH_EVENTS_MAX);
	must(r == 0 || error.text[0] != '\0');
	must(r < 0 || bud_batch_next(&batch, &envelope, NULL) == 0);
	bud_envelope_finish(&envelope);
	bud_envelope_finish(&alone);
	return 0;
}
