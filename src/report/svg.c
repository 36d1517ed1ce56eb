/* SPDX-License-Identifier: Apache-2.0
 *
 * See svg.h. Coordinates: a canvas of 720 x 420 user units, margins for the axes, y downwards.
 */
#include "report/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

enum { WIDTH = 720, HEIGHT = 420, LEFT = 78, RIGHT = 20, TOP = 48, BOTTOM = 74 };

/* Okabe and Ito 2008, "Color Universal Design": black first for what is fact, then the six that print apart. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9"};
static const char *const dashes[] = {"", "7 4", "2 3", "9 3 2 3", "", "4 2", "1 2"};
enum { COLOURS = sizeof colours / sizeof *colours };

static void text_escaped(struct sb *out, const char *s)
{
	for (; s && *s; s++)
		switch (*s) {
		case '<':
			sb_adds(out, "&lt;");
			break;
		case '>':
			sb_adds(out, "&gt;");
			break;
		case '&':
			sb_adds(out, "&amp;");
			break;
		case '"':
			sb_adds(out, "&quot;");
			break;
		default:
			if ((unsigned char)*s >= 0x20)
				sb_addc(out, *s);
		}
}

static void head(struct sb *out, const char *title, const char *desc, int height)
{
	unsigned id = (unsigned)hash_xxh3(title, strlen(title)); /* several charts may stand on one page */
	sb_addf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"t%x d%x\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#1a1a1a\">\n"
		"<title id=\"t%x\">", WIDTH, height, id, id, id);
	text_escaped(out, title);
	sb_addf(out, "</title>\n<desc id=\"d%x\">", id);
	text_escaped(out, desc);
	sb_addf(out, "</desc>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n"
		"<text x=\"%d\" y=\"24\" font-size=\"15\" font-weight=\"600\">", WIDTH, height, 16);
	text_escaped(out, title);
	sb_adds(out, "</text>\n");
}

static void word(struct sb *out, double x, double y, const char *anchor, const char *s)
{
	sb_addf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	text_escaped(out, s);
	sb_adds(out, "</text>\n");
}

/* 1,234,567 to "1.23M": axis labels. */
static char *short_number(double v, char out[24])
{
	static const struct {
		double least;
		const char *suffix;
	} steps[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
	for (unsigned i = 0; i < 4; i++)
		if (fabs(v) >= steps[i].least * 0.9995) {
			snprintf(out, 24, "%.3g%s", v / steps[i].least, steps[i].suffix);
			return out;
		}
	snprintf(out, 24, "%.3g", v);
	return out;
}

struct axis {
	double low, high;
	bool log;
	double from, to; /* user units */
};

static double place(const struct axis *a, double v)
{
	double low = a->log ? log10(a->low) : a->low, high = a->log ? log10(a->high) : a->high;
	double at = a->log ? log10(v > a->low ? v : a->low) : v;
	double share = high > low ? (at - low) / (high - low) : 0;
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	return a->from + share * (a->to - a->from);
}

/* 1, 2 or 5 times a power of ten, about `count` steps in the range. */
static double step_of(double range, double count)
{
	double raw = range / count, base = pow(10, floor(log10(raw))), f = raw / base;
	return base * (f < 1.5 ? 1 : f < 3.5 ? 2 : f < 7.5 ? 5 : 10);
}

static void ticks(struct sb *out, const struct axis *a, bool vertical)
{
	char text[24];
	double step = a->log ? 0 : step_of(a->high - a->low, 6);
	double v = a->log ? pow(10, ceil(log10(a->low) - 1e-9)) : ceil(a->low / step - 1e-9) * step;
	for (unsigned i = 0; i < 40 && v <= a->high * (1 + 1e-9) + 1e-300; i++) {
		double at = place(a, v);
		if (vertical) {
			sb_addf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#dddddd\"/>\n", LEFT, at, WIDTH - RIGHT);
			word(out, LEFT - 6, at + 4, "end", short_number(fabs(v) < step * 1e-9 ? 0 : v, text));
		} else {
			sb_addf(out, "<path d=\"M%.1f %.1fv5\" stroke=\"#555555\"/>\n", at, (double)(HEIGHT - BOTTOM));
			word(out, at, HEIGHT - BOTTOM + 18, "middle",
			     short_number(fabs(v) < step * 1e-9 ? 0 : v, text));
		}
		v = a->log ? v * 10 : v + step;
	}
}

void svg_add(struct svg_chart *c, enum svg_kind kind, const char *name, const double *x, const double *y,
	     const double *y2, unsigned points)
{
	if (c->count < SVG_SERIES)
		c->series[c->count++] = (struct svg_series){kind, name, x, y, y2, points};
}

void svg_mark(struct svg_chart *c, double x, double y, const char *text)
{
	if (c->marks < SVG_MARKS)
		c->mark[c->marks++] = (struct svg_mark){x, y, text};
}

static void widen(double v, bool log, double *low, double *high)
{
	if (!isfinite(v) || (log && v <= 0))
		return;
	*low = v < *low ? v : *low;
	*high = v > *high ? v : *high;
}

static void ranges(const struct svg_chart *c, struct axis *x, struct axis *y)
{
	*x = (struct axis){INFINITY, -INFINITY, c->log_x, LEFT, WIDTH - RIGHT};
	*y = (struct axis){INFINITY, -INFINITY, c->log_y, HEIGHT - BOTTOM, TOP};
	for (unsigned s = 0; s < c->count; s++)
		for (unsigned i = 0; i < c->series[s].points; i++) {
			widen(c->series[s].x[i], c->log_x, &x->low, &x->high);
			widen(c->series[s].y[i], c->log_y, &y->low, &y->high);
			if (c->series[s].y2)
				widen(c->series[s].y2[i], c->log_y, &y->low, &y->high);
		}
	for (unsigned i = 0; i < c->marks; i++) {
		widen(c->mark[i].x, c->log_x, &x->low, &x->high);
		widen(c->mark[i].y, c->log_y, &y->low, &y->high);
	}
	if (c->y_most > c->y_least) {
		y->low = c->y_least;
		y->high = c->y_most;
	} else if (!c->log_y && y->low > 0) {
		y->low = 0; /* money begins at nothing, or a chart lies */
	}
	struct axis *both[] = {x, y};
	for (unsigned i = 0; i < 2; i++) {
		if (!(both[i]->low <= both[i]->high))
			both[i]->low = both[i]->log ? 1 : 0, both[i]->high = both[i]->log ? 10 : 1;
		if (both[i]->low == both[i]->high)
			both[i]->high = both[i]->low == 0 ? 1 : both[i]->low + fabs(both[i]->low);
	}
	if (!c->log_y && c->y_most <= c->y_least)
		y->high += (y->high - y->low) * 0.05;
}

static void draw(struct sb *out, const struct svg_series *s, unsigned number, const struct axis *x,
		 const struct axis *y)
{
	const char *colour = colours[number % COLOURS], *dash = dashes[number % COLOURS];
	bool open = false;
	if (s->kind == SVG_POINTS) {
		for (unsigned i = 0; i < s->points; i++)
			if (isfinite(s->y[i]))
				sb_addf(out,
					"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\" stroke=\"#ffffff\"/>\n",
					place(x, s->x[i]), place(y, s->y[i]), colour);
		return;
	}
	sb_adds(out, "<path d=\"");
	double before = NAN;
	for (unsigned i = 0; i < s->points; i++) {
		if (!isfinite(s->y[i])) {
			open = false;
			continue;
		}
		double px = place(x, s->x[i]), py = place(y, s->y[i]);
		if (open && s->kind == SVG_STEP)
			sb_addf(out, "L%.1f %.1f", px, before);
		sb_addf(out, "%c%.1f %.1f", open ? 'L' : 'M', px, py);
		before = py;
		open = true;
	}
	if (s->kind == SVG_BAND) {
		for (unsigned i = s->points; i-- > 0;)
			if (isfinite(s->y2[i]))
				sb_addf(out, "L%.1f %.1f", place(x, s->x[i]), place(y, s->y2[i]));
		sb_addf(out, "Z\" fill=\"%s\" fill-opacity=\"0.18\"/>\n", colour);
		return;
	}
	sb_addf(out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.2\"", colour);
	if (*dash)
		sb_addf(out, " stroke-dasharray=\"%s\"", dash);
	sb_adds(out, "/>\n");
}

void svg_write(const struct svg_chart *c, struct sb *out)
{
	struct axis x, y;
	ranges(c, &x, &y);
	head(out, c->title, c->desc, HEIGHT);
	ticks(out, &y, true);
	sb_addf(out, "<path d=\"M%d %d V%d H%d\" fill=\"none\" stroke=\"#555555\"/>\n", LEFT, TOP, HEIGHT - BOTTOM,
		WIDTH - RIGHT);
	ticks(out, &x, false);
	word(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - BOTTOM + 36, "middle", c->x_name);
	word(out, 16, TOP - 8, "start", c->y_name);
	unsigned colour = 0;
	double legend = LEFT;
	for (unsigned s = 0; s < c->count; s++) {
		/* A band takes the colour of the line that follows it. */
		draw(out, &c->series[s], colour, &x, &y);
		if (c->series[s].kind == SVG_BAND)
			continue;
		const char *dash = dashes[colour % COLOURS];
		if (c->series[s].kind == SVG_POINTS)
			sb_addf(out, "<circle cx=\"%.1f\" cy=\"%d\" r=\"4\" fill=\"%s\"/>\n", legend + 11, HEIGHT - 14,
				colours[colour % COLOURS]);
		else
			sb_addf(out, "<path d=\"M%.1f %dh22\" stroke=\"%s\" stroke-width=\"2.2\"%s%s%s/>\n", legend,
				HEIGHT - 14, colours[colour % COLOURS], *dash ? " stroke-dasharray=\"" : "", dash,
				*dash ? "\"" : "");
		word(out, legend + 28, HEIGHT - 10, "start", c->series[s].name);
		legend += 44 + 6.6 * (double)str_columns(str_of(c->series[s].name));
		colour++;
	}
	for (unsigned i = 0; i < c->marks; i++) {
		const struct svg_mark *m = &c->mark[i];
		double px = isnan(m->x) ? WIDTH - RIGHT : place(&x, m->x), py = isnan(m->y) ? TOP : place(&y, m->y);
		bool left = px > (LEFT + WIDTH) / 2.0;
		if (!isnan(m->x) && !isnan(m->y))
			sb_addf(out,
				"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"none\" stroke=\"#000000\" "
				"stroke-width=\"1.6\"/>\n",
				px, py);
		else if (!isnan(m->x))
			sb_addf(out, "<path d=\"M%.1f %dV%d\" stroke=\"#777777\" stroke-dasharray=\"3 3\"/>\n", px, TOP,
				HEIGHT - BOTTOM);
		else
			sb_addf(out, "<path d=\"M%d %.1fH%d\" stroke=\"#777777\" stroke-dasharray=\"3 3\"/>\n", LEFT,
				py, WIDTH - RIGHT);
		word(out, px + (left ? -8 : 8), (isnan(m->y) ? TOP + 14 + 15 * (i % 3) : py - 8),
		     left ? "end" : "start", m->text);
	}
	sb_adds(out, "</svg>\n");
}

enum { BAR_LEFT = 210, BAR_RIGHT = 110, BAR_STEP = 34, BAR_TOP = 56 };

static void bar(struct sb *out, const struct axis *x, double from, double to, double y, const char *colour)
{
	double a = place(x, from), b = place(x, to);
	sb_addf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"20\" fill=\"%s\"/>\n", a < b ? a : b, y,
		fabs(b - a) < 0.5 ? 0.5 : fabs(b - a), colour);
}

void svg_waterfall(const char *title, const char *desc, double start, const struct svg_bar *bars, unsigned count,
		   const char *unit, struct sb *out)
{
	char text[64], number[24];
	struct axis x = {0, start, false, BAR_LEFT, WIDTH - BAR_RIGHT};
	double at = start;
	for (unsigned i = 0; i < count; i++) {
		at += bars[i].low;
		x.high = at > x.high ? at : x.high;
		x.low = at < x.low ? at : x.low;
	}
	int height = BAR_TOP + BAR_STEP * (int)(count + 2) + 20;
	head(out, title, desc, height);
	double y = BAR_TOP;
	at = start;
	bar(out, &x, 0, start, y, "#000000");
	word(out, BAR_LEFT - 8, y + 15, "end", "as it is");
	snprintf(text, sizeof text, "%s %s", short_number(start, number), unit);
	word(out, place(&x, start) + 6, y + 15, "start", text);
	for (unsigned i = 0; i < count; i++) {
		y += BAR_STEP;
		bar(out, &x, at, at + bars[i].low, y, bars[i].low <= 0 ? "#009E73" : "#D55E00");
		sb_addf(out, "<path d=\"M%.1f %.1fv%d\" stroke=\"#777777\" stroke-dasharray=\"2 2\"/>\n", place(&x, at),
			y - (BAR_STEP - 20), BAR_STEP);
		word(out, BAR_LEFT - 8, y + 15, "end", bars[i].name);
		double right = place(&x, at > at + bars[i].low ? at : at + bars[i].low);
		word(out, right + 6, y + 15, "start", bars[i].text);
		at += bars[i].low;
	}
	y += BAR_STEP;
	bar(out, &x, 0, at, y, "#0072B2");
	word(out, BAR_LEFT - 8, y + 15, "end", "what is left");
	snprintf(text, sizeof text, "%s %s", short_number(at, number), unit);
	word(out, place(&x, at) + 6, y + 15, "start", text);
	sb_adds(out, "</svg>\n");
}

void svg_tornado(const char *title, const char *desc, double centre, const struct svg_bar *bars, unsigned count,
		 const char *unit, struct sb *out)
{
	char text[160], number[24];
	struct axis x = {centre, centre, false, BAR_LEFT, WIDTH - BAR_RIGHT};
	for (unsigned i = 0; i < count; i++) {
		widen(bars[i].low, false, &x.low, &x.high);
		widen(bars[i].high, false, &x.low, &x.high);
	}
	if (x.high <= x.low)
		x.high = x.low + 1;
	int height = BAR_TOP + BAR_STEP * (int)(count + 1) + 16;
	head(out, title, desc, height);
	for (unsigned i = 0; i < count; i++) {
		double y = BAR_TOP + BAR_STEP * i;
		bar(out, &x, centre, bars[i].low, y, "#0072B2");
		bar(out, &x, centre, bars[i].high, y, "#D55E00");
		word(out, BAR_LEFT - 8, y + 15, "end", bars[i].name);
		double right = place(&x, bars[i].low > bars[i].high ? bars[i].low : bars[i].high);
		word(out, right + 6, y + 15, "start", bars[i].text);
	}
	sb_addf(out, "<path d=\"M%.1f %dV%d\" stroke=\"#000000\"/>\n", place(&x, centre), BAR_TOP - 8, height - 26);
	snprintf(text, sizeof text, "%s %s: blue is the low end of the range, orange the high end",
		 short_number(centre, number), unit);
	word(out, 16, height - 8, "start", text);
	sb_adds(out, "</svg>\n");
}
