/* SPDX-License-Identifier: Apache-2.0
 *
 * Help, man pages and completion: text made from the commands' own tables, none of it written twice.
 */
#ifndef RR_CMD_HELP_H
#define RR_CMD_HELP_H

#include "cmd/cmd.h"

/* One screen: examples first, then every command under its group. */
void help_overview(struct sb *out);
void help_command(const struct command *c, struct sb *out);
/* The commands whose first word is `word`; returns how many there are. */
unsigned help_group(struct str word, struct sb *out);
void help_flags(struct sb *out); /* the global ones */
/* Words wrapped at `width` columns, each line behind `indent` blanks; an empty line parts paragraphs. */
void help_wrap(struct str text, unsigned indent, unsigned width, struct sb *out);
const char *help_group_title(enum command_group g);

/* mdoc(7). NULL: the page of runrate itself. */
void man_page(const struct command *c, struct sb *out);
/* "runrate-plan-train.1" into out. */
char *man_file_name(const struct command *c, char *out, size_t size);

/* "bash", "zsh", "fish". 0 or -RR_USAGE for another shell. */
int completion_script(struct str shell, struct sb *out);

#endif
