/*
 * web_files.c
 *		The files of web/.
 */
#include "postgres.h"

#include "pages/web_files.h"

static const unsigned char page_html[] = {
#include "web/page.html.inc"
	0
};
static const unsigned char page_css[] = {
#include "web/page.css.inc"
	0
};
static const unsigned char page_js[] = {
#include "web/page.js.inc"
	0
};

const char *const web_page_html = (const char *) page_html;
const char *const web_page_css = (const char *) page_css;
const char *const web_page_js = (const char *) page_js;
