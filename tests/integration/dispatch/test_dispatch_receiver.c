/* What is slow about a receiver, its keys, is made outside of the table's lock: the record may be
 * gone by then. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "dispatch/desk.h"
#include "dispatch/gate.h"
#include "dispatch/receiver.h"
#include "fetch/target.h"
#include "subscription/subscription.h"
#include "subscription/table.h"

static struct bud_receiver *get(struct rig *rig, struct bud_receivers *receivers)
{
	const struct bud_subscription *subscription = NULL;
	struct bud_receiver *receiver;

	bud_table_lock(rig->table, 0);
	assert_int_equal(bud_table_find(rig->table, "s1", &subscription), BUD_TABLE_LIVE);
	receiver = bud_receiver_ref(bud_receivers_get(receivers, subscription, 0));
	bud_table_unlock(rig->table, 0);
	return receiver;
}

static void is_wired_outside_of_the_lock(void **state)
{
	struct rig *rig = *state;
	struct bud_desk desk = {.table = rig->table,
		.endpoints = rig->endpoints,
		.keyring = rig->keyring,
		.config = &rig->config,
		.metrics = &rig->metrics,
		.workers = 1};
	struct bud_gates *gates = bud_gates_create(&desk, NULL);
	struct bud_receivers *receivers = bud_receivers_create(&desk, gates);
	struct bud_receiver *receiver;

	rig_subscribe(rig, "s1", "t", "/a");
	receiver = get(rig, receivers);
	assert_null(receiver->target);
	assert_null(receiver->signer);
	bud_table_remove(rig->table, "s1", 2);
	bud_receivers_wire(receivers, receiver, 0);
	assert_non_null(receiver->target);
	assert_non_null(receiver->signer);
	assert_true(receiver->is_plain);
	assert_non_null(strstr(bud_target_url(receiver->target), "/a"));
	bud_receiver_unref(receiver);

	/* Never used: its record goes with it. */
	rig_subscribe(rig, "s1", "t", "/a");
	bud_receiver_unref(get(rig, receivers));
	bud_receivers_destroy(receivers);
	bud_gates_destroy(gates);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(is_wired_outside_of_the_lock),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
