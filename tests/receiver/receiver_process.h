/* A receiver in a process of its own, for C tests that measure theirs. */
#pragma once
#include <sys/types.h>
#include "receiver.h"

struct receiver_process {
	pid_t id;
	int input; /* its end ends the process */
	int ports[RECEIVER_PORTS];
};

/* Before the test starts threads or opens what a child must not have. */
void receiver_process_start(struct receiver_process *process, struct authority *authority);
/* Waits for its end. */
void receiver_process_stop(struct receiver_process *process);
