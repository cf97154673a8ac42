/* Draws for generated work. */
#include "draw.h"

#include <math.h>
#include <stdlib.h>

#include "core/alloc.h"

#define GOLDEN 0x9e3779b97f4a7c15u

uint64_t draw_mix(uint64_t number)
{
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
	number = (number ^ number >> 27) * 0x94d049bb133111ebu;
	return number ^ number >> 31;
}

void draw_init(struct draw *draw, uint64_t seed, uint64_t stream)
{
	uint64_t counter = draw_mix(seed + GOLDEN) + draw_mix(stream ^ GOLDEN);

	for (size_t i = 0; i < 4; i++) {
		counter += GOLDEN;
		draw->state[i] = draw_mix(counter);
	}
}

static uint64_t rotate(uint64_t number, unsigned bits)
{
	return number << bits | number >> (64 - bits);
}

uint64_t draw_number(struct draw *draw)
{
	uint64_t *s = draw->state;
	uint64_t number = rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return number;
}

uint64_t draw_below(struct draw *draw, uint64_t below)
{
	/* The upper half of the product: its bias is below one in 2^32 for what is drawn here. */
	return (uint64_t)((unsigned __int128)draw_number(draw) * below >> 64);
}

int draw_percent(struct draw *draw, unsigned percent)
{
	return draw_below(draw, 100) < percent;
}

char draw_letter(struct draw *draw)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	return letters[draw_below(draw, sizeof(letters) - 1)];
}

void zipf_init(struct zipf *zipf, size_t n, double exponent)
{
	double sum = 0;

	zipf->n = n;
	zipf->sums = bud_alloc(n * sizeof(*zipf->sums));
	for (size_t i = 0; i < n; i++) {
		sum += pow((double)(i + 1), -exponent);
		zipf->sums[i] = sum;
	}
}

void zipf_finish(struct zipf *zipf)
{
	free(zipf->sums);
	*zipf = (struct zipf){0};
}

size_t zipf_draw(const struct zipf *zipf, struct draw *draw)
{
	double wanted = (double)(draw_number(draw) >> 11) * 0x1p-53 * zipf->sums[zipf->n - 1];
	size_t low = 0;
	size_t high = zipf->n - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (zipf->sums[middle] <= wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
