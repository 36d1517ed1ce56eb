/* SPDX-License-Identifier: Apache-2.0
 *
 * Static charts as SVG, drawn by hand: lines, bands, steps, bars, waterfalls, tornados.
 *
 * One writer for the terminal (--svg), the page and print: Okabe-Ito colours (safe for colour-blind readers) and a
 * dash or a mark beside each colour, <title> and <desc> for screen readers, no script, no style that needs a browser,
 * text in the page's own font. A chart is built and then written; its limits are stated below.
 */
#ifndef RR_REPORT_SVG_H
#define RR_REPORT_SVG_H

#include "base/str.h"

enum { SVG_SERIES = 12, SVG_MARKS = 16 };

enum svg_kind { SVG_LINE, SVG_STEP, SVG_BAND, SVG_POINTS };

struct svg_series {
	enum svg_kind kind;
	const char *name;
	const double *x, *y, *y2; /* y2: the upper edge of a band */
	unsigned points;
};
struct svg_mark { /* a vertical or horizontal line with a word, or a point (both given) */
	double x, y;      /* NAN: not this axis */
	const char *text;
};
struct svg_chart {
	const char *title, *desc, *x_name, *y_name;
	struct svg_series series[SVG_SERIES];
	unsigned count;
	struct svg_mark mark[SVG_MARKS];
	unsigned marks;
	bool log_x, log_y;
	double y_least, y_most; /* both 0: from the data */
};

void svg_add(struct svg_chart *c, enum svg_kind kind, const char *name, const double *x, const double *y,
	     const double *y2, unsigned points);
void svg_mark(struct svg_chart *c, double x, double y, const char *text);
void svg_write(const struct svg_chart *c, struct sb *out);

/* Bars from a first total down (or up) to a last one: name, change; the first and the last are totals. */
struct svg_bar {
	char name[48];
	double low, high; /* waterfall: low is the change, high unused; tornado: the two ends */
	char text[32];    /* beside the bar */
};
void svg_waterfall(const char *title, const char *desc, double start, const struct svg_bar *bar, unsigned bars,
		   const char *unit, struct sb *out);
/* Ranges about a centre, the widest first (the caller sorts). */
void svg_tornado(const char *title, const char *desc, double centre, const struct svg_bar *bar, unsigned bars,
		 const char *unit, struct sb *out);

#endif
