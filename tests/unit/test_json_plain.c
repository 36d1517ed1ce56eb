/* SPDX-License-Identifier: Apache-2.0
 *
 * The tests of JSON once more, on what a machine without any vector instructions that we use runs.
 */
#include "test_json.c"
