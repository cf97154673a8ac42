/* Random trees and events for the comparison with the reference, and how trees are written. */
#pragma once
#include "reference.h"

/* xorshift64*, so that a seed gives the same everywhere. */
uint64_t random_next(uint64_t *state);
/* 0 to n - 1. */
size_t random_below(uint64_t *state, size_t n);

#define RANDOM_NODES_MAX 512u
struct random_tree {
	uint64_t state;
	size_t n;
	struct reference_node nodes[RANDOM_NODES_MAX];
};
/* A new tree of at most `depth` levels, in the memory of the one before. */
struct reference_node *random_tree_make(struct random_tree *tree, size_t depth);
void random_event_make(uint64_t *state, struct reference_event *event);
/* Writes the tree with what does not matter chosen at random: spaces, the case of words, quotes,
 * needless parentheses (few enough not to meet a limit). Returns the bytes. */
size_t random_tree_write(uint64_t *state, const struct reference_node *node, char *to);
/* The bytes of characters. */
size_t random_encode(const uint32_t *characters, size_t n, char *to);
