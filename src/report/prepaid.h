/* SPDX-License-Identifier: Apache-2.0
 *
 * Prepaid credit with a vendor, drawn down by that vendor's usage: which part of which day was paid for before.
 *
 * Two bases, neither counts anything twice. By cash, a purchase counts on its day and what is drawn from it later
 * does not; by use (amortised), usage counts as it comes and the purchase does not, but for what is left over when
 * the credit ends (its life or retirement): that was paid for nothing, on that day.
 *
 * Credits of one vendor and currency are used up in the order of their dates; each pays for usage from its UTC day to
 * its end. Usage counts once however often it stands in the ledger (overlap.h), in every environment: the vendor
 * knows none.
 */
#ifndef RR_REPORT_PREPAID_H
#define RR_REPORT_PREPAID_H

#include "ledger/ledger.h"

struct prepaid;
/* *out NULL: there is none in that ledger. Usage is read up to to_us. */
int prepaid_read(struct prepaid **out, struct ledger *l, int64_t to_us, struct err *e);
void prepaid_free(struct prepaid *p); /* also NULL */
/* How much of an amount of that vendor, day and currency was paid from credit; each part is given out once. */
money_wide prepaid_take(struct prepaid *p, uint32_t provider, uint32_t currency, int64_t at_us, money_wide pico);
/* What was left of that outlay at its end; 0 while it runs. *end_us: when. */
money_wide prepaid_expired(const struct prepaid *p, const struct outlay *o, int64_t *end_us);
/* What is left of it at the end of what was read. */
money_wide prepaid_left(const struct prepaid *p, const struct outlay *o);

#endif
