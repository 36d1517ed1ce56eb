/* SPDX-License-Identifier: Apache-2.0
 *
 * runrate: what AI costs, who spends it, and what would cost less. See cmd.h for how commands are made.
 */
#include <signal.h>

#include "cmd/cmd.h"

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of one write, not the end */
	return cmd_main(argc, argv);
}
