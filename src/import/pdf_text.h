/* SPDX-License-Identifier: Apache-2.0
 *
 * See pdf_text.c.
 */
#ifndef RR_IMPORT_PDF_TEXT_H
#define RR_IMPORT_PDF_TEXT_H

#include "base/err.h"
#include "base/str.h"

/* The text of a PDF with its layout (columns are parted by blanks), appended to out, which keeps its limit. */
int pdf_text(const char *path, struct sb *out, struct err *e);

#endif
